"""Jobs, schedules and the sensors: when things happen, never what."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.abandoned import UNFINISHED
from orchestration.assets.report import WEEKS, weekly_mismatch_report
from orchestration.assets.writes import WRITTEN
from orchestration.launching import Reading, read_anew
from orchestration.resources import SettingsResource
from pipelines.errors import CrossfootError, WarehouseBusy

# The tag by which Dagster finds the runs of a code location.
_LOCATION = ".dagster/repository"
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
    partitions_def=WEEKS,
    description="Read both systems, judge, write the weekly mismatch report and send it where a "
    "channel is set. For a week that is past, that week is judged again as it was known then.",
)

every_monday = dg.build_schedule_from_partitioned_job(
    report_job,
    name="weekly_report_on_monday",
    hour_of_day=6,
    description="Every Monday at 06:00 the report of the week before, sent where a channel is set.",
)
every_quarter_of_an_hour = dg.ScheduleDefinition(
    name="alarms_every_quarter_of_an_hour",
    job_name="alarms",
    cron_schedule="7-59/15 * * * *",
    description="Every 15 minutes what is new of what somebody has to know, each told once.",
)
every_night = dg.ScheduleDefinition(
    name="sweep_at_night",
    job_name="backfill",
    cron_schedule="30 2 * * *",
    run_config={"ops": {read_anew.name: {"config": {"reading": Reading.SWEEP.name}}}},
    description="Every night at 02:30 the round that finds what changes cannot tell: rows that "
    "went away unseen, formulas that changed, the vendors' own totals.",
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


# How long after its last good end a run of a job is overdue, beside the interval's own.
_GRACE = timedelta(minutes=15)
_FRESH = (dg.AssetKey(["plan", "plan"]), dg.AssetKey(["report", "published_warehouse"]))


def kept_fresh(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], minutes: int
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets with how old they may be: what each reading brings, the plan and the published
    copy as old as the interval lets them be, the weekly report until Monday at nine. Dagster shows
    what is older."""
    by_interval = dg.FreshnessPolicy.time_window(timedelta(minutes=minutes) + _GRACE)
    by_week = dg.FreshnessPolicy.cron("0 9 * * 1", timedelta(days=1))

    def policed(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key == weekly_mismatch_report.key:
            return spec.replace_attributes(freshness_policy=by_week)
        if spec.key in _FRESH or (spec.group_name == "extract" and "dlt" in spec.kinds):
            return spec.replace_attributes(freshness_policy=by_interval)
        return spec

    made = [one for one in assets if isinstance(one, dg.AssetsDefinition)]
    told = [one for one in assets if isinstance(one, dg.AssetSpec)]
    return [*dg.map_asset_specs(policed, made), *told]


def overdue(
    last_good: Mapping[str, datetime | None],
    expected: Mapping[str, timedelta],
    since: datetime,
    now: datetime,
) -> dict[str, str]:
    """What did not happen, in words, by job: no good end of it for longer than expected. One that
    never ended well is counted `since` the watching began."""
    missed = {}
    for job, every in expected.items():
        last = last_good.get(job)
        if now - (last or since) > every + _GRACE:
            when = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "at all"
            missed[job] = f"{job}: no run ended well {when}; one is due every {_words(every)}"
    return missed


def _words(every: timedelta) -> str:
    hours, minutes = divmod(int(every.total_seconds()) // 60, 60)
    return f"{hours} hours" if hours and not minutes else f"{60 * hours + minutes} minutes"


def runs_that_did_not_happen(minutes: int) -> dg.SensorDefinition:
    """Looks every five minutes whether the scheduled runs happened and ended well: a schedule that
    is off and a run that fails each time are told alike: each once, louder after a day, and anew
    when it has happened again since. A message that did not leave is sent by the next look."""
    expected = {
        plan_job.name: timedelta(minutes=minutes),
        "backfill": timedelta(days=1),
        report_job.name: timedelta(days=7),
        # Who tells of everything else.
        "alarms": timedelta(minutes=15),
    }

    @dg.sensor(
        name="runs_that_did_not_happen",
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Alarm for each scheduled run that did not happen or did not end well.",
    )
    def look(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SkipReason:
        from reverse_etl import alerts

        now = datetime.now(UTC)
        since = datetime.fromisoformat(context.cursor or now.isoformat())
        context.update_cursor(since.isoformat())
        good = {job: _last_good(context, job) for job in expected}
        missed = overdue(good, expected, since, now)
        if missed:
            told = [alerts.missed(words, good[job] or since) for job, words in missed.items()]
            alerts.send(settings.read(), told)
        return dg.SkipReason("; ".join(missed.values()) or "Every scheduled run has happened.")

    return look


@dg.sensor(
    job_name="backfill",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Goes on with what was not read to its end: after a backfill that was killed, and "
    "where more had to be read anew than a plan's run takes. Once for each place that it stopped "
    "at, so that what cannot go on is not tried for ever.",
)
def walks_left_unfinished(
    context: dg.SensorEvaluationContext, settings: SettingsResource
) -> dg.RunRequest | dg.SkipReason:
    """A backfill while an object is in part, unless one is under way."""
    from pipelines.extract.held import unfinished

    filters = _runs_of_ours(context, "backfill", [dg.DagsterRunStatus.QUEUED, *UNFINISHED])
    if context.instance.get_runs(filters, limit=1):
        return dg.SkipReason("A backfill is under way.")
    try:
        found = unfinished(settings.read().warehouse_path)
    except WarehouseBusy as problem:
        return dg.SkipReason(str(problem))
    if not found:
        return dg.SkipReason("Every object was read to its end.")
    told = "; ".join(f"{name}: {place}" for name, place in sorted(found.items()))
    key = hashlib.sha256(told.encode()).hexdigest()
    return dg.RunRequest(run_key=key, tags={"crossfoot/unfinished": told[:250]})


def _runs_of_ours(
    context: dg.SensorEvaluationContext, job: str, statuses: list[dg.DagsterRunStatus]
) -> dg.RunsFilter:
    """Runs of this job of the sensor's own code location: another one may have a job of that name.
    A sensor that is evaluated by hand has no location, and is told of all."""
    origin = context.code_location_origin
    ours = {_LOCATION: f"{context.repository_name}@{origin.location_name}"} if origin else {}
    return dg.RunsFilter(job_name=job, statuses=statuses, tags=ours)


def _last_good(context: dg.SensorEvaluationContext, job: str) -> datetime | None:
    """When a run of this job ended well last."""
    wanted = _runs_of_ours(context, job, [dg.DagsterRunStatus.SUCCESS])
    records = context.instance.get_run_records(wanted, limit=1)
    ended = records[0].end_time if records else None
    return datetime.fromtimestamp(ended, UTC) if ended else None


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
