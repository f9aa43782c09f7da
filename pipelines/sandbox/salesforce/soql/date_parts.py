"""Date functions: what a part of a date or of a moment is (SOQL Reference, "Date Functions")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

# Only these look at the hour of a moment; a date has none.
OF_MOMENTS = frozenset({"day_only", "hour_in_day"})


def _quarter(day: date) -> int:
    return (day.month - 1) // 3 + 1


PARTS: Mapping[str, Callable[[datetime], Any]] = {
    "calendar_year": lambda m: m.year,
    "calendar_quarter": _quarter,
    "calendar_month": lambda m: m.month,
    # The fiscal year is the calendar year, as in a new org.
    "fiscal_year": lambda m: m.year,
    "fiscal_quarter": _quarter,
    "fiscal_month": lambda m: m.month,
    "day_in_year": lambda m: m.timetuple().tm_yday,
    "day_in_month": lambda m: m.day,
    # Sunday is 1.
    "day_in_week": lambda m: m.isoweekday() % 7 + 1,
    "day_only": lambda m: m.date().isoformat(),
    "hour_in_day": lambda m: m.hour,
    # The first to the seventh day are the first week.
    "week_in_month": lambda m: (m.day - 1) // 7 + 1,
    "week_in_year": lambda m: (m.timetuple().tm_yday - 1) // 7 + 1,
}
