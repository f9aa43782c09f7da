"""The weekly report as a value: what page, tables and every later channel are drawn from.

Nothing here knows a database, HTML or a file. A figure that the warehouse does not hold is None,
and whoever shows the report says so. Amounts of different currencies never meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.errors import ConfigurationError
from pipelines.money import Money
from reverse_etl.report.bridge_value import Bridge, Company, Period
from reverse_etl.report.close_value import (
    Carried,
    Cause,
    CauseTrend,
    ExceptionEntry,
    Planned,
    SignedWeek,
)


@dataclass(frozen=True, order=True)
class Week:
    """An ISO 8601 week: Monday to Sunday, week 1 holds the year's first Thursday."""

    year: int
    number: int

    @property
    def label(self) -> str:
        return f"{self.year:04d}-W{self.number:02d}"

    @property
    def first_on(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def last_on(self) -> date:
        return self.first_on + timedelta(days=6)


def week_of(day: date) -> Week:
    """The ISO week that a day lies in."""
    year, number, _ = day.isocalendar()
    return Week(year, number)


def parse_week(text: str) -> Week:
    """`2026-W47` as a week. Raises `ConfigurationError` when there is no such week."""
    found = re.fullmatch(r"(\d{4})-?[Ww](\d{2})", text.strip())
    try:
        return week_of(date.fromisocalendar(int(found[1]), int(found[2]), 1)) if found else _bad()
    except ValueError as problem:
        raise ConfigurationError(
            "report", repr(text), "there is no such week", "Write an ISO week such as 2026-W47."
        ) from problem


def _bad() -> Week:
    raise ValueError("not an ISO week")


@dataclass(frozen=True)
class Check:
    """One thing that had to hold before the figures may be read. One that passed and still
    `differs` was read whole, and its receivables are not those of QuickBooks' own report."""

    subject: str
    passed: bool
    differs: bool
    detail: str
    rows_read: int | None
    rows_counted: int | None
    observed_at: datetime | None


@dataclass(frozen=True)
class Verdict:
    """Are the sources fresh and complete? Otherwise the report is not concluded."""

    is_concluded: bool
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def differing(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.differs)


@dataclass(frozen=True)
class Stake:
    """An amount in one currency and how many deals or documents it is about."""

    amount: Money
    count: int


@dataclass(frozen=True)
class Figures:
    """The key figures of one company and currency: a book.

    Leakage is unbilled, voided and under-billed, never netted with over-billing; the match rates
    are over everything that is due; times run from the plan date to the invoice date, and
    to the day it was sent by e-mail where QuickBooks knows it.
    """

    company: Company
    currency: str
    leakage_amount: Decimal
    leakage_deals: int
    unbilled_amount: Decimal
    unbilled_steps: int
    voided_amount: Decimal
    voided_steps: int
    under_billed_amount: Decimal
    under_billed_steps: int
    over_billed_amount: Decimal
    over_billed_steps: int
    duplicate_amount: Decimal
    duplicate_invoices: int
    due_deals: int
    matched_deals: int
    automatically_matched_deals: int
    due_amount: Decimal
    matched_amount: Decimal
    steps_timed: int
    time_to_invoice_median_days: Decimal | None
    time_to_invoice_p90_days: Decimal | None
    steps_sent: int
    time_to_send_median_days: Decimal | None
    time_to_send_p90_days: Decimal | None
    receivable_amount: Decimal
    overdue_amount: Decimal
    sales_amount: Decimal
    dso_days: Decimal | None
    unapplied_payment_amount: Decimal
    unapplied_payments: int
    unapplied_credit_amount: Decimal
    unapplied_credits: int

    @property
    def match_rate_by_count(self) -> Decimal | None:
        """Matched deals ÷ due deals, from 0 to 1; None when nothing is due."""
        return Decimal(self.matched_deals) / self.due_deals if self.due_deals else None

    @property
    def match_rate_by_value(self) -> Decimal | None:
        """Matched amount ÷ due amount, from 0 to 1; None when nothing is due."""
        return self.matched_amount / self.due_amount if self.due_amount else None

    @property
    def has_receivables(self) -> bool:
        """Is there anything to age, or anything sold lately?"""
        return bool(self.receivable_amount or self.sales_amount)

    @property
    def leakage_rate(self) -> Decimal | None:
        """Leakage ÷ due amount; None when nothing is due."""
        return self.leakage_amount / self.due_amount if self.due_amount else None


@dataclass(frozen=True)
class Bucket:
    """One bucket of the ageing: `current`, or days past due such as `1-30`."""

    number: int
    days: str
    amount: Decimal
    documents: int

    @property
    def is_overdue(self) -> bool:
        return self.days != "current"

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.days.replace('-', '–')} days" if self.is_overdue else "Not due yet"

    @property
    def key(self) -> str:
        """Its name for programs, and of its column in the spreadsheet."""
        return f"bucket_{self.number}"


