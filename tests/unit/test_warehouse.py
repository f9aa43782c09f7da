"""One file, one writer or many readers, and a published copy that is always whole."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from copy_readers import reading

from pipelines import warehouse
from pipelines.errors import DiskFull, StateCorrupt, Stop, WarehouseBusy

COLUMNS = {
    "name": "VARCHAR",
    "amount": "DECIMAL(18,2)",
    "on_day": "DATE",
    "at": "TIMESTAMPTZ",
    "flags": "VARCHAR[]",
    "good": "BOOLEAN",
}
ROW = {
    "name": 'O\'Hara "& Söhne"',
    "amount": Decimal("9999999999999999.99"),
    "on_day": date(2026, 2, 28),
    "at": datetime(2026, 11, 20, 17, 0, tzinfo=UTC),
    "flags": ["a", "b,c"],
    "good": True,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "warehouse.duckdb"


def hold(path: Path, read_only: bool) -> subprocess.Popen[bytes]:
    """Another process that keeps the file open until its stdin closes."""
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}, read_only={read_only});"
        "sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.read(1)
    return process


def release(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def test_rows_come_back_exactly(path: Path) -> None:
    assert warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [ROW, {"name": "x"}]) == 2
    full, bare = warehouse.read(path, "SELECT * FROM raw_state.thing ORDER BY amount")
    assert full == ROW
    assert [v for k, v in bare.items() if k != "name"] == [None] * 5


def test_replacing_is_all_or_nothing(path: Path) -> None:
    warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [ROW])
    with pytest.raises(Stop, match="Conversion"):
        warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [{"amount": "a lot"}])
    assert warehouse.read(path, "SELECT count(*) AS n FROM raw_state.thing") == [{"n": 1}]


def test_an_empty_table_still_has_its_columns(path: Path) -> None:
    warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [])
    assert warehouse.read(path, "SELECT * FROM raw_state.thing") == []
    assert warehouse.arrow(path, "SELECT * FROM raw_state.thing").column_names == list(COLUMNS)


def test_parameters_are_values_never_sql(path: Path) -> None:
    warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [ROW])
    sql = "SELECT name FROM raw_state.thing WHERE name = ?"
    assert warehouse.read(path, sql, ["' OR 1=1 --"]) == []
    assert warehouse.read(path, sql, [ROW["name"]]) == [{"name": ROW["name"]}]


@pytest.mark.parametrize("name", ['a"b', "a;drop", "A", "", "a b", "1a"])
def test_only_plain_names_and_types_reach_sql(path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain"):
        warehouse.replace_table(path, "raw_state", name, COLUMNS, [])
    with pytest.raises(ValueError, match="plain"):
        warehouse.replace_table(path, "raw_state", "thing", {"a": f"INT{name};x"}, [])


def test_a_failed_block_leaves_nothing(path: Path) -> None:
    with pytest.raises(RuntimeError), warehouse.writer(path) as connection:
        connection.execute("CREATE TABLE half (a INT)")
        raise RuntimeError("halfway")
    assert warehouse.tables(path, "main") == frozenset()


def test_reading_what_is_not_there_says_what_to_do(path: Path) -> None:
    with pytest.raises(Stop, match=r"no such file yet.*crossfoot sync"):
        warehouse.read(path, "SELECT 1")
    with pytest.raises(Stop, match="no such file yet"):
        warehouse.publish(path, path.with_name("copy.duckdb"))
    assert warehouse.tables(path, "sync") == frozenset()


def test_a_file_that_is_no_warehouse_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(StateCorrupt, match="cannot be read"):
        warehouse.read(path, "SELECT 1")
    with pytest.raises(StateCorrupt), warehouse.writer(path):
        pytest.fail("must not open")
    assert path.read_bytes() == b"something else" * 1000


@pytest.mark.parametrize("by_reader", [True, False])
def test_a_busy_file_names_its_holder(path: Path, by_reader: bool) -> None:
    warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [ROW])
    holder = hold(path, read_only=by_reader)
    try:
        with (
            pytest.raises(WarehouseBusy, match=f"process {holder.pid} "),
            warehouse.writer(path, wait_seconds=0.2),
        ):
            pytest.fail("must not open")
        if by_reader:
            assert warehouse.read(path, "SELECT 1 AS one", wait_seconds=0) == [{"one": 1}]
        else:
            with pytest.raises(WarehouseBusy, match="published copy"):
                warehouse.read(path, "SELECT 1", wait_seconds=0.2)
    finally:
        release(holder)
    assert warehouse.read(path, "SELECT 1 AS one") == [{"one": 1}]


def test_reading_beside_a_writer_of_the_same_process(path: Path) -> None:
    with warehouse.writer(path) as connection:
        connection.execute("CREATE TABLE seen (a INT)")
        assert warehouse.read(path, "SELECT 1 AS one") == [{"one": 1}]
    assert warehouse.tables(path, "main") == {"seen"}


def test_a_file_kept_open_is_ours_alone_until_the_end_of_the_block(path: Path) -> None:
    with warehouse.kept_open(path):
        warehouse.replace_table(path, "raw_state", "thing", COLUMNS, [ROW])
        assert warehouse.read(path, "SELECT name FROM raw_state.thing") == [{"name": ROW["name"]}]
        assert "lock" in told_to_another_process(path)
    assert told_to_another_process(path) == ""


def told_to_another_process(path: Path) -> str:
    """What another process meets that reads the file; nothing when it may."""
    code = f"import duckdb; duckdb.connect({str(path)!r}, read_only=True).sql('SELECT 1')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr


def test_the_published_copy_is_swapped_whole_and_the_last_one_kept(path: Path) -> None:
    target = path.parent / "published" / "crossfoot.duckdb"
    for amount in ("1.00", "2.00"):
        warehouse.replace_table(path, "sync", "thing", COLUMNS, [ROW | {"amount": amount}])
        assert warehouse.publish(path, target) == target
    sql = "SELECT amount FROM sync.thing"
    assert warehouse.read(target, sql) == [{"amount": Decimal("2.00")}]
    previous = target.with_name("crossfoot.duckdb.previous")
    assert warehouse.read(previous, sql) == [{"amount": Decimal("1.00")}]
    assert sorted(p.name for p in target.parent.iterdir()) == [target.name, previous.name]


def test_publishing_does_not_disturb_a_reader_of_the_copy(path: Path) -> None:
    target = path.parent / "copy.duckdb"
    warehouse.replace_table(path, "sync", "thing", COLUMNS, [ROW])
    warehouse.publish(path, target)
    holder = hold(target, read_only=True)
    try:
        warehouse.publish(path, target)
    finally:
        release(holder)
    assert warehouse.read(target, "SELECT count(*) AS n FROM sync.thing") == [{"n": 1}]


def test_readers_see_one_whole_copy_after_the_other_and_never_an_error(path: Path) -> None:
    """Three readers while seven copies are swapped in; each copy says the same in both its tables,
    and the file before the last one is kept."""
    target = path.with_name("copy.duckdb")

    def publish(number: int) -> None:
        with warehouse.writer(path) as connection:
            for table in ("one", "two"):
                connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {number} AS number")
        warehouse.publish(path, target)

    publish(0)
    with reading(target, "SELECT one.number, two.number FROM one, two", 3) as seen:
        for number in range(1, 8):
            publish(number)
            time.sleep(0.1)
    assert len(seen) == 3
    for one in seen:
        assert one.errors == [] and one.torn == 0 and len(one.took) > 3
        assert one.answers == [
            answer for n in range(8) if (answer := f"[({n}, {n})]") in one.answers
        ]
    assert warehouse.read(target, "SELECT number FROM one") == [{"number": 7}]
    previous = target.with_name("copy.duckdb.previous")
    assert warehouse.read(previous, "SELECT number FROM two") == [{"number": 6}]


def test_a_full_disk_leaves_the_old_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = path.parent / "copy.duckdb"
    warehouse.replace_table(path, "sync", "thing", COLUMNS, [ROW])
    warehouse.publish(path, target)
    before = target.read_bytes()

    def no_room(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warehouse.shutil, "copyfile", no_room)
    with pytest.raises(DiskFull, match="no room left"):
        warehouse.publish(path, target)
    assert target.read_bytes() == before
    assert not target.with_name("copy.duckdb.new").exists()


def test_the_rows_of_every_table_of_a_schema_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with warehouse.writer(path) as connection:
        connection.execute("CREATE SCHEMA raw_x")
        connection.execute("CREATE TABLE raw_x.full_one AS SELECT * FROM range(7)")
        connection.execute("DELETE FROM raw_x.full_one WHERE range = 3")
        connection.execute("CREATE TABLE raw_x.empty_one (a INTEGER)")
    assert warehouse.row_counts(path, "raw_x") == {"full_one": 6, "empty_one": 0}
    assert warehouse.row_counts(path, "raw_y") == {}
