"""Aggregates: one row per group, with subtotals where ROLLUP or CUBE ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property
from itertools import combinations
from typing import Any

from pipelines.sandbox.rows import Rows
from pipelines.sandbox.salesforce.access import comparable
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.refusals import Refusal, malformed_query
from pipelines.sandbox.salesforce.soql import order, refused, search
from pipelines.sandbox.salesforce.soql.money import Currencies, rounded
from pipelines.sandbox.salesforce.soql.names import Found, Scope
from pipelines.sandbox.salesforce.soql.operands import Bound, bind
from pipelines.sandbox.salesforce.soql.tree import AGGREGATES, Call, Column, Distance, Operand
from pipelines.sandbox.store import Record

MOST_GROUPS = 2000
MOST_SUBTOTAL_KEYS = 3
_AS_A_DOUBLE = Context(prec=16)


@dataclass(frozen=True)
class Group:
    """Rows that have the keys in common; of the keys in `rolled` they may have any."""

    members: Rows
    rolled: frozenset[int] = frozenset()


def is_grouped(scope: Scope) -> bool:
    """Whether the answer has rows of groups."""
    return scope.query.grouping is not None or any(
        isinstance(item, Call) and (item.name in AGGREGATES or item.name == "grouping")
        for item in scope.query.select
    )


def group_rows(scope: Scope) -> list[Record]:
    """The rows of the answer, window applied.

    Raises:
        Refusal: a field is neither grouped nor aggregated, or the groups are too many.
    """
    return _Grouped(scope).rows()


def group_columns(scope: Scope) -> list[tuple[str, str, Field]]:
    """The columns of the answer: name, as written, and a field of the column's type."""
    return [(name, bound.text, bound.field) for name, bound in _Grouped(scope).columns().items()]


