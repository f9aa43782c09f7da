"""How a company is read again: whole books slice by slice, whatever ends the process meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import killed_books
import pytest
from both_shelf import Shelf, check_quickbooks
from both_systems import US, World, running_world, write_seed
from quickbooks_company import customer

from pipelines import warehouse
from pipelines.clients import quickbooks as client
from pipelines.clients.quickbooks_answers import RawPage
from pipelines.errors import Unavailable
from pipelines.extract import quickbooks_changes, results
from pipelines.extract.quickbooks import DELETION, ENTITIES, CompanyReading
from pipelines.sandbox.store import Write

MANY = 25


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    many = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, MANY + 1)]
    return write_seed(tmp_path_factory.mktemp("both") / "seed", quickbooks={US: {"Customer": many}})


@pytest.fixture
def shelf(seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Pages of five records and loads of six; everything has been read once."""
    monkeypatch.setattr(client, "PAGE", 5)
    monkeypatch.setattr(results, "SLICE_ROWS", 6)
    with running_world(seed, tmp_path / "data") as world:
        shelf = Shelf(world)
        shelf.extract(system="quickbooks")
        world.move_clock(days=1 / 24)
        yield shelf


def vanish(world: World, customer_id: str) -> None:
    """A record goes without a word, as after a month or by the vendor's own hand."""
    world.sandbox.kernel.store.preset([Write(US, "Customer", customer_id, None)])


def gone(shelf: Shelf) -> set[tuple[str, str]]:
    return {(r["id"], r["proof"]) for r in shelf.tables.get(DELETION, {}).values()}


def test_rows_are_added_without_a_merge_only_where_none_can_be(shelf: Shelf) -> None:
    """In the first walk over an empty table; not when the same reading walks it once more."""
    shelf.tables.clear()
    shelf.state.clear()
    empty = {"Customer"}
    reading = CompanyReading(
        shelf.world.quickbooks(), shelf.known_ids, is_new=lambda _, entity: entity in empty
    )
    shelf.load(US, reading, ENTITIES)
    assert reading.unfinished
    assert (reading.adds_only("Customer"), reading.adds_only("Item")) == (True, False)
    while shelf.load(US, reading, ENTITIES):
        pass
    reading._follows_again = True
    shelf.world.move_clock(days=-2)
    shelf.load(US, reading, ENTITIES)
    assert not reading.adds_only("Customer")


def test_what_is_held_is_read_again_slice_by_slice(shelf: Shelf) -> None:
    vanish(shelf.world, "3")
    loads = shelf.loads
    shelf.extract(system="quickbooks", full=True)
    assert shelf.loads > loads + 5
    check_quickbooks(shelf)
    assert gone(shelf) == {("3", "sweep")}
    assert "walk" not in str(shelf.state)


def test_a_killed_reading_of_what_is_held_goes_on_and_finds_what_is_gone(shelf: Shelf) -> None:
    """Gone before the kill, in the part that was read, and after it, in the part to come."""
    vanish(shelf.world, "3")
    reading = shelf.company_reading(full=True)
    assert shelf.load(US, reading, ENTITIES)
    for more in ("7", "22"):
        vanish(shelf.world, more)
    shelf.world.move_clock(days=1 / 24)
    shelf.said.clear()
    again = [shelf.company_reading()]
    while shelf.load(US, again[-1], ENTITIES):  # killed after each load
        again.append(shelf.company_reading())
    assert len(again) > 2
    assert any("Customer: going on after" in said for said in shelf.said)
    shelf.extract(system="quickbooks")
    shelf.world.move_clock(days=1.5)
    shelf.extract(system="quickbooks")
    check_quickbooks(shelf)
    assert {i for i, _ in gone(shelf)} == {"3", "7", "22"}


def test_a_place_that_skips_records_leads_to_a_walk_from_the_beginning(shelf: Shelf) -> None:
    """As when the vendor has taken away what stood before it: the count tells."""
    shelf.load(US, shelf.company_reading(full=True), ENTITIES)
    kept = shelf.state[US]["Customer"]
    place = kept["walk"]["place"]
    kept["walk"]["place"] = {**place, "position": place["position"] + 10, "last_id": ""}
    shelf.extract(system="quickbooks")
    check_quickbooks(shelf)
    read = [r["extracted_at"] for r in shelf.rows("Customer", US).values()]
    assert max(read) - min(read) < timedelta(minutes=30)


