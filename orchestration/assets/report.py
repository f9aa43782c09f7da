"""What people read: the published copy of the warehouse and the weekly mismatch report."""

from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from reverse_etl.delivery import delivery_lines, require_sent

MARTS = [
    dg.AssetKey(["reconciliation", name])
    for name in ("mismatches", "reconciliation_bridge", "review_queue", "report_kpis")
]


@dg.asset(
    key=["report", "published_warehouse"],
    deps=MARTS,
    group_name="report",
    kinds={"duckdb"},
    pool=WAREHOUSE_POOL,
    description="The copy that analysts and assistants open: swapped in whole, the last one kept.",
)
def published_warehouse(settings: SettingsResource) -> dg.MaterializeResult[Any]:
    """Copy the warehouse beside the old copy and swap it in."""
    path = steps.publish(settings.read())
    return dg.MaterializeResult(
        metadata={"path": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
    )


class ReportConfig(dg.Config):
    """Which week to report (empty means the week of the newest data), and whether it is sent."""

    week: str = ""
    send: bool = True


@dg.asset(
    key=["report", "weekly_mismatch_report"],
    deps=[published_warehouse],
    group_name="report",
    kinds={"html"},
    description="Where closed revenue and invoiced amounts disagree, to the cent, and why.",
)
def weekly_mismatch_report(
    config: ReportConfig, settings: SettingsResource
) -> dg.MaterializeResult[Any]:
    """Write the report's files, and send it where a channel is configured and nobody said no."""
    told = settings.read()
    paths = steps.report(told, config.week or None)
    metadata: dict[str, Any] = {
        "report": dg.MetadataValue.url(paths.page.absolute().as_uri()),
        "path": dg.MetadataValue.path(paths.page),
        "spreadsheet": dg.MetadataValue.path(paths.workbook),
    }
    if config.send and told.delivery.is_configured:
        done = steps.send(told, paths)
        metadata["deliveries"] = dg.MetadataValue.md("\n".join(delivery_lines(done)))
        require_sent(done)
    return dg.MaterializeResult(metadata=metadata)
