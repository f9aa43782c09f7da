"""EntityDefinition and FieldDefinition: what the org's objects and fields are, by query, in the
Tooling API and in the plain one (Tooling API guide and Object Reference, both by these names)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.sandbox.salesforce import describing, ids
from pipelines.sandbox.salesforce.calls import Call
from pipelines.sandbox.salesforce.catalogue import Catalogue
from pipelines.sandbox.salesforce.fields import Field, flag, text, whole
from pipelines.sandbox.salesforce.org import PAGE, Org
from pipelines.sandbox.salesforce.selection import Selection
from pipelines.sandbox.salesforce.setup import components
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.store import Record, Store, Write

ENTITY, FIELD = "EntityDefinition", "FieldDefinition"
_OBJECT = components.KINDS["CustomObject"]
# Brackets, and what is after FROM: outside of all brackets it is what a query is of.
_PLACES = re.compile(r"[()]|\bFROM\s+(?P<name>\w+)", re.IGNORECASE)
_LABELS = {"boolean": "Checkbox", "datetime": "Date/Time", "phone": "Phone", "url": "URL",
           "textarea": "Text Area", "anyType": "Any", "id": "ID"}  # fmt: skip
# Flags of an object, by the member of its describe that says the same.
_FLAGS = {
    "IsCustomSetting": "customSetting", "IsQueryable": "queryable",
    "IsTriggerable": "triggerable", "IsApexTriggerable": "triggerable",
    "IsSearchable": "searchable", "IsLayoutable": "layoutable",
    "IsReplicateable": "replicateable", "IsRetrieveable": "retrieveable",
    "IsEverCreatable": "createable", "IsEverUpdatable": "updateable",
    "IsEverDeletable": "deletable", "IsFeedEnabled": "feedEnabled",
    "IsDeprecatedAndHidden": "deprecatedAndHidden", "HasSubtypes": "hasSubtypes",
    "IsSubtype": "isSubtype", "IsInterface": "isInterface",
}  # fmt: skip


def owner_field() -> Field:
    """What leads from a field, or another component, to its object."""
    return Field("EntityDefinitionId", "Entity Definition ID", "string", length=80,
                 refers_to=(ENTITY,), relationship=ENTITY)  # fmt: skip


def objects() -> Iterable[SObject]:
    """Both, as objects that can be queried."""
    yield define(
        ENTITY, ENTITY, ENTITY, "000",
        [
            *(text(name, name, 80) for name in (
                "DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel",
                "PluralLabel", "NamespacePrefix", "PublisherId", "DeploymentStatus",
                "InternalSharingModel", "ExternalSharingModel")),
            text("KeyPrefix", "Key Prefix", 3), text("NewUrl", "New URL", 255, type="url"),
            text("DetailUrl", "Detail URL", 255, type="url"),
            *(flag(name, name) for name in ("IsCustomizable", "IsIdEnabled", *_FLAGS)),
        ],
        writable=False, keeps_deleted=False,
    )  # fmt: skip
    yield define(
        FIELD, FIELD, FIELD, "000",
        [
            *(text(name, name, 80) for name in (
                "DurableId", "QualifiedApiName", "DeveloperName", "Label", "MasterLabel",
                "DataType", "ValueTypeId", "ServiceDataTypeId", "ExtraTypeInfo",
                "RelationshipName", "ReferenceTargetField", "NamespacePrefix", "PublisherId",
                "ControllingFieldDefinitionId")),
            owner_field(), text("Description", "Description", 1000),
            *(whole(name, name, 9) for name in ("Length", "Precision", "Scale")),
            *(flag(name, name) for name in (
                "IsNillable", "IsCalculated", "IsIndexed", "IsHtmlFormatted", "IsNameField",
                "IsHighScaleNumber", "IsCompound", "IsPolymorphicForeignKey", "IsApiFilterable",
                "IsApiSortable", "IsApiGroupable", "IsFieldHistoryTracked",
                "IsSearchPrefilterable", "IsWorkflowFilterable")),
            Field("ReferenceTo", "Reference To", "complexvalue", unfilterable=True,
                  unsortable=True),
        ],
        writable=False, keeps_deleted=False,
    )  # fmt: skip


def durable_id(sobject: SObject) -> str:
    """By what an object is known: a standard one by its name, a custom one by its id."""
    return components.component_id(_OBJECT, sobject.name)[:15] if sobject.custom else sobject.name


def rows(org: Org) -> Iterator[tuple[str, str, Record]]:
    """Kind, key and row of each object and field that the user sees."""
    number = 0
    for sobject in org.catalogue.objects.values():
        owner = durable_id(sobject)
        yield ENTITY, owner, _entity(sobject, owner)
        for field in sobject.fields.values():
            number += 1
            yield FIELD, f"{owner}.{number}", _field(sobject, owner, field)


def _entity(sobject: SObject, owner: str) -> Record:
    listed = describing.entry(sobject, "")
    pages = f"/{sobject.prefix}" if listed["layoutable"] else None
    return {
        "Id": ids.numbered("000", 0), "DurableId": owner, "QualifiedApiName": sobject.name,
        "DeveloperName": sobject.name.removesuffix("__c"), "Label": sobject.label,
        "MasterLabel": sobject.label, "PluralLabel": sobject.plural,
        "KeyPrefix": sobject.prefix or None, "NamespacePrefix": None,
        "PublisherId": "<local>" if sobject.custom else "System",
        "DeploymentStatus": "Deployed" if sobject.custom else None,
        "InternalSharingModel": "ReadWrite", "ExternalSharingModel": "Private",
        "NewUrl": f"{pages}/e" if pages else None,
        "DetailUrl": "/{ID}" if pages else None,
        "IsCustomizable": sobject.writable, "IsIdEnabled": bool(sobject.prefix),
        **{name: bool(listed[member]) for name, member in _FLAGS.items()},
    }  # fmt: skip


def _field(sobject: SObject, owner: str, field: Field) -> Record:
    own = components.component_id(components.KINDS["CustomField"], f"{sobject.name}.{field.name}")
    part = own[:15] if field.custom else field.name
    return {
        "Id": ids.numbered("000", 0), "DurableId": f"{owner}.{part}",
        "QualifiedApiName": field.name, "DeveloperName": field.name.removesuffix("__c"),
        "EntityDefinitionId": owner, "Label": field.label, "MasterLabel": field.label,
        "DataType": data_type(field), "ValueTypeId": field.type, "ServiceDataTypeId": None,
        "ExtraTypeInfo": field.extra or None, "RelationshipName": field.relationship,
        "ReferenceTargetField": None, "NamespacePrefix": None,
        "PublisherId": "<local>" if field.custom else "System",
        "ControllingFieldDefinitionId": None, "Description": None,
        "Length": field.length, "Precision": field.precision, "Scale": field.scale,
        "IsNillable": field.nillable, "IsCalculated": field.calculated,
        "IsIndexed": field.external_id or field.id_lookup, "IsHtmlFormatted": field.html,
        "IsNameField": field.name_field, "IsHighScaleNumber": False,
        "IsCompound": field.type in ("address", "location"),
        "IsPolymorphicForeignKey": len(field.refers_to) > 1,
        "IsApiFilterable": field.is_filterable, "IsApiSortable": field.is_sortable,
        "IsApiGroupable": field.is_groupable, "IsFieldHistoryTracked": False,
        "IsSearchPrefilterable": field.is_search_filter,
        "IsWorkflowFilterable": field.is_filterable,
        "ReferenceTo": {"referenceTo": list(field.refers_to) or None},
    }  # fmt: skip


def data_type(field: Field) -> str:
    """A field's type in the words of the vendor's pages."""
    if field.summary:
        return f"Roll-Up Summary ({field.summary.operation.upper()} {field.summary.child})"
    if field.type == "string":
        return f"Text({field.length})"
    if field.type in ("double", "currency", "percent"):
        kind = "Number" if field.type == "double" else field.type.capitalize()
        return f"{kind}({field.precision - field.scale}, {field.scale})"
    if field.type == "reference":
        return f"{'Master-Detail' if field.master else 'Lookup'}({','.join(field.refers_to)})"
    return _LABELS.get(field.type, field.type.capitalize())


# ---- in the plain API


def asks(statement: str) -> bool:
    """Whether a query is of objects or fields rather than of records."""
    if "definition" not in statement.lower():
        return False
    level = 0
    for found in _PLACES.finditer(statement):
        level += {"(": 1, ")": -1}.get(found[0], 0)
        if level == 0 and found["name"]:
            return found["name"].lower() in (ENTITY.lower(), FIELD.lower())
    return False


def selection(org: Org, call: Call, page: int = PAGE) -> Selection:
    """SOQL over the definitions alone."""
    return selection_of(org, call, objects(), rows(org), page)


def selection_of(
    org: Org,
    call: Call,
    known: Iterable[SObject],
    found: Iterable[tuple[str, str, Record]],
    page: int = PAGE,
) -> Selection:
    """SOQL over rows made for it: kind, key and row of each."""
    known, books = list(known), Store()
    blank = {o.name: dict.fromkeys(f.name for f in o.fields.values()) for o in known}
    books.preset([Write(org.org_id, kind, key, {**blank[kind], **row}) for kind, key, row in found])
    seen = replace(
        org.books(call.version, page), catalogue=Catalogue(known), store=books, everything=None
    )
    return Selection(seen)
