"""OAuth 2: discovery, authorization, tokens with rotation by age, revocation, user info.

Tokens are durable: they live beside the books and survive a restart when the sandbox has a log.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from pipelines.sandbox import codec
from pipelines.sandbox.clock import Clock, instant_text, parse_instant
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.quickbooks import consent, identity
from pipelines.sandbox.store import MetaWrite, Store

HOME = "quickbooks"
CLIENT_ID = "ABCrossfootSandboxClientId0123456789abcdefghijklmn"
CLIENT_SECRET = "crossfootSandboxClientSecret0123456789ab"  # noqa: S105
REDIRECT_URI = "http://localhost:8000/callback"
VERIFIER_TOKEN = "6f3b1f0e-5c2a-4c59-9c8e-crossfoot0001"  # noqa: S105
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 8_640_000
HARD_SECONDS = 157_680_000
ROTATION_AGE = timedelta(hours=24)
GRACE = timedelta(minutes=5)
CODE_SECONDS = 600

DISCOVERY = (
    "/.well-known/openid_sandbox_configuration",
    "/.well-known/openid_configuration",
)
AUTHORIZE = "/connect/oauth2"
TOKEN = "/oauth2/v1/tokens/bearer"  # noqa: S105
REVOKE = "/v2/oauth2/tokens/revoke"
USER_INFO = "/v1/openid_connect/userinfo"
KEYS = "/op/v1/jwks"
ISSUER = "/op/v1"
PATHS = frozenset((*DISCOVERY, AUTHORIZE, TOKEN, REVOKE, USER_INFO, KEYS))


@dataclass
class RotationPolicy:
    """How refresh tokens change.

    Attributes:
        every_time: a new value at every refresh; otherwise the first one after `age`.
        age: how old a value may get (Intuit: about 24 hours).
        grace: how long the old value still answers, with its successor.
    """

    every_time: bool = False
    age: timedelta = ROTATION_AGE
    grace: timedelta = GRACE


def rotation_policy(settings: Mapping[str, Any]) -> RotationPolicy:
    """The policy a seed's manifest asks for under `quickbooks_tokens`.

    `rotate_every_time` (false) and `grace_seconds` (300).
    """
    grace = timedelta(seconds=int(settings.get("grace_seconds", GRACE.total_seconds())))
    return RotationPolicy(bool(settings.get("rotate_every_time", False)), ROTATION_AGE, grace)


class OAuth:
    """The token service of all companies of this sandbox."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        companies: Mapping[str, str],
        policy: RotationPolicy | None = None,
    ) -> None:
        """`companies`: names by realm id."""
        self.store = store
        self.clock = clock
        self.companies = companies
        self.realms = list(companies)
        self.policy = policy or RotationPolicy()
        self._preset()

    # ---- what exists from the start

    def _preset(self) -> None:
        """Every company is connected from the start, unless the log knows better."""
        meta = self.store.meta(HOME)
        now = instant_text(self.clock.now())
        for realm in self.realms:
            if f"connected/{realm}" in meta:
                continue
            first = {"realm": realm, "issued": now, "family": now}
            self.store.preset(
                [
                    MetaWrite(HOME, f"connected/{realm}", _seed_token("refresh", realm)),
                    MetaWrite(HOME, f"refresh/{_seed_token('refresh', realm)}", first),
                    MetaWrite(HOME, f"access/{_seed_token('access', realm)}", self._access(realm)),
                ]
            )

    def _access(self, realm: str) -> dict[str, str]:
        expires = self.clock.now() + timedelta(seconds=ACCESS_SECONDS)
        return {"realm": realm, "expires": instant_text(expires)}

    def tokens_of(self, realm: str) -> tuple[str, str]:
        """A company's newest access and refresh token, for connection.json."""
        meta = self.store.meta(HOME)
        refresh = str(meta.get(f"connected/{realm}", ""))
        access = [
            (str(value["expires"]), key.removeprefix("access/"))
            for key, value in meta.items()
            if key.startswith("access/") and value["realm"] == realm
        ]
        return (max(access)[1] if access else ""), refresh

    # ---- checking

    def realm_of_token(self, token: str) -> str | None:
        """The company an access token opens, or None when it is unknown or expired."""
        known = self.store.meta(HOME).get(f"access/{token}")
        if known is None or parse_instant(known["expires"]) <= self.clock.now():
            return None
        return str(known["realm"])

    def expire(self, token: str) -> None:
        """Make an access token worthless."""
        if f"access/{token}" in self.store.meta(HOME):
            self.store.put_meta(HOME, f"access/{token}", None)

    # ---- endpoints

    def answer(self, path: str, request: Request) -> Reply:
        """Answer a call outside the companies' paths."""
        if path in DISCOVERY:
            return _json(200, discovery(request.origin))
        if path == KEYS:
            return _json(200, identity.keys())
        if path == AUTHORIZE:
            return self._authorize(request)
        if path == USER_INFO:
            return self._user_info(request)
        if request.method != "POST":
            return _json(405, {"error": "invalid_request"})
        if not _client_is_known(request):
            return _json(401, {"error": "invalid_client"})
        return self._token(request) if path == TOKEN else self._revoke(request)

    def _authorize(self, request: Request) -> Reply:
        """The consent page, taken as given: back to the app with a code and the company's id."""
        query = request.query
        if query.get("client_id") != CLIENT_ID or "redirect_uri" not in query:
            return _json(400, {"error": "invalid_request"})
        if (page := consent.choosing(request, self.companies)) is not None:
            return page
        code = f"AB1{secrets.token_hex(20)}"
        realm = query.get("realmId") or self.realms[0]
        expires = self.clock.now() + timedelta(seconds=CODE_SECONDS)
        scope = query.get("scope", "")
        granted = {"realm": realm, "expires": instant_text(expires), "scope": scope}
        self.store.put_meta(HOME, f"code/{code}", granted)
        answer = urlencode({"code": code, "state": query.get("state", ""), "realmId": realm})
        joint = "&" if "?" in query["redirect_uri"] else "?"
        return Reply(302, b"", {"Location": f"{query['redirect_uri']}{joint}{answer}"})

    def _user_info(self, request: Request) -> Reply:
        if self.realm_of_token(bearer(request) or "") is None:
            return _json(401, {"error": "invalid_token"})
        return _json(200, dict(identity.PERSON))

    def _token(self, request: Request) -> Reply:
        form = {k: v[0] for k, v in parse_qs(request.body.decode("utf-8", "replace")).items()}
        hard = request.headers.get("x-include-refresh-token-hard-expires-in") == "true"
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""), hard)
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form.get("code", ""), hard, request.origin + ISSUER)
        return _json(400, {"error": "unsupported_grant_type"})

    def _exchange(self, code: str, hard: bool, issuer: str) -> Reply:
        granted = self.store.meta(HOME).get(f"code/{code}")
        if granted is None or parse_instant(granted["expires"]) <= self.clock.now():
            return _invalid_grant("Incorrect or invalid authorization code")
        now = instant_text(self.clock.now())
        self.store.put_meta(HOME, f"code/{code}", None)
        fresh = {"realm": granted["realm"], "issued": now, "family": now}
        extra = {}
        if "openid" in str(granted.get("scope", "")).split():
            moment = int(self.clock.now().timestamp())
            extra["id_token"] = identity.id_token(
                issuer, CLIENT_ID, str(granted["realm"]), moment, ACCESS_SECONDS
            )
        return self._issue(_new_refresh_token(), fresh, hard, extra)

    def _refresh(self, token: str, hard: bool) -> Reply:
        known = self.store.meta(HOME).get(f"refresh/{token}")
        now = self.clock.now()
        if known is None or self._seconds_left(known) <= 0:
            return _invalid_grant("Incorrect or invalid refresh token")
        if "replaced" in known:
            return self._late(known, now, hard)
        old = self.policy.every_time or now - parse_instant(known["issued"]) >= self.policy.age
        if not old:
            return self._issue(token, known, hard)
        value = _new_refresh_token()
        replaced = {**known, "replaced": instant_text(now), "by": value}
        self.store.put_meta(HOME, f"refresh/{token}", replaced)
        return self._issue(value, {**known, "issued": instant_text(now)}, hard)

    def _late(self, known: Mapping[str, Any], now: datetime, hard: bool) -> Reply:
        """A value that has been replaced answers for a short grace, with its successor."""
        successor = self.store.meta(HOME).get(f"refresh/{known['by']}")
        if successor is None or now - parse_instant(known["replaced"]) > self.policy.grace:
            return _invalid_grant("Incorrect or invalid refresh token")
        return self._issue(str(known["by"]), successor, hard)

    def _issue(
        self,
        refresh_token: str,
        known: Mapping[str, Any],
        hard: bool,
        extra: Mapping[str, Any] | None = None,
    ) -> Reply:
        realm = str(known["realm"])
        access = f"eyJ{secrets.token_urlsafe(48)}"
        self.store.commit(
            [
                *self._forgotten(),
                MetaWrite(HOME, f"access/{access}", self._access(realm)),
                MetaWrite(HOME, f"refresh/{refresh_token}", dict(known)),
                MetaWrite(HOME, f"connected/{realm}", refresh_token),
            ]
        )
        answer: dict[str, Any] = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "refresh_token": refresh_token,
            "x_refresh_token_expires_in": self._seconds_left(known),
            **(extra or {}),
        }
        if hard:
            answer["x_refresh_token_hard_expires_in"] = HARD_SECONDS - self._age(known["family"])
        return _json(200, answer)

    def _forgotten(self) -> list[MetaWrite]:
        """Access tokens that have expired are dropped when a new one is made."""
        now = self.clock.now()
        return [
            MetaWrite(HOME, key, None)
            for key, value in self.store.meta(HOME).items()
            if key.startswith("access/") and parse_instant(value["expires"]) <= now
        ]

    def _age(self, since: str) -> int:
        return int((self.clock.now() - parse_instant(since)).total_seconds())

    def _seconds_left(self, known: Mapping[str, Any]) -> int:
        return REFRESH_SECONDS - self._age(str(known["issued"]))

    def _revoke(self, request: Request) -> Reply:
        """Revoking either token disconnects the company (Intuit)."""
        token = _token_to_revoke(request)
        meta = self.store.meta(HOME)
        known = meta.get(f"refresh/{token}") or meta.get(f"access/{token}")
        if known is None:
            return _json(400, {"error": "invalid_request"})
        gone = [
            MetaWrite(HOME, key, None)
            for key, value in meta.items()
            if key.startswith(("refresh/", "access/")) and value["realm"] == known["realm"]
        ]
        self.store.commit([*gone, MetaWrite(HOME, f"connected/{known['realm']}", "")])
        return Reply(200, b"", {"Content-Type": "application/json"})


