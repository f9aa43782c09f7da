"""What the company owes its vendors: bills and vendor credits, and the payments that settle them.

A payment of a bill that has nothing open any more settles nothing: its line is dropped, and a
payment without lines is void from the start (observed by client suites against the real service).
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ground_rules import voided_note
from pipelines.sandbox.quickbooks.payments import Target, applications
from pipelines.sandbox.quickbooks.postings import with_home_amounts
from pipelines.sandbox.quickbooks.refusals import cannot_link, not_found
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

OPEN = {"Bill": 1, "VendorCredit": -1}
ENTITIES = (*OPEN, "BillPayment")
LINK_TYPE = {"CreditCard": "BillPaymentCreditCard"}


def with_open_balance(record: Record, before: Record | None) -> Record:
    """A bill or credit with what is still open of it."""
    applied = amount_of(before or {}, "TotalAmt") - amount_of(before or {}, "Balance")
    return {**record, "Balance": cents(amount_of(record, "TotalAmt") - applied)}


def within_what_is_open(books: Books, record: Record, before: Record | None) -> Record:
    """A bill payment without what its bills do not owe.

    Raises:
        Refusal: 610 no such bill, 620 one of another vendor.
    """
    old = applications(before)
    kept = []
    for line in record["Line"]:
        target, wanted = next(iter(applications({"Line": [line]}).items()), (None, ZERO))
        if target is None or target[0] not in OPEN:
            kept.append(line)
            continue
        free = amount_of(_document(books, record, target), "Balance") + old.get(target, ZERO)
        if free > ZERO:
            kept.append({**line, "Amount": cents(min(wanted, free))})
    if kept or not record["Line"]:
        return {**record, "Line": kept}
    return {**record, "Line": [], "TotalAmt": ZERO, "PrivateNote": voided_note(record)}


def _document(books: Books, payment: Record, target: Target) -> Record:
    document = books.get(*target)
    if document is None:
        raise not_found()
    if ref_value(document, "VendorRef") != ref_value(payment, "VendorRef"):
        raise cannot_link(target[1])
    return document


# ---- what follows


def store(
    books: Books, entity: str, before: Record | None, after: Record, operation: str | None = None
) -> Record:
    """Keep a transaction with a vendor and everything that follows from it."""
    books.put(entity, after, operation)
    _follow(books, entity, before, after)
    return after


def remove(books: Books, entity: str, record: Record) -> None:
    """Delete a transaction with a vendor; what it settled is open again."""
    books.remove(entity, record)
    _follow(books, entity, record, None)


def _follow(books: Books, entity: str, before: Record | None, after: Record | None) -> None:
    if entity == "BillPayment":
        _settle(books, before, after)
        return
    for record, sign in ((before, -1), (after, 1)):
        if record is not None:
            owed = sign * OPEN[entity] * amount_of(record, "Balance")
            _owe(books, ref_value(record, "VendorRef"), owed)


def _owe(books: Books, vendor_id: str | None, difference: Decimal) -> None:
    vendor = books.get("Vendor", vendor_id or "")
    if vendor is not None and difference:
        balance = cents(amount_of(vendor, "Balance") + difference)
        books.put("Vendor", books.touched(vendor, Balance=balance))


def _settle(books: Books, before: Record | None, after: Record | None) -> None:
    was, now = applications(before), applications(after)
    payment = after or before or {}
    kind = LINK_TYPE.get(str(payment.get("PayType")), "BillPaymentCheck")
    link = {"TxnId": payment["Id"], "TxnType": kind}
    for target in {**was, **now}:
        document = books.get(*target) if target[0] in OPEN else None
        if document is None or was.get(target) == now.get(target):
            continue
        rest = amount_of(document, "Balance") - now.get(target, ZERO) + was.get(target, ZERO)
        links = [known for known in document.get("LinkedTxn", ()) if known != link]
        links = [*links, link] if target in now else links
        changed = books.raised(document, Balance=cents(rest), LinkedTxn=links)
        store(books, target[0], document, with_home_amounts(books, target[0], changed))
