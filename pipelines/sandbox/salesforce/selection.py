"""Evaluates a parsed query over the books: which rows, in which order, with which columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cmp_to_key, partial
from typing import Any

from pipelines.sandbox.rows import Made, Rows
from pipelines.sandbox.salesforce import periods
from pipelines.sandbox.salesforce.access import (
    IDS,
    Wanted,
    candidates,
    comparable,
    having,
    moment,
    span_of,
)
from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.refusals import Refusal, malformed_query
from pipelines.sandbox.salesforce.soql import (
    AGGREGATES,
    Both,
    Call,
    Column,
    Compare,
    Condition,
    Literal,
    Not,
    Query,
    Sort,
    SubQuery,
    parse,
)
from pipelines.sandbox.store import Record, Store, Table

MOST_OFFSET = 2000
MOST_GROUPS = 2000
Test = Callable[[Record], bool]
Value = Callable[[Record], Any]


@dataclass(frozen=True)
class Result:
    """The rows of a query, already as JSON records; `total` is the vendor's totalSize."""

    rows: Sequence[Record]
    total: int


class Selection:
    """Runs queries for one org at one moment."""

    def __init__(
        self, catalogue: Catalogue, store: Store, org_id: str, now: datetime, version: str
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._org = org_id
        self._now = now
        self._version = version

    def run(self, statement: str, include_deleted: bool = False) -> Result:
        """Raises `Refusal` with the vendor's code and words for anything it does not take."""
        query = parse(statement)
        return self._run(query, statement, include_deleted or query.all_rows)

    def _run(self, query: Query, statement: str, include_deleted: bool) -> Result:
        source = self._object(query.source, statement)
        if query.offset > MOST_OFFSET:
            raise Refusal(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MOST_OFFSET}"
            )
        one = _One(self, source, query, statement, include_deleted)
        if query.count_only:
            return Result([], len(one.found(query.limit)))
        if query.group_by or any(_is_aggregate(item) for item in query.select):
            return _windowed(_Groups(one).rows(), query)
        window = _windowed(one.ordered(), query)
        return Result(Made(window.rows, one.row_maker()), window.total)

    def _object(self, name: str, statement: str) -> SObject:
        found = self._catalogue.get(name)
        if found is None:
            raise Refusal(
                "INVALID_TYPE",
                f"{_place(statement, name)}sObject type '{name}' is not supported. If you are "
                "attempting to use a custom object, be sure to append the '__c' after the entity "
                "name. Please reference your WSDL or the describe call for the appropriate names.",
            )
        return found

    def table(self, name: str) -> Table:
        """All records of an object, deleted ones too."""
        return self._store.table(self._org, name)

    def get(self, name: str, record_id: str) -> Record | None:
        """One record by its id."""
        return self._store.table(self._org, name).get(record_id)

    def children(self, child: SObject, field: Field, parent_id: str) -> list[Record]:
        """The living children of a record."""
        found = having(self.table(child.name), field, parent_id)
        return [r for r in found if not r.get("IsDeleted")]

    def url(self, name: str, record_id: str) -> str:
        """The address in a record's `attributes`."""
        return f"/services/data/v{self._version}/sobjects/{name}/{record_id}"


