"""A company's warehouse, built from a world as a run builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raw_loader import World, load_world
from worlds import PROJECT

from pipelines import transform, warehouse
from pipelines.matching import score

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
