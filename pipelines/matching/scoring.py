"""Scores the candidate pairs with the reviewed model, between the two halves of a build.

The pairs and what speaks for them are made in SQL; the decision is taken in SQL. Here each pair
gets its match weight, its probability and every group's contribution to it. Records go through in
portions, as Arrow tables: what is kept of a portion are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import warehouse
from pipelines.matching import competition, features, splink_weights
from pipelines.matching.features import GROUPS, SPLINK_WEIGHT, Array
from pipelines.matching.fitting import final_columns, is_worth_a_look
from pipelines.matching.model import COMMITTED_MODEL, Model, load
from pipelines.matching.spec import RELATIONS
from pipelines.matching.trees import contributions, log_odds

# Candidates that are read at once; some 100 MB.
_PORTION = 250_000
_DIGITS = 6

_COLUMNS = ", ".join(dict.fromkeys((*features.COLUMNS, *RELATIONS)))
_PORTIONS = f"""
    SELECT portion, min(account_no) AS first, max(account_no) AS last
    FROM (
        SELECT account_no, sum(count(*)) OVER (ORDER BY account_no) // {_PORTION} AS portion
        FROM intermediate.int_customers__candidates
        GROUP BY account_no
    )
    GROUP BY portion
    ORDER BY portion
"""  # noqa: S608 - a constant of this module
_CANDIDATES = f"""
    SELECT {_COLUMNS}
    FROM intermediate.int_customers__candidates
    WHERE account_no BETWEEN ? AND ?
    ORDER BY account_no, customer_no
"""  # noqa: S608 - the columns are constants of this package
_SCORES = f"""
    SELECT
        accounts.scope_id AS org_id,
        accounts.record_id AS account_id,
        customers.scope_id AS company_id,
        customers.record_id AS customer_id,
        scored.match_weight,
        scored.match_probability,
        CASE WHEN scored.is_explained THEN CAST(to_json({{
            {", ".join(f"'{name}': round(scored.part_{name}, 3)" for name in GROUPS)}
        }}) AS VARCHAR) END AS evidence,
        ? AS model_version
    FROM scored
    INNER JOIN intermediate.int_customers__records AS accounts
        ON scored.account_no = accounts.record_no
    INNER JOIN intermediate.int_customers__records AS customers
        ON scored.customer_no = customers.record_no
    ORDER BY scored.account_no, scored.customer_no
"""  # noqa: S608 - the groups are constants of this package


@dataclass(frozen=True)
class ScoreSummary:
    """What one scoring did: pairs scored, pairs of probability one half or more, the model."""

    pairs: int
    likely: int
    model_version: str


@dataclass(frozen=True)
class Scored:
    """The outcome for all candidates, in order of their records' numbers.

    `parts` holds for the explained ones what each of `GROUPS` adds, in bits; with `base` they sum
    up to the weight.
    """

    pairs: competition.Pairs
    weight: Array
    probability: Array
    is_explained: Array
    base: float
    parts: Array


def score(warehouse_path: Path, model_path: Path = COMMITTED_MODEL) -> ScoreSummary:
    """Score every candidate pair of the warehouse and replace `matching.customer_scores`.

    Raises `ConfigurationError` for a model that is missing or not reviewed, and what
    `pipelines.warehouse` raises for a file that is busy or not there.
    """
    model = load(model_path)
    found = score_candidates(warehouse_path, model)
    warehouse.replace_by_query(
        warehouse_path,
        warehouse.MATCHING,
        "customer_scores",
        _SCORES,
        [model.version],
        {"scored": _table(found)},
    )
    likely = int((found.probability >= 0.5).sum())
    return ScoreSummary(len(found.weight), likely, model.version)


def score_candidates(path: Path, model: Model) -> Scored:
    """The weight and probability of every candidate pair of the warehouse."""
    portions = [_judged_alone(table, model) for table in _portions(path)]
    if not portions:
        nothing = np.zeros(0, dtype=np.int32)
        none = competition.Pairs(nothing, nothing, nothing, nothing)
        parts = np.zeros((0, len(GROUPS)))
        return Scored(none, np.zeros(0), np.zeros(0), np.zeros(0, bool), 0.0, parts)
    pairs = competition.Pairs(*(
        np.concatenate([getattr(one.pairs, name) for one in portions])
        for name in ("account", "customer", "account_parent", "customer_parent")
    ))  # fmt: skip
    odds = np.concatenate([one.odds for one in portions])
    columns = {
        name: np.concatenate([one.columns[name] for one in portions])
        for name in features.PAIR_FEATURES
    }
    return _judged_among_rivals(path, model, pairs, odds, columns)


@dataclass(frozen=True)
class _Portion:
    pairs: competition.Pairs
    odds: Array
    columns: Mapping[str, Array]


def _portions(path: Path) -> Iterator[Any]:
    for portion in warehouse.read(path, _PORTIONS):
        yield warehouse.arrow(path, _CANDIDATES, [portion["first"], portion["last"]])


def columns_of(table: Any, model: Model) -> dict[str, Array]:
    """All features of an Arrow table of candidates by themselves, Splink's weight among them."""
    found = features.pair_columns(table)
    found[SPLINK_WEIGHT] = splink_weights.weights(table, model)
    return found


def pairs_of(table: Any) -> competition.Pairs:
    """The records of each candidate and their parents."""
    return competition.Pairs(*(
        features.numbers(table, name, -1)
        for name in ("account_no", "customer_no", "account_parent_no", "customer_parent_no")
    ))  # fmt: skip


def _judged_alone(table: Any, model: Model) -> _Portion:
    columns = columns_of(table, model)
    odds = log_odds(model.by_itself, columns)
    worth = is_worth_a_look(odds)
    return _Portion(pairs_of(table), odds, {n: column[worth] for n, column in columns.items()})


def _judged_among_rivals(
    path: Path,
    model: Model,
    pairs: competition.Pairs,
    odds: Array,
    columns: Mapping[str, Array],
) -> Scored:
    worth = is_worth_a_look(odds)
    among = final_columns(path, columns, pairs, odds)
    group_of = {**features.PAIR_FEATURES, **competition.FEATURES}
    base, parts = contributions(model.by_itself, among, GROUPS, group_of)
    more, others = contributions(model.among_rivals, among, GROUPS, group_of)
    parts += others
    total = odds.copy()
    total[worth] += log_odds(model.among_rivals, among)
    return Scored(
        pairs=pairs,
        weight=total / np.log(2),
        probability=1 / (1 + np.exp(-total)),
        is_explained=worth,
        base=(base + more) / np.log(2),
        parts=parts / np.log(2),
    )


def _table(found: Scored) -> Any:
    import pyarrow as pa

    parts = np.zeros((len(found.weight), len(GROUPS)))
    parts[found.is_explained] = found.parts
    return pa.table(
        {
            "account_no": found.pairs.account,
            "customer_no": found.pairs.customer,
            "match_weight": np.round(found.weight, _DIGITS),
            "match_probability": np.round(found.probability, _DIGITS + 2),
            "is_explained": found.is_explained,
            **{f"part_{name}": parts[:, at] for at, name in enumerate(GROUPS)},
        }
    )
