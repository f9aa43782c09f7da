"""Salesforce's addresses: who may call, what is meant, and the answer in the vendor's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request, Sandbox, trimmed
from pipelines.sandbox.salesforce import identity, oauth, refusals, rules, xml_forms
from pipelines.sandbox.salesforce.actions import actions
from pipelines.sandbox.salesforce.allowance import limits
from pipelines.sandbox.salesforce.async_jobs import classic
from pipelines.sandbox.salesforce.bulk import jobs
from pipelines.sandbox.salesforce.bulk_memory import Conduct
from pipelines.sandbox.salesforce.bulk_work import advance
from pipelines.sandbox.salesforce.calls import VERSIONED, Answer, Call, only
from pipelines.sandbox.salesforce.composite import composite_family
from pipelines.sandbox.salesforce.csv_pages import is_csv, with_lines
from pipelines.sandbox.salesforce.org import DAILY_CALLS, Org
from pipelines.sandbox.salesforce.pages import tabs, theme
from pipelines.sandbox.salesforce.processes import process
from pipelines.sandbox.salesforce.queries import query, query_all
from pipelines.sandbox.salesforce.quick_actions import quick_actions
from pipelines.sandbox.salesforce.recent import recent
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.search import parameterized_search, search
from pipelines.sandbox.salesforce.sessions import base_url, bearer
from pipelines.sandbox.salesforce.setup.deploy_requests import metadata
from pipelines.sandbox.salesforce.setup.tooling import tooling
from pipelines.sandbox.salesforce.soap import doors
from pipelines.sandbox.salesforce.sobjects import sobjects
from pipelines.sandbox.salesforce.weather import SalesforceWeather
from pipelines.sandbox.weather import Weather

NEWEST, OLDEST = 68, 31
_RETIRED_BELOW = 31.0
_SEASONS = ("Summer", "Winter", "Spring")
# Of an address alone (414), and of address and headers together (431): REST guide, "Status Codes".
LONGEST_TARGET = 16_384
# So many calls of so many seconds or more may be under way at once.
MOST_LONG_CALLS, LONG_SECONDS = 25, 20
_JSON_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}


def _resources(org: Org, call: Call, rest: tuple[str, ...]) -> Answer:
    only(call, "GET", "HEAD")
    listed = {name: f"{call.root}/{name}" for name in _SHOWN}
    listed["identity"] = f"{call.base}/id/{org.org_id}/{org.user_id}"
    return Answer(200, listed)


Resource = Callable[[Org, Call, tuple[str, ...]], Answer]
# By the first segment below the version, in lower case.
RESOURCES: Mapping[str, Resource] = {
    "": _resources,
    "limits": limits,
    "sobjects": sobjects,
    "query": query,
    "queryall": query_all,
    "composite": composite_family,
    "search": search,
    "parameterizedsearch": parameterized_search,
    "actions": actions,
    "quickactions": quick_actions,
    "recent": recent,
    "tabs": tabs,
    "jobs": jobs,
    "theme": theme,
    "process": process,
    "tooling": tooling,
    "metadata": metadata,
}
_SHOWN = (
    "tabs", "theme", "sobjects", "query", "queryAll", "search", "parameterizedSearch",
    "quickActions", "process", "limits", "recent", "composite", "actions", "jobs", "tooling",
    "metadata",
)  # fmt: skip


def _route(org: Org, call: Call) -> Answer:
    head, rest = (call.path[0].lower(), call.path[1:]) if call.path else ("", ())
    resource = RESOURCES.get(head)
    if resource is None:
        raise refusals.not_found()
    return resource(org, call, rest)


class Salesforce:
    """One org. See `Vendor` for the contract."""

    name = "salesforce"

    def __init__(self, kernel: Sandbox) -> None:
        self._kernel = kernel
        self.org = Org(kernel, _route)
        self.org_id = self.org.org_id
        self._sessions = self.org.sessions
        self.weather: Weather = SalesforceWeather(self._reply, self.org.failures)
        if kernel.options.limits:
            kernel.doors[self.name] = self.refuse_crowd

    # ---- what the kernel asks

    def connection(self, base_url: str) -> dict[str, Any]:
        sessions = self._sessions
        return {
            "base_url": base_url,
            "login_url": base_url,
            "org_id": self.org_id,
            "api_version": f"{NEWEST}.0",
            "username": sessions.username,
            "password": sessions.password,
            "security_token": sessions.security_token,
            "client_id": sessions.client_id,
            "client_secret": sessions.client_secret,
            "access_token": sessions.first_token,
            "refresh_token": sessions.refresh_token,
            "private_key": sessions.private_key,
        }

    def rules(self, method: str, given: Mapping[str, Any]) -> Any:
        """The org's own rules, seen, added to or taken away by the control area."""
        if method == "POST":
            return rules.put(self.org, given)
        if method == "DELETE":
            return rules.clear(self.org)
        return {kind: rules.rules(self.org, kind) for kind in rules.KINDS}

    def realm_of(self, request: Request) -> str:
        return self.org_id

    def is_metered(self, request: Request) -> bool:
        return f"/{request.path.lstrip('/')}".startswith(("/services/data/v", "/services/async/"))

    def expire_token(self, request: Request) -> None:
        self._sessions.expire(bearer(request))

    def refuse_crowd(self, request: Request, _under_way: int) -> Reply | None:
        """What a call is told while too many of the org's calls last long; None: it may go on.

        Source: app limits cheat sheet, "Concurrent API Request Limits".
        """
        if not self.is_metered(request) and "/services/Soap/" not in request.path:
            return None
        if self._kernel.lasting(self.name, self.org_id, LONG_SECONDS) < MOST_LONG_CALLS:
            return None
        return self.weather.refused(
            request,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        )

    def empty_page(self, request: Request, reply: Reply) -> Reply:
        if is_csv(reply):
            return with_lines(reply, ())
        try:
            body = codec.loads(reply.body)
        except ValueError:
            return reply
        if isinstance(body, list) and reply.status < 400:
            return Reply(reply.status, b"[]", reply.headers)
        if not isinstance(body, dict) or "records" not in body:
            return reply
        return Reply(reply.status, codec.dump_bytes({**body, "records": []}), reply.headers)

    def bulk_conduct(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """How bulk jobs behave, after setting it when told to.

        Raises:
            ValueError: what is given cannot be used.
        """
        if given is not None:
            self.org.bulk.conduct = Conduct.read(given)
        return asdict(self.org.bulk.conduct)

    # ---- dispatch

    def dispatch(self, request: Request) -> Reply:
        """Answer one call. A refused one leaves nothing behind."""
        if len(request.target) > LONGEST_TARGET:
            return Reply(414, b"<h1>URI Too Long</h1>", {"Content-Type": "text/html"})
        if len(request.target) + _length(request.headers) > LONGEST_TARGET:
            body = b"<h1>Request Header Fields Too Large</h1>"
            return Reply(431, body, {"Content-Type": "text/html"})
        if request.path.startswith("//"):  # `sf` keeps the slash that ends an instance's address
            request = replace(request, path="/" + request.path.lstrip("/"))
        path = xml_forms.without_suffix(trimmed(request.path))
        path = path if "/sobjects/" in path else unquote(path)
        outside = self._outside(request, path)
        if outside is not None:
            return outside
        try:
            return self._reply(request, self._inside(request, path))
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.as_rest(), refusal.headers)
            return self._reply(request, answer)

    def _outside(self, request: Request, path: str) -> Reply | None:
        """Addresses without a session or with one of their own: log-in, SOAP, Bulk 1.0."""
        signing_in = oauth.answer(self._sessions, request, path)
        if signing_in is not None:
            return signing_in
        soap = doors.ADDRESS.fullmatch(path)
        if soap:
            return doors.enter(self.org, request, soap.groupdict())
        if path.startswith("/services/async/"):
            return classic(self.org, request, path)
        if path == "/services/data":
            return self._reply(request, Answer(200, _versions()))
        return None

    def _inside(self, request: Request, path: str) -> Answer:
        session = self._sessions.use(bearer(request) or request.query.get("oauth_token", ""))
        if session is None:
            raise refusals.session_invalid()
        about = self._about_user(request, path, session.user_id)
        if about is not None:
            return about
        if path.startswith("/services/apexrest"):
            raise refusals.not_found("Could not find a match for URL")
        found = VERSIONED.fullmatch(path)
        if found is None:
            raise refusals.not_found()
        version = found["version"] or f"{NEWEST}.0"
        _refuse_version(float(version))
        self.org.count_call()
        call = Call(
            _method(request),
            tuple(part for part in (found["rest"] or "").split("/") if part),
            request.query,
            request.headers,
            request.body,
            version,
            base_url(request),
        )
        self.org.enter(session.user_id)
        return self._atomic(call)

    def _about_user(self, request: Request, path: str, user_id: str) -> Answer | None:
        """Who the token speaks for, in both of the vendor's forms."""
        user = self._sessions.user(user_id)
        if path == "/services/oauth2/userinfo":
            return Answer(200, identity.userinfo(user, base_url(request), self.org_id))
        if path == f"/id/{self.org_id}/{user_id}":
            version = request.query.get("version", "")
            version = f"{NEWEST}.0" if version == "latest" else version
            return Answer(200, identity.identity(user, base_url(request), self.org_id, version))
        return None

    def _atomic(self, call: Call) -> Answer:
        """One call as a whole: what it wrote stays only when it is not refused."""
        self.org.refresh_catalogue()
        advance(self.org)
        with self._kernel.store.transaction():
            answer = self.org.route(call)
        advance(self.org)
        return answer

    def _reply(self, request: Request, answer: Answer) -> Reply:
        headers = dict(answer.headers or {})
        if request.path.startswith("/services/data/"):
            headers["Sforce-Limit-Info"] = f"api-usage={self.org.usage.used}/{DAILY_CALLS}"
        if answer.raw is not None or answer.body is None:
            return Reply(answer.status, answer.raw or b"", headers)
        if xml_forms.is_wanted(trimmed(request.path), request.headers):
            document = xml_forms.document(request.path, answer.status, answer.body)
            if document is not None:
                return Reply(answer.status, document, {**xml_forms.HEADERS, **headers})
        pretty = request.headers.get("x-prettyprint") in ("1", "true")
        return Reply(
            answer.status, codec.dump_bytes(answer.body, pretty), {**_JSON_HEADERS, **headers}
        )


def _release(number: int) -> str:
    """A version's name: three a year, from Summer '14 (31) on; winter's is of the year to come."""
    year, season = divmod(number - 31, 3)
    return f"{_SEASONS[season]} '{14 + year + (season > 0)}"


def _versions() -> list[dict[str, str]]:
    return [
        {"label": _release(n), "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
        for n in range(OLDEST, NEWEST + 1)
    ]


def _refuse_version(version: float) -> None:
    if version < _RETIRED_BELOW:
        raise Refusal(
            "UNSUPPORTED_API_VERSION", f"The version {version} is no longer supported", status=410
        )
    if version > NEWEST or version % 1:
        raise refusals.not_found()


def _length(headers: Mapping[str, str]) -> int:
    """The bytes of a request's header lines: name, colon, blank, value and line end."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items())


def _method(request: Request) -> str:
    wanted = request.query.get("_HttpMethod", "")
    return wanted.upper() if request.method == "POST" and wanted else request.method
