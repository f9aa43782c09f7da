"""How many calls may be made: what a vendor allows, what of it is ours, what is used. Pure.

QuickBooks counts reads ("CorePlus" calls) in a calendar month over all companies of one app; when
they are used up, reads are blocked until the next month; writes are free (Intuit, App Partner
Program). Salesforce counts the calls of all programs in any 24 hours, org by org, and refuses more
(REST API guide, "API Request Limits and Allocations").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from reverse_etl.calls import HourOfCalls, OrgUsage, hour_of

Window = Literal["month", "24 hours"]
SALESFORCE, QUICKBOOKS = "Salesforce", "QuickBooks"
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)


@dataclass(frozen=True)
class Pool:
    """An allowance: one org's (`source`), or that of all QuickBooks companies together.

    `allowed` is what the vendor allows in the window, `share` the percentage that Crossfoot may
    use of it, `ours` what it used, `taken` what all programs used (known of an org only, from what
    it said at `said_at`).
    """

    system: str
    source: str | None
    window: Window
    allowed: int
    share: int
    ours: int
    taken: int | None = None
    said_at: datetime | None = None

    @property
    def may_use(self) -> int:
        """The calls that Crossfoot may make in the window."""
        return self.allowed * self.share // 100

    @property
    def left(self) -> int:
        """What it may still make now: within its share, and within what others have left over."""
        return max(0, min(self.may_use - self.ours, self.allowed - (self.taken or self.ours)))

    @property
    def left_percent(self) -> int:
        """What is left, of what it may use, rounded down."""
        return 100 * self.left // self.may_use if self.may_use else 0

    @property
    def what(self) -> str:
        """What is counted, in one word."""
        return "reads" if self.system == QUICKBOOKS else "calls"

    def covers(self, system: str, source: str) -> bool:
        """Do calls to this source count here?"""
        return system == self.system and self.source in (None, source)


def quickbooks_pool(allowed: int, share: int, record: Sequence[HourOfCalls], now: datetime) -> Pool:
    """The reads of this month, over all companies."""
    begin = month_begin(now)
    ours = sum(h.metered for h in record if h.system == QUICKBOOKS and h.hour >= begin)
    return Pool(QUICKBOOKS, None, "month", allowed, share, ours)


def salesforce_pool(
    org_id: str,
    allowed: int,
    share: int,
    record: Sequence[HourOfCalls],
    now: datetime,
    usage: OrgUsage | None = None,
) -> Pool:
    """The calls of the last 24 hours to one org, and what the org says of all programs."""
    mine = [h for h in record if h.system == SALESFORCE and h.source_id == org_id]
    # An hour that has begun to leave the window still counts whole: rather too many than too few.
    ours = sum(h.metered for h in mine if h.hour > now - DAY - HOUR)
    if usage is None or usage.said_at < now - DAY:
        return Pool(SALESFORCE, org_id, "24 hours", allowed, share, ours)
    later = sum(h.metered for h in mine if h.hour >= hour_of(usage.said_at)) - usage.ours_in_hour
    taken = max(ours, usage.used + max(0, later))
    return Pool(SALESFORCE, org_id, "24 hours", allowed, share, ours, taken, usage.said_at)


def month_begin(now: datetime) -> datetime:
    """The first moment of the month, in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_end(now: datetime) -> datetime:
    """The first moment of the next month, in UTC: then QuickBooks' reads begin at zero."""
    return month_begin(month_begin(now) + timedelta(days=32))


def free_again(
    pool: Pool, need: int, record: Sequence[HourOfCalls], now: datetime
) -> datetime | None:
    """When so many calls will be left if none are made until then; None when never: it is more
    than may be used at all."""
    if need > pool.may_use:
        return None
    if pool.window == "month":
        return month_end(now)
    left, at = pool.left, now
    for hour in sorted((h for h in record if pool.covers(h.system, h.source_id)), key=_hour):
        if left >= need:
            break
        leaves_at = hour.hour + HOUR + DAY
        if leaves_at > now:
            left, at = left + hour.metered, leaves_at
    return at if left >= need else now + DAY


def _hour(one: HourOfCalls) -> datetime:
    return one.hour