@dataclass(frozen=True)
class _One:
    """One query over one object."""

    selection: Selection
    source: SObject
    query: Query
    statement: str
    include_deleted: bool

    def found(self, most: int | None = None) -> Rows:
        """The rows that meet the conditions; looking no further once there are `most`."""
        test = self._whole_test()
        return self._tested(self._candidates(), test, most)

    def _whole_test(self) -> Test | None:
        return self.test(self.query.where) if self.query.where else None

    def _candidates(self) -> Rows:
        table = self.selection.table(self.source.name)
        return candidates(table, self.wanted(self.query.where) if self.query.where else ())

    def _tested(self, rows: Rows, test: Test | None, most: int | None) -> Rows:
        rows = rows if self.include_deleted else rows.unless("IsDeleted")
        if test is None:
            return rows if most is None else rows[:most]
        return rows.kept(test, most)

    def ordered(self) -> Rows:
        """The rows in order, as many as the window needs where that is known beforehand."""
        test = self._whole_test()
        keys = [(self.sort_value(s), s) for s in self.query.order_by]
        most = None if self.query.limit is None else self.query.offset + self.query.limit
        rows = self._candidates()
        if not keys:
            return self._tested(rows, test, most)
        if rows.is_rising(self._sort_fields()) and len({s.descending for _, s in keys}) == 1:
            return self._tested(_arranged(rows, keys, rising=True), test, most)
        return _arranged(self._tested(rows, test, None), keys)

    def _sort_fields(self) -> list[str]:
        """The fields of ORDER BY; something that is no field never rises."""
        columns = [s.by for s in self.query.order_by]
        return [
            self.resolve(c.path)[0].name if isinstance(c, Column) and len(c.path) == 1 else ""
            for c in columns
        ]

    # ---- columns

    def resolve(self, path: Sequence[str]) -> tuple[Field, Value]:
        """The field at the end of a path, and how to read it from a record."""
        steps = list(path)
        if len(steps) > 1 and steps[0].lower() in {
            (self.query.alias or "").lower(), self.source.name.lower(),
        }:  # fmt: skip
            steps = steps[1:]
        return self._resolve(self.source, steps, ".".join(path))

    def _resolve(self, owner: SObject, steps: Sequence[str], text: str) -> tuple[Field, Value]:
        if len(steps) == 1:
            field = owner.field(steps[0])
            if field is None:
                raise self._no_column(steps[0], owner)
            if field.type == "address":
                return field, lambda r: compound(owner, field, r)
            return field, lambda r: r.get(field.name)
        reference = _relationship(owner, steps[0])
        if reference is None:
            raise Refusal(
                "INVALID_FIELD",
                f"{_place(self.statement, text)}Didn't understand relationship '{steps[0]}' in "
                "field path. If you are attempting to use a custom relationship, be sure to "
                "append the '__r' after the custom relationship name. Please reference your WSDL "
                "or the describe call for the appropriate names.",
            )
        parents = [self.selection._catalogue.get(n) for n in reference.refers_to]
        target = next(p for p in parents if p is not None)
        field, read = self._resolve(target, steps[1:], text)

        def through(record: Record) -> Any:
            parent_id = record.get(reference.name)
            parent = self.selection.get(target.name, parent_id) if parent_id else None
            return read(parent) if parent else None

        return field, through

    def _no_column(self, name: str, owner: SObject) -> Refusal:
        return Refusal(
            "INVALID_FIELD",
            f"{_place(self.statement, name)}No such column '{name}' on entity '{owner.name}'. If "
            "you are attempting to use a custom field, be sure to append the '__c' after the "
            "custom field name. Please reference your WSDL or the describe call for the "
            "appropriate names.",
        )

    def sort_value(self, sort: Sort) -> Value:
        if isinstance(sort.by, Call):
            return self.call_value(sort.by)
        field, value = self.resolve(sort.by.path)
        if not field.is_sortable:
            raise Refusal(
                "MALFORMED_QUERY",
                f"{_place(self.statement, sort.by.text)}field '{field.name}' can not be sorted in "
                "a query call",
            )
        return _folded(field, value)

    def call_value(self, call: Call) -> Value:
        """A date part, or one of the functions that only change how a value is shown."""
        _, value = self.resolve(call.path)
        part = _DATE_PARTS.get(call.name)
        if part is None:
            return value

        def of_moment(record: Record) -> Any:
            found = value(record)
            return part(moment(found)) if found else None

        return of_moment

    def row_maker(self) -> Callable[[Record], Record]:
        """How a record becomes a row of the answer, nested parents and children included."""
        names = self._plain_names()
        if names is not None:
            return self._plain_row_maker(names)
        writers = [w for item in self.query.select for w in self._writers(item)]

        def make(record: Record) -> Record:
            row: Record = {"attributes": self._attributes(self.source.name, record["Id"])}
            for write in writers:
                write(record, row)
            return row

        return make

    def _plain_names(self) -> list[str] | None:
        """The fields selected, when they are only stored fields of the object itself."""
        columns = [c for c in self.query.select if isinstance(c, Column) and len(c.path) == 1]
        fields = [self.resolve(c.path)[0] for c in columns]
        if len(fields) < len(self.query.select) or any(f.type == "address" for f in fields):
            return None
        return [f.name for f in fields]

    def _plain_row_maker(self, names: list[str]) -> Callable[[Record], Record]:
        kind, root = self.source.name, self.selection.url(self.source.name, "")

        def make(record: Record) -> Record:
            get = record.get
            row: Record = {"attributes": {"type": kind, "url": root + record["Id"]}}
            for name in names:
                row[name] = get(name)
            return row

        return make

    def _attributes(self, name: str, record_id: str) -> Record:
        return {"type": name, "url": self.selection.url(name, record_id)}

    def _writers(
        self, item: Column | Call | SubQuery
    ) -> Iterable[Callable[[Record, Record], None]]:
        if isinstance(item, SubQuery):
            yield self._sub_query(item.query)
        elif isinstance(item, Call) and item.name == "fields":
            for name in self._field_group(item.path[0].lower()):
                yield self._plain(Column((name,)))
        elif isinstance(item, Call):
            yield self._shown(item)
        elif len(item.path) == 1 or item.path[0].lower() in (
            (self.query.alias or "").lower(), self.source.name.lower(),
        ):  # fmt: skip
            yield self._plain(item)
        else:
            yield self._parent(item)

    def _plain(self, column: Column) -> Callable[[Record, Record], None]:
        field, value = self.resolve(column.path)

        def write(record: Record, row: Record) -> None:
            row[field.name] = value(record)

        return write

    def _shown(self, call: Call) -> Callable[[Record, Record], None]:
        value = self.call_value(call)
        name = call.alias or call.path[-1]

        def write(record: Record, row: Record) -> None:
            row[name] = value(record)

        return write

    def _parent(self, column: Column) -> Callable[[Record, Record], None]:
        self.resolve(column.path)

        def write(record: Record, row: Record) -> None:
            self._nest(self.source, column.path, record, row)

        return write

    def _nest(self, owner: SObject, path: Sequence[str], record: Record, row: Record) -> None:
        if len(path) == 1:
            field = owner.field(path[0])
            assert field is not None  # resolved before
            row[field.name] = record.get(field.name)
            return
        reference = _relationship(owner, path[0])
        assert reference is not None and reference.relationship is not None
        target = self.selection._catalogue.get(reference.refers_to[0])
        assert target is not None
        parent_id = record.get(reference.name)
        parent = self.selection.get(target.name, parent_id) if parent_id else None
        if parent is None:
            row.setdefault(reference.relationship, None)
            return
        nested = row.get(reference.relationship)
        if nested is None:
            nested = {"attributes": self._attributes(target.name, parent["Id"])}
            row[reference.relationship] = nested
        self._nest(target, path[1:], parent, nested)

    def _field_group(self, group: str) -> list[str]:
        """FIELDS(STANDARD), and ALL or CUSTOM with a limit of at most 200."""
        if group not in ("all", "standard", "custom"):
            raise malformed_query(f"unexpected token: '{group}'")
        if group != "standard" and (self.query.limit is None or self.query.limit > 200):
            raise malformed_query("The SOQL FIELDS function must have a LIMIT of at most 200")
        return [
            f.name
            for f in self.source.fields.values()
            if group == "all" or f.custom == (group == "custom")
        ]

    def _sub_query(self, query: Query) -> Callable[[Record, Record], None]:
        found = next(
            (
                (child, field)
                for child, field in self.selection._catalogue.children(self.source)
                if (field.children or "").lower() == query.source.lower()
            ),
            None,
        )
        if found is None:
            raise Refusal(
                "INVALID_TYPE",
                f"{_place(self.statement, query.source)}Didn't understand relationship "
                f"'{query.source}' in FROM part of query call. If you are attempting to use a "
                "custom relationship, be sure to append the '__r' after the custom relationship "
                "name. Please reference your WSDL or the describe call for the appropriate names.",
            )
        child, field = found
        inner = _One(self.selection, child, query, self.statement, self.include_deleted)
        make = inner.row_maker()
        test = inner.test(query.where) if query.where else None
        keys = [(inner.sort_value(s), s) for s in query.order_by]
        name = field.children or ""

        def write(record: Record, row: Record) -> None:
            rows = self.selection.children(child, field, record["Id"])
            kept = _sorted([r for r in rows if test is None or test(r)], keys)
            window = _windowed(kept, query)
            row[name] = (
                {"totalSize": window.total, "done": True, "records": [make(r) for r in window.rows]}
                if window.total
                else None
            )

        return write

    # ---- conditions

    def wanted(self, condition: Condition) -> Iterator[Wanted]:
        """What must hold of a field for the whole condition to hold."""
        if isinstance(condition, Both) and condition.joint == "and":
            for part in condition.parts:
                yield from self.wanted(part)
        elif isinstance(condition, Compare) and isinstance(condition.left, Column):
            field, _ = self.resolve(condition.left.path)
            found = self._bound(field, condition) if self._is_own(condition.left.path) else None
            if found is not None:
                yield found

    def _is_own(self, path: Sequence[str]) -> bool:
        return len(path) == 1

    def _bound(self, field: Field, compare: Compare) -> Wanted | None:
        right, operator = compare.right, compare.operator
        if isinstance(right, tuple) and operator == "in":
            constants = (comparable(field, self._constant(field, x)) for x in right)
            return Wanted(field, "in", tuple(constants))
        if not isinstance(right, Literal) or operator == "like":
            return None
        if right.kind == "period":
            word, count = right.value
            days = periods.span(word, count, self.selection._now.date())
            return span_of(field, operator, *days) if days is not None else None
        return Wanted(field, operator, (comparable(field, self._constant(field, right)),))

    def test(self, condition: Condition) -> Test:
        if isinstance(condition, Not):
            inner = self.test(condition.inner)
            return lambda r: not inner(r)
        if isinstance(condition, Both):
            parts = [self.test(p) for p in condition.parts]
            if condition.joint == "and":
                return lambda r: all(p(r) for p in parts)
            return lambda r: any(p(r) for p in parts)
        return self._comparison(condition)

    def _comparison(self, compare: Compare) -> Test:
        if isinstance(compare.left, Call):
            if compare.left.name in AGGREGATES:
                raise malformed_query("Grouped field should not be used in WHERE")
            value = self.call_value(compare.left)
            field = Field(compare.left.name, "", "int")
        else:
            field, value = self.resolve(compare.left.path)
            if not field.is_filterable:
                raise Refusal(
                    "INVALID_FIELD",
                    f"{_place(self.statement, compare.left.text)}field '{field.name}' can not be "
                    "filtered in a query call",
                )
        if isinstance(compare.right, Query):
            return _membership(value, self._semi_join(compare.right), compare.operator, field)
        if isinstance(compare.right, tuple):
            if compare.operator in ("includes", "excludes"):
                return _choices(value, compare)
            wanted = {comparable(field, self._constant(field, x)) for x in compare.right}
            return _membership(value, wanted, compare.operator, field)
        return self._single(field, value, compare.operator, compare.right)

    def _semi_join(self, query: Query) -> set[Any]:
        if len(query.select) != 1 or not isinstance(query.select[0], Column):
            raise malformed_query("semi join sub-selects can only query one field")
        source = self.selection._object(query.source, self.statement)
        inner = _One(self.selection, source, query, self.statement, False)
        field, value = inner.resolve(query.select[0].path)
        return {comparable(field, value(r)) for r in inner.found()} - {None}

    def _single(self, field: Field, value: Value, operator: str, right: Literal) -> Test:
        if right.kind == "period":
            return self._in_period(field, value, operator, right)
        if operator == "like":
            return _like(value, right)
        constant = comparable(field, self._constant(field, right))
        return lambda r: _holds(comparable(field, value(r)), operator, constant)

    def _constant(self, field: Field, right: Literal) -> Any:
        """The literal as a value of the field's type. Raises `Refusal` when it is of another."""
        if right.kind == "null":
            return None
        kinds = _LITERALS.get(field.type, ("string",))
        if right.kind not in kinds:
            quoted = right.kind == "string"
            raise Refusal(
                "INVALID_FIELD",
                f"{_place(self.statement, field.name)}value of filter criterion for field "
                f"'{field.name}' must be of type {_TYPE_WORDS.get(field.type, field.type)} and "
                f"should {'not ' if quoted else ''}be enclosed in quotes",
            )
        return right.value

    def _in_period(self, field: Field, value: Value, operator: str, right: Literal) -> Test:
        word, count = right.value
        days = periods.span(word, count, self.selection._now.date())
        if days is None or field.type not in ("date", "datetime"):
            raise malformed_query(f"unexpected token: '{word}'")
        first, after = days

        def day(record: Record) -> date | None:
            found = value(record)
            return moment(found).date() if found else None

        tests: dict[str, Callable[[date], bool]] = {
            "=": lambda d: first <= d < after,
            "!=": lambda d: not first <= d < after,
            "<": lambda d: d < first,
            "<=": lambda d: d < after,
            ">": lambda d: d >= after,
            ">=": lambda d: d >= first,
        }
        test = tests[operator]
        return lambda r: (d := day(r)) is not None and test(d)


