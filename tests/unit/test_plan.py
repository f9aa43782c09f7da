"""What becomes of a row, by what the ledger knows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from writing import (
    AS_OF,
    ORG,
    US,
    World,
    account_id,
    customer_row,
    deal_id,
    deal_status_row,
    invoice_row,
    marts,
)

from pipelines.errors import Stop
from reverse_etl import decisions, ledger
from reverse_etl.changes import Plan, from_json
from reverse_etl.ledger import snapshot
from reverse_etl.plan import drifted, may_succeed_unchanged, sums
from reverse_etl.render import plan_as
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Facts

LATER = AS_OF + timedelta(hours=1)
INVOICE = marts(invoices=[invoice_row()])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def customer_update(**changed: Any) -> dict[str, Any]:
    row = {"action": "update", "customer_id": "58", "sync_token": 4, "email": "new@example.com"}
    return customer_row(**{**row, **changed})


def test_a_new_row_is_planned(world: World) -> None:
    plan = world.plan(INVOICE)
    assert [c.key for c in plan.changes] == [f"invoices:{US}:{deal_id(1)}:1:g1"]
    assert plan.plan_id == plan.checksum[:12]
    assert (plan.done_before, plan.held, plan.unsettled, plan.blocked) == (0, (), (), ())


def test_the_order_is_that_of_money(world: World) -> None:
    rows = marts(invoices=[invoice_row()], customers=[customer_row(2)], deals=[deal_status_row(3)])
    assert [c.flow for c in world.plan(rows).changes] == ["customers", "invoices", "deal_status"]


def test_done_and_not_read_back_is_left_out_and_counted(world: World) -> None:
    world.apply(world.plan(INVOICE))
    plan = world.plan(INVOICE)
    assert (plan.changes, plan.blocked, plan.done_before) == ((), (), 1)
    assert plan.is_idle


def test_done_but_missing_from_newer_data_is_shown_and_never_written_again(world: World) -> None:
    world.apply(world.plan(INVOICE))
    plan = world.plan(INVOICE, as_of=LATER)
    assert plan.changes == ()
    assert [b.reason for b in plan.blocked] == ["done_but_not_seen"]
    assert "Invoice 1000" in plan.blocked[0].detail


def test_an_edited_deal_does_not_mint_a_second_invoice(world: World) -> None:
    world.apply(world.plan(INVOICE))
    row = invoice_row(amount=Decimal("90.00"), line_count=1)
    from writing import invoice_lines

    edited = marts(invoices=[row], lines=invoice_lines(row, "90.00"))
    for as_of in (AS_OF, LATER):
        assert world.plan(edited, as_of=as_of).changes == ()


def test_a_reopened_invoice_is_a_new_change(world: World) -> None:
    world.apply(world.plan(INVOICE))
    key = f"invoices:{US}:{deal_id(1)}:1:g1"
    opened = decisions.reopen(world.state, key, "Ada", AS_OF, "voided by mistake")
    facts = Facts(reopened={opened.base_key: opened.generation})
    gone = marts(invoices=[invoice_row(blocked_reason="previous_invoice_voided")])
    plan = world.plan(gone, as_of=LATER, facts=facts)
    assert [c.key for c in plan.changes] == [key.replace("g1", "g2")]


def test_a_refused_row_stays_refused_while_it_is_the_same(world: World) -> None:
    world.us.faults = ["refused"]
    world.apply(world.plan(INVOICE))
    plan = world.plan(INVOICE, as_of=LATER)
    assert plan.changes == ()
    (held,) = plan.held
    assert (held.code, held.message, held.tries) == ("6240", "Duplicate", 1)
    assert sums(plan.held) == {"USD": Decimal("150.00")}


def test_another_day_is_not_another_invoice_to_refuse(world: World) -> None:
    world.us.faults = ["refused"]
    world.apply(world.plan(INVOICE))
    tomorrow = invoice_row(invoice_on=invoice_row()["invoice_on"] + timedelta(days=1))
    assert len(world.plan(marts(invoices=[tomorrow]), as_of=LATER).held) == 1


def test_a_refused_row_that_was_mended_is_planned_under_its_old_key(world: World) -> None:
    world.us.faults = ["refused"]
    first = world.plan(INVOICE)
    world.apply(first)
    mended = marts(invoices=[invoice_row(customer_id="999")])
    plan = world.plan(mended)
    assert [c.key for c in plan.changes] == [c.key for c in first.changes]
    assert world.statuses(world.apply(plan)) == ["done"]
    assert world.us.writes == 1


def test_a_released_refusal_is_planned_unchanged(world: World) -> None:
    world.us.faults = ["refused"]
    world.apply(world.plan(INVOICE))
    (entry,) = snapshot(world.state, ["invoices"])
    held = world.plan(INVOICE)
    assert f"(1 try, {entry.intended_at:%Y-%m-%d})" in plan_as(held, "text")
    assert f"to try again: crossfoot retry {entry.change_key}" in plan_as(held, "text")
    assert from_json(plan_as(held, "json"))["safe_to_retry"] == {entry.change_key: True}
    decisions.release(world.state, entry.change_key, "Ada", "item made active again", AS_OF)
    plan = world.plan(INVOICE)
    assert len(plan.changes) == 1
    assert world.statuses(world.apply(plan)) == ["done"]
    words = [e["event"] for e in ledger.history(world.state, entry.change_key)]
    assert words == ["intended", "refused", "released", "intended", "done"]


def test_only_a_refused_change_can_be_released(world: World) -> None:
    world.apply(world.plan(INVOICE))
    with pytest.raises(Stop, match="not a refused change"):
        decisions.release(world.state, f"invoices:{US}:{deal_id(1)}:1:g1", "Ada", "why", AS_OF)


@pytest.mark.parametrize(
    "code, message, again",
    [
        ("UNABLE_TO_LOCK_ROW", "", True),
        ("6000", "Unexpected error. Please wait a few minutes", True),
        ("6000", "Business Validation Error: no", False),
        ("6240", "Please wait", False),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "", False),
    ],
)
def test_the_vendor_s_own_trouble_passes(code: str, message: str, again: bool) -> None:
    assert may_succeed_unchanged(code, message) is again


def test_a_lock_on_a_record_is_tried_again_with_the_next_plan(world: World) -> None:
    rows = marts(deals=[deal_status_row()])
    world.org.refuse = {deal_id(1): "UNABLE_TO_LOCK_ROW"}
    world.apply(world.plan(rows))
    world.org.refuse = {}
    assert world.statuses(world.apply(world.plan(rows))) == ["done"]


def test_what_is_in_doubt_is_listed_apart_and_not_planned(world: World) -> None:
    world.us.faults = ["lost_reply"]
    world.apply(world.plan(INVOICE))
    plan = world.plan(INVOICE)
    assert plan.changes == ()
    (open_one,) = plan.unsettled
    assert not plan.is_idle
    assert (open_one.status, open_one.wanted, open_one.amount) == (
        "unknown",
        True,
        Decimal("150.00"),
    )


@pytest.mark.parametrize(
    "rows, wanted",
    [
        (marts(invoices=[invoice_row(customer_id="9")]), True),
        (marts(), False),
        (marts(invoices=[invoice_row(blocked_reason="invoice_in_review")]), False),
    ],
)
def test_a_create_in_doubt_is_wanted_while_its_row_is_there(
    world: World, rows: dict[str, Any], wanted: bool
) -> None:
    world.us.faults = ["lost_reply"]
    world.apply(world.plan(INVOICE))
    assert world.plan(rows).unsettled[0].wanted is wanted


def test_an_update_in_doubt_is_wanted_only_as_it_was(world: World) -> None:
    world.org.faults = ["lost_request"]
    world.apply(world.plan(marts(deals=[deal_status_row()])))
    assert world.plan(marts(deals=[deal_status_row()])).unsettled[0].wanted
    paid = marts(deals=[deal_status_row(invoice_status="Paid")])
    plan = world.plan(paid)
    assert not plan.unsettled[0].wanted
    assert plan.changes == ()


def test_a_later_difference_is_a_new_generation(world: World) -> None:
    rows = marts(deals=[deal_status_row()])
    world.apply(world.plan(rows))
    assert world.plan(rows).done_before == 1
    paid = marts(deals=[deal_status_row(invoice_status="Paid")])
    plan = world.plan(paid, as_of=LATER)
    assert [c.key for c in plan.changes] == [f"deal_status:{ORG}:{deal_id(1)}:0:g2"]
    world.apply(plan, as_of=LATER)
    again = world.plan(rows, as_of=LATER + timedelta(hours=1))
    assert [c.generation for c in again.changes] == [3]


def test_a_refused_update_that_changed_gets_a_request_id_of_its_own(world: World) -> None:
    world.us.faults = ["refused"]
    world.apply(world.plan(marts(customers=[customer_update()])))
    plan = world.plan(marts(customers=[customer_update(sync_token=5)]))
    assert [c.generation for c in plan.changes] == [2]


def test_an_update_after_our_own_create_is_the_next_generation(world: World) -> None:
    world.apply(world.plan(marts(customers=[customer_row()])))
    plan = world.plan(marts(customers=[customer_update()]), as_of=LATER)
    assert [(c.action, c.generation) for c in plan.changes] == [("update", 2)]


def test_two_rows_for_one_record_are_not_both_written(world: World) -> None:
    plan = world.plan(marts(customers=[customer_row(), customer_row(display_name="Else")]))
    assert len(plan.changes) == 1
    assert [b.reason for b in plan.blocked] == ["same_record_twice"]


class TestNeeds:
    KEY = f"customers:{US}:{account_id(1)}:0:g1"
    NEEDY = invoice_row(customer_id=None, customer_change_key=KEY)

    def test_met_by_the_same_plan(self, world: World) -> None:
        rows = marts(invoices=[self.NEEDY], customers=[customer_row()])
        assert [c.flow for c in world.plan(rows).changes] == ["customers", "invoices"]

    def test_met_by_the_ledger(self, world: World) -> None:
        world.apply(world.plan(marts(customers=[customer_row()])))
        assert [c.flow for c in world.plan(marts(invoices=[self.NEEDY])).changes] == ["invoices"]

    def test_not_met(self, world: World) -> None:
        plan = world.plan(marts(invoices=[self.NEEDY]))
        assert plan.changes == ()
        assert [b.reason for b in plan.blocked] == ["needs_another_change"]

    def test_refused_before(self, world: World) -> None:
        world.us.faults = ["refused"]
        rows = marts(invoices=[self.NEEDY], customers=[customer_row()])
        world.apply(world.plan(rows))
        plan = world.plan(rows)
        assert (len(plan.held), [b.reason for b in plan.blocked]) == (1, ["needs_another_change"])


def test_amounts_are_summed_by_currency(world: World) -> None:
    rows = [
        invoice_row(1),
        invoice_row(2),
        invoice_row(3, currency_code="EUR"),
        invoice_row(4, blocked_reason="before_go_live"),
    ]
    plan = world.plan(marts(invoices=rows))
    assert sums(plan.changes) == {"EUR": Decimal("150.00"), "USD": Decimal("300.00")}
    assert sums(plan.blocked) == {"USD": Decimal("150.00")}


def test_every_row_is_somewhere(world: World) -> None:
    """Nothing is filtered away silently."""
    world.us.faults = ["refused", "lost_reply"]
    world.apply(world.plan(marts(invoices=[invoice_row(n) for n in (1, 2, 3)])))
    rows = [invoice_row(n) for n in range(1, 6)] + [invoice_row(6, blocked_reason="x")]
    plan = world.plan(marts(invoices=rows))
    places = (plan.held, plan.unsettled, plan.changes, plan.blocked)
    assert [len(p) for p in places] == [1, 1, 2, 1]
    assert plan.done_before == 1


def test_marts_of_different_data_are_refused(world: World) -> None:
    from reverse_etl.plan import build_plan

    with pytest.raises(Stop, match=r"sync_invoices.*Build the warehouse again"):
        build_plan(registry.FLOWS, INVOICE, Facts(), (), LATER, LATER)


class TestDrift:
    """A stored plan against today's data."""

    def drift(self, world: World, stored: Plan, rows: dict[str, Any]) -> list[str]:
        entries = {e.change_key: e for e in snapshot(world.state, registry.NAMES)}
        gone = drifted(stored, world.plan(rows, as_of=LATER), entries, {})
        return [change.record_id for change in gone]

    def test_the_same_rows_of_newer_data_are_no_drift(self, world: World) -> None:
        assert self.drift(world, world.plan(INVOICE), INVOICE) == []

    @pytest.mark.parametrize(
        "rows",
        [
            marts(),
            marts(invoices=[invoice_row(customer_id="9")]),
            marts(invoices=[invoice_row(blocked_reason="invoice_in_review")]),
        ],
    )
    def test_a_changed_or_gone_row_is(self, world: World, rows: dict[str, Any]) -> None:
        assert self.drift(world, world.plan(INVOICE), rows) == [deal_id(1)]

    @pytest.mark.parametrize("fault", [None, "refused", "lost_reply"])
    def test_what_the_ledger_decides_is_not(self, world: World, fault: str | None) -> None:
        stored = world.plan(INVOICE)
        world.us.faults = [fault]
        world.apply(stored)
        assert self.drift(world, stored, INVOICE) == []

    def test_a_refusal_of_another_plan_does_not_hide_it(self, world: World) -> None:
        world.us.faults = ["refused"]
        world.apply(world.plan(INVOICE))
        stored = world.plan(marts(invoices=[invoice_row(customer_id="9")]))
        assert self.drift(world, stored, INVOICE) == [deal_id(1)]

    def test_what_waits_for_a_refused_one_is_not(self, world: World) -> None:
        rows = marts(invoices=[TestNeeds.NEEDY], customers=[customer_row()])
        stored = world.plan(rows)
        world.us.faults = ["refused"]
        assert world.statuses(world.apply(stored)) == ["refused", "waiting"]
        assert self.drift(world, stored, rows) == []

    def test_a_customer_made_meanwhile_is_not(self, world: World) -> None:
        rows = marts(invoices=[TestNeeds.NEEDY], customers=[customer_row()])
        stored = world.plan(rows)
        world.apply(replace(stored, changes=stored.changes[:1]))
        now = marts(invoices=[invoice_row(customer_id="1000")])
        (needy,) = [c for c in stored.changes if c.needs]
        filled = {
            needy.payload: needy.payload.replace(f'{{"$remote_id":"{TestNeeds.KEY}"}}', '"1000"')
        }
        assert from_json(filled[needy.payload])["CustomerRef"] == {"value": "1000"}
        entries = {e.change_key: e for e in snapshot(world.state, registry.NAMES)}
        assert drifted(stored, world.plan(now, as_of=LATER), entries, filled) == ()
