"""The scoring as an asset, between the two halves of the warehouse."""

from typing import Any

import dagster as dg

from orchestration import steps
from orchestration.resources import WAREHOUSE_POOL, SettingsResource

PAIRS = [
    dg.AssetKey(["intermediate", "int_customers__candidates"]),
    dg.AssetKey(["intermediate", "int_accounts__normalised"]),
    dg.AssetKey(["intermediate", "int_customers__normalised"]),
]


@dg.asset(
    key=["matching", "customer_scores"],
    deps=PAIRS,
    group_name="matching",
    kinds={"splink"},
    pool=WAREHOUSE_POOL,
    description="How likely each candidate pair of account and customer is one company, with the "
    "evidence. The decision is taken in SQL, in matched_customers.",
)
def customer_scores(settings: SettingsResource) -> dg.MaterializeResult[Any]:
    """Score the candidate pairs with the reviewed model."""
    done = steps.score(settings.read())
    return dg.MaterializeResult(
        metadata={
            "pairs": done.pairs,
            "scored": done.scored,
            "kept": done.pairs - done.scored,
            "model": done.model_version,
        },
    )
