"""The history of every record: each version as it was known, from when until when.

After each load the rows that carry its stamp are compared with the open versions in
`history_salesforce` or `history_quickbooks`, a table per raw table. Where the content differs, the
open version is closed at the load's moment and a new one opened; a row that came again unchanged
leaves no trace. So `known_from <= T and (known_to is null or known_to > T)` is the raw table as it
stood at T, whatever has happened to it since. Moments are those of our loads: what *we* knew, not
when the vendor's people did it.

Deletions need no rule of their own: a deleted Salesforce row is a version with `is_deleted`, and
what is proved gone stands in `deletion`, which has its history like every other table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count

from pipelines import warehouse
from pipelines.extract.intake import LOADED_AT
from pipelines.warehouse import Connection, identifier

HISTORIES = {
    warehouse.RAW_SALESFORCE: warehouse.HISTORY_SALESFORCE,
    warehouse.RAW_QUICKBOOKS: warehouse.HISTORY_QUICKBOOKS,
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
    the columns that the history has so far, none before there is one."""

    raw: str
    history: str
    table: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    kept: Mapping[str, str]

    @property
    def of_raw(self) -> str:
        return f"{identifier(self.raw)}.{identifier(self.table)}"

    @property
    def of_history(self) -> str:
        return f"{identifier(self.history)}.{identifier(self.table)}"

    @property
    def listed(self) -> str:
        return ", ".join(identifier(name) for name in self.columns)


def record(connection: Connection, raw: str, since: datetime | None) -> None:
    """Bring the history up to the raw tables: rows stamped later than `since`, or all of them.

    Works on a connection from `warehouse.writer`, so that a version is written with all of its
    load or not at all.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(HISTORIES[raw])}")
    store(connection)
    for one in recorded(connection, raw):
        touched = _touched(connection, one, since)
        if touched or not one.kept:
            _follow_columns(connection, one)
        if touched:
            _record(connection, one, since)
    connection.execute(_as_known_at(raw))


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
        if one.table in wanted and _holds_more(connection, one):
            connection.execute(
                f"UPDATE {one.of_history} AS past SET {TO} = ? WHERE {TO} IS NULL AND NOT EXISTS"  # noqa: S608
                f" (FROM {one.of_raw} AS now WHERE {_same(one, 'now', 'past')})",
                [at],
            )


def _holds_more(connection: Connection, one: Recorded) -> bool:
    sql = (
        f"SELECT (SELECT count(*) FROM {one.of_history} WHERE {TO} IS NULL)"  # noqa: S608
        f" > (SELECT count(*) FROM {one.of_raw})"
    )
    return bool(one.kept) and bool(connection.execute(sql).fetchall()[0][0])


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
        [raw, HISTORIES[raw]],
    ).fetchall()
    for schema, table, column, kind, nullable in rows:
        (found if schema == raw else kept).setdefault(table, {})[column] = kind
        if schema != raw:
            continue
        if nullable == "NO" and not column.startswith("_dlt"):
            keys.setdefault(table, []).append(column)
    return [
        Recorded(
            raw, HISTORIES[raw], table, _content(columns), tuple(keys[table]), kept.get(table, {})
        )
        for table, columns in found.items()
        if LOADED_AT in columns and keys.get(table)
    ]


def _content(columns: Mapping[str, str]) -> dict[str, str]:
    return {n: t for n, t in columns.items() if n != LOADED_AT and not n.startswith("_dlt")}


def _touched(connection: Connection, one: Recorded, since: datetime | None) -> bool:
    """Has a row come since?"""
    sql = f"SELECT count(*) FROM {one.of_raw} WHERE {_since(since)}"  # noqa: S608
    ((count,),) = connection.execute(sql, _given(since)).fetchall()
    return bool(count)


def _since(since: datetime | None) -> str:
    """Rows of loads after that moment; rows of before there were stamps count at first."""
    return f"{LOADED_AT} > ?" if since else "true"


def _given(since: datetime | None) -> list[datetime]:
    return [since] if since else []


def _follow_columns(connection: Connection, one: Recorded) -> None:
    """The history has every column of the raw table. One whose type has changed begins anew; what
    was known in the old type stays beside it under the old type's name."""
    kept = one.kept
    if not kept:
        columns = ", ".join(f"{identifier(n)} {t}" for n, t in one.columns.items())
        validity = f"{FROM} TIMESTAMPTZ, {TO} TIMESTAMPTZ"
        connection.execute(f"CREATE TABLE {one.of_history} ({columns}, {validity})")
        return
    for name, kind in one.columns.items():
        if name in kept and kept[name] != kind:
            old = identifier(_former_name(name, kept))
            connection.execute(f"ALTER TABLE {one.of_history} RENAME {identifier(name)} TO {old}")
        if kept.get(name) != kind:
            connection.execute(f"ALTER TABLE {one.of_history} ADD COLUMN {identifier(name)} {kind}")


def _former_name(name: str, kept: Mapping[str, str]) -> str:
    """What a column is called after its type was changed: `amount__was_varchar`."""
    kind = "".join(c if c.isalnum() else "_" for c in kept[name].lower()).strip("_")
    former = f"{name}__was_{kind}"
    others = (f"{former}_{i}" for i in count(2))
    return next(n for n in chain([former], others) if n not in kept)


def _record(connection: Connection, one: Recorded, since: datetime | None) -> None:
    """Close the versions that differ and open the new ones.

    First the pairs of row and open version by key, then only these are compared whole: so the
    cost is that of the rows that came, not of the books.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE paired AS"  # noqa: S608
        f" SELECT now.rowid AS now_row, past.rowid AS past_row FROM {one.of_raw} AS now"
        f" JOIN {one.of_history} AS past ON {_same(one, 'now', 'past')} AND past.{TO} IS NULL"
        f" WHERE {_since(since)}",
        _given(since),
    )
    connection.execute(
        # Both sides are narrowed before they meet: joined by the planner's own order, all payloads
        # of the books were read.
        "CREATE OR REPLACE TEMP TABLE unchanged AS SELECT now_row FROM paired JOIN"  # noqa: S608
        f" (SELECT rowid AS r, * FROM {one.of_raw} WHERE {_since(since)}) AS now ON r = now_row"
        f" JOIN (SELECT rowid AS p, * FROM {one.of_history} WHERE rowid IN"
        f" (SELECT past_row FROM paired)) AS past ON p = past_row WHERE {_equal(one)}",
        _given(since),
    )
    connection.execute(
        f"UPDATE {one.of_history} AS past SET {TO} = {_moment('now')} FROM paired,"  # noqa: S608
        f" {one.of_raw} AS now WHERE past.rowid = past_row AND now.rowid = now_row"
        " AND now_row NOT IN (SELECT now_row FROM unchanged)"
    )
    connection.execute(
        f"INSERT INTO {one.of_history} ({one.listed}, {FROM}, {TO})"  # noqa: S608
        f" SELECT {one.listed}, {_moment('now')}, NULL FROM {one.of_raw} AS now"
        f" WHERE {_since(since)} AND rowid NOT IN (SELECT now_row FROM unchanged)",
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
