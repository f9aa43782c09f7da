"""The Dagster run of a round: each is a run of the job `won_deals_to_invoices` in this instance,
with what woke it, what it read, planned and wrote, and where the seconds went.

The watching process executes the job in itself, so that a run costs no process; started from the UI
it does the same in a process of its own, which begins with a build of everything.
"""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from orchestration import abandoned, waiting
from orchestration.assets.writes import WRITTEN, described, written
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from orchestration.watching.prompt import Prompt, PromptRound
from orchestration.watching.run_files import new_run
from orchestration.watching.signals import System, Woken

waiting.patiently()

JOB = "won_deals_to_invoices"
WOKEN_BY = "crossfoot/woken_by"
PLAN = dg.AssetKey(["plan", "plan_of_won_deals"])
PLAN_SPEC = dg.AssetSpec(
    PLAN,
    deps=[
        dg.AssetKey(["sync", name]) for name in ("sync_customers", "sync_products", "sync_invoices")
    ],
    group_name="sync",
    kinds={"python"},
    description="The last plan that the watching process made: invoices of won deals, with the "
    "customers and products that they wait for.",
)
_SYSTEMS: tuple[System, ...] = ("salesforce", "quickbooks")


@dataclass
class Worker:
    """What is warm: given by the watching process, made anew in a run from the UI."""

    prompt: Prompt
    systems: frozenset[System] = frozenset(_SYSTEMS)
    done: PromptRound | None = None
    watcher: str = ""


@dg.resource(description="What a watching process keeps warm between its runs.")
def new_worker(_: dg.InitResourceContext) -> Worker:
    """A worker that reads both systems and builds everything first."""
    return Worker(Prompt(SettingsResource().read().check()))


@dg.op(pool=WAREHOUSE_POOL, required_resource_keys={"worker"})
def invoice_won_deals(context: dg.OpExecutionContext) -> None:
    """Read what has changed, decide in the warehouse, and write what the policy lets run alone."""
    worker: Worker = context.resources.worker
    lines: list[str] = []
    try:
        worker.done = done = worker.prompt.round(worker.systems, lines.append)
    finally:
        # In one message: each is a write to the instance's disk, while somebody waits.
        context.log.info("\n".join(lines) or "nothing was told")
    for event in materialised(done):
        context.log_event(event)
    context.add_output_metadata(told(done))
    if done.failed and done.applied is not None:
        raise dg.Failure(done.applied.summary(), metadata={"plan": done.plan.checksum})


@dg.job(
    name=JOB,
    resource_defs={"worker": new_worker},
    description="From won deals to their invoices by the shortest way: only what has changed is "
    "read, built and planned. `crossfoot watch` makes a run of it whenever a vendor signals or a "
    "poll finds something.",
)
def won_deals_to_invoices() -> None:
    """One op, so that nobody's step comes in between reading and writing."""
    invoice_won_deals()


def run_round(
    instance: dg.DagsterInstance, worker: Worker, woken: Woken
) -> tuple[dg.ExecuteInProcessResult, PromptRound | None]:
    """One round as a run of this instance; a round that raised gives a red run and None."""
    worker.systems, worker.done = woken.systems, None
    done = won_deals_to_invoices.execute_in_process(
        instance=instance,
        run_id=new_run(instance),
        resources={"worker": worker},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={WOKEN_BY: woken.told(), abandoned.WATCHER: worker.watcher},
        raise_on_error=False,
    )
    return done, worker.done


def end_killed_rounds(instance: dg.DagsterInstance, watcher: str) -> int:
    """Fail the unfinished rounds of a watcher that is about to begin, and give their place in the
    pool back. Returns how many there were."""
    ours = dg.RunsFilter(
        job_name=JOB, statuses=abandoned.UNFINISHED, tags={abandoned.WATCHER: watcher}
    )
    return abandoned.end(
        instance, instance.get_runs(ours), "The watching process was killed in this round."
    )


def told(done: PromptRound) -> dict[str, Any]:
    """What a run's page shows of a round."""
    steps = "\n".join(
        f"| {step} | {spent.wall:.2f} | {spent.computing:.2f} |"
        for step, spent in done.seconds.items()
    )
    return {
        "read": ", ".join(done.read) or "nothing",
        "rows_read": sum(r.rows for r in done.extracted),
        "calls": sum(r.calls for r in done.extracted),
        "models_built": len(done.built),
        "changes": len(done.plan.changes),
        "waits_for_a_person": "; ".join(done.waiting) or "no",
        "seconds": dg.MetadataValue.md(f"| step | seconds | computing |\n|---|---:|---:|\n{steps}"),
    }


def materialised(done: PromptRound) -> list[dg.AssetMaterialization]:
    """The plan, and each flow that something was written of."""
    found = []
    if done.plan.changes:
        found.append(dg.AssetMaterialization(PLAN, metadata=described(done.plan)))
    if done.applied is not None:
        flows = sorted({outcome.flow for outcome in done.applied.all})
        for flow in flows:
            facts = written(done.plan, done.applied, flow, PLAN)
            found.append(dg.AssetMaterialization(WRITTEN[flow], metadata=facts))
    return found


def problem_of(result: dg.ExecuteInProcessResult) -> str:
    """The innermost words of what ended a run."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            return " ".join(error.message.split())
    return "the run did not begin"
