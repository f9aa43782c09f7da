"""Rows of QuickBooks for the warehouse: whole Arrow columns, no dict per record."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

import msgspec
import pyarrow as pa

from pipelines.clients.quickbooks_answers import Head, Records, Times
from pipelines.errors import Stop
from pipelines.extract import columns

_TIMELESS = Times()


def entity_table(company_id: str, entity: str, records: Records, now: datetime) -> pa.Table:
    """Records as rows; `payload` is the vendor's own text of each, as it came.

    Raises `Stop` naming the field when a value does not fit its type.
    """
    heads, count = records.heads, len(records)
    times = [head.MetaData or _TIMELESS for head in heads]
    values: dict[str, Callable[[], Any]] = {
        "company_id": lambda: pa.repeat(pa.scalar(company_id), count),
        "id": lambda: pa.array(records.keys, pa.string()),
        "sync_token": lambda: pa.array(
            [None if h.SyncToken is None else int(h.SyncToken) for h in heads], pa.int64()
        ),
        "created_at": lambda: _moments([each.CreateTime for each in times]),
        "last_updated_at": lambda: _moments([each.LastUpdatedTime for each in times]),
        "payload": lambda: _texts(records.texts),
        "extracted_at": lambda: pa.repeat(pa.scalar(now, columns.MOMENT), count),
    }
    made = [_column(values[f.name], f, entity) for f in columns.ENTITY]
    return pa.table(made, schema=columns.ENTITY)


def _texts(texts: Sequence[msgspec.Raw]) -> pa.Array:
    """Texts of UTF-8 as a column, laid beside each other at once: taken in one by one, they cost as
    much as reading them from the service does."""
    ends = array("i", accumulate(map(len, texts), initial=0))
    made = pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts))
    )
    made.validate(full=True)
    return made


def _moments(texts: Sequence[str | None]) -> pa.Array:
    return pa.array(texts, pa.string()).cast(columns.MOMENT)


def _column(make: Callable[[], Any], field: pa.Field, entity: str) -> Any:
    try:
        return make()
    except (pa.ArrowException, ValueError, TypeError) as problem:
        raise Stop(
            "extract",
            f"{entity}.{field.name}",
            f"a value is not of the type {field.type} that the field has ({problem})",
            "Report it with the record; nothing of this load was kept.",
        ) from None


@dataclass(frozen=True)
class Gone:
    """A record that is not there any more, since when, and how that is known."""

    entity: str
    record_id: str
    at: datetime
    proof: str


def stubs(entity: str, heads: Iterable[Head], now: datetime) -> dict[str, Gone]:
    """The deletions that a change answer tells of an entity, by id."""
    return {
        head.key: Gone(
            entity, head.key, columns.moment(head.changed) if head.changed else now, "cdc"
        )
        for head in heads
    }


def without(records: Records, others: Records) -> Records:
    """The records of which the others hold no version."""
    ids = set(others.keys)
    return records.only([n for n, key in enumerate(records.keys) if key not in ids])


def deletion_table(company_id: str, gone: Iterable[Gone]) -> pa.Table:
    """Rows for the table of deletions."""
    rows = [
        {
            "company_id": company_id,
            "entity": one.entity,
            "id": one.record_id,
            "deleted_at": one.at,
            "proof": one.proof,
        }
        for one in gone
    ]
    return columns.table(rows, columns.DELETION, "deletion")


@dataclass
class Ids:
    """Many ids in little memory: numbers as bits in blocks, the few that are none as text."""

    _blocks: dict[int, bytearray] = field(default_factory=dict)
    _words: set[str] = field(default_factory=set)
    _count: int = 0

    def __len__(self) -> int:
        return self._count + len(self._words)

    def __contains__(self, record_id: str) -> bool:
        if not _are_plain((record_id,)):
            return record_id in self._words
        block, place, bit = _place(record_id)
        return block in self._blocks and bool(self._blocks[block][place] & bit)

    def add(self, record_id: str) -> bool:
        """Take an id in; True when it is new."""
        if _are_plain((record_id,)):
            return bool(self._taken((record_id,)))
        before = len(self._words)
        self._words.add(record_id)
        return len(self._words) > before

    def take(self, record_ids: Sequence[str]) -> list[int]:
        """Take many ids in; the positions of those that are new."""
        if _are_plain(record_ids):
            return self._taken(record_ids)
        return [n for n, record_id in enumerate(record_ids) if self.add(record_id)]

    def _taken(self, plain: Iterable[str]) -> list[int]:
        """The positions of the numbers that are new; one loop, for it meets every record."""
        blocks, new = self._blocks, []
        for position, number in enumerate(map(int, plain)):
            bits = blocks.get(number // _BLOCK)
            if bits is None:
                bits = blocks[number // _BLOCK] = bytearray(_BLOCK // 8)
            place, bit = number % _BLOCK >> 3, 1 << (number & 7)
            if not bits[place] & bit:
                bits[place] |= bit
                new.append(position)
        self._count += len(new)
        return new


_BLOCK = 4096


def _are_plain(record_ids: Sequence[str]) -> bool:
    """Numbers that are written in one way only, so that they can stand for the text."""
    joined = "".join(record_ids)
    is_number = joined.isdecimal() and joined.isascii() and "" not in record_ids
    # What begins with a nought comes before "1"; the nought itself is written in one way.
    return is_number and (min(record_ids) >= "1" or record_ids == ("0",))


def _place(record_id: str) -> tuple[int, int, int]:
    block, rest = divmod(int(record_id), _BLOCK)
    return block, rest >> 3, 1 << (rest & 7)
