"""Whatever happens, in whatever order: never two documents for one key, and nothing forgotten.

The real plan, ledger and apply against a double of the vendor that loses requests and replies,
refuses, forgets request ids, and a process that dies at any fail point; a person edits deals, voids
invoices, and time passes. Hypothesis looks for the sequence that breaks it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from writing import (
    AS_OF,
    PROMPT,
    US,
    World,
    account_id,
    customer_row,
    deal_id,
    deal_status_row,
    invoice_row,
    marts,
)

from pipelines.errors import CrossfootError
from reverse_etl import failpoints
from reverse_etl.ledger import snapshot
from reverse_etl.syncs import registry

DEALS = (1, 2, 3)
FAULTS = st.sampled_from(
    [None, None, "lost_request", "lost_reply", "refused", "unavailable", "bug"]
)
POINTS = st.sampled_from([None, *(p for p in failpoints.POINTS if "." in p and p[0] in "cid")])


class Died(BaseException):
    """The process was killed here."""


def _die() -> None:
    raise Died


class Writes(RuleBasedStateMachine):
    """Deal 1 has a customer; deals 2 and 3 need one made, the same account's for both."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="crossfoot-writes-"))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(failpoints, "_end", _die)
        self.world = World(self.folder)
        self.as_of = AS_OF
        self.edits = dict.fromkeys(DEALS, 0)
        self.blocked: set[int] = set()
        self.plan: Any = None
        self.state_lost = False

    @initialize(minutes=st.sampled_from([0, 5, 600]), hidden=st.sampled_from([0, 0, 30]))
    def vendor(self, minutes: int, hidden: int) -> None:
        """How long request ids are remembered, and how long new records stay hidden."""
        self.world.us.memory = timedelta(minutes=minutes)
        self.world.us.hidden_for = timedelta(seconds=min(hidden, minutes * 60))

    def teardown(self) -> None:
        os.environ.pop(failpoints.VARIABLE, None)
        self.patch.undo()
        self.world.state.close()
        shutil.rmtree(self.folder)

    # What the warehouse would say ------------------------------------------------------------

    def rows(self) -> dict[str, Any]:
        """As the marts do: what is in the books by the time of the extract is not asked for."""
        invoices = [self._invoice(n) for n in DEALS if self._seen("invoices", deal_id(n)) is None]
        customers = []
        if self._seen("customers", account_id(9)) is None:
            customers = [customer_row(9)]
        status = [deal_status_row(n, invoice_status=f"S{self.edits[n]}") for n in DEALS]
        return marts(invoices=invoices, customers=customers, deals=status)

    def _invoice(self, number: int) -> dict[str, Any]:
        row = invoice_row(number, po_number=f"PO {self.edits[number]}")
        row["private_note"] = f"{row['mark']}\nedit {self.edits[number]}"
        if number in self.blocked:
            row["blocked_reason"] = "invoice_in_review"
        if number != 1:
            made = self._seen("customers", account_id(9))
            key = f"customers:{US}:{account_id(9)}:0:g1"
            row |= {"customer_id": made, "customer_change_key": None if made else key}
        return row

    def _seen(self, flow: str, record: str) -> str | None:
        table = self.world.us.invoices if flow == "invoices" else self.world.us.customers
        note = "PrivateNote" if flow == "invoices" else "Notes"
        for remote in table.values():
            if record in remote[note] and remote["made"] < self.as_of:
                return str(remote["Id"])
        return None

    # What can happen -------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 45, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule()
    def extract(self) -> None:
        """Everything written so far becomes visible to the marts."""
        self.world.clock.advance(1)
        self.as_of = self.world.clock()

    @rule(number=st.sampled_from(DEALS))
    def edit_deal(self, number: int) -> None:
        self.edits[number] += 1

    @rule(number=st.sampled_from(DEALS))
    def review_finds_a_candidate(self, number: int) -> None:
        self.blocked ^= {number}

    @rule()
    def make_plan(self) -> None:
        self.plan = self.world.plan(self.rows(), as_of=self.as_of)

    @rule(faults=st.lists(FAULTS, max_size=6), point=POINTS, times=st.integers(1, 2))
    def apply(self, faults: list[str | None], point: str | None, times: int) -> None:
        if self.plan is None:
            self.make_plan()
        self.world.us.faults = list(faults)
        self.world.org.faults = [f for f in faults if f in ("lost_request", "lost_reply")][:1]
        failpoints._reached.clear()
        if point:
            os.environ[failpoints.VARIABLE] = f"{point}:{times}"
        try:
            self.world.apply(self.plan, as_of=self.as_of, look_first=self.state_lost)
        except (CrossfootError, KeyError, Died):
            pass
        finally:
            os.environ.pop(failpoints.VARIABLE, None)
            self.world.us.faults, self.world.org.faults = [], []

    @rule()
    def restart(self) -> None:
        self.world.state.close()
        before = self.world
        self.world = World(self.folder, before.clock)
        self.world.us, self.world.org = before.us, before.org
        self.world.clients = before.clients

    @rule()
    def lose_the_state(self) -> None:
        """The file is gone. Unsettled writes must have had time to become visible; from then on
        every create looks first, until the data are newer than the new state."""
        self.world.clock.advance(self.world.us.hidden_for.total_seconds() + 1)
        self.world.state.close()
        for file in self.folder.glob("state.sqlite*"):
            file.unlink()
        self.restart()
        self.plan, self.state_lost = None, True

    # What must hold --------------------------------------------------------------------------

    @invariant()
    def never_two_documents_for_one_key(self) -> None:
        marks = Counter(i["PrivateNote"].splitlines()[0] for i in self.world.us.invoices.values())
        assert all(count == 1 for count in marks.values()), marks
        notes = Counter(c["Notes"] for c in self.world.us.customers.values())
        assert all(count == 1 for count in notes.values()), notes

    @invariant()
    def what_the_ledger_calls_done_is_there(self) -> None:
        tables = {"Invoice": self.world.us.invoices, "Customer": self.world.us.customers}
        for entry in snapshot(self.world.state, ["customers", "invoices"]):
            assert entry.status != "done" or entry.remote_id in tables[entry.entity]

    @rule()
    def calm_days_bring_everything_home(self) -> None:
        """No faults, a few rounds of extract, plan, apply: every deal that may be billed is, once,
        every entry is settled, and the next plan for it is empty."""
        if self.state_lost:
            self.state_lost = False
            self.plan = None
        for _ in range(4):
            self.world.clock.advance(4000)
            self.extract()
            self.make_plan()
            self.world.apply(self.plan, as_of=self.as_of, look_first=True, patience=PROMPT)
        billed = {i["PrivateNote"][10:28] for i in self.world.us.invoices.values()}
        held = {
            e.record_id for e in snapshot(self.world.state, ["invoices"]) if e.status == "refused"
        }
        customers_held = any(
            e.status == "refused" for e in snapshot(self.world.state, ["customers"])
        )
        for number in set(DEALS) - self.blocked:
            waiting = number != 1 and customers_held
            assert deal_id(number) in billed | held or waiting
        assert not any(e.in_doubt for e in snapshot(self.world.state, registry.NAMES))


Writes.TestCase.settings = settings(
    max_examples=24,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
TestWrites = Writes.TestCase
