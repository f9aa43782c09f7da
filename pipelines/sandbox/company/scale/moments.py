"""Moments as seconds since 1970 and as text: cheaper by far than datetime, a million times over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

DAY = 86_400
_EPOCH = date(1970, 1, 1)
_CLOCK = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
_SECONDS = [f"{second:02d}" for second in range(60)]


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970, in UTC."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


@cache
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def day_of(seconds: int) -> str:
    """The date."""
    return _day(seconds // DAY)


def text_of(seconds: int) -> str:
    """Date and time of day, without a zone."""
    days, rest = divmod(seconds, DAY)
    minutes, rest = divmod(rest, 60)
    return f"{_day(days)}T{_CLOCK[minutes]}{_SECONDS[rest]}"
