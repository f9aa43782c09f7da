"""Jobs that people start in the Dagster UI, each with a form that says what it wants: approve,
apply, take back, review a match, speak about a mismatch, sign a week, judge one again, read anew.

They do what the commands of the same names do, and leave in the run who did what and why.
"""

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration import alarms, closing, replay, steps
from orchestration.assets.writes import described
from orchestration.budget.reading import budget_facts, extraction_lines
from orchestration.replay_words import hindsight_lines
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from orchestration.turns import Turns
from pipelines.errors import Stop
from reverse_etl import cycle, review
from reverse_etl.render import outcome_lines, plan_lines

BY = Field(description="Your name; it is kept.", min_length=1)
CHECKSUM = Field(
    description="The plan's checksum, or the start of it, as its asset shows it.", min_length=6
)
REASON = Field(description="Why, in a sentence; it is kept.", min_length=1)
WEEK = Field(description="An ISO week such as 2026-W47.", pattern=r"^\d{4}-W\d{2}$")


class ApprovePlan(dg.Config):
    """Which plan, and who allows it."""

    checksum: str = CHECKSUM
    by: str = BY
    note: str = Field("", description="Kept with the approval.")


class ApplyPlan(dg.Config):
    """Which approved plan is sent."""

    checksum: str = CHECKSUM


class UndoPlan(dg.Config):
    """What is taken back. The result is a plan, which is approved and applied like any other."""

    keys: list[str] = Field([], description="Keys of applied changes.")
    checksum: str = Field("", description="Or of a plan: all that it has done.")
    by: str = BY


class Verdict(Enum):
    """What a person says of a pair."""

    CONFIRM = "confirm"
    REJECT = "reject"


class ReviewMatch(dg.Config):
    """A pair of the review queue, and what it is."""

    pair: str = Field(description="Its review id, or the start of it.", min_length=4)
    verdict: Verdict = Field(description="Whether both are the same.")
    by: str = BY
    reason: str = REASON


class Said(Enum):
    """What a person says of a mismatch."""

    EXPLAIN = "explain"
    ACCEPT = "accept"
    FALSE_POSITIVE = "false_positive"
    PLAN_FIX = "plan_fix"
    APPLY_FIX = "apply_fix"
    REOPEN = "reopen"


class SayOfMismatch(dg.Config):
    """A mismatch, or all of a class, and what is said of it."""

    mismatch: str = Field(description="The exception's id, or a class such as CUT_OFF.")
    said: Said = Field(description="What is said; only a later run closes one.")
    cause: str = Field("", description="Root cause; needed to explain, accept or call false.")
    until: str = Field("", description="Accepted until this day, such as 2026-12-31.")
    by: str = BY
    reason: str = REASON


class Signature(Enum):
    """Two people sign a week, one after the other."""

    PREPARE = "prepare"
    REVIEW = "review"
    WITHDRAW = "withdraw"


class SignWeek(dg.Config):
    """A recorded week and a signature under it."""

    week: str = WEEK
    step: Signature = Field(description="As whom; preparer and reviewer are two people.")
    by: str = BY
    note: str = Field("", description="Kept with the signature; needed to withdraw.")


class ReplayWeek(dg.Config):
    """A recorded week that is judged once more."""

    week: str = WEEK
    today: bool = Field(False, description="Beside it with what is known today.")


class Reading(Enum):
    """How much is read."""

    CHANGES = "changes"
    SWEEP = "sweep"
    EVERYTHING = "everything"


class Backfill(dg.Config):
    """What is read, and whatever an earlier reading has left unfinished. Whole loads are kept, and
    after each of them runs that wait go first."""

    reading: Reading = Field(
        Reading.CHANGES,
        description="What is new and what was left unfinished, with it the daily round now, or "
        "everything again.",
    )


