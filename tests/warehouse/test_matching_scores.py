"""Splink's weights for pairs that are made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.matching import score
from pipelines.matching.model import COMMITTED_MODEL, load
from pipelines.matching.scoring import score_pairs
from pipelines.matching.spec import COLUMNS, COMPARISONS, MATCH_SHARE

Values = dict[str, str]
CHOICES = {
    one.column: st.sampled_from([*(level.value for level in one.levels), "unknown"])
    for one in COMPARISONS
}


def table(pairs: list[Values]) -> pa.Table:
    """Candidates numbered in their order."""
    keys = ("org_id", "account_id", "company_id", "customer_id")
    rows = [
        {"pair_id": f"p{at:03}", **dict.fromkeys(keys, str(at)), **values}
        for at, values in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in COLUMNS]))


def expected_weight(values: Values) -> float:
    """The match weight by hand: the prior's odds and each known level's, in bits."""
    model = load(COMMITTED_MODEL)
    bits = math.log2(MATCH_SHARE / (1 - MATCH_SHARE))
    for comparison in COMPARISONS:
        weight = model.weights.get((comparison.name, values[comparison.column]))
        bits += math.log2(weight.m / weight.u) if weight else 0
    return bits


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pairs=st.lists(st.fixed_dictionaries(CHOICES), min_size=1, max_size=60))
def test_weights_are_those_of_the_model(pairs: list[Values]) -> None:
    scored = list(score_pairs(table(pairs), load(COMMITTED_MODEL)))
    assert [row["account_id"] for row in scored] == [str(at) for at in range(len(pairs))]
    for row, values in zip(scored, pairs, strict=True):
        assert row["match_weight"] == pytest.approx(expected_weight(values), abs=1e-4)
        odds = 2 ** row["match_weight"]
        assert row["match_probability"] == pytest.approx(odds / (1 + odds), abs=1e-5)


def test_contributions_add_up_to_the_weight() -> None:
    values = {one.column: one.levels[0].value for one in COMPARISONS}
    (row,) = score_pairs(table([values]), load(COMMITTED_MODEL))
    prior = math.log2(MATCH_SHARE / (1 - MATCH_SHARE))
    contributions = json.loads(row["evidence"])
    assert sum(contributions.values()) + prior == pytest.approx(row["match_weight"], abs=0.01)


def test_no_candidates_are_scored_without_waking_splink(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    columns = dict.fromkeys(COLUMNS, "VARCHAR")
    warehouse.replace_table(path, "intermediate", "int_customers__candidates", columns, [])
    summary = score(path)
    assert (summary.pairs, summary.likely) == (0, 0)
    assert warehouse.read(path, "select * from matching.customer_scores") == []


def test_nothing_is_scored_with_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        score(tmp_path / "warehouse.duckdb", tmp_path / "model.json")


def test_a_warehouse_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"warehouse\.duckdb"):
        score(tmp_path / "warehouse.duckdb")
