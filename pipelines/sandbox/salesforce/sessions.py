"""Who may call: the org's app, its users' passwords, and the tokens that were given out.

Sources: OAuth help pages; session settings ("timeout … resets once half of it has passed").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pipelines.sandbox.kernel import Request, Sandbox
from pipelines.sandbox.salesforce import app_key, ids
from pipelines.sandbox.store import Record

LIFETIME = timedelta(hours=2)
CODE_LIFETIME = timedelta(minutes=15)
PASSWORDS = "passwords"
APP_KEY = "app_key"


@dataclass(frozen=True)
class Session:
    """One access token's: whose it is, since when, and when its time began anew."""

    user_id: str
    issued: datetime
    since: datetime
    scope: str = "api refresh_token"


@dataclass(frozen=True)
class Code:
    """An authorization code, or a device's: for whom, and what must be shown with it."""

    user_id: str
    issued: datetime
    client_id: str
    redirect_uri: str = ""
    challenge: str = ""
    scope: str = ""


class Sessions:
    """The org's app, its users, and the tokens given out."""

    def __init__(self, kernel: Sandbox, org_id: str, user: Mapping[str, Any]) -> None:
        self._kernel = kernel
        self.org_id = org_id
        self.username = str(user.get("Username", "integration@crossfoot.example"))
        self.user_id = str(user["Id"])
        self.password = _word(org_id, "password")
        self.security_token = _word(org_id, "security token")
        self.client_id = "3MVG9" + _word(org_id, "client id", 60)
        self.client_secret = _word(org_id, "client secret", 64).upper()
        self.refresh_token = "5Aep861" + _word(org_id, "refresh token", 60)
        self.rotates = bool(kernel.manifest.get("salesforce", {}).get("rotate_refresh_tokens"))
        self.codes: dict[str, Code] = {}
        self._given: dict[str, Session] = {}
        self._refreshes: dict[str, str] = {self.refresh_token: self.user_id}
        self._count = 0
        self.first_token = self.issue(self.user_id)

    # ---- the app's key

    @property
    def private_key(self) -> str:
        """The key a client signs assertions with; kept over a restart where writes are kept."""
        kept = self._kernel.store.meta(self.org_id).get(APP_KEY)
        if kept is None:
            kept = app_key.new_key()
            self._kernel.store.put_meta(self.org_id, APP_KEY, kept)
        return str(kept)

    # ---- users

    def user(self, user_id: str) -> Record:
        """A user's record."""
        return self._kernel.store.table(self.org_id, "User").get(user_id) or {}

    def is_active(self, user_id: str) -> bool:
        """Whether a user may work: the record says so, or says nothing."""
        return bool(self.user(user_id)) and self.user(user_id).get("IsActive") is not False

    def named(self, username: str | None) -> str | None:
        """The id of the user of that name, in any case."""
        wanted = (username or "").lower()
        return next((str(u["Id"]) for u in self._users() if _name(u) == wanted), None)

    def _users(self) -> Iterable[Record]:
        return self._kernel.store.table(self.org_id, "User")

    def with_password(self, username: str | None, password: str | None) -> str | None:
        """The id of the active user who logs in so; the security token may follow the password."""
        user_id = self.named(username)
        own = self._password_of(user_id) if user_id else None
        if user_id is None or own is None or not self.is_active(user_id):
            return None
        return user_id if password in (own, own + self.security_token) else None

    def _password_of(self, user_id: str) -> str | None:
        given = self._kernel.store.meta(self.org_id).get(PASSWORDS) or {}
        if user_id in given:
            return str(given[user_id])
        return self.password if user_id == self.user_id else self._seeded_password(user_id)

    def _seeded_password(self, user_id: str) -> str | None:
        """What the seed's manifest gives: `"users": [{"username": …, "password": …}]`."""
        listed = self._kernel.manifest.get("salesforce", {}).get("users") or ()
        name = _name(self.user(user_id))
        return next((str(u["password"]) for u in listed if u["username"].lower() == name), None)

    def set_password(self, user_id: str, password: str) -> None:
        """Give a user a password."""
        given = dict(self._kernel.store.meta(self.org_id).get(PASSWORDS) or {})
        self._kernel.store.put_meta(self.org_id, PASSWORDS, {**given, user_id: password})

    # ---- access tokens

    def issue(self, user_id: str, scope: str = "api refresh_token") -> str:
        """A new access token, good for two hours of sandbox time since its last use."""
        token = f"{self.org_id[:15]}!AQ{self._next('token', 90)}"
        now = self._kernel.clock.now()
        self._given[token] = Session(user_id, now, now, scope)
        return token

    def session(self, token: str) -> Session | None:
        """The session of a token that was given out, has not expired, and whose user is active."""
        found, now = self._given.get(token), self._kernel.clock.now()
        if found is None or now - found.since >= LIFETIME or not self.is_active(found.user_id):
            return None
        return found

    def use(self, token: str) -> Session | None:
        """The same, for a call: its time begins anew once half of it has passed."""
        found, now = self.session(token), self._kernel.clock.now()
        if found is not None and now - found.since > LIFETIME / 2:
            found = self._given[token] = replace(found, since=now)
        return found

    def expire(self, token: str) -> None:
        """Make an access token worthless."""
        self._given.pop(token, None)

    # ---- refresh tokens and codes

    def new_refresh_token(self, user_id: str) -> str:
        """A refresh token of a user."""
        token = f"5Aep861{self._next('refresh', 60)}"
        self._refreshes[token] = user_id
        return token

    def refreshes(self, token: str | None) -> str | None:
        """Whose refresh token it is."""
        return self._refreshes.get(token or "")

    def rotated(self, token: str) -> str:
        """A refresh token in the place of one that is used up."""
        return self.new_refresh_token(self._refreshes.pop(token))

    def revoke(self, token: str) -> bool:
        """Take back an access token, or a refresh token and what was got with it."""
        user_id = self._refreshes.pop(token, None)
        if user_id is not None:
            self._given = {t: s for t, s in self._given.items() if s.user_id != user_id}
            return True
        return self._given.pop(token, None) is not None

    def new_code(self, code: Code) -> str:
        """A name for a code, to be shown once."""
        name = f"aPrx{self._next('code', 60)}"
        self.codes[name] = code
        return name

    def take_code(self, name: str | None) -> Code | None:
        """The code of that name, once, as long as it is good."""
        found = self.codes.pop(name or "", None)
        late = found is not None and self._kernel.clock.now() - found.issued >= CODE_LIFETIME
        return None if late else found

    def now(self) -> datetime:
        """The org's time."""
        return self._kernel.clock.now()

    def _next(self, use: str, length: int) -> str:
        self._count += 1
        return _word(self.org_id, f"{use} {self._count}", length)


def bearer(request: Request) -> str:
    """The access token of a call: `Bearer` or the older `OAuth`; Bulk API 1.0's own header."""
    if request.path.startswith("/services/async/"):
        return request.headers.get("x-sfdc-session", "")
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") else ""


def base_url(request: Request) -> str:
    """Where the client reached us: addresses in answers begin so."""
    return request.origin


def short(record_id: str) -> str:
    """An id's 15 characters."""
    return (ids.to18(record_id) or record_id)[:15]


def _name(user: Mapping[str, Any]) -> str:
    return str(user.get("Username") or "").lower()


def _word(org_id: str, use: str, length: int = 24) -> str:
    """A secret of this sandbox, the same at every start: it protects nothing."""
    digest = hashlib.sha512(f"{org_id}:{use}".encode()).hexdigest()
    return digest[:length]
