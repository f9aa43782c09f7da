"""A run that waits for another one does not keep a core busy."""

from __future__ import annotations

import time
from types import SimpleNamespace

from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from orchestration import waiting


def test_a_step_that_waits_for_the_pool_sleeps_until_it_may_ask_again() -> None:
    """As an executor asks: the whole time that is left, and nothing once it is over."""
    waiting.patiently()
    context = InstanceConcurrencyContext.__new__(InstanceConcurrencyContext)
    context._pending_claims = {"read_anew"}
    context._claims = set()
    executor = SimpleNamespace(_waiting_to_retry={}, _instance_concurrency_context=context)

    def interval(seconds: float) -> float:
        context._pending_timeouts = {"read_anew": time.time() + seconds}
        return float(ActiveExecution.sleep_interval(executor))  # type: ignore[arg-type]

    assert interval(3600) > 3000
    assert interval(-1) == 0
