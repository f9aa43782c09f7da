"""The Salesforce objects that are read, and what an object looks like: its fields and their types.

An object's shape comes from its describe and is kept in the state, so that an incremental reading
need not wait for a describe before it asks.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipelines.clients.salesforce_soql import object_id, soql_text, soql_time
from pipelines.errors import Stop, Unavailable
from pipelines.extract import columns

# Deals, their lines, and who and what they are about: asked by query in every reading.
CORE = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "Product2",
    "PricebookEntry",
)
OBJECTS = (
    *CORE,
    "OpportunityHistory",
    "OpportunityContactRole",
    "Task",
    "OpportunityLineItemSchedule",
    "Quote",
    "QuoteLineItem",
    "Order",
    "OrderItem",
    "User",
    "Pricebook2",
    "CurrencyType",
    "DatedConversionRate",
)
# What an org may do without, and the feature that brings it; each other object must be there.
OPTIONAL: Mapping[str, str] = {
    "OpportunityContactRole": "contact roles on opportunities",
    "Task": "activities",
    "OpportunityLineItemSchedule": "product schedules",
    "Quote": "quotes",
    "QuoteLineItem": "quotes",
    "Order": "orders",
    "OrderItem": "orders",
    "CurrencyType": "several currencies",
    "DatedConversionRate": "dated exchange rates",
}
# What tells of a change, best first: history objects have a creation date only.
CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
# Derived by the vendor from other records or from activities, which moves no time stamp.
_DERIVED = frozenset({"LastActivityDate"})
_DERIVED_OF: Mapping[str, frozenset[str]] = {
    "OpportunityLineItem": frozenset({"Name", "ProductCode"}),
    "PricebookEntry": frozenset({"Name", "ProductCode"}),
    "OrderItem": frozenset({"ProductCode"}),
}
_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def table_name(api_name: str) -> str:
    """The raw table of an object: `OpportunityLineItem` is `opportunity_line_item`."""
    return _NAME.sub("_", api_name).lower()


@dataclass(frozen=True)
class Shape:
    """One object's readable fields with their types.

    `calculated` are the fields whose values may change while the cursor stands still: formulas,
    and where the cursor is the creation date every field. `replicateable` objects tell their
    changed ids without a query. `changed` is the Last-Modified of the describe, as it came.
    """

    name: str
    schema: pa.Schema
    calculated: tuple[str, ...] = ()
    replicateable: bool = False
    changed: str = ""

    @property
    def fields(self) -> list[str]:
        """The vendor's field names."""
        return columns.names(self.schema)

    @property
    def cursor(self) -> str | None:
        """The field that moves when a record changes, if there is one."""
        return next((name for name in CURSORS if name in self.schema.names), None)

    @property
    def keeps_deleted(self) -> bool:
        """Whether deleted records stay for a while, marked."""
        return "IsDeleted" in self.schema.names

    @property
    def signature(self) -> dict[str, str]:
        """Name and type of every field."""
        return columns.signature(self.schema)

    def soql(self, since: datetime | None = None, after: Sequence[str] = ()) -> str:
        """Every field, in the order of the cursor; `after` is where a walk was broken off: the
        last row's cursor and id."""
        where = " AND ".join(self._conditions(since, after))
        order = f"{self.cursor}, Id" if self.cursor else "Id"
        return f"{self.select(self.fields)}{' WHERE ' if where else ''}{where} ORDER BY {order}"

    def select(self, fields: Iterable[str]) -> str:
        """The beginning of a query for these fields."""
        return f"SELECT {', '.join(fields)} FROM {object_id(self.name)}"  # noqa: S608

    def bulk_soql(self, since: datetime | None = None) -> str:
        """The same rows in no order: sorting would keep the vendor from cutting the work up."""
        where = " AND ".join(self._conditions(since, ()))
        return f"{self.select(self.fields)}{' WHERE ' if where else ''}{where}"

    def _conditions(self, since: datetime | None, after: Sequence[str]) -> Iterable[str]:
        if since is not None and self.cursor:
            yield f"{self.cursor} >= {soql_time(since)}"
        if after and self.cursor and after[0]:
            at, key = soql_time(datetime.fromisoformat(after[0])), soql_text(after[1])
            yield f"({self.cursor} > {at} OR ({self.cursor} = {at} AND Id > {key}))"
        elif after:
            yield f"Id > {soql_text(after[1])}"

    def as_state(self) -> dict[str, Any]:
        """What is kept of it between readings."""
        return {
            "fields": self.signature,
            "calculated": list(self.calculated),
            "replicateable": self.replicateable,
            "changed": self.changed,
        }


