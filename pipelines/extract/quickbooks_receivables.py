"""The vendor's own report of what customers owe by age: a control total, kept as a table.

One call a day and company. Amounts are in the company's home currency; the report's layout is that
of quickbooks_api 2.9: a row for each customer, sub-customers within their parent's section.
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
from pipelines.extract.quickbooks_entities import AGED_RECEIVABLES, RECEIVABLES
from pipelines.extract.results import ControlTotal

MEASURE = "aged receivables"
# What the service is asked for: its own defaults, said aloud so that nobody's settings matter.
ASKED = {"aging_method": "Report_Date", "aging_period": "30", "num_periods": "4"}
TOTAL = "TOTAL"
_ZERO = Decimal(0)
_MONEY = pa.decimal128(38, 2)
_AMOUNTS = (
    "current_amount", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_over", "total",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        pa.field("company_id", pa.string(), nullable=False),
        pa.field("as_of_date", pa.date32(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("customer_name", pa.string()),
        *(pa.field(name, _MONEY) for name in _AMOUNTS),
        pa.field("currency_code", pa.string()),
        pa.field("asked_at", columns.MOMENT),
    ]
)
KEY = ("company_id", "as_of_date", "customer_id")


@dataclass(frozen=True)
class Report:
    """The report of a day: amounts by customer, and those of the last row."""

    as_of: date
    currency: str | None
    customers: tuple[tuple[str, str, tuple[Decimal, ...]], ...]
    total: tuple[Decimal, ...]


def read(report: Mapping[str, Any], company_id: str, today: date) -> Report:
    """The report in numbers.

    Raises `Incomplete` when the customers' amounts do not add up to the last row.
    """
    header = report["Header"]
    as_of = date.fromisoformat(header.get("EndPeriod") or str(header.get("Time", today))[:10])
    rows = list(_rows(report.get("Rows") or {}))
    total = next((amounts for key, _, amounts in rows if key == TOTAL), (_ZERO,) * len(_AMOUNTS))
    customers = tuple(row for row in rows if row[0] != TOTAL)
    added = tuple(sum(column, _ZERO) for column in zip(*(r[2] for r in customers), strict=True))
    if (customers and added != total) or (not customers and any(total)):
        raise Incomplete(
            SYSTEM,
            f"{RECEIVABLES} of company {company_id}",
            f"its customers add up to {added[-1] if added else 0}, its last row says {total[-1]}",
            "Nothing of it was kept; run the sync again.",
        )
    return Report(as_of, header.get("Currency"), customers, total)


def _rows(rows: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[Decimal, ...]]]:
    for row in rows.get("Row") or ():
        if row.get("group") == "GrandTotal":
            yield _row(TOTAL, row["Summary"]["ColData"])
            continue
        own = row.get("ColData") or (row.get("Header") or {}).get("ColData") or ()
        if own and own[0].get("id"):
            yield _row(str(own[0]["id"]), own)
        yield from _rows(row.get("Rows") or {})


def _row(key: str, cells: Any) -> tuple[str, str, tuple[Decimal, ...]]:
    """A row with all its amounts; an empty cell is nothing. Raises `ValueError` for other text."""
    texts = [str(cell.get("value") or "0") for cell in cells[1 : len(_AMOUNTS) + 1]]
    try:
        amounts = tuple(map(Decimal, texts + ["0"] * (len(_AMOUNTS) - len(texts))))
    except InvalidOperation:
        raise ValueError(f"an amount of {RECEIVABLES} is not a number") from None
    return key, str(cells[0].get("value") or ""), amounts


def table(report: Report, company_id: str, asked_at: datetime) -> pa.Table:
    """The report as rows, the last of them the total."""
    rows = [
        {
            "company_id": company_id,
            "as_of_date": report.as_of,
            "customer_id": key,
            "customer_name": name,
            **dict(zip(_AMOUNTS, amounts, strict=True)),
            "currency_code": report.currency,
            "asked_at": asked_at,
        }
        for key, name, amounts in (*report.customers, (TOTAL, TOTAL, report.total))
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def empty() -> pa.Table:
    """No rows, so that the table exists."""
    return SCHEMA.empty_table()


def control(report: Report, company_id: str, asked_at: datetime) -> ControlTotal:
    """The total of all customers, in the home currency."""
    return ControlTotal(
        SYSTEM, company_id, AGED_RECEIVABLES, MEASURE, report.total[-1], None, report.currency,
        asked_at,
    )  # fmt: skip
