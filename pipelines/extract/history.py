"""The history of every record: each version as it was known, from when until when.

It is read in `history_salesforce` and `history_quickbooks`, a view per raw table: there
`known_from <= T and (known_to is null or known_to > T)` is the raw table as it stood at T, whatever
has happened to it since. Moments are those of our loads: what *we* knew, not when the vendor's
people did it.

A record of which there has been one version only stands in the raw table alone, since its
`loaded_at`: most records never change, and written twice they would cost a first load a fifth of
its work. The versions of all others are in `versions_salesforce` and `versions_quickbooks`, the one
that is open among them. Before a load replaces rows, those that stand in the raw table alone are
copied there (`keep_replaced`); once is enough, so that a run may be killed at any moment. After it
the rows that carry its stamp are compared with the open versions. Where the content differs, the
open version is closed at the load's moment and a new one opened; a row that came again unchanged
leaves no trace.

Deletions need no rule of their own: a deleted Salesforce row is a version with `is_deleted`, and
what is proved gone stands in `deletion`, which has its history like every other table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import Any

from pipelines import warehouse
from pipelines.extract.intake import LOADED_AT
from pipelines.warehouse import Connection, identifier

HISTORIES = {
    warehouse.RAW_SALESFORCE: warehouse.HISTORY_SALESFORCE,
    warehouse.RAW_QUICKBOOKS: warehouse.HISTORY_QUICKBOOKS,
}
VERSIONS = {
    warehouse.RAW_SALESFORCE: warehouse.VERSIONS_SALESFORCE,
    warehouse.RAW_QUICKBOOKS: warehouse.VERSIONS_QUICKBOOKS,
}
FROM, TO = "known_from", "known_to"
# How whoever loads writes the file. Payloads are long texts that are alike: packed by zstd they
# take a third of the time to be written and a fraction of the room. DuckDB, which would take most
# of the machine's memory, does with little by writing what is under way beside the file. And one
# thread, for several that hand on rows in their order put aside what is not yet its turn: a file of
# 250,000 invoices took 3.7 processor seconds by two threads and 1.4 by one.
# The commit of a load of some twelve thousand rows or more goes to the file at once and not through
# the log: written twice, it costs a third more. What dlt hands over in a file is read once, so that
# it need not be remembered.
STORED = {
    "force_compression": "zstd",
    "memory_limit": "512MB",
    "threads": "1",
    "checkpoint_threshold": "1MB",
    "enable_external_file_cache": "false",
}
# What says when and how a row came, not what the vendor says of the record.
_OURS = frozenset({LOADED_AT, "extracted_at"})


@dataclass(frozen=True)
class Recorded:
    """One raw table with its history: columns with their types, in order, and the key; `kept` are
    the columns that the versions have so far, none before there is a table of them."""

    raw: str
    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    kept: Mapping[str, str]

    @property
    def of_raw(self) -> str:
        return f"{identifier(self.raw)}.{identifier(self.table)}"

    @property
    def history(self) -> str:
        return HISTORIES[self.raw]

    @property
    def of_history(self) -> str:
        """The view of all versions."""
        return f"{identifier(self.history)}.{identifier(self.table)}"

    @property
    def of_versions(self) -> str:
        """The table of those that do not stand in the raw table alone."""
        return f"{identifier(VERSIONS[self.raw])}.{identifier(self.table)}"

    @property
    def listed(self) -> str:
        return ", ".join(identifier(name) for name in self.columns)


def record(connection: Connection, raw: str, since: datetime | None) -> None:
    """Bring the history up to the raw tables: rows stamped later than `since`, or all of them.

    Works on a connection from `warehouse.writer`, so that a version is written with all of its
    load or not at all.
    """
    part(connection, raw)
    store(connection)
    whole = _whole_views(connection, raw)
    every = recorded(connection, raw)
    touched = _touched(connection, every, since)
    for one in every:
        is_touched = one.table in touched
        is_changed = (is_touched or not one.kept) and _follow_columns(connection, one)
        if is_changed or one.table not in whole:
            show(connection, raw, one.table, one)
        if is_touched and not _are_all_alone(connection, one):
            _record(connection, one, since)
    connection.execute(_as_known_at(raw))


def keep_replaced(connection: Connection, raw: str, coming: Mapping[str, Any]) -> None:
    """Before a load: copy to the versions the rows that it will replace or take out, where they
    stand in the raw table alone. `coming` are the keys that the load brings, by raw table, as
    pyarrow Tables with the raw tables' own names of columns.

    Works on a connection from `warehouse.writer`. A second time it copies nothing.
    """
    for one in recorded(connection, raw) if coming else ():
        if one.table not in coming or _is_empty(connection, one.of_raw):
            continue
        if _follow_columns(connection, one):
            show(connection, raw, one.table, one)
        connection.register("coming", coming[one.table])
        connection.execute(
            f"INSERT INTO {one.of_versions} ({one.listed}, {FROM}, {TO})"  # noqa: S608
            f" SELECT {one.listed}, {LOADED_AT}, NULL FROM {one.of_raw} WHERE rowid IN"
            f" (SELECT now.rowid FROM {one.of_raw} AS now SEMI JOIN coming ON"
            f" {_same(one, 'now', 'coming')} WHERE {_is_alone(one)})"
        )
        connection.unregister("coming")


def part(connection: Connection, raw: str) -> None:
    """Make the schemas. A warehouse of before there were versions beside the raw tables has the
    history in tables of its own: they become the versions."""
    history, versions = identifier(HISTORIES[raw]), identifier(VERSIONS[raw])
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {history}")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {versions}")
    for name in map(identifier, sorted(tables(connection, HISTORIES[raw]))):
        connection.execute(f"CREATE TABLE {versions}.{name} AS FROM {history}.{name}")
        connection.execute(f"DROP TABLE {history}.{name}")


def tables(connection: Connection, schema: str) -> frozenset[str]:
    """The tables of a schema, without its views."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = ? AND table_type = 'BASE TABLE'",
        [schema],
    ).fetchall()
    return frozenset(name for (name,) in rows)


