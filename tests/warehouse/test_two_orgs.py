"""A second org with the same record ids, as a sandbox copied from production has them: what is
judged and would be written is what it would be without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worlds import ORG, PROJECT, US, Builder, read, sold

from pipelines import transform, warehouse

COPY = "00D000000000002AAA"
MARTS = ("matched", "reconciliation", "sync")


def company() -> Builder:
    """Deals that are billed by mark, by custom field and not at all, and one customer of ours."""
    made = Builder()
    account, customer = made.known("Acme")
    marked = made.deal(account, [sold("100.00")])
    made.invoice(customer, "100.00", note=f"Crossfoot {marked}/1/g1")
    named = made.deal(account, [sold("250.00")])
    made.invoice(customer, "250.00", deal=named)
    made.deal(account, [sold("75.00")])
    made.deal(made.account("Borealis"), [sold("40.00", "P2")])
    ours = made.account("Cascade")
    made.wrote("customers", ours, made.customer("Cascade"))
    made.deal(ours, [sold("60.00")])
    made.decide(named, made.invoice(customer, "250.00"), "rejected")
    return made


OF_EVERY_SOURCE = (
    "data_verdict",
    "extract_completeness",
    "extract_control_totals",
    "vendor_records",
)


def copied(path: Path) -> None:
    """Every record of the org once more under another org's id, with other names and amounts."""
    with warehouse.writer(path) as connection:
        for name in sorted(warehouse.tables(path, "raw_salesforce")):
            key = "source_id" if name in ("extract_run", "control_total") else "org_id"
            table = f"raw_salesforce.{warehouse.identifier(name)}"
            connection.execute(
                f"INSERT INTO {table} SELECT * REPLACE ('{COPY}' AS {key}) FROM {table}"
            )
        connection.execute(
            f"UPDATE raw_salesforce.opportunity SET name = 'Copy', amount = 9999 "
            f"WHERE org_id = '{COPY}'"
        )


def built(path: Path, exclude: tuple[str, ...], variables: dict[str, str] | None = None) -> None:
    done = transform.build(PROJECT, path, exclude=exclude, variables=variables)
    transform.require_passed(done)


def marts(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every mart, but for those that speak of every source that is read."""
    names = [
        f"{schema}.{name}"
        for schema in MARTS
        for name in sorted(warehouse.tables(path, schema))
        if name not in OF_EVERY_SOURCE
    ]
    return {name: read(path, f"SELECT * FROM {name} ORDER BY ALL") for name in names}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from raw_loader import load_world

    made = tmp_path_factory.mktemp("two_orgs") / "warehouse.duckdb"
    load_world(company().world(), made)
    yield made


def test_a_copy_changes_nothing_of_what_is_judged_and_written(path: Path) -> None:
    built(path, ("test_type:unit", "test_type:data"))
    alone = marts(path)
    assert alone["sync.sync_invoices"], "the company has deals to be billed"
    copied(path)
    built(path, ("test_type:unit",), {"judged_org_id": ORG})
    beside = marts(path)
    assert beside.keys() == alone.keys()
    assert {name for name in alone if beside[name] != alone[name]} == set()
    both = read(path, "SELECT DISTINCT org_id FROM staging.stg_salesforce__opportunities")
    assert {row["org_id"] for row in both} == {ORG, COPY}
    assert US in {row["company_id"] for row in beside["sync.sync_invoices"]}