class _Groups:
    """A query with aggregates: one row per group."""

    def __init__(self, one: _One) -> None:
        self._one = one
        self._query = one.query
        self._keys = [self._key_value(k) for k in self._query.group_by]

    def _key_value(self, key: Column | Call) -> Value:
        if isinstance(key, Call):
            return self._one.call_value(key)
        return self._one.resolve(key.path)[1]

    def rows(self) -> list[Record]:
        found = self._one.found()
        members = [found]
        if self._query.group_by:
            members = found.grouped(lambda record: tuple(k(record) for k in self._keys))
        if len(members) > MOST_GROUPS:
            raise Refusal("EXCEEDED_ID_LIMIT", "Aggregate query does not support queryMore()")
        if self._query.having is not None:
            members = [m for m in members if self._having(self._query.having, m)]
        members = self._ordered(members)
        return [self._row(m) for m in members]

    def _row(self, members: Rows) -> Record:
        row: Record = {"attributes": {"type": "AggregateResult"}}
        unnamed = 0
        for item in self._query.select:
            if isinstance(item, SubQuery):
                raise malformed_query("nesting of sub-queries in aggregates is not allowed")
            name = item.alias
            if name is None and isinstance(item, Call):
                name, unnamed = f"expr{unnamed}", unnamed + 1
            row[name or item.path[-1]] = self._value(item, members)
        return row

    def _value(self, item: Column | Call, members: Rows) -> Any:
        if isinstance(item, Call) and item.name in AGGREGATES:
            if item.name == "count" and not item.path:
                return len(members)
            field, value = self._one.resolve(item.path)
            if item.name == "count" and not field.nillable:
                return len(members)
            found = [v for v in (value(m) for m in members) if v is not None]
            return _aggregate(item.name, field, found)
        if item.path not in [k.path for k in self._query.group_by]:
            raise malformed_query(f"Field must be grouped or aggregated: {'.'.join(item.path)}")
        value = self._key_value(item)
        return value(members[0]) if members else None

    def _having(self, condition: Condition, members: Rows) -> bool:
        if isinstance(condition, Not):
            return not self._having(condition.inner, members)
        if isinstance(condition, Both):
            outcomes = (self._having(p, members) for p in condition.parts)
            return all(outcomes) if condition.joint == "and" else any(outcomes)
        if not isinstance(condition.right, Literal):
            raise malformed_query("HAVING compares with single values")
        left = self._value(condition.left, members)
        return _holds(left, condition.operator, condition.right.value)

    def _ordered(self, groups: list[Rows]) -> list[Rows]:
        for sort in reversed(self._query.order_by):
            groups = _sorted(groups, [(partial(self._sort_value, sort.by), sort)])
        return groups

    def _sort_value(self, by: Column | Call, members: Rows) -> Any:
        value = self._value(by, members)
        return value.lower() if isinstance(value, str) else value


