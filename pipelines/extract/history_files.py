"""The history beside the warehouse: it is nowhere else, so it must not go when the file goes.

The warehouse can be deleted at any time, for all of it is read again from the two systems; only
what *was* cannot be asked any more. Therefore each run writes the versions it has found, and
nothing else, to one Parquet file per table: `history/<schema>/<table>/<moment>.parquet`, moment
being the youngest in it. Files are only ever added, whole or not at all; any copy of the folder is
a backup. A warehouse that lacks versions, because it is new or older than the files, takes them
back before its next reading.

A row in a file is a version with its `known_from`; it ends where the next one of its key begins.
A row with `known_no_more` ends the last version without beginning another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pipelines.errors import Stop
from pipelines.extract.history import (
    FROM,
    HISTORIES,
    TO,
    VERSIONS,
    Recorded,
    part,
    recorded,
    show,
    tables,
)
from pipelines.extract.intake import LOADED_AT
from pipelines.folders import make_private
from pipelines.warehouse import Connection, identifier

FOLDER = "history"
_ENDED = "known_no_more"
# Payloads are long: groups of the usual 122,880 rows would hold hundreds of MB in memory at once.
# The encodings of Parquet's second version lay texts beside each other, which takes an eighth off
# the work.
_PACKED = "COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 20480, PARQUET_VERSION v2"
_STAMP = "%Y%m%dT%H%M%S%fZ"
_FILE = re.compile(r"\d{8}T\d{12}Z\.parquet")


def keep(connection: Connection, raw: str, folder: Path) -> None:
    """Write the versions that no file has yet."""
    for one in recorded(connection, raw):
        place = _place(folder, one.history, one.table)
        last = _youngest(_files(place))
        until = None if _is_kept(connection, one, last) else _until(connection, one.of_history)
        if until is not None and (last is None or until > last):
            _write(connection, one, place, last, until)


def write_anew(connection: Connection, raw: str, changed: Collection[str], folder: Path) -> int:
    """Put one file in place of all that these tables have, from what the warehouse knows: after
    something was taken out of it that must not stand anywhere. How many files there were.

    Raises `Stop` where the warehouse lacks versions that files have: it takes them back first.
    """
    anew = 0
    for one in recorded(connection, raw):
        place = _place(folder, one.history, one.table)
        files = _files(place)
        until = _until(connection, one.of_history) if one.kept else None
        if one.table not in changed or not files:
            continue
        last = _youngest(files)
        if until is None or last is None or until < last:
            raise Stop(
                "history", str(place), "the files know more than the warehouse does",
                "Run `crossfoot extract`, which takes it back, then try again.",
            )  # fmt: skip
        _write(connection, one, place, None, until)
        for file in files:
            if file.name != f"{until.strftime(_STAMP)}.parquet":
                file.unlink()
        anew += len(files)
    return anew


def restore(connection: Connection, raw: str, folder: Path) -> None:
    """Take back the versions that the files have and the warehouse has not.

    Raises `Stop` naming a file that cannot be read.
    """
    history = HISTORIES[raw]
    if not (folder / history).is_dir():
        return
    part(connection, raw)
    known = tables(connection, VERSIONS[raw])
    there_are = {one.table: one for one in recorded(connection, raw)}
    for place in sorted((folder / history).iterdir()):
        files = _files(place)
        of_history = f"{identifier(history)}.{identifier(place.name)}"
        there = place.name in known
        last, until = _youngest(files), _until(connection, of_history) if there else None
        if last is not None and (until is None or until < last):
            keys = [_key(file) for file in files]
            _take_back(connection, raw, place.name, there, files, keys[-1])
            show(connection, raw, place.name, there_are.get(place.name))


def _place(folder: Path, history: str, table: str) -> Path:
    return folder / history / table


def _files(place: Path) -> list[Path]:
    found = place.iterdir() if place.is_dir() else ()
    return sorted(path for path in found if _FILE.fullmatch(path.name))


def _youngest(files: Sequence[Path]) -> datetime | None:
    if not files:
        return None
    return datetime.strptime(files[-1].name.removesuffix(".parquet"), _STAMP).replace(tzinfo=UTC)


def _until(connection: Connection, of_history: str) -> datetime | None:
    """The last moment of which the warehouse's own history knows something."""
    sql = f"SELECT greatest(max({FROM}), max({TO})) FROM {of_history}"  # noqa: S608
    ((found,),) = connection.execute(sql).fetchall()
    return found.astimezone(UTC) if isinstance(found, datetime) else None


