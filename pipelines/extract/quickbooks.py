"""QuickBooks Online as a dlt source: one resource per entity over all companies, and deletions.

The first reading walks every entity in pages of 1000 and compares with the service's own count.
Afterwards one change-data-capture call per company brings everything, deletions included, as long
as the last reading is younger than 29 days. An answer of 1000 objects may have been cut off without
a word: then each entity is asked for by itself, and one that is still too much is queried by its
time stamp. Payloads keep the vendor's own JSON, every digit of it; the last one of a deleted record
stays, and `deletion` says that it is gone.
"""

from __future__ import annotations

from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa
import simplejson

from pipelines.clients.quickbooks import (
    CDC_LIMIT,
    SYSTEM,
    Changed,
    QuickBooksClient,
    quoted,
    vendor_time,
)
from pipelines.errors import Incomplete, Refused, Unavailable
from pipelines.extract import columns
from pipelines.extract.results import ControlTotal, ExtractResult, Mode, Progress, silent
from pipelines.extract.salesforce import table_name

LISTS = ("Customer", "Item", "Term", "Account", "Class", "Department", "Vendor", "Employee")
TRANSACTIONS = (
    "Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt", "Estimate",
)  # fmt: skip
SINGLES = ("CompanyInfo", "Preferences")
# Change data capture does not cover these (quickbooks_api 2.6): they are walked once a day.
TAXES = ("TaxCode", "TaxRate")
UNCAPTURED = (*SINGLES, *TAXES)
CAPTURED = (*LISTS, *TRANSACTIONS)
ENTITIES = (*CAPTURED, *UNCAPTURED)
CDC_REACH = timedelta(days=29)
OVERLAP = timedelta(minutes=10)
WALK_AGAIN = timedelta(days=1)
# Inactive records are left out of queries unless they are asked for (quickbooks_api 2.2).
EVERYTHING = "Active in (true, false)"
_WALKS = 3
_IDS_AT_ONCE = 200
# How the service refuses a date beyond its reach: "Unsupported Operation" (quickbooks_api 4.2).
_UNSUPPORTED = "500"
Record = dict[str, Any]
State = MutableMapping[str, Any]
KnownIds = Callable[[str, str], frozenset[str]]


@dataclass
class _Entity:
    """One entity as it is read in this run. In mode `full` it is walked; else `living` and `gone`
    are all that changed."""

    name: str
    mode: Mode
    living: tuple[Record, ...] = ()
    gone: dict[str, Record] = field(default_factory=dict)
    counted: int | None = None
    calls: int = 0


