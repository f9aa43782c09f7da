"""Every call the sandbox answered, with what it wrote: the independent witness for tests."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 500_000
_SECRET = re.compile(
    r"((?:^|&)(?:access_token|refresh_token|token|client_secret|password|assertion|oauth_token|sid)=)"
    r"[^&]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Written:
    """One record a call created, changed, deleted or voided."""

    entity: str
    id: str
    operation: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. `status` 0: the caller got no answer."""

    n: int
    at: str
    system: str
    realm: str
    method: str
    path: str
    query: str
    status: int
    fault: str | None
    request_id: str | None
    writes: tuple[Written, ...]
    metered: bool

    def as_json(self) -> dict[str, Any]:
        """The entry as the control area shows it."""
        return {
            "n": self.n,
            "at": self.at,
            "system": self.system,
            "realm": self.realm,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "fault": self.fault,
            "request_id": self.request_id,
            "writes": [
                {"entity": w.entity, "id": w.id, "operation": w.operation} for w in self.writes
            ],
            "metered": self.metered,
        }


def without_secrets(raw_query: str) -> str:
    """A query string with the values of tokens and passwords blotted out."""
    return _SECRET.sub(r"\1***", raw_query)


class Journal:
    """The last half million calls, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._next = 1

    def next_number(self) -> int:
        """The number the next entry will carry."""
        return self._next

    def add(self, entry: Entry) -> None:
        """Append one entry."""
        self._entries.append(entry)
        self._next = entry.n + 1

    def clear(self) -> None:
        """Forget the entries; numbering goes on."""
        self._entries.clear()

    def entries(self, since: int = 0, system: str | None = None) -> Sequence[Entry]:
        """The entries with a number above `since`, of one system or both, oldest first."""
        return [e for e in self._entries if e.n > since and system in (None, e.system)]

    def counts(self) -> Mapping[str, int]:
        """Number of kept calls by system."""
        totals: dict[str, int] = {}
        for entry in self._entries:
            totals[entry.system] = totals.get(entry.system, 0) + 1
        return totals
