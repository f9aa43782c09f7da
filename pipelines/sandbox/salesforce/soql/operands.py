"""What can be compared, sorted or grouped: fields, date parts, labels, distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from math import asin, cos, radians, sin, sqrt
from typing import Any

from pipelines.sandbox.salesforce.access import comparable, moment
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.date_parts import OF_MOMENTS, PARTS
from pipelines.sandbox.salesforce.soql.names import Found, Scope, Value
from pipelines.sandbox.salesforce.soql.tree import AGGREGATES, Call, Column, Distance, Operand
from pipelines.sandbox.store import Record

_EARTH = {"km": 6371.0088, "mi": 3958.7613}


@dataclass(frozen=True)
class Bound:
    """An operand bound to its field.

    Attributes:
        field: the field, or one of the type that the function gives.
        read: its value as the answer shows it.
        key: its value as it is compared.
        found: where the plain field is; None for a function.
    """

    field: Field
    read: Callable[[Any], Any]
    key: Callable[[Any], Any]
    at: int
    text: str
    found: Found | None = None


def bind(scope: Scope, operand: Operand) -> Bound:
    """An operand of WHERE, ORDER BY or GROUP BY over single records.

    Raises:
        Refusal: the field is not there, or the function does not take it.
    """
    if isinstance(operand, Column):
        found = scope.find(operand)
        read = found.value
        return Bound(found.field, read, _key(found.field, read), operand.at, operand.text, found)
    if isinstance(operand, Distance):
        return _distance(scope, operand)
    if operand.name in AGGREGATES or operand.name == "grouping":
        raise refused.malformed(
            scope.statement, operand.at,
            "Aggregate functions are not allowed here: they belong to SELECT, HAVING and ORDER BY "
            "of a grouped query",
        )  # fmt: skip
    if operand.name in PARTS:
        return _date_part(scope, operand)
    return _shown(scope, operand)


def _key(field: Field, read: Value) -> Value:
    if field.type in ("boolean", "date", "int", "double", "currency", "percent"):
        return read

    def key(record: Record) -> Any:
        value = read(record)
        return None if value is None else comparable(field, value)

    return key


def _date_part(scope: Scope, call: Call) -> Bound:
    argument, zone = call.argument, UTC
    if isinstance(argument, Call) and argument.name == "converttimezone":
        argument, zone = argument.argument, scope.books.zone  # type: ignore[assignment]
    if not isinstance(argument, Column):
        raise refused.malformed(
            scope.statement, call.at, "Date functions take a field or convertTimezone(field)"
        )
    found = scope.find(argument)
    allowed = ("datetime",) if call.name in OF_MOMENTS else ("date", "datetime")
    if found.field.type not in allowed:
        raise refused.malformed(
            scope.statement, call.at,
            f"field '{found.field.name}' can not be used with the date function "
            f"{call.name.upper()}",
        )  # fmt: skip
    part, value, is_day = PARTS[call.name], found.value, found.field.type == "date"

    def read(record: Record) -> Any:
        held = value(record)
        if not held:
            return None
        at = moment(held)
        return part(at if is_day else at.astimezone(zone))

    kind = "date" if call.name == "day_only" else "int"
    return Bound(Field(call.name, call.text, kind), read, read, call.at, call.text)


def _shown(scope: Scope, call: Call) -> Bound:
    """toLabel() can be compared; the other functions only change how a value is shown."""
    if call.name != "tolabel" or not isinstance(call.argument, Column):
        raise refused.malformed(
            scope.statement, call.at, f"{call.name} can only be used in the SELECT clause"
        )
    found = scope.find(call.argument)
    read = labelled(found)
    field = Field(found.field.name, found.field.label, "string", length=255)
    return Bound(field, read, _key(field, read), call.at, call.text)


def labelled(found: Found) -> Value:
    """A picklist's value as its label; labels are in the org's only language."""
    labels = {choice.value: choice.label for choice in found.field.choices}
    value = found.value

    def read(record: Record) -> Any:
        held = value(record)
        if found.field.type == "multipicklist" and held:
            return ";".join(labels.get(part, part) for part in str(held).split(";"))
        return labels.get(held, held)

    return read


# ---- distances


def _distance(scope: Scope, distance: Distance) -> Bound:
    found = scope.find(distance.column)
    if found.field.type != "address":
        raise refused.bad_field(
            scope.statement, distance.at,
            f"field '{found.field.name}' is no location: DISTANCE takes an address or a "
            "geolocation",
        )  # fmt: skip
    prefix, holder = found.field.name.removesuffix("Address"), found.holder
    there = (distance.latitude, distance.longitude)

    def read(record: Record) -> Decimal | None:
        held = holder(record) or {}
        here = held.get(f"{prefix}Latitude"), held.get(f"{prefix}Longitude")
        return None if None in here else _apart(here, there, distance.unit)

    field = Field(found.field.name, found.field.label, "double")
    return Bound(field, read, read, distance.at, distance.text)


def _apart(here: tuple[Any, Any], there: tuple[Any, Any], unit: str) -> Decimal:
    """The way over the sphere."""
    (lat1, lon1), (lat2, lon2) = ((radians(x) for x in pair) for pair in (here, there))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return Decimal(str(2 * _EARTH[unit] * asin(sqrt(half))))
