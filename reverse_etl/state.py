"""The state database: ledger, approvals, decisions, lease. Small and transactional.

SQLite by default (write-ahead log, synchronous FULL: a commit that returned survives a power cut),
PostgreSQL by address with the same code. The only room that knows SQLAlchemy; the others see
tables by name through `Transaction`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pipelines.errors import ConfigurationError, CrossfootError, DiskFull, StateCorrupt, Stop
from pipelines.folders import make_private
from reverse_etl import state_schema as schema

_BUSY_SECONDS = 15
_POSTGRES_LOCK = 0x43465354
_WRITES = "crossfoot_writes"
_SQLITE_MAGIC = b"SQLite format 3\x00"
_RESTORE = "Restore the latest backup of it, or move it away: the ledger is rebuilt from the marks."


class Transaction:
    """Reads and writes of one transaction. Tables and columns by name, values as Python's own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, table: str, order: str | None = None, **where: Any) -> list[dict[str, Any]]:
        """Rows whose columns equal `where` (a list or tuple: any of it), sorted by `order`."""
        query = _filtered(schema.metadata.tables[table], where)
        if order:
            query = query.order_by(text(order))
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def from_on(self, table: str, column: str, least: Any, order: str) -> list[dict[str, Any]]:
        """Rows whose column is at least that, sorted by `order`."""
        target = schema.metadata.tables[table]
        query = select(target).where(target.c[column] >= least).order_by(text(order))
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def containing(self, table: str, word: str) -> list[dict[str, Any]]:
        """Rows in which any column of text holds the word, in whatever case."""
        target = schema.metadata.tables[table]
        texts = [column for column in target.columns if isinstance(column.type, String)]
        if not texts:
            return []
        holds = [func.lower(c).contains(word.lower(), autoescape=True) for c in texts]
        return [dict(row) for row in self._connection.execute(
            select(target).where(or_(*holds))
        ).mappings()]  # fmt: skip

    def one(self, table: str, **where: Any) -> dict[str, Any] | None:
        """The only such row, or None."""
        rows = self.all(table, **where)
        return rows[0] if rows else None

    def add(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows; a key that is already there is an error."""
        values = [dict(row) for row in rows]
        if values:
            self._connection.execute(schema.metadata.tables[table].insert(), values)

    def add_if_absent(self, table: str, row: Mapping[str, Any]) -> bool:
        """Insert unless the primary key is there; False if it was."""
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(schema.metadata.tables[table]).values(dict(row))
        counted = statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return self._connection.execute(counted).rowcount == 1

    def add_up(self, table: str, key: Mapping[str, Any], amounts: Mapping[str, int]) -> None:
        """Add whole numbers, which may be negative, to the record with this primary key; it begins
        at zero. Two processes that add at once both count."""
        target = schema.metadata.tables[table]
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(target).values({**key, **amounts})
        sums = {name: target.c[name] + statement.excluded[name] for name in amounts}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_=sums)
        )

    def change(self, table: str, values: Mapping[str, Any], **where: Any) -> int:
        """Update the rows that equal `where`; how many there were."""
        target = schema.metadata.tables[table]
        statement = target.update().values(dict(values))
        for column, value in where.items():
            statement = statement.where(target.c[column] == value)
        return self._connection.execute(statement).rowcount

    def change_each(
        self, table: str, rows: Sequence[Mapping[str, Any]], where: Sequence[Mapping[str, Any]]
    ) -> int:
        """Update one record for each of `rows` by the equalities in the same place of `where`;
        how many there were. All rows name the same columns."""
        target = schema.metadata.tables[table]
        if not rows:
            return 0
        statement = target.update().values({name: bindparam(f"new_{name}") for name in rows[0]})
        for name in where[0]:
            statement = statement.where(target.c[name] == bindparam(f"old_{name}"))
        values = [
            {f"new_{n}": v for n, v in row.items()} | {f"old_{n}": v for n, v in old.items()}
            for row, old in zip(rows, where, strict=True)
        ]
        return self._connection.execute(statement, values).rowcount

    def remove(self, table: str, **where: Any) -> int:
        """Delete the rows that equal `where`; how many there were."""
        target = schema.metadata.tables[table]
        statement = target.delete()
        for column, value in where.items():
            statement = statement.where(target.c[column] == value)
        return self._connection.execute(statement).rowcount


def _filtered(table: Table, where: Mapping[str, Any]) -> Select[Any]:
    query = select(table)
    for column, value in where.items():
        several = isinstance(value, list | tuple | set | frozenset)
        query = query.where(
            table.c[column].in_(list(value)) if several else table.c[column] == value
        )
    return query


class State:
    """An open state database. Use `open_state`; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database and changes nothing."""
        with _explained(self.name), self._engine.connect() as connection, connection.begin():
            yield Transaction(connection)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block ends, and absent if it raises."""
        with _explained(self.name), self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield Transaction(connection)

    def close(self) -> None:
        self._engine.dispose()


def open_state(url: str) -> State:
    """Open, and if needed create or upgrade, the state database at a SQLAlchemy address.

    Raises `StateCorrupt` for a damaged or foreign file or one of a newer version, `DiskFull`,
    and `ConfigurationError` for an address that cannot work.
    """
    engine = _engine(url)
    state = State(engine)
    try:
        if engine.dialect.name == "sqlite":
            _prepare_file(_file(engine))
        with _explained(state.name):
            _upgrade(engine, state.name)
    except BaseException:
        engine.dispose()
        raise
    return state


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
        engine = create_engine(address, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError) as problem:
        raise _address_refused("the address of the state database cannot be read") from problem
    except ModuleNotFoundError as problem:
        raise _address_refused(f"its driver is not installed ({problem.name})") from problem
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise _address_refused(f"{engine.dialect.name} is neither sqlite nor postgresql")
    if engine.dialect.name == "sqlite":
        _make_sqlite_durable(engine)
    return engine


def _address_refused(problem: str) -> ConfigurationError:
    return ConfigurationError(
        "state",
        "CROSSFOOT_STATE_URL",
        problem,
        "Use sqlite:///path/to/state.sqlite, or postgresql+psycopg://… with psycopg installed.",
    )


def _make_sqlite_durable(engine: Engine) -> None:
    """Full durability, and transactions that begin where we say (the driver's own begin late)."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _file(engine: Engine) -> Path:
    name = engine.url.database
    if not name or name == ":memory:":
        raise _address_refused("a state in memory would forget every invoice")
    return Path(name)


def _prepare_file(path: Path) -> None:
    """Private to its owner from the first byte; its companions inherit that from SQLite."""
    try:
        make_private(path.parent)
        path.touch(mode=0o600)
        path.chmod(0o600)
        with path.open("rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except OSError as problem:
        raise _stopped(str(path), problem.strerror or "it cannot be opened") from problem
    if start and start != _SQLITE_MAGIC:
        raise StateCorrupt("state", str(path), "the file is not a SQLite database", _RESTORE)


def _upgrade(engine: Engine, name: str) -> None:
    """Check whose file it is and bring it to our version, in one transaction."""
    with engine.connect() as connection:
        connection = connection.execution_options(**{_WRITES: True})
        with connection.begin():
            if engine.dialect.name == "sqlite":
                _check_sqlite(connection, name)
            else:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))
            version = schema.current_version(connection)
            if version > schema.VERSION:
                raise _newer(name, version)
            schema.migrate(connection, datetime.now(UTC))


def _check_sqlite(connection: Connection, name: str) -> None:
    damage = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if damage != "ok":
        raise StateCorrupt(
            "state", name, f"the file is damaged ({' '.join(str(damage).split())})", _RESTORE
        )
    owner = connection.execute(text("PRAGMA application_id")).scalar()
    tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar()
    if tables and owner != schema.APPLICATION_ID:
        raise StateCorrupt("state", name, "the file belongs to another program", _RESTORE)
    connection.execute(text(f"PRAGMA application_id = {schema.APPLICATION_ID}"))


def _newer(name: str, version: int) -> StateCorrupt:
    return StateCorrupt(
        "state",
        name,
        f"it has version {version}, this program knows {schema.VERSION}",
        "Use the newer Crossfoot that wrote it.",
    )


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """The database's errors as ours, without statement or values."""
    try:
        yield
    except DBAPIError as problem:
        raise _as_ours(name, str(problem.orig)) from None


def _as_ours(name: str, problem: str) -> CrossfootError:
    words = problem.lower()
    if "full" in words or "no space" in words:
        return DiskFull("state", name, "there is no room left", "Free some space and run again.")
    if "malformed" in words or "not a database" in words:
        return StateCorrupt(
            "state", name, f"the file is damaged ({' '.join(problem.split())})", _RESTORE
        )
    if "locked" in words:
        return _stopped(name, f"another process kept it for {_BUSY_SECONDS} seconds")
    return _stopped(name, " ".join(problem.split())[:300])


def _stopped(name: str, problem: str) -> Stop:
    next_step = "Mend that and run again: what was sent is looked for before anything is sent."
    return Stop("state", name, problem, next_step)
