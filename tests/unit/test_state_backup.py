"""The state copied, put back, and rebuilt from the marks in the books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner
from writing import AS_OF, US, World, account_id, customer_row, deal_id, invoice_row, marts

from orchestration.cli import app
from pipelines import warehouse
from pipelines.errors import StateCorrupt, Stop
from pipelines.settings import Settings, load_settings
from reverse_etl import approvals, rebuilding, state_backup, store
from reverse_etl.lease import hold, utc_now
from reverse_etl.ledger import entry, history, snapshot
from reverse_etl.opening import BORN_AT
from reverse_etl.state import State, open_state
from reverse_etl.state_backup import backup, restore
from reverse_etl.syncs import registry

ROWS = marts(invoices=[invoice_row(n) for n in (1, 2)], customers=[customer_row(3)])
KEY = f"invoices:{US}:{deal_id(1)}:1:g1"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A state with every kind of ending."""
    made = World(tmp_path)
    made.us.faults = ["lost_reply", "refused"]
    plan = made.plan(ROWS)
    store.keep(made.state, plan)
    approvals.approve(made.state, plan.checksum, "Ada", AS_OF)
    made.apply(plan)
    yield made
    made.state.close()


def everything(state: State) -> dict[str, list[dict[str, object]]]:
    return {name: sorted(rows, key=repr) for name, rows in state_backup._rows(state).items()}


def test_a_backup_put_back_is_the_same_state(world: World, tmp_path: Path) -> None:
    made = backup(world.state, tmp_path / "copy.state")
    assert made.records["ledger_entry"] == 3
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert [f.name for f in tmp_path.iterdir() if "copy" in f.name] == ["copy.state"]
    before = everything(world.state)
    world.apply(world.plan(ROWS))
    assert everything(world.state) != before
    assert restore(world.state, made.path).total == made.total
    assert everything(world.state) == before
    # Numbers go on after those put back.
    plan = world.plan(ROWS)
    store.keep(world.state, plan)
    approvals.approve(world.state, plan.checksum, "Bob", AS_OF)


