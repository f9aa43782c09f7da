"""How to reach the QuickBooks companies: all of them behind one app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigurationError
from pipelines.setting_values import Secret, Values, loopback, require, senseless, vendor

QUICKBOOKS_HOSTS = (".intuit.com",)
_INTUIT_DISCOVERY = "https://developer.intuit.com/.well-known/openid_configuration/"
_NEEDED = {
    "CROSSFOOT_QUICKBOOKS_CLIENT_ID": "the QuickBooks app",
    "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET": "the QuickBooks app",
    "CROSSFOOT_QUICKBOOKS_COMPANIES": "the QuickBooks companies, as realm id:name, by comma",
}


@dataclass(frozen=True)
class CompanySettings:
    """One QuickBooks company. The refresh token is the first one; later ones are kept on disk."""

    realm_id: str
    name: str
    refresh_token: Secret


@dataclass(frozen=True)
class QuickBooksApp:
    """The app that a person lets into companies, and the names by realm id of those that the
    settings list. `base_url` is set for a sandbox only."""

    base_url: str | None
    discovery_url: str
    client_id: str
    client_secret: Secret
    names: Mapping[str, str] = field(default_factory=dict)


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


def sandbox_quickbooks(values: Values, given: Mapping[str, Any]) -> QuickBooksSettings:
    """The companies that a running sandbox serves, from its connection file."""
    companies = tuple(
        CompanySettings(_realm(c["realm_id"]), c["name"], Secret(c["refresh_token"]))
        for c in given["companies"]
    )
    return QuickBooksSettings(
        base_url=loopback(given["base_url"]),
        discovery_url=loopback(given["discovery_url"]),
        client_id=given["client_id"],
        client_secret=Secret(given["client_secret"]),
        companies=companies,
        pace=values.choice("CROSSFOOT_PACE", ("on", "off"), "off") == "on",
    )


def live_quickbooks_app(values: Values) -> QuickBooksApp:
    """The app, for which no company is needed yet. Raises `ConfigurationError`."""
    names = ("CROSSFOOT_QUICKBOOKS_CLIENT_ID", "CROSSFOOT_QUICKBOOKS_CLIENT_SECRET")
    require(values, "QuickBooks", {name: _NEEDED[name] for name in names})
    return QuickBooksApp(
        base_url=None,
        discovery_url=_discovery(values),
        client_id=values.text(names[0]),
        client_secret=values.secret(names[1]),
        names=dict(_companies(values)),
    )


def live_quickbooks(values: Values, token_dir: Path) -> QuickBooksSettings:
    """The configured companies. One that was connected here needs no token in the settings.

    Raises `ConfigurationError` naming all that is missing.
    """
    require(values, "QuickBooks", _NEEDED)
    companies = _companies(values)
    tokens = {
        f"CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_{realm}": f"the connection to {name}, which "
        "`crossfoot connect quickbooks` makes"
        for realm, name in companies
        if not (token_dir / f"quickbooks-{realm}.json").exists()
    }
    require(values, "QuickBooks", tokens)
    return QuickBooksSettings(
        base_url=vendor(
            "CROSSFOOT_QUICKBOOKS_BASE_URL",
            values.text("CROSSFOOT_QUICKBOOKS_BASE_URL", "https://quickbooks.api.intuit.com"),
            QUICKBOOKS_HOSTS,
        ),
        discovery_url=_discovery(values),
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


def _discovery(values: Values) -> str:
    name = "CROSSFOOT_QUICKBOOKS_DISCOVERY_URL"
    return vendor(name, values.text(name, _INTUIT_DISCOVERY), QUICKBOOKS_HOSTS)


def _companies(values: Values) -> list[tuple[str, str]]:
    name = "CROSSFOOT_QUICKBOOKS_COMPANIES"
    companies: list[tuple[str, str]] = []
    for part in filter(None, values.text(name).split(",")):
        realm, _, label = part.strip().partition(":")
        if not realm.isdecimal():
            raise senseless(name, part, "realm id:name, such as 9341450000000001:Acme Inc")
        if realm in dict(companies):
            raise senseless(name, part, "each company once")
        companies.append((realm, label.strip() or realm))
    return companies


def _realm(realm_id: str) -> str:
    if not str(realm_id).isdecimal():
        raise ValueError(f"a realm id is a string of digits, not {realm_id!r}")
    return realm_id
