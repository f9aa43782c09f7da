"""Random deals under every plan: steps add up to the basis and lines to the step, to the cent.

One build judges some hundreds of deals; the rules are written a second time here, in Python.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from billing_rules import PLANS, steps_of
from worlds import AS_OF, CENT, Builder, Sold, build, read

SEED = 20261120
TODAY = date.fromisoformat(AS_OF[:10])
PRICES = ("0.333", "0.142857", "142.857143", "0.01", "0.07", "19.99", "6895", "99999.99", "1e-7")
QUANTITIES = ("1", "3", "7", "0.5", "7.33", "1500", "0.000001", "12.3456789", "250000")
DISCOUNTS = ("0", "0", "5", "33.33", "12.5", "99.99")

Rows = list[dict[str, Any]]


def _lines(rng: random.Random) -> list[Sold]:
    lines = [
        Sold(Decimal(rng.choice(QUANTITIES)), Decimal(rng.choice(PRICES)),
             Decimal(rng.choice(DISCOUNTS)), rng.choice(("P1", "P2")))
        for _ in range(rng.randrange(1, 6))
    ]  # fmt: skip
    if rng.random() < 0.2:
        # A rebate: a line that takes something off.
        lines.append(Sold(Decimal(1), -(lines[0].total / 3).quantize(CENT)))
    return lines


def _schedule(
    b: Builder, rng: random.Random, deal: str, lines: list[Sold], closed_on: date
) -> None:
    """The first line, and some others, in up to six parts; some days lie before the close."""
    for at, line in enumerate(lines):
        number = rng.randrange(1, 7)
        if at and rng.random() < 0.4:
            continue
        days = sorted(rng.sample(range(-40, 200), number))
        shares = [(line.total / number).quantize(CENT, "ROUND_DOWN")] * (number - 1)
        shares.append(line.total - sum(shares, Decimal(0)))
        parts = [((closed_on + timedelta(days=d)).isoformat(), share)
                 for d, share in zip(days, shares, strict=True)]  # fmt: skip
        # What somebody took out of a part is billed with the last one.
        b.schedule(deal, at, *parts[:-1], (parts[-1][0], parts[-1][1] - rng.choice((0, 0, CENT))))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Sold]], Rows]:
    rng = random.Random(SEED)
    builder = Builder()
    account, _ = builder.known("Property Works")
    awkward = [Sold(Decimal(1500), Decimal("0.333")), Sold(Decimal(7), Decimal("0.142857"))]
    deals = {builder.deal(account, awkward, "2026-10-20", Billing_Plan__c=None): awkward}
    for _ in range(400):
        lines = _lines(rng)
        closed_on = date(2025, 10, 1) + timedelta(days=rng.randrange(430))
        plan = rng.choice([*PLANS, None])
        deal = builder.deal(account, lines, closed_on.isoformat(), Billing_Plan__c=plan)
        deals[deal] = lines
    for _ in range(60):
        lines = _lines(rng)
        closed_on = date(2026, 1, 1) + timedelta(days=rng.randrange(300))
        plan = rng.choice(("Schedule", None))
        deal = builder.deal(account, lines, closed_on.isoformat(), Billing_Plan__c=plan)
        deals[deal] = lines
        _schedule(builder, rng, deal, lines, closed_on)
    path = build(builder.world(), tmp_path_factory.mktemp("billing"))
    return path, deals, list(builder.salesforce["Opportunity"])


def test_steps_follow_the_plan_and_add_up_to_the_basis(
    world: tuple[Path, dict[str, list[Sold]], Rows],
) -> None:
    path, deals, records = world
    found = defaultdict(list)
    for row in read(path, "select * from intermediate.int_billing_plan__steps"):
        found[row["deal_id"]].append((row["plan_step"], row["due_on"], row["amount"]))
    scheduled = _scheduled(world)
    for record in records:
        if record["Id"] in scheduled:
            continue
        basis = sum((line.total for line in deals[record["Id"]]), Decimal(0))
        closed_on = date.fromisoformat(record["CloseDate"])
        steps = steps_of(basis, record["Billing_Plan__c"], closed_on)
        expected = [(at, due_on, amount) for at, (due_on, amount) in enumerate(steps, 1)]
        assert sorted(found[record["Id"]]) == expected
        assert sum(amount for _, _, amount in found[record["Id"]]) == basis


def _scheduled(world: tuple[Path, dict[str, list[Sold]], Rows]) -> set[str]:
    rows = read(world[0], "select distinct deal_id from intermediate.int_billing_plan__schedules")
    return {row["deal_id"] for row in rows}


def test_a_schedule_is_billed_day_by_day_and_adds_up_to_the_basis(
    world: tuple[Path, dict[str, list[Sold]], Rows],
) -> None:
    path, deals, records = world
    steps = defaultdict(list)
    for row in read(path, "select * from intermediate.int_billing_plan__steps order by plan_step"):
        steps[row["deal_id"]].append(row)
    parts = {
        (row["deal_id"], row["due_on"]): row["amount"]
        for row in read(path, """
            select l.deal_id, greatest(s.scheduled_on, o.closed_on) as due_on,
                sum(s.revenue) as amount
            from staging.stg_salesforce__line_schedules as s
            join staging.stg_salesforce__opportunity_lines as l using (line_id)
            join staging.stg_salesforce__opportunities as o using (deal_id)
            group by all
        """)
    }  # fmt: skip
    scheduled = _scheduled(world)
    assert len(scheduled) == 60
    exact = 0
    for record in records:
        if record["Id"] in scheduled:
            found = steps[record["Id"]]
            basis = sum((line.total for line in deals[record["Id"]]), Decimal(0))
            assert sum(row["amount"] for row in found) == basis
            assert [row["step_number"] for row in found] == list(range(1, len(found) + 1))
            if {row["billing_plan"] for row in found} != {"Schedule"}:
                # Parts of nothing are no steps: then the deal is worth nothing.
                assert basis == 0
                continue
            assert all(row["plan_step"] == int(f"{row['due_on']:%Y%m%d}") for row in found)
            assert min(row["due_on"] for row in found) >= date.fromisoformat(record["CloseDate"])
            exact += sum(row["amount"] == parts.get((record["Id"], row["due_on"])) for row in found)
    assert exact > 60


def test_grace_is_counted_in_business_days(
    world: tuple[Path, dict[str, list[Sold]], Rows],
) -> None:
    rows = read(world[0], "select due_on, past_grace_on from intermediate.int_billing_plan__steps")
    assert len({row["due_on"].weekday() for row in rows}) == 7
    assert all(row["past_grace_on"] == _business_days_later(row["due_on"], 5) for row in rows)


def test_every_due_step_is_sent_or_blocked_and_its_lines_add_up(
    world: tuple[Path, dict[str, list[Sold]], Rows],
) -> None:
    path, _, _ = world
    due = read(
        path,
        f"""
        select deal_id, plan_step, amount from intermediate.int_billing_plan__steps
        where is_billable and due_on <= date '{TODAY}' order by all
    """,
    )
    planned = read(path, "select deal_id, plan_step, amount from sync.sync_invoices order by all")
    assert planned == due
    assert len(planned) > 500
    lines = defaultdict(list)
    for line in read(path, "select * from sync.sync_invoice_lines"):
        product = (line["quantity"] * line["unit_price"]).quantize(CENT, ROUND_HALF_UP)
        assert product == line["amount"]
        lines[line["deal_id"], line["plan_step"]].append(line["amount"])
    for row in planned:
        assert sum(lines[row["deal_id"], row["plan_step"]]) == row["amount"]


def test_a_one_step_deal_is_invoiced_line_by_line(
    world: tuple[Path, dict[str, list[Sold]], Rows],
) -> None:
    path, deals, _ = world
    rows = read(
        path,
        """
        select l.deal_id, l.line_number, l.amount
        from sync.sync_invoice_lines as l
        join sync.sync_invoices as i using (deal_id, plan_step)
        where i.step_count = 1 order by l.deal_id, l.line_number
    """,
    )
    found = defaultdict(list)
    for row in rows:
        found[row["deal_id"]].append(row["amount"])
    assert found
    for deal, amounts in found.items():
        assert amounts == [line.total for line in deals[deal]]


def test_a_price_is_kept_where_it_can_be(world: tuple[Path, dict[str, list[Sold]], Rows]) -> None:
    rows = read(world[0], "select quantity, unit_price from sync.sync_invoice_lines")
    kept = {(row["quantity"], row["unit_price"]) for row in rows}
    assert (Decimal("1500.000000"), Decimal("0.3330000")) in kept
    assert (Decimal("7.000000"), Decimal("0.1428570")) in kept


def _business_days_later(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
