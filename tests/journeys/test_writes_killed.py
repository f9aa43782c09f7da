"""A real process, killed without warning at every fail point, and run again.

What was written is asked of the sandbox's own journal and books, not of our tables: it must be what
an undisturbed run of every flow writes, not one record more, and after that no call at all. Here is
a sample; all points, and every request of a run one by one, take some minutes: `make soak` plays
them (CRASH_MATRIX=1). In the folder CRASH_FIGURES each process leaves how many it played.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from every_flow import everything, made, places, tally
from small_company import ORG, SmallCompany, deal_id, entry_id, running_company

from reverse_etl import cycle
from reverse_etl.failpoints import FLOW_NAMES, FLOW_POINTS, POINTS
from reverse_etl.syncs import registry

WHOLE = bool(os.environ.get("CRASH_MATRIX"))
DEALS = 700 if WHOLE else 70
UNDO = "undo"
# Seconds after which a query shows what was made.
LATER = 240
# A mail that may have left is never sent again: it is killed in test_writes_described.py.
MAILS = "invoice_mails"
KILLED = tuple(name for name in FLOW_NAMES if name != MAILS)
# Sent again without a look: the same values once more.
REPEATABLE = tuple(flow.name for flow in registry.FLOWS if flow.repeatable)
SENDING = [f"{flow}.{point}" for flow in KILLED for point in FLOW_POINTS[:6]]
LOOKING = [
    f"{flow}.{point}" for flow in KILLED if flow not in REPEATABLE for point in FLOW_POINTS[6:]
]
DOORS = [p for p in POINTS if p.split(".")[1] not in FLOW_POINTS]
# Each flow and each point once. Where the vendor has the record and we do not know it, its memory
# of the request is worth most: `True` takes that away as well.
SAMPLE = (
    ("customers.before_intent", False), ("customers.after_send", True),
    ("products.in_outcome", True), ("prices.after_send", False), ("estimates.after_send", False),
    ("invoices.after_intent", False), ("invoices.after_send", True),
    ("account_status.in_intent", False), ("deal_status.after_outcome", False),
    ("overdue.after_send", False), ("undo.after_send", True),
)  # fmt: skip
WRITING = sorted({*SAMPLE, *((point, True) for point in SENDING)}) if WHOLE else SAMPLE
# What a flow sends that has to be looked for afterwards.
LOST: dict[str, dict[str, Any]] = {
    "customers": {"path": r"/customer\b", "method": "POST"},
    "products": {"path": r"/item\b", "method": "POST"},
    "prices": {"path": "composite/sobjects", "method": "POST"},
    "estimates": {"path": "composite/graph", "method": "POST"},
    "invoices": {"path": r"/batch\b", "method": "POST"},
    "overdue": {"path": "emailSimple", "method": "POST"},
    UNDO: {"path": "operation=void", "method": "POST"},
}
WEATHER = ("killed before", "killed after", "lost before", "lost after")
REQUESTS = range(1, 100) if WHOLE else (3,)


class Histories:
    """One company for all points; each history takes accounts and deals of its own."""

    def __init__(self, company: SmallCompany) -> None:
        self.company = company
        self.numbers = count(1, 2)
        self.played = self.kills = self.lost = 0
        self.first = self.since = 0
        self.calm, self.taken_back = self._calm()

    def begin(self, plan: str = "") -> str:
        """The checksum of an approved plan for new records; for undo, of what takes them back."""
        self.played += 1
        self.first, self.since = next(self.numbers), self._next()
        self.company.judge(everything(self.company, self.first))
        checksum = self._approved(self.company.plan().checksum)
        if plan != UNDO:
            return checksum
        assert self._statuses(self.company.in_a_process("apply", checksum=checksum)) == {"done"}
        self.since = self._next()
        undone = cycle.plan_undo(self.company.settings, of_plan=checksum)
        return self._approved(undone.checksum)

    def kill(self, do: str, **job: Any) -> bool:
        """Was the process killed where it was to be?"""
        killed = self.company.in_a_process(do, **job)["killed_by"] == signal.SIGKILL
        self.kills += killed
        return killed

    def finish(self, checksum: str, plan: str = "") -> None:
        """Run again some minutes later: all is as if nothing had happened, and a further run
        writes nothing."""
        answer = self.company.in_a_process("apply", checksum=checksum, later=LATER)
        assert self._statuses(answer) == {"done"}, answer
        assert tally(self.company, self.since) == (self.taken_back if plan == UNDO else self.calm)
        if plan != UNDO:
            assert made(self.company, self.first, self.since) == dict.fromkeys(
                places(self.first), 1
            )
            self._look_at_salesforce()
        calls = self.company.write_calls()
        again = self.company.in_a_process("apply", checksum=checksum)
        assert not any(fresh for _, _, fresh in again["result"])
        assert self.company.write_calls() == calls

    def _look_at_salesforce(self) -> None:
        store = self.company.sandbox.kernel.store
        for number in (self.first, self.first + 1):
            deal = store.table(ORG, "Opportunity").get(deal_id(number))
            assert deal is not None
            assert deal["QBO_Invoice_Status__c"] == "Open"
        price = store.table(ORG, "PricebookEntry").get(entry_id(self.first))
        assert price is not None
        assert str(price["UnitPrice"]).startswith("12.5")

    def _calm(self) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
        """What the journal says of a run that nothing disturbs, and of one that takes it back."""
        checksum = self.begin(UNDO)
        assert self._statuses(self.company.in_a_process("apply", checksum=checksum)) == {"done"}
        taken_back = tally(self.company, self.since)
        checksum = self.begin()
        assert self._statuses(self.company.in_a_process("apply", checksum=checksum)) == {"done"}
        calm = tally(self.company, self.since)
        assert calm["Invoice", "create"] == taken_back["Invoice", "void"] == 2
        assert {operation for _, operation in calm} == {"create", "update"}
        return calm, taken_back

    def _approved(self, checksum: str) -> str:
        cycle.approve(self.company.settings, checksum, "Ada")
        return checksum

    def _next(self) -> int:
        return self.company.sandbox.kernel.journal.next_number()

    def _statuses(self, answer: dict[str, Any]) -> set[str]:
        return {status for _, status, _ in answer.get("result", ())}


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Histories]:
    with running_company(tmp_path_factory.mktemp("killed"), DEALS, DEALS) as running:
        played = Histories(running)
        yield played
    if figures := os.environ.get("CRASH_FIGURES"):
        told = {"histories": played.played, "kills": played.kills, "lost_calls": played.lost}
        Path(figures, f"{os.getpid()}.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("point", "forgotten"), WRITING)
def test_killed_while_writing(histories: Histories, point: str, forgotten: bool) -> None:
    flow = point.partition(".")[0]
    checksum = histories.begin(flow)
    assert histories.kill("apply", kill=point, checksum=checksum)
    if forgotten:
        histories.company.forget()
    histories.finish(checksum, flow)


@pytest.mark.parametrize("point", LOOKING if WHOLE else ["invoices.after_look"])
def test_killed_while_looking(histories: Histories, point: str) -> None:
    flow = point.partition(".")[0]
    checksum = histories.begin(flow)
    company = histories.company
    company.fault("drop_after", **LOST[flow])
    company.in_a_process("apply", checksum=checksum)
    assert histories.kill("apply", kill=point, checksum=checksum)
    company.forget()
    histories.finish(checksum, flow)


@pytest.mark.parametrize("weather", WEATHER)
@pytest.mark.parametrize("begun", ["new", "in doubt", UNDO] if WHOLE else ["new", "in doubt"])
def test_each_request_of_a_run(histories: Histories, begun: str, weather: str) -> None:
    """Token calls, looks and writes alike: the process is killed just before or after it, or the
    line breaks there. In doubt: an earlier run has left writes open."""
    for number in REQUESTS:
        checksum = histories.begin(begun)
        if begun == "in doubt":
            histories.company.fault("drop_after", r"/(customer|batch)\b", times=3)
            histories.company.in_a_process("apply", checksum=checksum)
        was_hit = disturbed(histories, checksum, weather, number)
        histories.finish(checksum, begun)
        if not was_hit:
            assert WHOLE
            assert number > 3
            return


def disturbed(histories: Histories, checksum: str, weather: str, number: int) -> bool:
    """One run in which this happens to its so many-th request; False if it made fewer."""
    what, when = weather.split()
    if what == "killed":
        return histories.kill("apply", checksum=checksum, kill_request=[number, when])
    faults, lock = histories.company.sandbox.kernel.faults, histories.company.sandbox.kernel.lock
    with lock:
        rule = faults.arm({"path": "", "skip": number - 1, "action": {"kind": f"drop_{when}"}})
    histories.company.in_a_process("apply", checksum=checksum)
    with lock:
        faults.clear()
    histories.lost += rule.fired
    return bool(rule.fired)


def test_killed_at_every_door(histories: Histories) -> None:
    """The plan is stored, approved, the lease taken and released, the state copied: one after the
    other, each process dies there."""
    company = histories.company
    histories.begin()
    histories.first, histories.since = next(histories.numbers), histories._next()
    company.judge(everything(company, histories.first))
    assert histories.kill("plan", kill="plan.stored")
    checksum = company.plan().checksum
    assert histories.kill("approve", kill="approval.stored", checksum=checksum)
    for point in ("lease.taken", "lease.released"):
        assert histories.kill("apply", kill=point, checksum=checksum)
    assert histories.kill("copy", kill="state.copied")
    histories.finish(checksum)
    assert set(DOORS) == {
        "plan.stored", "approval.stored", "lease.taken", "lease.released", "state.copied",
    }  # fmt: skip


def test_every_flow_is_killed(histories: Histories) -> None:
    """A flow that is new has its points and its rows here, or this fails."""
    company = histories.company
    company.judge(everything(company, next(histories.numbers)))
    planned = {change.flow for change in company.plan().changes}
    assert planned | {UNDO, MAILS} == set(registry.NAMES)
    assert set(FLOW_NAMES) == set(registry.NAMES)
    assert {p.partition(".")[0] for p, _ in SAMPLE} == set(KILLED)
    assert {p.partition(".")[2] for p, _ in SAMPLE} == set(FLOW_POINTS[:6])
    assert set(LOST) | set(REPEATABLE) == set(KILLED)
