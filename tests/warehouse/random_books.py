"""Random books: deals billed in every right and wrong way, and what a ledger of them would say.

Nothing here knows the models. Expected and actual are counted from the records themselves.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from billing_rules import PLANS, steps_of
from worlds import AS_OF, CENT, UK, US, Builder, sold

STAGES = ("Closed Won",) * 8 + ("Closed Lost", "Negotiation/Review")
TODAY = date.fromisoformat(AS_OF[:10])
# Company, currency, month ('2026-10').
Book = tuple[str, str, str]
Sums = dict[str, Counter[Book]]


def write_books(b: Builder, seed: int, firms: int) -> None:
    """So many firms with some deals each, billed with any care."""
    rng = random.Random(seed)
    for at in range(firms):
        _firm(b, rng, at, f"{seed} {at}")


def _firm(b: Builder, rng: random.Random, at: int, name: str) -> None:
    currency = rng.choice(("USD", "USD", "GBP", "EUR"))
    home = US if currency == "USD" else UK
    account, customer = b.known(f"Firm {name}", home, currency)
    stranger = b.customer(f"Somebody {name}", home, currency)
    parties = [(home, customer, currency)] * 8 + [
        (home, stranger, currency),
        (UK, b.customer(f"Abroad {name}", UK, currency), currency),
        (home, customer, "EUR"),
    ]
    if at % 8 == 0:
        for day in (5, 9):
            b.deal(account, [sold("777.77")], f"2026-10-{day:02d}", CurrencyIsoCode=currency)
        b.invoice(customer, "777.77", "2026-10-12", company=home, currency=currency)
    if at % 5 == 0:
        # A reseller's deal, an amendment below zero and two equal invoices that no deal explains.
        reseller = b.account(f"Reseller {name}", Type="Partner - Reseller")
        b.deal(reseller, [sold("50")], CurrencyIsoCode=currency)
        b.deal(account, [sold("-123.45")], "2026-09-10", CurrencyIsoCode=currency)
        for day in (3, 5):
            b.invoice(customer, "31.07", f"2026-08-{day:02d}", company=home, currency=currency)
    for _ in range(rng.randrange(4, 14)):
        _deal(b, rng, account, currency, parties)


def _deal(b: Builder, rng: random.Random, account: str, currency: str, parties: list[Any]) -> None:
    amount = money(rng)
    deal = b.deal(
        account,
        [sold(str(amount))],
        f"2026-{rng.randrange(7, 13):02d}-{rng.randrange(1, 29):02d}",
        CurrencyIsoCode=currency,
        Billing_Plan__c=rng.choice((None, *PLANS)),
        StageName=rng.choice(STAGES),
        IsDeleted=rng.random() < 0.03,
    )
    b.salesforce["Opportunity"][-1]["PO_Number__c"] = deal[-8:-3]  # type: ignore[index]
    if rng.random() < 0.2:
        b.history(deal, ("2026-07-01T00:00:00Z", str(amount / 2)),
                  ("2026-10-01T00:00:00Z", str(amount)))  # fmt: skip
    _bill(b, rng, deal, amount, parties)


def money(rng: random.Random) -> Decimal:
    """An amount between 1 and 4,000."""
    return Decimal(rng.randrange(100, 400000)) * CENT


def _bill(b: Builder, rng: random.Random, deal: str, amount: Decimal, parties: list[Any]) -> None:
    """None, one or a few invoices and credits, written with any care."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        company, customer, currency = rng.choice(parties)
        billed = rng.choice((amount, amount, amount / 2, amount + 7, amount * 3 / 10, money(rng)))
        on = f"2026-{rng.randrange(8, 12):02d}-{rng.randrange(1, 20):02d}"
        # Before any deletion, or the record would have come back.
        written_at = f"{min(on, '2026-11-09')}T09:00:00Z"
        invoice = b.invoice(
            customer,
            str(billed.quantize(CENT)),
            on,
            company=company,
            currency=currency,
            deal=rng.choice((deal, f"{deal}/{rng.randrange(1, 5)}", "")),
            po=rng.choice(("", deal[-8:-3])),
            discount=rng.choice(("0", "0", "1.25")),
            shipping=rng.choice(("0", "0", "9.99")),
            tax=rng.choice(("0", "3.10")),
            voided=rng.random() < 0.08,
            MetaData={"CreateTime": written_at, "LastUpdatedTime": written_at},
        )
        if rng.random() < 0.05:
            b.delete(invoice, company, was_read=rng.random() < 0.5)
        if rng.random() < 0.12:
            b.credit(customer, rng.choice(("5.55", str(billed.quantize(CENT)))), company=company,
                     currency=currency, deal=rng.choice((deal, "")), remaining="5.55")  # fmt: skip
        if rng.random() < 0.04:
            b.decide(deal, invoice, rng.choice(("confirmed", "rejected")), company)


