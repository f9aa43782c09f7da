"""QuickBooks Online as a dlt source: one resource per entity over all companies, and deletions.

    import dlt

    from pipelines.clients.quickbooks import quickbooks_client
    from pipelines.extract.quickbooks import CompanyReading, quickbooks_source
    from pipelines.settings import load_settings

    given = load_settings()
    companies = [quickbooks_client(given, c.realm_id) for c in given.quickbooks.companies]
    readings = [CompanyReading(client) for client in companies]
    pipeline = dlt.pipeline("books", destination="duckdb", dataset_name="quickbooks")
    pipeline.run(quickbooks_source(readings), loader_file_format="parquet")
    while any(reading.unfinished for reading in readings):
        pipeline.run(quickbooks_source(readings), loader_file_format="parquet")

It needs nothing else of Crossfoot than a client, and any destination of dlt will do; a second run
of the same lines reads what is new. Each table has
`company_id`, `id`, `sync_token`, two times and `payload`, the vendor's own JSON text, every digit
of it. The last payload of a deleted record stays; `deletion` says since when it is gone and how
that is known. A record that comes back has a later time than its deletion.

- A new field, a custom one too, stands in the payload like the others. One that a model reads as
  more than text and that is of another type than before ends the reading with a sentence that names
  record and field, before anything of the load is kept (`clients.quickbooks_contract`).
- The first reading walks every entity in pages of 1000 (`quickbooks_walk`). It may end before all
  rows have come: rows and the place to go on from are loaded together, so that a killed load of
  millions does not begin anew. What is walked again later is kept slice by slice, too.
- Afterwards one change-data-capture call a run and company brings everything
  (`quickbooks_changes`), deletions included, while the last reading is younger than 29 days.
- Once a day a round is made besides (`sweep`): lists that changes do not cover, the reports of
  receivables (`quickbooks_receivables`) and of invoices (`quickbooks_listed`), and a count of every
  entity, held against what the warehouse has. Where they differ the entity is walked, and what is
  held but not met is asked for by its id: only two proofs make a record gone.

What it costs in metered calls is written, as arithmetic, in `quickbooks_calls`. Refresh tokens,
which the vendor changes about daily, are the client's matter: they are on the disk before use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import dlt
import pyarrow as pa

from pipelines.extract.quickbooks_entities import (
    AGED_RECEIVABLES,
    CAPTURED,
    DELETION,
    ENTITIES,
    LISTED_INVOICES,
    UNCAPTURED,
)
from pipelines.extract.quickbooks_listed import KEY as LISTED_KEY
from pipelines.extract.quickbooks_reading import CompanyReading
from pipelines.extract.quickbooks_receivables import KEY as RECEIVABLES_KEY
from pipelines.extract.quickbooks_walking import DELETION_KEY
from pipelines.extract.salesforce import table_name

__all__ = [
    "AGED_RECEIVABLES", "CAPTURED", "DELETION", "ENTITIES", "LISTED_INVOICES", "UNCAPTURED",
    "CompanyReading", "quickbooks_source",
]  # fmt: skip

# Each reading hands on a record once in a load, so that dlt need not look for doubles among the
# payloads, which would take longer than all the rest.
_MERGE: Any = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
_ADD: Any = {"disposition": "append"}
Tables = Callable[[CompanyReading, Any], Iterator[Any]]


@dlt.source(name="quickbooks", max_table_nesting=0)
def quickbooks_source(readings: Sequence[CompanyReading] = ()) -> Any:
    """The entities of all companies. Without readings it can be looked at, and yields nothing."""
    return [
        *(_entity(readings, entity) for entity in ENTITIES),
        _resource(readings, AGED_RECEIVABLES, RECEIVABLES_KEY, CompanyReading.receivables),
        _resource(readings, LISTED_INVOICES, LISTED_KEY, CompanyReading.listed_invoices),
        _deletion_resource(),
    ]


def _entity(readings: Sequence[CompanyReading], entity: str) -> Any:
    def tables(reading: CompanyReading, state: Any) -> Iterator[Any]:
        return reading.tables(entity, state)

    def add_only() -> bool:
        return all(reading.adds_only(entity) for reading in readings)

    return _resource(readings, table_name(entity), ("company_id", "id"), tables, add_only)


def _resource(
    readings: Sequence[CompanyReading],
    name: str,
    key: Sequence[str],
    tables: Tables,
    add_only: Callable[[], bool] = lambda: False,
) -> Any:
    """The rows of all companies, taken in turns, so that one answers while another's are loaded.

    Rows that cannot be there yet are added as they come: merged, each would be written twice. A
    load that is killed leaves rows that its state does not know; they are then there, and merged.
    """

    def rows() -> Iterator[Any]:
        companies = dlt.current.source_state().setdefault("companies", {})
        waiting = [tables(r, companies.setdefault(r.company_id, {})) for r in readings]
        first = [item for one in waiting if (item := next(one, None)) is not None]
        hints = dlt.mark.make_hints(write_disposition=_ADD if add_only() else _MERGE)
        for item in chain(first, _in_turns(waiting)):
            # Deletions bring hints of their own.
            if hints and isinstance(item, pa.Table):
                yield dlt.mark.with_hints(item, hints)
                hints = None
            else:
                yield item

    return dlt.resource(rows, name=name, primary_key=key, write_disposition=_MERGE)


def _in_turns(waiting: list[Iterator[Any]]) -> Iterator[Any]:
    while waiting:
        for one in list(waiting):
            item = next(one, None)
            if item is None:
                waiting.remove(one)
            else:
                yield item


def _deletion_resource() -> Any:
    """The table of deletions. Its rows come from the entities' own resources, so that an entity
    read by itself brings its deletions along."""
    return dlt.resource(
        lambda: iter(()), name=DELETION, primary_key=DELETION_KEY, write_disposition="merge"
    )
