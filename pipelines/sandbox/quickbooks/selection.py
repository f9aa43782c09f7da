"""The query language: which records a statement selects, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from pipelines.sandbox.quickbooks.query import Condition, Ordering, Statement
from pipelines.sandbox.quickbooks.refusals import query_invalid
from pipelines.sandbox.quickbooks.values import Record, instant
from pipelines.sandbox.quickbooks.vocabulary import BOOLEANS, DATES, MONEY, NUMBERS, Entity
from pipelines.sandbox.rows import Rows
from pipelines.sandbox.store import Table

Predicate = Callable[[Record], bool]
CHANGED = "MetaData.LastUpdatedTime"
FOUND_BY_INDEX = ("CustomerRef", "DocNumber", "Name", "DisplayName", "VendorRef")


@dataclass(frozen=True)
class Day:
    """What the company calls now: its clock and its zone."""

    now: datetime

    @property
    def zone(self) -> tzinfo:
        """The company's zone."""
        return self.now.tzinfo or UTC


def select(statement: Statement, entity: Entity, table: Table, today: Day) -> Rows:
    """All records a statement selects, ordered, before paging.

    Remembered until the next write: the next page of the same statement only has to be cut.

    Raises:
        Refusal: 4001, a field that cannot be asked for or a value it cannot have.
    """
    _refuse_unknown_columns(statement, entity)
    what = (entity.name, statement.conditions, statement.order, today.now.date(), today.zone)
    return table.remember(what, lambda: _selected(statement, entity, table, today))


def _selected(statement: Statement, entity: Entity, table: Table, today: Day) -> Rows:
    predicates = {c: _predicate(c, entity, today) for c in statement.conditions}
    rows, met = _candidates(statement, entity, table, today)
    linked = [test for c, test in predicates.items() if _is_of_link(c)]
    tests = [t for c, t in predicates.items() if c not in met and not _is_of_link(c)]
    if linked:
        tests.append(_one_link_passes(linked))
    if entity.is_list and not any(c.field.lower() == "active" for c in statement.conditions):
        tests.append(_is_active)
    if tests:
        rows = rows.kept(lambda record: all(test(record) for test in tests))
    return rows if statement.count and not rows else _sorted(rows, statement.order, entity)


def _is_of_link(condition: Condition) -> bool:
    return condition.field.lower().startswith("attachableref.")


def _one_link_passes(tests: list[Predicate]) -> Predicate:
    """An attachable with a link that meets all conditions about links; several links may not
    share the work."""

    def test(record: Record) -> bool:
        links = ({"AttachableRef": link} for link in record.get("AttachableRef", ()))
        return any(all(one(link) for one in tests) for link in links)

    return test


def page(statement: Statement, rows: Rows) -> Rows:
    """The part of the rows that STARTPOSITION and MAXRESULTS ask for."""
    return rows[statement.start - 1 : statement.start - 1 + statement.limit]


def _refuse_unknown_columns(statement: Statement, entity: Entity) -> None:
    known = {name.lower() for name in entity.members} | {"*"}
    for column in statement.columns:
        if column.split(".")[0].lower() not in known:
            raise query_invalid(f"Property {column} not found for Entity {entity.name}")


def _is_active(record: Record) -> bool:
    return record.get("Active") is not False


def _candidates(
    statement: Statement, entity: Entity, table: Table, today: Day
) -> tuple[Rows, Collection[Condition]]:
    """The records worth testing: by id, index or range where a condition allows it.

    And the conditions that all of them meet already.
    """
    for condition in statement.conditions:
        name = entity.filterable.get(condition.field.lower())
        if name == "Id" and condition.operator in ("=", "in"):
            found = (table.get(value) for value in dict.fromkeys(condition.values))
            return table.rows_of([record for record in found if record is not None]), ()
        if name in FOUND_BY_INDEX and condition.operator in ("=", "in"):
            wanted = dict.fromkeys(value.casefold() for value in condition.values)
            key = _index_key(name)
            rows = [r for value in wanted for r in table.find(f"query {name}", value, key)]
            return table.rows_of(rows), ()
    return _between(statement, entity, table, today)


def _between(
    statement: Statement, entity: Entity, table: Table, today: Day
) -> tuple[Rows, Collection[Condition]]:
    """By the first date or time of the conditions that has bounds."""
    bounds: dict[str, dict[Condition, Any]] = {}
    for condition in statement.conditions:
        path = entity.filterable.get(condition.field.lower(), "")
        if _kind(path) in ("time", "date") and condition.operator in ("<", "<=", ">", ">=", "="):
            value = _wanted(_kind(path), condition.values[0], condition, today)
            bounds.setdefault(path, {})[condition] = value
    if not bounds:
        return table.rows(), ()
    path, found = next(iter(bounds.items()))
    lows = [(value, c.operator == ">") for c, value in found.items() if c.operator[0] in ">="]
    highs = [(value, c.operator != "<") for c, value in found.items() if c.operator[0] in "<="]
    low, above = max(lows, default=(None, False))
    high, through = min(highs, default=(None, True))
    rows = within(table, path, low, high, above=above, below=not through)
    return rows, found if table.is_ordered(path) else ()


def within(
    table: Table, path: str, low: Any, high: Any, *, above: bool = False, below: bool = False
) -> Rows:
    """At least the records whose date or time lies from `low` to `high`; see `Table.between`."""
    kind = _kind(path)

    def key(record: Record) -> Any:
        return _stored(kind, value_at(record, path))

    return table.between(path, low, high, key, above=above, below=below)


