"""Record types as components: made, read and changed by full name (Metadata API guide, RecordType;
Tooling API guide, RecordType). The record of the same name is what the org goes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.salesforce.custom import is_on
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record, Write

Metadata = Mapping[str, Any]
# What a component says beside what its record holds, by the record's id.
_MORE = "record_type_metadata"
_OF_RECORD = frozenset({"fullName", "label", "description", "active"})


def names(org: Org) -> list[str]:
    """The full names of the org's record types."""
    return [f"{one['SobjectType']}.{one['DeveloperName']}" for one in _table(org)]


def _table(org: Org) -> list[Record]:
    return list(org.kernel.store.table(org.org_id, "RecordType"))


def record_of(org: Org, name: str) -> Record | None:
    """The record of a record type."""
    owner, _, own = name.lower().partition(".")
    return next(
        (
            one
            for one in _table(org)
            if (str(one["SobjectType"]).lower(), str(one["DeveloperName"]).lower()) == (owner, own)
        ),
        None,
    )


def id_of(org: Org, name: str) -> str:
    """Its id; '' for none of that name."""
    return str((record_of(org, name) or {}).get("Id", ""))


def read(org: Org, name: str) -> Metadata | None:
    """A record type as it was defined."""
    found = record_of(org, name)
    if found is None:
        return None
    more = org.kernel.store.meta(org.org_id).get(_MORE, {}).get(found["Id"], {})
    told = {"description": found["Description"]} if found.get("Description") else {}
    return {
        "fullName": f"{found['SobjectType']}.{found['DeveloperName']}",
        "active": found.get("IsActive") is not False,
        "label": found["Name"],
        **told,
        **more,
    }


def put(org: Org, name: str, metadata: Metadata) -> bool:
    """Make a record type, or change it; says whether it is new.

    Raises:
        Refusal: there is no such object, or it lacks its label.
    """
    owner, _, own = name.partition(".")
    if org.everything().get(owner.lower()) is None or not own:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {owner} does not exist", ())
    label = str(metadata.get("label") or "")
    if not label:
        raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: label", ("label",))
    given = {
        "Name": label,
        "DeveloperName": own,
        "Description": metadata.get("description"),
        "IsActive": is_on({"active": True, **metadata}, "active"),
    }
    sobject, before = org.everything()["recordtype"], record_of(org, name)
    if before is None:
        record_id = org.records.create(sobject, {**given, "SobjectType": owner})
    else:
        record_id = str(before["Id"])
        org.records.update(sobject, record_id, given)
    kept = org.kernel.store.meta(org.org_id).get(_MORE, {})
    more = {k: v for k, v in metadata.items() if v is not None and k not in _OF_RECORD}
    org.kernel.store.put_meta(org.org_id, _MORE, {**kept, record_id: more})
    org.refresh_catalogue()
    return before is None


def forget(org: Org, owner: str) -> None:
    """Take the record types of an object away with it."""
    own = [one["Id"] for one in _table(org) if str(one["SobjectType"]).lower() == owner.lower()]
    org.kernel.store.commit([Write(org.org_id, "RecordType", one, None) for one in own])


def delete(org: Org, name: str) -> None:
    """Raises: Refusal, the vendor's APIs never take a record type away."""
    raise Refusal(
        "INSUFFICIENT_ACCESS_OR_READONLY", f"{name}: Cannot delete record type through API", ()
    )
