"""The trained model as a file: read, checked and turned into Splink's settings and two forests.

Splink's weights of the comparisons are one feature; the first forest judges a pair by itself, the
second goes on among its rivals. A model without a review is refused before anything is scored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigurationError
from pipelines.matching import competition
from pipelines.matching.features import PAIR_FEATURES
from pipelines.matching.spec import COMPARISONS, Comparison, Level
from pipelines.matching.trees import Forest, Tree

COMMITTED_MODEL = Path(__file__).resolve().parents[2] / "data" / "models" / "customer_match.json"


@dataclass(frozen=True)
class Weight:
    """How often a level is seen among pairs of one organisation (`m`) and of two (`u`)."""

    m: float
    u: float


@dataclass(frozen=True)
class Model:
    """Everything that scoring needs: Splink's prior and weights, and the forests that go on."""

    match_share: float
    weights: Mapping[tuple[str, str], Weight]
    by_itself: Forest
    among_rivals: Forest
    trained_on: Mapping[str, int]
    reviewed_by: str
    reviewed_on: str

    @cached_property
    def version(self) -> str:
        """Twelve hex digits that change with any weight."""
        return hashlib.sha256(_canonical(self).encode()).hexdigest()[:12]


def load(path: Path) -> Model:
    """Read a model that may be used for scoring.

    Raises `ConfigurationError` when the file is missing, is no model, does not cover the
    comparisons of `spec`, was changed after the review or was never reviewed.
    """
    model, written_version = _parse(path)
    if model.weights.keys() != _wanted():
        raise _refused(path, "its comparisons are not those of this version", "Train it again")
    if not _asks_known(model):
        raise _refused(path, "its trees ask for what this version does not know", "Train it again")
    if not model.reviewed_by or not model.reviewed_on:
        raise _refused(path, "nobody has reviewed it", "Read its weights and enter who did so")
    if written_version != model.version:
        raise _refused(path, "a weight was changed after the review", "Review it again")
    return model


def dump(model: Model) -> str:
    """The file's text: stable, and made to be read by a reviewer; a tree stands on one line."""
    document = {
        "version": model.version,
        "reviewed": {"by": model.reviewed_by, "on": model.reviewed_on},
        "trained_on": dict(model.trained_on),
        "match_share": model.match_share,
        "comparisons": {one.name: _levels(model, one) for one in COMPARISONS},
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    forests = (
        f'  "{name}": {{\n    "start": {json.dumps(forest.start)},\n    "trees": [\n'
        + ",\n".join(f"      {json.dumps(_tree_document(tree))}" for tree in forest.trees)
        + "\n    ]\n  }"
        for name, forest in (
            ("by_itself", model.by_itself),
            ("among_rivals", model.among_rivals),
        )
    )
    return text.removesuffix("\n}") + ",\n" + ",\n".join(forests) + "\n}\n"


def splink_settings(model: Model) -> dict[str, Any]:
    """The model in Splink's own words. Every candidate is one row on both sides of the link."""
    return {
        "link_type": "link_only",
        "unique_id_column_name": "pair_id",
        "probability_two_random_records_match": model.match_share,
        "blocking_rules_to_generate_predictions": ['l."pair_id" = r."pair_id"'],
        "comparisons": [_comparison(model, one) for one in COMPARISONS],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(model: Model, comparison: Comparison) -> dict[str, Any]:
    column = f'"{comparison.column}_l"'
    unknown = {
        "sql_condition": f"{column} = 'unknown'",
        "label_for_charts": "not known",
        "is_null_level": True,
    }
    known = [_level(model, comparison, one, column) for one in comparison.levels]
    return {"output_column_name": comparison.name, "comparison_levels": [unknown, *known]}


def _level(model: Model, comparison: Comparison, level: Level, column: str) -> dict[str, Any]:
    weight = model.weights[comparison.name, level.value]
    is_last = level is comparison.levels[-1]
    return {
        "sql_condition": "ELSE" if is_last else f"{column} = '{level.value}'",
        "label_for_charts": level.label,
        "m_probability": weight.m,
        "u_probability": weight.u,
    }


def _levels(model: Model, comparison: Comparison) -> dict[str, dict[str, float]]:
    pairs = ((one.value, model.weights[comparison.name, one.value]) for one in comparison.levels)
    return {value: {"m": weight.m, "u": weight.u} for value, weight in pairs}


def _tree_document(tree: Tree) -> dict[str, Any]:
    return {
        "asks": list(map(list, zip(tree.features, tree.above, strict=True))),
        "adds": list(tree.values),
        "pairs": list(tree.pairs),
    }


def _forest(document: Mapping[str, Any]) -> Forest:
    trees = tuple(
        Tree(
            features=tuple(str(name) for name, _ in tree["asks"]),
            above=tuple(float(limit) for _, limit in tree["asks"]),
            values=tuple(float(value) for value in tree["adds"]),
            pairs=tuple(int(count) for count in tree["pairs"]),
        )
        for tree in document["trees"]
    )
    if any(len(t.values) != len(t.pairs) or len(t.values) != 2 ** len(t.features) for t in trees):
        raise ValueError("a tree has not one value for each of its leaves")
    return Forest(float(document["start"]), trees)


def _asks_known(model: Model) -> bool:
    known = PAIR_FEATURES.keys()
    return model.by_itself.features <= known and model.among_rivals.features <= (
        known | competition.FEATURES.keys()
    )


def _parse(path: Path) -> tuple[Model, str]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _model(document), str(document["version"])
    except FileNotFoundError as missing:
        raise _refused(path, "there is no such file", "Restore the committed model") from missing
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise _refused(path, f"it cannot be read ({wrong})", "Restore the committed one") from wrong


def _model(document: Mapping[str, Any]) -> Model:
    return Model(
        match_share=float(document["match_share"]),
        weights={
            (name, value): Weight(float(weight["m"]), float(weight["u"]))
            for name, levels in document["comparisons"].items()
            for value, weight in levels.items()
        },
        by_itself=_forest(document["by_itself"]),
        among_rivals=_forest(document["among_rivals"]),
        trained_on=dict(document["trained_on"]),
        reviewed_by=str(document["reviewed"]["by"] or ""),
        reviewed_on=str(document["reviewed"]["on"] or ""),
    )


def _wanted() -> set[tuple[str, str]]:
    return {(one.name, level.value) for one in COMPARISONS for level in one.levels}


def _canonical(model: Model) -> str:
    weights = [[*key, weight.m, weight.u] for key, weight in sorted(model.weights.items())]
    forests = [
        [forest.start, [_tree_document(tree) for tree in forest.trees]]
        for forest in (model.by_itself, model.among_rivals)
    ]
    return json.dumps([model.match_share, weights, forests])


def _refused(path: Path, problem: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(
        "matching", f"model {path.name}", f"it cannot be used: {problem}", f"{next_step}."
    )
