"""Batches of Bulk API 1.0: rows or a query in, a state to ask for, results out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce import bulk_jobs, ids
from pipelines.sandbox.salesforce.async_forms import (
    Fault,
    document,
    raw,
    record_elements,
    said,
    said_each,
    text,
)
from pipelines.sandbox.salesforce.bulk_columns import cells, headings, with_epochs
from pipelines.sandbox.salesforce.bulk_jobs import BATCH, PART
from pipelines.sandbox.salesforce.bulk_rows import error_text
from pipelines.sandbox.salesforce.calls import Call
from pipelines.sandbox.salesforce.csv_rows import Style
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.selection import Selection
from pipelines.sandbox.store import Record

_MOST_BYTES = 10_000_000
_RESULT_ROWS = 100_000
_QUERIES = ("query", "queryAll")


def batches(org: Org, request: Request, job: Record, rest: tuple[str, ...]) -> Reply:
    """Everything from /job/ID/batch on; `rest` is what follows."""
    form = "JSON" if job["form"] == "JSON" else "XML"
    if not rest:
        if request.method == "POST":
            return said(form, "batchInfo", _info(_add(org, request, job)), 201)
        every = [_finished(org, b) for b in _of(org, job)]
        return said_each(form, "batchInfoList", "batchInfo", [_info(b) for b in every])
    batch = bulk_jobs.find(org, rest[0], PART)
    if batch is None or batch["jobId"] != job["id"]:
        raise Fault("InvalidBatch", f"Invalid batch id: {rest[0]}")
    batch = _finished(org, batch)
    if len(rest) == 1:
        bulk_jobs.polled(org, batch)
        return said(form, "batchInfo", _info(batch))
    if rest[1:] == ("request",):
        sent = "CSV" if batch["operation"] in _QUERIES else job["form"]
        return raw(sent, bulk_jobs.data(org, batch).encode())
    if rest[1] != "result":
        raise Fault("InvalidUrl", "The URL provided in the request is invalid")
    return _results(org, job, batch, rest[2:])


def _of(org: Org, job: Mapping[str, Any]) -> list[Record]:
    return [b for b in bulk_jobs.all_of(org, PART) if b["jobId"] == job["id"]]


# ---- in


def _add(org: Org, request: Request, job: Record) -> Record:
    if job["state"] != "Open":
        raise Fault("InvalidJobState", f"Unable to add a batch: the job is {job['state']}")
    sent = request.body.decode(errors="replace")
    if not sent.strip():
        raise Fault("ClientInputError", "The batch is empty")
    if org.kernel.options.limits and len(request.body) > _MOST_BYTES:
        raise Fault(
            "ClientInputError", f"Failed to read request. Exceeded max size limit of {_MOST_BYTES} "
            f"with response size {len(request.body)}",
        )  # fmt: skip
    _count(org)
    if job["operation"] in _QUERIES and job["chunkSize"]:
        return _add_chunked(org, job, sent)
    return _queue(org, job, sent)


def _count(org: Org) -> None:
    try:
        bulk_jobs.count_batches(org, 1)
    except Refusal as refusal:
        raise Fault("ExceededQuota", refusal.message) from None


def _queue(org: Org, job: Mapping[str, Any], sent: str, **more: Any) -> Record:
    batch = bulk_jobs.queued(org, _batch(org, job, **more))
    bulk_jobs.put_data(org, batch, sent)
    if job["operation"] in _QUERIES:
        bulk_jobs.waiting(org).remove(batch["id"])  # it is finished when it is asked for
    return batch


def _batch(org: Org, job: Mapping[str, Any], **more: Any) -> Record:
    same = ("operation", "object", "externalIdFieldName", "form", "apiVersion")
    given = {name: job[name] for name in same} | {"state": "Queued", "jobId": job["id"], **more}
    return bulk_jobs.new(org, BATCH, PART, given)


def _add_chunked(org: Org, job: Record, sent: str) -> Record:
    """By primary key: the batch sent is not processed, further ones read a chunk each."""
    first = bulk_jobs.keep(org, _batch(org, job), state="NotProcessed")
    bulk_jobs.put_data(org, first, sent)
    try:
        total = len(_rows(org, {**first, "cut": None}))
    except Refusal as refusal:
        return bulk_jobs.keep(org, first, state="Failed", error=_failure(refusal))
    size = job["chunkSize"]
    for start in range(0, max(total, 1), size):
        _count(org)
        _queue(org, job, sent, cut=[first["id"], start, start + size])
    return first


# ---- work of queries (writes are worked on in bulk_work)


def _finished(org: Org, batch: Record) -> Record:
    """A query's batch with its work done, if that is due."""
    waits = batch["state"] in ("Queued", "InProgress") and batch["operation"] in _QUERIES
    if not waits:
        return batch
    if not bulk_jobs.is_due(org, batch):
        return bulk_jobs.keep(org, batch, state="InProgress")
    if org.bulk.conduct.fail_with:
        return bulk_jobs.keep(org, batch, state="Failed", error=org.bulk.conduct.fail_with)
    try:
        total = len(_rows(org, batch))
    except Refusal as refusal:
        return bulk_jobs.keep(org, batch, state="Failed", error=_failure(refusal))
    return bulk_jobs.keep(
        org, batch, state="Completed", processed=total, results=_result_ids(batch, total)
    )


