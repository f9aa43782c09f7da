"""The writes of both Bulk APIs: chunks of 200 rows, each row by itself, as in single calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.bulk_rows import Given, Outcome
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import Ambiguous
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Write

CHUNK = 200
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")


@dataclass(frozen=True)
class Writing:
    """What is done with each row; `key` is the field an upsert goes by."""

    sobject: SObject
    operation: str
    key: Field | None = None


def key_of(org: Org, job: Mapping[str, Any], sobject: SObject) -> Field | None:
    """The field an upsert goes by.

    Raises:
        Refusal: none is named, or it is no key.
    """
    if job["operation"] != "upsert":
        return None
    name = str(job.get("externalIdFieldName") or "")
    if not name:
        raise Refusal(
            "INVALIDJOB",
            f"InvalidJob : External ID was blank for {sobject.name}. An External ID must be "
            "specified for upsert.",
        )
    field = sobject.field(name)
    if field is None or not (field.external_id or field.id_lookup or field.type == "id"):
        raise Refusal(
            "INVALIDJOB",
            f"InvalidJob : Field name provided, {name} does not match an External ID, Salesforce "
            f"Id, or indexed field for {sobject.name}",
        )
    return field


def write_chunk(
    org: Org, writing: Writing, chunk: Sequence[Given | Refusal], locked: bool = False
) -> list[Outcome]:
    """One outcome per row. `locked`: another transaction holds one of the records."""
    if locked:
        return [_locked(chunk, row) for row in chunk]
    twice = _named_twice(writing, chunk)
    return [_attempt(org, writing, row, twice) for row in chunk]


def _attempt(org: Org, writing: Writing, row: Given | Refusal, twice: Mapping[str, int]) -> Outcome:
    if isinstance(row, Refusal):
        return Outcome(refusal=row)
    own = str(row.get("Id") or "")
    try:
        with org.kernel.store.transaction():
            return _write(org, writing, row, twice)
    except Refusal as refusal:
        return Outcome(ids.to18(own) or own, False, refusal)


def _write(org: Org, writing: Writing, row: Given, twice: Mapping[str, int]) -> Outcome:
    sobject, operation = writing.sobject, writing.operation
    if operation == "insert":
        return Outcome(org.records.create(sobject, row), created=True)
    if operation == "upsert" and writing.key is not None and writing.key.type != "id":
        return _upsert(org, sobject, writing.key, row, twice)
    given = {k: v for k, v in row.items() if k != "Id"}
    if operation == "upsert" and not row.get("Id"):
        return Outcome(org.records.create(sobject, given), created=True)
    record_id = _own_id(sobject, row, operation)
    if twice.get(record_id, 0) > 1:
        raise Refusal("DUPLICATE_VALUE", f"Duplicate id specified: {record_id}", ())
    try:
        if operation in ("update", "upsert"):
            org.records.update(sobject, record_id, given)
        elif operation == "delete":
            org.records.delete(sobject, record_id)
        else:
            _erase(org, sobject, record_id)
    except Refusal as refusal:
        raise (refusals.unknown_reference() if refusal.code == "NOT_FOUND" else refusal) from None
    return Outcome(record_id)


def _own_id(sobject: SObject, row: Given, operation: str) -> str:
    value = str(row.get("Id") or "")
    if not value:
        verb = "delete" if operation.lower().endswith("delete") else "update"
        raise Refusal("MISSING_ARGUMENT", f"Id not specified in an {verb} call", ())
    full = ids.to18(value)
    if full is None or not full.startswith(sobject.prefix):
        label = next(f.label for f in sobject.fields.values() if f.type == "id")
        raise refusals.wrong_kind_of_id(label, value, ("Id",))
    return full


def _upsert(
    org: Org, sobject: SObject, key: Field, row: Given, twice: Mapping[str, int]
) -> Outcome:
    value = row.get(key.name)
    if value in (None, ""):
        raise Refusal("MISSING_ARGUMENT", f"{key.name} not specified", ())
    if twice[str(value).lower()] > 1:
        raise Refusal("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", (key.name,))
    try:
        done = org.records.upsert(sobject, key, str(value), row)
    except Ambiguous as several:
        raise Refusal(
            "DUPLICATE_EXTERNAL_ID",
            f"{key.label}: more than one record found for external id field: "
            f"[{', '.join(several.record_ids)}]",
            (key.name,),
        ) from None
    return Outcome(done.record_id, done.created)


def _erase(org: Org, sobject: SObject, record_id: str) -> None:
    """Past the recycle bin; what is in it already goes too."""
    table = org.kernel.store.table(org.org_id, sobject.name)
    record = table.get(record_id)
    if record is None:
        raise refusals.unknown_reference()
    if not record.get("IsDeleted"):
        org.records.delete(sobject, record_id)
    org.kernel.store.commit([Write(org.org_id, sobject.name, record_id, None, "delete")])


def _named_twice(writing: Writing, chunk: Sequence[Given | Refusal]) -> Mapping[str, int]:
    """How often each key is in the chunk."""
    rows = [row for row in chunk if isinstance(row, dict)]
    if writing.key is not None and writing.key.type != "id":
        return Counter(str(row.get(writing.key.name) or "").lower() for row in rows)
    return Counter(ids.to18(str(row["Id"])) or "" for row in rows if row.get("Id"))


def _locked(chunk: Sequence[Given | Refusal], row: Given | Refusal) -> Outcome:
    named = [str(r["Id"]) for r in chunk if isinstance(r, dict) and r.get("Id")]
    own = str(row.get("Id") or "") if isinstance(row, dict) else ""
    refusal = Refusal(
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or {len(chunk)} records: "
        + ",".join(named),
        (),
    )
    return Outcome(own, False, refusal)
