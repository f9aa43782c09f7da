"""How Bulk API 1.0 writes its answers: JSON where JSON is asked for, otherwise XML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.salesforce.refusals import Refusal

_NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_MEDIA = {"JSON": "application/json", "XML": "application/xml", "CSV": "text/csv"}


class Fault(Exception):
    """One thing Bulk API 1.0 refuses: the vendor's exception code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


# The vendor's "AsyncExceptionCode" for what REST refuses by another code.
_CODES: Mapping[str, str] = {
    "REQUEST_LIMIT_EXCEEDED": "ExceededQuota",
    "CONCURRENT_REQUESTS_LIMIT_EXCEEDED": "ExceededQuota",
    "INVALID_SESSION_ID": "InvalidSessionId",
    "API_DISABLED_FOR_ORG": "FeatureNotEnabled",
    "API_CURRENTLY_DISABLED": "FeatureNotEnabled",
    "UNABLE_TO_LOCK_ROW": "TooManyLockFailure",
    "QUERY_TIMEOUT": "Timeout",
    "NOT_FOUND": "InvalidUrl",
    "UNKNOWN_EXCEPTION": "Unknown",
    "SERVER_UNAVAILABLE": "Unknown",
}


def refused_classic(request: Request, refusal: Refusal) -> Reply:
    """A refusal by a code of REST, as this API says it; its statuses are 400 and 5xx."""
    status = refusal.status if refusal.status >= 500 or refusal.status == 403 else 400
    code = _CODES.get(refusal.code, "ClientInputError")
    body = {"exceptionCode": code, "exceptionMessage": refusal.message}
    return said(asked_form(request) or "XML", "error", body, status)


def asked_form(request: Request) -> str | None:
    """JSON or XML, as the body of the request is or as the answer is asked for."""
    sent = form_of(request.headers.get("content-type", ""))
    asked = form_of(request.headers.get("accept", ""))
    return next((f for f in (sent, asked) if f in ("JSON", "XML")), None)


def form_of(media: str) -> str | None:
    """JSON, XML or CSV by a Content-Type or Accept header; None: it does not say."""
    found = (form for form in ("JSON", "XML", "CSV") if form.lower() in media.lower())
    return next(found, None)


def said(form: str, name: str, value: Mapping[str, Any], status: int = 200) -> Reply:
    """One object: a job, a batch, an error."""
    if form == "JSON":
        return raw(form, codec.dump_bytes(value), status)
    return raw("XML", document(name, _elements(value)).encode(), status)


def said_each(form: str, name: str, item: str, values: Sequence[Mapping[str, Any] | str]) -> Reply:
    """A list: batches of a job, results of a batch."""
    if form == "JSON":
        listed: Any = values if item != "batchInfo" else {"batchInfo": values}
        return raw(form, codec.dump_bytes(listed))
    parts = "".join(
        f"<{item}>{escape(v) if isinstance(v, str) else _elements(v)}</{item}>" for v in values
    )
    return raw("XML", document(name, parts).encode())


def raw(form: str, body: bytes, status: int = 200) -> Reply:
    """A body of one of the three forms. Clients compare the media types letter by letter."""
    return Reply(status, body, {"Content-Type": _MEDIA[form]})


def text(body: bytes) -> Reply:
    """Rows of a query as CSV: here readers go by the charset."""
    return Reply(200, body, {"Content-Type": "text/csv;charset=UTF-8"})


def document(name: str, inside: str) -> str:
    """An XML document of the API's namespace."""
    space = f'xmlns="{_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return f"{_HEAD}<{name} {space}>{inside}</{name}>"


def _elements(value: Mapping[str, Any]) -> str:
    return "".join(element(k, v) for k, v in value.items() if v is not None)


def element(name: str, value: Any) -> str:
    """A value as elements of one name: one for each of a list, nested for an object."""
    if isinstance(value, list):
        return "".join(element(name, one) for one in value)
    if isinstance(value, Mapping):
        return f"<{name}>{_elements(value)}</{name}>"
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    return f"<{name}>{escape(str(value)).replace('+0000', 'Z')}</{name}>"


def record_elements(rows: Iterable[Mapping[str, Any]]) -> str:
    """The records of a query result."""
    return "".join(f'<records xsi:type="sObject">{_record(row)}</records>' for row in rows)


def _record(row: Mapping[str, Any]) -> str:
    return element("type", row["attributes"]["type"]) + "".join(
        f'<{name} xsi:nil="true"/>'
        if value is None
        else f'<{name} xsi:type="sObject">{_record(value)}</{name}>'
        if isinstance(value, Mapping)
        else element(name, value)
        for name, value in row.items()
        if name != "attributes"
    )
