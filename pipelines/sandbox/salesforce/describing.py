"""`describe`: the org's objects, and one object with all its fields, in the vendor's keys."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.sobject import RecordType


def all_objects(catalogue: Catalogue, root: str) -> dict[str, Any]:
    """GET /sobjects."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [entry(o, root) for o in catalogue.objects.values()],
    }


# Objects whose records live only beside another's: not searched, not restored alone.
_DEPENDENT = frozenset(
    {"AccountContactRole", "CampaignMember", "ContentDocumentLink", "OpportunityContactRole",
     "OpportunityLineItem", "OpportunityLineItemSchedule", "OrderItem", "QuoteLineItem"}
)  # fmt: skip
_MERGED = frozenset({"Account", "Contact", "Lead"})
_CLONED_WITH_CHILDREN = frozenset({"Campaign", "Opportunity", "Order", "Quote"})
_FED = frozenset({"Account", "Case", "Contact", "Lead", "Opportunity", "User"})
_SETUP = frozenset({"CurrencyType", "DatedConversionRate", "Group", "RecordType", "UserRole"})
_WITHOUT_LISTS = frozenset({"Event", "Task", "User"}) | _DEPENDENT | _SETUP
_NOT_DELETED = frozenset({"User", "CurrencyType", "RecordType"})
MASTER_RECORD_TYPE = "012000000000000AAA"


def entry(sobject: SObject, root: str) -> dict[str, Any]:
    """An object as the global describe lists it."""
    name, whole = sobject.name, sobject.name not in _DEPENDENT | _SETUP
    data = sobject.writable and not sobject.setting
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.allows("Create"),
        "custom": sobject.custom,
        "customSetting": sobject.setting,
        "deepCloneable": name in _CLONED_WITH_CHILDREN,
        "deletable": sobject.allows("Delete") and name not in _NOT_DELETED,
        "deprecatedAndHidden": False,
        "feedEnabled": name in _FED,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.prefix or None,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "layoutable": data and name not in _SETUP,
        "mergeable": name in _MERGED,
        "mruEnabled": data and whole,
        "name": name,
        "queryable": sobject.queryable,
        "replicateable": sobject.queryable and "systemmodstamp" in sobject.fields,
        "retrieveable": sobject.queryable,
        "searchable": data and whole,
        "triggerable": data and name not in _SETUP,
        "undeletable": data and whole and sobject.keeps_deleted,
        "updateable": sobject.allows("Edit") or name == "Organization",
        "urls": _urls(sobject, f"{root}/sobjects/{name}", data),
    }


def _urls(sobject: SObject, base: str, data: bool) -> dict[str, str]:
    urls = {
        "sobject": base,
        "describe": f"{base}/describe",
        "rowTemplate": f"{base}/{{ID}}",
    }
    if data and sobject.name not in _SETUP:
        urls |= {
            "layouts": f"{base}/describe/layouts",
            "compactLayouts": f"{base}/describe/compactLayouts",
            "quickActions": f"{base}/quickActions",
        }
    if has_list_views(sobject):
        urls |= {
            "approvalLayouts": f"{base}/describe/approvalLayouts",
            "listviews": f"{base}/listviews",
        }
    if sobject.name == "User":
        urls["namedLayouts"] = f"{base}/describe/namedLayouts/{{LayoutName}}"
    return urls


def has_list_views(sobject: SObject) -> bool:
    """Whether the vendor shows its records as lists."""
    return sobject.writable and not sobject.setting and sobject.name not in _WITHOUT_LISTS


def record_types(sobject: SObject, root: str) -> list[dict[str, Any]]:
    """The record types a user may choose: the object's own, and the one every object has."""
    default = next((one.id for one in sobject.record_types if one.active), MASTER_RECORD_TYPE)
    every = (*sobject.record_types, RecordType(MASTER_RECORD_TYPE, "Master", "Master"))
    address = f"{root}/sobjects/{sobject.name}/describe/layouts"
    return [
        {
            "active": one.active,
            "available": one.active,
            "defaultRecordTypeMapping": one.id == default,
            "developerName": one.developer_name,
            "master": one.id == MASTER_RECORD_TYPE,
            "name": one.name,
            "recordTypeId": one.id,
            "urls": {"layout": f"{address}/{one.id}"},
        }
        for one in every
    ]


def _scopes(sobject: SObject) -> list[dict[str, str]]:
    plural = sobject.plural if sobject.custom else sobject.plural.lower()
    scopes = [{"label": f"All {plural}", "name": "everything"}]
    if "ownerid" in sobject.fields:
        scopes += [
            {"label": f"My {plural}", "name": "mine"},
            {"label": f"My team's {plural}", "name": "team"},
        ]
    return scopes


def one_object(catalogue: Catalogue, sobject: SObject, root: str) -> dict[str, Any]:
    """GET /sobjects/X/describe."""
    listed = entry(sobject, root)
    return listed | {
        "actionOverrides": [],
        "childRelationships": [
            {
                "cascadeDelete": field.cascade,
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": field.children,
                "restrictedDelete": field.restricts,
            }
            for child, field in catalogue.children(sobject)
        ],
        "compactLayoutable": listed["layoutable"],
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [f.describe() for f in sobject.fields.values()],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": record_types(sobject, root) if listed["searchable"] else [],
        "searchLayoutable": listed["searchable"],
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes(sobject),
    }
