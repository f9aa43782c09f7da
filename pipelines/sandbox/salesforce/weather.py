"""What faults need to know of Salesforce: the meaning of a call, errors by code, batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, unquote_plus, urlencode

from pipelines.sandbox import codec
from pipelines.sandbox.faults import Action
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.calls import VERSIONED, Answer
from pipelines.sandbox.salesforce.csv_pages import csv_lines, is_csv, with_lines
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.weather import Meaning, Page

# Error codes of the REST and SOAP guides by HTTP status and words ("Status Codes and Error
# Responses", "StatusCode"); what is not listed there by status answers 400.
DOCUMENTED: Mapping[str, tuple[int, str]] = {
    "UNABLE_TO_LOCK_ROW": (400, "unable to obtain exclusive access to this record"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "SERVER_UNAVAILABLE": (503, "The server is temporarily unavailable"),
    "UNKNOWN_EXCEPTION": (
        500,
        "An unexpected error occurred. Please include this ErrorId if you contact support: 1",
    ),
    "INVALID_SESSION_ID": (401, refusals.SESSION_INVALID),
    "NOT_FOUND": (404, refusals.GONE_OR_UNKNOWN),
    "ENTITY_IS_DELETED": (404, "entity is deleted"),
    "INSUFFICIENT_ACCESS": (403, "insufficient access rights on object id"),
    "INSUFFICIENT_ACCESS_OR_READONLY": (400, "insufficient access rights on object id"),
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": (
        400,
        "insufficient access rights on cross-reference id",
    ),
    "API_DISABLED_FOR_ORG": (403, "The REST API is not enabled for this Organization."),
    "API_CURRENTLY_DISABLED": (403, "API is currently disabled for this Organization."),
    "INVALID_QUERY_LOCATOR": (400, "invalid query locator"),
    "QUERY_TIMEOUT": (400, "Your query request was running for too long."),
    "OPERATION_TOO_LARGE": (
        400,
        "exceeded 100000 distinct who/what's",
    ),
    "STORAGE_LIMIT_EXCEEDED": (400, "storage limit exceeded"),
    "DUPLICATE_VALUE": (400, "duplicate value found: <unknown> duplicates value on record"),
    "DUPLICATES_DETECTED": (400, "Use one of these records?"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (400, "A validation rule refuses this record."),
    "FIELD_INTEGRITY_EXCEPTION": (400, "field integrity exception"),
    "REQUIRED_FIELD_MISSING": (400, "Required fields are missing: [Name]"),
    "STRING_TOO_LONG": (400, "data value too large"),
    "INVALID_FIELD": (400, "No such column on the entity"),
    "INVALID_FIELD_FOR_INSERT_UPDATE": (400, "Unable to create/update fields"),
    "INVALID_CROSS_REFERENCE_KEY": (400, "invalid cross reference id"),
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": (400, "a trigger refuses this record"),
    "DELETE_FAILED": (400, "Your attempt to delete could not be completed."),
    "MALFORMED_QUERY": (400, "unexpected token"),
    "MALFORMED_ID": (400, "malformed id"),
    "TXN_SECURITY_METERING_ERROR": (403, "Transaction Security limits exceeded."),
    "APEX_ERROR": (500, "System.LimitException: Apex CPU time limit exceeded"),
    "CONCURRENT_REQUESTS_LIMIT_EXCEEDED": (
        403,
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ),
}
_METHODS = {"GET": "read", "HEAD": "read", "POST": "create", "PATCH": "update", "PUT": "update",
            "DELETE": "delete"}  # fmt: skip
_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)
Shown = Callable[[Request, Answer], Reply]


def meaning(request: Request) -> Meaning:
    """What a call does."""
    if request.path.endswith("/oauth2/token") or "/services/Soap/" in request.path:
        return Meaning("token")
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


def _job(method: str, rest: Sequence[str]) -> str:
    """What a call of Bulk API 2.0 does: below /jobs/query and /jobs/ingest."""
    if len(rest) > 1:
        return "bulk_upload" if method == "PUT" else "bulk_results"
    if not rest:
        return "bulk_create" if method == "POST" else "bulk_list"
    return {"PATCH": "bulk_close", "DELETE": "bulk_delete"}.get(method, "bulk_state")


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


class SalesforceWeather:
    """See `Weather` for the contract. `show` writes an answer in the vendor's form."""

    def __init__(self, show: Shown) -> None:
        self._show = show

    def meaning(self, request: Request) -> Meaning:
        return meaning(request)

    def knows(self, code: str) -> bool:
        return code in DOCUMENTED

    def refused(self, request: Request, code: str, message: str | None) -> Reply:
        refusal = _refusal(code, message)
        return self._show(request, Answer(refusal.status, refusal.as_rest()))

    def throttled(self, request: Request, action: Action) -> Reply:
        """The vendor throttles with 403 and without Retry-After; one is added only when asked."""
        refusal = _refusal("REQUEST_LIMIT_EXCEEDED", None)
        wait = action.retry_after
        headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
        return self._show(request, Answer(refusal.status, refusal.as_rest(), headers))

    def page(self, reply: Reply) -> Page | None:
        if is_csv(reply):
            header, *lines = csv_lines(reply)
            return Page(header, tuple(lines)) if lines else None
        body = _body(reply)
        rows = body.get("records") if isinstance(body, dict) else None
        if not rows:
            return None
        kind = (rows[0].get("attributes") or {}).get("type", "")
        return Page(str(kind), tuple(rows))

    def with_rows(self, reply: Reply, rows: Sequence[Any]) -> Reply:
        if is_csv(reply):
            return with_lines(reply, rows)
        body = {**_body(reply), "records": list(rows)}
        return Reply(reply.status, codec.dump_bytes(body), reply.headers)

    # ---- collections

    def items(self, request: Request) -> int:
        return len(_items(request))

    def without(self, request: Request, chosen: Collection[int]) -> Request | None:
        kept = [item for n, item in enumerate(_items(request)) if n not in chosen]
        if not kept or (chosen and _all_or_none(request)):
            return None
        if request.method == "DELETE":
            query = {**request.query, "ids": ",".join(kept)}
            return replace(request, query=query, raw_query=urlencode(query))
        body = {**codec.loads(request.body), "records": kept}
        return replace(request, body=codec.dump_bytes(body))

    def put_back(
        self, request: Request, reply: Reply | None, chosen: Collection[int], code: str
    ) -> Reply:
        done = iter(_body(reply) if reply is not None else ())
        undone = Refusal(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using "
            "AllOrNone header",
        )
        refusal = _refusal(code, None)
        results = []
        for n, _ in enumerate(_items(request)):
            if n not in chosen and reply is not None:
                results.append(next(done))
            else:
                shown = refusal if n in chosen else undone
                results.append({"success": False, "errors": shown.as_row()})
        if reply is None:
            return self._show(request, Answer(200, results))
        return Reply(reply.status, codec.dump_bytes(results), reply.headers)

    def rotating(self) -> AbstractContextManager[None]:
        """Refresh tokens of a connected app do not change."""
        return nullcontext()


def _refusal(code: str, message: str | None) -> Refusal:
    status, words = DOCUMENTED.get(code, (400, code))
    return Refusal(code, message or words, status=status)


def _body(reply: Reply) -> Any:
    try:
        return codec.loads(reply.body)
    except ValueError:
        return None


def _items(request: Request) -> list[Any]:
    """The records of a collection call."""
    if not re.search(r"/composite/sobjects(/|$)", request.path):
        return []
    if request.method == "DELETE":
        return [i for i in request.query.get("ids", "").split(",") if i]
    if request.method not in ("POST", "PATCH"):
        return []
    try:
        body = codec.loads(request.body)
    except ValueError:
        return []
    records = body.get("records") if isinstance(body, dict) else None
    return records if isinstance(records, list) else []


def _all_or_none(request: Request) -> bool:
    if request.method == "DELETE":
        return request.query.get("allOrNone", "").lower() == "true"
    return str(codec.loads(request.body).get("allOrNone")).lower() == "true"