def _index_key(name: str) -> Callable[[Record], str | None]:
    def key(record: Record) -> str | None:
        value = value_at(record, name)
        return None if value is None else str(value).casefold()

    return key


# ---- values


def value_at(record: Record, path: str) -> Any:
    """What a field of a query means in a record: references by value, e-mails by address."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict):
        return value.get("value", value.get("Address"))
    return value


def _kind(path: str) -> str:
    if path.startswith("MetaData."):
        return "time"
    for kind, names in (("number", MONEY | NUMBERS), ("flag", BOOLEANS), ("date", DATES)):
        if path in names:
            return kind
    return "id" if path == "Id" else "text"


def _read_time(text: str, today: Day) -> datetime:
    # A "+" that was not escaped in the address arrives as a blank before the offset.
    moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip()))
    return moment if moment.tzinfo else moment.replace(tzinfo=today.zone)


def _read_date(text: str, today: Day) -> str:
    if text.lower() == "current_date":
        return today.now.date().isoformat()
    return date.fromisoformat(text.strip()[:10]).isoformat()


def _read_flag(text: str, today: Day) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise ValueError(text)
    return text.strip().lower() == "true"


_READERS: dict[str, Callable[[str, Day], Any]] = {
    "time": _read_time,
    "date": _read_date,
    "flag": _read_flag,
    "number": lambda text, today: Decimal(text),
    "text": lambda text, today: text.casefold(),
    "id": lambda text, today: text,
}


def _stored(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "time":
        return instant(str(value))
    if kind == "number":
        return Decimal(str(value))
    return value if kind == "flag" else str(value).casefold()


# ---- conditions


def _predicate(condition: Condition, entity: Entity, today: Day) -> Predicate:
    path = entity.filterable.get(condition.field.lower())
    if path is None:
        raise query_invalid(f"property '{condition.field}' is not queryable")
    kind = _kind(path)
    if kind == "id" and condition.operator not in ("=", "in"):
        raise query_invalid(f"operator '{condition.operator}' is not supported for property 'Id'")
    if condition.operator == "like":
        return _like(path, condition.values[0])
    wanted = [_wanted(kind, value, condition, today) for value in condition.values]
    return _comparison(path, kind, condition.operator, wanted)


def _wanted(kind: str, text: str, condition: Condition, today: Day) -> Any:
    try:
        if kind == "time" and text.lower() == "current_date":
            text = today.now.date().isoformat()
        return _READERS[kind](text, today)
    except (ValueError, InvalidOperation):
        raise query_invalid(
            f"value '{text}' is not valid for property '{condition.field}'"
        ) from None


def _like(path: str, pattern: str) -> Predicate:
    """`%` stands for any text; nothing else is special."""
    parts = (re.escape(part) for part in pattern.split("%"))
    shape = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)

    def test(record: Record) -> bool:
        value = value_at(record, path)
        return value is not None and shape.fullmatch(str(value)) is not None

    return test


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


def _comparison(path: str, kind: str, operator: str, wanted: list[Any]) -> Predicate:
    """A comparison; a record without the field never passes (as NULL in SQL)."""
    compare = _COMPARE.get(operator)

    def test(record: Record) -> bool:
        value = _stored(kind, value_at(record, path))
        if value is None:
            value = True if path == "Active" else None
        if value is None:
            return False
        return compare(value, wanted[0]) if compare else value in wanted

    return test


# ---- order


def _sorted(rows: Rows, order: tuple[Ordering, ...], entity: Entity) -> Rows:
    if not order:
        return _in_default_order(rows, entity)
    paths = [_sortable(ordering, entity) for ordering in order]
    keys = [_sort_key(path) for path in paths]
    if len({o.descending for o in order}) == 1 and rows.is_rising([*paths, "Id"]):
        keys.append(_sort_key("Id"))
        return rows.arranged(lambda r: [key(r) for key in keys], order[0].descending, rising=True)
    ordered = rows.arranged(_by_id, rising=rows.is_rising(["Id"]))
    for ordering, key in zip(reversed(order), reversed(keys), strict=True):
        ordered = ordered.arranged(key, ordering.descending)
    return ordered


def _sortable(ordering: Ordering, entity: Entity) -> str:
    path = entity.sortable.get(ordering.field.lower())
    if path is None:
        raise query_invalid(f"property '{ordering.field}' is not sortable")
    return path


def in_order_of_change(rows: Rows, newest_first: bool = False) -> Rows:
    """By LastUpdatedTime, then by id."""
    changed = _sort_key(CHANGED)
    rising = rows.is_rising([CHANGED, "Id"])
    return rows.arranged(lambda r: (changed(r), _by_id(r)), newest_first, rising)


def _in_default_order(rows: Rows, entity: Entity) -> Rows:
    """Names by their full name, capitals first; transactions newest change first (recorded)."""
    if entity.is_transaction:
        return in_order_of_change(rows, newest_first=True)
    return rows.arranged(lambda r: (_full_name(r), _by_id(r)))


def _full_name(record: Record) -> str:
    names = (record.get(n) for n in ("FullyQualifiedName", "DisplayName"))
    return next((str(name) for name in names if name), "")


def _by_id(record: Record) -> tuple[int, str]:
    text = str(record.get("Id", ""))
    return (int(text), "") if text.isdigit() else (0, text)


def _sort_key(path: str) -> Callable[[Record], tuple[bool, Any]]:
    """Records without the field come first, ascending."""
    kind = _kind(path)
    if kind == "id":
        return lambda record: (True, _by_id(record))

    def key(record: Record) -> tuple[bool, Any]:
        value = _stored(kind, value_at(record, path))
        return (value is not None, value if value is not None else 0)

    return key
