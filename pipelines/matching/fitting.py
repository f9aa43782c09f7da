"""Fits the two forests of a model to labelled candidates: the pair by itself, then among rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipelines.matching import boosting, competition, rivals
from pipelines.matching.features import PAIR_FEATURES, Array
from pipelines.matching.trees import Forest, log_odds

PAIRS = boosting.Settings(trees=140, depth=5)
FINAL = boosting.Settings(trees=110, depth=5, step=0.1)
# Forests that judge the pairs which the others were trained on, for what the final one learns.
_FOLDS = 3
# A candidate below these log odds by itself is never one organisation: the final trees see, and
# ask, only the others.
WORTH_A_LOOK = -6.0
# Of candidates that no tree doubts, one in so many is kept, and counts for all of them.
_ONE_OF = 8


@dataclass(frozen=True)
class Labelled:
    """The candidates of one world: features, records, which are right and of which that is known.

    Candidates of which nothing is known teach nothing, but they are rivals of the others.
    """

    path: Path
    columns: Mapping[str, Array]
    pairs: competition.Pairs
    is_match: Array
    is_known: Array


def fit(worlds: Sequence[Labelled]) -> tuple[Forest, Forest]:
    """The forest of the pairs by themselves, and the one that goes on among their rivals."""
    columns = {
        name: np.concatenate([world.columns[name] for world in worlds]) for name in PAIR_FEATURES
    }
    is_match = np.concatenate([world.is_match for world in worlds])
    is_known = np.concatenate([world.is_known for world in worlds])
    folds = np.concatenate(_folds(worlds))
    by_itself = _fit_pairs(columns, is_match, is_known)
    odds = np.empty(len(is_match))
    for fold in range(_FOLDS):
        forest = _fit_pairs(columns, is_match, is_known & (folds != fold))
        unseen = np.flatnonzero(folds == fold)
        odds[unseen] = log_odds(forest, {name: one[unseen] for name, one in columns.items()})
    ends = np.cumsum([len(world.is_match) for world in worlds])[:-1]
    return by_itself, _fit_final(worlds, np.split(odds, ends))


def is_worth_a_look(odds: Array) -> Array:
    """Which candidates the final forest is asked about."""
    found: Array = odds > WORTH_A_LOOK
    return found


def final_columns(
    ask: rivals.Ask,
    columns: Mapping[str, Array],
    pairs: competition.Pairs,
    odds: Array,
    worth: Array,
) -> dict[str, Array]:
    """The features of the candidates that are `worth` a look, among their rivals.

    `columns` holds only those candidates, `pairs` and `odds` hold all.
    """
    best = competition.rivals(pairs, odds)
    alike = {
        side: rivals.likeness(ask, own[worth], other[worth])
        for side, own, other in (
            ("account", pairs.account, best.account),
            ("customer", pairs.customer, best.customer),
        )
    }
    return {**columns, **competition.columns(pairs, odds, worth, alike)}


def _folds(worlds: Sequence[Labelled]) -> list[Array]:
    """Which part each candidate belongs to: whole worlds where there are enough, else accounts."""
    if len(worlds) < _FOLDS:
        return [world.pairs.account % _FOLDS for world in worlds]
    return [np.full(len(world.is_match), at % _FOLDS) for at, world in enumerate(worlds)]


def _fit_pairs(columns: Mapping[str, Array], is_match: Array, is_known: Array) -> Forest:
    """A forest of known pairs; of those that a few trees rule out, a sample stands for all."""
    known = np.flatnonzero(is_known)
    right = is_match[known]
    seen = {name: column[known] for name, column in columns.items()}
    names = tuple(PAIR_FEATURES)
    rough = boosting.grow(
        seen,
        names,
        right,
        np.ones(len(right)),
        replace(PAIRS, trees=20, depth=4, share_of_pairs=0.2),
    )
    is_plain = (log_odds(rough, seen) < -4) & ~right
    draw = np.random.default_rng(11).random(len(right))
    kept = np.flatnonzero(~is_plain | (draw < 1 / _ONE_OF))
    weights = np.where(is_plain, float(_ONE_OF), 1.0)[kept]
    chosen = {name: column[kept] for name, column in seen.items()}
    return boosting.grow(chosen, names, right[kept], weights, PAIRS)


def _fit_final(worlds: Sequence[Labelled], odds: Sequence[Array]) -> Forest:
    parts: list[dict[str, Array]] = []
    labels, margins = [], []
    for world, own in zip(worlds, odds, strict=True):
        worth = is_worth_a_look(own)
        chosen = {name: column[worth] for name, column in world.columns.items()}
        known = world.is_known[worth]
        among = final_columns(rivals.asking(world.path), chosen, world.pairs, own, worth)
        parts.append({name: column[known] for name, column in among.items()})
        labels.append(world.is_match[worth][known])
        margins.append(own[worth][known])
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    is_match = np.concatenate(labels)
    names = (*PAIR_FEATURES, *competition.FEATURES)
    return boosting.grow(
        columns, names, is_match, np.ones(len(is_match)), FINAL, np.concatenate(margins)
    )
