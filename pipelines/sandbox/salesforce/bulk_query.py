"""Bulk API 2.0 queries: `/jobs/query`.

A job's rows are found when it is made and turned into CSV page by page, so that a result of a
million rows is never held as text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sandbox.salesforce import bulk_jobs, refusals
from pipelines.sandbox.salesforce.bulk_columns import cells, headings
from pipelines.sandbox.salesforce.bulk_jobs import V2_QUERY
from pipelines.sandbox.salesforce.bulk_listing import listed
from pipelines.sandbox.salesforce.bulk_work import style_of
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.csv_rows import DELIMITERS, ENDINGS, MEDIA
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

# The vendor may send fewer rows than asked for; a page is made while no other call is answered.
PAGE = 25_000
_PARALLEL_PAGES = 5
_NO_CHUNKS = ("order by", "limit")


def query_jobs(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /jobs/query."""
    if not rest:
        only(call, "GET", "HEAD", "POST")
        return _create(org, call) if call.method == "POST" else listed(org, call, _shown)
    job = bulk_jobs.found(org, rest[0], V2_QUERY)
    if len(rest) == 1:
        return _one(org, call, job)
    only(call, "GET", "HEAD")
    action = {"results": _results, "resultpages": _result_pages}.get(rest[1].lower())
    if action is None or len(rest) > 2:
        raise refusals.not_found()
    if float(call.version) != job["apiVersion"]:
        raise Refusal(
            "API_VERSION_MISMATCH",
            f"The job was created with API version {job['apiVersion']:.1f}, and its results can "
            "only be read with that version",
            status=409,
        )
    return action(org, call, _finished(org, job))


def _create(org: Org, call: Call) -> Answer:
    body = object_body(call)
    operation = str(body.get("operation", ""))
    if operation not in ("query", "queryAll"):
        raise Refusal("INVALIDJOB", f"InvalidJob : Unsupported operation: {operation or 'null'}")
    delimiter, ending = file_words(body)
    statement = str(body.get("query") or "")
    if not statement.strip():
        raise refusals.malformed_query("unexpected token: '<EOF>'")
    selection = org.selection(call)
    scope = selection.scope(statement)
    headings(scope)
    rows = selection.run(statement, operation == "queryAll").rows
    bulk_jobs.count_query_job(org)
    job = bulk_jobs.new(
        org,
        bulk_jobs.JOB,
        V2_QUERY,
        {
            "operation": operation, "object": scope.source.name, "state": "UploadComplete",
            "apiVersion": float(call.version), "lineEnding": ending, "columnDelimiter": delimiter,
            "query": statement,
        },
    )  # fmt: skip
    job = bulk_jobs.queued(org, job)
    bulk_jobs.waiting(org).remove(job["id"])  # it is finished when it is asked for
    bulk_jobs.show_results(org, job["id"], rows)
    return Answer(200, _made(job))


def file_words(body: Mapping[str, Any]) -> tuple[str, str]:
    """Column delimiter and line ending of a new job.

    Raises:
        Refusal: the vendor has no such word, or another content type than CSV is named.
    """
    delimiter = str(body.get("columnDelimiter") or "COMMA").upper()
    ending = str(body.get("lineEnding") or "LF").upper()
    kind = str(body.get("contentType") or "CSV").upper()
    for name, value, known in (
        ("columnDelimiter", delimiter, DELIMITERS), ("lineEnding", ending, ENDINGS),
        ("contentType", kind, ("CSV",)),
    ):  # fmt: skip
        if value not in known:
            raise Refusal("INVALIDJOB", f"InvalidJob : {value} is not a valid value for {name}")
    return delimiter, ending


def _one(org: Org, call: Call, job: Record) -> Answer:
    only(call, "GET", "HEAD", "PATCH", "DELETE")
    if call.method == "PATCH":
        return _abort(org, call, job)
    if call.method == "DELETE":
        if job["state"] not in bulk_jobs.ENDED:
            job = _finished(org, job)
        if job["state"] not in bulk_jobs.ENDED:
            raise _state("Deleting a job that is not finished is not allowed")
        bulk_jobs.forget(org, job)
        return Answer(204)
    job = _finished(org, job)
    shown = _shown(job)
    bulk_jobs.polled(org, job)
    return Answer(200, shown)


def _abort(org: Org, call: Call, job: Record) -> Answer:
    state = object_body(call).get("state")
    if state != "Aborted":
        raise Refusal("INVALIDJOB", f"InvalidJob : A query job cannot be set to {state}")
    if job["state"] in bulk_jobs.ENDED:
        raise _state(f"Aborting already {_word(job)} Job not allowed")
    org.bulk.results.pop(job["id"], None)
    return Answer(200, _made(bulk_jobs.keep(org, job, state="Aborted")))


