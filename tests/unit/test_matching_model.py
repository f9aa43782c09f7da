"""The trained model as a file, and the counting that makes one. Nothing here imports Splink."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.matching import train
from pipelines.matching.model import COMMITTED_MODEL, dump, load, splink_settings
from pipelines.matching.spec import COLUMNS, COMPARISONS

PAIR_COLUMNS = {**dict.fromkeys(COLUMNS, "VARCHAR"), "has_external_id": "BOOLEAN"}


def pair(account: str, customer: str, linked: bool = False, **columns: str) -> dict[str, object]:
    """A candidate of which nothing is known but what is given."""
    unknown = dict.fromkeys((one.column for one in COMPARISONS), "unknown")
    keys = {"org_id": "o", "account_id": account, "company_id": "c", "customer_id": customer}
    return {
        "pair_id": f"{account}|{customer}",
        **keys,
        **unknown,
        **columns,
        "has_external_id": linked,
    }


def history(path: Path, pairs: list[dict[str, object]]) -> Path:
    warehouse.replace_table(
        path, "intermediate", "int_customers__candidates", PAIR_COLUMNS, pairs
    )  # fmt: skip
    return path


def test_the_committed_model_may_be_used() -> None:
    model = load(COMMITTED_MODEL)
    assert re.fullmatch("[0-9a-f]{12}", model.version)
    assert dump(model) == COMMITTED_MODEL.read_text(encoding="utf-8")


def test_evidence_for_and_against_weighs_as_people_expect() -> None:
    weights = load(COMMITTED_MODEL).weights
    speaks_for = [("name", "same"), ("mail", "same"), ("mail", "domain"), ("phone", "same")]
    speaks_for += [("address", "same")]
    against = [("name", "partly"), ("mail", "other_domain"), ("address", "different")]
    against += [("standing", "beaten"), ("currency", "other"), ("mail", "shared_domain")]
    assert all(weights[level].m > 5 * weights[level].u for level in speaks_for)
    assert all(weights[level].m < weights[level].u for level in against)


def test_competition_only_speaks_against() -> None:
    weights = load(COMMITTED_MODEL).weights
    for comparison in COMPARISONS:
        if comparison.only_against:
            levels = [weights[comparison.name, level.value] for level in comparison.levels]
            assert all(level.m <= level.u for level in levels)


def test_settings_cover_every_level_once() -> None:
    settings = splink_settings(load(COMMITTED_MODEL))
    assert [one["output_column_name"] for one in settings["comparisons"]] == [
        one.name for one in COMPARISONS
    ]
    for one, comparison in zip(settings["comparisons"], COMPARISONS, strict=True):
        conditions = [level["sql_condition"] for level in one["comparison_levels"]]
        assert len(set(conditions)) == len(comparison.levels) + 1
        assert conditions[-1] == "ELSE"


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"model none\.json: .*no such file"):
        load(tmp_path / "none.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "not json"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path)


def test_a_model_without_review_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(dump(replace(load(COMMITTED_MODEL), reviewed_by="")))
    with pytest.raises(ConfigurationError, match="nobody has reviewed it"):
        load(path)


def test_a_weight_changed_after_the_review_is_refused(tmp_path: Path) -> None:
    document = json.loads(COMMITTED_MODEL.read_text(encoding="utf-8"))
    document["comparisons"]["name"]["partly"]["m"] = 0.9
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="changed after the review"):
        load(path)


def test_a_model_of_other_comparisons_is_refused(tmp_path: Path) -> None:
    document = json.loads(COMMITTED_MODEL.read_text(encoding="utf-8"))
    del document["comparisons"]["phone"]
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="not those of this version"):
        load(path)


def test_training_counts_confirmed_history(tmp_path: Path) -> None:
    right = [pair(f"a{n}", f"{n}", True, name_relation="same") for n in range(60)]
    wrong = [pair(f"a{n}", f"{n + 1}", name_relation="partly") for n in range(59)]
    unknown = [pair("new", "new", name_relation="different") for _ in range(5)]
    model = train.train([history(tmp_path / "w.duckdb", right + wrong + unknown)])
    assert model.trained_on == {"same": 60, "other": 59}
    same, partly = model.weights["name", "same"], model.weights["name", "partly"]
    # 60 of 60 pairs, drawn towards the expected 0.72 by 40 pairs.
    assert same.m == pytest.approx((60 + 40 * 0.72) / 100)
    assert partly.u == pytest.approx((59 + 40 * 0.43) / 99)
    assert not model.reviewed_by


@given(order=st.permutations(range(12)))
def test_the_order_of_history_changes_nothing(order: list[int]) -> None:
    pairs = [
        {
            **pair(f"a{n // 2}", f"{n}", n % 2 == 0),
            "name_relation": ("same", "close", "partly")[n % 3],
            "is_match": n % 2 == 0,
        }
        for n in range(12)
    ]

    def weights(rows: list[dict[str, object]]) -> object:
        same = [one for one in rows if one["is_match"]]
        return train._weights(same, [one for one in rows if not one["is_match"]])

    assert weights([pairs[n] for n in order]) == weights(pairs)


def test_training_without_history_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(tmp_path / "w.duckdb", [pair("a", "1"), pair("b", "2")])
    with pytest.raises(Stop, match="nothing is known to be right"):
        train.train([path])
    assert train.main([str(path), "--out", str(tmp_path / "model.json")]) == 1
    assert "use the committed model" in capsys.readouterr().err
    assert not (tmp_path / "model.json").exists()


def test_a_freshly_trained_model_waits_for_its_review(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [pair("a", "1", True), pair("a", "2")]
    path = history(tmp_path / "w.duckdb", rows)
    out = tmp_path / "models" / "model.json"
    assert train.main([str(path), "--out", str(out)]) == 0
    assert "unreviewed model is refused" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="nobody has reviewed it"):
        load(out)
