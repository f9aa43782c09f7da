"""Both systems' objects as assets: dagster-dlt runs the dlt sources, one system at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from orchestration.assets import columns
from orchestration.budget.gate import within_budget
from orchestration.budget.reading import budget_facts
from orchestration.resources import WAREHOUSE_POOL, SettingsResource
from pipelines import extract, warehouse
from pipelines.extract.objects import salesforce_objects
from pipelines.extract.quickbooks import quickbooks_source
from pipelines.extract.salesforce import salesforce_source
from pipelines.settings import Settings


class VendorWords(DagsterDltTranslator):
    """`raw_salesforce/opportunity`: the key that the dbt source of the same table has."""

    def __init__(self, dataset: str, vendor: str) -> None:
        super().__init__()
        self.dataset = dataset
        self.vendor = vendor

    def get_asset_spec(self, data: DltResourceTranslatorData) -> dg.AssetSpec:
        """Key, group and origin of one object."""
        name = data.resource.name
        return dg.AssetSpec(
            key=dg.AssetKey([self.dataset, name]),
            group_name="extract",
            deps=[dg.AssetKey([self.vendor, name])],
            kinds={"dlt", self.vendor},
            description=f"The {name.replace('_', ' ')} records of {VENDORS[self.vendor]}, "
            "as the vendor gave them, merged on their key.",
        )


SALESFORCE = VendorWords(warehouse.RAW_SALESFORCE, "salesforce")
QUICKBOOKS = VendorWords(warehouse.RAW_QUICKBOOKS, "quickbooks")


def vendor_objects(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetSpec]:
    """The vendors' own objects, where every path begins: one for each table that is read."""
    keys = {dep for asset in assets for deps in asset.asset_deps.values() for dep in deps}
    return [
        dg.AssetSpec(
            key,
            group_name="vendors",
            kinds={key.path[0]},
            description=f"The {key.path[-1].replace('_', ' ')} records where they are kept: in "
            f"{VENDORS[key.path[0]]}.",
        )
        for key in sorted(keys)
        if key.path[0] in VENDORS
    ]


def unread(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetSpec]:
    """Tables that the models know and the settings do not read: they stand empty."""
    read = {key for asset in assets for key in asset.keys}
    key = dg.AssetKey([SALESFORCE.dataset, "qbo_invoice__c"])
    told = dg.AssetSpec(
        key,
        group_name="extract",
        kinds={"salesforce"},
        description="The records that show invoices in Salesforce, where they are kept; empty "
        "where the settings do not ask for them.",
    )
    return [] if key in read else [told]


_COLUMNS = "dagster/column_schema"
VENDORS = {"salesforce": "Salesforce", "quickbooks": "QuickBooks Online"}

_JUDGED_BY = (
    (
        "extract_run",
        "What each run read, beside the vendor's own count; completeness is judged from it.",
    ),
    (
        "control_total",
        "Figures that the vendor was asked for, beside what is held; one that differs bars the "
        "verdict.",
    ),
)
# What was read, and the vendors' own figures: written after each source has run.
RUNS = [
    dg.AssetSpec(
        dg.AssetKey([words.dataset, name]),
        deps=[dg.AssetKey([words.dataset, table]) for table in tables],
        group_name="extract",
        kinds={"dlt"},
        description=description,
    )
    for words, tables in (
        (SALESFORCE, ("account", "opportunity", "opportunity_line_item")),
        (QUICKBOOKS, ("customer", "invoice", "payment", "deletion")),
    )
    for name, description in _JUDGED_BY
] + [
    dg.AssetSpec(
        dg.AssetKey([history, table]),
        deps=[dg.AssetKey([dataset, table])],
        group_name="extract",
        kinds={"dlt"},
        description="Every version of the records, with the time from and until which it was "
        "known; merges are told from it.",
    )
    for history, dataset, table in (
        ("history_salesforce", SALESFORCE.dataset, "account"),
        ("history_quickbooks", QUICKBOOKS.dataset, "invoice"),
    )
]


