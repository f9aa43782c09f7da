"""`/tooling`: custom fields one by one, and what the org is made of, by query.

Source: Tooling API guide, "REST Resources", CustomField, CustomObject, EntityDefinition,
FieldDefinition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from pipelines.sandbox.salesforce import describing, ids, refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, is_true, object_body, only
from pipelines.sandbox.salesforce.catalogue import Catalogue
from pipelines.sandbox.salesforce.fields import Field, flag, text, whole
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.query_columns import query_columns
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import components, definitions
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.store import Record

_FIELD = components.KINDS["CustomField"]
_OBJECT = components.KINDS["CustomObject"]
_RULE = components.KINDS["ValidationRule"]
_TYPE = components.KINDS["RecordType"]
_WHOLE = ("Metadata", "FullName")


def tooling(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /tooling."""
    head, more = (rest[0].lower(), rest[1:]) if rest else ("", ())
    resource = _RESOURCES.get(head)
    if resource is None:
        raise refusals.not_found()
    return resource(org, call, more)


def _root(_org: Org, call: Call, _rest: tuple[str, ...]) -> Answer:
    only(call, "GET", "HEAD")
    names = ("sobjects", "query", "executeAnonymous")
    return Answer(200, {name: f"{call.root}/tooling/{name}" for name in names})


# ---- /tooling/query


def _objects() -> Iterable[SObject]:
    def one(name: str, prefix: str, *fields: Field) -> SObject:
        return define(name, name, name, prefix, fields, writable=False, keeps_deleted=False)

    whole_metadata = Field("Metadata", "Metadata", "complexvalue", unfilterable=True,
                           unsortable=True)  # fmt: skip
    yield one(
        "CustomField", "00N",
        text("DeveloperName", "Developer Name", 80), text("TableEnumOrId", "Entity", 40),
        definitions.owner_field(), text("Description", "Text", 1000),
        text("InlineHelpText", "Help Text", 510), whole("Length", "Length", 9),
        whole("Precision", "Precision", 9), whole("Scale", "Scale", 9),
        text("NamespacePrefix", "Namespace", 15), text("ManageableState", "State", 20),
        text("FullName", "Full Name", 255, unfilterable=True), whole_metadata,
    )  # fmt: skip
    yield one(
        "CustomObject", "01I",
        text("DeveloperName", "Developer Name", 80), text("Description", "Text", 1000),
        text("NamespacePrefix", "Namespace", 15), text("ManageableState", "State", 20),
    )  # fmt: skip
    yield one(
        "ValidationRule", "03d",
        text("ValidationName", "Rule Name", 80), definitions.owner_field(),
        text("Description", "Description", 1000), text("ErrorMessage", "Error Message", 255),
        text("ErrorDisplayField", "Error Location", 80), flag("Active", "Active"),
        text("NamespacePrefix", "Namespace", 15), text("ManageableState", "State", 20),
        text("FullName", "Full Name", 255, unfilterable=True), whole_metadata,
    )  # fmt: skip
    yield one(
        "RecordType", "012",
        text("Name", "Record Type Name", 80, name_field=True), text("SobjectType", "Entity", 40),
        text("Description", "Description", 255), flag("IsActive", "Active"),
        text("BusinessProcessId", "Business Process ID", 18),
        text("NamespacePrefix", "Namespace", 15), text("ManageableState", "State", 20),
        text("FullName", "Full Name", 255, unfilterable=True), whole_metadata,
    )  # fmt: skip
    yield from definitions.objects()


def _named(name: str) -> str:
    return name.removesuffix("__c")


