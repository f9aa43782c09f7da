"""The asset graph: complete, in the words of the house, one path from a deal to its invoice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from asset_graph import surface

ROOT = Path(__file__).resolve().parents[2]
GRAPH = Path(__file__).with_name("asset_graph.json")


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


def upstream_of(defs: dg.Definitions, *path: str) -> set[str]:
    graph = defs.resolve_asset_graph()
    keys = dg.AssetSelection.assets(dg.AssetKey(list(path))).upstream().resolve(graph)
    return {key.to_user_string() for key in keys}


@pytest.mark.slow
def test_the_graph_is_the_one_that_was_looked_at(defs: dg.Definitions) -> None:
    """Assets, what they stand on, checks, jobs with their forms, clocks: as the file beside this
    one says. WRITE_GRAPH=1 writes it anew; look at the difference before it is kept."""
    seen = surface(defs)
    if os.environ.get("WRITE_GRAPH"):
        GRAPH.write_text(json.dumps(seen, indent=1, sort_keys=True) + "\n")
    kept = json.loads(GRAPH.read_text())
    for part in kept.keys() | seen.keys():
        assert seen.get(part) == kept.get(part), part
    assert len(kept["assets"]) > 100 and kept["jobs"]["sign_week"]["form"]


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
    assert checks["expectations"] and checks["nothing_is_lost"] and checks["data_are_concluded"]
    assert not checks["complete"], "an incomplete reading is judged, so that the report says so"


@pytest.mark.slow
def test_jobs_schedules_and_sensor_are_there(defs: dg.Definitions) -> None:
    assert {job.name for job in defs.jobs or ()} == {
        "accept_proposals", "alarms", "apply_plan", "approve_plan", "backfill", "plan",
        "replay_week", "review_match", "say_of_mismatch", "sign_week", "sync", "undo_changes",
        "undo_decisions", "weekly_report", "won_deals_to_invoices",
    }  # fmt: skip
    schedules = {s.name: s.cron_schedule for s in defs.schedules or ()}  # type: ignore[union-attr]
    assert schedules == {
        "weekly_report_on_monday": "0 6 * * 1",
        "plan_at_intervals": "*/15 * * * *",
        "sweep_at_night": "30 2 * * *",
        "alarms_every_quarter_of_an_hour": "7-59/15 * * * *",
    }
    assert [s.name for s in defs.sensors or ()] == [
        "newly_won_deals", "runs_that_did_not_happen", "walks_left_unfinished",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("job", ["sync", "plan", "weekly_report"])
def test_each_half_of_the_warehouse_is_one_step(defs: dg.Definitions, job: str) -> None:
    """A model of the first half that stands on one of the second would have both taken apart: each
    part would be built alone, and a test would ask for tables that only a later part makes."""
    steps = list(defs.resolve_job_def(job).graph.node_names())
    assert [name for name in steps if name.startswith(("prepare", "judge"))] in (
        ["prepare", "judge"], ["judge", "prepare"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [(1, "*/1 * * * *"), (30, "*/30 * * * *"), (60, "0 */1 * * *"), (480, "0 */8 * * *"),
     (1440, "0 0 * * *")],
)  # fmt: skip
def test_a_plan_comes_as_often_as_the_settings_say(minutes: int, cron: str) -> None:
    from orchestration.clocks import at_intervals

    assert at_intervals(minutes).cron_schedule == cron


def test_a_run_that_did_not_happen_or_did_not_end_well_is_overdue() -> None:
    from datetime import timedelta

    from orchestration.clocks import overdue

    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    quarter = timedelta(minutes=15)
    every = {"plan": quarter}
    assert not overdue({"plan": noon - quarter}, every, noon - 9 * quarter, noon)
    (words,) = overdue({"plan": noon - 3 * quarter}, every, noon, noon).values()
    assert words == (
        "plan: no run ended well since 2026-11-20 11:15 UTC; one is due every 15 minutes"
    )
    assert not overdue({"plan": None}, every, noon, noon)
    assert "at all" in overdue({}, every, noon - 3 * quarter, noon)["plan"]


def test_a_week_is_named_by_its_monday() -> None:
    from orchestration.assets.report import WEEKS, iso_week

    assert iso_week("2026-11-16") == "2026-W47" and iso_week("2025-12-29") == "2026-W01"
    assert "2026-11-16" in WEEKS.get_partition_keys(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.slow
def test_what_schedules_ask_for_fits_the_forms(defs: dg.Definitions) -> None:
    from orchestration.clocks import every_night
    from orchestration.launching import Reading, read_anew

    asked = {"ops": {read_anew.name: {"config": {"reading": Reading.SWEEP.name}}}}
    job = defs.resolve_job_def("backfill")
    assert every_night.job_name == job.name
    taken = dg.validate_run_config(job, asked)["ops"]["read_anew"]["config"]
    assert taken["reading"] == Reading.SWEEP.value


@pytest.mark.slow
def test_every_launch_form_says_what_each_field_wants(defs: dg.Definitions) -> None:
    from orchestration.launching import JOBS

    for job in JOBS:
        (op,) = job.all_node_defs
        assert isinstance(op, dg.OpDefinition)
        fields = getattr(op.config_schema.config_type, "fields", {}) if op.config_schema else {}
        assert all(field.description for field in fields.values()), job.name
    assert {"approve_plan", "undo_changes", "sign_week"} <= {job.name for job in JOBS}


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


@pytest.mark.slow
def test_every_step_that_opens_the_warehouse_waits_its_turn(defs: dg.Definitions) -> None:
    """Under any executor: DuckDB admits one writing process. These open the state alone."""
    elsewhere = {"undo_decisions_of_people", "approve_one_plan"}
    nodes = [
        node
        for name in (job.name for job in defs.jobs or ())
        for node in defs.resolve_job_def(name).all_node_defs
        if isinstance(node, dg.OpDefinition)
    ]
    assert {"extract_salesforce", "prepare", "judge", "apply", "invoice_won_deals"} <= {
        node.name for node in nodes
    }
    without = {node.name for node in nodes if node.pool != "warehouse"}
    assert without == elsewhere
