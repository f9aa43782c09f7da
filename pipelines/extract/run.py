"""Runs the sources into the warehouse, one pipeline after the other.

Before each run the pipeline's local state is dropped and restored from the warehouse: a deleted
warehouse or a deleted folder both lead to a full reading, and a package that a killed run left
behind is read anew instead of being finished without the rows of today.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.salesforce import salesforce_client
from pipelines.errors import CrossfootError, Incomplete, WarehouseBusy
from pipelines.extract import columns
from pipelines.extract.quickbooks import CompanyReading, quickbooks_source
from pipelines.extract.results import ExtractResult
from pipelines.extract.salesforce import SalesforceReading, salesforce_source, table_name
from pipelines.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """One dlt source with its pipeline; `results` tells what was read, once it has run."""

    name: str
    pipeline: Any
    source: Any
    results: Callable[[], tuple[ExtractResult, ...]]


def extract_all(settings: Settings, progress: Progress) -> tuple[ExtractResult, ...]:
    """Read what is new in the org and in every company, into raw_salesforce and raw_quickbooks.

    Raises what the clients raise, `Incomplete` when rows are missing, `WarehouseBusy` when
    somebody holds the warehouse. A run that raises has changed nothing of the source it was at.
    """
    done: list[ExtractResult] = []
    for one in sources(settings):
        progress(f"reading {one.name}")
        with plain_problems(settings.warehouse_path):
            one.pipeline.drop()
            one.pipeline.run(one.source, loader_file_format="parquet")
            record_runs(one)
        done.extend(one.results())
    return tuple(done)


def sources(settings: Settings) -> list[Source]:
    """Both sources, ready to be run. Raises `ConfigurationError` when a system is missing."""
    settings.check()
    return [_salesforce(settings), _quickbooks(settings)]


def _salesforce(settings: Settings) -> Source:
    reading = SalesforceReading(salesforce_client(settings))
    return Source(
        "Salesforce",
        pipeline(settings, "salesforce", warehouse.RAW_SALESFORCE),
        salesforce_source(reading),
        lambda: tuple(reading.results),
    )


def _quickbooks(settings: Settings) -> Source:
    known = _known_ids(settings.warehouse_path)
    readings = [
        CompanyReading(quickbooks_client(settings, company.realm_id), known)
        for company in settings.quickbooks.companies
    ]
    return Source(
        "QuickBooks",
        pipeline(settings, "quickbooks", warehouse.RAW_QUICKBOOKS),
        quickbooks_source(readings),
        lambda: tuple(result for reading in readings for result in reading.results),
    )


def pipeline(settings: Settings, name: str, dataset: str) -> Any:
    """The dlt pipeline of one system, with its files in the data folder and no telemetry."""
    import dlt

    dlt.config["runtime.dlthub_telemetry"] = False
    # One resource after the other: deletions close a reading and must come last.
    dlt.config["extract.next_item_mode"] = "fifo"
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    return dlt.pipeline(
        f"crossfoot_{name}",
        destination=dlt.destinations.duckdb(str(settings.warehouse_path)),
        dataset_name=dataset,
        pipelines_dir=str(settings.data_dir / "dlt"),
    )


def record_runs(one: Source) -> None:
    """Keep what was read, of which completeness is judged, and check it against what arrived."""
    import dlt

    run_id, now = uuid.uuid4().hex, datetime.now(UTC)
    _refuse_lost_rows(one)
    rows = [
        {
            "run_id": run_id,
            "source_id": r.source,
            "object": table_name(r.object),
            "mode": r.mode,
            "rows_read": r.rows,
            "rows_vendor": r.rows_vendor,
            "calls": r.calls,
            "server_time": r.server_time,
            "finished_at": now,
        }
        for r in one.results()
    ]
    resource = dlt.resource(
        [columns.table(rows, columns.RUN, "extract_run")],
        name="extract_run",
        primary_key=("run_id", "source_id", "object"),
        write_disposition="append",
    )
    one.pipeline.run(resource, loader_file_format="parquet")


def _refuse_lost_rows(one: Source) -> None:
    """Rows that the vendor gave and rows that dlt took in must be the same number."""
    taken = one.pipeline.last_trace.last_normalize_info.row_counts
    read: dict[str, int] = {}
    for result in one.results():
        name = table_name(result.object)
        read[name] = read.get(name, 0) + result.rows
    for name, count in read.items():
        if count != taken.get(name, 0):
            raise Incomplete(
                one.name,
                name,
                f"{count} rows were read and {taken.get(name, 0)} reached the warehouse",
                "Run the extraction again; nothing that depends on it was built.",
            )


def _known_ids(path: Path) -> Callable[[str, str], frozenset[str]]:
    """The ids of an entity that the warehouse holds and does not know as deleted."""

    def ids(company_id: str, entity: str) -> frozenset[str]:
        name = table_name(entity)
        if name not in warehouse.tables(path, warehouse.RAW_QUICKBOOKS):
            return frozenset()
        rows = warehouse.read(
            path,
            f"""
            SELECT id FROM raw_quickbooks.{warehouse.identifier(name)} AS held
            WHERE company_id = ? AND NOT EXISTS (
                SELECT 1 FROM raw_quickbooks.deletion AS gone
                WHERE gone.company_id = held.company_id AND gone.entity = ? AND gone.id = held.id
            )
            """,  # noqa: S608 - a checked identifier
            [company_id, entity],
        )
        return frozenset(row["id"] for row in rows)

    return ids


@contextmanager
def plain_problems(path: Path) -> Iterator[None]:
    """Our own errors out of dlt's wrapping, and the warehouse's lock told as what it is."""
    try:
        yield
    except CrossfootError:
        raise
    except Exception as problem:
        chain = list(_causes(problem))
        ours = next((e for e in chain if isinstance(e, CrossfootError)), None)
        if ours is not None:
            raise ours from None
        if any("Conflicting lock" in str(e) for e in chain):
            raise WarehouseBusy(
                "warehouse",
                path.name,
                "another process holds it",
                "Wait for that run to end, or stop it; readers use the published copy.",
            ) from None
        raise


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: Sequence[BaseException] = ()
    current: BaseException | None = problem
    while current is not None and current not in seen:
        seen = (*seen, current)
        yield current
        current = current.__cause__ or current.__context__
