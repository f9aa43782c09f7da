"""Rows of an upload as fields and values, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.csv_rows import Unreadable
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.refusals import Refusal

NULL = "#N/A"
_TRUE = frozenset({"yes", "y", "true", "on", "1"})
_FALSE = frozenset({"no", "n", "false", "off", "0"})

Given = dict[str, Any]
Put = Callable[[Given, str], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one row: an id, whether it is new, or the refusal."""

    record_id: str = ""
    created: bool = False
    refusal: Refusal | None = None

    def packed(self) -> list[Any]:
        """As it is kept."""
        if self.refusal is None:
            return [self.record_id, self.created]
        fields = list(self.refusal.fields or ())
        return [self.record_id, self.created, self.refusal.code, self.refusal.message, fields]


def error_text(packed: Sequence[Any]) -> str:
    """A refusal as `sf__Error` and as 1.0's Error column write it; empty for a good row."""
    if len(packed) < 3:
        return ""
    _, _, code, message, fields = packed
    return f"{code}:{message}:{','.join(fields)}{' ' if fields else ''}--"


def reader(
    catalogue: Catalogue, sobject: SObject, header: Sequence[str]
) -> Callable[[Sequence[str]], Given | Refusal]:
    """How a line of a file becomes the fields of a record, or a refusal of that row alone.

    Raises:
        Unreadable: a column is no field of the object.
    """
    columns = [_column(catalogue, sobject, name.strip()) for name in header]

    def read(cells: Sequence[str]) -> Given | Refusal:
        given: Given = {}
        try:
            for put, cell in zip(columns, cells, strict=True):
                if cell != "":
                    put(given, cell)
        except Refusal as refusal:
            return refusal
        return given

    return read


def _column(catalogue: Catalogue, sobject: SObject, name: str) -> Put:
    field = sobject.field(name)
    if field is not None:
        return _plain(field)
    path, _, key = name.rpartition(".")
    path = path.rpartition(":")[2]  # `User:Owner.Key__c`: the type of a parent of several kinds
    reference = next(
        (f for f in sobject.fields.values()
         if path and f.relationship and f.relationship.lower() == path.lower()), None,
    )  # fmt: skip
    parents = [catalogue.get(n) for n in reference.refers_to] if reference else []
    if reference is None or not any(p and p.field(key) for p in parents):
        raise Unreadable(f"InvalidBatch : Field name not found : {name}")
    return _parent(reference, key)


def _plain(field: Field) -> Put:
    def put(given: Given, cell: str) -> None:
        given[field.name] = None if cell == NULL else value_of(field, cell)

    return put


def _parent(reference: Field, key: str) -> Put:
    def put(given: Given, cell: str) -> None:
        if cell == NULL:
            given[reference.name] = None
        else:
            given[str(reference.relationship)] = {key: cell}

    return put


def value_of(field: Field, cell: str) -> Any:
    """A cell as the field's kind of value.

    Raises:
        Refusal: it is none.
    """
    check = _CHECKS.get(field.type)
    if check is None:
        return cell
    try:
        return check(cell.strip())
    except (ValueError, InvalidOperation):
        raise Refusal(
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            f"{field.label}: value not of required type: {cell}",
            (field.name,),
        ) from None


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _number(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError(text)
    return found


def _count(text: str) -> Decimal:
    found = _number(text)
    if found != found.to_integral_value():
        raise ValueError(text)
    return found


def _date(text: str) -> str:
    return date.fromisoformat(text[:10]).isoformat()


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text if len(text) > 10 else f"{text}T00:00:00Z")
    if moment.tzinfo is None:
        raise ValueError(text)
    return text if len(text) > 10 else moment.isoformat()


_CHECKS: Mapping[str, Callable[[str], Any]] = {
    "boolean": _boolean, "date": _date, "datetime": _moment, **dict.fromkeys(NUMERIC, _number),
    "int": _count,
}  # fmt: skip
