"""Histories of writing in bad weather: real processes, the real sandbox, every fault it knows.

A history plans new records of every flow and applies them a few times, while calls misbehave, the
process is killed (at a fail point, or around any of its requests), a second one meets it, request
ids are forgotten, or the state is lost. Then the weather is fair, and the sandbox's own journal and
books say what was written: nothing twice, nothing lost, nothing that nobody can explain. One seed
is one history.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from every_flow import everything, made, places
from small_company import ORG, SmallCompany, deal_id, running_company

from pipelines.errors import CrossfootError
from reverse_etl import cycle
from reverse_etl.failpoints import POINTS
from reverse_etl.ledger import Entry, snapshot
from reverse_etl.state import open_state
from reverse_etl.syncs import registry

# So many histories one company has deals for.
HISTORIES = 60
_HOURS = 3600
FAULTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "refuse": (
        {"status": 503, "body": "<html>busy</html>"},
        {"status": 504, "body": ""},
        {"status": 403, "body": "no"},
        {"status": 404, "body": "gone"},
        {"status": 500, "body": "{}"},
        {"status": 200, "body": "{}"},
    ),
    "throttle": ({}, {"retry_after": 1}),
    "delay": ({"seconds": 0.02},),
    "hang": ({"seconds": 0.02},),
    "drop_before": ({},),
    "drop_after": ({},),
    "truncate": ({},),
    "malformed": ({},),
    "empty_page": ({},),
    "repeat_page": ({},),
    "stale_read": ({"commits": 2}, {"seconds": _HOURS}),
    "expire_token": ({},),
    "lose_rotated_token": ({},),
    "partial_failure": ({"items": [0]}, {"share": 0.5}),
    "clock_skew": ({"seconds": 6 * _HOURS}, {"seconds": -6 * _HOURS}),
}
PLACES = (
    r"/(invoice|batch)\b", r"/(customer|batch)\b", "/query", "composite/sobjects",
    "composite/graph", "/oauth2/", "/Soap/", "",
)  # fmt: skip
CODES = {"quickbooks": "6000", "salesforce": "UNABLE_TO_LOCK_ROW"}


@dataclass(frozen=True)
class Fault:
    """One rule for the sandbox; `system` is whose code a part of a batch fails with."""

    kind: str
    action: Mapping[str, Any]
    path: str
    skip: int
    times: int
    seed: int
    system: str = "quickbooks"


@dataclass(frozen=True)
class Attempt:
    """One apply: what misbehaves, how it is killed, whether another meets it, and what is lost
    after it: the vendor's memory of requests, and our state."""

    faults: tuple[Fault, ...] = ()
    killed_at: str = ""
    killed_around: tuple[int, str] | None = None
    is_met: bool = False
    is_forgotten: bool = False
    loses_state: bool = False


History = tuple[Attempt, ...]
DEATHS = tuple(point for point in POINTS if point not in ("plan.stored", "approval.stored"))


def drawn(dice: random.Random) -> History:
    """A history by chance."""
    # A vendor that neither remembers a request nor shows what it made cannot be served.
    is_forgetful = dice.random() < 0.4
    return tuple(_attempt(dice, is_forgetful) for _ in range(dice.randint(1, 4)))


def _attempt(dice: random.Random, is_forgetful: bool) -> Attempt:
    faults = tuple(_fault(dice, is_forgetful) for _ in range(dice.choice((0, 1, 2, 3, 5))))
    killed_at, killed_around, how = "", None, dice.random()
    if how < 0.4:
        killed_at = f"{dice.choice(DEATHS)}:{dice.choice((1, 1, 2))}"
    elif how < 0.7:
        killed_around = dice.randint(1, 12), dice.choice(("before", "after"))
    return Attempt(
        faults, killed_at, killed_around,
        is_met=dice.random() < 0.15,
        is_forgotten=is_forgetful and dice.random() < 0.7,
        loses_state=dice.random() < 0.1,
    )  # fmt: skip