def _is_aggregate(item: Column | Call | SubQuery) -> bool:
    return isinstance(item, Call) and item.name in AGGREGATES


def _aggregate(name: str, field: Field, found: list[Any]) -> Any:
    if name == "count":
        return len(found)
    if name == "count_distinct":
        return len({comparable(field, v) for v in found})
    if not found:
        return None
    if name in ("sum", "avg"):
        total = sum((Decimal(v) for v in found), Decimal(0))
        return total if name == "sum" else total / len(found)
    return (min if name == "min" else max)(found, key=lambda v: comparable(field, v))


def _windowed(rows: Sequence[Any], query: Query) -> Result:
    kept = rows[query.offset :]
    kept = kept if query.limit is None else kept[: query.limit]
    return Result(kept, len(kept))


def _relationship(owner: SObject, name: str) -> Field | None:
    return next(
        (
            f
            for f in owner.fields.values()
            if f.relationship and f.relationship.lower() == name.lower()
        ),
        None,
    )


def compound(owner: SObject, field: Field, record: Record) -> Record | None:
    """An address as the API shows it: an object of its parts, null when all are empty."""
    parts = {
        f.name.removeprefix(field.name.removesuffix("Address")): record.get(f.name)
        for f in owner.fields.values()
        if f.compound == field.name
    }
    if all(v is None for v in parts.values()):
        return None
    return {name[0].lower() + name[1:]: value for name, value in parts.items()}


