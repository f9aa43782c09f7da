"""The record of every call to a vendor, in the state: QuickBooks charges for reads, Salesforce
counts every call of 24 hours.

A call is counted before it is sent. So that not each of them needs a commit, some are set aside
ahead: as many as were made so far, at most `AHEAD`. What was not made is given back at the end; a
run that is killed leaves it counted, so that the record never says fewer than were made.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from pipelines.clients.recording import MeteredCall, VendorUsage
from pipelines.errors import Stop
from pipelines.settings import Settings
from reverse_etl import store
from reverse_etl.opening import opened
from reverse_etl.state import State

AHEAD = 100
Now = Callable[[], datetime]


class _Key(NamedTuple):
    system: str
    source_id: str
    purpose: str
    hour: datetime


class Counted(NamedTuple):
    """Calls by kind; `metered` are those that the vendor counts or charges for."""

    reads: int = 0
    writes: int = 0
    metered: int = 0

    def plus(self, other: Counted) -> Counted:
        return Counted(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Counted) -> Counted:
        return Counted(*(a - b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class HourOfCalls:
    """What was called of one source, for one purpose, in the hour that begins at `hour`."""

    system: str
    source_id: str
    purpose: str
    hour: datetime
    reads: int
    writes: int
    metered: int


@dataclass(frozen=True)
class OrgUsage:
    """What an org itself said at `said_at`: calls of all programs in 24 hours, how many it allows;
    and how many of our calls of that hour were in it."""

    used: int
    allowed: int
    said_at: datetime
    ours_in_hour: int


@dataclass
class _Account:
    """What a run made in one hour for one purpose, and what the state holds of it."""

    made: Counted = field(default_factory=Counted)
    held: Counted = field(default_factory=Counted)


def utc_now() -> datetime:
    return datetime.now(UTC)


class CallBook:
    """A recorder that keeps calls in the state; `purpose` is what the run is for, unless a call
    says another one. Safe under threads. Call `settle` at the end."""

    def __init__(self, state: State, purpose: str, now: Now = utc_now) -> None:
        self._state = state
        self._purpose = purpose
        self._now = now
        self._accounts: dict[_Key, _Account] = {}
        self._usages: dict[tuple[str, str], tuple[VendorUsage, datetime]] = {}
        self._lock = threading.Lock()

    def __call__(self, call: MeteredCall) -> None:
        """Count one call. Raises `Stop` when the state cannot be written: then it is not made."""
        purpose = call.purpose or self._purpose
        key = _Key(call.system, call.source, purpose, hour_of(self._now()))
        one = Counted(call.kind == "read", call.kind == "write", call.metered)
        with self._lock:
            account = self._accounts.setdefault(key, _Account())
            made = account.made.plus(one)
            if any(m > h for m, h in zip(made, account.held, strict=True)):
                self._hold(key, account, _ahead(made, account.held))
            account.made = made

    def told(self, usage: VendorUsage) -> None:
        """Remember what the vendor says, until the end."""
        self._usages[usage.system, usage.source] = usage, self._now()

    def settle(self) -> None:
        """Give back what was set aside and not called, and note what the vendors said last."""
        with self._lock:
            for key, account in self._accounts.items():
                self._hold(key, account, account.made)
        for usage, at in self._usages.values():
            note_usage(self._state, usage, at)
        self._usages.clear()

    def _hold(self, key: _Key, account: _Account, wanted: Counted) -> None:
        more = wanted.minus(account.held)
        if any(more):
            with self._state.writing() as work:
                work.add_up("call_count", key._asdict(), more._asdict())
            account.held = wanted


def _ahead(made: Counted, held: Counted) -> Counted:
    """What to set aside: of each kind that is used up, as much again as was made."""
    return Counted(*(h if m <= h else m + min(m, AHEAD) for m, h in zip(made, held, strict=True)))


@contextmanager
def recording(settings: Settings, purpose: str, now: Now = utc_now) -> Iterator[CallBook]:
    """A recorder into the configured state, settled when the block ends, also by an error."""
    with opened(settings) as state, recording_in(state, purpose, now) as book:
        yield book


@contextmanager
def recording_in(state: State, purpose: str, now: Now = utc_now) -> Iterator[CallBook]:
    """A recorder into a state that is open already."""
    book = CallBook(state, purpose, now)
    try:
        yield book
    except BaseException:
        # What ended the run is told, not that the record of it is a little too high.
        with suppress(Stop):
            book.settle()
        raise
    book.settle()


def since(state: State, moment: datetime) -> tuple[HourOfCalls, ...]:
    """Every hour of calls that ends after `moment`, oldest first."""
    order = "hour, system, source_id, purpose"
    with state.reading() as work:
        rows = work.from_on("call_count", "hour", hour_of(moment), order)
    return tuple(HourOfCalls(**row) for row in rows)


def hour_of(moment: datetime) -> datetime:
    """The hour that a moment is in, by its beginning, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def note_usage(state: State, usage: VendorUsage, at: datetime) -> None:
    """Keep what a vendor said, with our calls of that hour, which are among those it counted."""
    mine = (usage.system, usage.source)
    hours = [h for h in since(state, at) if (h.system, h.source_id) == mine]
    in_hour = sum(h.metered for h in hours if h.hour == hour_of(at))
    kept = {"used": usage.used, "allowed": usage.allowed, "ours": in_hour, "at": at.isoformat()}
    store.note(state, _usage_name(*mine), json.dumps(kept))


def last_usage(state: State, system: str, source: str) -> OrgUsage | None:
    """What the vendor said last of this source's allowance; None if it never did."""
    text = store.fact(state, _usage_name(system, source))
    if text is None:
        return None
    kept = json.loads(text)
    said_at = datetime.fromisoformat(kept["at"])
    return OrgUsage(kept["used"], kept["allowed"], said_at, kept["ours"])


def _usage_name(system: str, source: str) -> str:
    return f"usage:{system}:{source}"
