"""The vendor's allowances, by the sandbox's clock, when they are switched on.

Source: Intuit, "API call limits and throttles" (read November 2026): for each company 500 calls a
minute, 10 a second, 40 batches a minute and 40 e-mails a day; status 429, then wait 60 seconds.
Older announcements, perhaps still in force: 10 calls at once (2016-08-08), 200 reports a minute.

Two documented limits cannot be reached here and are not counted: 120 batches a minute over all apps
(the sandbox knows one app, which has 40) and 800 calls a minute together with the vendor's other
products (none is served).
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

PER_MINUTE = 500
PER_SECOND = 10
AT_ONCE = 10
BATCHES_PER_MINUTE = 40
REPORTS_PER_MINUTE = 200
EMAILS_PER_DAY = 40


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
            "send": Allowance(EMAILS_PER_DAY, timedelta(days=1)),
        }

    def admit(self, kind: str, now: datetime) -> bool:
        """Count a call unless one of its allowances is used up; a refused call is not counted.

        `kind` is "batch", "reports", "send" (an e-mail), or anything else.
        """
        own = self._special.get(kind)
        concerned = (*self._always, *((own,) if own else ()))
        if not all(allowance.allows(now) for allowance in concerned):
            return False
        for allowance in concerned:
            allowance.count(now)
        return True


def kind_of_call(segments: list[str]) -> str:
    """Which allowance of its own a call has, by its path below the company."""
    resource = segments[0].lower() if segments else ""
    return "send" if segments[2:] == ["send"] else resource
