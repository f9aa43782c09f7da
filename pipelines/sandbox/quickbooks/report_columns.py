"""The money columns of a statement: one for each day, month, customer, class."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Posting
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.report_layout import Period, Query, column
from pipelines.sandbox.quickbooks.report_names import name_of
from pipelines.sandbox.quickbooks.report_sums import DIMENSIONS
from pipelines.sandbox.quickbooks.values import ZERO, Record

Amounts = list[Decimal]


@dataclass(frozen=True)
class Columns:
    """The money columns of a statement.

    Attributes:
        heads: as written in the answer, total included.
        key_of: which column a posting belongs to.
        keys: the columns in order, total not included.
    """

    heads: list[Record]
    key_of: Callable[[Posting], str]
    keys: list[str]

    @property
    def width(self) -> int:
        """How many amounts a row has."""
        return len(self.heads)

    def spread(self, found: Iterable[tuple[str, Decimal]]) -> Amounts:
        """Amounts by column, the total last."""
        by_key = dict.fromkeys(self.keys, ZERO)
        total = ZERO
        for key, amount in found:
            if key in by_key:
                by_key[key] += amount
            total += amount
        return [*by_key.values(), total]


def columns_of(books: Books, query: Query, span: Period, found: Sequence[Posting]) -> Columns:
    """The columns that `summarize_column_by` asks for.

    Raises:
        Refusal: 6000, an unknown word.
    """
    by = query.get("summarize_column_by", "Total").title()
    total = column("Total" if by == "Total" else "TOTAL", "Money", "total")
    if by == "Total":
        return Columns([total], lambda p: "", [])
    if by in _STEPS:
        parts = _parts(by, span)
        heads = [_part_head(by, part) for part in parts]
        starts = [part.first for part in parts]
        return Columns([*heads, total], lambda p: _part_of(parts, p.day), starts)
    if by not in DIMENSIONS:
        raise business(f"Invalid value for summarize_column_by: {by}", "summarize_column_by")
    entity, key_of = DIMENSIONS[by]
    ids = sorted({key_of(p) for p in found} - {""}, key=int)
    heads = [column(name_of(books, entity, i), "Money", i) for i in ids]
    return Columns([*heads, total], key_of, ids)


_STEPS = ("Days", "Week", "Month", "Quarter", "Year")


def _parts(by: str, span: Period) -> list[Period]:
    first, last = date.fromisoformat(span.first), date.fromisoformat(span.last)
    found = []
    while first <= last:
        following = _next_start(by, first)
        end = min(following - timedelta(days=1), last)
        found.append(Period(first.isoformat(), end.isoformat()))
        first = following
    return found


def _next_start(by: str, day: date) -> date:
    if by == "Days":
        return day + timedelta(days=1)
    if by == "Week":
        return day + timedelta(days=7 - (day.weekday() + 1) % 7)
    size = {"Month": 1, "Quarter": 3, "Year": 12}[by]
    counted = (day.year * 12 + day.month - 1) // size * size + size
    return date(counted // 12, counted % 12 + 1, 1)


def _part_head(by: str, part: Period) -> Record:
    first = date.fromisoformat(part.first)
    title = {"Year": f"{first:%Y}", "Month": f"{first:%b %Y}"}.get(by)
    if title is None:
        title = f"{first:%b} {first.day}, {first.year}"
        if by != "Days":
            last = date.fromisoformat(part.last)
            title = f"{first:%b} {first.day} - {last:%b} {last.day}, {last.year}"
    return column(title, "Money", title, StartDate=part.first, EndDate=part.last)


def _part_of(parts: Sequence[Period], day: str) -> str:
    at = bisect_right(parts, day, key=lambda part: part.first) - 1
    return parts[at].first if at >= 0 and day <= parts[at].last else ""