def _failure(refusal: Refusal) -> str:
    return f"InvalidBatch : Failed to process query: {refusal.code}: {refusal.message}"


def _result_ids(batch: Mapping[str, Any], total: int) -> list[str]:
    """One result for every hundred thousand rows, at least one."""
    own = batch["id"][3:15]
    count = max(1, -(-total // _RESULT_ROWS))
    first = (ids.to18(f"{bulk_jobs.RESULT}{own}") or "",)
    return [*first, *(ids.to18(f"752Rs{n:02d}{own[-8:]}") or "" for n in range(1, count))]


def _rows(org: Org, batch: Mapping[str, Any]) -> Sequence[Record]:
    """The rows of a query's batch; chunks of one batch share them.

    Raises:
        Refusal: the query is refused.
    """
    owner, start, stop = batch.get("cut") or (batch["id"], 0, None)
    rows = org.bulk.results.get(owner)
    if rows is None:
        statement = bulk_jobs.data(org, batch)
        selection = _selection(org, batch)
        headings(selection.scope(statement))
        rows = selection.run(statement, batch["operation"] == "queryAll").rows
        bulk_jobs.show_results(org, owner, rows)
    return rows[start:stop] if batch.get("cut") else rows


def _selection(org: Org, batch: Mapping[str, Any]) -> Selection:
    return org.selection(Call("GET", (), {}, {}, b"", batch["apiVersion"]))


# ---- out


def _results(org: Org, job: Record, batch: Record, rest: tuple[str, ...]) -> Reply:
    state = batch["state"]
    if state in ("Failed", "NotProcessed") and not batch["processed"]:
        raise Fault("InvalidBatch", "Records not processed")
    if state not in ("Completed", "Failed"):
        raise Fault("InvalidBatch", "Batch not completed")
    if batch["operation"] not in _QUERIES:
        return _written(org, job, batch)
    if not rest:
        form = "JSON" if job["form"] == "JSON" else "XML"
        return said_each(form, "result-list", "result", batch["results"])
    wanted = ids.to18(rest[0])
    if wanted not in batch["results"]:
        raise Fault("InvalidBatch", f"Invalid result id: {rest[0]}")
    start = batch["results"].index(wanted) * _RESULT_ROWS
    rows = _rows(org, batch)[start : start + _RESULT_ROWS]
    return _read(org, job, bulk_jobs.data(org, batch), rows)


def _read(org: Org, job: Record, statement: str, rows: Sequence[Record]) -> Reply:
    columns = headings(_selection(org, job).scope(statement))
    if job["form"] == "JSON":
        return raw("JSON", codec.dump_bytes(list(map(with_epochs(columns), rows))))
    if job["form"] == "XML":
        return raw("XML", document("queryResult", record_elements(rows)).encode())
    if not rows:
        return text(Style().line(["Records not found for this query"]).encode())
    return text(Style().written([c.text for c in columns], map(cells(columns), rows)))


def _written(org: Org, job: Record, batch: Record) -> Reply:
    """What became of the rows, in the order they were sent."""
    found = bulk_jobs.outcomes(org, batch)
    if job["form"] == "CSV":
        header = ["Id", "Success", "Created", "Error"]
        return raw("CSV", Style().written(header, map(_cells, found)))
    return said_each(job["form"], "results", "result", list(_as_results(found)))


def _cells(outcome: Sequence[Any]) -> list[str]:
    good = len(outcome) == 2
    created = "true" if good and outcome[1] else "false"
    return [outcome[0], "true" if good else "false", created, error_text(outcome)]


def _as_results(found: Iterator[Sequence[Any]]) -> Iterator[Record]:
    for outcome in found:
        good = len(outcome) == 2
        errors = [] if good else [
            {"statusCode": outcome[2], "message": outcome[3], "fields": outcome[4],
             "extendedErrorDetails": None}
        ]  # fmt: skip
        yield {
            "success": good,
            "created": good and bool(outcome[1]),
            "id": outcome[0] or None,
            "errors": errors,
        }


def _info(batch: Mapping[str, Any]) -> Record:
    return {
        "id": batch["id"],
        "jobId": batch["jobId"],
        "state": batch["state"],
        "stateMessage": batch.get("error"),
        "createdDate": batch["createdDate"],
        "systemModstamp": batch["systemModstamp"],
        "numberRecordsProcessed": batch["processed"],
        "numberRecordsFailed": batch["failed"],
        "totalProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apexProcessingTime": 0,
    }
