"""One way out of the house: timeouts, host guard, pacing, counting, redaction, safe repetition.

A `VendorSession` is a requests session that either vendor's client library can use unchanged. It
makes each call exactly once and turns every failure into one of our errors; `Patience.insist`
repeats reads and token calls. A write is never repeated here: when its answer is lost the caller
gets `ReplyLost` and must look before it leaps.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import simplejson
from requests.adapters import HTTPAdapter

from pipelines.clients.recording import Kind, MeteredCall, unrecorded
from pipelines.clients.redaction import redact
from pipelines.errors import ConfigurationError, ReplyLost, Retry, Throttled, Unavailable
from pipelines.settings import Secret, is_loopback, is_vendor

T = TypeVar("T")
log = logging.getLogger("crossfoot.calls")

CONNECT_SECONDS = 10.0
# The vendor gives up on a call after 120 s (QuickBooks limits); ours must not give up before.
READ_SECONDS = 125.0
# The header by which the sandbox says on every answer that it is one.
SANDBOX_MARK = "x-crossfoot-sandbox"


@dataclass(frozen=True)
class CallCount:
    """Calls made so far, by kind. `metered` are those the vendor counts or charges for."""

    reads: int = 0
    writes: int = 0
    tokens: int = 0
    metered: int = 0

    @property
    def total(self) -> int:
        """All calls except those for tokens."""
        return self.reads + self.writes

    def __sub__(self, other: CallCount) -> CallCount:
        return CallCount(
            self.reads - other.reads,
            self.writes - other.writes,
            self.tokens - other.tokens,
            self.metered - other.metered,
        )

    def __add__(self, other: CallCount) -> CallCount:
        return self - (CallCount() - other)


class Calls:
    """Counts the calls of one client; safe under threads."""

    def __init__(self) -> None:
        self._count = CallCount()
        self._lock = threading.Lock()

    @property
    def count(self) -> CallCount:
        return self._count

    def add(self, kind: Kind, metered: int) -> None:
        """One call more, of which `metered` count for the vendor's allowance."""
        with self._lock:
            now = self._count
            self._count = replace(
                now,
                reads=now.reads + (kind == "read"),
                writes=now.writes + (kind == "write"),
                tokens=now.tokens + (kind == "token"),
                metered=now.metered + metered,
            )


