"""The ledger: recorded before the call, final when done, and never with other bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from writing import AS_OF, Clock, World, deal_status_row, invoice_row, marts

from pipelines.errors import Stop
from reverse_etl import ledger as ledgers
from reverse_etl.changes import Change, request_id
from reverse_etl.lease import hold
from reverse_etl.ledger import EXPORT_COLUMNS, Context, Finding, Intent, Ledger

CONTEXT = Context("c" * 64, AS_OF, AS_OF)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def change(world: World) -> Change:
    return world.plan(marts(invoices=[invoice_row()])).changes[0]


@pytest.fixture
def intent(change: Change) -> Intent:
    return Intent(change, change.payload)


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    with hold(world.state, "test", Clock()) as lease:
        yield Ledger(world.state, lease)


def finish(ledger: Ledger, change: Change, status: str, **values: str) -> None:
    ledger.finish(change.flow, [Finding(change.key, status, **values)])  # type: ignore[arg-type]


def test_an_intent_keeps_the_very_bytes_and_the_request_id(
    ledger: Ledger, intent: Intent, change: Change
) -> None:
    ledger.intend([intent], CONTEXT)
    entry = ledgers.entry(ledger._state, change.key)
    assert entry is not None
    assert (entry.status, entry.payload, entry.tries) == ("open", change.payload, 1)
    assert entry.request_id == request_id(change.key)
    assert (entry.amount, entry.currency_code) == (Decimal("150.00"), "USD")
    assert (entry.look_since, entry.known_as_of, entry.intended_at) == (AS_OF, AS_OF, AS_OF)


def test_what_is_done_is_final(ledger: Ledger, intent: Intent, change: Change) -> None:
    ledger.intend([intent], CONTEXT)
    finish(ledger, change, "done", remote_id="7")
    with pytest.raises(Stop, match=r"done already \(Invoice 7\)"):
        ledger.intend([intent], CONTEXT)
    with pytest.raises(Stop, match="not under way"):
        finish(ledger, change, "refused")
    entry = ledgers.entry(ledger._state, change.key)
    assert entry is not None
    assert (entry.status, entry.remote_id) == ("done", "7")


@pytest.mark.parametrize("status", [None, "unknown"])
def test_in_doubt_the_same_bytes_may_go_again_and_no_others(
    ledger: Ledger, intent: Intent, change: Change, status: str | None
) -> None:
    ledger.intend([intent], CONTEXT)
    if status:
        finish(ledger, change, status)
    with pytest.raises(Stop, match="differs from what was sent"):
        ledger.intend([replace(intent, payload=change.payload.replace("Probe", "Valve"))], CONTEXT)
    (again,) = ledger.intend([intent], CONTEXT)
    assert (again.status, again.tries, again.payload) == ("open", 2, change.payload)


def test_a_refused_change_may_be_tried_with_other_bytes(
    ledger: Ledger, intent: Intent, change: Change
) -> None:
    ledger.intend([intent], CONTEXT)
    finish(ledger, change, "refused", code="6240", message="Duplicate")
    mended = Intent(replace(change, payload='{"PrivateNote":"x"}'), '{"PrivateNote":"x"}')
    (entry,) = ledger.intend([mended], CONTEXT)
    assert (entry.payload, entry.tries, entry.request_id) == (
        '{"PrivateNote":"x"}', 2, request_id(change.key),
    )  # fmt: skip
    kept = [e["payload"] for e in ledgers.history(ledger._state, change.key) if e["payload"]]
    assert kept == [change.payload, '{"PrivateNote":"x"}']


def test_a_group_is_recorded_whole_or_not_at_all(world: World, ledger: Ledger) -> None:
    changes = world.plan(marts(deals=[deal_status_row(n) for n in (1, 2)])).changes
    first, second = (Intent(c, c.payload) for c in changes)
    ledger.intend([second], CONTEXT)
    finish(ledger, changes[1], "done", remote_id="x")
    with pytest.raises(Stop):
        ledger.intend([first, second], CONTEXT)
    assert ledgers.entry(world.state, changes[0].key) is None


def test_an_outcome_nobody_waits_for_is_refused(ledger: Ledger, change: Change) -> None:
    with pytest.raises(Stop, match="not under way"):
        finish(ledger, change, "done")


def test_without_the_lease_nothing_is_recorded(
    world: World, ledger: Ledger, intent: Intent, change: Change
) -> None:
    ledger.intend([intent], CONTEXT)
    with world.state.writing() as work:
        work.change("lease", {"token": "another"}, name="apply")
    for write in (
        lambda: ledger.intend([intent], CONTEXT),
        lambda: ledger.intend_again([ledgers.entry(ledger._state, change.key)]),  # type: ignore[list-item]
        lambda: finish(ledger, change, "done"),
        lambda: ledger.adopt(intent, CONTEXT, "7", ""),
    ):
        with pytest.raises(Stop, match="taken over"):
            write()
    entry = ledgers.entry(ledger._state, change.key)
    assert entry is not None
    assert (entry.status, entry.tries) == ("open", 1)
    with world.state.writing() as work:
        work.remove("lease", name="apply")


def test_an_entry_that_moved_meanwhile_is_not_overwritten(
    world: World, ledger: Ledger, intent: Intent, change: Change
) -> None:
    (stale,) = ledger.intend([intent], CONTEXT)
    ledger.intend_again([stale])
    with pytest.raises(Stop, match="another run changed it"):
        ledger.intend_again([stale])


def test_the_history_tells_everything(ledger: Ledger, intent: Intent, change: Change) -> None:
    ledger.intend([intent], CONTEXT)
    finish(ledger, change, "unknown", message="no answer")
    ledger.intend([intent], CONTEXT)
    finish(ledger, change, "done", remote_id="7")
    events = ledgers.history(ledger._state, change.key)
    told = [(e["event"], e["remote_id"], e["message"]) for e in events]
    assert told == [
        ("intended", None, ""),
        ("unknown", None, "no answer"),
        ("intended again", None, ""),
        ("done", "7", ""),
    ]


def test_exported_with_exactly_the_agreed_columns(
    world: World, ledger: Ledger, intent: Intent, change: Change
) -> None:
    ledger.intend([intent], CONTEXT)
    (row,) = ledgers.export_rows(world.state)
    assert list(row) == list(EXPORT_COLUMNS)
    assert (row["change_key"], row["amount"], row["finished_at"]) == (
        change.key, Decimal("150.00"), None,
    )  # fmt: skip


def test_an_unknown_outcome_is_not_finished(ledger: Ledger, intent: Intent, change: Change) -> None:
    ledger.intend([intent], CONTEXT)
    finish(ledger, change, "unknown")
    entry = ledgers.entry(ledger._state, change.key)
    assert entry is not None
    assert entry.finished_at is None
    assert entry.in_doubt


def test_oldest_doubts_first(world: World) -> None:
    clock = Clock()
    with hold(world.state, "test", clock) as lease:
        ledger = Ledger(world.state, lease)
        changes = world.plan(marts(invoices=[invoice_row(n) for n in (1, 2, 3)])).changes
        for change in reversed(changes):
            ledger.intend([Intent(change, change.payload)], CONTEXT)
            clock.advance(1)
        keys = [entry.change_key for entry in ledger.in_doubt(["invoices"])]
        assert keys == [change.key for change in reversed(changes)]
        assert ledger.in_doubt(["customers"]) == ()
