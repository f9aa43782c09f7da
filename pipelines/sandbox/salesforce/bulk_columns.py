"""What a bulk query may select, and its columns read from the rows of an ordinary query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines.sandbox.salesforce.csv_rows import text_of
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.soql.groups import is_grouped
from pipelines.sandbox.salesforce.soql.names import Scope
from pipelines.sandbox.salesforce.soql.tree import Call, Column, FieldGroup, SubQuery, TypeOf

_COMPOUND = ("address", "location")
# Objects the vendor has but does not serve in bulk (Airbyte keeps the same list).
_REST_ONLY = frozenset(
    {"casestatus", "contractstatus", "declinedeventrelation", "acceptedeventrelation",
     "undecidedeventrelation", "fieldsecurityclassification", "knowledgearticle", "orderstatus",
     "partnerrole", "recentlyviewed", "servicechannelstatusfield", "solutionstatus",
     "taskpriority", "taskstatus", "workorderlineitemstatus", "workorderstatus",
     "entitydefinition", "fielddefinition"}
)  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """One column: its name as the query writes it, where a row holds it, and its type."""

    text: str
    path: tuple[str, ...]
    type: str


def headings(scope: Scope) -> tuple[Heading, ...]:
    """The columns of a bulk query.

    Raises:
        Refusal: it asks for what is not there, or for what the Bulk APIs do not give.
    """
    _refuse_unserved(scope)
    found = tuple(h for item in scope.query.select for h in _columns(scope, item))
    if any(h.type in _COMPOUND for h in found):
        raise Refusal("INVALID_FIELD", "Selecting compound data not supported in Bulk Query")
    if any(h.type == "base64" for h in found):
        raise Refusal("INVALID_FIELD", "Selecting binary data not supported in Bulk Query")
    return found


def _refuse_unserved(scope: Scope) -> None:
    query = scope.query
    if scope.source.name.lower() in _REST_ONLY:
        raise Refusal(
            "INVALIDENTITY", f"Entity '{scope.source.name}' is not supported by the Bulk API."
        )
    if any(isinstance(item, SubQuery) for item in query.select):
        raise _restricted("Aggregate Relationships not supported in Bulk Query")
    if query.count_only or is_grouped(scope):
        raise _restricted("Aggregate functions and GROUP BY are not supported in Bulk Query")
    if query.offset:
        raise _restricted("OFFSET is not supported in Bulk Query")
    if any(isinstance(item, TypeOf) for item in query.select):
        raise _restricted("TYPEOF is not supported in Bulk Query")
    groups = {item.name for item in query.select if isinstance(item, FieldGroup)}
    if groups - {"standard"}:
        raise _restricted(
            "The SOQL FIELDS function with ALL or CUSTOM is not supported in Bulk Query"
        )


def _restricted(message: str) -> Refusal:
    return Refusal("API_ERROR", f"Implementation restriction: {message}")


def _columns(scope: Scope, item: object) -> Sequence[Heading]:
    if isinstance(item, Column):
        return [_column(scope, item)]
    if isinstance(item, FieldGroup):
        return [
            Heading(f.name, (f.name,), f.type)
            for f in scope.source.fields.values()
            if not f.custom and f.type not in (*_COMPOUND, "base64")
        ]
    assert isinstance(item, Call) and item.column is not None
    if item.alias is not None:
        return [Heading(item.alias, (item.alias,), "string")]
    return [replace(_column(scope, item.column), type="string")]


def _column(scope: Scope, item: Column) -> Heading:
    """The column as written, but for the name of the object or its alias in front."""
    steps = scope.steps(item.path)
    owner, path = scope.source, []
    for step in steps[:-1]:
        reference = scope.reference(owner, step, item.at)
        path.append(reference.relationship or step)
        owner, _ = scope.through(reference, lambda record: record)
    field = scope.find(item).field
    return Heading(".".join(steps), (*path, field.name), field.type)


def cells(columns: Sequence[Heading]) -> Callable[[Mapping[str, Any]], list[str]]:
    """How a row becomes the cells of a line."""
    writers = [(column.path, text_of(column.type)) for column in columns]

    def make(row: Mapping[str, Any]) -> list[str]:
        return [spell(_at(row, path)) for path, spell in writers]

    return make


def _at(row: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = row
    for step in path:
        if value is None:
            return None
        value = value.get(step)
    return value


def with_epochs(columns: Sequence[Heading]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """How a row becomes one of Bulk API 1.0's JSON: date-times as milliseconds since 1970."""
    moments = [column.path for column in columns if column.type == "datetime"]

    def make(row: dict[str, Any]) -> dict[str, Any]:
        for path in moments:
            owner = _at(row, path[:-1])
            if owner is not None and owner.get(path[-1]) is not None:
                owner[path[-1]] = _epoch(owner[path[-1]])
        return row

    return make


def _epoch(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