def shape_of(name: str, describe: Any, changed: str = "") -> Shape:
    """The shape that a describe tells. Raises `Unavailable` when it is none."""
    if not isinstance(describe, Mapping) or not isinstance(describe.get("fields"), list):
        raise Unavailable("Salesforce", name, "the answer does not describe its fields")
    schema = columns.salesforce_schema(describe)
    plain = Shape(name, schema)
    readable = set(schema.names)
    still = plain.cursor == "CreatedDate"
    calculated = tuple(
        f["name"]
        for f in describe["fields"]
        if f["name"] in readable and f["name"] not in ("Id", plain.cursor)
        if f.get("calculated")
        or still
        or f["name"] in _DERIVED | _DERIVED_OF.get(name, frozenset())
    )
    return Shape(name, schema, calculated, bool(describe.get("replicateable")), changed)


def kept_shape(name: str, kept: Mapping[str, Any] | None) -> Shape | None:
    """The shape as `as_state` kept it, or None."""
    if not kept or not kept.get("fields") or "calculated" not in kept:
        return None
    schema = columns.schema_of(kept["fields"])
    return Shape(
        name,
        schema,
        tuple(kept["calculated"]),
        bool(kept.get("replicateable")),
        str(kept.get("changed", "")),
    )


def agreed(known: Shape | None, found: Shape) -> Shape:
    """The shape to read by, now that it may have changed. New fields are welcome, a field that
    went away is left out.

    Raises `Stop` when a field has another type, or when a field of the vendor's own is not seen
    any more: it cannot have been deleted, so a permission was taken away.
    """
    if known is None:
        return found
    schema = pa.schema([_agreed_field(found.name, known.schema, field) for field in found.schema])
    hidden = [
        name for name in known.fields if name not in found.schema.names and not _is_custom(name)
    ]
    if hidden:
        raise Stop(
            "Salesforce",
            f"{found.name}.{hidden[0]}",
            "the integration user does not see this field any more"
            + (f", nor {len(hidden) - 1} others" if hidden[1:] else ""),
            f"Give the integration user read access to {', '.join(hidden[:5])} of {found.name} "
            "(field-level security), then run again.",
        )
    return Shape(found.name, schema, found.calculated, found.replicateable, found.changed)


def _is_custom(name: str) -> bool:
    return name.endswith(("__c", "__pc"))


def _agreed_field(record: str, known: pa.Schema, field: pa.Field) -> pa.Field:
    """The field with the type it had, where that holds the new one."""
    at = known.get_field_index(field.name)
    if at < 0 or known.field(at).type == field.type:
        return field
    before = known.field(at).type
    are_decimals = pa.types.is_decimal(before) and pa.types.is_decimal(field.type)
    if are_decimals and before.scale >= field.type.scale:
        return pa.field(field.name, before, nullable=field.nullable)
    raise Stop(
        "Salesforce",
        f"{record}.{field.name}",
        f"the field's type was changed from {before} to {field.type}",
        "Take the change back, or delete the warehouse file and read everything again.",
    )


def missing(names: Sequence[str], extra: Sequence[str], known: Iterable[str] = ()) -> Stop:
    """The error for objects that must be there and are not; `known` are those that are."""
    first = names[0]
    asked = "it is named in the settings" if first in extra else "Crossfoot cannot do without it"
    return Stop(
        "Salesforce",
        first,
        f"the integration user does not see {' and '.join(names)}; {asked}",
        f"{meant(first, known)}Give the integration user read access to {', '.join(names)} (object "
        "permissions: Read and View All), or correct the name, then run again.",
    )


def meant(name: str, known: Iterable[str]) -> str:
    """`Did you mean Contract? ` or nothing."""
    lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    return f"Did you mean {lower[near[0]]}? " if near else ""
