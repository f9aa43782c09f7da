"""The whole soak: a tenth of the time on the protocol's model, the rest halved between writing and
reading, each with its line of JSON, and a last line for all of it.

    make soak MINUTES=30

From ten minutes on, a process is first killed at every fail point and around each single request of
every flow, and in the end PROOF.md beside `tests/proof` gets the figures. In the last line `lost`
are documents and rows, and `unexplained` counts what failed without a reason too; these two and
`duplicates` must be 0, and then the exit status is 0.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEAST_MINUTES = 10.0
SHARES = {"model": 0.1, "writing": 0.45, "reading": 0.45}


def main() -> int:
    minutes = float(sys.argv[1])
    environment = dict(os.environ)
    told: dict[str, Any] = {"minutes": minutes}
    if minutes >= LEAST_MINUTES:
        # Minutes of work by itself, so only where minutes were given.
        told["matrix"] = crash_matrix(environment)
    for part, share in SHARES.items():
        told[part] = played(part, {**environment, "MINUTES": f"{minutes * share:g}"})
    last = summary(told)
    if minutes >= LEAST_MINUTES:
        subprocess.run(
            [sys.executable, str(HERE.parent / "proof" / "page.py")],
            input=json.dumps(told), text=True, check=True,
        )  # fmt: skip
    print(json.dumps(last), flush=True)
    return int(any(last[name] for name in ("duplicates", "lost", "unexplained")))


def crash_matrix(environment: Mapping[str, str]) -> dict[str, Any]:
    """How many processes were killed, and whether all ended well."""
    began, told = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "2", "tests/journeys/test_writes_killed.py"],
            cwd=ROOT, stdout=sys.stderr, check=False,
            env={**environment, "CRASH_MATRIX": "1", "CRASH_FIGURES": folder},
        )  # fmt: skip
        for file in Path(folder).glob("*.json"):
            told += Counter(json.loads(file.read_text()))
    seconds = round(time.monotonic() - began)
    return {**told, "seconds": seconds, "failed": int(done.returncode != 0)}


def played(part: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What one part told in its last line; its lines are shown as well."""
    done = subprocess.run(
        [sys.executable, str(HERE / f"soak_{part}.py")],
        env=dict(environment), stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    lines = done.stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def summary(told: Mapping[str, Any]) -> dict[str, Any]:
    """All parts in one; a part that told nothing is unexplained."""
    matrix, writing, reading = (told.get(part, {}) for part in ("matrix", "writing", "reading"))
    model = told["model"]
    silent = [part for part in SHARES if not told[part]]
    faults = Counter(writing.get("faults", {})) + Counter(reading.get("faults", {}))
    return {
        "soak": "all",
        "minutes": told["minutes"],
        "seed": writing.get("seed"),
        "runs": sum(part.get("runs", 0) for part in (model, writing, reading))
        + matrix.get("histories", 0),
        "faults": dict(sorted(faults.items())),
        "kills": writing.get("kills", 0) + matrix.get("kills", 0),
        "restarts": writing.get("restarts", 0) + matrix.get("histories", 0),
        "duplicates": writing.get("duplicates", 0),
        "lost": writing.get("lost", 0) + reading.get("fewer_rows", 0),
        "unexplained": writing.get("unexplained", 0)
        + reading.get("red_without_reason", 0)
        + matrix.get("failed", 0)
        + len(model.get("bad", ()))
        + len(silent),
    }


if __name__ == "__main__":
    sys.exit(main())