def extract_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of both systems. The sources given here are only looked at, never run."""

    @dlt_assets(
        dlt_source=salesforce_source(objects=salesforce_objects(settings)),
        dlt_pipeline=extract.pipeline(settings, "salesforce", warehouse.RAW_SALESFORCE),
        name="extract_salesforce",
        dagster_dlt_translator=SALESFORCE,
        pool=WAREHOUSE_POOL,
    )
    def from_salesforce(
        context: dg.AssetExecutionContext, dlt: DagsterDltResource, settings: SettingsResource
    ) -> Iterator[Any]:
        """Read what is new in the org."""
        yield from _run(context, dlt, settings.read(), 0, "Salesforce")

    @dlt_assets(
        dlt_source=quickbooks_source(),
        dlt_pipeline=extract.pipeline(settings, "quickbooks", warehouse.RAW_QUICKBOOKS),
        name="extract_quickbooks",
        dagster_dlt_translator=QUICKBOOKS,
        pool=WAREHOUSE_POOL,
    )
    def from_quickbooks(
        context: dg.AssetExecutionContext, dlt: DagsterDltResource, settings: SettingsResource
    ) -> Iterator[Any]:
        """Read what is new in every company."""
        yield from _run(context, dlt, settings.read(), 1, "QuickBooks")

    return [from_salesforce, from_quickbooks]


def _run(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    settings: Settings,
    number: int,
    system: str,
) -> Iterator[Any]:
    """Run one source; every asset tells the rows read, the calls made, the vendor's clock and what
    is left of the allowance. It takes one load, so that it is never long: what has to be read anew
    and does not fit, and what a backfill has begun, the next backfill goes on with. Raises
    `LimitExceeded` when the allowance does not suffice."""

    def load(source: Any, pipeline: Any) -> list[Any]:
        return list(
            dlt.run(
                context, dlt_source=source, dlt_pipeline=pipeline,
                loader_file_format=extract.FILE_FORMAT,
            )
        )  # fmt: skip

    with (
        within_budget(settings, progress=context.log.info, system=system) as meter,
        extract.undisturbed(settings.warehouse_path, is_giving_way=True),
    ):
        one = extract.sources(settings, context.log.info, record=meter, passing_by=True)[number]
        done = extract.read(one, load, extract.at_once)
    spent = budget_facts(meter, system)
    held = warehouse.row_counts(settings.warehouse_path, one.dataset)
    for walk in done.kept:
        context.log.info(
            f"{system}: not at its end: {walk.told}; the next backfill goes on with it"
        )
    for event in done.loads[-1]:
        table = event.asset_key.path[-1]
        told = [r for r in done.results if extract.table_name(r.object) == table]
        kept = [walk for walk in done.kept if extract.table_name(walk.object) == table]
        facts = read_facts(one.dataset, table, told, held.get(table), kept)
        yield dg.MaterializeResult(
            asset_key=event.asset_key,
            metadata={
                **of_dlt(event.metadata or {}, one.dataset, table),
                **facts,
                **spent,
                "loads": len(done.loads),
            },
        )


def of_dlt(metadata: Mapping[str, Any], dataset: str, table: str) -> dict[str, Any]:
    """What dlt tells that is about the table: its columns, with what they mean, its rows, when it
    was loaded. Where its files lie and what a destination is called is said once, not of every
    table."""
    kept = ("rows_loaded", "started_at", "finished_at")
    told = {k: v for k, v in metadata.items() if k in kept or k.startswith("dagster/")}
    schema = getattr(told.get(_COLUMNS), "schema", told.get(_COLUMNS))
    if isinstance(schema, dg.TableSchema):
        told[_COLUMNS] = columns.described(dataset, table, schema)
    return told


def read_facts(
    dataset: str,
    table: str,
    told: Sequence[extract.ExtractResult],
    held: int | None,
    kept: Sequence[extract.KeptWalk] = (),
) -> dict[str, Any]:
    """What to show of a table: what every org or company gave this time, what it now holds, and
    how far a walk has come that is not at its end."""
    facts: dict[str, Any] = {"dagster/table_name": f"{dataset}.{table}"}
    if held is not None:
        facts["dagster/row_count"] = held
    if told:
        facts |= {
            "mode": ", ".join(sorted({r.mode for r in told})),
            "rows_read": sum(r.rows for r in told),
            "calls": sum(r.calls for r in told),
            "vendor_time": min(r.server_time for r in told).isoformat(),
        }
    if kept:
        facts["not_at_its_end"] = "; ".join(f"{walk.source}, {walk.told}" for walk in kept)
    return facts
