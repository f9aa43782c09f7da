"""The only reader of the environment and of `.env`: one frozen object, read once.

Profile `sandbox` (the default) takes both connections from the file that a running sandbox
writes and accepts loopback addresses only; profile `live` takes them from CROSSFOOT_… variables
and accepts the vendors' own https hosts only. Neither can be mistaken for the other.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pipelines.errors import ConfigurationError
from pipelines.setting_names import refuse_unknown

ROOT = Path(__file__).resolve().parents[1]
SALESFORCE_HOSTS = (".salesforce.com", ".salesforce.mil", ".cloudforce.com")
QUICKBOOKS_HOSTS = (".intuit.com",)
S = TypeVar("S")
LoginKind = Literal["client_credentials", "password", "access_token"]
Profile = Literal["sandbox", "live"]


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that shows itself only on `reveal()`: never in a log, a repr or an f-string."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret('***')"

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True)
class SalesforceSettings:
    """How to reach one Salesforce org. `base_url` is set in the sandbox profile only."""

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


@dataclass(frozen=True)
class CompanySettings:
    """One QuickBooks company. The refresh token is the first one; later ones are kept on disk."""

    realm_id: str
    name: str
    refresh_token: Secret


@dataclass(frozen=True)
class QuickBooksSettings:
    """How to reach the QuickBooks companies; all of them behind one app."""

    base_url: str
    discovery_url: str
    client_id: str
    client_secret: Secret
    companies: tuple[CompanySettings, ...]
    pace: bool

    def company(self, realm_id: str) -> CompanySettings:
        """The company with this realm id. Raises `ConfigurationError` for an unknown one."""
        for company in self.companies:
            if company.realm_id == realm_id:
                return company
        known = ", ".join(c.realm_id for c in self.companies) or "none"
        raise ConfigurationError(
            "QuickBooks",
            f"company {realm_id}",
            f"it is not configured (configured: {known})",
            "Add it to CROSSFOOT_QUICKBOOKS_COMPANIES, or correct the routing.",
        )


@dataclass(frozen=True)
class Limits:
    """The most that one plan may do. Amounts are per currency; one that is not named is barred."""

    max_changes: int
    max_amount: Mapping[str, Decimal]
    max_creates_per_flow: int


@dataclass(frozen=True)
class Settings:
    """Everything the program was told from outside."""

    profile: Profile
    data_dir: Path
    warehouse_path: Path
    published_path: Path
    state_url: str = field(repr=False)
    report_dir: Path
    dbt_dir: Path
    limits: Limits
    go_live_on: date | None
    timeout_seconds: int
    _salesforce: SalesforceSettings | ConfigurationError = field(repr=False)
    _quickbooks: QuickBooksSettings | ConfigurationError = field(repr=False)

    @property
    def salesforce(self) -> SalesforceSettings:
        """Raises `ConfigurationError` naming each missing variable when it is not configured."""
        return _configured(self._salesforce)

    @property
    def quickbooks(self) -> QuickBooksSettings:
        """Raises `ConfigurationError` naming each missing variable when it is not configured."""
        return _configured(self._quickbooks)

    @property
    def token_dir(self) -> Path:
        """Where rotated tokens are kept, readable by the owner only."""
        return self.data_dir / "tokens" / self.profile

    def check(self) -> Settings:
        """Return the settings if both systems are configured.

        Raises one `ConfigurationError` that names all that is missing in either.
        """
        missing = [p for p in (self._salesforce, self._quickbooks) if isinstance(p, Exception)]
        if missing:
            raise _joined(missing)
        return self


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `env`, or from the process's environment over `.env`.

    A system that is not configured is reported when it is first asked for (`settings.salesforce`,
    `settings.quickbooks`, `settings.check()`), so that reports and reviews work without it.
    Raises `ConfigurationError` for a value that makes no sense, or a name that is not known.
    """
    values = _Values(_environment() if env is None else env)
    refuse_unknown(values.env)
    profile = values.choice("CROSSFOOT_PROFILE", ("sandbox", "live"), "sandbox")
    # A folder of its own per profile: what was read from a sandbox never meets a real company.
    data_dir = values.path("CROSSFOOT_DATA_DIR", ROOT / "data" / profile)
    salesforce, quickbooks = (
        _sandbox_systems(values, data_dir) if profile == "sandbox" else _live_systems(values)
    )
    return Settings(
        profile="sandbox" if profile == "sandbox" else "live",
        data_dir=data_dir,
        warehouse_path=values.path("CROSSFOOT_WAREHOUSE_PATH", data_dir / "warehouse.duckdb"),
        published_path=values.path(
            "CROSSFOOT_PUBLISHED_PATH", data_dir / "published" / "crossfoot.duckdb"
        ),
        state_url=values.text("CROSSFOOT_STATE_URL", f"sqlite:///{data_dir / 'state.sqlite'}"),
        report_dir=values.path("CROSSFOOT_REPORT_DIR", data_dir / "reports"),
        dbt_dir=values.path("CROSSFOOT_DBT_DIR", ROOT / "dbt_project"),
        limits=_limits(values),
        go_live_on=values.day("CROSSFOOT_GO_LIVE_ON"),
        timeout_seconds=values.number(
            "CROSSFOOT_TIMEOUT_SECONDS", 30 if profile == "sandbox" else 125, least=1
        ),
        _salesforce=salesforce,
        _quickbooks=quickbooks,
    )


