"""The vendor's allowances: calls per minute and second, batches per minute. By sandbox clock."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

PER_MINUTE = 500
PER_SECOND = 10
BATCHES_PER_MINUTE = 40
REPORTS_PER_MINUTE = 200


class Allowance:
    """At most `most` calls within any `span`."""

    def __init__(self, most: int, span: timedelta) -> None:
        self.most = most
        self.span = span
        self._calls: deque[datetime] = deque()

    def allows(self, now: datetime) -> bool:
        """Whether one more call fits."""
        while self._calls and not (timedelta(0) <= now - self._calls[0] < self.span):
            self._calls.popleft()
        return len(self._calls) < self.most

    def count(self, now: datetime) -> None:
        """Count one call."""
        self._calls.append(now)


class Limits:
    """All allowances of one company."""

    def __init__(self) -> None:
        minute = timedelta(minutes=1)
        self._always = (
            Allowance(PER_MINUTE, minute),
            Allowance(PER_SECOND, timedelta(seconds=1)),
        )
        self._special = {
            "batch": Allowance(BATCHES_PER_MINUTE, minute),
            "reports": Allowance(REPORTS_PER_MINUTE, minute),
        }

    def admit(self, resource: str, now: datetime) -> bool:
        """Count a call unless one of its allowances is used up; a refused call is not counted."""
        own = self._special.get(resource)
        concerned = (*self._always, *((own,) if own else ()))
        if not all(allowance.allows(now) for allowance in concerned):
            return False
        for allowance in concerned:
            allowance.count(now)
        return True
