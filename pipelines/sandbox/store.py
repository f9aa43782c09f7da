"""Both vendors' books: tables in memory, every committed write in an append-only log.

One line of the log is one commit, so that a killed process leaves a commit whole or not at all: a
last line without its end is cut off at the next start. The log begins with the fingerprint of the
seed it continues.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.sandbox import codec
from pipelines.sandbox.errors import LogInUse, LogOfAnotherSeed, LogUnusable
from pipelines.sandbox.rows import Computed, Record
from pipelines.sandbox.tables import Table

__all__ = [
    "AnyWrite", "Computed", "MetaWrite", "Record", "Store", "Table", "Write",
]  # fmt: skip

FORMAT = 1
# Commits that can be looked back over.
REMEMBERED = 1000


@dataclass(frozen=True)
class Write:
    """One record as it is from now on (`None`: gone).

    `operation` is only for the journal: create, update, delete or void. Left out, it follows from
    what was there before.
    """

    realm: str
    entity: str
    id: str
    record: Record | None
    operation: str | None = None


@dataclass(frozen=True)
class MetaWrite:
    """One small durable value beside the tables: a counter, a remembered request id, a token.

    `value` None forgets the key.
    """

    realm: str
    key: str
    value: Any


AnyWrite = Write | MetaWrite


@dataclass(frozen=True)
class _Undo:
    write: AnyWrite
    before: Any


class Store:
    """All tables of both vendors.

    Every write goes through `commit`. Several commits inside one `transaction` reach the log as
    one line, and none of them stays when the block raises; transactions nest as savepoints.
    """

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], Table] = {}
        self._meta: dict[str, dict[str, Any]] = {}
        self._undo: list[_Undo] = []
        self._depth = 0
        self._history: deque[tuple[str, list[_Undo]]] = deque(maxlen=REMEMBERED)
        self._log: BinaryIO | None = None
        self._path: Path | None = None
        self._lock: int | None = None
        self.is_past = False  # in a block of `as_of`
        self.stamp: Callable[[], str] = lambda: ""

    def table(self, realm: str, entity: str) -> Table:
        """The table of one object (made empty when first asked for)."""
        key = (realm, entity)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = Table()
        return found

    def frozen(self, realm: str) -> Store:
        """One org's or company's records and values as they are now, to be read without a lock."""
        found = Store()
        found._tables = {key: t.frozen() for key, t in self._tables.items() if key[0] == realm}
        found._meta = {realm: dict(self.meta(realm))}
        found.stamp = self.stamp
        return found

    def entities(self, realm: str) -> list[str]:
        """The names of the objects that have a table in this org or company."""
        return [entity for owner, entity in self._tables if owner == realm]

    def meta(self, realm: str) -> Mapping[str, Any]:
        """The small durable values of one org or company; change them with `put_meta`."""
        return self._meta.setdefault(realm, {})

    def put_meta(self, realm: str, key: str, value: Any) -> None:
        """Set one small durable value (None forgets it)."""
        self.commit([MetaWrite(realm, key, value)])

    def preset(self, writes: Sequence[AnyWrite]) -> None:
        """Put records in place without logging them: the seed, and what a vendor always has."""
        for write in writes:
            self._put(write)

    def lay(self, realm: str, entity: str, records: Computed) -> None:
        """Put computed records below all that is written; only under a table not yet used."""
        self._tables[(realm, entity)] = Table(records)

    def commit(self, writes: Sequence[AnyWrite]) -> None:
        """Apply the writes and log them, all or none.

        Raises:
            LogUnusable: the log cannot be written (disk full, say); nothing was changed.
        """
        with self.transaction():
            for write in writes:
                self._undo.append(_Undo(write, self._put(write)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group commits: kept together when the block ends well, undone when it raises."""
        mark = len(self._undo)
        self._depth += 1
        try:
            yield
            if self._depth == 1 and self._undo:
                self._append([entry.write for entry in self._undo])
                self._remember()
        except BaseException:
            self._roll_back(mark)
            raise
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._undo.clear()

    def _remember(self) -> None:
        records = [entry for entry in self._undo if isinstance(entry.write, Write)]
        if records:
            self._history.append((self.stamp(), records))

    @contextmanager
    def as_of(self, commits: int, moment: str) -> Iterator[None]:
        """The records as they were so many commits before, or else at that moment (as `stamp`
        writes it). What the block writes is taken back.

        Small durable values (tokens, counters) stay as they are.
        """
        self.is_past = True
        past = [part for part in self._history if not commits and part[0] > moment]
        newest = list(self._history)[-commits:] if commits else past
        undone = [entry for _, entries in newest for entry in entries]
        mark = len(self._undo)
        for entry in reversed(undone):
            self._put(replace(entry.write, record=entry.before))
        self._depth += 1
        try:
            yield
        finally:
            self.is_past = False
            self._roll_back(mark)
            self._depth -= 1
            for entry in undone:
                self._put(entry.write)

    def pending(self) -> list[tuple[Write, bool]]:
        """The record writes of the open transaction; True where the record was there before."""
        return [
            (entry.write, entry.before is not None)
            for entry in self._undo
            if isinstance(entry.write, Write)
        ]

    def changes(self, realm: str) -> list[tuple[str, Record | None, Record | None]]:
        """What the open transaction has made of each record of a realm: object, before, after."""
        found: dict[tuple[str, str], tuple[str, Record | None, Record | None]] = {}
        for entry in self._undo:
            write = entry.write
            if isinstance(write, Write) and write.realm == realm:
                key = (write.entity, write.id)
                first = found[key][1] if key in found else entry.before
                found[key] = (write.entity, first, write.record)
        return list(found.values())

    def _roll_back(self, mark: int) -> None:
        while len(self._undo) > mark:
            entry = self._undo.pop()
            write = entry.write
            if isinstance(write, MetaWrite):
                self._put(MetaWrite(write.realm, write.key, entry.before))
            else:
                self._put(Write(write.realm, write.entity, write.id, entry.before))

    def _put(self, write: AnyWrite) -> Any:
        if isinstance(write, Write):
            return self.table(write.realm, write.entity).put(write.id, write.record)
        values = self._meta.setdefault(write.realm, {})
        before = values.get(write.key)
        if write.value is None:
            values.pop(write.key, None)
        else:
            values[write.key] = write.value
        return before

    # ---- the log

    def open_log(self, path: Path, fingerprint: str) -> str | None:
        """Replay the log at `path` over the seed and continue it; a missing one is begun.

        Returns:
            The sandbox time of the last commit in it, or None.

        Raises:
            LogUnusable: it cannot be opened, belongs to another seed, or a line before the last is
                damaged; `LogInUse` when another sandbox writes it.
        """
        self._lock = _locked(path)
        try:
            return self._continue(path, fingerprint)
        except BaseException:
            self.close()
            raise

    def _continue(self, path: Path, fingerprint: str) -> str | None:
        self._path = path
        last = None
        if path.exists() and path.stat().st_size:
            last = self._replay(path, fingerprint)
        self._log = path.open("ab")
        if path.stat().st_size == 0:
            self._write_line({"format": FORMAT, "seed": fingerprint})
        path.chmod(0o600)
        return last

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def clear(self, fingerprint: str) -> None:
        """Forget everything and begin the log anew for another seed."""
        self._tables.clear()
        self._meta.clear()
        self._undo.clear()
        self._history.clear()
        if self._log is not None:
            self._log.truncate(0)
            self._write_line({"format": FORMAT, "seed": fingerprint})

    def note(self, line: Mapping[str, Any]) -> None:
        """Append a line that changes no record (a moved clock)."""
        if self._log is not None:
            self._write_line(line)

    def _replay(self, path: Path, fingerprint: str) -> str | None:
        last: str | None = None
        good = 0
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                entry = _parse_line(line)
                if entry is None:
                    if lines.read(1):
                        raise LogUnusable(
                            f"The sandbox log {path} is damaged in line {number}. "
                            "Move it away to begin anew, or restore it from a copy."
                        )
                    break
                good += len(line)
                if "format" in entry:
                    _refuse_other_seed(path, entry, fingerprint)
                    continue
                for item in entry.get("w", ()):
                    self._put(_write_from_log(item))
                last = entry.get("at", last)
        if good < path.stat().st_size:
            os.truncate(path, good)
        return last

    def _append(self, writes: Sequence[AnyWrite]) -> None:
        if self._log is None:
            return
        self._write_line({"at": self.stamp(), "w": [_write_to_log(write) for write in writes]})

    def _write_line(self, line: Mapping[str, Any]) -> None:
        log = self._log
        if log is None:
            return
        start = log.tell()
        try:
            log.write(codec.dump_bytes(line) + b"\n")
            log.flush()
        except OSError as error:
            self._cut(start)
            raise LogUnusable(
                f"The sandbox cannot write its log {self._path}: {error.strerror}. "
                "Nothing was stored; free some space and repeat the call."
            ) from error

    def _cut(self, start: int) -> None:
        """Take back a half-written line, buffer included."""
        if self._path is None or self._log is None:
            return
        raw = self._log
        self._log = None
        # What could not be flushed is cut off below in any case.
        with suppress(OSError):
            raw.close()
        os.truncate(self._path, start)
        self._log = self._path.open("ab")


def _locked(path: Path) -> int:
    """The log file opened and locked for as long as this process lives, whatever ends it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LogUnusable(
            f"The sandbox cannot write its log {path}: {error.strerror}. Name another file."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise LogInUse(
            f"Another sandbox keeps its changes in {path}. Stop it, or name another file."
        ) from None
    return lock


def _parse_line(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        entry = codec.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _refuse_other_seed(path: Path, entry: Mapping[str, Any], fingerprint: str) -> None:
    if entry["format"] != FORMAT or entry.get("seed") != fingerprint:
        raise LogOfAnotherSeed(
            f"The sandbox log {path} continues another seed than the one given. "
            "Start with the seed it was begun with, or remove the log to begin anew."
        )


def _write_to_log(write: AnyWrite) -> list[Any]:
    if isinstance(write, Write):
        return [write.realm, write.entity, write.id, write.record]
    return [write.realm, write.key, write.value]


def _write_from_log(item: list[Any]) -> AnyWrite:
    if len(item) == 4:
        return Write(item[0], item[1], item[2], item[3])
    return MetaWrite(item[0], item[1], item[2])