def test_a_backup_never_replaces_a_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(Stop, match="such a file already"):
        backup(world.state, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"


def test_what_is_no_backup_changes_nothing(world: World, tmp_path: Path) -> None:
    before = everything(world.state)
    (tmp_path / "page").write_text("<html>")
    for name, problem in (("page", StateCorrupt), ("none", Stop)):
        with pytest.raises(problem):
            restore(world.state, tmp_path / name)
    whole = backup(world.state, tmp_path / "copy").path.read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises((StateCorrupt, Stop)):
        restore(world.state, tmp_path / "half")
    assert everything(world.state) == before


def test_nothing_is_put_back_under_a_run(world: World, tmp_path: Path) -> None:
    made = backup(world.state, tmp_path / "copy")
    with hold(world.state, "apply"), pytest.raises(Stop, match="a run is under way: apply"):
        restore(world.state, made.path)


def test_a_backup_of_an_older_version_is_brought_up_to_date(world: World, tmp_path: Path) -> None:
    made = backup(world.state, tmp_path / "copy")
    older = open_state(f"sqlite:///{made.path}")
    with older._engine.begin() as connection:
        connection.execute(text("DROP TABLE sign_off"))
        connection.execute(text("DELETE FROM schema_version WHERE version > 3"))
    older.close()
    kept = made.path.read_bytes()
    assert restore(world.state, made.path).total == made.total
    assert made.path.read_bytes() == kept


# Rebuilding ---------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path / "data")})


def books(settings: Settings, *notes: tuple[str, str, str]) -> None:
    """Raw tables with these records: table, id, note."""
    columns = dict.fromkeys(("company_id", "id", "payload"), "VARCHAR")
    member = {"invoice": "PrivateNote", "customer": "Notes"}
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    for table, name in member.items():
        own = [
            {
                "company_id": US, "id": record,
                "payload": json.dumps({
                    name: note, "TotalAmt": 165.0, "CurrencyRef": {"value": "USD"},
                    "TxnTaxDetail": {"TotalTax": 15.0},
                }),
            }
            for kind, record, note in notes
            if kind == table
        ]  # fmt: skip
        warehouse.replace_table(settings.warehouse_path, "raw_quickbooks", table, columns, own)
    clock = {"as_of_at": "TIMESTAMP WITH TIME ZONE"}
    warehouse.replace_table(
        settings.warehouse_path, "intermediate", "int_clock", clock, [{"as_of_at": AS_OF}]
    )


def rebuilt(settings: Settings) -> rebuilding.Rebuilt:
    return rebuilding.rebuild(settings, "Ada", utc_now)


def test_a_lost_ledger_knows_again_what_the_books_bear(settings: Settings) -> None:
    books(
        settings,
        ("invoice", "7", f"Crossfoot {deal_id(1)}/1/g1\nDeal 1"),
        ("invoice", "8", f"Voided. Crossfoot {deal_id(2)}/3/g2"),
        ("invoice", "9", "no mark of ours"),
        ("customer", "5", f"Crossfoot {account_id(3)}/g1"),
    )
    done = rebuilt(settings)
    assert (done.added, done.known) == (3, 0)
    assert [line.partition(":")[0] for line in done.uncertain[:-1]] == ["invoices"]
    assert "generation g1 is not in the books" in done.uncertain[0]
    assert "approvals and decisions of people are not in the books" in done.uncertain[-1]
    state = open_state(settings.state_url)
    kept = entry(state, KEY)
    assert kept is not None
    assert (kept.status, kept.remote_id, str(kept.amount), kept.known_as_of) == (
        "done", "7", "150.00", AS_OF,
    )  # fmt: skip
    assert [e["event"] for e in history(state, KEY)] == ["rebuilt"]
    keys = {e.change_key for e in snapshot(state, registry.NAMES)}
    assert f"customers:{US}:{account_id(3)}:0:g1" in keys
    assert f"invoices:{US}:{deal_id(2)}:3:g2" in keys
    state.close()
    again = rebuilt(settings)
    assert (again.added, again.known) == (0, 3)


def test_what_the_books_do_not_settle_is_listed(settings: Settings, world: World) -> None:
    books(
        settings,
        ("invoice", "7", f"Crossfoot {deal_id(4)}/1/g1"),
        ("invoice", "8", f"Crossfoot {deal_id(4)}/1/g1"),
        ("invoice", "9", f"Crossfoot {deal_id(5)}/1/g1"),
    )
    settings = load_settings(
        {"CROSSFOOT_DATA_DIR": str(settings.data_dir), "CROSSFOOT_STATE_URL": world.url}
    )
    assert rebuilt(settings).added == 1
    with world.state.writing() as work:
        work.change("ledger_entry", {"remote_id": "99"}, record_id=deal_id(5))
    uncertain = rebuilt(settings).uncertain
    assert len(uncertain) == 3
    assert "invoices 7, 8 all carry this mark" in uncertain[0].replace("Invoice", "invoices")
    assert "the ledger says 99, the books say 9" in uncertain[1]
    assert "its outcome is unknown" in uncertain[2]


def test_without_books_nothing_is_rebuilt(settings: Settings) -> None:
    with pytest.raises(Stop, match="no books"):
        rebuilt(settings)


def test_the_commands(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(settings.data_dir))
    books(settings, ("invoice", "7", f"Crossfoot {deal_id(1)}/1/g1"))
    run, copy = CliRunner().invoke, str(tmp_path / "copy")
    assert run(app, ["state", "rebuild", "--by", "Ada"]).exit_code == 1
    assert "records of the state are in" in run(app, ["state", "backup", copy]).output
    assert run(app, ["state", "restore", copy]).exit_code == 1
    before = datetime.now(UTC)
    done = run(app, ["state", "restore", copy, "--replace"])
    assert done.exit_code == 0, done.output
    state = open_state(settings.state_url)
    born = store.fact(state, BORN_AT)
    assert born is not None
    assert datetime.fromisoformat(born) >= before
    assert entry(state, KEY) is not None
    state.close()
