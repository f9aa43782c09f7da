"""A backfill gives way: in between what is new is read, cheaply, and nothing is lost or doubled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import real_loads
from both_shelf import Shelf, check
from both_systems import GB, ORG, QUICK, US, World, running_world, write_seed
from quickbooks_company import customer
from salesforce_org import BOREAL

from pipelines import warehouse
from pipelines.clients import quickbooks as quickbooks_client
from pipelines.errors import WarehouseBusy
from pipelines.extract import extract_all
from pipelines.extract import results as sizes
from pipelines.extract.alone import _only_one, is_waited_for, undisturbed
from pipelines.extract.held import unfinished
from pipelines.sandbox.salesforce import bulk_query, queries


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    many = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, 26)]
    return write_seed(tmp_path_factory.mktemp("both") / "seed", quickbooks={US: {"Customer": many}})


@pytest.fixture
def world(seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Pages and slices so small that one reading takes many loads."""
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)
    monkeypatch.setattr(sizes, "SLICE_ROWS", 12)
    monkeypatch.setattr(quickbooks_client, "PAGE", 5)
    monkeypatch.setattr(queries, "page_size", lambda _: 4)
    monkeypatch.setattr(bulk_query, "PAGE", 4)
    with running_world(seed, tmp_path / "data") as served:
        yield served


def test_what_is_new_is_read_cheaply_beside_a_backfill_that_stays_unfinished(world: World) -> None:
    shelf = Shelf(world)
    shelf.extract()
    world.move_clock(days=0.1)
    shelf.extract()
    shelf.one_load(full=True)
    places = walks(shelf)
    # Customers of the first company, and of the org everything after the first rows.
    assert (US, "Customer") in places and len(places) > 5
    world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": "Boreal plc"}])
    company = world.quickbooks()
    made = company.create("Customer", {"DisplayName": "Late & Co"}, "late")
    shelf.one_load(passing_by=True)
    assert shelf.rows("Account", ORG)[BOREAL]["Name"] == "Boreal plc"
    assert made["Id"] in shelf.rows("Customer", US)
    assert walks(shelf) == places
    shelf.one_load(passing_by=True)
    assert walks(shelf) == places
    assert shelf.made == {ORG: 2, US: 1, GB: 1}
    check(shelf)
    for _ in range(40):
        shelf.one_load()
        if not walks(shelf):
            break
    assert walks(shelf) == {}
    check(shelf)


def test_of_a_first_load_in_part_only_what_is_whole_is_followed(world: World) -> None:
    shelf = Shelf(world)
    shelf.one_load()
    (whole,) = {e for e in ("Term", "Customer") if "at" in shelf.state[US][e]}
    assert whole == "Term" and "walk" in shelf.state[US]["Customer"]
    held = shelf.rows("Customer", US)
    shelf.one_load(passing_by=True)
    assert shelf.rows("Customer", US) == held
    assert shelf.made[US] == shelf.made[GB] == 1


def test_an_old_job_does_not_bring_back_what_was_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of a bulk job are those of its beginning: what others have read meanwhile stays."""
    monkeypatch.setattr(
        "pipelines.extract.salesforce_preparing.transport", lambda rows: "Bulk" if rows else "REST"
    )
    for number in range(12):
        real_loads.ACTS["create"](world, number)
    # So long ago that what is new does not hold them once more: it fits into one load.
    world.move_clock(days=0.02)
    shelf = Shelf(world)
    shelf.extract(system="salesforce")
    shelf.one_load(full=True)
    assert shelf.state[ORG]["Product2"]["resume"]["job"]
    one = min(shelf.rows("Product2", ORG))
    world.salesforce().update_many("Product2", [{"Id": one, "Name": "Renamed"}])
    names = []
    while any("resume" in e for e in shelf.state[ORG].values() if isinstance(e, dict)):
        shelf.one_load(passing_by=True)
        names.append(shelf.rows("Product2", ORG)[one]["Name"])
        # Longer than is asked for twice anyway.
        world.move_clock(days=0.02)
        shelf.one_load(passing_by=True)
        shelf.one_load()
        names.append(shelf.rows("Product2", ORG)[one]["Name"])
    assert len(names) > 3 and {*names} == {"Renamed"}


def walks(shelf: Shelf) -> dict[tuple[str, str], Any]:
    """The places where walks have stopped, by source and object."""
    return {
        (source, name): token
        for source, state in shelf.state.items()
        for name, entry in state.items()
        if isinstance(entry, dict) and (token := entry.get("walk") or entry.get("resume"))
    }


def test_a_backfill_that_gives_way_after_every_load_ends_in_the_books(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By real loads: everything once more, while people act and others read what is new."""
    monkeypatch.setattr(sizes, "SLICE_ROWS", 1000)
    extract_all(world.settings, lambda _: None)
    monkeypatch.setattr(sizes, "SLICE_ROWS", 40)
    monkeypatch.setattr(quickbooks_client, "PAGE", 12)
    names = ("rename", "bill", "customer", "pay", "delete", "create", "remove invoice", "merge")
    acts = (lambda n=n, name=name: real_loads.ACTS[name](world, n) for n, name in enumerate(names))
    assert real_loads.extract_in_turns(world, acts) >= 2
    assert unfinished(world.settings.warehouse_path) == {}
    world.move_clock(days=2 / 1440)
    real_loads.follow(world)
    real_loads.compare(world)


