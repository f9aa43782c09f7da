"""Jobs, schedules and the sensor: when things happen, never what."""

import dagster as dg

from orchestration.assets.report import weekly_mismatch_report
from orchestration.assets.writes import WRITTEN
from orchestration.resources import SettingsResource
from pipelines.errors import CrossfootError

_WRITES = dg.AssetSelection.assets(*WRITTEN.values())
_REPORT = dg.AssetSelection.assets(weekly_mismatch_report)

sync_job = dg.define_asset_job(
    "sync",
    selection=dg.AssetSelection.all() - _REPORT,
    description="Read both systems, judge, plan; with an approver named, apply the plan as well.",
)
plan_job = dg.define_asset_job(
    "plan",
    selection=dg.AssetSelection.all() - _WRITES - _REPORT,
    description="Read both systems, judge and plan. Nothing is written anywhere.",
)
report_job = dg.define_asset_job(
    "weekly_report",
    selection=dg.AssetSelection.all() - _WRITES,
    description="Read both systems, judge, write the weekly mismatch report and send it where a "
    "channel is set.",
)

every_monday = dg.ScheduleDefinition(
    name="weekly_report_on_monday",
    job=report_job,
    cron_schedule="0 6 * * 1",
    description="Every Monday at 06:00 the mismatch report, sent where a channel is set.",
)


def at_intervals(minutes: int) -> dg.ScheduleDefinition:
    """A plan every so many minutes, which divide an hour or, as whole hours, a day."""
    hours = minutes // 60
    cron = f"*/{minutes} * * * *" if minutes < 60 else f"0 */{hours} * * *"
    return dg.ScheduleDefinition(
        name="plan_at_intervals",
        job=plan_job,
        cron_schedule="0 0 * * *" if hours == 24 else cron,
        description=f"Every {minutes} minutes a fresh plan for people to look at and approve "
        "(CROSSFOOT_READ_EVERY_MINUTES).",
    )


@dg.sensor(
    job=plan_job,
    minimum_interval_seconds=30,
    description="Asks Salesforce which deals were won since the last look (one call) and starts a "
    "plan. The answer only wakes us: what is billed is decided from what is read afterwards.",
)
def newly_won_deals(
    context: dg.SensorEvaluationContext, settings: SettingsResource
) -> dg.SensorResult | dg.SkipReason:
    """One run per set of newly won deals; the cursor is the newest change seen."""
    from pipelines.clients.salesforce import salesforce_client
    from reverse_etl.calls import recording

    try:
        told = settings.read()
        with recording(told, "watch") as record:
            client = salesforce_client(told, record)
            found = list(client.query_all(_won_since(context.cursor)))
    except CrossfootError as problem:
        return dg.SkipReason(str(problem))
    if not found:
        return dg.SkipReason("No deal was won since the last look.")
    newest = max(str(deal["SystemModstamp"]) for deal in found)
    key = f"{newest}:{len(found)}"
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=newest)


def _won_since(cursor: str | None) -> str:
    since = cursor or "1970-01-01T00:00:00Z"
    limit = "" if cursor else " ORDER BY SystemModstamp DESC LIMIT 1"
    return (
        "SELECT Id, SystemModstamp FROM Opportunity "  # noqa: S608 - the cursor is our own
        f"WHERE IsWon = true AND SystemModstamp > {_literal(since)}{limit}"
    )


def _literal(moment: str) -> str:
    """A SOQL date-time literal: unquoted, `+0000` written as Z."""
    return moment.replace("+0000", "Z")
