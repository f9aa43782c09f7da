"""`/sobjects/X/describe/layouts` and its kin: how the vendor's pages show a record.

The sandbox has no pages; what it tells is the plain layout a new org has: every field, in the order
of the describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call
from pipelines.sandbox.salesforce.catalogue import SObject
from pipelines.sandbox.salesforce.describing import MASTER_RECORD_TYPE, entry, record_types
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal

_LAYOUT_ID = "00hHs0000000001IAA"


def layouts(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """GET …/describe/layouts, also of one record type."""
    _refuse_without_pages(sobject, call)
    if rest:
        known = (MASTER_RECORD_TYPE, *(one.id for one in sobject.record_types))
        if rest[0][:15] not in [one[:15] for one in known]:
            raise refusals.not_found()
        return Answer(200, _layout(sobject))
    return Answer(200, _all(sobject, call))


def named_layouts(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """GET …/describe/namedLayouts/NAME: users have a second layout."""
    if sobject.name != "User" or rest != ("UserAlt",):
        raise refusals.not_found()
    return Answer(200, _all(sobject, call))


def compact_layouts(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """GET …/describe/compactLayouts: the system's own, which shows the name."""
    _refuse_without_pages(sobject, call)
    name = next(f for f in (*_named(sobject), *sobject.fields.values()))
    layout = {
        "actions": [],
        "fieldItems": [_item(name)],
        "id": None,
        "imageItems": [],
        "label": "System Default",
        "name": "SYSTEM",
        "objectType": sobject.name,
    }
    mapping = {
        "available": True,
        "compactLayoutId": None,
        "compactLayoutName": "SYSTEM",
        "recordTypeId": MASTER_RECORD_TYPE,
        "recordTypeName": "Master",
        "urls": {"compactLayout": f"{call.root}/sobjects/{sobject.name}/describe/compactLayouts"},
    }
    return Answer(
        200,
        {
            "compactLayouts": [layout],
            "defaultCompactLayoutId": None,
            "recordTypeCompactLayoutMappings": [mapping],
            "urls": {"primary": f"{call.root}/compactLayouts?q={sobject.name}"},
        },
    )


def approval_layouts(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """GET …/describe/approvalLayouts: there is no approval process, so none."""
    return Answer(200, {"approvalLayouts": []})


def _refuse_without_pages(sobject: SObject, call: Call) -> None:
    if not entry(sobject, call.root)["layoutable"]:
        raise Refusal("NOT_FOUND", "The requested resource does not exist", status=404)


def _named(sobject: SObject) -> list[Field]:
    return [f for f in sobject.fields.values() if f.name_field]


def _all(sobject: SObject, call: Call) -> Mapping[str, Any]:
    infos = [
        {**one, "layoutId": _LAYOUT_ID, "picklistsForRecordType": None}
        for one in record_types(sobject, call.root)
    ]
    return {
        "layouts": [_layout(sobject)],
        "recordTypeMappings": infos,
        "recordTypeSelectorRequired": [False],
    }


def _layout(sobject: SObject) -> Mapping[str, Any]:
    shown = [f for f in sobject.fields.values() if f.compound in (None, f.name)]
    return {
        "buttonLayoutSection": {"detailButtons": []},
        "detailLayoutSections": [_section(sobject, shown)],
        "editLayoutSections": [_section(sobject, [f for f in shown if f.updateable])],
        "feedView": None,
        "highlightsPanelLayoutSection": None,
        "id": _LAYOUT_ID,
        "quickActionList": {"quickActionListItems": []},
        "relatedContent": None,
        "relatedLists": [],
        "saveOptions": [],
    }


def _section(sobject: SObject, fields: list[Field]) -> Mapping[str, Any]:
    rows = [
        {"layoutItems": [_item(field)], "numItems": 1} for field in fields if field.name != "Id"
    ]
    return {
        "collapsed": False,
        "columns": 1,
        "heading": f"{sobject.label} Information",
        "layoutRows": rows,
        "layoutSectionId": "01BHs0000000001",
        "parentLayoutId": _LAYOUT_ID,
        "rows": len(rows),
        "tabOrder": "TopToBottom",
        "useCollapsibleSection": False,
        "useHeading": True,
    }


def _item(field: Field) -> Mapping[str, Any]:
    component = {
        "details": field.describe(),
        "displayLines": 1,
        "tabOrder": 1,
        "type": "Field",
        "value": field.name,
    }
    return {
        "editableForNew": field.createable,
        "editableForUpdate": field.updateable,
        "label": field.label,
        "layoutComponents": [component],
        "placeholder": False,
        "required": field.required,
    }
