"""What the user looked at or wrote by itself, for the recent items."""

from __future__ import annotations

from collections.abc import Mapping

_KEPT = 200
Moment = tuple[str, int]


class Viewed:
    """The last records of each object, each with its moment: a time and a count within it."""

    def __init__(self) -> None:
        self._count = 0
        self._seen: dict[str, dict[str, Moment]] = {}

    def note(self, name: str, record_id: str, at: str) -> None:
        """A record of the object `name` was looked at or written."""
        self._count += 1
        seen = self._seen.setdefault(name, {})
        seen.pop(record_id, None)
        seen[record_id] = (at, self._count)
        if len(seen) > _KEPT:
            del seen[next(iter(seen))]

    def of(self, name: str) -> Mapping[str, Moment]:
        """The moments by record id."""
        return self._seen.get(name, {})
