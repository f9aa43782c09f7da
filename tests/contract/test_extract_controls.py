"""The vendor's own figures against the warehouse: a loss is seen, work going on is not one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from sliced_reading import PAGE, SCHEMA, Numbers, numbers_source, read_numbers

from pipelines import warehouse
from pipelines.extract import controls
from pipelines.extract.results import ControlTotal
from pipelines.extract.systems import Source

TOTAL = 25
BEGAN = datetime(2026, 11, 20, 17, tzinfo=UTC)
CREATED = SCHEMA.append(pa.field("CreatedDate", pa.timestamp("us", tz="UTC")))


class Counted(Numbers):
    """Numbers whose vendor counts them once all are read; `alive` says how many it counts then."""

    asked = 0

    def __init__(self, folder: Path, total: int, alive: Callable[[], int]) -> None:
        super().__init__(folder, total)
        self._alive = alive

    def tables(self, state: dict[str, Any]) -> Iterator[pa.Table]:
        for table in super().tables(state):
            start = int(table["Id"][0].as_py())
            times = [BEGAN + timedelta(minutes=start + i) for i in range(table.num_rows)]
            yield table.append_column(CREATED.field("CreatedDate"), pa.array(times))
        Counted.asked += 1
        at = BEGAN + timedelta(hours=1)
        count = Decimal(self._alive())
        self.controls.append(
            ControlTotal("salesforce", "org", "Number", "rows", count, None, None, at)
        )


def written(folder: Path) -> list[dict[str, Any]]:
    return warehouse.read(
        folder / "warehouse.duckdb",
        "SELECT object, measure, vendor_value, held_value, agrees"
        " FROM raw_salesforce.control_total ORDER BY ALL",
    )


def row(vendor: int, held: int) -> dict[str, Any]:
    return {
        "object": "number",
        "measure": "rows",
        "vendor_value": vendor,
        "held_value": held,
        "agrees": vendor == held,
    }


@pytest.fixture(autouse=True)
def nobody_asked() -> None:
    Counted.asked = 0


def test_a_figure_that_agrees_is_asked_once(tmp_path: Path) -> None:
    read_numbers(numbers_source(tmp_path, lambda: [Counted(tmp_path, TOTAL, lambda: TOTAL)]))
    assert written(tmp_path) == [row(TOTAL, TOTAL)]
    assert Counted.asked == 1


def test_a_record_made_while_it_was_counted_is_no_loss(tmp_path: Path) -> None:
    """The count was asked a second after the rows were read; when it is asked again, more have
    come. What the first answer said is what was alive then."""
    totals = iter([TOTAL, 95])

    def begin() -> list[Counted]:
        total = next(totals)
        return [Counted(tmp_path, total, lambda: 61 if total == TOTAL else 99)]

    told: list[str] = []
    read_numbers(numbers_source(tmp_path, begin, told.append))
    assert "Salesforce: Number: 25 held of 61 (rows); asking again" in told
    assert written(tmp_path) == [row(61, 61)]


def test_a_record_that_is_missing_is_written_down_after_three_readings(tmp_path: Path) -> None:
    read_numbers(numbers_source(tmp_path, lambda: [Counted(tmp_path, TOTAL, lambda: TOTAL + 1)]))
    assert written(tmp_path) == [row(TOTAL + 1, TOTAL)]
    assert Counted.asked == 3
    assert (tmp_path / "pages.txt").read_text().split() == ["0", str(PAGE), str(2 * PAGE)]


def test_figures_that_a_killed_run_left_out_are_asked_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was loaded, and so the sources take the day's round for done."""
    owed: list[bool] = []

    def begin(is_round_owed: bool) -> list[Counted]:
        owed.append(is_round_owed)
        return [Counted(tmp_path, TOTAL, lambda: TOTAL)]

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    one = replace(numbers_source(tmp_path, list), begin=begin)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(controls, "write", killed)
        read_numbers(one)
    read_numbers(one)
    read_numbers(one)
    assert owed == [False, True, False]


