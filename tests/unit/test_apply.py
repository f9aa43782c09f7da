"""Carrying out a plan: every ending of a call, and every place to die at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from writing import (
    AS_OF,
    GB,
    PROMPT,
    US,
    World,
    account_id,
    account_status_row,
    customer_row,
    deal_id,
    deal_status_row,
    estimate_row,
    invoice_row,
    mail_row,
    marts,
    overdue_row,
    price_row,
    product_row,
)

from pipelines.errors import (
    ConfigurationError,
    Conflict,
    Incomplete,
    ReplyLost,
    Stop,
    Throttled,
    Unavailable,
)
from reverse_etl import failpoints
from reverse_etl.changes import from_json, request_id
from reverse_etl.grouping import groups
from reverse_etl.ledger import history, snapshot
from reverse_etl.syncs import registry

INVOICE = marts(invoices=[invoice_row()])


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record in a call of its own."""
    alone = tuple(replace(flow, batch=1) for flow in registry.FLOWS)
    monkeypatch.setattr(registry, "FLOWS", alone)


THREE = marts(invoices=[invoice_row(n) for n in (1, 2, 3)])
KEY = f"customers:{US}:{account_id(1)}:0:g1"
WITH_CUSTOMER = marts(
    invoices=[invoice_row(customer_id=None, customer_change_key=KEY)], customers=[customer_row()]
)
LATER = AS_OF + timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_plan_is_carried_out_and_a_second_time_changes_nothing(world: World) -> None:
    plan = world.plan(THREE)
    first = world.apply(plan)
    assert world.statuses(first) == ["done"] * 3
    assert first.progressed
    sent = len(world.us.sent)
    second = world.apply(plan)
    assert world.statuses(second) == ["done"] * 3
    assert not second.progressed
    assert (len(world.us.sent), world.us.looks) == (sent, 0)


def test_the_request_id_is_the_key_s_and_the_bytes_are_the_plan_s(world: World) -> None:
    plan = world.plan(INVOICE)
    world.apply(plan)
    ((entity, sent_id, body),) = world.us.sent
    assert (entity, sent_id) == ("Invoice", request_id(plan.changes[0].key))
    assert body == from_json(plan.changes[0].payload)


def test_the_intent_is_durable_before_the_call(world: World) -> None:
    seen: list[str] = []

    def spy(entity: str, body: str, request_id: str) -> dict[str, Any]:
        (entry,) = snapshot(world.state, ["invoices"])
        seen.append(entry.status)
        assert (entry.payload, entry.request_id) == (body, request_id)
        return {"Id": "7"}

    world.us.create = spy  # type: ignore[method-assign]
    world.apply(world.plan(INVOICE))
    assert seen == ["open"]


def test_a_customer_made_first_gives_its_id_to_the_invoice(world: World) -> None:
    result = world.apply(world.plan(WITH_CUSTOMER))
    assert world.statuses(result) == ["done", "done"]
    (customer_id,) = world.us.customers
    (invoice,) = world.us.invoices.values()
    assert invoice["CustomerRef"] == {"value": customer_id}


def test_a_refusal_is_a_fact_about_its_row_alone(world: World) -> None:
    world.us.faults = [None, "refused", None]
    result = world.apply(world.plan(THREE))
    assert world.statuses(result) == ["done", "refused", "done"]
    assert result.outcomes[1].message == "6240: Duplicate"
    assert result.failed


def test_a_refused_row_is_not_sent_again_by_the_same_plan(world: World) -> None:
    world.us.faults = ["refused"]
    plan = world.plan(INVOICE)
    world.apply(plan)
    assert world.statuses(world.apply(plan)) == ["refused"]
    assert len(world.us.sent) == 1


def test_what_needs_a_refused_change_waits_and_is_not_sent(world: World) -> None:
    world.us.faults = ["refused"]
    result = world.apply(world.plan(WITH_CUSTOMER))
    assert world.statuses(result) == ["refused", "waiting"]
    assert snapshot(world.state, ["invoices"]) == ()
    assert [entity for entity, _, _ in world.us.sent] == ["Customer"]


def test_what_needs_an_unanswered_change_waits_too(world: World) -> None:
    world.us.faults = ["lost_reply"]
    plan = world.plan(WITH_CUSTOMER)
    assert world.statuses(world.apply(plan)) == ["unknown", "waiting"]
    assert world.statuses(world.apply(plan)) == ["done", "done"]
    assert (len(world.us.customers), len(world.us.invoices)) == (1, 1)


