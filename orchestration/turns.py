"""A long step takes turns: between two parts of its work the runs that wait for its pool go first.

Dagster holds a step's place in a pool from its beginning to its end. A backfill gives it back when
a part is loaded and somebody waits, lets the whole of the runs go by that were waiting, and asks
for it anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.abandoned import location_of
from orchestration.resources import WAREHOUSE_POOL
from pipelines.extract.alone import is_waited_for

# How long others are let go by; then this one asks for its place again, whatever they do.
_PATIENCE = 1800.0
_LOOK_AGAIN = 1.0
_ENDED = frozenset(
    {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
)


class Turns:
    """The turns of one step that holds a place in the pool of the warehouse. `given` counts how
    often others went first."""

    def __init__(self, context: dg.OpExecutionContext, path: Path) -> None:
        self.given = 0
        self._context = context
        self._path = path
        self._storage = context.instance.event_log_storage
        self._step = context.get_step_execution_context().step.key

    @contextmanager
    def __call__(self) -> Iterator[Callable[[], bool]]:
        """One turn: whoever waits goes first. Gives whether somebody waits for the next one."""
        if waiting := self._waiting():
            self._let_by(waiting)
        yield lambda: bool(self._waiting()) or is_waited_for(self._path)

    def _waiting(self) -> dict[str, str]:
        """The runs that want the pool, by id, with their jobs: steps that ask for it, and runs of
        this code that Dagster does not begin while it is taken."""
        instance, run_id = self._context.instance, self._context.run_id
        if not self._storage.supports_global_concurrency_limits:
            return {}
        pending = self._storage.get_concurrency_info(WAREHOUSE_POOL).pending_run_ids - {run_id}
        queued = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        here = location_of(instance.get_run_by_id(run_id))
        found = {run.run_id: run.job_name for run in queued if location_of(run) == here}
        for other in pending:
            run = instance.get_run_by_id(other)
            if run is not None and run.status not in _ENDED:
                found[other] = run.job_name
        return found

    def _let_by(self, waiting: dict[str, str]) -> None:
        self.given += 1
        jobs = ", ".join(sorted(waiting.values()))
        self._context.log.info(f"giving way to {len(waiting)} runs that wait: {jobs}")
        self._storage.free_concurrency_slot_for_step(self._context.run_id, self._step)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and not self._have_ended(waiting):
            time.sleep(_LOOK_AGAIN)
        run_id = self._context.run_id
        while not self._storage.claim_concurrency_slot(
            WAREHOUSE_POOL, run_id, self._step
        ).is_claimed:
            time.sleep(_LOOK_AGAIN)
        self._context.log.info("the place in the pool is taken again")

    def _have_ended(self, runs: dict[str, str]) -> bool:
        found = self._context.instance.get_runs(dg.RunsFilter(run_ids=list(runs)))
        return all(run.status in _ENDED for run in found)
