"""Each class of mismatch alone with its exact value, and random books in which all are mixed:
whatever is mixed, the classes add up to the variance, to 0.00, and the bridge ties in every period.

One build judges them all; dbt's own tests run in it. The totals are taken here a second time, from
the records themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from class_plays import PLAYS, SIGNED_AT, SIGNED_WEEK, Finding, perform
from random_books import billed, expected, write_books
from raw_loader import load_world
from worlds import PROJECT, UK, Builder, read

from pipelines import transform, warehouse
from reverse_etl.closing import runs, signing

SEED, ROUNDS = 20261126, 2
BOOKS = (77, 78, 79)
OTHER_FLOWS = ("A", "B", "C", "T", "R")
VERSION_COLUMNS = {
    "company_id": "VARCHAR", "id": "VARCHAR", "payload": "VARCHAR",
    "known_from": "TIMESTAMPTZ", "known_to": "TIMESTAMPTZ",
}  # fmt: skip


@dataclass(frozen=True)
class Worlds:
    """The built worlds, the records in them, and what the small ones must lead to."""

    path: Path
    builder: Builder
    findings: list[Finding]

    def rows(self) -> dict[range, list[dict[str, Any]]]:
        """Mismatches by the small world whose records they are about."""
        worlds = {number: one.ids for one in self.findings for number in one.ids}
        found: dict[range, list[dict[str, Any]]] = defaultdict(list)
        for row in read(self.path, "select * from reconciliation.mismatches"):
            number = int(row["document_id"] or (row["deal_id"] or "0" * 15)[3:15])
            found[worlds.get(number, range(0))].append(row)
        return found


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    path = tmp_path_factory.mktemp("bridge") / "warehouse.duckdb"
    builder = Builder()
    findings, versions = perform(builder, SEED, ROUNDS)
    for seed in BOOKS:
        write_books(builder, seed, 16)
    load_world(builder.world(short={UK: "Invoice"}), path)
    _sign(path, versions)
    transform.require_passed(transform.build(PROJECT, path, exclude=("test_type:unit",)))
    return Worlds(path, builder, findings)


def _sign(path: Path, versions: list[dict[str, Any]]) -> None:
    """A signed week, and what was known of its records since."""
    run = {
        "run_number": 1, "week": SIGNED_WEEK, "as_of_at": SIGNED_AT, "known_at": SIGNED_AT,
        "recorded_at": SIGNED_AT, "figures_hash": "f", "rules_hash": "r", "page_hash": "p",
        "is_concluded": True,
    }  # fmt: skip
    signatures = [
        {"sign_off_number": at, "week": SIGNED_WEEK, "run_number": 1, "step": step,
         "signed_by": step, "signed_at": SIGNED_AT, "note": ""}
        for at, step in enumerate(("prepare", "review"), 1)
    ]  # fmt: skip
    with warehouse.writer(path) as connection:
        for schema, table, columns, rows in (
            ("raw_state", "recorded_run", runs.RUN_COLUMNS, [run]),
            ("raw_state", "sign_off", signing.EXPORT_COLUMNS, signatures),
            ("history_quickbooks", "invoice", VERSION_COLUMNS, versions),
        ):
            warehouse.fill_table(connection, schema, table, columns, rows)


# --- each class alone --------------------------------------------------------------------------


def test_every_class_has_a_world(worlds: Worlds) -> None:
    classes = read(worlds.path, "select mismatch_class from staging.mismatch_classes")
    told = {name.partition(" ")[0] for name in PLAYS} | {"NOT_CONCLUDED"}
    assert told == {row["mismatch_class"] for row in classes}


def test_each_class_appears_alone_with_its_exact_value(worlds: Worlds) -> None:
    found = worlds.rows()
    differing = []
    for one in worlds.findings:
        rows = [
            (r["mismatch_class"], r["value_at_stake"], r["variance_amount"], r["flags"])
            for r in found[one.ids]
        ]
        wanted = [(one.mismatch_class, one.value, one.variance, one.flags)]
        if rows != wanted:
            differing.append((wanted, rows))
    assert differing == []


def test_a_source_read_in_part_is_told(worlds: Worlds) -> None:
    rows = [r for r in worlds.rows()[range(0)] if r["mismatch_class"] == "NOT_CONCLUDED"]
    assert [(r["company_id"], r["severity"]) for r in rows] == [(UK, "critical")]


def test_owner_and_severity_are_those_of_the_taxonomy(worlds: Worlds) -> None:
    seed = {
        row["mismatch_class"]: row
        for row in read(worlds.path, "select * from staging.mismatch_classes")
    }
    for row in read(worlds.path, "select * from reconciliation.mismatches"):
        told = seed[row["mismatch_class"]]
        assert row["owner_role"] == told["owner_role"]
        assert row["precedence"] == told["precedence"]
        if told["severity"] == "by_amount":
            assert row["severity"] == _ladder(row)
        elif row["mismatch_class"] != "CUT_OFF":
            assert row["severity"] == told["severity"]


def test_a_cut_off_is_high_at_the_end_of_the_period(worlds: Worlds) -> None:
    found = worlds.rows()
    severities = [
        (found[one.ids][0]["severity"], one.variance > 0)
        for one in worlds.findings
        if one.mismatch_class == "CUT_OFF"
    ]
    assert severities == [("medium", False), ("high", True)] * ROUNDS


def _ladder(row: dict[str, Any]) -> str:
    """By amount or age, whichever is worse; harm to a customer one step up."""
    amount = sum(row["value_at_stake"] >= floor for floor in (1000, 10000, 50000))
    age = sum(row["age_days"] > days for days in (30, 60))
    step = max(amount, age) + (row["mismatch_class"] in ("DUPLICATE_INVOICE", "OVER_BILLED"))
    return ("low", "medium", "high", "critical")[min(step, 3)]


# --- all of them mixed -------------------------------------------------------------------------


def test_the_world_is_mixed(worlds: Worlds) -> None:
    rest = Counter(row["mismatch_class"] for row in worlds.rows()[range(0)])
    assert len(rest) >= 16 and rest.total() > 300
    rows = read(
        worlds.path,
        """
        select line_code from reconciliation.reconciliation_bridge where amount != 0 group by 1
    """,
    )
    wanted = {"B", "C", "U", "M", "G", "V_UNDER", "V_OVER", "V_ROUND", "D", "O", "Z", "L", "K",
              "X", "Q", "T", "R"}  # fmt: skip
    assert wanted - {row["line_code"] for row in rows} == set()


def test_every_month_is_that_of_the_records(worlds: Worlds) -> None:
    """What was sold, planned, expected, invoiced and credited, counted from the records."""
    counted = expected(worlds.builder) | billed(worlds.builder)
    bridges = _bridges(worlds.path, "month")
    for code in ("A", "B", "C", "E", "I1", "I2", "R"):
        assert {at: bridge[code] for at, bridge in bridges.items() if bridge[code]} == {
            at: amount for at, amount in counted[code].items() if amount
        }, code


@pytest.mark.parametrize("kind", ["to_date", "year", "month", "week"])
def test_classes_add_up_to_the_difference(worlds: Worlds, kind: str) -> None:
    bridges = _bridges(worlds.path, kind)
    assert len(bridges) >= {"to_date": 4, "year": 4, "month": 15, "week": 50}[kind]
    for bridge in bridges.values():
        assert bridge["E"] + bridge["classes"] == bridge["I1"]
        assert bridge["I1"] + bridge["T"] == bridge["I2"]
        assert bridge["I2"] + bridge["R"] == bridge["N"]
        assert bridge["RESIDUAL"] == 0


def test_what_is_cut_off_in_one_month_comes_in_another(worlds: Worlds) -> None:
    """Over all months the cut-off is what is billed before it is due, and nothing else."""
    to_date, months = _bridges(worlds.path, "to_date"), _bridges(worlds.path, "month")
    for company, currency, _ in to_date:
        moved = [b["K"] for at, b in months.items() if at[:2] == (company, currency)]
        assert sum(moved) == to_date[company, currency, "to date"]["K"]
    assert sum(abs(bridge["K"]) for bridge in months.values()) > 1000


def test_the_classes_sum_to_the_variance(worlds: Worlds) -> None:
    """Net billed less expected, per company and currency, from the records themselves."""
    counted = expected(worlds.builder) | billed(worlds.builder)
    variance: Counter[tuple[str, str]] = Counter()
    for code, sign in (("I1", 1), ("CN", -1), ("E", -1)):
        for (company, currency, _), amount in counted[code].items():
            variance[company, currency] += sign * amount
    explained: Counter[tuple[str, str]] = Counter()
    for row in read(worlds.path, "select * from reconciliation.variance_by_class"):
        explained[row["company_id"], row["currency_code"]] += row["amount"]
    assert dict(explained) == dict(variance)


def test_value_and_variance_are_one_where_the_class_is_about_the_amount(worlds: Worlds) -> None:
    signs = {"UNBILLED_CLOSED_WON": -1, "VOIDED_AFTER_BILLING": -1, "ORPHAN_INVOICE": 1,
             "DUPLICATE_INVOICE": 1}  # fmt: skip
    rows = [
        row
        for row in read(worlds.path, "select * from reconciliation.mismatches")
        if row["mismatch_class"] in signs and not row["flags"]
    ]
    assert len(rows) > 100
    for row in rows:
        if row["variance_amount"] != signs[row["mismatch_class"]] * row["value_at_stake"]:
            credited = read(worlds.path, f"""
                select sum(credited_amount) as amount from intermediate.int_credits__allocated
                where deal_id = '{row["deal_id"]}' and plan_step = {row["plan_step"]}
            """)  # fmt: skip
            assert credited[0]["amount"]


def test_each_record_stands_once(worlds: Worlds) -> None:
    assert read(worlds.path, """
        select company_id, invoice_id, plan_step, deal_id
        from intermediate.int_reconciliation__contributions
        group by all having count(*) > 1
    """) == []  # fmt: skip
    assert read(worlds.path, """
        select document_type, company_id, document_id from reconciliation.mismatches
        where document_id is not null group by all having count(*) > 1
    """) == []  # fmt: skip


def test_no_step_is_planned_that_an_invoice_bills(worlds: Worlds) -> None:
    assert read(worlds.path, """
        select i.deal_id from sync.sync_invoices as i
        join matched.matched_invoices as m using (deal_id, plan_step)
        join intermediate.int_invoices__net as n
            on m.company_id = n.company_id and m.invoice_id = n.invoice_id
        where m.match_state in ('confirmed', 'manual') and n.is_live
    """) == []  # fmt: skip


def _bridges(path: Path, kind: str) -> dict[tuple[str, str, str], dict[str, Decimal]]:
    """The lines of every bridge of a kind, and the sum of its classes."""
    bridges: dict[tuple[str, str, str], dict[str, Decimal]] = {}
    for row in read(
        path, f"select * from reconciliation.reconciliation_bridge where period_kind = '{kind}'"
    ):
        at = (row["company_id"], row["currency_code"], row["period"])
        bridge = bridges.setdefault(at, {"classes": Decimal(0)})
        bridge[row["line_code"]] = row["amount"]
        if row["line_kind"] == "flow" and row["line_code"] not in OTHER_FLOWS:
            bridge["classes"] += row["amount"]
    return bridges
