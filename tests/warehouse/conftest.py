"""The sample company, built once per session: generated, loaded, scored, judged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from raw_loader import World, load_world, read_seed

from pipelines import transform, warehouse
from pipelines.matching import score
from pipelines.sandbox.company.__main__ import main as generate

PROJECT = Path(__file__).parents[2] / "dbt_project"
UNIT_TESTS = "test_type:unit"


@dataclass(frozen=True)
class Company:
    """The sample company's warehouse beside its seed and the truth about it."""

    path: Path
    world: World
    key: dict[str, Any]

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return warehouse.read(self.path, sql, params)


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


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    key = folder / "key.json"
    generate(["--folder", str(folder / "seed"), "--answer-key", str(key)])
    world = read_seed(folder / "seed")
    path = build_and_score(world, folder / "warehouse.duckdb")
    return Company(path, world, json.loads(key.read_text(encoding="utf-8")))
