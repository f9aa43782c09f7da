"""One QuickBooks Online company through python-quickbooks' own request code.

The library builds addresses and parses answers; session, tokens, bodies and errors are ours: its
session has no timeout and no refresh, its objects write Decimals as text, and its batch carries no
request id (quickbooks_api 6.1). Amounts arrive as Decimal and leave as exact number literals.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
import simplejson

from pipelines.clients import quickbooks_answers as answers
from pipelines.clients import quickbooks_faults as faults
from pipelines.clients.quickbooks_answers import RawChanges, RawPage
from pipelines.clients.recording import Kind, Recorder, unrecorded
from pipelines.clients.tokens import GrantRefused, TokenFile, TokenKeeper
from pipelines.clients.transport import (
    READ_SECONDS,
    Governor,
    Patience,
    Reach,
    VendorSession,
    lost_reply,
)
from pipelines.errors import CredentialsRefused, CrossfootError, Incomplete, Refused, Unavailable
from pipelines.settings import (
    QUICKBOOKS_HOSTS,
    CompanySettings,
    QuickBooksSettings,
    Secret,
    Settings,
    is_loopback,
)

T = TypeVar("T")
Record = dict[str, Any]

SYSTEM = "QuickBooks"
# Versions below 75 are ignored by the service since August 2025.
MINOR_VERSION = 75
PAGE = 1000
# More objects than this are cut off without a word (quickbooks_api 2.6).
CDC_LIMIT = 1000
_REQUEST_ID_LENGTH = 50
_ENTITY = re.compile(r"[A-Z][A-Za-z]{2,30}")


@dataclass(frozen=True)
class Changed:
    """One change-data-capture answer: living records and deletion stubs by entity."""

    living: Mapping[str, tuple[Record, ...]]
    deleted: Mapping[str, tuple[Record, ...]]
    server_time: datetime

    @property
    def objects(self) -> int:
        """Objects in the answer; at `CDC_LIMIT` there may be more that were cut off."""
        return sum(map(len, self.living.values())) + sum(map(len, self.deleted.values()))


@dataclass(frozen=True)
class Page:
    """One page of a query, with the service's clock when it answered."""

    records: tuple[Record, ...]
    server_time: datetime


def quickbooks_client(
    settings: Settings, realm_id: str, record: Recorder = unrecorded
) -> QuickBooksClient:
    """The client of a configured company, which tells `record` of its calls.

    Raises `ConfigurationError` for an unknown one.
    """
    company = settings.quickbooks.company(realm_id)
    return QuickBooksClient(
        settings.quickbooks,
        company,
        TokenFile(settings.token_dir / f"quickbooks-{realm_id}.json"),
        read_seconds=settings.timeout_seconds,
        patience=Patience(throttle_wait=60.0 if settings.profile == "live" else 1.0),
        record=record,
    )


