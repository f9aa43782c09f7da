"""What the vendor adds to purchases: names of references, an account to owe on, a day to pay by.

Source: Intuit, "Create a bill", whose sample answer has the account's name, TaxCodeRef NON and
BillableStatus NotBillable on the line, and on the bill the APAccountRef and a DueDate.
"""

from __future__ import annotations

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.document_details import due_date
from pipelines.sandbox.quickbooks.ledger_chart import Chart
from pipelines.sandbox.quickbooks.references import display_name, with_resolved
from pipelines.sandbox.quickbooks.values import Record, ref_value, reference

NAMED = ("AccountRef", "ItemRef", "CustomerRef", "ClassRef", "DepartmentRef")
EXPENSES = ("AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail")
OWED_ON_ACCOUNT = ("Bill", "VendorCredit", "PurchaseOrder")


def with_details(books: Books, line: Record, before: Record | None) -> Record:
    """A line of a purchase, deposit or journal entry with its references checked and named.

    Raises:
        Refusal: 2500, unknown or inactive.
    """
    kind = str(line.get("DetailType"))
    detail = line.get(kind)
    if not isinstance(detail, dict):
        return line
    asked = {name: detail[name] for name in NAMED if name in detail}
    known = (before or {}).get(kind)
    found = {**detail, **with_resolved(books, "", asked, known, f"Line.{kind}.")}
    if kind in EXPENSES:
        found.setdefault("BillableStatus", "NotBillable")
        if books.is_us:
            found.setdefault("TaxCodeRef", {"value": "NON"})
    return {**line, kind: found}


def with_account_and_due_date(books: Books, entity: str, record: Record) -> Record:
    """A bill, credit or order with what the vendor fills in."""
    found = dict(record)
    if entity in OWED_ON_ACCOUNT and "APAccountRef" not in found:
        account = books.get("Account", Chart(books).in_currency("Accounts Payable", record))
        if account is not None:
            found["APAccountRef"] = reference(account["Id"], display_name("Account", account))
    if entity == "Bill" and not found.get("DueDate"):
        vendor = books.get("Vendor", ref_value(record, "VendorRef") or "") or {}
        term_id = ref_value(record, "SalesTermRef") or ref_value(vendor, "TermRef")
        term = books.get("Term", term_id or "")
        day = str(record["TxnDate"])
        found["DueDate"] = due_date(day, term) if term else day
    return found
