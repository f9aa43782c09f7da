"""Double entry: what each transaction posts to which account, in the company's own currency.

Accrual basis (cash_basis.py: the other). Nothing is stored: postings follow from the documents as
they are. The account that balances a document comes last and takes what is left by rounding, so
that every transaction adds up to zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from heapq import merge

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.exchange import at_home
from pipelines.sandbox.quickbooks.ledger_chart import ONE, Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.selection import within
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

ROUNDING = Decimal("0.05")


def postings(books: Books, first: str = "", last: str = "9999-12-31") -> Iterator[Posting]:
    """Everything posted on the days from `first` to `last`, in order of day and transaction."""
    chart = Chart(books)
    for entity, record in dated(books, POSTS, first, last):
        yield from posted(chart, entity, record)


def dated(
    books: Books, entities: Iterable[str], first: str, last: str
) -> Iterator[tuple[str, Record]]:
    """Transactions of these days in order of day and id; read only as far as they are wanted."""
    tables = (_in_order(books, entity, first, last) for entity in entities)
    for _, _, entity, record in merge(*tables, key=lambda found: found[:2]):
        yield entity, record


def _in_order(
    books: Books, entity: str, first: str, last: str
) -> Iterator[tuple[str, int, str, Record]]:
    rows = within(books.table(entity), "TxnDate", first, last).arranged(
        _day_and_id, rising=books.table(entity).is_ordered("TxnDate")
    )
    for record in rows:
        day = str(record.get("TxnDate", ""))
        if day and first <= day <= last:
            yield day, int(record["Id"]), entity, record


def _day_and_id(record: Record) -> tuple[str, int]:
    return str(record.get("TxnDate", "")), int(record["Id"])


def posted(chart: Chart, entity: str, record: Record) -> Iterator[Posting]:
    """The postings of one transaction; what comes to nothing is left out."""
    parts = POSTS[entity](chart, record, base_of(entity, record))
    if chart.is_foreign(record):
        parts = at_home(parts, amount_of(record, "ExchangeRate") or ONE)
    last: Posting | None = None
    left = ZERO
    for part in parts:
        if last is not None and last.amount:
            left += last.amount
            yield last
        last = part if _is_whole(part.amount) else part._replace(amount=cents(part.amount))
    if last is not None:
        yield from _balanced(chart, last, -left)


def _is_whole(amount: Decimal) -> bool:
    """Whether an amount has no more than two decimals."""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -2


def _balanced(chart: Chart, last: Posting, wanted: Decimal) -> Iterator[Posting]:
    """The balancing line; a difference that is more than rounding (a document whose lines are not
    all known) goes where nothing is said."""
    rest = wanted - last.amount
    if abs(rest) > ROUNDING:
        account = chart.of("Uncategorized Income", "Income")
        yield last._replace(account=account, amount=rest, foreign=rest)
        wanted = last.amount
    if wanted:
        yield last._replace(amount=wanted)


def base_of(entity: str, record: Record) -> Posting:
    """What all postings of a transaction say of it."""
    return Posting(
        entity=entity,
        transaction=str(record["Id"]),
        day=str(record["TxnDate"]),
        number=str(record.get("DocNumber") or record.get("PaymentRefNum") or ""),
        memo=str(record.get("PrivateNote") or ""),
        account="",
        amount=ZERO,
        name=_name(record),
        class_id=ref_value(record, "ClassRef") or "",
        department=ref_value(record, "DepartmentRef") or "",
    )


def _name(record: Record) -> tuple[str, str]:
    for member, kind in (("CustomerRef", "Customer"), ("VendorRef", "Vendor")):
        value = ref_value(record, member)
        if value is not None:
            return value, kind
    entity = record.get("EntityRef") or {}
    return str(entity.get("value") or ""), str(entity.get("type") or "")
