"""The first screen as values: ten answers in a fixed order, from which each channel draws its own.

The page lays them out, the spreadsheet types them, the mail and the Slack message write them down.
No figure is computed twice, so none can differ between two of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Literal

from pipelines.money import Money
from reverse_etl.report import words
from reverse_etl.report.bridge_value import Company
from reverse_etl.report.value import Bucket, Figures, Report, Stake

Kind = Literal["money", "share", "days", "count"]
Value = Money | Decimal | int


@dataclass(frozen=True)
class Figure:
    """One figure: `key` is its name for programs, `name` for people; without a company it is that
    of all. A `share` lies between 0 and 1; None is a figure that nobody can give."""

    key: str
    name: str
    kind: Kind
    value: Value | None
    company: Company | None = None
    currency: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """As people read it, the same in every channel."""
        if isinstance(self.value, Money):
            return words.money(self.value)
        if self.value is None:
            return "–"
        if self.kind == "share":
            return words.percent(Decimal(self.value))
        return words.days(self.value) if self.kind == "days" else f"{self.value:,}"


@dataclass(frozen=True)
class Answer:
    """One of the ten: its heading, what is said in words, and its figures."""

    number: int
    title: str
    told: str
    figures: tuple[Figure, ...]


def answers(report: Report) -> tuple[Answer, ...]:
    """The ten answers, in the order in which a reader needs them."""
    parts = (
        ("Data verdict", f"{verdict(report)}. {verdict_sentence(report)}", ()),
        (
            "Leakage: due, past grace, not billed in full",
            "" if report.leakage else "Nothing: every due step is billed in full.",
            _stakes("leakage_amount", "Leakage", report.leakage, "deal"),
        ),
        (
            "Billed too much: harm to customers, never set against leakage",
            "" if report.over_billed or report.duplicates else "None found.",
            _stakes("over_billed_amount", "Over-billed", report.over_billed, "step")
            + _stakes("duplicate_amount", "Duplicates", report.duplicates, "invoice"),
        ),
        ("Bridge from sold to billed", bridge_sentence(report), tuple(_bridges(report))),
        ("Matched to an invoice", "", tuple(_rates(report.figures))),
        ("Time to invoice", "", tuple(_times(report.figures))),
        ("Receivables by age and DSO", "", tuple(_receivables(report))),
        ("Exceptions", exceptions_sentence(report), _exceptions(report)),
        (
            "Low-confidence matches waiting",
            waiting_sentence(report),
            (Figure("waiting", "Waiting", "count", len(report.reviews)),),
        ),
        ("Changes after sign-off", changes_sentence(report), tuple(_changes(report))),
    )
    return tuple(Answer(number, *part) for number, part in enumerate(parts, 1))


def verdict(report: Report) -> str:
    """The data verdict in a word or two."""
    if not report.verdict.is_concluded:
        return "Not concluded"
    return "Concluded, with a difference" if report.verdict.differing else "Concluded"


def verdict_sentence(report: Report) -> str:
    """What the verdict rests on, with the first of what failed or differs."""
    checks, failed = report.verdict.checks, report.verdict.failed
    if report.verdict.is_concluded:
        differing = "".join(f" {c.subject} – {c.detail}." for c in report.verdict.differing[:3])
        passed = words.count(len(checks), "check")
        return f"All {passed} passed: the sources are fresh and complete.{differing}"
    if not checks:
        return "No source has been checked, so no figure below may be relied on."
    named = "; ".join(f"{check.subject} – {check.detail}" for check in failed[:3])
    more = f" And {len(failed) - 3} more." if len(failed) > 3 else ""
    return (
        f"{len(failed)} of {words.count(len(checks), 'check')} failed. Read no figure below as "
        f"final: {named}.{more}"
    )


def bridge_sentence(report: Report) -> str:
    """Whether every bridge ties, and which does not."""
    if not report.bridges:
        return "No bridge: the warehouse holds no billable deal and no invoice."
    broken = [bridge for bridge in report.bridges if not bridge.ties]
    if not broken:
        return "Every bridge ties to 0.00."
    names = ", ".join(f"{bridge.company.name} in {bridge.currency}" for bridge in broken)
    return f"Does not tie: {names}. Do not sign before this is explained."


def exceptions_sentence(report: Report) -> str:
    """How the exceptions moved since the last recorded week, and how old the oldest is."""
    counted = report.exceptions
    moved = ", ".join(f"{number:,} {word}" for word, number in movements(report))
    told = f"{moved or 'No earlier week is recorded, so nothing is carried from one'}."
    if counted.noted:
        told += f" {counted.noted:,} more are noted for information."
    if counted.oldest_on:
        oldest = words.days(counted.oldest_days)
        told += f" Oldest from {words.day(counted.oldest_on)} ({oldest})."
    return told


def movements(report: Report) -> list[tuple[str, int]]:
    """Opened, closed and carried, as far as it is recorded."""
    counted = report.exceptions
    named = (("opened", counted.opened), ("closed", counted.closed), ("carried", counted.carried))
    return [(word, number) for word, number in named if number is not None]


def waiting_sentence(report: Report) -> str:
    """Which kinds of link wait for a person."""
    subjects = sorted({review.subject for review in report.reviews})
    told = [
        words.count(sum(r.subject == subject for r in report.reviews), f"{subject} link")
        for subject in subjects
    ]
    return ", ".join(told) + "." if told else "No link waits for a decision."


def changes_sentence(report: Report) -> str:
    """Whether anything changed under a signature."""
    changes = report.changes_after_sign_off
    if changes is None:
        return "No week has been signed off, so nothing can have changed under a signature."
    if not changes:
        return "Every signed week still has the figures that were signed."
    return f"{words.count(len(changes), 'change')}."


def _stakes(key: str, name: str, stakes: Iterable[Stake], noun: str) -> tuple[Figure, ...]:
    return tuple(
        Figure(key, name, "money", stake.amount, None, stake.amount.currency,
               words.count(stake.count, noun))
        for stake in stakes
    )  # fmt: skip


_BRIDGE_LINES = (
    ("A", "Sold"), ("E", "Expected"), ("I1", "Invoiced, net"), ("N", "Net billed, with tax"),
    ("RESIDUAL", "Unexplained"),
)  # fmt: skip


def _bridges(report: Report) -> Iterable[Figure]:
    for bridge in report.bridges:
        for code, name in _BRIDGE_LINES:
            amount = Money(bridge.amount(code), bridge.currency)
            yield Figure(code, name, "money", amount, bridge.company, bridge.currency)


def _rates(books: Iterable[Figures]) -> Iterable[Figure]:
    for book in books:
        if book.due_deals:
            of = f"{book.matched_deals:,} of {words.count(book.due_deals, 'deal')}"
            yield _of(book, "match_rate_by_value", "By value", "share")
            yield _of(book, "match_rate_by_count", "By count", "share", of)


def _times(books: Iterable[Figures]) -> Iterable[Figure]:
    for book in books:
        if book.steps_timed:
            yield _of(book, "time_to_invoice_median_days", "Median", "days")
            yield _of(book, "time_to_invoice_p90_days", "P90", "days")
        if book.steps_sent:
            of = f"{book.steps_sent:,} of {words.count(book.steps_timed, 'step')}"
            yield _of(book, "time_to_send_median_days", "Until sent, median", "days", of)
            yield _of(book, "time_to_send_p90_days", "Until sent, P90", "days", of)


def buckets_of(report: Report, book: Figures) -> list[Bucket]:
    """The buckets of a book's ageing, what is not due yet first."""
    return [
        bucket
        for ageing in report.ageing
        if (ageing.company, ageing.currency) == (book.company, book.currency)
        for bucket in ageing.buckets
    ]


