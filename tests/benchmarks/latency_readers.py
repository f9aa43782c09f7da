"""Analysts of the latency benchmark, in a process of their own as analysts are: so many of them ask
the published copy up to five times a second, until standard input ends. The first line that is
printed says that they have begun, the last one how often they have asked.

    python latency_readers.py <published copy> <how many>
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from pipelines import warehouse

QUESTION = "select count(*) from reconciliation.mismatches"


def ask(path: Path, end: threading.Event, asked: list[int], number: int) -> None:
    """One analyst: opens the copy for each question, so that a fresh one is seen."""
    while not end.wait(0.2):
        warehouse.read(path, QUESTION)
        asked[number] += 1


def main() -> None:
    path, count = Path(sys.argv[1]), int(sys.argv[2])
    warehouse.read(path, QUESTION)
    end, asked = threading.Event(), [0] * count
    threads = [threading.Thread(target=ask, args=(path, end, asked, n)) for n in range(count)]
    for thread in threads:
        thread.start()
    print("reading", flush=True)
    sys.stdin.read()
    end.set()
    for thread in threads:
        thread.join()
    print(sum(asked), flush=True)


if __name__ == "__main__":
    main()
