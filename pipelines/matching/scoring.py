"""Scores the candidate pairs with the reviewed model, between the two halves of a build.

The pairs and what speaks for them are made in SQL; the decision is taken in SQL. Here each pair
gets its match weight, its probability and every group's contribution to it. Records go through in
portions, as Arrow tables: what is kept of a portion are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import warehouse
from pipelines.matching import competition, features, splink_weights
from pipelines.matching.features import GROUPS, SPLINK_WEIGHT, Array
from pipelines.matching.fitting import final_columns, is_worth_a_look
from pipelines.matching.model import COMMITTED_MODEL, Model, load
from pipelines.matching.rivals import Ask, asking
from pipelines.matching.spec import RELATIONS
from pipelines.matching.trees import contributions, log_odds

# Candidates that are read at once; some 100 MB.
_PORTION = 250_000
_DIGITS = 6

# The figures that a pair is judged by on its own; pairs with equal ones have equal odds.
_EVIDENCE = ", ".join(dict.fromkeys((*features.SQL_FEATURES, *RELATIONS)))
_COLUMNS = ", ".join(dict.fromkeys((*features.COLUMNS, *RELATIONS)))
CANDIDATE_COLUMNS = f"{_COLUMNS}, hash({_EVIDENCE}) AS evidence"
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
    SELECT {CANDIDATE_COLUMNS}
    FROM intermediate.int_customers__candidates
    WHERE account_no BETWEEN ? AND ?
    ORDER BY account_no, customer_no
"""  # noqa: S608 - the columns are constants of this package
SCORES = f"""
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
"""  # noqa: S608 - the groups are constants of this package


@dataclass(frozen=True)
class ScoreSummary:
    """What one scoring did: all pairs, how many of them were scored now, and the model.

    The others have kept their scores. `changed` counts the records that were matched alone; it is
    `None` where all were matched.
    """

    pairs: int
    scored: int
    model_version: str
    changed: int | None = None


@dataclass(frozen=True)
class Scored:
    """The outcome for all candidates, in order of their records' numbers.

    `log_odds` are each pair's by itself, `evidence` a hash of what they follow from. `parts` holds
    for the explained ones what each of `GROUPS` adds, in bits; with `base` they sum up to the
    weight.
    """

    pairs: competition.Pairs
    evidence: Array
    log_odds: Array
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
    with warehouse.writer(warehouse_path) as connection:
        fill = warehouse.fill_by_query
        fill(connection, warehouse.MATCHING, "customer_scores",
             f"{SCORES} ORDER BY scored.account_no, scored.customer_no",
             [model.version], {"scored": table_of(found)})  # fmt: skip
        odds = {"kept": _odds(found)}
        fill(connection, warehouse.MATCHING, "kept_odds", "FROM kept", tables=odds)
    return ScoreSummary(len(found.weight), len(found.weight), model.version)


def score_candidates(path: Path, model: Model) -> Scored:
    """The weight and probability of every candidate pair of the warehouse."""
    portions = [_judged_alone(table, model) for table in _portions(path)]
    if not portions:
        return _nothing()
    pairs = competition.Pairs(*(
        np.concatenate([getattr(one.pairs, field.name) for one in portions])
        for field in fields(competition.Pairs)
    ))  # fmt: skip
    odds = np.concatenate([one.odds for one in portions])
    evidence = np.concatenate([one.evidence for one in portions])
    columns = {
        name: np.concatenate([one.columns[name] for one in portions])
        for name in features.PAIR_FEATURES
    }
    worth = is_worth_a_look(odds)
    return judged_among_rivals(asking(path), model, pairs, evidence, odds, worth, columns)


def _nothing() -> Scored:
    none, numbers = np.zeros(0), np.zeros(0, dtype=np.int32)
    pairs = competition.Pairs(numbers, numbers, numbers, numbers, numbers)
    parts = np.zeros((0, len(GROUPS)))
    return Scored(pairs, numbers, none, none, none, np.zeros(0, bool), 0.0, parts)


@dataclass(frozen=True)
class _Portion:
    pairs: competition.Pairs
    evidence: Array
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
    """The records of each candidate, their parents and what orders equals."""
    numbers = {name: features.numbers(table, name, -1) for name in features.RECORD_COLUMNS}
    return competition.Pairs(
        account=numbers["account_no"],
        customer=numbers["customer_no"],
        account_parent=numbers["account_parent_no"],
        customer_parent=numbers["customer_parent_no"],
        order=features.numbers(table, "pair_order", -1, "int64"),
    )


def _judged_alone(table: Any, model: Model) -> _Portion:
    columns = columns_of(table, model)
    odds = log_odds(model.by_itself, columns)
    worth = is_worth_a_look(odds)
    kept = {name: column[worth] for name, column in columns.items()}
    return _Portion(pairs_of(table), evidence_of(table), odds, kept)


def evidence_of(table: Any) -> Array:
    """The hash of each candidate's evidence."""
    found: Array = table.column("evidence").to_numpy()
    return found


def judged_among_rivals(
    ask: Ask,
    model: Model,
    pairs: competition.Pairs,
    evidence: Array,
    odds: Array,
    worth: Array,
    columns: Mapping[str, Array],
) -> Scored:
    """The outcome for candidates whose odds by themselves are known.

    `columns` holds the features of those that are `worth` a look; the others are their rivals.
    """
    among = final_columns(ask, columns, pairs, odds, worth)
    group_of = {**features.PAIR_FEATURES, **competition.FEATURES}
    base, parts = contributions(model.by_itself, among, GROUPS, group_of)
    more, others = contributions(model.among_rivals, among, GROUPS, group_of)
    parts += others
    total = odds.copy()
    total[worth] += log_odds(model.among_rivals, among)
    return Scored(
        pairs=pairs,
        evidence=evidence,
        log_odds=odds,
        weight=total / np.log(2),
        probability=1 / (1 + np.exp(-total)),
        is_explained=worth,
        base=(base + more) / np.log(2),
        parts=parts / np.log(2),
    )


def table_of(found: Scored) -> Any:
    """The outcome as the Arrow table that `SCORES` reads as `scored`."""
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


def _odds(found: Scored) -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "account_no": found.pairs.account,
            "customer_no": found.pairs.customer,
            "evidence": found.evidence,
            "log_odds": found.log_odds,
            "probability": np.round(found.probability, _DIGITS + 2),
        }
    )
