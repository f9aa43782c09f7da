"""Functions that only change how a value is shown: toLabel(), convertCurrency(), format()."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce.access import moment
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.money import Currencies, rounded
from pipelines.sandbox.salesforce.soql.names import Found, Scope, Value
from pipelines.sandbox.salesforce.soql.operands import labelled
from pipelines.sandbox.salesforce.soql.tree import SHOWN, Call, Column
from pipelines.sandbox.store import Record


def shown(scope: Scope, call: Call) -> tuple[Found, Value]:
    """The field a call is about, and its value as the call shows it.

    Raises:
        Refusal: the function does not take that field.
    """
    if call.name not in SHOWN:
        raise refused.malformed(
            scope.statement, call.at, f"Field must be grouped or aggregated: {call.text}"
        )
    if isinstance(call.argument, Call):
        found, value = shown(scope, call.argument)
        is_converted = call.argument.name == "convertcurrency"
        return found, _outer(scope, call, found, value, is_converted)
    assert isinstance(call.argument, Column)  # only COUNT() has no argument
    found = scope.find(call.argument)
    if call.name == "tolabel":
        return found, labelled(found)
    if call.name == "convertcurrency":
        return found, _converted(scope, call, found)
    return found, _formatted(scope, found, found.value, False)


def _outer(scope: Scope, call: Call, found: Found, value: Value, is_converted: bool) -> Value:
    if call.name != "format":
        raise refused.malformed(
            scope.statement, call.at, f"{call.name} takes a field, not another function"
        )
    return _formatted(scope, found, value, is_converted)


def _converted(scope: Scope, call: Call, found: Found) -> Value:
    if found.field.type != "currency":
        raise refused.bad_field(
            scope.statement, call.at,
            f"convertCurrency can only be used with currency fields: {found.field.name}",
        )  # fmt: skip
    currencies = Currencies(scope.books)
    read = currencies.reader(found, currencies.user_amount)
    return lambda r: None if (amount := read(r)) is None else rounded(amount, found.field.scale)


def _formatted(scope: Scope, found: Found, value: Value, is_converted: bool) -> Value:
    """As a user with the locale en_US sees it."""
    field, currencies = found.field, Currencies(scope.books)

    def read(record: Record) -> Any:
        held = value(record)
        if held is None:
            return None
        if field.type != "currency":
            return _text(scope, field, held)
        holder = found.holder(record) or {}
        code = currencies.of_user if is_converted else holder.get("CurrencyIsoCode")
        return f"{code or currencies.corporate} {_number(field, held)}"

    return read


def _text(scope: Scope, field: Field, value: Any) -> Any:
    if field.type == "percent":
        return f"{_number(field, value)}%"
    if field.type in NUMERIC:
        return _number(field, value)
    if field.type == "date":
        return f"{(day := moment(value)).month}/{day.day}/{day.year}"
    if field.type == "datetime":
        at = moment(value).astimezone(scope.books.zone)
        hour = at.hour % 12 or 12
        half = "AM" if at.hour < 12 else "PM"
        return f"{at.month}/{at.day}/{at.year}, {hour}:{at.minute:02d} {half}"
    return value


def _number(field: Field, value: Any) -> str:
    return f"{rounded(Decimal(value), field.scale):,}"
