"""QuickBooks Online over HTTP: which call goes where."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request, Sandbox, trimmed
from pipelines.sandbox.quickbooks import attachments, objects, reports, tax_service, xml_form
from pipelines.sandbox.quickbooks.answers import query_answer
from pipelines.sandbox.quickbooks.batch import run_batch
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.changes import capture
from pipelines.sandbox.quickbooks.files import FileAddresses, is_file
from pipelines.sandbox.quickbooks.limits import AT_ONCE, Limits, kind_of_call
from pipelines.sandbox.quickbooks.memory import remembered
from pipelines.sandbox.quickbooks.oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    DISCOVERY,
    PATHS,
    REDIRECT_URI,
    VERIFIER_TOKEN,
    OAuth,
    bearer,
    rotation_policy,
)
from pipelines.sandbox.quickbooks.paper import as_pdf
from pipelines.sandbox.quickbooks.refusals import (
    GatewayRefusal,
    Refusal,
    missing,
    no_json,
    throttled,
    token_refused,
    unsupported,
    wrong_company,
)
from pipelines.sandbox.quickbooks.replies import (
    refused,
    success,
    too_large,
    trace_headers,
    turned_away,
)
from pipelines.sandbox.quickbooks.report_work import ReportWork
from pipelines.sandbox.quickbooks.standing import open_accounts, settle
from pipelines.sandbox.quickbooks.starter import (
    provide,
    provide_exchange_account,
    provided_accounts,
)
from pipelines.sandbox.quickbooks.tally import tallies_of
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import BY_SEGMENT, SENDABLE, Entity
from pipelines.sandbox.quickbooks.weather import QuickBooksWeather
from pipelines.sandbox.quickbooks.webhooks import Webhooks
from pipelines.sandbox.weather import Weather

COMPANY = re.compile(r"/v3/company/([^/]+)(?:/(.*))?$")


@dataclass(frozen=True)
class Call:
    """One call of a company's API: its books, its resource and what follows in the path."""

    books: Books
    request: Request
    resource: str
    rest: tuple[str, ...]

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method

    def body(self) -> Any:
        """The JSON body.

        Raises:
            Refusal: 2010, neither JSON nor the XML it says it is.
        """
        if xml_form.is_sent(self.request):
            return xml_form.read(self.request.body)
        try:
            return codec.loads(self.request.body)
        except ValueError as error:
            raise no_json(error) from None


