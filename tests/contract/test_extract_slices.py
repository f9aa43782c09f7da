"""A reading in several loads: killed anywhere, it goes on where the last whole load ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sliced_reading
from sliced_reading import Numbers, numbers_source, read_numbers

from pipelines import warehouse
from pipelines.errors import Incomplete

TOTAL = 95


def rows(folder: Path, sql: str) -> list[dict[str, Any]]:
    return warehouse.read(folder / "warehouse.duckdb", sql)


def pages(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pages.txt").read_text().split()]


def check_whole(folder: Path) -> None:
    found = rows(folder, "SELECT id, amount FROM raw_salesforce.number ORDER BY id")
    assert [(r["id"], r["amount"]) for r in found] == [(f"{n:06}", n) for n in range(TOTAL)]
    (run,) = rows(folder, "SELECT object, rows_read, rows_vendor FROM raw_salesforce.extract_run")
    assert run == {"object": "number", "rows_read": TOTAL, "rows_vendor": TOTAL}
    check_history(folder)


def check_history(folder: Path) -> None:
    """One version of each number, known since the load that brought it; the files say the same."""
    same = rows(
        folder,
        "SELECT count(*) AS n FROM history_salesforce.number AS past JOIN raw_salesforce.number"
        " AS now USING (org_id, id, amount) WHERE known_from = loaded_at AND known_to IS NULL",
    )
    versions = rows(folder, "SELECT count(*) AS n FROM history_salesforce.number")
    (file,) = (folder / "history" / "history_salesforce" / "number").iterdir()
    kept = rows(folder, f"SELECT count(*) AS n FROM read_parquet('{file}')")
    assert same == versions == kept == [{"n": TOTAL}]


def test_a_reading_comes_in_as_many_loads_as_it_says(tmp_path: Path) -> None:
    told: list[str] = []
    results = read_numbers(
        numbers_source(tmp_path, lambda: [Numbers(tmp_path, TOTAL)], told.append)
    )
    assert [r.rows for r in results] == [TOTAL]
    check_whole(tmp_path)
    assert pages(tmp_path) == list(range(0, TOTAL, 10))
    loads = rows(tmp_path, "SELECT rows_loaded FROM raw_salesforce.extract_load ORDER BY loaded_at")
    assert [r["rows_loaded"] for r in loads] == [30, 30, 30, 5]
    assert told == ["Salesforce: kept 30 rows (number: 30); more to come"] * 3


def test_killed_again_and_again_it_reads_nothing_twice_that_was_loaded(tmp_path: Path) -> None:
    """Killed with the second load made but not committed, with it committed but not written down,
    and between two loads; each process is a new one."""
    for point in ("before load 2", "after load 1", "after kept 1"):
        command = [sys.executable, sliced_reading.__file__, str(tmp_path), str(TOTAL), point]
        ended = subprocess.run(command, timeout=60, capture_output=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        assert rows(tmp_path, "SELECT count(*) AS n FROM raw_salesforce.number") != [{"n": TOTAL}]
        if "extract_run" in warehouse.tables(tmp_path / "warehouse.duckdb", "raw_salesforce"):
            assert rows(tmp_path, "SELECT * FROM raw_salesforce.extract_run") == []
    read_numbers(numbers_source(tmp_path, lambda: [Numbers(tmp_path, TOTAL)]))
    check_whole(tmp_path)
    # 30 to 59 came twice: the first time they were not committed.
    assert pages(tmp_path) == [0, 10, 20, 30, 40, 50, 30, 40, 50, 60, 70, 80, 90]


def test_rows_lost_on_the_way_make_the_run_red_and_the_next_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.pipeline.pipeline import Pipeline

    original = Pipeline.load
    loads = 0

    def losing(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal loads
        loads += 1
        told = original(self, *args, **options)
        if loads == 2:
            with warehouse.writer(tmp_path / "warehouse.duckdb") as connection:
                connection.execute("DELETE FROM raw_salesforce.number WHERE id = '000042'")
        return told

    one = numbers_source(tmp_path, lambda: [Numbers(tmp_path, TOTAL)])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", losing)
        with pytest.raises(Incomplete, match=r"number: 30 rows were read and 29 reached"):
            read_numbers(one)
    read_numbers(numbers_source(tmp_path, lambda: [Numbers(tmp_path, TOTAL)]))
    assert pages(tmp_path)[6:] == list(range(0, TOTAL, 10))
    found = rows(tmp_path, "SELECT count(*) AS n FROM raw_salesforce.number")
    assert found == [{"n": TOTAL}]


def test_a_row_that_was_written_twice_makes_the_run_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.pipeline.pipeline import Pipeline

    original = Pipeline.load

    def doubling(self: Any, *args: Any, **options: Any) -> Any:
        told = original(self, *args, **options)
        with warehouse.writer(tmp_path / "warehouse.duckdb") as connection:
            table = "raw_salesforce.number"
            connection.execute(f"INSERT INTO {table} FROM {table} WHERE id = '000002'")
        return told

    monkeypatch.setattr(Pipeline, "load", doubling)
    with pytest.raises(Incomplete, match=r"number: 5 rows were read and 6 reached"):
        read_numbers(numbers_source(tmp_path, lambda: [Numbers(tmp_path, 5)]))


def test_a_reading_that_never_ends_and_brings_nothing_is_told(tmp_path: Path) -> None:
    loads: list[str] = []

    class Lost(Numbers):
        def tables(self, state: dict[str, Any]) -> Any:
            loads.append("one more")
            assert len(loads) < 9, "it goes on for ever"
            self.unfinished = True
            yield from ()

    with pytest.raises(Incomplete, match="3 loads in a row brought no row"):
        read_numbers(numbers_source(tmp_path, lambda: [Lost(tmp_path, TOTAL)]))
