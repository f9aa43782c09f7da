"""What a warehouse would hold of an org's readings: rows by key, the state of readings that ended
well, and the table of deletions. It shows in milliseconds what a load would show in seconds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from both_systems import ORG, World

from pipelines.extract.results import ExtractResult
from pipelines.extract.salesforce import OBJECTS, SalesforceReading, table_name
from pipelines.extract.salesforce_sweep import DELETION
from pipelines.extract.salesforce_walks import Polling

AT_ONCE = Polling(sleep=lambda _: None)


@dataclass
class OrgShelf:
    """One org's rows. `said` is the progress told; `loads` counts what was kept."""

    world: World
    objects: Sequence[str] = OBJECTS
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    handed: int = 0
    loads: int = 0

    def reading(self, **given: Any) -> SalesforceReading:
        """A reading that knows what is held."""
        how = {"objects": self.objects, "held": self.held, "polling": AT_ONCE,
               "progress": self.said.append, **given}  # fmt: skip
        return SalesforceReading(self.world.salesforce(), **how)

    def extract(self, **given: Any) -> dict[str, ExtractResult]:
        """Read to the end; a reading that fails has changed nothing but whole loads."""
        reading = self.reading(**given)
        while self.load(reading):
            pass
        self._catch_up(reading)
        return {result.object: result for result in reading.results}

    def one_load(self, **given: Any) -> SalesforceReading:
        """A reading that ends after one load, as `run.read` does when it gives way."""
        reading = self.reading(**given)
        self.load(reading)
        self._catch_up(reading)
        return reading

    def _catch_up(self, reading: SalesforceReading) -> None:
        if reading.is_behind:
            self.load(self.reading(sweep=False, passing_by=True))

    def load(self, reading: SalesforceReading) -> bool:
        """One load, kept as a whole; True when more is to come."""
        state, tables = copy.deepcopy(self.state), copy.deepcopy(self.tables)
        reading.unfinished = False
        waiting = [(name, reading.tables(name, state)) for name in self.objects]
        while waiting:  # in turns, as dlt does
            still = []
            for name, items in waiting:
                item = next(items, None)
                if item is not None:
                    self._put(tables, name, item)
                    still.append((name, items))
            waiting = still
        self.state, self.tables = state, tables
        self.loads += 1
        self.controls = {(c.object, c.measure, c.currency): c for c in reading.controls}  # type: dict[Any, ControlTotal]
        self.calls = reading.client.calls.metered
        self.absent = dict(reading.absent)
        return reading.unfinished

    def _put(self, tables: dict[str, dict[str, Any]], name: str, item: Any) -> None:
        found = getattr(item, "data", item)
        target = item.meta.hints["table_name"] if hasattr(item, "meta") else table_name(name)
        place = tables.setdefault(target, {})
        for row in found.to_pylist():
            assert row["org_id"] == ORG
            key = row["Id"] if target != DELETION else f"{row['object']} {row['id']}"
            place[key] = row
            if row.get("undeleted"):
                del place[key]
        self.handed += found.num_rows if target != DELETION else 0

    def held(self, name: str, fields: Sequence[str]) -> pa.Table | None:
        """What is held of one object."""
        rows = list(self.tables.get(table_name(name), {}).values())
        if not rows or not set(fields) <= rows[0].keys():
            return None
        return pa.Table.from_pylist([{f: r[f] for f in fields} for r in rows])

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        """The rows of one object by id."""
        return self.tables.get(table_name(name), {})

    def gone(self) -> dict[str, str]:
        """The ids proved gone, each with its proof."""
        return {r["id"]: r["proof"] for r in self.tables.get(DELETION, {}).values()}

    def books(self, name: str) -> dict[str, dict[str, Any]]:
        """The object's records as they stand in the sandbox's books, deleted ones too."""
        return {r["Id"]: r for r in self.world.sandbox.kernel.store.table(ORG, name)}

    def check(self) -> None:
        """Every record is there once, as it stands in the books; what is not there is gone."""
        for name in self.objects:
            books, gone = self.books(name), self.gone()
            held = {key: row for key, row in self.rows(name).items() if key not in gone}
            assert held.keys() == books.keys(), name
            assert not books.keys() & gone.keys()
            for key, row in held.items():
                stamp = datetime.fromisoformat(books[key]["SystemModstamp"]).astimezone(UTC)
                assert row["SystemModstamp"] == stamp, (name, key)
                for field_name, value in books[key].items():
                    if isinstance(value, str | bool | Decimal) and field_name in row:
                        assert _same(row[field_name], value), (name, key, field_name)

    def alive(self, name: str) -> int:
        """How many records are not deleted."""
        return sum(not r.get("IsDeleted") for r in self.books(name).values())


def _same(held: Any, book: Any) -> bool:
    if isinstance(held, datetime):
        return held == datetime.fromisoformat(book)
    if isinstance(held, Decimal):
        return held == book
    return str(held) == str(book)
