"""Standard objects of permissions (Object Reference), and what must hold of their records."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    fixed,
    flag,
    link,
    on_create,
    pick,
    text,
)
from pipelines.sandbox.salesforce.sobject import SObject, define

_MODSTAMP = ("SystemModstamp",)
_SYSTEM_RIGHTS = (
    "ApiEnabled", "AssignPermissionSets", "BulkApiHardDelete", "CustomizeApplication", "EditTask",
    "ManageProfilesPermissionsets", "ManageUsers", "ModifyAllData", "ModifyMetadata", "RunReports",
    "ViewAllData", "ViewSetup",
)  # fmt: skip
RIGHTS = tuple(f"Permissions{name}" for name in _SYSTEM_RIGHTS)


def permission_objects() -> Iterable[SObject]:
    """Permission sets, who has them, and what they grant."""
    yield define("PermissionSet", "Permission Set", "Permission Sets", "0PS", _permission_set(),
                 keeps_deleted=False)  # fmt: skip
    yield define("PermissionSetAssignment", "Permission Set Assignment",
                 "Permission Set Assignments", "0Pa", _assignment(), keeps_deleted=False,
                 audit=_MODSTAMP)  # fmt: skip
    yield define("ObjectPermissions", "Object Permissions", "Object Permissions", "110",
                 _object_permissions(), keeps_deleted=False)  # fmt: skip
    yield define("FieldPermissions", "Field Permissions", "Field Permissions", "01k",
                 _field_permissions(), keeps_deleted=False, audit=_MODSTAMP)  # fmt: skip


def _permission_set() -> Iterable[Field]:
    yield text("Name", "Permission Set Name", 80, nillable=False, name_field=True)
    yield text("Label", "Permission Set Label", 80, nillable=False)
    yield area("Description", "Description", 255)
    yield fixed(link("ProfileId", "Profile ID", "Profile"))
    yield fixed(flag("IsOwnedByProfile", "Is Owned By Profile"))
    yield fixed(flag("IsCustom", "Is Custom", True))
    yield fixed(pick("Type", "Type", ("Regular", "Profile", "Group", "Session"), 40, "Regular"))
    yield flag("HasActivationRequired", "Has Activation Required")
    yield fixed(text("NamespacePrefix", "Namespace Prefix", 15))
    for name in RIGHTS:
        yield flag(name, name.removeprefix("Permissions"))


def _assignment() -> Iterable[Field]:
    yield on_create(link("PermissionSetId", "Permission Set ID", "PermissionSet", nillable=False,
                         cascade=True, children="Assignments"))  # fmt: skip
    yield on_create(link("AssigneeId", "Assignee ID", "User", nillable=False,
                         children="PermissionSetAssignments"))  # fmt: skip


def _object_permissions() -> Iterable[Field]:
    yield on_create(link("ParentId", "Parent ID", "PermissionSet", nillable=False, cascade=True,
                         children="ObjectPerms"))  # fmt: skip
    yield on_create(pick("SobjectType", "SObject Type Name", (), 40, nillable=False))
    for name in ("Create", "Read", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords"):
        yield flag(f"Permissions{name}", name)


def _field_permissions() -> Iterable[Field]:
    yield on_create(link("ParentId", "Parent ID", "PermissionSet", nillable=False, cascade=True,
                         children="FieldPerms"))  # fmt: skip
    yield on_create(pick("SobjectType", "SObject Type Name", (), 40, nillable=False))
    yield on_create(pick("Field", "Field Name", (), 255, nillable=False))
    yield flag("PermissionsRead", "Read Access")
    yield flag("PermissionsEdit", "Edit Access")
