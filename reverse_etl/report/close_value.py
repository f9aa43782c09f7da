"""The close of a week as values: how exceptions moved, who signed, and what is planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pipelines.money import Money

Motion = Literal["new", "closed", "carried"]


@dataclass(frozen=True)
class Count:
    """A number of exceptions and what is at stake; no amount where they have no currency."""

    number: int
    amount: Money | None


@dataclass(frozen=True)
class Carried:
    """Opening + new − closed ± revalued = closing, of one company and currency. `subject` names
    them; `opening_week` is the recorded week that the others are counted from."""

    subject: str
    currency: str
    opening_week: str | None
    opening: Count
    new: Count
    closed: Count
    revalued: Money | None
    closing: Count


@dataclass(frozen=True)
class ExceptionEntry:
    """One exception of the week with what people said of it. One that is closed has at stake what
    the week opened with."""

    exception_id: str
    code: str
    motion: Motion
    state: str
    name: str
    deal_id: str | None
    at_stake: Money | None
    age_days: int | None
    owner: str
    root_cause: str
    explanation: str
    explained_by: str
    accepted_until: date | None
    needs_explanation: bool


@dataclass(frozen=True)
class Cause:
    """A root cause of exceptions: how many are open, how often one was closed, and how often it
    came again since: the same exception, or another one in the same books."""

    name: str
    open: int
    closed: int
    returned: int
    repeated: int


@dataclass(frozen=True)
class CauseWeek:
    """A week of a root cause: per currency what the last run of the week found, and what its runs
    no longer found. A week of which no run is known has nothing to tell, which is not none."""

    week: str
    is_recorded: bool
    open: tuple[Count, ...]
    closed: tuple[Count, ...]

    @property
    def open_number(self) -> int:
        """Exceptions at the end of the week, of all currencies."""
        return sum(count.number for count in self.open)

    @property
    def closed_number(self) -> int:
        """Exceptions closed in the week, of all currencies."""
        return sum(count.number for count in self.closed)


@dataclass(frozen=True)
class CauseTrend:
    """How a root cause moved over the last weeks, the oldest first, the one that is closed last."""

    name: str
    weeks: tuple[CauseWeek, ...]

    @property
    def recorded(self) -> tuple[CauseWeek, ...]:
        """The weeks of which something is known."""
        return tuple(week for week in self.weeks if week.is_recorded)


@dataclass(frozen=True)
class SignedWeek:
    """A recorded week: who prepared and reviewed it, and whether that still holds."""

    week: str
    state: str
    prepared_by: str | None
    prepared_at: datetime | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    exceptions: int
    material: int
    blockers: int
    changes: int


@dataclass(frozen=True)
class Planned:
    """A write that the plan of `flow` holds for a record, or why it holds none: then `blocked`
    says so. `key` is the change's own in plan and ledger."""

    flow: str
    what: str
    amount: Money | None
    key: str
    blocked: str
