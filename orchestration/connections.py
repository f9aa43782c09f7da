"""What a connection needs before a person is asked, and what is kept of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.clients.oauth import (
    Answered,
    App,
    Asked,
    quickbooks_app,
    salesforce_app,
    tokens_for,
)
from pipelines.clients.tokens import Tokens, fingerprint, token_file
from pipelines.errors import Unavailable, WrongCompany
from pipelines.setting_salesforce import long_id
from pipelines.settings import Secret, Settings


@dataclass(frozen=True)
class OrgDoor:
    """The app of an org, and the org that it has to be; none where that is not said yet."""

    app: App
    org_id: str


def salesforce_door(settings: Settings) -> OrgDoor:
    """Raises `ConfigurationError` naming what the app lacks."""
    given = settings.salesforce_app
    return OrgDoor(
        salesforce_app(given.domain, given.client_id, given.client_secret, given.base_url),
        given.org_id,
    )


def quickbooks_door(settings: Settings) -> App:
    """Raises `ConfigurationError` naming what the app lacks, `Unavailable`."""
    given = settings.quickbooks_app
    return quickbooks_app(given.discovery_url, given.client_id, given.client_secret, given.base_url)


def keep_org(settings: Settings, door: OrgDoor, asked: Asked, answer: Answered) -> list[str]:
    """Keep the org's token, on the disk before anything else is done with it.

    Returns what to tell, with the settings that are still to be made. Raises `WrongCompany` where
    the person logged in to another org than the configured one: nothing is kept then.
    """
    found = tokens_for(door.app, asked, answer)
    org_id = _org_of(found)
    if door.org_id and door.org_id[:15] != org_id[:15]:
        raise WrongCompany(
            "Salesforce", f"org {org_id}", f"this is not the configured org {door.org_id}",
            "Log in to the right one, or correct CROSSFOOT_SALESFORCE_ORG_ID.",
        )  # fmt: skip
    token_file(settings, f"salesforce-{org_id[:15]}").save(_tokens(found, Secret("")))
    lines = [f"Connected: Salesforce org {org_id}. The token is kept, sealed."]
    return [
        *lines,
        "Settings, if they are not there yet:",
        f"  CROSSFOOT_SALESFORCE_ORG_ID={org_id}",
        "  CROSSFOOT_SALESFORCE_LOGIN=browser",
    ]


def keep_company(settings: Settings, app: App, asked: Asked, answer: Answered) -> list[str]:
    """The same for a company. Raises `Unavailable` where the answer names none."""
    if not answer.realm_id.isdecimal():
        raise Unavailable("QuickBooks", "connection", "the answer names no company", "Begin again.")
    found = tokens_for(app, asked, answer)
    realm = answer.realm_id
    configured = settings.refresh_token_of(realm)
    token_file(settings, f"quickbooks-{realm}").save(_tokens(found, configured))
    return [
        f"Connected: QuickBooks company {realm}. The token is kept, sealed.",
        "Settings, if they are not there yet:",
        f"  CROSSFOOT_QUICKBOOKS_COMPANIES={','.join(_connected(settings))}",
    ]


def _connected(settings: Settings) -> list[str]:
    """Every company that was let in, as the setting has it: with its name where that is told."""
    names = settings.quickbooks_app.names
    files = settings.token_dir.glob("quickbooks-*.json")
    realms = sorted(file.stem.removeprefix("quickbooks-") for file in files)
    return [f"{realm}:{names.get(realm, 'its name')}" for realm in realms]


def _tokens(found: Mapping[str, Any], configured: Secret) -> Tokens:
    """As the keeper of a connection expects them, of the same origin as the settings'."""
    now = datetime.now(UTC)
    rolling = found.get("x_refresh_token_expires_in")
    return Tokens(
        refresh=Secret(str(found["refresh_token"])),
        access=Secret(str(found["access_token"])),
        access_until=now + timedelta(seconds=int(found.get("expires_in", 900))),
        refresh_until=now + timedelta(seconds=int(rolling)) if rolling else None,
        origin=fingerprint(configured),
    )


def _org_of(found: Mapping[str, Any]) -> str:
    """The org in the identity address: https://login.salesforce.com/id/<org>/<user>."""
    parts = str(found.get("id", "")).rstrip("/").split("/")
    if len(parts) < 2 or not parts[-2].startswith("00D") or "refresh_token" not in found:
        raise Unavailable(
            "Salesforce", "connection", "the answer names no org, or holds no refresh token",
            "Add the scope refresh_token to the app, then begin again.",
        )  # fmt: skip
    return long_id(parts[-2])
