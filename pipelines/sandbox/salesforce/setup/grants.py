"""Who may see which custom field: permission sets and profiles, as records and as metadata.

Sources: Object Reference (PermissionSet, FieldPermissions, ObjectPermissions), Metadata API guide
(PermissionSet, Profile). A new custom field is visible to no one until it is granted, not even to
who made it; required fields and the master of a detail cannot be hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.sandbox.salesforce import object_access
from pipelines.sandbox.salesforce.custom import is_on
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record, Write

Metadata = Mapping[str, Any]
_ADMIN, _ADMIN_NAME = "Admin", "System Administrator"  # as metadata names it, and as it is called
_OBJECT_RIGHTS = {
    "allowCreate": "PermissionsCreate",
    "allowDelete": "PermissionsDelete",
    "allowEdit": "PermissionsEdit",
    "allowRead": "PermissionsRead",
    "modifyAllRecords": "PermissionsModifyAllRecords",
    "viewAllRecords": "PermissionsViewAllRecords",
}
_FIELD_RIGHTS = {"editable": "PermissionsEdit", "readable": "PermissionsRead"}


def _table(org: Org, name: str) -> Iterable[Record]:
    return org.kernel.store.table(org.org_id, name)


def _set(org: Org, name: str) -> Record | None:
    return next(
        (
            p for p in _table(org, "PermissionSet")
            if str(p["Name"]).lower() == name.lower() and not p.get("IsOwnedByProfile")
        ),
        None,
    )  # fmt: skip


def permission_sets(org: Org) -> list[str]:
    """The names of the org's permission sets."""
    return [str(p["Name"]) for p in _table(org, "PermissionSet") if not p.get("IsOwnedByProfile")]


def read_permission_set(org: Org, name: str) -> Metadata | None:
    """A permission set with what it grants."""
    found = _set(org, name)
    if found is None:
        return None
    described = {"description": found["Description"]} if found.get("Description") else {}
    return {
        "fullName": found["Name"],
        **described,
        **_granted(org, found["Id"]),
        "hasActivationRequired": False,
        "label": found["Label"],
    }


def _granted(org: Org, parent: str) -> Metadata:
    fields = [
        {"editable": bool(f.get("PermissionsEdit")), "field": f["Field"],
         "readable": bool(f.get("PermissionsRead"))}
        for f in org.kernel.store.table(org.org_id, "FieldPermissions").find("ParentId", parent)
    ]  # fmt: skip
    objects = [
        {**{k: bool(o.get(v)) for k, v in _OBJECT_RIGHTS.items()}, "object": o["SobjectType"]}
        for o in org.kernel.store.table(org.org_id, "ObjectPermissions").find("ParentId", parent)
    ]
    found: dict[str, Any] = {}
    if fields:
        found["fieldPermissions"] = fields
    if objects:
        found["objectPermissions"] = objects
    return found


def put_permission_set(org: Org, name: str, metadata: Metadata) -> bool:
    """Make a permission set or change it; what it does not mention stays as it is."""
    before = _set(org, name)
    if not metadata.get("label"):
        raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: label", ("label",))
    given = {"Label": metadata["label"], "Description": metadata.get("description") or None}
    sobject = org.object("PermissionSet")
    if before is None:
        parent = org.records.create(sobject, {"Name": name, **given})
    else:
        parent = str(before["Id"])
        org.records.update(sobject, parent, given)
    _grant(org, parent, metadata)
    return before is None


def _grant(org: Org, parent: str, metadata: Metadata) -> None:
    for one in _listed(metadata.get("fieldPermissions")):
        owner = str(one["field"]).partition(".")[0]
        _need(org, "field", "CustomField", str(one["field"]))
        rights = {v: is_on(one, k) for k, v in _FIELD_RIGHTS.items()}
        _put(org, "FieldPermissions", parent, "Field", str(one["field"]),
             {"SobjectType": owner, **rights})  # fmt: skip
    for one in _listed(metadata.get("objectPermissions")):
        rights = {v: is_on(one, k) for k, v in _OBJECT_RIGHTS.items()}
        _need(org, "object", "CustomObject", str(one["object"]))
        _put(org, "ObjectPermissions", parent, "SobjectType", str(one["object"]), rights)


def _need(org: Org, member: str, kind: str, name: str) -> None:
    """Raises: Refusal, what is granted does not exist."""
    owner, _, own = name.partition(".")
    found = org.everything().get("task" if owner == "Activity" else owner.lower())
    if found is None or (own and found.field(own) is None):
        raise Refusal(
            "INVALID_CROSS_REFERENCE_KEY",
            f"In field: {member} - no {kind} named {name} found",
            (member,),
        )


def _put(org: Org, kind: str, parent: str, key: str, value: str, rights: Mapping[str, Any]) -> None:
    table, sobject = org.kernel.store.table(org.org_id, kind), org.object(kind)
    same = [r for r in table.find("ParentId", parent) if str(r[key]).lower() == value.lower()]
    for one in same:
        org.kernel.store.commit([Write(org.org_id, kind, one["Id"], None)])
    if any(right is True for right in rights.values()):
        org.records.create(sobject, {"ParentId": parent, key: value, **rights})
    elif kind == "ObjectPermissions":
        owner = org.kernel.store.table(org.org_id, "PermissionSet").get(parent) or {}
        if owner.get("IsOwnedByProfile"):
            object_access.close(org.kernel.store, org.org_id, parent, value)


def delete_permission_set(org: Org, name: str) -> None:
    """Take a permission set away, with its grants and assignments."""
    found = _set(org, name)
    if found is not None:
        org.records.delete(org.object("PermissionSet"), found["Id"])


# ---- profiles


def profiles(org: Org) -> list[str]:
    """The profiles as metadata names them."""
    return [_as_metadata(str(p["Name"])) for p in _table(org, "Profile")]


def _as_metadata(name: str) -> str:
    return _ADMIN if name == _ADMIN_NAME else name


def _owned_set(org: Org, name: str) -> str | None:
    """The permission set a profile has of its own."""
    profile = next(
        (p for p in _table(org, "Profile") if _as_metadata(str(p["Name"])) == name), None
    )
    sets = _table(org, "PermissionSet")
    mine = (s for s in sets if profile and s.get("ProfileId") == profile["Id"])
    return next((str(s["Id"]) for s in mine), None)


def read_profile(org: Org, name: str) -> Metadata | None:
    """A profile with what it grants."""
    parent = _owned_set(org, name)
    if parent is None:
        return None
    return {"fullName": name, "custom": False, **_granted(org, parent),
            "userLicense": "Salesforce"}  # fmt: skip


def put_profile(org: Org, name: str, metadata: Metadata) -> bool:
    """Change what a profile grants."""
    parent = _owned_set(org, name)
    if parent is None:
        raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "New profiles are not served", ())
    _grant(org, parent, metadata)
    return False


def delete_profile(_org: Org, name: str) -> None:
    """Refuses: an org keeps its profiles.

    Raises:
        Refusal: always.
    """
    raise Refusal("DELETE_FAILED", f"The profile {name} cannot be deleted", ())


def forget(org: Org, name: str) -> None:
    """Nothing is granted any more on an object or field that goes."""
    writes = [
        Write(org.org_id, kind, str(r["Id"]), None)
        for kind, key in (("FieldPermissions", "Field"), ("ObjectPermissions", "SobjectType"))
        for r in _table(org, kind)
        if str(r[key]).lower() == name.lower() or str(r[key]).lower().startswith(f"{name.lower()}.")
    ]
    org.kernel.store.commit(writes)


def _listed(value: Any) -> list[Metadata]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
