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
from reverse_etl.changes import Plan
from reverse_etl.guards import Bounds, findings, refuse_if_unsafe

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
