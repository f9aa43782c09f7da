"""A person's consent in a browser, turned into tokens: the authorization code flow of both vendors.

QuickBooks: app authorization by OAuth 2.0, with the company's realm id in the answer (Intuit, "Set
up OAuth 2.0"). Salesforce: web server flow with PKCE, as for an app that cannot keep a secret
(Salesforce Help, "OAuth 2.0 Web Server Flow"). A code is used once, and never shown.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from pipelines.clients.recording import Kind
from pipelines.clients.redaction import excerpt
from pipelines.clients.tokens import GrantRefused
from pipelines.clients.transport import Reach, VendorSession, json_object
from pipelines.errors import CredentialsRefused, Unavailable
from pipelines.settings import QUICKBOOKS_HOSTS, SALESFORCE_HOSTS, Secret, is_loopback

QUICKBOOKS_SCOPE = "com.intuit.quickbooks.accounting"
SALESFORCE_SCOPE = "api refresh_token"


@dataclass(frozen=True)
class App:
    """The app that a person lets in. `base_url` is set for a sandbox only."""

    system: str
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: Secret
    scope: str
    base_url: str | None = None


@dataclass(frozen=True)
class Asked:
    """One question to a person: what the answer has to bring back, and what proves who asked."""

    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's hash (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Answered:
    """What the browser brought back."""

    code: Secret
    realm_id: str


def salesforce_app(
    domain: str, client_id: str, client_secret: Secret, base_url: str | None = None
) -> App:
    """The app of an org's My Domain; of a sandbox at its own address, where a browser can go."""
    root = f"{base_url or f'https://{domain}.salesforce.com'}/services/oauth2"
    return App(
        "Salesforce", f"{root}/authorize", f"{root}/token", client_id, client_secret,
        SALESFORCE_SCOPE, base_url,
    )  # fmt: skip


def quickbooks_app(
    discovery_url: str, client_id: str, client_secret: Secret, base_url: str | None = None
) -> App:
    """The app, with the addresses that Intuit's discovery document names. Raises `Unavailable`."""
    bare = App("QuickBooks", "", "", client_id, client_secret, QUICKBOOKS_SCOPE, base_url)
    told = json_object(session_of(bare).get(discovery_url))
    places = told.get("authorization_endpoint"), told.get("token_endpoint")
    if not all(isinstance(place, str) for place in places):
        raise Unavailable("QuickBooks", "discovery document", "it does not name the endpoints")
    return App(
        "QuickBooks", str(places[0]), str(places[1]), client_id, client_secret, QUICKBOOKS_SCOPE,
        base_url,
    )  # fmt: skip


def session_of(app: App) -> VendorSession:
    """A session for the vendor's own hosts, that shows nobody the app's secret."""
    hosts = QUICKBOOKS_HOSTS if app.system == "QuickBooks" else SALESFORCE_HOSTS
    session = VendorSession(
        Reach(app.system, app.base_url, hosts), kind_of=lambda *_: "token", examine=_examine
    )
    session.hide(app.client_secret)
    return session


def consent_url(app: App, asked: Asked) -> str:
    """Where the person says yes."""
    given = {
        "client_id": app.client_id,
        "response_type": "code",
        "scope": app.scope,
        "redirect_uri": asked.redirect_uri,
        "state": asked.state,
    }
    if app.system == "Salesforce":
        given |= {"code_challenge": asked.challenge, "code_challenge_method": "S256"}
    return f"{app.authorize_url}?{urlencode(given)}"


def answered(app: App, asked: Asked, address: str) -> Answered:
    """What the address that the browser was sent back to says.

    Raises `CredentialsRefused` where the person or the vendor said no, or the answer is not one to
    this question.
    """
    given = {name: values[0] for name, values in parse_qs(urlsplit(address.strip()).query).items()}
    if not hmac.compare_digest(given.get("state", ""), asked.state):
        raise CredentialsRefused(
            app.system, "connection", "the answer does not belong to this question",
            "Begin again, and let the browser come back from the page that is shown then.",
        )  # fmt: skip
    if "code" not in given:
        words = excerpt(given.get("error_description") or given.get("error") or "no reason given")
        raise CredentialsRefused(
            app.system, "connection", f"it was refused: {words}", "Begin again, and say yes."
        )
    return Answered(Secret(given["code"]), given.get("realmId", ""))


def tokens_for(app: App, asked: Asked, answer: Answered) -> Mapping[str, Any]:
    """The vendor's tokens for a code: the code is worthless afterwards.

    Raises `CredentialsRefused` with the vendor's word, `Unavailable`.
    """
    form = {
        "grant_type": "authorization_code",
        "code": answer.code.reveal(),
        "redirect_uri": asked.redirect_uri,
    }
    if app.system == "Salesforce":
        form["code_verifier"] = asked.verifier
    try:
        return granted(session_of(app), app, form)
    except GrantRefused:
        raise CredentialsRefused(
            app.system, "connection", "the code is not accepted: it was used, or is too old",
            "Begin again; a code holds for a few minutes.",
        ) from None  # fmt: skip


def granted(session: VendorSession, app: App, form: Mapping[str, str]) -> Mapping[str, Any]:
    """One call to the token endpoint, whose answer is hidden from every text of the session.

    Raises `GrantRefused` for what is not accepted (any more), `CredentialsRefused` where the app
    itself is refused, `Unavailable` for an answer that is none.
    """
    session.hide(*(form.get(name, "") for name in ("code", "refresh_token", "code_verifier")))
    body = dict(form)
    headers = {"Accept": "application/json"}
    if app.system == "QuickBooks":
        pair = f"{app.client_id}:{app.client_secret.reveal()}"
        encoded = base64.b64encode(pair.encode()).decode()
        session.hide(encoded)
        headers["Authorization"] = f"Basic {encoded}"
        headers["x-include-refresh-token-hard-expires-in"] = "true"
    else:
        body["client_id"] = app.client_id
        if app.client_secret:
            body["client_secret"] = app.client_secret.reveal()
    response = session.post(app.token_url, data=body, headers=headers)
    found = json_object(response)
    session.hide(str(found.get("access_token", "")), str(found.get("refresh_token", "")))
    if response.status_code == 200 and "access_token" in found:
        return found
    if found.get("error") == "invalid_grant":
        raise GrantRefused
    if response.status_code < 500 and found.get("error"):
        raise CredentialsRefused(
            app.system, "app", f"the token endpoint says {excerpt(str(found['error']))}",
            f"Check client id and client secret of the {app.system} app.",
        )  # fmt: skip
    raise Unavailable(
        app.system, "token endpoint", f"it answered {response.status_code} without a token"
    )


def _examine(response: requests.Response, _kind: Kind) -> None:
    """Nothing: what the answer means is read from it."""


def is_local(address: str) -> bool:
    """Does the browser come back to this machine?"""
    return is_loopback(urlsplit(address).hostname or "")
