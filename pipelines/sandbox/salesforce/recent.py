"""`/recent` and the recent items of an object: what the user made or changed last."""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.describing import entry
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.store import Record

_LOOKED_AT = 200


def recent(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """GET /recent?limit=n: the newest first, of all objects that have recent items."""
    only(call, "GET", "HEAD")
    if rest:
        raise refusals.not_found()
    limit = call.query.get("limit", "200")
    most = int(limit) if limit.isdigit() else 200
    found = [
        item
        for sobject in org.catalogue.objects.values()
        if entry(sobject, call.root)["mruEnabled"]
        for item in _touched(org, sobject)
    ]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return Answer(200, [_shown(call, *item[1:]) for item in found[:most]])


def recent_items(org: Org, call: Call, sobject: SObject) -> list[Record]:
    """The `recentItems` of GET /sobjects/X."""
    if not entry(sobject, call.root)["mruEnabled"]:
        return []
    touched = sorted(_touched(org, sobject), key=lambda pair: pair[0], reverse=True)
    return [_shown(call, *item[1:]) for item in touched]


def _touched(org: Org, sobject: SObject) -> list[tuple[str, SObject, Record]]:
    """Among the last made, those of the session's user, with the time of the change."""
    rows = org.kernel.store.table(org.org_id, sobject.name).rows()
    last = rows[max(0, len(rows) - _LOOKED_AT) :]
    return [
        (str(record.get("LastModifiedDate", "")), sobject, record)
        for record in last
        if not record.get("IsDeleted") and record.get("LastModifiedById") == org.sessions.user_id
    ]


def _shown(call: Call, sobject: SObject, record: Record) -> Record:
    name = next((f.name for f in sobject.fields.values() if f.name_field), "Id")
    url = f"{call.root}/sobjects/{sobject.name}/{record['Id']}"
    return {
        "attributes": {"type": sobject.name, "url": url},
        "Id": record["Id"],
        "Name": record.get(name),
    }
