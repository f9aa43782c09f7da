"""The trained model as a file, and the training that makes one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.matching import boosting, features, fitting, train
from pipelines.matching.model import COMMITTED_MODEL, dump, load, splink_settings
from pipelines.matching.spec import COMPARISONS, RELATIONS

SMALL = boosting.Settings(trees=3, depth=3)
_TEXTS = ("account_id", "customer_id", "org_id", "company_id", *RELATIONS)
PAIR_COLUMNS = {
    **dict.fromkeys(features.COLUMNS, "INTEGER"),
    **dict.fromkeys(_TEXTS, "VARCHAR"),
    "has_external_id": "BOOLEAN",
}
# What a rival is compared by; no record here has any.
RECORDS = """
    CREATE TABLE intermediate.int_customers__records (
        record_no INTEGER, emails VARCHAR[], domains VARCHAR[], phones VARCHAR[],
        house_number VARCHAR, city_key VARCHAR)
"""
NAMES = """
    CREATE TABLE intermediate.int_names__weighed (
        record_no INTEGER, name_rank INTEGER, token_key VARCHAR, joined_name VARCHAR,
        tokens VARCHAR[], words STRUCT(word VARCHAR, bits INTEGER, kind VARCHAR)[])
"""


def pair(account: int, customer: int, linked: bool = False, **columns: object) -> dict[str, object]:
    """A candidate of which nothing is known but what is given."""
    return {
        "org_id": "o",
        "account_id": f"a{account}",
        "account_no": account,
        "company_id": "c",
        "customer_id": f"{customer}",
        "customer_no": 1000 + customer,
        **dict.fromkeys(RELATIONS, "unknown"),
        **columns,
        "has_external_id": linked,
    }


def history(path: Path, pairs: list[dict[str, object]]) -> Path:
    warehouse.replace_table(path, "intermediate", "int_customers__candidates", PAIR_COLUMNS, pairs)
    with warehouse.writer(path) as connection:
        connection.execute(RECORDS)
        connection.execute(NAMES)
    return path


@pytest.fixture
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees enough to be trees: how well they judge is measured elsewhere."""
    monkeypatch.setattr(fitting, "PAIRS", SMALL)
    monkeypatch.setattr(fitting, "FINAL", SMALL)


def test_the_committed_model_may_be_used() -> None:
    model = load(COMMITTED_MODEL)
    assert re.fullmatch("[0-9a-f]{12}", model.version)
    assert dump(model) == COMMITTED_MODEL.read_text(encoding="utf-8")


def test_evidence_for_and_against_weighs_as_people_expect() -> None:
    weights = load(COMMITTED_MODEL).weights
    speaks_for = [("name", "same"), ("mail", "same"), ("mail", "domain"), ("phone", "same")]
    speaks_for += [("address", "same")]
    against = [("name", "partly"), ("mail", "other_domain"), ("address", "different")]
    against += [("standing", "beaten"), ("currency", "other")]
    assert all(weights[level].m > 5 * weights[level].u for level in speaks_for)
    # Of a group's domain the weight alone knows little: its members share it as well.
    assert weights["mail", "shared_domain"].m < 2 * weights["mail", "shared_domain"].u
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


def test_a_tree_that_asks_for_the_unknown_is_refused(tmp_path: Path) -> None:
    document = json.loads(COMMITTED_MODEL.read_text(encoding="utf-8"))
    document["by_itself"]["trees"][0]["asks"][0][0] = "shoe_size"
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="what this version does not know"):
        load(path)


@pytest.mark.parametrize("part", ["adds", "pairs"])
def test_a_tree_without_a_value_for_each_leaf_is_refused(tmp_path: Path, part: str) -> None:
    document = json.loads(COMMITTED_MODEL.read_text(encoding="utf-8"))
    document["among_rivals"]["trees"][-1][part].pop()
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize(("part", "change"), [("by_itself", 0.5), ("among_rivals", -0.5)])
def test_a_leaf_changed_after_the_review_is_refused(
    tmp_path: Path, part: str, change: float
) -> None:
    document = json.loads(COMMITTED_MODEL.read_text(encoding="utf-8"))
    document[part]["trees"][3]["adds"][2] += change
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="changed after the review"):
        load(path)


def _linked(count: int) -> list[dict[str, object]]:
    right = [pair(n, n, True, name_relation="same", joined_likeness=1000) for n in range(count)]
    wrong = [pair(n, n + 1, name_relation="partly", joined_likeness=400) for n in range(count - 1)]
    return right + wrong


@pytest.mark.usefixtures("small_forests")
def test_training_learns_from_confirmed_history(tmp_path: Path) -> None:
    unknown = [pair(500 + n, 500 + n, name_relation="different") for n in range(5)]
    model = train.train([history(tmp_path / "w.duckdb", _linked(60) + unknown)])
    assert model.trained_on == {"same": 60, "other": 59}
    same, partly = model.weights["name", "same"], model.weights["name", "partly"]
    # 60 of 60 pairs, drawn towards the expected 0.72 by 40 pairs.
    assert same.m == pytest.approx((60 + 40 * 0.72) / 100)
    assert partly.u == pytest.approx((59 + 40 * 0.43) / 99)
    assert model.by_itself.trees
    assert not model.reviewed_by


@pytest.mark.usefixtures("small_forests")
def test_the_order_of_history_changes_nothing(tmp_path: Path) -> None:
    pairs = _linked(30)
    one = train.train([history(tmp_path / "one.duckdb", pairs)])
    other = train.train([history(tmp_path / "other.duckdb", pairs[::-1])])
    assert dump(one) == dump(other)


@pytest.mark.usefixtures("small_forests")
def test_training_learns_from_labelled_records(tmp_path: Path) -> None:
    pairs = [one | {"has_external_id": False} for one in _linked(30)]
    path = history(tmp_path / "w.duckdb", pairs)
    truth = tmp_path / "truth.csv"
    truth.write_text("left_id,right_id\n" + "".join(f"a{n},{n}\n" for n in range(30)))
    model = train.train([], [(path, truth)])
    assert model.trained_on == {"same": 30, "other": 29}


def test_training_without_history_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(tmp_path / "w.duckdb", [pair(1, 1), pair(2, 2)])
    with pytest.raises(Stop, match="nothing is known to be right"):
        train.train([path])
    assert train.main([str(path), "--out", str(tmp_path / "model.json")]) == 1
    assert "use the committed model" in capsys.readouterr().err
    assert not (tmp_path / "model.json").exists()


@pytest.mark.usefixtures("small_forests")
def test_a_freshly_trained_model_waits_for_its_review(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = history(tmp_path / "w.duckdb", _linked(4))
    out = tmp_path / "models" / "model.json"
    assert train.main([str(path), "--out", str(out)]) == 0
    assert "unreviewed model is refused" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="nobody has reviewed it"):
        load(out)
