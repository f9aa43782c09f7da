"""Twenty readers of the published copy through a full run: nobody waits, nobody fails.

The sample company on the sandbox is read, judged and published once; then twenty processes open the
copy every two seconds, each time anew, while everything is read again, judged, tested, published,
planned and applied until nothing is left. The page READERS.md is made by `make bench NAME=readers`;
ends with JSON: questions asked, how long they took, errors (0), answers that changed within one
opening (0).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from copy_readers import Read, reading

from orchestration import steps
from orchestration.companies import BOOKS, sample_company
from orchestration.local_sandbox import CONNECTION, local_sandbox
from orchestration.sync import rounds
from pipelines.settings import Settings, load_settings

READERS = 20
# Seconds between a reader's questions: without any, twenty leave two cores to nobody else.
PAUSE = 2.0
PAGE = Path(__file__).with_name("READERS.md")
QUESTION = (
    "select (select max(as_of_at) from intermediate.int_clock)::varchar, "
    "(select count(*) from reconciliation.mismatches), (select count(*) from sync.sync_invoices)"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "sandbox"
        with local_sandbox(sample_company(folder), data / BOOKS, data / CONNECTION):
            settings = load_settings({**os.environ, "CROSSFOOT_DATA_DIR": str(data)}).check()
            steps.extract(settings)
            steps.decide(settings, tests=True)
            alone = published(settings)
            with reading(settings.published_path, QUESTION, READERS, PAUSE) as seen:
                among = published(settings)
                began = time.perf_counter()
                changes = [len(done.plan.changes) for done in rounds(settings, "benchmark")]
                run = time.perf_counter() - began
            before = settings.published_path.with_name(settings.published_path.name + ".previous")
            result = {
                "benchmark": "readers",
                **told(seen),
                "changes_written": sum(changes),
                "rounds": len(changes),
                "run_seconds": round(run, 1),
                "publish_seconds_alone": round(alone, 2),
                "publish_seconds_among_readers": round(among, 2),
                "previous_kept": before.exists(),
                "load_average": round(os.getloadavg()[0], 1),
            }
    PAGE.write_text(page(result), encoding="utf-8")
    print(json.dumps(result))


def published(settings: Settings) -> float:
    """The seconds of one more copy."""
    began = time.perf_counter()
    steps.publish(settings)
    return time.perf_counter() - began


def told(seen: Sequence[Read]) -> dict[str, Any]:
    """What all readers saw together."""
    took = sorted(seconds for one in seen for seconds in one.took)
    return {
        "readers": len(seen),
        "asked": len(took),
        "fewest_by_one": min(len(one.took) for one in seen),
        "p50": round(took[len(took) // 2], 3),
        "p95": round(took[len(took) * 95 // 100], 3),
        "longest": round(took[-1], 2),
        "errors": sum(len(one.errors) for one in seen),
        "torn": sum(one.torn for one in seen),
        "answers_seen": max(len(one.answers) for one in seen),
    }


def page(r: dict[str, Any]) -> str:
    """The page READERS.md."""
    return f"""# Readers of the published copy

Made by `make bench NAME=readers`; how it is measured stands at the top of `bench_readers.py`.
{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load average at
the end {r["load_average"]}: readers, run and whatever else the machine does share its cores, so
seconds are those of waiting for a core as well.

While one run read both systems, judged, tested, published, planned and wrote {r["changes_written"]}
changes in {r["rounds"]} rounds ({r["run_seconds"]} s):

| | |
|---|---:|
| readers, each a process of its own that asks every {PAUSE:.0f} s | {r["readers"]} |
| questions, each with a new opening of the copy | {r["asked"]} |
| the fewest that one reader got answered | {r["fewest_by_one"]} |
| p50, s | {r["p50"]} |
| p95, s | {r["p95"]} |
| longest, s | {r["longest"]} |
| errors | {r["errors"]} |
| answers that changed within one opening | {r["torn"]} |
| different answers that one reader saw, copy by copy | {r["answers_seen"]} |
| publishing a copy with no reader, s | {r["publish_seconds_alone"]} |
| publishing a copy among all readers, s | {r["publish_seconds_among_readers"]} |
| the copy before the last is kept | {"yes" if r["previous_kept"] else "no"} |
"""


if __name__ == "__main__":
    main()
