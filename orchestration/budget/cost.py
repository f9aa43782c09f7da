"""What the next reading of an org or company costs, from what the warehouse holds of it. Pure.

The sources themselves say what they will call (`planned_calls` and its companions); here it is
only decided which of their figures applies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from orchestration.budget.allowance import QUICKBOOKS, SALESFORCE
from pipelines.extract import quickbooks_calls, salesforce_calls
from pipelines.extract.quickbooks_entities import CAPTURED, CURRENCIES, ENTITIES, UNCAPTURED
from pipelines.extract.salesforce_objects import CORE, OPTIONAL, table_name

Mode = Literal["first load", "full", "incremental"]
# After so long without a reading everything is read anew: deleted records leave Salesforce's bin
# after 15 days, QuickBooks tells changes of 30.
SALESFORCE_REACH, QUICKBOOKS_REACH = timedelta(days=14), timedelta(days=29)
ONCE_A_DAY = timedelta(days=1)
# Objects that an org does not tell changed ids of: they are queried in every reading.
_ALWAYS_QUERIED = frozenset({*CORE, "OpportunityHistory", "CurrencyType", "DatedConversionRate"})


@dataclass(frozen=True)
class Held:
    """What the warehouse holds of one org or company, by raw table: rows, and when each was last
    read to its end. Nothing of either where it was never read."""

    rows: Mapping[str, int] = field(default_factory=dict)
    read_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceCost:
    """The calls of the next reading of one source: `calls`, and `daily` more when the round that
    is made once a day is due (`is_daily_due`). `routine` is a reading that finds nothing new.
    `rows` are about to be read; None where nobody counted them: then `calls` is the least."""

    system: str
    source: str
    name: str
    mode: Mode
    calls: int
    daily: int
    routine: int
    rows: int | None
    is_daily_due: bool

    @property
    def total(self) -> int:
        """What the next reading costs."""
        return self.calls + (self.daily if self.is_daily_due else 0)

    @property
    def is_whole(self) -> bool:
        """Whether everything is read."""
        return self.mode != "incremental"

    @property
    def is_least(self) -> bool:
        """Whether it may well be more, because the rows are not counted."""
        return self.is_whole and self.rows is None


def quickbooks_cost(
    company: str, name: str, held: Held, now: datetime, full: bool = False,
    counted: Mapping[str, int] | None = None,
) -> SourceCost:  # fmt: skip
    """The reads of one company. `counted` rows by entity are better than those held."""
    last = _last(held, CAPTURED)
    rows = _rows(held, ENTITIES, counted)
    several = any(held.rows.get(table_name(e)) for e in CURRENCIES) or not held.rows
    incremental = SourceCost(
        QUICKBOOKS, company, name, "incremental",
        calls=quickbooks_calls.incremental_calls({}),
        daily=quickbooks_calls.daily_calls(several),
        routine=quickbooks_calls.incremental_calls({}),
        rows=0,
        is_daily_due=_is_due(held, UNCAPTURED, now),
    )  # fmt: skip
    if last is not None and now - last < QUICKBOOKS_REACH and not full:
        return incremental
    planned = quickbooks_calls.planned_calls(dict.fromkeys(ENTITIES, 0) | rows)
    return _whole(incremental, last, planned, rows, counted)


def salesforce_cost(
    org: str, name: str, objects: Sequence[str], held: Held, now: datetime, full: bool = False,
    counted: Mapping[str, int] | None = None, usual_round: int = 0,
) -> SourceCost:  # fmt: skip
    """The calls of one org for these objects. `counted` rows by object are better than those held;
    an object that was never read is read in full beside the others. A daily round takes what it
    usually took (`usual_round`), if that is more than the arithmetic says."""
    last = _last(held, objects)
    rows = _rows(held, objects, counted)
    sizes = dict.fromkeys(objects, 0) | rows
    routine = _routine(objects)
    incremental = SourceCost(
        SALESFORCE, org, name, "incremental",
        calls=routine + _new_objects(objects, held, sizes),
        daily=max(
            salesforce_calls.sweep_calls(sizes) + ceil(len(objects) / salesforce_calls.PARTS),
            usual_round,
        ),
        routine=routine,
        rows=0,
        is_daily_due=_is_due(held, objects, now),
    )  # fmt: skip
    if last is not None and now - last < SALESFORCE_REACH and not full:
        return incremental
    planned = salesforce_calls.planned_calls(sizes).total
    return _whole(incremental, last, planned, rows, counted)


def _whole(
    usual: SourceCost, last: datetime | None, planned: int, rows: Mapping[str, int],
    counted: Mapping[str, int] | None,
) -> SourceCost:  # fmt: skip
    """Everything is read, which makes the daily round as well."""
    known = last is not None or counted is not None
    return replace(
        usual,
        mode="first load" if last is None else "full",
        calls=planned,
        rows=sum(rows.values()) if known else None,
        is_daily_due=False,
    )


def _routine(objects: Sequence[str]) -> int:
    """Composite calls of a reading without anything new, at the best split between objects that
    are queried and those asked for changed ids, with a describe of each or a question for all."""
    must = len(_ALWAYS_QUERIED & set(objects))
    splits = range(must, len(objects) + 1)
    return min(
        salesforce_calls.incremental_calls(queried, len(objects) - queried, describes)
        for queried in splits
        for describes in (len(objects), 1)
    )


def _new_objects(objects: Sequence[str], held: Held, sizes: Mapping[str, int]) -> int:
    """The calls of objects that are named in the settings since the last reading. One that
    Crossfoot can do without and that was never read is taken for absent from the org."""
    new = {o: sizes[o] for o in objects if table_name(o) not in held.read_at and o not in OPTIONAL}
    return salesforce_calls.planned_calls(new).total if new and held.read_at else 0


def _rows(held: Held, names: Sequence[str], counted: Mapping[str, int] | None) -> dict[str, int]:
    if counted is not None:
        return {name: counted.get(name, 0) for name in names}
    return {name: held.rows[t] for name in names if (t := table_name(name)) in held.rows}


def _last(held: Held, names: Sequence[str]) -> datetime | None:
    """When the object that was read longest ago was read; None if none ever was."""
    found = [held.read_at[t] for name in names if (t := table_name(name)) in held.read_at]
    return min(found, default=None)


def _is_due(held: Held, names: Sequence[str], now: datetime) -> bool:
    last = _last(held, names)
    return last is None or now - last >= ONCE_A_DAY
