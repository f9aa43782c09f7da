"""`crossfoot extract --verify`: the vendors' own figures beside what is held, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from orchestration.budget.gate import Meter
from orchestration.budget.gather import Run, budget
from orchestration.budget.value import PoolBudget, over_budget
from orchestration.words import table
from pipelines.extract.controls import agrees, differing
from pipelines.extract.results import ROWS, VERIFY, ControlTotal
from pipelines.extract.salesforce_objects import table_name
from pipelines.extract.verifying import verified, verify_calls
from pipelines.settings import Settings
from reverse_etl.calls import Now, recording_in, utc_now
from reverse_etl.opening import opened


@dataclass(frozen=True)
class Verified:
    """Every figure, and the calls made by org and company."""

    totals: tuple[ControlTotal, ...]
    calls: Mapping[str, int]
    names: Mapping[str, str]

    @property
    def differing(self) -> Sequence[ControlTotal]:
        return differing(self.totals)


def verify(settings: Settings, now: Now = utc_now) -> Verified:
    """Ask the vendors for counts and totals, and compare.

    Raises `LimitExceeded` before the first call when the allowances do not suffice, `Stop` when
    nothing was read yet.
    """
    with opened(settings) as state, recording_in(state, VERIFY, now) as book:
        planned = budget(settings, state, now(), Run())
        need = verify_calls(settings)
        for one in planned.pools:
            asked = _as_asked(one, need)
            if not asked.fits:
                raise over_budget(asked)
        meter = Meter(book, planned)
        totals = verified(settings, meter)
    return Verified(
        totals,
        {source: made.calls for source, made in meter.made.items()},
        {cost.source: cost.name for one in planned.pools for cost in one.costs},
    )


def _as_asked(one: PoolBudget, need: Mapping[str, int]) -> PoolBudget:
    """The allowance with the calls of these figures in place of a reading's."""
    costs = tuple(
        replace(cost, mode="incremental", calls=need[cost.source], is_daily_due=False)
        for cost in one.costs
    )
    return replace(one, costs=costs, cheaper=(), free_at=None)


def verify_lines(done: Verified) -> Iterator[str]:
    """A row for each figure, the calls, and a sentence about what differs."""
    yield from table([_row(total, done.names) for total in done.totals], indent=0)
    yield ""
    spent = ", ".join(f"{done.names[s]}: {calls:,}" for s, calls in done.calls.items())
    yield f"{len(done.totals):,} figures in {sum(done.calls.values()):,} calls ({spent})."
    yield verdict(done)


def verdict(done: Verified) -> str:
    """Whether all agree, or what differs and what to do."""
    wrong = done.differing
    if not wrong:
        return "All of them are what is held."
    each = "; ".join(
        f"{done.names[t.source]} {table_name(t.object)}: {_figure(t, t.held)} held of "
        f"{_figure(t, t.vendor)} ({t.measure})"
        for t in wrong[:3]
    )
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return (
        f"{len(wrong)} of {len(done.totals):,} differ: {each}{more}. What happened since the last "
        "reading differs as well: run `crossfoot extract` and verify again; if it stays, "
        "`crossfoot extract --full`."
    )


def _row(total: ControlTotal, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "system": total.system,
        "name": names[total.source],
        "object": table_name(total.object),
        "measure": f"{total.measure} {total.currency or ''}".rstrip(),
        "vendor": _figure(total, total.vendor),
        "held": _figure(total, total.held),
        "": {True: "agrees", False: "DIFFERS", None: "not held"}[agrees(total)],
    }


def _figure(total: ControlTotal, value: Decimal | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if total.measure == ROWS else f"{value:,.2f}"
