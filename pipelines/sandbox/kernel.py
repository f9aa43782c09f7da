"""What both vendors share: books, clock, faults, journal; one call at a time."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Protocol, runtime_checkable

from pipelines.sandbox.clock import Clock, instant_text, parse_instant
from pipelines.sandbox.faults import Action, Faults, Occasion
from pipelines.sandbox.journal import Entry, Journal, Written, without_secrets
from pipelines.sandbox.seed import Seed, read_seed
from pipelines.sandbox.store import Store
from pipelines.sandbox.weather import Weather, out_of_place

SYSTEMS = ("salesforce", "quickbooks")


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is as sent (still percent-encoded), header names are lower-case."""

    system: str
    method: str
    path: str
    query: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query as sent."""
        return f"{self.path}?{self.raw_query}" if self.raw_query else self.path

    @property
    def origin(self) -> str:
        """Where the client reached us, without a slash at the end: addresses in answers begin so.

        What ends TLS before us says so in X-Forwarded-Proto: some clients take https only.
        """
        secure = self.headers.get("x-forwarded-proto", "").lower() == "https"
        return f"{'https' if secure else 'http'}://{self.headers.get('host', '127.0.0.1')}"


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; length, Date and connection headers are the server's business."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Vendor(Protocol):
    """One vendor's API over the shared books.

    `dispatch` is called under the kernel's lock and inside one store transaction: what it commits
    is kept when it returns (whatever the status), and undone when it raises.
    """

    name: str
    weather: Weather

    def dispatch(self, request: Request) -> Reply:
        """Answer one call."""
        ...

    def connection(self, base_url: str) -> dict[str, Any]:
        """All a client needs to log in: this vendor's part of connection.json."""
        ...

    def realm_of(self, request: Request) -> str:
        """The org or company the call speaks of ('' when none), for the journal."""
        ...

    def is_metered(self, request: Request) -> bool:
        """Whether the vendor counts the call against an allowance (tokens are not)."""
        ...

    def expire_token(self, request: Request) -> None:
        """Make the call's access token worthless from now on."""
        ...

    def empty_page(self, request: Request, reply: Reply) -> Reply:
        """The same answer with its rows left out."""
        ...


class Observer(Protocol):
    """Is told what a vendor's call has committed (webhooks). Must return at once."""

    def committed(self, realm: str, writes: Sequence[Written]) -> None:
        """Records of an org or company have changed."""
        ...

    def close(self) -> None:
        """No more of it."""
        ...


VendorFactory = Callable[["Sandbox"], Vendor]
# What a call gets while so many others of its org or company are under way; None: it may go on.
Door = Callable[[Request, int], "Reply | None"]
# What must be computed before a call can be answered quickly, if anything: run in a thread without
# the lock, so that other calls go on.
Preparation = Callable[[Request], "Callable[[], None] | None"]


@dataclass(frozen=True)
class Options:
    """How the sandbox is set up: where it starts from, where it keeps its writes, limits.

    `scale` starts from a generated company with so many invoice lines instead of from a folder.
    The clock starts at the seed's `as_of`; with `present` at this machine's time, if that is later:
    a client that asks for what has changed up to now then finds what it has just written.
    """

    seed: Path | None = None
    log_file: Path | None = None
    limits: bool = False
    scale: int | None = None
    present: bool = False


