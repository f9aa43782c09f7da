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


def location_of(run: dg.DagsterRun | None) -> str:
    """The code location of a run; nothing for one that was made in a process of its own."""
    origin = run.remote_job_origin if run else None
    return origin.repository_origin.code_location_origin.location_name if origin else ""


def end_abandoned_runs(instance: dg.DagsterInstance, location: str = "") -> int:
    """Fail what is unfinished of an instance whose code server is only about to start, but not the
    rounds of a watching process, which has its own. Returns how many there were.

    With a `location` only its own: the runs of the others have servers that go on.
    """
    unfinished = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    gone = [
        run for run in unfinished if WATCHER not in run.tags and location in ("", location_of(run))
    ]
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
    """End what a code location has left in an instance (DAGSTER_HOME), before its server starts:
    `python -m orchestration.abandoned crossfoot`; without a name, what all have left."""
    with dg.DagsterInstance.get() as instance:
        ended = end_abandoned_runs(instance, *sys.argv[1:2])
    sys.stdout.write(f"{ended} runs were ended in the middle.\n")


if __name__ == "__main__":
    main()
