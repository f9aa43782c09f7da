"""What a reading did, source by source, for people: rows, calls, time and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.budget.allowance import Pool
from orchestration.budget.cost import SourceCost
from orchestration.budget.gate import Meter
from orchestration.words import table
from pipelines.extract import ExtractResult


@dataclass(frozen=True)
class Extraction:
    """What was read, and the meter that let the calls through."""

    results: tuple[ExtractResult, ...]
    meter: Meter


def extraction_lines(done: Extraction) -> list[str]:
    """One line for each org and company, then one for each object that brought rows."""
    sources = table([_source_row(done, cost) for cost in _costs(done)], indent=0)
    brought = [r for r in done.results if r.rows]
    if not brought:
        return [*sources, "", "Nothing is new."]
    names = {cost.source: cost.name for _, cost in _costs(done)}
    objects = [
        {
            "name": names.get(r.source, r.source),
            "object": r.object,
            "mode": _mode(r),
            "rows": r.rows,
        }
        for r in brought
    ]
    return [*sources, "", *table(objects, indent=0)]


def _costs(done: Extraction) -> list[tuple[Pool, SourceCost]]:
    return [(one.pool, cost) for one in done.meter.planned.pools for cost in one.costs]


def _source_row(done: Extraction, of: tuple[Pool, SourceCost]) -> dict[str, Any]:
    pool, cost = of
    mine = [r for r in done.results if r.source == cost.source]
    made = done.meter.made.get(cost.source)
    return {
        "system": cost.system,
        "source": cost.source,
        "name": cost.name,
        "objects": len(mine),
        "rows": sum(r.rows for r in mine),
        "mode": _modes(mine),
        "calls": made.calls if made else 0,
        "ms": made.milliseconds if made else 0,
        "budget left": f"{done.meter.left(pool):,} of {pool.may_use:,} {pool.what} {_per(pool)}",
    }


def _per(pool: Pool) -> str:
    return "a month" if pool.window == "month" else "in 24 hours"


def _mode(result: ExtractResult) -> str:
    return "incremental" if result.mode == "cdc" else result.mode


def _modes(results: Sequence[ExtractResult]) -> str:
    """`incremental`, or `incremental, 2 full` when most are that and some are not."""
    counts = Counter(map(_mode, results))
    if len(counts) <= 1:
        return next(iter(counts), "nothing")
    (usual, _), *others = counts.most_common()
    return ", ".join([usual, *(f"{count} {mode}" for mode, count in others)])


def budget_facts(meter: Meter, system: str) -> dict[str, Any]:
    """What Dagster shows with everything that was read of a system: the calls of this run, what
    Crossfoot used and has left of the vendor's allowance, and what is to come."""
    facts: dict[str, Any] = {}
    for one in meter.planned.pools:
        if one.pool.system == system:
            name = "" if len(one.costs) != 1 or not one.pool.source else f" ({one.costs[0].name})"
            left = meter.left(one.pool)
            facts |= {
                f"budget_used{name}": one.pool.ours + one.pool.left - left,
                f"budget_left{name}": f"{left:,} of {one.pool.may_use:,} {_per(one.pool)}",
                f"budget_forecast{name}": one.forecast.expected,
            }
    return {"run_calls": sum(m.calls for m in meter.made.values()), **facts}
