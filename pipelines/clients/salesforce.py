"""One Salesforce org through simple-salesforce.

The library builds addresses and parses answers. Log-in, repetition and errors are ours: it logs in
again without bound on a 401, never speaks http, and would ask for a session by SOAP in a version
that no longer has it (salesforce_api 0 and 6.1). Amounts arrive as Decimal and leave as exact
number literals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar

import requests
import simplejson

from pipelines.clients import salesforce_faults as faults
from pipelines.clients.recording import Kind, Recorder, unrecorded
from pipelines.clients.transport import (
    READ_SECONDS,
    CallCount,
    Patience,
    Reach,
    VendorSession,
    lost_reply,
)
from pipelines.errors import Incomplete, Unavailable, WrongCompany
from pipelines.settings import SALESFORCE_HOSTS, SalesforceSettings, Settings

T = TypeVar("T")
Record = dict[str, Any]

SYSTEM = "Salesforce"
# The newest versions have no SOAP login() any more; it works with 31 to 64 (salesforce_api 1.1).
_LOGIN_VERSION = "59.0"
COLLECTION_LIMIT = 200
COMPOSITE_LIMIT = 25
COMPOSITE_QUERIES = 5
_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_LOCATOR = re.compile(r"/services/data/v\d+\.\d+/query(?:All)?/[\w-]+")


@dataclass(frozen=True)
class RowReply:
    """Salesforce's answer about one record of a collection call, in request order."""

    ok: bool
    remote_id: str | None
    code: str = ""
    message: str = ""


@dataclass(frozen=True)
class QueryPage:
    """One page of a query. `total` is the vendor's count of the whole result."""

    records: tuple[Record, ...]
    total: int
    next_path: str | None


@dataclass(frozen=True)
class Part:
    """One part of a composite call: a path below the version root, asked with GET."""

    reference: str
    path: str
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class PartReply:
    """The answer to one part, with its own status; the body of a 304 is None."""

    reference: str
    status: int
    body: Any


def salesforce_client(settings: Settings, record: Recorder = unrecorded) -> SalesforceClient:
    """The client of the configured org, which tells `record` of its calls.

    Raises `ConfigurationError` when there is none.
    """
    return SalesforceClient(
        settings.salesforce,
        read_seconds=settings.timeout_seconds,
        patience=Patience(throttle_wait=60.0 if settings.profile == "live" else 1.0),
        record=record,
    )


