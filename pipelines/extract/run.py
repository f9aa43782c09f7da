"""Runs the sources into the warehouse, one after the other, each in as many loads as it takes.

A reading may end before all rows have come; it is then loaded again and goes on. Rows and the
place to go on from are committed by the same load: what was loaded is never read a second time,
whenever the process is killed, and a load that was not committed counts as never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pipelines import warehouse
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.errors import Incomplete
from pipelines.extract import controls, history, history_files, records
from pipelines.extract.alone import undisturbed
from pipelines.extract.intake import Intake
from pipelines.extract.quickbooks import DELETION
from pipelines.extract.results import ControlTotal, ExtractResult, Progress, Reading
from pipelines.extract.salesforce import table_name
from pipelines.extract.systems import Source, sources
from pipelines.settings import Settings

# Parquet: dlt's default format takes ten times the time and memory on DuckDB.
FILE_FORMAT = "parquet"
# A reading that goes on handing over nothing has lost its way.
_EMPTY_LOADS = 3
# A vendor's figure that differs from ours is asked so often, each time after reading what is new.
_ASKED_AT_MOST = 3

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
    moment, is_round_owed = _caught_up(one)
    first, intake = one.begin(is_round_owed), Intake(moment)
    results: list[ExtractResult] = []
    totals: list[ControlTotal] = []
    told: list[Told] = []
    for asked in range(1, _ASKED_AT_MOST + 1):
        readings, run = first if asked == 1 else one.begin(True), records.run_id()
        told += _loads(one, readings, intake, run, load)
        results += [result for reading in readings for result in reading.results]
        new = [control for reading in readings for control in reading.controls]
        with warehouse.writer(one.path) as connection:
            totals = _compared(connection, one, totals, new)
            if not controls.differing(totals) or asked == _ASKED_AT_MOST:
                controls.write(connection, one, run, totals)
                records.record_end(connection, one, intake)
                history.store(connection)
                history_files.keep(connection, one.dataset, one.history_folder)
                break
        one.progress(f"{one.name}: {_difference(totals)}; asking again")
    return tuple(results), told


def _compared(
    connection: warehouse.Connection,
    one: Source,
    before: Sequence[ControlTotal],
    new: Sequence[ControlTotal],
) -> list[ControlTotal]:
    """The vendor's figures beside ours: those of this reading, and those that differed before and
    are explained by what it brought."""
    again = [controls.explained(connection, one, total) for total in before]
    return controls.latest([*again, *controls.compared(connection, one, new)])


def _difference(totals: Sequence[ControlTotal]) -> str:
    """The first figure that differs, in words."""
    first, *others = controls.differing(totals)
    more = f" and {len(others)} more" if others else ""
    return f"{first.object}: {first.held:,f} held of {first.vendor:,f} ({first.measure}){more}"


def _caught_up(one: Source) -> tuple[datetime, bool]:
    """Bring the history up to what is held: from its files, when the warehouse is new or older,
    and by loads after which a run was killed.

    Returns the latest moment that anything bears, and whether a run was killed before the vendor's
    own figures were written down: they are then to be asked again, whatever the sources remember.
    """
    with warehouse.writer(one.path) as connection:
        history_files.restore(connection, one.dataset, one.history_folder)
        history.record(connection, one.dataset, records.last_load(connection, one.dataset))
        moment = records.last_moment(connection, one.dataset)
        return moment, moment > records.last_end(connection, one.dataset)


def _loads(
    one: Source,
    readings: Sequence[Reading],
    intake: Intake,
    run: str,
    load: Callable[[Any, Any], Told],
) -> Iterator[Told]:
    """One load after the other until no reading has rows to come."""
    noted, empty, more = 0, 0, True
    while more:
        intake.begin()
        # Each load has a source of its own: Dagster drops the pipeline before a load, and dlt does
        # not bring a schema out of the warehouse and that of a used source together.
        source = intake.watch(one.as_source(readings))
        for reading in readings:
            reading.unfinished = False
        yield load(source, one.pipeline)
        results = [result for reading in readings for result in reading.results]
        more = any(reading.unfinished for reading in readings)
        whole = () if more else tuple(r.object for r in results if r.mode == "full")
        _write_down(one, intake, run, results[noted:], whole)
        noted = len(results)
        empty = 0 if intake.rows else empty + 1
        if more:
            _go_on(one, intake, empty)


def _write_down(
    one: Source, intake: Intake, run: str, results: Sequence[ExtractResult], whole: Sequence[str]
) -> None:
    """Check and record a load in one transaction; `whole` are the objects of which everything was
    read, once nothing is to come any more.

    Raises `Incomplete` when rows were lost; then everything is read again next time.
    """
    try:
        with warehouse.writer(one.path) as connection:
            records.refuse_lost_rows(connection, one, intake)
            history.record(connection, one.dataset, records.last_load(connection, one.dataset))
            if whole:
                tables = (*map(table_name, whole), DELETION)
                history.close_lost(connection, one.dataset, tables, intake.at)
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