# ---- values


_LITERALS: dict[str, tuple[str, ...]] = {
    "boolean": ("boolean",), "date": ("date",), "datetime": ("moment",),
    **dict.fromkeys(NUMERIC, ("number",)),
}  # fmt: skip
_TYPE_WORDS = {"datetime": "dateTime", "currency": "double", "percent": "double"}
_DATE_PARTS: dict[str, Callable[[datetime], Any]] = {
    "calendar_year": lambda m: m.year,
    "fiscal_year": lambda m: m.year,
    "calendar_month": lambda m: m.month,
    "fiscal_month": lambda m: m.month,
    "calendar_quarter": lambda m: (m.month - 1) // 3 + 1,
    "fiscal_quarter": lambda m: (m.month - 1) // 3 + 1,
    "day_in_month": lambda m: m.day,
    "day_in_week": lambda m: m.isoweekday() % 7 + 1,
    "day_in_year": lambda m: m.timetuple().tm_yday,
    "day_only": lambda m: m.date().isoformat(),
    "hour_in_day": lambda m: m.hour,
    "week_in_month": lambda m: (m.day - 1) // 7 + 1,
    "week_in_year": lambda m: (m.timetuple().tm_yday - 1) // 7 + 1,
}


def _holds(left: Any, operator: str, right: Any) -> bool:
    if operator == "=":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    if left is None or right is None:
        return False
    if operator == "<":
        return bool(left < right)
    if operator == "<=":
        return bool(left <= right)
    return bool(left > right) if operator == ">" else bool(left >= right)


