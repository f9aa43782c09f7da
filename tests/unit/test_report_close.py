"""The week's close in the report: exceptions that moved, signatures, the plan of each finding."""

from __future__ import annotations

import html
import io
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from report_sample import (
    DEAL,
    INC,
    OTHER_DEAL,
    cause_weeks,
    invoice,
    mismatch,
    sample,
    verdict,
    write_marts,
)

from reverse_etl.changes import ChangeKey
from reverse_etl.report import Report, build_report, render_html, workbook_bytes
from reverse_etl.report.charts import pairs
from reverse_etl.report.page_close import (
    barring_sentence,
    hand_text,
    plan_in_words,
    plan_text,
    reasons,
    time_sentence,
    trend_sentence,
)
from reverse_etl.report.plans import NO_PLANS, Plans

ROOT = Path(__file__).resolve().parents[2]
TAGS = re.compile(r"<[^>]+>")


def entry(number: int, movement: str, **columns: Any) -> dict[str, Any]:
    return {
        "exception_id": f"{number:02d}" * 16, "mismatch_class": "UNDER_BILLED", "precedence": 11,
        "severity": "high", "exception_state": "open", "movement": movement, "is_material": True,
        "needs_explanation": False, "owner_role": "Accounts receivable", "company_id": INC,
        "deal_id": DEAL, "deal_name": f"Deal {number}", "currency_code": "USD",
        "value_at_stake": 0 if movement == "closed" else 100 * number,
        "opening_amount": None if movement == "new" else 90 * number, "age_days": 10 * number,
        **columns,
    }  # fmt: skip