class QuickBooks:
    """The vendor over the shared books."""

    name = "quickbooks"

    def __init__(self, kernel: Sandbox) -> None:
        self.kernel = kernel
        companies = kernel.manifest.get("quickbooks", ())
        self.books = {
            str(company["realm_id"]): Books(kernel.store, kernel.clock, company)
            for company in companies
        }
        for books in self.books.values():
            provide(books)
            provide_exchange_account(books)
            open_accounts(books, provided_accounts(books))
        policy = rotation_policy(kernel.manifest.get("quickbooks_tokens", {}))
        self.oauth = OAuth(
            kernel.store, kernel.clock, {realm: b.name for realm, b in self.books.items()}, policy
        )
        self.files = FileAddresses()
        self.weather: Weather = QuickBooksWeather(kernel.clock.now, self.oauth)
        self.report_work = ReportWork()
        self.limits = {realm: Limits() for realm in self.books}
        kernel.observers[self.name] = Webhooks(kernel.clock, VERIFIER_TOKEN)
        kernel.doors[self.name] = self.refuse_crowd
        kernel.preparations[self.name] = self.preparation

    # ---- what the kernel asks

    def connection(self, base_url: str) -> dict[str, Any]:
        """This vendor's part of connection.json."""
        return {
            "base_url": base_url,
            "discovery_url": f"{base_url}{DISCOVERY[0]}/",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uri": REDIRECT_URI,
            "verifier_token": VERIFIER_TOKEN,
            "companies": [self._company(realm, books) for realm, books in self.books.items()],
        }

    def _company(self, realm: str, books: Books) -> dict[str, Any]:
        access, refresh = self.oauth.tokens_of(realm)
        return {
            "realm_id": realm,
            "name": books.name,
            "access_token": access,
            "refresh_token": refresh,
        }

    def realm_of(self, request: Request) -> str:
        """The company a call speaks of."""
        match = COMPANY.match(unquote(request.path))
        return match.group(1) if match else ""

    def is_metered(self, request: Request) -> bool:
        """Whether a call takes data out: reads are metered, writes are free (Intuit, CorePlus)."""
        match = COMPANY.match(unquote(trimmed(request.path)))
        resource = (match.group(2) or "").split("/")[0].lower() if match else ""
        if not match:
            return False
        if resource == "batch":
            return b'"Query"' in request.body
        return request.method == "GET" or resource == "query"

    def expire_token(self, request: Request) -> None:
        """Make the call's access token worthless."""
        self.oauth.expire(bearer(request) or "")

    def empty_page(self, request: Request, reply: Reply) -> Reply:
        """A query or change answer without its rows."""
        if reply.headers.get("Content-Type", "").startswith("application/xml"):
            return Reply(reply.status, xml_form.without_rows(reply.body), reply.headers)
        try:
            answer = codec.loads(reply.body)
        except ValueError:
            return reply
        if "QueryResponse" in answer:
            answer["QueryResponse"] = {}
        for part in answer.get("CDCResponse", ()):
            part["QueryResponse"] = [{} for _ in part.get("QueryResponse", ())]
        return Reply(reply.status, codec.dump_bytes(answer), reply.headers)

    # ---- calls

    def dispatch(self, request: Request) -> Reply:
        """Answer one call, in JSON or XML."""
        reply = self._dispatch(request)
        return xml_form.as_xml(reply) if xml_form.is_wanted(request) else reply

    def _dispatch(self, request: Request) -> Reply:
        path = trimmed(unquote(request.path))
        if path in PATHS:
            return self._tokens(path, request)
        if is_file(request):
            return self.files.fetch(request, self.books, self.kernel.clock.now())
        match = COMPANY.match(path)
        if match is None:
            return Reply(404, b"", {**trace_headers(self.kernel.clock.now())})
        try:
            books = self._admit(match.group(1), request)
            segments = [s for s in (match.group(2) or "").split("/") if s]
            resource = segments[0].lower() if segments else ""
            self._refuse_too_many(books, kind_of_call(segments))
            if resource == "upload" and len(request.body) > attachments.MOST_BYTES:
                return too_large(self.kernel.clock.now())
        except GatewayRefusal as refusal:
            return turned_away(self.kernel.clock.now(), refusal)
        made = None if books.store.is_past else self.report_work.take(request)
        return made or self._answer(Call(books, request, resource, tuple(segments[1:])))

    def _tokens(self, path: str, request: Request) -> Reply:
        reply = self.oauth.answer(path, request)
        headers = {**reply.headers, **trace_headers(self.kernel.clock.now())}
        return Reply(reply.status, reply.body, headers)

    def _admit(self, realm: str, request: Request) -> Books:
        """The books a token opens.

        Raises:
            GatewayRefusal: 401 without a good token, 403 with one for another company.
        """
        token = bearer(request)
        owner = self.oauth.realm_of_token(token) if token else None
        if owner is None:
            raise token_refused("Token expired or invalid" if token else "Missing access token")
        if owner != realm:
            raise wrong_company()
        return self.books[realm]

    def _refuse_too_many(self, books: Books, kind: str) -> None:
        limits = self.limits[books.realm]
        if self.kernel.options.limits and not limits.admit(kind, self.kernel.clock.now()):
            raise throttled()

    def preparation(self, request: Request) -> Callable[[], None] | None:
        """The sums that a report is read from, when they have yet to be made."""
        match = COMPANY.match(trimmed(unquote(request.path)))
        books = self.books.get(match.group(1)) if match else None
        segments = (match.group(2) or "").split("/") if match else []
        if books is None or segments[0].lower() != "reports" or len(segments) != 2:
            return None
        if request.method != "GET" or not self._is_admitted(books.realm, request):
            return None
        basis = reports.summed_on(segments[1], request.query)
        sums = tallies_of(books).preparation(basis, self.kernel.lock) if basis else None
        return sums or self.report_work.preparation(books, request, segments[1])

    def _is_admitted(self, realm: str, request: Request) -> bool:
        token = bearer(request)
        return token is not None and self.oauth.realm_of_token(token) == realm

    def refuse_crowd(self, request: Request, others: int) -> Reply | None:
        """What a call gets while so many others of its company are under way; None: it may go on.

        Token calls are none of a company's, and are never too many.
        """
        if not self.kernel.options.limits or others < AT_ONCE or not self.realm_of(request):
            return None
        reply = turned_away(self.kernel.clock.now(), throttled())
        return xml_form.as_xml(reply) if xml_form.is_wanted(request) else reply

    def _answer(self, call: Call) -> Reply:
        books = call.books
        try:
            with books.store.transaction():
                if call.method == "GET" and call.rest[1:] == ("pdf",):
                    return self._pdf(call)
                if (call.method, call.resource) == ("GET", "download") and len(call.rest) == 1:
                    return self._download(call)
                answer = self._route(call)
                settle(books)
                return success(books, self.files.addressed(_origin(call.request), books, answer))
        except Refusal as refusal:
            return refused(books, refusal)

    def _route(self, call: Call) -> Record:
        special = _SPECIAL.get((call.method, call.resource))
        if special is not None:
            return special(call)
        entity = BY_SEGMENT.get(call.resource)
        if entity is None:
            raise _no_such_path(call)
        if call.method == "GET":
            return _read(call, entity)
        if call.method == "POST":
            return _write(call, entity)
        raise _no_such_path(call)

    def _download(self, call: Call) -> Reply:
        """The address of an attached file, as text."""
        record = attachments.of_file(call.books, call.rest[0])
        address = self.files.address(_origin(call.request), call.books, record)
        headers = {"Content-Type": "text/plain;charset=utf-8", **trace_headers(call.books.now())}
        return Reply(200, address.encode(), headers)

    def _pdf(self, call: Call) -> Reply:
        entity = BY_SEGMENT.get(call.resource)
        if entity is None or entity.name not in SENDABLE:
            raise _no_such_path(call)
        record = objects.read(call.books, entity, call.rest[0])
        headers = {"Content-Type": "application/pdf", **trace_headers(call.books.now())}
        return Reply(200, as_pdf(call.books.name, entity.name, record), headers)


