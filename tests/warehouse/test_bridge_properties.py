"""Random books: whatever is mixed, the classes add up to the difference, to 0.00.

One build judges hundreds of deals billed in every right and wrong way at random. dbt's own tests
run in it; the totals are taken here a second time, from the records themselves.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from worlds import CENT, UK, US, Builder, build, read, sold

SEED = 77
PLANS = (None, "On close", "Deposit 30/70", "Three milestones", "Monthly 12")
STAGES = ("Closed Won",) * 8 + ("Closed Lost", "Negotiation/Review")


def _money(rng: random.Random) -> Decimal:
    return Decimal(rng.randrange(100, 400000)) * CENT


def _bill(b: Builder, rng: random.Random, deal: str, amount: Decimal, parties: list[Any]) -> None:
    """None, one or a few invoices and credits, written with any care."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        company, customer, currency = rng.choice(parties)
        billed = rng.choice((amount, amount, amount / 2, amount + 7, amount * 3 / 10, _money(rng)))
        invoice = b.invoice(
            customer,
            str(billed.quantize(CENT)),
            f"2026-{rng.randrange(8, 12):02d}-{rng.randrange(1, 20):02d}",
            company=company,
            currency=currency,
            deal=rng.choice((deal, f"{deal}/{rng.randrange(1, 5)}", "")),
            po=rng.choice(("", deal[-8:-3])),
            discount=rng.choice(("0", "0", "1.25")),
            shipping=rng.choice(("0", "0", "9.99")),
            tax=rng.choice(("0", "3.10")),
            voided=rng.random() < 0.08,
        )
        if rng.random() < 0.05:
            b.delete(invoice, company, was_read=rng.random() < 0.5)
        if rng.random() < 0.12:
            b.credit(customer, "5.55", company=company, currency=currency,
                     deal=rng.choice((deal, "")), remaining="5.55")  # fmt: skip
        if rng.random() < 0.04:
            b.decide(deal, invoice, rng.choice(("confirmed", "rejected")), company)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Builder]:
    rng = random.Random(SEED)
    b = Builder()
    for at in range(40):
        currency = rng.choice(("USD", "USD", "GBP", "EUR"))
        home = US if currency == "USD" else UK
        account, customer = b.known(f"Firm {at}", home, currency)
        stranger = b.customer(f"Somebody {at}", home, currency)
        parties = [(home, customer, currency)] * 8 + [
            (home, stranger, currency),
            (UK, b.customer(f"Abroad {at}", UK, currency), currency),
            (home, customer, "EUR"),
        ]
        if at % 8 == 0:
            for day in (5, 9):
                b.deal(account, [sold("777.77")], f"2026-10-{day:02d}", CurrencyIsoCode=currency)
            b.invoice(customer, "777.77", "2026-10-12", company=home, currency=currency)
        for _ in range(rng.randrange(4, 14)):
            amount = _money(rng)
            deal = b.deal(
                account,
                [sold(str(amount))],
                f"2026-{rng.randrange(7, 13):02d}-{rng.randrange(1, 29):02d}",
                CurrencyIsoCode=currency,
                Billing_Plan__c=rng.choice(PLANS),
                StageName=rng.choice(STAGES),
                IsDeleted=rng.random() < 0.03,
            )
            b.salesforce["Opportunity"][-1]["PO_Number__c"] = deal[-8:-3]  # type: ignore[index]
            _bill(b, rng, deal, amount, parties)
    return build(b.world(), tmp_path_factory.mktemp("bridge")), b


def test_the_world_is_mixed(books: tuple[Path, Builder]) -> None:
    rows = read(books[0], "select distinct mismatch_class as c from reconciliation.mismatches")
    assert len({row["c"] for row in rows}) >= 14
    rows = read(
        books[0],
        """
        select line_code from reconciliation.reconciliation_bridge where amount != 0 group by 1
    """,
    )
    wanted = {"U", "G", "V_UNDER", "V_OVER", "D", "O", "Z", "L", "K", "X", "Q"}
    assert wanted - {row["line_code"] for row in rows} == set()


