"""Every fault of the sandbox at every endpoint of writing: no answer, whatever it says, ever leads
to a deletion, to a void that nobody asked for, or to a second record.

Plans of every flow are delivered from this process to the real sandbox, without a warehouse. Which
endpoints there are is seen in the journal of deliveries that go well or find their last one in
doubt, so a new one is covered. What was written, the journal says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from every_flow import everything, made, places, written
from small_company import AS_OF, ORG, PATIENCE, US, SmallCompany, running_company
from storms_of_writing import FAULTS

from pipelines.clients.recording import unrecorded
from pipelines.clients.tokens import TokenFile
from pipelines.errors import CrossfootError
from pipelines.sandbox.faults import KINDS
from reverse_etl import store, undoing
from reverse_etl.apply import apply_plan
from reverse_etl.changes import Plan
from reverse_etl.connections import open_clients
from reverse_etl.lease import hold, utc_now
from reverse_etl.ledger import Entry, Ledger, snapshot
from reverse_etl.plan import build_plan
from reverse_etl.state import State, open_state
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Clients, Facts

VARIANTS = [(kind, more) for kind, variants in FAULTS.items() for more in variants]
Endpoint = tuple[str, str, str]
CODES = {"quickbooks": "6000", "salesforce": "UNABLE_TO_LOCK_ROW"}
_OWN = re.compile(rf"/({US}|{ORG}|\d+$)")
# So many deliveries until all is settled, one fault of each endpoint after the other.
MOST = 12


# These strike any call; the others have their place.
ANYWHERE = (
    "refuse", "throttle", "delay", "hang", "drop_before", "drop_after", "truncate", "malformed",
    "clock_skew",
)  # fmt: skip
# A vendor that remembers no request and shows older books for long cannot be served.
LYING = ("stale_read",)


@dataclass
class Deliveries:
    """The sandbox, our state, and records of the next numbers with each plan."""

    company: SmallCompany
    state: State
    numbers: Iterator[int] = field(default_factory=lambda: count(1, 2))
    first: int = 0
    since: int = 0
    ahead: timedelta = timedelta(0)
    armed: list[Endpoint] = field(default_factory=list)
    hits: set[tuple[str, Endpoint]] = field(default_factory=set)

    def begin(self) -> None:
        """New records, and no token that could still be used."""
        for path in self.company.settings.token_dir.glob("*.json"):
            file = TokenFile(path)
            if known := file.load():
                file.save(replace(known, access_until=known.access_until - timedelta(days=1)))
        self.first = next(self.numbers)
        self.since = self.company.sandbox.kernel.journal.next_number()

    def plan(self) -> Plan:
        rows = everything(self.company, self.first)
        dated = {
            name: [{**row, "data_as_of": AS_OF} if "data_as_of" in row else row for row in own]
            for name, own in rows.items()
        }
        entries = snapshot(self.state, registry.NAMES)
        return self._kept(build_plan(registry.FLOWS, dated, Facts(), entries, AS_OF, self.now()))

    def undoing(self, keys: list[str]) -> Plan:
        clients = self._clients()
        return self._kept(undoing.undo_plan(self.state, keys, clients, {}, AS_OF, self.now()))

    def _kept(self, plan: Plan) -> Plan:
        store.keep(self.state, plan, "", self.now())
        return plan

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def minutes_pass(self) -> None:
        """As many as a query takes at most to show what was made."""
        self.ahead += PATIENCE.visible_within + timedelta(minutes=1)

    def deliver(self, plan: Plan) -> None:
        """Once; what stops it is told in the ledger."""
        with hold(self.state, "test", self.now) as lease:
            ledger = Ledger(self.state, lease)
            try:
                apply_plan(
                    plan,
                    ledger,
                    self._clients(),
                    known_as_of=AS_OF,
                    now=self.now,
                    patience=PATIENCE,
                )
            except CrossfootError as problem:
                assert problem.problem

    def _clients(self) -> Clients:
        return open_clients(self.company.settings, unrecorded)

    def own(self) -> dict[str, Entry]:
        """The ledger's lines of what is to be made."""
        known = {e.change_key: e for e in snapshot(self.state, registry.NAMES)}
        return {key: known[key] for key in places(self.first) if key in known}

    def in_doubt(self) -> bool:
        entries = snapshot(self.state, registry.NAMES)
        return any(entry.in_doubt for entry in entries)

    def endpoints(self) -> set[Endpoint]:
        """System, method and address of every call since the beginning, ids left out."""
        calls = self.company.sandbox.kernel.journal.entries(self.since - 1, None)
        found = {(c.system, c.method, _OWN.sub("/…", c.path)) for c in calls}
        # Where the tokens are is asked once in the life of a process.
        return {one for one in found if "well-known" not in one[2]}

    def arm(self, endpoint: Endpoint, kind: str, more: Any) -> None:
        system, method, path = endpoint
        action = {"kind": kind, **more}
        if kind == "partial_failure":
            action["code"] = CODES[system]
        pattern = re.escape(path).replace("…", "[^/]+") + r"(\?|$)"
        rule = {"system": system, "method": method, "path": pattern, "action": action, "seed": 7}
        kernel = self.company.sandbox.kernel
        with kernel.lock:
            kernel.faults.arm(rule)
        self.armed.append(endpoint)

    def calm(self) -> None:
        """Disarm; who was hit is kept."""
        kernel = self.company.sandbox.kernel
        with kernel.lock:
            self.hits |= {
                (rule.action.kind, endpoint)
                for rule, endpoint in zip(kernel.faults.rules(), self.armed, strict=False)
                if rule.fired
            }
            kernel.faults.clear()
        self.armed.clear()


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deliveries]:
    most = 6 * len(VARIANTS) + 10
    with running_company(tmp_path_factory.mktemp("failing"), most, most) as company:
        state = open_state(company.settings.state_url)
        yield Deliveries(company, state)
        state.close()


