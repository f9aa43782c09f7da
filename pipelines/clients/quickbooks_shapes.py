"""The shapes of QuickBooks' answers, as python-quickbooks hands them on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Changed:
    """One change-data-capture answer: living records and deletion stubs by entity."""

    living: Mapping[str, tuple[Record, ...]]
    deleted: Mapping[str, tuple[Record, ...]]
    server_time: datetime

    @property
    def objects(self) -> int:
        """Objects in the answer; at `CDC_LIMIT` there may be more that were cut off."""
        return sum(map(len, self.living.values())) + sum(map(len, self.deleted.values()))


@dataclass(frozen=True)
class Page:
    """One page of a query, with the service's clock when it answered."""

    records: tuple[Record, ...]
    server_time: datetime


def changed(answer: Mapping[str, Any], server_time: datetime) -> Changed:
    """A change-data-capture answer of the agreed shape, living records and deletions apart."""
    living: dict[str, tuple[Record, ...]] = {}
    deleted: dict[str, tuple[Record, ...]] = {}
    for response in answer["CDCResponse"]:
        for part in response.get("QueryResponse", ()):
            for entity, records in part.items():
                if isinstance(records, list):
                    gone = tuple(r for r in records if r.get("status") == "Deleted")
                    living[entity] = tuple(r for r in records if r.get("status") != "Deleted")
                    deleted[entity] = gone
    return Changed(living, deleted, server_time)


def has(name: str) -> Callable[[Any], bool]:
    """A test for answers that hold a member of this name."""

    def good(answer: Any) -> bool:
        return isinstance(answer, dict) and isinstance(answer.get(name), dict | list)

    return good


def is_changes(answer: Any) -> bool:
    """One list of parts, each an object: what a change-data-capture answer always is."""
    responses = answer.get("CDCResponse") if isinstance(answer, dict) else None
    return isinstance(responses, list) and all(
        isinstance(r, dict) and all(isinstance(p, dict) for p in r.get("QueryResponse", ()))
        for r in responses
    )


def is_count(answer: Any) -> bool:
    """Does an answer tell how many records there are?"""
    found = answer.get("QueryResponse") if isinstance(answer, dict) else None
    return isinstance(found, dict) and isinstance(found.get("totalCount"), int)