def test_classes_add_up_to_the_difference(books: tuple[Path, Builder]) -> None:
    """Expected from the deals, actual from the documents, both counted here."""
    path, builder = books
    for bridge in _bridges(path):
        actual = _invoiced(builder, bridge["company_id"], bridge["currency_code"])
        assert bridge["I1"] == actual["net"]
        assert bridge["I2"] == actual["gross"]
        assert bridge["E"] + bridge["classes"] == actual["net"]
        assert bridge["RESIDUAL"] == 0


def test_what_was_sold_is_the_sum_of_won_deals(books: tuple[Path, Builder]) -> None:
    path, builder = books
    sold_by_currency: Counter[str] = Counter()
    for record in builder.salesforce["Opportunity"]:
        if record["StageName"] == "Closed Won" and not record["IsDeleted"]:
            sold_by_currency[record["CurrencyIsoCode"]] += record["Amount"]
    bridged: Counter[str] = Counter()
    for bridge in _bridges(path):
        bridged[bridge["currency_code"]] += bridge["A"]
    assert bridged == sold_by_currency


def test_each_record_stands_once(books: tuple[Path, Builder]) -> None:
    path, _ = books
    assert read(path, """
        select company_id, invoice_id, plan_step, deal_id
        from intermediate.int_reconciliation__contributions
        group by all having count(*) > 1
    """) == []  # fmt: skip
    assert read(path, """
        select document_type, company_id, document_id from reconciliation.mismatches
        where document_id is not null group by all having count(*) > 1
    """) == []  # fmt: skip


def test_no_step_is_planned_that_an_invoice_bills(books: tuple[Path, Builder]) -> None:
    assert read(books[0], """
        select i.deal_id from sync.sync_invoices as i
        join matched.matched_invoices as m using (deal_id, plan_step)
        join intermediate.int_invoices__net as n
            on m.company_id = n.company_id and m.invoice_id = n.invoice_id
        where m.match_state in ('confirmed', 'manual') and n.is_live
    """) == []  # fmt: skip


def _bridges(path: Path) -> list[dict[str, Any]]:
    bridges: dict[tuple[str, str], dict[str, Any]] = {}
    for row in read(path, "select * from reconciliation.reconciliation_bridge"):
        at = (row["company_id"], row["currency_code"])
        bridge = bridges.setdefault(
            at, {"company_id": at[0], "currency_code": at[1], "classes": Decimal(0)}
        )
        bridge[row["line_code"]] = row["amount"]
        if row["line_kind"] == "flow" and 5 <= row["line_number"] <= 16:
            bridge["classes"] += row["amount"]
    return list(bridges.values())


def _invoiced(builder: Builder, company: str, currency: str) -> Counter[str]:
    """What the live invoices of a company and currency add up to, from their own lines."""
    gone = {stub["Id"] for stub in builder.deleted[company]}
    totals: Counter[str] = Counter({"net": Decimal(0), "gross": Decimal(0)})  # type: ignore[dict-item]
    for invoice in builder.quickbooks[company, "Invoice"]:
        voided = str(invoice["PrivateNote"] or "").startswith("Voided")
        if invoice["CurrencyRef"]["value"] == currency and not voided and invoice["Id"] not in gone:
            totals["gross"] += invoice["TotalAmt"]
            totals["net"] += _net(invoice["Line"])
    return totals


def _net(lines: list[dict[str, Any]]) -> Decimal:
    net = Decimal(0)
    for line in lines:
        detail = line.get("SalesItemLineDetail")
        if detail and detail["ItemRef"]["value"] != "SHIPPING_ITEM_ID":
            net += line["Amount"]
        if line["DetailType"] == "DiscountLineDetail":
            net -= line["Amount"]
    return net
