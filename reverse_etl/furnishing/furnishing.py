"""Looks at an org, and does the steps of a plan. Each step is found again by its name, so that a
run that broke off, or whose answer was lost, is simply run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.clients.salesforce_components import OrgComponents
from pipelines.clients.salesforce_replies import SYSTEM
from pipelines.errors import Refused
from reverse_etl.furnishing import planning
from reverse_etl.furnishing.planning import Held, Step
from reverse_etl.furnishing.wanted import (
    MADE_BY,
    OBJECTS,
    PERMISSION_SET,
    SYSTEM_RIGHTS,
    WantedField,
    wanted_objects,
    wanted_rights,
)

_RIGHTS = ("Create", "Read", "Edit", "ViewAllRecords")
_DESCRIPTION = f"What the integration user needs to read, and to write back. {MADE_BY}"
_NOT_ALLOWED = (
    "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
)  # fmt: skip


def look(
    org: OrgComponents, wanted: Sequence[WantedField], user_id: str, *, count: bool = False
) -> Held:
    """What the org has of it now; with `count` also how many records have a value in each field."""
    fields = {f.full_name: f for f in org.fields([w.full_name for w in wanted])}
    kinds = {one.full_name: str(one.metadata["type"]) for one in wanted}
    filled = {name: _filled(org, name, kinds[name]) for name in fields} if count else {}
    custom = {one.name: told for one in wanted_objects(wanted)
              if (told := org.described(one.name)) is not None}  # fmt: skip
    found = _our_set(org, ("Id", *SYSTEM_RIGHTS))
    if not found:
        return Held(org.org_id, user_id, fields, filled=filled, custom=custom)
    set_id = str(found[0]["Id"])
    return Held(
        org.org_id,
        user_id,
        fields,
        set_id,
        {name: bool(found[0].get(name)) for name in SYSTEM_RIGHTS},
        _rights(org, set_id, "ObjectPermissions", "SobjectType", _RIGHTS),
        _rights(org, set_id, "FieldPermissions", "Field", ("Read", "Edit")),
        _members(org, set_id),
        filled,
        custom,
    )


def do(
    org: OrgComponents,
    plan: Sequence[Step],
    wanted: Sequence[WantedField],
    user_id: str,
    said: Callable[[Step], None],
) -> None:
    """Do the steps in order and say each that is done.

    Raises `Refused` with the vendor's words at the first that is refused, `ReplyLost` when nobody
    knows whether it was done: what is done stays, and another run goes on from there.
    """
    by_name = {one.full_name: one for one in wanted}
    for step in planning.due(plan):
        try:
            _one(org, step, by_name, user_id)
        except Refused as refusal:
            raise _explained(refusal, step) from None
        said(step)


def _one(org: OrgComponents, step: Step, fields: Mapping[str, WantedField], user_id: str) -> None:
    if step.verb == "remove":
        _remove(org, step)
    elif step.kind == planning.OBJECT:
        own = OBJECTS[step.name]
        org.make_object(own.name, own.label, own.plural, own.name_label, own.description)
    elif step.kind == planning.FIELD:
        org.make_field(step.name, fields[step.name].metadata)
    elif step.kind == planning.SET:
        _put_set(org)
    elif step.kind == planning.OBJECT_RIGHT:
        wanted = wanted_rights(fields.values())
        rights = next(one.rights for one in wanted if one.object_name == step.name)
        _put_right(org, "ObjectPermissions", {"SobjectType": step.name}, rights)
    elif step.kind == planning.FIELD_RIGHT:
        place = {"SobjectType": step.name.partition(".")[0], "Field": step.name}
        _put_right(org, "FieldPermissions", place, planning.rights_of(fields[step.name]))
    else:
        member = {"PermissionSetId": _set_id(org), "AssigneeId": user_id}
        _accepted(org.make("PermissionSetAssignment", [member]), step.name)


def _remove(org: OrgComponents, step: Step) -> None:
    if step.kind == planning.SET:
        org.remove("PermissionSet", _set_id(org))
        return
    if step.kind == planning.OBJECT:
        org.remove_object(step.name)
        return
    for held in org.fields([step.name]):
        org.remove_field(held.id)


def _put_set(org: OrgComponents) -> None:
    found = _our_set(org, ("Id",))
    if found:
        changed = {"Id": found[0]["Id"], **SYSTEM_RIGHTS}
        _accepted(org.alter("PermissionSet", [changed]), PERMISSION_SET)
        return
    named = {"Name": PERMISSION_SET, "Label": PERMISSION_SET, "Description": _DESCRIPTION}
    _accepted(org.make("PermissionSet", [{**named, **SYSTEM_RIGHTS}]), PERMISSION_SET)


def _put_right(
    org: OrgComponents, kind: str, place: Mapping[str, str], rights: Sequence[str]
) -> None:
    """Rights are added to those that are there, never taken."""
    set_id = _set_id(org)
    key = "Field" if "Field" in place else "SobjectType"
    held = _rights(org, set_id, kind, key, ()).get(place[key])
    given = {f"Permissions{right}": True for right in rights}
    replies = (
        org.alter(kind, [{"Id": held[0], **given}])
        if held
        else org.make(kind, [{"ParentId": set_id, **place, **given}])
    )
    _accepted(replies, place[key])


def _our_set(org: OrgComponents, columns: Sequence[str]) -> list[dict[str, Any]]:
    named: Mapping[str, str | bool | None] = {
        "Name": PERMISSION_SET,
        "IsOwnedByProfile": False,
        "NamespacePrefix": None,
    }
    return org.rows(columns, "PermissionSet", named)


def _set_id(org: OrgComponents) -> str:
    found = _our_set(org, ("Id",))
    if not found:
        raise Refused(
            SYSTEM, f"permission set {PERMISSION_SET}", "it is gone",
            "Somebody removed it meanwhile; run the command again.", "NOT_FOUND",
        )  # fmt: skip
    return str(found[0]["Id"])


def _rights(
    org: OrgComponents, set_id: str, kind: str, key: str, names: Sequence[str]
) -> dict[str, tuple[str, frozenset[str]]]:
    columns = ("Id", key, *(f"Permissions{name}" for name in names))
    rows = org.rows(columns, kind, {"ParentId": set_id})
    return {
        str(row[key]): (str(row["Id"]), frozenset(n for n in names if row[f"Permissions{n}"]))
        for row in rows
    }


def _members(org: OrgComponents, set_id: str) -> dict[str, str]:
    rows = org.rows(("Id", "AssigneeId"), "PermissionSetAssignment", {"PermissionSetId": set_id})
    return {str(row["AssigneeId"]): str(row["Id"]) for row in rows}


def _filled(org: OrgComponents, full_name: str, kind: str) -> int | None:
    """Records with a value; None where the user that is logged in does not see the field."""
    owner, _, name = full_name.partition(".")
    try:
        return org.filled(owner, name, is_checkbox=kind == "Checkbox")
    except Refused as refusal:
        if refusal.code == "INVALID_FIELD":
            return None
        raise


def _accepted(replies: Sequence[Any], name: str) -> None:
    for reply in replies:
        if not reply.ok:
            raise Refused(
                SYSTEM, name, f"refused with {reply.code}: {reply.message}",
                "Mend it in Setup, then run the command again.", reply.code, reply.message,
            )  # fmt: skip


def _explained(refusal: Refused, step: Step) -> Refused:
    """A refusal with the step that met it and, where rights lack, whose they would be."""
    told = f"{step.verb} {step.kind} {step.name}"
    if refusal.code in _NOT_ALLOWED or refusal.code == "NOT_FOUND":
        refusal.next_step = (
            "Run this once with an administrator's log-in (CROSSFOOT_SALESFORCE_ACCESS_TOKEN), and "
            "name the integration user with --user."
        )
    refusal.record = told
    return refusal
