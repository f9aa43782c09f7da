"""Bulk API 2.0 writes: `/jobs/ingest`."""

from __future__ import annotations

import email.message
import email.policy
from collections.abc import Iterator, Mapping, Sequence
from email.parser import BytesParser
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.salesforce import bulk_jobs, refusals
from pipelines.sandbox.salesforce.bulk_jobs import V2_INGEST
from pipelines.sandbox.salesforce.bulk_listing import listed
from pipelines.sandbox.salesforce.bulk_query import file_words
from pipelines.sandbox.salesforce.bulk_rows import error_text
from pipelines.sandbox.salesforce.bulk_work import style_of
from pipelines.sandbox.salesforce.bulk_writes import CHUNK, OPERATIONS, key_of
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.csv_rows import MEDIA, Unreadable, Uploaded, read
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

MOST_BYTES = 150_000_000
MOST_IN_FORM = 100_000


def ingest_jobs(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /jobs/ingest."""
    if not rest:
        only(call, "GET", "HEAD", "POST")
        return _create(org, call) if call.method == "POST" else listed(org, call, _listed)
    job = bulk_jobs.found(org, rest[0], V2_INGEST)
    if len(rest) == 1:
        return _one(org, call, job)
    if len(rest) > 2:
        raise refusals.not_found()
    word = rest[1].lower()
    if word == "batches":
        only(call, "PUT")
        return _upload(org, call, job)
    only(call, "GET", "HEAD")
    make = {"successfulresults": _good, "failedresults": _failed, "unprocessedrecords": _left}
    if word not in make:
        raise refusals.not_found()
    headers, rows = make[word](org, job)
    body = style_of(job).written(headers, rows)
    return Answer(200, None, {"Content-Type": MEDIA}, body)


# ---- making and filling


def _create(org: Org, call: Call) -> Answer:
    if call.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return _create_filled(org, call)
    return Answer(200, _made(_new(org, call, object_body(call)), call))


def _create_filled(org: Org, call: Call) -> Answer:
    """A form with the parts `job` (JSON) and `content` (CSV): made, filled and closed in one."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=email.policy.HTTP).parsebytes(head + bytes(call.payload))
    parts = dict(map(_part, form.iter_parts()))
    if "job" not in parts or "content" not in parts:
        raise Refusal("INVALIDJOB", "InvalidJob : The form needs the parts job and content")
    if len(parts["content"]) > MOST_IN_FORM:
        raise Refusal(
            "CLIENTINPUTERROR", f"The content of a multipart request has {MOST_IN_FORM} "
            "characters at most",
        )  # fmt: skip
    try:
        described = codec.loads(parts["job"])
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise Refusal("JSON_PARSER_ERROR", "The part job is not a JSON object")
    job = _new(org, call, described)
    bulk_jobs.put_data(org, job, parts["content"])
    return Answer(200, _made(_closed(org, job), call))


def _part(part: email.message.MIMEPart) -> tuple[str, str]:
    name = str(part.get_param("name", "", header="content-disposition"))
    content = part.get_payload(decode=True)
    return name, content.decode() if isinstance(content, bytes) else ""


def _new(org: Org, call: Call, body: Record) -> Record:
    operation = str(body.get("operation", ""))
    if operation not in OPERATIONS:
        raise Refusal("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation or 'null'}")
    sobject = org.catalogue.get(str(body.get("object") or ""))
    if sobject is None:
        raise Refusal(
            "INVALIDJOB", f"InvalidJob : Unable to find object: {body.get('object') or 'null'}"
        )
    delimiter, ending = file_words(body)
    key = key_of(org, body, sobject)
    given = {
        "operation": operation, "object": sobject.name, "state": "Open", "form": "CSV",
        "externalIdFieldName": key.name if key else None,
        "assignmentRuleId": body.get("assignmentRuleId"), "apiVersion": float(call.version),
        "lineEnding": ending, "columnDelimiter": delimiter, "filled": False,
    }  # fmt: skip
    return bulk_jobs.keep(org, bulk_jobs.new(org, bulk_jobs.JOB, V2_INGEST, given))


def _upload(org: Org, call: Call, job: Record) -> Answer:
    if job["state"] != "Open":
        raise _state(f"Uploading data to a job in state {job['state']} is not allowed")
    if job["filled"]:
        raise Refusal(
            "CLIENTINPUTERROR",
            f"Found multiple contents for job: <{job['id']}>, please 'Close' / 'Abort' / 'Delete' "
            "the current Job then create a new Job and make sure you only do 'PUT' once on a "
            "given Job.",
        )
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise Refusal(
            "CLIENTINPUTERROR", f"Content-Type of the data must be text/csv, not {kind or 'none'}",
            status=415,
        )  # fmt: skip
    if len(call.payload) > MOST_BYTES:
        raise Refusal("CLIENTINPUTERROR", "The data is longer than 150 MB", status=413)
    try:
        text = bytes(call.payload).decode()
    except UnicodeDecodeError:
        raise Refusal("CLIENTINPUTERROR", "The data is not UTF-8") from None
    bulk_jobs.put_data(org, job, text)
    bulk_jobs.keep(org, job, filled=True)
    return Answer(201)


# ---- its life


def _one(org: Org, call: Call, job: Record) -> Answer:
    only(call, "GET", "HEAD", "PATCH", "DELETE")
    if call.method == "PATCH":
        return _changed(org, call, job)
    if call.method == "DELETE":
        if job["state"] not in bulk_jobs.ENDED:
            raise _state(f"Deleting a job in state {job['state']} is not allowed: abort it first")
        bulk_jobs.forget(org, job)
        return Answer(204)
    shown = _shown(job, call)
    bulk_jobs.polled(org, job)
    return Answer(200, shown)


def _changed(org: Org, call: Call, job: Record) -> Answer:
    state = object_body(call).get("state")
    if state not in ("UploadComplete", "Aborted"):
        raise Refusal("INVALIDJOB", f"InvalidJob : A job cannot be set to {state}")
    verb = "Closing" if state == "UploadComplete" else "Aborting"
    if job["state"] in bulk_jobs.ENDED:
        word = "Completed" if job["state"] == "JobComplete" else job["state"]
        raise _state(f"{verb} already {word} Job not allowed")
    if state == "Aborted":
        return Answer(200, _made(bulk_jobs.keep(org, job, state="Aborted"), None))
    if job["state"] != "Open":
        raise _state("Closing already Closed Job not allowed")
    return Answer(200, _made(_closed(org, job), None))


def _closed(org: Org, job: Record) -> Record:
    bulk_jobs.count_batches(org, bulk_jobs.data(org, job).count("\n"))
    return bulk_jobs.queued(org, job, state="UploadComplete")


def _state(message: str) -> Refusal:
    return Refusal("INVALIDJOBSTATE", message)


# ---- what became of the rows

Table = tuple[Sequence[str], Iterator[Sequence[str]]]


def _good(org: Org, job: Record) -> Table:
    sent = _sent(org, job)
    rows = (
        [outcome[0], "true" if outcome[1] else "false", *cells]
        for cells, outcome in _matched(org, job, sent)
        if len(outcome) == 2
    )
    return ["sf__Id", "sf__Created", *sent.header], rows


def _failed(org: Org, job: Record) -> Table:
    sent = _sent(org, job)
    rows = (
        [outcome[0], error_text(outcome), *cells]
        for cells, outcome in _matched(org, job, sent)
        if len(outcome) > 2
    )
    return ["sf__Id", "sf__Error", *sent.header], rows


def _left(org: Org, job: Record) -> Table:
    sent = _sent(org, job)
    ended = job["state"] in ("Failed", "Aborted")
    return sent.header, iter(sent.rows[job["processed"] :] if ended else ())


def _sent(org: Org, job: Record) -> Uploaded:
    """The file; one that cannot be read has no rows to speak of."""
    try:
        return read(bulk_jobs.data(org, job), style_of(job))
    except Unreadable:
        return Uploaded((), ())


def _matched(
    org: Org, job: Record, sent: Uploaded
) -> Iterator[tuple[Sequence[str], Sequence[Any]]]:
    """Rows with their outcomes, chunk by chunk and the last chunk first: the vendor works on chunks
    side by side, so that the order of its results is not that of the file."""
    outcomes = list(bulk_jobs.outcomes(org, job))
    for start in reversed(range(0, len(outcomes), CHUNK)):
        stop = start + CHUNK
        yield from zip(sent.rows[start:stop], outcomes[start:stop], strict=False)


# ---- as JSON


def _made(job: Mapping[str, Any], call: Call | None) -> Record:
    """The job as its creation answers, and, without the address, as every change of state does."""
    same = ("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state")
    made = {
        **{name: job[name] for name in same},
        **{n: job[n] for n in ("externalIdFieldName", "assignmentRuleId") if job.get(n)},
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job["apiVersion"],
    }
    if call is not None:
        made["contentUrl"] = f"services/data/v{call.version}/jobs/ingest/{job['id']}/batches"
    words = {n: job[n] for n in ("lineEnding", "columnDelimiter")}
    return {**made, **words} if call is not None else made


def _listed(job: Mapping[str, Any]) -> Record:
    version = f"{job['apiVersion']:.1f}"
    return _shown(job, Call("GET", (), {}, {}, b"", version))


def _shown(job: Mapping[str, Any], call: Call) -> Record:
    """The job as asking for it answers."""
    spent = 50 + job["processed"] // 10 if job["state"] == "JobComplete" else 0
    shown = {
        **_made(job, call),
        "jobType": V2_INGEST,
        "retries": 0,
        "totalProcessingTime": spent,
        "apiActiveProcessingTime": spent,
        "apexProcessingTime": 0,
        "numberRecordsProcessed": job["processed"],
        "numberRecordsFailed": job["failed"],
    }
    return shown | ({"errorMessage": job["error"]} if job.get("error") else {})