class SalesforceClient:
    """Reads and writes of one org. It logs in at the first call, and once more when the session
    has expired. Reads are repeated when that is safe, writes never are."""

    def __init__(
        self,
        settings: SalesforceSettings,
        read_seconds: float = READ_SECONDS,
        patience: Patience | None = None,
        record: Recorder = unrecorded,
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
        if not _LOCATOR.fullmatch(next_path):
            raise Unavailable(SYSTEM, "query", "the address of the next page is not one")
        return query_page(self.get(next_path.split("/", 4)[4]))

    def describe(self, object_name: str, unless_since: datetime | None = None) -> Record | None:
        """An object's fields and their types; None when unchanged since `unless_since`."""
        headers = {"If-Modified-Since": http_time(unless_since)} if unless_since else {}
        answer = self.get(f"sobjects/{object_id(object_name)}/describe", headers=headers)
        return dict(answer) if answer is not None else None

    def composite(self, parts: Sequence[Part]) -> list[PartReply]:
        """Several reads in one call: at most 25, of which at most 5 queries. Order as asked."""
        if len(parts) > COMPOSITE_LIMIT:
            raise ValueError(f"a composite call takes at most {COMPOSITE_LIMIT} parts")
        body = {"allOrNone": False, "compositeRequest": [self._part(p) for p in parts]}
        answer = self._read(lambda: self._post_read("composite", body), _is_composite)
        replies = {r["referenceId"]: r for r in answer["compositeResponse"]}
        return [_part_reply(p.reference, replies) for p in parts]

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

    # Writes ----------------------------------------------------------------------------------

    def update_many(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[RowReply]:
        """Change up to 200 records, each with `Id`, in one call; one answer per record, in order.

        A refused record does not concern the others. Raises `ReplyLost` when the outcome of all is
        unknown; ValueError for more than 200 records or one without Id.
        """
        if any(not r.get("Id") for r in records):
            raise ValueError("an update needs the Id of each record")
        return self._collection("composite/sobjects", object_name, records)

    def upsert_many(
        self, object_name: str, external_id: str, records: Sequence[Mapping[str, Any]]
    ) -> list[RowReply]:
        """Create or change up to 200 records by an external id field that each must carry.

        Two records with one key would both be refused by Salesforce, so that is a ValueError.
        """
        keys = [str(r.get(external_id) or "").casefold() for r in records]
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError(f"each record needs its own {external_id}")
        path = f"composite/sobjects/{object_id(object_name)}/{object_id(external_id)}"
        return self._collection(path, object_name, records)

    # How calls are made ----------------------------------------------------------------------

    def _collection(
        self, path: str, object_name: str, records: Sequence[Mapping[str, Any]]
    ) -> list[RowReply]:
        if len(records) > COLLECTION_LIMIT:
            raise ValueError(f"a collection call takes at most {COLLECTION_LIMIT} records")
        if not records:
            return []
        kind = {"type": object_id(object_name)}
        body = {"allOrNone": False, "records": [{"attributes": kind, **r} for r in records]}
        text = simplejson.dumps(body, use_decimal=True)
        self._patience.insist(self._org)
        answer = self._signed(lambda: self._restful(path, method="PATCH", data=text))
        if not isinstance(answer, list) or len(answer) != len(records):
            raise lost_reply(SYSTEM, object_name, "the answer does not cover every record")
        return [_row_reply(row) for row in answer]

    def _part(self, part: Part) -> Record:
        wire = {
            "method": "GET",
            "url": f"/services/data/v{self._settings.api_version}/{part.path}",
            "referenceId": part.reference,
        }
        return wire | ({"httpHeaders": dict(part.headers)} if part.headers else {})

    def _post_read(self, path: str, body: Mapping[str, Any]) -> Any:
        with self.session.calling("read", metered=1):
            return self._restful(path, method="POST", data=simplejson.dumps(body))

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

    def _credentials(self) -> dict[str, str]:
        given = self._settings
        if given.login == "password":
            return {
                "username": given.username,
                "password": given.password.reveal(),
                "security_token": given.security_token.reveal(),
                "sf_version": _LOGIN_VERSION,
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
        faults.examine(response, kind, self.session.redact)


def kind_of(method: str, url: str) -> Kind:
    """Read, write or token call, from the address."""
    if "/services/oauth2/" in url or "/services/Soap/u/" in url:
        return "token"
    return "read" if method == "GET" else "write"


def incomplete(object_name: str, promised: int, held: int) -> Incomplete:
    """The error for a result that is not what the org itself counted."""
    return Incomplete(
        SYSTEM,
        object_name,
        f"the org counted {promised} rows and {held} arrived",
        "Nothing of it was kept; run the sync again.",
    )


def query_page(answer: Any) -> QueryPage:
    """A query's answer as a page. Raises `Unavailable` when it is not one."""
    try:
        records = tuple(_plain(r) for r in answer["records"])
        path = None if answer["done"] else str(answer["nextRecordsUrl"])
        return QueryPage(records, int(answer["totalSize"]), path)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unavailable(SYSTEM, "query", "the answer is not a page of a query") from None


def http_time(moment: datetime) -> str:
    """A moment as an HTTP date."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def soql_text(text: str) -> str:
    """A string literal of SOQL: quoted, with backslash, apostrophe and line ends escaped."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"


def soql_time(moment: datetime) -> str:
    """A date-time literal of SOQL: UTC, whole seconds, not quoted."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def soql_ids(ids: Iterable[str]) -> str:
    """A list of ids for `IN`. Raises ValueError for what is not a record id."""
    return "(" + ", ".join(f"'{record_id(i)}'" for i in ids) + ")"


def record_id(value: str) -> str:
    """The id unchanged if it has the form of one; raises ValueError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", value):
        raise ValueError(f"not a Salesforce record id: {value!r}")
    return value


def object_id(name: str) -> str:
    """The API name of an object or field unchanged; raises ValueError for anything else."""
    if not _OBJECT.fullmatch(name):
        raise ValueError(f"not the name of a Salesforce object or field: {name!r}")
    return name


def _plain(record: Mapping[str, Any]) -> Record:
    return {name: value for name, value in record.items() if name != "attributes"}


def _is_composite(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("compositeResponse"), list)


def _part_reply(reference: str, replies: Mapping[str, Mapping[str, Any]]) -> PartReply:
    if reference not in replies:
        raise Unavailable(SYSTEM, f"composite part {reference}", "it was not answered")
    reply = replies[reference]
    status = int(reply["httpStatusCode"])
    if status >= 400:
        raise faults.part_refused(reference, status, reply.get("body"))
    return PartReply(reference, status, None if status == 304 else reply.get("body"))


def _row_reply(row: Mapping[str, Any]) -> RowReply:
    if row.get("success"):
        return RowReply(True, row.get("id"))
    error = (row.get("errors") or [{}])[0]
    return RowReply(
        False, row.get("id"), str(error.get("statusCode", "")), str(error.get("message", ""))
    )
