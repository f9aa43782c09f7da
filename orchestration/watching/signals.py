"""Signals that something may have changed at a vendor, kept until somebody looks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

System = Literal["salesforce", "quickbooks"]
# What a signal can come from: a vendor's message, our asking, a write of our own, the start.
Source = Literal["event", "poll", "write", "start", "again"]

# How a write of our own in QuickBooks is told.
WRITTEN = "quickbooks write"


@dataclass(frozen=True)
class Woken:
    """What woke us: how many signals of which system came from where, and when the first came
    (seconds of the monotonic clock)."""

    systems: frozenset[System]
    counts: tuple[tuple[str, int], ...]
    since: float

    def told(self) -> str:
        """`2 salesforce event, 1 quickbooks poll`"""
        return ", ".join(f"{count} {what}" for what, count in self.counts)

    def without_own_writes(self) -> Woken | None:
        """The same without QuickBooks, where it rang only because we wrote there and somebody
        waits for Salesforce; None where that is not so."""
        of_books = [what for what, _ in self.counts if what.startswith("quickbooks ")]
        if of_books != [WRITTEN] or "salesforce" not in self.systems:
            return None
        others = tuple(one for one in self.counts if one[0] != WRITTEN)
        return Woken(self.systems - {"quickbooks"}, others, self.since)


@dataclass
class Bell:
    """Any number of signals may ring; they are one waking until somebody takes them.

    A system whose reading failed is rung again by who took it: no signal is lost by a failure.
    """

    _rung: Counter[tuple[System, Source]] = field(default_factory=Counter)
    _since: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _stopped: bool = False

    def ring(self, system: System, source: Source, times: int = 1) -> None:
        """Note a signal and wake who waits; returns at once."""
        with self._changed:
            if not self._rung:
                self._since = time.monotonic()
            self._rung[system, source] += times
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake who waits for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def wait(self, seconds: float) -> Woken | None:
        """All that was rung since the last taking; None when nothing was in this time, or when it
        was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._rung) or self._stopped, max(seconds, 0.0))
            if not self._rung or self._stopped:
                return None
            rung, self._rung = self._rung, Counter()
            return Woken(
                frozenset(system for system, _ in rung),
                tuple(sorted((f"{system} {source}", n) for (system, source), n in rung.items())),
                self._since,
            )


def ring_again(bell: Bell, systems: Iterable[System]) -> None:
    """Their reading failed: they are still to be read."""
    for system in sorted(systems):
        bell.ring(system, "again")
