"""What all reports share: period, header, columns, rows. Every cell is text; nothing is ""."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.values import Record, date_of

Query = Mapping[str, str]
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
FISCAL = "this fiscal year-to-date"
# A report holds so many cells. A longer one ends, with status 200, in this sentence (told by many
# clients of the real service).
MOST_CELLS = 400_000
CUT_SHORT = "Unable to display more data. Please reduce the date range."
T = TypeVar("T")
WITH_STANDARD = ("ProfitAndLoss", "BalanceSheet")  # and no others (Intuit, "ReportOption")
_SIZES = {"month": 1, "quarter": 3, "calendar quarter": 3, "year": 12, "calendar year": 12}
_FISCAL_SIZES = {"fiscal quarter": 3, "fiscal year": 12}
_SHIFT = {"last": -1, "this": 0, "next": 1}


@dataclass(frozen=True)
class Period:
    """The days a report speaks of, both ends counted; `macro` is the name they go by, if any."""

    first: str
    last: str
    macro: str = ""


def period(books: Books, query: Query, default: str = FISCAL) -> Period:
    """`start_date` and `end_date`, or `date_macro`, or the report's own default.

    Raises:
        Refusal: 2070 no date; 6000 an unknown macro, or a period that ends before it begins.
    """
    macro = query.get("date_macro", "")
    if macro or not ("start_date" in query or "end_date" in query):
        return _macro(books, macro or default)
    last = date_of(query.get("end_date") or books.today(), "end_date")
    first = date_of(query.get("start_date") or f"{last[:4]}-01-01", "start_date")
    if first > last:
        raise business("The start date must not be later than the end date.", "start_date")
    return Period(first, last)


def _macro(books: Books, macro: str) -> Period:
    today = books.now().date()
    which, _, span = macro.lower().replace("_", " ").strip().partition(" ")
    if which == "all":
        return Period("0001-01-01", "9999-12-31", macro.lower())
    if which in ("today", "yesterday"):
        first = today - timedelta(days=which == "yesterday")
        return Period(first.isoformat(), first.isoformat(), macro.lower())
    bounds = _bounds(books, today, which, span.removesuffix("-to-date"))
    if bounds is None:
        raise business(f"Invalid date macro: {macro}", "date_macro")
    last = bounds[1] - timedelta(days=1)
    cut = which == "this" and span.endswith("-to-date")
    end = min(last, today) if cut else last
    return Period(bounds[0].isoformat(), end.isoformat(), macro.lower())


def _bounds(books: Books, today: date, which: str, span: str) -> tuple[date, date] | None:
    """The first day of a named span and the day after its last."""
    shift = _SHIFT.get(which)
    if shift is None:
        return None
    if span == "week":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=shift)
        return sunday, sunday + timedelta(weeks=1)
    size = {**_SIZES, **_FISCAL_SIZES}.get(span)
    if size is None:
        return None
    origin = fiscal_month(books) - 1 if span in _FISCAL_SIZES else 0
    counted = today.year * 12 + today.month - 1 - origin
    begin = (counted // size + shift) * size + origin
    return _month(begin), _month(begin + size)


def fiscal_month(books: Books) -> int:
    """The month in which the fiscal year begins, 1 to 12."""
    named = str(books.company_info().get("FiscalYearStartMonth", "January"))
    return MONTHS.index(named) + 1 if named in MONTHS else 1


def fiscal_start(books: Books, day: str) -> str:
    """The first day of the fiscal year in which a day lies."""
    on = date.fromisoformat(day)
    month = fiscal_month(books)
    return date(on.year - (on.month < month), month, 1).isoformat()


def _month(counted: int) -> date:
    return date(counted // 12, counted % 12 + 1, 1)


# ---- parts of an answer


def header(
    books: Books,
    name: str,
    query: Query,
    empty: bool,
    span: Period | None = None,
    basis: str = "",
    summarized: str = "",
) -> Record:
    """The Header of a report, its members in the recorded order."""
    said: Record = {"Time": books.stamp(), "ReportName": name}
    if span is not None and span.macro:
        said["DateMacro"] = span.macro
    if basis:
        said["ReportBasis"] = basis
    if span is not None:
        said |= {"StartPeriod": span.first, "EndPeriod": span.last}
    if summarized:
        said["SummarizeColumnsBy"] = summarized
    said["Currency"] = books.home_currency
    for member in ("customer", "vendor", "item", "class", "department"):
        if query.get(member):
            said[member.title()] = query[member]
    options = [{"Name": "NoReportData", "Value": "true" if empty else "false"}]
    if name in WITH_STANDARD:
        options.insert(0, {"Name": "AccountingStandard", "Value": "GAAP"})
    if span is None:
        day = query.get("report_date") or books.today()
        options.insert(0, {"Name": "report_date", "Value": day})
    return {**said, "Option": options}


def column(title: str, kind: str, key: str, **meta: str) -> Record:
    """One column with its key and whatever else is known of it."""
    pairs = {"ColKey": key, **meta}
    named = [{"Name": name, "Value": value} for name, value in pairs.items()]
    return {"ColTitle": title, "ColType": kind, "MetaData": named}


def money(amount: Decimal) -> str:
    """An amount without sign of currency; nothing for zero."""
    return f"{amount:.2f}" if amount else ""


def cells(
    name: str, amounts: Sequence[Decimal], record_id: str = "", whole: bool = False
) -> Record:
    """A name and its amounts; `whole` writes zeros out."""
    head: Record = {"value": name, **({"id": record_id} if record_id else {})}
    texts = (f"{a:.2f}" if whole else money(a) for a in amounts)
    return {"ColData": [head, *({"value": text} for text in texts)]}


def data_row(name: str, amounts: Sequence[Decimal], record_id: str = "") -> Record:
    """A row of figures."""
    return {**cells(name, amounts, record_id), "type": "Data"}


def section(
    title: Record | None, rows: Sequence[Record], summary: Record | None, group: str = ""
) -> Record:
    """Rows under a title with a summary."""
    made: Record = {}
    if title is not None:
        made["Header"] = title
    if rows:
        made["Rows"] = {"Row": list(rows)}
    if summary is not None:
        made["Summary"] = summary
    return {**made, "type": "Section", **({"group": group} if group else {})}


def answer(
    head: Record, columns: Sequence[Record], rows: Sequence[Record], cut: bool = False
) -> Record:
    """A whole report, or one that says in its last row that it was cut short."""
    shown = list(rows)
    if cut:
        shown.append({"ColData": [{"value": CUT_SHORT}], "type": "Data"})
    return {"Header": head, "Columns": {"Column": list(columns)}, "Rows": {"Row": shown}}


def as_many_as_fit(rows: Iterable[T], width: int) -> tuple[list[T], bool]:
    """So many rows of that width as one report holds, and whether there were more."""
    most = MOST_CELLS // width
    found = list(islice(rows, most + 1))
    return found[:most], len(found) > most


def added(parts: Sequence[Sequence[Decimal]], width: int) -> list[Decimal]:
    """The sums of rows, column by column."""
    return [sum((part[n] for part in parts), Decimal(0)) for n in range(width)]
