"""Trees: their growth, their sums and the parts that make up a score."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.matching import boosting, competition
from pipelines.matching.trees import Forest, Tree, contributions, leaves, log_odds

GROUP_OF = {"size": "shape", "weight": "shape", "colour": "look"}
GROUPS = ("shape", "look")
TREES = (
    Tree(("size", "colour"), (2.0, 0.0), (-1.0, -0.5, 0.25, 2.0), (10, 20, 30, 40)),
    Tree(("weight",), (5.0,), (0.5, -0.5), (60, 40)),
)
COLUMNS = {
    "size": np.array([1, 2, 3, 4]),
    "colour": np.array([0, 1, 0, 1]),
    "weight": np.array([9, 1, 9, 1]),
}


def test_a_leaf_is_the_answers_in_order() -> None:
    assert leaves(TREES[0], COLUMNS).tolist() == [0, 1, 2, 3]


def test_log_odds_are_the_sum_of_the_leaves() -> None:
    assert log_odds(Forest(-1.0, TREES), COLUMNS).tolist() == [-2.5, -1.0, -1.25, 1.5]


def test_parts_sum_up_to_the_log_odds() -> None:
    forest = Forest(-1.0, TREES)
    base, parts = contributions(forest, COLUMNS, GROUPS, GROUP_OF)
    assert (base + parts.sum(axis=1)).tolist() == pytest.approx(log_odds(forest, COLUMNS).tolist())
    # Leaves of 0.25 and 2.0 with 30 and 40 pairs; of all with 100.
    expected = (0.25 * 30 + 2.0 * 40) / 70 - (-10 - 10 + 7.5 + 80) / 100
    assert parts[2, 0] == pytest.approx(expected + -0.5 - (0.5 * 60 - 0.5 * 40) / 100)


def _examples(count: int = 600) -> tuple[dict[str, np.ndarray], np.ndarray]:
    draw = np.random.default_rng(1)
    columns = {name: draw.integers(0, 40, count) for name in GROUP_OF}
    return columns, (columns["size"] > 20) & (columns["colour"] < 30)


def test_trees_learn_what_two_features_tell_together() -> None:
    columns, is_match = _examples()
    settings = boosting.Settings(trees=30, depth=2, share_of_features=1.0)
    forest = boosting.grow(columns, tuple(GROUP_OF), is_match, np.ones(len(is_match)), settings)
    odds = log_odds(forest, columns)
    assert ((odds > 0) == is_match).mean() > 0.97


def test_growing_twice_gives_the_same_trees() -> None:
    columns, is_match = _examples()
    settings = boosting.Settings(trees=4, depth=2)
    weights = np.ones(len(is_match))
    grown = [boosting.grow(columns, tuple(GROUP_OF), is_match, weights, settings) for _ in range(2)]
    assert grown[0] == grown[1]


def test_trees_go_on_from_a_margin() -> None:
    columns, is_match = _examples()
    settings = boosting.Settings(trees=3, depth=2, share_of_features=1.0)
    sure = np.where(is_match, 12.0, -12.0)
    forest = boosting.grow(
        columns, tuple(GROUP_OF), is_match, np.ones(len(is_match)), settings, sure
    )
    assert forest.start == 0.0
    assert np.abs(log_odds(forest, columns)).max() < 0.01


def test_a_rival_is_the_best_other_of_the_same_record() -> None:
    # Customer 10 has the accounts 1, 2 and 3; account 3 also the customer 11.
    pairs = competition.Pairs(
        account=np.array([1, 2, 3, 3]),
        customer=np.array([10, 10, 10, 11]),
        account_parent=np.array([-1, 1, -1, -1]),
        customer_parent=np.array([-1, -1, -1, 10]),
        order=np.array([2, 3, 4, 5]),
    )
    odds = np.array([2.0, 2.0, -1.0, 0.5])
    best = competition.rivals(pairs, odds)
    assert best.account.tolist() == [2, 1, 1, -1]
    assert best.customer.tolist() == [-1, -1, 11, 10]
    alike = {
        side: {name: np.zeros(4) for name in competition.RIVAL_COLUMNS}
        for side in ("account", "customer")
    }
    found = competition.columns(pairs, odds, np.ones(4, dtype=bool), alike)
    assert found["gap_of_customer"].tolist() == [0.0, 0.0, -3.0, 0.5 - competition.NO_RIVAL]
    assert found["rank_of_customer"].tolist() == [1, 1, 3, 1]
    # The parent of account 2 is account 1; the parent of customer 11 is customer 10.
    assert found["accounts_parent"].tolist() == [-20.0, 2.0, -20.0, -20.0]
    assert found["customers_parent"].tolist() == [-20.0, -20.0, -20.0, -1.0]
    assert set(found) == set(competition.FEATURES)
