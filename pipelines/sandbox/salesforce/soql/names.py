"""Paths of a statement bound to objects and fields, and read from records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.formulas.computed import reader
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.tree import Column, Query
from pipelines.sandbox.store import Record, Store, Table

MOST_LEVELS = 5
Value = Callable[[Record], Any]
Holder = Callable[[Record], Record | None]


def _name_fields() -> dict[str, Field]:
    """What every kind of parent has, seen through a relationship to several kinds."""
    texts = ("Name", "Type", "FirstName", "LastName", "Alias", "Title", "Phone", "Email",
             "Username", "UserType")  # fmt: skip
    found = [
        Field("Id", "ID", "id", length=18, nillable=False),
        *(Field(name, name, "string", length=255) for name in texts),
        Field("IsActive", "Active", "boolean"),
        *(Field(name, name, "reference", length=18) for name in ("ProfileId", "UserRoleId")),
    ]
    return {one.key: one for one in found}


NAME = SObject("Name", "Name", "Names", "", _name_fields(), writable=False, keeps_deleted=False)


@dataclass(frozen=True)
class Books:
    """The org's records as a query sees them at one moment.

    Attributes:
        user: who asks: the zone of date literals, the currency of convertCurrency().
        keep: opens a locator for rows that do not fit into their page.
        page: the most rows in one page.
        everything: all objects of the org, also what the user may not see; formulas look at them.
        sees_all: the user may view all data.
    """

    catalogue: Catalogue
    store: Store
    org_id: str
    now: datetime
    version: str
    user: Mapping[str, Any]
    keep: Callable[[Sequence[Record]], str] | None = None
    page: int = 2000
    everything: Mapping[str, SObject] | None = None
    sees_all: bool = True

    def computed(self, owner: SObject, one: Field) -> Value | None:
        """How a formula field is read; None for a field that is stored."""
        if not one.formula:
            return None
        whole = self.everything or self.catalogue.objects
        return reader(whole, whole.get(owner.name.lower(), owner), one, self.scene)

    def scene(self, record: Record) -> Scene:
        """A record as a formula sees it."""
        today = self.now.astimezone(self.zone).date()
        return Scene(record, lambda name, key: self.table(name).get(key), self.now, today)

    @cached_property
    def zone(self) -> tzinfo:
        """The user's time zone."""
        try:
            return ZoneInfo(str(self.user.get("TimeZoneSidKey") or "UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            return UTC

    def table(self, name: str) -> Table:
        """All records of an object, deleted ones too."""
        return self.store.table(self.org_id, name)

    def url(self, name: str, record_id: str) -> str:
        """The address in a record's `attributes`."""
        return f"/services/data/v{self.version}/sobjects/{name}/{record_id}"


@dataclass(frozen=True)
class Found:
    """A field at the end of a path.

    Attributes:
        holder: the record that holds it, from a record of the queried object.
        own: it is the queried object's own field.
        computed: how to read it from its holder, where it is a formula.
    """

    field: Field
    owner: SObject
    holder: Holder
    own: bool
    computed: Value | None = None

    @property
    def value(self) -> Value:
        """How to read it; null when the path leads nowhere."""
        name, holder, computed = self.field.name, self.holder, self.computed
        if computed is not None:
            return lambda r: computed(held) if (held := holder(r)) is not None else None
        if self.field.type == "address":
            owner, whole = self.owner, self.field
            return lambda r: compound(owner, whole, held) if (held := holder(r)) else None
        if self.own:
            return lambda r: r.get(name)
        return lambda r: held.get(name) if (held := holder(r)) is not None else None


@dataclass(frozen=True)
class Scope:
    """One query over one object: what its names mean."""

    books: Books
    source: SObject
    query: Query
    statement: str
    include_deleted: bool = False
    depth: int = 0
    aliases: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        names = {self.source.name.lower(), (self.query.alias or self.source.name).lower()}
        object.__setattr__(self, "aliases", frozenset(names))

    def steps(self, path: Sequence[str]) -> tuple[str, ...]:
        """The path from the queried object: without its name, names of FROM replaced."""
        given = dict(self._relations)
        head = path[0].lower()
        if len(path) > 1 and head in given:
            return self.steps((*given[head], *path[1:]))
        return tuple(path[1:]) if len(path) > 1 and head in self.aliases else tuple(path)

    @cached_property
    def _relations(self) -> dict[str, tuple[str, ...]]:
        return {alias.lower(): path for alias, path in self.query.relations}

    def find(self, column: Column) -> Found:
        """The field a path means.

        Raises:
            Refusal: INVALID_FIELD, a relationship or the field is not there.
        """
        owner, own = self.source, True
        holder: Holder = _itself
        steps = self.steps(column.path)
        if len(steps) > MOST_LEVELS + 1:
            raise refused.malformed(
                self.statement, column.at,
                "The relationship path is longer than the maximum of 5 levels",
            )  # fmt: skip
        for step in steps[:-1]:
            reference = self.reference(owner, step, column.at)
            owner, holder = self.through(reference, holder)
            own = False
        one = owner.field(steps[-1])
        if one is None:
            raise refused.no_column(self.statement, column.at, steps[-1], owner.name)
        return Found(one, owner, holder, own, self.books.computed(owner, one))

    def reference(self, owner: SObject, relationship: str, at: int) -> Field:
        """The reference behind a relationship's name."""
        wanted = relationship.lower()
        for one in owner.fields.values():
            if one.relationship and one.relationship.lower() == wanted:
                if self._is_hidden(one):
                    break
                return one
        raise refused.no_parent(self.statement, at, relationship)

    def _is_hidden(self, reference: Field) -> bool:
        """Whether a relationship leads to the one object, and the user may not see that."""
        names = [name.lower() for name in reference.refers_to]
        whole = self.books.everything or {}
        return len(names) == 1 and names[0] in whole and not self.books.catalogue.get(names[0])

    def through(self, reference: Field, holder: Holder) -> tuple[SObject, Holder]:
        """The object at the other end, and how to come to its record."""
        name, catalogue = reference.name, self.books.catalogue
        targets = [t for n in reference.refers_to if (t := catalogue.get(n)) is not None]
        if len(reference.refers_to) == 1 and targets:
            table = self.books.table(targets[0].name)

            def parent(record: Record) -> Record | None:
                held = holder(record)
                key = held.get(name) if held is not None else None
                return table.get(key) if key else None

            return targets[0], parent

        def any_parent(record: Record) -> Record | None:
            held = holder(record)
            found = self.parent_of_any_kind(held.get(name)) if held is not None else None
            return _named(*found) if found else None

        return NAME, any_parent

    def parent_of_any_kind(self, key: str | None) -> tuple[SObject, Record] | None:
        """The record of an id and its object."""
        target = self.books.catalogue.of_id(key) if key else None
        record = self.books.table(target.name).get(key) if target and key else None
        return (target, record) if target and record is not None else None


def _itself(record: Record) -> Record:
    return record


def _named(sobject: SObject, record: Record) -> Record:
    return {**{one.name: record.get(one.name) for one in NAME.fields.values()},
            "Type": sobject.name, "Name": name_of(sobject, record)}  # fmt: skip


def name_of(sobject: SObject, record: Record) -> Any:
    """A record's name, whatever field its object keeps it in."""
    one = next((f for f in sobject.fields.values() if f.name_field), None)
    return record.get(one.name if one else "Name")


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


def queried(books: Books, query: Query, statement: str) -> SObject:
    """The object of FROM.

    Raises:
        Refusal: INVALID_TYPE, there is none of that name.
    """
    found = books.catalogue.get(query.source)
    if found is None:
        raise refused.no_object(statement, query.at, query.source)
    if not found.queryable:
        raise Refusal(
            "INVALID_TYPE_FOR_OPERATION", f"entity type {found.name} does not support query"
        )
    return found


def duplicate(name: str) -> Refusal:
    """A field is selected twice."""
    return Refusal("INVALID_FIELD", f"duplicate field selected: {name}")
