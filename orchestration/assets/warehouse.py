"""The dbt models as assets: built in this process, in two parts around the scoring."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from orchestration import steps
from orchestration.assets.previews import MARTS, Table, previews
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import warehouse
from pipelines.settings import Settings
from pipelines.transform import Build, Node, require_passed

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult

# The folder of a model (below models/) to the group it is shown in.
GROUPS = {
    "staging": "staging",
    "matched": "matching",
    "reconciliation": "reconciliation",
    "sync": "sync",
    "accounts": "matching",
    "customers": "matching",
    "names": "matching",
    "products": "matching",
    "review": "matching",
    "decisions": "matching",
    "clock": "staging",
    "deals": "billing",
    "billing": "billing",
    "invoices": "billing",
    "estimates": "billing",
    "overdue": "billing",
    "writes": "sync",
}


class HouseWords(DagsterDbtTranslator):
    """Asset keys and groups in the words of the house: schema/name, grouped by room."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`reconciliation/mismatches`, and for a source `raw_salesforce/opportunity`."""
        schema = dbt_resource_props.get("schema") or "seeds"
        return dg.AssetKey([schema, dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The room a model belongs to; seeds are rules people keep."""
        if dbt_resource_props["resource_type"] == "seed":
            return "rules"
        folders = dbt_resource_props.get("fqn", [])[1:-1]
        named = [GROUPS[f] for f in folders if f in GROUPS]
        return named[-1] if named else folders[-1] if folders else None

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """The check with what it holds the model to, in words."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        words = told_check(manifest["nodes"][unique_id])
        return spec and dg.AssetCheckSpec(
            spec.name,
            asset=spec.key.asset_key,
            description=words,
            additional_deps=spec.additional_deps,
            blocking=spec.blocking,
            metadata=spec.metadata,
        )


def told_check(test: Mapping[str, Any]) -> str:
    """What a dbt test demands, in a sentence: of its own description, or of its kind."""
    generic = test.get("test_metadata")
    if not generic:
        return str(test.get("description") or first_comment(test["raw_code"]))
    column = generic["kwargs"].get("column_name", "")
    values = ", ".join(map(str, generic["kwargs"].get("values", ())))
    return {
        "not_null": f"Every row has a {column}.",
        "unique": f"No {column} occurs twice.",
        "accepted_values": f"{column} is one of: {values}.",
        "relationships": f"Every {column} is in the list of them.",
    }[generic["name"]]


def first_comment(sql: str) -> str:
    """The comment that a test of our own begins with."""
    lines = takewhile(lambda line: line.startswith("--"), sql.strip().splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


WORDS = HouseWords(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))


def warehouse_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """Two groups of models, before and after the scoring, from the parsed project."""
    manifest = json.loads(manifest_path.read_text())

    @dbt_assets(
        manifest=manifest,
        select=steps.BEFORE_SCORES,
        name="prepare",
        dagster_dbt_translator=WORDS,
        pool=WAREHOUSE_POOL,
    )
    def prepare(context: dg.AssetExecutionContext, settings: SettingsResource) -> Iterator[Event]:
        """What the scoring reads: normalised names and candidate pairs."""
        current = settings.read()
        yield from _events(
            context, manifest, steps.prepare(current, raising=False, only=_only(context)), current
        )

    @dbt_assets(
        manifest=manifest,
        exclude=steps.BEFORE_SCORES,
        name="judge",
        dagster_dbt_translator=WORDS,
        pool=WAREHOUSE_POOL,
    )
    def judge(context: dg.AssetExecutionContext, settings: SettingsResource) -> Iterator[Event]:
        """Links, billing, reconciliation and the intended writes."""
        current = settings.read()
        yield from _events(
            context, manifest, steps.judge(current, raising=False, only=_only(context)), current
        )

    return [prepare, judge]


def _only(context: dg.AssetExecutionContext) -> list[str]:
    """The models that a run of a part has chosen; none named means all."""
    chosen = context.selected_asset_keys if context.is_subset else ()
    return sorted(key.path[-1] for key in chosen)


def _events(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], result: Build, current: Settings
) -> Iterator[Event]:
    """Every built node as Dagster's event; a failed node fails the step after all are told."""
    chosen = context.selected_asset_keys
    facts = _facts(current, chosen)
    checks = {key.name: key for key in context.selected_asset_check_keys}
    for node in result.nodes:
        if node.kind in ("model", "seed") and node.passed:
            event = _materialised(manifest, node, facts)
            if event.asset_key in chosen:
                yield event
        elif node.kind == "test" and node.name in checks:
            yield _checked(checks[node.name], node)
    require_passed(result)


def _materialised(
    manifest: Mapping[str, Any], node: Node, facts: Mapping[Table, Mapping[str, Any]]
) -> dg.MaterializeResult[Any]:
    key = WORDS.get_asset_spec(manifest, node.unique_id, None).key
    told = facts.get((key.path[0], key.path[-1]), {})
    return dg.MaterializeResult(asset_key=key, metadata={"seconds": round(node.seconds, 3), **told})


def _checked(key: dg.AssetCheckKey, node: Node) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=node.passed,
        metadata={"rows_found": node.failures, "message": node.message or "none found"},
    )


def _facts(current: Settings, chosen: Iterable[dg.AssetKey]) -> dict[Table, dict[str, Any]]:
    """Of each table how many rows it holds, and of a mart that was chosen its first ones."""
    marts = [(k.path[0], k.path[-1]) for k in chosen if k.path[0] in MARTS]
    with warehouse.kept_open(current.warehouse_path):
        found = warehouse.read(
            current.warehouse_path,
            "select schema_name, table_name, estimated_size from duckdb_tables()",
        )
        first = previews(current.warehouse_path, marts)
    facts: dict[Table, dict[str, Any]] = {
        (r["schema_name"], r["table_name"]): {"dagster/row_count": r["estimated_size"]}
        for r in found
    }
    for table, preview in first.items():
        facts.setdefault(table, {})["preview"] = preview
    return facts
