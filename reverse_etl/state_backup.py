"""Copies of the state: taken while it is in use, put back, and checked before they count.

A backup is a SQLite state file whatever the state itself is kept in, so that one of PostgreSQL can
be put back into SQLite and the other way round. It holds everything but the lease.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Integer, func, select, text

from pipelines.errors import Stop, from_disk
from reverse_etl import state_schema as schema
from reverse_etl.lease import holder
from reverse_etl.state import State, open_state

_NOT_COPIED = frozenset({"lease", "schema_version"})
# What a state writes down by being opened and read.
_OF_ITSELF = frozenset({"fact", "call_count"})
_TABLES = tuple(t.name for t in schema.metadata.sorted_tables if t.name not in _NOT_COPIED)


@dataclass(frozen=True)
class Copied:
    """A backup or what was put back from one: where it is, and its records by table."""

    path: Path
    records: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.records.values())


def backup(state: State, target: Path) -> Copied:
    """Copy one moment of the state into a new private file; runs may go on meanwhile.

    Raises `Stop` when the file is there already, `DiskFull`.
    """
    if target.exists():
        raise _refused(target, "there is such a file already", "Name another one.")
    rows = _rows(state)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _write(beside, rows)
        beside.replace(target)
    except OSError as problem:
        raise from_disk(problem) from None
    finally:
        beside.unlink(missing_ok=True)
    return Copied(target, {name: len(own) for name, own in rows.items()})


def is_empty(state: State) -> bool:
    """Is there nothing in it that a person or a run would miss?"""
    return not any(own for name, own in _rows(state).items() if name not in _OF_ITSELF)


def restore(state: State, source: Path) -> Copied:
    """Put a backup in place of everything in this state, all of it or nothing.

    An older version is brought up to date on the way. Raises `StateCorrupt` for a file that is no
    whole backup, `Stop` while a run is under way.
    """
    busy = holder(state)
    if busy:
        raise _refused(source, f"a run is under way: {busy}", "Wait for it to end.")
    rows = _rows_of_file(source)
    with state.writing() as work:
        for name in reversed(_TABLES):
            work.remove(name)
        for name in _TABLES:
            work.add(name, rows[name])
            _count_on(work._connection, name)
    return Copied(source, {name: len(own) for name, own in rows.items()})


def _rows(state: State) -> dict[str, list[dict[str, Any]]]:
    with state.reading() as work:
        return {name: work.all(name) for name in _TABLES}


def _rows_of_file(source: Path) -> dict[str, list[dict[str, Any]]]:
    """What a backup holds. It is opened as a copy: opening may bring it up to date."""
    if not source.is_file():
        raise _refused(source, "there is no such file", "Name a file that `backup` made.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "state.sqlite"
        shutil.copy(source, copy)
        opened = open_state(f"sqlite:///{copy}")
        try:
            return _rows(opened)
        finally:
            opened.close()


def _write(path: Path, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """A whole state file without companions beside it."""
    made = open_state(f"sqlite:///{path}")
    try:
        with made.writing() as work:
            for name in _TABLES:
                work.add(name, rows[name])
        with made._engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
            connection.exec_driver_sql("BEGIN")
    finally:
        made.close()


def _count_on(connection: Any, name: str) -> None:
    """Let PostgreSQL number on after the records put in; SQLite does so by itself."""
    table = schema.metadata.tables[name]
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    if isinstance(column.type, Integer):
        newest = connection.execute(select(func.max(column))).scalar()
        if newest is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :newest)"),
                {"table": name, "column": column.name, "newest": newest},
            )


def _refused(path: Path, problem: str, next_step: str) -> Stop:
    return Stop("state", str(path), problem, next_step)
