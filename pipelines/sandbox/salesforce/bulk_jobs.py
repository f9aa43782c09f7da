"""Jobs and batches of both Bulk APIs as they are kept: one small record each, in the store.

What was uploaded and what became of each row lies beside the record, so that a job that is open
when the sandbox stops goes on when it starts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pipelines.sandbox.clock import instant_text, parse_instant
from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

JOB, BATCH, RESULT = "750", "751", "752"
V2_QUERY, V2_INGEST, CLASSIC, PART = "V2Query", "V2Ingest", "Classic", "Batch"
ENDED = ("JobComplete", "Failed", "Aborted")
KEPT_RESULTS = 200
DAILY_BATCHES, DAILY_QUERY_JOBS = 15_000, 10_000
ROWS_IN_BATCH = 10_000
_BASE = "bulk:"


def new(org: Org, prefix: str, kind: str, given: Mapping[str, Any]) -> Record:
    """A job or batch as it begins, not yet kept."""
    counter = f"last:{_BASE}{prefix}"
    number = int(org.kernel.store.meta(org.org_id).get(counter, 0)) + 1
    org.kernel.store.put_meta(org.org_id, counter, number)
    at = stamp(org.kernel.clock.now())
    return {
        "id": ids.numbered(prefix, number),
        "kind": kind,
        "createdById": org.user_id,
        "createdDate": at,
        "systemModstamp": at,
        "processed": 0,
        "failed": 0,
        "slices": [],
        **given,
    }


def keep(org: Org, job: Mapping[str, Any], **changed: Any) -> Record:
    """The job with these changes, kept."""
    kept = {**job, **changed, "systemModstamp": stamp(org.kernel.clock.now())}
    org.kernel.store.put_meta(org.org_id, _BASE + kept["id"], kept)
    return kept


def find(org: Org, job_id: str, *kinds: str) -> Record | None:
    """The job or batch of an id in either form, if it is of one of these kinds."""
    found: Record | None = org.kernel.store.meta(org.org_id).get(_BASE + (ids.to18(job_id) or ""))
    return found if found is not None and found["kind"] in kinds else None


def found(org: Org, job_id: str, kind: str) -> Record:
    """The 2.0 job of an id.

    Raises:
        Refusal: 404, there is none.
    """
    job = find(org, job_id, kind)
    if job is None:
        raise refusals.not_found()
    return job


def all_of(org: Org, *kinds: str) -> list[Record]:
    """The jobs of these kinds, oldest first."""
    meta = org.kernel.store.meta(org.org_id)
    jobs = (v for k, v in meta.items() if k.startswith(_BASE) and isinstance(v, dict))
    return sorted((j for j in jobs if j.get("kind") in kinds), key=lambda j: str(j["id"]))


def forget(org: Org, job: Mapping[str, Any]) -> None:
    """Remove a job with all that lies beside it."""
    for beside in ("", ":data", ":doomed", *(f":{start}" for start in job["slices"])):
        org.kernel.store.put_meta(org.org_id, f"{_BASE}{job['id']}{beside}", None)
    org.bulk.results.pop(job["id"], None)
    org.bulk.uploads.pop(job["id"], None)


# ---- what lies beside it


def put_data(org: Org, job: Mapping[str, Any], text: str) -> None:
    """Keep what was uploaded, and which of its rows a fault lets fail."""
    org.kernel.store.put_meta(org.org_id, f"{_BASE}{job['id']}:data", [text])
    doomed = {str(n): [one.code, one.message] for n, one in org.failures.taken().items()}
    if doomed:
        org.kernel.store.put_meta(org.org_id, f"{_BASE}{job['id']}:doomed", doomed)


def doomed(org: Org, job: Mapping[str, Any]) -> Mapping[int, Refusal]:
    """The rows that fail by a fault, by their place from 0."""
    kept = org.kernel.store.meta(org.org_id).get(f"{_BASE}{job['id']}:doomed", {})
    return {int(place): Refusal(code, message) for place, (code, message) in kept.items()}


def data(org: Org, job: Mapping[str, Any]) -> str:
    """What was uploaded."""
    held = org.kernel.store.meta(org.org_id).get(f"{_BASE}{job['id']}:data", [""])
    return str(held[0])


def put_slice(org: Org, job: Mapping[str, Any], start: int, outcomes: Iterable[Any]) -> None:
    """Keep what became of the rows from `start` on."""
    org.kernel.store.put_meta(org.org_id, f"{_BASE}{job['id']}:{start}", list(outcomes))


def outcomes(org: Org, job: Mapping[str, Any]) -> Iterator[list[Any]]:
    """What became of each row so far, in the order of the file."""
    meta = org.kernel.store.meta(org.org_id)
    for start in job["slices"]:
        yield from meta[f"{_BASE}{job['id']}:{start}"]


# ---- waiting and being due


def queued(org: Org, job: Mapping[str, Any], **changed: Any) -> Record:
    """The job, kept, with its work before it."""
    conduct = org.bulk.conduct
    due = org.kernel.clock.now() + timedelta(seconds=conduct.seconds)
    kept = keep(org, job, due=instant_text(due), polls=int(conduct.polls), **changed)
    waiting(org).append(kept["id"])
    return kept


def waiting(org: Org) -> list[str]:
    """The ids of all jobs and batches whose work is before them."""
    if org.bulk.waiting is None:
        unfinished = ("UploadComplete", "InProgress", "Queued")
        kept = all_of(org, V2_QUERY, V2_INGEST, PART)
        org.bulk.waiting = [j["id"] for j in kept if j["state"] in unfinished and "due" in j]
    return org.bulk.waiting


def is_due(org: Org, job: Mapping[str, Any]) -> bool:
    """Whether its work may begin."""
    return not job["polls"] and parse_instant(job["due"]) <= org.kernel.clock.now()


def polled(org: Org, job: Record) -> Record:
    """The job after its state was asked for once more."""
    if job.get("polls"):
        return keep(org, job, polls=job["polls"] - 1)
    return job


def show_results(org: Org, job_id: str, rows: Sequence[Record]) -> None:
    """Remember the rows of a query; the oldest are found again by running it again."""
    org.bulk.results[job_id] = rows
    while len(org.bulk.results) > KEPT_RESULTS:
        org.bulk.results.pop(next(iter(org.bulk.results)))


def count_batches(org: Org, rows: int) -> None:
    """Batches of up to 10,000 rows, off the day's allowance.

    Raises:
        Refusal: it is used up and limits are on.
    """
    org.usage.bulk_batches += max(1, -(-rows // ROWS_IN_BATCH))
    if org.kernel.options.limits and org.usage.bulk_batches > DAILY_BATCHES:
        raise Refusal("EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.")


def count_query_job(org: Org) -> None:
    """One query job more.

    Raises:
        Refusal: the day's allowance is used up and limits are on.
    """
    org.usage.bulk_queries += 1
    if org.kernel.options.limits and org.usage.bulk_queries > DAILY_QUERY_JOBS:
        raise Refusal(
            "LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been reached."
        )
