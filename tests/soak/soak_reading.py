"""Readings in bad weather for as long as is wanted. Ends with one line of JSON.

    make soak MINUTES=30

Every fault of the sandbox at every place where a reading asks, in a new order each time: over first
readings and over readings of what has changed since the day before, of both systems. A storm may
make a reading red with its reason; `fewer_rows` and `red_without_reason` must stay 0, and then the
exit status is 0. `late` are changes that came one reading later, where the vendor answered from
older books. Rows are held against the books without a warehouse; loads and kills have tests of
their own.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "contract"))

from both_shelf import Shelf
from storms import Outcome, Weather, changed_books, storms, stormy_world


def main() -> int:
    minutes = float(os.environ.get("MINUTES", "10"))
    seed = int(os.environ.get("SOAK_SEED", str(time.time_ns() % 1_000_000)))
    until, dice, found = time.monotonic() + 60 * minutes, random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder, stormy_world(Path(folder)) as world:
        weather, shelves = Weather(world), [Shelf(world), changed_books(world)]
        while time.monotonic() < until:
            each = [
                (s, b) for b in shelves for n in ("quickbooks", "salesforce") for s in storms(n)
            ]
            dice.shuffle(each)
            for storm, before in each:
                if time.monotonic() >= until:
                    break
                outcome = weather.read(storm, before)
                found.append(outcome)
                if outcome.fewer or outcome.is_unreasoned:
                    print(outcome, flush=True)
    told = summary(found)
    print(json.dumps({"soak": "reading", "minutes": minutes, "seed": seed, **told}))
    return 1 if told["fewer_rows"] or told["red_without_reason"] else 0


def summary(found: list[Outcome]) -> dict[str, object]:
    """The counts of all outcomes; `faults` are storms by kind."""
    return {
        "runs": len(found),
        "faults": dict(sorted(Counter(one.storm.fault for one in found).items())),
        "red": sum(bool(one.problem) for one in found),
        "late": sum(one.is_late for one in found),
        "fewer_rows": sum(bool(one.fewer) for one in found),
        "red_without_reason": sum(one.is_unreasoned for one in found),
    }


if __name__ == "__main__":
    sys.exit(main())