class Asked:
    """What a first reading asks of a company. With `short`, the page of customers of that number,
    from 0, comes without its last record and says nothing of it."""

    def __init__(self, shelf: Shelf, patch: pytest.MonkeyPatch, short: int | None = None) -> None:
        shelf.tables.clear()
        shelf.state.clear()
        self.counted: list[str] = []
        self.paged: list[str] = []
        self.since: list[datetime] = []
        pages, count, changes = (
            getattr(client.QuickBooksClient, name)
            for name in ("fetch_page", "count", "fetch_changes")
        )

        def page(one: Any, entity: str, *given: Any) -> RawPage:
            self.paged.append(entity)
            found = pages(one, entity, *given)
            if entity != "Customer" or self.paged.count(entity) - 1 != short:
                return found  # type: ignore[no-any-return]
            records = found.records.only(list(range(len(found.records) - 1)))
            return RawPage(records, len(records), found.server_time)

        def counts(one: Any, entity: str, *given: Any) -> int:
            self.counted.append(entity)
            return count(one, entity, *given)  # type: ignore[no-any-return]

        def changed(one: Any, entities: Any, since: datetime) -> Any:
            self.since.append(since)
            return changes(one, entities, since)

        patch.setattr(client.QuickBooksClient, "fetch_page", page)
        patch.setattr(client.QuickBooksClient, "count", counts)
        patch.setattr(client.QuickBooksClient, "fetch_changes", changed)
        while shelf.load(US, shelf.company_reading(), ENTITIES):
            pass


def test_pages_that_show_the_youngest_record_are_not_counted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "SLICE_ROWS", 1000)
    shelf.world.quickbooks().create("Customer", {"DisplayName": "Newest"}, "newest")
    asked = Asked(shelf, monkeypatch)
    assert "Customer" not in asked.counted
    check_quickbooks(shelf, (US,))


@pytest.mark.parametrize("is_at_work", [True, False])
def test_what_many_companies_have_none_of_is_counted_first_where_nothing_was_done(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, is_at_work: bool
) -> None:
    """In a company that is at work, the page costs less: there most of it is."""
    if is_at_work:
        shelf.world.quickbooks().create("Customer", {"DisplayName": "Newest"}, "newest")
        shelf.world.quickbooks().create("Vendor", {"DisplayName": "Supplier"}, "supplier")
    shelf.world.move_clock(days=0 if is_at_work else 40)
    asked = Asked(shelf, monkeypatch)
    is_counted_alone = {"Vendor", "Deposit"} & ({*asked.counted} - {*asked.paged})
    assert is_counted_alone == (set() if is_at_work else {"Vendor", "Deposit"})
    assert ("Vendor" in asked.counted) is not is_at_work
    check_quickbooks(shelf, (US,))


