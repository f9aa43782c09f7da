"""Everything in the books besides invoices: payments, credits, estimates, receipts."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.company import invoice_lines as write
from pipelines.sandbox.company.billing import Biller, Finding
from pipelines.sandbox.company.books import (
    DEAL_FIELD,
    PO_FIELD,
    Books,
    Customer,
    DocLine,
    Document,
    Item,
)
from pipelines.sandbox.company.casting import Cast
from pipelines.sandbox.company.dates import AS_OF, day_between
from pipelines.sandbox.company.deals import OPEN_STAGES, Deal
from pipelines.sandbox.company.invoice_lines import Written
from pipelines.sandbox.company.money import ZERO, cents


def collect_payments(rng: random.Random, books: Books) -> None:
    """Customers pay: old invoices nearly all, recent ones some; now and then two at once."""
    by_customer: defaultdict[str, list[tuple[date, Document]]] = defaultdict(list)
    for document in list(books.documents):
        if document.kind != "Invoice" or not document.is_live or not document.is_payable:
            continue
        paid_on = _paid_on(rng, document)
        if paid_on is None:
            continue
        assert document.due_on is not None
        # Who pays before the due date, often pays only a part.
        if rng.random() < (0.5 if document.due_on >= AS_OF else 0.05):
            part = cents(document.total * Decimal(rng.choice(("0.3", "0.5", "0.75"))))
            books.receive(document.customer, paid_on, part, [(document, part)])
        else:
            by_customer[document.customer.customer_id].append((paid_on, document))
    for due in by_customer.values():
        _pay_in_full(rng, books, due)


def _paid_on(rng: random.Random, document: Document) -> date | None:
    """When the customer pays, or None when it has not done so by the as-of day."""
    assert document.due_on is not None
    age = (AS_OF - document.due_on).days
    likely = 0.985 if age > 60 else 0.75 if age > 0 else 0.5
    if rng.random() > likely:
        return None
    day = document.due_on + timedelta(days=rng.randrange(-12, 24))
    if age <= 0:
        day = document.txn_on + timedelta(days=rng.randrange(3, 15))
    day = max(day, document.txn_on + timedelta(days=1))
    if document.edited_at and age > 60:
        day = min(day, date(2026, 10, 30))
    return day if day < AS_OF else None


def _pay_in_full(rng: random.Random, books: Books, due: list[tuple[date, Document]]) -> None:
    due.sort(key=lambda pair: (pair[0], pair[1].txn_on))
    while due:
        paid_on, document = due.pop(0)
        together = [document]
        # A payment settles what is open by then: a second invoice of the same weeks joins in.
        while due and due[0][0] - paid_on < timedelta(days=18) and rng.random() < 0.5:
            paid_on, other = due.pop(0)
            together.append(other)
        applied = [(invoice, invoice.balance) for invoice in together]
        books.receive(document.customer, paid_on, sum((part for _, part in applied), Decimal(0)),
                      applied)  # fmt: skip


def leave_unapplied(biller: Biller) -> None:
    """Overpayments and goodwill credits that nobody has applied, at customers that owe money."""
    rng = biller.rng
    owing = _customers_that_owe(biller)
    for at, (books, customer) in enumerate(rng.sample(owing, 7)):
        day = day_between(rng, date(2026, 9, 1), date(2026, 11, 16))
        amount = Decimal(rng.randrange(5000, 90000)) / 100
        if at < 4:
            payment = books.receive(customer, day, amount, [])
            payment.reference = "on account"
        else:
            item = books.item_named("Restocking fee")
            line = DocLine(item, "Goodwill credit", amount, Decimal(1), amount, is_taxable=False)
            books.new_document("CreditMemo", customer, day, [line])


def _customers_that_owe(biller: Biller) -> list[tuple[Books, Customer]]:
    special = {
        finding.document.customer for finding in biller.truth.findings
        if finding.is_core and finding.document
    }  # fmt: skip
    found: dict[Customer, Books] = {}
    for books in biller.clientele.books.values():
        for document in books.documents:
            customer = document.customer
            if document.kind == "Invoice" and document.balance > 0 and customer not in special:
                found.setdefault(customer, books)
    return [(books, customer) for customer, books in found.items()]


def note_unapplied(biller: Biller) -> None:
    """List every unapplied payment and credit of a customer with open invoices."""
    for books in biller.clientele.books.values():
        owing = {
            document.customer
            for document in books.documents
            if document.kind == "Invoice" and document.balance > 0
        }
        for payment in books.payments:
            if payment.unapplied > 0 and payment.customer in owing:
                currency = payment.customer.currency
                note = f"payment of {payment.paid_on} with money left"
                finding = Finding("UNAPPLIED_PAYMENT", payment.unapplied, currency, note,
                                  payment=payment, is_core=False)  # fmt: skip
                biller.truth.findings.append(finding)
        for document in books.documents:
            left = document.balance if document.kind == "CreditMemo" else ZERO
            if left > 0 and document.customer in owing:
                biller.find("UNAPPLIED_CREDIT", left, "credit not applied",
                            document=document, is_core=False)  # fmt: skip


def write_estimates(biller: Biller, cast: Cast) -> None:
    """Quotes: those behind some invoices (closed by them), and open, accepted and refused ones."""
    rng = biller.rng
    for document, step in list(biller.truth.links):
        marked = {DEAL_FIELD, PO_FIELD} & set(document.custom)
        ordinary = step.count == 1 and step.deal.treatment == "billed" and document.is_live
        if ordinary and marked and rng.random() < 0.15:
            _estimate_behind(biller, document, step.deal)
    for deal in cast.deals:
        pursued = deal.stage in OPEN_STAGES[2:] and deal.treatment == "pursued" and deal.lines
        if pursued and deal.firm.role in ("linked", "matchable") and rng.random() < 0.4:
            _open_estimate(biller, deal)


def _estimate_behind(biller: Biller, invoice: Document, deal: Deal) -> None:
    books = biller.books_of(deal)
    day = invoice.txn_on - timedelta(days=biller.rng.randrange(8, 40))
    estimate = books.new_document("Estimate", invoice.customer, day, invoice.lines)
    estimate.discount, estimate.discount_percent = invoice.discount, invoice.discount_percent
    estimate.shipping = invoice.shipping
    estimate.custom[DEAL_FIELD] = deal.deal_id
    estimate.status, estimate.invoice, invoice.estimate = "Closed", invoice, estimate


def _open_estimate(biller: Biller, deal: Deal) -> None:
    books = biller.books_of(deal)
    customer = biller.clientele.customer(deal.firm)
    written: Written = write.at_list_prices(books, deal.lines)
    day = min(deal.created_on + timedelta(days=10), AS_OF)
    estimate = books.new_document("Estimate", customer, day, written.lines)
    estimate.discount = written.discount
    estimate.custom[DEAL_FIELD] = deal.deal_id
    estimate.status = biller.rng.choice(("Pending", "Pending", "Accepted", "Rejected"))


# State, company, days before the as-of day: estimates that sales does not know of yet.
_OFFERS = (
    ("Pending", "us", 3), ("Pending", "us", 9), ("Pending", "uk", 6), ("Accepted", "us", 4),
    ("Accepted", "uk", 8), ("Rejected", "us", 20), ("Pending", "us", 70),
)  # fmt: skip


def write_offers(rng: random.Random, biller: Biller) -> None:
    """Estimates that name no deal, given by the office to customers of known accounts; the last
    one is from before the go-live."""
    known = biller.clientele.of_account.items()
    for at, (state, company, days) in enumerate(_OFFERS):
        books = biller.clientele.books[company]
        firms = [
            customer
            for (_, where), customer in known
            if where == company and customer.firm and customer.firm.role == "linked"
            and customer.currency == books.home_currency and customer.is_active
        ]  # fmt: skip
        sold = [item for item in books.items if item.product and item.price >= 1]
        lines = [_offered(rng, item) for item in rng.sample(sold, 1 + at % 3)]
        day = AS_OF - timedelta(days=days)
        estimate = books.new_document("Estimate", rng.choice(firms), day, lines)
        estimate.discount = cents(estimate.net / 20) if at % 2 else ZERO
        estimate.status = state


def _offered(rng: random.Random, item: Item) -> DocLine:
    quantity = Decimal(rng.choice((1, 2, 3, 5)))
    return DocLine(item, item.description, cents(item.price * quantity), quantity, item.price)


def write_counter_sales(biller: Biller) -> None:
    """Sales receipts of customers Salesforce does not know, and refunds."""
    rng = biller.rng
    for at in range(18):
        books = biller.clientele.books["us" if at % 3 else "uk"]
        strangers = [one for one in books.customers if one.firm is None and one.is_active]
        product = rng.choice([item for item in books.items if item.product and item.price >= 1])
        quantity = Decimal(rng.choice((1, 2, 3, 5)))
        line = DocLine(product, product.description, cents(product.price * quantity), quantity,
                       product.price)  # fmt: skip
        kind = "RefundReceipt" if at % 5 == 4 else "SalesReceipt"
        day = day_between(rng, date(2024, 4, 1), date(2026, 11, 10))
        books.new_document(kind, rng.choice(strangers), day, [line])
