"""What the readings of both systems hand on, kept without the warehouse.

A `Shelf` stands in for dlt: it merges by key, keeps the state only of readings that ended well, and
so shows in milliseconds what a load would show in seconds.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import simplejson
from both_systems import GB, ORG, US, World
from quickbooks_books import books_of, key_of

from pipelines.extract import ExtractResult
from pipelines.extract.quickbooks import DELETION, ENTITIES, CompanyReading
from pipelines.extract.quickbooks_entities import LISTED_INVOICES, RECEIVABLES
from pipelines.extract.salesforce import OBJECTS, SalesforceReading, table_name
from pipelines.extract.salesforce_walks import Polling

Key = tuple[str, ...]


@dataclass
class Shelf:
    """Rows by table and key, and the state of each source, as dlt and the warehouse keep them."""

    world: World
    tables: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    loads: int = 0
    made: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def extract(
        self, full: bool = False, system: str = "", **given: Any
    ) -> tuple[ExtractResult, ...]:
        """Read everything once, or one system; a source that fails has changed nothing."""
        org = self.org_reading(full=full, **given)
        companies = [self.company_reading(realm, full) for realm in (US, GB)]
        results = [] if system == "quickbooks" else self._take(ORG, org, OBJECTS)
        for company in [] if system == "salesforce" else companies:
            results += self._take(company.company_id, company, ENTITIES)
        return tuple(results)

    def one_load(self, full: bool = False, passing_by: bool = False) -> None:
        """One load of everything, as `run.read` does that gives way at once."""
        org = self.org_reading(full=full, passing_by=passing_by, slice_rows=6)
        self.load(ORG, org, OBJECTS)
        if org.is_behind:
            self.load(ORG, self.org_reading(sweep=False, passing_by=True), OBJECTS)
        for realm in (US, GB):
            company = self.company_reading(realm, full, passing_by=passing_by)
            self.load(realm, company, ENTITIES)
            if company.is_behind:
                following = self.company_reading(realm, sweep=False, passing_by=True)
                self.load(realm, following, ENTITIES)

    def company_reading(self, realm: str = US, full: bool = False, **given: Any) -> CompanyReading:
        """A reading of a company that knows what is on the shelf."""
        client = self.world.quickbooks(realm)
        return CompanyReading(client, self.known_ids, full, self.said.append, **given)

    def org_reading(self, **given: Any) -> SalesforceReading:
        """A reading of the org that knows what is on the shelf."""
        how = {"held": self.held, "polling": Polling(sleep=lambda _: None), **given}
        return SalesforceReading(self.world.salesforce(), **how)

    def held(self, name: str, fields: Sequence[str]) -> pa.Table | None:
        """What the shelf holds of one object of the org."""
        rows = [r for r in self.tables.get(table_name(name), {}).values() if "org_id" in r]
        if not rows or not set(fields) <= rows[0].keys():
            return None
        return pa.Table.from_pylist([{f: r[f] for f in fields} for r in rows])

    def known_ids(
        self, realm: str, entity: str, since: datetime | None = None, /
    ) -> frozenset[str]:
        held = self.tables.get(table_name(entity), {})
        return frozenset(
            i
            for (c, i), row in held.items()
            if c == realm
            and not self.is_gone(c, entity, row)
            and (since is None or row["extracted_at"] >= since)
        )

    def is_gone(self, realm: str, entity: str, row: dict[str, Any]) -> bool:
        """Deleted, and not changed since."""
        deletion = self.tables.get(DELETION, {}).get((realm, entity, row["id"]))
        changed = row["last_updated_at"]
        return deletion is not None and (changed is None or deletion["deleted_at"] >= changed)

    def _take(self, source: str, reading: Any, names: tuple[str, ...]) -> list[ExtractResult]:
        while self.load(source, reading, names):
            pass
        return list(reading.results)

    def load(self, source: str, reading: Any, names: tuple[str, ...]) -> bool:
        """One load, kept as a whole; True when the reading has more to come."""
        state, tables = copy.deepcopy(self.state.get(source, {})), copy.deepcopy(self.tables)
        reading.unfinished = False
        waiting = [(name, reading.tables(name, state)) for name in names]
        if names is ENTITIES:
            waiting.append((RECEIVABLES, reading.receivables(state)))
            waiting.append((LISTED_INVOICES, reading.listed_invoices(state)))
        while waiting:  # in turns, as dlt does
            still = []
            for name, items in waiting:
                item = next(items, None)
                if item is not None:
                    self._put(tables, name, item)
                    still.append((name, items))
            waiting = still
        self.state[source], self.tables = state, tables
        self.loads += 1
        if hasattr(reading, "client"):
            self.made[source] = reading.client.calls.metered
        return bool(reading.unfinished)

    def _put(self, tables: dict[str, dict[Key, Any]], name: str, item: Any) -> None:
        found = getattr(item, "data", item)
        target = item.meta.hints["table_name"] if hasattr(item, "meta") else table_name(name)
        key = [f.name for f in found.schema if not f.nullable]
        place = tables.setdefault(target, {})
        if "company_id" in key and target != DELETION:
            # These tables are merged without a look for doubles in one load.
            assert len({tuple(r[k] for k in key) for r in found.to_pylist()}) == found.num_rows
        for found_row in found.to_pylist():
            place[tuple(found_row[k] for k in key)] = found_row
            if found_row.get("undeleted"):
                del place[tuple(found_row[k] for k in key)]

    def rows(self, name: str, source: str) -> dict[str, dict[str, Any]]:
        """The rows of one org or company by id."""
        held = self.tables.get(table_name(name), {})
        return {key[1]: r for key, r in held.items() if key[0] == source}

    def deletions(self) -> list[dict[str, Any]]:
        rows = self.tables.get(DELETION, {}).values()
        return sorted((r for r in rows if "company_id" in r), key=lambda r: int(r["id"]))

    def gone(self) -> set[str]:
        """The ids of the org's records that are proved gone."""
        return {r["id"] for r in self.tables.get(DELETION, {}).values() if "org_id" in r}


def check_salesforce(shelf: Shelf) -> None:
    """Every record of every object is there once, deleted ones too, as it stands in the books."""
    for name in OBJECTS:
        books = {r["Id"]: r for r in shelf.world.sandbox.kernel.store.table(ORG, name)}
        held = shelf.rows(name, ORG)
        held = {key: r for key, r in held.items() if key not in shelf.gone()}
        assert held.keys() == books.keys(), name
        for key, found in held.items():
            stamp = datetime.fromisoformat(books[key]["SystemModstamp"]).astimezone(UTC)
            assert found["SystemModstamp"] == stamp
            assert found.get("IsDeleted", False) == books[key].get("IsDeleted", False)
            assert found.get("Name") == books[key].get("Name", found.get("Name"))


def check_quickbooks(shelf: Shelf, realms: Sequence[str] = (US, GB)) -> None:
    """The same for the companies; what is not in the books is in `deletion`, and only that."""
    for realm in realms:
        client = shelf.world.quickbooks(realm)
        for name in ENTITIES:
            books = {key_of(r): r for r in books_of(client, name)}
            held = shelf.rows(name, realm)
            dead = {i for i, row in held.items() if shelf.is_gone(realm, name, row)}
            assert books.keys() <= held.keys(), name
            assert held.keys() - books.keys() == dead, name
            for key, book in books.items():
                assert simplejson.loads(held[key]["payload"], use_decimal=True) == book


def check(shelf: Shelf) -> None:
    check_salesforce(shelf)
    check_quickbooks(shelf)
