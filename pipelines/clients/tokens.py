"""Refresh tokens on disk: written before first use, one owner at a time, readable by one user.

Intuit changes the refresh token's value about once a day; a value that was used but not stored is
a lost connection which only a person can repair. So: lock, refresh, write beside, fsync, replace,
and only then use. The value before is kept until the new one has worked.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import simplejson

from pipelines.clients.sealing import NoSeal, Seal, seal_of
from pipelines.errors import CredentialsRefused, DiskFull, StateCorrupt, Unavailable
from pipelines.folders import make_private
from pipelines.settings import Secret, Settings

_NONE = Secret("")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A token is renewed a little before it dies, so that it does not die on the way.
_MARGIN = timedelta(seconds=60)
# A connection dies with its refresh token, and then only a person can renew it: told long enough
# before, also over a holiday.
LAPSES_WITHIN = timedelta(days=21)


@dataclass(frozen=True)
class Tokens:
    """What is known of one company's connection. `origin` is a fingerprint of the configured
    refresh token it began with, so that a new connection made by a person is noticed."""

    refresh: Secret
    previous_refresh: Secret = _NONE
    access: Secret = _NONE
    access_until: datetime = _EPOCH
    refresh_until: datetime | None = None
    origin: str = ""

    def usable(self, now: datetime) -> bool:
        """Is there an access token that should still be good?"""
        return bool(self.access) and now + _MARGIN < self.access_until


def token_file(settings: Settings, name: str) -> TokenFile:
    """The file of one connection, such as `quickbooks-<realm id>`. Raises `ConfigurationError` for
    a key of the seal that is none."""
    return TokenFile(settings.token_dir / f"{name}.json", seal_of(settings))


class TokenFile:
    """One company's tokens in one file of mode 0600, under a seal."""

    def __init__(self, path: Path, seal: Seal | None = None) -> None:
        self.path = path
        self._seal = seal or NoSeal()
        self.system = "Salesforce" if path.name.startswith("salesforce") else "QuickBooks"

    def load(self) -> Tokens | None:
        """The stored tokens, or None when there are none yet. Raises `StateCorrupt`."""
        try:
            return _decoded(simplejson.loads(self._seal.open(self.path.read_text())))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise self._corrupt(problem) from None

    def save(self, tokens: Tokens) -> None:
        """Replace the file in one step, on the disk before this returns. Raises `DiskFull`."""
        beside = self.path.with_name(self.path.name + ".new")
        try:
            self._folder()
            _write_private(beside, self._seal.close(simplejson.dumps(_encoded(tokens))))
            beside.replace(self.path)
            _sync(self.path.parent)
        except OSError as problem:
            raise self._unwritable(problem) from None

    @contextmanager
    def locked(self, patience_seconds: float = 30.0) -> Iterator[None]:
        """The right to refresh, shared by all processes. Raises `Unavailable` after waiting."""
        self._folder()
        with self.path.with_name(self.path.name + ".lock").open("a") as lock:
            self._acquire(lock.fileno(), patience_seconds)
            yield

    def _acquire(self, descriptor: int, patience_seconds: float) -> None:
        until = time.monotonic() + patience_seconds
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise self._contended() from None
                time.sleep(0.02)

    def _folder(self) -> None:
        try:
            make_private(self.path.parent)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _corrupt(self, problem: Exception) -> StateCorrupt:
        return StateCorrupt(
            self.system,
            f"token file {self.path}",
            f"it cannot be read ({_why(problem)})",
            "Move it away: a configured refresh token is tried then. If there is none, or it is "
            f"too old, run `crossfoot connect {self.system.lower()}`.",
        )

    def _unwritable(self, problem: OSError) -> DiskFull:
        return DiskFull(
            self.system,
            f"token file {self.path}",
            f"it cannot be written ({problem.strerror})",
            "Make room or correct the folder's permissions before the next run: an unstored token "
            "is a lost connection.",
        )

    def _contended(self) -> Unavailable:
        return Unavailable(
            self.system,
            f"token file {self.path}",
            "another process has been refreshing the token for too long",
            "Look for a process that hangs, then run again.",
        )


