"""`describe`: the org's objects, and one object with all its fields, in the vendor's keys."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject


def all_objects(catalogue: Catalogue, root: str) -> dict[str, Any]:
    """GET /sobjects."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [entry(o, root) for o in catalogue.objects.values()],
    }


def entry(sobject: SObject, root: str) -> dict[str, Any]:
    """An object as the global describe lists it."""
    base = f"{root}/sobjects/{sobject.name}"
    listed = sobject.keeps_deleted
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": sobject.writable,
        "custom": sobject.custom,
        "customSetting": sobject.setting,
        "deepCloneable": False,
        "deletable": sobject.writable and listed,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": sobject.prefix,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "layoutable": sobject.writable,
        "mergeable": sobject.name in ("Account", "Contact"),
        "mruEnabled": sobject.writable,
        "name": sobject.name,
        "queryable": True,
        "replicateable": listed,
        "retrieveable": True,
        "searchable": sobject.writable,
        "triggerable": sobject.writable,
        "undeletable": sobject.writable and listed,
        "updateable": sobject.writable,
        "urls": {
            "sobject": base,
            "describe": f"{base}/describe",
            "rowTemplate": f"{base}/{{ID}}",
        },
    }


def one_object(catalogue: Catalogue, sobject: SObject, root: str) -> dict[str, Any]:
    """GET /sobjects/X/describe."""
    return entry(sobject, root) | {
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
        "compactLayoutable": sobject.writable,
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
        "recordTypeInfos": [],
        "searchLayoutable": sobject.writable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {sobject.plural}", "name": "everything"}],
    }
