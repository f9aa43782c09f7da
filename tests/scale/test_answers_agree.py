"""The sample company, in a file and in a lake on PostgreSQL: every mart the same, row by row,
whether the lake's files lie in a folder or in an object store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from built_company import build_and_score
from catalogue_server import Catalogue
from object_store import ObjectStore
from raw_loader import World, read_seed

from pipelines import warehouse
from pipelines.lake.address import lake_of
from pipelines.sandbox.company.__main__ import main as generate
from pipelines.settings import load_settings

MARTS = (warehouse.MATCHED, warehouse.RECONCILIATION, warehouse.SYNC)
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("seed")
    generate(["--folder", str(folder / "seed"), "--answer-key", str(folder / "key.json")])
    return read_seed(folder / "seed")


@pytest.fixture(scope="module")
def file(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company in a file."""
    return _built(world, {"CROSSFOOT_DATA_DIR": str(tmp_path_factory.mktemp("file") / "file")})


@pytest.fixture(scope="module", params=["folder", "bucket"])
def lake(
    request: pytest.FixtureRequest,
    catalogue: Catalogue,
    store: ObjectStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The settings of a lake."""
    given = catalogue.settings(f"in_a_{request.param}", tmp_path_factory.mktemp("lake"))
    return given | (store.settings() if request.param == "bucket" else {})


@pytest.fixture(scope="module")
def both(world: World, file: Path, lake: dict[str, str], store: ObjectStore) -> tuple[Path, Path]:
    """The file, and the lake as it was published."""
    published = _built(world, lake)
    if "CROSSFOOT_WAREHOUSE_S3_ENDPOINT" in lake:
        assert any(key.startswith("warehouse/in_a_bucket/") for key in store.held())
    return file, published


def _built(world: World, given: dict[str, str]) -> Path:
    settings = load_settings(given)
    began, used = time.perf_counter(), time.process_time()
    build_and_score(world, settings.warehouse_path)
    path = settings.warehouse_path
    if lake_of(path):
        path = warehouse.publish(path, settings.published_path)
    print(
        f"\n{settings.warehouse_path.suffix}: {time.perf_counter() - began:.0f} s,"
        f" {time.process_time() - used:.0f} s of processor time"
    )
    return path


def _columns(path: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in warehouse.read(
        path,
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
        " WHERE list_contains(?, table_schema) ORDER BY ALL",
        [list(MARTS)],
    ):
        table = (row["table_schema"], row["table_name"])
        found.setdefault(table, []).append((row["column_name"], row["data_type"]))
    return found


def _rows(connection: warehouse.Connection, table: tuple[str, str]) -> Rows:
    """All rows in one order, every value as it is: decimals with all their digits."""
    return sorted(connection.execute(f'FROM {table[0]}."{table[1]}"').fetchall(), key=repr)


def test_both_hold_the_same_marts_of_the_same_types(both: tuple[Path, Path]) -> None:
    file, lake = map(_columns, both)
    assert len(file) > 30
    assert lake == file


def test_every_mart_is_the_same_row_by_row(both: tuple[Path, Path]) -> None:
    tables, rows, differing = _columns(both[0]), 0, []
    with warehouse.reader(both[0]) as file, warehouse.reader(both[1]) as lake:
        for table in tables:
            here, there = _rows(file, table), _rows(lake, table)
            rows += len(here)
            if here != there:
                pairs = zip([*here, None], [*there, None], strict=False)
                first = next((a, b) for a, b in pairs if a != b)
                told = f"{len(here)} and {len(there)} rows; first {first}"
                differing.append(f"{'.'.join(table)}: {told}")
    assert not differing, "\n".join(differing)
    assert rows > 5_000
    print(f"\n{rows} rows of {len(tables)} marts are the same")


def test_money_adds_up_to_the_cent_in_both(both: tuple[Path, Path]) -> None:
    asked = (
        "SELECT currency_code, count(*) AS deals, sum(value_at_stake) AS amount"
        " FROM reconciliation.mismatches GROUP BY ALL ORDER BY ALL"
    )
    file, lake = (warehouse.read(path, asked) for path in both)
    assert file and lake == file


def test_who_reads_what_is_published_sees_nothing_that_came_after(
    both: tuple[Path, Path], lake: dict[str, str]
) -> None:
    published = both[1]
    before = warehouse.read(published, "SELECT count(*) AS n FROM reconciliation.mismatches")
    settings = load_settings(lake)
    with warehouse.writer(settings.warehouse_path) as connection:
        connection.execute("DELETE FROM reconciliation.mismatches")
    assert before == warehouse.read(
        published, "SELECT count(*) AS n FROM reconciliation.mismatches"
    )
    assert before[0]["n"] > 100
    now = warehouse.read(
        settings.warehouse_path, "SELECT count(*) AS n FROM reconciliation.mismatches"
    )
    assert now == [{"n": 0}]
