"""The one DuckDB file: schema names, short readers, the single writer, the published copy.

DuckDB admits one writing process or many readers, never both. Connections here are therefore
short; whoever meets a lock waits a little and then says who holds it. The only importer of duckdb.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import (
    CrossfootError,
    DiskFull,
    StateCorrupt,
    Stop,
    WarehouseBusy,
    from_disk,
)
from pipelines.folders import make_private

RAW_SALESFORCE = "raw_salesforce"
RAW_QUICKBOOKS = "raw_quickbooks"
RAW_STATE = "raw_state"
HISTORY_SALESFORCE = "history_salesforce"
HISTORY_QUICKBOOKS = "history_quickbooks"
MATCHING = "matching"
STAGING = "staging"
INTERMEDIATE = "intermediate"
MATCHED = "matched"
RECONCILIATION = "reconciliation"
SYNC = "sync"
SCHEMAS = (
    RAW_SALESFORCE, RAW_QUICKBOOKS, RAW_STATE, HISTORY_SALESFORCE, HISTORY_QUICKBOOKS, MATCHING,
    STAGING, INTERMEDIATE, MATCHED, RECONCILIATION, SYNC,
)  # fmt: skip

Connection = duckdb.DuckDBPyConnection

# What the engine may hold in memory; beyond it works on disk, beside the file. Half of the
# machine, because scores and reports are computed in memory of their own.
MEMORY_LIMIT_MIB = min(8192, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21)

_WAIT_SECONDS = 10.0
_ROWS_AT_ONCE = 10_000
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TYPE = re.compile(r"[A-Z]+( WITH TIME ZONE)?(\(\d{1,2}(,\s?\d{1,2})?\))?(\[\])?")
_DAMAGE = re.compile(
    r"not a valid DuckDB|\bWAL\b|(?i:corrupt)|not read enough bytes|Is a directory"
)
_HOLDER = re.compile(r"held in (\S+) \(PID (\d+)\)")


def read(
    path: Path,
    sql: str,
    params: Sequence[Any] | Mapping[str, Any] = (),
    wait_seconds: float = _WAIT_SECONDS,
) -> list[dict[str, Any]]:
    """Run one query over a short read-only connection; DECIMAL comes as Decimal, times as UTC.

    Raises `Stop` when the file does not exist or the query fails, `WarehouseBusy` when a writer
    keeps the file longer than `wait_seconds`, `StateCorrupt` when it is not a DuckDB file.
    """
    with _reader(path, wait_seconds) as connection, _translated(path):
        cursor = connection.execute(sql, params or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_on(path: Path, sql: str, wait_seconds: float = _WAIT_SECONDS) -> Iterator[dict[str, Any]]:
    """Run one query like `read`, and hand its rows on without ever holding them all."""
    with _reader(path, wait_seconds) as connection, _translated(path):
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                yield dict(zip(names, row, strict=True))


@contextmanager
def reader(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[Connection]:
    """A short read-only connection, for several questions about one and the same state.

    Raises like `read`.
    """
    with _reader(path, wait_seconds) as connection, _translated(path):
        yield connection


def arrow(
    path: Path,
    sql: str,
    params: Sequence[Any] = (),
    wait_seconds: float = _WAIT_SECONDS,
    tables: Mapping[str, Any] | None = None,
) -> Any:
    """Run one query and return the whole answer as a pyarrow Table. Raises like `read`.

    `tables` are pyarrow Tables that the query may name beside those of the warehouse.
    """
    with _reader(path, wait_seconds) as connection, _translated(path):
        for name, table in (tables or {}).items():
            connection.register(name, table)
        return connection.sql(sql, params=list(params) or None).to_arrow_table()


@contextmanager
def writer(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[Connection]:
    """The single writing connection, inside one transaction: all of the block or nothing of it.

    Creates the file if needed. Raises `WarehouseBusy` naming the holder, `DiskFull`,
    `StateCorrupt`.
    """
    with session(path, wait_seconds) as connection, _translated(path):
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


@contextmanager
def session(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[Connection]:
    """The single writing connection for several transactions, each in a block of `transaction`.

    Raises like `writer`.
    """
    make_private(path.parent)
    connection = _connect(path, read_only=False, wait_seconds=wait_seconds)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(path: Path, connection: Connection) -> Iterator[None]:
    """All of the block or nothing of it, on a connection from `session`. Raises like `writer`."""
    with _translated(path):
        connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def kept_open(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """Hold the file for a block in which this process opens it again and again, ours or others'.

    Each opening makes a database engine and reads the whole catalog, 30 ms of computing on ours;
    inside the block that is done once. Other processes find the file busy until its end, so that
    no vendor is to be waited for in it. Raises like `writer`.
    """
    make_private(path.parent)
    connection = _connect(path, read_only=False, wait_seconds=wait_seconds)
    try:
        yield
    finally:
        connection.close()


def replace_table(
    path: Path,
    schema: str,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
    wait_seconds: float = _WAIT_SECONDS,
) -> int:
    """Replace a table by `rows` in one transaction and return how many there are.

    `columns` maps each column to its DuckDB type; a row without a column gets NULL there.
    Raises ValueError for a name or type that is not plain, and like `writer`.
    """
    with writer(path, wait_seconds) as connection:
        return fill_table(connection, schema, table, columns, rows)


def replace_by_query(
    path: Path,
    schema: str,
    table: str,
    sql: str,
    params: Sequence[Any] = (),
    tables: Mapping[str, Any] | None = None,
) -> None:
    """Replace a table by the answer of a query, which may name the pyarrow Tables in `tables`.

    Nothing passes through Python. Raises like `writer`.
    """
    with writer(path) as connection:
        fill_by_query(connection, schema, table, sql, params, tables)


def fill_by_query(
    connection: Connection,
    schema: str,
    table: str,
    sql: str,
    params: Sequence[Any] = (),
    tables: Mapping[str, Any] | None = None,
) -> None:
    """The work of `replace_by_query` on a connection from `writer`."""
    for name, given in (tables or {}).items():
        connection.register(name, given)
    target = f"{identifier(schema)}.{identifier(table)}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
    connection.execute(f"CREATE OR REPLACE TABLE {target} AS {sql}", list(params) or None)
    for name in tables or {}:
        connection.unregister(name)


def fill_table(
    connection: Connection,
    schema: str,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
) -> int:
    """The work of `replace_table` on a connection from `writer`, to replace several at once."""
    target = _made(connection, schema, table, columns, "CREATE OR REPLACE TABLE")
    return _insert(connection, target, columns, list(rows))


def append_rows(
    connection: Connection,
    schema: str,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
) -> int:
    """Add `rows` to a table on a connection from `writer`, making the table if there is none."""
    target = _made(connection, schema, table, columns, "CREATE TABLE IF NOT EXISTS")
    return _insert(connection, target, columns, list(rows))


def tables(path: Path, schema: str) -> frozenset[str]:
    """Names of the tables and views in a schema; empty when file or schema do not exist."""
    if not path.exists():
        return frozenset()
    sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?"
    return frozenset(row["table_name"] for row in read(path, sql, [schema]))


def publish(source: Path, target: Path, wait_seconds: float = _WAIT_SECONDS) -> Path:
    """Put a complete copy of the warehouse at `target`, in one atomic step, and return it.

    The copy before stays beside it as `<name>.previous`. Readers of either are never disturbed.
    Raises like `writer`.
    """
    if not source.exists():
        raise _no_warehouse(source)
    make_private(target.parent)
    beside = target.with_name(target.name + ".new")
    with _translated(target):
        _copy_at_rest(source, beside, wait_seconds)
        _check_opens(beside)
        _keep_previous(target)
        beside.replace(target)
        _sync_folder(target.parent)
    return target


def row_counts(path: Path, schema: str) -> dict[str, int]:
    """How many rows each table and view of a schema holds. Raises like `read`."""
    found = sorted(tables(path, schema))
    if not found:
        return {}
    columns = (
        f"(SELECT count(*) FROM {identifier(schema)}.{identifier(name)}) AS {name}"  # noqa: S608
        for name in found
    )
    (counts,) = read(path, f"SELECT {', '.join(columns)}")
    return counts


def identifier(name: str) -> str:
    """The name quoted for SQL if it is a plain lower-case one; raises ValueError otherwise."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain table or column name: {name!r}")
    return f'"{name}"'


