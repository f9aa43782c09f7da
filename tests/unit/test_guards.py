"""What no approval can allow, refused with numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from writing import AS_OF, GB, ORG, US, World, customer_row, deal_status_row, invoice_row, marts

from pipelines.errors import Incomplete, LimitExceeded, WrongCompany
from pipelines.settings import FlowPolicies, FlowPolicy
from reverse_etl.changes import Plan
from reverse_etl.guards import Bounds, findings, of_the_day, over_day, refuse_if_unsafe
from reverse_etl.ledger import snapshot
from reverse_etl.syncs import registry

BOUNDS = Bounds(
    org_id=ORG,
    company_ids=frozenset({US, GB}),
    max_changes=4,
    max_amount={"USD": Decimal("300.00"), "EUR": Decimal("150.00")},
    max_creates_per_flow=2,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def plan(world: World, count: int = 2, **row: Any) -> Plan:
    rows = [invoice_row(n, **row) for n in range(1, count + 1)]
    return world.plan(marts(invoices=rows, deals=[deal_status_row()], customers=[customer_row()]))


def test_a_plan_at_its_limits_passes(world: World) -> None:
    whole = plan(world)
    assert len(whole.changes) == BOUNDS.max_changes
    refuse_if_unsafe(whole, BOUNDS, AS_OF)


@pytest.mark.parametrize(
    "bounds, words",
    [
        ({"max_changes": 3}, "4 changes, at most 3"),
        ({"max_amount": {"USD": Decimal("299.99")}}, r"300\.00 USD, at most 299\.99 USD"),
        ({"max_amount": {"EUR": Decimal("9999")}}, r"300\.00 USD, and no amount in USD"),
        ({"max_creates_per_flow": 1}, "2 new records in invoices, at most 1"),
        ({"book_close_on": {US: date(2026, 11, 20)}}, "2 documents dated up to 2026-11-20"),
    ],
)
def test_each_limit_refuses_with_its_numbers(
    world: World, bounds: dict[str, Any], words: str
) -> None:
    with pytest.raises(LimitExceeded, match=words):
        refuse_if_unsafe(plan(world), replace(BOUNDS, **bounds))


@pytest.mark.parametrize(
    "bounds, words",
    [
        ({"doubts": ("quickbooks 9: 3 of 4 rows read",)}, r"quickbooks 9: 3 of 4 rows read"),
        ({"oldest_data": AS_OF + timedelta(seconds=1)}, "the data are of 2026-"),
    ],
)
def test_books_that_are_not_fresh_and_whole_refuse_every_change(
    world: World, bounds: dict[str, Any], words: str
) -> None:
    doubtful = replace(BOUNDS, **bounds)
    with pytest.raises(Incomplete, match=words):
        refuse_if_unsafe(plan(world), doubtful, AS_OF)
    refuse_if_unsafe(world.plan(marts()), doubtful, AS_OF)
    refuse_if_unsafe(plan(world), replace(BOUNDS, oldest_data=AS_OF), AS_OF)


def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    bounds = replace(BOUNDS, max_changes=1, max_creates_per_flow=1)
    assert len(findings(plan(world), bounds)) == 2


def test_the_day_after_the_books_were_closed_is_open(world: World) -> None:
    refuse_if_unsafe(plan(world), replace(BOUNDS, book_close_on={US: date(2026, 11, 19)}))
    refuse_if_unsafe(plan(world), replace(BOUNDS, book_close_on={GB: date(2027, 1, 1)}))


@pytest.mark.parametrize(
    "bounds, words",
    [
        ({"company_ids": frozenset({GB})}, f"QuickBooks company {US}"),
        ({"org_id": "00D000000000000EAA"}, f"Salesforce org {ORG}"),
        ({"company_ids": frozenset({ORG}), "org_id": US}, f"Salesforce org {ORG}"),
    ],
)
def test_a_system_that_is_not_ours_is_never_written_to(
    world: World, bounds: dict[str, Any], words: str
) -> None:
    with pytest.raises(WrongCompany, match=words):
        refuse_if_unsafe(plan(world), replace(BOUNDS, **bounds))


def test_blocked_rows_do_not_count(world: World) -> None:
    whole = plan(world, count=9, blocked_reason="before_go_live")
    assert len(whole.blocked) == 9
    refuse_if_unsafe(whole, BOUNDS)


def test_a_plan_of_newer_data_than_the_warehouse_is_refused(world: World) -> None:
    with pytest.raises(LimitExceeded, match="the warehouse only of"):
        refuse_if_unsafe(plan(world), BOUNDS, AS_OF - timedelta(seconds=1))
    refuse_if_unsafe(plan(world), BOUNDS, AS_OF + timedelta(days=1))


class TestOfADay:
    """Two invoices over 150.00 each were written, a third is planned."""

    @staticmethod
    def findings(world: World, hours: float = 1, refused: bool = False, **limits: Any) -> str:
        if refused:
            world.us.faults = ["refused", "refused"]
        world.apply(world.plan(marts(invoices=[invoice_row(1), invoice_row(2)])))
        rows = [invoice_row(n) for n in (1, 2, 3)]
        third = world.plan(marts(invoices=rows, deals=[deal_status_row()]))
        at = world.clock() + timedelta(hours=hours)
        day = of_the_day(snapshot(world.state, registry.NAMES), at)
        rules = FlowPolicies(FlowPolicy(), {"invoices": FlowPolicy(**limits)})
        assert over_day(third, FlowPolicies(FlowPolicy(**limits)), ()) == ()
        return "; ".join(over_day(third, rules, day))

    @pytest.mark.parametrize(
        "limits, words",
        [
            ({"day_max_changes": 3}, ""),
            (
                {"day_max_changes": 2},
                "3 changes in invoices within 24 hours (2 of them earlier), at most 2 are allowed",
            ),
            ({"day_max_amount": {"USD": Decimal("450.00")}}, ""),
            (
                {"day_max_amount": {"USD": Decimal("449.99")}},
                "450.00 USD in invoices within 24 hours (300.00 of it earlier), "
                "at most 449.99 USD is allowed",
            ),
            ({}, ""),
        ],
    )
    def test_what_was_written_counts(
        self, world: World, limits: dict[str, Any], words: str
    ) -> None:
        assert self.findings(world, **limits) == words

    def test_until_24_hours_have_gone_by(self, world: World) -> None:
        assert self.findings(world, hours=23.9, day_max_changes=2)
        assert not self.findings(world, hours=24, day_max_changes=2)

    def test_a_refusal_wrote_nothing(self, world: World) -> None:
        assert not self.findings(world, refused=True, day_max_changes=2)

    def test_a_currency_without_a_limit_is_barred_once_there_is_one(self, world: World) -> None:
        rules = FlowPolicies(FlowPolicy(day_max_amount={"EUR": Decimal(9999)}))
        (found,) = over_day(world.plan(marts(invoices=[invoice_row()])), rules, ())
        assert found.endswith("at most 0 USD is allowed")

    def test_a_plan_that_is_applied_again_counts_once(self, world: World) -> None:
        two = world.plan(marts(invoices=[invoice_row(1), invoice_row(2)]))
        world.apply(two)
        day = of_the_day(snapshot(world.state, registry.NAMES), world.clock())
        rules = FlowPolicies(FlowPolicy(day_max_changes=2))
        refuse_if_unsafe(two, replace(BOUNDS, policies=rules, of_the_day=day))

    def test_it_refuses_the_plan_and_taking_back_is_free(self, world: World) -> None:
        bounds = replace(BOUNDS, policies=FlowPolicies(FlowPolicy(day_max_changes=1)))
        whole = world.plan(marts(invoices=[invoice_row(1), invoice_row(2)]))
        with pytest.raises(LimitExceeded, match="2 changes in invoices within 24 hours"):
            refuse_if_unsafe(whole, bounds)
        undone = tuple(replace(change, flow="undo") for change in whole.changes)
        refuse_if_unsafe(replace(whole, changes=undone), bounds)
