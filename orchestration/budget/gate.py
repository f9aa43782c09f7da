"""Keeps a run within the vendors' allowances: it does not begin when it would need more than is
left, and it ends at the last call that may be made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from orchestration.budget.allowance import Pool, month_end
from orchestration.budget.gather import Run, ask_counts, ask_limits, budget, is_known
from orchestration.budget.value import Budget, over_budget, raise_limit, used, window
from pipelines.clients.recording import MeteredCall, VendorUsage
from pipelines.errors import LimitExceeded, Retry
from pipelines.settings import Settings
from reverse_etl.calls import CallBook, recording_in, utc_now
from reverse_etl.opening import opened
from reverse_etl.state import State

Now = Callable[[], datetime]
Progress = Callable[[str], None]


@dataclass
class Made:
    """What a run called of one org or company; `began` with the first call and `ended` when all of
    its system was read and loaded, in seconds."""

    system: str
    began: float
    calls: int = 0
    ended: float | None = None

    @property
    def milliseconds(self) -> int:
        return round(1000 * ((self.ended or self.began) - self.began))


class Meter:
    """A recorder that lets no call pass once an allowance is used up.

    It counts down from what was left when the run began. A first load whose rows nobody counted,
    or an org that others use as well, can get there.
    """

    def __init__(self, book: CallBook, planned: Budget) -> None:
        self.planned = planned
        self.made: dict[str, Made] = {}
        self._book = book
        self._left = {id(one.pool): one.pool.left for one in planned.pools}
        self._lock = threading.Lock()

    def __call__(self, call: MeteredCall) -> None:
        """Count one call. Raises `LimitExceeded` when it may not be made any more."""
        pool = self._pool(call)
        if pool is not None and call.metered:
            with self._lock:
                left = self._left[id(pool)] - call.metered
                if left < 0:
                    raise _used_up(pool, self.planned.at)
                self._left[id(pool)] = left
                self._note(call)
        self._book(call)

    def told(self, usage: VendorUsage) -> None:
        self._book.told(usage)

    def left(self, pool: Pool) -> int:
        """What is left of an allowance of the plan now."""
        return self._left[id(pool)]

    def close(self) -> None:
        """The run has ended: so has the reading of whatever was read last."""
        self._end_others("")

    def _note(self, call: MeteredCall) -> None:
        now = time.monotonic()
        self._end_others(call.system)
        made = self.made.setdefault(call.source, Made(call.system, now))
        made.calls, made.ended = made.calls + call.metered, None

    def _end_others(self, system: str) -> None:
        """Systems are read one after the other: a call to one says that the others are done."""
        for made in self.made.values():
            if made.system != system and made.ended is None:
                made.ended = time.monotonic()

    def _pool(self, call: MeteredCall) -> Pool | None:
        pools = (one.pool for one in self.planned.pools)
        return next((p for p in pools if p.covers(call.system, call.source)), None)


def _used_up(pool: Pool, at: datetime) -> LimitExceeded:
    again = (
        f"from {month_end(at):%Y-%m-%d} on, when the month's reads begin anew"
        if pool.window == "month"
        else "when calls of the last 24 hours have left the window: `crossfoot budget` says when"
    )
    return LimitExceeded(
        pool.system,
        pool.source or "",
        f"the run was stopped in the middle: the {pool.left:,} {pool.what} that were left "
        f"{window(pool)} are used up ({used(pool)})",
        f"What was loaded is kept, and the next run goes on from there: {again}. "
        f"{raise_limit(pool)}",
    )


@contextmanager
def within_budget(
    settings: Settings,
    full: bool = False,
    progress: Progress = lambda _: None,
    now: Now = utc_now,
    system: str | None = None,
    sweep: bool = False,
) -> Iterator[Meter]:
    """A recorder for one reading; `system` when only that one is read, `sweep` when the daily
    round is made in any case.

    Asks an org what is left only if it has not said so in the last 24 hours (one call). Raises
    `LimitExceeded` before the first call of the reading when it would need more than is left.
    """
    with opened(settings) as state, recording_in(state, "extract", now) as book:
        _learn_limits(settings, state, book, progress, now, system)
        planned = budget(settings, state, now(), Run(full, sweep))
        for one in planned.pools:
            if not one.fits and system in (None, one.pool.system):
                raise over_budget(one)
        meter = Meter(book, planned)
        yield meter
        meter.close()


def _learn_limits(
    settings: Settings,
    state: State,
    book: CallBook,
    progress: Progress,
    now: Now,
    system: str | None,
) -> None:
    if system == "QuickBooks":
        return
    for org in settings.salesforce_orgs:
        if not is_known(state, org, now()):
            progress(f"Salesforce {org.name}: asking what the org allows (one call)")
            ask_limits(settings, org, book)


def look(
    settings: Settings,
    full: bool = False,
    count: bool = False,
    progress: Progress = lambda _: None,
    now: Now = utc_now,
) -> Budget:
    """The budget as it stands. Asks each org what it allows, and with `count` both vendors how
    many rows there are; an org that does not answer is told, and what it said last is used."""
    with opened(settings) as state:
        run = Run(full)
        with recording_in(state, "budget", now) as book:
            for org in settings.salesforce_orgs:
                try:
                    ask_limits(settings, org, book)
                except Retry as problem:
                    progress(f"{problem} What the org said before is used.")
            if count:
                run = Run(full, counted=ask_counts(settings, book))
        return budget(settings, state, now(), run)
