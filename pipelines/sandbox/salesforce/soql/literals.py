"""Literals as values of a field's type, and what does not go with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from pipelines.sandbox.salesforce import periods
from pipelines.sandbox.salesforce.access import IDS, comparable, instant_of
from pipelines.sandbox.salesforce.fields import NUMERIC, TEXTUAL
from pipelines.sandbox.salesforce.ids import to18
from pipelines.sandbox.salesforce.soql import refused
from pipelines.sandbox.salesforce.soql.money import Currencies
from pipelines.sandbox.salesforce.soql.names import Scope
from pipelines.sandbox.salesforce.soql.operands import Bound
from pipelines.sandbox.salesforce.soql.tree import Literal

_KINDS: Mapping[str, tuple[str, ...]] = {
    "boolean": ("boolean",), "date": ("date",), "datetime": ("moment",),
    **dict.fromkeys(NUMERIC, ("number",)), "currency": ("number", "currency"),
}  # fmt: skip
_WORDS = {"datetime": "dateTime", "currency": "double", "percent": "double"}


def constant(scope: Scope, bound: Bound, literal: Literal) -> Any:
    """The literal as the field's values are compared; the empty text is null.

    Raises:
        Refusal: it is of another type, or no id.
    """
    field = bound.field
    if literal.kind == "null":
        return None
    if literal.kind not in _KINDS.get(field.type, ("string",)):
        raise _other_type(scope, bound, literal)
    if literal.kind in ("date", "moment"):
        _refuse_impossible(scope, literal)
    if literal.kind == "currency":
        code, amount = literal.value
        return Currencies(scope.books).corporate_amount(amount, code)
    if literal.value == "" and field.type in TEXTUAL:
        return None
    if field.type in IDS:
        return _record_id(scope, bound, literal)
    return comparable(field, literal.value)


def _record_id(scope: Scope, bound: Bound, literal: Literal) -> str:
    found = to18(literal.value)
    if found is None:
        raise refused.bad_filter(scope.statement, bound.at, f"invalid ID field: {literal.value}")
    return found


def _other_type(scope: Scope, bound: Bound, literal: Literal) -> Exception:
    if literal.kind == "period" and bound.field.type not in _WORDS and not _is_period(literal):
        return refused.malformed(scope.statement, literal.at, f"unexpected token: '{literal.raw}'")
    quoted = bound.field.type not in _KINDS
    kind = "string" if quoted else _WORDS.get(bound.field.type, bound.field.type)
    return refused.bad_field(
        scope.statement,
        bound.at,
        f"value of filter criterion for field '{bound.field.name}' must be of type {kind} and "
        f"should {'' if quoted else 'not '}be enclosed in quotes",
    )


def _is_period(literal: Literal) -> bool:
    word, count = literal.value
    return periods.span(word, count, date(2026, 1, 1)) is not None


def _refuse_impossible(scope: Scope, literal: Literal) -> None:
    """Forms that name no day: the 30th of February, the 25th hour."""
    try:
        datetime.fromisoformat(literal.value)
    except ValueError:
        raise refused.malformed(
            scope.statement, literal.at, f"Invalid date: {literal.value}"
        ) from None


def period(scope: Scope, bound: Bound, literal: Literal) -> tuple[str, str]:
    """A date literal as bounds `[first, after)` of the field's type, in the user's zone.

    Raises:
        Refusal: there is no such literal, or the field is no date.
    """
    books = scope.books
    word, count = literal.value
    days = periods.span(word, count, books.now.astimezone(books.zone).date())
    if days is None:
        raise refused.malformed(scope.statement, literal.at, f"unexpected token: '{literal.raw}'")
    if bound.field.type not in ("date", "datetime"):
        raise _other_type(scope, bound, literal)
    if bound.field.type == "date":
        return days[0].isoformat(), days[1].isoformat()
    first, after = (instant_of(datetime.combine(day, time(), books.zone)) for day in days)
    return first, after