def show(connection: Connection, raw: str, table: str, one: Recorded | None) -> None:
    """Make the view of all versions of a raw table; without one, of those that are kept."""
    view = f"{identifier(HISTORIES[raw])}.{identifier(table)}"
    kept = ", ".join(map(identifier, _columns(connection, VERSIONS[raw], table)))
    of_versions = f"{identifier(VERSIONS[raw])}.{identifier(table)}"
    sql = f"CREATE OR REPLACE VIEW {view} AS SELECT {kept} FROM {of_versions}"  # noqa: S608
    if one is not None:
        alone = f"{LOADED_AT} AS {FROM}, CAST(NULL AS TIMESTAMPTZ) AS {TO} FROM {one.of_raw}"
        sql += f" UNION ALL BY NAME SELECT {one.listed}, {alone} AS now WHERE {_is_alone(one)}"
    connection.execute(sql)


def _is_alone(one: Recorded) -> str:
    """Does a row stand in the raw table alone? Rows of before there were stamps never do."""
    return (
        f"now.{LOADED_AT} IS NOT NULL AND NOT EXISTS"
        f" (FROM {one.of_versions} AS past WHERE {_same(one, 'now', 'past')})"
    )


def _are_all_alone(connection: Connection, one: Recorded) -> bool:
    unstamped = f"{one.of_raw} WHERE {LOADED_AT} IS NULL"
    return _is_empty(connection, one.of_versions) and _is_empty(connection, unstamped)


def _whole_views(connection: Connection, raw: str) -> frozenset[str]:
    """The views that show the raw table's rows besides the versions."""
    rows = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = ? AND contains(sql, ?)"
        " AND database_name = current_database()",
        [HISTORIES[raw], raw],
    ).fetchall()
    return frozenset(name for (name,) in rows)


def _columns(connection: Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
        [schema, table],
    ).fetchall()
    return [name for (name,) in rows]


