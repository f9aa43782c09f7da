"""The recycle bin and merges: what leaves a record behind, and what brings it back.

Source: SOAP API guide, `undelete`, `emptyRecycleBin`, `merge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record, Write

MERGEABLE = ("Account", "Contact", "Lead", "Case", "Individual")
MERGED_AT_ONCE = 2


def undelete(org: Org, record_id: str) -> str:
    """Take a record out of the recycle bin, with what went there with it."""
    sobject, record = _binned(org, record_id)
    writes: list[Write] = []
    _restore(org, sobject, record, writes)
    with org.kernel.store.transaction():
        org.kernel.store.commit(writes)
        org.records.recount(writes)
    return str(record["Id"])


def purge(org: Org, record_id: str) -> str:
    """Take a record out of the recycle bin for good."""
    sobject, record = _binned(org, record_id)
    org.kernel.store.commit([Write(org.org_id, sobject.name, record["Id"], None)])
    return str(record["Id"])


def merge(
    org: Org, kind: str, master_id: str, changes: Mapping[str, Any], losers: Sequence[str]
) -> tuple[str, list[str], list[str]]:
    """Merge records into one: the ids of the master, of the merged, and of what moved with them."""
    sobject = org.catalogue.get(kind)
    if sobject is None or sobject.name not in MERGEABLE:
        raise Refusal("INVALID_TYPE", f"Entity type {kind} is not available for merge", ())
    if not losers or len(losers) > MERGED_AT_ONCE:
        raise Refusal("INVALID_NUMBER_OF_RECORDS", "Merge takes one or two records to merge", ())
    master = _mergeable(org, sobject, master_id)
    others = [_mergeable(org, sobject, one) for one in losers]
    if master["Id"] in [o["Id"] for o in others]:
        raise Refusal("INVALID_ID_FIELD", "A record cannot be merged with itself", ())
    moved = [write for other in others for write in _moved(org, sobject, other, master)]
    org.kernel.store.commit([*moved, *(_merged(org, sobject, o, master["Id"]) for o in others)])
    org.records.recount(moved)
    org.records.update(sobject, master["Id"], changes)
    return master["Id"], [o["Id"] for o in others], [w.id for w in moved]


def _mergeable(org: Org, sobject: SObject, record_id: str) -> Record:
    try:
        return org.records.living(sobject, record_id)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            raise
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ()) from None


def _merged(org: Org, sobject: SObject, record: Record, master_id: str) -> Write:
    gone = {**record, **_stamps(org), "IsDeleted": True, "MasterRecordId": master_id}
    return Write(org.org_id, sobject.name, record["Id"], gone, "delete")


def _moved(org: Org, sobject: SObject, loser: Record, master: Record) -> Iterator[Write]:
    """What referred to the loser refers to the master."""
    for child, field in _references(org, sobject):
        for one in _living(org, child, field, loser["Id"]):
            if one["Id"] != master["Id"]:
                after = {**one, **_stamps(org), field.name: master["Id"]}
                yield Write(org.org_id, child.name, one["Id"], after)


def _references(org: Org, sobject: SObject) -> Iterator[tuple[SObject, Field]]:
    for child in org.catalogue.objects.values():
        for field in child.fields.values():
            if sobject.name in field.refers_to and field.name != "MasterRecordId":
                yield child, field


def _living(org: Org, child: SObject, field: Field, value: str) -> Iterable[Record]:
    found = org.kernel.store.table(org.org_id, child.name).find(field.name, value)
    return [r for r in found if not r.get("IsDeleted")]


def _binned(org: Org, record_id: str) -> tuple[SObject, Record]:
    full = ids.to18(record_id)
    sobject = org.catalogue.of_id(record_id)
    if full is None or sobject is None:
        raise Refusal("MALFORMED_ID", f"bad id {record_id}", ())
    record = org.kernel.store.table(org.org_id, sobject.name).get(full)
    if record is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
    if not record.get("IsDeleted") or record.get("MasterRecordId"):
        raise Refusal("UNDELETE_FAILED", "Entity is not in the recycle bin", ())
    return sobject, record


def _restore(org: Org, sobject: SObject, record: Record, writes: list[Write]) -> None:
    """The record, and its children that were deleted in the same moment."""
    after = {**record, **_stamps(org), "IsDeleted": False}
    writes.append(Write(org.org_id, sobject.name, record["Id"], after))
    for child, field in _references(org, sobject):
        if field.cascade:
            table = org.kernel.store.table(org.org_id, child.name)
            for one in table.find(field.name, record["Id"]):
                if one.get("IsDeleted") and one["SystemModstamp"] == record["SystemModstamp"]:
                    _restore(org, child, one, writes)


def _stamps(org: Org) -> Record:
    at = stamp(org.kernel.clock.now())
    return {"LastModifiedDate": at, "LastModifiedById": org.user_id, "SystemModstamp": at}
