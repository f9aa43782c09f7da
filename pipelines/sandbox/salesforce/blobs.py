"""Records sent with their content as a second part of the body (REST guide, "Insert or Update Blob
Data"): a JSON part of any name, and one part for each binary field, named after it; in collections
named by the record it belongs to."""

from __future__ import annotations

import base64
import email.message
import email.policy
from email.parser import BytesParser

from pipelines.sandbox import codec
from pipelines.sandbox.salesforce.calls import Call, object_body
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record

_FORM = "multipart/form-data"


def record_body(call: Call, sobject: SObject) -> Record:
    """The record in a call's body, be it plain JSON or a form with binary parts.

    Raises:
        Refusal: the body is neither, or a part is no binary field of the object.
    """
    if not _is_form(call):
        return object_body(call)
    record, parts = _parts(call)
    for one in parts:
        record[_field(one, sobject)] = base64.b64encode(_content(one)).decode()
    return record


def records_body(call: Call) -> Record:
    """The records of a collection; of a form, each with the part that its attributes name as
    `binaryPartName`, for the field they name as `binaryPartNameAlias`.

    Raises:
        Refusal: the body is neither, or a part that is named is not there.
    """
    if not _is_form(call):
        return object_body(call)
    body, parts = _parts(call)
    contents = {_name(one): base64.b64encode(_content(one)).decode() for one in parts}
    for record in body.get("records") or ():
        attributes = (record.get("attributes") if isinstance(record, dict) else None) or {}
        wanted = attributes.get("binaryPartName")
        if wanted is None:
            continue
        if wanted not in contents:
            raise Refusal(
                "INVALID_MULTIPART_REQUEST", f"Multipart message has no binary part {wanted}"
            )
        record[str(attributes.get("binaryPartNameAlias") or "")] = contents[wanted]
    return body


def _is_form(call: Call) -> bool:
    kind = call.headers.get("content-type", "").lower()
    return isinstance(call.payload, bytes) and kind.startswith(_FORM)


def _parts(call: Call) -> tuple[Record, list[email.message.Message]]:
    """The JSON part of a form, and its other parts."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=email.policy.HTTP).parsebytes(head + call.payload)
    parts = list(form.iter_parts())
    described = [one for one in parts if one.get_content_type() == "application/json"]
    if len(described) != 1:
        raise Refusal(
            "INVALID_MULTIPART_REQUEST", "Multipart message must include a non-binary part"
        )
    return _object(_content(described[0])), [one for one in parts if one is not described[0]]


def _object(content: bytes) -> Record:
    try:
        found = codec.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal("JSON_PARSER_ERROR", "The JSON part of the form is not an object")
    return found


def _field(part: email.message.Message, sobject: SObject) -> str:
    name = _name(part)
    field = sobject.field(name)
    if field is None or field.type != "base64":
        raise Refusal(
            "INVALID_MULTIPART_REQUEST",
            f"{name or 'A part without a name'} is no binary field of {sobject.name}",
        )
    return field.name


def _name(part: email.message.Message) -> str:
    return str(part.get_param("name", "", header="content-disposition"))


def _content(part: email.message.Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