@pytest.mark.parametrize("short", [0, 3, 6])
def test_a_page_that_comes_short_without_a_word_is_found(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    """The last one, too, which then lacks the youngest record."""
    monkeypatch.setattr(results, "SLICE_ROWS", 1000)
    shelf.world.quickbooks().create("Customer", {"DisplayName": "Newest"}, "newest")
    asked = Asked(shelf, monkeypatch, short)
    assert "Customer" in asked.counted
    check_quickbooks(shelf, (US,))


@pytest.mark.parametrize("is_new", [True, False])
def test_where_a_months_changes_are_too_many_the_last_days_show_the_end(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """If a record was made in it; else the service's count is asked."""
    monkeypatch.setattr(results, "SLICE_ROWS", 1000)
    monkeypatch.setattr(quickbooks_changes, "CDC_LIMIT", 4)
    books = shelf.world.quickbooks()
    for number in range(5):
        books.create("Customer", {"DisplayName": f"Newer {number}"}, f"newer-{number}")
    shelf.world.move_clock(days=3)
    if is_new:
        books.create("Customer", {"DisplayName": "Newest"}, "newest")
    asked = Asked(shelf, monkeypatch)
    month, day = asked.since
    assert day - month == timedelta(days=28)
    assert ("Customer" in asked.counted) is not is_new
    check_quickbooks(shelf, (US,))


def test_a_record_that_its_page_lacks_is_handed_on_as_the_changes_told_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour ago, so that no later change call tells of it; the walk is not made again."""
    monkeypatch.setattr(client, "PAGE", 1000)
    monkeypatch.setattr(results, "SLICE_ROWS", 1000)
    shelf.world.quickbooks().create("Customer", {"DisplayName": "Newest"}, "newest")
    shelf.world.move_clock(days=1 / 24)
    asked = Asked(shelf, monkeypatch, short=0)
    assert (asked.paged.count("Customer"), asked.counted.count("Customer")) == (1, 1)
    check_quickbooks(shelf, (US,))


def test_what_was_read_in_the_second_in_which_a_walk_began_counts_as_read(shelf: Shelf) -> None:
    """Rows are stamped in whole seconds, the beginning of a walk is not."""
    shelf.load(US, shelf.company_reading(full=True), ENTITIES)
    kept = shelf.state[US]["Customer"]["walk"]
    began = datetime.fromisoformat(kept["began"]).replace(microsecond=900_000)
    kept["began"] = began.isoformat()
    asked = []

    def known(company: str, entity: str, since: datetime | None = None, /) -> frozenset[str]:
        asked.append(since)
        return shelf.known_ids(company, entity, since)

    shelf.load(US, CompanyReading(shelf.world.quickbooks(), known), ENTITIES)
    moments = [since for since in asked if since]
    assert began.replace(microsecond=0) in moments
    assert not any(since.microsecond for since in moments)


def test_changes_out_of_older_books_are_refused(shelf: Shelf) -> None:
    shelf.world.quickbooks().create("Customer", {"DisplayName": "Newest"}, "newest")
    shelf.extract(system="quickbooks")
    shelf.world.arm("stale_read", "/cdc", times=None, system="quickbooks", seconds=1800)
    with pytest.raises(Unavailable, match=r"tell of Customer .* older books"):
        shelf.extract(system="quickbooks")


def held(world: World) -> list[dict[str, Any]]:
    """What the warehouse holds of the customers, each with its number of rows."""
    sql = (
        "SELECT id, count(*) AS rows FROM raw_quickbooks.customer"
        f" WHERE company_id = '{US}' GROUP BY id ORDER BY CAST(id AS INTEGER)"
    )
    return warehouse.read(world.settings.warehouse_path, sql)


def killed(world: World, loads: int, point: str) -> None:
    command = [sys.executable, killed_books.__file__, str(world.settings.data_dir), str(loads)]
    ended = subprocess.run([*command, point], timeout=120, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def test_killed_in_the_middle_of_a_walk_the_warehouse_ends_whole(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed where one load is kept, and the next one's rows are in their tables but nothing says
    so: the walk goes on from the place that was kept, and no row is there twice."""
    monkeypatch.setattr(client, "PAGE", killed_books.PAGE)
    monkeypatch.setattr(results, "SLICE_ROWS", killed_books.SLICE)
    with running_world(seed, tmp_path / "data") as world:
        killed(world, 1, "rows")
        assert 0 < len(held(world)) <= MANY
        said: list[str] = []
        killed_books.read_books(str(world.folder), said.append)
        assert any(": going on after" in text for text in said)
        assert held(world) == [{"id": str(n), "rows": 1} for n in range(1, MANY + 1)]
        (total,) = warehouse.read(
            world.settings.warehouse_path,
            "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM raw_quickbooks.account"
            f" WHERE company_id = '{US}'",
        )
        assert total["n"] == total["ids"] > killed_books.SLICE


def test_a_killed_first_reading_goes_on_without_reading_again(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 5)
    monkeypatch.setattr(results, "SLICE_ROWS", 6)
    with running_world(seed, tmp_path / "data") as world:
        shelf, rows, processes, more = Shelf(world), 0, 0, True
        while more:
            reading = shelf.company_reading()
            more = shelf.load(US, reading, ENTITIES)
            processes += 1
        rows = len(shelf.rows("Customer", US))
        assert processes > 4
        assert rows == MANY
        assert sum("Customer: going on after" in said for said in shelf.said) >= 2
        for realm in set(world.settings.quickbooks.companies):
            if realm.realm_id != US:
                shelf._take(realm.realm_id, shelf.company_reading(realm.realm_id), ENTITIES)
        check_quickbooks(shelf)
