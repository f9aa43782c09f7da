"""Open query results: named by locators, living two days of the sandbox's time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

LIFE = timedelta(days=2)
# The vendor sets no bound; this one keeps a client that never reads on from filling the memory.
MOST = 2000


# Until version 55 a user had ten at most, and a further one closed the oldest (SOQL reference).
MOST_OF_USER, UNBOUNDED_SINCE = 10, 56.0


@dataclass(frozen=True)
class Cursor:
    """Rows as they were when the query ran, and the most of them that one page may hold.

    Attributes:
        counted: the user among whose ten it is; '' for one that is not counted.
    """

    rows: Sequence[Record]
    page: int
    opened: datetime
    counted: str = ""


@dataclass
class Cursors:
    """By locator, the oldest first."""

    now: Callable[[], datetime]
    _open: dict[str, Cursor] = field(default_factory=dict)
    _opened: int = 0

    def keep(self, rows: Sequence[Record], page: int, user_id: str, version: str) -> str:
        """Remember rows; returns their locator of 18 characters."""
        self._opened += 1
        locator = ids.numbered("0r8", self._opened)
        counted = user_id if float(version) < UNBOUNDED_SINCE else ""
        self._open[locator] = Cursor(rows, page, self.now(), counted)
        if counted:
            own = [name for name, one in self._open.items() if one.counted == counted]
            for name in own[:-MOST_OF_USER]:
                del self._open[name]
        self._drop_oldest()
        return locator

    def at(self, name: str) -> tuple[str, Cursor, int]:
        """Locator, cursor and offset of a name as `nextRecordsUrl` has it.

        Raises:
            Refusal: INVALID_QUERY_LOCATOR, unknown, too old, or beyond the end.
        """
        locator, _, offset = name.partition("-")
        cursor = self._open.get(locator)
        is_good = cursor is not None and self.now() - cursor.opened <= LIFE
        if cursor is None or not is_good or not offset.isdecimal():
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        if int(offset) >= len(cursor.rows):
            raise Refusal("INVALID_QUERY_LOCATOR", "invalid query locator")
        return locator, cursor, int(offset)

    def _drop_oldest(self) -> None:
        while len(self._open) > MOST:
            self._open.pop(next(iter(self._open)))
