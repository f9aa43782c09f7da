"""What people read: the published copy of the warehouse and the weekly mismatch report."""

from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration import facts, replay, steps
from orchestration.assets.writes import PLAN
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import warehouse
from pipelines.errors import Stop
from pipelines.folders import make_private
from pipelines.settings import Settings
from reverse_etl.delivery import delivery_lines, require_sent
from reverse_etl.render import money_words
from reverse_etl.report.mail import mail_text
from reverse_etl.report.places import address

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
        metadata={
            "path": dg.MetadataValue.path(path),
            **_size(path),
            "mismatches": _table(facts.mismatches(path)),
            "bridge": _table(facts.bridge(path)),
            "waits_for_review": _table(facts.waiting_for_review(path)),
        }
    )


def _size(path: Path) -> dict[str, int]:
    """How large the copy is; what is published of a lake is no copy."""
    return {"bytes": path.stat().st_size} if path.exists() else {}


def _table(rows: facts.Rows) -> str | dg.MarkdownMetadataValue:
    """Rows of figures as a table; there is no text of people in them."""
    if not rows:
        return "none"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    shown = ("| " + " | ".join("" if v is None else str(v) for v in one) + " |" for one in lines)
    return dg.MetadataValue.md("\n".join(shown))


# By its Monday; the week under way is there as well, so that it can be looked at before it ends.
WEEKS = dg.WeeklyPartitionsDefinition(start_date="2024-01-01", day_offset=1, end_offset=1)


class ReportConfig(dg.Config):
    """Whether the report is sent where a channel is set. One of a past week never is."""

    send: bool = True


@dg.asset(
    key=["report", "weekly_mismatch_report"],
    deps=[published_warehouse],
    group_name="report",
    kinds={"html"},
    partitions_def=WEEKS,
    pool=WAREHOUSE_POOL,
    description="Where closed revenue and invoiced amounts disagree, to the cent, and why; one for "
    "each week. A past week is judged again as it was known then, and must come out the same.",
)
def weekly_mismatch_report(
    context: dg.AssetExecutionContext, config: ReportConfig, settings: SettingsResource
) -> dg.MaterializeResult[Any]:
    """Write the report's files, and send it where a channel is configured and nobody said no."""
    told = settings.read()
    label = iso_week(context.partition_key)
    if label not in present_weeks(told):
        return _as_it_was(told, label)
    paths = steps.report(told, label)
    metadata: dict[str, Any] = {
        **_found_at(told, label, paths.page),
        "spreadsheet": dg.MetadataValue.path(paths.workbook),
        "first_screen": _as_laid_out(mail_text(paths.report, ())),
        "plan": dg.MetadataValue.asset(PLAN),
        "concluded": paths.report.verdict.is_concluded,
        "leakage": money_words({s.amount.currency: s.amount.amount for s in paths.report.leakage})
        or "none",
        "mismatches": len(paths.report.mismatches),
    }
    if config.send and told.delivery.is_configured:
        done = steps.send(told, paths)
        metadata["deliveries"] = dg.MetadataValue.md("\n".join(delivery_lines(done)))
        require_sent(done)
    return dg.MaterializeResult(metadata=metadata)


def _found_at(told: Settings, week: str, page: Path) -> dict[str, Any]:
    """Where a page of a week is: its path, and a link where the folder of reports is served. None
    to the file itself, for no browser follows such a link from a page of the network."""
    found: dict[str, Any] = {"path": dg.MetadataValue.path(page)}
    if told.delivery.report_url:
        found["report"] = dg.MetadataValue.url(address(told.delivery.report_url, week, page))
    return found


def _as_laid_out(text: str) -> dg.MarkdownMetadataValue:
    """Text in its own lines and columns."""
    return dg.MetadataValue.md("```\n{}\n```".format(text.strip().replace("`", "'")))


def iso_week(monday: str) -> str:
    """`2026-11-16` is `2026-W47`."""
    return f"{date.fromisoformat(monday):%G-W%V}"


def present_weeks(settings: Settings) -> frozenset[str]:
    """The week of the published data and the one before it, which is reported when it has ended."""
    sql = "SELECT max(as_of_at) AS at FROM reconciliation.data_verdict"
    at = warehouse.read(settings.published_path, sql)[0]["at"]
    if at is None:
        raise Stop("report", "", "there are no data to report on", "Run `crossfoot sync` first.")
    day = at.astimezone(UTC).date()
    return frozenset(f"{one:%G-W%V}" for one in (day, day - timedelta(days=7)))


def _as_it_was(settings: Settings, label: str) -> dg.MaterializeResult[Any]:
    """A past week judged again; its page is written beside the one that was sent.

    Raises `dg.Failure` when it is another one under the same rules.
    """
    done = replay.as_known(settings, label)
    folder = settings.report_dir / label
    make_private(folder)
    page = folder / "replayed.html"
    page.write_text(done.page, encoding="utf-8")
    if not done.is_same and not done.rules_changed:
        raise dg.Failure(f"Week {label} does not come out as it was recorded", {"page": str(page)})
    return dg.MaterializeResult(
        metadata={
            **_found_at(settings, label, page),
            "same_as_recorded": done.is_same,
            "rules_changed": done.rules_changed,
        }
    )
