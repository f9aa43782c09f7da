"""`/sobjects/X/updated` and `/deleted`: what changed in a window of time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pipelines.sandbox.salesforce.access import Wanted, candidates, instant_of
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record


def updated(org: Org, call: Call, sobject: SObject) -> Answer:
    """GET /sobjects/X/updated: ids of living records changed in the window."""
    start, end = _window(org, call)
    found = [
        r["Id"]
        for r in _stamped(org, sobject, start, end)
        if not r.get("IsDeleted") and start <= _time(_stamp_of(r)) < end
    ]
    return Answer(200, {"ids": found, "latestDateCovered": stamp(end)})


def deleted(org: Org, call: Call, sobject: SObject) -> Answer:
    """GET /sobjects/X/deleted: what went into the recycle bin in the window."""
    start, end = _window(org, call)
    gone = [
        {"id": r["Id"], "deletedDate": _stamp_of(r)}
        for r in _stamped(org, sobject, start, end)
        if r.get("IsDeleted") and start <= _time(_stamp_of(r)) < end
    ]
    earliest = org.kernel.clock.now() - timedelta(days=15)
    return Answer(
        200,
        {
            "deletedRecords": gone,
            "earliestDateAvailable": stamp(earliest),
            "latestDateCovered": stamp(end),
        },
    )


def _stamped(org: Org, sobject: SObject, start: datetime, end: datetime) -> Iterable[Record]:
    """At least the records with a stamp in the window."""
    table = org.kernel.store.table(org.org_id, sobject.name)
    field = sobject.field("SystemModstamp")
    if field is None:
        return table
    bounds = (instant_of(start), instant_of(end))
    wanted = (Wanted(field, ">=", bounds[:1]), Wanted(field, "<=", bounds[1:]))
    return candidates(table, wanted)


def _stamp_of(record: Record) -> str:
    """When it changed last; a row of a log never does, unless it is deleted."""
    return str(record.get("SystemModstamp") or record["CreatedDate"])


def _window(org: Org, call: Call) -> tuple[datetime, datetime]:
    try:
        start, end = (
            _time(call.query[name].replace(" ", "+")).replace(second=0, microsecond=0)
            for name in ("start", "end")
        )
    except (KeyError, ValueError):
        raise Refusal("INVALID_REPLICATION_DATE", "invalid start or end date") from None
    if start < org.kernel.clock.now() - timedelta(days=30):
        raise Refusal("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
    if end - start < timedelta(minutes=1):
        raise Refusal(
            "INVALID_REPLICATION_DATE",
            "endDate must be at least one minute greater than startDate",
        )
    return start, end


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)