class TestSilence:
    def test_leaves_the_row_open_and_the_others_go_on(self, world: World) -> None:
        world.us.faults = ["lost_reply", None, "lost_request"]
        result = world.apply(world.plan(THREE))
        assert world.statuses(result) == ["unknown", "done", "unknown"]

    def test_the_next_run_looks_and_adopts_what_arrived(self, world: World) -> None:
        world.us.faults = ["lost_reply"]
        world.apply(world.plan(INVOICE))
        world.us.memory = timedelta(0)
        world.clock.advance(3600)
        result = world.apply(world.plan(INVOICE))
        (settled,) = result.settled
        assert (settled.status, settled.message) == ("done", "found by its mark")
        assert (len(world.us.invoices), len(world.us.sent), world.us.looks) == (1, 1, 1)

    def test_the_next_run_sends_the_stored_bytes_of_what_did_not(self, world: World) -> None:
        world.us.faults = ["lost_request"]
        world.apply(world.plan(INVOICE))
        edited = marts(invoices=[invoice_row(customer_id="999", po_number="new")])
        result = world.apply(world.plan(edited))
        assert [o.status for o in result.settled] == ["done"]
        first, second = world.us.sent
        assert first == second
        (entry,) = snapshot(world.state, ["invoices"])
        events = [e["event"] for e in history(world.state, entry.change_key)]
        assert events == ["intended", "unknown", "intended again", "done"]

    def test_one_look_and_one_call_serve_all_that_a_batch_left_open(self, world: World) -> None:
        world.us.faults = ["lost_reply", "lost_request", None, "lost_reply", "lost_request"]
        five = marts(invoices=[invoice_row(n) for n in range(1, 6)])
        assert world.statuses(world.apply(world.plan(five))).count("unknown") == 4
        batches = world.us.batches
        settled = world.apply(world.plan(five)).settled
        assert [o.status for o in settled] == ["done"] * 4
        assert [o.message == "found by its mark" for o in settled] == [True, False, True, False]
        assert (world.us.looks, world.us.batches - batches, len(world.us.sent)) == (1, 1, 7)
        assert len(world.us.invoices) == 5

    def test_a_mark_that_is_there_twice_stops_all_before_anything_is_sent(
        self, world: World
    ) -> None:
        world.us.faults = ["lost_reply", "lost_request"]
        two = marts(invoices=[invoice_row(1), invoice_row(2)])
        world.apply(world.plan(two))
        (made,) = world.us.invoices.values()
        world.us.invoices["900"] = {**made, "Id": "900"}
        sent = len(world.us.sent)
        with pytest.raises(Conflict, match=r"900.* all carry the mark"):
            world.apply(world.plan(two))
        assert len(world.us.sent) == sent

    def test_what_never_arrived_and_is_not_wanted_any_more_is_withdrawn(self, world: World) -> None:
        world.us.faults = ["lost_request"]
        world.apply(world.plan(INVOICE))
        gone = marts(invoices=[invoice_row(blocked_reason="invoice_in_review")])
        assert [o.status for o in world.apply(world.plan(gone)).settled] == ["unknown"]
        world.clock.advance(181)
        (settled,) = world.apply(world.plan(gone)).settled
        assert (settled.status, settled.message.split(":")[0]) == ("refused", "withdrawn")
        assert len(world.us.sent) == 1
        assert len(world.plan(INVOICE).changes) == 1

    def test_what_arrived_and_is_not_wanted_any_more_is_still_recorded(self, world: World) -> None:
        world.us.faults = ["lost_reply"]
        world.apply(world.plan(INVOICE))
        (settled,) = world.apply(world.plan(marts())).settled
        assert settled.status == "done"

    def test_three_in_a_row_stop_the_run(self, world: World, one_by_one: None) -> None:
        world.us.faults = ["lost_request"] * 3
        rows = marts(invoices=[invoice_row(n) for n in range(1, 6)])
        with pytest.raises(ReplyLost) as caught:
            world.apply(world.plan(rows))
        assert "of 5 changes were finished" in caught.value.__notes__[0]
        assert [e.status for e in snapshot(world.state, ["invoices"])] == ["unknown"] * 3

    def test_an_answer_in_between_starts_the_count_anew(self, world: World) -> None:
        world.us.faults = ["lost_request", "lost_request", None, "lost_request", "lost_request"]
        rows = marts(invoices=[invoice_row(n) for n in range(1, 6)])
        assert world.statuses(world.apply(world.plan(rows))).count("unknown") == 4

    def test_where_neither_memory_nor_sight_can_be_trusted_it_waits(self, world: World) -> None:
        """It forgets after 20 s and shows new records after 60: between, a repeat is blind."""
        world.us.memory, world.us.hidden_for = timedelta(seconds=20), timedelta(seconds=60)
        patience = replace(
            PROMPT, request_memory=timedelta(seconds=20), visible_within=timedelta(seconds=60)
        )
        world.us.faults = ["lost_reply"]
        world.apply(world.plan(INVOICE), patience=patience)
        for seconds, status in ((30, "unknown"), (40, "done")):
            world.clock.advance(seconds)
            result = world.apply(world.plan(INVOICE), patience=patience)
            assert [o.status for o in result.settled] == [status]
        assert len(world.us.invoices) == 1

    def test_a_second_try_counts_from_its_own_sending(self, world: World) -> None:
        world.us.memory, world.us.hidden_for = timedelta(seconds=20), timedelta(seconds=60)
        patience = replace(
            PROMPT, request_memory=timedelta(seconds=20), visible_within=timedelta(seconds=60)
        )
        world.us.faults = ["lost_request", "lost_reply"]
        world.apply(world.plan(INVOICE), patience=patience)
        for seconds in (61, 30, 31):
            world.clock.advance(seconds)
            world.apply(world.plan(INVOICE), patience=patience)
        assert len(world.us.invoices) == 1
        (entry,) = snapshot(world.state, ["invoices"])
        assert entry.status == "done"


