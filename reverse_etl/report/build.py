"""Rows of the marts → the report as a value. No figure is computed here that a mart carries."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from pipelines.errors import Stop
from pipelines.money import Money
from reverse_etl.report import build_close, classes, words
from reverse_etl.report.bridge_value import Bridge, BridgeLine, Company, Period
from reverse_etl.report.build_close import PlanKey
from reverse_etl.report.close_value import Planned
from reverse_etl.report.queries import Rows, read_marts
from reverse_etl.report.value import (
    Ageing,
    BlockedInvoice,
    Bucket,
    Candidate,
    Check,
    Comparison,
    Coverage,
    CoverageState,
    Exceptions,
    Figures,
    Length,
    Mismatch,
    MismatchClass,
    Report,
    Review,
    SignOffChange,
    TimeToInvoice,
    Verdict,
    Week,
    WeekFigure,
    is_to_close,
    parse_week,
    stakes,
    week_of,
)

Row = Mapping[str, Any]
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

NOT_ROUTED = "not routed"
_SYSTEMS = {"salesforce": "Salesforce", "quickbooks": "QuickBooks"}


def build_report(warehouse_path: Path, week: str | None = None) -> Report:
    """The report of the books in a warehouse file, usually the published copy.

    `week` is an ISO week such as 2026-W47. The marts hold one moment only, so it can be the week
    of that moment (the default) or the one before, which a report on Monday morning is about.
    Raises `ConfigurationError` for a week that does not exist, `Stop` for one that the warehouse
    does not hold, and like `warehouse.read`.
    """
    return from_marts(read_marts(warehouse_path), week)


def from_marts(marts: Mapping[str, Rows], week: str | None = None) -> Report:
    """The same from rows that have been read already."""
    as_of_at = _as_of(marts)
    companies = _Companies(marts["companies"])
    planned = build_close.planned_by_deal(marts["invoices"], marts["statuses"])
    mismatches = [_mismatch(row, companies, planned) for row in marts["mismatches"]]
    return Report(
        week=_week(week, as_of_at),
        as_of_at=as_of_at,
        verdict=_verdict(marts["verdicts"], companies),
        figures=tuple(_figures(row, companies) for row in marts["figures"]),
        bridges=_books(marts["bridges"], companies, _bridge),
        periods=_periods(marts["periods"], companies),
        ageing=_books(marts["ageing"], companies, _ageing),
        comparisons=_books(marts["comparisons"], companies, _comparison),
        exceptions=_exceptions(mismatches, marts["movements"]),
        reviews=_reviews(marts["reviews"], companies),
        changes_after_sign_off=_changes_after_sign_off(marts["sign_offs"]),
        leakage_by_week=tuple(map(_week_figure, marts["weeks"])),
        classes=_classes(mismatches),
        ready=stakes(_money(r, "amount") for r in marts["invoices"] if not r["blocked_reason"]),
        blocked=tuple(_blocked(r, companies) for r in marts["invoices"] if r["blocked_reason"]),
        coverage=_books(marts["coverage"], companies, _coverage),
        times=_books(marts["lengths"], companies, _time_to_invoice),
        carried=tuple(build_close.carried(row, companies.name) for row in marts["carried"]),
        entries=tuple(map(build_close.exception_entry, marts["exceptions"])),
        causes=tuple(map(build_close.cause, marts["causes"])),
        cause_trends=build_close.cause_trends(marts["cause_weeks"]),
        signed_weeks=tuple(map(build_close.signed_week, marts["signed"])),
    )


class _Companies:
    """Companies by realm id, with their names and home currencies where they are known."""

    def __init__(self, rows: Rows) -> None:
        self._names = {row["company_id"]: row["company_name"] for row in rows}
        self._homes = {row["company_id"]: row["home_currency_code"] for row in rows}

    def get(self, company_id: str | None) -> Company:
        if not company_id or company_id == NOT_ROUTED:
            return Company("", "Not routed to a company")
        return Company(company_id, self._names.get(company_id) or f"Company {company_id}")

    def name(self, company_id: str | None) -> str:
        return self.get(company_id).name

    def home_currency(self, company_id: str | None) -> str | None:
        return self._homes.get(company_id or "")


def _as_of(marts: Mapping[str, Rows]) -> datetime:
    moments = [row["as_of_at"] for row in marts["verdicts"] if row["as_of_at"]]
    days = [row["as_of_on"] for row in marts["figures"] if row["as_of_on"]]
    if moments:
        latest: datetime = max(moments).astimezone(UTC)
        return latest
    if days:
        return datetime.combine(max(days), time(), UTC)
    raise Stop("warehouse", "", "it holds no data to report on", "Run `crossfoot sync`.")


def _week(text: str | None, as_of_at: datetime) -> Week:
    held = week_of(as_of_at.date())
    asked = parse_week(text) if text else held
    days_after = (as_of_at.date() - asked.last_on).days
    if asked > held or days_after > 7:
        raise Stop(
            "report",
            asked.label,
            f"the warehouse holds the books as of {words.day(as_of_at.date())}, week {held.label}",
            "Leave the week out to report on these.",
        )
    return asked


def _verdict(rows: Rows, companies: _Companies) -> Verdict:
    checks = tuple(_check(row, companies) for row in rows)
    return Verdict(bool(checks) and all(check.passed for check in checks), checks)


def _check(row: Row, companies: _Companies) -> Check:
    is_company = row["system"] == "quickbooks"
    name = companies.get(row["source_id"]).name if is_company else row["source_id"]
    return Check(
        subject=f"{_SYSTEMS.get(row['system'], row['system'])}: {name}",
        passed=row["verdict"] != "not_concluded",
        differs=row["verdict"] == "differs",
        detail=row["reason"],
        rows_read=row["rows_read"],
        rows_counted=row["rows_vendor"],
        observed_at=row["oldest_read_at"],
    )


_FIGURE_NAMES = frozenset(field.name for field in fields(Figures))


def _figures(row: Row, companies: _Companies) -> Figures:
    carried = {name: value for name, value in row.items() if name in _FIGURE_NAMES}
    return Figures(
        company=companies.get(row["company_id"]), currency=row["currency_code"], **carried
    )


def _books(
    rows: Rows, companies: _Companies, make: Callable[[Company, str, list[Row]], T]
) -> tuple[T, ...]:
    """One value per company and currency, of the rows that belong to them."""
    return tuple(
        make(companies.get(company_id), currency, group)
        for (company_id, currency), group in _grouped(
            rows, lambda row: (row["company_id"], row["currency_code"])
        )
    )


def _bridge(company: Company, currency: str, rows: list[Row]) -> Bridge:
    return Bridge(company, currency, tuple(map(_bridge_line, rows)))


def _periods(rows: Rows, companies: _Companies) -> tuple[Period, ...]:
    """The bridges by period, without the books in which nothing moved then."""
    return tuple(
        Period(kind, code, first_on, tuple(b for b in books if not b.is_empty))
        for (kind, code, first_on), group in _grouped(
            rows, lambda row: (row["period_kind"], row["period"], row["period_starts_on"])
        )
        for books in [_books(group, companies, _bridge)]
    )


def _bridge_line(row: Row) -> BridgeLine:
    return BridgeLine(
        row["line_number"], row["line_code"], row["line_label"], row["line_kind"], row["amount"],
        row["documents"],
    )  # fmt: skip


def _ageing(company: Company, currency: str, rows: list[Row]) -> Ageing:
    buckets = (Bucket(r["bucket_number"], r["bucket"], r["amount"], r["documents"]) for r in rows)
    return Ageing(company, currency, tuple(buckets))


def _comparison(company: Company, currency: str, rows: list[Row]) -> Comparison:
    def total(name: str) -> Decimal:
        return sum((row[name] for row in rows), Decimal(0))

    return Comparison(
        company,
        currency,
        reported=total("reported_amount"),
        held=total("held_amount"),
        moved_on=total("moved_on_amount"),
        is_reconciled=all(row["is_reconciled"] for row in rows),
        reported_on=rows[0]["as_of_on"],
    )


def _coverage(company: Company, currency: str, rows: list[Row]) -> Coverage:
    states = (CoverageState(row["coverage_state"], row["steps"], row["amount"]) for row in rows)
    return Coverage(company, currency, tuple(states))


def _week_figure(row: Row) -> WeekFigure:
    money = Money(row["amount"], row["currency_code"])
    return WeekFigure(week_of(row["week_on"]), money, row["steps"])


def _time_to_invoice(company: Company, currency: str, rows: list[Row]) -> TimeToInvoice:
    lengths = (Length(row["bucket"], row["steps"], row["amount"]) for row in rows)
    return TimeToInvoice(company, currency, tuple(lengths))


# What an invoice mends, and what a write to the deal in Salesforce does. Crossfoot changes no
# document that exists, so everything else is mended by a person.
_MENDED_BY_INVOICE = frozenset({"UNBILLED_CLOSED_WON", "VOIDED_AFTER_BILLING"})
_MENDED_BY_STATUS = frozenset({"STATUS_DRIFT"})


def _planned(row: Row, planned: Mapping[PlanKey, tuple[Planned, ...]]) -> tuple[Planned, ...]:
    if row["mismatch_class"] in _MENDED_BY_INVOICE and row["plan_step"] is not None:
        return planned.get((row["deal_id"], row["plan_step"]), ())
    if row["mismatch_class"] in _MENDED_BY_STATUS and row["deal_id"]:
        return planned.get((row["deal_id"], None), ())
    return ()


def _mismatch(
    row: Row, companies: _Companies, planned: Mapping[PlanKey, tuple[Planned, ...]]
) -> Mismatch:
    return Mismatch(
        mismatch_id=row["mismatch_id"],
        code=row["mismatch_class"],
        precedence=row["precedence"],
        severity=row["severity"],
        owner=row["owner_role"],
        company=companies.get(row["company_id"]) if row["company_id"] else None,
        org_id=row["org_id"],
        deal_id=row["deal_id"],
        deal_name=row["deal_name"],
        plan_step=row["plan_step"],
        document_type=row["document_type"],
        document_id=row["document_id"],
        document_number=row["document_number"],
        account_id=row["account_id"],
        account_name=row["account_name"],
        customer_id=row["customer_id"],
        customer_name=row["customer_name"],
        at_stake=_money(row, "value_at_stake", _stake_currency(row, companies)),
        expected=_money(row, "expected_amount", _expected_currency(row)),
        actual=_money(row, "actual_amount"),
        occurred_on=row["occurred_on"],
        age_days=row["age_days"],
        flags=tuple(row["flags"] or ()),
        reason=row["reason"] or "",
        suggested_action=row["suggested_action"] or "",
        root_cause=row["root_cause"] or "",
        planned=_planned(row, planned),
    )


def _stake_currency(row: Row, companies: _Companies) -> str | None:
    """What is at stake with an odd rate is a difference in the company's home currency."""
    if row["mismatch_class"] == "FX_ANOMALY":
        return companies.home_currency(row["company_id"])
    currency: str | None = row["currency_code"]
    return currency