def expected(b: Builder) -> Sums:
    """Lines A, B, C and E of the bridge by month, from the deals."""
    excluded = {r["Id"] for r in b.salesforce["Account"] if r.get("Type")}
    basis: Counter[str] = Counter()
    for line in b.salesforce["OpportunityLineItem"]:
        basis[line["OpportunityId"]] += line["TotalPrice"]
    sums: Sums = {code: Counter() for code in "ABCE"}
    for deal in b.salesforce["Opportunity"]:
        won = deal["StageName"] == "Closed Won" and not deal["IsDeleted"]
        if won and deal["AccountId"] not in excluded:
            _expect(sums, deal, basis[deal["Id"]])
    return sums


def _expect(sums: Sums, deal: Any, basis: Decimal) -> None:
    currency = deal["CurrencyIsoCode"]
    company = US if currency == "USD" else UK
    closed_on = date.fromisoformat(deal["CloseDate"])
    sums["A"][company, currency, f"{closed_on:%Y-%m}"] += basis
    for due_on, amount in steps_of(basis, deal.get("Billing_Plan__c"), closed_on):
        closed, due = (
            (company, currency, f"{closed_on:%Y-%m}"),
            (company, currency, f"{due_on:%Y-%m}"),
        )
        if due_on > TODAY:
            sums["C"][closed] -= amount
            continue
        sums["E"][due] += amount
        if closed != due:
            sums["C"][closed] -= amount
            sums["B"][due] += amount


def billed(b: Builder) -> Sums:
    """Lines I1, I2 and R by month from the documents, and CN, the credits net of tax."""
    sums: Sums = {code: Counter() for code in ("I1", "I2", "R", "CN")}
    for company in (US, UK):
        gone = {stub["Id"] for stub in b.deleted[company]}
        for entity, document in _living(b, company):
            if document["Id"] in gone:
                continue
            book = (company, document["CurrencyRef"]["value"], document["TxnDate"][:7])
            if entity == "Invoice":
                sums["I1"][book] += net(document["Line"])
                sums["I2"][book] += document["TotalAmt"]
            else:
                sums["R"][book] -= document["TotalAmt"]
                sums["CN"][book] += net(document["Line"])
    return sums


def _living(b: Builder, company: str) -> Iterator[tuple[str, Any]]:
    for entity in ("Invoice", "CreditMemo", "RefundReceipt"):
        for document in b.quickbooks[company, entity]:
            if not str(document.get("PrivateNote") or "").startswith("Voided"):
                yield entity, document


def net(lines: list[dict[str, Any]]) -> Decimal:
    """Item lines less discounts."""
    amount = Decimal(0)
    for line in lines:
        detail = line.get("SalesItemLineDetail")
        if detail and detail["ItemRef"]["value"] != "SHIPPING_ITEM_ID":
            amount += line["Amount"]
        if line["DetailType"] == "DiscountLineDetail":
            amount -= line["Amount"]
    return amount
