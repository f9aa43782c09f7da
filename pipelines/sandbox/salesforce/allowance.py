"""`/limits` and `/limits/recordCount`."""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.bulk_jobs import DAILY_BATCHES, DAILY_QUERY_JOBS
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.org import DAILY_CALLS, Org

# What the sandbox does not use up: the documented entries with the figures of an Enterprise org.
_UNTOUCHED = {
    name: {"Max": most, "Remaining": most}
    for name, most in {
        "ConcurrentAsyncGetReportInstances": 200,
        "ConcurrentSyncReportRuns": 20,
        "DailyAsyncApexExecutions": 250_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DailyDeliveredPlatformEvents": 25_000,
        "DailyDurableGenericStreamingApiEvents": 200_000,
        "DailyDurableStreamingApiEvents": 200_000,
        "DailyGenericStreamingApiEvents": 10_000,
        "DailyStandardVolumePlatformEvents": 25_000,
        "DailyStreamingApiEvents": 200_000,
        "DailyWorkflowEmails": 10_000,
        "DataStorageMB": 1024,
        "DurableStreamingApiConcurrentClients": 1000,
        "FileStorageMB": 1024,
        "HourlyAsyncReportRuns": 1200,
        "HourlyDashboardRefreshes": 200,
        "HourlyDashboardResults": 5000,
        "HourlyDashboardStatuses": 999_999_999,
        "HourlyODataCallout": 20_000,
        "HourlyPublishedPlatformEvents": 250_000,
        "HourlyPublishedStandardVolumePlatformEvents": 100_000,
        "HourlySyncReportRuns": 500,
        "HourlyTimeBasedWorkflow": 1000,
        "MassEmail": 5000,
        "PermissionSets": 1500,
        "SingleEmail": 5000,
        "StreamingApiConcurrentClients": 1000,
    }.items()
}


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
            _batches_word(call): {
                "Max": DAILY_BATCHES,
                "Remaining": max(0, DAILY_BATCHES - used.bulk_batches),
            },
            "DailyBulkV2QueryJobs": {
                "Max": DAILY_QUERY_JOBS,
                "Remaining": max(0, DAILY_QUERY_JOBS - used.bulk_queries),
            },
            **_UNTOUCHED,
        },
    )


def _batches_word(call: Call) -> str:
    """What batches are called: versions before 49 name the calls that bring them."""
    return "DailyBulkApiRequests" if float(call.version) < 49 else "DailyBulkApiBatches"


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
