"""How the other candidates of either side speak about a pair.

A candidate is judged by what else there is: how much better it fits than the next one, whether the
rival is a second record of the same organisation, whether the parent fits better than the child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Log odds of a rival that is not there, of a pair of parents that is no candidate, and of parents
# where one side has none.
NO_RIVAL, NO_CANDIDATE, NO_PARENT = -14.0, -10.0, -20.0
_MOST_RANKS, _MOST_PAIRS = 9, 30

_SIDES = ("account", "customer")
RIVAL_COLUMNS = ("likeness", "apart_bits", "shared_keys", "other_keys")
FEATURES: Mapping[str, str] = {
    "own_log_odds": "standing",
    **{f"{name}_{side}": "standing" for side in _SIDES
       for name in ("gap_of", "rank_of", "others_of", "chances_of", "number_of")},
    **{f"rival_{side}_{name}": "standing" for side in _SIDES for name in RIVAL_COLUMNS},
    "customers_parent": "structure",
    "accounts_parent": "structure",
    "both_parents": "structure",
}  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """The two records of each pair and their parents, by number; a parent of -1 is none.

    `order` puts equal pairs into an order that depends on their ids alone.
    """

    account: Array
    customer: Array
    account_parent: Array
    customer_parent: Array
    order: Array


@dataclass(frozen=True)
class Rivals:
    """For each pair the best other record of either side, by number; -1 where there is none."""

    account: Array
    customer: Array


def rivals(pairs: Pairs, log_odds: Array) -> Rivals:
    """The best other account of each pair's customer and the best other customer of its account."""
    return Rivals(
        account=_best_other(pairs.customer, pairs.account, pairs.order, log_odds)[0],
        customer=_best_other(pairs.account, pairs.customer, pairs.order, log_odds)[0],
    )


def columns(
    pairs: Pairs, log_odds: Array, worth: Array, likeness: Mapping[str, Mapping[str, Array]]
) -> dict[str, Array]:
    """The features of the competition for the pairs that are `worth` it, among all.

    `likeness` tells per side how the own record of each of them and its rival compare, in
    `RIVAL_COLUMNS`.
    """
    found: dict[str, Array] = {"own_log_odds": log_odds[worth]}
    chances = 1 / (1 + np.exp(-log_odds))
    for side, own, other in (
        ("account", pairs.account, pairs.customer),
        ("customer", pairs.customer, pairs.account),
    ):
        _, best = _best_other(own, other, pairs.order, log_odds)
        found[f"gap_of_{side}"] = (log_odds - best)[worth]
        found[f"others_of_{side}"] = best[worth]
        found[f"rank_of_{side}"] = np.minimum(_ranks(own, log_odds), _MOST_RANKS)[worth]
        group = np.unique(own, return_inverse=True)[1]
        # Whole millionths add up to the same sum in any order.
        whole = np.bincount(group, weights=np.rint(chances * 1e6))[group]
        found[f"chances_of_{side}"] = ((whole - np.rint(chances * 1e6)) / 1e6)[worth]
        found[f"number_of_{side}"] = np.minimum(np.bincount(group)[group], _MOST_PAIRS)[worth]
        for name in RIVAL_COLUMNS:
            found[f"rival_{side}_{name}"] = likeness[side][name]
    look = _lookup(pairs, log_odds)
    found["customers_parent"] = look(pairs.account[worth], pairs.customer_parent[worth])
    found["accounts_parent"] = look(pairs.account_parent[worth], pairs.customer[worth])
    found["both_parents"] = look(pairs.account_parent[worth], pairs.customer_parent[worth])
    return found


def _best_other(
    group: Array, member: Array, order_of_equals: Array, log_odds: Array
) -> tuple[Array, Array]:
    """For each pair the best other pair of its group: that pair's member and log odds."""
    order = np.lexsort((member, order_of_equals, -log_odds, group))
    sorted_group = group[order]
    starts = np.flatnonzero(np.r_[True, sorted_group[1:] != sorted_group[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    first = np.repeat(starts, sizes)[place]
    has_other = np.repeat(sizes, sizes)[place] > 1
    other = np.where(place == first, np.minimum(first + 1, len(order) - 1), first)
    best = np.where(has_other, log_odds[order][other], NO_RIVAL)
    return np.where(has_other, member[order][other], -1), best


def _ranks(group: Array, log_odds: Array) -> Array:
    """The place of each pair in its group, the best first; equals share the better place."""
    order = np.lexsort((-log_odds, group))
    sorted_group, sorted_odds = group[order], log_odds[order]
    new_group = np.r_[True, sorted_group[1:] != sorted_group[:-1]]
    new_place = new_group | np.r_[True, sorted_odds[1:] != sorted_odds[:-1]]
    at = np.arange(len(order))
    group_start = np.maximum.accumulate(np.where(new_group, at, 0))
    place_start = np.maximum.accumulate(np.where(new_place, at, 0))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = place_start - group_start + 1
    return ranks


def _lookup(pairs: Pairs, log_odds: Array) -> Any:
    """A function from accounts and customers to the log odds of their pairs."""
    keys = _key(pairs.account, pairs.customer)
    order = np.argsort(keys, kind="stable")
    sorted_keys, sorted_odds = keys[order], log_odds[order]

    def look(account: Array, customer: Array) -> Array:
        wanted = _key(account, customer)
        at = np.minimum(np.searchsorted(sorted_keys, wanted), len(sorted_keys) - 1)
        odds = np.where(sorted_keys[at] == wanted, sorted_odds[at], NO_CANDIDATE)
        return np.where((account < 0) | (customer < 0), NO_PARENT, odds)

    return look


def _key(account: Array, customer: Array) -> Array:
    joined: Array = account.astype(np.int64) * (1 << 32) + customer.astype(np.int64)
    return joined
