"""The warehouse: schema names, short readers, writers, what is published. Opens all there are.

It is one DuckDB file, or a lake that several machines share (`pipelines.lake`). A file admits one
writing process or many readers, never both: connections here are therefore short; whoever meets a
lock waits a little and then says who holds it. In a lake a reader sees one moment of it, and whose
commit meets another's is told so and has written nothing.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipelines.folders import make_private
from pipelines.lake import attaching
from pipelines.lake.address import is_published, lake_of
from pipelines.warehouse_opening import MEMORY_LIMIT_MIB as MEMORY_LIMIT_MIB
from pipelines.warehouse_opening import CommittedFirst as CommittedFirst
from pipelines.warehouse_opening import Connection as Connection
from pipelines.warehouse_opening import NoWarehouse as NoWarehouse
from pipelines.warehouse_opening import alone as alone
from pipelines.warehouse_opening import attach_lake, no_warehouse, published_at, translated
from pipelines.warehouse_opening import connect as _connect
from pipelines.warehouse_opening import explained as explained

RAW_SALESFORCE = "raw_salesforce"
RAW_QUICKBOOKS = "raw_quickbooks"
RAW_STATE = "raw_state"
HISTORY_SALESFORCE = "history_salesforce"
HISTORY_QUICKBOOKS = "history_quickbooks"
VERSIONS_SALESFORCE = "versions_salesforce"
VERSIONS_QUICKBOOKS = "versions_quickbooks"
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

Done = TypeVar("Done")


_WAIT_SECONDS = 10.0
_ROWS_AT_ONCE = 10_000
# So many values go into a table as parameters: Arrow, given values of Python, imports pandas first,
# which takes a tenth of a small reading.
_PARAMETERS = 1000
# A block that begins anew when others have committed first, at most so many times.
_AGAIN_AT_MOST = 8
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_TYPE = re.compile(r"[A-Z]+( WITH TIME ZONE)?(\(\d{1,2}(,\s?\d{1,2})?\))?(\[\])?")


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
    with _reader(path, wait_seconds) as connection, translated(path):
        cursor = connection.execute(sql, params or None)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_on(path: Path, sql: str, wait_seconds: float = _WAIT_SECONDS) -> Iterator[dict[str, Any]]:
    """Run one query like `read`, and hand its rows on without ever holding them all."""
    with _reader(path, wait_seconds) as connection, translated(path):
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
    with _reader(path, wait_seconds) as connection, translated(path):
        yield connection


@contextmanager
def one_opening(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """A block whose reads share one opening of the file, if there is one: each by itself makes a
    database engine and reads the catalogue, some 50 ms of computing. Raises like `read`.
    """
    if lake_of(path) is not None or not path.exists():
        yield
        return
    with _reader(path, wait_seconds):
        yield


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
    with _reader(path, wait_seconds) as connection, translated(path):
        for name, table in (tables or {}).items():
            connection.register(name, table)
        return connection.sql(sql, params=list(params) or None).to_arrow_table()


@contextmanager
def writer(path: Path, wait_seconds: float = _WAIT_SECONDS) -> Iterator[Connection]:
    """The single writing connection, inside one transaction: all of the block or nothing of it.

    Creates the file if needed. Raises `WarehouseBusy` naming the holder, `DiskFull`,
    `StateCorrupt`.
    """
    with session(path, wait_seconds) as connection, translated(path):
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
    with translated(path):
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
    no vendor is to be waited for in it. A lake holds nobody off. Raises like `writer`.
    """
    make_private(path.parent)
    if lake_of(path):
        yield
        return
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
    given = list(rows)

    def replace() -> int:
        with writer(path, wait_seconds) as connection:
            return fill_table(connection, schema, table, columns, given)

    return again_on_conflict(replace)


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

    def replace() -> None:
        with writer(path) as connection:
            fill_by_query(connection, schema, table, sql, params, tables)

    again_on_conflict(replace)


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
    """Names of the tables and views in a schema; empty when warehouse or schema do not exist."""
    if not exists(path):
        return frozenset()
    sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?"
    return frozenset(row["table_name"] for row in read(path, sql, [schema]))


def exists(path: Path) -> bool:
    """Is there a warehouse at this path? Of a lake, whether there is one and it can be reached.

    Raises `Stop` when a lake's catalogue does not answer.
    """
    return path.exists() if lake_of(path) is None else identity(path) != ()


