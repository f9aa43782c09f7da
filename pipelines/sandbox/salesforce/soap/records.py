"""Records in SOAP's form, from elements to values and back (SOAP API guide, "sObject")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from pipelines.sandbox.salesforce.soap.envelope import (
    PARTNER,
    Dialect,
    Fault,
    is_nil,
    local,
    type_of,
)
from pipelines.sandbox.store import Record

KeyField = Callable[[str, str], str]


def given_record(element: Element) -> Record:
    """A record as a REST body: `attributes` says its type, emptied fields are None.

    Raises:
        Fault: it does not say what it is.
    """
    found: Record = {}
    for part in element:
        name = local(part)
        if name == "fieldsToNull":
            found[(part.text or "").strip()] = None
        elif name == "type":
            found["attributes"] = {"type": (part.text or "").strip()}
        elif len(part):
            nested = {k: v for k, v in given_record(part).items() if k != "attributes"}
            found[name] = nested
        elif not is_nil(part):
            found[name] = part.text or ""
    if "attributes" not in found:
        kind = type_of(element)
        if kind and kind != "sObject":
            found["attributes"] = {"type": kind}
    return found


def kind_of(record: Record) -> str:
    """The object a given record belongs to.

    Raises:
        Fault: it does not say.
    """
    name = str((record.get("attributes") or {}).get("type", ""))
    if not name:
        raise Fault("INVALID_TYPE", "Must send a concrete entity type.", "InvalidSObjectFault")
    return name


def shown_record(record: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A record of a REST answer as the members of a `records` element."""
    kind = str((record.get("attributes") or {}).get("type", ""))
    shown: dict[str, Any]
    if dialect is PARTNER:
        shown = {"@xsi:type": "sf:sObject", "sf:type": kind or "AggregateResult"}
        # The partner API's record has an Id of its own, beside the one that was asked for.
        shown["sf:Id"] = [record["Id"], record["Id"]] if record.get("Id") else None
    else:
        shown = {"@xsi:type": f"sf:{kind}"}
        shown |= {"sf:Id": record["Id"]} if record.get("Id") else {}
    for name, value in record.items():
        if name not in ("attributes", "Id"):
            shown[f"sf:{name}"] = _shown_value(value, dialect)
    return shown


def _shown_value(value: Any, dialect: Dialect) -> Any:
    if not isinstance(value, Mapping):
        return _moment(value)
    if "records" in value:
        return {"@xsi:type": "QueryResult", **result(value, dialect)}
    if "attributes" in value:
        return shown_record(value, dialect)
    return {name: _moment(part) for name, part in value.items()}


def _moment(value: Any) -> Any:
    """SOAP writes the zone of a moment as Z."""
    if isinstance(value, str) and value.endswith(".000+0000"):
        return value.removesuffix("+0000") + "Z"
    return value


def result(body: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A page of a query."""
    url = body.get("nextRecordsUrl")
    return {
        "done": body["done"],
        "queryLocator": str(url).rpartition("/")[2] if url else None,
        "records": [shown_record(one, dialect) for one in body["records"]],
        "size": body["totalSize"],
    }


def outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one record's write."""
    return {
        **({"created": row["created"]} if "created" in row else {}),
        "errors": [_error(one) for one in row.get("errors") or ()],
        "id": row.get("id"),
        "success": row["success"],
    }


def _error(one: Mapping[str, Any]) -> dict[str, Any]:
    named = {"fields": list(one["fields"])} if one.get("fields") else {}
    return {**named, "message": one["message"], "statusCode": one["statusCode"]}


def described_object(value: Mapping[str, Any], base: str) -> dict[str, Any]:
    """The describe of an object, with what the WSDL wants even where there is nothing to tell."""
    shown, prefix = value["layoutable"], value["keyPrefix"]
    return {
        **dict(_members(value)),
        "keyPrefix": prefix,
        "networkScopeFieldName": value.get("networkScopeFieldName"),
        "urlDetail": f"{base}/{{ID}}" if shown else None,
        "urlEdit": f"{base}/{{ID}}/e" if shown else None,
        "urlNew": f"{base}/{prefix}/e" if shown else None,
    }


def described_all(value: Mapping[str, Any]) -> dict[str, Any]:
    """The global describe; an object without records of its own has no prefix, and says so."""
    told = [{**described(one), "keyPrefix": one["keyPrefix"]} for one in value["sobjects"]]
    return {**dict(_members(value)), "sobjects": told}


def with_moments(value: Any) -> Any:
    """The moments of an answer as SOAP writes them."""
    if isinstance(value, Mapping):
        return {name: with_moments(part) for name, part in value.items()}
    if isinstance(value, list):
        return [with_moments(one) for one in value]
    return _moment(value)


def described(value: Any) -> Any:
    """A describe in SOAP's form: what has no value is left out, addresses of REST too."""
    if isinstance(value, Mapping):
        return dict(_members(value))
    if isinstance(value, list | tuple):
        return [described(one) for one in value]
    return value


def _members(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if part is not None and name != "urls":
            yield name, described(part)
