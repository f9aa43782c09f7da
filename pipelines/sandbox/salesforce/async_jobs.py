"""Bulk API 1.0: `/services/async/VERSION/job` and what is below it.

It has its own session header, its own errors, and answers in JSON or XML; jobs and rows are the
same as those of Bulk API 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce import async_batches, bulk_jobs
from pipelines.sandbox.salesforce.async_forms import Fault, asked_form, said
from pipelines.sandbox.salesforce.async_rows import local, parsed
from pipelines.sandbox.salesforce.bulk_jobs import CLASSIC, PART
from pipelines.sandbox.salesforce.bulk_work import advance
from pipelines.sandbox.salesforce.bulk_writes import OPERATIONS, key_of
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sessions import bearer
from pipelines.sandbox.store import Record

_ADDRESS = re.compile(r"/services/async/(?P<version>\d+\.\d)(?P<rest>/.*)?")
_NEWEST = 68.0
_MODES = {"0": "Parallel", "1": "Serial", "parallel": "Parallel", "serial": "Serial"}
_DEFAULT_CHUNK, _LARGEST_CHUNK = 100_000, 250_000


def classic(org: Org, request: Request, path: str) -> Reply:
    """Answer one call of Bulk API 1.0."""
    form = asked_form(request) or "XML"
    try:
        session = org.sessions.use(bearer(request))
        if session is None:
            raise Fault("InvalidSessionId", "Invalid session id")
        found = _ADDRESS.fullmatch(path)
        if found is None or float(found["version"]) > _NEWEST:
            raise Fault("InvalidVersion", "Api version specified in the URL is not supported")
        _count(org)
        org.enter(session.user_id)
        advance(org)
        rest = tuple(part for part in (found["rest"] or "").split("/") if part)
        with org.kernel.store.transaction():
            reply = _answer(org, request, rest, found["version"])
        advance(org)
        return reply
    except Fault as fault:
        body = {"exceptionCode": fault.code, "exceptionMessage": fault.message}
        return said(form, "error", body, fault.status)


def _count(org: Org) -> None:
    try:
        org.count_call()
    except Refusal as refusal:
        raise Fault("ExceededQuota", refusal.message, 403) from None


def _answer(org: Org, request: Request, rest: tuple[str, ...], version: str) -> Reply:
    if not rest or rest[0] != "job":
        raise Fault("InvalidUrl", "The URL provided in the request is invalid")
    if len(rest) == 1:
        _only(request, "POST")
        return _create(org, request, version)
    job = bulk_jobs.find(org, rest[1], CLASSIC)
    if job is None:
        raise Fault("InvalidJob", f"Invalid job id: {rest[1]}")
    if len(rest) == 2:
        _only(request, "GET", "POST")
        form = asked_form(request) or ("JSON" if job["form"] == "JSON" else "XML")
        if request.method == "POST":
            job = _changed(org, job, _body(request, form))
        return said(form, "jobInfo", _info(org, job))
    if rest[2] != "batch" or len(rest) > 6:
        raise Fault("InvalidUrl", "The URL provided in the request is invalid")
    _only(request, *(("GET", "POST") if len(rest) == 3 else ("GET",)))
    return async_batches.batches(org, request, job, rest[3:])


def _only(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise Fault("InvalidUrl", f"The method {request.method} is not allowed here", 405)


# ---- jobs


def _body(request: Request, form: str) -> Record:
    text = request.body.decode(errors="replace").strip()
    try:
        if form == "JSON":
            found = codec.loads(text)
        else:
            found = {local(e): (e.text or "").strip() for e in parsed(text)}
    except (ValueError, ElementTree.ParseError):
        found = None
    if not isinstance(found, dict):
        code = "InvalidJSON" if form == "JSON" else "InvalidXML"
        raise Fault(code, f"The request body is no {form} of a jobInfo")
    return found


def _create(org: Org, request: Request, version: str) -> Reply:
    form = asked_form(request) or "XML"
    given = _body(request, form)
    operation = str(given.get("operation") or "")
    if operation not in (*OPERATIONS, "query", "queryAll"):
        raise Fault("InvalidJob", f"Invalid operation: {operation or 'null'}")
    sobject = org.catalogue.get(str(given.get("object") or ""))
    if sobject is None:
        raise Fault("InvalidJob", f"Unable to find object: {given.get('object') or 'null'}")
    content = str(given.get("contentType") or "XML").upper()
    if content not in ("CSV", "JSON", "XML"):
        raise Fault("InvalidJob", f"The sandbox does not serve the content type {content}")
    try:
        key = key_of(org, given, sobject)
    except Refusal as refusal:
        raise Fault("InvalidJob", refusal.message.removeprefix("InvalidJob : ")) from None
    mode = _MODES.get(str(given.get("concurrencyMode", "")).lower(), "Parallel")
    kept = {
        "operation": operation, "object": sobject.name, "state": "Open", "form": content,
        "contentType": content, "concurrencyMode": mode, "apiVersion": version,
        "externalIdFieldName": key.name if key else None,
        "assignmentRuleId": given.get("assignmentRuleId") or None,
        "chunkSize": _chunk_size(request.headers.get("sforce-enable-pkchunking", "")),
    }  # fmt: skip
    job = bulk_jobs.keep(org, bulk_jobs.new(org, bulk_jobs.JOB, CLASSIC, kept))
    return said(form, "jobInfo", _info(org, job), 201)


def _chunk_size(header: str) -> int:
    """Rows in a chunk, when the job is to be cut by primary key; otherwise 0."""
    words = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    asked = {word.lower() for word in words} - {"false", ""}
    size = words.get("chunkSize", "").strip()
    return min(int(size), _LARGEST_CHUNK) if size.isdigit() and int(size) else (
        _DEFAULT_CHUNK if asked else 0
    )  # fmt: skip


def _changed(org: Org, job: Record, given: Mapping[str, Any]) -> Record:
    state = given.get("state")
    if state not in ("Closed", "Aborted"):
        raise Fault("InvalidJobState", f"Invalid job state: {state or 'null'}")
    if job["state"] == "Aborted" or (job["state"] == "Closed" and state == "Closed"):
        verb = "Closing" if state == "Closed" else "Aborting"
        raise Fault("InvalidJobState", f"{verb} already {job['state']} Job not allowed")
    if state == "Aborted":
        for batch in _batches(org, job):
            if batch["state"] in ("Queued", "InProgress"):
                bulk_jobs.keep(org, batch, state="NotProcessed")
    return bulk_jobs.keep(org, job, state=state)


def _batches(org: Org, job: Mapping[str, Any]) -> list[Record]:
    return [b for b in bulk_jobs.all_of(org, PART) if b["jobId"] == job["id"]]


def _info(org: Org, job: Mapping[str, Any]) -> Record:
    batches = _batches(org, job)
    states = [batch["state"] for batch in batches]
    same = ("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state")
    return {
        **{name: job[name] for name in same},
        "externalIdFieldName": job["externalIdFieldName"],
        "concurrencyMode": job["concurrencyMode"],
        "contentType": job["contentType"],
        "numberBatchesQueued": states.count("Queued"),
        "numberBatchesInProgress": states.count("InProgress"),
        "numberBatchesCompleted": states.count("Completed"),
        "numberBatchesFailed": states.count("Failed"),
        "numberBatchesTotal": len(states),
        "numberRecordsProcessed": sum(batch["processed"] for batch in batches),
        "numberRetries": 0,
        "apiVersion": float(job["apiVersion"]),
        "assignmentRuleId": job["assignmentRuleId"],
        "numberRecordsFailed": sum(batch["failed"] for batch in batches),
        "totalProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apexProcessingTime": 0,
        "fastPathEnabled": False,
    }
