"""A long step gives way to the runs that wait for its pool, between two parts of its work."""

import time
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration import turns
from orchestration.launching import _job
from orchestration.resources import WAREHOUSE_POOL


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
            """What the other one does while it is waited for: one step after the other."""
            assert claimed()
            order.append("other")
            pool.free_concurrency_slot_for_step(other.run_id, "step")
            if order.count("other") == 2:
                instance.report_run_failed(other)

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
        assert order == ["first part", "other", "other", "second part"]
        assert pool.get_concurrency_info(WAREHOUSE_POOL).claimed_slots == []
