"""Scores the candidate pairs with Splink, between the two halves of a build.

The pairs and what speaks for them are made in SQL; the decision is taken in SQL. Here each pair
only gets its match weight, its probability and every comparison's contribution to it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.matching.model import COMMITTED_MODEL, Model, load, splink_settings
from pipelines.matching.spec import COLUMNS, COMPARISONS, PAIR_KEY

SCORE_COLUMNS = {
    **dict.fromkeys(PAIR_KEY, "VARCHAR"),
    "match_weight": "DOUBLE",
    "match_probability": "DOUBLE",
    "evidence": "VARCHAR",
    "model_version": "VARCHAR",
}

# Weights and shares are shown to people; beyond this the digits are noise.
_DIGITS = 6

_CANDIDATES = f"""
    SELECT {", ".join(COLUMNS)}
    FROM intermediate.int_customers__candidates
    ORDER BY pair_id
"""  # noqa: S608 - the columns are the constants of spec


@dataclass(frozen=True)
class ScoreSummary:
    """What one scoring did: pairs scored, pairs of probability one half or more, the model."""

    pairs: int
    likely: int
    model_version: str


def score(warehouse_path: Path, model_path: Path = COMMITTED_MODEL) -> ScoreSummary:
    """Score every candidate pair of the warehouse and replace `matching.customer_scores`.

    Raises `ConfigurationError` for a model that is missing or not reviewed, and what
    `pipelines.warehouse` raises for a file that is busy or not there.
    """
    model = load(model_path)
    candidates = warehouse.arrow(warehouse_path, _CANDIDATES)
    rows = list(score_pairs(candidates, model))
    warehouse.replace_table(
        warehouse_path, warehouse.MATCHING, "customer_scores", SCORE_COLUMNS, rows
    )
    likely = sum(1 for row in rows if row["match_probability"] >= 0.5)
    return ScoreSummary(len(rows), likely, model.version)


def score_pairs(candidates: Any, model: Model) -> Iterator[Mapping[str, Any]]:
    """Score an Arrow table of candidate pairs; rows in the order of the pairs' keys."""
    if candidates.num_rows == 0:
        return
    keys = candidates.select(["pair_id", *PAIR_KEY]).to_pylist()
    scored = {row["pair_id_l"]: row for row in _predicted(candidates, model)}
    for key in sorted(keys, key=lambda one: str(one["pair_id"])):
        yield _score_row(key, scored[key["pair_id"]], model.version)


def _predicted(candidates: Any, model: Model) -> list[dict[str, Any]]:
    """Splink's predictions, computed in a database of its own in memory."""
    from splink import DuckDBAPI, Linker, SettingsCreator

    database = DuckDBAPI()
    # Both sides of the link are the same rows: a pair is compared in its own columns.
    sides = [
        database.register(candidates, dataset_display_name=side) for side in ("account", "customer")
    ]
    settings = SettingsCreator.from_path_or_dict(splink_settings(model))
    linker = Linker(sides, settings, log_level=logging.WARNING)
    predictions = linker.inference.predict(warning_mode="never")
    found: list[dict[str, Any]] = predictions.as_record_list()
    return found


def _score_row(key: Mapping[str, Any], row: Mapping[str, Any], version: str) -> dict[str, Any]:
    return {
        **{name: key[name] for name in PAIR_KEY},
        "match_weight": round(row["match_weight"], _DIGITS),
        "match_probability": round(row["match_probability"], _DIGITS),
        "evidence": json.dumps(_contributions(row)),
        "model_version": version,
    }


def _contributions(row: Mapping[str, Any]) -> dict[str, float]:
    """Each comparison's part of the match weight, in bits; together with the prior they sum up."""
    return {one.name: round(row[f"mw_{one.name}"], 3) for one in COMPARISONS}
