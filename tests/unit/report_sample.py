"""A small reconciled week, written into a warehouse whose tables have the marts' own contracts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines import warehouse

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models"
INC, LTD = "9341450000000001", "9341450000000002"
ORG = "00DHs0000000001MAA"
ACCOUNT, DEAL, OTHER_DEAL = "001Hs00000000A1AAA", "006Hs00000000D1AAA", "006Hs00000000D2AAA"
AS_OF = "2026-11-20 17:00:00+00:00"

# What people may type into either system, and what must never come of it.
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    '=HYPERLINK("http://evil.example","x")',
    "\u202eredro\u202c \u2066isolated",
    "{{ 7 * 7 }}{% raw %}",
    "</style><script>document.title=2</script>",
    "@SUM(A1)\n=1+1",
)


@cache
def contracts() -> dict[str, dict[str, str]]:
    """Columns and types of each mart as its contract says."""
    found = {}
    for path in (MODELS / "reconciliation", MODELS / "sync"):
        for document in sorted(path.glob("*.yml")):
            for model in yaml.safe_load(document.read_text())["models"]:
                found[model["name"]] = {c["name"]: c["data_type"] for c in model["columns"]}
    return found


def write_marts(path: Path, marts: Mapping[str, Iterable[Row]] | None = None) -> Path:
    """Write a warehouse file with the sample's rows, or with those given, and return its path."""
    rows = sample() if marts is None else marts
    columns = contracts()
    with warehouse.writer(path) as connection:
        for name, held in rows.items():
            if name == "companies":
                warehouse.fill_table(
                    connection, "staging", "stg_quickbooks__companies", _COMPANY, held
                )
                continue
            unknown = {column for row in held for column in row} - columns[name].keys()
            assert not unknown, f"{name} has no {unknown}"
            schema = "sync" if name.startswith("sync_") else "reconciliation"
            warehouse.fill_table(connection, schema, name, columns[name], held)
    return path