def test_a_figure_that_differs_is_asked_for_again_and_not_left_to_the_next_day(
    tmp_path: Path,
) -> None:
    owed: list[bool] = []

    def begin(is_round_owed: bool) -> list[Counted]:
        owed.append(is_round_owed)
        return [Counted(tmp_path, TOTAL, lambda: TOTAL + 1)]

    read_numbers(replace(numbers_source(tmp_path, list), begin=begin))
    assert owed == [False, True, True]


@pytest.fixture
def held() -> Iterator[tuple[Any, Source]]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA raw_quickbooks")
    connection.execute(
        "CREATE TABLE raw_quickbooks.invoice AS SELECT 'us' AS company_id, id::VARCHAR AS id,"
        " payload, created_at::TIMESTAMPTZ AS created_at, created_at::TIMESTAMPTZ AS"
        " last_updated_at FROM (VALUES"
        """ (1, '{"TotalAmt": 10.10, "CurrencyRef": {"value": "USD"}}', '2026-11-20 10:00+00'),"""
        """ (2, '{"TotalAmt": 20.20, "CurrencyRef": {"value": "USD"}}', '2026-11-20 10:00+00'),"""
        """ (3, '{"TotalAmt": 40.40, "CurrencyRef": {"value": "EUR"}}', '2026-11-20 10:00+00'))"""
        " AS v (id, payload, created_at)"
    )
    connection.execute(
        "CREATE TABLE raw_quickbooks.deletion AS SELECT 'us' AS company_id, 'Invoice' AS entity,"
        " '2' AS id, TIMESTAMPTZ '2026-11-20 12:00+00' AS deleted_at"
    )
    one: Any = SimpleNamespace(dataset="raw_quickbooks")
    yield connection, one
    connection.close()


def total(measure: str, vendor: str, currency: str | None = None, hour: int = 13) -> ControlTotal:
    at = datetime(2026, 11, 20, hour, tzinfo=UTC)
    value = Decimal(vendor)
    return ControlTotal("quickbooks", "us", "Invoice", measure, value, None, currency, at)


def test_what_is_held_leaves_out_the_deleted_and_adds_up_by_currency(
    held: tuple[Any, Source],
) -> None:
    asked = [
        total("rows", "2"),
        total("sum of TotalAmt", "10.1", "USD"),
        total("sum of TotalAmt", "40.4", "EUR"),
        total("sum of TotalAmt", "0", "GBP"),
        total("aged receivables", "5"),
    ]
    found = controls.compared(*held, asked)
    assert [t.held for t in found] == [2, Decimal("10.10"), Decimal("40.40"), 0, None]
    assert [controls.agrees(t) for t in found] == [True, True, True, True, None]
    other = controls.compared(*held, [total("sum of TotalAmt", "10.11", "USD")])
    assert controls.differing(other) == other


def test_a_record_that_was_changed_after_its_deletion_is_held(held: tuple[Any, Source]) -> None:
    held[0].execute(
        "UPDATE raw_quickbooks.invoice SET last_updated_at = '2026-11-20 12:01+00' WHERE id = '2'"
    )
    asked = [total("rows", "3"), total("sum of TotalAmt", "30.3", "USD")]
    assert [controls.agrees(t) for t in controls.compared(*held, asked)] == [True, True]


@pytest.mark.parametrize(
    ("hour", "vendor", "agrees"),
    [(13, "2", True), (13, "3", False), (11, "3", True), (11, "4", False), (9, "0", True)],
)
def test_a_count_is_held_against_what_was_alive_when_it_was_asked(
    held: tuple[Any, Source], hour: int, vendor: str, agrees: bool
) -> None:
    (found,) = controls.compared(*held, [total("rows", vendor, hour=hour)])
    assert controls.agrees(controls.explained(*held, found)) is agrees


def test_of_two_answers_the_one_that_agrees_counts() -> None:
    from dataclasses import replace

    red = replace(total("rows", "3"), held=Decimal(2))
    green = replace(total("rows", "2"), held=Decimal(2))
    assert controls.latest([red, green]) == controls.latest([green, red]) == [green]
    later = replace(red, held=Decimal(1))
    assert controls.latest([red, later]) == [later]
