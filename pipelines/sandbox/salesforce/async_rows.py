"""Rows of Bulk API 1.0 batches that are sent as JSON or as XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from pipelines.sandbox import codec
from pipelines.sandbox.salesforce.bulk_rows import NULL, Given, value_of
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.csv_rows import Unreadable
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_DECLARED = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def records_of(
    org: Org, batch: Mapping[str, Any], sobject: SObject, text: str
) -> Sequence[Given | Refusal]:
    """The rows of a batch, or for each that has an impossible value its refusal.

    Raises:
        Unreadable: no list of records, or a field the object does not have.
    """
    sent = _json(text) if batch["form"] == "JSON" else _xml(text)
    known = {f.relationship.lower() for f in sobject.fields.values() if f.relationship}
    for name in {n for row in sent for n in row}:
        if sobject.field(name) is None and name.lower() not in known:
            raise Unreadable(f"InvalidBatch : Field name not found : {name}")
    return [_record(sobject, row) for row in sent]


def _record(sobject: SObject, row: Mapping[str, Any]) -> Given | Refusal:
    given: Given = {}
    try:
        for name, value in row.items():
            field = sobject.field(name)
            if value == "":
                continue
            if value == NULL:
                value = None
            if field is not None and isinstance(value, str):
                value = value_of(field, value)
            given[field.name if field else name] = value
    except Refusal as refusal:
        return refusal
    return given


def _json(text: str) -> list[dict[str, Any]]:
    try:
        rows = codec.loads(text)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("InvalidBatch : The batch is not a JSON list of records")
    return [{k: v for k, v in row.items() if k != "attributes"} for row in rows]


def _xml(text: str) -> list[dict[str, Any]]:
    try:
        root = parsed(text)
    except ElementTree.ParseError as error:
        raise Unreadable(f"InvalidBatch : Failed to parse XML: {error}") from None
    return [_fields(row) for row in root]


def _fields(element: Iterable[ElementTree.Element]) -> dict[str, Any]:
    return {local(part): _value(part) for part in element if local(part) != "type"}


def _value(element: ElementTree.Element) -> Any:
    if element.get(_NIL) == "true":
        return None
    inner = next(iter(element), None)
    return element.text or "" if inner is None else _fields(inner)


def parsed(text: str) -> ElementTree.Element:
    """The root of an XML text.

    Raises:
        ElementTree.ParseError: it is none, or declares entities.
    """
    if _DECLARED.search(text):
        raise ElementTree.ParseError("document type declarations are not allowed")
    return ElementTree.fromstring(text)  # noqa: S314 - nothing is declared, see above


def local(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