def _membership(value: Value, wanted: set[Any], operator: str, field: Field) -> Test:
    if operator == "in":
        return lambda r: comparable(field, value(r)) in wanted
    return lambda r: comparable(field, value(r)) not in wanted


def _choices(value: Value, compare: Compare) -> Test:
    assert isinstance(compare.right, tuple)
    wanted = [{p.lower() for p in str(x.value).split(";")} for x in compare.right]

    def includes(record: Record) -> bool:
        held = {p.lower() for p in str(value(record) or "").split(";")}
        return any(choice <= held for choice in wanted)

    if compare.operator == "includes":
        return includes
    return lambda r: not includes(r)


def _like(value: Value, right: Literal) -> Test:
    if right.kind != "string":
        raise malformed_query("LIKE takes a string")
    pattern = re.compile(
        "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in right.value),
        re.IGNORECASE | re.DOTALL,
    )
    return lambda r: (v := value(r)) is not None and pattern.fullmatch(str(v)) is not None


def _sorted(rows: list[Any], keys: Sequence[tuple[Value, Sort]]) -> list[Any]:
    """Stable, by each key; nulls first unless NULLS LAST, whatever the direction."""

    def compare(a: Any, b: Any) -> int:
        for value, sort in keys:
            x, y = value(a), value(b)
            if x is None or y is None:
                if (x is None) != (y is None):
                    first = -1 if x is None else 1
                    return -first if sort.nulls_last else first
                continue
            if x != y:
                return (1 if x > y else -1) * (-1 if sort.descending else 1)
        return 0

    return sorted(rows, key=cmp_to_key(compare)) if keys else list(rows)


def _arranged(rows: Rows, keys: Sequence[tuple[Value, Sort]], rising: bool = False) -> Rows:
    """As `_sorted`; only one direction at a time, and what rises is not looked at."""
    if len({sort.descending for _, sort in keys}) > 1:
        for one in reversed(keys):
            rows = _arranged(rows, [one])
        return rows

    def key(record: Record) -> tuple[tuple[bool, Any], ...]:
        return tuple(_ranked(value(record), sort) for value, sort in keys)

    return rows.arranged(key, keys[0][1].descending, rising)


def _ranked(value: Any, sort: Sort) -> tuple[bool, Any]:
    """A value as it is sorted: nulls first unless NULLS LAST, whatever the direction."""
    if value is None:
        return (sort.nulls_last != sort.descending, 0)
    return (sort.nulls_last == sort.descending, value)


def _folded(field: Field, value: Value) -> Value:
    """A field as it is sorted: text without case; ids as they are, as they are compared."""
    if field.type in IDS:
        return value

    def folded(record: Record) -> Any:
        found = value(record)
        return found.lower() if isinstance(found, str) else found

    return folded


def _place(statement: str, word: str) -> str:
    """The vendor's picture of where in the statement the trouble is."""
    at = statement.lower().find(word.lower())
    if at < 0:
        return ""
    line = " ".join(statement.split("\n"))[max(0, at - 30) : at + 40]
    column = min(at, 30)
    return f"\n{line}\n{' ' * column}^\nERROR at Row:1:Column:{at + 1}\n"
