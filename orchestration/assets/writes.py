"""From intentions to writes: the state's copy, the plan, and what became of each flow."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import warehouse
from reverse_etl import cycle
from reverse_etl.apply import ApplyResult
from reverse_etl.changes import Plan
from reverse_etl.plan import sums
from reverse_etl.render import money_words, outcome_line, plan_markdown
from reverse_etl.syncs import registry

RAW_STATE = [
    dg.AssetKey(["raw_state", name])
    for name in (
        "ledger", "match_decision", "match_decision_period", "recorded_run", "recorded_exception",
        "exception_event", "sign_off",
    )
]  # fmt: skip
INTENTIONS = [dg.AssetKey(["sync", mart]) for flow in registry.FLOWS for mart in flow.marts]
PLAN = dg.AssetKey(["plan", "plan"])
# Flow -> the asset that stands for what the flow has written, under the system it writes to.
WRITTEN = {f.name: dg.AssetKey([f.system, f"{f.name}_written"]) for f in registry.FLOWS}


@dg.multi_asset(
    name="copy_state",
    specs=[dg.AssetSpec(key, group_name="state", kinds={"sqlite"}) for key in RAW_STATE],
    pool=WAREHOUSE_POOL,
)
def state_copy(settings: SettingsResource) -> Iterator[dg.MaterializeResult[Any]]:
    """The ledger, people's decisions and the recorded weeks, copied so that SQL sees them."""
    current = settings.read()
    steps.copy_state(current)
    held = warehouse.row_counts(current.warehouse_path, warehouse.RAW_STATE)
    for key in RAW_STATE:
        rows = {"dagster/row_count": held[key.path[-1]]}
        yield dg.MaterializeResult(asset_key=key, metadata=rows)


@dg.asset(
    key=PLAN,
    deps=INTENTIONS,
    group_name="sync",
    kinds={"python"},
    pool=WAREHOUSE_POOL,
    description="Every write that is due, with its field-level difference, and every row that is "
    "blocked, with its reason. Nothing is sent by making a plan.",
)
def plan(settings: SettingsResource) -> dg.MaterializeResult[Any]:
    """Make the plan from the sync marts and keep it under its checksum."""
    made = cycle.make_plan(settings.read())
    return dg.MaterializeResult(value=made.checksum, metadata=described(made))


class ApplyConfig(dg.Config):
    """Who approves. Without a name the run is a dry run: the plan is made and nothing is sent."""

    approved_by: str = ""


@dg.multi_asset(
    name="apply",
    ins={"checksum": dg.AssetIn(key=PLAN)},
    outs={
        flow: dg.AssetOut(
            key=key,
            group_name="writes",
            kinds={key.path[0]},
            is_required=False,
            dagster_type=dg.Nothing,
        )
        for flow, key in WRITTEN.items()
    },
    pool=WAREHOUSE_POOL,
)
def apply(
    context: dg.AssetExecutionContext,
    checksum: str,
    config: ApplyConfig,
    settings: SettingsResource,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Send the approved plan, one recorded intent at a time; a dry run sends nothing."""
    current = settings.read()
    if config.approved_by:
        cycle.approve(current, checksum, config.approved_by)
    else:
        automatic, beyond = cycle.plan_automatic(current)
        if not automatic.changes or beyond:
            context.log.info("; ".join(["No approver was named, nothing was sent.", *beyond]))
            return
        checksum = automatic.checksum
    done = cycle.apply(current, checksum, context.log.info)
    sent = cycle.stored_plan(current, checksum)
    for flow, key in WRITTEN.items():
        yield dg.MaterializeResult(asset_key=key, metadata=written(sent, done, flow))
    if done.failed:
        raise dg.Failure(description=done.summary(), metadata={"plan": checksum})


def described(made: Plan) -> dict[str, Any]:
    """What a materialisation tells of a plan."""
    return {
        "checksum": made.checksum,
        "changes": len(made.changes),
        "blocked": len(made.blocked),
        "amounts": money_words(sums(made.changes)) or "none",
        "amounts_blocked": money_words(sums(made.blocked)) or "none",
        "plan": dg.MetadataValue.md(plan_markdown(made)),
    }


def written(
    sent: Plan, done: ApplyResult, flow: str, plan_asset: dg.AssetKey = PLAN
) -> dict[str, Any]:
    """What a materialisation tells of a flow's writes: how many ended how, what money the finished
    ones moved per currency, and each that is not done with its reason."""
    own = [outcome for outcome in done.all if outcome.flow == flow]
    finished = {outcome.change_key for outcome in own if outcome.status == "done"}
    odd = [f"- {outcome_line(outcome)}" for outcome in own if outcome.status != "done"]
    return {
        **{str(status): count for status, count in done.counts(flow).items()},
        "amounts": money_words(sums(c for c in sent.changes if str(c.key) in finished)) or "none",
        "not_done": dg.MetadataValue.md("\n".join(odd)) if odd else "none",
        "plan_checksum": done.checksum,
        "plan": dg.MetadataValue.asset(plan_asset),
    }
