"""The files of a seed folder: which there are, and the records in them, in every shape the vendors
answer in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.errors import SeedUnreadable

Record = dict[str, Any]
ENDINGS = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Given:
    """One record of a file: where it stands, and what the answer around it calls it."""

    path: Path
    number: int
    record: Record
    entity: str | None = None

    def refused(self, problem: str, next_step: str) -> SeedUnreadable:
        """The refusal of this record."""
        return SeedUnreadable(f"{self.path}, record {self.number}: {problem}. {next_step}")


@dataclass
class Reading:
    """Reads files and remembers what was read, so that a seed can be told from another."""

    digest: Any = field(default_factory=hashlib.sha256)

    def value(self, path: Path) -> Any:
        """A file's JSON; of JSON lines, the list of them.

        Raises:
            SeedUnreadable: it cannot be read, or is not JSON.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SeedUnreadable(
                f"The seed file {path} cannot be read: {error.strerror}."
            ) from error
        self.digest.update(path.name.encode() + b"\0" + data)
        try:
            return codec.loads(data)
        except ValueError as error:
            lines = _lines(data)
            if lines is None:
                raise SeedUnreadable(
                    f"The seed file {path} is not JSON: {error}. Mend it or take it away."
                ) from error
            return lines

    def of_kind(self, path: Path, kind: type) -> Any:
        """A file's JSON that has to be an object or a list.

        Raises:
            SeedUnreadable: it is not.
        """
        value = self.value(path)
        if not isinstance(value, kind):
            raise SeedUnreadable(f"The seed file {path} must hold a JSON {kind.__name__}.")
        return value

    def records(self, path: Path) -> Iterator[Given]:
        """The records of a file.

        Raises:
            SeedUnreadable: what is in it is no record, list of records or answer of a vendor.
        """
        for number, (entity, record) in enumerate(_records(self.value(path), path), 1):
            given = Given(path, number, record, entity)
            if not isinstance(record, dict):
                raise given.refused("it is no JSON object", "Mend it or take it out.")
            yield given


def json_files(folder: Path) -> list[Path]:
    """The record files of a folder, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix in ENDINGS and p.is_file())


def _lines(data: bytes) -> list[Any] | None:
    try:
        lines = [codec.loads(line) for line in data.splitlines() if line.strip()]
    except ValueError:
        return None
    return lines if len(lines) > 1 else None


def _records(value: Any, path: Path) -> Iterator[tuple[str | None, Any]]:
    if isinstance(value, list):
        yield from ((None, one) for one in value)
    elif isinstance(value, dict) and isinstance(value.get("records"), list):
        yield from ((None, one) for one in value["records"])
    elif isinstance(value, dict) and isinstance(value.get("QueryResponse"), dict):
        yield from _named(value["QueryResponse"])
    elif isinstance(value, dict) and "Id" in value:
        yield None, value
    elif isinstance(value, dict) and any(isinstance(v, dict | list) for v in value.values()):
        yield from _named(value)
    else:
        raise SeedUnreadable(
            f"The seed file {path} holds no records. It may hold a list of records, one record, "
            "one a line, or an answer of the vendor ({'records': [...]}, {'QueryResponse': ...})."
        )


def _named(answer: Record) -> Iterator[tuple[str | None, Any]]:
    """The records that an answer of QuickBooks gives by entity."""
    for entity, found in answer.items():
        if isinstance(found, list):
            yield from ((entity, one) for one in found)
        elif isinstance(found, dict):
            yield entity, found
