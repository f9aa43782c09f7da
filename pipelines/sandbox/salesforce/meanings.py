"""What a call to Salesforce does, for fault rules: its operation and the object it speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, unquote_plus

from pipelines.sandbox.kernel import Request
from pipelines.sandbox.salesforce.calls import VERSIONED
from pipelines.sandbox.weather import Meaning

ASYNC = "/services/async/"
SOAP = "/services/Soap/"
_METHODS = {"GET": "read", "HEAD": "read", "POST": "create", "PATCH": "update", "PUT": "update",
            "DELETE": "delete"}  # fmt: skip
_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)
_IN_BODY = re.compile(rb"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)")
_SOAP: Mapping[str, str] = {
    "login": "token", "query": "query", "queryAll": "query", "queryMore": "query",
    "retrieve": "read", "getUpdated": "changes", "getDeleted": "changes",
}  # fmt: skip


def meaning(request: Request) -> Meaning:
    """What a call does."""
    if request.path.endswith("/oauth2/token"):
        return Meaning("token")
    if SOAP in request.path:
        return Meaning(_soap(request.body))
    if request.path.startswith(ASYNC):
        rest = [p for p in request.path.split("/") if p][4:]
        return Meaning(_classic_job(request.method, rest))
    found = VERSIONED.fullmatch(unquote(request.path).rstrip("/"))
    parts = [p for p in ((found["rest"] or "") if found else "").split("/") if p]
    head = parts[0].lower() if parts else ""
    if head in ("query", "queryall"):
        asked = _FROM.search(unquote_plus(request.query.get("q", "")))
        return Meaning("query", asked[1] if asked else "")
    if head == "composite":
        return Meaning("batch" if parts[1:2] != ["sobjects"] else _collection(request.method))
    if head == "jobs":
        return Meaning(_job(request.method, parts[2:]))
    if head == "sobjects":
        return _record(request.method, parts[1:])
    return Meaning(_METHODS.get(request.method, ""), "") if head == "limits" else Meaning(head)


def _soap(body: bytes) -> str:
    """A SOAP call by its operation; `describeSObject` and the like are all `describe`."""
    found = _IN_BODY.search(body)
    name = found[1].decode() if found else ""
    return "describe" if name.startswith("describe") else _SOAP.get(name, name)


def _job(method: str, rest: Sequence[str]) -> str:
    """What a call of Bulk API 2.0 does: below /jobs/query and /jobs/ingest."""
    if len(rest) > 1:
        return "bulk_upload" if method == "PUT" else "bulk_results"
    if not rest:
        return "bulk_create" if method == "POST" else "bulk_list"
    return {"PATCH": "bulk_close", "DELETE": "bulk_delete"}.get(method, "bulk_state")


def _classic_job(method: str, rest: Sequence[str]) -> str:
    """What a call of Bulk API 1.0 does: below /services/async/VERSION/job, by the same words."""
    if not rest:
        return "bulk_create"
    if len(rest) == 1:
        return "bulk_close" if method == "POST" else "bulk_state"
    if len(rest) == 2:
        return "bulk_upload" if method == "POST" else "bulk_list"
    return "bulk_state" if len(rest) == 3 else "bulk_results"


def _collection(method: str) -> str:
    return _METHODS.get(method, "")


def _record(method: str, rest: Sequence[str]) -> Meaning:
    entity = rest[0] if rest else ""
    if len(rest) < 2:
        return Meaning("create" if method == "POST" else "describe", entity)
    if rest[1].lower() in ("describe", "updated", "deleted"):
        return Meaning("describe" if rest[1].lower() == "describe" else "changes", entity)
    if len(rest) == 3 and method == "PATCH":
        return Meaning("upsert", entity)
    return Meaning(_METHODS.get(method, ""), entity)
