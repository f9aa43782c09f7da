"""A long step gives way to the runs that wait for its pool, between two parts of its work."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test

from orchestration import turns
from orchestration.abandoned import end_abandoned_runs
from orchestration.clocks import walks_left_unfinished
from orchestration.launching import _job
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines.errors import WarehouseBusy
from pipelines.settings import load_settings

OURS, THEIRS = (
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(name), "__repository__")
    for name in ("crossfoot", "finance")
)


def run_of(
    instance: dg.DagsterInstance, place: RemoteRepositoryOrigin, job: str, status: str
) -> str:
    """A run that a code location has, by its id."""
    return create_run_for_test(
        instance, job, status=dg.DagsterRunStatus[status],
        remote_job_origin=RemoteJobOrigin(place, job),
    ).run_id  # fmt: skip


def test_a_step_that_takes_turns_lets_whoever_waits_go_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run waits for the pool when the first part is done: it gets the place, and keeps it
    to its end."""
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n"
    )
    order: list[str] = []

    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        pool = instance.event_log_storage
        other = create_run_for_test(instance, "plan", status=dg.DagsterRunStatus.STARTED)

        def claimed() -> bool:
            return pool.claim_concurrency_slot(WAREHOUSE_POOL, other.run_id, "step").is_claimed

        def work(_: float) -> None:
            """What the other one does while it is waited for: one step after the other; and its
            place is free only a little after its end."""
            if order.count("other") < 2:
                assert claimed()
                order.append("other")
                if order.count("other") == 2:
                    instance.report_run_failed(other)
                    return
            else:
                order.append("free")
            pool.free_concurrency_slot_for_step(other.run_id, "step")

        @dg.op(pool=WAREHOUSE_POOL)
        def long_step(context: dg.OpExecutionContext) -> None:
            turn = turns.Turns(context, tmp_path / "warehouse.duckdb")
            with turn() as gives_way:
                assert not gives_way() and not claimed() and gives_way()
                order.append("first part")
            with turn() as gives_way:
                order.append("second part")
                assert not claimed() and not gives_way()
                pool.free_concurrency_slot_for_step(other.run_id, "step")
            assert turn.given == 1

        clock = SimpleNamespace(sleep=work, monotonic=time.monotonic)
        monkeypatch.setattr(turns, "time", clock)
        done = _job("long", long_step, "").execute_in_process(instance=instance)
        assert done.success
        assert order == ["first part", "other", "other", "free", "second part"]
        assert pool.get_concurrency_info(WAREHOUSE_POOL).claimed_slots == []


def test_a_run_of_this_code_that_dagster_has_not_begun_is_waited_for(tmp_path: Path) -> None:
    """While the pool is taken Dagster leaves it in its queue, where no step of it asks."""
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        backfill = run_of(instance, OURS, "backfill", "STARTED")
        step = SimpleNamespace(step=SimpleNamespace(key="read_anew"))
        context: Any = SimpleNamespace(
            instance=instance, run_id=backfill, get_step_execution_context=lambda: step
        )
        turn = turns.Turns(context, tmp_path / "warehouse.duckdb")
        pool = instance.event_log_storage
        with turn() as gives_way:
            for run_id in (backfill, run_of(instance, OURS, "sync", "FAILURE")):
                pool.claim_concurrency_slot(WAREHOUSE_POOL, run_id, "step")
            assert not gives_way(), "its asking is left over from a run that has ended"
            run_of(instance, THEIRS, "plan", "QUEUED")
            assert not gives_way(), "it has a warehouse of its own, or none"
            run_of(instance, OURS, "plan", "QUEUED")
            assert gives_way()


def test_what_was_left_is_gone_on_with_once_for_each_place_and_beside_no_other_backfill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    monkeypatch.setattr("orchestration.resources.load_settings", lambda: settings)
    left: dict[str, str] = {}
    monkeypatch.setattr("pipelines.extract.held.unfinished", lambda _: left)

    def tick(instance: dg.DagsterInstance) -> tuple[str, str]:
        """The key of the run that is asked for, or why there is none."""
        context = dg.build_sensor_context(
            instance, repository_name="__repository__", resources={"settings": SettingsResource()}
        )
        context._code_location_origin = OURS.code_location_origin
        told = walks_left_unfinished.evaluate_tick(context)
        return "".join(str(one.run_key) for one in told.run_requests or ()), told.skip_message or ""

    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(instance) == ("", "Every object was read to its end.")
        left["quickbooks 1 Customer"] = "1,000 rows"
        here, _ = tick(instance)
        assert here and tick(instance) == (here, "")
        left["quickbooks 1 Customer"] = "2,000 rows"
        further, _ = tick(instance)
        assert further not in ("", here)
        run_of(instance, THEIRS, "backfill", "STARTED")
        assert tick(instance) == (further, ""), "another code location has a job of that name"
        run_of(instance, OURS, "backfill", "QUEUED")
        assert tick(instance) == ("", "A backfill is under way.")

    def is_held(_: Path) -> dict[str, str]:
        raise WarehouseBusy("warehouse", "", "somebody is using it", "Wait.")

    monkeypatch.setattr("pipelines.extract.held.unfinished", is_held)
    with dg.DagsterInstance.ephemeral() as instance:
        assert "somebody is using it" in tick(instance)[1]


def test_a_server_that_is_started_again_ends_its_own_runs_and_not_those_of_the_others() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ours, theirs = (run_of(instance, one, "plan", "STARTED") for one in (OURS, THEIRS))
        assert end_abandoned_runs(instance, "crossfoot") == 1
        states = {run.run_id: run.status.value for run in instance.get_runs()}
        assert states == {ours: "FAILURE", theirs: "STARTED"}
        assert end_abandoned_runs(instance) == 1, "without a name all of them"
