"""Rows of the closing and sync marts → the values of the week's close."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

from pipelines.money import Money
from reverse_etl.changes import ChangeKey
from reverse_etl.plan_words import REASON_WORDS
from reverse_etl.report import words
from reverse_etl.report.close_value import (
    Carried,
    Cause,
    CauseTrend,
    CauseWeek,
    Count,
    ExceptionEntry,
    Planned,
    SignedWeek,
)
from reverse_etl.report.queries import Rows
from reverse_etl.syncs import deal_status, invoices

Row = Mapping[str, Any]
NameOf = Callable[[str | None], str]
PlanKey = tuple[str | None, int | None]

_NO_CAUSE = "no cause given"


def carried(row: Row, name_of: NameOf) -> Carried:
    """One row of exceptions_carried_forward."""
    currency = row["currency_code"] or ""

    def money(name: str) -> Money | None:
        value = row[f"{name}_amount"]
        return Money(value, currency) if currency and value is not None else None

    def count(name: str) -> Count:
        return Count(row[f"{name}_count"] or 0, money(name))

    return Carried(
        subject=name_of(row["company_id"]),
        currency=currency,
        opening_week=row["opening_week"],
        opening=count("opening"),
        new=count("new"),
        closed=count("closed"),
        revalued=money("revalued"),
        closing=count("closing"),
    )


def cause(row: Row) -> Cause:
    """One root cause of exception_causes, its companies together."""
    return Cause(
        row["root_cause"] or _NO_CAUSE, row["open_count"], row["closed_count"],
        row["returned_count"], row["repeated_count"],
    )  # fmt: skip


def cause_trends(rows: Rows) -> tuple[CauseTrend, ...]:
    """The root causes of exception_cause_weeks, in the order they come in."""
    return tuple(
        CauseTrend(name or _NO_CAUSE, _cause_weeks(group))
        for name, group in groupby(rows, lambda row: row["root_cause"])
    )


def _cause_weeks(rows: Iterable[Row]) -> tuple[CauseWeek, ...]:
    weeks = [(week, list(group)) for week, group in groupby(rows, lambda row: row["week"])]
    return tuple(
        CauseWeek(week, group[0]["is_recorded"], _counts(group, "open"), _counts(group, "closed"))
        for week, group in weeks
    )


def _counts(rows: Iterable[Row], name: str) -> tuple[Count, ...]:
    """One count per currency that has any."""
    return tuple(
        Count(row[f"{name}_count"], _amount(row[f"{name}_amount"], row["currency_code"]))
        for row in rows
        if row[f"{name}_count"]
    )


def _amount(value: Decimal, currency: str | None) -> Money | None:
    return Money(value, currency) if currency else None


def exception_entry(row: Row) -> ExceptionEntry:
    """One row of exceptions."""
    document = words.document_name(row["document_type"], row["document_number"], row["document_id"])
    value = row["opening_amount" if row["movement"] == "closed" else "value_at_stake"]
    currency = row["currency_code"]
    return ExceptionEntry(
        exception_id=row["exception_id"],
        code=row["mismatch_class"],
        motion=row["movement"],
        state=row["exception_state"],
        name=row["deal_name"] or (document if row["document_id"] else row["customer_name"] or "–"),
        deal_id=row["deal_id"],
        at_stake=Money(value, currency) if value is not None and currency else None,
        age_days=row["age_days"],
        owner=row["owner"] or row["owner_role"] or "",
        root_cause=row["root_cause"] or "",
        explanation=row["explanation"] or "",
        explained_by=row["explained_by"] or "",
        accepted_until=row["accepted_until"],
        needs_explanation=bool(row["needs_explanation"]),
    )


def signed_week(row: Row) -> SignedWeek:
    """One row of sign_offs."""
    return SignedWeek(
        week=row["week"],
        state=row["sign_off_state"] or "",
        prepared_by=row["prepared_by"],
        prepared_at=row["prepared_at"],
        reviewed_by=row["reviewed_by"],
        reviewed_at=row["reviewed_at"],
        exceptions=row["exceptions"] or 0,
        material=row["material_exceptions"] or 0,
        blockers=row["blockers"] or 0,
        changes=row["changes"] or 0,
    )


def planned_by_deal(invoice_rows: Rows, status_rows: Rows) -> dict[PlanKey, tuple[Planned, ...]]:
    """What is planned for each step of a deal, and for a deal as a whole (step None)."""
    found: dict[PlanKey, tuple[Planned, ...]] = {}
    for row in invoice_rows:
        key = (row["deal_id"], row["plan_step"])
        found[key] = (*found.get(key, ()), _invoice(row))
    for row in status_rows:
        key = (row["deal_id"], None)
        found[key] = (*found.get(key, ()), _status(row))
    return found


def _invoice(row: Row) -> Planned:
    blocked = row["blocked_reason"]
    detail = row["blocked_detail"] or _reason(blocked)
    lines = words.count(row["line_count"], "line") if row["line_count"] else ""
    dated = f"dated {words.day(row['invoice_on'])}" if row["invoice_on"] else ""
    told = ", ".join(part for part in (dated, lines) if part)
    currency = row["currency_code"]
    has_amount = row["amount"] is not None and currency
    return Planned(
        flow=invoices.NAME,
        what=f"create the invoice{f' ({told})' if told else ''}",
        amount=Money(row["amount"], currency) if has_amount else None,
        key=_key(invoices.NAME, row["company_id"], row, row["plan_step"], row["generation"]),
        blocked=detail if blocked else "",
    )


_STATUS_FIELDS = (
    ("invoice_status", "status"), ("invoice_number", "invoice number"),
    ("amount_paid", "paid"), ("amount_due", "due"),
)  # fmt: skip


def _status(row: Row) -> Planned:
    left_alone = f"{row['conflict_fields'] or ''},{row['kept_fields'] or ''}".split(",")
    moved = [
        f"{name} {_shown(row[f'current_{column}'])} → {_shown(row[column])}"
        for column, name in _STATUS_FIELDS
        if row[column] != row[f"current_{column}"] and column not in left_alone
    ]
    blocked = _reason(row["blocked_reason"])
    if not (blocked or moved) and any(left_alone):
        named = ", ".join(filter(None, left_alone))
        blocked = f"changed by a person, or Salesforce's own, and left alone: {named}"
    return Planned(
        flow=deal_status.NAME,
        what=f"bring the deal in Salesforce up to date: {', '.join(moved) or 'billing fields'}",
        amount=None,
        key=_key(deal_status.NAME, row["org_id"], row, 0, 1),
        blocked=blocked,
    )


def _reason(code: str | None) -> str:
    return REASON_WORDS.get(code, words.label(code)) if code else ""


def _shown(value: Any) -> str:
    return "(empty)" if value is None else str(value)


def _key(flow: str, place: str | None, row: Row, step: int, generation: int | None) -> str:
    return str(ChangeKey(flow, place or "", row["deal_id"], step, generation or 1))
