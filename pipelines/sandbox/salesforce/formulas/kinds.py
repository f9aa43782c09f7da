"""Kinds of values in formulas, and what the vendor says when they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.store import Record

NUMBER, TEXT, FLAG, DAY, MOMENT, PICK, NULL = (
    "Number", "Text", "Boolean", "Date", "DateTime", "Picklist", "Null",
)  # fmt: skip
OF_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("double", "currency", "percent", "int"), NUMBER),
    **dict.fromkeys(
        ("string", "email", "phone", "url", "textarea", "id", "reference", "combobox"), TEXT
    ),
    "boolean": FLAG,
    "date": DAY,
    "datetime": MOMENT,
    "picklist": PICK,
    "multipicklist": PICK,
}


@dataclass(frozen=True)
class Scene:
    """One record at one moment, as a formula sees it.

    Attributes:
        before: the record before the write (validation rules); {} for a new one, None elsewhere.
        get: a record of an object by its id.
        today: in the user's zone.
    """

    record: Record
    get: Callable[[str, str], Record | None]
    now: datetime
    today: date
    before: Record | None = None


Value = Callable[[Scene], Any]


@dataclass(frozen=True)
class Bound:
    """A part of a formula with its kind, ready to be computed.

    Attributes:
        field: where the part is a field.
        stored: the field's value before an empty number counts as zero.
    """

    kind: str
    value: Value
    field: Field | None = None
    stored: Value | None = None


def expect(bound: Bound, kinds: tuple[str, ...], function: str) -> Bound:
    """The same, when its kind is one of these.

    Raises:
        FormulaRefused: it is another.
    """
    if bound.kind in kinds or bound.kind == NULL:
        return bound
    if bound.kind == PICK and bound.field is not None:
        raise FormulaRefused(
            f"Field {bound.field.name} is a picklist field. Picklist fields are only supported in "
            "certain functions."
        )
    word = f"function '{function}()'" if function[0].isalpha() else f"operator '{function}'"
    raise FormulaRefused(
        f"Incorrect parameter type for {word}. Expected {', '.join(kinds)}, received {bound.kind}"
    )


def same_kind(bounds: list[Bound], function: str) -> str:
    """The one kind of several parts.

    Raises:
        FormulaRefused: they are of different kinds.
    """
    kinds = [b.kind for b in bounds if b.kind not in (NULL, PICK)]
    for bound in bounds:
        expect(bound, (kinds[0] if kinds else NULL,), function)
    return kinds[0] if kinds else TEXT


def is_blank(value: Any) -> bool:
    """Whether there is no value: null and empty text are the same to a formula."""
    return value is None or value == ""


def number(value: Any) -> Decimal:
    """A number as it is computed with."""
    return value if isinstance(value, Decimal) else Decimal(str(value))
