"""The sample company, in a file and in a lake on PostgreSQL: every mart the same, row by row,
whether the lake's files lie in a folder or in an object store, and in a file whose models Spark
computed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import spark_cluster
from built_company import build_and_score
from catalogue_server import Catalogue
from marts import columns, require_the_same_rows
from object_store import ObjectStore
from raw_loader import World, load_world, read_seed

from orchestration import steps
from pipelines import warehouse
from pipelines.lake.address import lake_of
from pipelines.sandbox.company.__main__ import main as generate
from pipelines.settings import load_settings


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


def test_both_hold_the_same_marts_of_the_same_types(both: tuple[Path, Path]) -> None:
    file, lake = map(columns, both)
    assert len(file) > 30
    assert lake == file


def test_every_mart_is_the_same_row_by_row(both: tuple[Path, Path]) -> None:
    assert require_the_same_rows(*both) > 5_000


def test_spark_computes_the_same_marts_of_the_same_types(world: World, file: Path) -> None:
    """On two worker processes. The scores between both halves are DuckDB's, by the same frozen
    model; so are the tests of the data, which hold here too."""
    spark_cluster.require_java()
    folder = file.parents[1] / "spark"
    settings = load_settings(
        {"CROSSFOOT_DATA_DIR": str(folder), "CROSSFOOT_SPARK": spark_cluster.MASTER}
    )
    began = time.perf_counter()
    load_world(world, settings.warehouse_path)
    steps.prepare(settings)
    steps.score(settings)
    steps.judge(settings)
    print(f"\non Spark: {time.perf_counter() - began:.0f} s")
    assert columns(settings.warehouse_path) == columns(file)
    assert require_the_same_rows(file, settings.warehouse_path) > 5_000
    # Nothing of a build is left behind.
    assert settings.spark is not None and not [*settings.spark.folder.iterdir()]


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