def _receivables(report: Report) -> Iterable[Figure]:
    for book in report.figures:
        if book.has_receivables:
            yield _of(book, "receivable_amount", "Open", "money")
            yield _of(book, "overdue_amount", "Overdue", "money")
            for bucket in buckets_of(report, book):
                amount = Money(bucket.amount, book.currency)
                yield Figure(bucket.key, bucket.name, "money", amount, book.company, book.currency)
            yield _of(book, "dso_days", "DSO", "days")


def _of(book: Figures, key: str, name: str, kind: Kind, note: str = "") -> Figure:
    value = getattr(book, key)
    told = Money(value, book.currency) if kind == "money" else value
    return Figure(key, name, kind, told, book.company, book.currency, note)


def _exceptions(report: Report) -> tuple[Figure, ...]:
    named = [("open", report.exceptions.open), *movements(report)]
    return tuple(Figure(word, word.capitalize(), "count", number) for word, number in named)


def _changes(report: Report) -> Iterable[Figure]:
    for change in report.changes_after_sign_off or ():
        name = f"{change.week.label}: {change.subject}"
        money = change.difference
        yield Figure("change", name, "money", money, None, money.currency)


def by_book(figures: Iterable[Figure]) -> list[tuple[str, list[Figure]]]:
    """Figures that stand together, below the name of their company and currency; below nothing
    where they are those of all."""

    def book(figure: Figure) -> str:
        return f"{figure.company.name}, {figure.currency}" if figure.company else ""

    return [(name, list(group)) for name, group in groupby(figures, book)]
