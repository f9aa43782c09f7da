"""The vendor's own list of the invoices of the last months: a control total, kept as a table.

One call a day and company, two or three for a company with more invoices than a report holds. Each
invoice stands in it with its day and its amount, so that what is held can be compared one by one;
the report's columns are told by their type (quickbooks_api 2.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from pipelines.clients.quickbooks import SYSTEM
from pipelines.errors import Incomplete
from pipelines.extract import columns
from pipelines.extract.quickbooks_entities import LISTED_INVOICES, TRANSACTION_LIST
from pipelines.extract.results import ControlTotal

MEASURE = "invoiced"
TOTAL = "TOTAL"
# Intuit asks for no more than six months of a report at once ("Run reports", best practice).
MONTHS = 6
_TYPE = "Invoice"
# What stands in the last row of a report that was cut off at 400,000 cells (quickbooks_api 2.9).
_CUT = "Unable to display more data"
# A company with several currencies may name the amount in its own currency differently.
_AMOUNTS = ("subt_nat_home_amount", "subt_nat_amount")
_MONEY = pa.decimal128(38, 2)
# `asked_at` says of each row when it was last on the list, so that a past day's list can be told
# from its history; the row of the total says of which days it is.
SCHEMA = pa.schema(
    [
        pa.field("company_id", pa.string(), nullable=False),
        pa.field("invoice_id", pa.string(), nullable=False),
        pa.field("invoice_date", pa.date32()),
        pa.field("document_number", pa.string()),
        pa.field("customer_name", pa.string()),
        pa.field("amount", _MONEY),
        pa.field("currency_code", pa.string()),
        pa.field("from_date", pa.date32()),
        pa.field("to_date", pa.date32()),
        pa.field("asked_at", columns.MOMENT),
    ]
)
KEY = ("company_id", "invoice_id")


@dataclass(frozen=True)
class Listed:
    """The invoices between two days. `invoices` are id, day, number, customer and amount."""

    first: date
    last: date
    currency: str | None
    invoices: tuple[tuple[str, date, str, str, Decimal], ...]

    @property
    def total(self) -> Decimal:
        return sum((one[4] for one in self.invoices), Decimal(0))


def asked(today: date, months: int) -> dict[str, str]:
    """What the service is asked for: whole months, the present one to this day."""
    years, month = divmod(today.year * 12 + today.month - months, 12)
    first = date(years, month + 1, 1)
    return {
        "start_date": first.isoformat(), "end_date": today.isoformat(), "transaction_type": _TYPE,
    }  # fmt: skip


def read(report: Mapping[str, Any], company_id: str, given: Mapping[str, str]) -> Listed | None:
    """The invoices of a report; None when it was cut off.

    Raises `Incomplete` when a row has no id, day or amount, or stands twice.
    """
    place = {str(c.get("ColType")): n for n, c in enumerate(report["Columns"].get("Column") or ())}
    rows = list(_rows(report.get("Rows") or {}))
    if any(cells and str(cells[0].get("value") or "").startswith(_CUT) for cells in rows):
        return None
    try:
        amount = next(place[kind] for kind in _AMOUNTS if kind in place)
        found = [
            (
                str(cells[place["txn_type"]]["id"]),
                date.fromisoformat(cells[place["tx_date"]]["value"]),
                str(cells[place["doc_num"]].get("value") or ""),
                str(cells[place["name"]].get("value") or ""),
                Decimal(cells[amount].get("value") or "0"),
            )
            for cells in rows
            if cells[place["txn_type"]].get("value") == _TYPE
        ]
    except (KeyError, IndexError, ValueError, StopIteration, InvalidOperation) as problem:
        raise _unreadable(company_id, f"a row cannot be read ({problem!r})") from None
    if len({one[0] for one in found}) != len(found):
        raise _unreadable(company_id, "an invoice stands in it twice")
    first, last = (date.fromisoformat(given[name]) for name in ("start_date", "end_date"))
    return Listed(first, last, report["Header"].get("Currency"), tuple(found))


def _unreadable(company_id: str, problem: str) -> Incomplete:
    return Incomplete(
        SYSTEM,
        f"{TRANSACTION_LIST} of company {company_id}",
        problem,
        "Nothing of it was kept; run the sync again.",
    )


def _rows(rows: Mapping[str, Any]) -> Iterator[Any]:
    """The cells of each row, those of sections included."""
    for row in rows.get("Row") or ():
        if row.get("ColData"):
            yield row["ColData"]
        yield from _rows(row.get("Rows") or {})


def table(listed: Listed, company_id: str, asked_at: datetime) -> pa.Table:
    """The list as rows, the last of them the total with the days it is of."""
    own = {
        "company_id": company_id, "currency_code": listed.currency, "asked_at": asked_at,
    }  # fmt: skip
    rows = [
        {
            **own,
            "invoice_id": key,
            "invoice_date": day,
            "document_number": number,
            "customer_name": name,
            "amount": amount,
        }
        for key, day, number, name, amount in listed.invoices
    ]
    days = {"from_date": listed.first, "to_date": listed.last}
    total = {**own, **days, "invoice_id": TOTAL, "amount": listed.total}
    return pa.Table.from_pylist([*rows, total], schema=SCHEMA)


def empty() -> pa.Table:
    """No rows, so that the table exists."""
    return SCHEMA.empty_table()


def control(listed: Listed, company_id: str, asked_at: datetime) -> ControlTotal:
    """The total of the list."""
    return ControlTotal(
        SYSTEM, company_id, LISTED_INVOICES, MEASURE, listed.total, None, listed.currency, asked_at
    )
