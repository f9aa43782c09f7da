"""The watching process: waits for signals, polls where none comes, and runs a round for each.

One thread does all of it: while a round runs, signals gather, and the next round takes them all. A
round that fails is repeated with what it was to read, sooner first and later then; what the vendors
were not asked in the meantime, they are asked afterwards. Nothing is lost by ending the process:
when it starts it reads both systems.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestration.steps import Progress
from orchestration.watching.asking import WonDeals, changed_companies
from orchestration.watching.prompt import PromptRound
from orchestration.watching.signals import Bell, System, Woken, ring_again
from pipelines.errors import CrossfootError
from pipelines.settings import Settings
from reverse_etl.calls import recording

# Pauses after rounds that failed one after the other, seconds.
PAUSES = (1.0, 5.0, 30.0, 120.0, 300.0)
# For so long what we wrote in QuickBooks may wait to be read back, seconds: the ledger knows it,
# and every round asks what others did there. One that reads it back takes half as long again.
LONGEST_OWED = 300.0


class Runner(Protocol):
    """Runs one round; None when it failed."""

    def __call__(self, woken: Woken, /) -> PromptRound | None: ...


@dataclass
class Polls:
    """When which vendor is asked whether anything was missed."""

    settings: Settings
    say: Progress
    won: WonDeals = field(default_factory=WonDeals)
    clock: Callable[[], float] = time.monotonic
    # Instead of asking the vendors themselves.
    asked: Callable[[System], bool] | None = None
    _due: dict[System, float] = field(default_factory=dict)

    def next_in(self) -> float:
        """Seconds until the next question."""
        return max(0.0, min(self._due.get(s, 0.0) for s in self._each()) - self.clock())

    def ask(self, bell: Bell) -> None:
        """Ask whoever is due; a vendor that does not answer is asked again at its next time."""
        for system, seconds in self._each().items():
            if self._due.get(system, 0.0) > self.clock():
                continue
            self._due[system] = self.clock() + seconds
            try:
                if self._has_changed(system):
                    bell.ring(system, "poll")
            except CrossfootError as problem:
                self.say(f"asking {system}: {problem}")

    def after(self, done: PromptRound, began: float) -> None:
        """A round has read these: what was there when it began is known. The next question is due
        by that moment and not by the round's end, so that rounds do not add to the interval."""
        each = self._each()
        for system in done.read:
            self._due[system] = began + each[system]
        if "salesforce" in done.read and self.asked is None:
            self.won.read(self.settings.warehouse_path)

    def _has_changed(self, system: System) -> bool:
        if self.asked is not None:
            return self.asked(system)
        with recording(self.settings, "watch") as record:
            if system == "salesforce":
                return bool(self.won.unread(self.settings, record))
            return bool(changed_companies(self.settings, record))

    def _each(self) -> dict[System, int]:
        watching = self.settings.watching
        return {
            "salesforce": watching.salesforce_seconds,
            "quickbooks": watching.quickbooks_seconds,
        }


@dataclass
class ReadBack:
    """What we wrote in QuickBooks is read back while nobody waits: the ledger knows it meanwhile.

    While deals are won one after the other it is put off, by `LONGEST_OWED` seconds at most.
    """

    clock: Callable[[], float]
    _since: float | None = None

    def put_off(self, woken: Woken) -> Woken:
        """What is to be read now; without what is only our own writes, if that can wait."""
        sooner = woken.without_own_writes()
        is_late = self._since is not None and self.clock() - self._since >= LONGEST_OWED
        return woken if sooner is None or is_late else sooner

    def is_owed(self, done: PromptRound) -> bool:
        """After a round: has something been written that was not read since?"""
        if "quickbooks" in done.read:
            self._since = None
        if done.wrote and self._since is None:
            self._since = self.clock()
        return self._since is not None


def watch(bell: Bell, polls: Polls, run: Runner, say: Progress) -> None:
    """Go on until the bell is stopped. Begins with both systems: something may have been missed."""
    bell.ring("salesforce", "start")
    bell.ring("quickbooks", "start")
    failures = 0
    back = ReadBack(polls.clock)
    while not bell.stopped:
        woken = bell.wait(polls.next_in())
        if woken is None:
            if not bell.stopped:
                polls.ask(bell)
            continue
        woken, began = back.put_off(woken), polls.clock()
        done = run(woken)
        if done is None:
            ring_again(bell, woken.systems)
            failures += 1
            _pause(bell, PAUSES[min(failures, len(PAUSES)) - 1])
            continue
        failures = 0
        polls.after(done, began)
        if back.is_owed(done):
            bell.ring("quickbooks", "write")
        for line in round_lines(woken, done):
            say(line)


def round_lines(woken: Woken, done: PromptRound) -> Sequence[str]:
    """What a round did, in a line or two."""
    spent = sum(one.wall for one in done.seconds.values())
    head = f"{woken.told()}: read {' and '.join(done.read) or 'nothing'}, {spent:.1f} s"
    if done.applied is not None:
        return [f"{head}. {done.applied.summary()}"]
    if done.plan.changes:
        why = "; ".join(done.waiting)
        return [f"{head}. Plan {done.plan.checksum[:12]} waits for a person: {why}"]
    return [f"{head}. Nothing is to be written."]


def _pause(bell: Bell, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not bell.stopped and time.monotonic() < until:
        time.sleep(min(0.2, seconds))
