"""`/limits` and `/limits/recordCount`."""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.bulk_jobs import DAILY_BATCHES, DAILY_QUERY_JOBS
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.org import DAILY_CALLS, Org


def limits(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /limits: what the org may use, and what is left of it."""
    only(call, "GET", "HEAD")
    if rest and rest[0].lower() == "recordcount":
        return _record_count(org, call)
    if rest:
        raise refusals.not_found()
    used = org.usage
    left = max(0, DAILY_CALLS - org.usage.used)
    return Answer(
        200,
        {
            "DailyApiRequests": {"Max": DAILY_CALLS, "Remaining": left},
            "DailyBulkApiBatches": {
                "Max": DAILY_BATCHES,
                "Remaining": max(0, DAILY_BATCHES - used.bulk_batches),
            },
            "DailyBulkV2QueryJobs": {
                "Max": DAILY_QUERY_JOBS,
                "Remaining": max(0, DAILY_QUERY_JOBS - used.bulk_queries),
            },
            "DataStorageMB": {"Max": 1024, "Remaining": 1000},
            "FileStorageMB": {"Max": 1024, "Remaining": 1024},
            "SingleEmail": {"Max": 5000, "Remaining": 5000},
            "MassEmail": {"Max": 5000, "Remaining": 5000},
        },
    )


def _record_count(org: Org, call: Call) -> Answer:
    wanted = call.query.get("sObjects")
    names = wanted.split(",") if wanted else [o.name for o in org.catalogue.objects.values()]
    counted = []
    for name in names:
        sobject = org.catalogue.get(name.strip())
        count = len(org.kernel.store.table(org.org_id, sobject.name)) if sobject else 0
        if sobject and count:
            counted.append({"count": count, "name": sobject.name})
    return Answer(200, {"sObjects": counted})