class TestBatch:
    def test_silence_about_one_part_leaves_its_neighbours_settled(self, world: World) -> None:
        world.us.faults = [None, "lost_reply", "refused"]
        plan = world.plan(THREE)
        assert world.statuses(world.apply(plan)) == ["done", "unknown", "refused"]
        world.clock.advance(1)
        result = world.apply(plan)
        assert world.statuses(result) == ["done", "done", "refused"]
        assert len(world.us.invoices) == 2

    def test_a_change_has_one_request_id_alone_and_in_a_batch(self, world: World) -> None:
        plan = world.plan(THREE)
        world.us.faults = ["lost_reply"] * 3
        world.apply(plan)
        world.apply(plan)
        sent = [request for _, request, _ in world.us.sent]
        assert sent[:3] == [request_id(change.key) for change in plan.changes]
        assert len(world.us.invoices) == 3


class TestStop:
    def test_an_error_of_our_own_leaves_the_rest_untouched(
        self, world: World, one_by_one: None
    ) -> None:
        world.us.faults = [None, "bug"]
        with pytest.raises(KeyError):
            world.apply(world.plan(THREE))
        statuses = [e.status for e in snapshot(world.state, ["invoices"])]
        assert statuses == ["done", "open"]
        assert len(world.us.sent) == 2

    def test_the_next_run_finishes_it(self, world: World) -> None:
        world.us.faults = [None, "bug"]
        plan = world.plan(THREE)
        with pytest.raises(KeyError):
            world.apply(plan)
        assert world.statuses(world.apply(plan)) == ["done"] * 3
        assert len(world.us.invoices) == 3

    def test_a_dead_line_is_tried_a_few_times_then_stops_the_run(
        self, world: World, one_by_one: None
    ) -> None:
        world.us.faults = [None, *["unavailable"] * 3]
        with pytest.raises(Unavailable) as caught:
            world.apply(world.plan(THREE))
        assert caught.value.__notes__ == ["Before that, 1 of 3 changes were finished."]
        assert len(world.us.sent) == 4

    def test_a_short_trouble_is_waited_for(self, world: World) -> None:
        world.us.faults = ["unavailable", "unavailable"]
        assert world.statuses(world.apply(world.plan(INVOICE))) == ["done"]
        assert len({sent_id for _, sent_id, _ in world.us.sent}) == 1

    def test_a_throttle_says_how_long(self, world: World) -> None:
        waited: list[float] = []
        real = world.us.create

        def throttled(entity: str, body: str, request_id: str) -> dict[str, Any]:
            if len(waited) < 2:
                longer = [7.0, 99999.0][len(waited)]
                raise Throttled("QuickBooks", "company", "too many", retry_after=longer)
            return real(entity, body, request_id)

        world.us.create = throttled  # type: ignore[method-assign]
        patience = replace(PROMPT, sleep=waited.append)
        assert world.statuses(world.apply(world.plan(INVOICE), patience=patience)) == ["done"]
        assert waited == [7.0, 120.0]

    def test_a_company_that_is_not_configured_stops_before_anything_is_sent(
        self, world: World
    ) -> None:
        world.clients = replace(world.clients, quickbooks={GB: world.gb})
        with pytest.raises(ConfigurationError, match=US):
            world.apply(world.plan(INVOICE))