def _made(
    connection: Connection, schema: str, table: str, columns: Mapping[str, str], how: str
) -> str:
    """Make a table by the statement `how`; returns its full name, quoted."""
    target = f"{identifier(schema)}.{identifier(table)}"
    definition = ", ".join(f"{identifier(n)} {_type(t)}" for n, t in columns.items())
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
    connection.execute(f"{how} {target} ({definition})")
    return target


def _type(name: str) -> str:
    if not _TYPE.fullmatch(name.upper()):
        raise ValueError(f"not a plain column type: {name!r}")
    return name


def _insert(
    connection: Connection, target: str, columns: Mapping[str, str], rows: list[Mapping[str, Any]]
) -> int:
    """Through Arrow, as text that DuckDB casts: exact for decimals and fast for many rows."""
    if not rows:
        return 0
    import pyarrow

    listed = {n for n, t in columns.items() if t.endswith("[]")}
    kinds = {
        n: pyarrow.list_(pyarrow.string()) if n in listed else pyarrow.string() for n in columns
    }
    values = {n: [_as_text(row.get(n)) for row in rows] for n in columns}
    incoming = pyarrow.table({n: pyarrow.array(values[n], type=kind) for n, kind in kinds.items()})
    connection.register("incoming", incoming)
    casts = ", ".join(f"CAST({identifier(n)} AS {t})" for n, t in columns.items())
    # Names and types were checked by `identifier` and `_type` before they came here.
    connection.execute(f"INSERT INTO {target} SELECT {casts} FROM incoming")  # noqa: S608
    connection.unregister("incoming")
    return len(rows)


