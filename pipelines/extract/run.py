"""Runs the sources into the warehouse, one pipeline after the other.

Before each run the pipeline's local state is dropped and restored from the warehouse, where it
counts only once its load was complete. So a deleted warehouse, a deleted folder, a warehouse
restored from an older copy and a package that a killed run left behind all lead to the right next
question, instead of dlt finishing the old package and leaving out the rows of today.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.dictionary import DictionaryProvider
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.clients.salesforce import salesforce_client
from pipelines.errors import (
    CrossfootError,
    DiskFull,
    Incomplete,
    StateCorrupt,
    Stop,
    WarehouseBusy,
)
from pipelines.extract.quickbooks import DELETION, ENTITIES, CompanyReading, quickbooks_source
from pipelines.extract.results import ExtractResult, Progress
from pipelines.extract.salesforce import SalesforceReading, salesforce_source, table_name
from pipelines.settings import Settings

# Parquet: dlt's default format takes ten times the time and memory on DuckDB.
FILE_FORMAT = "parquet"
RUN_TABLE = "extract_run"
_RUN_COLUMNS = {
    "run_id": "VARCHAR",
    "source_id": "VARCHAR",
    "object": "VARCHAR",
    "mode": "VARCHAR",
    "rows_read": "BIGINT",
    "rows_vendor": "BIGINT",
    "calls": "BIGINT",
    "server_time": "TIMESTAMPTZ",
    "finished_at": "TIMESTAMPTZ",
}
# What DuckDB reads in a file name as something else than the name.
_SPEAKING = frozenset("'*?[]{}")
# All that dlt is told from outside of our calls.
_CONFIGURATION = {"runtime": {"dlthub_telemetry": False, "log_level": "CRITICAL"}}


@dataclass(frozen=True)
class Source:
    """One dlt source with its pipeline; `results` tells what was read, once it has run."""

    name: str
    source: Any
    results: Callable[[], tuple[ExtractResult, ...]]
    make_pipeline: Callable[[], Any]

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline with nothing of earlier runs in it; to be asked for inside `undisturbed`."""
        made = self.make_pipeline()
        made.drop()
        return made


def extract_all(
    settings: Settings, progress: Progress, full: bool = False, record: Recorder = unrecorded
) -> tuple[ExtractResult, ...]:
    """Read what is new in the org and in every company, into raw_salesforce and raw_quickbooks;
    with `full`, everything again. `record` is told of every call.

    Raises what the clients raise, `Incomplete` when rows are missing, `WarehouseBusy` when
    somebody holds the warehouse. A run that raises has changed nothing of the source it was at.
    """
    done: list[ExtractResult] = []
    for one in sources(settings, progress, full, record):
        progress(f"reading {one.name}")
        with undisturbed(settings.warehouse_path):
            one.pipeline.run(one.source, loader_file_format=FILE_FORMAT)
            record_runs(one)
        done.extend(one.results())
    return tuple(done)


def sources(
    settings: Settings,
    progress: Progress = lambda _: None,
    full: bool = False,
    record: Recorder = unrecorded,
) -> list[Source]:
    """Both sources, ready to be run. Raises `ConfigurationError` when a system is missing."""
    settings.check()
    return [
        _salesforce(settings, progress, full, record),
        _quickbooks(settings, progress, full, record),
    ]


def _salesforce(settings: Settings, progress: Progress, full: bool, record: Recorder) -> Source:
    reading = SalesforceReading(salesforce_client(settings, record), full=full, progress=progress)
    return Source(
        "Salesforce",
        salesforce_source(reading),
        lambda: tuple(reading.results),
        lambda: pipeline(settings, "salesforce", warehouse.RAW_SALESFORCE),
    )


def _quickbooks(settings: Settings, progress: Progress, full: bool, record: Recorder) -> Source:
    known = _known_ids(settings.warehouse_path)
    readings = [
        CompanyReading(quickbooks_client(settings, company.realm_id, record), known, full, progress)
        for company in settings.quickbooks.companies
    ]
    return Source(
        "QuickBooks",
        quickbooks_source(readings),
        lambda: tuple(result for reading in readings for result in reading.results),
        lambda: pipeline(settings, "quickbooks", warehouse.RAW_QUICKBOOKS),
    )


def pipeline(settings: Settings, name: str, dataset: str) -> Any:
    """The dlt pipeline of one system, with its files in the data folder and no telemetry."""
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    with _own_configuration():
        return dlt.pipeline(
            f"crossfoot_{name}",
            destination=dlt.destinations.duckdb(str(settings.warehouse_path)),
            dataset_name=dataset,
            pipelines_dir=str(_working_folder(settings.data_dir)),
        )


def _working_folder(data_dir: Path) -> Path:
    """Where dlt keeps the rows under way: in the data folder, if its path can stand in SQL.

    dlt writes file names into its statements as they are, where DuckDB takes a quotation mark for
    their end and brackets for a pattern. Nothing in the folder outlives a run (see above).
    Raises `Stop` when somebody else owns the place that is used instead.
    """
    folder = data_dir / "dlt"
    if not set(str(folder)) & _SPEAKING:
        return folder
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    other = Path(tempfile.gettempdir()) / f"crossfoot-{os.getuid()}-{name}"
    other.mkdir(mode=0o700, exist_ok=True)
    if other.is_symlink() or other.stat().st_uid != os.getuid():
        raise Stop("extraction", str(other), "it belongs to somebody else", "Remove it, run again.")
    return other