@dataclass(frozen=True)
class Ageing:
    """Accounts receivable of one company in one currency, by due date."""

    company: Company
    currency: str
    buckets: tuple[Bucket, ...]

    @property
    def total(self) -> Decimal:
        return sum((bucket.amount for bucket in self.buckets), Decimal(0))

    @property
    def overdue(self) -> Decimal:
        return sum((bucket.amount for bucket in self.buckets if bucket.is_overdue), Decimal(0))


@dataclass(frozen=True)
class Length:
    """Plan steps whose first invoice came so many days after the plan's date, such as `3-5`."""

    days: str
    steps: int
    amount: Decimal


@dataclass(frozen=True)
class TimeToInvoice:
    """How long invoicing took in one company and currency, the shortest lengths first."""

    company: Company
    currency: str
    lengths: tuple[Length, ...]

    @property
    def steps(self) -> int:
        return sum(length.steps for length in self.lengths)


@dataclass(frozen=True)
class Comparison:
    """Receivables of a company as held and as QuickBooks' own report of a day has them, in the
    company's currency; `moved_on` is how far they differ by customers of whom something was read
    since."""

    company: Company
    currency: str
    reported: Decimal
    held: Decimal
    moved_on: Decimal
    is_reconciled: bool
    reported_on: date


@dataclass(frozen=True)
class Exceptions:
    """How many mismatches wait for somebody. None means that it is not recorded.

    `noted` are those of information only, which nobody has to close.
    """

    open: int
    noted: int
    opened: int | None
    closed: int | None
    carried: int | None
    oldest_on: date | None
    oldest_days: int | None


@dataclass(frozen=True)
class SignOffChange:
    """A figure of a signed week that changed afterwards."""

    week: Week
    subject: str
    difference: Money


@dataclass(frozen=True)
class WeekFigure:
    """Leakage in one currency by the week in which it fell due."""

    week: Week
    amount: Money
    count: int


@dataclass(frozen=True)
class Mismatch:
    """One finding with both sides: what the deal asks for and what the document says."""

    mismatch_id: str
    code: str
    precedence: int
    severity: str
    owner: str
    company: Company | None
    org_id: str | None
    deal_id: str | None
    deal_name: str | None
    plan_step: int | None
    document_type: str | None
    document_id: str | None
    document_number: str | None
    account_id: str | None
    account_name: str | None
    customer_id: str | None
    customer_name: str | None
    at_stake: Money | None
    expected: Money | None
    actual: Money | None
    occurred_on: date | None
    age_days: int | None
    flags: tuple[str, ...]
    reason: str
    suggested_action: str
    root_cause: str
    # The writes that would mend it; none where Crossfoot writes nothing, and a person acts.
    planned: tuple[Planned, ...] = ()

    @property
    def difference(self) -> Money | None:
        """Actual − expected; None when one side is unknown or they are in two currencies."""
        if self.actual is None or self.expected is None:
            return None
        if self.actual.currency != self.expected.currency:
            return None
        return self.actual - self.expected


@dataclass(frozen=True)
class Reason:
    """Findings of a class that have the same reason: how many, and what they are about per
    currency, also where nothing is at stake."""

    text: str
    count: int
    amounts: tuple[Stake, ...]


@dataclass(frozen=True)
class MismatchClass:
    """All mismatches of one class, the dearest first, with their totals per currency."""

    code: str
    title: str
    meaning: str
    totals: tuple[Stake, ...]
    mismatches: tuple[Mismatch, ...]

    @property
    def unpriced(self) -> int:
        """How many have no amount."""
        return sum(1 for mismatch in self.mismatches if mismatch.at_stake is None)


@dataclass(frozen=True)
class BlockedInvoice:
    """A due plan step that may not be invoiced automatically, and why."""

    org_id: str
    deal_id: str
    deal_name: str
    company: Company | None
    plan_step: int
    step_count: int | None
    account_id: str | None
    account_name: str | None
    amount: Money | None
    reason: str
    detail: str