class TestCollections:
    def test_a_thousand_records_go_in_one_call_sorted_by_id(self, world: World) -> None:
        rows = marts(deals=[deal_status_row(n) for n in reversed(range(1, 1051))])
        result = world.apply(world.plan(rows))
        assert [len(call) for call in world.org.calls] == [1000, 50]
        ids = [record["Id"] for call in world.org.calls for record in call]
        assert ids == sorted(ids)
        assert result.counts("deal_status")["done"] == 1050

    def test_one_bad_record_never_takes_its_neighbours_with_it(self, world: World) -> None:
        world.org.refuse = {deal_id(2): "FIELD_CUSTOM_VALIDATION_EXCEPTION"}
        result = world.apply(world.plan(marts(deals=[deal_status_row(n) for n in (1, 2, 3)])))
        assert world.statuses(result) == ["done", "refused", "done"]
        assert "FIELD_CUSTOM_VALIDATION_EXCEPTION: refused" in result.outcomes[1].message

    @pytest.mark.parametrize("fault", ["lost_reply", "lost_request"])
    def test_a_lost_call_leaves_all_its_records_open_and_is_repeated_whole(
        self, world: World, fault: str
    ) -> None:
        world.org.faults = [fault]
        rows = marts(deals=[deal_status_row(n) for n in (1, 2, 3)])
        assert world.statuses(world.apply(world.plan(rows))) == ["unknown"] * 3
        result = world.apply(world.plan(rows))
        assert [o.status for o in result.settled] == ["done"] * 3
        assert len(world.org.calls) == 2

    def test_a_lost_update_that_was_overtaken_is_looked_up_and_never_repeated(
        self, world: World
    ) -> None:
        world.org.faults = ["lost_request"]
        world.apply(world.plan(marts(deals=[deal_status_row()])))
        paid = marts(deals=[deal_status_row(invoice_status="Paid")])
        world.clock.advance(600)
        (settled,) = world.apply(world.plan(paid)).settled
        assert settled.status == "refused"
        assert len(world.org.calls) == 1
        assert world.statuses(world.apply(world.plan(paid, as_of=LATER), as_of=LATER)) == ["done"]
        assert world.org.records[deal_id(1)]["QBO_Invoice_Status__c"] == "Paid"

    def test_fewer_answers_than_records_are_not_guessed_at(self, world: World) -> None:
        world.org.faults = ["short"]
        with pytest.raises(Incomplete):
            world.apply(world.plan(marts(deals=[deal_status_row(n) for n in (1, 2)])))
        assert {e.status for e in snapshot(world.state, ["deal_status"])} == {"open"}

    def test_groups_keep_companies_and_needs_apart(self, world: World) -> None:
        rows = [invoice_row(1), invoice_row(2), invoice_row(3), invoice_row(4, company_id=GB)]
        one, two, three, other = world.plan(marts(invoices=rows)).changes
        changes = [one, two, other, three]
        assert [len(g) for g in groups(changes, 30)] == [2, 1, 1]
        assert [len(g) for g in groups(changes, 1)] == [1, 1, 1, 1]
        chained = [changes[0], replace(changes[1], needs=(changes[0].key,))]
        assert [len(g) for g in groups(chained, 30)] == [1, 1]
        assert list(groups([], 30)) == []


class TestForgottenLedger:
    """The state is lost or set back: whatever may have been written is looked for first."""

    def test_what_is_there_is_adopted_and_not_written_again(self, world: World) -> None:
        world.apply(world.plan(WITH_CUSTOMER))
        lost = World(world.folder / "new", world.clock)
        lost.us, lost.clients = world.us, world.clients
        lost.us.memory = timedelta(0)
        result = lost.apply(lost.plan(WITH_CUSTOMER), look_first=True)
        assert lost.statuses(result) == ["done", "done"]
        assert (len(lost.us.customers), len(lost.us.invoices)) == (1, 1)
        events = history(lost.state, f"invoices:{US}:{deal_id(1)}:1:g1")
        assert [e["event"] for e in events] == ["intended", "adopted"]

    def test_what_is_not_there_is_written(self, world: World) -> None:
        result = world.apply(world.plan(INVOICE), look_first=True)
        assert (world.statuses(result), world.us.looks) == (["done"], 1)

    def test_in_ordinary_runs_nothing_is_looked_for(self, world: World) -> None:
        world.apply(world.plan(THREE))
        assert world.us.looks == 0


class Died(BaseException):
    """The process was killed here."""


