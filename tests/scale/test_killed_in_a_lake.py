"""Processes that are killed while they load into a lake, or write to the vendors from one.

What the next run leaves is compared with what nobody disturbed: the same books read into a file,
and the sandbox's own invoices.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import killed_books
import pytest
from both_systems import US, running_world, write_seed
from catalogue_server import Catalogue
from quickbooks_company import customer
from small_company import SmallCompany, deal_id, rows, running_company
from writing import invoice_row

from pipelines import warehouse
from pipelines.clients import quickbooks as client
from pipelines.extract import history, results
from pipelines.settings import load_settings

RAW, HISTORY = warehouse.RAW_QUICKBOOKS, warehouse.HISTORY_QUICKBOOKS
MANY = 25
# Seconds after which a query shows what was made.
LATER = 240


def test_an_extraction_killed_in_the_middle_of_loading_ends_whole(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed where one load is kept and the next one's rows are in their tables but nothing says
    so: it goes on, and every table is then that of a reading into a file."""
    monkeypatch.setattr(client, "PAGE", killed_books.PAGE)
    monkeypatch.setattr(results, "SLICE_ROWS", killed_books.SLICE)
    customers = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, MANY + 1)]
    seed = write_seed(tmp_path / "seed", quickbooks={US: {"Customer": customers}})
    with running_world(seed, tmp_path / "file") as world:
        killed_books.read_books(str(world.settings.data_dir), lambda text: None)
        given = catalogue.settings("killed", tmp_path) | {
            "CROSSFOOT_SANDBOX_CONNECTION": str(world.folder / "connection.json")
        }
        path = load_settings(given).warehouse_path
        _kill(given)
        assert _held(path)
        assert _concluded(path) < _concluded(world.settings.warehouse_path)
        said: list[str] = []
        folder = given.pop("CROSSFOOT_DATA_DIR")
        killed_books.read_books(folder, said.append, **given)
    assert any(": going on after" in text for text in said), said
    assert _concluded(path) == _concluded(world.settings.warehouse_path)
    assert _held(path) == _held(world.settings.warehouse_path)


def _kill(given: dict[str, str]) -> None:
    """Read in a process that is killed in its second load."""
    more = [f"{name}={value}" for name, value in given.items() if name != "CROSSFOOT_DATA_DIR"]
    command = [sys.executable, killed_books.__file__, given["CROSSFOOT_DATA_DIR"], "1", "rows"]
    ended = subprocess.run([*command, *more], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _concluded(path: Path) -> set[tuple[str, str]]:
    """What was read to its end, as it was written down."""
    told = f"SELECT source_id, object FROM {RAW}.extract_run WHERE mode <> 'unfinished'"
    return {(row["source_id"], row["object"]) for row in warehouse.read(path, told)}


def _held(path: Path) -> Counter[tuple[Any, ...]]:
    """Every raw row and every open version by its key, and how often it is there."""
    found: Counter[tuple[Any, ...]] = Counter()
    with warehouse.reader(path) as connection:
        for one in history.recorded(connection, RAW):
            key = ", ".join(map(warehouse.identifier, one.key))
            for kind, table, of in (
                (RAW, one.of_raw, ""),
                (HISTORY, one.of_history, f" WHERE {history.TO} IS NULL" if one.kept else ""),
            ):
                if kind == RAW or one.kept:
                    keys = connection.execute(f"SELECT {key} FROM {table}{of}").fetchall()
                    found.update((kind, one.table, *values) for values in keys)
    return found


@pytest.fixture(scope="module")
def company(
    catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SmallCompany]:
    """The small company, with its marts in a lake and its ledger in PostgreSQL."""
    folder = tmp_path_factory.mktemp("writes")
    with running_company(folder, 10) as running:
        running.environment = catalogue.settings("writes", folder) | running.environment
        yield running


@pytest.mark.parametrize(
    ("number", "point", "forgotten"),
    [(1, "after_send", False), (3, "after_send", True), (5, "after_intent", True)],
)
def test_an_apply_killed_between_request_and_record_makes_one_invoice(
    company: SmallCompany, number: int, point: str, forgotten: bool
) -> None:
    deals = (number, number + 1)
    company.judge(rows(invoices=[invoice_row(n) for n in deals]))
    plan = company.plan()
    assert len(plan.changes) == len(deals)
    ended = company.in_a_process("approve", checksum=plan.checksum)
    assert ended["result"] == "Ada"
    ended = company.in_a_process("apply", kill=f"invoices.{point}", checksum=plan.checksum)
    assert ended["killed_by"] == signal.SIGKILL
    assert len(_marks(company, deals)) == (0 if point == "after_intent" else len(deals))
    if forgotten:
        company.forget()
    ended = company.in_a_process("apply", checksum=plan.checksum, later=LATER)
    assert {status for _, status, _ in ended["result"]} == {"done"}
    assert _marks(company, deals) == Counter(f"Crossfoot {deal_id(n)}/1/g1" for n in deals)
    calls = company.write_calls()
    ended = company.in_a_process("apply", checksum=plan.checksum, later=LATER)
    assert not any(fresh for _, _, fresh in ended["result"])
    assert company.write_calls() == calls


def _marks(company: SmallCompany, deals: tuple[int, ...]) -> Counter[str]:
    """How often the books have the invoice of each of these deals."""
    notes = (str(i.get("PrivateNote", "")).partition("\n")[0] for i in company.invoices())
    mine = tuple(f"Crossfoot {deal_id(n)}/" for n in deals)
    return Counter(note for note in notes if note.startswith(mine))
