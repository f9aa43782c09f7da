"""The sample company against its answer key: found with the right record and amount, and nothing
reported that the key does not have. Only tests read the key."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from raw_loader import load_seed
from worlds import PROJECT, read

from pipelines import transform
from pipelines.sandbox.company.__main__ import main as generate

CORE = frozenset(
    {
        "DUPLICATE_INVOICE",
        "WRONG_ENTITY",
        "WRONG_CUSTOMER",
        "CURRENCY_MISMATCH",
        "REOPENED_OR_LOST",
        "VOIDED_AFTER_BILLING",
        "CREDITED_AFTER_BILLING",
        "UNBILLED_CLOSED_WON",
        "UNDER_BILLED",
        "OVER_BILLED",
        "ORPHAN_INVOICE",
        "AMBIGUOUS_MATCH",
    }
)
# Found as well, each with record and amount, where no class before it takes the record.
FURTHER = frozenset(
    {
        "EXCLUDED",
        "FX_ANOMALY",
        "CUT_OFF",
        "LATE_BILLED",
        "HEADER_LINE_MISMATCH",
        "TERMS_OR_DUE_DATE",
        "SHIPPING_OR_ROUNDING",
        "UNAPPLIED_PAYMENT",
        "UNAPPLIED_CREDIT",
        "STATUS_DRIFT",
        "WRONG_PRODUCT",
        "WRONG_PRICE_OR_DISCOUNT",
        "DEAL_CHANGED_AFTER_INVOICE",
        "TAX_DIFFERENCE",
    }
)
BRIDGE = "select * from reconciliation.reconciliation_bridge where period_kind = 'to_date'"
RECORD = (
    "mismatch_class",
    "company_id",
    "deal_id",
    "plan_step",
    "document_type",
    "document_id",
    "currency_code",
)
Entry = tuple[Any, ...]


@dataclass(frozen=True)
class Sample:
    """The sample company's warehouse beside the truth."""

    path: Path
    key: dict[str, Any]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return read(self.path, sql)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    company, key, path = folder / "company", folder / "key.json", folder / "warehouse.duckdb"
    generate(["--folder", str(company), "--answer-key", str(key)])
    load_seed(company, path)
    transform.require_passed(transform.build(PROJECT, path, exclude=("test_type:unit",)))
    return Sample(path, json.loads(key.read_text(encoding="utf-8")))


def _expected(sample: Sample, classes: frozenset[str]) -> Counter[Entry]:
    return Counter(
        (*(entry[column] for column in RECORD), Decimal(entry["amount"]))
        for entry in sample.key["mismatches"]
        if entry["mismatch_class"] in classes
    )


def _found(sample: Sample, classes: frozenset[str]) -> Counter[Entry]:
    return Counter(
        (*(row[column] for column in RECORD), row["value_at_stake"])
        for row in sample.rows("select * from reconciliation.mismatches")
        if row["mismatch_class"] in classes
    )


def test_the_twelve_classes_are_found_exactly(sample: Sample) -> None:
    expected, found = _expected(sample, CORE), _found(sample, CORE)
    assert {entry[0] for entry in expected} == CORE
    assert sorted((expected - found).elements(), key=str) == []
    assert sorted((found - expected).elements(), key=str) == []


def test_no_further_class_is_reported_without_reason(sample: Sample) -> None:
    expected, found = _expected(sample, FURTHER), _found(sample, FURTHER)
    assert sorted((found - expected).elements(), key=str) == []


def test_a_further_class_is_missing_only_where_another_takes_the_record(sample: Sample) -> None:
    expected, found = _expected(sample, FURTHER), _found(sample, FURTHER)
    taken = {
        (row["company_id"], row["document_type"], row["document_id"])
        for row in sample.rows("select * from reconciliation.mismatches")
    }
    missing = list((expected - found).elements())
    assert all((entry[1], entry[4], entry[5]) in taken for entry in missing)
    assert sum(found.values()) > 100


def test_every_record_carries_one_class(sample: Sample) -> None:
    rows = sample.rows("""
        select company_id, document_type, document_id, count(*) as n
        from reconciliation.mismatches where document_id is not null group by all having n > 1
    """)
    assert rows == []


def test_invoices_are_linked_to_their_steps_and_to_nothing_else(sample: Sample) -> None:
    columns = ("company_id", "invoice_id", "deal_id", "plan_step")
    linked = {
        tuple(row[column] for column in columns)
        for row in sample.rows("""
            select m.* from matched.matched_invoices as m
            join intermediate.int_invoices__net as i using (company_id, invoice_id)
            where m.match_state in ('confirmed', 'manual') and i.is_live
        """)
    }
    truth = {tuple(link[column] for column in columns) for link in sample.key["invoice_links"]}
    assert linked == truth


