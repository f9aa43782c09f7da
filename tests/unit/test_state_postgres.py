"""The same state on PostgreSQL: the same code, the same answers.

Needs a scratch database whose tables may be dropped, and psycopg. `make test-scale` installs and
starts one; another is named by CROSSFOOT_TEST_POSTGRES_URL=postgresql+psycopg://user@host/scratch
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from writing import AS_OF, PROMPT, World, customer_row, deal_status_row, invoice_row, marts

from pipelines.clients.recording import MeteredCall
from pipelines.errors import Stop
from reverse_etl import approvals, decisions, state_backup, store
from reverse_etl.calls import recording_in, since
from reverse_etl.lease import Lease, hold
from reverse_etl.ledger import export_rows, history, snapshot
from reverse_etl.state import open_state
from reverse_etl.state_schema import metadata
from reverse_etl.syncs import registry

URL = os.environ.get("CROSSFOOT_TEST_POSTGRES_URL", "")
pytestmark = pytest.mark.skipif(
    not URL or importlib.util.find_spec("psycopg") is None,
    reason="no CROSSFOOT_TEST_POSTGRES_URL, or psycopg is not installed: make test-scale has both",
)
ROWS = marts(
    invoices=[invoice_row(n) for n in (1, 2)],
    customers=[customer_row(3)],
    deals=[deal_status_row(n) for n in range(1, 251)],
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    engine = create_engine(URL)
    metadata.drop_all(engine)
    engine.dispose()
    made = World(tmp_path, url=URL)
    yield made
    made.state.close()


def test_a_plan_with_every_ending_is_carried_out_once(world: World) -> None:
    world.us.faults = ["refused", "lost_reply", None]
    world.org.faults = ["lost_request"]
    plan = world.plan(ROWS)
    store.keep(world.state, plan)
    approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    assert store.load(world.state, plan.plan_id) == plan
    world.apply(plan)
    result = world.apply(plan, patience=replace(PROMPT, pauses=()))
    assert result.counts() == {"done": 252, "refused": 1, "unknown": 0, "waiting": 0}
    assert (len(world.us.invoices), len(world.us.customers)) == (2, 0)
    assert {e.status for e in snapshot(world.state, registry.NAMES)} == {"done", "refused"}
    keys = [row["change_key"] for row in export_rows(world.state)]
    assert sorted(keys) == keys
    assert len(history(world.state, keys[-1])) >= 2
    assert world.plan(ROWS).done_before == 252


def test_opening_again_changes_nothing(world: World) -> None:
    store.note_once(world.state, "a", "b")
    other = open_state(URL)
    store.note_once(other, "a", "c")
    assert store.fact(other, "a") == "b"
    other.close()


def test_calls_of_two_runs_add_up(world: World) -> None:
    other = open_state(URL)
    call = MeteredCall("QuickBooks", "1", "read", 3, "")
    for state in (world.state, other, other):
        with recording_in(state, "extract", world.clock) as record:
            record(call)
    assert [(h.reads, h.metered) for h in since(other, AS_OF)] == [(3, 9)]
    other.close()


def test_the_lease_is_one_for_all(world: World) -> None:
    other = open_state(URL)
    with hold(world.state, "first", world.clock):
        with pytest.raises(Stop, match="first"), hold(other, "second", world.clock):
            pytest.fail("two at once")
        with pytest.raises(Stop, match="taken over"), other.writing() as work:
            Lease("lost", world.clock).renew(work)
    with hold(other, "second", world.clock):
        pass
    other.close()


def test_a_block_that_raises_leaves_nothing(world: World) -> None:
    with pytest.raises(RuntimeError), world.state.writing() as work:
        work.add("fact", [{"name": "a", "value": "b"}])
        raise RuntimeError
    assert store.fact(world.state, "a") is None


def test_approvals_lapse_and_reopenings_count(world: World) -> None:
    plan = world.plan(ROWS)
    store.keep(world.state, plan)
    approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    assert approvals.withdraw(world.state, plan.checksum, "Bob", AS_OF) == 1
    assert approvals.find(world.state, plan.checksum, AS_OF + timedelta(hours=1)) is None
    world.apply(plan)
    key = next(c.key for c in plan.changes if c.flow == "invoices")
    assert decisions.reopen(world.state, key, "Ada", AS_OF, "voided").generation == 2


def test_a_server_that_is_away_is_told_without_the_password() -> None:
    with pytest.raises(Stop) as caught:
        open_state("postgresql+psycopg://user:hunter2@127.0.0.1:1/nowhere")
    assert "hunter2" not in str(caught.value)


def test_a_backup_goes_through_a_file_and_numbers_go_on(world: World, tmp_path: Path) -> None:
    plan = world.plan(ROWS)
    store.keep(world.state, plan)
    approvals.approve(world.state, plan.checksum, "Ada", AS_OF)
    world.apply(plan)
    before = {
        name: sorted(rows, key=repr) for name, rows in state_backup._rows(world.state).items()
    }
    made = state_backup.backup(world.state, tmp_path / "copy")
    assert state_backup.restore(world.state, made.path).total == made.total
    after = {name: sorted(rows, key=repr) for name, rows in state_backup._rows(world.state).items()}
    assert after == before
    approvals.approve(world.state, plan.checksum, "Bob", AS_OF)
    with world.state.reading() as work:
        numbers = [row["number"] for row in work.all("approval", order="number")]
    assert numbers == [numbers[0], numbers[0] + 1]


def test_two_machines_that_apply_at_once_write_everything_once(world: World) -> None:
    """Each with a connection of its own, the same books behind both."""
    other = World(world.folder, world.clock, url=URL)
    other.us, other.org, other.clients = world.us, world.org, world.clients
    plan = world.plan(ROWS)
    store.keep(world.state, plan)

    def applied(machine: World) -> str:
        try:
            return machine.apply(plan).summary()
        except Stop as problem:
            return problem.problem

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(applied, (world, other)))
    assert any("253 done" in one for one in told)
    assert all("253 done" in one or "under way" in one for one in told)
    assert (len(world.us.invoices), len(world.us.customers)) == (2, 1)
    assert world.us.writes == 3
    other.state.close()


def test_a_machine_that_slept_through_its_lease_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_state(URL)
    with pytest.raises(Stop, match="taken over"), hold(world.state, "first", world.clock) as lease:
        monkeypatch.setattr("socket.gethostname", lambda: "another-machine")
        world.clock.advance(60 * 31)
        with hold(other, "second", world.clock), world.state.writing() as work:
            lease.renew(work)
    other.close()