@dg.op
def approve_one_plan(
    context: dg.OpExecutionContext, config: ApprovePlan, settings: SettingsResource
) -> None:
    """Record that a person allows a plan."""
    told = settings.read()
    plan = cycle.stored_plan(told, config.checksum)
    kept = cycle.approve(told, plan.checksum, config.by, config.note)
    line = f"Approved by {config.by} until {kept.valid_until:%Y-%m-%d %H:%M} UTC."
    _tell(context, [*plan_lines(plan), line], {**described(plan), "approved": line})


@dg.op(pool=WAREHOUSE_POOL)
def apply_one_plan(
    context: dg.OpExecutionContext, config: ApplyPlan, settings: SettingsResource
) -> None:
    """Send an approved plan; a second time nothing changes. Red when a row failed or is owed."""
    done = cycle.apply(settings.read().check(), config.checksum, context.log.info)
    counts = {str(status): count for status, count in done.counts().items()}
    _tell(context, list(outcome_lines(done)), counts)
    if done.failed:
        raise dg.Failure(done.summary(), allow_retries=False)


@dg.op(pool=WAREHOUSE_POOL)
def plan_what_takes_back(
    context: dg.OpExecutionContext, config: UndoPlan, settings: SettingsResource
) -> None:
    """Make the plan that takes changes back, or say why not. Sends nothing."""
    if not config.keys and not config.checksum:
        raise Stop("undo", "", "nothing was named", "Name keys of changes, or a plan's checksum.")
    made = cycle.plan_undo(settings.read().check(), config.keys, config.checksum, author=config.by)
    _tell(context, list(plan_lines(made)), described(made))


@dg.op(pool=WAREHOUSE_POOL)
def review_one_match(
    context: dg.OpExecutionContext, config: ReviewMatch, settings: SettingsResource
) -> None:
    """Confirm or reject a pair; the next judgement obeys."""
    told = settings.read()
    kept = review.decide(told, config.verdict.value, config.pair, config.by, config.reason)
    # The state gives the number, by which the job `undo_decisions` takes it back.
    (*_, (last, _undone)) = review.history(told, record=kept.left_id)
    line = f"{kept.subject} {kept.left_id} and {kept.right_id}: {kept.decision} by {config.by}."
    _tell(context, [line, f"Decision {last.number}; undo_decisions takes it back."],
          {"decision": kept.decision, "number": last.number})  # fmt: skip


@dg.op(pool=WAREHOUSE_POOL)
def say_of_one_mismatch(
    context: dg.OpExecutionContext, config: SayOfMismatch, settings: SettingsResource
) -> None:
    """Keep a person's word about a mismatch, or about all of a class."""
    from datetime import date

    rows = closing.say(
        settings.read(), config.mismatch, config.said.value, config.by,
        reason=config.reason, root_cause=config.cause or None,
        until=date.fromisoformat(config.until) if config.until else None,
    )  # fmt: skip
    lines = [f"{row['exception_id']}: {row['mismatch_class']}, {row['value_at_stake']} "
             f"{row['currency_code']}" for row in rows]  # fmt: skip
    _tell(context, lines, {"mismatches": len(rows)})


@dg.op(pool=WAREHOUSE_POOL)
def sign_one_week(
    context: dg.OpExecutionContext, config: SignWeek, settings: SettingsResource
) -> None:
    """Sign a recorded week, or withdraw; refused while something material is unexplained."""
    done = closing.sign(settings.read(), config.week, config.step.value, config.by, config.note)
    _tell(context, [f"{config.week}: {config.step.value} by {config.by}"],
          {name: str(value) for name, value in done.row.items() if value is not None})  # fmt: skip


