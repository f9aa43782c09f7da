"""The Salesforce source through dlt into DuckDB: bulk rows, deletions, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from both_systems import ORG, World, running_world, write_seed
from org_shelf import AT_ONCE
from salesforce_org import BOREAL, RECORDS, row

from pipelines import warehouse
from pipelines.extract import run as running
from pipelines.extract import salesforce_preparing, systems
from pipelines.extract.alone import undisturbed
from pipelines.extract.results import ExtractResult
from pipelines.extract.salesforce import SalesforceReading
from pipelines.sandbox.salesforce import bulk_query
from pipelines.sandbox.store import Write

MANY = [row(f"01tHs00000{n + 100:05}IAA", Name=f"Part {n}", IsActive=True) for n in range(23)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    seed = write_seed(tmp_path / "seed", salesforce={"Product2": [*RECORDS["Product2"], *MANY]})
    with running_world(seed, tmp_path / "data") as served:
        yield served


def extract(world: World, **given: Any) -> dict[str, ExtractResult]:
    """What a run does for the org, slice by slice."""
    path = world.settings.warehouse_path
    one = next(s for s in systems.sources(world.settings) if s.name == "Salesforce")
    held = systems.held_in(path, ORG)

    def begin(_: bool) -> list[SalesforceReading]:
        return [SalesforceReading(world.salesforce(), held=held, polling=AT_ONCE, **given)]

    with undisturbed(path):
        done = running.read(
            running.Source(one.name, path, one.dataset, begin, one.as_source, one.make_pipeline),
            running.by_dlt,
        )
    return {result.object: result for result in done.results}


def read(world: World, sql: str) -> list[dict[str, Any]]:
    return warehouse.read(world.settings.warehouse_path, sql)


def test_bulk_rows_in_slices_are_typed_and_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        salesforce_preparing, "transport", lambda rows: "Bulk" if rows > 5 else "REST"
    )
    monkeypatch.setattr(bulk_query, "PAGE", 10)
    results = extract(world, slice_rows=15)
    assert (results["Product2"].rows, results["Product2"].transport) == (25, "Bulk")
    (told,) = read(
        world,
        "SELECT count(*) AS rows, count(DISTINCT id) AS ids, count(stock_keeping_unit) AS skus, "
        "min(typeof(system_modstamp)) AS stamp FROM raw_salesforce.product2",
    )
    assert told == {"rows": 25, "ids": 25, "skus": 0, "stamp": "TIMESTAMP WITH TIME ZONE"}


def test_the_way_that_rows_came_is_recorded_in_an_older_warehouse_too(world: World) -> None:
    extract(world)
    with warehouse.writer(world.settings.warehouse_path) as connection:
        connection.execute("ALTER TABLE raw_salesforce.extract_run DROP COLUMN transport")
    extract(world)
    told = read(world, "SELECT transport, count(*) AS n FROM raw_salesforce.extract_run GROUP BY 1")
    assert {row["transport"]: row["n"] for row in told} == {None: 18, "REST": 18}


def test_what_is_proved_gone_is_a_row_that_goes_when_the_record_is_back(world: World) -> None:
    extract(world)
    assert read(world, "SELECT * FROM raw_salesforce.deletion") == []
    store = world.sandbox.kernel.store
    account = dict(store.table(ORG, "Account").get(BOREAL) or {})
    store.commit([Write(ORG, "Account", BOREAL, None)])
    extract(world, sweep=True)
    (gone,) = read(world, "SELECT * FROM raw_salesforce.deletion")
    assert (gone["org_id"], gone["object"], gone["id"], gone["proof"]) == (
        ORG, "Account", BOREAL, "sweep",
    )  # fmt: skip
    assert gone["deleted_at"].year == 2026
    assert read(world, f"SELECT id FROM raw_salesforce.account WHERE id = '{BOREAL}'")
    store.commit([Write(ORG, "Account", BOREAL, account)])
    results = extract(world, sweep=True)
    assert results["Account"].rows == 1  # its stamp has not moved, the sweep has met it
    assert read(world, "SELECT * FROM raw_salesforce.deletion") == []