@contextmanager
def having_waited(path: Path, is_giving_way: bool = False) -> Iterator[bool]:
    """The turn of one who had to wait for another extraction."""
    with undisturbed(path, is_giving_way):
        yield True


def test_a_first_load_in_part_is_written_down_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.settings.warehouse_path
    real_loads.follow(world)
    left = unfinished(path)
    assert left[f"quickbooks {US} Customer"].endswith(" rows")
    assert any(name.startswith(f"salesforce {ORG} ") for name in left)
    latest = (
        "SELECT object, mode, rows_read FROM raw_quickbooks.extract_run WHERE source_id = ?"
        " QUALIFY row_number() OVER (PARTITION BY object ORDER BY finished_at DESC) = 1"
    )
    found = {r["object"]: r for r in warehouse.read(path, latest, [US])}
    assert found["customer"]["mode"] == "unfinished" and 0 < found["customer"]["rows_read"] < 25
    assert found["term"]["mode"] == "full"
    # Every object has its table, so that the models can be built.
    assert {"product2", "opportunity_line_item"} <= warehouse.tables(path, "raw_salesforce")
    with monkeypatch.context() as between:
        # Whoever comes between two loads of another process leaves its walks to that one.
        between.setattr("pipelines.extract.run.undisturbed", having_waited)
        extract_all(world.settings, lambda _: None)
    assert unfinished(path) == left
    extract_all(world.settings, lambda _: None)
    assert "unfinished" not in {r["mode"] for r in warehouse.read(path, latest, [US])}
    assert unfinished(path) == {}
    real_loads.compare(world)


# Who goes first


def test_whoever_waits_comes_between_two_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And waits however often it has looked, for it was told that its turn comes."""
    path, came, order = tmp_path / "warehouse.duckdb", [], []
    looked: list[float] = []

    def sleep(seconds: float) -> None:
        looked.append(seconds)
        time.sleep(0.001)

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr("pipelines.extract.alone.time", clock)

    def wait() -> None:
        with _only_one(tmp_path, is_giving_way=True) as came_between:
            came.append(came_between)
            order.append("other")

    with ExitStack() as held:
        assert held.enter_context(_only_one(tmp_path, is_giving_way=True)) is False
        assert not is_waited_for(path)
        other = threading.Thread(target=wait)
        other.start()
        until = time.monotonic() + 20
        while len(looked) < 5 or not is_waited_for(path):
            assert other.is_alive() and time.monotonic() < until, "nobody stands in the row"
            time.sleep(0.01)
    with _only_one(tmp_path, is_giving_way=True):
        order.append("the first again")
    other.join()
    assert came == [True] and order == ["other", "the first again"]


def test_an_extraction_that_does_not_give_way_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def sleep(seconds: float) -> None:
        looked.append(seconds)
        assert len(looked) < 5, "it is waited for"

    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr("pipelines.extract.alone.time", clock)
    with (
        _only_one(tmp_path, is_giving_way=False),
        pytest.raises(WarehouseBusy, match="another extraction is running"),
        _only_one(tmp_path, is_giving_way=True),
    ):
        raise AssertionError("two at once")