def _expected_currency(row: Row) -> str | None:
    """A deal is billed in its own currency, also when its invoice is in another one."""
    is_other = row["mismatch_class"] == "CURRENCY_MISMATCH"
    currency: str | None = row["deal_currency_code"] if is_other else row["currency_code"]
    return currency


def _money(row: Row, column: str, currency: str | None = "") -> Money | None:
    """The amount in its currency; None when either is unknown."""
    code = row["currency_code"] if currency == "" else currency
    return Money(row[column], code) if row[column] is not None and code else None


def _exceptions(mismatches: list[Mismatch], movements: Rows) -> Exceptions:
    moved: Row = movements[0] if movements else {}
    waiting = [found for found in mismatches if is_to_close(found)]
    dated = [(found.occurred_on, found.age_days) for found in waiting if found.occurred_on]
    oldest_on, oldest_days = min(dated, key=lambda pair: pair[0], default=(None, None))
    return Exceptions(
        open=len(waiting),
        noted=len(mismatches) - len(waiting),
        opened=moved.get("opened"),
        closed=moved.get("closed"),
        carried=moved.get("carried"),
        oldest_on=oldest_on,
        oldest_days=oldest_days,
    )


def _changes_after_sign_off(rows: Rows) -> tuple[SignOffChange, ...] | None:
    """What changed under signatures; None while no week is signed."""
    if not rows:
        return None
    return tuple(
        SignOffChange(
            week=parse_week(row["week"]),
            subject=f"{words.label(row['record_type'])} {row['record_number']} {row['change']}",
            difference=Money(row["difference"], row["currency_code"]),
        )
        for row in rows
        if row["difference"] is not None and row["currency_code"]
    )