def _is_kept(connection: Connection, one: Recorded, last: datetime | None) -> bool:
    """Whether the files have all there is, as can be told without putting the history together."""
    if not one.kept:
        return True
    sql = (
        f"SELECT greatest((SELECT greatest(max({FROM}), max({TO})) FROM {one.of_versions}),"  # noqa: S608
        f" (SELECT max({LOADED_AT}) FROM {one.of_raw}))"
    )
    ((found,),) = connection.execute(sql).fetchall()
    return found is None or (last is not None and found <= last)


def _write(
    connection: Connection, one: Recorded, place: Path, last: datetime | None, until: datetime
) -> None:
    """One file, put in its place whole; the key's columns are told in its metadata."""
    make_private(place)
    file = place / f"{until.strftime(_STAMP)}.parquet"
    beside = file.with_name(file.name + ".new")
    key = ",".join(one.key)
    # Before 2.0 DuckDB takes no parameter for a file's name.
    target = str(beside).replace("'", "''")
    since = _since(last)
    # A first reading ends nothing: its versions need not be gone through for ends.
    sql = f"SELECT count(*) FROM {one.of_versions} WHERE {TO} > ?"  # noqa: S608
    has_ends = connection.execute(sql, [since]).fetchall() != [(0,)]
    versions = _versions(one.of_history, one.key) if has_ends else _begun(one.of_history)
    connection.execute(
        f"COPY ({versions}) TO '{target}'"
        f" (FORMAT parquet, {_PACKED}, KV_METADATA {{key: '{key}'}})",
        [since] * (_GIVEN if has_ends else 1),
    )
    with beside.open("rb+") as written:
        os.fsync(written.fileno())
    beside.replace(file)


def _since(last: datetime | None) -> datetime:
    return last or datetime.min.replace(tzinfo=UTC)


def _begun(of_history: str) -> str:
    """Versions that began after a moment, as rows of a file."""
    return f"SELECT * EXCLUDE ({TO}), false AS {_ENDED} FROM {of_history} WHERE {FROM} > ?"  # noqa: S608


# So often `_versions` takes its moment.
_GIVEN = 3


def _versions(of_history: str, key: Sequence[str]) -> str:
    """Versions after a moment as rows of a file, ends without a successor among them."""
    same = " AND ".join(f"next.{identifier(n)} = past.{identifier(n)}" for n in key)
    return (
        f"{_begun(of_history)}"  # noqa: S608
        f" UNION ALL BY NAME SELECT {', '.join(map(identifier, key))}, {TO} AS {FROM},"
        f" true AS {_ENDED} FROM {of_history} AS past WHERE {TO} > ? AND NOT EXISTS"
        f" (SELECT 1 FROM {of_history} AS next WHERE next.{FROM} > ? AND {same}"
        f" AND next.{FROM} = past.{TO})"
    )


def _take_back(
    connection: Connection,
    raw: str,
    table: str,
    there: bool,
    files: Sequence[Path],
    key: Sequence[str],
) -> None:
    """Build a table's history anew from its files, with what only the warehouse has."""
    by_key = ", ".join(map(identifier, key))
    of_history = f"{identifier(HISTORIES[raw])}.{identifier(table)}"
    of_versions = f"{identifier(VERSIONS[raw])}.{identifier(table)}"
    sql = "SELECT * FROM read_parquet(?, union_by_name = true)"
    given: list[object] = [[str(file) for file in files]]
    if there:
        sql += f" UNION ALL BY NAME ({_versions(of_history, key)})"
        given += [_since(None)] * _GIVEN
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE versions AS"  # noqa: S608
        f" SELECT DISTINCT ON ({by_key}, {FROM}) * FROM ({sql})",
        given,
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE {of_versions} AS SELECT * EXCLUDE ({_ENDED}) FROM"  # noqa: S608
        f" (SELECT *, lead({FROM}) OVER (PARTITION BY {by_key} ORDER BY {FROM}) AS {TO}"
        f" FROM versions) WHERE NOT {_ENDED}"
    )
    connection.execute("DROP TABLE versions")


def _key(file: Path) -> list[str]:
    """The columns of the key, as a file tells them. Raises `Stop` naming a file that cannot be
    read."""
    try:
        told = parquet.read_metadata(file).metadata[b"key"]
    except (pa.ArrowException, OSError, KeyError, TypeError) as problem:
        raise Stop(
            "history",
            str(file),
            f"the file cannot be read ({' '.join(str(problem).split())[:200]})",
            "Put it back from a backup of the folder, or move it away: what only it knew is then "
            "unknown.",
        ) from None
    return told.decode().split(",")
