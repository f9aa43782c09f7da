"""Checks on what is extracted (Great Expectations) and on what is planned: nothing is lost, and the
data are concluded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg

from orchestration import examining
from orchestration.examining import Examined
from orchestration.expected import EXPECTED
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import warehouse
from reverse_etl import cycle

EXPECTATIONS, COMPLETE = "expectations", "complete"
_DESCRIPTIONS = {
    EXPECTATIONS: "Keys are unique, needed columns filled, types and ranges kept (Great "
    "Expectations). What follows is computed from it, so a failure stops the run.",
    COMPLETE: "As many records were read, and are held, as the vendor counts. A difference does "
    "not stop the judging, which has to say so; it bars every write.",
}
# Reports of the vendor and the list of what is gone: nobody counts them.
_UNCOUNTED = {"aged_receivables", "transaction_list", "deletion"}


def extract_checks(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetChecksDefinition]:
    """One step for each system: its tables share one start of the library and one set of pages."""
    return [_of_system(schema, assets) for schema in sorted({e.schema for e in EXPECTED})]


def _of_system(schema: str, assets: Sequence[dg.AssetsDefinition]) -> dg.AssetChecksDefinition:
    read = [key for one in assets for key in sorted(one.keys) if key.path[0] == schema]
    looked_at = {dg.AssetKey([e.schema, e.table]) for e in EXPECTED if e.schema == schema}
    names = [(key, EXPECTATIONS) for key in read if key in looked_at]
    names += [(key, COMPLETE) for key in read if key.path[-1] not in _UNCOUNTED]

    @dg.multi_asset_check(
        name=f"examine_{schema.removeprefix('raw_')}",
        specs=[
            dg.AssetCheckSpec(
                name, asset=key, blocking=name == EXPECTATIONS, description=_DESCRIPTIONS[name]
            )
            for key, name in names
        ],
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def examine(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        current = settings.read()
        with warehouse.kept_open(current.warehouse_path):
            found = dict(_found(schema, current.warehouse_path))
        pages = examining.write_pages(current.data_dir / "checks", schema, found.values())
        for key, one in found.items():
            if key in context.selected_asset_check_keys:
                yield as_result(key, one, pages[one.name])

    return examine


def _found(schema: str, path: Path) -> Iterator[tuple[dg.AssetCheckKey, Examined]]:
    for expected in EXPECTED:
        if expected.schema == schema:
            key = dg.AssetCheckKey(dg.AssetKey([schema, expected.table]), EXPECTATIONS)
            yield key, examining.examine(expected, examining.rows(expected, path))
    counted = examining.completeness(schema, examining.counts(schema, path))
    for table, one in counted.items():
        yield dg.AssetCheckKey(dg.AssetKey([schema, table]), COMPLETE), one


def as_result(key: dg.AssetCheckKey, one: Examined, page: Path) -> dg.AssetCheckResult:
    """What Dagster shows of an examination, with the place of its page."""
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=one.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "rows": one.rows,
            "expectations": one.expectations,
            "not_met": _listed(one.broken),
            # No link: no browser follows one to a file from a page of the network.
            "page": dg.MetadataValue.path(page),
        },
    )


def _listed(lines: Sequence[str]) -> str | dg.MarkdownMetadataValue:
    """Sentences under each other; where there is none that is seen without a click."""
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines)) if lines else "none"


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
        metadata={
            "differences": len(found),
            "deals": ", ".join(r["deal_id"] for r in found[:20]) or "none",
        },
    )


@dg.asset_check(
    asset=dg.AssetKey(["plan", "plan"]),
    name="data_are_concluded",
    blocking=True,
    pool=WAREHOUSE_POOL,
    description="Both systems were read in whole and lately enough. While they were not, every "
    "write waits.",
)
def verdict(settings: SettingsResource) -> dg.AssetCheckResult:
    """Say why nothing may be written, source by source."""
    doubts = cycle.doubts(settings.read())
    return dg.AssetCheckResult(
        passed=not doubts, metadata={"doubts": len(doubts), "why": _listed(doubts)}
    )
