"""Whoever reads what is published reads the same from a lake as from a file."""

from __future__ import annotations

import pytest
from catalogue_server import Catalogue
from object_store import ObjectStore
from report_sample import write_marts

from pipelines import questions, warehouse
from pipelines.errors import Refused
from pipelines.settings import Settings, load_settings
from reverse_etl.report import write_report

ASKED = (
    "SELECT mismatch_id, currency_code, value_at_stake FROM reconciliation.mismatches ORDER BY ALL"
)
DELETED = "DELETE FROM reconciliation.mismatches"


@pytest.fixture(scope="module", params=["folder", "bucket"])
def both(
    request: pytest.FixtureRequest,
    catalogue: Catalogue,
    store: ObjectStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, Settings]:
    """One week in a file and in a lake, published by each."""
    folder = tmp_path_factory.mktemp("read")
    given = catalogue.settings(f"read_{request.param}", folder)
    given |= store.settings() if request.param == "bucket" else {}
    file, lake = load_settings({"CROSSFOOT_DATA_DIR": str(folder / "file")}), load_settings(given)
    for settings in (file, lake):
        write_marts(settings.warehouse_path)
        warehouse.publish(settings.warehouse_path, settings.published_path)
    return file, lake


def test_the_weekly_report_is_the_same_file_by_file(both: tuple[Settings, Settings]) -> None:
    file, lake = map(write_report, both)
    assert lake.page_hash == file.page_hash
    assert lake.workbook_hash == file.workbook_hash
    assert len(file.tables) == len(lake.tables) > 3
    for name, table in file.tables.items():
        assert lake.tables[name].read_bytes() == table.read_bytes()
    assert len(file.report.mismatches) > 1


def test_a_question_from_outside_gets_the_same_answer(both: tuple[Settings, Settings]) -> None:
    file, lake = (ask(one, ASKED) for one in both)
    assert len(file.rows) > 1
    assert lake == file


def test_a_question_opens_none_of_the_files_that_a_lake_lies_in(
    both: tuple[Settings, Settings], store: ObjectStore
) -> None:
    _, lake = both
    folder = lake.data_dir.parent / "files"
    files = [str(file) for file in folder.rglob("*.parquet")]
    files += [
        f"s3://{store.bucket}/{key}"
        for key in store.held()
        if key.startswith("warehouse/read_") and key.endswith(".parquet")
    ]
    assert files
    for asked in (f"FROM '{files[0]}'", f"FROM read_parquet('{files[0]}')", DELETED):
        with pytest.raises(Refused):
            ask(lake, asked)


def ask(settings: Settings, sql: str) -> questions.Found:
    return questions.ask(settings.published_path, sql, rows=50, seconds=60, personal=False)
