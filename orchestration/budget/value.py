"""The budget as one value: of every allowance what is used and left, what comes, what would be
cheaper. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.budget.allowance import QUICKBOOKS, Pool, free_again
from orchestration.budget.cost import SourceCost
from orchestration.budget.forecast import Forecast, Pace, forecast, whole
from pipelines.errors import LimitExceeded
from reverse_etl.calls import HourOfCalls

_INTERVALS = (5, 10, 15, 20, 30, 60, 120, 240, 480, 1440)


@dataclass(frozen=True)
class Cheaper:
    """One way to need fewer calls: what to do, and the calls then (`instead_of` so many), of the
    next run or of the whole window."""

    what: str
    calls: int
    instead_of: int
    of: str


@dataclass(frozen=True)
class PoolBudget:
    """One allowance with the sources that draw on it."""

    pool: Pool
    costs: tuple[SourceCost, ...]
    forecast: Forecast
    cheaper: tuple[Cheaper, ...]
    free_at: datetime | None

    @property
    def next_run(self) -> int:
        return sum(cost.total for cost in self.costs)

    @property
    def fits(self) -> bool:
        """Whether the next run stays within what is left."""
        return self.next_run <= self.pool.left

    @property
    def lasts(self) -> bool:
        """Whether the window does, as things go."""
        return not self.forecast.exceeds(self.pool)


@dataclass(frozen=True)
class Budget:
    """All allowances at one moment, for a run that reads what is new or, with `full`, all."""

    at: datetime
    full: bool
    pools: tuple[PoolBudget, ...]

    @property
    def fits(self) -> bool:
        return all(pool.fits for pool in self.pools)


def pool_budget(
    pool: Pool,
    costs: Sequence[SourceCost],
    incremental: Sequence[SourceCost],
    record: Sequence[HourOfCalls],
    every_minutes: int,
    now: datetime,
    lighter: Sequence[Cheaper] = (),
) -> PoolBudget:
    """Put together one allowance. `incremental` are the costs of the same run if it were not full,
    empty where there is nothing yet to add to; `lighter` are ways to read less. A cheaper way is
    named if with it the run fits, or the window lasts: any other is no way out."""
    pace = Pace(every_minutes, sum(c.routine for c in costs), sum(c.daily for c in costs))
    made = forecast(pool, record, pace, now)
    need = sum(cost.total for cost in costs)
    less = [way for way in (*_next_run(costs, incremental), *lighter) if way.calls <= pool.left]
    ways = [*less, *_further_apart(pool, pace, made, now)]
    tight = need > pool.left or made.exceeds(pool)
    free_at = free_again(pool, need, record, now) if need > pool.left else None
    return PoolBudget(pool, tuple(costs), made, tuple(ways) if tight else (), free_at)


def _next_run(costs: Sequence[SourceCost], incremental: Sequence[SourceCost]) -> list[Cheaper]:
    full, new = sum(c.total for c in costs), sum(c.total for c in incremental)
    if not incremental or new >= full:
        return []
    return [Cheaper("read only what is new: crossfoot extract without --full", new, full, "run")]


def _further_apart(pool: Pool, pace: Pace, made: Forecast, now: datetime) -> list[Cheaper]:
    """Readings less often: the shortest interval that lasts, if there is one."""
    if not made.exceeds(pool):
        return []
    now_expected = whole(pool, pace.a_day, now)
    longer = [(m, whole(pool, pace.every(m).a_day, now)) for m in _INTERVALS]
    lasting = [(m, c) for m, c in longer if m > pace.every_minutes and c <= pool.may_use]
    return [
        Cheaper(
            f"read every {minutes} minutes: CROSSFOOT_READ_EVERY_MINUTES={minutes}",
            calls,
            now_expected,
            pool.window,
        )
        for minutes, calls in lasting[:1]
        if calls < now_expected
    ]


def over_budget(one: PoolBudget) -> LimitExceeded:
    """The refusal of a run that would need more than is left."""
    pool, need = one.pool, one.next_run
    least = "at least " if any(cost.is_least for cost in one.costs) else "about "
    where = ", ".join(cost.name for cost in one.costs)
    return LimitExceeded(
        pool.system,
        where,
        f"this run needs {least}{need:,} {pool.what}, and {pool.left:,} are left {window(pool)} "
        f"({used(pool)}); nothing was read",
        " ".join([*_ways(one), raise_limit(pool)]),
    )


def _ways(one: PoolBudget) -> list[str]:
    ways = [f"{w.what} ({w.calls:,} instead of {w.instead_of:,})" for w in one.cheaper]
    told = [f"Cheaper: {'; '.join(ways)}."] if ways else []
    if one.free_at is not None:
        told.append(f"It fits again from {one.free_at:%Y-%m-%d %H:%M} UTC on.")
    return told


def window(pool: Pool) -> str:
    return "this month" if pool.window == "month" else "in these 24 hours"


def used(pool: Pool) -> str:
    """`Crossfoot used 3,700 of the 3,750 it may use, 25 % of 15,000`, and what others used."""
    told = (
        f"Crossfoot used {pool.ours:,} of the {pool.may_use:,} it may use, {pool.share} % of "
        f"{pool.allowed:,}"
    )
    if pool.taken is not None and pool.taken > pool.ours:
        told += f"; other programs used {pool.taken - pool.ours:,}"
    return told


def raise_limit(pool: Pool) -> str:
    """How to allow more."""
    if pool.system == QUICKBOOKS:
        return (
            "To allow more, raise CROSSFOOT_QUICKBOOKS_SHARE (percent), or "
            "CROSSFOOT_QUICKBOOKS_READS_A_MONTH if your Intuit plan has more."
        )
    return (
        "To allow more, raise CROSSFOOT_SALESFORCE_SHARE (percent), or buy calls from Salesforce."
    )
