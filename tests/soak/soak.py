"""The whole soak: half of the time writing, half of it reading, each with its line of JSON.

    make soak MINUTES=30

Before the writing, a process is killed around each single request of every flow. In the end
PROOF.md beside `tests/proof` gets the figures (of a soak of ten minutes or more).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEAST_MINUTES = 10.0


def main() -> int:
    minutes = float(sys.argv[1])
    environment = {**os.environ, "MINUTES": str(minutes / 2)}
    matrix = 0
    if minutes >= LEAST_MINUTES:
        # Minutes of work by itself, so only where minutes were given.
        command = [sys.executable, "-m", "pytest", "tests/journeys/test_writes_killed.py"]
        matrix = subprocess.run(
            command, cwd=ROOT, env={**environment, "CRASH_MATRIX": "1"}, check=False
        ).returncode
    codes, told = [matrix], {}
    for part in ("writing", "reading"):
        done = subprocess.run(
            [sys.executable, str(HERE / f"soak_{part}.py")],
            env=environment, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        sys.stdout.write(done.stdout)
        sys.stdout.flush()
        codes.append(done.returncode)
        lines = done.stdout.splitlines()
        told[part] = json.loads(lines[-1]) if lines else {}
    if minutes >= LEAST_MINUTES:
        subprocess.run(
            [sys.executable, str(HERE.parent / "proof" / "page.py")],
            input=json.dumps({"minutes": minutes, "matrix": matrix == 0, **told}),
            text=True, check=True,
        )  # fmt: skip
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