class CompanyReading:
    """One reading of one company. Results of the entities read so far are in `results`.

    `known_ids(company, entity)` gives the ids that the warehouse holds and does not know as
    deleted: a walk finds by them what went away unseen. With `full`, everything is walked.
    """

    def __init__(
        self,
        client: QuickBooksClient,
        known_ids: KnownIds,
        full: bool = False,
        progress: Progress = silent,
    ) -> None:
        self.client = client
        self.company_id = client.realm_id
        self.results: list[ExtractResult] = []
        self.controls: list[ControlTotal] = []
        self.unfinished = False
        self._known_ids = known_ids
        self._full = full
        self._progress = progress
        self._found: dict[str, _Entity] = {}
        self._began: datetime | None = None

    def tables(self, entity: str, state: State) -> Iterator[Any]:
        """What is new of one entity, and what of it is gone. `state` moves on at the end.

        Nothing is yielded for a list that is not due. Raises `Incomplete` when a walk does not
        give the records that the service itself counts.
        """
        self._prepare(state)
        one = self._found.get(entity)
        if one is None:
            return
        if one.mode == "full":
            rows = yield from self._walked(one)
        else:
            rows = len(one.living)
            if one.living:
                yield self._table(one.name, one.living)
        if one.gone:
            yield _deletions(list(one.gone.values()))
        state[entity] = self._beginning().isoformat()
        self._note(one, rows)

    # Deciding how to read --------------------------------------------------------------------

    def _prepare(self, state: Mapping[str, str]) -> None:
        """Ask for all changes at once; what they do not cover is to be walked."""
        if self._found:
            return
        before = self.client.calls.metered
        known = {} if self._full else {e: datetime.fromisoformat(t) for e, t in state.items()}
        self._follow({e: t for e, t in known.items() if e in CAPTURED})
        self._plan_walks(
            [e for e in ENTITIES if e not in self._found and self._is_due(known.get(e), e)]
        )
        first = next(iter(self._found.values()))
        first.calls = self.client.calls.metered - before

    @contextmanager
    def _charged_to(self, one: _Entity) -> Iterator[None]:
        """The calls of this block are this entity's; dlt reads the entities in turns."""
        before = self.client.calls.metered
        yield
        one.calls += self.client.calls.metered - before

    def _follow(self, known: Mapping[str, datetime]) -> None:
        """One change call for all entities that were read before, if it reaches back so far."""
        if not known:
            return
        since = min(known.values()) - OVERLAP
        changed = self._capture(list(known), since)
        if changed is None:
            return
        self._began = changed.server_time
        if changed.server_time - since > CDC_REACH or changed.server_time < max(known.values()):
            return
        if changed.objects < CDC_LIMIT:
            self._take(changed, known)
        else:
            self._follow_singly(known, since)

    def _capture(self, entities: Sequence[str], since: datetime) -> Changed | None:
        """The changes since then, or None when that is beyond the service's reach."""
        try:
            return self.client.cdc(entities, since)
        except Refused as refusal:
            if refusal.code != _UNSUPPORTED:
                raise
            return None

    def _take(self, changed: Changed, entities: Iterable[str]) -> None:
        for name in entities:
            gone = self._stubs(name, changed)
            self._found[name] = _Entity(name, "cdc", changed.living.get(name, ()), gone)

    def _follow_singly(self, entities: Iterable[str], since: datetime) -> None:
        """The answer was full: ask for each entity by itself."""
        for name in entities:
            changed = self.client.cdc([name], since)
            if changed.objects < CDC_LIMIT:
                self._take(changed, [name])
            else:
                self._catch_up(name, changed, since)

    def _catch_up(self, name: str, changed: Changed, since: datetime) -> None:
        """Too many changes of one entity: query them. The service's count proves that no deletion
        was cut off; when it does not, the entity is left to be walked."""
        stamped = f"MetaData.LastUpdatedTime >= {quoted(vendor_time(since))}"
        living = self.client.query(name, _both(stamped, _condition(name)))
        gone = self._stubs(name, changed)
        known = self._known_ids(self.company_id, name) | {_id(record) for record in living}
        if len(known - gone.keys()) == self.client.count(name, _condition(name)):
            self._found[name] = _Entity(name, "incremental", tuple(living), gone)

    def _is_due(self, known: datetime | None, entity: str) -> bool:
        """Everything that changes do not cover is due; lists outside of them once a day."""
        if known is None or entity not in UNCAPTURED:
            return True
        return not known <= self._beginning() < known + WALK_AGAIN

    def _plan_walks(self, names: Sequence[str]) -> None:
        """The counts of what will be walked, and its deletions of the last weeks, which only the
        change call tells."""
        if not names:
            return
        counts = self.client.counts({name: _condition(name) for name in names})
        self._began = self._began or self._now()
        for name in names:
            self._found[name] = _Entity(name, "full", counted=counts[name])
        captured = [name for name in names if name in CAPTURED]
        if captured:
            self._note_recent_deletions(captured)

    def _note_recent_deletions(self, names: Sequence[str]) -> None:
        since = self._now() - CDC_REACH
        changed = self.client.cdc(names, since)
        cut_off = changed.objects >= CDC_LIMIT
        for name in names:
            answer = self.client.cdc([name], since) if cut_off else changed
            self._found[name].gone.update(self._stubs(name, answer))

    # Walking ---------------------------------------------------------------------------------

    def _walked(self, one: _Entity) -> Generator[Any, None, int]:
        """Every record, checked against the count; then whatever is held but is not there any
        more. Returns the number of records."""
        yield self._table(one.name, ())  # the table exists also while it is empty
        if one.name in CAPTURED:
            yield _deletions(())
        handed: dict[str, Any] = {}
        for _ in range(_WALKS):
            ids = yield from self._walk(one, handed)
            with self._charged_to(one):
                if ids is not None and self._agrees(one, len(ids)):
                    self._find_gone(one, ids)
                    return len(ids)
        raise self._uncounted(one)

    def _walk(self, one: _Entity, handed: dict[str, Any]) -> Generator[Any, None, set[str] | None]:
        """One walk; returns the ids met, or None when rows moved under it. What an earlier walk
        of this run has handed on already is not handed on again."""
        ids: set[str] = set()
        pages = self.client.pages(one.name, _condition(one.name))
        while True:
            try:
                with self._charged_to(one):
                    page = next(pages, None)
            except Incomplete:
                return None
            if page is None:
                return ids
            ids.update(_id(record) for record in page.records)
            new = [r for r in page.records if handed.get(_id(r)) != r.get("SyncToken", "")]
            handed.update((_id(record), record.get("SyncToken", "")) for record in new)
            if new:
                yield self._table(one.name, new)

    def _agrees(self, one: _Entity, held: int) -> bool:
        """Is it the service's count before the walk or, as records come and go, after it?"""
        if held != one.counted:
            one.counted = self.client.count(one.name, _condition(one.name))
        return held == one.counted

    def _find_gone(self, one: _Entity, seen: set[str]) -> None:
        """Two proofs before anything counts as gone: not in the walk, and unknown when asked."""
        if one.name in SINGLES:
            return
        known = self._known_ids(self.company_id, one.name)
        missing = sorted(known - seen - one.gone.keys())
        for start in range(0, len(missing), _IDS_AT_ONCE):
            chunk = missing[start : start + _IDS_AT_ONCE]
            asked = f"Id in ({', '.join(map(quoted, chunk))})"
            if self.client.query(one.name, _both(asked, _condition(one.name))):
                raise self._uncounted(one)
            one.gone.update({i: self._gone(one.name, i, self._now(), "sweep") for i in chunk})

    def _uncounted(self, one: _Entity) -> Incomplete:
        return Incomplete(
            SYSTEM,
            f"{one.name} of company {self.company_id}",
            f"{_WALKS} readings did not give the {one.counted} records that the service counts",
            "Nothing of it was kept; run the sync again.",
        )

    # Rows ------------------------------------------------------------------------------------

    def _table(self, entity: str, records: Iterable[Record]) -> pa.Table:
        return columns.table([self._row(r) for r in records], columns.ENTITY, entity)

    def _row(self, record: Record) -> Record:
        times = record.get("MetaData") or {}
        return {
            "company_id": self.company_id,
            "id": _id(record),
            "sync_token": record.get("SyncToken"),
            "created_at": times.get("CreateTime"),
            "last_updated_at": times.get("LastUpdatedTime"),
            "payload": simplejson.dumps(
                record, use_decimal=True, ensure_ascii=False, separators=(",", ":")
            ),
            "extracted_at": self._now(),
        }

    def _stubs(self, entity: str, changed: Changed) -> dict[str, Record]:
        found = {}
        for stub in changed.deleted.get(entity, ()):
            times = stub.get("MetaData") or {}
            at = times.get("LastUpdatedTime") or changed.server_time
            found[_id(stub)] = self._gone(entity, _id(stub), at, "cdc")
        return found

    def _gone(self, entity: str, record_id: str, at: Any, proof: str) -> Record:
        return {
            "company_id": self.company_id,
            "entity": entity,
            "id": record_id,
            "deleted_at": at,
            "proof": proof,
        }

    def _beginning(self) -> datetime:
        return self._began or self._now()

    def _now(self) -> datetime:
        found = self.client.server_time
        if found is None:
            raise Unavailable(SYSTEM, f"company {self.company_id}", "its answers tell no time")
        return found

    def _note(self, one: _Entity, rows: int) -> None:
        self.results.append(
            ExtractResult(
                SYSTEM,
                self.company_id,
                one.name,
                one.mode,
                rows,
                one.counted,
                one.calls,
                self._now(),
            )
        )
        self._progress(f"QuickBooks {self.company_id} {one.name}: {rows:,} rows ({one.mode})")


