"""The select list: how a record becomes a row of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipelines.sandbox.rows import Made
from pipelines.sandbox.salesforce.access import having
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.refusals import malformed_query
from pipelines.sandbox.salesforce.soql import listings, refused
from pipelines.sandbox.salesforce.soql.names import NAME, Scope, compound, duplicate, name_of
from pipelines.sandbox.salesforce.soql.order import child_rows
from pipelines.sandbox.salesforce.soql.shown import shown
from pipelines.sandbox.salesforce.soql.tree import (
    Branch,
    Call,
    Column,
    FieldGroup,
    Query,
    SubQuery,
    TypeOf,
)
from pipelines.sandbox.store import Record

MOST_FIELDS_LIMIT = 200
MOST_NESTED = 4
NESTED_SINCE = 58.0
RowMaker = Callable[[Record], Record]
# The queried record, the record of this level, the row of this level.
Writer = Callable[[Record, Record, Record], None]


def row_maker(scope: Scope) -> RowMaker:
    """How a record becomes a row, nested parents and children included.

    Raises:
        Refusal: something selected is not there, or not selected like that.
    """
    level = _Level(scope, scope.source)
    for item in scope.query.select:
        _add(scope, level, item)
    return _plain_maker(scope, level) or _nested_maker(scope, level)


def _add(scope: Scope, level: _Level, item: Any) -> None:
    if isinstance(item, Column):
        if item.alias is not None:
            raise refused.malformed(
                scope.statement, item.at, "only aggregate expressions use field aliasing"
            )
        level.add(scope.steps(item.path), item)
    elif isinstance(item, Call):
        _add_call(scope, level, item)
    elif isinstance(item, FieldGroup):
        for name in field_group(scope, item):
            level.add((name,), Column((name,), at=item.at))
    elif isinstance(item, TypeOf):
        level.add_made(_type_of(scope, item))
    elif isinstance(item, SubQuery):
        level.add_made(_children(scope, item.query))


def _add_call(scope: Scope, level: _Level, call: Call) -> None:
    _, value = shown(scope, call)
    column = call.column
    assert column is not None  # only COUNT() has none, and that is an aggregate
    if call.alias is None:
        level.add(scope.steps(column.path), column, value)
    else:
        name = call.alias
        level.add_made((name, lambda top, held, row: row.__setitem__(name, value(top))))


def field_group(scope: Scope, group: FieldGroup) -> list[str]:
    """FIELDS(STANDARD), and ALL or CUSTOM with a limit of at most 200."""
    limit = scope.query.limit
    if group.name != "standard" and (limit is None or limit > MOST_FIELDS_LIMIT):
        raise malformed_query("The SOQL FIELDS function must have a LIMIT of at most 200")
    return [
        f.name
        for f in scope.source.fields.values()
        if group.name == "all" or f.custom == (group.name == "custom")
    ]


class _Level:
    """What is selected of one object: its fields, and its parents, each a level again."""

    def __init__(self, scope: Scope, owner: SObject, reference: Field | None = None) -> None:
        self.scope = scope
        self.owner = owner
        self.reference = reference
        self.plain: list[str] = []
        self.items: dict[str, _Level | Writer] = {}
        self.is_plain = True

    def add(
        self, steps: Sequence[str], column: Column, value: Callable[[Record], Any] | None = None
    ) -> None:
        """One field by its path; `value` reads it from the queried record in its own way."""
        scope = self.scope
        if len(steps) > 1:
            self._parent(steps[0], column.at).add(steps[1:], column, value)
            return
        field = self.owner.field(steps[0])
        if field is None:
            raise refused.no_column(scope.statement, column.at, steps[0], self.owner.name)
        if field.name in self.items:
            raise duplicate(column.text)
        self.plain.append(field.name)
        self.is_plain &= value is None and field.type not in _MADE and not field.formula
        self.items[field.name] = _writer(scope, self.owner, field, value)

    def add_made(self, made: tuple[str, Writer]) -> None:
        """Something that is no field of this level under its own name."""
        name, writer = made
        if name in self.items:
            raise duplicate(name)
        self.is_plain = False
        self.items[name] = writer

    def _parent(self, relationship: str, at: int) -> _Level:
        reference = self.scope.reference(self.owner, relationship, at)
        name = reference.relationship or relationship
        found = self.items.get(name)
        if not isinstance(found, _Level):
            owner, _ = self.scope.through(reference, lambda r: r)
            found = self.items[name] = _Level(self.scope, owner, reference)
            self.is_plain = False
        return found

    def writers(self) -> Iterator[Writer]:
        """How each item comes into the row, in the order of the select list."""
        for name, item in self.items.items():
            yield item if not isinstance(item, _Level) else item.as_parent(name)

    def as_parent(self, name: str) -> Writer:
        """This level as an object within its child's row; null when there is no parent."""
        writers, scope = list(self.writers()), self.scope
        assert self.reference is not None
        key = self.reference.name
        of_many = self.owner is NAME
        kind = self.owner.name
        table = None if of_many else scope.books.table(kind)

        def write(top: Record, held: Record, row: Record) -> None:
            row[name] = None
            record = table.get(held.get(key) or "") if table is not None else None
            source = kind
            if of_many:
                found = scope.parent_of_any_kind(held.get(key))
                if found is None:
                    return
                source = found[0].name
                record = {**found[1], "Type": source, "Name": name_of(*found)}
            if record is None:
                return
            nested: Record = {"attributes": _attributes(scope, kind, source, record["Id"])}
            for one in writers:
                one(top, record, nested)
            row[name] = nested

        return write


