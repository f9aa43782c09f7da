"""What is given for a field, in the form in which it is stored."""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record

_CENT = Decimal("0.01")
_COUNT = re.compile(r"\{(0+)\}")


def stamp(moment: datetime) -> str:
    """A date-time as REST writes it: whole seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def counted(sobject: SObject, number: int) -> Record:
    """The automatic numbers of a new record: `{0000}` in the form stands for the number."""
    return {
        f.name: _COUNT.sub(lambda found: str(number).rjust(len(found[1]), "0"), f.counts)
        for f in sobject.fields.values()
        if f.counts
    }


def cents(value: Decimal) -> Decimal:
    """Rounded to two places, halves up."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def boolean(value: Any) -> bool:
    """True or false, as JSON or as text."""
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise refusals.unreadable("boolean", value)


def number(field: Field, value: Any) -> Decimal | int:
    """A number within the field's digits, rounded to its places; a count has none."""
    kind = "int" if field.type == "int" else "double"
    if isinstance(value, bool):
        raise refusals.unreadable(kind, value)
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise refusals.unreadable(kind, value) from None
    if field.type == "int":
        if found != found.to_integral_value():
            raise refusals.unreadable(kind, value)
        return int(found)
    whole = field.precision - field.scale
    if field.precision and abs(found) >= Decimal(10) ** whole:
        raise Refusal(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
            (field.name,),
        )
    return found.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)


def time(field: Field, value: Any) -> str:
    """A date or a moment in its stored form."""
    try:
        if field.type == "date":
            return date.fromisoformat(str(value)[:10]).isoformat()
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError
        return stamp(moment.astimezone(UTC))
    except ValueError:
        raise refusals.unreadable(field.type, value) from None


def is_email(text: str) -> bool:
    """Whether the vendor takes it for an address."""
    name, at, host = text.rpartition("@")
    return bool(name and at) and "." in host and " " not in text and not host.startswith(".")


def binary(field: Field, value: Any) -> str:
    """Content in base64."""
    try:
        base64.b64decode(str(value), validate=True)
    except ValueError:
        raise Refusal(
            "JSON_PARSER_ERROR",
            f"{field.label}: the value is not valid base64",
            (field.name,),
        ) from None
    return str(value)
