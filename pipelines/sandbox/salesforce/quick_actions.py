"""`/quickActions`: the actions a new org has for making a record, alone or beside another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, object_body, only
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.store import Record


@dataclass(frozen=True)
class Action:
    """One action: what it makes, with what already filled in."""

    name: str
    label: str
    type: str
    makes: str
    filled: Mapping[str, Any]
    fields: tuple[str, ...]


_TASK_FIELDS = ("Subject", "Description", "WhoId", "WhatId")
ACTIONS = {
    action.name: action
    for action in (
        Action("LogACall", "Log a Call", "LogACall", "Task",
               {"Subject": "Call", "Status": "Completed"}, _TASK_FIELDS),
        Action("NewTask", "New Task", "Create", "Task", {}, (*_TASK_FIELDS, "ActivityDate")),
        Action("NewContact", "New Contact", "Create", "Contact", {},
               ("FirstName", "LastName", "AccountId", "Email")),
        Action("NewAccount", "New Account", "Create", "Account", {}, ("Name", "Phone")),
        Action("NewOpportunity", "New Opportunity", "Create", "Opportunity", {},
               ("Name", "AccountId", "CloseDate", "StageName", "Amount")),
    )
}  # fmt: skip


def quick_actions(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """/quickActions: the global ones."""
    return _served(org, call, f"{call.root}/quickActions", rest)


def object_quick_actions(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """/sobjects/X/quickActions: the same, seen from an object."""
    return _served(org, call, f"{call.root}/sobjects/{sobject.name}/quickActions", rest)


def _served(org: Org, call: Call, base: str, rest: tuple[str, ...]) -> Answer:
    if not rest:
        only(call, "GET", "HEAD")
        return Answer(200, [_told(a, base) for a in ACTIONS.values()])
    action = ACTIONS.get(unquote(rest[0]).rpartition(".")[2])
    if action is None or len(rest) > 3:
        raise refusals.not_found()
    if len(rest) == 1:
        only(call, "GET", "HEAD", "POST")
        return _run(org, call, action) if call.method == "POST" else _described(org, action, base)
    only(call, "GET", "HEAD")
    if rest[1] == "describe" and len(rest) == 2:
        return _described(org, action, base)
    if rest[1] == "defaultValues":
        context = unquote(rest[2]) if len(rest) == 3 else ""
        return Answer(200, _defaults(org, action, context))
    raise refusals.not_found()


def _told(action: Action, base: str) -> Record:
    own = f"{base}/{action.name}"
    return {
        "label": action.label,
        "name": action.name,
        "type": action.type,
        "urls": {
            "defaultValues": f"{own}/defaultValues",
            "defaultValuesTemplate": f"{own}/defaultValues/{{ID}}",
            "describe": f"{own}/describe",
            "quickAction": own,
        },
    }


def _described(org: Org, action: Action, base: str) -> Answer:
    sobject = org.object(action.makes)
    items = [
        {"label": f.label, "layoutComponents": [{"type": "Field", "value": f.name}],
         "required": f.required, "editableForNew": f.createable, "placeholder": False}
        for name in action.fields
        if (f := sobject.field(name))
    ]  # fmt: skip
    return Answer(
        200,
        _told(action, base)
        | {
            "accessLevelRequired": None,
            "canvasApplicationId": None,
            "canvasApplicationName": None,
            "colors": [],
            "contextSobjectType": None,
            "defaultValues": None,
            "height": None,
            "iconName": None,
            "iconUrl": None,
            "icons": [],
            "layout": {"layoutRows": [{"layoutItems": [i], "numItems": 1} for i in items]},
            "miniIconUrl": None,
            "showQuickActionLcHeader": False,
            "showQuickActionVfHeader": False,
            "targetParentField": None,
            "targetRecordTypeId": None,
            "targetSobjectType": action.makes,
            "visualforcePageName": None,
            "visualforcePageUrl": None,
            "width": None,
        },
    )


def _beside(org: Org, action: Action, context: str) -> Record:
    """The field of the new record that points at the one it is made beside."""
    owner = org.catalogue.of_id(context) if context else None
    if owner is None:
        return {}
    sobject = org.object(action.makes)
    record = org.records.living(owner, context)
    names = [
        f.name
        for f in sobject.fields.values()
        if owner.name in f.refers_to and f.name in action.fields
    ]
    return {names[0]: record["Id"]} if names else {}


def _defaults(org: Org, action: Action, context: str) -> Record:
    blank: Record = dict.fromkeys(action.fields)
    return {
        "attributes": {"type": action.makes},
        **blank,
        **action.filled,
        **_beside(org, action, context),
    }


def _run(org: Org, call: Call, action: Action) -> Answer:
    body = object_body(call)
    context = str(body.get("contextId") or "")
    values = {**action.filled, **_beside(org, action, context), **(body.get("record") or {})}
    made = org.records.create(org.object(action.makes), values)
    return Answer(
        201,
        {
            "contextId": context or None,
            "created": True,
            "errors": [],
            "feedItemIds": [],
            "id": made,
            "success": True,
            "successMessage": None,
        },
    )