def store(connection: Connection) -> None:
    """Have whatever this process writes stored as said above."""
    for name, value in STORED.items():
        connection.execute(f"SET GLOBAL {name} = '{value}'")


def close_lost(connection: Connection, raw: str, tables: Iterable[str], at: datetime) -> None:
    """End the open versions of rows that the raw tables do not hold any more.

    Merging never removes a row. Only a warehouse that was lost and read anew lacks what the
    vendor had deleted meanwhile, while the history, restored from its files, still has it.
    """
    wanted = frozenset(tables)
    for one in recorded(connection, raw):
        if one.table in wanted and one.kept and _has_open(connection, one):
            connection.execute(
                f"UPDATE {one.of_versions} AS past SET {TO} = ? WHERE {TO} IS NULL AND NOT EXISTS"  # noqa: S608
                f" (FROM {one.of_raw} AS now WHERE {_same(one, 'now', 'past')})",
                [at],
            )


def _is_empty(connection: Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall() == []  # noqa: S608


def _has_open(connection: Connection, one: Recorded) -> bool:
    sql = f"SELECT count(*) FROM {one.of_versions} WHERE {TO} IS NULL"  # noqa: S608
    return connection.execute(sql).fetchall() != [(0,)]


def recorded(connection: Connection, raw: str) -> list[Recorded]:
    """The raw tables that have a history: those whose rows say when they were loaded.

    Asked once for all of them: DuckDB looks through every view there is to answer.
    """
    found: dict[str, dict[str, str]] = {}
    kept: dict[str, dict[str, str]] = {}
    keys: dict[str, list[str]] = {}
    rows = connection.execute(
        "SELECT table_schema, table_name, column_name, data_type, is_nullable"
        " FROM information_schema.columns WHERE table_schema IN (?, ?)"
        " ORDER BY table_name, ordinal_position",
        [raw, VERSIONS[raw]],
    ).fetchall()
    for schema, table, column, kind, nullable in rows:
        (found if schema == raw else kept).setdefault(table, {})[column] = kind
        if schema != raw:
            continue
        if nullable == "NO" and not column.startswith("_dlt"):
            keys.setdefault(table, []).append(column)
    return [
        Recorded(raw, table, _content(columns), tuple(keys[table]), kept.get(table, {}))
        for table, columns in found.items()
        if LOADED_AT in columns and keys.get(table)
    ]


def _content(columns: Mapping[str, str]) -> dict[str, str]:
    return {n: t for n, t in columns.items() if n != LOADED_AT and not n.startswith("_dlt")}


def _touched(
    connection: Connection, every: Sequence[Recorded], since: datetime | None
) -> frozenset[str]:
    """The tables to which a row has come since, by one question: each by itself takes longer."""
    if not every:
        return frozenset()
    sql = " UNION ALL ".join(
        f"SELECT '{one.table}', count(*) FROM {one.of_raw} WHERE {_since(since)}"  # noqa: S608
        for one in every
    )
    rows = connection.execute(sql, _given(since) * len(every)).fetchall()
    return frozenset(table for table, count in rows if count)


def _since(since: datetime | None) -> str:
    """Rows of loads after that moment; rows of before there were stamps count at first."""
    return f"{LOADED_AT} > ?" if since else "true"


def _given(since: datetime | None) -> list[datetime]:
    return [since] if since else []


def _follow_columns(connection: Connection, one: Recorded) -> bool:
    """The versions have every column of the raw table; whether one had to be made. One whose type
    has changed begins anew; what was known in the old type stays beside it under the old type's
    name."""
    kept = one.kept
    if not kept:
        columns = ", ".join(f"{identifier(n)} {t}" for n, t in one.columns.items())
        validity = f"{FROM} TIMESTAMPTZ, {TO} TIMESTAMPTZ"
        connection.execute(f"CREATE TABLE {one.of_versions} ({columns}, {validity})")
        return True
    changed = {name: kind for name, kind in one.columns.items() if kept.get(name) != kind}
    for name, kind in changed.items():
        if name in kept:
            old = identifier(_former_name(name, kept))
            connection.execute(f"ALTER TABLE {one.of_versions} RENAME {identifier(name)} TO {old}")
        connection.execute(f"ALTER TABLE {one.of_versions} ADD COLUMN {identifier(name)} {kind}")
    return bool(changed)


def _former_name(name: str, kept: Mapping[str, str]) -> str:
    """What a column is called after its type was changed: `amount__was_varchar`."""
    kind = "".join(c if c.isalnum() else "_" for c in kept[name].lower()).strip("_")
    former = f"{name}__was_{kind}"
    others = (f"{former}_{i}" for i in count(2))
    return next(n for n in chain([former], others) if n not in kept)


def _record(connection: Connection, one: Recorded, since: datetime | None) -> None:
    """Close the versions that differ and open the new ones.

    First the pairs of row and open version by key, then only these are compared whole: so the
    cost is that of the rows that came, not of the books. What has no version stands alone.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE paired AS"  # noqa: S608
        f" SELECT now.rowid AS now_row, past.rowid AS past_row FROM {one.of_raw} AS now"
        f" JOIN {one.of_versions} AS past ON {_same(one, 'now', 'past')} AND past.{TO} IS NULL"
        f" WHERE {_since(since)}",
        _given(since),
    )
    connection.execute(
        # Both sides are narrowed before they meet: joined by the planner's own order, all payloads
        # of the books were read.
        "CREATE OR REPLACE TEMP TABLE unchanged AS SELECT now_row FROM paired JOIN"  # noqa: S608
        f" (SELECT rowid AS r, * FROM {one.of_raw} WHERE {_since(since)}) AS now ON r = now_row"
        f" JOIN (SELECT rowid AS p, * FROM {one.of_versions} WHERE rowid IN"
        f" (SELECT past_row FROM paired)) AS past ON p = past_row WHERE {_equal(one)}",
        _given(since),
    )
    connection.execute(
        f"UPDATE {one.of_versions} AS past SET {TO} = {_moment('now')} FROM paired,"  # noqa: S608
        f" {one.of_raw} AS now WHERE past.rowid = past_row AND now.rowid = now_row"
        " AND now_row NOT IN (SELECT now_row FROM unchanged)"
    )
    connection.execute(
        f"INSERT INTO {one.of_versions} ({one.listed}, {FROM}, {TO})"  # noqa: S608
        f" SELECT {one.listed}, {_moment('now')}, NULL FROM {one.of_raw} AS now"
        f" WHERE {_since(since)} AND rowid NOT IN (SELECT now_row FROM unchanged)"
        f" AND NOT ({_is_alone(one)})",
        _given(since),
    )
    connection.execute("DROP TABLE paired")
    connection.execute("DROP TABLE unchanged")


def _moment(row: str) -> str:
    """When a row was loaded; rows of before there were stamps are known from now on."""
    return f"coalesce({row}.{LOADED_AT}, now())"


def _same(one: Recorded, left: str, right: str) -> str:
    return " AND ".join(f"{left}.{identifier(n)} = {right}.{identifier(n)}" for n in one.key)


def _equal(one: Recorded) -> str:
    """Is the content the same, column by column?"""
    compared: Sequence[str] = [n for n in one.columns if n not in _OURS and n not in one.key]
    each = (f"now.{identifier(n)} IS NOT DISTINCT FROM past.{identifier(n)}" for n in compared)
    return " AND ".join(each) or "true"


def _as_known_at(raw: str) -> str:
    """A table function for whoever reads the published copy:
    `from history_quickbooks.as_known_at('invoice', timestamptz '2026-01-31 18:00+00')`."""
    history = identifier(HISTORIES[raw])
    return (
        f"CREATE OR REPLACE MACRO {history}.as_known_at(object, moment) AS TABLE"  # noqa: S608
        f" SELECT * EXCLUDE ({FROM}, {TO}) FROM query_table('{HISTORIES[raw]}.' || object)"
        f" WHERE {FROM} <= moment AND ({TO} IS NULL OR {TO} > moment)"
    )
