"""Random invoices over random deals: nothing is given twice, nothing is lost, order says nothing.

One build links some hundreds of invoices by every kind of evidence.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from raw_loader import Row
from worlds import ORG, US, Builder, build, read, sold

from pipelines import transform

SEED = 20261126
Rows = list[dict[str, Any]]


def play(rng: random.Random, builder: Builder) -> None:
    """A customer with a few deals, and invoices for one, several or parts of them."""
    name = f"Allocated {len(builder.salesforce['Account'])}"
    account, customer = builder.known(name)
    deals = []
    for at in range(rng.randrange(1, 5)):
        lines = [
            sold(f"{rng.randrange(1, 40000) / 100:.2f}", rng.choice(("P1", "P2")))
            for _ in range(rng.randrange(1, 4))
        ]
        plan = rng.choice((None, "Three milestones"))
        number = rng.choice((f"PO-{name}-{at}", f"PO-{name}", None))
        deal = builder.deal(account, lines, Billing_Plan__c=plan, PO_Number__c=number)
        deals.append((deal, sum((line.total for line in lines), Decimal(0)), number))
    for deal, basis, number in deals:
        amount = rng.choice((basis, basis, basis / 2, basis + 7, Decimal("0.01")))
        known: dict[str, Any] = rng.choice(({"deal": deal}, {"po": number or ""}, {}))
        discount = rng.choice((Decimal(0), amount / 10))
        invoice = builder.invoice(
            customer, f"{amount:.2f}", discount=f"{discount:.2f}",
            item=rng.choice(("11", "12")), **known,
        )  # fmt: skip
        _more_lines(rng, builder.quickbooks[US, "Invoice"][-1])
        if rng.random() < 0.4:
            for other, _, _ in rng.sample(deals, rng.randrange(1, len(deals) + 1)):
                builder.decide(other, invoice, rng.choice(("confirmed", "confirmed", "rejected")))


def _more_lines(rng: random.Random, invoice: Row) -> None:
    """Some further lines; the totals follow."""
    lines: list[Any] = invoice["Line"]
    for _ in range(rng.randrange(0, 3)):
        amount = Decimal(rng.randrange(1, 9000)) / 100
        detail = {"ItemRef": {"value": rng.choice(("11", "12"))}, "Qty": 1, "UnitPrice": amount}
        lines.insert(0, {"Amount": amount, "DetailType": "SalesItemLineDetail",
                         "SalesItemLineDetail": detail})  # fmt: skip
        invoice["TotalAmt"] += amount  # type: ignore[index]
        invoice["Balance"] += amount  # type: ignore[index]


def links(path: Path) -> Rows:
    return read(path, "select * from matched.matched_invoices order by all")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Builder]:
    rng, builder = random.Random(SEED), Builder()
    for _ in range(120):
        play(rng, builder)
    return build(builder.world(), tmp_path_factory.mktemp("allocated")), builder


def test_an_invoice_gives_no_more_than_it_is(built: tuple[Path, Builder]) -> None:
    path, _ = built
    given: dict[str, Decimal] = defaultdict(Decimal)
    for row in links(path):
        assert row["allocated_amount"] >= 0
        if row["match_state"] in ("confirmed", "manual"):
            given[row["invoice_id"]] += row["allocated_amount"]
        else:
            assert row["allocated_amount"] == 0
    nets = read(path, "select invoice_id, net_amount from intermediate.int_invoices__net")
    net = {row["invoice_id"]: row["net_amount"] for row in nets}
    assert len(given) > 150
    assert given == {invoice: net[invoice] for invoice in given}


def test_a_line_gives_no_more_than_it_is(built: tuple[Path, Builder]) -> None:
    path, _ = built
    parts = read(path, "select * from matched.matched_invoice_lines")
    by_line: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    by_link: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    lines = {}
    for part in parts:
        line = (part["invoice_id"], part["line_number"])
        lines[line] = part
        assert 0 < part["allocated_amount"] <= part["net_amount"] <= part["line_amount"]
        by_line[line] += part["allocated_amount"]
        by_link[part["invoice_id"], part["deal_id"], part["plan_step"]] += part["allocated_amount"]
    assert by_line == {line: part["net_amount"] for line, part in lines.items()}
    linked = {
        (row["invoice_id"], row["deal_id"], row["plan_step"]): row["allocated_amount"]
        for row in links(path)
        if row["allocated_amount"]
    }
    assert by_link == linked
    assert len({invoice for invoice, deal, _ in linked}) < len(linked)


def test_every_kind_of_link_was_there(built: tuple[Path, Builder]) -> None:
    """Or the others hold of nothing."""
    rows = links(built[0])
    assert {"manual", "custom_field", "po_number", "inferred"} <= {r["method"] for r in rows}
    assert {"confirmed", "manual", "ambiguous", "rejected"} <= {r["match_state"] for r in rows}


def test_the_order_of_rows_changes_nothing(built: tuple[Path, Builder], tmp_path: Path) -> None:
    path, builder = built
    world = builder.world()
    turned = replace(
        world,
        salesforce={name: rows[::-1] for name, rows in world.salesforce.items()},
        quickbooks={name: rows[::-1] for name, rows in world.quickbooks.items()},
    )
    again = tmp_path / "warehouse.duckdb"
    _run(turned, again)
    assert links(again) == links(path)
    sql = "select * from matched.matched_invoice_lines order by all"
    assert read(again, sql) == read(path, sql)


def _run(world: Any, path: Path) -> None:
    from raw_loader import load_world
    from worlds import PROJECT

    load_world(world, path)
    wanted = ["+matched_invoices", "+matched_invoice_lines"]
    untested = ["test_type:unit", "test_type:data"]
    transform.require_passed(transform.build(PROJECT, path, select=wanted, exclude=untested))


def test_lines_tell_apart_what_an_invoice_bills(tmp_path: Path) -> None:
    """Two deals, two products: each deal takes its own line, though the first asks for more."""
    builder = Builder()
    account, customer = builder.known("Apart")
    first = builder.deal(account, [sold("120", "P1")], "2026-10-01")
    second = builder.deal(account, [sold("50", "P2")], "2026-10-05")
    invoice = builder.invoice(customer, "50", item="12")
    row: Any = builder.quickbooks[US, "Invoice"][-1]
    detail = {"ItemRef": {"value": "11"}, "Qty": 1, "UnitPrice": Decimal(100)}
    row["Line"].append({"Amount": Decimal(100), "DetailType": "SalesItemLineDetail",
                        "SalesItemLineDetail": detail})  # fmt: skip
    for deal in (first, second):
        builder.decide(deal, invoice, "confirmed")
    # And one for all that was ordered under a number; and one whose number somebody typed.
    together = [
        builder.deal(account, [sold(amount, "P1")], PO_Number__c="Frame 7")
        for amount in ("30", "40")
    ]
    blanket = builder.invoice(customer, "70", po="FRAME-7")
    typed = builder.deal(account, [sold("999", "P1")], QBO_Invoice_Number__c="d1")
    numbered = builder.invoice(customer, "998", "2026-01-22")
    builder.salesforce["Opportunity"][-1]["QBO_Invoice_Number__c"] = f"D{numbered}"  # type: ignore[index]
    path = tmp_path / "warehouse.duckdb"
    _run(builder.world(), path)
    found = {(r["invoice_id"], r["deal_id"]): r for r in links(path)}
    assert found[invoice, first]["allocated_amount"] == Decimal("100.00")
    assert found[invoice, second]["allocated_amount"] == Decimal("50.00")
    assert [
        (found[blanket, d]["match_state"], found[blanket, d]["allocated_amount"]) for d in together
    ] == [("confirmed", Decimal("30.00")), ("confirmed", Decimal("40.00"))]
    assert found[numbered, typed]["method"] == "document_number"
    assert found[numbered, typed]["org_id"] == ORG