def _rows(org: Org) -> Iterator[tuple[str, Record]]:
    for name in components.field_names(org):
        yield "CustomField", _field_row(org, name)
    for name in _TYPE.names(org):
        yield "RecordType", _type_row(org, name)
    for name in _RULE.names(org):
        yield "ValidationRule", _rule_row(org, name)
    for name, sobject in org.everything().items():
        if sobject.custom:
            yield "CustomObject", {
                "Id": components.component_id(_OBJECT, name),
                "DeveloperName": _named(sobject.name), "ManageableState": "unmanaged",
                "Description": (_OBJECT.read(org, sobject.name) or {}).get("description"),
            }  # fmt: skip


def _field_row(org: Org, name: str) -> Record:
    owner, _, own = name.partition(".")
    metadata = {k: v for k, v in (_FIELD.read(org, name) or {}).items() if k != "fullName"}
    place = _place(org, owner)
    return {
        "Id": components.component_id(_FIELD, name), "DeveloperName": _named(own),
        "TableEnumOrId": place, "EntityDefinitionId": place, "ManageableState": "unmanaged",
        "Description": metadata.get("description"),
        "InlineHelpText": metadata.get("inlineHelpText"), "Length": metadata.get("length"),
        "Precision": metadata.get("precision"), "Scale": metadata.get("scale"),
        "FullName": name, "Metadata": metadata,
    }  # fmt: skip


def _rule_row(org: Org, name: str) -> Record:
    owner, _, own = name.partition(".")
    metadata = {k: v for k, v in (_RULE.read(org, name) or {}).items() if k != "fullName"}
    return {
        "Id": components.component_id(_RULE, name), "ValidationName": own,
        "EntityDefinitionId": _place(org, owner), "ManageableState": "unmanaged",
        "Active": metadata["active"], "Description": metadata.get("description"),
        "ErrorMessage": metadata["errorMessage"],
        "ErrorDisplayField": metadata.get("errorDisplayField"), "FullName": name,
        "Metadata": metadata,
    }  # fmt: skip


def _type_row(org: Org, name: str) -> Record:
    metadata = {k: v for k, v in (_TYPE.read(org, name) or {}).items() if k != "fullName"}
    return {
        "Id": components.id_of(org, _TYPE, name), "Name": metadata["label"],
        "SobjectType": name.partition(".")[0], "Description": metadata.get("description"),
        "IsActive": metadata["active"], "BusinessProcessId": None,
        "ManageableState": "unmanaged", "FullName": name, "Metadata": metadata,
    }  # fmt: skip


def _place(org: Org, owner: str) -> str:
    """What a component belongs to: a standard object by its name, a custom one by its id."""
    known = org.everything().get(owner.lower())
    return definitions.durable_id(known) if known else owner


