"""The sample company's calendar: fixed dates, month and business-day steps, vendors' spellings."""

from __future__ import annotations

import calendar
import random
from datetime import UTC, date, datetime, timedelta, timezone

AS_OF_AT = datetime(2026, 11, 20, 17, 0, 0, tzinfo=UTC)
AS_OF = AS_OF_AT.date()
GO_LIVE = date(2026, 10, 1)
HISTORY_FROM = date(2024, 1, 8)
BOOKS_CLOSED_ON = date(2026, 6, 30)
GRACE_BUSINESS_DAYS = 5

# A step due on one of these days leaves its grace exactly on the as-of date; whether that is
# "past" depends on reading the as-of time as a date or as an instant, so no unbilled step is.
GRACE_EDGE = frozenset({date(2026, 11, 13), date(2026, 11, 14), date(2026, 11, 15)})


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, clipped to the end of a shorter month."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(day.day, last))


def add_business_days(day: date, count: int) -> date:
    """The `count`-th weekday (Monday to Friday) after `day`."""
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def weekday_on_or_before(day: date) -> date:
    """`day`, or the Friday before it when it is a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))


def day_between(rng: random.Random, first: date, last: date) -> date:
    """A day drawn evenly from `first` to `last`, both included."""
    return first + timedelta(days=rng.randrange((last - first).days + 1))


def at_work(rng: random.Random, day: date, opens_at: int = 9) -> datetime:
    """A moment within office hours (UTC) of a day, never after the as-of moment."""
    moment = datetime(day.year, day.month, day.day, opens_at, 0, 0, tzinfo=UTC)
    moment += timedelta(seconds=rng.randrange(7 * 3600))
    return min(moment, AS_OF_AT - timedelta(minutes=5))


def salesforce_time(moment: datetime) -> str:
    """Salesforce's spelling of an instant: `2026-11-20T17:00:00.000+0000`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def quickbooks_time(moment: datetime, offset_hours: int) -> str:
    """QuickBooks' spelling of an instant: whole seconds with the company's offset."""
    return moment.astimezone(timezone(timedelta(hours=offset_hours))).isoformat(timespec="seconds")
