"""`/query?columns=true`: what the columns of an answer would be, without the rows."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.salesforce.fields import NUMERIC, TEXTUAL, Field
from pipelines.sandbox.salesforce.soql.columns import child_scope, field_group, row_maker
from pipelines.sandbox.salesforce.soql.groups import group_columns, is_grouped
from pipelines.sandbox.salesforce.soql.names import Scope
from pipelines.sandbox.salesforce.soql.tree import Call, Column, FieldGroup, SubQuery, TypeOf

_APEX = {
    "id": "Id", "reference": "Id", "boolean": "Boolean", "int": "Integer", "double": "Double",
    "currency": "Decimal", "percent": "Double", "date": "Date", "datetime": "Datetime",
    "address": "Address",
}  # fmt: skip
Described = dict[str, Any]


def query_columns(scope: Scope) -> Described:
    """The body of the answer.

    Raises:
        Refusal: the statement could not be run.
    """
    grouped = is_grouped(scope)
    if grouped:
        columns = [_aggregate(name, text, field)
                   for name, text, field in group_columns(scope)]  # fmt: skip
    else:
        columns = _columns(scope)
    names = {c["columnName"] for c in columns}
    return {
        "columnMetadata": columns,
        "entityName": scope.source.name,
        "groupBy": scope.query.grouping is not None,
        "idSelected": "Id" in names and not grouped,
        "keyPrefix": scope.source.prefix,
    }


def _columns(scope: Scope) -> list[Described]:
    if scope.query.count_only:
        return []
    row_maker(scope)  # refuses what could not be run
    found: list[Described] = []
    for item in scope.query.select:
        if isinstance(item, SubQuery):
            inner, name = child_scope(scope, item.query)
            joined = _columns(inner)
            found.append(_column(name, None) | {"aggregate": True, "joinColumns": joined})
        elif isinstance(item, FieldGroup):
            for name in field_group(scope, item):
                _add(scope, found, Column((name,)))
        elif isinstance(item, TypeOf):
            found.append(_column(item.relationship.path[-1], None))
        elif isinstance(item, Column):
            _add(scope, found, item)
        elif isinstance(item, Call) and item.column is not None:
            field = scope.find(item.column).field
            found.append(_column(item.alias or field.name, field))
    return found


def _add(scope: Scope, columns: list[Described], column: Column) -> None:
    """A field; one of a parent stands among the parent's `joinColumns`."""
    owner = scope.source
    for step in scope.steps(column.path)[:-1]:
        reference = scope.reference(owner, step, column.at)
        name = reference.relationship or step
        parent = next((c for c in columns if c["columnName"] == name), None)
        if parent is None:
            parent = _column(name, None) | {"foreignKeyName": reference.name}
            columns.append(parent)
        columns = parent["joinColumns"]
        owner, _ = scope.through(reference, lambda r: r)
    found = scope.find(column).field
    columns.append(_column(found.name, found))


def _column(name: str, field: Field | None) -> Described:
    kind = field.type if field else ""
    return {
        "aggregate": False,
        "apexType": _APEX.get(kind, "String") if field else None,
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": bool(field and field.custom),
        "displayName": name,
        "foreignKeyName": None,
        "insertable": bool(field and field.createable),
        "joinColumns": [],
        "numberType": kind in NUMERIC,
        "textType": kind in TEXTUAL,
        "updatable": bool(field and field.updateable),
    }


def _aggregate(name: str, text: str, field: Field) -> Described:
    shown = {"aggregate": "(" in text, "displayName": text, "insertable": False, "updatable": False}
    return _column(name, field) | shown