def discovery(base: str) -> dict[str, Any]:
    """The discovery document, with addresses of the origin it is asked at."""
    return {
        "issuer": f"{base}{ISSUER}",
        "authorization_endpoint": f"{base}{AUTHORIZE}",
        "token_endpoint": f"{base}{TOKEN}",
        "userinfo_endpoint": f"{base}{USER_INFO}",
        "revocation_endpoint": f"{base}{REVOKE}",
        "jwks_uri": f"{base}{KEYS}",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
    }


def bearer(request: Request) -> str | None:
    """The access token of a call."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _client_is_known(request: Request) -> bool:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return given == f"{CLIENT_ID}:{CLIENT_SECRET}"
    form = parse_qs(request.body.decode("utf-8", "replace"))
    return form.get("client_id") == [CLIENT_ID] and form.get("client_secret") == [CLIENT_SECRET]


def _token_to_revoke(request: Request) -> str:
    text = request.body.decode("utf-8", "replace")
    try:
        return str(codec.loads(text)["token"])
    except (ValueError, KeyError, TypeError):
        return parse_qs(text).get("token", [""])[0]


def _seed_token(kind: str, realm: str) -> str:
    digest = hashlib.sha256(f"{kind} of {realm}".encode()).hexdigest()
    return f"eyJ{digest}" if kind == "access" else f"AB11{digest[:46]}"


def _new_refresh_token() -> str:
    return f"AB11{secrets.token_hex(23)}"


def _invalid_grant(description: str) -> Reply:
    return _json(400, {"error": "invalid_grant", "error_description": description})


def _json(status: int, value: Any) -> Reply:
    headers = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store"}
    return Reply(status, codec.dump_bytes(value), headers)
