"""When a run may match only what has changed, and with which SQL and rules that is done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipelines import warehouse
from pipelines.matching import ScoreSummary, rematching, score
from pipelines.matching.model import COMMITTED_MODEL
from pipelines.settings import Settings
from pipelines.transform import Build, Node, compiled, rules_hash

# Of fewer records, matching everything takes no longer than finding out what has changed.
FEWEST_RECORDS = 2_000
# The models that a run leaves out when it matches alone.
LEFT_OUT = "tag:matched_alone"


def is_possible(settings: Settings, variables: Mapping[str, str]) -> bool:
    """Does the warehouse still hold the last matching of many records, by the same rules?"""
    path = settings.warehouse_path
    if "kept_records" not in warehouse.tables(path, warehouse.MATCHING):
        return False
    (kept,) = warehouse.read(path, "SELECT count(*) AS records FROM matching.kept_records")
    return int(kept["records"]) >= FEWEST_RECORDS and rematching.is_kept(
        path, _sql(settings, variables), _rules(settings, variables)
    )


def is_little(settings: Settings) -> bool:
    """Is what has changed since then little enough? Asked when the staging models are new."""
    return rematching.is_little(settings.warehouse_path)


def kept(settings: Settings, variables: Mapping[str, str]) -> Build:
    """The models that stay as they are until the scoring, as a build tells them."""
    names = rematching.sealed(_sql(settings, variables))
    return Build(tuple(
        Node(f"model.crossfoot.{name}", name, "model", "success", 0.0, 0, "matched alone")
        for name in names
    ))  # fmt: skip


def scored(
    settings: Settings, variables: Mapping[str, str], model: Path = COMMITTED_MODEL
) -> ScoreSummary:
    """Score what has changed since the last time, or everything, and note what that was."""
    path = settings.warehouse_path
    if is_possible(settings, variables):
        sql, rules = _sql(settings, variables), _rules(settings, variables)
        done = rematching.rematch(path, sql, rules, model)
        if done is not None:
            return done
    summary = score(path, model)
    (records,) = warehouse.read(
        path, "SELECT count(*) AS count FROM intermediate.int_customers__records"
    )
    if records["count"] >= FEWEST_RECORDS:
        sql, rules = _sql(settings, variables), _rules(settings, variables)
        rematching.keep(path, sql, rules, summary.model_version)
    return summary


def _sql(settings: Settings, variables: Mapping[str, str]) -> dict[str, str]:
    return compiled(settings.dbt_dir, settings.warehouse_path, rematching.MODELS, variables)


def _rules(settings: Settings, variables: Mapping[str, str]) -> str:
    told = [rules_hash(settings.dbt_dir), *(f"{n}={v}" for n, v in sorted(variables.items()))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
