"""QuickBooks Online as a dlt source: one resource per entity over all companies, and deletions.

The first reading walks every entity in pages of 1000. Afterwards one change-data-capture call per
company brings everything, as long as the last reading is younger than 29 days and the answer stays
under the 1000 objects at which the service cuts off without a word; else it walks again, and looks
for what is gone by comparing ids. Payloads keep the vendor's own JSON, every digit of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa
import simplejson

from pipelines.clients.quickbooks import CDC_LIMIT, SYSTEM, Changed, QuickBooksClient
from pipelines.errors import Refused
from pipelines.extract import columns
from pipelines.extract.results import ExtractResult, Mode
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
OVERLAP = timedelta(minutes=5)
WALK_AGAIN = timedelta(days=1)
_CHUNK = 5000
Record = dict[str, Any]
KnownIds = Callable[[str, str], frozenset[str]]


class CompanyReading:
    """One reading of one company; what it found of deletions is in `deletions` afterwards."""

    def __init__(self, client: QuickBooksClient, known_ids: KnownIds) -> None:
        self.client = client
        self.company_id = client.realm_id
        self.results: list[ExtractResult] = []
        self.deletions: list[Record] = []
        self._known_ids = known_ids
        self._changed: Changed | None = None
        self._mode: Mode | None = None
        self._counted = 0

    def records(self, entity: str, state: MutableMapping[str, Any]) -> Iterator[Record]:
        """What is new of one entity. The state is advanced by `finish`."""
        self._choose(state)
        mode: Mode = self._mode or "full"
        if mode == "cdc" and entity in UNCAPTURED:
            if not self._is_due(state):
                return
            mode = "full"
        found = self._walk(entity) if mode == "full" else self._captured(entity)
        count = 0
        for record in found:
            count += 1
            yield self._row(record)
        self._note(entity, mode, count)

    def finish(self, state: MutableMapping[str, Any]) -> None:
        """Remember up to when everything is known, by the company's own clock."""
        now = self._now()
        if self._mode == "full" or self._is_due(state):
            state["walked_at"] = now.isoformat()
        state["known_until"] = (
            self._changed.server_time if self._changed and self._mode == "cdc" else now
        ).isoformat()

    def _choose(self, state: MutableMapping[str, Any]) -> None:
        """Capture or walk? Decided once, by one call that both ways need."""
        if self._mode is not None:
            return
        until = state.get("known_until")
        changed = self._capture(datetime.fromisoformat(until) - OVERLAP) if until else None
        if changed is None:
            self._mode = "full"
            return
        self._changed, self._mode = changed, "cdc"
        self._note_deletions(changed)

    def _capture(self, since: datetime) -> Changed | None:
        """All changes since then, or None when they cannot be had completely in one call."""
        try:
            changed = self.client.cdc(CAPTURED, since)
        except Refused as refusal:
            if "older" in refusal.vendor_message:  # than the service looks back
                return None
            raise
        complete = changed.objects < CDC_LIMIT and changed.server_time - since <= CDC_REACH
        return changed if complete else None

    def _walk(self, entity: str) -> Iterator[Record]:
        """Every record, inactive ones too; then whatever is held but was not there any more."""
        seen = set()
        where = "Active in (true, false)" if entity in (*LISTS, *TAXES) else ""
        for page in self.client.pages(entity, where):
            for record in page.records:
                seen.add(str(record.get("Id", "1")))
                yield record
        if entity in TRANSACTIONS:
            self._find_gone(entity, seen)

    def _find_gone(self, entity: str, seen: set[str]) -> None:
        """Two proofs before anything counts as gone: not in the walk, and unknown when asked."""
        for missing in sorted(self._known_ids(self.company_id, entity) - seen):
            if self.client.read(entity, missing) is None:
                self._gone(entity, missing, self._now(), "sweep")

    def _captured(self, entity: str) -> Iterator[Record]:
        assert self._changed is not None
        yield from self._changed.living.get(entity, ())

    def capture_deletions(self) -> None:
        """After a walk: what was deleted in the last 29 days, which only this call tells."""
        if self._mode == "full":
            self._note_deletions(self.client.cdc(CAPTURED, self._now() - CDC_REACH))
            self._note("deletion", "cdc", len(self.deletions))

    def _note_deletions(self, changed: Changed) -> None:
        for entity, stubs in changed.deleted.items():
            for stub in stubs:
                at = columns.moment(stub["MetaData"]["LastUpdatedTime"])
                self._gone(entity, str(stub["Id"]), at, "cdc")

    def _gone(self, entity: str, record_id: str, at: datetime, proof: str) -> None:
        self.deletions.append(
            {
                "company_id": self.company_id,
                "entity": entity,
                "id": record_id,
                "deleted_at": at,
                "proof": proof,
            }
        )

    def _row(self, record: Record) -> Record:
        times = record.get("MetaData") or {}
        return {
            "company_id": self.company_id,
            "id": str(record.get("Id", "1")),
            "sync_token": record.get("SyncToken"),
            "created_at": times.get("CreateTime"),
            "last_updated_at": times.get("LastUpdatedTime"),
            "payload": simplejson.dumps(
                record, use_decimal=True, ensure_ascii=False, separators=(",", ":")
            ),
            "extracted_at": self._now(),
        }

    def _is_due(self, state: MutableMapping[str, Any]) -> bool:
        walked = state.get("walked_at")
        return walked is None or self._now() - datetime.fromisoformat(walked) >= WALK_AGAIN

    def _now(self) -> datetime:
        found = self.client.server_time
        assert found is not None  # asked only after a call
        return found

    def _note(self, name: str, mode: Mode, rows: int) -> None:
        calls = self.client.calls.metered - self._counted
        self._counted += calls
        self.results.append(
            ExtractResult(SYSTEM, self.company_id, name, mode, rows, None, calls, self._now())
        )


@dlt.source(name="quickbooks", max_table_nesting=0)
def quickbooks_source(readings: Sequence[CompanyReading] = ()) -> Any:
    """The entities of all companies. Without readings it can be looked at, and yields nothing.

    The entities are read in order; `deletion`, the last resource, closes the reading.
    """
    entities = [_resource(readings, entity) for entity in ENTITIES]
    return [*entities, _deletion(readings)]


def _resource(readings: Sequence[CompanyReading], entity: str) -> Any:
    def rows() -> Iterator[pa.Table]:
        yield columns.table([], columns.ENTITY, entity)
        for reading in readings:
            found = reading.records(entity, _state(reading))
            for chunk in columns.chunks(found, _CHUNK):
                yield columns.table(chunk, columns.ENTITY, entity)

    return dlt.resource(
        rows,
        name=table_name(entity),
        primary_key=("company_id", "id"),
        write_disposition="merge",
    )


def _deletion(readings: Sequence[CompanyReading]) -> Any:
    def rows() -> Iterator[pa.Table]:
        for reading in readings:
            reading.capture_deletions()
            reading.finish(_state(reading))
        gone = [row for reading in readings for row in reading.deletions]
        yield columns.table(gone, columns.DELETION, "deletion")

    return dlt.resource(
        rows,
        name="deletion",
        primary_key=("company_id", "entity", "id"),
        write_disposition="merge",
    )


def _state(reading: CompanyReading) -> MutableMapping[str, Any]:
    companies = dlt.current.source_state().setdefault("companies", {})
    state: MutableMapping[str, Any] = companies.setdefault(reading.company_id, {})
    return state
