"""Trains the model from confirmed history and from labelled records.

`python -m pipelines.matching.train WAREHOUSE ... [--labelled WAREHOUSE TRUTH.csv] ...`

Accounts that carry their customer's key show which candidate pairs are one organisation and which
are not; of labelled records a file tells all true pairs. Splink's weights are counted, the forests
are grown; the same records give the same model. The file that comes out says who must review it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines import warehouse
from pipelines.errors import CrossfootError, Stop
from pipelines.matching import features, fitting
from pipelines.matching.measures import read_truth
from pipelines.matching.model import COMMITTED_MODEL, Model, Weight, dump
from pipelines.matching.scoring import columns_of, pairs_of
from pipelines.matching.spec import (
    COMPARISONS,
    MATCH_SHARE,
    PRIOR_PAIRS,
    RELATIONS,
    Comparison,
    Level,
)
from pipelines.matching.trees import Forest

_DIGITS = 6
_NO_FOREST = Forest(0.0, ())

_COLUMNS = ", ".join(f"pairs.{n}" for n in dict.fromkeys((*features.COLUMNS, *RELATIONS)))
# A pair is known to be wrong when either side's true partner in that company is another record.
_HISTORY = f"""
    WITH linked AS (
        SELECT account_no, customer_no, company_id, org_id
        FROM intermediate.int_customers__candidates
        WHERE has_external_id
    )
    SELECT
        {_COLUMNS},
        pairs.has_external_id AS is_match,
        pairs.has_external_id
        OR (pairs.account_no, pairs.company_id) IN (SELECT (account_no, company_id) FROM linked)
        OR (pairs.customer_no, pairs.org_id) IN (SELECT (customer_no, org_id) FROM linked)
            AS is_known
    FROM intermediate.int_customers__candidates AS pairs
    ORDER BY pairs.account_no, pairs.customer_no
"""  # noqa: S608 - the columns are constants of this package
_LABELLED = f"""
    SELECT
        {_COLUMNS},
        truth.left_id IS NOT NULL AS is_match,
        true AS is_known
    FROM intermediate.int_customers__candidates AS pairs
    LEFT JOIN truth
        ON pairs.account_id = truth.left_id AND pairs.customer_id = truth.right_id
    ORDER BY pairs.account_no, pairs.customer_no
"""  # noqa: S608 - the columns are constants of this package


def train(warehouse_paths: Sequence[Path], labelled: Sequence[tuple[Path, Path]] = ()) -> Model:
    """Train on the history of warehouses and on labelled ones, each with its file of true pairs.

    Raises `Stop` when nothing is known to be right, `FixTheRow` for a file that names no pairs.
    """
    tables = [
        *((path, warehouse.arrow(path, _HISTORY)) for path in warehouse_paths),
        *((path, _with_truth(path, truth)) for path, truth in labelled),
    ]
    same, other = _relations(tables, True), _relations(tables, False)
    if not same or not other:
        raise Stop(
            "matching",
            "training",
            "no account carries its customer's key, so nothing is known to be right",
            "Link some accounts by hand first, or use the committed model.",
        )
    counted = Model(
        match_share=MATCH_SHARE,
        weights=_weights(same, other),
        by_itself=_NO_FOREST,
        among_rivals=_NO_FOREST,
        trained_on={"same": same[RELATIONS[0]].total(), "other": other[RELATIONS[0]].total()},
        reviewed_by="",
        reviewed_on="",
    )
    by_itself, among_rivals = fitting.fit([_world(path, one, counted) for path, one in tables])
    return replace(counted, by_itself=by_itself, among_rivals=among_rivals)


def _with_truth(path: Path, truth: Path) -> Any:
    import pyarrow as pa

    left, right = zip(*read_truth(truth), strict=True)
    given = pa.table({"left_id": left, "right_id": right})
    return warehouse.arrow(path, _LABELLED, tables={"truth": given})


def _world(path: Path, table: Any, counted: Model) -> fitting.Labelled:
    return fitting.Labelled(
        path=path,
        columns=columns_of(table, counted),
        pairs=pairs_of(table),
        is_match=np.asarray(features.numbers(table, "is_match", 0), dtype=bool),
        is_known=np.asarray(features.numbers(table, "is_known", 0), dtype=bool),
    )


def _relations(tables: Sequence[tuple[Path, Any]], is_match: bool) -> dict[str, Counter[str]]:
    """How often each value of each relation is seen among known pairs; empty without any."""
    found: dict[str, Counter[str]] = {name: Counter() for name in RELATIONS}
    for _, table in tables:
        is_right = np.asarray(features.numbers(table, "is_match", 0), dtype=bool)
        is_known = np.asarray(features.numbers(table, "is_known", 0), dtype=bool)
        chosen = table.filter(is_known & (is_right == is_match))
        for name in RELATIONS:
            counts = chosen.column(name).value_counts().to_pylist()
            found[name].update({one["values"]: one["counts"] for one in counts})
    return found if found[RELATIONS[0]] else {}


def _weights(
    same: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]
) -> dict[tuple[str, str], Weight]:
    weights = {}
    for comparison in COMPARISONS:
        counted_same = _counts(same[comparison.column], comparison)
        counted_other = _counts(other[comparison.column], comparison)
        for level in comparison.levels:
            weight = _weight(level, counted_same, counted_other)
            if comparison.only_against:
                weight = Weight(weight.m, max(weight.m, weight.u))
            weights[comparison.name, level.value] = weight
    return weights


def _counts(seen: Counter[str], comparison: Comparison) -> Counter[str]:
    known = {level.value for level in comparison.levels}
    return Counter({value: count for value, count in seen.items() if value in known})


def _weight(level: Level, same: Counter[str], other: Counter[str]) -> Weight:
    return Weight(
        m=_share(same[level.value], same.total(), level.same),
        u=_share(other[level.value], other.total(), level.other),
    )


def _share(count: int, total: int, expected: float) -> float:
    """A share of counted pairs, drawn towards what is expected by `PRIOR_PAIRS` pairs."""
    return round((count + PRIOR_PAIRS * expected) / (total + PRIOR_PAIRS), _DIGITS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and write a model file; 0 when it was written."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.matching.train", description=__doc__)
    parser.add_argument("warehouse", nargs="*", type=Path, help="a built warehouse with history")
    parser.add_argument(
        "--labelled",
        nargs=2,
        type=Path,
        action="append",
        default=[],
        metavar=("WAREHOUSE", "TRUTH"),
        help="a built warehouse of labelled records, and the CSV of all true pairs",
    )
    parser.add_argument("--out", type=Path, default=COMMITTED_MODEL, help="the model to write")
    asked = parser.parse_args(arguments)
    try:
        model = train(asked.warehouse, [(one, truth) for one, truth in asked.labelled])
    except CrossfootError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(dump(model), encoding="utf-8")
    sys.stdout.write(
        f"Wrote {asked.out.name} {model.version}, trained on {model.trained_on['same']} pairs of "
        f"one organisation and {model.trained_on['other']} of two. Read its weights, then enter "
        "who reviewed it and when: an unreviewed model is refused.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