class TokenKeeper:
    """Gives out a good access token for one company or org, refreshing it when it must.

    `exchange(refresh_token)` makes the vendor's token call and raises `GrantRefused` when that
    token is no longer accepted. The configured token is used on the first day and after a person
    has reconnected.
    """

    def __init__(
        self,
        file: TokenFile,
        configured: Secret,
        exchange: Callable[[Secret], Mapping[str, Any]],
        owner: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._file = file
        self._configured = configured
        self._exchange = exchange
        self._owner = owner
        self._now = now
        self._current: Tokens | None = None

    def access(self) -> Secret:
        """An access token that should be good. Raises `CredentialsRefused`, `StateCorrupt`."""
        tokens = self._current or self._stored()
        if not tokens.usable(self._now()):
            return self.renew(tokens.access)
        self._current = tokens
        return tokens.access

    def renew(self, failed: Secret) -> Secret:
        """A new access token in place of `failed`; another process's, if it was quicker."""
        with self._file.locked():
            tokens = self._stored()
            if tokens.access == failed or not tokens.usable(self._now()):
                tokens = self._refreshed(tokens)
        self._current = tokens
        return tokens.access

    def _stored(self) -> Tokens:
        """What the file holds, unless a person has configured a new connection since."""
        stored = self._file.load()
        origin = fingerprint(self._configured)
        if stored is None or stored.origin != origin:
            return Tokens(refresh=self._configured, origin=origin)
        return stored

    def _refreshed(self, tokens: Tokens) -> Tokens:
        """Try the newest refresh token, then those before it, each once."""
        candidates = [tokens.refresh, tokens.previous_refresh, self._configured]
        for candidate in dict.fromkeys(c for c in candidates if c):
            try:
                answer = self._exchange(candidate)
            except GrantRefused:
                continue
            except Unavailable as problem:
                raise self._unanswered(problem) from None
            return self._kept(tokens, candidate, answer)
        raise self._disconnected()

    def _kept(self, tokens: Tokens, used: Secret, answer: Mapping[str, Any]) -> Tokens:
        fresh = replace(
            _from_answer(answer, self._now()),
            previous_refresh=used,
            origin=tokens.origin,
        )
        self._file.save(fresh)
        return fresh

    def _unanswered(self, problem: Unavailable) -> Unavailable:
        """No answer to a refresh, which the vendor may have carried out: then it alone knows the
        new token, and how long the stored one goes on is not settled (quickbooks_api 1.2)."""
        words = "Run again soon: if it was changed, the stored one is accepted for a while only."
        return Unavailable(
            problem.system, f"token of {self._owner}", problem.problem,
            f"{words} {problem.next_step}".rstrip(),
        )  # fmt: skip

    def _disconnected(self) -> CredentialsRefused:
        other = (
            ", or put a new refresh token into CROSSFOOT_QUICKBOOKS_REFRESH_TOKEN_<realm id>"
            if self._file.system == "QuickBooks"
            else ""
        )
        return CredentialsRefused(
            self._file.system,
            self._owner,
            "the refresh token is no longer accepted",
            f"Run `crossfoot connect {self._file.system.lower()}` to connect it again{other}.",
        )


class GrantRefused(Exception):
    """The token endpoint said `invalid_grant` to this refresh token."""


def fingerprint(secret: Secret) -> str:
    """A value from which the secret cannot be guessed, to see whether it changed."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()[:16]


def _from_answer(answer: Mapping[str, Any], now: datetime) -> Tokens:
    hard = answer.get("x_refresh_token_hard_expires_in")
    rolling = answer.get("x_refresh_token_expires_in", 8_640_000)
    left = min(int(rolling), int(hard)) if hard is not None else int(rolling)
    return Tokens(
        refresh=Secret(str(answer["refresh_token"])),
        access=Secret(str(answer["access_token"])),
        access_until=now + timedelta(seconds=int(answer.get("expires_in", 3600))),
        refresh_until=now + timedelta(seconds=left),
    )


def _why(problem: Exception) -> str:
    """Whose text this is: that of the seal says nothing of what was sealed."""
    return str(problem) if str(problem).startswith("sealed") else type(problem).__name__


def _encoded(tokens: Tokens) -> dict[str, str]:
    return {
        "refresh_token": tokens.refresh.reveal(),
        "previous_refresh_token": tokens.previous_refresh.reveal(),
        "access_token": tokens.access.reveal(),
        "access_until": tokens.access_until.isoformat(),
        "refresh_until": tokens.refresh_until.isoformat() if tokens.refresh_until else "",
        "origin": tokens.origin,
    }


def _decoded(stored: Mapping[str, str]) -> Tokens:
    until = stored["refresh_until"]
    if not stored["refresh_token"]:
        raise ValueError("no refresh token")
    return Tokens(
        refresh=Secret(stored["refresh_token"]),
        previous_refresh=Secret(stored["previous_refresh_token"]),
        access=Secret(stored["access_token"]),
        access_until=datetime.fromisoformat(stored["access_until"]),
        refresh_until=datetime.fromisoformat(until) if until else None,
        origin=stored["origin"],
    )


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