class QuickBooksClient:
    """Reads and writes of one company. Reads are repeated when that is safe, writes never are."""

    def __init__(
        self,
        settings: QuickBooksSettings,
        company: CompanySettings,
        token_file: TokenFile,
        read_seconds: float = READ_SECONDS,
        patience: Patience | None = None,
        governor: Governor | None = None,
        record: Recorder = unrecorded,
    ) -> None:
        self.company = company
        self.realm_id = company.realm_id
        self._settings = settings
        self._patience = patience or Patience()
        self._reach = _reach(settings)
        self.session = VendorSession(
            self._reach,
            kind_of=kind_of,
            examine=self._examine,
            read_seconds=read_seconds,
            governor=governor or (governor_of(company.realm_id) if settings.pace else None),
            metered=lambda kind: 1 if kind == "read" else 0,
            source=company.realm_id,
            record=record,
        )
        self.session.hide(company.refresh_token, settings.client_secret)
        self._tokens = TokenKeeper(
            token_file, company.refresh_token, self._exchange, f"company {company.realm_id}"
        )
        self._library = _library(self.session, settings.base_url, company.realm_id)

    @property
    def calls(self) -> Any:
        """The `CallCount` so far; `metered` are CorePlus calls (each read and batch item)."""
        return self.session.calls.count

    @property
    def server_time(self) -> datetime | None:
        """The service's clock at its last answer, in UTC."""
        return self.session.server_time

    # Reads -----------------------------------------------------------------------------------

    def query(self, entity: str, where: str = "") -> list[Record]:
        """All records that satisfy `where` (literals by `quoted`), inactive ones only on request.

        Raises `Incomplete` when the pages do not fit together, and the call errors.
        """
        return [record for records in self.query_pages(entity, where) for record in records]

    def query_pages(self, entity: str, where: str = "") -> Iterator[list[Record]]:
        """The records of `pages`, page by page."""
        return (list(page.records) for page in self.pages(entity, where))

    def pages(self, entity: str, where: str = "") -> Iterator[Page]:
        """Pages of up to 1000 records in the order of Id, each record once.

        Each page begins with the last record of the one before: when it is missing there, rows
        have moved under the walk and one could have been skipped, so `Incomplete` is raised.
        """
        start, last = 1, None
        while True:
            page = self._page(entity, where, start)
            if last is not None and (not page.records or page.records[0].get("Id") != last):
                raise self._moved(entity)
            fresh = page.records if last is None else page.records[1:]
            yield Page(fresh, page.server_time)
            if len(page.records) < PAGE:
                return
            start, last = start + PAGE - 1, page.records[-1]["Id"]

    def count(self, entity: str, where: str = "") -> int:
        """How many records satisfy `where`, by the service's own count."""
        statement = _select("count(*)", entity, where)
        answer = self._read(lambda: self._library.query(statement), _is_count)
        return int(answer["QueryResponse"]["totalCount"])

    def counts(self, conditions: Mapping[str, str]) -> dict[str, int]:
        """The service's counts of several entities in one batch; `conditions` by entity."""
        answers: dict[str, int] = {}
        names = list(conditions)
        for first in range(0, len(names), 30):
            answers.update(self._counted(names[first : first + 30], conditions))
        return answers

    def cdc(self, entities: Sequence[str], since: datetime) -> Changed:
        """Everything that changed in these entities since a time at most 30 days back.

        At 1000 objects the answer may be cut off: compare `objects` with `CDC_LIMIT`.
        """
        names = ",".join(_entity(e) for e in entities)
        moment = vendor_time(since)
        answer = self._read(lambda: self._library.change_data_capture(names, moment), _is_changes)
        return _changed(answer, self._time(answer))

    def fetch_page(self, entity: str, where: str = "", window: str = "") -> RawPage:
        """One page of a query in the vendor's own bytes; `window` orders and cuts it.

        Raises the call errors, also when the page holds less than it says.
        """
        statement = _select("*", entity, where, window)
        return self._fetched("query", lambda body: self._whole(entity, body), statement=statement)

    def fetch_changes(self, entities: Sequence[str], since: datetime) -> RawChanges:
        """Like `cdc`, in the vendor's own bytes."""
        params = {"entities": ",".join(map(_entity, entities)), "changedSince": vendor_time(since)}
        return self._fetched("cdc", answers.changes, params)

    def report(self, name: str, **params: str) -> Record:
        """A report as the service lays it out: every cell is text (quickbooks_api 2.9)."""
        return self._fetched(f"reports/{_entity(name)}", answers.report, params)

    def read(self, entity: str, record_id: str) -> Record | None:
        """One record, or None when the service does not know the id (deleted or never there)."""
        path = f"{_entity(entity).lower()}/{_identifier(record_id)}"
        try:
            return dict(self._read(lambda: self._get(path), _has(entity))[entity])
        except Refused as refusal:
            if refusal.code == faults.NOT_FOUND:
                return None
            raise

    def find_invoices_by_mark(self, customer_id: str, since: datetime, mark: str) -> list[Record]:
        """The customer's invoices created since then whose private note carries the mark.

        Voided ones included. The note cannot be filtered by the service, so its invoices of the
        time are read and looked through here.
        """
        where = (
            f"CustomerRef = {quoted(_identifier(customer_id))} "
            f"and MetaData.CreateTime >= {quoted(vendor_time(since))}"
        )
        return [i for i in self.query("Invoice", where) if carries_mark(i, mark)]

    # Writes ----------------------------------------------------------------------------------

    def create(self, entity: str, body: Mapping[str, Any] | str, request_id: str) -> Record:
        """Create one record and return it as stored. `body` may be the stored JSON text.

        The same request id returns the first answer and creates nothing (quickbooks_api 2.8).
        Raises `Refused` with the vendor's code, `ReplyLost` when the outcome is unknown.
        """
        text = _body(body)
        key = _request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.create_object(_entity(entity), text, request_id=key),
        )

    def update(self, entity: str, body: Mapping[str, Any] | str, request_id: str) -> Record:
        """Change one record: `body` holds Id, SyncToken and, unless all is meant, sparse true.

        Raises `Stale` when the record has moved on, else like `create`.
        """
        text = _body(body)
        given = simplejson.loads(text)
        if not given.get("Id") or given.get("SyncToken") is None:
            raise ValueError("an update needs Id and SyncToken")
        key = _request_id(request_id)
        return self._write(
            entity,
            lambda: self._library.update_object(_entity(entity), text, request_id=key),
        )

    # How calls are made ----------------------------------------------------------------------

    def _page(self, entity: str, where: str, start: int) -> Page:
        window = f"orderby Id startposition {start} maxresults {PAGE}"
        answer = self._query(_select("*", entity, where, window))
        records = answer["QueryResponse"].get(entity, [])
        self._check_page(entity, answer["QueryResponse"], len(records))
        return Page(tuple(records), self._time(answer))

    def _check_page(self, entity: str, response: Mapping[str, Any], held: int) -> None:
        said = response.get("maxResults", held)
        if int(said) != held:
            raise Incomplete(
                SYSTEM,
                f"{entity} of company {self.realm_id}",
                f"a page says it has {said} records and holds {held}",
                "Nothing of it was kept; run the sync again.",
            )

    def _whole(self, entity: str, body: bytes) -> RawPage:
        page = answers.page(entity, body)
        if page.said != len(page.records):
            raise ValueError(
                f"a page says it has {page.said} records and holds {len(page.records)}"
            )
        return page

    def _fetched(
        self,
        path: str,
        read: Callable[[bytes], T],
        params: Mapping[str, str] | None = None,
        statement: str = "",
    ) -> T:
        """What `read` makes of an answer's bytes. An answer that it cannot read is asked for
        again, like one that did not come."""

        def call() -> T:
            return self._read_as(self._sent(path, params or {}, statement), read)

        return self._patience.insist(lambda: self._signed(call, "read"))

    def _sent(self, path: str, params: Mapping[str, str], statement: str) -> bytes:
        """The bytes of one call, sent like python-quickbooks sends its own."""
        headers = {
            "Content-Type": "application/text" if statement else "application/json",
            "Accept": "application/json",
            "User-Agent": "python-quickbooks V3 library",
        }
        response = self._library.process_request(
            "POST" if statement else "GET",
            f"{self._library.api_url}/company/{self.realm_id}/{path}",
            headers=headers,
            params={**params, "minorversion": MINOR_VERSION},
            data=statement,
        )
        return bytes(response.content)

    def _read_as(self, body: bytes, read: Callable[[bytes], T]) -> T:
        try:
            fault = answers.fault(body)
            if fault is None:
                return read(body)
        except (ValueError, TypeError) as problem:
            reason = self.session.redact(str(problem))[:120]
            raise Unavailable(
                SYSTEM, self._where, f"the answer was not of the agreed shape ({reason})"
            ) from None
        raise faults.refusal(fault, self._where, 400, "read", self.session.redact)

    def _moved(self, entity: str) -> Incomplete:
        return Incomplete(
            SYSTEM,
            f"{entity} of company {self.realm_id}",
            "records moved between two pages, so that one could have been skipped",
            "Nothing of it was kept; run the sync again.",
        )

    def _query(self, statement: str) -> Any:
        return self._read(lambda: self._library.query(statement), _has("QueryResponse"))

    def _counted(self, names: list[str], conditions: Mapping[str, str]) -> dict[str, int]:
        items = [
            {"bId": name, "Query": _select("count(*)", name, conditions[name])} for name in names
        ]
        body = simplejson.dumps({"BatchItemRequest": items})
        answer = self._read(
            lambda: self._batch_read(body, len(items)),
            lambda found: _has("BatchItemResponse")(found) and self._counts_all(found, names),
        )
        return {
            item["bId"]: int(item["QueryResponse"]["totalCount"])
            for item in answer["BatchItemResponse"]
        }

    def _counts_all(self, answer: Mapping[str, Any], names: list[str]) -> bool:
        """Does a batch's answer hold a count for each name? Raises the first refusal in it."""
        items = answer["BatchItemResponse"]
        for item in items:
            if "Fault" in item:
                raise faults.refusal(item["Fault"], self._where, 400, "read")
        return {i.get("bId") for i in items} == set(names) and all(map(_is_count, items))

    def _batch_read(self, body: str, items: int) -> Any:
        url = f"{self._library.api_url}/company/{self.realm_id}/batch"
        with self.session.calling("read", metered=items):
            return self._library.make_request("POST", url, body)

    def _get(self, path: str) -> Any:
        return self._library.get(f"{self._library.api_url}/company/{self.realm_id}/{path}")

    @property
    def _where(self) -> str:
        return f"company {self.realm_id}"

    def _read(self, call: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
        """An answer of the right shape, asked for again while that may help."""
        return self._patience.insist(lambda: self._shaped(self._signed(call, "read"), good))

    def _write(self, entity: str, call: Callable[[], Any]) -> Record:
        self._patience.insist(self._tokens.access)
        answer = self._signed(call, "write")
        if not _has(entity)(answer):
            raise lost_reply(SYSTEM, self._where, "the answer was not the written record")
        return dict(answer[entity])

    def _shaped(self, answer: Any, good: Callable[[Any], bool]) -> Any:
        if good(answer):
            return answer
        raise Unavailable(SYSTEM, self._where, "the answer was not of the agreed shape")

    def _signed(self, call: Callable[[], T], kind: Kind) -> T:
        """The call with a good token; with a new one, once, when the service refuses the first.

        A refused token means that nothing was done, so that a write may be sent again as well.
        """
        token = self._present(self._tokens.access())
        try:
            return self._translated(call, kind)
        except faults.TokenRefused:
            self._present(self._tokens.renew(token))
        try:
            return self._translated(call, kind)
        except faults.TokenRefused:
            raise self._locked_out() from None

    def _present(self, token: Secret) -> Secret:
        self.session.hide(token)
        self.session.access_token = token.reveal()
        return token

    def _translated(self, call: Callable[[], T], kind: Kind) -> T:
        """The library's own complaints, about answers with status 200, as ours."""
        from quickbooks.exceptions import QuickbooksException

        try:
            return call()
        except QuickbooksException as problem:
            raise faults.from_library(problem, self._where, kind, self.session.redact) from None

    def _examine(self, response: requests.Response, kind: Kind) -> None:
        faults.examine(response, kind, self._where, self.session.redact)

    def _time(self, answer: Mapping[str, Any]) -> datetime:
        try:
            return datetime.fromisoformat(answer["time"]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return self.session.server_time or datetime.now(UTC)

    def _locked_out(self) -> CredentialsRefused:
        return CredentialsRefused(
            SYSTEM,
            self._where,
            "a token refreshed just now was refused",
            "Check that the app is still connected to this company, then connect it again.",
        )

    # Tokens ----------------------------------------------------------------------------------

    def _exchange(self, refresh_token: Secret) -> Mapping[str, Any]:
        """The refresh call (quickbooks_api 1.2). Raises `GrantRefused`, `CredentialsRefused`."""
        self.session.hide(refresh_token)
        response = self.session.post(
            self._token_endpoint(),
            data={"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()},
            headers={
                "Accept": "application/json",
                "Authorization": f"Basic {self._basic()}",
                "x-include-refresh-token-hard-expires-in": "true",
            },
        )
        answer = _json_object(response)
        if response.status_code == 400 and answer.get("error") == "invalid_grant":
            raise GrantRefused
        if response.status_code != 200 or "access_token" not in answer:
            raise self._token_refusal(response, answer)
        self.session.hide(str(answer["access_token"]), str(answer.get("refresh_token", "")))
        return answer

    def _token_refusal(
        self, response: requests.Response, answer: Mapping[str, Any]
    ) -> CrossfootError:
        if response.status_code in (400, 401) and answer.get("error"):
            return CredentialsRefused(
                SYSTEM,
                "app",
                f"the token endpoint says {str(answer['error'])[:60]}",
                "Check client id and client secret of the QuickBooks app.",
            )
        return Unavailable(
            SYSTEM, "token endpoint", f"it answered {response.status_code} without a token"
        )

    def _token_endpoint(self) -> str:
        answer = _json_object(self.session.get(self._settings.discovery_url))
        endpoint = answer.get("token_endpoint")
        if not isinstance(endpoint, str):
            raise Unavailable(SYSTEM, "discovery document", "it does not name the token endpoint")
        return self._reach.check(endpoint)

    def _basic(self) -> str:
        pair = f"{self._settings.client_id}:{self._settings.client_secret.reveal()}"
        encoded = base64.b64encode(pair.encode()).decode()
        self.session.hide(encoded)
        return encoded


def quoted(text: str) -> str:
    """A string literal of QuickBooks' query language, with apostrophe and backslash escaped."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def vendor_time(moment: datetime) -> str:
    """A moment as the query language and CDC take it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def carries_mark(invoice: Mapping[str, Any], mark: str) -> bool:
    """Does the private note hold this very mark (and not one that only begins like it)?"""
    note = str(invoice.get("PrivateNote") or "")
    return re.search(rf"(?<!\S){re.escape(mark)}(?!\S)", note) is not None


def kind_of(method: str, url: str) -> Kind:
    """Read, write or token call, from the address. Queries are POSTs and yet reads."""
    path = url.partition("?")[0].rstrip("/")
    if "/oauth2/" in path or "/.well-known/" in path:
        return "token"
    return "read" if method == "GET" or path.endswith("/query") else "write"


_governors: dict[str, Governor] = {}


def governor_of(realm_id: str) -> Governor:
    """The one governor of a company in this process: its limits are per company and app."""
    return _governors.setdefault(realm_id, Governor())


def _reach(settings: QuickBooksSettings) -> Reach:
    from urllib.parse import urlsplit

    local = is_loopback(urlsplit(settings.base_url).hostname or "")
    return Reach(SYSTEM, settings.base_url if local else None, QUICKBOOKS_HOSTS)


def _library(session: VendorSession, base_url: str, realm_id: str) -> Any:
    """python-quickbooks' client around our session. Its tokens and log-in are not used."""
    from quickbooks.client import QuickBooks

    class Wire(QuickBooks):  # type: ignore[misc]
        api_url = f"{base_url}/v3"

    wire = Wire(company_id=realm_id, minorversion=MINOR_VERSION, use_decimal=True)
    wire.session = session
    return wire


def _changed(answer: Mapping[str, Any], server_time: datetime) -> Changed:
    living: dict[str, tuple[Record, ...]] = {}
    deleted: dict[str, tuple[Record, ...]] = {}
    for response in answer["CDCResponse"]:
        for part in response.get("QueryResponse", ()):
            for entity, records in part.items():
                if isinstance(records, list):
                    gone = tuple(r for r in records if r.get("status") == "Deleted")
                    living[entity] = tuple(r for r in records if r.get("status") != "Deleted")
                    deleted[entity] = gone
    return Changed(living, deleted, server_time)


def _has(name: str) -> Callable[[Any], bool]:
    def good(answer: Any) -> bool:
        return isinstance(answer, dict) and isinstance(answer.get(name), dict | list)

    return good


def _is_changes(answer: Any) -> bool:
    """One list of parts, each an object: what a change-data-capture answer always is."""
    responses = answer.get("CDCResponse") if isinstance(answer, dict) else None
    return isinstance(responses, list) and all(
        isinstance(r, dict) and all(isinstance(p, dict) for p in r.get("QueryResponse", ()))
        for r in responses
    )


def _is_count(answer: Any) -> bool:
    found = answer.get("QueryResponse") if isinstance(answer, dict) else None
    return isinstance(found, dict) and isinstance(found.get("totalCount"), int)


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        answer = simplejson.loads(response.text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _body(body: Mapping[str, Any] | str) -> str:
    return body if isinstance(body, str) else simplejson.dumps(body, use_decimal=True)


def _entity(name: str) -> str:
    if not _ENTITY.fullmatch(name):
        raise ValueError(f"not the name of a QuickBooks entity: {name!r}")
    return name


def _identifier(record_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", record_id):
        raise ValueError(f"not the id of a QuickBooks record: {record_id!r}")
    return record_id


def _request_id(request_id: str) -> str:
    if not re.fullmatch(rf"[\w-]{{1,{_REQUEST_ID_LENGTH}}}", request_id):
        raise ValueError("a request id is 1 to 50 letters, digits, hyphens or underscores")
    return request_id


def _select(what: str, entity: str, where: str = "", window: str = "") -> str:
    """A statement of QuickBooks' query language; literals in `where` come from `quoted`."""
    condition = f"where {where}" if where else ""
    parts = (f"select {what} from {_entity(entity)}", condition, window)  # noqa: S608
    return " ".join(part for part in parts if part)
