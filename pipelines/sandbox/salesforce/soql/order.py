"""ORDER BY: text without case, picklists as their values are listed, nulls first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pipelines.sandbox.rows import Rows
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.names import Scope
from pipelines.sandbox.salesforce.soql.operands import Bound, bind
from pipelines.sandbox.salesforce.soql.search import candidate_rows, compiled, tested
from pipelines.sandbox.salesforce.soql.tree import Operand, Sort
from pipelines.sandbox.store import Record

T = TypeVar("T")
# A heap is worth its while when it throws most rows away.
_HEAP_SHARE = 4


@dataclass(frozen=True)
class Key:
    """One key of ORDER BY: how its value is read, and which way it goes."""

    read: Callable[[Any], Any]
    sort: Sort

    def ranked(self, row: Any) -> tuple[bool, Any]:
        """A value as it is sorted: nulls first unless NULLS LAST, whatever the direction."""
        value, sort = self.read(row), self.sort
        if value is None:
            return (sort.nulls_last != sort.descending, 0)
        return (sort.nulls_last == sort.descending, value)


def keys(sorts: Sequence[Sort], binder: Callable[[Operand], Bound]) -> list[Key]:
    """The keys over what `binder` reads."""
    return [Key(placed(binder(sort.by)), sort) for sort in sorts]


def placed(bound: Bound) -> Callable[[Any], Any]:
    """A value as it is ordered: a picklist's by its place among the choices, others behind them."""
    if bound.field.type != "picklist" or not bound.field.choices:
        return bound.key
    places = {c.value.lower(): (0, n, "") for n, c in enumerate(bound.field.choices)}
    key = bound.key

    def read(row: Any) -> Any:
        value = key(row)
        return None if value is None else places.get(value.lower(), (1, 0, value))

    return read


def sortable(scope: Scope, operand: Operand) -> Bound:
    """An operand of ORDER BY.

    Raises:
        Refusal: the field cannot be sorted by.
    """
    bound = bind(scope, operand)
    if bound.found is not None and not bound.field.is_sortable:
        raise refused.malformed(
            scope.statement, bound.at,
            f"field '{bound.field.name}' can not be sorted in a query call",
        )  # fmt: skip
    return bound


def ordered_rows(scope: Scope) -> Rows:
    """The rows in order, as many as the window needs where that is known beforehand."""
    query = scope.query
    whole = compiled(scope)
    found = keys(query.order_by, lambda operand: sortable(scope, operand))
    most = None if query.limit is None else query.offset + query.limit
    rows = candidate_rows(scope, whole)
    if not found:
        return tested(scope, rows, whole, most)
    if rows.is_rising(_fields(scope)) and _goes_one_way(found):
        return tested(scope, _arranged(rows, found, True), whole, most)
    rows = tested(scope, rows, whole, None)
    if most is not None and most * _HEAP_SHARE < len(rows) and _goes_one_way(found):
        return rows.foremost(_ranker(found), most, found[0].sort.descending)
    return _arranged(rows, found)


def _fields(scope: Scope) -> list[str]:
    """The fields of ORDER BY; something that is no own field never rises."""
    bound = [bind(scope, sort.by) for sort in scope.query.order_by]
    return [
        b.field.name if b.found and b.found.own and b.field.type != "picklist" else ""
        for b in bound
    ]


def _goes_one_way(found: Sequence[Key]) -> bool:
    return len({key.sort.descending for key in found}) == 1


def _ranker(found: Sequence[Key]) -> Callable[[Any], tuple[tuple[bool, Any], ...]]:
    if len(found) == 1:
        one = found[0].ranked
        return lambda row: (one(row),)
    return lambda row: tuple(key.ranked(row) for key in found)


def _arranged(rows: Rows, found: Sequence[Key], rising: bool = False) -> Rows:
    """All rows sorted, stable; what rises is not looked at."""
    if not _goes_one_way(found):
        for one in reversed(found):
            rows = _arranged(rows, [one])
        return rows
    return rows.arranged(_ranker(found), found[0].sort.descending, rising)


def arranged(items: list[T], found: Sequence[Key]) -> list[T]:
    """A list sorted by the keys, stable."""
    for key in reversed(found):
        items = sorted(items, key=key.ranked, reverse=key.sort.descending)
    return items


def in_window(rows: Sequence[T], offset: int, limit: int | None) -> Sequence[T]:
    """LIMIT and OFFSET."""
    kept = rows[offset:] if offset else rows
    return kept if limit is None else kept[:limit]


def child_rows(scope: Scope, children: Callable[[str], list[Record]]) -> Callable[[str], Any]:
    """What a sub-query selects of the children of one parent: tested, ordered, cut."""
    query = scope.query
    whole = compiled(scope)
    found = keys(query.order_by, lambda operand: sortable(scope, operand))

    def of_parent(parent_id: str) -> Sequence[Record]:
        rows = children(parent_id)
        if not scope.include_deleted:
            rows = [r for r in rows if not r.get("IsDeleted")]
        if whole is not None:
            rows = [r for r in rows if whole.test(r)]
        return in_window(arranged(rows, found), query.offset, query.limit)

    return of_parent
