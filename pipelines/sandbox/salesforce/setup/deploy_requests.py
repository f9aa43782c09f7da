"""`/metadata/deployRequest`: deployments by REST (Metadata API guide, "Deploying Metadata with
REST")."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import Answer, Call, is_true, object_body, only
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import deployments


def metadata(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    """Everything below /metadata."""
    where = tuple(part.lower() for part in rest)
    if not where:
        only(call, "GET", "HEAD")
        return Answer(200, {"deployRequest": f"{call.root}/metadata/deployRequest"})
    if where[0] != "deployrequest":
        raise refusals.not_found()
    if len(where) == 1:
        only(call, "POST")
        return _start(org, call)
    only(call, "GET", "HEAD", "PATCH")
    found = deployments.status(org, rest[1])
    if call.method == "PATCH":
        raise Refusal("INVALID_ID_FIELD", "The deployment is finished and cannot be canceled", ())
    if not is_true(call.query.get("includeDetails")):
        found = {k: v for k, v in found.items() if k != "details"}
    return Answer(200, _shown(found["id"], {}, found))


def _start(org: Org, call: Call) -> Answer:
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        deployments.again(org, str(object_body(call).get("validatedDeployRequestId", "")))
    options, package = _parts(kind, call.payload)
    made = deployments.deploy(org, package, options)
    waiting = {"id": made, "status": "Pending", "success": False, "done": False}
    return Answer(201, _shown(made, options, waiting))


def _shown(made: str, options: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": made,
        "validatedDeployRequestId": None,
        "deployOptions": dict(options) or None,
        "deployResult": dict(result),
    }


def _parts(kind: str, body: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The options and the zip of a multipart body."""
    whole = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    options: Mapping[str, Any] = {}
    package: bytes | None = None
    for part in whole.walk():
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        if part.get_content_type() == "application/json":
            options = _options(data)
        elif part.get_filename():
            package = data
    if package is None:
        raise Refusal("INVALID_MULTIPART_REQUEST", "The request has no file part")
    return options, package


def _options(data: bytes) -> Mapping[str, Any]:
    try:
        found = codec.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise refusals.unreadable("object", found)
    given = found.get("deployOptions") or {}
    return given if isinstance(given, dict) else {}
