"""A company's warehouse, built from a world as a run builds it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from raw_loader import World, load_world, read_seed
from worlds import PROJECT

from pipelines import transform, warehouse
from pipelines.matching import score
from pipelines.sandbox.company.__main__ import main as generate

UNIT_TESTS = "test_type:unit"


@dataclass(frozen=True)
class Company:
    """The sample company's warehouse beside its seed and the truth about it."""

    path: Path
    world: World
    key: dict[str, Any]

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return warehouse.read(self.path, sql, params)


def sample_company(factory: pytest.TempPathFactory) -> Company:
    """The sample company: generated, loaded, scored and judged once for all processes of a test
    run. The warehouse is the caller's own copy."""
    base = factory.getbasetemp()
    # Of several processes each has a folder of its own in that of the run.
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = run / "sample_company"
    with (run / "sample_company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(run / "sample_company_begun").rename(made)
    path = factory.mktemp("company") / "warehouse.duckdb"
    shutil.copyfile(made / "warehouse.duckdb", path)
    key = json.loads((made / "key.json").read_text(encoding="utf-8"))
    return Company(path, read_seed(made / "seed"), key)


def _make(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    generate(["--folder", str(folder / "seed"), "--answer-key", str(folder / "key.json")])
    build_and_score(read_seed(folder / "seed"), folder / "warehouse.duckdb")
    return folder


def build_and_score(world: World, path: Path, select: Sequence[str] = ()) -> Path:
    """Load a world and build the warehouse as a run does: first half, scores, second half.

    With `select` only those models are made, without the data tests, which want their neighbours.
    """
    load_world(world, path)
    build = transform.build
    first = ["tag:before_scores"]
    transform.require_passed(build(PROJECT, path, select=first, exclude=[UNIT_TESTS]))
    score(path)
    second = ["tag:before_scores", UNIT_TESTS]
    command = "run" if select else "build"
    transform.require_passed(build(PROJECT, path, select=select, exclude=second, command=command))
    return path
