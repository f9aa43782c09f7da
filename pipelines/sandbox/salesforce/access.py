"""The rows a query has to look at: found by id, by key or by range where its conditions allow it.

Nothing here decides what a query selects: what comes out is tested against all its conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipelines.sandbox.rows import Rows
from pipelines.sandbox.salesforce.fields import TEXTUAL, Field
from pipelines.sandbox.salesforce.ids import to18
from pipelines.sandbox.store import Record, Table

IDS = ("id", "reference")
ORDERED = ("id", "date", "datetime")


@dataclass(frozen=True)
class Wanted:
    """One condition that must hold: a field against constants, as they are compared."""

    field: Field
    operator: str
    values: tuple[Any, ...]


def comparable(field: Field, value: Any) -> Any:
    """A value as it is compared: text without case, ids in 18 characters, moments in one form."""
    if value is None:
        return None
    if field.type in IDS:
        return value if len(value) == 18 else to18(value) or value
    if field.type == "datetime":
        return instant(value)
    if field.type in TEXTUAL and not field.case_sensitive:
        return str(value).lower()
    return value


def moment(value: str) -> datetime:
    """A date or date-time, as stored or as a literal, as a moment in UTC."""
    if len(value) == 10:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return datetime.fromisoformat(value).astimezone(UTC)


def instant(value: str) -> str:
    """A moment in the one form in which text is ordered as time is: that of the answers."""
    if len(value) == 28 and value.endswith("+0000"):
        return value
    return instant_of(moment(value))


def instant_of(at: datetime) -> str:
    """A moment as the answers show it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def candidates(table: Table, wanted: Iterable[Wanted]) -> Rows:
    """At least the rows that meet all of these conditions."""
    conditions = [w for w in wanted if None not in w.values]
    for by in (_by_id, _by_key):
        found = next((r for w in conditions if (r := by(table, w)) is not None), None)
        if found is not None:
            return table.rows_of(found)
    return _between(table, conditions)


def is_indexed(wanted: Wanted) -> bool:
    """Whether rows are found by it without looking at all of them."""
    if wanted.operator in ("=", "in") and (wanted.field.type in IDS or _is_key(wanted.field)):
        return True
    return wanted.field.type in ORDERED and wanted.operator in _BOUNDS


def _is_key(field: Field) -> bool:
    return field.type == "reference" or field.external_id or field.id_lookup


def _by_id(table: Table, wanted: Wanted) -> list[Record] | None:
    if wanted.field.type != "id" or wanted.operator not in ("=", "in"):
        return None
    found = map(table.get, dict.fromkeys(wanted.values))
    return [record for record in found if record is not None]


def _by_key(table: Table, wanted: Wanted) -> list[Record] | None:
    field = wanted.field
    if not _is_key(field) or wanted.operator not in ("=", "in"):
        return None
    return [r for v in dict.fromkeys(wanted.values) for r in having(table, field, v)]


def having(table: Table, field: Field, value: Any) -> list[Record]:
    """The rows whose field holds a value (compared as SOQL compares), deleted ones too."""
    return table.find(f"same:{field.name}", value, _value_of(field))


def _value_of(field: Field) -> Callable[[Record], Any]:
    return lambda record: comparable(field, record.get(field.name))


def _between(table: Table, conditions: list[Wanted]) -> Rows:
    bounded = [w for w in conditions if w.field.type in ORDERED and w.operator in _BOUNDS]
    if not bounded:
        return table.rows()
    field = bounded[0].field
    mine = [w for w in bounded if w.field == field]
    lows = [(w.values[0], w.operator == ">") for w in mine if "low" in _BOUNDS[w.operator]]
    highs = [(w.values[-1], _is_through(w)) for w in mine if "high" in _BOUNDS[w.operator]]
    low, above = max(lows, default=(None, False))
    high, through = min(highs, default=(None, True))
    return table.between(field.name, low, high, _value_of(field), above=above, below=not through)


def _is_through(wanted: Wanted) -> bool:
    """Whether the upper bound itself is in: a span of days ends before its last value."""
    return wanted.operator != "<"


def are_settled(table: Table, wanted: Sequence[Wanted]) -> bool:
    """Whether `candidates` finds exactly the rows that meet these conditions, and no others."""
    one = wanted[0].field if wanted else None
    return (
        one is not None
        and one.type in ORDERED
        and table.is_ordered(one.name)
        and all(w.field == one and w.operator in _OPEN and len(w.values) == 1 for w in wanted)
    )


_OPEN = ("<", "<=", ">", ">=")
_BOUNDS = {
    "=": ("low", "high"), ">": ("low",), ">=": ("low",), "<": ("high",), "<=": ("high",),
}  # fmt: skip
