"""Double entry on a cash basis: a sale counts when it is paid, a bill when it is settled.

An invoice posts nothing on its own day but its deposit. A payment posts, on its day, the share of
every document that it settles: income, discount and tax line by line, in proportion; several
payments of one document add up to it to the cent. Money not yet applied is income of its own
account. Credits count when they are applied. Journal entries, receipts, expenses and transfers are
the same on both bases. A foreign document counts at its own rate, and what the payment's rate
differs is gain or loss on this basis too. Source: Intuit, "accounting_method" of the reports, and
the accounts that the vendor keeps for unapplied cash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.exchange import (
    EXCHANGE,
    at_home,
    exchange_difference,
    open_before,
)
from pipelines.sandbox.quickbooks.ledger import base_of, dated, posted
from pipelines.sandbox.quickbooks.ledger_chart import ONE, Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS, bought, paid_from, paid_into, sold
from pipelines.sandbox.quickbooks.payments import applications
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents

# What a document settled by payments is made of; the sum of it is -1, 1 times its total.
PARTS: dict[str, tuple[Callable[[Chart, Record, Posting], Iterator[Posting]], int]] = {
    "Invoice": (lambda chart, record, base: sold(chart, record, base, 1), -1),
    "CreditMemo": (lambda chart, record, base: sold(chart, record, base, -1), 1),
    "Bill": (lambda chart, record, base: bought(chart, record, base, 1), 1),
    "VendorCredit": (lambda chart, record, base: bought(chart, record, base, -1), -1),
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
    total = amount_of(invoice, "TotalAmt")
    paid = cents(total * rate) - cents((total - deposit) * rate)
    yield base._replace(account=paid_into(chart, invoice), amount=paid)
    yield from _share(chart, "Invoice", invoice, total, deposit, base.day)


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
        document = chart.document(*target)
        if document is None or target[0] not in PARTS:
            continue
        rest = open_before(chart, target, document, payment)
        for part in _share(chart, target[0], document, rest, amount, base.day):
            left -= part.amount
            yield part
    difference = exchange_difference(chart, entity, payment)
    yield base._replace(account=chart.of(*EXCHANGE), amount=difference)
    yield base._replace(account=chart.of(unapplied, "Income", "Expense"), amount=left - difference)


def _share(
    chart: Chart, entity: str, document: Record, rest: Decimal, amount: Decimal, day: str
) -> Iterator[Posting]:
    """What an amount settles of a document of which `rest` is open, line by line, on that day."""
    total = amount_of(document, "TotalAmt")
    if not total:
        return
    make, sign = PARTS[entity]
    rows = make(chart, document, base_of(entity, document))
    parts: Sequence[Posting] = sorted((part for part in rows if part.amount), key=_first_at_home)
    before, left = total - rest, sign * amount
    shares = []
    for at, part in enumerate(parts, 1):
        after = cents(part.amount * (before + amount) / total)
        own = left if at == len(parts) else after - cents(part.amount * before / total)
        left -= ZERO if part.home else own
        quantity = part.quantity * amount / total
        shares.append(part._replace(day=day, amount=own, quantity=quantity))
    if not chart.is_foreign(document):
        yield from shares
        return
    yield from at_home(shares, amount_of(document, "ExchangeRate") or ONE, -sign * rest)


def _first_at_home(part: Posting) -> bool:
    return not part.home


_POSTS: dict[str, Callable[[Chart, Record], Iterator[Posting]]] = {
    "Invoice": _deposit,
    "Payment": _received,
    "BillPayment": _paid,
    **dict.fromkeys(("CreditMemo", "Bill", "VendorCredit"), lambda chart, record: iter(())),
}
