"""Sales documents: invoice, credit memo, refund receipt, sales receipt, estimate."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.sandbox.quickbooks import payments
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.document_details import (
    custom_fields,
    document_number,
    with_addresses,
    with_due_date,
    with_tracked,
)
from pipelines.sandbox.quickbooks.ground_rules import (
    refuse_closed_period,
    voided_note,
    with_currency,
    with_deposit_account,
)
from pipelines.sandbox.quickbooks.intake import Draft, real_links
from pipelines.sandbox.quickbooks.postings import (
    close_estimates,
    remove_document,
    reopen_estimates,
    store_document,
    with_home_amounts,
)
from pipelines.sandbox.quickbooks.references import with_resolved
from pipelines.sandbox.quickbooks.refusals import business, cannot_link, missing
from pipelines.sandbox.quickbooks.sale_lines import with_totals
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value
from pipelines.sandbox.quickbooks.vocabulary import answer_order

RETAINED = ("DocNumber", "CurrencyRef", "CustomField", "LinkedTxn", "DeliveryInfo", "TxnStatus")
COMPUTED = ("TotalAmt", "TotalCostAmount", "HomeTotalCostAmount", "invoiceStatus")
WRITABLE_LINKS = ("Estimate", "TimeActivity")


def build_sale(books: Books, entity: str, draft: Draft) -> Record:
    """A sales document as it would be stored, everything computed.

    Raises:
        Refusal: any rule of the books.
    """
    record = {k: v for k, v in draft.base(RETAINED).items() if k not in COMPUTED}
    record = _with_links(books, entity, record, draft)
    record["CustomField"] = custom_fields(books, record.get("CustomField", ()))
    record["TxnDate"] = record.get("TxnDate") or books.today()
    refuse_closed_period(books, record, draft.before)
    record = with_tracked(books, record)
    record = with_resolved(books, entity, record, draft.before)
    record = with_currency(books, record, draft)
    record = with_totals(books, record, draft)
    record = with_due_date(books, entity, record)
    record["DocNumber"] = document_number(books, entity, record, draft)
    record = with_addresses(books, record, draft)
    record = _DETAILS[entity](books, record, draft)
    record = _with_status(record)
    return with_home_amounts(books, entity, {k: v for k, v in record.items() if v is not None})


# ---- links


def _with_links(books: Books, entity: str, record: Record, draft: Draft) -> Record:
    """Links to estimates and time are the caller's, those to payments are the payments'."""
    known = list((draft.before or {}).get("LinkedTxn", ()))
    kept = [link for link in known if link.get("TxnType") not in WRITABLE_LINKS]
    source = draft.given.get("LinkedTxn", known)
    wanted = [n for n in real_links(source) if n.get("TxnType") in WRITABLE_LINKS]
    if entity == "Invoice":
        _check_links(books, [n for n in wanted if n not in known], record)
    links = [n for n in known if n in kept or n in wanted]
    links += [n for n in wanted if n not in known]
    rest = {k: v for k, v in record.items() if k != "LinkedTxn"}
    return {**rest, "LinkedTxn": links} if links or entity == "Invoice" else rest


def _check_links(books: Books, links: list[Record], record: Record) -> None:
    for link in links:
        estimate = books.get(str(link["TxnType"]), str(link["TxnId"]))
        if estimate is None or (
            ref_value(estimate, "CustomerRef") != ref_value(record, "CustomerRef")
        ):
            raise cannot_link(str(link["TxnId"]))


def _with_status(record: Record) -> Record:
    found = {"PrintStatus": "NeedToPrint", "EmailStatus": "NotSet", **record}
    found["ApplyTaxAfterDiscount"] = bool(record.get("ApplyTaxAfterDiscount", False))
    if found["EmailStatus"] == "NeedToSend" and not found.get("BillEmail"):
        raise missing("BillEmail")
    return found


# ---- what is special about each kind


def _invoice(books: Books, record: Record, draft: Draft) -> Record:
    deposit = amount_of(record, "Deposit")
    if deposit and not books.preference("SalesFormsPrefs", "AllowDeposit", False):
        raise business("Deposits are not switched on in this company.", "Deposit")
    owed = amount_of(record, "TotalAmt") - deposit
    applied = payments.applied_to(draft.before)
    _refuse_other_customer(books, record, draft)
    if owed < ZERO:
        raise business("The deposit cannot be more than the total.", "Deposit")
    online = ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")
    flags = {name: bool(record.get(name, False)) for name in online}
    dead = {"AllowIPNPayment": False, "AllowOnlinePayment": False}
    found = {**dead, **record, **flags, "Balance": cents(owed - applied)}
    found["Deposit"] = deposit or None
    return _regional(books, found)


def _refuse_other_customer(books: Books, record: Record, draft: Draft) -> None:
    if draft.before is None or not payments.payments_of(books, draft.before):
        return
    if ref_value(record, "CustomerRef") != ref_value(draft.before, "CustomerRef"):
        raise business("The customer of a paid transaction cannot be changed.", "CustomerRef")


def _credit_memo(books: Books, record: Record, draft: Draft) -> Record:
    before = draft.before or {}
    used_up = amount_of(before, "TotalAmt") - amount_of(before, "Balance")
    rest = amount_of(record, "TotalAmt") - used_up
    if rest < ZERO:
        raise business("The credit memo has been used for more than its new total.", "TotalAmt")
    found = {**record, "Balance": cents(rest), "RemainingCredit": cents(rest)}
    return _regional(books, {k: v for k, v in found.items() if k != "DueDate"})


def _receipt(books: Books, record: Record, draft: Draft) -> Record:
    return _regional(books, {**with_deposit_account(books, record, draft), "Balance": ZERO})


def _estimate(books: Books, record: Record, draft: Draft) -> Record:
    kept = {k: v for k, v in record.items() if k not in ("Balance", "DueDate")}
    return _regional(books, {**kept, "TxnStatus": record.get("TxnStatus", "Pending")})


def _regional(books: Books, record: Record) -> Record:
    """GlobalTaxCalculation belongs to companies outside the US only."""
    if books.is_us:
        return {k: v for k, v in record.items() if k != "GlobalTaxCalculation"}
    default = "TaxExcluded" if books.uses_sales_tax else "NotApplicable"
    return {**record, "GlobalTaxCalculation": record.get("GlobalTaxCalculation", default)}


_DETAILS: dict[str, Callable[[Books, Record, Draft], Record]] = {
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "SalesReceipt": _receipt,
    "RefundReceipt": _receipt,
    "Estimate": _estimate,
}


# ---- life of a document


def store_sale(books: Books, entity: str, before: Record | None, after: Record) -> Record:
    """Keep a document with all that follows from it.

    An invoice that becomes smaller than what was paid gives the rest back to its payments.
    """
    if entity == "Invoice" and amount_of(after, "Balance") < ZERO:
        before, after = _settled_in_full(books, after)
    store_document(books, entity, before, after)
    if entity == "Invoice":
        reopen_estimates(books, after["Id"], _lost_links(before, after))
        close_estimates(books, after)
    return after


def _settled_in_full(books: Books, after: Record) -> tuple[Record, Record]:
    """An invoice whose payments have given back what is too much: before and after."""
    payments.give_back(books, after["Id"], -amount_of(after, "Balance"))
    now = books.get("Invoice", after["Id"]) or {}
    links = [
        link
        for link in after.get("LinkedTxn", ())
        if link.get("TxnType") != "Payment" or link in now.get("LinkedTxn", ())
    ]
    raised = books.raised({**after, "SyncToken": now["SyncToken"]}, Balance=ZERO, LinkedTxn=links)
    return now, with_home_amounts(books, "Invoice", raised)


def _lost_links(before: Record | None, after: Record | None) -> list[Record]:
    kept = (after or {}).get("LinkedTxn", ())
    return [link for link in (before or {}).get("LinkedTxn", ()) if link not in kept]


def delete_sale(books: Books, entity: str, record: Record) -> None:
    """Delete a document; payments that pointed at it become unapplied."""
    payments.unlink(books, entity, record["Id"])
    current = books.get(entity, record["Id"]) or record
    remove_document(books, entity, current)
    if entity == "Invoice":
        reopen_estimates(books, current["Id"], _lost_links(current, None))


def void_sale(books: Books, entity: str, record: Record) -> Record:
    """Void an invoice or a sales receipt: amounts zero, links gone, a note (recorded)."""
    payments.unlink(books, entity, record["Id"])
    current = books.get(entity, record["Id"]) or record
    if entity == "Invoice":
        reopen_estimates(books, current["Id"], _lost_links(current, None))
    zero = {
        "PrivateNote": voided_note(current),
        "LinkedTxn": [],
        "Line": [_zero_line(line) for line in current.get("Line", ())],
        "TxnTaxDetail": {"TotalTax": ZERO},
        "TotalAmt": ZERO,
        "Balance": ZERO,
    }
    kept = {k: v for k, v in current.items() if k != "Deposit"}
    after = with_home_amounts(books, entity, books.raised(kept, **zero))
    after = {name: after[name] for name in answer_order(entity) if name in after} | after
    return store_document(books, entity, current, after, "void")


def _zero_line(line: Record) -> Record:
    zero = {**line, "Amount": ZERO} if "Amount" in line else dict(line)
    group = line.get("GroupLineDetail")
    if group is not None:
        zero["GroupLineDetail"] = {**group, "Line": [_zero_line(p) for p in group.get("Line", ())]}
    detail = line.get("SalesItemLineDetail")
    if detail is not None:
        left = {k: v for k, v in detail.items() if k not in ("UnitPrice", "TaxInclusiveAmt")}
        zero["SalesItemLineDetail"] = {**left, **({"Qty": ZERO} if "Qty" in left else {})}
    return zero