class _Grouped:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._query = scope.query
        grouping = scope.query.grouping
        self._keys = [self._key(k) for k in grouping.keys] if grouping else []
        self._subtotals = grouping.subtotals if grouping else ""
        self._refuse_form()

    def rows(self) -> list[Record]:
        """See `group_rows`."""
        columns = self.columns()
        query = self._query
        test = search.having(self._scope, query.having, self._bind) if query.having else None
        keys = order.keys(query.order_by, self._bind)
        groups = [g for g in self._groups() if test is None or test(g)]
        found = order.in_window(order.arranged(groups, keys), query.offset, query.limit)
        if len(found) > MOST_GROUPS:
            raise Refusal(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
                "to a single batch",
            )
        return [self._row(columns, group) for group in found]

    def _row(self, columns: dict[str, Bound], group: Group) -> Record:
        row: Record = {"attributes": {"type": "AggregateResult"}}
        for name, bound in columns.items():
            row[name] = bound.read(group)
        return row

    def _refuse_form(self) -> None:
        query = self._query
        if self._subtotals and len(self._keys) > MOST_SUBTOTAL_KEYS:
            raise malformed_query(
                f"{self._subtotals.upper()} takes at most {MOST_SUBTOTAL_KEYS} fields"
            )
        if query.grouping is None:
            for word, given in (("LIMIT", query.limit), ("ORDER BY", query.order_by or None)):
                if given is not None:
                    raise malformed_query(
                        "Non-grouped query that uses overall aggregate functions cannot also use "
                        + word
                    )

    # ---- groups

    def _groups(self) -> Iterator[Group]:
        members = search.rows(self._scope)
        if not self._keys:
            yield Group(members)
            return
        rolled_up = [frozenset(rolled) for rolled in self._rolled()]
        found = [g for rolled in rolled_up for g in self._grouped_by(members, rolled)]
        yield from found if len(rolled_up) == 1 else self._in_their_order(found)

    def _rolled(self) -> list[tuple[int, ...]]:
        """The sets of keys that subtotals leave out; the empty one is the groups themselves."""
        places = range(len(self._keys))
        if self._subtotals == "rollup":
            return [tuple(places[n:]) for n in (*reversed(places), len(places))][::-1] or [()]
        if self._subtotals == "cube":
            return [c for n in range(len(places) + 1) for c in combinations(places, n)]
        return [()]

    def _grouped_by(self, members: Rows, rolled: frozenset[int]) -> list[Group]:
        keys = [k.key for n, k in enumerate(self._keys) if n not in rolled]
        if not keys:
            return [Group(members, rolled)]
        if len(keys) == 1:
            return [Group(g, rolled) for g in members.grouped(keys[0])]
        return [Group(g, rolled) for g in members.grouped(lambda r: tuple(k(r) for k in keys))]

    def _in_their_order(self, groups: list[Group]) -> list[Group]:
        """Each subtotal behind the groups it sums up."""
        seen: list[dict[Any, int]] = [{} for _ in self._keys]

        def place(group: Group) -> tuple[tuple[bool, int], ...]:
            first = group.members[0] if len(group.members) else {}
            return tuple(
                (True, 0) if n in group.rolled
                else (False, seen[n].setdefault(key.key(first), len(seen[n])))
                for n, key in enumerate(self._keys)
            )  # fmt: skip

        return sorted(groups, key=place)

    # ---- what is selected

    def columns(self) -> dict[str, Bound]:
        """What is selected, by its name in the answer."""
        columns: dict[str, Bound] = {}
        unnamed = 0
        for item in self._query.select:
            if not isinstance(item, Column | Call):
                raise malformed_query(
                    "Sub-queries, TYPEOF and FIELDS are not allowed in grouped queries"
                )
            bound = self._bind(item)
            name = item.alias or (bound.field.name if isinstance(item, Column) else "")
            if not name:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if name in columns:
                raise malformed_query(f"duplicate alias: {name}")
            columns[name] = bound
        return columns

    def _key(self, key: Column | Call) -> Bound:
        bound = bind(self._scope, key)
        if bound.found is not None and not bound.field.is_groupable:
            raise refused.malformed(
                self._scope.statement, bound.at,
                f"field '{bound.field.name}' can not be grouped in a query call",
            )  # fmt: skip
        return bound

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        grouping = self._query.grouping
        return {self._same(k): n for n, k in enumerate(grouping.keys)} if grouping else {}

    def _same(self, item: Column | Call) -> tuple[str, ...]:
        """Equal for two ways to write the same key."""
        column = item.column if isinstance(item, Call) else item
        steps = self._scope.steps(column.path) if column else ()
        head = item.text.partition(".")[0].lower() if isinstance(item, Call) else ""
        return (head.partition("(")[0], *(step.lower() for step in steps))

    def _bind(self, item: Operand) -> Bound:
        """A value of a group: of its keys, or an aggregate of its rows."""
        if isinstance(item, Call) and item.name in AGGREGATES:
            return self._aggregate(item)
        if isinstance(item, Distance):
            raise refused.malformed(self._scope.statement, item.at, "DISTANCE can not be grouped")
        if isinstance(item, Call) and item.name == "grouping":
            return self._grouping(item)
        place = self._places.get(self._same(item))
        if place is None:
            bind(self._scope, item)  # an unknown field is the first thing to say
            raise refused.malformed(
                self._scope.statement, item.at, f"Field must be grouped or aggregated: {item.text}"
            )
        return self._of_key(place, item)

    def _of_key(self, place: int, item: Column | Call) -> Bound:
        key = self._keys[place]

        def first(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def of_group(group: Group) -> Any:
                if place in group.rolled or not len(group.members):
                    return None
                return read(group.members[0])

            return of_group

        return Bound(key.field, first(key.read), first(key.key), item.at, item.text)

    def _grouping(self, item: Call) -> Bound:
        column = item.column
        place = self._places.get(self._same(column)) if column else None
        if place is None:
            raise refused.malformed(
                self._scope.statement, item.at, f"Field must be grouped or aggregated: {item.text}"
            )

        def read(group: Group) -> int:
            return int(place in group.rolled)

        return Bound(Field("grouping", item.text, "int"), read, read, item.at, item.text)

    # ---- aggregates

    def _aggregate(self, item: Call) -> Bound:
        if item.argument is None:
            return _number(item, lambda group: len(group.members))
        if not isinstance(item.argument, Column):
            raise refused.malformed(
                self._scope.statement, item.at, f"{item.name.upper()} takes a field"
            )
        found = self._scope.find(item.argument)
        self._refuse_aggregate(item, item.argument, found)
        field, value = found.field, found.value
        if item.name == "count" and found.own and not field.nillable:
            return _number(item, lambda group: len(group.members))
        if item.name in ("count", "count_distinct"):
            count = len if item.name == "count" else _distinct(field)
            return _number(item, lambda group: count(_held(group, value)))
        if field.type == "currency":
            currencies = Currencies(self._scope.books)
            value = currencies.reader(found, currencies.corporate_amount)
        return self._of_values(item, field, value)

    def _of_values(self, item: Call, field: Field, value: Callable[[Record], Any]) -> Bound:
        made = _MADE.get(item.name)

        def read(group: Group) -> Any:
            held = _held(group, value)
            if not held:
                return None
            if made is not None:
                return made(field, held)
            return (min if item.name == "min" else max)(held, key=_placed(field))

        def key(group: Group) -> Any:
            found = read(group)
            return None if found is None else comparable(field, found)

        kind = Field(field.name, field.label, "double") if item.name == "avg" else field
        return Bound(kind, read, key, item.at, item.text)

    def _refuse_aggregate(self, item: Call, column: Column, found: Found) -> None:
        if self._same(column) in self._places:
            raise refused.malformed(
                self._scope.statement, item.at,
                f"Grouped field should not be aggregated: {column.text}",
            )  # fmt: skip
        summed = item.name in ("sum", "avg")
        if not found.field.is_aggregatable or (summed and found.field.type not in NUMERIC):
            raise refused.malformed(
                self._scope.statement, item.at,
                f"field {found.field.name} does not support aggregate operator "
                f"{item.name.upper()}",
            )  # fmt: skip


def _number(item: Call, read: Callable[[Any], int]) -> Bound:
    return Bound(Field(item.name, item.text, "int"), read, read, item.at, item.text)


def _held(group: Group, value: Callable[[Record], Any]) -> list[Any]:
    return [v for r in group.members if (v := value(r)) is not None]


def _distinct(field: Field) -> Callable[[list[Any]], int]:
    return lambda held: len({comparable(field, v) for v in held})


def _placed(field: Field) -> Callable[[Any], Any]:
    """The order in which MIN and MAX look at values: that of ORDER BY."""
    bound = Bound(field, lambda v: v, lambda v: comparable(field, v), 0, "")
    return order.placed(bound)


def _sum(field: Field, held: list[Any]) -> Any:
    total = sum(map(Decimal, held), Decimal(0))
    return rounded(total, field.scale) if field.type == "currency" else total


def _average(field: Field, held: list[Any]) -> Decimal:
    """With the digits of a double, as the vendor's answer has."""
    return _AS_A_DOUBLE.divide(sum(map(Decimal, held), Decimal(0)), Decimal(len(held)))


_MADE: dict[str, Callable[[Field, list[Any]], Any]] = {"sum": _sum, "avg": _average}
