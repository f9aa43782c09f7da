"""What rests on something seen too long ago is not sent; what may be hidden settles nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from writing import AS_OF, PROMPT, US, World, deal_id, invoice_row, marts

from pipelines.errors import Stop, Unavailable
from reverse_etl import cycle, decisions, opening, store
from reverse_etl.changes import Plan
from reverse_etl.lease import hold
from reverse_etl.ledger import WITHDRAWN, Ledger, entry
from reverse_etl.syncs import registry

INVOICE = marts(invoices=[invoice_row()])
KEY = f"invoices:{US}:{deal_id(1)}:1:g1"
FOUR_MINUTES = 240


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.state.close()


@pytest.fixture
def plan(world: World) -> Plan:
    return world.plan(INVOICE)


def sleepy(world: World) -> Any:
    return replace(PROMPT, pauses=(1,), sleep=lambda _: world.clock.advance(FOUR_MINUTES))


def test_after_a_long_pause_a_first_try_is_intended_anew(world: World, plan: Plan) -> None:
    world.us.faults = ["unavailable"]
    (outcome,) = world.apply(plan, patience=sleepy(world)).outcomes
    assert (outcome.status, outcome.tries, len(world.us.invoices)) == ("done", 1, 1)
    kept = entry(world.state, KEY)
    assert kept is not None
    assert (kept.tries, kept.last_tried_at) == (2, AS_OF + timedelta(seconds=FOUR_MINUTES))


def test_after_a_long_pause_a_run_that_lost_its_lease_sends_nothing(
    world: World, plan: Plan
) -> None:
    """Its machine slept; another one took over and may have sent the very same."""

    def overtaken(_: float) -> None:
        world.clock.advance(FOUR_MINUTES)
        with world.state.writing() as work:
            work.change("lease", {"token": "another"}, name="apply")

    world.us.faults = ["unavailable"]
    with pytest.raises(Stop, match="taken over"):
        world.apply(plan, patience=replace(PROMPT, pauses=(1,), sleep=overtaken))
    assert world.us.invoices == {}


def test_after_a_long_pause_a_repeat_waits_for_another_look(world: World, plan: Plan) -> None:
    world.us.faults = ["lost_request"]
    world.apply(plan)
    world.us.faults = ["unavailable"]
    with pytest.raises(Unavailable):
        world.apply(plan, patience=sleepy(world))
    assert world.us.invoices == {}
    kept = entry(world.state, KEY)
    assert kept is not None
    assert kept.in_doubt
    assert world.apply(plan).counts()["done"] == 1


@pytest.mark.parametrize("lost_before", [True, False])
def test_what_was_looked_for_too_long_ago_is_not_sent(
    world: World, plan: Plan, lost_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lost_before:
        world.us.faults = ["lost_request"]
        world.apply(plan)
    look = world.us.find_invoices_by_marks

    def slowly(*given: Any) -> Any:
        found = look(*given)
        world.clock.advance(FOUR_MINUTES)
        return found

    monkeypatch.setattr(world.us, "find_invoices_by_marks", slowly)
    sent = len(world.us.sent)
    with pytest.raises(Stop, match=r"4 minutes went by .* It was not sent"):
        world.apply(plan, look_first=not lost_before)
    assert len(world.us.sent) == sent


def test_the_refusal_of_a_repeat_settles_nothing_while_the_first_may_be_hidden(
    world: World, plan: Plan
) -> None:
    world.us.hidden_for = timedelta(minutes=2)
    world.us.faults = ["lost_reply"]
    world.apply(plan)
    world.us.faults = ["refused"]
    (outcome,) = world.apply(plan).outcomes
    assert (outcome.status, outcome.message[:38]) == (
        "unknown",
        "6240: refused when it was repeated, lo",
    )
    world.clock.advance(FOUR_MINUTES)
    assert world.apply(plan).counts()["done"] == 1
    assert len(world.us.invoices) == 1


def test_an_estimate_that_our_own_hidden_invoice_closed_settles_nothing(world: World) -> None:
    world.us.estimates["77"] = {"Id": "77", "TxnStatus": "Accepted"}
    plan = world.plan(marts(invoices=[invoice_row(estimate_id="77")]))
    world.us.hidden_for = timedelta(minutes=2)
    world.us.faults = ["lost_reply"]
    world.apply(plan)
    world.us.estimates["77"] |= {"LinkedTxn": [{"TxnId": "1000", "TxnType": "Invoice"}]}
    (outcome,) = world.apply(plan).outcomes
    assert (outcome.status, len(world.us.sent)) == ("unknown", 1)
    world.clock.advance(FOUR_MINUTES)
    assert world.apply(plan).counts()["done"] == 1
    assert len(world.us.invoices) == 1


@pytest.mark.parametrize(
    ("estimate", "code"),
    [
        ({"TxnStatus": "Closed"}, "estimate_already_invoiced"),
        ({"TxnStatus": "Converted"}, "estimate_already_invoiced"),
        (
            {"TxnStatus": "Accepted", "LinkedTxn": [{"TxnId": "5", "TxnType": "Invoice"}]},
            "estimate_already_invoiced",
        ),
        (None, "estimate_gone"),
        ({"TxnStatus": "Accepted", "LinkedTxn": []}, ""),
        ({"TxnStatus": "Pending", "LinkedTxn": [{"TxnId": "5", "TxnType": "TimeActivity"}]}, ""),
    ],
)
def test_the_estimate_is_looked_at_just_before_its_invoice_is_sent(
    world: World, estimate: dict[str, Any] | None, code: str
) -> None:
    plan = world.plan(marts(invoices=[invoice_row(estimate_id="77")]))
    if estimate is not None:
        world.us.estimates["77"] = {"Id": "77", **estimate}
    (outcome,) = world.apply(plan).outcomes
    assert (outcome.status, len(world.us.sent)) == (("refused", 0) if code else ("done", 1))
    assert outcome.message.startswith(code)


def test_a_look_at_the_estimate_that_took_too_long_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.plan(marts(invoices=[invoice_row(estimate_id="77")]))

    def slowly(entity: str, record_id: str) -> dict[str, Any]:
        world.clock.advance(FOUR_MINUTES)
        return {"Id": record_id, "TxnStatus": "Accepted"}

    monkeypatch.setattr(world.us, "read", slowly)
    with pytest.raises(Stop, match=r"4 minutes went by .* It was not sent"):
        world.apply(plan)
    assert world.us.sent == []


def test_an_old_repeat_that_is_refused_is_refused(world: World, plan: Plan) -> None:
    world.us.faults = ["lost_request"]
    world.apply(plan)
    world.clock.advance(FOUR_MINUTES)
    world.us.faults = ["refused"]
    assert world.apply(plan).counts()["refused"] == 1


def test_an_invoice_that_a_person_gave_to_another_customer_is_found(
    world: World, plan: Plan
) -> None:
    world.us.faults = ["lost_reply"]
    world.apply(plan)
    world.us.requests.clear()
    (made,) = world.us.invoices.values()
    made["CustomerRef"] = {"value": "999"}
    assert world.apply(plan).counts()["done"] == 1
    assert len(world.us.invoices) == 1


def test_a_young_ledger_adopts_and_sends_nothing_new(world: World, plan: Plan) -> None:
    clients, progress = world.clients, []
    with hold(world.state, "test", world.clock) as lease:
        from reverse_etl.apply import apply_plan

        result = apply_plan(
            plan, Ledger(world.state, lease), clients, known_as_of=AS_OF, now=world.clock,
            progress=progress.append, patience=PROMPT, look_first=True, hold_new=True,
        )  # fmt: skip
    assert [o.status for o in result.outcomes] == ["waiting"]
    assert "read both systems again" in progress[0]
    assert world.us.sent == []
    assert entry(world.state, KEY) is None


def view(world: World, minutes: float, copied: dict[str, str | None] | None = None) -> Any:
    data_as_of = AS_OF + timedelta(minutes=minutes)
    return cycle._View({}, {}, data_as_of, copied or {}, ())


@pytest.mark.parametrize(("minutes", "young"), [(0, True), (4, True), (6, False)])
def test_a_live_ledger_is_young_until_data_show_all_that_it_may_miss(
    world: World, minutes: float, young: bool
) -> None:
    """Data that were read a moment after a ledger was lost may not show its last writes yet."""
    settings: Any = type("Live", (), {"profile": "live", "warehouse_path": world.folder / "none"})
    opening.note_birth(world.state, settings, AS_OF)
    assert cycle._may_have_forgotten(settings, world.state, view(world, minutes), AS_OF) is young


def test_a_ledger_that_was_set_back_counts_as_born_now(world: World) -> None:
    settings: Any = type("Live", (), {"profile": "live", "warehouse_path": world.folder / "none"})
    opening.note_birth(world.state, settings, AS_OF - timedelta(days=90))
    assert not cycle._may_have_forgotten(settings, world.state, view(world, 6), AS_OF)
    copied = view(world, 4, {"invoices:1:2:1:g1": "7"})
    assert cycle._may_have_forgotten(settings, world.state, copied, AS_OF)
    assert store.fact(world.state, opening.BORN_AT) == AS_OF.isoformat()


def test_a_reopening_waits_until_the_warehouse_knows_what_it_replaces(
    world: World, plan: Plan
) -> None:
    settings: Any = type("Sandbox", (), {"profile": "sandbox"})
    store.note(world.state, opening.BORN_AS_OF, "")
    world.apply(plan)
    decisions.reopen(world.state, KEY, "Ada", AS_OF, "voided by mistake")
    made = entry(world.state, KEY)
    assert made is not None

    def opened(copied: dict[str, str | None]) -> dict[str, int]:
        from reverse_etl.ledger import snapshot

        entries = snapshot(world.state, registry.NAMES)
        return cycle._reopened(settings, world.state, view(world, 1, copied), entries)

    assert opened({}) == {}
    assert opened({KEY: "another"}) == {}
    assert opened({KEY: made.remote_id}) == {made.base_key: 2}


def test_what_was_given_up_may_be_reopened(world: World, plan: Plan) -> None:
    """A person deleted it before it was ever looked for: nothing else could bill the deal again."""
    world.us.faults = ["lost_reply"]
    world.apply(plan)
    world.us.invoices.clear()
    world.clock.advance(FOUR_MINUTES)
    gone = marts(invoices=[invoice_row(blocked_reason="previous_invoice_deleted")])
    world.apply(world.plan(gone))
    kept = entry(world.state, KEY)
    assert kept is not None
    assert (kept.status, kept.code) == ("refused", WITHDRAWN)
    assert decisions.reopen(world.state, KEY, "Ada", AS_OF, "bill it").generation == 2


def test_a_key_tells_the_generation_that_a_lost_ledger_forgot(world: World) -> None:
    lost = KEY.replace(":g1", ":g3")
    assert decisions.reopen(world.state, lost, "Ada", AS_OF, "bill it").generation == 4
