"""The asset graph: complete, in the words of the house, one path from a deal to its invoice."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


def upstream_of(defs: dg.Definitions, *path: str) -> set[str]:
    graph = defs.resolve_asset_graph()
    keys = dg.AssetSelection.assets(dg.AssetKey(list(path))).upstream().resolve(graph)
    return {key.to_user_string() for key in keys}


@pytest.mark.slow
def test_one_connected_path_from_the_deal_to_the_invoice_it_causes(defs: dg.Definitions) -> None:
    assert {
        "raw_salesforce/opportunity",
        "staging/stg_salesforce__opportunities",
        "intermediate/int_deals__billable",
        "intermediate/int_billing_plan__steps",
        "intermediate/int_invoices__linked_to_deals",
        "sync/sync_invoices",
        "plan/plan",
    } <= upstream_of(defs, "quickbooks", "invoices_written")


@pytest.mark.slow
def test_payments_lead_to_what_sales_sees(defs: dg.Definitions) -> None:
    assert "raw_quickbooks/payment" in upstream_of(defs, "salesforce", "deal_status_written")


@pytest.mark.slow
def test_the_report_stands_on_the_published_copy(defs: dg.Definitions) -> None:
    needed = upstream_of(defs, "report", "weekly_mismatch_report")
    assert {"report/published_warehouse", "reconciliation/mismatches"} <= needed


@pytest.mark.slow
def test_every_asset_is_in_a_group_of_the_house(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    groups = {
        graph.get(key).group_name
        for key in graph.get_all_asset_keys()
        if graph.get(key).is_materializable
    }
    assert groups == {
        "billing", "exceptions", "extract", "matching", "reconciliation", "report", "rules",
        "staging", "state", "sync", "writes",
    }  # fmt: skip


@pytest.mark.slow
def test_every_asset_check_and_job_is_described(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assets = [k for k in graph.get_all_asset_keys() if not graph.get(k).description]
    assert not assets
    specs = [s for d in graph.assets_defs for s in d.check_specs]
    assert len(specs) == len(graph.asset_check_keys)
    assert not [s.name for s in specs if not s.description]
    assert all(job.description for job in defs.jobs or ())


@pytest.mark.slow
def test_a_failing_check_bars_what_follows(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    checks = {key.name: graph.get(key).blocking for key in graph.asset_check_keys}
    assert checks["expectations"] and checks["nothing_is_lost"]


@pytest.mark.slow
def test_jobs_schedules_and_sensor_are_there(defs: dg.Definitions) -> None:
    assert {job.name for job in defs.jobs or ()} == {
        "accept_proposals", "plan", "sync", "undo_decisions", "weekly_report",
        "won_deals_to_invoices",
    }  # fmt: skip
    schedules = {s.name: s.cron_schedule for s in defs.schedules or ()}  # type: ignore[union-attr]
    assert schedules == {
        "weekly_report_on_monday": "0 6 * * 1",
        "plan_at_intervals": "*/15 * * * *",
    }
    assert [s.name for s in defs.sensors or ()] == ["newly_won_deals"]


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [(1, "*/1 * * * *"), (30, "*/30 * * * *"), (60, "0 */1 * * *"), (480, "0 */8 * * *"),
     (1440, "0 0 * * *")],
)  # fmt: skip
def test_a_plan_comes_as_often_as_the_settings_say(minutes: int, cron: str) -> None:
    from orchestration.clocks import at_intervals

    assert at_intervals(minutes).cron_schedule == cron


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = ("dagster", "dlt", "splink", "dbt", "pandas", "great_expectations", "pyarrow")
    code = f"import sys, orchestration.cli; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_what_was_read_is_told_over_all_companies() -> None:
    from orchestration.assets.extract import read_facts
    from pipelines.extract import ExtractResult

    noon, one = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 13, tzinfo=UTC)
    told = [
        ExtractResult("quickbooks", "1", "Invoice", "full", 560, None, 6, one),
        ExtractResult("quickbooks", "2", "Invoice", "full", 216, None, 3, noon),
    ]
    assert read_facts("raw_quickbooks", "invoice", told, 776) == {
        "dagster/table_name": "raw_quickbooks.invoice",
        "dagster/row_count": 776,
        "mode": "full",
        "rows_read": 776,
        "calls": 9,
        "vendor_time": "2026-11-20T12:00:00+00:00",
    }
