"""What the resources hand over in one load: counted, and stamped with the load's moment.

Every raw row carries `loaded_at`, the moment its load began. The history of records is written by
it, and it proves that what was read stands in the warehouse: each key handed over must be found
there with the stamp of its load. dlt's own `_dlt_load_id` would say the same, but writes every
file a second time to do so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.extract.columns import MOMENT

LOADED_AT = "loaded_at"


@dataclass
class Intake:
    """The rows of the load under way, by raw table: how many, the keys of all, and of those that
    will stand there."""

    at: datetime
    rows: Counter[str] = field(default_factory=Counter)
    keys: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))
    coming: dict[str, list[pa.Table]] = field(default_factory=lambda: defaultdict(list))

    def begin(self, at: datetime | None = None) -> None:
        """A new load: nothing is taken in yet. Its moment is later than that of the one before,
        whatever the machine's clock says."""
        self.at = max(at or datetime.now(UTC), self.at + timedelta(microseconds=1))
        self.rows.clear()
        self.keys.clear()
        self.coming.clear()

    def watch(self, source: Any) -> Any:
        """Let every item of the dlt source come by here; returns the source."""
        for name, resource in source.resources.items():
            resource.add_map(self._taking(name))
        return source

    def _taking(self, name: str) -> Any:
        def take(item: Any, meta: Any = None) -> Any:
            return self._take(_table_of(meta) or name, item)

        return take

    def _take(self, table: str, item: Any) -> pa.Table:
        rows = item if isinstance(item, pa.Table) else pa.Table.from_batches([item])
        if rows.num_rows:
            self.rows[table] += rows.num_rows
            key = [column.name for column in rows.schema if not column.nullable]
            self.keys[table].append(_staying(rows).select(key))
            self.coming[table].append(rows.select(key))
        stamp = pa.repeat(pa.scalar(self.at, MOMENT), rows.num_rows)
        return rows.append_column(pa.field(LOADED_AT, MOMENT), stamp)


def _staying(rows: pa.Table) -> pa.Table:
    """The rows that will stand in the table: one that is `undeleted` takes an older row out."""
    if "undeleted" not in rows.schema.names:
        return rows
    return rows.filter(pc.invert(pc.fill_null(rows["undeleted"], False)))


def _table_of(meta: Any) -> str | None:
    """The table that an item names for itself, as the deletions of an entity do."""
    hints = getattr(meta, "hints", None) or {}
    named = hints.get("table_name") or getattr(meta, "table_name", None)
    return named if isinstance(named, str) else None