def _environment() -> dict[str, str]:
    return {**read_dotenv(ROOT / ".env"), **os.environ}


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a `.env` file; none if there is no file.

    Raises `ConfigurationError` for a line that cannot be read: it may have named the real systems,
    or a limit.
    """
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise _bad_dotenv(path, f"it cannot be read ({type(problem).__name__})") from None
    found = list(parse_stream(StringIO(text)))
    for binding in found:
        if binding.error:
            # The line itself is not shown: it may hold a secret.
            raise _bad_dotenv(path, f"line {binding.original.line} is not NAME=value")
    return {one.key: one.value for one in found if one.key and one.value is not None}


def _bad_dotenv(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError("settings", str(path), problem, "Mend or remove it, then run again.")


@dataclass(frozen=True)
class _Values:
    """Typed access to the variables; an empty one counts as absent."""

    env: Mapping[str, str]

    def text(self, name: str, default: str = "") -> str:
        return self.env.get(name, "").strip() or default

    def secret(self, name: str) -> Secret:
        return Secret(self.text(name))

    def path(self, name: str, default: Path) -> Path:
        given = self.text(name)
        return Path(given).expanduser().absolute() if given else default

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        given = self.text(name, default)
        if given not in allowed:
            raise _senseless(name, given, " or ".join(repr(a) for a in allowed))
        return given

    def number(self, name: str, default: int, least: int = 0) -> int:
        given = self.text(name, str(default))
        if not given.isdecimal() or int(given) < least:
            raise _senseless(name, given, f"a whole number from {least} on, such as {default}")
        return int(given)

    def day(self, name: str) -> date | None:
        given = self.text(name)
        try:
            return date.fromisoformat(given) if given else None
        except ValueError as problem:
            raise _senseless(name, given, "a day such as 2026-10-01") from problem


def _limits(values: _Values) -> Limits:
    return Limits(
        max_changes=values.number("CROSSFOOT_MAX_CHANGES", 2000),
        max_amount=_amounts(values, "CROSSFOOT_MAX_AMOUNT", _MAX_AMOUNT),
        max_creates_per_flow=values.number("CROSSFOOT_MAX_CREATES_PER_FLOW", 200),
    )


_MAX_AMOUNT = "USD=5000000,EUR=2000000,GBP=2000000"


def _amounts(values: _Values, name: str, default: str) -> dict[str, Decimal]:
    """`USD=5000000,EUR=2000000` as amounts per currency."""
    given = values.text(name, default)
    amounts = {}
    for part in given.split(","):
        found = re.fullmatch(r"\s*([A-Z]{3})\s*=\s*(\d+(?:\.\d+)?)\s*", part)
        if not found:
            raise _senseless(name, given, "amounts per currency, such as USD=5000000,EUR=2000000")
        amounts[found[1]] = _decimal(name, found[2])
    return amounts


def _decimal(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as problem:
        raise _senseless(name, text, "an amount") from problem


_Systems = tuple[SalesforceSettings | ConfigurationError, QuickBooksSettings | ConfigurationError]


def _sandbox_systems(values: _Values, data_dir: Path) -> _Systems:
    """Both systems from the connection file that a running sandbox wrote."""
    path = values.path("CROSSFOOT_SANDBOX_CONNECTION", data_dir / "connection.json")
    try:
        connection = json.loads(path.read_text())
        return _sandbox_salesforce(values, connection["salesforce"]), _sandbox_quickbooks(
            values, connection["quickbooks"]
        )
    except FileNotFoundError:
        problem = _no_sandbox(path)
    except (OSError, ValueError, KeyError, TypeError) as cause:
        problem = _bad_connection(path, cause)
    return problem, problem


def _sandbox_salesforce(values: _Values, given: Mapping[str, Any]) -> SalesforceSettings:
    return SalesforceSettings(
        base_url=_loopback(given["base_url"]),
        domain="crossfoot-sandbox.my",
        org_id=given["org_id"],
        api_version=given["api_version"],
        login=_login_kind(values, "client_credentials"),
        username=given["username"],
        password=Secret(given["password"]),
        security_token=Secret(given["security_token"]),
        client_id=given["client_id"],
        client_secret=Secret(given["client_secret"]),
        access_token=Secret(given["access_token"]),
    )


def _sandbox_quickbooks(values: _Values, given: Mapping[str, Any]) -> QuickBooksSettings:
    companies = tuple(
        CompanySettings(_realm(c["realm_id"]), c["name"], Secret(c["refresh_token"]))
        for c in given["companies"]
    )
    return QuickBooksSettings(
        base_url=_loopback(given["base_url"]),
        discovery_url=_loopback(given["discovery_url"]),
        client_id=given["client_id"],
        client_secret=Secret(given["client_secret"]),
        companies=companies,
        pace=values.choice("CROSSFOOT_PACE", ("on", "off"), "off") == "on",
    )


_LIVE_QUICKBOOKS = {
    "CROSSFOOT_QUICKBOOKS_CLIENT_ID": "the QuickBooks app",
    "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET": "the QuickBooks app",
    "CROSSFOOT_QUICKBOOKS_COMPANIES": "the QuickBooks companies, as realm id:name, by comma",
}
_LIVE_SALESFORCE = {
    "CROSSFOOT_SALESFORCE_ORG_ID": "the guard against the wrong Salesforce org",
    "CROSSFOOT_SALESFORCE_DOMAIN": "the Salesforce log-in (My Domain, such as acme.my)",
}
_LOGIN_NEEDS: Mapping[str, tuple[str, ...]] = {
    "client_credentials": (
        "CROSSFOOT_SALESFORCE_CLIENT_ID", "CROSSFOOT_SALESFORCE_CLIENT_SECRET",
    ),
    "password": (
        "CROSSFOOT_SALESFORCE_USERNAME", "CROSSFOOT_SALESFORCE_PASSWORD",
        "CROSSFOOT_SALESFORCE_SECURITY_TOKEN",
    ),
    "access_token": ("CROSSFOOT_SALESFORCE_ACCESS_TOKEN",),
}  # fmt: skip


def _live_systems(values: _Values) -> _Systems:
    return _or_problem(_live_salesforce, values), _or_problem(_live_quickbooks, values)


def _live_salesforce(values: _Values) -> SalesforceSettings:
    login = _login_kind(values, _guess_login(values))
    needed = dict.fromkeys(_LOGIN_NEEDS[login], f"the Salesforce log-in by {login}")
    _require(values, "Salesforce", _LIVE_SALESFORCE | needed)
    domain = values.text("CROSSFOOT_SALESFORCE_DOMAIN")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", domain):
        raise _senseless("CROSSFOOT_SALESFORCE_DOMAIN", domain, "a My Domain such as acme.my")
    return SalesforceSettings(
        base_url=None,
        domain=domain.removesuffix(".salesforce.com"),
        org_id=values.text("CROSSFOOT_SALESFORCE_ORG_ID"),
        api_version=values.text("CROSSFOOT_SALESFORCE_API_VERSION", "68.0"),
        login=login,
        username=values.text("CROSSFOOT_SALESFORCE_USERNAME"),
        password=values.secret("CROSSFOOT_SALESFORCE_PASSWORD"),
        security_token=values.secret("CROSSFOOT_SALESFORCE_SECURITY_TOKEN"),
        client_id=values.text("CROSSFOOT_SALESFORCE_CLIENT_ID"),
        client_secret=values.secret("CROSSFOOT_SALESFORCE_CLIENT_SECRET"),
        access_token=values.secret("CROSSFOOT_SALESFORCE_ACCESS_TOKEN"),
    )


def _live_quickbooks(values: _Values) -> QuickBooksSettings:
    _require(values, "QuickBooks", _LIVE_QUICKBOOKS)
    companies = _live_companies(values)
    tokens = {
        f"CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_{realm}": f"the connection to {name}"
        for realm, name in companies
    }
    _require(values, "QuickBooks", tokens)
    return QuickBooksSettings(
        base_url=_vendor(
            "CROSSFOOT_QUICKBOOKS_BASE_URL",
            values.text("CROSSFOOT_QUICKBOOKS_BASE_URL", "https://quickbooks.api.intuit.com"),
            QUICKBOOKS_HOSTS,
        ),
        discovery_url=_vendor(
            "CROSSFOOT_QUICKBOOKS_DISCOVERY_URL",
            values.text("CROSSFOOT_QUICKBOOKS_DISCOVERY_URL", _INTUIT_DISCOVERY),
            QUICKBOOKS_HOSTS,
        ),
        client_id=values.text("CROSSFOOT_QUICKBOOKS_CLIENT_ID"),
        client_secret=values.secret("CROSSFOOT_QUICKBOOKS_CLIENT_SECRET"),
        companies=tuple(
            CompanySettings(
                realm, name, values.secret(f"CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_{realm}")
            )
            for realm, name in companies
        ),
        pace=values.choice("CROSSFOOT_PACE", ("on", "off"), "on") == "on",
    )


_INTUIT_DISCOVERY = "https://developer.intuit.com/.well-known/openid_configuration/"


def _live_companies(values: _Values) -> list[tuple[str, str]]:
    name = "CROSSFOOT_QUICKBOOKS_COMPANIES"
    companies: list[tuple[str, str]] = []
    for part in values.text(name).split(","):
        realm, _, label = part.strip().partition(":")
        if not realm.isdecimal():
            raise _senseless(name, part, "realm id:name, such as 9341450000000001:Acme Inc")
        if realm in dict(companies):
            raise _senseless(name, part, "each company once")
        companies.append((realm, label.strip() or realm))
    return companies


def _guess_login(values: _Values) -> LoginKind:
    """The kind whose variables are there; of incomplete ones, that of which most is there."""
    missing = {k: [n for n in names if not values.text(n)] for k, names in _LOGIN_NEEDS.items()}
    begun = {k: len(m) for k, m in missing.items() if len(m) < len(_LOGIN_NEEDS[k])}
    return _as_login(min(begun, key=lambda kind: begun[kind], default="client_credentials"))


def _login_kind(values: _Values, default: LoginKind) -> LoginKind:
    return _as_login(values.choice("CROSSFOOT_SALESFORCE_LOGIN", tuple(_LOGIN_NEEDS), default))


def _as_login(kind: str) -> LoginKind:
    if kind == "password":
        return "password"
    return "access_token" if kind == "access_token" else "client_credentials"


def _or_problem(read: Callable[[_Values], S], values: _Values) -> S | ConfigurationError:
    try:
        return read(values)
    except ConfigurationError as problem:
        return problem


def _require(values: _Values, system: str, needed: Mapping[str, str]) -> None:
    missing = [f"{name} (for {use})" for name, use in needed.items() if not values.text(name)]
    if missing:
        raise ConfigurationError(
            system,
            "settings",
            f"missing {', '.join(missing)}",
            "Set them in the environment or in .env, or use CROSSFOOT_PROFILE=sandbox.",
        )


def _configured(part: S | ConfigurationError) -> S:
    if isinstance(part, ConfigurationError):
        raise part
    return part


def _joined(problems: list[Any]) -> ConfigurationError:
    unique = list(dict.fromkeys(str(p) for p in problems))
    if len(unique) == 1 and isinstance(problems[0], ConfigurationError):
        return problems[0]
    return ConfigurationError(
        " and ".join(p.system for p in problems),
        "settings",
        "; ".join(p.problem for p in problems),
        problems[0].next_step,
    )


def _loopback(url: str) -> str:
    """The address unchanged if it is on this machine: the sandbox is nowhere else."""
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise ConfigurationError(
            "sandbox",
            url,
            "the sandbox profile talks to this machine only",
            "Use a loopback address, or CROSSFOOT_PROFILE=live for the vendors.",
        )
    return url.rstrip("/") if "well-known" not in url else url


def is_loopback(host: str) -> bool:
    """Is the host name or address this machine's own?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_vendor(url: str, hosts: tuple[str, ...]) -> bool:
    """Is it an https address, without user or odd port, on one of the vendor's own domains?"""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    plain = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    return plain and host.endswith(hosts)


def _vendor(name: str, url: str, hosts: tuple[str, ...]) -> str:
    if not is_vendor(url, hosts):
        raise _senseless(name, url, f"an https address ending in {' or '.join(hosts)}")
    return url.rstrip("/") if "well-known" not in url else url


def _realm(realm_id: str) -> str:
    if not str(realm_id).isdecimal():
        raise ValueError(f"a realm id is a string of digits, not {realm_id!r}")
    return realm_id


def _senseless(name: str, given: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(
        "settings", name, f"{given!r} makes no sense here; it wants {wanted}", "Correct the value."
    )


def _no_sandbox(path: Path) -> ConfigurationError:
    return ConfigurationError(
        "sandbox",
        str(path),
        "no sandbox is running: this file does not exist",
        "Start one with `crossfoot sandbox`, or set CROSSFOOT_PROFILE=live and the CROSSFOOT_… "
        "variables of your own systems.",
    )


def _bad_connection(path: Path, cause: Exception) -> ConfigurationError:
    detail = f"no {cause}" if isinstance(cause, KeyError) else type(cause).__name__
    return ConfigurationError(
        "sandbox",
        str(path),
        f"the connection file cannot be read ({detail})",
        "Delete it and start the sandbox again.",
    )