@dlt.source(name="quickbooks", max_table_nesting=0)
def quickbooks_source(readings: Sequence[CompanyReading] = ()) -> Any:
    """The entities of all companies. Without readings it can be looked at, and yields nothing."""
    return [*(_resource(readings, entity) for entity in ENTITIES), _deletion_resource()]


def _resource(readings: Sequence[CompanyReading], entity: str) -> Any:
    def rows() -> Iterator[Any]:
        companies = dlt.current.source_state().setdefault("companies", {})
        for reading in readings:
            yield from reading.tables(entity, companies.setdefault(reading.company_id, {}))

    return dlt.resource(
        rows,
        name=table_name(entity),
        primary_key=("company_id", "id"),
        write_disposition="merge",
    )


def _deletion_resource() -> Any:
    """The table of deletions. Its rows come from the entities' own resources, so that an entity
    read by itself brings its deletions along."""
    return dlt.resource(
        lambda: iter(()), name=DELETION, primary_key=DELETION_KEY, write_disposition="merge"
    )


DELETION = "deletion"
DELETION_KEY = ("company_id", "entity", "id")


def _deletions(rows: Sequence[Record]) -> Any:
    """Rows bound for the table of deletions, whichever resource hands them on."""
    hints = dlt.mark.make_hints(
        table_name=DELETION, primary_key=DELETION_KEY, write_disposition="merge"
    )
    found = columns.table(rows, columns.DELETION, DELETION)
    return dlt.mark.with_hints(found, hints, create_table_variant=True)


def _condition(entity: str) -> str:
    """What a query of everything must say of this entity."""
    return EVERYTHING if entity in (*LISTS, *TAXES) else ""


def _both(one: str, other: str) -> str:
    return f"{one} and {other}" if other else one


def _id(record: Mapping[str, Any]) -> str:
    """The record's id; Preferences may come without one, and there is only one of them."""
    return str(record.get("Id") or "1")
