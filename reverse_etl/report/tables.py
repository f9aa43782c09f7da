"""The report as plain tables: the same figures for CSV files, a spreadsheet or a mail's attachment.

Cells are text, whole numbers, exact amounts or days; how they are written is the channel's matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from pipelines.money import Money
from reverse_etl.report.bridge_value import Bridge, Company
from reverse_etl.report.value import (
    Ageing,
    Figures,
    Mismatch,
    Report,
)

Cell = str | int | Decimal | date | None


@dataclass(frozen=True)
class Table:
    """A named table; every row has as many cells as there are columns."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(report: Report) -> tuple[Table, ...]:
    """All tables of the report: mismatches, bridge, kpis and ageing."""
    return (mismatches(report), bridge(report), kpis(report), ageing(report))


def mismatches(report: Report) -> Table:
    """One row per finding, in the order of the taxonomy."""
    return Table("mismatches", _MISMATCH, tuple(map(_mismatch, report.mismatches)))


def bridge(report: Report) -> Table:
    """One row per line of every bridge, over all and by period; flows are signed as they move the
    sum. Each kind of period is a view of the whole: the same money stands in all of them."""
    columns = (
        "period_kind", "period", "company_id", "company_name", "currency_code", "line_number",
        "line_code", "line_label", "line_kind", "amount", "documents",
    )  # fmt: skip
    whole = (_bridge("to_date", "to date", bridge) for bridge in report.bridges)
    parts = (_bridge(p.kind, p.code, bridge) for p in report.periods for bridge in p.bridges)
    return Table("bridge", columns, tuple(_flat([*whole, *parts])))


def kpis(report: Report) -> Table:
    """One row per company and currency with all its figures."""
    columns = ("week", "as_of_at", "company_id", "company_name", "currency_code", *_KPIS, *_RATES)
    return Table("kpis", columns, tuple(_kpis(report, book) for book in report.figures))


def ageing(report: Report) -> Table:
    """One row per bucket of every ageing."""
    columns = ("company_id", "company_name", "currency_code", "bucket", "amount", "documents")
    return Table("ageing", columns, tuple(_flat(map(_ageing, report.ageing))))


_MISMATCH = (
    "mismatch_id", "mismatch_class", "precedence", "severity", "owner_role", "company_id",
    "company_name", "org_id", "deal_id", "deal_name", "plan_step", "document_type", "document_id",
    "document_number", "account_id", "account_name", "customer_id", "customer_name",
    "at_stake_currency", "value_at_stake", "expected_currency", "expected_amount",
    "actual_currency", "actual_amount", "occurred_on", "age_days", "flags", "reason",
    "suggested_action", "root_cause",
)  # fmt: skip
_KPIS = tuple(field.name for field in fields(Figures) if field.name not in ("company", "currency"))
_RATES = ("match_rate_by_count", "match_rate_by_value", "leakage_rate")
_RATE_DIGITS = Decimal("0.000001")


def _mismatch(found: Mismatch) -> tuple[Cell, ...]:
    return (
        found.mismatch_id, found.code, found.precedence, found.severity, found.owner,
        *(_company(found.company) if found.company else (None, None)), found.org_id,
        found.deal_id, found.deal_name, found.plan_step, found.document_type, found.document_id,
        found.document_number, found.account_id, found.account_name, found.customer_id,
        found.customer_name, *_money(found.at_stake), *_money(found.expected),
        *_money(found.actual), found.occurred_on, found.age_days, " ".join(found.flags),
        found.reason, found.suggested_action, found.root_cause,
    )  # fmt: skip


def _bridge(kind: str, period: str, bridge: Bridge) -> Iterable[tuple[Cell, ...]]:
    for line in bridge.lines:
        yield (
            kind, period, *_company(bridge.company), bridge.currency, line.number, line.code,
            line.label, line.kind, line.amount, line.documents,
        )  # fmt: skip


def _kpis(report: Report, book: Figures) -> tuple[Cell, ...]:
    own = (report.week.label, report.as_of_at.isoformat(), *_company(book.company), book.currency)
    carried = (getattr(book, name) for name in _KPIS)
    return (*own, *carried, *(_rounded(getattr(book, name)) for name in _RATES))


def _ageing(ageing: Ageing) -> Iterable[tuple[Cell, ...]]:
    for bucket in ageing.buckets:
        yield (
            *_company(ageing.company), ageing.currency, bucket.days, bucket.amount,
            bucket.documents,
        )  # fmt: skip


def _company(company: Company) -> tuple[str, str]:
    return company.company_id, company.name


def _money(value: Money | None) -> tuple[str | None, Decimal | None]:
    return (value.currency, value.amount) if value else (None, None)


def _rounded(share: Decimal | None) -> Decimal | None:
    return None if share is None else share.quantize(_RATE_DIGITS)


def _flat(groups: Iterable[Iterable[tuple[Cell, ...]]]) -> Iterable[tuple[Cell, ...]]:
    return (row for group in groups for row in group)