EVERYTHING = marts(
    invoices=WITH_CUSTOMER["sync_invoices"],
    customers=[customer_row()],
    deals=[deal_status_row(n) for n in (1, 2)],
    accounts=[account_status_row()],
    estimates=[estimate_row()],
    products=[product_row()],
    prices=[price_row()],
    overdue=[overdue_row()],
)


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Any:
    def at(point: str | None, times: int = 1) -> None:
        failpoints._reached.clear()
        if point is None:
            monkeypatch.delenv(failpoints.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(failpoints.VARIABLE, f"{point}:{times}")

    def die() -> None:
        raise Died

    monkeypatch.setattr(failpoints, "_end", die)
    return at


LOOKED_FOR = ("customers", "products", "prices", "invoices")
# A mail that may have left is not repeated: it dies in tests/unit/test_invoice_mails.py. Taking
# back is killed over real HTTP (tests/journeys/test_writes_killed.py).
SENDING = [
    f"{flow.name}.{point}"
    for flow in registry.FLOWS
    if not flow.sent_once
    for point in failpoints.FLOW_POINTS[:6]
]
LOOKING = [f"{flow}.{point}" for flow in LOOKED_FOR for point in failpoints.FLOW_POINTS[6:]]
ONE_OF_EACH = {
    "customers": marts(customers=[customer_row()]),
    "products": marts(products=[product_row()]),
    "prices": marts(prices=[price_row()]),
    "invoices": INVOICE,
}


@pytest.mark.parametrize("memory", [timedelta(hours=1), timedelta(0)])
@pytest.mark.parametrize("point", SENDING)
def test_dying_anywhere_and_running_again_writes_everything_once(
    world: World, kill: Any, point: str, memory: timedelta
) -> None:
    world.us.memory = memory
    plan = world.plan(EVERYTHING)
    kill(point)
    with pytest.raises(Died):
        world.apply(plan)
    kill(None)
    # A task that is not found waits until a look would have found it.
    world.clock.advance(PROMPT.visible_within.total_seconds() + 1)
    assert world.statuses(world.apply(plan)) == ["done"] * 9
    assert (world.us.writes, len(world.us.customers), len(world.us.invoices)) == (3, 1, 1)
    assert world.org.graphs == 1
    assert len(world.us.items) == 1
    assert {e.status for e in snapshot(world.state, registry.NAMES)} == {"done"}
    assert world.plan(EVERYTHING).done_before == 9


@pytest.mark.parametrize("point", LOOKING)
def test_dying_while_looking_loses_nothing(world: World, kill: Any, point: str) -> None:
    plan = world.plan(ONE_OF_EACH[point.split(".")[0]])
    world.us.faults = world.org.faults = ["lost_reply"]
    world.apply(plan)
    kill(point)
    with pytest.raises(Died):
        world.apply(plan)
    kill(None)
    assert world.statuses(world.apply(plan)) == ["done"]
    assert world.us.writes + len(world.org.calls) == 1


def test_every_point_of_the_list_is_reached_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A point that nobody passes would be a crash that nobody tests."""
    passed: set[str] = set()
    for module in ("apply", "ledger"):
        monkeypatch.setattr(f"reverse_etl.{module}.reach", passed.add)
    for rows in (
        marts(invoices=[invoice_row()], customers=[customer_row(2)]),
        marts(products=[product_row()], prices=[price_row()]),
        marts(mails=[mail_row("1000")]),
    ):
        world.us.faults = ["lost_reply", "lost_reply"]
        world.org.faults = ["lost_reply"]
        plan = world.plan(rows)
        world.apply(plan)
        world.us.faults = world.org.faults = []
        world.apply(plan)
    rest = marts(
        deals=[deal_status_row()],
        accounts=[account_status_row()],
        estimates=[estimate_row()],
        overdue=[overdue_row()],
    )
    world.apply(world.plan(rest))
    mails = {f"invoice_mails.{point}" for point in failpoints.FLOW_POINTS}
    expected = set(SENDING) | set(LOOKING) | mails
    assert passed == expected


def test_a_fail_point_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("invoices.sometime", "invoices.after_send:x", ":3"):
        monkeypatch.setenv(failpoints.VARIABLE, wrong)
        with pytest.raises(ConfigurationError, match="names no fail point"):
            failpoints.reach("lease.taken")


def test_a_run_that_lost_its_lease_sends_nothing_more(world: World, one_by_one: None) -> None:
    real = world.us.create

    def overtaken(entity: str, body: str, request_id: str) -> dict[str, Any]:
        with world.state.writing() as work:
            work.change("lease", {"token": "another"}, name="apply")
        return real(entity, body, request_id)

    world.us.create = overtaken  # type: ignore[method-assign]
    with pytest.raises(Stop, match="taken over"):
        world.apply(world.plan(THREE))
    assert len(world.us.sent) == 1