def identity(path: Path) -> tuple[int, ...]:
    """Another value whenever the warehouse was written or replaced; empty where there is none.

    Raises like `exists`.
    """
    if lake_of(path) is None:
        state = path.stat() if path.exists() else None
        return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns) if state else ()
    try:
        with _reader(path, 0) as connection:
            return (attaching.moment(connection),)
    except NoWarehouse:
        return ()


def publish(source: Path, target: Path, wait_seconds: float = _WAIT_SECONDS) -> Path:
    """Put a complete copy of the warehouse at `target`, in one atomic step, and return it.

    The copy before stays beside it as `<name>.previous`. Readers of either are never disturbed.
    Of a lake nothing is copied: `target` stands for its moment that was published last. Raises like
    `writer`.
    """
    if is_published(target):
        _publish_moment(source)
        return target
    if not exists(source):
        raise no_warehouse(source)
    make_private(target.parent)
    beside = target.with_name(target.name + ".new")
    with translated(target):
        copy(source, beside, wait_seconds)
        _check_opens(beside)
        _keep_previous(target)
        beside.replace(target)
        _sync_folder(target.parent)
    return target


def _publish_moment(source: Path) -> None:
    def note() -> None:
        with writer(source) as connection:
            attaching.publish(connection)

    again_on_conflict(note)


def copy(source: Path, target: Path, wait_seconds: float = _WAIT_SECONDS) -> Path:
    """Write all that the warehouse holds into the new file `target`, of one moment.

    Raises like `writer`.
    """
    if lake_of(source) is None:
        _copy_at_rest(source, target, wait_seconds)
        return target
    with _reader(source, wait_seconds) as connection, translated(source):
        attaching.copy(connection, target)
    return target


def attach(connection: Connection, path: Path, name: str) -> None:
    """Attach another warehouse to a connection for reading, as the database `name`.

    Raises like `read`.
    """
    lake = lake_of(path)
    with translated(path):
        if lake is None:
            where = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{where}' AS {identifier(name)} (READ_ONLY)")
            return
        at = published_at(path, lake) if is_published(path) else None
        attaching.install(connection, lake)
        attach_lake(connection, lake, read_only=True, at=at, name=name)


def copy_name(path: Path) -> str:
    """What the file of a copy is called: the parsed project names the database after it."""
    return path.name if lake_of(path) is None else "warehouse.duckdb"


def again_on_conflict(block: Callable[[], Done]) -> Done:
    """Do a block that writes in one transaction; again, a little later each time, when others have
    committed first.

    The block must be one that can be begun anew. Raises `WarehouseBusy` when others were first
    every time.
    """
    for tried in range(_AGAIN_AT_MOST - 1):
        try:
            return block()
        except CommittedFirst:
            time.sleep(random.uniform(0.05, 0.2) * 2**tried)
    return block()


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
    """As text that DuckDB casts, which is exact for decimals: a few rows as parameters, many
    through Arrow."""
    if not rows:
        return 0
    # Names and types were checked by `identifier` and `_type` before they came here.
    if len(rows) * len(columns) <= _PARAMETERS:
        each = ", ".join(f"CAST(? AS {t})" for t in columns.values())
        given = [_as_text(row.get(name)) for row in rows for name in columns]
        sql = f"INSERT INTO {target} VALUES {', '.join([f'({each})'] * len(rows))}"  # noqa: S608
        connection.execute(sql, given)
        return len(rows)
    connection.register("incoming", _as_arrow(columns, rows))
    casts = ", ".join(f"CAST({identifier(n)} AS {t})" for n, t in columns.items())
    connection.execute(f"INSERT INTO {target} SELECT {casts} FROM incoming")  # noqa: S608
    connection.unregister("incoming")
    return len(rows)


def _as_arrow(columns: Mapping[str, str], rows: list[Mapping[str, Any]]) -> Any:
    import pyarrow

    listed = {n for n, t in columns.items() if t.endswith("[]")}
    kinds = {
        n: pyarrow.list_(pyarrow.string()) if n in listed else pyarrow.string() for n in columns
    }
    values = {n: [_as_text(row.get(n)) for row in rows] for n in columns}
    return pyarrow.table({n: pyarrow.array(values[n], type=kind) for n, kind in kinds.items()})


def _as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_text(one) for one in value]
    return str(value)


@contextmanager
def _reader(path: Path, wait_seconds: float) -> Iterator[Connection]:
    if lake_of(path) is None and not path.exists():
        raise no_warehouse(path)
    connection = _connect(path, read_only=True, wait_seconds=wait_seconds)
    try:
        yield connection
    finally:
        connection.close()


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
