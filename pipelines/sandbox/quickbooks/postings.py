"""What a document changes beside itself: the customer's balance, the estimate it closes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, plain, ref_value
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES

OPEN_AMOUNT = {"Invoice": "Balance", "CreditMemo": "Balance", "Payment": "UnappliedAmt"}


def open_amount(entity: str, record: Record | None) -> Decimal:
    """What a document adds to its customer's balance: invoices plus, credits minus."""
    member = OPEN_AMOUNT.get(entity)
    if record is None or member is None:
        return ZERO
    amount = amount_of(record, member)
    return amount if entity == "Invoice" else -amount


def store_document(
    books: Books, entity: str, before: Record | None, after: Record, operation: str | None = None
) -> Record:
    """Keep a document and move its customer's balance by the difference."""
    books.put(entity, after, operation)
    _move(books, entity, before, after)
    return after


def remove_document(books: Books, entity: str, record: Record) -> None:
    """Delete a document and take its open amount off its customer."""
    books.remove(entity, record)
    _move(books, entity, record, None)


def _move(books: Books, entity: str, before: Record | None, after: Record | None) -> None:
    was = ref_value(before, "CustomerRef") if before else None
    now = ref_value(after, "CustomerRef") if after else None
    out, into = open_amount(entity, before), open_amount(entity, after)
    if was == now:
        post(books, now, into - out)
    else:
        post(books, was, -out)
        post(books, now, into)


def post(books: Books, customer_id: str | None, difference: Decimal) -> None:
    """Move a customer's Balance, and BalanceWithJobs up to the topmost parent.

    The customer's LastUpdatedTime moves with it, its SyncToken does not (recorded).
    """
    if not difference or customer_id is None:
        return
    customer = books.get("Customer", customer_id)
    own = True
    while customer is not None:
        changes = {"BalanceWithJobs": cents(amount_of(customer, "BalanceWithJobs") + difference)}
        if own:
            changes["Balance"] = cents(amount_of(customer, "Balance") + difference)
        books.put("Customer", books.touched(customer, **changes))
        parent = ref_value(customer, "ParentRef")
        customer, own = (books.get("Customer", parent) if parent else None), False


def with_home_amounts(books: Books, entity: str, record: Record) -> Record:
    """Add the amounts in the company's currency where several currencies are in use.

    Bills, payments and purchases have no HomeTotalAmt: what is read must be taken back in a write.
    """
    if not books.multi_currency:
        return record
    rate = amount_of(record, "ExchangeRate") or Decimal(1)
    added: Record = {"ExchangeRate": plain(rate)}
    known = ENTITIES[entity].members
    if "TotalAmt" in record and "HomeTotalAmt" in known:
        added["HomeTotalAmt"] = cents(amount_of(record, "TotalAmt") * rate)
    if "Balance" in record and "HomeBalance" in known:
        added["HomeBalance"] = cents(amount_of(record, "Balance") * rate)
    return {**record, **added}


# ---- estimates


def close_estimates(books: Books, invoice: Record) -> None:
    """Close the estimates an invoice takes over; their SyncToken stays (recorded)."""
    for estimate in _estimates(books, invoice.get("LinkedTxn", ())):
        link = {"TxnId": invoice["Id"], "TxnType": "Invoice"}
        links = [known for known in estimate.get("LinkedTxn", ()) if known != link]
        closed = {"TxnStatus": "Closed", "LinkedTxn": [*links, link]}
        if any(estimate.get(name) != value for name, value in closed.items()):
            books.put("Estimate", books.touched(estimate, **closed))


def reopen_estimates(books: Books, invoice_id: str, links: Iterable[Record]) -> None:
    """Undo `close_estimates` for links that an invoice has lost."""
    for estimate in _estimates(books, links):
        left = [n for n in estimate.get("LinkedTxn", ()) if n.get("TxnId") != invoice_id]
        books.put("Estimate", books.touched(estimate, TxnStatus="Pending", LinkedTxn=left))


def _estimates(books: Books, links: Iterable[Record]) -> list[Record]:
    ids = (link["TxnId"] for link in links if link.get("TxnType") == "Estimate")
    found = (books.get("Estimate", str(record_id)) for record_id in ids)
    return [estimate for estimate in found if estimate is not None]
