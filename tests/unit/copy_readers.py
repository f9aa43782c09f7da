"""Readers of a published copy, each a process that asks again and again until it is told to end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Opens the copy anew for each question, as people's tools do, and asks twice of the same opening.
_READER = """
import json, select, sys, time
import duckdb
path, sql, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
torn, errors, answers, took = 0, [], [], []
print("ready", flush=True)
while not select.select([sys.stdin], [], [], pause)[0]:
    began = time.perf_counter()
    try:
        with duckdb.connect(path, read_only=True) as connection:
            first = connection.execute(sql).fetchall()
            torn += first != connection.execute(sql).fetchall()
    except duckdb.Error as problem:
        errors.append(str(problem))
        continue
    took.append(time.perf_counter() - began)
    if not answers or answers[-1] != str(first):
        answers.append(str(first))
print(json.dumps({"torn": torn, "errors": errors, "answers": answers, "took": took}))
"""


@dataclass(frozen=True)
class Read:
    """What one reader saw: answers that changed within one opening, errors, the different answers
    in order, and how long each question took with its opening, seconds."""

    torn: int
    errors: list[str]
    answers: list[str]
    took: list[float]


@contextmanager
def reading(path: Path, sql: str, count: int, pause: float = 0.02) -> Iterator[list[Read]]:
    """So many readers for the length of the block, each with so many seconds between its questions;
    what they saw is in the list after it."""
    seen: list[Read] = []
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, str(path), sql, str(pause)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(count)
    ]  # fmt: skip
    try:
        for reader in readers:
            assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
        yield seen
    finally:
        told = [reader.communicate("end\n", timeout=60)[0] for reader in readers]
        seen += [Read(**json.loads(text)) for text in told]