def test_what_is_to_be_invoiced(sample: Sample) -> None:
    columns = ("deal_id", "plan_step", "company_id", "currency_code")
    planned = {
        (*(row[column] for column in columns), row["amount"])
        for row in sample.rows("select * from sync.sync_invoices where blocked_reason is null")
    }
    truth = {
        (*(entry[column] for column in columns), Decimal(entry["amount"]))
        for entry in sample.key["to_invoice"]
    }
    assert planned == truth


def test_what_is_blocked_and_why(sample: Sample) -> None:
    blocked = {
        (row["deal_id"], row["plan_step"], row["blocked_reason"])
        for row in sample.rows("select * from sync.sync_invoices where blocked_reason is not null")
    }
    truth = {(e["deal_id"], e["plan_step"], e["reason"]) for e in sample.key["blocked"]}
    assert blocked == truth


def test_the_bridge_ties_in_every_company_and_currency(sample: Sample) -> None:
    rows = sample.rows(BRIDGE)
    residuals = {
        (r["company_id"], r["currency_code"]): r["amount"]
        for r in rows
        if r["line_code"] == "RESIDUAL"
    }
    assert len(residuals) == 4
    assert set(residuals.values()) == {Decimal("0.00")}


def test_the_bridge_shows_what_the_list_adds_up_to(sample: Sample) -> None:
    """Unbilled, duplicates, orphans and what was lost: one number, whoever adds it up."""
    lines = {
        "U": ("UNBILLED_CLOSED_WON", "VOIDED_AFTER_BILLING"),
        "D": ("DUPLICATE_INVOICE",),
        "O": ("ORPHAN_INVOICE",),
        "L": ("REOPENED_OR_LOST",),
        "V_UNDER": ("UNDER_BILLED",),
        "V_OVER": ("OVER_BILLED",),
    }
    listed: Counter[tuple[str, str]] = Counter()
    for row in sample.rows("select * from reconciliation.mismatches"):
        for line, classes in lines.items():
            if row["mismatch_class"] in classes:
                listed[line, row["currency_code"]] += row["value_at_stake"]
    bridged: Counter[tuple[str, str]] = Counter()
    for row in sample.rows(BRIDGE):
        if row["line_code"] in lines:
            bridged[row["line_code"], row["currency_code"]] += abs(row["amount"])
    # In the bridge and no mismatch: what was credited after the deal was lost.
    for row in sample.rows("""
        select c.currency_code, sum(c.credited_amount) as amount
        from intermediate.int_credits__allocated as c
        join intermediate.int_deals__billable as d using (org_id, deal_id)
        where not d.is_won group by all
    """):
        listed["L", row["currency_code"]] += row["amount"]
    assert {at: amount for at, amount in bridged.items() if amount} == dict(listed)


def test_cents_within_the_tolerance_stand_in_a_line_of_their_own(sample: Sample) -> None:
    """What the first screen calls over-billed is what the bridge does."""
    bridged: Counter[tuple[str, str, str]] = Counter()
    for row in sample.rows(BRIDGE):
        bridged[row["line_code"], row["company_id"], row["currency_code"]] += row["amount"]
    rounded = {at[1:]: amount for at, amount in bridged.items() if at[0] == "V_ROUND" and amount}
    assert rounded and all(abs(amount) < 1 for amount in rounded.values())
    for row in sample.rows("select * from reconciliation.report_kpis"):
        book = (row["company_id"], row["currency_code"])
        assert bridged["V_OVER", *book] == row["over_billed_amount"]
        assert -bridged["V_UNDER", *book] == row["under_billed_amount"]


def test_first_screen_and_list_agree(sample: Sample) -> None:
    listed = Counter()
    for row in sample.rows("select * from reconciliation.mismatches"):
        listed[row["mismatch_class"], row["currency_code"]] += row["value_at_stake"] or 0
    totals: Counter[str] = Counter()
    for row in sample.rows("select * from reconciliation.report_kpis"):
        assert row["leakage_amount"] == (
            row["unbilled_amount"] + row["voided_amount"] + row["under_billed_amount"]
        )
        totals[row["currency_code"]] += row["leakage_amount"]
    for currency in ("USD", "GBP", "EUR"):
        assert totals[currency] == sum(
            listed[name, currency]
            for name in ("UNBILLED_CLOSED_WON", "VOIDED_AFTER_BILLING", "UNDER_BILLED")
        )


def test_ageing_ties_to_open_balances(sample: Sample) -> None:
    ageing = sample.rows("""
        select company_id, currency_code, sum(amount) as amount
        from reconciliation.ar_ageing group by all having sum(amount) != 0 order by all
    """)
    balances = sample.rows("""
        select company_id, payload::json->'CurrencyRef'->>'value' as currency_code,
            sum((payload::json->>'Balance')::decimal(18, 2)) as amount
        from raw_quickbooks.invoice group by all having amount != 0 order by all
    """)
    assert ageing == balances


def test_sources_are_concluded(sample: Sample) -> None:
    rows = sample.rows("select * from reconciliation.data_verdict")
    assert {row["verdict"] for row in rows} == {"concluded"}
    assert len(rows) == 3
