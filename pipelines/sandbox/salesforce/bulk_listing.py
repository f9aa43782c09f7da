"""Lists of bulk jobs: `GET /jobs/query` and `GET /jobs/ingest`, filtered and in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.sandbox.salesforce import bulk_jobs, refusals
from pipelines.sandbox.salesforce.bulk_jobs import CLASSIC, V2_INGEST, V2_QUERY
from pipelines.sandbox.salesforce.calls import Answer, Call, is_true
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.store import Record

_PAGE = 1000
_SUMMARY = (
    "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state",
    "externalIdFieldName", "concurrencyMode", "contentType", "apiVersion", "contentUrl",
    "jobType", "lineEnding", "columnDelimiter",
)  # fmt: skip
_KINDS = {"classic": CLASSIC, "v2ingest": V2_INGEST, "v2query": V2_QUERY}


def listed(org: Org, call: Call, shown: Callable[[Mapping[str, Any]], Record]) -> Answer:
    """The jobs of an address and the 1.0 jobs of its kind, oldest first."""
    queries = call.path[-1].lower() == "query"
    jobs = bulk_jobs.all_of(org, V2_QUERY if queries else V2_INGEST, CLASSIC)
    kept = [
        _summary(job, shown)
        for job in jobs
        if job["operation"].startswith("query") == queries and _wanted(job, call.query)
    ]
    start = _start(call.query.get("queryLocator"), len(kept))
    more = start + _PAGE < len(kept)
    address = f"{call.root}/jobs/{'query' if queries else 'ingest'}"
    following = f"{address}?queryLocator={start + _PAGE}" if more else None
    records = kept[start : start + _PAGE]
    return Answer(200, {"done": not more, "records": records, "nextRecordsUrl": following})


def _start(locator: str | None, total: int) -> int:
    if not locator:
        return 0
    if not locator.isdigit() or int(locator) >= total:
        raise refusals.Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(locator)


def _wanted(job: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    kind = filters.get("jobType")
    if kind and job["kind"] != _KINDS.get(kind.lower()):
        return False
    mode = filters.get("concurrencyMode")
    if mode and job.get("concurrencyMode", "Parallel").lower() != mode.lower():
        return False
    chunked = filters.get("isPkChunkingEnabled")
    return chunked is None or is_true(chunked) == bool(job.get("chunkSize"))


def _summary(job: Mapping[str, Any], shown: Callable[[Mapping[str, Any]], Record]) -> Record:
    if job["kind"] != CLASSIC:
        return {k: v for k, v in shown(job).items() if k in _SUMMARY}
    found = {k: v for k, v in job.items() if k in _SUMMARY and v is not None}
    return {**found, "apiVersion": float(job["apiVersion"]), "jobType": CLASSIC}
