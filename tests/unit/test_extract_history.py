"""Any past state of a raw table comes back exactly, whatever has happened to it since."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipelines.errors import Stop
from pipelines.extract import history, history_files

RAW = "raw_quickbooks"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
State = dict[str, tuple[Any, ...]]


@dataclass
class Books:
    """One raw table as dlt's merge leaves it, its history, and what it was after each load."""

    folder: Path
    loads: int = 0
    recorded: int = 0
    wide: bool = False
    current: State = field(default_factory=dict)
    known: list[tuple[datetime, State]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.new_warehouse()

    def new_warehouse(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(f"CREATE SCHEMA {RAW}")
        self.connection.execute(
            f"CREATE TABLE {RAW}.invoice (company_id VARCHAR NOT NULL, id VARCHAR NOT NULL,"
            " amount DECIMAL(38,2), extracted_at TIMESTAMPTZ, loaded_at TIMESTAMPTZ,"
            " _dlt_id VARCHAR)"
        )
        if self.wide:
            self.widen()

    def widen(self) -> None:
        self.connection.execute(f"ALTER TABLE {RAW}.invoice ADD COLUMN note VARCHAR")
        self.wide = True
        self.current = {k: (*v, None) if len(v) == 1 else v for k, v in self.current.items()}

    @property
    def moment(self) -> datetime:
        return BEGAN + timedelta(minutes=self.loads)

    def load(self, rows: State, record: bool = True) -> None:
        """One load: rows are replaced by key and bear its stamp; killed, it has no history yet."""
        coming = pa.table({"company_id": ["us"] * len(rows), "id": pa.array(rows, pa.string())})
        history.keep_replaced(self.connection, RAW, {"invoice": coming})
        self.loads += 1
        for key, content in rows.items():
            self.connection.execute(f"DELETE FROM {RAW}.invoice WHERE id = ?", [key])
            names = "amount, note" if self.wide else "amount"
            marks = "?, ?" if self.wide else "?"
            self.connection.execute(
                f"INSERT INTO {RAW}.invoice (company_id, id, {names}, extracted_at, loaded_at)"
                f" VALUES ('us', ?, {marks}, ?, ?)",
                [key, *content, self.moment, self.moment],
            )
        self.current |= rows
        self.known.append((self.moment, dict(self.current)))
        if record:
            self.record()

    def record(self) -> None:
        since = BEGAN + timedelta(minutes=self.recorded) if self.recorded else None
        history.record(self.connection, RAW, since)
        self.recorded = self.loads

    def lose_and_read_anew(self, gone: set[str]) -> None:
        """The warehouse is deleted; the vendor has since deleted `gone`, which nobody tells."""
        history_files.keep(self.connection, RAW, self.folder)
        self.new_warehouse()
        self.recorded = 0
        history_files.restore(self.connection, RAW, self.folder)
        self.record()
        living = {k: v for k, v in self.current.items() if k not in gone}
        self.current = {}
        self.load(living)
        history.close_lost(self.connection, RAW, ["invoice"], self.moment)

    def as_known_at(self, moment: datetime) -> State:
        rows = self.connection.execute(
            "SELECT * EXCLUDE (company_id, extracted_at)"
            " FROM history_quickbooks.as_known_at('invoice', ?)",
            [moment],
        ).fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        # A column that was added stands in the history from the first load that brings it.
        width = 2 if self.wide else 1
        return {key: (*rest, None)[:width] for key, *rest in rows}

    def check(self) -> None:
        for moment, state in self.known:
            width = 2 if self.wide else 1
            padded = {k: (*v, None)[:width] for k, v in state.items()}
            assert self.as_known_at(moment) == padded, moment
            assert self.as_known_at(moment + timedelta(seconds=59)) == padded, moment

    def versions(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            "SELECT id, amount, known_from, known_to FROM history_quickbooks.invoice"
            " ORDER BY id, known_from"
        ).fetchall()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    yield Books(tmp_path)


KEYS = st.sampled_from(["1", "2", "3", "4"])
ROWS = st.dictionaries(KEYS, st.integers(0, 2), max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("load"), ROWS),
    st.tuples(st.just("load"), ROWS),
    st.tuples(st.just("killed load"), ROWS),
    st.tuples(st.just("lost"), st.sets(KEYS, max_size=2)),
    st.tuples(st.just("wider"), st.none()),
    st.tuples(st.just("keep"), st.none()),
)


def act(books: Books, what: str, given: Any) -> None:
    if what in ("load", "killed load"):
        if books.recorded != books.loads:
            books.record()  # as every run does first
        width = ("n",) if books.wide else ()
        books.load({k: (v, *width) for k, v in given.items()}, record=what == "load")
    elif what == "lost":
        books.record()
        books.lose_and_read_anew(given)
    elif what == "wider" and not books.wide:
        books.record()
        books.widen()
    elif what == "keep":
        books.record()
        history_files.keep(books.connection, RAW, books.folder)


@examples(max_examples=36, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=9))
def test_every_state_of_the_past_comes_back_exactly(steps: Sequence[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        books = Books(Path(folder))
        for what, given_ in steps:
            act(books, what, given_)
        books.record()
        books.check()
        books.lose_and_read_anew(set())
        books.check()


def test_a_row_that_comes_again_unchanged_leaves_no_trace(books: Books) -> None:
    books.load({"1": (10,), "2": (20,)})
    books.load({"1": (10,), "2": (21,)})
    first, second = (at for at, _ in books.known)
    assert books.versions() == [
        ("1", 10, first, None),
        ("2", 20, first, second),
        ("2", 21, second, None),
    ]


def test_a_load_after_which_the_run_was_killed_has_its_own_moment(books: Books) -> None:
    books.load({"1": (10,)})
    books.load({"1": (11,)}, record=False)
    books.record()
    books.load({"1": (12,)})
    assert [(amount, at) for _, amount, at, _ in books.versions()] == [
        (10, books.known[0][0]),
        (11, books.known[1][0]),
        (12, books.known[2][0]),
    ]


def test_what_the_vendor_deleted_while_the_warehouse_was_lost_ends(books: Books) -> None:
    books.load({"1": (10,), "2": (20,)})
    books.lose_and_read_anew({"2"})
    (at, _), (lost, state) = books.known
    assert state == {"1": (10,)}
    assert books.versions() == [("1", 10, at, None), ("2", 20, at, lost)]
    books.lose_and_read_anew(set())
    assert books.as_known_at(at) == {"1": (10,), "2": (20,)}
    assert books.as_known_at(lost) == {"1": (10,)}


def test_what_has_one_version_is_written_once(books: Books) -> None:
    def kept() -> list[tuple[str]]:
        sql = "SELECT id FROM versions_quickbooks.invoice ORDER BY ALL"
        return books.connection.execute(sql).fetchall()

    books.load({"1": (10,), "2": (20,), "3": (30,)})
    assert kept() == []
    books.load({"1": (11,), "4": (40,)})
    assert kept() == [("1",), ("1",)]
    assert len(books.versions()) == 5


def test_the_history_of_an_earlier_release_becomes_the_versions(books: Books) -> None:
    books.load({"1": (10,), "2": (20,)})
    books.connection.execute("CREATE TABLE earlier AS FROM history_quickbooks.invoice")
    books.connection.execute("DROP VIEW history_quickbooks.invoice")
    books.connection.execute("DROP TABLE versions_quickbooks.invoice")
    books.connection.execute("CREATE TABLE history_quickbooks.invoice AS FROM earlier")
    history_files.restore(books.connection, RAW, books.folder)
    books.record()
    books.load({"1": (11,), "3": (30,)})
    books.check()
    assert len(books.versions()) == 4


def test_files_hold_only_what_is_new_and_no_run_without_news_adds_one(books: Books) -> None:
    def files() -> dict[str, int]:
        place = books.folder / "history_quickbooks" / "invoice"
        counted = "SELECT count(*) FROM read_parquet(?)"
        return {
            p.name: books.connection.execute(counted, [str(p)]).fetchall()[0][0]
            for p in sorted(place.iterdir())
        }

    books.load({"1": (10,), "2": (20,)})
    history_files.keep(books.connection, RAW, books.folder)
    books.load({"1": (11,), "2": (20,)})
    for _ in range(2):
        history_files.keep(books.connection, RAW, books.folder)
    assert files() == {"20260101T000100000000Z.parquet": 2, "20260101T000200000000Z.parquet": 1}


def test_a_warehouse_restored_from_an_older_copy_gets_the_younger_versions(books: Books) -> None:
    books.load({"1": (10,)})
    books.connection.execute("CREATE TABLE old_raw AS FROM raw_quickbooks.invoice")
    books.connection.execute("CREATE TABLE old_history AS FROM versions_quickbooks.invoice")
    books.load({"1": (11,)})
    history_files.keep(books.connection, RAW, books.folder)
    for schema, old in ((RAW, "old_raw"), ("versions_quickbooks", "old_history")):
        books.connection.execute(f"DELETE FROM {schema}.invoice")
        books.connection.execute(f"INSERT INTO {schema}.invoice FROM {old}")
    history_files.restore(books.connection, RAW, books.folder)
    books.recorded = 1
    books.load({"1": (11,), "2": (20,)})
    books.check()
    assert len(books.versions()) == 3


def test_a_type_that_changes_keeps_what_was_known_in_the_old_one(books: Books) -> None:
    books.load({"1": (10,)})
    history_files.keep(books.connection, RAW, books.folder)
    books.new_warehouse()
    books.connection.execute(f"ALTER TABLE {RAW}.invoice ALTER amount TYPE VARCHAR")
    history_files.restore(books.connection, RAW, books.folder)
    books.recorded = 0
    books.load({"1": ("ten",)})
    found = books.connection.execute(
        "SELECT amount, amount__was_decimal_38_2 FROM history_quickbooks.invoice"
        " ORDER BY known_from"
    ).fetchall()
    assert found == [(None, 10), ("ten", None)]
    history_files.keep(books.connection, RAW, books.folder)
    books.new_warehouse()
    history_files.restore(books.connection, RAW, books.folder)
    # From files of both types the values come as what can hold both: text.
    again = books.connection.execute(
        "SELECT amount FROM history_quickbooks.invoice ORDER BY known_from"
    ).fetchall()
    assert again == [("10.00",), ("ten",)]


def test_a_damaged_file_is_named(books: Books) -> None:
    books.load({"1": (10,)})
    history_files.keep(books.connection, RAW, books.folder)
    (file,) = (books.folder / "history_quickbooks" / "invoice").iterdir()
    file.write_bytes(b"PAR1 and then nothing")
    books.new_warehouse()
    with pytest.raises(Stop, match=rf"{file.name}.*cannot be read.*backup"):
        history_files.restore(books.connection, RAW, books.folder)