@pytest.fixture(scope="module")
def endpoints(deliveries: Deliveries) -> list[Endpoint]:
    """Of a delivery that leaves all in doubt, of one that finds it so, and of taking back."""
    deliveries.begin()
    plan = deliveries.plan()
    leave_in_doubt(deliveries, plan)
    deliveries.deliver(plan)
    deliveries.minutes_pass()
    deliveries.deliver(deliveries.plan())
    deliveries.deliver(deliveries.undoing(invoices(deliveries)))
    assert {call for _, call, _ in written(deliveries.company, deliveries.since)}
    return sorted(deliveries.endpoints())


def leave_in_doubt(deliveries: Deliveries, plan: Plan) -> None:
    """Everything is done, and no answer comes but of every third call, or the run would stop."""
    for path in (r"/customer\b", r"/item\b", "composite", "graph", r"/(batch|invoice)\b", "mail"):
        deliveries.company.fault("drop_after", path)
    deliveries.deliver(plan)
    deliveries.calm()


def invoices(deliveries: Deliveries) -> list[str]:
    return [key for key in places(deliveries.first) if key.startswith("invoices:")]


def test_every_kind_is_tried() -> None:
    assert set(FAULTS) == set(KINDS)


@pytest.mark.parametrize("begun", ["new", "in doubt"])
@pytest.mark.parametrize(
    ("kind", "more"), VARIANTS, ids=[f"{kind}-{more}" for kind, more in VARIANTS]
)
def test_no_failing_answer_destroys_or_doubles(
    deliveries: Deliveries, endpoints: list[Endpoint], kind: str, more: Any, begun: str
) -> None:
    deliveries.begin()
    plan = deliveries.plan()
    if begun == "in doubt":
        leave_in_doubt(deliveries, plan)
    for endpoint in endpoints:
        deliveries.arm(endpoint, kind, more)
    settle(deliveries, plan, is_lying=kind in LYING)
    deliveries.calm()
    for _ in range(2):
        deliveries.minutes_pass()
        deliveries.deliver(deliveries.plan())
    operations = {operation for _, _, operation in written(deliveries.company, deliveries.since)}
    assert operations <= {"create", "update"}
    counted = made(deliveries.company, deliveries.first, deliveries.since)
    ledger = deliveries.own()
    for key in places(deliveries.first):
        status = ledger[key].status if key in ledger else "waiting"
        assert (counted[key], status) in {(1, "done"), (0, "refused"), (0, "waiting")}, key


def settle(deliveries: Deliveries, plan: Plan, is_lying: bool) -> None:
    """Deliver until nothing is in doubt; in between time passes and the vendor forgets what it was
    asked, unless it shows older books: then that would be too much."""
    for _ in range(MOST):
        deliveries.deliver(plan)
        if not is_lying:
            deliveries.minutes_pass()
            deliveries.company.forget()
        if not deliveries.in_doubt():
            return


@pytest.mark.parametrize(("kind", "more"), [(kind, FAULTS[kind][0]) for kind in FAULTS])
def test_what_a_person_takes_back_is_voided_once(
    deliveries: Deliveries, endpoints: list[Endpoint], kind: str, more: Any
) -> None:
    deliveries.begin()
    deliveries.deliver(deliveries.plan())
    plan = deliveries.undoing(invoices(deliveries))
    assert len(plan.changes) == 2
    for endpoint in endpoints:
        deliveries.arm(endpoint, kind, more)
    with suppress(CrossfootError):
        deliveries.undoing(invoices(deliveries))
    settle(deliveries, plan, is_lying=kind in LYING)
    deliveries.calm()
    deliveries.minutes_pass()
    deliveries.deliver(plan)
    voided = Counter(w for w in written(deliveries.company, deliveries.since) if w[2] == "void")
    assert set(voided.values()) == {1}
    assert len(voided) <= 2
    assert set(made(deliveries.company, deliveries.first, deliveries.since).values()) == {1}


def test_every_fault_met_every_endpoint(deliveries: Deliveries, endpoints: list[Endpoint]) -> None:
    """Runs last: of the tests before, all together."""
    missed = {(k, e) for k in ANYWHERE for e in endpoints} - deliveries.hits
    assert not missed, sorted(missed)
    assert {kind for kind, _ in deliveries.hits} == set(KINDS)