@dataclass(frozen=True)
class Candidate:
    """One possible partner in the review queue; `review_id` is what a person decides by."""

    review_id: str
    record_id: str
    name: str
    confidence: Decimal | None
    rank: int
    reason: str


@dataclass(frozen=True)
class Review:
    """A record whose partner a person has to choose, with its candidates, the likeliest first.

    Subject `customer`: an account and QuickBooks customers; `product`: a product and items;
    `invoice`: an invoice and the deals it may bill.
    """

    subject: str
    company: Company
    record_id: str
    name: str
    at_stake: Money | None
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class CoverageState:
    """Plan steps in one state: invoiced, to_be_invoiced, blocked or not_due."""

    state: str
    steps: int
    amount: Decimal


@dataclass(frozen=True)
class Coverage:
    """Where every plan step of every billable deal ended up, for one company and currency."""

    company: Company
    currency: str
    states: tuple[CoverageState, ...]

    @property
    def steps(self) -> int:
        return sum(state.steps for state in self.states)

    @property
    def amount(self) -> Decimal:
        return sum((state.amount for state in self.states), Decimal(0))

    def state(self, name: str) -> CoverageState:
        """The state of this name, with nothing in it when no step is there."""
        found = (state for state in self.states if state.state == name)
        return next(found, CoverageState(name, 0, Decimal(0)))


@dataclass(frozen=True)
class Report:
    """The week's reconciliation, complete: every figure that any channel shows."""

    week: Week
    as_of_at: datetime
    verdict: Verdict
    figures: tuple[Figures, ...]
    bridges: tuple[Bridge, ...]
    # The bridges of single months, weeks and years: the newest of each kind, newest first.
    periods: tuple[Period, ...]
    ageing: tuple[Ageing, ...]
    comparisons: tuple[Comparison, ...]
    exceptions: Exceptions
    reviews: tuple[Review, ...]
    # None: no week was ever signed, so nothing can have changed afterwards.
    changes_after_sign_off: tuple[SignOffChange, ...] | None
    leakage_by_week: tuple[WeekFigure, ...]
    classes: tuple[MismatchClass, ...]
    ready: tuple[Stake, ...]
    blocked: tuple[BlockedInvoice, ...]
    coverage: tuple[Coverage, ...]
    times: tuple[TimeToInvoice, ...]
    carried: tuple[Carried, ...]
    entries: tuple[ExceptionEntry, ...]
    causes: tuple[Cause, ...]
    cause_trends: tuple[CauseTrend, ...]
    signed_weeks: tuple[SignedWeek, ...]

    @property
    def leakage(self) -> tuple[Stake, ...]:
        """Per currency: due, past grace and not billed in full, with the number of deals."""
        return self._stakes("leakage_amount", "leakage_deals")

    @property
    def over_billed(self) -> tuple[Stake, ...]:
        """Per currency: billed above the plan, with the number of steps."""
        return self._stakes("over_billed_amount", "over_billed_steps")

    @property
    def duplicates(self) -> tuple[Stake, ...]:
        """Per currency: billed twice, with the number of invoices."""
        return self._stakes("duplicate_amount", "duplicate_invoices")

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """All findings, in the order of the taxonomy."""
        return tuple(mismatch for group in self.classes for mismatch in group.mismatches)

    def _stakes(self, amount: str, count: str) -> tuple[Stake, ...]:
        rows = [
            Stake(Money(getattr(book, amount), book.currency), getattr(book, count))
            for book in self.figures
        ]
        return tuple(stake for stake in add_stakes(rows) if stake.count)


# Classes below this place say that a source or a rule is meant, not that a record is wrong.
_FIRST_TO_CLOSE = 2


def is_to_close(found: Mismatch) -> bool:
    """Does somebody have to deal with it? Otherwise it is noted for information."""
    return found.precedence >= _FIRST_TO_CLOSE and found.severity != "info"


def add_stakes(rows: Iterable[Stake]) -> tuple[Stake, ...]:
    """Stakes added up within each currency, never across; the currencies in alphabetical order."""
    sums: dict[str, Stake] = {}
    for row in rows:
        held = sums.get(row.amount.currency)
        sums[row.amount.currency] = (
            Stake(held.amount + row.amount, held.count + row.count) if held else row
        )
    return tuple(sums[currency] for currency in sorted(sums))


def stakes(amounts: Iterable[Money | None]) -> tuple[Stake, ...]:
    """Number and sum of the amounts per currency; what has no amount is left out."""
    return add_stakes(Stake(amount, 1) for amount in amounts if amount is not None)
