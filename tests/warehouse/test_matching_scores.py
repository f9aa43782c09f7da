"""Splink's weights for pairs that are made by hand, and scores of a built company."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from built_company import Company
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.matching import score, scoring
from pipelines.matching.features import COLUMNS
from pipelines.matching.model import COMMITTED_MODEL, load
from pipelines.matching.spec import COMPARISONS, MATCH_SHARE, RELATIONS
from pipelines.matching.splink_weights import weights

Values = dict[str, str]
CHOICES = {
    one.column: st.sampled_from([*(level.value for level in one.levels), "unknown"])
    for one in COMPARISONS
}


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
    table = pa.Table.from_pylist(pairs, pa.schema([(name, pa.string()) for name in RELATIONS]))
    found = weights(table, load(COMMITTED_MODEL))
    assert found.tolist() == pytest.approx([expected_weight(one) for one in pairs], abs=1e-3)


def test_parts_and_base_add_up_to_the_weight(company: Company) -> None:
    found = scoring.score_candidates(company.path, load(COMMITTED_MODEL))
    explained = found.weight[found.is_explained]
    assert len(explained) > 200
    sums = found.base + found.parts.sum(axis=1)
    assert sums.tolist() == pytest.approx(explained.tolist(), abs=1e-9)


def test_portions_change_no_score(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(COMMITTED_MODEL)
    whole = scoring.score_candidates(company.path, model)
    monkeypatch.setattr(scoring, "_PORTIONS", scoring._PORTIONS.replace("250000", "400"))
    assert len(warehouse.read(company.path, scoring._PORTIONS)) > 2
    in_parts = scoring.score_candidates(company.path, model)
    assert in_parts.probability.tobytes() == whole.probability.tobytes()


def test_evidence_is_written_for_every_pair_that_was_looked_at_twice(company: Company) -> None:
    (row,) = company.rows(
        "select evidence, match_probability from matching.customer_scores "
        "order by match_probability desc, account_id limit 1"
    )
    assert set(json.loads(row["evidence"])) == set(scoring.GROUPS)
    (left,) = company.rows(
        "select count(*) as n from matching.customer_scores "
        "where evidence is null and match_probability > 0.1"
    )
    assert left["n"] == 0


def test_no_candidates_are_scored_without_waking_splink(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    columns = dict.fromkeys((*COLUMNS, *RELATIONS), "VARCHAR")
    warehouse.replace_table(path, "intermediate", "int_customers__candidates", columns, [])
    ids = {"record_no": "INTEGER", "scope_id": "VARCHAR", "record_id": "VARCHAR"}
    warehouse.replace_table(path, "intermediate", "int_customers__records", ids, [])
    summary = score(path)
    assert (summary.pairs, summary.scored) == (0, 0)
    assert warehouse.read(path, "select * from matching.customer_scores") == []


def test_nothing_is_scored_with_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        score(tmp_path / "warehouse.duckdb", tmp_path / "model.json")


def test_a_warehouse_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"warehouse\.duckdb"):
        score(tmp_path / "warehouse.duckdb")
