"""Salesforce's addresses: who may call, what is meant, and the answer in the vendor's form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pipelines.sandbox import codec
from pipelines.sandbox.kernel import Reply, Request, Sandbox, trimmed
from pipelines.sandbox.salesforce import describing, ids, refusals
from pipelines.sandbox.salesforce.catalogue import SObject, catalogue
from pipelines.sandbox.salesforce.records import Ambiguous, Records, stamp
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.selection import Selection, compound
from pipelines.sandbox.salesforce.sessions import Sessions, bearer
from pipelines.sandbox.store import Record, Store, Write

NEWEST, OLDEST = 68, 31
_RETIRED_BELOW = 31.0
_RELEASES = {
    68: "Winter '27", 67: "Summer '26", 66: "Spring '26", 65: "Winter '26", 64: "Summer '25",
    63: "Spring '25", 62: "Winter '25", 61: "Summer '24", 60: "Spring '24", 59: "Winter '24",
}  # fmt: skip
PAGE = 2000
KEPT_CURSORS = 200
COLLECTION, COMPOSITE, COMPOSITE_QUERIES, BATCH = 200, 25, 5, 25
DAILY_CALLS = 100_000
_VERSIONED = re.compile(
    r"/services/data/(?:v(?P<version>\d+\.\d)|(?P<latest>latest))(?P<rest>/.*)?"
)
_JSON_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}
_FALLBACK_USER = {
    "Id": ids.numbered("005", 1), "Username": "integration@crossfoot.example",
    "Name": "Integration User", "LastName": "User", "FirstName": "Integration",
    "Email": "integration@crossfoot.example", "Alias": "integ", "IsActive": True,
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One authenticated REST call below the version root, or one part of a composite."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: Any
    version: str

    @property
    def root(self) -> str:
        return f"/services/data/v{self.version}"


@dataclass(frozen=True)
class Answer:
    """A status and what is said with it: `body` is JSON, None for nothing."""

    status: int
    body: Any = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Cursor:
    rows: Sequence[Record]


class Salesforce:
    """One org. See `Vendor` for the contract."""

    name = "salesforce"

    def __init__(self, kernel: Sandbox) -> None:
        self._kernel = kernel
        org = kernel.manifest.get("salesforce", {})
        self.org_id = str(org.get("org_id") or ids.numbered("00D", 1))
        self._set_up(kernel.store, org)
        self._catalogue = catalogue(kernel.store.meta(self.org_id).get("custom_fields", ()))
        self._sessions = Sessions(kernel, self.org_id, self._user(org))
        self._records = Records(
            self._catalogue, kernel.store, self.org_id, kernel.clock.now, self._sessions.user_id
        )
        self._cursors: dict[str, _Cursor] = {}
        self._opened = 0
        self._used = 0

    def _set_up(self, store: Store, org: Mapping[str, Any]) -> None:
        """What every org has, where the seed does not bring it: itself, a user, a currency."""
        at = stamp(self._kernel.clock.now())
        audit = {"CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at}
        must_have: dict[str, Record] = {
            "Organization": {
                "Id": self.org_id, "Name": org.get("org_name", "Sandbox org"), "IsSandbox": True,
                "OrganizationType": "Developer Edition",
            },
            "User": dict(_FALLBACK_USER),
            "CurrencyType": {
                "Id": ids.numbered("01L", 1), "IsoCode": "USD", "ConversionRate": 1,
                "DecimalPlaces": 2, "IsActive": True, "IsCorporate": True,
            },
            "Pricebook2": {
                "Id": ids.numbered("01s", 1), "Name": "Standard Price Book", "IsActive": True,
                "IsStandard": True, "IsDeleted": False,
            },
        }  # fmt: skip
        store.preset(
            [
                Write(self.org_id, name, record["Id"], record | audit)
                for name, record in must_have.items()
                if not len(store.table(self.org_id, name))
            ]
        )

    def _user(self, org: Mapping[str, Any]) -> Record:
        wanted = str(org.get("user", {}).get("username", "")).lower()
        users = list(self._kernel.store.table(self.org_id, "User"))
        named = [u for u in users if str(u.get("Username", "")).lower() == wanted]
        return (named or users)[0]

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
        }

    def realm_of(self, request: Request) -> str:
        return self.org_id

    def is_metered(self, request: Request) -> bool:
        return request.path.startswith("/services/data/v")

    def throttled(self, request: Request, retry_after: float | None) -> Reply:
        """The vendor throttles with 403 and without Retry-After; one is added only when asked."""
        refusal = Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        headers = {"Retry-After": f"{retry_after:g}"} if retry_after is not None else {}
        return self._reply(request, Answer(403, refusal.as_rest(), headers))

    def expire_token(self, request: Request) -> None:
        self._sessions.expire(bearer(request))

    def empty_page(self, request: Request, reply: Reply) -> Reply:
        try:
            body = codec.loads(reply.body)
        except ValueError:
            return reply
        if not isinstance(body, dict) or "records" not in body:
            return reply
        return Reply(reply.status, codec.dump_bytes({**body, "records": []}), reply.headers)

    # ---- dispatch

    def dispatch(self, request: Request) -> Reply:
        """Answer one call. A refused one leaves nothing behind."""
        path = trimmed(unquote(request.path) if "/sobjects/" not in request.path else request.path)
        outside = self._outside(request, path)
        if outside is not None:
            return outside
        try:
            return self._reply(request, self._inside(request, path))
        except Refusal as refusal:
            return self._reply(request, Answer(refusal.status, refusal.as_rest()))

    def _outside(self, request: Request, path: str) -> Reply | None:
        """Addresses without a session: log-in and the list of versions."""
        if path == "/services/oauth2/token":
            return self._sessions.token(request)
        if path == "/services/oauth2/revoke":
            return self._sessions.revoke(request)
        soap = re.fullmatch(r"/services/Soap/[uc]/(\d+(?:\.\d)?)(?:/\w+)?", path)
        if soap:
            return self._sessions.soap(request, float(soap[1]))
        if path == "/services/data":
            return self._reply(request, Answer(200, _versions()))
        return None

    def _inside(self, request: Request, path: str) -> Answer:
        if not self._sessions.is_good(request):
            raise refusals.session_invalid()
        if path in ("/services/oauth2/userinfo", f"/id/{self.org_id}/{self._sessions.user_id}"):
            return Answer(200, self._sessions.identity(request))
        found = _VERSIONED.fullmatch(path)
        if found is None:
            raise refusals.not_found()
        version = found["version"] or f"{NEWEST}.0"
        _refuse_version(float(version))
        self._count()
        call = Call(
            _method(request),
            tuple(part for part in (found["rest"] or "").split("/") if part),
            request.query,
            request.headers,
            request.body,
            version,
        )
        return self._atomic(call)

    def _count(self) -> None:
        self._used += 1
        if self._kernel.options.limits and self._used > DAILY_CALLS:
            raise Refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)

    def _atomic(self, call: Call) -> Answer:
        """One call as a whole: what it wrote stays only when it is not refused."""
        with self._kernel.store.transaction():
            return self._route(call)

    def _route(self, call: Call) -> Answer:
        head, rest = (call.path[0].lower(), call.path[1:]) if call.path else ("", ())
        routes: Mapping[str, Callable[[Call, tuple[str, ...]], Answer]] = {
            "": self._resources,
            "limits": self._limits,
            "sobjects": self._sobjects,
            "query": partial(self._query, deleted=False),
            "queryall": partial(self._query, deleted=True),
            "composite": self._composite_family,
        }
        if head not in routes:
            raise refusals.not_found()
        return routes[head](call, rest)

    def _reply(self, request: Request, answer: Answer) -> Reply:
        headers = dict(answer.headers or {})
        if request.path.startswith("/services/data/"):
            headers["Sforce-Limit-Info"] = f"api-usage={self._used}/{DAILY_CALLS}"
        if answer.body is None:
            return Reply(answer.status, b"", headers)
        pretty = request.headers.get("x-prettyprint") in ("1", "true")
        return Reply(
            answer.status, codec.dump_bytes(answer.body, pretty), {**_JSON_HEADERS, **headers}
        )

    # ---- resources and limits

    def _resources(self, call: Call, rest: tuple[str, ...]) -> Answer:
        _only(call, "GET", "HEAD")
        names = ("sobjects", "query", "queryAll", "limits", "composite")
        return Answer(200, {name: f"{call.root}/{name}" for name in names})

    def _limits(self, call: Call, rest: tuple[str, ...]) -> Answer:
        _only(call, "GET", "HEAD")
        if rest and rest[0].lower() == "recordcount":
            return self._record_count(call)
        if rest:
            raise refusals.not_found()
        left = max(0, DAILY_CALLS - self._used)
        return Answer(
            200,
            {
                "DailyApiRequests": {"Max": DAILY_CALLS, "Remaining": left},
                "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
                "DailyBulkV2QueryJobs": {"Max": 10000, "Remaining": 10000},
                "DataStorageMB": {"Max": 1024, "Remaining": 1000},
                "FileStorageMB": {"Max": 1024, "Remaining": 1024},
                "SingleEmail": {"Max": 5000, "Remaining": 5000},
                "MassEmail": {"Max": 5000, "Remaining": 5000},
            },
        )

    def _record_count(self, call: Call) -> Answer:
        wanted = call.query.get("sObjects")
        names = wanted.split(",") if wanted else [o.name for o in self._catalogue.objects.values()]
        counted = []
        for name in names:
            sobject = self._catalogue.get(name.strip())
            count = len(self._kernel.store.table(self.org_id, sobject.name)) if sobject else 0
            if sobject and count:
                counted.append({"count": count, "name": sobject.name})
        return Answer(200, {"sObjects": counted})

    # ---- queries

    def _query(self, call: Call, rest: tuple[str, ...], deleted: bool) -> Answer:
        _only(call, "GET", "HEAD")
        if rest:
            return self._next_page(call, rest[0])
        statement = call.query.get("q")
        if not statement:
            raise refusals.malformed_query("unexpected token: '<EOF>'")
        found = self._selection(call).run(statement, deleted)
        body = {"totalSize": found.total, "done": True, "records": list(found.rows)}
        size = _page_size(call)
        if len(found.rows) > size:
            locator = self._keep(found.rows)
            body |= self._page(call, locator, found.rows, 0, size)
        return Answer(200, body)

    def _next_page(self, call: Call, name: str) -> Answer:
        locator, _, offset = name.partition("-")
        cursor = self._cursors.get(locator)
        if cursor is None or not offset.isdigit() or int(offset) >= len(cursor.rows):
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        rows = cursor.rows
        body = {"totalSize": len(rows)} | self._page(
            call, locator, rows, int(offset), _page_size(call)
        )
        return Answer(200, body)

    def _page(
        self, call: Call, locator: str, rows: Sequence[Record], start: int, size: int
    ) -> dict[str, Any]:
        end = start + size
        if end >= len(rows):
            return {"done": True, "records": list(rows[start:])}
        url = f"{call.root}/query/{locator}-{end}"
        return {"done": False, "nextRecordsUrl": url, "records": list(rows[start:end])}

    def _keep(self, rows: Sequence[Record]) -> str:
        self._opened += 1
        locator = ids.numbered("0r8", self._opened)
        self._cursors[locator] = _Cursor(rows)
        while len(self._cursors) > KEPT_CURSORS:
            self._cursors.pop(next(iter(self._cursors)))
        return locator

    def _selection(self, call: Call) -> Selection:
        return Selection(
            self._catalogue,
            self._kernel.store,
            self.org_id,
            self._kernel.clock.now(),
            call.version,
        )

    # ---- sobjects

    def _sobjects(self, call: Call, rest: tuple[str, ...]) -> Answer:
        if not rest:
            _only(call, "GET", "HEAD")
            return Answer(200, describing.all_objects(self._catalogue, call.root))
        sobject = self._object(rest[0])
        if len(rest) == 1:
            return self._one_sobject(call, sobject)
        if len(rest) == 2 and rest[1].lower() in ("describe", "updated", "deleted"):
            _only(call, "GET", "HEAD")
            return getattr(self, f"_{rest[1].lower()}")(call, sobject)  # type: ignore[no-any-return]
        if len(rest) == 2:
            return self._record(call, sobject, unquote(rest[1]))
        if len(rest) == 3:
            return self._by_key(call, sobject, unquote(rest[1]), unquote(rest[2]))
        raise refusals.not_found()

    def _object(self, name: str) -> SObject:
        found = self._catalogue.get(unquote(name))
        if found is None:
            raise refusals.not_found()
        return found

    def _one_sobject(self, call: Call, sobject: SObject) -> Answer:
        _only(call, "GET", "HEAD", "POST")
        if call.method == "POST":
            record_id = self._records.create(sobject, _object_body(call))
            location = {"Location": f"{call.root}/sobjects/{sobject.name}/{record_id}"}
            return Answer(201, {"id": record_id, "success": True, "errors": []}, location)
        entry = describing.entry(sobject, call.root)
        return Answer(200, {"objectDescribe": entry, "recentItems": []})

    def _describe(self, call: Call, sobject: SObject) -> Answer:
        changed = datetime(2026, 1, 1, tzinfo=UTC)  # the schema changes with the seed only
        headers = {
            "Last-Modified": format_datetime(changed, usegmt=True),
            "ETag": f'"{len(sobject.fields):x}-{sobject.prefix}"',
        }
        if _not_modified(call.headers.get("if-modified-since"), changed):
            return Answer(304, None, headers)
        body = describing.one_object(self._catalogue, sobject, call.root)
        return Answer(200, body, headers)

    def _record(self, call: Call, sobject: SObject, record_id: str) -> Answer:
        _only(call, "GET", "HEAD", "PATCH", "DELETE")
        if call.method in ("GET", "HEAD"):
            record = self._records.living(sobject, record_id)
            return Answer(200, self._shown(call, sobject, record))
        if call.method == "DELETE":
            self._records.delete(sobject, record_id)
        else:
            self._refuse_if_changed(call, self._records.living(sobject, record_id))
            self._records.update(sobject, record_id, _object_body(call))
        return Answer(204)

    def _refuse_if_changed(self, call: Call, record: Record) -> None:
        since = call.headers.get("if-unmodified-since")
        if since and datetime.fromisoformat(record["LastModifiedDate"]) > parsedate_to_datetime(
            since
        ):
            raise Refusal(
                "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE",
                "Entity has been modified since the given time",
                status=412,
            )

    def _shown(self, call: Call, sobject: SObject, record: Record) -> Record:
        """A record with all its fields, or with those that `fields=` names."""
        named = call.query.get("fields")
        wanted = [n.strip() for n in named.split(",")] if named else list(sobject.fields)
        shown: Record = {
            "attributes": {
                "type": sobject.name,
                "url": f"{call.root}/sobjects/{sobject.name}/{record['Id']}",
            }
        }
        for name in wanted:
            field = sobject.field(name)
            if field is None:
                raise refusals.no_such_column(name, sobject.name)
            value = compound(sobject, field, record) if field.type == "address" else None
            shown[field.name] = value or record.get(field.name)
        return shown

    def _by_key(self, call: Call, sobject: SObject, name: str, value: str) -> Answer:
        _only(call, "GET", "HEAD", "PATCH", "DELETE")
        field = self._records.key_field(sobject, name)
        if call.method == "PATCH":
            return self._upsert(call, sobject, name, value)
        found = self._records.by_external_id(sobject, field, value)
        if not found:
            raise refusals.not_found()
        if len(found) > 1:
            return self._several(call, sobject, [r["Id"] for r in found])
        if call.method == "DELETE":
            self._records.delete(sobject, found[0]["Id"])
            return Answer(204)
        return Answer(200, self._shown(call, sobject, found[0]))

    def _upsert(self, call: Call, sobject: SObject, name: str, value: str) -> Answer:
        field = self._records.key_field(sobject, name)
        only = call.query.get("updateOnly", "").lower() == "true"
        try:
            done = self._records.upsert(sobject, field, value, _object_body(call), update_only=only)
        except Ambiguous as several:
            return self._several(call, sobject, several.record_ids)
        if not done.created and float(call.version) < 46:
            return Answer(204)
        body = {"id": done.record_id, "success": True, "errors": [], "created": done.created}
        return Answer(201 if done.created else 200, body)

    def _several(self, call: Call, sobject: SObject, record_ids: Iterable[str]) -> Answer:
        return Answer(300, [f"{call.root}/sobjects/{sobject.name}/{i}" for i in record_ids])

    # ---- replication

    def _updated(self, call: Call, sobject: SObject) -> Answer:
        start, end = self._window(call)
        found = [
            r["Id"]
            for r in self._kernel.store.table(self.org_id, sobject.name)
            if not r.get("IsDeleted") and start <= _time(r["SystemModstamp"]) < end
        ]
        return Answer(200, {"ids": found, "latestDateCovered": stamp(end)})

    def _deleted(self, call: Call, sobject: SObject) -> Answer:
        start, end = self._window(call)
        gone = [
            {"id": r["Id"], "deletedDate": r["SystemModstamp"]}
            for r in self._kernel.store.table(self.org_id, sobject.name)
            if r.get("IsDeleted") and start <= _time(r["SystemModstamp"]) < end
        ]
        earliest = self._kernel.clock.now() - timedelta(days=15)
        return Answer(
            200,
            {
                "deletedRecords": gone,
                "earliestDateAvailable": stamp(earliest),
                "latestDateCovered": stamp(end),
            },
        )

    def _window(self, call: Call) -> tuple[datetime, datetime]:
        try:
            start, end = (
                _time(call.query[name].replace(" ", "+")).replace(second=0, microsecond=0)
                for name in ("start", "end")
            )
        except (KeyError, ValueError):
            raise Refusal("INVALID_REPLICATION_DATE", "invalid start or end date") from None
        if start < self._kernel.clock.now() - timedelta(days=30):
            raise Refusal("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
        if end - start < timedelta(minutes=1):
            raise Refusal(
                "INVALID_REPLICATION_DATE",
                "endDate must be at least one minute greater than startDate",
            )
        return start, end

    # ---- composite family

    def _composite_family(self, call: Call, rest: tuple[str, ...]) -> Answer:
        if not rest:
            if call.method == "GET":
                names = ("batch", "sobjects", "tree")
                return Answer(200, {name: f"{call.root}/composite/{name}" for name in names})
            _only(call, "POST")
            return self._composite(call)
        if rest[0] == "sobjects":
            return self._collection(call, rest[1:])
        if rest[0] == "batch" and len(rest) == 1:
            _only(call, "POST")
            return self._batch(call)
        if rest[0] == "tree" and len(rest) == 2:
            _only(call, "POST")
            return self._tree(call, self._object(rest[1]))
        raise refusals.not_found()

    def _collection(self, call: Call, rest: tuple[str, ...]) -> Answer:
        if not rest:
            _only(call, "POST", "PATCH", "DELETE")
            if call.method == "DELETE":
                return self._delete_many(call)
            return self._write_many(call, self._create_row if call.method == "POST" else
                                    self._update_row)  # fmt: skip
        sobject = self._object(rest[0])
        if len(rest) == 1:
            _only(call, "GET", "POST")
            return self._retrieve_many(call, sobject)
        if len(rest) == 2:
            _only(call, "PATCH")
            return self._upsert_many(call, sobject, rest[1])
        raise refusals.not_found()

    def _write_many(self, call: Call, write: Callable[[Record], Record]) -> Answer:
        body = _object_body(call)
        records = _rows(body)
        return Answer(200, self._each(records, write, _flag(body.get("allOrNone"))))

    def _create_row(self, record: Record) -> Record:
        sobject = self._row_object(record)
        return _good(self._records.create(sobject, record))

    def _update_row(self, record: Record) -> Record:
        sobject = self._row_object(record)
        record_id = next((str(v) for k, v in record.items() if k.lower() == "id"), "")
        if not record_id:
            raise Refusal("MISSING_ARGUMENT", "Id not specified in an update call", ())
        given = {k: v for k, v in record.items() if k.lower() != "id"}
        try:
            self._records.update(sobject, record_id, given)
        except Refusal as refusal:
            raise _with_id(refusal, record_id) from None
        return _good(ids.to18(record_id) or record_id)

    def _row_object(self, record: Record) -> SObject:
        name = (record.get("attributes") or {}).get("type", "")
        found = self._catalogue.get(str(name))
        if found is None:
            raise Refusal("INVALID_TYPE", f"sObject type '{name}' is not supported.", ())
        return found

    def _upsert_many(self, call: Call, sobject: SObject, name: str) -> Answer:
        field = sobject.field(name)
        if field is None or not (field.external_id or field.id_lookup):
            raise refusals.no_external_id(name)
        body = _object_body(call)
        records = _rows(body)
        keys = [
            str(next((v for k, v in r.items() if k.lower() == field.key), "") or "").lower()
            for r in records
        ]

        def write(record: Record) -> Record:
            given = {k: v for k, v in record.items() if k.lower() != field.key}
            value = next((v for k, v in record.items() if k.lower() == field.key), None)
            if value in (None, ""):
                if field.type == "id":
                    return {**_good(self._records.create(sobject, given)), "created": True}
                raise Refusal("MISSING_ARGUMENT", f"{field.name} not specified", ())
            if keys.count(str(value).lower()) > 1:
                raise Refusal(
                    "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", (field.name,)
                )
            try:
                done = self._records.upsert(sobject, field, str(value), given)
            except Ambiguous as several:
                raise Refusal(
                    "DUPLICATE_EXTERNAL_ID",
                    f"{field.label}: more than one record found for external id field: "
                    f"[{', '.join(several.record_ids)}]",
                    (field.name,),
                ) from None
            return {**_good(done.record_id), "created": done.created}

        return Answer(200, self._each(records, write, _flag(body.get("allOrNone"))))

    def _delete_many(self, call: Call) -> Answer:
        wanted = [i for i in call.query.get("ids", "").split(",") if i]
        if len(wanted) > COLLECTION:
            raise _too_many()

        def write(record: Record) -> Record:
            record_id = record["Id"]
            sobject = self._catalogue.of_id(record_id)
            if sobject is None:
                raise Refusal("MALFORMED_ID", f"malformed id {record_id}", ())
            try:
                self._records.delete(sobject, record_id)
            except Refusal as refusal:
                if refusal.code == "NOT_FOUND":
                    refusal = refusals.unknown_reference()
                raise _with_id(refusal, record_id) from None
            return _good(ids.to18(record_id) or record_id)

        rows = [{"Id": i} for i in wanted]
        return Answer(200, self._each(rows, write, _flag(call.query.get("allOrNone"))))

    def _each(
        self, records: Sequence[Record], write: Callable[[Record], Record], all_or_none: bool
    ) -> list[Record]:
        """One result per record, in order; with all_or_none a failure undoes all."""
        results: list[Record] = []
        try:
            with self._kernel.store.transaction():
                results = [self._attempt(r, write) for r in records]
                if all_or_none and not all(r["success"] for r in results):
                    raise _Undo
        except _Undo:
            return [_rolled_back(r) if r["success"] else r for r in results]
        return results

    def _attempt(self, record: Record, write: Callable[[Record], Record]) -> Record:
        try:
            with self._kernel.store.transaction():
                return write(record)
        except Refusal as refusal:
            failed: Record = {"success": False, "errors": refusal.as_row()}
            own = getattr(refusal, "record_id", None)
            return {"id": own, **failed} if own else failed

    def _retrieve_many(self, call: Call, sobject: SObject) -> Answer:
        if call.method == "POST":
            body = _object_body(call)
            wanted, names = body.get("ids", []), body.get("fields", [])
        else:
            wanted = call.query.get("ids", "").split(",")
            names = call.query.get("fields", "").split(",")
        inner = Call("GET", (), {"fields": ",".join(names)}, {}, b"", call.version)
        found: list[Record | None] = []
        for record_id in wanted:
            try:
                record = self._records.living(sobject, str(record_id))
                found.append(self._shown(inner, sobject, record))
            except Refusal as refusal:
                if refusal.code not in ("NOT_FOUND", "ENTITY_IS_DELETED"):
                    raise
                found.append(None)
        return Answer(200, found)

    def _composite(self, call: Call) -> Answer:
        body = _object_body(call)
        parts = body.get("compositeRequest") or []
        queries = sum(1 for p in parts if re.search(r"/query|/composite/sobjects", p["url"]))
        if len(parts) > COMPOSITE or queries > COMPOSITE_QUERIES:
            raise Refusal(
                "LIMIT_EXCEEDED",
                f"The limit for sub-requests is {COMPOSITE}, of which {COMPOSITE_QUERIES} may be "
                "queries or collections",
            )
        results: list[Record] = []
        try:
            with self._kernel.store.transaction():
                for part in parts:
                    results.append(self._composite_part(call, part, results))
                    if body.get("allOrNone") and results[-1]["httpStatusCode"] >= 400:
                        raise _Undo
        except _Undo:
            results = _halted(parts, results)
        return Answer(200, {"compositeResponse": results})

    def _composite_part(self, call: Call, part: Record, before: Sequence[Record]) -> Record:
        known = {r["referenceId"]: r["body"] for r in before if r["httpStatusCode"] < 400}
        try:
            url = _filled(part["url"], known)
            payload = _filled(part.get("body"), known)
            with self._kernel.store.transaction():
                answer = self._route(_part_call(part["method"], url, part, payload, call))
        except Refusal as refusal:
            answer = Answer(refusal.status, refusal.as_rest())
        return {
            "body": answer.body,
            "httpHeaders": dict(answer.headers or {}),
            "httpStatusCode": answer.status,
            "referenceId": part["referenceId"],
        }

    def _batch(self, call: Call) -> Answer:
        body = _object_body(call)
        parts = body.get("batchRequests") or []
        if len(parts) > BATCH:
            raise Refusal("LIMIT_EXCEEDED", f"The limit for batch requests is {BATCH}")
        results: list[Record] = []
        for part in parts:
            if results and body.get("haltOnError") and results[-1]["statusCode"] >= 400:
                halted = Refusal("BATCH_PROCESSING_HALTED", "Batch processing halted", status=412)
                results.append({"statusCode": 412, "result": halted.as_rest()})
                continue
            self._count()
            url = "/services/data/" + str(part["url"]).lstrip("/")
            try:
                with self._kernel.store.transaction():
                    answer = self._route(
                        _part_call(part["method"], url, {}, part.get("richInput"), call)
                    )
            except Refusal as refusal:
                answer = Answer(refusal.status, refusal.as_rest())
            results.append({"statusCode": answer.status, "result": answer.body})
        failed = any(r["statusCode"] >= 400 for r in results)
        return Answer(200, {"hasErrors": failed, "results": results})

    def _tree(self, call: Call, sobject: SObject) -> Answer:
        """Records with their children, all stored or none."""
        made: list[Record] = []
        failed: list[Record] = []
        try:
            with self._kernel.store.transaction():
                for record in _rows(_object_body(call)):
                    self._plant(sobject, record, {}, made, failed)
                if failed:
                    raise _Undo
        except _Undo:
            return Answer(400, {"hasErrors": True, "results": failed})
        return Answer(201, {"hasErrors": False, "results": made})

    def _plant(
        self,
        sobject: SObject,
        record: Record,
        link: Mapping[str, str],
        made: list[Record],
        failed: list[Record],
    ) -> None:
        reference = record.get("attributes", {}).get("referenceId")
        relations = {
            (field.children or "").lower(): (child, field)
            for child, field in self._catalogue.children(sobject)
        }
        own = {k: v for k, v in record.items() if k.lower() not in relations}
        try:
            record_id = self._records.create(sobject, {**own, **link})
        except Refusal as refusal:
            failed.append({"referenceId": reference, "errors": refusal.as_row()})
            return
        made.append({"referenceId": reference, "id": record_id})
        for name, value in record.items():
            if name.lower() in relations:
                child, field = relations[name.lower()]
                for one in value.get("records", ()):
                    self._plant(child, one, {field.name: record_id}, made, failed)


class _Undo(Exception):
    """Leave a transaction and take its writes back."""


# ---- small pure functions


def _versions() -> list[dict[str, str]]:
    return [
        {"label": _RELEASES.get(n, f"Release {n}"), "url": f"/services/data/v{n}.0",
         "version": f"{n}.0"}
        for n in range(OLDEST, NEWEST + 1)
    ]  # fmt: skip


def _refuse_version(version: float) -> None:
    if version < _RETIRED_BELOW:
        raise Refusal(
            "UNSUPPORTED_API_VERSION", f"The version {version} is no longer supported", status=410
        )
    if version > NEWEST:
        raise refusals.not_found()


def _method(request: Request) -> str:
    wanted = request.query.get("_HttpMethod", "")
    return wanted.upper() if request.method == "POST" and wanted else request.method


def _only(call: Call, *methods: str) -> None:
    if call.method not in methods:
        order = [m for m in ("HEAD", "GET", "POST", "PATCH", "DELETE") if m in methods]
        raise refusals.wrong_method(call.method, order)


def _page_size(call: Call) -> int:
    found = re.search(r"batchSize\s*=\s*(\d+)", call.headers.get("sforce-query-options", ""))
    return min(PAGE, max(200, int(found[1]))) if found else PAGE


def _object_body(call: Call) -> Record:
    """The call's body as a JSON object; parts of a composite have it parsed already."""
    if isinstance(call.payload, dict):
        return call.payload
    try:
        found = codec.loads(call.payload or b"")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(
            "JSON_PARSER_ERROR",
            "The HTTP entity body is required, but this request has no entity body."
            if not call.payload
            else "Unexpected character: the body is not a JSON object at [line:1, column:1]",
        )
    return found


