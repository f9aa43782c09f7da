"""`/recent` and the recent items of an object: what the user viewed, made or changed last.

A view is a read of a single record by its id, or a query with FOR VIEW (REST guide, "View Recently
Viewed Records"; SOQL reference, "FOR VIEW"). Each user has recent items of his own.
"""

from __future__ import annotations

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.describing import entry
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.viewed import Moment
from pipelines.sandbox.store import Record

_LOOKED_AT = 200
_NEVER: Moment = ("", 0)


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


def _touched(org: Org, sobject: SObject) -> list[tuple[Moment, SObject, Record]]:
    """What the session's user viewed, and what of the last made is theirs, with when it was."""
    table = org.kernel.store.table(org.org_id, sobject.name)
    rows = table.rows()
    changed = {
        record["Id"]: (str(record.get("LastModifiedDate", "")), 0)
        for record in rows[max(0, len(rows) - _LOOKED_AT) :]
        if record.get("LastModifiedById") == org.user_id
    }
    seen = org.viewed.of(org.user_id, sobject.name)
    found = ((one, table.get(one)) for one in dict.fromkeys((*seen, *changed)))
    return [
        (max(seen.get(one, _NEVER), changed.get(one, _NEVER)), sobject, record)
        for one, record in found
        if record is not None and not record.get("IsDeleted")
    ]


def _shown(call: Call, sobject: SObject, record: Record) -> Record:
    name = next((f.name for f in sobject.fields.values() if f.name_field), "Id")
    url = f"{call.root}/sobjects/{sobject.name}/{record['Id']}"
    return {
        "attributes": {"type": sobject.name, "url": url},
        "Id": record["Id"],
        "Name": record.get(name),
    }
