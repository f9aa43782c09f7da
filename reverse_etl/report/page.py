"""The report as one self-contained page: no script, no remote resource, readable offline.

Every text passes `words.foreign` and autoescape on its way out; the policy in the page allows its
own style sheet, known by its hash, and nothing else at all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from pipelines.money import Money
from reverse_etl.report import answers, charts, classes, page_bridge, page_close, words
from reverse_etl.report.links import NO_LINKS, Links
from reverse_etl.report.plans import NO_PLANS, Plans
from reverse_etl.report.value import (
    Ageing,
    BlockedInvoice,
    Bucket,
    Candidate,
    Comparison,
    Figures,
    Mismatch,
    MismatchClass,
    Report,
    Review,
    Stake,
    WeekFigure,
    add_stakes,
    stakes,
)

# A page of many thousand rows helps nobody; the tables beside it hold them all.
ROWS_SHOWN = 100
_SEVERITIES = ("critical", "high", "medium", "low", "info", "review")


def render_html(report: Report, links: Links = NO_LINKS, plans: Plans = NO_PLANS) -> str:
    """The whole page as text. `links` says where the records of both systems can be opened, `plans`
    which stored plan holds a write."""
    style = _text("page.css")
    return rendered(
        "page.html",
        report=report,
        links=links,
        plans=plans,
        style=Markup(style),  # noqa: S704 - our own file, not foreign text
        policy=_policy(style),
        contents=_contents(report),
        currencies=_currencies(report),
        states=_COVERAGE_STATES,
        limit=ROWS_SHOWN,
    )


def rendered(template: str, **values: Any) -> str:
    """One of our templates with these values, everything foreign in it cleaned and escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import DictLoader

    environment = Environment(
        loader=DictLoader(
            {
                name: _text(name)
                for name in ("page.html", "page_bridge.html", "page_causes.html", "mail.html")
            }
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update({**_FILTERS, **page_bridge.filters(), **page_close.filters()})
    return environment


def _shown(value: Any) -> Any:
    """Plain text is cleaned before it is escaped; markup of our own template is not touched."""
    return words.foreign(value) if type(value) is str else value


def _text(name: str) -> str:
    return files("reverse_etl.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str) -> str:
    """Content-Security-Policy: nothing but this very style sheet."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _contents(report: Report) -> list[tuple[str, str]]:
    parts: list[tuple[str, str, object]] = [
        ("bridge", "Bridge", report.bridges),
        ("weeks", "Leakage by week", report.leakage_by_week),
        ("times", "Time to invoice", page_close.times_shown(report)),
        ("receivables", "Receivables", report.ageing),
        ("exceptions", "Exceptions", True),
        ("sign-off", "Sign-off", True),
        ("mismatches", "Mismatches", True),
        ("blocked", "Not sent by itself", True),
        ("review", "Low-confidence matches", True),
        ("coverage", "Coverage", report.coverage),
        ("sources", "Sources", True),
    ]
    return [(anchor, name) for anchor, name, there in parts if there]


def _currencies(report: Report) -> list[str]:
    return sorted({stake.amount.currency for group in report.classes for stake in group.totals})


# What the page says in words: the text alternative of each picture, the sense of each table.


def _weeks_sentence(figures: Sequence[WeekFigure], currency: str) -> str:
    highest = max(figures, key=lambda figure: figure.amount.amount)
    return (
        f"Leakage in {currency} by week from {figures[0].week.label} to {figures[-1].week.label}: "
        f"highest in {highest.week.label} with {words.money(highest.amount)}, "
        f"{words.money(figures[-1].amount)} in the last week."
    )


def _comparison_sentence(one: Comparison) -> str:
    """Whether receivables are those of QuickBooks' own report, which takes open credits off and
    speaks of all currencies in the company's own."""
    held = words.amount(one.held - one.moved_on, one.currency)
    at = f"all currencies in {one.currency}, open credits taken off"
    day = words.day(one.reported_on)
    if one.is_reconciled:
        told = f"{at}: {held}, as in QuickBooks' own report of {day}, customer by customer."
    else:
        told = (
            f"{at}: {held} held and {words.amount(one.reported, one.currency)} in QuickBooks' own "
            f"report of {day}. Who differs is told in the data verdict."
        )
    if one.moved_on:
        told += f" Read since then: {words.amount(one.moved_on, one.currency)}."
    return told


def _ageing_sentence(ageing: Ageing) -> str:
    share = words.percent(max(ageing.overdue, Decimal(0)) / ageing.total)
    return f"{words.amount(ageing.overdue, ageing.currency)} is overdue, {share} of what is open."


def _review_sentence(report: Report) -> str:
    if not report.reviews:
        return "Nothing: every link is confirmed, or rejected by a person."
    return (
        "Links that are not certain enough to be used. Confirm one or reject it; what was "
        "rejected is remembered and not proposed again."
    )


def _blocked_sentence(report: Report) -> str:
    if not report.blocked:
        return "Nothing is blocked."
    return (
        f"{words.count(len(report.blocked), 'due step')} will not be invoiced automatically until "
        "the reason is gone."
    )


# How the template reaches into the value.


_COVERAGE_STATES = ("invoiced", "to_be_invoiced", "blocked", "not_due")


def _composition(report: Report, currency: str) -> str:
    """What leakage in one currency is made of."""
    books = [book for book in report.figures if book.currency == currency]
    parts = (("unbilled", "unbilled"), ("voided", "voided"), ("under-billed", "under_billed"))
    sums = [(word, sum(getattr(b, f"{name}_amount") for b in books)) for word, name in parts]
    return ", ".join(f"{word} {words.amount(total, currency)}" for word, total in sums if total)


def _unapplied(report: Report) -> list[tuple[str, tuple[Stake, ...]]]:
    """Money received or credited and not applied, per currency."""
    kinds = (("payments", "unapplied_payment"), ("credits", "unapplied_credit"))
    return [
        (
            word,
            add_stakes(
                Stake(Money(getattr(b, f"{name}_amount"), b.currency), getattr(b, f"{name}s"))
                for b in report.figures
                if getattr(b, f"{name}s")
            ),
        )
        for word, name in kinds
    ]


def _by_company(books: Iterable[Figures]) -> list[tuple[str, list[Figures]]]:
    return [
        (company.name, list(group)) for company, group in groupby(books, lambda book: book.company)
    ]


def _age_names(report: Report) -> list[str]:
    names = {bucket.number: bucket.name for ageing in report.ageing for bucket in ageing.buckets}
    return [names[number] for number in sorted(names)]


def _ages(report: Report, book: Figures) -> list[tuple[str, Bucket | None]]:
    """A book's buckets in the order of the columns; None where it has none of that name."""
    held = {bucket.name: bucket for bucket in answers.buckets_of(report, book)}
    return [(name, held.get(name)) for name in _age_names(report)]


def _bucket_bar(bucket: Bucket, ageing: Ageing) -> Decimal:
    return charts.bar(bucket.amount, max(other.amount for other in ageing.buckets))


def _weeks(report: Report) -> list[tuple[str, list[WeekFigure]]]:
    return _grouped(report.leakage_by_week, lambda figure: figure.amount.currency)


def _total_in(group: MismatchClass, currency: str) -> str:
    found = [stake.amount for stake in group.totals if stake.amount.currency == currency]
    return words.amount(found[0].amount, currency) if found else "–"


def _side(value: Money | None, found: Mismatch) -> str:
    """One side's amount; its currency is named when it is not the one at stake."""
    if value is None:
        return "–"
    at_stake = found.at_stake.currency if found.at_stake else None
    same = value.currency == at_stake
    return words.amount(value.amount, value.currency) if same else words.money(value)


def _difference(found: Mismatch) -> str:
    if not classes.is_compared(found.code):
        return "–"
    value = found.difference
    return words.signed(value.amount, value.currency) if value else "–"


def _next_step(group: MismatchClass) -> tuple[str, str] | None:
    """Who does what next, when it is the same for the whole class."""
    steps = {(found.owner, found.suggested_action) for found in group.mismatches}
    return steps.pop() if len(steps) == 1 else None


def _is_for_information(group: MismatchClass) -> bool:
    return all(found.severity == "info" for found in group.mismatches)


def _circumstances(found: Mismatch) -> str:
    """When, in which company, and what else is true of the record."""
    told = [words.day(found.occurred_on)] if found.occurred_on else []
    told += [found.company.name] if found.company else []
    told += [f"also: {_also(found.flags)}"] if found.flags else []
    return " · ".join(told)


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _also(flags: Iterable[str]) -> str:
    return ", ".join(classes.title(flag).lower() for flag in flags)


def _blocked_by_reason(report: Report) -> list[tuple[str, list[BlockedInvoice]]]:
    return _grouped(report.blocked, lambda row: row.reason)


_BLOCKED_TITLES = {
    "before_go_live": "Due before the go-live date",
    "customer_in_review": "Customer waits for a decision",
    "invoice_in_review": "Invoice waits for a decision",
    "deal_without_lines": "Deal has no lines",
    "previous_invoice_voided": "Earlier invoice was voided",
    "previous_invoice_deleted": "Earlier invoice was deleted",
}


def _blocked_title(reason: str) -> str:
    return _BLOCKED_TITLES.get(reason, words.label(reason))


def _reviews_by_subject(report: Report) -> list[tuple[str, list[Review]]]:
    return _grouped(report.reviews, lambda row: row.subject)


def _sums(rows: Sequence[BlockedInvoice | Review]) -> tuple[Stake, ...]:
    return stakes(row.amount if isinstance(row, BlockedInvoice) else row.at_stake for row in rows)


def _record_link(row: Review, links: Links) -> str | None:
    if row.subject == "invoice":
        return links.document(row.company.company_id, "invoice", row.record_id)
    to_record = links.product if row.subject == "product" else links.account
    return to_record(row.record_id)


def _candidate_link(candidate: Candidate, row: Review, links: Links) -> str | None:
    if row.subject == "invoice":
        return links.deal(candidate.record_id.split("/")[0])
    to_record = links.item if row.subject == "product" else links.customer
    return to_record(row.company.company_id, candidate.record_id)


def _candidate_name(candidate: Candidate, row: Review) -> str:
    """An invoice's candidate is a step of a deal."""
    step = candidate.record_id.partition("/")[2] if row.subject == "invoice" else ""
    return f"{candidate.name}, step {step}" if step else candidate.name


def _grouped(rows: Iterable[Any], key: Any) -> list[tuple[str, list[Any]]]:
    """Rows by a key, groups in the key's order, rows in the order they came in."""
    return [(name, list(group)) for name, group in groupby(sorted(rows, key=key), key)]


_FILTERS = {
    "age_names": _age_names,
    "ageing_sentence": _ageing_sentence,
    "ages": _ages,
    "comparison_sentence": _comparison_sentence,
    "amount": words.amount,
    "anchor": lambda code: code.lower().replace("_", "-"),
    "blocked_by_reason": _blocked_by_reason,
    "blocked_sentence": _blocked_sentence,
    "blocked_title": _blocked_title,
    "bridge_sentence": answers.bridge_sentence,
    "bucket_bar": _bucket_bar,
    "by_book": answers.by_book,
    "by_company": _by_company,
    "candidate_link": _candidate_link,
    "candidate_name": _candidate_name,
    "class_title": classes.title,
    "columns": charts.columns,
    "composition": _composition,
    "circumstances": _circumstances,
    "count": words.count,
    "day": words.day,
    "days": words.days,
    "difference": _difference,
    "document_name": lambda found: words.document_name(
        found.document_type, found.document_number, found.document_id
    ),
    "is_for_information": _is_for_information,
    "label": words.label,
    "moment": words.moment,
    "movements": answers.movements,
    "next_step": _next_step,
    "number": "{:,}".format,
    "percent": words.percent,
    "record_link": _record_link,
    "review_sentence": _review_sentence,
    "reviews_by_subject": _reviews_by_subject,
    "sentence": _sentence,
    "severity": lambda severity: severity if severity in _SEVERITIES else "info",
    "side": _side,
    "sides": lambda group: classes.sides(group.code),
    "sums": _sums,
    "total_in": _total_in,
    "unapplied": _unapplied,
    "waiting_sentence": answers.waiting_sentence,
    "weeks": _weeks,
    "weeks_sentence": _weeks_sentence,
}
