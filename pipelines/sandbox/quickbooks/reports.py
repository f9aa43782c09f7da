"""Reports computed from the books: AgedReceivables and TransactionList."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.references import display_name
from pipelines.sandbox.quickbooks.refusals import unsupported
from pipelines.sandbox.quickbooks.selection import within
from pipelines.sandbox.quickbooks.values import (
    ZERO,
    Record,
    amount_of,
    cents,
    date_of,
    ref_value,
)
from pipelines.sandbox.quickbooks.vocabulary import SALES

Ages = list[Decimal]


def report(books: Books, name: str, query: Mapping[str, str]) -> Record:
    """One report; it has no envelope and no time.

    Raises:
        Refusal: 500 for a report the sandbox does not compute.
    """
    make = {"agedreceivables": aged_receivables, "transactionlist": transaction_list}
    found = make.get(name.lower())
    if found is None:
        raise unsupported(f"report {name}")
    return found(books, query)


def _header(books: Books, name: str, query: Mapping[str, str], empty: bool) -> Record:
    header: Record = {"Time": books.stamp(), "ReportName": name}
    if "start_date" in query or "end_date" in query:
        header["StartPeriod"] = query.get("start_date", "")
        header["EndPeriod"] = query.get("end_date", "")
    options = [
        {"Name": "report_date", "Value": query.get("report_date", books.today())},
        {"Name": "NoReportData", "Value": "true" if empty else "false"},
    ]
    return {**header, "Currency": books.home_currency, "Option": options}


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount else ""


# ---- who owes what, by age


def aged_receivables(books: Books, query: Mapping[str, str]) -> Record:
    """Open balances by customer and days past due, in the home currency.

    `report_date` (today), `aging_period` (30 days) and `num_periods` (4) as the vendor has them;
    a credit or an unapplied payment counts as current.
    """
    day = date.fromisoformat(date_of(query.get("report_date") or books.today(), "report_date"))
    period, periods = int(query.get("aging_period", 30)), int(query.get("num_periods", 4))
    ages = _ages(books, day, period, periods)
    titles = _titles(period, periods)
    rows = [_aged_row(books, customer, found) for customer, found in ages.items()]
    rows.sort(key=lambda row: str(row["ColData"][0]["value"]).casefold())
    totals = [sum(column, ZERO) for column in zip(*ages.values(), strict=True)]
    if rows:
        summary = [
            {"value": "TOTAL"},
            *({"value": _money(v)} for v in [*totals, sum(totals, ZERO)]),
        ]
        rows.append({"Summary": {"ColData": summary}, "type": "Section", "group": "GrandTotal"})
    return {
        "Header": _header(books, "AgedReceivables", query, not rows),
        "Columns": {"Column": [_column(title) for title in titles]},
        "Rows": {"Row": rows},
    }


def _titles(period: int, periods: int) -> list[str]:
    spans = [f"{n * period + 1} - {(n + 1) * period}" for n in range(periods - 1)]
    return ["", "Current", *spans, f"{(periods - 1) * period + 1} and over", "Total"]


def _column(title: str) -> Record:
    kind = "Customer" if not title else "Money"
    key = {"": "customer_name", "Total": "total", "Current": "current"}.get(title, title)
    return {
        "ColTitle": title,
        "ColType": kind,
        "MetaData": [{"Name": "ColKey", "Value": key}],
    }


def _ages(books: Books, day: date, period: int, periods: int) -> dict[str, Ages]:
    found: dict[str, Ages] = {}
    for entity, sign in (("Invoice", 1), ("CreditMemo", -1), ("Payment", -1)):
        member = "UnappliedAmt" if entity == "Payment" else "Balance"
        for record in books.table(entity):
            amount = amount_of(record, member) * (amount_of(record, "ExchangeRate") or 1) * sign
            customer = ref_value(record, "CustomerRef")
            if not amount or customer is None or str(record["TxnDate"]) > day.isoformat():
                continue
            ages = found.setdefault(customer, [ZERO] * (periods + 1))
            ages[_age(record, entity, day, period, periods)] += cents(amount)
    return {customer: ages for customer, ages in found.items() if any(ages)}


def _age(record: Record, entity: str, day: date, period: int, periods: int) -> int:
    due = record.get("DueDate")
    late = (day - date.fromisoformat(str(due))).days if due and entity == "Invoice" else 0
    return 0 if late <= 0 else min((late - 1) // period + 1, periods)


def _aged_row(books: Books, customer_id: str, ages: Ages) -> Record:
    name = display_name("Customer", books.get("Customer", customer_id) or {})
    values = [{"value": _money(amount)} for amount in [*ages, sum(ages, ZERO)]]
    return {"ColData": [{"value": name, "id": customer_id}, *values]}


# ---- all transactions


LIST_COLUMNS = (
    ("Date", "tx_date"), ("Transaction Type", "txn_type"), ("Num", "doc_num"),
    ("Posting", "is_no_post"), ("Name", "name"), ("Memo/Description", "memo"),
    ("Account", "account_name"), ("Split", "other_account"), ("Amount", "subt_nat_amount"),
)  # fmt: skip
TYPE_NAMES = {"CreditMemo": "Credit Memo", "SalesReceipt": "Sales Receipt",
              "RefundReceipt": "Refund"}  # fmt: skip
NEGATIVE = ("CreditMemo", "RefundReceipt")


def transaction_list(books: Books, query: Mapping[str, str]) -> Record:
    """Sales documents and payments by date, between `start_date` and `end_date` (this month)."""
    today = books.today()
    first = query.get("start_date") or f"{today[:8]}01"
    last = query.get("end_date") or today
    wanted = query.get("transaction_type", "").replace(" ", "").lower()
    customer = query.get("customer")
    found = [
        (str(record["TxnDate"]), int(record["Id"]), entity, record)
        for entity in (*SALES, "Payment")
        for record in within(books.table(entity), "TxnDate", first, last)
        if first <= str(record["TxnDate"]) <= last
        and wanted in ("", entity.lower())
        and customer in (None, ref_value(record, "CustomerRef"))
    ]
    rows = [_listed(entity, record) for _, _, entity, record in sorted(found, key=lambda f: f[:2])]
    columns = [{"ColTitle": title, "ColType": kind} for title, kind in LIST_COLUMNS]
    dates = {**query, "start_date": first, "end_date": last}
    return {
        "Header": _header(books, "TransactionList", dates, not rows),
        "Columns": {"Column": columns},
        "Rows": {"Row": rows},
    }


def _listed(entity: str, record: Record) -> Record:
    amount = amount_of(record, "TotalAmt") * (-1 if entity in NEGATIVE else 1)
    account = (record.get("DepositToAccountRef") or {}).get("name")
    cells = [
        {"value": str(record["TxnDate"])},
        {"value": TYPE_NAMES.get(entity, entity), "id": record["Id"]},
        {"value": str(record.get("DocNumber") or "")},
        {"value": "No" if entity == "Estimate" else "Yes"},
        {
            "value": str((record.get("CustomerRef") or {}).get("name", "")),
            "id": ref_value(record, "CustomerRef") or "",
        },
        {"value": str(record.get("PrivateNote", ""))},
        {"value": str(account or "Accounts Receivable (A/R)")},
        {"value": ""},
        {"value": f"{amount:.2f}"},
    ]
    return {"ColData": cells, "type": "Data"}
