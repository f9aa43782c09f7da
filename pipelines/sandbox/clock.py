"""The vendors' time: real, shifted, or frozen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """What both vendors believe the time is.

    It runs with the machine's monotonic clock, starting at a moment of your choice; frozen, it
    stands still until it is set or advanced.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._frozen = False
        self._skew = 0.0
        self._anchor = start or datetime.now(UTC)
        self._since = time.monotonic()
        if start is not None:
            self.set(start)

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen

    def now(self) -> datetime:
        """The vendors' present moment, aware, in UTC."""
        return self.unskewed() + timedelta(seconds=self._skew)

    def unskewed(self) -> datetime:
        """The present moment without the fault of a skewed clock."""
        if self._frozen:
            return self._anchor
        return self._anchor + timedelta(seconds=time.monotonic() - self._since)

    @contextmanager
    def skewed(self, seconds: float) -> Iterator[None]:
        """Be off by so many seconds while the block runs."""
        self._skew = seconds
        try:
            yield
        finally:
            self._skew = 0.0

    def set(self, at: datetime, frozen: bool = False) -> None:
        """Make it `at` now; with `frozen` it stays so.

        Raises:
            ValueError: `at` carries no time zone.
        """
        if at.tzinfo is None:
            raise ValueError(
                "The sandbox clock needs a time with its zone, e.g. 2026-11-20T17:00:00Z."
            )
        self._anchor = at.astimezone(UTC)
        self._since = time.monotonic()
        self._frozen = frozen

    def advance(self, seconds: float) -> None:
        """Move time on by `seconds` (negative: back), keeping whether it is frozen."""
        self.set(self.now() + timedelta(seconds=seconds), self._frozen)

    def http_date(self) -> str:
        """The present moment as an HTTP Date header (RFC 9110)."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 moment with its zone (`Z` or an offset).

    Raises:
        ValueError: not a moment, or without a zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' names no time zone; write e.g. 2026-11-20T17:00:00Z.")
    return moment.astimezone(UTC)


def instant_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with a Z, microseconds kept when there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
