"""A budget in words for a terminal, and as JSON. Pure: values in, lines out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestration.budget.allowance import Pool
from orchestration.budget.cost import SourceCost
from orchestration.budget.value import Budget, Cheaper, PoolBudget, raise_limit
from orchestration.words import table


def budget_lines(budget: Budget) -> Iterator[str]:
    """Every allowance, what the next run costs, what comes, and what to do where it is tight."""
    what = "reads everything again" if budget.full else "reads what is new"
    yield f"Budget at {budget.at:%Y-%m-%d %H:%M} UTC, for a run that {what}"
    for one in budget.pools:
        yield ""
        yield from _pool_lines(one)


def _pool_lines(one: PoolBudget) -> Iterator[str]:
    pool = one.pool
    name = one.costs[0].name if pool.source and one.costs else "all companies together"
    yield f"{pool.system}, {name}: {pool.what} {_window(pool)}"
    yield (
        f"  used {pool.ours:,} of {pool.may_use:,} ({pool.share} % of the {pool.allowed:,} that "
        f"{pool.system} allows); {pool.left:,} left ({pool.left_percent} %)"
    )
    if pool.taken is not None and pool.said_at is not None:
        yield (
            f"  the org said at {pool.said_at:%H:%M} UTC what is used: {pool.taken:,} by all "
            f"programs, {pool.taken - pool.ours:,} of them by others"
        )
    elif pool.source:
        yield "  what other programs use is not known: the org has not been asked"
    yield f"  {_forecast(one)}"
    yield from table([_cost_row(cost) for cost in one.costs], indent=2)
    yield f"  {_verdict(one)}"
    yield from (f"  - {_cheaper(way)}" for way in one.cheaper)
    if not (one.fits and one.lasts):
        yield f"  - {raise_limit(pool)}"


def _window(pool: Pool) -> str:
    return "in this calendar month (UTC)" if pool.window == "month" else "in the last 24 hours"


def _forecast(one: PoolBudget) -> str:
    made = one.forecast
    until = "by the end of the month" if one.pool.window == "month" else "in 24 hours"
    basis = (
        f"from the usual day of the last {made.days}"
        if made.basis == "history"
        else "by the schedule, for lack of a week of history"
    )
    share = 100 * made.expected // one.pool.may_use if one.pool.may_use else 100
    return (
        f"forecast: {made.expected:,} {until} ({share} % of what may be used); "
        f"{made.a_day:,} a day, {basis}"
    )


def _cost_row(cost: SourceCost) -> dict[str, Any]:
    rows = "not counted" if cost.rows is None else cost.rows
    due = "due now" if cost.is_daily_due else "done today"
    whole = cost.is_whole
    return {
        "next run": cost.name,
        "id": cost.source,
        "mode": cost.mode,
        "rows": rows if whole else "only new",
        "calls": cost.calls,
        "daily round": "in it" if whole else f"{cost.daily:,} ({due})",
        "together": f"{cost.total:,} or more" if cost.is_least else f"{cost.total:,}",
    }


def _verdict(one: PoolBudget) -> str:
    if not one.fits:
        when = f" before {one.free_at:%Y-%m-%d %H:%M} UTC" if one.free_at else ""
        need, left = f"{one.next_run:,}", f"{one.pool.left:,}"
        return f"The next run does NOT fit: it needs {need}, and {left} are left{when}."
    if not one.lasts:
        return "The next run fits, but as things go the allowance does not last."
    if any(cost.is_least for cost in one.costs):
        return "The next run fits as far as is known; `crossfoot budget --count` counts the rows."
    return "The next run fits."


def _cheaper(way: Cheaper) -> str:
    return f"Cheaper: {way.what} ({way.calls:,} instead of {way.instead_of:,} {_of(way)})"


def _of(way: Cheaper) -> str:
    names = {"run": "in the next run", "month": "in this month", "24 hours": "in 24 hours"}
    return names[way.of]


def as_json(budget: Budget) -> str:
    """The same as one line of JSON."""
    return json.dumps(
        {
            "at": budget.at.isoformat(),
            "full": budget.full,
            "fits": budget.fits,
            "allowances": [_as_dict(one) for one in budget.pools],
        }
    )


def _as_dict(one: PoolBudget) -> dict[str, Any]:
    pool, made = one.pool, one.forecast
    return {
        "system": pool.system,
        "source": pool.source,
        "window": pool.window,
        "allowed": pool.allowed,
        "share_percent": pool.share,
        "may_use": pool.may_use,
        "used": pool.ours,
        "used_by_all_programs": pool.taken,
        "left": pool.left,
        "left_percent": pool.left_percent,
        "next_run": one.next_run,
        "fits": one.fits,
        "lasts": one.lasts,
        "fits_again_at": one.free_at.isoformat() if one.free_at else None,
        "forecast": {
            "expected": made.expected, "a_day": made.a_day, "basis": made.basis, "days": made.days,
        },
        "sources": [
            {
                "source": c.source, "name": c.name, "mode": c.mode, "rows": c.rows,
                "calls": c.calls, "daily": c.daily, "daily_is_due": c.is_daily_due,
                "total": c.total, "is_least": c.is_least,
            }
            for c in one.costs
        ],
        "cheaper": [
            {"what": w.what, "calls": w.calls, "instead_of": w.instead_of, "of": w.of}
            for w in one.cheaper
        ],
    }  # fmt: skip