def _state(message: str) -> Refusal:
    return Refusal("INVALIDJOBSTATE", message)


def _word(job: Mapping[str, Any]) -> str:
    return "Completed" if job["state"] == "JobComplete" else str(job["state"])


def _finished(org: Org, job: Record) -> Record:
    """The job with its work done, if that is due."""
    if job["state"] in bulk_jobs.ENDED:
        return job
    if not bulk_jobs.is_due(org, job):
        return bulk_jobs.keep(org, job, state="InProgress")
    if org.bulk.conduct.fail_with:
        return bulk_jobs.keep(org, job, state="Failed", error=org.bulk.conduct.fail_with)
    return bulk_jobs.keep(org, job, state="JobComplete", processed=len(_rows(org, job)))


def _rows(org: Org, job: Mapping[str, Any]) -> Sequence[Record]:
    """The rows found when the job was made; after a restart they are looked for again."""
    rows = org.bulk.results.get(job["id"])
    if rows is None:
        asked = Call("GET", (), {}, {}, b"", f"{job['apiVersion']:.1f}")
        everything = job["operation"] == "queryAll"
        rows = org.selection(asked).run(job["query"], everything).rows
        bulk_jobs.show_results(org, job["id"], rows)
    return rows


# ---- results


def _results(org: Org, call: Call, job: Record) -> Answer:
    _refuse_unfinished(job)
    rows = _rows(org, job)
    start = _offset(call.query.get("locator"), len(rows))
    size = _size(call.query.get("maxRecords"))
    page = rows[start : start + size]
    columns = headings(org.selection(call).scope(job["query"]))
    body = style_of(job).written([c.text for c in columns], map(cells(columns), page))
    rest = start + len(page) < len(rows)
    headers = {
        "Content-Type": MEDIA,
        "Sforce-NumberOfRecords": str(len(page)),
        "Sforce-Locator": _locator(start + len(page)) if rest else "null",
    }
    return Answer(200, None, headers, body)


def _refuse_unfinished(job: Mapping[str, Any]) -> None:
    if job["state"] != "JobComplete":
        raise _state(f"The results of a job in state {job['state']} cannot be read")


def _result_pages(org: Org, call: Call, job: Record) -> Answer:
    """Up to five pages that can be read side by side."""
    _refuse_unfinished(job)
    total, size = len(_rows(org, job)), _size(call.query.get("maxRecords"))
    start = _offset(call.query.get("locator"), total)
    starts = list(range(start, max(total, start + 1), size))
    root = f"{call.root}/jobs/query/{job['id']}"
    most = f"maxRecords={size}&" if "maxRecords" in call.query else ""
    pages = [
        {"resultUrl": f"{root}/results?{most}locator={_locator(one)}"}
        for one in starts[:_PARALLEL_PAGES]
    ]
    more = len(starts) > _PARALLEL_PAGES
    answer: dict[str, Any] = {"resultPages": pages, "done": not more}
    if more:
        following = _locator(starts[_PARALLEL_PAGES])
        answer["nextRecordsUrl"] = f"{root}/resultPages?{most}locator={following}"
    return Answer(200, answer)


def _locator(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode().rstrip("=")


def _offset(locator: str | None, total: int) -> int:
    if not locator or locator == "null":
        return 0
    try:
        start = int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (ValueError, binascii.Error):
        start = -1
    if not 0 <= start < max(total, 1):
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    return start


def _size(most: str | None) -> int:
    if most is None:
        return PAGE
    if not most.isdigit() or int(most) < 1:
        raise Refusal("INVALIDINPUT", f"maxRecords must be a positive number: {most}")
    return min(int(most), PAGE)


# ---- as JSON


def _made(job: Mapping[str, Any]) -> Record:
    """The job as its creation and its abortion answer."""
    same = ("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state")
    return {
        **{name: job[name] for name in same},
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job["apiVersion"],
        "lineEnding": job["lineEnding"],
        "columnDelimiter": job["columnDelimiter"],
    }


def _shown(job: Mapping[str, Any]) -> Record:
    """The job as asking for it answers."""
    done = job["state"] == "JobComplete"
    chunks = not any(word in job["query"].lower() for word in _NO_CHUNKS)
    shown = {
        **_made(job),
        "jobType": V2_QUERY,
        "numberRecordsProcessed": job["processed"],
        "retries": 0,
        "totalProcessingTime": 100 + job["processed"] // 100 if done else 0,
        "isPkChunkingSupported": chunks,
    }
    return shown | ({"errorMessage": job["error"]} if job.get("error") else {})
