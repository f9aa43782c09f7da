"""sObject Collections: up to 200 records in one call, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.blobs import records_body
from pipelines.sandbox.salesforce.calls import Answer, Call, is_true, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import Ambiguous
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobjects import shown
from pipelines.sandbox.store import Record

COLLECTION, RUNS = 200, 10


def collection(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /composite/sobjects."""
    if not rest:
        only(call, "POST", "PATCH", "DELETE")
        if call.method == "DELETE":
            return _delete_many(org, call)
        return _write_many(org, call, _create_row if call.method == "POST" else
                                _update_row)  # fmt: skip
    sobject = org.object(rest[0])
    if len(rest) == 1:
        only(call, "GET", "POST")
        return _retrieve_many(org, call, sobject)
    if len(rest) == 2:
        only(call, "PATCH")
        return _upsert_many(org, call, sobject, rest[1])
    raise refusals.not_found()


def _write_many(org: Org, call: Call, write_row: Callable[[Org, Record], Record]) -> Answer:
    body = records_body(call)
    records = rows(body)
    _refuse_many_runs(records)
    return Answer(200, _each(org, records, partial(write_row, org), is_true(body.get("allOrNone"))))


def _refuse_many_runs(records: Sequence[Record]) -> None:
    """Records of several kinds are cut where the kind changes, into ten runs at most."""
    kinds = [str((r.get("attributes") or {}).get("type", "")).lower() for r in records]
    runs = sum(1 for _ in groupby(kinds))
    if runs > RUNS:
        raise Refusal(
            "TOO_MANY_ENTITY_TYPES",
            f"Cannot have more than {RUNS} chunks in a single operation. Please rearrange the data "
            "to reduce chunking.",
        )


def _create_row(org: Org, record: Record) -> Record:
    sobject = _row_object(org, record)
    return _good(org.records.create(sobject, record))


def _update_row(org: Org, record: Record) -> Record:
    sobject = _row_object(org, record)
    record_id = next((str(v) for k, v in record.items() if k.lower() == "id"), "")
    if not record_id:
        raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call", ())
    given = {k: v for k, v in record.items() if k.lower() != "id"}
    try:
        org.records.update(sobject, record_id, given)
    except Refusal as refusal:
        raise _with_id(refusal, record_id) from None
    return _good(ids.to18(record_id) or record_id)


def _row_object(org: Org, record: Record) -> SObject:
    name = (record.get("attributes") or {}).get("type", "")
    found = org.catalogue.get(str(name))
    if found is None:
        raise Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.", ())
    return found


def _upsert_many(org: Org, call: Call, sobject: SObject, name: str) -> Answer:
    field = sobject.field(name)
    if field is None or not (field.external_id or field.id_lookup):
        raise refusals.no_external_id(name)
    body = object_body(call)
    records = rows(body)
    keys = [
        str(next((v for k, v in r.items() if k.lower() == field.key), "") or "").lower()
        for r in records
    ]

    def write(record: Record) -> Record:
        given = {k: v for k, v in record.items() if k.lower() != field.key}
        value = next((v for k, v in record.items() if k.lower() == field.key), None)
        if value in (None, ""):
            if field.type == "id":
                return {**_good(org.records.create(sobject, given)), "created": True}
            raise Refusal("MISSING_ARGUMENT", f"{field.name} not specified", ())
        if keys.count(str(value).lower()) > 1:
            raise Refusal(
                "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", (field.name,)
            )
        try:
            done = org.records.upsert(sobject, field, str(value), given)
        except Ambiguous as several:
            raise Refusal(
                "DUPLICATE_EXTERNAL_ID",
                f"{field.label}: more than one record found for external id field: "
                f"[{', '.join(several.record_ids)}]",
                (field.name,),
            ) from None
        return {**_good(done.record_id), "created": done.created}

    done = _each(org, records, write, is_true(body.get("allOrNone")))
    # Of a failed row the vendor says that it was created, whatever became of it.
    return Answer(200, [r if r["success"] else {**r, "created": True} for r in done])


def _delete_many(org: Org, call: Call) -> Answer:
    wanted = [i for i in call.query.get("ids", "").split(",") if i]
    if len(wanted) > COLLECTION:
        raise _too_many()

    def write(record: Record) -> Record:
        record_id = record["Id"]
        sobject = org.catalogue.of_id(record_id)
        if sobject is None:
            raise Refusal("MALFORMED_ID", f"malformed id {record_id}", ())
        try:
            org.records.delete(sobject, record_id)
        except Refusal as refusal:
            if refusal.code == "NOT_FOUND":
                refusal = refusals.unknown_reference()
            raise _with_id(refusal, record_id) from None
        return _good(ids.to18(record_id) or record_id)

    records = [{"Id": i} for i in wanted]
    return Answer(200, _each(org, records, write, is_true(call.query.get("allOrNone"))))


def _each(
    org: Org, records: Sequence[Record], write: Callable[[Record], Record], all_or_none: bool
) -> list[Record]:
    """One result per record, in order; with all_or_none a failure undoes all."""
    results: list[Record] = []
    doomed = org.failures.taken()
    try:
        with org.kernel.store.transaction():
            results = [_attempt(org, r, write, doomed.get(n)) for n, r in enumerate(records)]
            if all_or_none and not all(r["success"] for r in results):
                raise Undo
    except Undo:
        return [_rolled_back(r) if r["success"] else r for r in results]
    return results


def _attempt(
    org: Org, record: Record, write: Callable[[Record], Record], failure: Refusal | None
) -> Record:
    try:
        if failure is not None:
            own_id = next((str(v) for k, v in record.items() if k.lower() == "id"), "")
            raise _with_id(failure, own_id)
        with org.kernel.store.transaction():
            return write(record)
    except Refusal as refusal:
        failed: Record = {"success": False, "errors": refusal.as_row()}
        own = getattr(refusal, "record_id", None)
        return {"id": own, **failed} if own else failed


def _retrieve_many(org: Org, call: Call, sobject: SObject) -> Answer:
    if call.method == "POST":
        body = object_body(call)
        wanted, names = body.get("ids", []), body.get("fields", [])
    else:
        wanted = call.query.get("ids", "").split(",")
        names = call.query.get("fields", "").split(",")
    inner = Call("GET", (), {"fields": ",".join(names)}, {}, b"", call.version)
    found: list[Record | None] = []
    for record_id in wanted:
        try:
            record = org.records.living(sobject, str(record_id))
            found.append(shown(org, inner, sobject, record))
        except Refusal as refusal:
            if refusal.code not in ("NOT_FOUND", "ENTITY_IS_DELETED"):
                raise
            found.append(None)
    return Answer(200, found)


def rows(body: Record) -> list[Record]:
    """The `records` of a body, 200 at most.

    Raises:
        Refusal: not a list of objects, or too long.
    """
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise refusals.unreadable("list", records)
    if len(records) > COLLECTION:
        raise _too_many()
    return records


def _too_many() -> Refusal:
    return Refusal(
        "EXCEEDED_ID_LIMIT",
        "record limit reached. cannot submit more than 200 records into this call",
    )


def _good(record_id: str) -> Record:
    return {"id": record_id, "success": True, "errors": []}


def _with_id(refusal: Refusal, record_id: str) -> Refusal:
    """Failed updates and deletes name their record."""
    refusal.record_id = ids.to18(record_id) or record_id  # type: ignore[attr-defined]
    return refusal


def _rolled_back(result: Record) -> Record:
    refusal = Refusal(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using "
        "AllOrNone header",
        (),
    )
    return {"success": False, "errors": refusal.as_row()}


class Undo(Exception):
    """Leave a transaction and take its writes back."""
