"""One whole pass over the sample company: seconds per step, rows and calls. Ends with JSON."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from orchestration import steps
from orchestration.companies import BOOKS, sample_company
from orchestration.local_sandbox import CONNECTION, local_sandbox
from pipelines.settings import load_settings
from reverse_etl import cycle

T = TypeVar("T")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed = sample_company(folder)
        data = folder / "sandbox"
        with local_sandbox(seed, data / BOOKS, data / CONNECTION):
            print(json.dumps(measured(data)))


def measured(data: Path) -> dict[str, Any]:
    settings = load_settings({**os.environ, "CROSSFOOT_DATA_DIR": str(data)}).check()
    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = work()
        seconds[step] = round(time.perf_counter() - began, 2)
        print(f"{step:<12}{seconds[step]:>8.2f} s")
        return result

    first = timed("extract", lambda: steps.extract(settings))
    timed("decide", lambda: steps.decide(settings))
    plan = timed("plan", lambda: cycle.make_plan(settings))
    cycle.approve(settings, plan.checksum, "benchmark")
    timed("apply", lambda: cycle.apply(settings, plan.checksum))
    again = timed("extract again", lambda: steps.extract(settings))
    timed("decide again", lambda: steps.decide(settings, tests=False))
    rows, calls = sum(r.rows for r in first), sum(r.calls for r in first)
    return {
        "benchmark": "cycle",
        "seconds": seconds,
        "rows": rows,
        "calls": calls,
        "calls_incremental": sum(r.calls for r in again),
        "changes": len(plan.changes),
    }


if __name__ == "__main__":
    main()
