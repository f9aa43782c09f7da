"""Transactions the product does not bill with: kept as given, with totals, by one mechanism.

Their amounts move what vendors are owed (payables.py) and the reports, not the accounts' and
items' own balances.
"""

from __future__ import annotations

from pipelines.sandbox.quickbooks import payables
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ground_rules import refuse_closed_period, voided_note
from pipelines.sandbox.quickbooks.intake import Draft
from pipelines.sandbox.quickbooks.postings import with_home_amounts
from pipelines.sandbox.quickbooks.purchase_details import (
    with_account_and_due_date,
    with_details,
)
from pipelines.sandbox.quickbooks.references import with_resolved
from pipelines.sandbox.quickbooks.refusals import Refusal, missing
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

RETAINED = ("DocNumber", "CurrencyRef", "LinkedTxn")
WITHOUT_TOTAL = ("Transfer", "TimeActivity", "CreditCardPayment")
GIVEN_TOTAL = ("BillPayment",)


def build_plain(books: Books, entity: str, draft: Draft) -> Record:
    """A transaction as it would be stored.

    Raises:
        Refusal: 2020, 2500, 2300 for an unbalanced journal entry, 6210.
    """
    record = draft.base(RETAINED)
    record["TxnDate"] = record.get("TxnDate") or books.today()
    refuse_closed_period(books, record, draft.before)
    record = with_resolved(books, entity, record, draft.before)
    if entity != "TimeActivity":
        code = ref_value(record, "CurrencyRef") or _currency(books, record)
        record["CurrencyRef"] = books.currency_ref(code)
    if entity in WITHOUT_TOTAL:
        return record
    lines = _numbered(record.get("Line", ()))
    old = {line.get("Id"): line for line in (draft.before or {}).get("Line", ())}
    record["Line"] = [with_details(books, line, old.get(line["Id"])) for line in lines]
    record = with_account_and_due_date(books, entity, record)
    if entity not in GIVEN_TOTAL:
        record["TotalAmt"] = _total(entity, record)
    if entity in payables.OPEN:
        record = payables.with_open_balance(record, draft.before)
    if entity == "BillPayment":
        record = payables.within_what_is_open(books, record, draft.before)
    return with_home_amounts(books, entity, record)


def _currency(books: Books, record: Record) -> str:
    vendor = books.get("Vendor", ref_value(record, "VendorRef") or "")
    return books.currency_of(vendor or {})


def _numbered(lines: object) -> list[Record]:
    found = []
    for number, line in enumerate(lines if isinstance(lines, (list, tuple)) else (), 1):
        if "DetailType" not in line and "LinkedTxn" not in line:
            raise missing("Line.DetailType")
        if "Amount" not in line and line.get("DetailType") != "DescriptionOnly":
            raise missing("Line.Amount")
        found.append({**line, "Id": line.get("Id") or str(number), "LineNum": number})
    return found


def _total(entity: str, record: Record) -> object:
    if entity != "JournalEntry":
        return cents(sum((amount_of(line, "Amount") for line in record["Line"]), ZERO))
    sides = {"Debit": ZERO, "Credit": ZERO}
    for line in record["Line"]:
        side = (line.get("JournalEntryLineDetail") or {}).get("PostingType")
        if side not in sides and line.get("DetailType") != "DescriptionOnly":
            raise missing("Line.JournalEntryLineDetail.PostingType")
        if side in sides:
            sides[side] += amount_of(line, "Amount")
    if sides["Debit"] != sides["Credit"]:
        raise Refusal(
            "2300",
            "Amount on debits not equal to credits",
            "Amount on debits is not equal to the amount on credits.",
        )
    return cents(sides["Debit"])


def voided(books: Books, record: Record) -> Record:
    """A bill payment with its amounts zero and a note."""
    zero = {"PrivateNote": voided_note(record), "Line": [], "TotalAmt": ZERO}
    return with_home_amounts(books, "BillPayment", books.raised(record, **zero))
