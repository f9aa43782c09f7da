"""Checks on what is extracted (Great Expectations) and on what is planned (conservation)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import warehouse
from pipelines.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Expected:
    """What one raw table must be like, in the words of Great Expectations.

    `key` identifies a row; `filled` columns are never null; `at_least` gives least values.
    """

    schema: str
    table: str
    key: tuple[str, ...]
    filled: tuple[str, ...] = ()
    at_least: Mapping[str, int] | None = None

    @property
    def asset(self) -> dg.AssetKey:
        return dg.AssetKey([self.schema, self.table])

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.key, *self.filled, *(self.at_least or {}))))


_ORG = ("org_id", "id")
_COMPANY = ("company_id", "id")
EXPECTED = (
    Expected("raw_salesforce", "account", _ORG, ("name", "system_modstamp")),
    Expected(
        "raw_salesforce", "opportunity", _ORG, ("stage_name", "close_date", "system_modstamp")
    ),
    Expected(
        "raw_salesforce", "opportunity_line_item", _ORG, ("opportunity_id", "quantity"),
    ),
    Expected("raw_salesforce", "product2", _ORG, ("name",)),
    Expected("raw_quickbooks", "customer", _COMPANY, ("payload",), {"sync_token": 0}),
    Expected("raw_quickbooks", "item", _COMPANY, ("payload",), {"sync_token": 0}),
    Expected("raw_quickbooks", "invoice", _COMPANY, ("payload",), {"sync_token": 0}),
    Expected("raw_quickbooks", "payment", _COMPANY, ("payload",), {"sync_token": 0}),
)  # fmt: skip


def extract_checks() -> list[dg.AssetChecksDefinition]:
    """One blocking check per raw table: money depends on them, so a failure stops what follows."""
    return [_as_check(expected) for expected in EXPECTED]


def _as_check(expected: Expected) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=expected.asset,
        name="expectations",
        blocking=True,
        pool=WAREHOUSE_POOL,
        description="Keys are unique, needed columns filled, ranges kept (Great Expectations).",
    )
    def check(settings: SettingsResource) -> dg.AssetCheckResult:
        return examine(expected, rows(expected, settings.read()))

    return check


def rows(expected: Expected, settings: Settings) -> "pd.DataFrame":
    """The columns a check looks at, as text and integers; amounts stay in the warehouse."""
    import pandas as pd

    names = ", ".join(warehouse.identifier(name) for name in expected.columns)
    table = f"{warehouse.identifier(expected.schema)}.{warehouse.identifier(expected.table)}"
    found = warehouse.read(settings.warehouse_path, f"select {names} from {table}")  # noqa: S608
    return pd.DataFrame(found, columns=list(expected.columns))


def examine(expected: Expected, frame: "pd.DataFrame") -> dg.AssetCheckResult:
    """Validate one table; the result names each expectation that was not met."""
    outcome = _validated(expected, frame)
    broken = [_sentence(result) for result in outcome.results if not result.success]
    return dg.AssetCheckResult(
        passed=bool(outcome.success),
        metadata={
            "rows": len(frame),
            "expectations": len(outcome.results),
            "not_met": dg.MetadataValue.md("\n".join(f"- {b}" for b in broken) or "none"),
        },
    )


def _validated(expected: Expected, frame: "pd.DataFrame") -> Any:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("warehouse")
    whole = source.add_dataframe_asset(expected.table).add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(expected.table, _expectations(expected)))
    return whole.get_batch(batch_parameters={"dataframe": frame}).validate(suite)


def _expectations(expected: Expected) -> Sequence[Any]:
    from great_expectations import expectations as e

    return [
        e.ExpectCompoundColumnsToBeUnique(column_list=list(expected.key)),
        *(e.ExpectColumnValuesToNotBeNull(column=c) for c in (*expected.key, *expected.filled)),
        *(
            e.ExpectColumnValuesToBeBetween(column=c, min_value=least)
            for c, least in (expected.at_least or {}).items()
        ),
    ]


def _sentence(result: Any) -> str:
    config = result.expectation_config
    column = config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", []))
    return f"{config.type} ({column}): {result.result.get('unexpected_count', 0)} rows"


_LOST = """
    with billable as (
        select org_id, deal_id, basis_amount from intermediate.int_deals__billable
        where is_billable
    ),
    covered as (
        select
            org_id,
            deal_id,
            sum(invoiced_amount + to_be_invoiced_amount + blocked_amount + not_due_amount) as amount
        from reconciliation.deal_coverage
        group by all
    )
    select coalesce(billable.deal_id, covered.deal_id) as deal_id, basis_amount, amount
    from billable
    full outer join covered using (org_id, deal_id)
    where basis_amount is distinct from amount
"""


@dg.asset_check(
    asset=dg.AssetKey(["plan", "plan"]),
    name="nothing_is_lost",
    blocking=True,
    pool=WAREHOUSE_POOL,
    description="Billable deals = invoiced + to be invoiced + blocked + not yet due, deal by deal "
    "and to the cent.",
)
def conservation(settings: SettingsResource) -> dg.AssetCheckResult:
    """Compare both sides of the coverage; any difference bars the apply."""
    found = warehouse.read(settings.read().warehouse_path, _LOST)
    return dg.AssetCheckResult(
        passed=not found,
        metadata={"differences": len(found), "deals": ", ".join(r["deal_id"] for r in found[:20])},
    )