def _query(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    only(call, "GET", "HEAD")
    if rest:
        raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
    made = [(kind, str(row["Id"]), row) for kind, row in _rows(org)]
    selection = definitions.selection_of(org, call, _objects(), [*made, *definitions.rows(org)])
    statement = call.query.get("q", "")
    if is_true(call.query.get("columns")):
        return Answer(200, query_columns(selection.scope(statement)))
    found = selection.run(statement, False)
    rows = [_addressed(call, row) for row in found.rows]
    if len(rows) > 1 and any(k in row for row in rows for k in _WHOLE):
        raise refusals.malformed_query(
            "When retrieving results with Metadata or FullName fields, the query qualifications "
            f"must specify no more than one row for retrieval. Result size: {len(rows)}"
        )
    body = {"size": len(rows), "totalSize": found.total, "done": True, "queryLocator": None,
            "records": rows}  # fmt: skip
    kind = next((r["attributes"]["type"] for r in rows if "attributes" in r), None)
    return Answer(200, {**body, "entityTypeName": kind})


def _addressed(call: Call, row: Record) -> Record:
    attributes = dict(row.get("attributes") or {})
    if "url" in attributes:
        attributes["url"] = attributes["url"].replace(
            f"{call.root}/sobjects", f"{call.root}/tooling/sobjects"
        )
    return {**row, "attributes": attributes} if attributes else row


# ---- /tooling/sobjects


def _sobjects(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    known = Catalogue(_objects())
    if not rest:
        only(call, "GET", "HEAD")
        return Answer(200, describing.all_objects(known, f"{call.root}/tooling"))
    sobject = known.get(rest[0])
    if sobject is None:
        raise refusals.not_found()
    if len(rest) == 2 and rest[1].lower() == "describe":
        only(call, "GET", "HEAD")
        return Answer(200, describing.one_object(known, sobject, f"{call.root}/tooling"))
    if sobject.name in _WRITTEN:
        return _component(org, call, sobject, rest[1:])
    if call.method not in ("GET", "HEAD"):
        raise Refusal(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            f"entity type {sobject.name} does not support this operation",
            (),
        )
    if len(rest) != 2:
        entry = describing.entry(sobject, f"{call.root}/tooling")
        return Answer(200, {"objectDescribe": entry, "recentItems": []})
    wanted = ids.to18(rest[1])
    found = (row for kind, row in _rows(org) if kind == sobject.name and row["Id"] == wanted)
    row = next(found, None)
    if row is None:
        raise refusals.not_found()
    return Answer(200, _with_attributes(call, sobject.name, row))


def _with_attributes(call: Call, kind: str, row: Record) -> Record:
    url = f"{call.root}/tooling/sobjects/{kind}/{row['Id']}"
    return {"attributes": {"type": kind, "url": url}, **row}


def _component(org: Org, call: Call, sobject: SObject, rest: tuple[str, ...]) -> Answer:
    """One of the components that can be written here one by one."""
    kind, row = components.KINDS[sobject.name], _WRITTEN[sobject.name]
    if not rest:
        only(call, "POST", "GET", "HEAD")
        if call.method == "POST":
            return _create(org, call, kind)
        described = describing.entry(sobject, f"{call.root}/tooling")
        return Answer(200, {"objectDescribe": described, "recentItems": []})
    only(call, "GET", "HEAD", "PATCH", "DELETE")
    wanted = ids.to18(rest[0])
    found = (n for n in kind.names(org) if components.id_of(org, kind, n) == wanted)
    name = next(found, None)
    if name is None:
        raise refusals.not_found()
    if call.method == "DELETE":
        components.delete(org, kind, name)
        return Answer(204)
    if call.method == "PATCH":
        given = object_body(call).get("Metadata")
        components.update(org, kind, {**(given or {}), "fullName": name})
        return Answer(204)
    return Answer(200, _with_attributes(call, sobject.name, row(org, name)))


def _create(org: Org, call: Call, kind: components.Kind) -> Answer:
    body = object_body(call)
    metadata = body.get("Metadata")
    missing = [n for n in ("FullName", "Metadata") if not body.get(n)]
    if missing or not isinstance(metadata, Mapping):
        raise refusals.required_missing(missing or ["Metadata"])
    name = components.create(org, kind, {**metadata, "fullName": body["FullName"]})
    made = components.id_of(org, kind, name)
    return Answer(201, {"id": made, "success": True, "errors": [], "warnings": [], "infos": []})


_WRITTEN: Mapping[str, Callable[[Org, str], Record]] = {
    "CustomField": _field_row,
    "ValidationRule": _rule_row,
    "RecordType": _type_row,
}


def _anonymous(_org: Org, call: Call, _rest: tuple[str, ...]) -> Answer:
    """Apex does not run here, and the answer says so as a failed compilation does."""
    only(call, "GET", "HEAD")
    return Answer(
        200,
        {
            "line": 1,
            "column": 1,
            "compiled": False,
            "success": False,
            "compileProblem": "Apex is not served by this sandbox",
            "exceptionStackTrace": None,
            "exceptionMessage": None,
        },
    )


_RESOURCES: Mapping[str, Callable[[Org, Call, tuple[str, ...]], Answer]] = {
    "": _root,
    "query": _query,
    "sobjects": _sobjects,
    "executeanonymous": _anonymous,
}