@dg.op(pool=WAREHOUSE_POOL)
def judge_one_week_again(
    context: dg.OpExecutionContext, config: ReplayWeek, settings: SettingsResource
) -> None:
    """Judge a recorded week as it was known then; red when it does not come out the same."""
    told = settings.read()
    if config.today:
        seen = replay.with_hindsight(told, config.week)
        _tell(context, [f"{config.week} beside today", *hindsight_lines(seen)], {
            "bridge_lines": len(seen.bridge), "exceptions": len(seen.exceptions),
            "records": len(seen.records)})  # fmt: skip
        return
    done = replay.as_known(told, config.week)
    _tell(
        context, [replayed_line(done)], {"same": done.is_same, "rules_changed": done.rules_changed}
    )
    if not done.is_same and not done.rules_changed:
        raise dg.Failure(replayed_line(done), allow_retries=False)


@dg.op(pool=WAREHOUSE_POOL)
def read_anew(context: dg.OpExecutionContext, config: Backfill, settings: SettingsResource) -> None:
    """Read both systems within the vendors' allowances, giving way after each load."""
    told = settings.read().check()
    turns = Turns(context, told.warehouse_path)
    done = steps.extraction(
        told, context.log.info, full=config.reading is Reading.EVERYTHING,
        sweep=config.reading is Reading.SWEEP, turn=turns,
    )  # fmt: skip
    left = {
        f"{system} {name}": fact
        for system in ("Salesforce", "QuickBooks")
        for name, fact in budget_facts(done.meter, system).items()
        if name.startswith("budget")
    }
    _tell(context, extraction_lines(done), {
        "rows": sum(r.rows for r in done.results),
        "calls": sum(r.calls for r in done.results),
        "gave_way": turns.given, **left})  # fmt: skip


@dg.op(pool=WAREHOUSE_POOL)
def look_for_alarms(context: dg.OpExecutionContext, settings: SettingsResource) -> None:
    """Tell everybody what is new of what has to be known; red when a message did not leave."""
    done = alarms.look(settings.read())
    lines = [f"{t.channel} to {t.recipient}: {t.alerts} alerts, {t.status}" for t in done]
    _tell(context, lines, {"messages": len(done)})
    failed = [t for t in done if t.status != "sent"]
    if failed:
        raise dg.Failure("; ".join(f"{t.channel} to {t.recipient}: {t.message}" for t in failed))


def replayed_line(done: replay.Replay) -> str:
    """Whether a week came out as it was recorded, in a sentence."""
    if done.is_same:
        return f"Week {done.week}: the same, byte for byte."
    if done.rules_changed:
        return f"Week {done.week}: judged by other rules than then, so it may differ."
    return f"Week {done.week}: not the same as was recorded."


def _tell(context: dg.OpExecutionContext, lines: list[str], metadata: dict[str, Any]) -> None:
    for line in lines:
        context.log.info(line)
    if lines and "plan" not in metadata:
        # As it was laid out, in its columns.
        laid_out = "\n".join(lines).replace("`", "'")
        metadata["told"] = dg.MetadataValue.md(f"```\n{laid_out}\n```")
    context.add_output_metadata(metadata)


def _job(name: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    graph = dg.GraphDefinition(name=name, node_defs=[op])
    return graph.to_job(name=name, description=description)


JOBS = (
    _job("approve_plan", approve_one_plan, "Allow one plan, by its checksum, for a day."),
    _job("apply_plan", apply_one_plan, "Send an approved plan; a second time changes nothing."),
    _job("undo_changes", plan_what_takes_back, "The plan that takes applied changes back."),
    _job("review_match", review_one_match, "Confirm or reject one pair of the review queue."),
    _job("say_of_mismatch", say_of_one_mismatch,
         "Explain, accept or reopen one mismatch, or all of a class."),
    _job("sign_week", sign_one_week, "Sign a recorded week as its preparer or reviewer."),
    _job("replay_week", judge_one_week_again, "Judge a recorded week once more."),
    _job("alarms", look_for_alarms, "Tell by mail and Slack what somebody has to know now."),
    _job("backfill", read_anew, "Read both systems to their end: what is new, the daily round, or "
         "everything. Runs that wait go first after each load; killed, it goes on by itself."),
)  # fmt: skip