def _rows(body: Record) -> list[Record]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise refusals.unreadable("list", "START_OBJECT", "records")
    if len(records) > COLLECTION:
        raise _too_many()
    return records


def _too_many() -> Refusal:
    return Refusal(
        "EXCEEDED_ID_LIMIT",
        "record limit reached. cannot submit more than 200 records into this call",
    )


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _good(record_id: str) -> Record:
    return {"id": record_id, "success": True, "errors": []}


def _with_id(refusal: Refusal, record_id: str) -> Refusal:
    """Failed updates and deletes name their record."""
    refusal.record_id = ids.to18(record_id) or record_id  # type: ignore[attr-defined]
    return refusal


def _rolled_back(result: Record) -> Record:
    refusal = Refusal(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using "
        "AllOrNone header",
        (),
    )
    return {"success": False, "errors": refusal.as_row()}


def _halted(parts: Sequence[Record], results: Sequence[Record]) -> list[Record]:
    """With allOrNone every part but the failing one says that the transaction was rolled back."""
    failing = results[-1]
    refusal = Refusal(
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
    return [
        failing
        if part["referenceId"] == failing["referenceId"]
        else {
            "body": refusal.as_rest(),
            "httpHeaders": {},
            "httpStatusCode": 400,
            "referenceId": part["referenceId"],
        }
        for part in parts
    ]


_REFERENCE = re.compile(r"@\{([^}]+)\}")


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """`@{ref.id}`, `@{ref[0].id}` and `@{ref.records[0].Id}` replaced by earlier answers."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda m: str(_referred(m[1], known)), value)
    if isinstance(value, dict):
        return {k: _filled(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, known) for v in value]
    return value


def _referred(text: str, known: Mapping[str, Any]) -> Any:
    steps = re.findall(r"[^.\[\]]+", text)
    try:
        found: Any = known[steps[0]]
        for step in steps[1:]:
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise Refusal(
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {text} found in {steps[0]}",
        ) from None
    return found


def _part_call(method: str, url: str, part: Record, payload: Any, call: Call) -> Call:
    split = urlsplit(url)
    found = _VERSIONED.fullmatch(trimmed(split.path))
    if found is None:
        raise refusals.not_found()
    headers = {k.lower(): str(v) for k, v in (part.get("httpHeaders") or {}).items()}
    return Call(
        method.upper(),
        tuple(p for p in (found["rest"] or "").split("/") if p),
        dict(parse_qsl(split.query, keep_blank_values=True)),
        headers,
        payload,
        found["version"] or call.version,
    )


def _not_modified(since: str | None, changed: datetime) -> bool:
    if not since:
        return False
    try:
        return parsedate_to_datetime(since) >= changed
    except (TypeError, ValueError):
        return False


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)
