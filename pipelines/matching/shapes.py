"""What a model weighs, read off its file: Splink's weight of each level, and the shape of each
feature in its trees. In bits: one more doubles the odds that a pair is one organisation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log2
from pathlib import Path
from typing import Any

_FORESTS = ("by_itself", "among_rivals")
# What a tree adds is told in natural logarithms.
_BITS = 1 / 0.6931471805599453


@dataclass(frozen=True)
class LevelWeight:
    """What seeing this level adds to the score."""

    comparison: str
    level: str
    bits: float


@dataclass(frozen=True)
class Shape:
    """What a feature adds by itself: `bits[0]` up to the first limit, then above each one.

    It is the mean over the pairs the model was trained on; `reach` is the largest less the
    smallest.
    """

    feature: str
    limits: tuple[float, ...]
    bits: tuple[float, ...]

    @property
    def reach(self) -> float:
        return max(self.bits) - min(self.bits)


def read(path: Path) -> Mapping[str, Any]:
    """The document of a model file that was loaded before, and so is known to be one."""
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def level_weights(document: Mapping[str, Any]) -> list[LevelWeight]:
    """All levels of all comparisons, in the file's order."""
    return [
        LevelWeight(comparison, level, log2(weight["m"] / weight["u"]))
        for comparison, levels in document.get("comparisons", {}).items()
        for level, weight in levels.items()
    ]


def shapes(document: Mapping[str, Any]) -> list[Shape]:
    """Every feature's shape over all trees, those that reach furthest first."""
    jumps: dict[str, dict[float, float]] = {}
    lowest: dict[str, float] = {}
    for name in _FORESTS:
        for tree in document.get(name, {}).get("trees", ()):
            for feature, limit, below, above in _steps(tree):
                lowest[feature] = lowest.get(feature, 0.0) + below
                at = jumps.setdefault(feature, {})
                at[limit] = at.get(limit, 0.0) + above - below
    found = [_shape(feature, lowest[feature], at) for feature, at in jumps.items()]
    return sorted(found, key=lambda one: (-one.reach, one.feature))


def _shape(feature: str, lowest: float, jumps: Mapping[float, float]) -> Shape:
    limits = sorted(jumps)
    values = accumulate((jumps[limit] for limit in limits), initial=lowest)
    return Shape(feature, tuple(limits), tuple(value * _BITS for value in values))


def _steps(tree: Mapping[str, Any]) -> Iterator[tuple[str, float, float, float]]:
    """Each question of a tree with what the two answers change of the expected value, as a mean
    over the pairs that give them."""
    adds, pairs = tree["adds"], tree["pairs"]
    for level, (feature, limit) in enumerate(tree["asks"]):
        size = len(adds) >> level
        totals, weights = [0.0, 0.0], [0.0, 0.0]
        for begin in range(0, len(adds), size):
            half = begin + size // 2
            whole = _mean(adds, pairs, begin, begin + size)
            for answer, (start, end) in enumerate(((begin, half), (half, begin + size))):
                weight = sum(pairs[start:end])
                totals[answer] += weight * (_mean(adds, pairs, start, end) - whole)
                weights[answer] += weight
        below, above = (t / w if w else 0.0 for t, w in zip(totals, weights, strict=True))
        yield str(feature), float(limit), below, above


def _mean(adds: Sequence[float], pairs: Sequence[float], start: int, end: int) -> float:
    weight = sum(pairs[start:end])
    if not weight:
        return 0.0
    return sum(a * p for a, p in zip(adds[start:end], pairs[start:end], strict=True)) / weight
