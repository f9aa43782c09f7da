"""Date literals (`TODAY`, `LAST_N_DAYS:30`, `THIS_MONTH` …) as half-open spans of days.

The user's zone is taken as UTC, weeks begin on Sunday and the fiscal year is the calendar year, as
in a new org (SOQL and SOSL Reference, "Date Formats and Date Literals").
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

Span = tuple[date, date]


def span(word: str, count: int | None, today: date) -> Span | None:
    """The days `[first, after the last)` that a literal stands for; None for an unknown one.

    So is one that reaches beyond the calendar.
    """
    try:
        return _span(word, count, today)
    except (OverflowError, ValueError):
        return None


def _span(word: str, count: int | None, today: date) -> Span | None:
    fixed = _DAYS.get(word)
    if fixed is not None and count is None:
        return today + timedelta(fixed), today + timedelta(fixed + 1)
    if word in ("last_90_days", "next_90_days") and count is None:
        word, count = word.replace("90_", "n_"), 90
    if word == "last_n_days" and count is not None:
        return today - timedelta(count), today + timedelta(1)
    if word == "next_n_days" and count is not None:
        return today + timedelta(1), today + timedelta(count + 1)
    if word == "n_days_ago" and count is not None:
        return today - timedelta(count), today - timedelta(count - 1)
    return _calendar(word, count, today)


_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}


def _calendar(word: str, count: int | None, today: date) -> Span | None:
    """This, last, next and N of weeks, months, quarters and years."""
    parts = word.replace("fiscal_", "").split("_")
    unit = parts[-1].rstrip("s") if parts else ""
    if unit == "ago" and len(parts) == 3 and count is not None:  # n_months_ago
        unit, start = parts[1].rstrip("s"), -count
        return _of(unit, today, start, start + 1)
    if parts[0] == "this" and count is None:
        return _of(unit, today, 0, 1)
    if parts[0] == "last":
        return _of(unit, today, -(count or 1), 0) if _counted(parts, count) else None
    if parts[0] == "next":
        return _of(unit, today, 1, 1 + (count or 1)) if _counted(parts, count) else None
    return None


def _counted(parts: list[str], count: int | None) -> bool:
    return (len(parts) == 3 and parts[1] == "n") == (count is not None)


def _of(unit: str, today: date, first: int, after: int) -> Span | None:
    begin = _BEGINNINGS.get(unit)
    return (begin(today, first), begin(today, after)) if begin else None


def _week(today: date, shift: int) -> date:
    sunday = today - timedelta((today.weekday() + 1) % 7)
    return sunday + timedelta(7 * shift)


def _month(today: date, shift: int) -> date:
    months = today.year * 12 + today.month - 1 + shift
    return date(months // 12, months % 12 + 1, 1)


def _quarter(today: date, shift: int) -> date:
    first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    return _month(first, 3 * shift)


def _year(today: date, shift: int) -> date:
    return date(today.year + shift, 1, 1)


_BEGINNINGS: dict[str, Callable[[date, int], date]] = {
    "week": _week, "month": _month, "quarter": _quarter, "year": _year,
}  # fmt: skip
