"""Runs whose process is gone: failed in Dagster, and their place in the pool given back.

Dagster knows of a run in another process only what that process tells. After a kill or a loss of
power it would be under way for ever, and the next step that opens the warehouse would wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import dagster as dg

# Who executes a run in itself; the others are processes that a code server has started.
WATCHER = "crossfoot/watcher"
UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_abandoned_runs(instance: dg.DagsterInstance) -> int:
    """Fail what is unfinished of an instance whose code server is only about to start, but not the
    rounds of a watching process, which has its own. Returns how many there were."""
    unfinished = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    gone = [run for run in unfinished if WATCHER not in run.tags]
    return end(instance, gone, "What executed this run was ended in the middle of it.")


def end(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun], why: str) -> int:
    """Fail these runs and free what they hold of the pools; how many they were."""
    ended = 0
    for run in runs:
        instance.report_run_failed(run, message=why)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended += 1
    return ended


def main() -> None:
    """End what an instance (DAGSTER_HOME) has left, before its code server starts."""
    with dg.DagsterInstance.get() as instance:
        ended = end_abandoned_runs(instance)
    sys.stdout.write(f"{ended} runs were ended in the middle.\n")


if __name__ == "__main__":
    main()
