"""The protocol explored state by state, each precaution taken away, and held against the code.

The whole of it, with two writers, two deals and three faults, is behind `make soak`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, get_args

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import protocol
from explore import explore
from protocol import ALL, HONEST, NAMES, Deal, Doc, Entry, Vendor, look, serve, start
from protocol_guards import FORGETFUL, NEEDS, STORED, harm, replay, walk, without
from writing import AS_OF, PROMPT, World, invoice_row, marts

from reverse_etl import apply, ledger, patience, plan
from reverse_etl.changes import Change, request_id
from reverse_etl.ledger import WITHDRAWN

WORLDS = [((1, 1, 2, 1), HONEST), ((1, 1, 1, 1), FORGETFUL), ((1, 2, 1, 0), FORGETFUL)]
SLEPT = timedelta(seconds=PROMPT.visible_within.total_seconds() + 1)


@pytest.mark.parametrize(("size", "vendor"), WORLDS)
def test_no_state_that_can_be_reached_breaks_a_promise(
    size: tuple[int, int, int, int], vendor: Vendor
) -> None:
    found = explore(start(*size), vendor=vendor)
    assert not found.bad, found.path
    assert found.states > 2_000
    assert found.calmed > 100


@pytest.mark.parametrize("name", NAMES)
def test_each_precaution_is_needed(name: str) -> None:
    """Without it the stored way ends in harm; with it that way cannot be gone, or is harmless."""
    size, vendor = NEEDS[name]
    stored = json.loads(STORED.read_text())[name]
    there = replay(stored["path"], without(name), start(*size), vendor)
    assert harm(there, without(name), vendor) == stored["harm"] != ""
    try:
        same = replay(stored["path"], ALL, start(*size), vendor)
    except LookupError:
        return
    assert not harm(same, ALL, vendor)


@pytest.mark.parametrize("vendor", [HONEST, FORGETFUL])
def test_histories_of_many_deals_end_well(vendor: Vendor) -> None:
    assert {walk(seed, ALL, vendor=vendor) for seed in range(25)} == {""}


def test_histories_without_a_precaution_do_not() -> None:
    """The same dice find what is missing, so they would find it in the product."""
    for name in ("intent_first", "look", "lease"):
        assert any(walk(seed, without(name), vendor=NEEDS[name][1]) for seed in range(40))


# The model says what the code does ----------------------------------------------------------------


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Change]:
    world = World(tmp_path_factory.mktemp("ties"))
    yield world.plan(marts(invoices=[invoice_row()])).changes[0]
    world.state.close()


def as_entry(change: Change, entry: Entry) -> ledger.Entry:
    """A line of the model's ledger as the product's; the data are read at AS_OF."""
    key = f"{change.base}:g{entry.generation}"
    old = AS_OF - timedelta(days=1)
    tried = AS_OF if entry.fresh else AS_OF - SLEPT
    status: Any = "refused" if entry.status == "withdrawn" else entry.status
    return ledger.Entry(
        change_key=key, base_key=change.base, flow=change.flow, system=change.system,
        company_id=change.company_id, record_id=change.record_id, plan_step=change.plan_step,
        generation=entry.generation, request_id=request_id(key), status=status, action="create",
        entity=change.entity, remote_id=None, title="", amount=None, currency_code=None,
        payload=f"text {entry.text}", fingerprint=change.fingerprint, plan_checksum="",
        look_since=old, known_as_of=old if entry.behind else AS_OF, tries=1,
        code=WITHDRAWN if entry.status == "withdrawn" else "", vendor_message="",
        intended_at=tried, last_tried_at=tried, finished_at=None,
    )  # fmt: skip


def ledgers() -> Iterator[tuple[Entry, ...]]:
    """Every ledger of one plan step with up to two generations."""
    lines = [
        Entry(1, 1, status, fresh=False, behind=behind)
        for status in get_args(protocol.Status)
        for behind in (False, True)
    ]
    yield ()
    for line in lines:
        yield (line,)
        yield (line._replace(generation=2),)
    for first, second in combinations_with_replacement(lines, 2):
        yield first, second._replace(generation=2)


@pytest.mark.parametrize("generation", [1, 2])
def test_the_plan_places_a_create_as_the_model_does(change: Change, generation: int) -> None:
    wanted = replace(change, key=f"{change.base}:g{generation}", generation=generation)
    for entries in ledgers():
        placed = plan._Sorted()
        known = [as_entry(change, entry) for entry in entries]
        plan._place(placed, wanted, {change.base: known}, AS_OF)
        seen = (
            "change" if placed.changes
            else "unseen" if placed.blocked
            else "held" if placed.held
            else "done" if placed.done_before
            else "settle"
        )  # fmt: skip
        assert seen == protocol.place(entries, generation), (entries, generation)


@pytest.mark.parametrize("found", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("vendor", [HONEST, FORGETFUL])
def test_a_write_in_doubt_is_settled_as_the_model_does(
    change: Change, found: bool, wanted: bool, fresh: bool, vendor: Vendor
) -> None:
    memory = timedelta(0) if vendor.assumed_forgetful else timedelta(minutes=10)
    given = replace(PROMPT, request_memory=memory)
    doubtful = Entry(1, 1, "unknown", fresh=fresh)
    entry = as_entry(change, doubtful)
    may_send = patience.may_send_again(entry, AS_OF, given)
    assert may_send == protocol.may_send_again(doubtful, vendor)
    said = protocol.verdict(found, wanted, may_send, fresh)
    if said == "send":
        assert not found
        assert wanted
        return
    verdict = apply._verdict(entry, "42" if found else None, undecided=wanted or fresh)
    assert ("withdrawn" if verdict.code == WITHDRAWN else verdict.status) == said


def test_the_default_vendor_is_one_of_the_two_in_the_model() -> None:
    assert patience.CAUTIOUS.request_memory >= (
        patience.CAUTIOUS.visible_within + patience.CAUTIOUS.leave_within
    )


def test_the_double_serves_and_shows_as_the_vendor_of_the_model(tmp_path: Path) -> None:
    """The double of the unit tests, which has been held against the sandbox, and the model's."""
    world = World(tmp_path)
    world.us.hidden_for = timedelta(seconds=30)
    deal = Deal()
    body = world.plan(marts(invoices=[invoice_row()])).changes[0].payload
    mark = str(invoice_row()["mark"])
    for step in ("first", "again", "forgotten"):
        if step == "forgotten":
            world.us.requests.clear()
            deal = deal._replace(known_ids=())
        world.us.create("Invoice", body, "r")
        deal, _ = serve(deal, 1, 1, ALL)
        assert len(world.us.invoices) == len(deal.docs)
    assert world.us.find_invoices_by_marks(AS_OF, [mark]) == []
    assert look(deal, 1, None) == -1
    world.clock.advance(31)
    shown = deal._replace(docs=tuple(doc._replace(shown=True) for doc in deal.docs))
    assert len(world.us.find_invoices_by_marks(AS_OF, [mark])) == 2
    assert look(shown, 1, None) == 0
    assert look(Deal(docs=(Doc(1, 1, live=False, shown=True),)), 1, None) == -1
    world.state.close()
