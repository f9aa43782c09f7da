"""Runs the sources into the warehouse, one after the other, each in as many loads as it takes.

A reading may end before all rows have come; it is then loaded again and goes on. Rows and the
place to go on from are committed by the same load: what was loaded is never read a second time,
whenever the process is killed, and a load that was not committed counts as never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from pipelines import warehouse
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.errors import Incomplete
from pipelines.extract import records
from pipelines.extract.intake import Intake
from pipelines.extract.results import ExtractResult, Progress, Reading
from pipelines.extract.sources import Source, sources
from pipelines.extract.undisturbed import undisturbed
from pipelines.settings import Settings

# Parquet: dlt's default format takes ten times the time and memory on DuckDB.
FILE_FORMAT = "parquet"
# A reading that goes on handing over nothing has lost its way.
_EMPTY_LOADS = 3

Told = TypeVar("Told")


def extract_all(
    settings: Settings,
    progress: Progress,
    full: bool = False,
    record: Recorder = unrecorded,
    sweep: bool | None = None,
) -> tuple[ExtractResult, ...]:
    """Read what is new in every org and company, into raw_salesforce and raw_quickbooks; with
    `full`, everything again. `record` is told of every call; with `sweep`, the round that is made
    once a day is made now.

    Raises what the clients raise, `Incomplete` when rows are missing, `WarehouseBusy` when
    somebody holds the warehouse. Of a source whose run raises, only whole loads are kept, and
    nothing counts as read that was not read to its end.
    """
    done: list[ExtractResult] = []
    for one in sources(settings, progress, full, record, sweep):
        progress(f"reading {one.name}")
        with undisturbed(settings.warehouse_path):
            results, _ = read(
                one, lambda source, to: to.run(source, loader_file_format=FILE_FORMAT)
            )
        done.extend(results)
    return tuple(done)


def read(
    one: Source, load: Callable[[Any, Any], Told]
) -> tuple[tuple[ExtractResult, ...], list[Told]]:
    """Read one source to its end; to be called inside `undisturbed`.

    `load(source, pipeline)` runs the pipeline once, by dlt itself or through Dagster. Returns what
    was read, and what each load told.
    """
    intake = Intake(records.last_moment(one))
    readings = one.begin()
    told = list(_loads(one, readings, intake, load))
    return tuple(result for reading in readings for result in reading.results), told


def _loads(
    one: Source, readings: Sequence[Reading], intake: Intake, load: Callable[[Any, Any], Told]
) -> Iterator[Told]:
    """One load after the other until no reading has rows to come."""
    source, run = intake.watch(one.as_source(readings)), records.run_id()
    noted, empty, more = 0, 0, True
    while more:
        intake.begin()
        for reading in readings:
            reading.unfinished = False
        yield load(source, one.pipeline)
        results = [result for reading in readings for result in reading.results]
        _write_down(one, intake, run, results[noted:])
        noted = len(results)
        more = any(reading.unfinished for reading in readings)
        empty = 0 if intake.rows else empty + 1
        if more:
            _go_on(one, intake, empty)


def _write_down(one: Source, intake: Intake, run: str, results: Sequence[ExtractResult]) -> None:
    """Check and record a load in one transaction. Raises `Incomplete` when rows were lost; then
    everything is read again next time."""
    try:
        with warehouse.writer(one.path) as connection:
            records.refuse_lost_rows(connection, one, intake)
            records.record_results(connection, one, run, results)
            records.record_load(connection, one, intake)
    except Incomplete:
        records.forget(one)
        raise


def _go_on(one: Source, intake: Intake, empty: int) -> None:
    """Tell that a load is kept and more is to come. Raises `Incomplete` when nothing comes."""
    if empty >= _EMPTY_LOADS:
        raise Incomplete(
            one.name,
            "reading",
            f"{empty} loads in a row brought no row, and more are said to come",
            "Run the extraction again; if it stays, run it with --full.",
        )
    each = ", ".join(f"{name}: {count:,}" for name, count in sorted(intake.rows.items()))
    one.progress(f"{one.name}: kept {intake.rows.total():,} rows ({each}); more to come")