def _origin(request: Request) -> str:
    """Where this vendor is served, as the caller reaches it."""
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def _no_such_path(call: Call) -> Refusal:
    """500 (recorded)."""
    path = unquote(call.request.path)
    return unsupported(
        f"Could not find resource for relative : {path} of full path: "
        f"https://c50.sandbox.qbo.intuit.com/qbo50{path}"
    )


def _read(call: Call, entity: Entity) -> Record:
    if len(call.rest) > 1 or (not call.rest and entity.name not in objects.SINGLE):
        raise _no_such_path(call)
    record = objects.read(call.books, entity, call.rest[0] if call.rest else None)
    if "invoicelink" in call.request.query.get("include", "").lower():
        record = objects.with_link(entity, record)
    return {entity.answer: record}


def _write(call: Call, entity: Entity) -> Record:
    query = call.request.query
    if call.rest[1:] == ("send",):
        address = query.get("sendTo")
        make = _sending(call, entity, address)
    elif call.rest:
        raise _no_such_path(call)
    else:
        body = call.body()

        def make() -> Record:
            return {entity.answer: objects.write(call.books, entity, body, query)}

    return remembered(call.books, query.get("requestid", ""), make)


def _sending(call: Call, entity: Entity, address: str | None) -> Callable[[], Record]:
    return lambda: {entity.answer: objects.send(call.books, entity, call.rest[0], address)}


def _query(call: Call) -> Record:
    text = call.request.query.get("query")
    if text is None:
        text = call.request.body.decode("utf-8", "replace")
    if not text.strip():
        raise missing("query")
    return query_answer(call.books, text)


def _batch(call: Call) -> Record:
    return run_batch(call.books, call.body(), call.request.query.get("requestid", ""))


def _cdc(call: Call) -> Record:
    asked = {name.lower(): value for name, value in call.request.query.items()}
    return capture(call.books, asked.get("entities", ""), asked.get("changedsince", ""))


def _report(call: Call) -> Record:
    if len(call.rest) != 1:
        raise _no_such_path(call)
    return reports.report(call.books, call.rest[0], call.request.query)


def _rate(call: Call) -> Record:
    return {"ExchangeRate": objects.exchange_rate(call.books, call.request.query)}


def _thumbnail(call: Call) -> Record:
    raise unsupported("attachable-thumbnail (this sandbox makes no thumbnails)")


def _tax_service(call: Call) -> Record:
    if [s.lower() for s in call.rest] != ["taxcode"]:
        raise _no_such_path(call)
    body = call.body()
    return remembered(
        call.books,
        call.request.query.get("requestid", ""),
        lambda: tax_service.create_tax_code(call.books, body),
    )


def _upload(call: Call) -> Record:
    kind = call.request.headers.get("content-type", "")
    return remembered(
        call.books,
        call.request.query.get("requestid", ""),
        lambda: attachments.upload(call.books, kind, call.request.body),
        attachments.is_refused,
    )


_SPECIAL: dict[tuple[str, str], Callable[[Call], Record]] = {
    ("GET", "query"): _query,
    ("POST", "query"): _query,
    ("POST", "batch"): _batch,
    ("GET", "cdc"): _cdc,
    ("GET", "reports"): _report,
    ("GET", "exchangerate"): _rate,
    ("POST", "taxservice"): _tax_service,
    ("POST", "upload"): _upload,
    ("GET", "attachable-thumbnail"): _thumbnail,
}
