"""Field-level security: which custom fields a user sees and may change, and what grants it.

A custom field that was made through an API is seen by nobody until a permission set or profile
grants it; required fields and the master of a detail cannot be hidden. Custom fields of a seed are
as the org had them: granted to everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.salesforce.standard_permissions import RIGHTS
from pipelines.sandbox.store import Record, Store, Write

Objects = Mapping[str, SObject]
ADMIN_PROFILE = ids.numbered("00e", 1)
# What has the fields of an activity.
_ACTIVITIES = frozenset({"task", "event", "activityhistory", "openactivity"})


@dataclass(frozen=True)
class Sight:
    """The secured fields a user reads, and those he changes: `account.key__c`."""

    reads: frozenset[str] = frozenset()
    edits: frozenset[str] = frozenset()


def sight_of(store: Store, org_id: str, user_id: str) -> Sight:
    """What all that a user is assigned grants him together."""
    grants = [
        grant
        for parent in _sets_of(store, org_id, user_id)
        for grant in store.table(org_id, "FieldPermissions").find("ParentId", parent)
    ]
    return Sight(
        frozenset(str(g["Field"]).lower() for g in grants if g.get("PermissionsRead")),
        frozenset(str(g["Field"]).lower() for g in grants if g.get("PermissionsEdit")),
    )


def _sets_of(store: Store, org_id: str, user_id: str) -> Iterable[str]:
    for one in store.table(org_id, "PermissionSetAssignment").find("AssigneeId", user_id):
        yield str(one["PermissionSetId"])
    user = store.table(org_id, "User").get(user_id) or {}
    profile = user.get("ProfileId") or ADMIN_PROFILE
    for one in store.table(org_id, "PermissionSet").find("ProfileId", profile):
        yield str(one["Id"])


def as_seen(objects: Objects, secured: frozenset[str], sight: Sight) -> Iterable[SObject]:
    """The objects without what a user may not see; what he may only read cannot be written."""
    for key, sobject in objects.items():
        owner = "activity" if key in _ACTIVITIES else key
        hidden = {f for f in sobject.fields if f"{owner}.{f}" in secured}
        if not hidden:
            yield sobject
            continue
        seen = {
            name: field if name not in hidden else _as_seen(field, f"{owner}.{name}", sight)
            for name, field in sobject.fields.items()
            if name not in hidden or is_open(field) or f"{owner}.{name}" in sight.reads
        }
        yield replace(sobject, fields=seen)


def _as_seen(field: Field, name: str, sight: Sight) -> Field:
    if is_open(field) or name in sight.edits:
        return field
    return replace(field, createable=False, updateable=False)


def is_open(field: Field) -> bool:
    """Whether field-level security does not apply: required fields and masters."""
    return field.master or (not field.nillable and field.type != "boolean")


# ---- what must hold of the records that grant


def checked(
    objects: Objects, store: Store, org_id: str, sobject: SObject, record: Record
) -> Record:
    """A record of permissions as it is stored; any other as it is.

    Raises:
        Refusal: it grants what cannot be granted, or again what is granted.
    """
    check = {
        "FieldPermissions": _field_grant,
        "ObjectPermissions": _object_grant,
        "PermissionSetAssignment": _assignment,
        "PermissionSet": _permission_set,
    }.get(sobject.name)
    return check(objects, store, org_id, record) if check else record


def _field_grant(objects: Objects, store: Store, org_id: str, record: Record) -> Record:
    owner, _, name = str(record["Field"]).partition(".")
    sobject = objects.get("task" if owner == "Activity" else owner.lower())
    field = sobject.field(name) if sobject else None
    if sobject is None or field is None or (field.custom and is_open(field)) or field.type == "id":
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"Field Name: bad value for restricted picklist field: {record['Field']}",
            ("Field",),
        )
    if record.get("PermissionsEdit") and not record.get("PermissionsRead"):
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION", "Permission Edit depends on permission(s): Read", ()
        )
    _refuse_again(store, org_id, "FieldPermissions", record, "Field")
    place = owner if owner == "Activity" else sobject.name
    return {**record, "Field": f"{place}.{field.name}"}


def _object_grant(objects: Objects, store: Store, org_id: str, record: Record) -> Record:
    sobject = objects.get(str(record["SobjectType"]).lower())
    if sobject is None:
        raise Refusal(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"SObject Type Name: bad value for restricted picklist field: {record['SobjectType']}",
            ("SobjectType",),
        )
    for right, needs in _DEPENDS.items():
        if record.get(f"Permissions{right}") and not record.get(f"Permissions{needs}"):
            raise Refusal(
                "FIELD_INTEGRITY_EXCEPTION",
                f"Permission {right} {sobject.name} depends on permission(s): "
                f"{needs} {sobject.name}",
                (),
            )
    _refuse_again(store, org_id, "ObjectPermissions", record, "SobjectType")
    return {**record, "SobjectType": sobject.name}


_DEPENDS = {"Create": "Read", "Edit": "Read", "Delete": "Edit", "ViewAllRecords": "Read",
            "ModifyAllRecords": "Delete"}  # fmt: skip


def _assignment(_objects: Objects, store: Store, org_id: str, record: Record) -> Record:
    table = store.table(org_id, "PermissionSetAssignment")
    for one in table.find("AssigneeId", record["AssigneeId"]):
        if one["PermissionSetId"] == record["PermissionSetId"] and one["Id"] != record["Id"]:
            raise Refusal(
                "DUPLICATE_VALUE",
                f"Duplicate PermissionSetAssignment. Assignee: {record['AssigneeId']}; Permission "
                f"Set: {record['PermissionSetId']}",
                ("AssigneeId", "PermissionSetId"),
            )
    parent = store.table(org_id, "PermissionSet").get(record["PermissionSetId"]) or {}
    if parent.get("IsOwnedByProfile"):
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION",
            "You can't assign a permission set that is owned by a profile",
            ("PermissionSetId",),
        )
    return record


def _permission_set(_objects: Objects, store: Store, org_id: str, record: Record) -> Record:
    wanted = str(record["Name"]).lower()
    for one in store.table(org_id, "PermissionSet"):
        if str(one["Name"]).lower() == wanted and one["Id"] != record["Id"]:
            raise Refusal(
                "DUPLICATE_DEVELOPER_NAME",
                "The name you entered is already in use. Enter a unique name.",
                ("Name",),
            )
    return record


def _refuse_again(store: Store, org_id: str, kind: str, record: Record, key: str) -> None:
    for one in store.table(org_id, kind).find("ParentId", record["ParentId"]):
        if str(one[key]).lower() == str(record[key]).lower() and one["Id"] != record["Id"]:
            raise Refusal(
                "DUPLICATE_VALUE",
                f"duplicate value found: <unknown> duplicates value on record with id: {one['Id']}",
                (),
            )


# ---- what every org has


def furnishing(store: Store, org_id: str, audit: Record) -> Iterable[Write]:
    """A profile for each id that a user names, and for each profile a permission set of its own."""
    known = {str(p["Id"]): str(p["Name"]) for p in store.table(org_id, "Profile")}
    named = (str(u["ProfileId"]) for u in store.table(org_id, "User") if u.get("ProfileId"))
    for profile in dict.fromkeys(named):
        if profile not in known:
            known[profile] = f"Profile {profile}"
            row: Record = {"Id": profile, "Name": known[profile], "UserType": "Standard"}
            yield Write(org_id, "Profile", profile, row | audit)
    held = {s.get("ProfileId") for s in store.table(org_id, "PermissionSet")}
    for number, (profile, name) in enumerate(known.items(), 1):
        if profile not in held:
            rights: dict[str, Any] = dict.fromkeys(RIGHTS, name == "System Administrator")
            row = {
                "Id": ids.numbered("0PS", 62**5 + number), "Name": f"X{profile}", "Label": profile,
                "ProfileId": profile, "IsOwnedByProfile": True, "IsCustom": False,
                "Type": "Profile", "HasActivationRequired": False, **rights,
                "PermissionsApiEnabled": True,
            }  # fmt: skip
            yield Write(org_id, "PermissionSet", row["Id"], row | audit)
