"""What faults need to know of QuickBooks: the meaning of a call, errors by code, batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox import codec
from pipelines.sandbox.faults import Action
from pipelines.sandbox.kernel import Reply, Request
from pipelines.sandbox.quickbooks import refusals, xml_form
from pipelines.sandbox.quickbooks.oauth import TOKEN, OAuth
from pipelines.sandbox.quickbooks.refusals import GatewayRefusal, Refusal
from pipelines.sandbox.quickbooks.replies import trace_headers, turned_away
from pipelines.sandbox.quickbooks.vocabulary import BY_SEGMENT
from pipelines.sandbox.weather import Dispatch, Meaning, Page

_COMPANY = re.compile(r"/v3/company/[^/]+/([^/]+)(?:/[^/]+/([^/]+))?")
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_SPECIAL = {"query": "query", "cdc": "changes", "reports": "report", "batch": "batch",
            "upload": "create"}  # fmt: skip

# Intuit, "Error codes" of the Accounting API: what faults may refuse with, in the vendor's words.
DOCUMENTED: Mapping[str, Callable[[], Refusal]] = {
    "500": lambda: refusals.unsupported("this"),
    "600": lambda: Refusal("600", "Not implemented", "Operation is not implemented."),
    "610": refusals.not_found,
    "620": lambda: refusals.cannot_link("1"),
    "1000": lambda: _service("1000", "An internal error occurred"),
    "1040": lambda: Refusal(
        "1040", "Batch size exceeds allowed limit", "Batch size exceeds the allowed limit."
    ),
    "2010": lambda: refusals.invalid_property("this"),
    "2020": lambda: refusals.missing("this"),
    "2030": lambda: refusals.invalid_id("this"),
    "2040": lambda: refusals.forbidden_characters("", ""),
    "2050": lambda: refusals.wrong_length("", 0, 0, 0),
    "2070": lambda: refusals.invalid_date("", ""),
    "2090": lambda: refusals.invalid_number("", ""),
    "2170": lambda: refusals.invalid_enumeration("", ""),
    "2210": lambda: refusals.invalid_email("", ""),
    "2500": lambda: refusals.invalid_reference(""),
    "3000": lambda: refusals.invalid_custom_field("1"),
    "4000": lambda: refusals.query_unparsable("this"),
    "4001": lambda: refusals.query_invalid("this"),
    "5010": refusals.stale,
    "5020": lambda: Refusal("5020", "Permission Denied Error", "Permission Denied Error : ", ""),
    "6000": lambda: refusals.business("this cannot be done."),
    "6080": refusals.no_name,
    "6090": refusals.discount_without_value,
    "6140": lambda: refusals.duplicate_number("1", "Invoice", "1"),
    "6150": refusals.parent_required,
    "6180": refusals.nested_too_deep,
    "6190": lambda: Refusal(
        "6190",
        "Invalid Company Status",
        "Subscription period has ended or canceled or there was a billing problem : You can't "
        "add data to QuickBooks Online Plus because your trial or subscription period ended or "
        "you canceled your subscription. ",
        "",
    ),
    "6210": refusals.period_closed,
    "6240": refusals.duplicate_name,
    "6430": lambda: refusals.wrong_account_type(""),
    "6540": lambda: Refusal(
        "6540",
        "Deposited Transaction cannot be changed",
        "Deposited Transaction cannot be changed : This transaction has been deposited. If you "
        "want to change or delete it, you must edit the deposit it appears on and remove it first.",
        "",
    ),
    "10000": lambda: _service("10000", "An application error has occurred while processing"),
}
GATEWAY: Mapping[str, Callable[[], GatewayRefusal]] = {
    "3001": refusals.throttled,
    "003001": refusals.throttled,
    "3100": refusals.wrong_company,
    "3200": refusals.token_refused,
}


def _service(code: str, message: str) -> Refusal:
    return Refusal(code, message, message, status=500, kind="SystemFault")


def meaning(request: Request) -> Meaning:
    """What a call does."""
    path = unquote(request.path)
    if path == TOKEN:
        return Meaning("token")
    found = _COMPANY.match(path)
    if found is None:
        return Meaning()
    resource = found[1].lower()
    if resource in _SPECIAL:
        asked = request.query.get("query") or request.body.decode("utf-8", "replace")
        name = _FROM.search(asked) if resource == "query" else None
        return Meaning(_SPECIAL[resource], name[1] if name else "")
    entity = BY_SEGMENT[resource].name if resource in BY_SEGMENT else resource
    return Meaning(_operation(request, found[2]), entity)


def _operation(request: Request, action: str | None) -> str:
    if action:
        return action
    if request.method == "GET":
        return "read"
    asked = request.query.get("operation")
    if asked:
        return asked
    try:
        body = codec.loads(request.body)
    except ValueError:
        return "create"
    return "update" if isinstance(body, dict) and body.get("Id") else "create"


class QuickBooksWeather:
    """See `Weather` for the contract."""

    def __init__(self, now: Callable[[], datetime], oauth: OAuth) -> None:
        self._now = now
        self._oauth = oauth

    def meaning(self, request: Request) -> Meaning:
        return meaning(request)

    def knows(self, code: str) -> bool:
        return code in DOCUMENTED or code in GATEWAY

    def refused(self, request: Request, code: str, message: str | None) -> Reply:
        if code in GATEWAY:
            reply = turned_away(self._now(), GATEWAY[code]())
        else:
            refusal = _refusal(code, message)
            body = codec.dump_bytes({"Fault": refusal.fault(), "time": self._now().isoformat()})
            headers = {"Content-Type": "application/json", **trace_headers(self._now())}
            reply = Reply(refusal.status, body, headers)
        return xml_form.as_xml(reply) if xml_form.is_wanted(request) else reply

    def throttled(self, request: Request, action: Action) -> Reply:
        """429 / 3001; the real service tells no Retry-After unless it is asked of the sandbox."""
        reply = turned_away(self._now(), refusals.throttled())
        if action.format == "xml" or xml_form.is_wanted(request):
            reply = xml_form.as_xml(reply)
        wait = action.retry_after
        headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
        return Reply(reply.status, reply.body, {**reply.headers, **headers})

    def page(self, reply: Reply) -> Page | None:
        answer = _json(reply).get("QueryResponse") or {}
        for entity, rows in answer.items():
            if isinstance(rows, list) and rows:
                return Page(entity, tuple(rows))
        return None

    def with_rows(self, reply: Reply, rows: Sequence[Any]) -> Reply:
        answer = _json(reply)
        page = self.page(reply)
        if page is not None:
            answer["QueryResponse"] = {**answer["QueryResponse"], page.entity: list(rows)}
        return Reply(reply.status, codec.dump_bytes(answer), reply.headers)

    # ---- batches

    def items(self, request: Request) -> int:
        return len(_items(request))

    def partly(
        self, request: Request, chosen: Collection[int], code: str, dispatch: Dispatch
    ) -> Reply:
        """The items that fail are taken out of the batch, and put back into its answer."""
        reply = dispatch(self._without(request, chosen))
        if reply is not None and reply.status >= 400:
            return reply
        return self._put_back(request, reply, chosen, code)

    def _without(self, request: Request, chosen: Collection[int]) -> Request | None:
        kept = [item for n, item in enumerate(_items(request)) if n not in chosen]
        if not kept:
            return None
        return replace(request, body=codec.dump_bytes({"BatchItemRequest": kept}))

    def _put_back(
        self, request: Request, reply: Reply | None, chosen: Collection[int], code: str
    ) -> Reply:
        answer = _json(reply) if reply is not None else {"time": self._now().isoformat()}
        done = iter(answer.get("BatchItemResponse", ()))
        results = []
        for n, item in enumerate(_items(request)):
            if n in chosen:
                results.append({"Fault": _refusal(code, None).fault(), "bId": item.get("bId", "")})
            else:
                results.append(next(done))
        body = codec.dump_bytes({**answer, "BatchItemResponse": results})
        headers = {"Content-Type": "application/json", **trace_headers(self._now())}
        return Reply(200, body, headers if reply is None else reply.headers)

    @contextmanager
    def rotating(self) -> Iterator[None]:
        """Every refresh gives a new token, whatever its age."""
        before = self._oauth.policy
        self._oauth.policy = replace(before, every_time=True)
        try:
            yield
        finally:
            self._oauth.policy = before


def _refusal(code: str, message: str | None) -> Refusal:
    known = DOCUMENTED.get(code)
    refusal = known() if known else Refusal(code, code, code)
    if message:
        refusal.detail = message
    return refusal


def _json(reply: Reply) -> dict[str, Any]:
    try:
        found = codec.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _items(request: Request) -> list[Any]:
    """The items of a batch call."""
    if not unquote(request.path).rstrip("/").endswith("/batch"):
        return []
    try:
        body = codec.loads(request.body)
    except ValueError:
        return []
    items = body.get("BatchItemRequest") if isinstance(body, dict) else None
    return [i for i in items if isinstance(i, dict)] if isinstance(items, list) else []
