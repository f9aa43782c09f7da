"""Records sent with their content as a second part of the body (REST guide, "Insert or Update Blob
Data"): a JSON part of any name, and one part for each binary field, named after it."""

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
    kind = call.headers.get("content-type", "")
    if not isinstance(call.payload, bytes) or not kind.lower().startswith(_FORM):
        return object_body(call)
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = BytesParser(policy=email.policy.HTTP).parsebytes(head + call.payload)
    parts = list(form.iter_parts())
    described = [one for one in parts if one.get_content_type() == "application/json"]
    if len(described) != 1:
        raise Refusal(
            "INVALID_MULTIPART_REQUEST", "Multipart message must include a non-binary part"
        )
    record = _object(_content(described[0]))
    for one in parts:
        if one is not described[0]:
            record[_field(one, sobject)] = base64.b64encode(_content(one)).decode()
    return record


def _object(content: bytes) -> Record:
    try:
        found = codec.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal("JSON_PARSER_ERROR", "The JSON part of the form is not an object")
    return found


def _field(part: email.message.Message, sobject: SObject) -> str:
    name = str(part.get_param("name", "", header="content-disposition"))
    field = sobject.field(name)
    if field is None or field.type != "base64":
        raise Refusal(
            "INVALID_MULTIPART_REQUEST",
            f"{name or 'A part without a name'} is no binary field of {sobject.name}",
        )
    return field.name


def _content(part: email.message.Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