def _attributes(scope: Scope, kind: str, source: str, record_id: str) -> Record:
    return {"type": kind, "url": scope.books.url(source, record_id)}


# Types of field that a row does not show as they are stored.
_MADE = ("address", "base64")


def _writer(
    scope: Scope, owner: SObject, field: Field, value: Callable[[Record], Any] | None
) -> Writer:
    name = field.name
    if value is not None:
        return lambda top, held, row: row.__setitem__(name, value(top))
    computed = scope.books.computed(owner, field)
    if computed is not None:
        return lambda top, held, row: row.__setitem__(name, computed(held))
    if field.type == "address":
        return lambda top, held, row: row.__setitem__(name, compound(owner, field, held))
    if field.type == "base64":  # told by its address, where its bytes are
        root = scope.books.url(owner.name, "")
        return lambda top, held, row: row.__setitem__(
            name, None if held.get(name) is None else f"{root}{held['Id']}/{name}"
        )
    return lambda top, held, row: row.__setitem__(name, held.get(name))


def _plain_maker(scope: Scope, level: _Level) -> RowMaker | None:
    """When only stored fields of the object itself are selected: the quick way."""
    if not level.is_plain:
        return None
    kind, root, names = scope.source.name, scope.books.url(scope.source.name, ""), level.plain

    def make(record: Record) -> Record:
        get = record.get
        row: Record = {"attributes": {"type": kind, "url": root + record["Id"]}}
        for name in names:
            row[name] = get(name)
        return row

    return make


def _nested_maker(scope: Scope, level: _Level) -> RowMaker:
    kind, root, writers = scope.source.name, scope.books.url(scope.source.name, ""), []
    writers = list(level.writers())

    def make(record: Record) -> Record:
        row: Record = {"attributes": {"type": kind, "url": root + record["Id"]}}
        for write in writers:
            write(record, record, row)
        return row

    return make


# ---- kinds of parents


def _type_of(scope: Scope, type_of: TypeOf) -> tuple[str, Writer]:
    path = type_of.relationship.path
    steps = scope.steps(path)
    reference = scope.reference(scope.source, steps[-1], type_of.relationship.at)
    if len(steps) > 1 or len(reference.refers_to) < 2:
        raise refused.malformed(
            scope.statement, type_of.relationship.at,
            f"Cannot use TYPEOF with the non-polymorphic relationship '{path[-1]}'",
        )  # fmt: skip
    makers = dict(_branch(scope, reference, branch) for branch in type_of.branches)
    otherwise = _parent_maker(scope, NAME, type_of.otherwise) if type_of.otherwise else None
    name, key = reference.relationship or path[-1], reference.name

    def write(top: Record, held: Record, row: Record) -> None:
        found = scope.parent_of_any_kind(held.get(key))
        make = makers.get(found[0].name, otherwise) if found else None
        row[name] = make(*found) if make and found else None

    return name, write


