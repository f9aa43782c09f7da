"""A run that waits for its turn at the warehouse sleeps until it may ask again.

Dagster says how long: `min(0, ...)` of the times that are left, so never longer than nought, and an
executor in the run's own process asks in a circle and keeps a core busy for as long as another run
has the pool. That core is then missing to the run that is waited for.
"""

from __future__ import annotations

import time
from typing import Any

from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext


def seconds_until_asked(context: Any) -> float:
    """Until the first of the steps that wait for a pool may ask for its place again."""
    ready_at: list[float] = list(context._pending_timeouts.values())
    return max(0.0, min(ready_at) - time.time()) if ready_at else 0.0


def patiently() -> None:
    """Let the runs of this process sleep while they wait."""
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = seconds_until_asked  # type: ignore[assignment, method-assign]