def _as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_text(one) for one in value]
    return str(value)


@contextmanager
def _reader(path: Path, wait_seconds: float) -> Iterator[Connection]:
    if not path.exists():
        raise _no_warehouse(path)
    connection = _connect(path, read_only=True, wait_seconds=wait_seconds)
    try:
        yield connection
    finally:
        connection.close()


def _connect(path: Path, read_only: bool, wait_seconds: float) -> Connection:
    """Open the file, trying again while another process holds it."""
    until = time.monotonic() + wait_seconds
    while True:
        try:
            return _open(path, read_only)
        except duckdb.Error as problem:
            if not _may_pass(problem) or time.monotonic() >= until:
                raise explained(path, problem) from problem
            time.sleep(0.05)


def _may_pass(problem: duckdb.Error) -> bool:
    return "lock on file" in str(problem) or "different configuration" in str(problem)


def _open(path: Path, read_only: bool) -> Connection:
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.ConnectionException:
        if not read_only:
            raise
        # This very process has the file open for writing (dbt keeps it): share that.
        connection = duckdb.connect(str(path))
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT_MIB}MiB'")
    # A query of some seconds would draw it on standard output, into JSON that somebody pipes.
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """DuckDB's and the disk's errors as ours."""
    try:
        yield
    except (duckdb.Error, OSError) as problem:
        raise explained(path, problem) from problem


def explained(path: Path, problem: BaseException) -> CrossfootError:
    """What DuckDB or the disk said about the warehouse at `path`, as ours; also for those who
    have it from dbt or dlt, in whose errors only the words are left."""
    text = " ".join(str(problem).split())
    if getattr(problem, "errno", None) == errno.ENOSPC or "No space left" in text:
        return DiskFull(
            "disk", str(path), "there is no room left", "Free some space and run again."
        )
    holder = _HOLDER.search(text)
    if holder or "Could not set lock" in text or "different configuration" in text:
        return _busy(path, holder)
    if _DAMAGE.search(text):
        return StateCorrupt(
            "warehouse",
            str(path),
            f"the file cannot be read ({text[:200]})",
            "Move it away and run the sync again: it is rebuilt from the two systems.",
        )
    if isinstance(problem, OSError):
        return from_disk(problem)
    return Stop(
        "warehouse", str(path), text[:400], "Mend that, or move the file away and run the sync."
    )


def _busy(path: Path, holder: re.Match[str] | None) -> WarehouseBusy:
    who = f"process {holder[2]} ({Path(holder[1]).name})" if holder else "another process"
    return WarehouseBusy(
        "warehouse",
        str(path),
        f"{who} is using it",
        "Wait until it is done, or read the published copy instead.",
    )


def _no_warehouse(path: Path) -> Stop:
    return Stop(
        "warehouse", str(path), "there is no such file yet", "Run `crossfoot sync` to make it."
    )


def _copy_at_rest(source: Path, target: Path, wait_seconds: float) -> None:
    """Copy while holding the only writing connection, so that the file cannot change."""
    connection = _connect(source, read_only=False, wait_seconds=wait_seconds)
    try:
        connection.execute("CHECKPOINT")
        shutil.copyfile(source, target)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    finally:
        connection.close()
    with target.open("rb+") as copied:
        os.fsync(copied.fileno())


def _check_opens(path: Path) -> None:
    with _reader(path, wait_seconds=0) as connection:
        connection.execute("SELECT count(*) FROM information_schema.tables").fetchall()


def _keep_previous(target: Path) -> None:
    if not target.exists():
        return
    previous = target.with_name(target.name + ".previous")
    link = target.with_name(target.name + ".previous.new")
    link.unlink(missing_ok=True)
    link.hardlink_to(target)
    link.replace(previous)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