_ParentMaker = Callable[[SObject, Record], Record]


def _branch(scope: Scope, reference: Field, branch: Branch) -> tuple[str, _ParentMaker]:
    owner = scope.books.catalogue.get(branch.source)
    if owner is None or owner.name not in reference.refers_to:
        raise refused.no_object(scope.statement, branch.at, branch.source)
    return owner.name, _parent_maker(scope, owner, branch.columns)


def _parent_maker(scope: Scope, owner: SObject, columns: Sequence[Column]) -> _ParentMaker:
    level = _Level(scope, owner)
    for column in columns:
        level.add(column.path, column)
    writers = list(level.writers())

    def make(sobject: SObject, record: Record) -> Record:
        held = record
        if owner is NAME:
            held = {**record, "Type": sobject.name, "Name": name_of(sobject, record)}
        row: Record = {"attributes": _attributes(scope, sobject.name, sobject.name, record["Id"])}
        for write in writers:
            write(held, held, row)
        return row

    return make


# ---- children


def _children(scope: Scope, query: Query) -> tuple[str, Writer]:
    inner, name = child_scope(scope, query)
    _, field = _relationship(scope, query)
    listings.refuse_unlike(scope, inner)
    make = row_maker(inner)
    table = scope.books.table(inner.source.name)
    listed = listings.children_of(scope.books, inner.source, field)
    rows_of = child_rows(inner, listed or (lambda parent_id: having(table, field, parent_id)))

    def write(top: Record, held: Record, row: Record) -> None:
        found = rows_of(held["Id"])
        row[name] = _page(scope, Made(found, make)) if found else None

    return name, write


def child_scope(scope: Scope, query: Query) -> tuple[Scope, str]:
    """A sub-query as a query over the children, and the relationship's name.

    Raises:
        Refusal: there is no such relationship, or it is nested too deep.
    """
    child, field = _relationship(scope, query)
    inner = replace(scope, source=child, query=query, depth=scope.depth + 1)
    _refuse_depth(inner)
    if query.offset and scope.query.limit != 1:
        raise refused.malformed(
            scope.statement,
            query.at,
            "OFFSET can only be used in a sub-query when the parent query has LIMIT 1",
        )
    return inner, field.children or ""


def is_wide(scope: Scope) -> bool:
    """Whether two custom long texts or more are selected."""
    names = [c.path[0] for c in scope.query.select if isinstance(c, Column) and len(c.path) == 1]
    fields = [f for name in names if (f := scope.source.field(name)) is not None]
    return sum(f.custom and f.is_long_text for f in fields) > 1


def _page(scope: Scope, rows: Sequence[Record]) -> Record:
    books = scope.books
    if len(rows) <= books.page or books.keep is None:
        return {"totalSize": len(rows), "done": True, "records": list(rows)}
    return {
        "totalSize": len(rows),
        "done": False,
        "nextRecordsUrl": f"/services/data/v{books.version}/query/{books.keep(rows)}-{books.page}",
        "records": list(rows[: books.page]),
    }


def _relationship(scope: Scope, query: Query) -> tuple[SObject, Field]:
    prefix, _, wanted = query.source.lower().rpartition(".")
    if not prefix or prefix in scope.aliases:
        for child, field in scope.books.catalogue.children(scope.source):
            if (field.children or "").lower() == wanted:
                return child, field
    raise refused.no_children(scope.statement, query.at, query.source)


def _refuse_depth(inner: Scope) -> None:
    query = inner.query
    most = MOST_NESTED if float(inner.books.version) >= NESTED_SINCE else 1
    if inner.depth > most:
        raise refused.malformed(
            inner.statement, query.at,
            f"Nesting of parent-child sub-queries is limited to {most} in this version",
        )  # fmt: skip
    if query.grouping or query.count_only:
        raise refused.malformed(
            inner.statement, query.at, "Aggregate functions are not allowed in sub-queries"
        )
