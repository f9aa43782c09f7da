"""`/jobs`: the door to Bulk API 2.0."""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.bulk_ingest import ingest_jobs
from pipelines.sandbox.salesforce.bulk_query import query_jobs
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.org import Org


def jobs(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /jobs."""
    if not rest:
        only(call, "GET", "HEAD")
        return Answer(200, {n: f"{call.root}/jobs/{n}" for n in ("ingest", "query")})
    family = {"query": query_jobs, "ingest": ingest_jobs}.get(rest[0].lower())
    if family is None:
        raise refusals.not_found()
    return family(org, call, rest[1:])
