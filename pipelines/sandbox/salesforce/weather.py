"""What faults need to know of Salesforce: the meaning of a call, errors by code, batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.faults import Action
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.async_forms import refused_classic
from pipelines.sandbox.salesforce.calls import Answer
from pipelines.sandbox.salesforce.csv_pages import csv_lines, is_csv, with_lines
from pipelines.sandbox.salesforce.failures import Failures, items
from pipelines.sandbox.salesforce.meanings import ASYNC, SOAP, meaning
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.soap.doors import refused_soap
from pipelines.sandbox.weather import Dispatch, Meaning, Page

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
Shown = Callable[[Request, Answer], Reply]


class SalesforceWeather:
    """See `Weather` for the contract. `show` writes an answer in the vendor's form; `failures`
    takes what of a call is to fail."""

    def __init__(self, show: Shown, failures: Failures) -> None:
        self._show = show
        self._failures = failures

    def meaning(self, request: Request) -> Meaning:
        return meaning(request)

    def knows(self, code: str) -> bool:
        return code in DOCUMENTED

    def refused(self, request: Request, code: str, message: str | None) -> Reply:
        return self._said(request, _refusal(code, message), {})

    def throttled(self, request: Request, action: Action) -> Reply:
        """The vendor refuses with 403 and without Retry-After what exceeds the day's allowance. One
        is added only when asked; then the words are those of too many calls at once, which pass."""
        wait = action.retry_after
        passing = DOCUMENTED["CONCURRENT_REQUESTS_LIMIT_EXCEEDED"][1]
        refusal = _refusal("REQUEST_LIMIT_EXCEEDED", None if wait is None else passing)
        headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
        return self._said(request, refusal, headers)

    def _said(self, request: Request, refusal: Refusal, headers: Mapping[str, str]) -> Reply:
        """A refusal in the form of the API that was called."""
        if request.path.startswith(ASYNC):
            reply = refused_classic(request, refusal)
        elif SOAP in request.path:
            reply = refused_soap(request, refusal)
        else:
            return self._show(request, Answer(refusal.status, refusal.as_rest(), headers))
        return Reply(reply.status, reply.body, {**reply.headers, **headers})

    def page(self, reply: Reply) -> Page | None:
        if is_csv(reply):
            header, *lines = csv_lines(reply)
            return Page(header, tuple(lines)) if lines else None
        body = _body(reply)
        rows = body.get("records") if isinstance(body, dict) else body
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
            return None
        kind = (rows[0].get("attributes") or {}).get("type", "")
        return Page(str(kind), tuple(rows))

    def with_rows(self, reply: Reply, rows: Sequence[Any]) -> Reply:
        if is_csv(reply):
            return with_lines(reply, rows)
        body = _body(reply)
        changed = list(rows) if isinstance(body, list) else {**body, "records": list(rows)}
        return Reply(reply.status, codec.dump_bytes(changed), reply.headers)

    # ---- items

    def items(self, request: Request) -> int:
        return items(request)

    def partly(
        self, request: Request, chosen: Collection[int], code: str, dispatch: Dispatch
    ) -> Reply:
        with self._failures.armed(chosen, _refusal(code, None)):
            reply = dispatch(request)
        assert reply is not None
        return reply

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
