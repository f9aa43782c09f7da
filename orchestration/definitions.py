"""The whole system on one page."""

from __future__ import annotations

from orchestration import telemetry

telemetry.switch_off()

import dagster as dg  # noqa: E402
from dagster_dlt import DagsterDltResource  # noqa: E402

from orchestration import checks, clocks, deciding, launching, waiting  # noqa: E402
from orchestration.assets import extract, matching, report, writes  # noqa: E402
from orchestration.assets.warehouse import warehouse_assets  # noqa: E402
from orchestration.resources import SettingsResource  # noqa: E402
from orchestration.watching.job import PLAN_SPEC, won_deals_to_invoices  # noqa: E402
from pipelines.settings import load_settings  # noqa: E402
from pipelines.transform import manifest_path  # noqa: E402

waiting.patiently()
_settings = load_settings()
_manifest = manifest_path(_settings.dbt_dir, _settings.warehouse_path)
_extracts = extract.extract_assets(_settings)

defs = dg.Definitions(
    assets=clocks.kept_fresh(
        [
            *_extracts,
            *extract.vendor_objects(_extracts),
            *extract.RUNS,
            *extract.unread(_extracts),
            writes.state_copy,
            *warehouse_assets(_manifest),
            matching.customer_scores,
            writes.plan,
            writes.apply,
            PLAN_SPEC,
            report.published_warehouse,
            report.weekly_mismatch_report,
        ],
        _settings.read_every_minutes,
    ),
    asset_checks=[*checks.extract_checks(_extracts), checks.conservation, checks.verdict],
    jobs=[
        clocks.sync_job,
        clocks.plan_job,
        clocks.report_job,
        deciding.accept_proposals,
        deciding.undo_decisions,
        won_deals_to_invoices,
        *launching.JOBS,
    ],
    schedules=[
        clocks.every_monday,
        clocks.every_night,
        clocks.every_quarter_of_an_hour,
        clocks.at_intervals(_settings.read_every_minutes),
    ],
    sensors=[
        clocks.newly_won_deals,
        clocks.runs_that_did_not_happen(_settings.read_every_minutes),
        clocks.walks_left_unfinished,
    ],
    resources={"settings": SettingsResource(), "dlt": DagsterDltResource()},
    # DuckDB admits one writing process: the steps of a run share one process.
    executor=dg.in_process_executor,
)