@dataclass(frozen=True)
class Patience:
    """How often, and how long apart, a read or token call is tried again."""

    tries: int = 4
    first_wait: float = 0.5
    longest_wait: float = 60.0
    # QuickBooks documents no Retry-After; its advice is to wait a minute after a 429.
    throttle_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)

    def insist(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`, again after each `Retry` error, and raise the last one when tries end."""
        for tried in range(1, self.tries):
            try:
                return attempt()
            except Retry as problem:
                log.info("try %d of %d failed: %s", tried, self.tries, problem)
                self.sleep(self._wait(tried, problem))
        return attempt()

    def _wait(self, tried: int, problem: Retry) -> float:
        """Exponential with full jitter; what the vendor asks for comes first, within reason."""
        if isinstance(problem, Throttled):
            asked = problem.retry_after
            wait = self.throttle_wait if asked is None else asked
            return min(wait, self.longest_wait) + self.chance.uniform(0, 0.1 * self.first_wait)
        ceiling = min(self.first_wait * 2 ** (tried - 1), self.longest_wait)
        return self.chance.uniform(ceiling / 2, ceiling)


class Governor:
    """Keeps calls under a rate per second and per minute by waiting before each.

    Intuit's limits are 10 a second and 500 a minute for one app and company.
    """

    def __init__(
        self,
        per_second: int = 10,
        per_minute: int = 500,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = ((per_second, 1.0), (per_minute, 60.0))
        self._clock = clock
        self._sleep = sleep
        self._starts: deque[float] = deque(maxlen=max(per_second, per_minute))
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may start, and count it."""
        with self._lock:
            pause = self._pause(self._clock())
            if pause > 0:
                self._sleep(pause)
            self._starts.append(self._clock())

    def _pause(self, now: float) -> float:
        pauses = [
            self._starts[-count] + span - now
            for count, span in self._limits
            if len(self._starts) >= count
        ]
        return max([0.0, *pauses])


@dataclass(frozen=True)
class Reach:
    """Where a session may send: one loopback base (sandbox), or a vendor's https hosts (live)."""

    system: str
    base_url: str | None
    hosts: tuple[str, ...]

    def allows(self, url: str) -> bool:
        if self.base_url is None:
            return is_vendor(url, self.hosts)
        return is_loopback(urlsplit(url).hostname or "")

    def check(self, url: str) -> str:
        """The address unchanged. Raises `ConfigurationError` when it may not be called."""
        if not self.allows(url):
            wanted = " or ".join(self.hosts) if self.base_url is None else "this machine"
            raise ConfigurationError(
                self.system,
                urlsplit(url).netloc,
                f"calls go to {wanted} only, not to this host",
                "Correct the address, or the profile (CROSSFOOT_PROFILE).",
            )
        return url

    def check_answer(self, url: str, headers: Mapping[str, str]) -> None:
        """Raises `ConfigurationError` when a sandbox answers for the vendor, or something else
        for the sandbox: whatever the address says, neither is taken for the other."""
        is_sandbox = SANDBOX_MARK in {name.lower() for name in headers}
        if is_sandbox == (self.base_url is not None):
            return
        raise ConfigurationError(
            self.system,
            urlsplit(url).netloc,
            "a sandbox answered where the vendor should"
            if is_sandbox
            else "what answers there is no sandbox of ours",
            "Correct the profile (CROSSFOOT_PROFILE), or start `crossfoot sandbox` anew.",
        )


class _Gate(HTTPAdapter):
    """Lets a request out only where `reach` allows, after sending it to the sandbox if there is
    one: simple-salesforce always builds https addresses of a vendor host."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(pool_connections=4, pool_maxsize=8, max_retries=0)
        self._reach = reach

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if self._reach.base_url is not None:
            request.url = _moved(request.url, self._reach.base_url)
        self._reach.check(request.url)
        response = super().send(request, *args, **kwargs)
        self._reach.check_answer(request.url, response.headers)
        return response


def _moved(url: str, base_url: str) -> str:
    base, given = urlsplit(base_url), urlsplit(url)
    return urlunsplit((base.scheme, base.netloc, given.path, given.query, ""))


class VendorSession(requests.Session):
    """A requests session that makes each call once and reports failures as our errors.

    `kind_of(method, url)` says what a call is when the caller does not (`calling`);
    `examine(response, kind)` raises our error for an answer that is a refusal; `record` is told of
    each call before it is sent.
    """

    def __init__(
        self,
        reach: Reach,
        kind_of: Callable[[str, str], Kind],
        examine: Callable[[requests.Response, Kind], None],
        read_seconds: float = READ_SECONDS,
        governor: Governor | None = None,
        metered: Callable[[Kind], int] = lambda kind: 0,
        source: str = "",
        record: Callable[[MeteredCall], None] = unrecorded,
    ) -> None:
        super().__init__()
        self.system = reach.system
        self.source = source
        self._record = record
        self._purpose = ""
        self._reach = reach
        self.calls = Calls()
        self.server_time: datetime | None = None
        self.access_token = ""
        self.last_kind: Kind = "read"
        self._kind_of = kind_of
        self._examine = examine
        self._metered = metered
        self._timeout = (min(CONNECT_SECONDS, read_seconds), read_seconds)
        self._governor = governor
        self._secrets: set[str] = set()
        self._declared: tuple[Kind, int | None] | None = None
        self.trust_env = reach.base_url is None
        self.mount("https://", _Gate(reach))
        self.mount("http://", _Gate(reach))

    def hide(self, *secrets: Secret | str) -> None:
        """Mask these values wherever this session's texts are shown."""
        shown = (s.reveal() if isinstance(s, Secret) else s for s in secrets)
        self._secrets.update(s for s in shown if s)

    def redact(self, text: str) -> str:
        """The text without any secret this session knows, or that looks like one."""
        return redact(text, self._secrets)

    @property
    def secrets(self) -> Iterable[str]:
        return frozenset(self._secrets)

    @contextmanager
    def calling(self, kind: Kind, metered: int | None = None) -> Iterator[None]:
        """Declare what the calls in this block are, where the address does not tell."""
        before, self._declared = self._declared, (kind, metered)
        try:
            yield
        finally:
            self._declared = before

    @contextmanager
    def purpose(self, purpose: str) -> Iterator[None]:
        """Name what the calls in this block are for, such as `verify` or `sweep`, where that is
        not what the whole run is for."""
        before, self._purpose = self._purpose, purpose
        try:
            yield
        finally:
            self._purpose = before

    # One call, once.
    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        kind, metered = self._declared or (self._kind_of(method, url), None)
        self.last_kind = kind
        kwargs["timeout"] = self._timeout
        kwargs["allow_redirects"] = False
        if isinstance(kwargs.get("data"), str):
            kwargs["data"] = kwargs["data"].encode()
        if self._governor is not None and kind != "token":
            self._governor.wait()
        counted = self._metered(kind) if metered is None else metered
        if kind != "token":
            self._record(MeteredCall(self.system, self.source, kind, counted, self._purpose))
        self.calls.add(kind, counted)
        response = self._once(kind, method, url, args, kwargs)
        self._examine(response, kind)
        return response

    def _once(
        self, kind: Kind, method: str, url: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> requests.Response:
        started = time.monotonic()
        is_streamed = kwargs.get("stream", False)
        try:
            response = super().request(method, url, *args, **{**kwargs, "stream": True})
            if not is_streamed:
                # In one piece: requests' own 10 KiB at a time doubles the work of a large page.
                response._content = b"".join(response.iter_content(None))
        except requests.RequestException as problem:
            raise self._broken(kind, url, problem) from None
        self._note(method, url, response, time.monotonic() - started)
        return response

    def _note(self, method: str, url: str, response: requests.Response, seconds: float) -> None:
        # Never the query or a body: both may hold tokens or customers' data.
        path = urlsplit(url).path
        tid = response.headers.get("intuit_tid", "")
        log.debug("%s %s %d %.0f ms %s", method, path, response.status_code, seconds * 1000, tid)
        response.encoding = response.encoding or "utf-8"
        self.server_time = http_date(response.headers.get("Date")) or self.server_time

    def _broken(self, kind: Kind, url: str, problem: requests.RequestException) -> Exception:
        where = urlsplit(self._reach.base_url or url).netloc
        if kind == "write" and not never_sent(problem):
            return lost_reply(self.system, where, manner(problem))
        return Unavailable(
            self.system,
            where,
            f"no answer: {manner(problem)}",
            "Check the network and the address, then run again."
            if self._reach.base_url is None
            else "No sandbox runs there (any more): start one with `crossfoot sandbox`.",
        )


def lost_reply(system: str, where: str, manner: str) -> ReplyLost:
    """The error for a write whose outcome is unknown."""
    return ReplyLost(
        system,
        where,
        f"a change was sent and its answer was lost ({manner})",
        "The next run looks in the other system before it sends anything again.",
    )


def never_sent(problem: requests.RequestException) -> bool:
    """True when no connection was made at all, so that nothing can have been done."""
    if isinstance(problem, requests.ConnectTimeout):
        return True
    return "NewConnectionError" in repr(problem) or "NameResolutionError" in repr(problem)


def manner(problem: requests.RequestException) -> str:
    """What happened, in words without the address (whose query may hold a token)."""
    if never_sent(problem):
        return "no connection could be made"
    if isinstance(problem, requests.Timeout):
        return "it took too long"
    if isinstance(problem, requests.exceptions.SSLError):
        return "the secure connection failed"
    return "the connection was closed before the end of the answer"


def http_date(text: str | None) -> datetime | None:
    """The time of a Date header in UTC, or None when there is none that can be read."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None


def retry_after(response: requests.Response, now: datetime | None = None) -> float | None:
    """Seconds the vendor asks to wait, from a number or a date; None when it does not say."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    at = http_date(text)
    if at is None:
        return None
    seen = now or http_date(response.headers.get("Date")) or datetime.now(UTC)
    return max(0.0, (at - seen).total_seconds())


def json_object(response: requests.Response) -> dict[str, Any]:
    """The object that an answer holds; an empty one for anything else."""
    try:
        answer = simplejson.loads(response.text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
