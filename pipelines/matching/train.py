"""Trains the model from confirmed history: `python -m pipelines.matching.train WAREHOUSE`.

Accounts that carry their customer's key show which candidate pairs are one organisation and which
are not. Where truth is known, counting is the maximum-likelihood estimate and needs no iteration;
it is the same for any order of rows. The file that comes out says who must still review it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import CrossfootError, Stop
from pipelines.matching.model import COMMITTED_MODEL, Model, Weight, dump
from pipelines.matching.spec import (
    COLUMNS,
    COMPARISONS,
    MATCH_SHARE,
    PRIOR_PAIRS,
    Comparison,
    Level,
)

Pair = Mapping[str, Any]

_DIGITS = 6

# A pair is known to be wrong when either side's true partner in that company is another record.
_LABELLED = f"""
    WITH linked AS (
        SELECT org_id, account_id, company_id, customer_id
        FROM intermediate.int_customers__candidates
        WHERE has_external_id
    )
    SELECT {", ".join(f"pairs.{name}" for name in COLUMNS)}, pairs.has_external_id AS is_match
    FROM intermediate.int_customers__candidates AS pairs
    WHERE pairs.has_external_id
        OR (pairs.org_id, pairs.account_id, pairs.company_id)
            IN (SELECT (org_id, account_id, company_id) FROM linked)
        OR (pairs.company_id, pairs.customer_id)
            IN (SELECT (company_id, customer_id) FROM linked)
"""  # noqa: S608 - the columns are the constants of spec


def train(warehouse_paths: Sequence[Path]) -> Model:
    """Count the comparisons' levels over all labelled pairs of the warehouses.

    Raises `Stop` when there is no confirmed history at all.
    """
    pairs = [pair for path in warehouse_paths for pair in warehouse.read(path, _LABELLED)]
    same = [pair for pair in pairs if pair["is_match"]]
    other = [pair for pair in pairs if not pair["is_match"]]
    if not same or not other:
        raise Stop(
            "matching",
            "training",
            "no account carries its customer's key, so nothing is known to be right",
            "Link some accounts by hand first, or use the committed model.",
        )
    return Model(
        match_share=MATCH_SHARE,
        weights=_weights(same, other),
        trained_on={"same": len(same), "other": len(other)},
        reviewed_by="",
        reviewed_on="",
    )


def _weights(same: Sequence[Pair], other: Sequence[Pair]) -> dict[tuple[str, str], Weight]:
    weights = {}
    for comparison in COMPARISONS:
        counted_same, counted_other = _counts(same, comparison), _counts(other, comparison)
        for level in comparison.levels:
            weight = _weight(level, counted_same, counted_other)
            if comparison.only_against:
                weight = Weight(weight.m, max(weight.m, weight.u))
            weights[comparison.name, level.value] = weight
    return weights


def _counts(pairs: Sequence[Pair], comparison: Comparison) -> Counter[str]:
    known = {level.value for level in comparison.levels}
    seen = (str(pair[comparison.column]) for pair in pairs)
    return Counter(value for value in seen if value in known)


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
    parser.add_argument("warehouse", nargs="+", type=Path, help="a built warehouse file")
    parser.add_argument("--out", type=Path, default=COMMITTED_MODEL, help="the model to write")
    asked = parser.parse_args(arguments)
    try:
        model = train(asked.warehouse)
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
