"""Where a reading's calls are made: one after the other by a thread of its own, each billed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from pipelines.clients.quickbooks import SYSTEM, QuickBooksClient
from pipelines.clients.quickbooks_answers import RawChanges, RawPage, Records
from pipelines.errors import Unavailable
from pipelines.extract.quickbooks_entities import condition
from pipelines.extract.quickbooks_rows import Gone, Ids
from pipelines.extract.quickbooks_walk import BEGINNING, Place, Walk, where, window
from pipelines.extract.results import SWEEP, Mode

T = TypeVar("T")


@dataclass
class Subject:
    """One entity as it is read in this run.

    In mode `full` it is walked from `place`, `known` being the ids that the warehouse has of it and
    `before` those that earlier processes have read in this very walk;
    `recent` are the versions that the walk must show at least, as the change call told them just
    before, and `youngest` is the record made last of all, where the change call knows it.
    `counted` is what the service says it has, and `is_proved` that a walk needs no count.
    Else `living` and `gone` are all that changed, and `versions` what was told of it.
    """

    name: str
    mode: Mode
    began: datetime
    living: list[Records] = field(default_factory=list)
    gone: dict[str, Gone] = field(default_factory=dict)
    versions: dict[str, list[int | str]] = field(default_factory=dict)
    recent: dict[str, Records] = field(default_factory=dict)
    youngest: str | None = None
    place: Place = BEGINNING
    known: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    walk: Walk | None = None
    pages: Iterator[Records] | None = None
    handed: Ids = field(default_factory=Ids)
    outdated: list[datetime] = field(default_factory=list)
    rows: int = 0
    counted: int | None = None
    is_proved: bool = False
    calls: int = 0
    is_done: bool = False

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier process has loaded the first part of the walk."""
        return self.place != BEGINNING


class Desk:
    """The calls of one company. A call made `ahead` is under way while the caller goes on."""

    def __init__(self, client: QuickBooksClient) -> None:
        self.client = client
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"quickbooks-{client.realm_id}")

    def ahead(self, call: Callable[[], T], bill: Subject | None = None) -> Future[T]:
        """Begin a call; it is billed to the entity it is made for."""

        def billed() -> T:
            before = self.client.calls.metered
            try:
                return call()
            finally:
                if bill is not None:
                    bill.calls += self.client.calls.metered - before

        return self._thread.submit(billed)

    def now(self) -> datetime:
        """The vendor's clock at its last answer. Raises `Unavailable` when it told none."""
        found = self.client.server_time
        if found is None:
            where = f"company {self.client.realm_id}"
            raise Unavailable(SYSTEM, where, "its answers tell no time")
        return found

    def page(self, bill: Subject, place: Place, more: str = "") -> Future[RawPage]:
        """Begin to read the page at a place."""
        asked = where(bill.name, place, more), window(bill.name, place)
        return self.ahead(lambda: self.client.fetch_page(bill.name, *asked), bill)

    def changes(
        self, entities: Sequence[str], since: datetime, bill: Subject | None = None
    ) -> RawChanges:
        """One change call."""
        return self.ahead(lambda: self.client.fetch_changes(entities, since), bill).result()

    def count(self, bill: Subject) -> int:
        """The service's own count of an entity."""
        name = bill.name
        return self.ahead(lambda: self.client.count(name, condition(name)), bill).result()

    def counts(self, names: Sequence[str]) -> Mapping[str, int]:
        """The service's counts of several entities in one batch."""

        def call() -> Mapping[str, int]:
            with self.client.session.purpose(SWEEP):
                return self.client.counts({name: condition(name) for name in names})

        return self.ahead(call).result()
