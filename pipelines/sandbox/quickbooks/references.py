"""References between records: do they exist, may they be used, what are they called."""

from __future__ import annotations

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.refusals import inactive_reference, invalid_reference
from pipelines.sandbox.quickbooks.values import Record, ref_value, reference
from pipelines.sandbox.quickbooks.vocabulary import REFERENCES

CALLED = {"Customer": "DisplayName", "Vendor": "DisplayName", "Employee": "DisplayName"}


def display_name(entity: str, record: Record) -> str:
    """What the vendor writes as the name of a reference (recorded for customer and item)."""
    for member in (CALLED.get(entity, "FullyQualifiedName"), "Name", "DisplayName"):
        if record.get(member):
            return str(record[member])
    return ""


def used(books: Books, entity: str, record_id: str, path: str) -> Record:
    """An active record that a member refers to.

    Raises:
        Refusal: 2500, unknown or inactive.
    """
    record = books.get(entity, record_id)
    if record is None:
        raise invalid_reference(path)
    if record.get("Active") is False:
        raise inactive_reference(path)
    return record


def resolved(books: Books, entity: str, record_id: str, path: str) -> Record:
    """A reference with the name of its target.

    Raises:
        Refusal: 2500, unknown or inactive.
    """
    return reference(record_id, display_name(entity, used(books, entity, record_id, path)))


def with_resolved(
    books: Books, entity: str, record: Record, before: Record | None, path: str = ""
) -> Record:
    """A record whose references are checked and named.

    One that stays as it was is not checked again: an old document keeps its inactive customer.

    Raises:
        Refusal: 2500, unknown or inactive.
    """
    found = dict(record)
    for member in record:
        target = REFERENCES.get(member)
        value = ref_value(record, member) if target is not None else None
        if value is None:
            continue
        if before is not None and value == ref_value(before, member):
            found[member] = before[member]
        else:
            found[member] = resolved(books, target or entity, value, f"{path}{member}")
    return found
