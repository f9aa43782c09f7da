"""What holds secrets or the books is its owner's alone, whatever the umask says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_sample import write_marts

from orchestration.local_sandbox import write_private
from pipelines import warehouse
from pipelines.clients.tokens import TokenFile, Tokens
from pipelines.settings import Secret, load_settings
from reverse_etl.report import write_report
from reverse_etl.state import open_state
from reverse_etl.state_backup import backup

COLUMNS = {"n": "INTEGER"}


@pytest.fixture(params=[0o000, 0o022], ids=["nobody is kept out", "the usual one"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A place for new files under a umask that lets others read, or even write."""
    before = os.umask(request.param)
    try:
        yield tmp_path / "data"
    finally:
        os.umask(before)


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def open_files(folder: Path) -> dict[str, str]:
    """The folder is shut; its files that others could read if they were let in."""
    assert {mode(one) for one in (folder, *folder.rglob("*")) if one.is_dir()} == {"0o700"}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return {path.name: mode(path) for path in files if path.stat().st_mode & 0o077}


def test_the_state_and_its_backup(folder: Path) -> None:
    state = open_state(f"sqlite:///{folder / 'state.sqlite'}")
    backup(state, folder / "copy.sqlite")
    state.close()
    assert open_files(folder) == {}


def test_the_tokens(folder: Path) -> None:
    file = TokenFile(folder / "tokens" / "live" / "quickbooks-1.json")
    with file.locked():
        file.save(Tokens(Secret("r-canary")))
    assert open_files(folder).keys() <= {"quickbooks-1.json.lock"}


def test_the_way_to_the_sandbox(folder: Path) -> None:
    write_private(folder / "connection.json", '{"password": "canary"}')
    assert open_files(folder) == {}


def test_the_warehouse_and_its_published_copies(folder: Path) -> None:
    path, copy = folder / "warehouse.duckdb", folder / "published" / "crossfoot.duckdb"
    for number in (1, 2):
        warehouse.replace_table(path, "s", "t", COLUMNS, [{"n": number}])
        warehouse.publish(path, copy)
    assert open_files(folder)  # So that who opens the folder to others lets them read.


def test_the_reports(folder: Path, tmp_path: Path) -> None:
    published = write_marts(tmp_path / "published.duckdb")
    told = {"DATA_DIR": str(folder), "PUBLISHED_PATH": str(published)}
    write_report(load_settings({f"CROSSFOOT_{name}": value for name, value in told.items()}))
    assert open_files(folder)  # So that who opens the folder to others lets them read.


def test_a_folder_that_was_made_for_others_stays_open(folder: Path) -> None:
    folder.mkdir()
    before = mode(folder)
    warehouse.replace_table(folder / "deep" / "warehouse.duckdb", "s", "t", COLUMNS, [{"n": 1}])
    assert (mode(folder), mode(folder / "deep")) == (before, "0o700")
