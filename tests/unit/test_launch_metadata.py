"""What Dagster shows of a plan and of what became of it: counts, money per currency, reasons."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
from writing import World, invoice_row, marts

from orchestration.assets.extract import of_dlt
from orchestration.assets.previews import previews
from orchestration.assets.writes import described, written
from orchestration.replay import Hindsight
from orchestration.replay_words import hindsight_lines
from pipelines import warehouse
from reverse_etl.apply import ApplyResult
from reverse_etl.changes import Outcome


def test_a_plan_and_its_outcome_tell_counts_money_and_reasons(tmp_path: Path) -> None:
    blocked = invoice_row(3, blocked_reason="customer_not_linked")
    plan = World(tmp_path).plan(marts(invoices=[invoice_row(1), invoice_row(2), blocked]))
    told = described(plan)
    assert (told["changes"], told["blocked"], told["amounts"]) == (2, 1, "300.00 USD")
    assert told["amounts_blocked"] == "150.00 USD"
    first, second = (change.key for change in plan.changes)
    outcomes = (
        Outcome(first, "done", "7", "", 1),
        Outcome(second, "refused", None, "The name is taken", 1),
    )
    done = ApplyResult(plan.plan_id, plan.checksum, outcomes, ())
    facts = written(plan, done, "invoices")
    assert (facts["done"], facts["refused"], facts["amounts"]) == (1, 1, "150.00 USD")
    assert isinstance(facts["not_done"], dg.MarkdownMetadataValue)
    assert facts["not_done"].value == f"- refused {second}: The name is taken"
    assert written(plan, done, "prices")["not_done"] == "none"
    assert facts["plan_checksum"] == plan.checksum
    assert facts["plan"] == dg.MetadataValue.asset(dg.AssetKey(["plan", "plan"]))


def test_a_marts_first_rows_tell_figures_and_nothing_of_people(tmp_path: Path) -> None:
    """What Dagster keeps, `crossfoot person remove` does not reach."""
    path = tmp_path / "warehouse.duckdb"
    columns = {
        "deal_id": "VARCHAR", "mismatch_class": "VARCHAR", "billing_postal_code": "VARCHAR",
        "customer_name": "VARCHAR", "email": "VARCHAR", "reason": "VARCHAR",
        "value_at_stake": "DECIMAL(18,2)", "closed_on": "DATE", "is_material": "BOOLEAN",
    }  # fmt: skip
    row = {**dict.fromkeys(columns), "email": "ada@example.com", "customer_name": "Ada"}
    amounts = [Decimal(n) for n in ("1.10", "9.90", "3.30", "4.40", "5.50", "6.60")]
    rows = [{**row, "deal_id": str(n), "value_at_stake": n} for n in amounts]
    with warehouse.writer(path) as connection:
        warehouse.fill_table(connection, "reconciliation", "mismatches", columns, rows)
        warehouse.fill_table(connection, "reconciliation", "empty", columns, [])
        warehouse.fill_table(connection, "intermediate", "int_deals", columns, rows)
    schemas = ("reconciliation", "reconciliation", "intermediate")
    asked = list(zip(schemas, ("mismatches", "empty", "int_deals"), strict=True))
    (table,) = previews(path, asked).values()
    assert [column.name for column in table.schema.columns] == [
        "deal_id", "mismatch_class", "value_at_stake", "closed_on", "is_material"
    ]  # fmt: skip
    told = [record.data["value_at_stake"] for record in table.records]
    assert told == ["9.90", "6.60", "5.50", "4.40", "3.30"], "the most at stake, exact, first"
    assert "example.com" not in str(table) and "'Ada'" not in str(table)


def test_a_table_that_was_read_tells_of_the_table_alone() -> None:
    columns = [dg.TableColumn(n) for n in ("qbo_overdue__c", "is_deleted", "industry")]
    told = {
        "jobs": [{"file_path": "/a/file"}], "destination_name": "duckdb", "rows_loaded": 7,
        "dagster/row_count": 9,
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
    }  # fmt: skip
    found = of_dlt(told, "raw_salesforce", "account")
    schema = found.pop("dagster/column_schema")
    assert found == {"rows_loaded": 7, "dagster/row_count": 9}
    overdue, deleted, industry = (column.description for column in schema.columns)
    assert overdue.startswith("While one of its invoices is chased.")
    assert (deleted, industry) == ("Whether it is in the recycle bin.", None)


def test_a_week_beside_today_is_told_line_by_line() -> None:
    """In the form's run as by the command: what moved, by how much, and behind which record."""
    moved = {"currency_code": "USD", "then": Decimal(100), "today": Decimal(90)}
    difference = {"difference": Decimal(-10)}
    record = {
        "record_type": "invoice", "record_number": "1007", "record_id": "7", "change": "changed",
        "dated_now": date(2026, 11, 20), "dated_then": None, "currency_code": "USD",
        "amount_then": Decimal(100), "amount_now": Decimal(90), **difference,
    }  # fmt: skip
    about = {"deal_name": None, "customer_name": "Acme", "document_number": "1007"}
    lines = hindsight_lines(
        Hindsight(
            "2026-W47",
            [{**moved, **difference, "line_label": "Invoiced"}],
            [{**moved, **difference, **about, "mismatch_class": "UNDER_BILLED"}],
            [record],
        )
    )
    assert [line.split() for line in lines if "-10.00" in line] == [
        ["Invoiced", "100.00", "USD", "90.00", "USD", "-10.00", "USD"],
        ["UNDER_BILLED", "Acme", "100.00", "USD", "90.00", "USD", "-10.00", "USD"],
        ["invoice", "1007", "changed", "2026-11-20", "100.00", "USD", "90.00", "USD", "-10.00",
         "USD"],
    ]  # fmt: skip
    assert "(none)" in hindsight_lines(Hindsight("2026-W47", [], [], []))
