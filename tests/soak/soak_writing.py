"""Writing in bad weather for as long as is wanted. Ends with one line of JSON.

    make soak MINUTES=30

Seeded histories of every flow over the real code and the real sandbox: real processes that are
killed, meet each other and lose their state, and every fault of the sandbox. `duplicates`, `lost`
and `unexplained` must stay 0, and then the exit status is 0. The seed of a history that breaks a
promise is printed: SOAK_SEED=that seed SOAK_RUNS=1 plays it again.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "journeys"))

from storms_of_writing import HISTORIES, Told, stormy_company


def main() -> int:
    minutes = float(os.environ.get("MINUTES", "10"))
    seed = int(os.environ.get("SOAK_SEED") or time.time_ns() % 1_000_000)
    most = int(os.environ.get("SOAK_RUNS") or sys.maxsize)
    told = play(time.monotonic() + 60 * minutes, seed, most)
    print(json.dumps({"soak": "writing", "minutes": minutes, "seed": seed, **told.as_json()}))
    return 1 if told.is_bad else 0


def play(until: float, seed: int, most: int) -> Told:
    """Histories seed, seed + 1, … until then; a company for each sixty."""
    told, seeds = Told(), count(seed)
    while time.monotonic() < until and told.runs < most:
        with tempfile.TemporaryDirectory() as folder, stormy_company(Path(folder), told) as storms:
            for _ in range(HISTORIES):
                storms.play(next(seeds))
                if time.monotonic() >= until or told.runs >= most:
                    break
    return told


if __name__ == "__main__":
    sys.exit(main())
