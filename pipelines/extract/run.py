"""Runs the sources into the warehouse, one after the other, each in as many loads as it takes.

A reading may end before all rows have come; it is then loaded again and goes on. Rows and the
place to go on from are committed by the same load: what was loaded is never read a second time,
whenever the process is killed, and a load that was not committed counts as never read.

Between two loads a long reading gives way to whoever waits: it ends there, and another one goes on
from the state when its turn has come. An incremental reading that comes in between passes its walks
by: it brings the changes of what was read before, and never takes more than one load itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pipelines import warehouse
from pipelines.clients.recording import Recorder, unrecorded
from pipelines.errors import Incomplete
from pipelines.extract import controls, history, history_files, records
from pipelines.extract.alone import Turn, in_turn, undisturbed
from pipelines.extract.intake import Intake
from pipelines.extract.quickbooks import DELETION
from pipelines.extract.results import (
    ControlTotal,
    ExtractResult,
    KeptWalk,
    Progress,
    Reading,
)
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
GivesWay = Callable[[], bool]


@dataclass(frozen=True)
class Read(Generic[Told]):
    """What was read of a source, what each load told, and what is not at its end. A reading that
    `is_cut` has given way and is to be gone on with."""

    results: tuple[ExtractResult, ...]
    loads: list[Told]
    kept: tuple[KeptWalk, ...]
    is_cut: bool


def at_once() -> bool:
    """To give way after every load."""
    return True


def never() -> bool:
    """To go on to the end whoever waits."""
    return False


def extract_all(
    settings: Settings,
    progress: Progress,
    full: bool = False,
    record: Recorder = unrecorded,
    sweep: bool | None = None,
    turn: Turn | None = None,
) -> tuple[ExtractResult, ...]:
    """Read what is new in every org and company, into raw_salesforce and raw_quickbooks; with
    `full`, everything again. `record` is told of every call; with `sweep`, the round that is made
    once a day is made now.

    What an earlier reading has left unfinished is gone on with. Between two loads it gives way to
    whoever waits: each turn is a block of `turn`, which gives whether somebody does; as a rule they
    are other processes that want to extract.

    Raises what the clients raise, `Incomplete` when rows are missing, `WarehouseBusy` when
    somebody holds the warehouse. Of a source whose run raises, only whole loads are kept, and
    nothing counts as read that was not read to its end.
    """
    path = settings.warehouse_path
    turn = turn or (lambda: in_turn(path))
    done: list[ExtractResult] = []
    for number in range(2):
        is_cut, is_first = True, True
        while is_cut:
            with turn() as gives_way, undisturbed(path, is_giving_way=True) as came_between:
                # Only the first one reads everything: the state has what is left. Whoever comes
                # between two loads of another process leaves its walks to that one.
                given = (full, record, sweep) if is_first else (False, record, None)
                passing_by = came_between and is_first and not full and sweep is None
                one = sources(settings, progress, *given, passing_by)[number]
                progress(f"reading {one.name}" if is_first else f"going on with {one.name}")
                found = read(one, by_dlt, at_once if passing_by else gives_way)
            is_cut, is_first = found.is_cut and not passing_by, False
            done.extend(found.results)
    return tuple(done)


def by_dlt(source: Any, pipeline: Any) -> Any:
    """One load by dlt itself."""
    return pipeline.run(source, loader_file_format=FILE_FORMAT)


def read(one: Source, load: Callable[[Any, Any], Told], gives_way: GivesWay = never) -> Read[Told]:
    """Read one source to its end, or until it gives way; to be called inside `undisturbed`.

    `load(source, pipeline)` runs the pipeline once, by dlt itself or through Dagster; after each
    load that leaves more to come `gives_way` is asked whether to end there.
    """
    moment, is_round_owed = _caught_up(one)
    first, intake = one.begin(is_round_owed), Intake(moment)
    _keep_what_is_replaced(one, intake)
    results: list[ExtractResult] = []
    totals: list[ControlTotal] = []
    told: list[Told] = []
    kept: list[KeptWalk] = []
    is_cut = False
    for asked in range(1, _ASKED_AT_MOST + 1):
        again = one.follow if kept else one.begin
        readings, run = first if asked == 1 else again(True), records.run_id()
        told += _loads(one, readings, intake, run, load, gives_way)
        if any(reading.is_behind for reading in readings):
            # Under the same lock, so that nobody judges by what was handed on older than held.
            after = one.follow(False)
            told += _loads(one, after, intake, records.run_id(), load, at_once)
            readings = [*readings, *after]
        results += [result for reading in readings for result in reading.results]
        if asked == 1:
            is_cut = any(reading.unfinished for reading in readings)
            kept = [walk for reading in first for walk in reading.kept]
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
    return Read(tuple(results), told, tuple(kept), is_cut)


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


def _keep_what_is_replaced(one: Source, intake: Intake) -> None:
    """Have each load begin with a copy of the rows that it will replace, for the history."""
    load = one.pipeline.load

    def kept_then_loaded(*given: Any, **named: Any) -> Any:
        coming = {t: records.by_column(one, keys) for t, keys in intake.coming.items()}
        with warehouse.kept_open(one.path):
            warehouse.again_on_conflict(lambda: _kept_before(one, coming))
            return load(*given, **named)

    one.pipeline.load = kept_then_loaded


def _kept_before(one: Source, coming: Mapping[str, Any]) -> None:
    with warehouse.writer(one.path) as connection:
        history.keep_replaced(connection, one.dataset, coming)


def _loads(
    one: Source,
    readings: Sequence[Reading],
    intake: Intake,
    run: str,
    load: Callable[[Any, Any], Told],
    gives_way: GivesWay,
) -> Iterator[Told]:
    """One load after the other until no reading has rows to come, or somebody is given way to."""
    noted, empty, more = [0] * len(readings), 0, True
    while more:
        intake.begin()
        # Each load has a source of its own: Dagster drops the pipeline before a load, and dlt does
        # not bring a schema out of the warehouse and that of a used source together.
        source = intake.watch(one.as_source(readings))
        for reading in readings:
            reading.unfinished = False
        yield load(source, one.pipeline)
        new = [r for reading, n in zip(readings, noted, strict=True) for r in reading.results[n:]]
        noted = [len(reading.results) for reading in readings]
        more = any(reading.unfinished for reading in readings)
        kept = [walk for reading in readings for walk in reading.kept]
        _write_down(one, intake, run, new, kept)
        empty = 0 if intake.rows else empty + 1
        if more:
            _go_on(one, intake, empty, kept)
            if gives_way():
                return


def _write_down(
    one: Source,
    intake: Intake,
    run: str,
    results: Sequence[ExtractResult],
    kept: Sequence[KeptWalk],
) -> None:
    """Check and record a load in one transaction: the objects that it has read to their end, and
    those that it has not.

    Raises `Incomplete` when rows were lost; then everything is read again next time.
    """
    whole = {r.object for r in results if r.mode == "full"} - {walk.object for walk in kept}
    try:
        with warehouse.writer(one.path) as connection:
            records.refuse_lost_rows(connection, one, intake)
            history.record(connection, one.dataset, records.last_load(connection, one.dataset))
            if whole:
                tables = [*map(table_name, whole), *([] if kept else [DELETION])]
                history.close_lost(connection, one.dataset, tables, intake.at)
            told = [*results, *map(_unfinished, filter(lambda w: not w.is_followed, kept))]
            records.record_results(connection, one, run, told)
            records.record_load(connection, one, intake)
    except Incomplete:
        records.forget(one)
        raise


def _unfinished(walk: KeptWalk) -> ExtractResult:
    """What is written down of an object that is not held to its end: no figure may rest on it."""
    return ExtractResult(
        walk.system, walk.source, walk.object, "unfinished", walk.rows, None, 0, walk.server_time
    )


def _go_on(one: Source, intake: Intake, empty: int, kept: Sequence[KeptWalk]) -> None:
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
    if begun := [walk.told for walk in kept if walk.rows]:
        one.progress(f"{one.name}: {'; '.join(begun)}")
