"""The report as a value: the marts' figures unchanged, per currency, and honest about gaps."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import report_sample as given
from report_sample import DEAL, INC, LTD, OTHER_DEAL, sample, write_marts

from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop, WarehouseBusy
from pipelines.money import Money
from reverse_etl.report import Report, build_report
from reverse_etl.report.value import Stake, Week, parse_week, week_of


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb"))


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def test_the_week_is_that_of_the_data_unless_asked_for(report: Report, tmp_path: Path) -> None:
    assert report.week.label == "2026-W47"
    path = write_marts(tmp_path / "warehouse.duckdb")
    assert build_report(path, "2026-W47") == report


def test_on_monday_the_week_that_has_ended_may_be_reported(tmp_path: Path) -> None:
    monday = "2026-11-23 06:00:00+00:00"
    marts = sample(data_verdict=[given.verdict("salesforce", given.ORG) | {"as_of_at": monday}])
    path = write_marts(tmp_path / "warehouse.duckdb", marts)
    assert build_report(path).week.label == "2026-W48"
    assert build_report(path, "2026-W47").week.last_on == date(2026, 11, 22)


@pytest.mark.parametrize("week", ["2026-W48", "2026-W45", "2025-W47"])
def test_a_week_that_the_warehouse_does_not_hold_is_refused(tmp_path: Path, week: str) -> None:
    path = write_marts(tmp_path / "warehouse.duckdb")
    with pytest.raises(Stop, match="20 Nov 2026, week 2026-W47"):
        build_report(path, week)


@pytest.mark.parametrize("text", ["2026-W54", "2025-W53", "2026-W00", "last week", "2026-11-20"])
def test_a_week_that_does_not_exist_is_a_mistake_in_the_question(text: str) -> None:
    with pytest.raises(ConfigurationError, match="2026-W47"):
        parse_week(text)


def test_weeks_are_those_of_iso_8601() -> None:
    assert week_of(date(2027, 1, 3)) == Week(2026, 53)
    assert parse_week("2026-W53").last_on == date(2027, 1, 3)
    assert week_of(date(2026, 11, 16)) == week_of(date(2026, 11, 22)) == Week(2026, 47)


def test_leakage_is_added_up_within_a_currency_and_never_across(report: Report) -> None:
    assert report.leakage == (Stake(usd("1500.50"), 3),)
    assert report.over_billed == (Stake(Money(Decimal("10.01"), "GBP"), 1),)
    assert report.duplicates == (Stake(usd("900"), 1),)


def test_the_first_screen_agrees_with_the_list(report: Report) -> None:
    leaking = {"UNBILLED_CLOSED_WON", "VOIDED_AFTER_BILLING", "UNDER_BILLED"}
    listed = [found.at_stake for found in report.mismatches if found.code in leaking]
    assert sum((m.amount for m in listed if m), Decimal(0)) == report.leakage[0].amount.amount


def test_classes_come_in_the_order_of_the_taxonomy_with_their_totals(report: Report) -> None:
    assert [group.code for group in report.classes] == [
        "EXCLUDED", "DUPLICATE_INVOICE", "CURRENCY_MISMATCH", "FX_ANOMALY",
        "UNBILLED_CLOSED_WON", "UNDER_BILLED", "OVER_BILLED",
    ]  # fmt: skip
    under = report.classes[5]
    assert under.totals == (Stake(usd("300.50"), 2),)
    assert [m.at_stake for m in under.mismatches] == [usd("300"), usd("0.50")]


def test_a_deal_in_another_currency_keeps_its_own(report: Report) -> None:
    found = next(m for m in report.mismatches if m.code == "CURRENCY_MISMATCH")
    assert found.expected == usd("60")
    assert found.actual == Money(Decimal("50"), "EUR")
    assert found.difference is None


def test_what_an_odd_rate_costs_is_in_home_currency(report: Report) -> None:
    found = next(m for m in report.mismatches if m.code == "FX_ANOMALY")
    assert found.at_stake == Money(Decimal("7"), "GBP")
    assert found.actual == Money(Decimal("50"), "EUR")


def test_a_difference_is_actual_less_expected(report: Report) -> None:
    differences = {m.mismatch_id: m.difference for m in report.mismatches}
    assert differences["UNDER_BILLED-12"] == usd("-300")
    assert differences["DUPLICATE_INVOICE-14"] == usd("900")


def test_exceptions_leave_out_what_nobody_has_to_close(report: Report) -> None:
    counted = report.exceptions
    assert (counted.open, counted.noted) == (7, 1)
    assert counted.oldest_on == date(2026, 10, 1)
    assert (counted.opened, counted.closed, counted.carried) == (None, None, None)
    assert report.changes_after_sign_off is None


def test_what_moved_since_the_week_before_is_told(tmp_path: Path) -> None:
    moved = {"week": "2026-W47", "opening_week": "2026-W46", "company_id": INC}
    counts = {"opening_count": 5, "new_count": 2, "closed_count": 1, "closing_count": 6}
    rows = [moved | {"currency_code": code} | counts for code in ("EUR", "USD")]
    path = write_marts(tmp_path / "w.duckdb", sample(exceptions_carried_forward=rows))
    counted = build_report(path).exceptions
    assert (counted.opened, counted.closed, counted.carried) == (4, 2, 8)


def test_what_changed_under_a_signature_is_told(tmp_path: Path) -> None:
    signed = {"week": "2026-W46", "reviewed_by": "carol"}
    change = {
        "week": "2026-W46", "record_type": "credit_memo", "record_id": "9", "change": "added",
        "currency_code": "USD", "difference": Decimal("-10.01"),
    }  # fmt: skip
    marts = sample(sign_offs=[signed], changes_after_sign_off=[change])
    changes = build_report(write_marts(tmp_path / "w.duckdb", marts)).changes_after_sign_off
    assert changes is not None
    (told,) = changes
    assert (told.week.label, told.subject) == ("2026-W46", "Credit memo 9 added")
    assert told.difference == usd("-10.01")


def test_a_signed_week_without_changes_says_so(tmp_path: Path) -> None:
    marts = sample(sign_offs=[{"week": "2026-W46", "reviewed_by": "carol"}])
    report = build_report(write_marts(tmp_path / "w.duckdb", marts))
    assert report.changes_after_sign_off == ()


def test_a_decision_holds_its_candidates_best_first(report: Report) -> None:
    by_subject = {row.subject: row for row in report.reviews}
    assert len(report.reviews) == 2
    assert [c.record_id for c in by_subject["customer"].candidates] == ["7", "8"]
    invoice = by_subject["invoice"]
    assert (invoice.record_id, invoice.name) == ("21", "1021 Acme")
    assert [c.record_id for c in invoice.candidates] == [f"{DEAL}/1", f"{OTHER_DEAL}/2"]


def test_all_that_is_billable_is_somewhere(report: Report) -> None:
    (book,) = report.coverage
    assert (book.steps, book.amount) == (3, Decimal("2700.00"))
    assert book.state("blocked").amount == Decimal("500.00")
    assert book.state("not_due").steps == 0


def test_what_is_ready_and_what_is_blocked(report: Report) -> None:
    assert report.ready == (Stake(usd("1200"), 1),)
    assert [(row.deal_id, row.reason) for row in report.blocked] == [
        (OTHER_DEAL, "product_not_mapped")
    ]


def test_bridges_say_whether_they_tie(tmp_path: Path) -> None:
    rows = given.bridge(INC, "USD") + given.bridge(LTD, "GBP", residual="0.01")
    path = write_marts(tmp_path / "warehouse.duckdb", sample(reconciliation_bridge=rows))
    assert [(b.company.name, b.ties) for b in build_report(path).bridges] == [
        ("Brightwater Inc", True), ("Brightwater Ltd", False),
    ]  # fmt: skip


def test_leakage_by_week_is_one_series_per_currency(report: Report) -> None:
    assert [(f.week.label, f.amount, f.count) for f in report.leakage_by_week] == [
        ("2026-W46", usd("1200.50"), 2), ("2026-W47", usd("300.00"), 1),
    ]  # fmt: skip


def test_ageing_adds_up(report: Report) -> None:
    (book,) = report.ageing
    assert (book.total, book.overdue) == (Decimal("600.25"), Decimal("500.25"))
    assert book.total == report.figures[0].receivable_amount


def test_one_source_that_failed_means_not_concluded(tmp_path: Path) -> None:
    marts = sample(data_verdict=[
        given.verdict("salesforce", given.ORG), given.verdict("quickbooks", INC, passed=False),
    ])  # fmt: skip
    verdict = build_report(write_marts(tmp_path / "warehouse.duckdb", marts)).verdict
    assert not verdict.is_concluded
    assert [check.subject for check in verdict.failed] == ["QuickBooks: Brightwater Inc"]


def test_no_source_at_all_means_not_concluded(tmp_path: Path) -> None:
    path = write_marts(tmp_path / "warehouse.duckdb", sample(data_verdict=[]))
    assert not build_report(path).verdict.is_concluded


def test_a_company_without_a_name_is_called_by_its_id(tmp_path: Path) -> None:
    rows = given.bridge(INC, "USD") + given.bridge("not routed", "CHF")
    marts = sample(companies=[], reconciliation_bridge=rows)
    report = build_report(write_marts(tmp_path / "warehouse.duckdb", marts))
    assert [b.company.name for b in report.bridges] == [
        f"Company {INC}", "Not routed to a company"
    ]  # fmt: skip
    odd_rate = next(m for m in report.mismatches if m.code == "FX_ANOMALY")
    assert odd_rate.at_stake is None, "an amount without a known currency is not shown as one"


def test_every_amount_is_exact(report: Report) -> None:
    amounts = [line.amount for bridge in report.bridges for line in bridge.lines]
    amounts += [book.due_amount for book in report.figures]
    assert all(isinstance(amount, Decimal) for amount in amounts)


def test_an_empty_or_missing_warehouse_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="crossfoot sync"):
        build_report(tmp_path / "nothing.duckdb")
    empty: dict[str, list[dict[str, object]]] = {mart: [] for mart in sample()}
    with pytest.raises(Stop, match="no data to report on"):
        build_report(write_marts(tmp_path / "empty.duckdb", empty))
    path = write_marts(tmp_path / "raw.duckdb", {"companies": []})
    with pytest.raises(Stop, match="nothing has been reconciled"):
        build_report(path)


def test_a_copy_that_is_swapped_meanwhile_is_read_again_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_marts(tmp_path / "warehouse.duckdb")
    newer = sample(report_kpis=[given.kpis(INC, "EUR")], mismatches=[])
    swaps = [write_marts(tmp_path / "newer.duckdb", newer)]
    read = warehouse.read

    def swapping(*asked: Any) -> list[dict[str, Any]]:
        if swaps and "report_kpis" in asked[1]:
            swaps.pop().replace(path)
        return read(*asked)

    monkeypatch.setattr(warehouse, "read", swapping)
    report = build_report(path)
    assert [book.currency for book in report.figures] == ["EUR"]
    assert report.mismatches == () and report.verdict.is_concluded


def test_a_copy_that_never_holds_still_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_marts(tmp_path / "warehouse.duckdb")
    read = warehouse.read

    def touching(*asked: Any) -> list[dict[str, Any]]:
        rows = read(*asked)
        path.write_bytes(path.read_bytes())
        return rows

    monkeypatch.setattr(warehouse, "read", touching)
    with pytest.raises(WarehouseBusy, match="again and again"):
        build_report(path)
