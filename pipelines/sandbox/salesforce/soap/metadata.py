"""`/services/Soap/m`: the Metadata API (guide: "CRUD-Based", "File-Based" and "Utility Calls")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from pipelines.sandbox.kernel import Reply
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import components, deployments, packages
from pipelines.sandbox.salesforce.soap.envelope import (
    OF_METADATA,
    Fault,
    answer,
    type_of,
    value_of,
)
from pipelines.sandbox.salesforce.soap.partner import Door

MANY = 10


def respond(door: Door) -> Reply:
    """Answer one operation.

    Raises:
        Fault: what the vendor would refuse, or an operation that is not served.
    """
    operation = OPERATIONS.get(door.message.operation)
    if operation is None:
        raise Fault("INVALID_OPERATION", f"{door.message.operation} is not served by this sandbox.")
    return answer(OF_METADATA, door.message.operation, operation(door))


# ---- by component


def _each(door: Door, items: list[Any], act: Callable[[Any], dict[str, Any]]) -> Any:
    if len(items) > MANY:
        raise Fault("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 10 "
                    "records into this call")  # fmt: skip
    return [_attempt(door, one, act) for one in items]


def _attempt(door: Door, item: Any, act: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    try:
        with door.org.kernel.store.transaction():
            return {"success": True, **act(item)}
    except Refusal as refusal:
        errors = [
            {"fields": list(e["fields"]) or ..., "message": e["message"],
             "statusCode": e["statusCode"]}
            for e in refusal.as_row()
        ]  # fmt: skip
        return {"errors": errors, "fullName": _name_of(item), "success": False}
    finally:
        door.org.refresh_catalogue()


def _name_of(item: Any) -> str:
    return item if isinstance(item, str) else str((value_of(item) or {}).get("fullName", ""))


def _given(element: Element) -> tuple[components.Kind, dict[str, Any]]:
    value = value_of(element)
    if not isinstance(value, dict):
        raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: fullName", ())
    return components.kind_of(type_of(element) or str(value.pop("type", ""))), value


def _create(door: Door) -> Any:
    def act(element: Element) -> dict[str, Any]:
        kind, metadata = _given(element)
        return {"fullName": components.create(door.org, kind, metadata)}

    return _each(door, door.message.all("metadata"), act)


def _update(door: Door) -> Any:
    def act(element: Element) -> dict[str, Any]:
        kind, metadata = _given(element)
        return {"fullName": components.update(door.org, kind, metadata)}

    return _each(door, door.message.all("metadata"), act)


def _upsert(door: Door) -> Any:
    def act(element: Element) -> dict[str, Any]:
        kind, metadata = _given(element)
        name = components.full_name(metadata)
        return {"created": kind.put(door.org, name, metadata), "fullName": name}

    return _each(door, door.message.all("metadata"), act)


def _delete(door: Door) -> Any:
    def act(name: str) -> dict[str, Any]:
        components.delete(door.org, components.kind_of(door.message.text("type")), name)
        return {"fullName": name}

    return _each(door, door.message.texts("fullNames"), act)


def _read(door: Door) -> Any:
    kind = components.kind_of(door.message.text("type"))
    found = [
        {"@xsi:type": kind.name, **(kind.read(door.org, name) or {})}
        for name in door.message.texts("fullNames")
    ]
    before_38 = float(door.version) < 38
    return {"records": [r if before_38 else {**r, "picklist": ...} for r in found]}


def _rename(door: Door) -> Any:
    kind = components.kind_of(door.message.text("type"))
    name = door.message.text("oldFullName")
    refusal = Refusal(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"Renaming a {kind.name} is not served", ()
    )
    return {"errors": [{"message": refusal.message, "statusCode": refusal.code}],
            "fullName": name, "success": False}  # fmt: skip


# ---- about the org


def _list(door: Door) -> Any:
    return [
        packages.properties(door.org, components.kind_of(wanted), name)
        for query in door.message.all("queries")
        if (wanted := str((value_of(query) or {}).get("type", ""))) is not None
        for name in components.kind_of(wanted).names(door.org)
    ]


def _describe(_door: Door) -> Any:
    described = [
        {
            "childXmlNames": list(kind.children) or ...,
            "directoryName": kind.folder,
            "inFolder": False,
            "metaFile": False,
            "suffix": kind.suffix,
            "xmlName": kind.name,
        }
        for kind in components.KINDS.values()
        if kind.name not in components.PARTS
    ]
    return {
        "metadataObjects": described,
        "organizationNamespace": "",
        "partialSaveAllowed": True,
        "testRequired": False,
    }


# ---- by file


def _deploy(door: Door) -> Any:
    given = {k.lower(): v for k, v in (value_of(door.message.body) or {}).items()}
    options = given.get("deployoptions")
    made = deployments.deploy(
        door.org, str(given.get("zipfile", "")), options if isinstance(options, dict) else {}
    )
    return {"done": False, "id": made, "state": "Queued"}


def _status(door: Door) -> Any:
    found = deployments.status(door.org, _process(door))
    if door.message.text("includeDetails") != "true":
        found = {k: v for k, v in found.items() if k != "details"}
    return found


def _retrieve(door: Door) -> Any:
    # The WSDL says `retrieveRequest`, and clients say `request` too: the place counts.
    given = next((value_of(one) for one in door.message.body), None)
    request = given if isinstance(given, dict) else {}
    return {
        "done": False,
        "id": deployments.retrieve(door.org, request, door.version),
        "state": "Queued",
    }


def _retrieved(door: Door) -> Any:
    return deployments.retrieved(door.org, _process(door))


def _process(door: Door) -> str:
    """The id that is asked about."""
    return next(iter(door.message.sole_texts("asyncProcessId")), "")


def _check_status(door: Door) -> Any:
    return {"done": True, "id": _process(door), "state": "Completed"}


OPERATIONS: Mapping[str, Callable[[Door], Any]] = {
    "createMetadata": _create,
    "updateMetadata": _update,
    "upsertMetadata": _upsert,
    "deleteMetadata": _delete,
    "readMetadata": _read,
    "renameMetadata": _rename,
    "listMetadata": _list,
    "describeMetadata": _describe,
    "deploy": _deploy,
    "checkDeployStatus": _status,
    "retrieve": _retrieve,
    "checkRetrieveStatus": _retrieved,
    "checkStatus": _check_status,
}
