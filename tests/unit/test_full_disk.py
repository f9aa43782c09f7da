"""The disk under the state is full: nothing leaves that the ledger does not know, and nothing that
left is forgotten."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from writing import World, invoice_row, marts

from pipelines.errors import DiskFull
from reverse_etl.ledger import snapshot
from reverse_etl.syncs import registry

MANY = marts(invoices=[invoice_row(n) for n in range(1, 61)])


class Disk:
    """Under a world's state; while `is_full`, SQLite gets no page more than it has."""

    is_full = False

    def __init__(self, world: World) -> None:
        event.listen(world.state._engine, "checkout", self._bound)

    def _bound(self, connection: sqlite3.Connection, *_: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {1 if self.is_full else 1_000_000}")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def disk(world: World) -> Disk:
    return Disk(world)


def test_no_room_for_the_intents_means_that_nothing_is_sent(world: World, disk: Disk) -> None:
    plan = world.plan(MANY)
    disk.is_full = True
    with pytest.raises(DiskFull, match=r"no room left\. Free some space"):
        world.apply(plan)
    assert world.us.sent == []
    disk.is_full = False
    assert snapshot(world.state, registry.NAMES) == ()
    assert world.statuses(world.apply(plan)) == ["done"] * 60
    assert len(world.us.invoices) == world.us.writes == 60


def test_no_room_for_the_answers_loses_none_of_what_was_sent(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, send = world.plan(MANY), world.us.write_many

    def fill_up(*given: Any) -> Any:
        disk.is_full = True
        return send(*given)

    monkeypatch.setattr(world.us, "write_many", fill_up)
    with pytest.raises(DiskFull):
        world.apply(plan)
    monkeypatch.undo()
    assert 0 < world.us.writes < 60
    disk.is_full = False
    assert any(entry.in_doubt for entry in snapshot(world.state, registry.NAMES))
    world.clock.advance(3600)
    assert world.statuses(world.apply(plan)) == ["done"] * 60
    assert len(world.us.invoices) == world.us.writes == 60