CARRIED = {
    "company_id": INC, "currency_code": "USD", "week": "2026-W47", "opening_week": "2026-W46",
    "opening_count": 2, "new_count": 1, "closed_count": 1, "closing_count": 2,
    "opening_amount": 450, "new_amount": 100, "closed_amount": 270, "revalued_amount": 20,
    "closing_amount": 300,
}  # fmt: skip
WEEKS = [
    {"week": "2026-W46", "sign_off_state": "reopened", "prepared_by": "ann",
     "prepared_at": "2026-11-16 08:00:00+00:00", "reviewed_by": "carol",
     "reviewed_at": "2026-11-17 08:00:00+00:00", "exceptions": 2, "material_exceptions": 1,
     "blockers": 0, "changes": 1},
]  # fmt: skip
CAUSES = [
    {"root_cause": "pricing error", "company_id": company_id, "currency_code": "USD",
     "open_count": 1, "closed_count": closed, "returned_count": 1, "repeated_count": 2}
    for company_id, closed in ((INC, 3), ("not routed", 0))
] + [
    {"root_cause": "tax set-up", "company_id": INC, "currency_code": "USD", "open_count": 5,
     "closed_count": 0, "returned_count": 0, "repeated_count": 0},
]  # fmt: skip
TRENDS = [
    *cause_weeks("tax set-up", (5, 500, 0, 0), (5, 500, 0, 0), (1, 100, 4, 400)),
    *cause_weeks("pricing error", (8, 800, 0, 0), None, (2, "20.50", 6, "779.50")),
    *cause_weeks("pricing error", (0, 0, 0, 0), None, (1, 7, 0, 0), currency="GBP"),
]
CHANGE = {
    "week": "2026-W46", "record_type": "invoice", "record_number": "1007", "record_id": "7",
    "change": "changed", "currency_code": "USD", "difference": "-12.34",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    marts = sample(
        exceptions=[
            entry(1, "new", needs_explanation=True),
            entry(2, "carried", exception_state="accepted", root_cause="timing only",
                  explanation="Paid in December", explained_by="ann",
                  accepted_until="2026-12-31"),
            entry(3, "closed", exception_state="verified_closed"),
        ],
        exceptions_carried_forward=[CARRIED], sign_offs=WEEKS, changes_after_sign_off=[CHANGE],
        exception_causes=CAUSES, exception_cause_weeks=TRENDS,
    )  # fmt: skip
    marts["mismatches"] += [
        mismatch("UNBILLED_CLOSED_WON", deal_id=OTHER_DEAL, plan_step=2, value_at_stake=500,
                 mismatch_id="b" * 32),
    ]  # fmt: skip
    marts["sync_invoices"][0] |= {"line_count": 2, "invoice_on": "2026-11-20"}
    return build_report(write_marts(tmp_path_factory.mktemp("m") / "w.duckdb", marts))


def text_of(report: Report, section: str, plans: Plans = NO_PLANS) -> str:
    """The words of one section of the page."""
    page = render_html(report, plans=plans)
    found = re.search(rf'<section class="part" id="{section}".*?</section>', page, re.DOTALL)
    assert found
    return html.unescape(" ".join(TAGS.sub(" ", found[0]).split()))


def test_exceptions_are_shown_as_they_moved(report: Report) -> None:
    told = text_of(report, "exceptions")
    assert "What 2026-W46 left" in told
    assert "2 · 450.00 1 · 100.00 1 · 270.00 20.00 2 · 300.00" in told
    assert "Opened this week: 1" in told and "Closed this week: 1" in told
    assert "Pricing error 2 3 2 4" in told, "of both companies together"
    again = told.partition("Causes that come again")[2]
    assert "Tax set-up" not in again, "nothing of it was closed, so nothing can have come again"
    assert "timing only · Paid in December · said by ann · accepted until 31 Dec 2026" in told
    assert "USD 270.00" in told, "what is closed was worth what the week opened with"


def test_each_cause_is_drawn_over_its_weeks(report: Report) -> None:
    """The bars of a week stand where the week is; one without a run stays empty."""
    told = text_of(report, "exceptions")
    assert "From 2026-W35 to 2026-W47" in told
    drawn = "Pricing error 2026-W45, open 2026-W47, open 2026-W47, closed"
    assert f"{drawn} 3 GBP 7.00 · USD 20.50 6" in told
    pricing, tax = report.cause_trends
    assert trend_sentence(pricing) == (
        "Pricing error by week from 2026-W35 to 2026-W47: at most 8 open, in 2026-W45; "
        "3 open and 6 closed in 2026-W47."
    )
    assert [week.week for week in tax.recorded] == ["2026-W45", "2026-W46", "2026-W47"]
    (highest, none_closed), (last, closed) = pairs(pricing.weeks)
    assert (highest.height, none_closed.height) == (100, 0)
    assert (last.height, closed.height) == (Decimal("37.50"), 75)
    assert highest.left < none_closed.left < Decimal(100) * 11 / 13
    assert Decimal(100) * 12 / 13 < last.left < closed.left
    assert closed.left + closed.width <= 100


def test_without_exceptions_no_cause_is_drawn(tmp_path: Path) -> None:
    report = build_report(write_marts(tmp_path / "w.duckdb"))
    assert "Root causes by week" not in text_of(report, "exceptions")


def test_a_first_week_says_that_there_is_none_before(tmp_path: Path) -> None:
    report = build_report(write_marts(tmp_path / "w.duckdb"))
    assert "No earlier week is recorded" in text_of(report, "exceptions")
    assert "Nothing material is unexplained" in text_of(report, "sign-off")
    assert "crossfoot close prepare 2026-W47" in text_of(report, "sign-off")


def test_sign_off_says_what_bars_it_who_signed_and_what_changed(report: Report) -> None:
    told = text_of(report, "sign-off")
    assert "1 material exception without an explanation, USD 100.00, bars" in told.replace(
        "\u00a0", " "
    )
    assert "2026-W46 Reopened ann, 16 Nov 2026 carol, 17 Nov 2026 2 1 0 1" in told
    assert "Invoice 1007 changed" in told and "−12.34" in told


def test_data_in_doubt_bar_every_signature(tmp_path: Path) -> None:
    doubted = sample(data_verdict=[verdict("quickbooks", INC, passed=False)])
    report = build_report(write_marts(tmp_path / "w.duckdb", doubted))
    assert "not concluded" in barring_sentence(report)


def test_a_finding_bears_the_plan_that_mends_it(report: Report) -> None:
    due, blocked = [m for m in report.mismatches if m.code == "UNBILLED_CLOSED_WON"]
    (planned,) = due.planned
    assert plan_text(planned).replace("\u00a0", " ") == (
        "create the invoice (dated 20 Nov 2026, 2 lines), USD 1,200.00"
    )
    assert planned.key == f"invoices:{INC}:{DEAL}:1:g1"
    assert plan_in_words(due, NO_PLANS).endswith(f"crossfoot plan invoices ({planned.key})")
    later = planned.key.replace(":g1", ":g2")
    plans = Plans({ChangeKey.parse(later).base: "5eaf00d1" + "0" * 56})
    send = "crossfoot approve 5eaf00d10000 --by YOUR-NAME && crossfoot apply 5eaf00d10000"
    assert f"{send} ({planned.key})" in plan_in_words(due, plans)
    assert f"In plan 5eaf00d10000: {send}" in text_of(report, "mismatches", plans)
    for mode, words, what in (
        ("shadow", "in shadow, so it is not sent", "crossfoot shadow"),
        ("off", "off; in the policy file it can be watched first", 'invoices.mode = "shadow"'),
    ):
        watched = Plans(unsent={"invoices": mode})
        assert f"Its flow is {words}: {what}" in text_of(report, "mismatches", watched)
        assert plan_in_words(due, watched).endswith(f"{what} ({planned.key})")
    assert plan_text(blocked.planned[0]) == "not until this is settled: No item for X-1"
    told = text_of(report, "mismatches")
    assert "No stored plan holds it yet: crossfoot plan invoices" in told
    assert "Plan: not until this is settled: No item for X-1." in told


def test_a_status_out_of_step_bears_the_update_of_its_deal(tmp_path: Path) -> None:
    marts = sample(
        sync_deal_status=[
            {"org_id": "00D", "deal_id": DEAL, "invoice_status": "Paid", "amount_paid": 10,
             "current_invoice_status": "Open", "current_amount_paid": 0, "amount_due": 0,
             "current_amount_due": 0}
        ],
        mismatches=[mismatch("UNDER_BILLED", mismatch_class="STATUS_DRIFT", precedence=25,
                             plan_step=None)],
    )  # fmt: skip
    (found,) = build_report(write_marts(tmp_path / "w.duckdb", marts)).mismatches
    assert plan_text(found.planned[0]) == (
        "bring the deal in Salesforce up to date: status Open → Paid, paid 0.00 → 10.00"
    )


def test_a_status_that_a_person_changed_says_that_it_is_left_alone(tmp_path: Path) -> None:
    marts = sample(
        sync_deal_status=[
            {"org_id": "00D", "deal_id": DEAL, "amount_due": 10, "current_amount_due": 5,
             "conflict_fields": "amount_due"}
        ],
        mismatches=[mismatch("UNDER_BILLED", mismatch_class="STATUS_DRIFT", precedence=25,
                             plan_step=None)],
    )  # fmt: skip
    (found,) = build_report(write_marts(tmp_path / "w.duckdb", marts)).mismatches
    assert plan_text(found.planned[0]).endswith("and left alone: amount_due")


def test_where_nothing_is_written_a_person_is_told_how_to_say_so(report: Report) -> None:
    by_code = {group.code: group for group in report.classes}
    told = hand_text(by_code["OVER_BILLED"])
    assert told and "no document that exists" in told[0]
    assert "crossfoot exceptions fixed" in told[1]
    assert hand_text(by_code["EXCLUDED"]) is None, "there is nothing to do"
    assert hand_text(by_code["UNBILLED_CLOSED_WON"]) is None, "there is a plan"


def test_a_plan_belongs_to_its_own_step(tmp_path: Path) -> None:
    marts = sample(sync_invoices=[invoice(DEAL, 2, 77), invoice(OTHER_DEAL, 1, 300)])
    report = build_report(write_marts(tmp_path / "w.duckdb", marts))
    assert not [found for found in report.mismatches if found.planned]


def test_time_to_invoice_is_a_picture_with_its_figures(report: Report) -> None:
    told = text_of(report, "times")
    assert "0 days 1 1,000.00" in told and "3–5 days 1 1,000.00" in told
    assert "1.5\u00a0days" in time_sentence(report.times[0], report)


def test_the_spreadsheet_has_the_close_too(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(report)), data_only=True)
    carried = [cell.value for cell in book["Carried forward"][5]]
    assert carried[2:6] == [2, 1, 1, 2] and carried[6:12] == [450, 100, 270, 300, 20, 0]
    moved = {row[0].value for row in book["Exceptions"].iter_rows(min_row=5, max_row=7)}
    assert moved == {"new", "carried", "closed"}
    assert book["Sign-off"]["C5"].value == "ann, 16 Nov 2026"
    assert [cell.value for cell in book["Sign-off"][6]][8:] == [
        "Invoice 1007 changed", "USD", -12.34,
    ]  # fmt: skip
    plans = [row[20].value for row in book["Mismatches"].iter_rows(min_row=5)]
    assert any("crossfoot plan invoices" in plan for plan in plans if plan)