def _classes(mismatches: list[Mismatch]) -> tuple[MismatchClass, ...]:
    return tuple(
        MismatchClass(
            code,
            classes.title(code),
            classes.meaning(code),
            stakes(found.at_stake for found in group),
            tuple(group),
        )
        for code, group in _grouped(mismatches, lambda found: found.code)
    )


def _blocked(row: Row, companies: _Companies) -> BlockedInvoice:
    return BlockedInvoice(
        org_id=row["org_id"],
        deal_id=row["deal_id"],
        deal_name=row["deal_name"] or row["deal_id"],
        company=companies.get(row["company_id"]),
        plan_step=row["plan_step"],
        step_count=row["step_count"],
        account_id=row["account_id"],
        account_name=row["account_name"],
        amount=_money(row, "amount"),
        reason=row["blocked_reason"],
        detail=row["blocked_detail"] or "",
    )


def _reviews(rows: Rows, companies: _Companies) -> tuple[Review, ...]:
    groups = [group for _, group in _grouped(sorted(rows, key=_decision), _decision)]
    return tuple(_review(group, companies) for group in groups)


def _decision(row: Row) -> tuple[str, str, str]:
    """What has to be decided: an invoice's deal, or an account's or product's partner."""
    decided = row["right_id"] if row["subject"] == "invoice" else row["left_id"]
    return row["subject"], row["company_id"] or "", decided


def _review(rows: list[Row], companies: _Companies) -> Review:
    first = rows[0]
    own, other = ("right", "left") if first["subject"] == "invoice" else ("left", "right")
    ranked = sorted(rows, key=lambda row: (row["candidate_rank"], row[f"{other}_id"]))
    return Review(
        subject=first["subject"],
        company=companies.get(first["company_id"]),
        record_id=first[f"{own}_id"],
        name=first[f"{own}_name"] or first[f"{own}_id"],
        at_stake=_money(first, "amount_at_stake"),
        candidates=tuple(_candidate(row, other) for row in ranked),
    )


def _candidate(row: Row, side: str) -> Candidate:
    return Candidate(
        review_id=row["review_id"],
        record_id=row[f"{side}_id"],
        name=row[f"{side}_name"] or row[f"{side}_id"],
        confidence=row["confidence"],
        rank=row["candidate_rank"],
        reason=row["reason"] or "",
    )


def _grouped(rows: Iterable[T], key: Callable[[T], K]) -> list[tuple[K, list[T]]]:
    """Neighbouring rows of one key together; the queries bring them in order."""
    return [(name, list(group)) for name, group in groupby(rows, key)]
