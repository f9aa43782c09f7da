"""How to reach the Salesforce orgs. The first one is read and written to, the others are read.

One org is named by CROSSFOOT_SALESFORCE_ORG_ID, several by CROSSFOOT_SALESFORCE_ORGS as org
id:name, by comma. Of several, each has variables of its own that end in _ and its id as it stands
there; the first org may also use the plain names, so that adding a second one changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pipelines.errors import ConfigurationError
from pipelines.setting_values import Secret, Values, loopback, require, senseless

SALESFORCE_HOSTS = (".salesforce.com", ".salesforce.mil", ".cloudforce.com")
ORGS = "CROSSFOOT_SALESFORCE_ORGS"
# The object of its own that Crossfoot keeps in an org, where the settings ask for it.
INVOICE_OBJECT = "QBO_Invoice__c"
ORG_ID = "CROSSFOOT_SALESFORCE_ORG_ID"
LoginKind = Literal["client_credentials", "password", "access_token", "jwt", "browser"]
_LOGIN_NEEDS: Mapping[str, tuple[str, ...]] = {
    "client_credentials": (
        "CROSSFOOT_SALESFORCE_CLIENT_ID", "CROSSFOOT_SALESFORCE_CLIENT_SECRET",
    ),
    "password": (
        "CROSSFOOT_SALESFORCE_USERNAME", "CROSSFOOT_SALESFORCE_PASSWORD",
        "CROSSFOOT_SALESFORCE_SECURITY_TOKEN",
    ),
    "access_token": ("CROSSFOOT_SALESFORCE_ACCESS_TOKEN",),
    "jwt": (
        "CROSSFOOT_SALESFORCE_CLIENT_ID", "CROSSFOOT_SALESFORCE_USERNAME",
        "CROSSFOOT_SALESFORCE_PRIVATE_KEY_FILE",
    ),
    # The token that `crossfoot connect salesforce` has kept; never guessed.
    "browser": ("CROSSFOOT_SALESFORCE_CLIENT_ID",),
}  # fmt: skip
# The My Domain of an org that a sandbox serves.
SANDBOX_DOMAIN = "crossfoot-sandbox.my"
# The last three characters of a long id say which of the others are capitals, five in each.
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class SalesforceSettings:
    """How to reach one Salesforce org. `base_url` is set where a sandbox serves it."""

    base_url: str | None
    domain: str
    org_id: str
    api_version: str
    login: LoginKind
    username: str
    password: Secret
    security_token: Secret
    client_id: str
    client_secret: Secret
    access_token: Secret
    name: str = ""
    # Of a log-in by JWT: the app's private key as PEM.
    private_key_file: Path | None = None


@dataclass(frozen=True)
class SalesforceApp:
    """The app that a person lets into an org; `org_id` is empty where it is not said yet."""

    base_url: str | None
    domain: str
    org_id: str
    client_id: str
    client_secret: Secret


@dataclass(frozen=True)
class _Named:
    """The variables of one org: its own, or the plain ones where it may use them."""

    values: Values
    ending: str
    falls_back: bool

    def name(self, plain: str) -> str:
        """The variable that holds this value, or the one that should."""
        own = f"{plain}{self.ending}"
        return plain if self.falls_back and not self.values.text(own) else own

    def text(self, plain: str, default: str = "") -> str:
        return self.values.text(self.name(plain), default)

    def secret(self, plain: str) -> Secret:
        return self.values.secret(self.name(plain))


def sandbox_salesforce(values: Values, given: Mapping[str, Any]) -> SalesforceSettings:
    """The org that a running sandbox serves, from its connection file."""
    return SalesforceSettings(
        base_url=loopback(given["base_url"]),
        domain=SANDBOX_DOMAIN,
        org_id=given["org_id"],
        api_version=given["api_version"],
        login=_login_kind(_Named(values, "", False), "client_credentials"),
        username=given["username"],
        password=Secret(given["password"]),
        security_token=Secret(given["security_token"]),
        client_id=given["client_id"],
        client_secret=Secret(given["client_secret"]),
        access_token=Secret(given["access_token"]),
        name=str(given.get("name") or "sandbox org"),
    )


def live_salesforce_app(values: Values) -> SalesforceApp:
    """The app, for which less is needed than for a log-in. Raises `ConfigurationError`."""
    named = _Named(values, "", False)
    needed = {
        "CROSSFOOT_SALESFORCE_DOMAIN": "the Salesforce log-in (My Domain, such as acme.my)",
        "CROSSFOOT_SALESFORCE_CLIENT_ID": "the app that is let in",
    }
    require(values, "Salesforce", needed)
    org_id = values.text(ORG_ID)
    return SalesforceApp(
        base_url=None,
        domain=_domain(named),
        org_id=_org_id(org_id) if org_id else "",
        client_id=values.text("CROSSFOOT_SALESFORCE_CLIENT_ID"),
        client_secret=values.secret("CROSSFOOT_SALESFORCE_CLIENT_SECRET"),
    )


def app_of(org: SalesforceSettings) -> SalesforceApp:
    """The app of an org that is configured."""
    return SalesforceApp(org.base_url, org.domain, org.org_id, org.client_id, org.client_secret)


def live_salesforce(values: Values) -> tuple[SalesforceSettings, ...]:
    """The configured orgs, the one that is written to first.

    Raises `ConfigurationError` naming all that is missing, or an org that is named twice.
    """
    if not values.text(ORGS):
        return (_live_org(_Named(values, "", False), values.text(ORG_ID), ""),)
    listed = _listed(values)
    _refuse_another_first(values, listed[0][0])
    orgs = [
        _live_org(_Named(values, f"_{org_id}", number == 0), org_id, name)
        for number, (org_id, name) in enumerate(listed)
    ]
    return distinct(orgs)


def distinct(orgs: list[SalesforceSettings]) -> tuple[SalesforceSettings, ...]:
    """The orgs unchanged. Raises `ConfigurationError` when two have the same id: the rows of one
    would be taken for those of the other."""
    seen: dict[str, str] = {}
    for org in orgs:
        if org.org_id[:15] in seen:
            raise ConfigurationError(
                "Salesforce", f"org {org.org_id}", "it is named twice", "Name each org once."
            )
        seen[org.org_id[:15]] = org.name
    return tuple(orgs)


def long_id(org_id: str) -> str:
    """The 18 characters of an id of 15 or 18, so that either form names the same org."""
    first = org_id[:15]
    parts = [first[start : start + 5] for start in (0, 5, 10)]
    capitals = [sum(c.isupper() << place for place, c in enumerate(part)) for part in parts]
    return first + "".join(_CHECKSUM[value] for value in capitals)


def _live_org(named: _Named, org_id: str, name: str) -> SalesforceSettings:
    login = _login_kind(named, _guess_login(named))
    guard = {} if org_id else {ORG_ID: "the guard against the wrong Salesforce org"}
    needed = {
        **guard,
        named.name("CROSSFOOT_SALESFORCE_DOMAIN"): "the Salesforce log-in (My Domain, such as "
        "acme.my)",
        **{named.name(plain): f"the Salesforce log-in by {login}" for plain in _LOGIN_NEEDS[login]},
    }
    require(named.values, "Salesforce", needed)
    return SalesforceSettings(
        base_url=None,
        domain=_domain(named),
        org_id=_org_id(org_id),
        api_version=_everywhere(named, "CROSSFOOT_SALESFORCE_API_VERSION", "68.0"),
        login=login,
        username=named.text("CROSSFOOT_SALESFORCE_USERNAME"),
        password=named.secret("CROSSFOOT_SALESFORCE_PASSWORD"),
        security_token=named.secret("CROSSFOOT_SALESFORCE_SECURITY_TOKEN"),
        client_id=named.text("CROSSFOOT_SALESFORCE_CLIENT_ID"),
        client_secret=named.secret("CROSSFOOT_SALESFORCE_CLIENT_SECRET"),
        access_token=named.secret("CROSSFOOT_SALESFORCE_ACCESS_TOKEN"),
        name=name or org_id,
        private_key_file=_key_file(named) if login == "jwt" else None,
    )


def _key_file(named: _Named) -> Path:
    name = "CROSSFOOT_SALESFORCE_PRIVATE_KEY_FILE"
    path = Path(named.text(name)).expanduser().absolute()
    if not path.is_file():
        raise senseless(name, str(path), "a file with the private key of the app, as PEM")
    return path


def _org_id(text: str) -> str:
    if not re.fullmatch(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?", text):
        raise senseless(ORG_ID, text, "an org id such as 00D5g000004AbcdEAC")
    return long_id(text)


def _domain(named: _Named) -> str:
    domain = named.text("CROSSFOOT_SALESFORCE_DOMAIN")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", domain):
        raise senseless("CROSSFOOT_SALESFORCE_DOMAIN", domain, "a My Domain such as acme.my")
    return domain.removesuffix(".salesforce.com")


def _listed(values: Values) -> list[tuple[str, str]]:
    """Ids, as they stand there, and names."""
    found = []
    for part in values.text(ORGS).split(","):
        org_id, _, label = part.strip().partition(":")
        if not re.fullmatch(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?", org_id):
            raise senseless(ORGS, part, "org id:name, such as 00D5g000004AbcdEAC:Acme")
        found.append((org_id, label.strip() or org_id))
    return found


def _refuse_another_first(values: Values, first: str) -> None:
    """Both settings at once may not disagree about the org that is written to."""
    other = values.text(ORG_ID)
    if other and other[:15] != first[:15]:
        raise ConfigurationError(
            "Salesforce",
            "settings",
            f"{ORG_ID} says {other}, and the first of {ORGS} is {first}",
            f"The first of {ORGS} is the org that is written to: unset {ORG_ID}, or put it first.",
        )


def _everywhere(named: _Named, plain: str, default: str) -> str:
    """What is the same for every org unless it says otherwise."""
    return named.text(plain) or named.values.text(plain, default)


def _guess_login(named: _Named) -> LoginKind:
    """The kind whose variables are there; of incomplete ones, that of which most is there."""
    missing = {k: [n for n in names if not named.text(n)] for k, names in _LOGIN_NEEDS.items()}
    begun = {
        k: len(m)
        for k, m in missing.items()
        if len(m) < len(_LOGIN_NEEDS[k]) and _is_guessed(k, named)
    }
    return _as_login(min(begun, key=lambda kind: begun[kind], default="client_credentials"))


def _is_guessed(kind: str, named: _Named) -> bool:
    """A key file means a log-in by JWT; the browser's is only ever chosen by name."""
    has_key = bool(named.text("CROSSFOOT_SALESFORCE_PRIVATE_KEY_FILE"))
    return kind == "jwt" if has_key else kind not in ("jwt", "browser")


def _login_kind(named: _Named, default: LoginKind) -> LoginKind:
    name = named.name("CROSSFOOT_SALESFORCE_LOGIN")
    return _as_login(named.values.choice(name, tuple(_LOGIN_NEEDS), default))


def _as_login(kind: str) -> LoginKind:
    for known in get_args(LoginKind):
        if kind == known:
            return cast(LoginKind, known)
    return "client_credentials"
