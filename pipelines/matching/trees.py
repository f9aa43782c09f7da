"""Boosted trees whose every level asks one question of all pairs, as numbers and as evidence.

A tree of depth d asks d questions ("is this feature above that?"); the answers are the digits of
the leaf's number. So a tree is a small table that people can read, and a million pairs take one
comparison per level. What a question adds is the change of the expected value when it is answered,
so that the parts of a score sum up to it exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Tree:
    """Questions in order, the value of each leaf in log odds, and how many pairs trained it."""

    features: tuple[str, ...]
    above: tuple[float, ...]
    values: tuple[float, ...]
    pairs: tuple[int, ...]


@dataclass(frozen=True)
class Forest:
    """Trees that are added to a starting value."""

    start: float
    trees: tuple[Tree, ...]

    @cached_property
    def steps(self) -> tuple[tuple[float, list[Array]], ...]:
        """Of each tree the expected value, and by how much each answer changes it."""
        return tuple(_steps(tree) for tree in self.trees)

    @property
    def features(self) -> frozenset[str]:
        """Every feature that some tree asks for."""
        return frozenset(name for tree in self.trees for name in tree.features)


def leaves(tree: Tree, columns: Mapping[str, Array]) -> Array:
    """The leaf of each pair."""
    count = len(next(iter(columns.values())))
    found = np.zeros(count, dtype=np.uint8)
    for name, limit in zip(tree.features, tree.above, strict=True):
        np.left_shift(found, 1, out=found)
        np.bitwise_or(found, columns[name] > limit, out=found, casting="unsafe")
    return found


def log_odds(forest: Forest, columns: Mapping[str, Array]) -> Array:
    """The score of each pair before evidence of other pairs: the sum of its leaves."""
    count = len(next(iter(columns.values())))
    total = np.full(count, forest.start)
    for tree in forest.trees:
        total += np.asarray(tree.values)[leaves(tree, columns)]
    return total


def contributions(
    forest: Forest,
    columns: Mapping[str, Array],
    groups: Sequence[str],
    group_of: Mapping[str, str],
) -> tuple[float, Array]:
    """What each group of features adds to each pair's log odds, and the value all start from.

    The base and a row of parts sum up to what `log_odds` says of the pair.
    """
    count = len(next(iter(columns.values())))
    at = {name: number for number, name in enumerate(groups)}
    parts = np.zeros((count, len(groups)))
    base = forest.start
    for tree, (mean, steps) in zip(forest.trees, forest.steps, strict=True):
        base += mean
        found = leaves(tree, columns)
        for level, name in enumerate(tree.features):
            parts[:, at[group_of[name]]] += steps[level][found]
    return base, parts


def _steps(tree: Tree) -> tuple[float, list[Array]]:
    """The expected value of a tree, and by how much each answer on the way to a leaf changes it."""
    values = np.asarray(tree.values)
    weights = np.asarray(tree.pairs, dtype=float) + 1e-9
    depth = len(tree.features)
    known: list[Array] = []
    for level in range(depth + 1):
        blocks = values.reshape(2**level, -1)
        heavy = weights.reshape(2**level, -1)
        means = (blocks * heavy).sum(axis=1) / heavy.sum(axis=1)
        known.append(np.repeat(means, 2 ** (depth - level)))
    return float(known[0][0]), [known[level + 1] - known[level] for level in range(depth)]
