"""QuickBooks' answers read without building a dict per record: the vendor's own bytes are kept.

Of each record only id, SyncToken and times are decoded; the text beside them is cut out of the
answer as it came, so that no digit of it can change. What else is looked at is told in
`quickbooks_contract`. Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

import msgspec

from pipelines.clients.quickbooks_contract import KindChanged, difference, heads
from pipelines.clients.quickbooks_head import Head, Times

__all__ = [
    "Head", "RawChanges", "RawPage", "Records", "Times", "changes", "fault", "moment", "page",
    "report",
]  # fmt: skip


@dataclass(frozen=True)
class Records:
    """Records in the order of the answer: what was decoded of each, and its own text.

    A text is a view of the answer it came in, for copying each by itself costs as much as finding
    where it begins and ends. The whole answer is kept as long as one of its texts is.
    """

    heads: tuple[Head, ...] = ()
    texts: tuple[msgspec.Raw, ...] = ()

    def __len__(self) -> int:
        return len(self.heads)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The id of each."""
        return tuple([head.Id or head.key for head in self.heads])

    def with_(self, others: Records) -> Records:
        """These and then the others."""
        return Records(self.heads + others.heads, self.texts + others.texts) if self else others

    def only(self, wanted: list[int]) -> Records:
        """Those at these positions, which ascend."""
        if len(wanted) == len(self.heads):
            return self
        if wanted and wanted[-1] - wanted[0] == len(wanted) - 1:
            # As of a page of which the first record was met before.
            rest = slice(wanted[0], wanted[-1] + 1)
            return Records(self.heads[rest], self.texts[rest])
        return Records(tuple(self.heads[n] for n in wanted), tuple(self.texts[n] for n in wanted))


@dataclass(frozen=True)
class RawPage:
    """One page of a query. `said` is how many records the answer says it has."""

    records: Records
    said: int
    server_time: datetime | None


@dataclass(frozen=True)
class RawChanges:
    """One change-data-capture answer: living records and deletion stubs by entity."""

    living: Mapping[str, Records] = field(default_factory=dict)
    gone: Mapping[str, tuple[Head, ...]] = field(default_factory=dict)
    server_time: datetime | None = None

    @property
    def objects(self) -> int:
        """At 1000 the answer may have been cut off without a word (quickbooks_api 2.6)."""
        return sum(map(len, self.living.values())) + sum(map(len, self.gone.values()))

    @property
    def newest(self) -> tuple[datetime, str, str] | None:
        """Time, entity and id of the change that was made last."""
        heads = [*((e, h) for e, r in self.living.items() for h in r.heads)]
        heads += [(e, h) for e, stubs in self.gone.items() for h in stubs]
        return max(((moment(h.changed), e, h.key) for e, h in heads if h.changed), default=None)


@cache
def _query(entity: str) -> Any:
    """A decoder of query answers that leaves each record of the entity as it came, in one pass."""
    records: list[Any] = [
        (entity, list[msgspec.Raw], msgspec.field(default_factory=list)),
        ("maxResults", int | None, None),
    ]
    response = msgspec.defstruct("Response", records)
    told: list[Any] = [("QueryResponse", response), ("time", str | None, None)]
    return msgspec.json.Decoder(msgspec.defstruct("Query", told))


class _Parts(msgspec.Struct):
    QueryResponse: list[dict[str, msgspec.Raw]] = []


class _Changes(msgspec.Struct):
    CDCResponse: list[_Parts]
    time: str | None = None


class _Fault(msgspec.Struct):
    Fault: dict[str, Any] | None = None


_changes = msgspec.json.Decoder(_Changes)
_fault = msgspec.json.Decoder(_Fault)
# Every cell of a report is text; no number of it can lose a digit.
_report = msgspec.json.Decoder(dict[str, Any])
_texts = msgspec.json.Decoder(list[msgspec.Raw])


def fault(body: bytes) -> dict[str, Any] | None:
    """The fault that an answer with status 200 may hold, as python-quickbooks looks for it."""
    return _fault.decode(body).Fault if b'"Fault"' in body[:200] else None


def page(entity: str, body: bytes) -> RawPage:
    """A page of a query. Raises `ValueError` when it is none, `KindChanged` for a record that does
    not keep to the contract."""
    found = _query(entity).decode(body)
    records = _records(entity, getattr(found.QueryResponse, entity))
    said = found.QueryResponse.maxResults
    return RawPage(records, len(records) if said is None else said, _server_time(found.time))


def changes(body: bytes) -> RawChanges:
    """An answer of change data capture. Raises like `page`."""
    answer = _changes.decode(body)
    living: dict[str, Records] = {}
    gone: dict[str, tuple[Head, ...]] = {}
    for part in (p for response in answer.CDCResponse for p in response.QueryResponse):
        for entity, raw in part.items():
            if bytes(memoryview(raw)[:1]) == b"[":
                found = _records(entity, _texts.decode(raw))
                alive = [n for n, head in enumerate(found.heads) if head.status != "Deleted"]
                living[entity] = found.only(alive)
                gone[entity] = tuple(h for h in found.heads if h.status == "Deleted")
    return RawChanges(living, gone, _server_time(answer.time))


def report(body: bytes) -> dict[str, Any]:
    """A report. Raises `ValueError` when the answer is none."""
    found = _report.decode(body)
    if not {"Header", "Columns"} <= found.keys():
        raise ValueError("no report")
    return found


def moment(text: str) -> datetime:
    """A time of the vendor, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _records(entity: str, texts: list[msgspec.Raw]) -> Records:
    try:
        return Records(tuple(map(heads(entity).decode, texts)), tuple(texts))
    except msgspec.ValidationError:
        found = next(filter(None, (difference(entity, text) for text in texts)), None)
        if found is None:
            raise
        raise KindChanged(found) from None


def _server_time(text: str | None) -> datetime | None:
    try:
        return moment(text) if text else None
    except ValueError:
        return None