class Sandbox:
    """Both vendors' shared state.

    Attributes:
        clock, store, faults, journal: the parts.
        manifest: the seed's manifest (`salesforce` and `quickbooks` say who the org and the
            companies are).
        options: as given at the start; `limits` turns the vendors' allowances on.
        base_urls: where each vendor is served, once it is.
        vendors: by name; built anew at a reset, so a vendor may keep caches of the books.
        observers: who is told of committed changes, by vendor.
        doors: who says no to calls that are too many at once, by vendor.
        preparations: who has long computations to make before some calls, by vendor.
        lock: held during every call.
    """

    def __init__(
        self, options: Options | None = None, factories: Mapping[str, VendorFactory] | None = None
    ) -> None:
        self.options = options or Options()
        self.lock = RLock()
        self.clock = Clock()
        self.store = Store()
        self.faults = Faults()
        self.journal = Journal()
        self.base_urls: dict[str, str] = {}
        self.manifest: Mapping[str, Any] = {}
        self.vendors: dict[str, Vendor] = {}
        self.observers: dict[str, Observer] = {}
        self.doors: dict[str, Door] = {}
        self.preparations: dict[str, Preparation] = {}
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._begun: dict[tuple[str, str], list[datetime]] = {}
        self._pages: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {}
        self._factories = dict(factories or default_factories())
        self._seed = _seed_of(self.options)
        self._start()

    # ---- life

    def _start(self) -> None:
        self.store.stamp = lambda: instant_text(self.clock.unskewed())
        self._load(self._seed)
        if self.options.log_file is not None:
            last = self.store.open_log(self.options.log_file, self._seed.fingerprint)
            if last is not None and parse_instant(last) > self.clock.now():
                self.clock.set(parse_instant(last))
        self._build_vendors()

    def _load(self, seed: Seed) -> None:
        self._seed = seed
        self.manifest = seed.manifest
        for (realm, entity), records in seed.computed.items():
            self.store.lay(realm, entity, records)
        self.store.preset(seed.writes)
        self.clock = Clock(self._beginning(seed))

    def _beginning(self, seed: Seed) -> datetime | None:
        """When the clock starts; None for this machine's time."""
        if "as_of" not in seed.manifest:
            return None
        as_of = parse_instant(seed.manifest["as_of"])
        return None if self.options.present and as_of < datetime.now(UTC) else as_of

    def _build_vendors(self) -> None:
        for observer in self.observers.values():
            observer.close()
        self.observers.clear()
        self.doors.clear()
        self.preparations.clear()
        self.vendors = {name: make(self) for name, make in self._factories.items()}

    def reset(self, folder: Path | None = None) -> None:
        """Back to the seed (or to another one), faults disarmed, journal emptied.

        Raises:
            SeedUnreadable: `folder` holds no seed; nothing was changed then.
        """
        with self.lock:
            seed = self._seed if folder is None else read_seed(folder)
            self.store.clear(seed.fingerprint)
            self._load(seed)
            self.faults.clear()
            self.journal.clear()
            self._build_vendors()

    def close(self) -> None:
        """Close the log and tell no one any more."""
        with self.lock:
            for observer in self.observers.values():
                observer.close()
            self.store.close()

    def move_clock(self, moment: str | None, advance: float, frozen: bool | None) -> None:
        """Set or advance the vendors' time; kept over a restart when there is a log.

        Raises:
            ValueError: `moment` is no time with a zone.
        """
        with self.lock:
            stay = self.clock.frozen if frozen is None else frozen
            self.clock.set(parse_instant(moment) if moment else self.clock.now(), stay)
            if advance:
                self.clock.advance(advance)
            self.store.note({"at": instant_text(self.clock.now())})

    # ---- calls

    def dispatch(self, request: Request, fault: str | None, answered: bool = True) -> Reply:
        """One call to its vendor, as one transaction, written into the journal.

        `fault` and `answered` are for the journal: what misbehaves, and whether the caller will
        see the answer.
        """
        with self.lock:
            vendor = self.vendors[request.system]
            with self.store.transaction():
                reply = vendor.dispatch(request)
                writes = tuple(
                    Written(w.entity, w.id, w.operation or _operation(w.record, existed))
                    for w, existed in self.store.pending()
                )
            self._journal(request, reply.status if answered else 0, fault, writes)
            self._note_page(request, reply)
            observer = self.observers.get(request.system)
            if observer is not None and writes:
                observer.committed(vendor.realm_of(request), writes)
            return reply

    @contextmanager
    def under_way(self, request: Request) -> Iterator[Reply | None]:
        """The call counts as one of those at once while the block runs; what refuses it, if any.

        A refused call is written into the journal and counts only as long as it takes to say so.
        """
        realm = self.vendors[request.system].realm_of(request)
        key = (request.system, realm)
        door = self.doors.get(request.system)
        refusal = door(request, self._under_way[key]) if door is not None else None
        self._under_way[key] += 1
        begun, at = self._begun.setdefault(key, []), self.clock.now()
        begun.append(at)
        try:
            if refusal is not None:
                self.note_undone(request, refusal.status, None)
            yield refusal
        finally:
            self._under_way[key] -= 1
            begun.remove(at)

    def lasting(self, system: str, realm: str, seconds: float) -> int:
        """How many calls of an org or company have been under way for so long or longer."""
        since = self.clock.now() - timedelta(seconds=seconds)
        return sum(at <= since for at in self._begun.get((system, realm), ()))

    def preparation(self, request: Request) -> Callable[[], None] | None:
        """The long computation that this call waits for; None when it can be answered at once."""
        prepare = self.preparations.get(request.system)
        if prepare is None:
            return None
        with self.lock:
            return prepare(request)

    # ---- what faults ask

    def verdict(self, request: Request) -> Action | None:
        """Which armed fault this call has, if any."""
        with self.lock:
            if not self.faults.rules():
                return None
            meaning = self.vendors[request.system].weather.meaning(request)
            return self.faults.verdict(
                Occasion(
                    request.system,
                    request.method,
                    request.target,
                    request.body,
                    meaning.operation,
                    meaning.entity,
                    self.clock.now(),
                    out_of_place(self, request, meaning),
                )
            )

    def last_pages(self, request: Request) -> Mapping[str, tuple[Any, ...]]:
        """The rows last answered about each object of the call's org or company."""
        realm = self.vendors[request.system].realm_of(request)
        return dict(self._pages.get((request.system, realm), {}))

    def has_page(self, request: Request) -> bool:
        """Whether there is a page that could come again."""
        return bool(self.last_pages(request))

    def moment_ago(self, seconds: float) -> str:
        """A moment in the past as the store stamps it."""
        return instant_text(self.clock.unskewed() - timedelta(seconds=seconds))

    def _note_page(self, request: Request, reply: Reply) -> None:
        if not self.faults.watches("repeat_page"):
            self._pages.clear()
            return
        vendor = self.vendors[request.system]
        page = vendor.weather.page(reply)
        if page is not None:
            realm = vendor.realm_of(request)
            self._pages.setdefault((request.system, realm), {})[page.entity] = page.rows

    def note_undone(self, request: Request, status: int, fault: str | None) -> None:
        """Journal a call that never reached its vendor."""
        with self.lock:
            self._journal(request, status, fault, ())

    def _journal(
        self, request: Request, status: int, fault: str | None, writes: tuple[Written, ...]
    ) -> None:
        vendor = self.vendors[request.system]
        self.journal.add(
            Entry(
                n=self.journal.next_number(),
                at=instant_text(self.clock.now()),
                system=request.system,
                realm=vendor.realm_of(request),
                method=request.method,
                path=request.path,
                query=without_secrets(request.raw_query),
                status=status,
                fault=fault,
                request_id=request.query.get("requestid"),
                writes=writes,
                metered=vendor.is_metered(request),
            )
        )

    def connection(self) -> dict[str, Any]:
        """All a client needs, as `--json` prints it."""
        with self.lock:
            parts = {
                name: vendor.connection(self.base_urls.get(name, ""))
                for name, vendor in self.vendors.items()
            }
        return {**parts, "control_url": f"{self.base_urls.get('salesforce', '')}/_sandbox"}


def _seed_of(options: Options) -> Seed:
    if options.scale is None:
        return read_seed(options.seed)
    from pipelines.sandbox.company.scale import scaled_seed  # only those who ask for it load it

    return scaled_seed(options.scale)


def _operation(record: Mapping[str, Any] | None, existed: bool) -> str:
    if record is None:
        return "delete"
    return "update" if existed else "create"


_CLASSES = {
    "salesforce": ("pipelines.sandbox.salesforce", "Salesforce"),
    "quickbooks": ("pipelines.sandbox.quickbooks", "QuickBooks"),
}


def default_factories() -> dict[str, VendorFactory]:
    """Both vendors, imported when first wanted."""
    return {name: _lazy(*where) for name, where in _CLASSES.items()}


def _lazy(module: str, attribute: str) -> VendorFactory:
    def make(sandbox: Sandbox) -> Vendor:
        vendor: Vendor = getattr(importlib.import_module(module), attribute)(sandbox)
        return vendor

    return make


_TRAILING_SLASHES = re.compile(r"/+$")


def trimmed(path: str) -> str:
    """A path without its trailing slashes."""
    return _TRAILING_SLASHES.sub("", path) or "/"
