"""One Salesforce org through simple-salesforce.

The library builds addresses and parses answers. Log-in, repetition and errors are ours: it logs in
again without bound on a 401, never speaks http, and would ask for a session by SOAP in a version
that no longer has it (salesforce_api 0 and 6.1). Amounts arrive as Decimal and leave as exact
number literals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import requests
import simplejson

from pipelines.clients import salesforce_faults as faults
from pipelines.clients.oauth import granted, salesforce_app
from pipelines.clients.recording import Kind, Recorder, VendorUsage, unrecorded
from pipelines.clients.salesforce_bulk import QueryJobs
from pipelines.clients.salesforce_replies import (
    SYSTEM,
    Part,
    PartReply,
    QueryPage,
    Record,
    composite_replies,
    incomplete,
    query_page,
)
from pipelines.clients.salesforce_soql import http_time, object_id
from pipelines.clients.salesforce_writes import SalesforceWrites
from pipelines.clients.tokens import TokenFile, TokenKeeper, token_file
from pipelines.clients.transport import (
    READ_SECONDS,
    CallCount,
    Patience,
    Reach,
    VendorSession,
    lost_reply,
)
from pipelines.errors import Unavailable, WrongCompany
from pipelines.settings import SALESFORCE_HOSTS, SalesforceSettings, Secret, Settings

T = TypeVar("T")
# On every answer: calls of all programs in 24 hours, and how many the org allows.
_API_USAGE = re.compile(r"\bapi-usage=(\d+)/(\d+)")
# The newest versions have no SOAP login() any more; it works with 31 to 64 (salesforce_api 1.1).
_LOGIN_VERSION = "59.0"
# Salesforce does not say how long a session holds; two hours unless the org says otherwise. A new
# one is asked for after this, or when the old one is refused.
_SESSION_SECONDS = 900
COMPOSITE_LIMIT = 25
COMPOSITE_QUERIES = 5
_LOCATOR = re.compile(r"/services/data/v\d+\.\d+/query(?:All)?/[\w-]+")


def salesforce_client(
    settings: Settings, record: Recorder = unrecorded, org: SalesforceSettings | None = None
) -> SalesforceClient:
    """The client of one of the configured orgs, which tells `record` of its calls; without `org`
    of the one that is written to. Raises `ConfigurationError` when there is none.
    """
    chosen = org or settings.salesforce
    is_kept = chosen.login == "browser"
    return SalesforceClient(
        chosen,
        read_seconds=settings.timeout_seconds,
        patience=Patience(throttle_wait=60.0 if settings.profile == "live" else 1.0),
        record=record,
        tokens=token_file(settings, f"salesforce-{chosen.org_id[:15]}") if is_kept else None,
    )


class SalesforceClient(SalesforceWrites):
    """Reads and writes of one org. It logs in at the first call, and once more when the session
    has expired. Reads are repeated when that is safe, writes never are."""

    def __init__(
        self,
        settings: SalesforceSettings,
        read_seconds: float = READ_SECONDS,
        patience: Patience | None = None,
        record: Recorder = unrecorded,
        tokens: TokenFile | None = None,
    ) -> None:
        self.org_id = settings.org_id
        self._settings = settings
        self._patience = patience or Patience()
        self._reach = Reach(SYSTEM, settings.base_url, SALESFORCE_HOSTS)
        self.session = VendorSession(
            self._reach,
            kind_of=kind_of,
            examine=self._examine,
            read_seconds=read_seconds,
            metered=lambda kind: 0 if kind == "token" else 1,
            source=settings.org_id,
            record=record,
        )
        self.session.hide(
            settings.password,
            settings.security_token,
            settings.client_secret,
            settings.access_token,
        )
        self._connected: Any = None
        self._record = record
        self._refused = Secret("")
        where = f"org {settings.org_id}"
        self._tokens = TokenKeeper(tokens, Secret(""), self._refreshed, where) if tokens else None

    @property
    def calls(self) -> CallCount:
        """The calls so far; `metered` are those that count for the org's daily allowance."""
        return self.session.calls.count

    @property
    def server_time(self) -> datetime | None:
        """The org's clock at its last answer, in UTC."""
        return self.session.server_time

    @property
    def api_usage(self) -> tuple[int, int] | None:
        """Calls used and allowed in 24 hours, as the org said last; None before the first."""
        usage = getattr(self._connected, "api_usage", {}).get("api-usage")
        return (usage.used, usage.total) if usage else None

    def log_in(self) -> datetime | None:
        """Begin a session where there is none yet; the org's clock, where that has told it."""
        self._patience.insist(lambda: self._signed(self._org))
        return self.server_time

    # Reads -----------------------------------------------------------------------------------

    def query_all(self, soql: str, include_deleted: bool = False) -> Iterator[Record]:
        """All records of a query, page after page, without their `attributes`.

        Raises `Incomplete` when fewer or other rows come than the org counted.
        """
        seen = 0
        page = self.first_page(soql, include_deleted)
        while True:
            seen += len(page.records)
            yield from page.records
            if page.next_path is None:
                break
            page = self.next_page(page.next_path)
        self._check_count(soql, page.total, seen)

    def first_page(self, soql: str, include_deleted: bool = False) -> QueryPage:
        """The first page of a query; `include_deleted` asks queryAll."""
        path = "queryAll" if include_deleted else "query"
        return query_page(self.get(f"{path}/", params={"q": soql}))

    def next_page(self, next_path: str) -> QueryPage:
        """The page at a `next_path`, which must be a query locator of this same host."""
        return query_page(self.get(locator_path(next_path)))

    def describe(self, object_name: str, unless_since: datetime | None = None) -> Record | None:
        """An object's fields and their types; None when unchanged since `unless_since`."""
        headers = {"If-Modified-Since": http_time(unless_since)} if unless_since else {}
        answer = self.get(f"sobjects/{object_id(object_name)}/describe", headers=headers)
        return dict(answer) if answer is not None else None

    def composite(self, parts: Sequence[Part]) -> list[PartReply]:
        """Several reads in one call: at most 25, of which at most 5 queries. Order as asked."""
        if len(parts) > COMPOSITE_LIMIT:
            raise ValueError(f"a composite call takes at most {COMPOSITE_LIMIT} parts")
        replies = self.composite_parts(parts)
        problem = next((r.problem for r in replies if r.problem), None)
        if problem is not None:
            raise problem
        return replies

    def composite_parts(self, parts: Sequence[Part]) -> list[PartReply]:
        """The same, where a part may be refused: its reply says so, the others stand."""
        if len(parts) > COMPOSITE_LIMIT:
            raise ValueError(f"a composite call takes at most {COMPOSITE_LIMIT} parts")
        body = {"allOrNone": False, "compositeRequest": [self._part(p) for p in parts]}
        found: list[PartReply] = self.fetch(
            "composite",
            lambda response: composite_replies(response.content, parts),
            method="POST",
            data=simplejson.dumps(body),
        )
        return found

    def fetch(
        self,
        path: str,
        decode: Callable[[requests.Response], T],
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        data: str | None = None,
        stream: bool = False,
    ) -> T:
        """One read below the version root, whatever its method, decoded by the caller.

        The call is repeated when it fails in passing, and also when `decode` raises `Unavailable`
        because the answer was cut off.
        """

        def once() -> T:
            with self.session.calling("read", metered=1):
                return decode(self._sent(method, path, headers or {}, data, stream))

        return self._patience.insist(lambda: self._signed(once))

    @property
    def jobs(self) -> QueryJobs:
        """The org's query jobs of Bulk API 2.0."""
        return QueryJobs(self)

    def limits(self) -> Record:
        """The org's allowances, such as DailyApiRequests with Max and Remaining."""
        return dict(self.get("limits/"))

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One GET below the version root, parsed; None for an unchanged one (304)."""
        return self._read(
            lambda: self._restful(path, params=dict(params or {}), headers=dict(headers or {})),
            lambda answer: answer is None or isinstance(answer, dict | list),
        )

    # How calls are made ----------------------------------------------------------------------

    def _root(self) -> str:
        return f"/services/data/v{self._settings.api_version}"

    def _part(self, part: Part) -> Record:
        wire = {
            "method": "GET",
            "url": f"{self._root()}/{part.path}",
            "referenceId": part.reference,
        }
        return wire | ({"httpHeaders": dict(part.headers)} if part.headers else {})

    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], data: str | None, stream: bool
    ) -> requests.Response:
        """One call with the library's headers, less the wish for indented answers."""
        org = self._org()
        wanted = {k: v for k, v in org.headers.items() if k != "X-PrettyPrint"} | dict(headers)
        response = self.session.request(
            method, f"{org.base_url}{path}", headers=wanted, data=data, stream=stream
        )
        told = response.headers.get("Sforce-Limit-Info")
        if told:
            org.api_usage = org.parse_api_usage(told)
        return response

    def _restful(self, path: str, **kwargs: Any) -> Any:
        """simple-salesforce's generic call; a 304 is no error here but the answer None."""
        try:
            return self._org().restful(path, **kwargs)
        except faults.Unchanged:
            return None

    def _read(self, call: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        return self._patience.insist(lambda: self._shaped(self._signed(call), good))

    def _shaped(self, answer: Any, good: Callable[[Any], bool]) -> Any:
        if good(answer):
            return answer
        raise Unavailable(SYSTEM, "org", "the answer was not of the agreed shape")

    def _signed(self, call: Callable[[], T]) -> T:
        """The call with a session; with a new one, once, when Salesforce says it has expired.

        An expired session means that nothing was done, so that a write may be sent again as well.
        """
        try:
            return self._parsed(call)
        except faults.SessionExpired:
            self._connected = None
        try:
            return self._parsed(call)
        except faults.SessionExpired:
            raise faults.locked_out(self._settings.login) from None

    def _parsed(self, call: Callable[[], T]) -> T:
        """The call; when the library cannot parse the answer, the error that fits what was done."""
        try:
            return call()
        except (requests.exceptions.JSONDecodeError, TypeError):
            # TypeError: the library takes the length of a body that is `null` or a number.
            manner = "the answer was cut off or is not JSON"
            if self.session.last_kind == "write":
                raise lost_reply(SYSTEM, "org", manner) from None
            raise Unavailable(SYSTEM, "org", manner) from None

    def _check_count(self, soql: str, total: int, seen: int) -> None:
        if total != seen:
            found = re.search(r"(?i)\bfrom\s+(\w+)", soql)
            raise incomplete(found[1] if found else "query", total, seen)

    # Log-in ----------------------------------------------------------------------------------

    def _org(self) -> Any:
        """simple-salesforce's client with a session of ours, made when it is first needed."""
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> Any:
        from decimal import Decimal

        from simple_salesforce import Salesforce

        session_id, host = self._log_in()
        self.session.hide(session_id)
        self._check_org(session_id)
        if self._settings.base_url is None:
            self._reach.check(f"https://{host}")
        return Salesforce(
            session_id=session_id,
            instance=host,
            version=self._settings.api_version,
            session=self.session,
            parse_float=Decimal,
            object_pairs_hook=dict,
        )

    def _log_in(self) -> tuple[str, str]:
        """Session id and host, by the configured kind of log-in."""
        if self._settings.login == "access_token":
            return self._given_token()
        if self._settings.login == "browser":
            return self._kept_token()
        from xml.parsers.expat import ExpatError

        from simple_salesforce.exceptions import SalesforceAuthenticationFailed
        from simple_salesforce.login import SalesforceLogin

        try:
            with self.session.calling("token", metered=0):
                found = SalesforceLogin(
                    session=self.session, domain=self._settings.domain, **self._credentials()
                )
        except SalesforceAuthenticationFailed as problem:
            raise faults.log_in_refused(problem, self.session.redact) from None
        except (ValueError, TypeError, AttributeError, ExpatError):
            raise Unavailable(SYSTEM, "log-in", "the answer cannot be read") from None
        return str(found[0]), str(found[1])

    def _given_token(self) -> tuple[str, str]:
        """The configured token, for the first session only: it cannot be renewed."""
        return self._settings.access_token.reveal(), f"{self._settings.domain}.salesforce.com"

    def _kept_token(self) -> tuple[str, str]:
        """A token of the connection that a person made in a browser; a new one when the last one
        was refused. What the vendor rotates is on the disk before it is used."""
        if self._tokens is None:
            raise faults.not_connected(self.org_id)
        token = self._tokens.renew(self._refused)
        self._refused = token
        return token.reveal(), f"{self._settings.domain}.salesforce.com"

    def _refreshed(self, refresh_token: Secret) -> Mapping[str, Any]:
        given = self._settings
        app = salesforce_app(given.domain, given.client_id, given.client_secret, given.base_url)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        with self.session.calling("token", metered=0):
            answer = granted(self.session, app, form)
        # Most apps keep one refresh token; one that rotates sends the next.
        kept = answer.get("refresh_token") or refresh_token.reveal()
        return {**answer, "refresh_token": kept, "expires_in": _SESSION_SECONDS}

    def _credentials(self) -> dict[str, str]:
        given = self._settings
        if given.login == "password":
            return {
                "username": given.username,
                "password": given.password.reveal(),
                "security_token": given.security_token.reveal(),
                "sf_version": _LOGIN_VERSION,
            }
        if given.login == "jwt":
            return {
                "username": given.username,
                "consumer_key": given.client_id,
                "privatekey_file": str(given.private_key_file),
            }
        return {
            "consumer_key": given.client_id,
            "consumer_secret": given.client_secret.reveal(),
        }

    def _check_org(self, session_id: str) -> None:
        """A session id begins with its org's id; refuse to work in another org."""
        org = session_id.partition("!")[0]
        if org[:15] != self.org_id[:15]:
            raise WrongCompany(
                SYSTEM,
                f"org {org[:18]}",
                f"the log-in leads to this org, and the configured one is {self.org_id}",
                "Correct CROSSFOOT_SALESFORCE_ORG_ID or the log-in.",
            )

    def _examine(self, response: requests.Response, kind: Kind) -> None:
        told = _API_USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if told:
            self._record.told(VendorUsage(SYSTEM, self.org_id, int(told[1]), int(told[2])))
        faults.examine(response, kind, self.session.redact)


def locator_path(next_path: str) -> str:
    """The address of a next page below the version root.

    Raises `Unavailable` when it is not a query locator of this same host.
    """
    if not _LOCATOR.fullmatch(next_path):
        raise Unavailable(SYSTEM, "query", "the address of the next page is not one")
    return next_path.split("/", 4)[4]


def kind_of(method: str, url: str) -> Kind:
    """Read, write or token call, from the address."""
    if "/services/oauth2/" in url or "/services/Soap/u/" in url:
        return "token"
    return "read" if method == "GET" else "write"