def test_headings_follow_each_other_and_every_table_is_named(report: Report) -> None:
    """What a screen reader walks by: one h1, no level left out, captions, names of regions."""
    html = render_html(report)
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", html)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert html.count("<table") == html.count("<caption")
    for opening in re.findall(r'<div class="scroll"[^>]*>', html):
        assert 'tabindex="0"' in opening and "aria-label=" in opening
    for picture in re.findall(r"<svg[^>]*>", html):
        assert 'aria-hidden="true"' in picture or "aria-label=" in picture
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_paper(theme: int) -> None:
    """At least 4.5 to 1 for text, 3 to 1 for what a chart shows (WCAG 2.2, 1.4.3 and 1.4.11)."""
    css = (ROOT / "reverse_etl" / "report" / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", css.split(":root")[1 + theme]))
    assert len(colours) == 10
    for text in ("ink", "soft", "accent"):
        assert _contrast(colours[text], colours["paper"]) >= 4.5, text
    for shape in ("bar", "accent"):
        assert _contrast(colours[shape], colours["paper"]) >= 3, shape


def test_each_month_and_week_has_its_bridge(report: Report) -> None:
    told = text_of(report, "bridge")
    assert "Months, the newest 2 November 2026 USD 3,000.00 expected" in told
    assert "Weeks, the newest 1 Week 44, 26 Oct to 1 Nov 2026 GBP 3,000.00 expected" in told
    november, october, week = report.periods
    assert [len(period.bridges) for period in (november, october, week)] == [1, 1, 1]
    assert all(period.ties for period in report.periods)


def test_what_is_only_noted_is_summed_by_its_reason_and_folded(report: Report) -> None:
    (group,) = [group for group in report.classes if group.code == "EXCLUDED"]
    (reason,) = reasons(group)
    assert (reason.text, reason.count) == ("What was found", 1)
    told = text_of(report, "mismatches")
    assert f"{group.title} by reason Why Found Amount What was found 1 USD 0.00" in told
    assert "Show each of the 1" in told