def _fault(dice: random.Random, is_forgetful: bool) -> Fault:
    kind = dice.choice([k for k in FAULTS if not (is_forgetful and k == "stale_read")])
    return Fault(
        kind, dice.choice(FAULTS[kind]), dice.choice(PLACES), dice.choice((0, 0, 1, 2)),
        dice.choice((1, 1, 2, 5)), dice.getrandbits(16),
        dice.choice(tuple(CODES)) if kind == "partial_failure" else "quickbooks",
    )  # fmt: skip


@dataclass
class Told:
    """What the histories so far came to. The last three must stay 0."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    restarts: int = 0
    states_lost: int = 0
    met: int = 0
    duplicates: int = 0
    lost: int = 0
    unexplained: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_bad(self) -> bool:
        return bool(self.duplicates or self.lost or self.unexplained)

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "faults": dict(sorted(self.faults.items())),
            "kills": self.kills,
            "restarts": self.restarts,
            "states_lost": self.states_lost,
            "met": self.met,
            "duplicates": self.duplicates,
            "lost": self.lost,
            "unexplained": self.unexplained,
        }


class Storms:
    """Histories on one company, one after the other, each with deals of its own."""

    def __init__(self, company: SmallCompany, told: Told) -> None:
        self.company = company
        self.told = told
        self.first = 1
        self.planned: dict[str, str] = {}

    def play(self, seed: int) -> None:
        """The history of a seed; what is wrong in the end is printed too."""
        before = len(self.told.problems)
        self.live_through(drawn(random.Random(seed)))
        for problem in self.told.problems[before:]:
            print(f"history {seed}: {problem}", flush=True)

    def live_through(self, history: History) -> None:
        """One history; what is wrong in the end is counted and kept in words."""
        self.told.runs += 1
        begin = self.company.sandbox.kernel.journal.next_number()
        self.company.judge(everything(self.company, self.first))
        self.planned = {c.key: c.payload for c in self.company.plan().changes}
        checksum = self._approved()
        for attempt in history:
            self._arm(attempt.faults)
            self._try(attempt, checksum)
            self._calm()
            if attempt.is_forgotten:
                self.company.forget()
            if attempt.loses_state:
                checksum = self._lose_state()
        self._bring_home()
        self._check(begin)
        self.first += 2

    def _approved(self) -> str:
        plan = self.company.plan()
        if plan.changes:
            cycle.approve(self.company.settings, plan.checksum, "Ada")
        return plan.checksum

    def _arm(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            action = {"kind": fault.kind, **fault.action}
            rule: dict[str, Any] = {
                "path": fault.path, "skip": fault.skip, "times": fault.times, "seed": fault.seed
            }  # fmt: skip
            if fault.kind == "partial_failure":
                rule["system"] = fault.system
                action["code"] = CODES[fault.system]
            with self.company.sandbox.kernel.lock:
                self.company.sandbox.kernel.faults.arm({**rule, "action": action})

    def _calm(self) -> None:
        kernel = self.company.sandbox.kernel
        with kernel.lock:
            self.told.faults.update(
                {r.action.kind: r.fired for r in kernel.faults.rules() if r.fired}
            )
            kernel.faults.clear()

    def _try(self, attempt: Attempt, checksum: str) -> None:
        """One apply in a process of its own, perhaps killed, perhaps not alone."""
        self.told.restarts += 1
        job: dict[str, Any] = {
            "do": "apply", "checksum": checksum, "environment": self.company.environment
        }  # fmt: skip
        if attempt.killed_at:
            job["kill"] = {"CROSSFOOT_KILL_AT": attempt.killed_at}
        if attempt.killed_around:
            job["kill_request"] = list(attempt.killed_around)
        meeting = Thread(target=self._meet, args=(checksum,)) if attempt.is_met else None
        self.company.start_in_a_process(job)
        if meeting:
            meeting.start()
        try:
            self.told.kills += self.company.answer()["killed_by"] == signal.SIGKILL
        except AssertionError as problem:
            self.told.unexplained += 1
            self.told.problems.append(f"a process ended in a bug: {problem}")
        if meeting:
            meeting.join()

    def _meet(self, checksum: str) -> None:
        """A second apply of the same plan, in this process, at the same time."""
        try:
            cycle.apply(self.company.settings, checksum)
        except CrossfootError:
            self.told.met += 1

    def _lose_state(self) -> str:
        self.told.states_lost += 1
        for file in self.company.folder.glob("state.sqlite*"):
            file.unlink()
        self.company.judge(everything(self.company, self.first))
        return self._approved()

    def _bring_home(self) -> None:
        """Fair weather: plan and apply until nothing is in doubt."""
        for number in range(1, 4):
            later = 240 * number
            answer = self.company.in_a_process("apply", checksum=self._approved(), later=later)
            ends = {status for _, status, _ in answer.get("result", ())}
            if "result" in answer and not ends & {"unknown", "waiting"}:
                return

    # What the journal and the books say ------------------------------------------------------

    def _check(self, begin: int) -> None:
        entries = {e.change_key: e for e in self._entries()}
        created = made(self.company, self.first, begin)
        expected = places(self.first)
        self.told.duplicates += self._told(
            f"{key} was made {number} times" for key, number in created.items() if number > 1
        )
        self.told.lost += self._told(
            f"{key} is not there, and nothing says why"
            for key in expected
            if not created[key] and not self._is_reasoned(entries.get(key))
        )
        self.told.lost += self._told(self._unlike(entries))
        self.told.unexplained += self._told(
            f"{key} is still {entry.status}" for key, entry in entries.items() if entry.in_doubt
        )
        self.told.unexplained += self._told(
            f"{key} is there, and {entry.status if entry else 'unknown to the ledger'}"
            for key in expected
            if created[key] and ((entry := entries.get(key)) is None or entry.status != "done")
        )
        self.told.unexplained += self._told(self._destroyed(begin))

    def _told(self, problems: Iterator[str]) -> int:
        found = list(problems)
        self.told.problems += found
        return len(found)

    def _entries(self) -> list[Entry]:
        """The ledger's lines of this history's records."""
        state = open_state(self.company.settings.state_url)
        try:
            kept = snapshot(state, registry.NAMES)
        finally:
            state.close()
        return [entry for entry in kept if entry.change_key in self.planned]

    def _is_reasoned(self, entry: Entry | None) -> bool:
        """Does a person see why there is no document: refused, or what it needs was refused?"""
        if entry is None:
            return any(e.status == "refused" for e in self._entries() if e.flow == "customers")
        return entry.status == "refused"

    def _unlike(self, entries: Mapping[str, Entry]) -> Iterator[str]:
        """Records in Salesforce that do not look as they were to, though nothing was refused."""
        if any(e.status == "refused" for e in entries.values() if e.system == "salesforce"):
            return
        table = self.company.sandbox.kernel.store.table(ORG, "Opportunity")
        for number in (self.first, self.first + 1):
            record = table.get(deal_id(number)) or {}
            if record.get("QBO_Invoice_Status__c") != "Open":
                yield f"deal {deal_id(number)} has no invoice status"

    def _destroyed(self, begin: int) -> Iterator[str]:
        for call in self.company.sandbox.kernel.journal.entries(begin - 1, None):
            for written in call.writes:
                if written.operation not in ("create", "update"):
                    yield f"{written.entity} {written.id}: {written.operation}"


@contextmanager
def stormy_company(folder: Path, told: Told, histories: int = HISTORIES) -> Iterator[Storms]:
    """A new company with deals for so many histories."""
    with running_company(folder, 2 * histories, 2 * histories) as company:
        yield Storms(company, told)
