"""Seeded histories of the protocol's model for as long as is wanted. Ends with one line of JSON.

    MINUTES=3 python tests/soak/soak_model.py

Each seed is a history of six deals and two writers with lost requests and replies, kills, lost
ledgers and people's acts, once for a vendor that remembers request ids and once for one that does
not: many more than the exhaustive search has room for. `bad` names each seed that broke a promise
and must stay empty, and then the exit status is 0.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "proof"))

from protocol import ALL, HONEST
from protocol_guards import FORGETFUL, walk

VENDORS = {"remembers": HONEST, "forgets": FORGETFUL}
PIECE = 50


def main() -> int:
    minutes = float(os.environ.get("MINUTES", "3"))
    seed = int(os.environ.get("SOAK_SEED") or time.time_ns() % 1_000_000)
    runs, bad = 0, list[str]()
    for found in played(seed, time.monotonic() + 60 * minutes):
        runs += PIECE * len(VENDORS)
        bad += found
        for line in found:
            print(line, flush=True)
    print(json.dumps({"soak": "model", "minutes": minutes, "seed": seed, "runs": runs, "bad": bad}))
    return int(bool(bad))


def played(seed: int, until: float) -> Iterator[list[str]]:
    """What broke in each piece of seeds, on all cores, until then."""
    workers = os.cpu_count() or 1
    firsts = count(seed, PIECE)
    with ProcessPoolExecutor(workers) as pool:
        while time.monotonic() < until:
            yield from pool.map(piece, [next(firsts) for _ in range(4 * workers)])


def piece(first: int) -> list[str]:
    return [
        f"seed {seed}, a vendor that {name}: {broken}"
        for seed in range(first, first + PIECE)
        for name, vendor in VENDORS.items()
        if (broken := walk(seed, ALL, vendor=vendor))
    ]


if __name__ == "__main__":
    sys.exit(main())
