"""Opening the warehouse, a file or a lake, and telling in our words why it cannot be opened.

The only importer of duckdb beside that of questions from outside.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipelines.errors import (
    CrossfootError,
    DiskFull,
    StateCorrupt,
    Stop,
    WarehouseBusy,
    from_disk,
)
from pipelines.lake import attaching
from pipelines.lake.address import ALIAS, Lake, is_published, lake_of

Connection = duckdb.DuckDBPyConnection
# What the engine may hold in memory; beyond it works on disk, beside the file. Half of the
# machine, because scores and reports are computed in memory of their own.
MEMORY_LIMIT_MIB = min(8192, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21)
_DAMAGE = re.compile(
    r"not a valid DuckDB|\bWAL\b|(?i:corrupt)|not read enough bytes|Is a directory"
)
_HOLDER = re.compile(r"held in (\S+) \(PID (\d+)\)")


class NoWarehouse(Stop):
    """There is no warehouse at the place that was named."""


class CommittedFirst(WarehouseBusy):
    """Others changed the same tables of a lake in the meantime; nothing was written."""


def connect(path: Path, read_only: bool, wait_seconds: float) -> Connection:
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
    lake = lake_of(path)
    if lake is not None:
        return _open_lake(path, lake, read_only)
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except duckdb.ConnectionException:
        if not read_only:
            raise
        # This very process has the file open for writing (dbt keeps it): share that.
        connection = duckdb.connect(str(path))
    return made_ready(connection)


def _open_lake(path: Path, lake: Lake, read_only: bool) -> Connection:
    """A connection to the lake; a reading one to one moment of it, however many its questions."""
    if is_published(path) and not read_only:
        raise Stop("warehouse", lake.told, "what is published is not written to", "Judge anew.")
    connection = made_ready(duckdb.connect(":memory:"))
    try:
        attaching.install(connection, lake)
        at = published_at(path, lake) if is_published(path) else None
        attach_lake(connection, lake, read_only=read_only, at=at)
        connection.execute(f"USE {ALIAS}")
        if read_only:
            connection.execute("BEGIN")
    except BaseException:
        connection.close()
        raise
    return connection


def published_at(path: Path, lake: Lake) -> int:
    """The snapshot that was published last, asked for on a connection that ends with the answer."""
    with closing(made_ready(duckdb.connect(":memory:"))) as connection:
        attaching.install(connection, lake)
        attach_lake(connection, lake, read_only=True)
        at = attaching.published_at(connection)
    if at is None:
        raise no_warehouse(path)
    return at


def attach_lake(
    connection: Connection,
    lake: Lake,
    *,
    read_only: bool,
    at: int | None = None,
    name: str = ALIAS,
) -> None:
    try:
        for statement in attaching.statements(lake, name, read_only=read_only, at=at):
            connection.execute(statement)
    except duckdb.Error as problem:
        if attaching.is_missing(str(problem)):
            raise NoWarehouse(
                "warehouse", lake.told, "there is no such lake yet", "Run `crossfoot sync`."
            ) from None
        raise


def made_ready(connection: Connection) -> Connection:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT_MIB}MiB'")
    # A query of some seconds would draw it on standard output, into JSON that somebody pipes.
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Be the only one on any machine that does `what` in a lake; of a file nothing is said.

    Raises `WarehouseBusy` at once when another one does it.
    """
    lake = lake_of(path)
    if lake is None:
        yield
        return
    with translated(path):
        connection = made_ready(duckdb.connect(":memory:"))
        try:
            attaching.install(connection, lake)
            held = attaching.hold(connection, lake, what)
        except BaseException:
            connection.close()
            raise
    try:
        if not held:
            raise WarehouseBusy(
                "warehouse", lake.told, f"another process, here or elsewhere, is at {what}",
                "Wait until it is done.",
            )  # fmt: skip
        yield
    finally:
        connection.close()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """DuckDB's and the disk's errors as ours."""
    try:
        yield
    except (duckdb.Error, OSError) as problem:
        raise explained(path, problem) from problem


def explained(path: Path, problem: BaseException) -> CrossfootError:
    """What DuckDB or the disk said about the warehouse at `path`, as ours; also for those who
    have it from dbt or dlt, in whose errors only the words are left."""
    text = " ".join(str(problem).split())
    lake = lake_of(path)
    if lake is not None:
        return _explained_of_lake(lake, text)
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
    # A table or column that is not there: most often of models of another version.
    another = text.startswith(("Binder Error", "Catalog Error"))
    return Stop(
        "warehouse", str(path), text[:400],
        "If another version built it, run `crossfoot judge`, which builds it anew from what was "
        "read."
        if another
        else "Mend that, or move the file away and run the sync.",
    )  # fmt: skip


def _explained_of_lake(lake: Lake, text: str) -> CrossfootError:
    if attaching.is_conflict(text):
        return CommittedFirst(
            "warehouse", lake.told, "others committed to the same tables first",
            "Nothing of this was written. Run again.",
        )  # fmt: skip
    if "No space left" in text:
        return DiskFull("disk", lake.data, "there is no room left", "Free some and run again.")
    return Stop("warehouse", lake.told, text[:400], "Mend that and run again.")


def _busy(path: Path, holder: re.Match[str] | None) -> WarehouseBusy:
    who = f"process {holder[2]} ({Path(holder[1]).name})" if holder else "another process"
    return WarehouseBusy(
        "warehouse",
        str(path),
        f"{who} is using it",
        "Wait until it is done, or read the published copy instead.",
    )


def no_warehouse(path: Path) -> Stop:
    return NoWarehouse(
        "warehouse",
        str(path),
        "nothing was published yet" if is_published(path) else "there is no such file yet",
        "Run `crossfoot sync` to make it.",
    )
