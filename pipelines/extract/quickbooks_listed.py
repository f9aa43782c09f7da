"""The vendor's own list of the invoices of the last months: a control total, kept as a table.

One call a day and company, two or three for a company with more invoices than a report holds. Each
invoice stands in it with its day and its amount, so that what is held can be compared one by one;
the report's columns are told by their type (quickbooks_api 2.9). `subt_nat_home_amount` is in the
company's currency, `subt_nat_amount` in each document's: such amounts have no currency here, and
nothing adds them up. What is told of the whole list is therefore how many invoices it has.
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

MEASURE = "invoices listed"
TOTAL = "TOTAL"
# Intuit asks for no more than six months of a report at once ("Run reports", best practice).
MONTHS = 6
_TYPE = "Invoice"
# What stands in the last row of a report that was cut off at 400,000 cells (quickbooks_api 2.9).
_CUT = "Unable to display more data"
_HOME_AMOUNT, _OWN_AMOUNT = "subt_nat_home_amount", "subt_nat_amount"
_MONEY = pa.decimal128(38, 2)
# `asked_at` says of each row when it was last on the list, so that a past day's list can be told
# from its history; the last row, `TOTAL`, says of which days it is, and the company's currency.
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
    """The invoices between two days. `invoices` are id, day, number, customer and amount, in the
    company's `currency`, or else each in its own."""

    first: date
    last: date
    currency: str | None
    is_in_home_currency: bool
    invoices: tuple[tuple[str, date, str, str, Decimal], ...]


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
        amount = place[_HOME_AMOUNT] if _HOME_AMOUNT in place else place[_OWN_AMOUNT]
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
    except (KeyError, IndexError, ValueError, InvalidOperation) as problem:
        raise _unreadable(company_id, f"a row cannot be read ({problem!r})") from None
    if len({one[0] for one in found}) != len(found):
        raise _unreadable(company_id, "an invoice stands in it twice")
    first, last = (date.fromisoformat(given[name]) for name in ("start_date", "end_date"))
    currency = report["Header"].get("Currency")
    return Listed(first, last, currency, _HOME_AMOUNT in place, tuple(found))


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
    """The list as rows, the last of them with the days it is of."""
    own = {"company_id": company_id, "asked_at": asked_at}
    currency = listed.currency if listed.is_in_home_currency else None
    rows = [
        {
            **own,
            "invoice_id": key,
            "invoice_date": day,
            "document_number": number,
            "customer_name": name,
            "amount": amount,
            "currency_code": currency,
        }
        for key, day, number, name, amount in listed.invoices
    ]
    days = {"from_date": listed.first, "to_date": listed.last}
    whole = {**own, **days, "invoice_id": TOTAL, "currency_code": listed.currency}
    return pa.Table.from_pylist([*rows, whole], schema=SCHEMA)


def empty() -> pa.Table:
    """No rows, so that the table exists."""
    return SCHEMA.empty_table()


def control(listed: Listed, company_id: str, asked_at: datetime) -> ControlTotal:
    """How many invoices are on the list."""
    return ControlTotal(
        SYSTEM, company_id, LISTED_INVOICES, MEASURE, Decimal(len(listed.invoices)), None, None,
        asked_at,
    )  # fmt: skip
