"""Training of the forests of `trees`: the same pairs give the same trees, on any machine.

Gradient boosting on the logistic loss with second-order steps, as Friedman (2001) and Chen and
Guestrin (2016) describe it, with one question per level (Kohavi's oblivious trees).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.matching.trees import Forest, Tree

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Settings:
    """How a forest is grown."""

    trees: int = 160
    depth: int = 5
    step: float = 0.12
    penalty: float = 4.0
    bins: int = 32
    share_of_features: float = 0.5
    share_of_pairs: float = 0.6
    digits: int = 5


@dataclass(frozen=True)
class Binned:
    """Columns as numbers of bins, and the limits between the bins of each."""

    names: tuple[str, ...]
    bins: Array
    limits: tuple[Array, ...]


def binned(columns: Mapping[str, Array], names: Sequence[str], bins: int) -> Binned:
    """Columns cut at their quantiles, so that each bin holds about as many pairs."""
    limits = tuple(_limits(columns[name], bins) for name in names)
    count = len(columns[names[0]])
    found = np.empty((len(names), count), dtype=np.uint8)
    for row, (name, cuts) in enumerate(zip(names, limits, strict=True)):
        found[row] = np.searchsorted(cuts, columns[name], side="left")
    return Binned(tuple(names), found, limits)


def _limits(values: Array, bins: int) -> Array:
    distinct = np.unique(values)
    if len(distinct) > bins:
        distinct = np.unique(
            np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="nearest").tolist()
            + np.quantile(distinct, np.linspace(0, 1, 9)[1:-1], method="nearest").tolist()
        )[: 2 * bins]
        return distinct
    return distinct[:-1]


def grow(
    columns: Mapping[str, Array],
    names: Sequence[str],
    is_match: Array,
    weights: Array,
    settings: Settings,
    margin: Array | None = None,
) -> Forest:
    """Grow a forest on labelled pairs; with a `margin`, trees that go on from its log odds."""
    table = binned(columns, names, settings.bins)
    wanted = is_match.astype(float)
    draw = np.random.default_rng(7)
    start = 0.0
    if margin is None:
        share = float((wanted * weights).sum() / weights.sum())
        start = round(float(np.log(share / (1 - share))), settings.digits)
        score = np.full(len(wanted), start)
    else:
        score = margin.copy()
    grown = []
    for _ in range(settings.trees):
        chance = 1 / (1 + np.exp(-score))
        slope = (wanted - chance) * weights
        bend = np.maximum(chance * (1 - chance), 1e-6) * weights
        picked = np.flatnonzero(draw.random(len(wanted)) < settings.share_of_pairs)
        asked = np.sort(
            draw.choice(
                len(names), max(1, int(len(names) * settings.share_of_features)), replace=False
            )
        )
        tree, leaf = _tree(table, slope, bend, picked, asked, settings)
        if not tree.features:
            continue
        grown.append(tree)
        score += np.asarray(tree.values)[leaf]
    return Forest(start, tuple(grown))


def _tree(
    table: Binned, slope: Array, bend: Array, picked: Array, asked: Array, settings: Settings
) -> tuple[Tree, Array]:
    """One tree, and the leaf of every pair."""
    leaf = np.zeros(len(picked), dtype=np.int64)
    rows = {feature: table.bins[feature][picked].astype(np.int64) for feature in asked}
    down, curve = slope[picked], bend[picked]
    questions: list[tuple[int, int]] = []
    for level in range(settings.depth):
        best = _best_question(table, rows, leaf, 2**level, down, curve, settings.penalty)
        if best is None:
            break
        questions.append(best)
        leaf = leaf * 2 + (rows[best[0]] > best[1])
    everyone = np.zeros(table.bins.shape[1], dtype=np.int64)
    for feature, place in questions:
        everyone = everyone * 2 + (table.bins[feature] > place)
    count = 2 ** len(questions)
    total = np.bincount(leaf, weights=down, minlength=count)
    curved = np.bincount(leaf, weights=curve, minlength=count)
    values = settings.step * total / (curved + settings.penalty)
    tree = Tree(
        features=tuple(table.names[feature] for feature, _ in questions),
        above=tuple(float(table.limits[feature][place]) for feature, place in questions),
        values=tuple(round(float(value), settings.digits) for value in values),
        pairs=tuple(int(number) for number in np.bincount(everyone, minlength=count)),
    )
    return tree, everyone


def _best_question(
    table: Binned,
    rows: Mapping[int, Array],
    leaf: Array,
    leaves: int,
    down: Array,
    curve: Array,
    penalty: float,
) -> tuple[int, int] | None:
    """The feature and bin that part all leaves best; None where nothing is gained."""
    best, found = 1e-9, None
    for feature, bins in rows.items():
        width = len(table.limits[feature]) + 1
        if width < 2:
            continue
        cell = leaf * width + bins
        left = np.bincount(cell, weights=down, minlength=leaves * width).reshape(leaves, width)
        bent = np.bincount(cell, weights=curve, minlength=leaves * width).reshape(leaves, width)
        left, bent = left.cumsum(axis=1), bent.cumsum(axis=1)
        whole, arch = left[:, -1:], bent[:, -1:]
        gain = (
            left**2 / (bent + penalty)
            + (whole - left) ** 2 / (arch - bent + penalty)
            - whole**2 / (arch + penalty)
        ).sum(axis=0)[:-1]
        place = int(gain.argmax())
        if gain[place] > best:
            best, found = float(gain[place]), (feature, place)
    return found
