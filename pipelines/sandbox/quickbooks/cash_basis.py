"""Double entry on a cash basis: a sale counts when it is paid, a bill when it is settled.

An invoice posts nothing on its own day but its deposit. A payment posts, on its day, the share of
every document that it settles: income, discount and tax line by line, in proportion; several
payments of one document add up to it to the cent. Money not yet applied is income of its own
account. Credits count when they are applied. Journal entries, receipts, expenses and transfers are
the same on both bases. Source: Intuit, "accounting_method" of the reports, and the accounts that
the vendor keeps for unapplied cash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger import (
    ONE,
    POSTS,
    Chart,
    Posting,
    base_of,
    bought,
    dated,
    paid_from,
    paid_into,
    posted,
    sold,
)
from pipelines.sandbox.quickbooks.payments import Target, applications
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents

# What a document settled by payments is made of; the sum of it is -1, 1 times its total.
PARTS: dict[str, tuple[Callable[[Chart, Record, Posting], Iterator[Posting]], int]] = {
    "Invoice": (lambda chart, record, base: sold(chart, record, base, 1), -1),
    "CreditMemo": (lambda chart, record, base: sold(chart, record, base, -1), 1),
    "Bill": (lambda chart, record, base: bought(chart, record, base, 1), 1),
    "VendorCredit": (lambda chart, record, base: bought(chart, record, base, -1), -1),
}
SETTLED_BY = {
    "Payment": "Payment",
    "BillPaymentCheck": "BillPayment",
    "BillPaymentCreditCard": "BillPayment",
    "BillPayment": "BillPayment",
}
UNAPPLIED = "UnappliedCashPaymentIncome"
UNAPPLIED_BILLS = "UnappliedCashBillPaymentExpense"


def cash_postings(books: Books, first: str = "", last: str = "9999-12-31") -> Iterator[Posting]:
    """Everything posted on these days on a cash basis, in order of day and transaction."""
    chart = Chart(books)
    for entity, record in dated(books, POSTS, first, last):
        yield from cash_posted(chart, entity, record)


def cash_posted(chart: Chart, entity: str, record: Record) -> Iterator[Posting]:
    """What one transaction posts on a cash basis; what comes to nothing is left out."""
    made = _POSTS.get(entity)
    rows = posted(chart, entity, record) if made is None else made(chart, record)
    return (row for row in rows if row.amount)


def _deposit(chart: Chart, invoice: Record) -> Iterator[Posting]:
    """What was paid with the invoice itself."""
    deposit = amount_of(invoice, "Deposit")
    if not deposit:
        return
    base, rate = base_of("Invoice", invoice), amount_of(invoice, "ExchangeRate") or ONE
    yield base._replace(account=paid_into(chart, invoice), amount=cents(deposit * rate))
    yield from _share(chart, "Invoice", invoice, ZERO, deposit, base.day, rate)


def _received(chart: Chart, payment: Record) -> Iterator[Posting]:
    yield from _settling(chart, "Payment", payment, paid_into(chart, payment), UNAPPLIED)


def _paid(chart: Chart, payment: Record) -> Iterator[Posting]:
    account = paid_from(chart, payment)
    yield from _settling(chart, "BillPayment", payment, account, UNAPPLIED_BILLS)


def _settling(
    chart: Chart, entity: str, payment: Record, account: str, unapplied: str
) -> Iterator[Posting]:
    """The money of a payment, what it settles, and what is left of it."""
    base, rate = base_of(entity, payment), amount_of(payment, "ExchangeRate") or ONE
    money = amount_of(payment, "TotalAmt") * (1 if entity == "Payment" else -1)
    left = -cents(money * rate)
    yield base._replace(account=account, amount=-left)
    for target, amount in applications(payment).items():
        document = chart.books.get(*target)
        if document is None or target[0] not in PARTS:
            continue
        before = _settled_before(chart.books, target, document, payment)
        for part in _share(chart, target[0], document, before, amount, base.day, rate):
            left -= part.amount
            yield part
    yield base._replace(account=chart.of(unapplied, "Income", "Expense"), amount=left)


def _settled_before(books: Books, target: Target, document: Record, payment: Record) -> Decimal:
    """What deposit and earlier payments have settled of a document."""
    own = _moment(payment)
    earlier = (p for p in _payments(books, document) if _moment(p) < own)
    applied = (applications(other).get(target, ZERO) for other in earlier)
    return sum(applied, amount_of(document, "Deposit"))


def _payments(books: Books, document: Record) -> Iterator[Record]:
    for link in document.get("LinkedTxn", ()):
        entity = SETTLED_BY.get(str(link.get("TxnType")))
        found = books.get(entity, str(link.get("TxnId"))) if entity else None
        if found is not None:
            yield found


def _moment(record: Record) -> tuple[str, int]:
    return str(record.get("TxnDate", "")), int(record["Id"])


def _share(
    chart: Chart,
    entity: str,
    document: Record,
    before: Decimal,
    amount: Decimal,
    day: str,
    rate: Decimal,
) -> Iterator[Posting]:
    """What an amount settles of a document, line by line, on the day of the money."""
    total = amount_of(document, "TotalAmt")
    if not total:
        return
    make, sign = PARTS[entity]
    rows = make(chart, document, base_of(entity, document))
    parts: Sequence[Posting] = tuple(part for part in rows if part.amount)
    left = sign * amount
    for at, part in enumerate(parts, 1):
        after = cents(part.amount * (before + amount) / total)
        own = left if at == len(parts) else after - cents(part.amount * before / total)
        left -= own
        yield part._replace(
            day=day,
            amount=cents(own * rate),
            foreign=own,
            quantity=part.quantity * amount / total,
        )


_POSTS: dict[str, Callable[[Chart, Record], Iterator[Posting]]] = {
    "Invoice": _deposit,
    "Payment": _received,
    "BillPayment": _paid,
    **dict.fromkeys(("CreditMemo", "Bill", "VendorCredit"), lambda chart, record: iter(())),
}
