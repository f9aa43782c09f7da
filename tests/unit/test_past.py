"""A warehouse as it was known: records, words and runs of that moment and nothing later."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import past, warehouse
from pipelines.past import Moment


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


def stamp(day: int | None) -> str:
    return f"timestamptz '2026-11-{day:02} 12:00+00'" if day else "null"


STATEMENTS = (
    "create schema raw_salesforce", "create schema raw_quickbooks", "create schema raw_state",
    "create schema history_salesforce", "create schema history_quickbooks",
    "create table raw_salesforce.opportunity (id varchar)",
    "create table history_salesforce.opportunity (id varchar, close_date date, amount "
    "decimal(18, 2), known_from timestamptz, known_to timestamptz)",
    "insert into history_salesforce.opportunity values "
    f"('a', '2026-11-02', 10, {stamp(2)}, {stamp(9)}), ('a', '2026-11-02', 11, {stamp(9)}, null), "
    f"('b', '2026-11-20', 20, {stamp(3)}, {stamp(12)}), ('c', null, 30, {stamp(12)}, null)",
    "create table raw_quickbooks.invoice (id varchar)",
    "create table history_quickbooks.invoice (id varchar, payload varchar, known_from "
    "timestamptz, known_to timestamptz)",
    "insert into history_quickbooks.invoice values "
    f"""('1', '{{"TxnDate": "2026-11-04"}}', {stamp(4)}, null), """
    f"""('2', '{{"TxnDate": "2026-11-19"}}', {stamp(11)}, null), """
    f"('3', '{{}}', {stamp(11)}, null)",
    "create table raw_quickbooks.extract_run (run_id varchar, finished_at timestamptz)",
    f"insert into raw_quickbooks.extract_run values ('r1', {stamp(4)}), ('r2', {stamp(11)})",
    "create table raw_state.recorded_run (run_number integer)",
    "insert into raw_state.recorded_run values (1), (2), (3)",
    "create table raw_state.exception_event (event_number integer, decided_at timestamptz)",
    f"insert into raw_state.exception_event values (1, {stamp(5)}), (2, {stamp(12)})",
    "create table raw_state.ledger (change_key varchar, status varchar, remote_id varchar, "
    "intended_at timestamptz, finished_at timestamptz)",
    f"insert into raw_state.ledger values ('k1', 'done', '7', {stamp(3)}, {stamp(4)}), "
    f"('k2', 'done', '8', {stamp(8)}, {stamp(11)}), ('k3', 'open', null, {stamp(12)}, null)",
    "create table raw_state.match_decision_period (left_id varchar, decision varchar, valid_from "
    "timestamptz, valid_to timestamptz, ended_how varchar, ended_by varchar, ended_reason varchar)",
    "insert into raw_state.match_decision_period values "
    f"('x', 'confirmed', {stamp(2)}, {stamp(11)}, 'undone', 'ann', 'wrong'), "
    f"('y', 'rejected', {stamp(12)}, null, null, null, null), "
    f"('z', 'confirmed', {stamp(1)}, {stamp(3)}, 'undone', 'ann', 'wrong')",
)  # fmt: skip
THEN = Moment(known_at=at(10), said_at=at(10), run_number=2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # An apostrophe in a folder's name must not end the name.
    path = tmp_path_factory.mktemp("it's") / "present.duckdb"
    with warehouse.writer(path) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
    return path


@pytest.fixture(scope="module")
def then(source: Path) -> Path:
    path = source.with_name("then.duckdb")
    past.write_as_known(source, path, THEN)
    return path


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in warehouse.read(path, sql)]


def test_records_are_those_that_were_known(then: Path) -> None:
    found = rows(
        then, "select id, cast(amount as varchar) from raw_salesforce.opportunity order by 1"
    )
    assert found == [("a", "11.00"), ("b", "20.00")]
    assert rows(then, "select id from raw_quickbooks.invoice") == [("1",)]


def test_what_had_not_ended_yet_is_open(then: Path) -> None:
    open_ones = "select id from history_salesforce.opportunity where known_to is null order by 1"
    assert rows(then, open_ones) == [("a",), ("b",)]


def test_readings_are_those_of_before(then: Path) -> None:
    assert rows(then, "select run_id from raw_quickbooks.extract_run") == [("r1",)]


def test_a_run_does_not_know_itself(then: Path) -> None:
    assert rows(then, "select run_number from raw_state.recorded_run") == [(1,)]


def test_words_said_later_are_not_known(then: Path) -> None:
    assert rows(then, "select event_number from raw_state.exception_event") == [(1,)]
    assert rows(then, "select left_id from raw_state.match_decision") == [("x",)]


def test_a_write_under_way_is_open(then: Path) -> None:
    found = rows(then, "select change_key, status, remote_id from raw_state.ledger order by 1")
    assert found == [("k1", "done", "7"), ("k2", "open", None)]


def test_a_past_week_with_the_knowledge_of_today(source: Path) -> None:
    path = source.with_name("today.duckdb")
    past.write_as_known(source, path, Moment(at(30), at(10), 2, dated_to=date(2026, 11, 15)))
    assert rows(path, "select id from raw_quickbooks.invoice order by 1") == [("1",), ("3",)]
    found = rows(
        path, "select id, cast(amount as varchar) from raw_salesforce.opportunity order by 1"
    )
    assert found == [("a", "11.00"), ("c", "30.00")]
