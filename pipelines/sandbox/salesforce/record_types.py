"""Record types: which an object has, which a record gets, and which it may be given (Object
Reference, RecordType)."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import RecordType, SObject
from pipelines.sandbox.store import Record, Store

FIELD = "RecordTypeId"
Typed = Mapping[str, tuple[RecordType, ...]]


def known_types(store: Store, org_id: str) -> Typed:
    """The record types of each object by its lower-case name, in the order they were made."""
    table = store.table(org_id, "RecordType")

    def gathered() -> dict[str, tuple[RecordType, ...]]:
        found: dict[str, tuple[RecordType, ...]] = {}
        for row in table:
            key = str(row["SobjectType"]).lower()
            one = RecordType(
                str(row["Id"]),
                str(row["Name"]),
                str(row["DeveloperName"]),
                row.get("IsActive") is not False,
            )
            found[key] = (*found.get(key, ()), one)
        return found

    return table.remember("record types by object", gathered)


def default_of(sobject: SObject) -> str | None:
    """The record type of a record for which none is given: the first active one."""
    return next((one.id for one in sobject.record_types if one.active), None)


def chosen(sobject: SObject, value: object) -> str:
    """The record type a write names.

    Raises:
        Refusal: it is none of the object's, or not active.
    """
    full = ids.to18(str(value))
    if not any(one.id == full and one.active for one in sobject.record_types):
        raise Refusal(
            "INVALID_CROSS_REFERENCE_KEY",
            f"Record Type ID: this ID value isn't valid for the user: {value}",
            (FIELD,),
        )
    return str(full)


def derive(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Hold a record type against the org.

    Raises:
        Refusal: there is no such object, or it has a record type of that name.
    """
    sobject = ground.catalogue.get(str(record["SobjectType"]))
    if sobject is None:
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"SObject Type Name: bad value for restricted picklist field: {record['SobjectType']}",
            ("SobjectType",),
        )
    record["SobjectType"] = sobject.name
    if not before and "IsActive" not in given:
        record["IsActive"] = True
    same = [
        one
        for one in sobject.record_types
        if one.developer_name.lower() == str(record["DeveloperName"]).lower()
        and one.id != record["Id"]
    ]
    if same:
        raise Refusal(
            "DUPLICATE_DEVELOPER_NAME",
            f"Record Type Name: The name {record['DeveloperName']} is already in use on this "
            "object",
            ("DeveloperName",),
        )