def sample(**changes: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The sample's rows by mart; some may be replaced."""
    return {
        "companies": [
            _company(INC, "Brightwater Inc", "USD"), _company(LTD, "Brightwater Ltd", "GBP"),
        ],
        "data_verdict": [verdict("salesforce", ORG), verdict("quickbooks", INC)],
        "report_kpis": [
            kpis(INC, "USD", leakage_amount=1500, leakage_deals=2, unbilled_amount=1200,
                 unbilled_steps=1, under_billed_amount=300, under_billed_steps=1,
                 duplicate_amount=900, duplicate_invoices=1),
            kpis(LTD, "GBP", over_billed_amount="10.01", over_billed_steps=1),
            kpis(LTD, "USD", leakage_amount="0.50", leakage_deals=1, under_billed_amount="0.50",
                 under_billed_steps=1),
        ],
        "reconciliation_bridge": bridge(INC, "USD") + bridge(LTD, "GBP", residual="0.00")
        + bridge(INC, "USD", period=("month", "2026-10", date(2026, 10, 1)))
        + bridge(INC, "USD", period=("month", "2026-11", date(2026, 11, 1)))
        + bridge(LTD, "GBP", period=("month", "2026-11", date(2026, 11, 1)), factor=0)
        + bridge(LTD, "GBP", period=("week", "2026-W44", date(2026, 10, 26))),
        "ar_ageing": ageing(INC, "USD", 100, 200, 0, 0, "300.25"),
        "ar_reconciliation": comparison(INC, "USD", 90, 200, 0, 0, "300.25"),
        "leakage_by_week": [
            week_row(INC, "2026-11-09", 1200), week_row(LTD, "2026-11-09", "0.50"),
            week_row(INC, "2026-11-16", 300),
        ],
        "mismatches": [
            mismatch("UNBILLED_CLOSED_WON", value_at_stake=1200, expected_amount=1200,
                     actual_amount=0),
            mismatch("UNDER_BILLED", deal_id=OTHER_DEAL, value_at_stake=300, expected_amount=1000,
                     actual_amount=700, document_type="invoice", document_id="12",
                     document_number="1012"),
            mismatch("UNDER_BILLED", company_id=LTD, value_at_stake="0.50", expected_amount=10,
                     actual_amount="9.50", document_type="invoice", document_id="13"),
            mismatch("DUPLICATE_INVOICE", value_at_stake=900, expected_amount=0, actual_amount=900,
                     document_type="invoice", document_id="14", document_number="1014"),
            mismatch("OVER_BILLED", company_id=LTD, currency_code="GBP", value_at_stake="10.01",
                     expected_amount=10, actual_amount="20.01", document_type="invoice",
                     document_id="15"),
            mismatch("CURRENCY_MISMATCH", company_id=LTD, currency_code="EUR", value_at_stake=50,
                     expected_amount=60, actual_amount=50, document_type="invoice",
                     document_id="16"),
            mismatch("FX_ANOMALY", company_id=LTD, currency_code="EUR", value_at_stake=7,
                     actual_amount=50, document_type="invoice", document_id="17"),
            mismatch("EXCLUDED", severity="info", value_at_stake=0, occurred_on=date(2024, 1, 1)),
        ],
        "deal_coverage": [
            coverage(DEAL, 1, "to_be_invoiced", 1200), coverage(OTHER_DEAL, 1, "invoiced", 1000),
            coverage(OTHER_DEAL, 2, "blocked", 500),
        ],
        "review_queue": [
            review("customer", ACCOUNT, "Acme", "7", "ACME Inc.", rank=1),
            review("customer", ACCOUNT, "Acme", "8", "Acme Holdings", rank=2),
            review("invoice", f"{DEAL}/1", "First deal", "21", "1021 Acme", rank=1),
            review("invoice", f"{OTHER_DEAL}/2", "Other deal", "21", "1021 Acme", rank=2),
        ],
        "sync_invoices": [
            invoice(DEAL, 1, 1200), invoice(OTHER_DEAL, 2, 500, blocked_reason="product_not_mapped",
                                            blocked_detail="No item for X-1"),
        ],
        "exceptions_carried_forward": [], "sign_offs": [], "changes_after_sign_off": [],
        "exceptions": [], "exception_causes": [], "exception_cause_weeks": [],
        "sync_deal_status": [],
        "time_to_invoice": [*lengths(INC, "USD", 1, 0, 1, 0, 0, 0)],
    } | changes  # fmt: skip


def hostile() -> dict[str, list[dict[str, Any]]]:
    """The sample with every text that people can type replaced by something nasty."""
    typed = {
        "mismatches": ("deal_name", "account_name", "customer_name", "document_number", "reason"),
        "review_queue": ("left_name", "right_name", "reason"),
        "sync_invoices": ("deal_name", "account_name", "blocked_detail"),
        "companies": ("company_name",),
        "data_verdict": ("reason",),
    }
    marts = sample()
    for mart, columns in typed.items():
        for number, row in enumerate(marts[mart]):
            for place, column in enumerate(columns):
                row[column] = HOSTILE[(number + place) % len(HOSTILE)]
    return marts


_COMPANY = {"company_id": "VARCHAR", "company_name": "VARCHAR", "home_currency_code": "VARCHAR"}
_PRECEDENCE = {
    "EXCLUDED": 1, "DUPLICATE_INVOICE": 2, "CURRENCY_MISMATCH": 5, "FX_ANOMALY": 6,
    "UNBILLED_CLOSED_WON": 10, "UNDER_BILLED": 11, "OVER_BILLED": 12,
}  # fmt: skip


def _company(company_id: str, name: str, home: str) -> dict[str, Any]:
    return {"company_id": company_id, "company_name": name, "home_currency_code": home}


def verdict(system: str, source_id: str, passed: bool = True, **columns: Any) -> dict[str, Any]:
    return {
        "system": system, "source_id": source_id, "is_fresh": passed, "is_complete": True,
        "verdict": "concluded" if passed else "not_concluded",
        "reason": "12 objects read" if passed else "Last read completely at 2026-11-01",
        "objects": 12, "rows_read": 340, "rows_vendor": 340, "oldest_read_at": AS_OF,
        "as_of_at": AS_OF, **columns,
    }  # fmt: skip


def kpis(company_id: str, currency: str, **figures: Any) -> dict[str, Any]:
    columns = contracts()["report_kpis"]
    none = {name: 0 for name in columns if not name.startswith(("company", "currency", "as_of"))}
    return none | {
        "company_id": company_id, "currency_code": currency, "as_of_on": "2026-11-20",
        "due_deals": 3, "matched_deals": 2, "due_amount": 3000, "matched_amount": 2900,
        "steps_timed": 2, "time_to_invoice_median_days": "1.5", "time_to_invoice_p90_days": "5.0",
        "steps_sent": 1, "time_to_send_median_days": "2.5", "time_to_send_p90_days": "6.0",
        "receivable_amount": "600.25", "overdue_amount": "500.25", "sales_amount": 900,
        "dso_days": "60.0",
    } | figures  # fmt: skip


def bridge(
    company_id: str,
    currency: str,
    residual: str = "0.00",
    period: tuple[str, str, date | None] = ("to_date", "to date", None),
    factor: int = 1,
) -> list[dict[str, Any]]:
    lines = (
        ("A", "flow", 3000), ("E", "total", 3000), ("U", "flow", -1200), ("D", "flow", 900),
        ("Q", "flow", 0), ("I1", "total", 2700), ("T", "flow", "54.5"), ("N", "total", "2754.5"),
        ("RESIDUAL", "check", residual),
    )  # fmt: skip
    return [
        {"company_id": company_id, "currency_code": currency, "period_kind": period[0],
         "period": period[1], "period_starts_on": period[2], "line_number": number,
         "line_code": code, "line_label": f"Line {code}", "line_kind": kind,
         "amount": Decimal(amount) * factor,
         "documents": 0 if code in ("Q", "RESIDUAL") else factor}
        for number, (code, kind, amount) in enumerate(lines, 1)
    ]  # fmt: skip


def ageing(company_id: str, currency: str, *amounts: Any) -> list[dict[str, Any]]:
    return [
        {"company_id": company_id, "currency_code": currency, "bucket_number": number,
         "bucket": bucket, "amount": amount, "documents": int(Decimal(amount) > 0)}
        for number, (bucket, amount) in enumerate(
            zip(("current", "1-30", "31-60", "61-90", "91+"), amounts, strict=True), 1)
    ]  # fmt: skip


def comparison(company_id: str, currency: str, *amounts: Any, wrong: str = "0") -> Rows:
    """The vendor's own report beside what is held, with a difference in the first bucket."""
    differs = Decimal(wrong)
    return [
        {"company_id": company_id, "currency_code": currency, "bucket_number": number,
         "bucket": bucket, "reported_amount": amount,
         "held_amount": Decimal(amount) + (differs if number == 1 else 0), "moved_on_amount": 0,
         "difference": differs if number == 1 else 0, "is_reconciled": not differs,
         "as_of_on": "2026-11-20"}
        for number, (bucket, amount) in enumerate(
            zip(("current", "1-30", "31-60", "61-90", "91+"), amounts, strict=True), 1)
    ]  # fmt: skip


def lengths(company_id: str, currency: str, *steps: int) -> Rows:
    return [
        {"company_id": company_id, "currency_code": currency, "bucket_number": number,
         "bucket": bucket, "steps": count, "amount": 1000 * count}
        for number, (bucket, count) in enumerate(
            zip(("0", "1-2", "3-5", "6-10", "11-30", "31+"), steps, strict=True), 1)
    ]  # fmt: skip


def week_row(company_id: str, monday: str, amount: Any) -> dict[str, Any]:
    return {
        "company_id": company_id, "currency_code": "USD", "week_on": monday, "amount": amount,
        "steps": 1,
    }  # fmt: skip


def cause_weeks(
    cause: str, *found: tuple[int, int, int, int] | None, currency: str = "USD", at: str = INC
) -> Rows:
    """The 13 weeks of a cause up to 2026-W47: what the newest ones have open and closed, as number
    and amount each. None: nothing is known of that week, nor of those before the first."""
    names = ("open_count", "open_amount", "closed_count", "closed_amount")
    every = [*[None] * (13 - len(found)), *found]
    return [
        {"root_cause": cause, "company_id": at, "currency_code": currency, "week": f"2026-W{week}",
         "is_recorded": counts is not None, **dict(zip(names, counts or [None] * 4, strict=True))}
        for week, counts in enumerate(every, 35)
    ]  # fmt: skip


def mismatch(code: str, **columns: Any) -> dict[str, Any]:
    return {
        "mismatch_id": f"{code}-{columns.get('document_id', 'step')}", "mismatch_class": code,
        "precedence": _PRECEDENCE[code], "severity": "high", "owner_role": "Accounts receivable",
        "company_id": INC, "org_id": ORG, "deal_id": DEAL, "deal_name": "First deal",
        "plan_step": 1, "account_id": ACCOUNT, "account_name": "Acme", "customer_id": "7",
        "customer_name": "ACME Inc.", "currency_code": "USD", "occurred_on": date(2026, 10, 1),
        "age_days": 50, "flags": [], "reason": "What was found",
        "suggested_action": "What mends it", "root_cause": "timing only",
    } | columns  # fmt: skip


def coverage(deal_id: str, step: int, state: str, amount: Any) -> dict[str, Any]:
    return {
        "org_id": ORG, "deal_id": deal_id, "deal_name": "First deal", "company_id": INC,
        "currency_code": "USD", "plan_step": step, "step_count": 2, "amount": amount,
        "coverage_state": state,
    }  # fmt: skip


def review(
    subject: str, left_id: str, left: str, right_id: str, right: str, rank: int
) -> dict[str, Any]:
    return {
        "review_id": f"{subject}-{left_id}-{right_id}", "subject": subject, "org_id": ORG,
        "left_id": left_id, "left_name": left, "company_id": INC, "right_id": right_id,
        "right_name": right, "match_state": "ambiguous", "confidence": "0.89", "reason": "Alike",
        "candidate_rank": rank, "candidates": 2, "amount_at_stake": 100, "currency_code": "USD",
    }  # fmt: skip


def invoice(deal_id: str, step: int, amount: Any, **columns: Any) -> dict[str, Any]:
    return {
        "org_id": ORG, "deal_id": deal_id, "deal_name": "First deal", "company_id": INC,
        "plan_step": step, "step_count": 2, "generation": 1, "account_id": ACCOUNT,
        "account_name": "Acme", "currency_code": "USD", "amount": amount, "data_as_of": AS_OF,
    } | columns  # fmt: skip
