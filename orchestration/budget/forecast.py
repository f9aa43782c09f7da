"""How many calls a month or a day will take: from the last weeks, or from the schedule. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from statistics import median
from typing import Literal

from orchestration.budget.allowance import DAY, Pool, month_end
from pipelines.extract.results import SWEEP, VERIFY
from reverse_etl.calls import HourOfCalls

# Fewer days say too little about a usual one; older ones are of another time.
LEAST_DAYS, MOST_DAYS = 7, 28
Basis = Literal["history", "schedule"]


@dataclass(frozen=True)
class Pace:
    """What the schedule asks for: a reading every so many minutes, `routine` calls each, and
    `daily` calls once a day."""

    every_minutes: int
    routine: int
    daily: int

    @property
    def a_day(self) -> int:
        return ceiling(Decimal(1440) / self.every_minutes) * self.routine + self.daily

    def every(self, minutes: int) -> Pace:
        """The same with readings further apart."""
        return Pace(minutes, self.routine, self.daily)


@dataclass(frozen=True)
class Forecast:
    """`expected` calls in the whole window: of QuickBooks until the end of the month with what is
    used already, of Salesforce in 24 hours. `days` of history stand behind it."""

    expected: int
    a_day: int
    basis: Basis
    days: int

    def exceeds(self, pool: Pool) -> bool:
        return self.expected > pool.may_use


def forecast(pool: Pool, record: Sequence[HourOfCalls], pace: Pace, now: datetime) -> Forecast:
    """From the usual day of the last weeks when there are enough of them, else by the schedule."""
    days = usual_days(pool, record, now)
    if len(days) >= LEAST_DAYS:
        a_day: int = ceiling(Decimal(median(days)))
        return Forecast(whole(pool, a_day, now), a_day, "history", len(days))
    return Forecast(whole(pool, pace.a_day, now), pace.a_day, "schedule", len(days))


def whole(pool: Pool, a_day: int, now: datetime) -> int:
    """The calls of the whole window at so many a day."""
    if pool.window == "24 hours":
        return a_day
    rest = Decimal(int((month_end(now) - now).total_seconds())) / Decimal(86400)
    return pool.ours + ceiling(rest * a_day)


def usual_days(pool: Pool, record: Sequence[HourOfCalls], now: datetime) -> list[int]:
    """The calls of each whole day of the last weeks, since the first that is recorded; days
    without any are among them."""
    today = now.astimezone(UTC).date()
    calls: dict[int, int] = {}
    for hour in record:
        ago = (today - hour.hour.date()).days
        if pool.covers(hour.system, hour.source_id) and 0 < ago <= MOST_DAYS:
            calls[ago] = calls.get(ago, 0) + hour.metered
    return [calls.get(ago, 0) for ago in range(1, max(calls, default=0) + 1)]


def usual_round(record: Sequence[HourOfCalls], system: str, source: str, now: datetime) -> int:
    """The calls of a usual daily round of one source, by what those of the last weeks took; 0 when
    none was made. Arithmetic cannot know how often a job is looked at, nor what a round finds."""
    today = now.astimezone(UTC).date()
    rounds: dict[int, dict[str, int]] = {}
    for hour in record:
        ago = (today - hour.hour.date()).days
        mine = (hour.system, hour.source_id) == (system, source)
        if mine and hour.purpose in (SWEEP, VERIFY) and ago <= MOST_DAYS:
            made = rounds.setdefault(ago, {})
            made[hour.purpose] = made.get(hour.purpose, 0) + hour.metered
    # A day with figures and no sweep had everything read anew.
    return ceiling(Decimal(median([sum(r.values()) for r in rounds.values() if SWEEP in r] or [0])))


def history_begin(now: datetime) -> datetime:
    """From when on the record is looked at: as far back as any of its uses goes."""
    return min(now - DAY * (MOST_DAYS + 1), now - timedelta(days=32))


def ceiling(number: Decimal) -> int:
    """The least whole number that is no smaller."""
    return int(number.to_integral_value(ROUND_CEILING))