def record_runs(one: Source) -> None:
    """Keep what was read, of which completeness is judged, and check it against what arrived.

    Raises `Incomplete` when rows were lost on the way; then everything is read again next time.
    """
    path, dataset = _place(one)
    _refuse_lost_rows(one, path, dataset)
    run_id, now = uuid.uuid4().hex, datetime.now(UTC)
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
    with warehouse.writer(path) as connection:
        warehouse.append_rows(connection, dataset, RUN_TABLE, _RUN_COLUMNS, rows)


def _place(one: Source) -> tuple[Path, str]:
    """The warehouse file and the schema that a pipeline loads into."""
    database = one.pipeline.destination_client().config.credentials.database
    return Path(database), str(one.pipeline.dataset_name)


def _refuse_lost_rows(one: Source, path: Path, dataset: str) -> None:
    """Rows that the vendor gave must all have been taken in by dlt."""
    taken = one.pipeline.last_trace.last_normalize_info.row_counts
    read: dict[str, int] = {}
    for result in one.results():
        name = table_name(result.object)
        read[name] = read.get(name, 0) + result.rows
    for name, count in read.items():
        if taken.get(name, 0) < count:
            _forget(path, dataset)
            raise Incomplete(
                one.name,
                name,
                f"{count} rows were read and {taken.get(name, 0)} reached the warehouse",
                "Run the extraction again: it will read everything anew.",
            )


def _forget(path: Path, dataset: str) -> None:
    """Remove what says how far reading has come, so that the next run reads everything."""
    with warehouse.writer(path) as connection:
        schema = warehouse.identifier(dataset)
        connection.execute(f"DELETE FROM {schema}._dlt_pipeline_state")  # noqa: S608


def _known_ids(path: Path) -> Callable[[str, str], frozenset[str]]:
    """The ids of an entity that the warehouse holds and does not know as deleted, as they are
    when first asked for."""

    @cache
    def held() -> Mapping[tuple[str, str], frozenset[str]]:
        return _held_ids(path)

    return lambda company_id, entity: held().get((company_id, entity), frozenset())


def _held_ids(path: Path) -> Mapping[tuple[str, str], frozenset[str]]:
    tables = warehouse.tables(path, warehouse.RAW_QUICKBOOKS)
    entities = {name: entity for entity in ENTITIES if (name := table_name(entity)) in tables}
    if not entities or DELETION not in tables:
        return {}
    every = " UNION ALL ".join(
        f"SELECT company_id, '{entity}' AS entity, id FROM raw_quickbooks."  # noqa: S608
        f"{warehouse.identifier(name)}"
        for name, entity in entities.items()
    )
    gone = "SELECT company_id, entity, id FROM raw_quickbooks.deletion"
    ids: dict[tuple[str, str], set[str]] = {}
    for row in warehouse.read(path, f"({every}) EXCEPT ({gone})"):
        ids.setdefault((row["company_id"], row["entity"]), set()).add(row["id"])
    return {key: frozenset(found) for key, found in ids.items()}


@contextmanager
def undisturbed(path: Path) -> Iterator[None]:
    """One extraction at a time, with our configuration of dlt, and every problem told plainly.

    Raises `WarehouseBusy` at once when another extraction into this warehouse is running.
    """
    with _only_one(path.parent), _plain_problems(path), _own_configuration():
        yield


# The name by which the assets know it.
plain_problems = undisturbed


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "extract.lock").open("a") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(
                "extraction", "", "another extraction is running", "Wait until it has ended."
            ) from None
        yield


@contextmanager
def _own_configuration() -> Iterator[None]:
    """dlt without environment, stray config files and telemetry, for the length of the block."""
    context = Container()[PluggableRunContext]
    before = context.providers
    provider = DictionaryProvider()
    with provider.values(_CONFIGURATION):
        context.providers = ConfigProvidersContainer([provider])
        try:
            context.context.initialize_runtime()
            yield
        finally:
            context.providers = before


@contextmanager
def _plain_problems(path: Path) -> Iterator[None]:
    """Our own errors out of dlt's wrapping, and the warehouse's lock told as what it is."""
    try:
        yield
    except CrossfootError:
        raise
    except Exception as problem:  # noqa: BLE001 - whatever dlt raises, told in our words
        raise _plain(problem, path) from None


def _plain(problem: BaseException, path: Path) -> CrossfootError:
    chain = list(_causes(problem))
    ours = next((e for e in chain if isinstance(e, CrossfootError)), None)
    if ours is not None:
        return ours
    known = (warehouse.explained(path, e) for e in chain)
    told = next((e for e in known if isinstance(e, DiskFull | StateCorrupt | WarehouseBusy)), None)
    if told is not None:
        return told
    last = " ".join(str(chain[-1]).split())[:300]
    return Stop(
        "extraction",
        path.name,
        f"loading failed: {last}",
        "Nothing of it counts as read; run again, and report it if it stays.",
    )


def _causes(problem: BaseException) -> Iterator[BaseException]:
    seen: Sequence[BaseException] = ()
    current: BaseException | None = problem
    while current is not None and current not in seen:
        seen = (*seen, current)
        yield current
        current = current.__cause__ or current.__context__
