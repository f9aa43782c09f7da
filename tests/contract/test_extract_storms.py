"""A few storms over readings; `make soak` sends them all, in any order, as long as is wanted."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest
from both_shelf import Shelf
from both_systems import US
from storms import FAULTS, PLACES, Storm, Weather, changed_books, paged, storms, stormy_world

from pipelines.sandbox.faults import KINDS

FEW = [
    Storm("quickbooks", "stale by changes", "query", None),
    Storm("quickbooks", "stale by changes", "changes"),
    # The newest change known is of an invoice that was deleted meanwhile.
    Storm("quickbooks", "empty page", "changes", None),
    Storm("quickbooks", "repeated page", "query", 2),
    Storm("quickbooks", "rotated token lost", "tokens"),
    Storm("quickbooks", "part refused", "counts"),
    Storm("quickbooks", "clock behind", "query"),
    Storm("salesforce", "throttled with Retry-After", "bulk results"),
    Storm("salesforce", "empty page", "REST"),
    Storm("salesforce", "part refused", "composite"),
    Storm("salesforce", "clock ahead", "composite"),
]


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    with stormy_world(tmp_path_factory.mktemp("storms")) as world:
        yield Weather(world)


@pytest.fixture(scope="module")
def held(weather: Weather) -> Shelf:
    """A shelf with the books of before some changes."""
    return changed_books(weather.world)


@pytest.mark.parametrize("storm", FEW, ids=lambda s: f"{s.system}, {s.place}: {s.fault}")
def test_no_storm_hides_a_row(weather: Weather, held: Shelf, storm: Storm) -> None:
    outcome = weather.read(storm, held)
    assert outcome.hits
    assert not outcome.fewer, outcome
    assert not outcome.is_unreasoned, outcome


@pytest.mark.parametrize(
    "storm",
    [
        # The same page for ever, and a version for ever older than the one told before.
        Storm("quickbooks", "repeated page", "query", None),
        Storm("quickbooks", "stale by days", "query", None),
    ],
    ids=lambda s: s.fault,
)
def test_no_storm_over_a_first_reading_is_endless_or_hides_a_row(
    weather: Weather, storm: Storm
) -> None:
    outcome = weather.read(storm, Shelf(weather.world))
    assert outcome.hits > len(PLACES)
    assert not outcome.fewer, outcome
    assert not outcome.is_unreasoned, outcome


def test_fewer_rows_would_be_seen(weather: Weather, held: Shelf) -> None:
    shelf = Shelf(weather.world, copy.deepcopy(held.tables), copy.deepcopy(held.state))
    shelf.extract(system="quickbooks")
    storm = FEW[0]
    assert not weather.fewer(storm, shelf)
    del shelf.tables["customer"][(US, "7")]
    assert weather.fewer(storm, shelf)


def test_every_call_of_a_reading_is_to_a_place_that_storms_are_sent_to(
    weather: Weather, held: Shelf
) -> None:
    """Of a first reading, and of one that finds changes, makes the day's round and lacks a
    token.
    """
    weather.world.arm("expire_token", ".", system="quickbooks")
    since = weather.world.control("GET", "journal")["entries"][-1]["n"]
    with paged():
        Shelf(weather.world).extract()
        Shelf(weather.world, copy.deepcopy(held.tables), copy.deepcopy(held.state)).extract()
    calls = weather.world.control("GET", f"journal?since={since}")["entries"]
    met = {
        (call["system"], place)
        for call in calls
        for place, pattern in PLACES[call["system"]].items()
        if re.search(pattern, call["path"])
    }
    elsewhere = [
        call["path"]
        for call in calls
        if not any(re.search(pattern, call["path"]) for pattern in PLACES[call["system"]].values())
    ]
    assert elsewhere == []
    assert met == {(system, place) for system, places in PLACES.items() for place in places}


def test_a_write_would_be_seen(weather: Weather, held: Shelf) -> None:
    """The changes on that shelf were made by writing, and no storm wrote."""
    assert any("Invoice" in words for words in weather.wrote(1))


def test_every_fault_is_sent_to_every_place() -> None:
    assert {kind for kind, _ in FAULTS.values()} == set(KINDS)
    for system, places in PLACES.items():
        sent = {(storm.fault, storm.place) for storm in storms(system)}
        assert len(sent) == len(FAULTS) * len(places)
