"""The extraction as Dagster runs it: several companies, no more than a slice at a time, and a disk
that is full in the middle of a load."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest
from both_systems import GB, QUICK, US, World, running_world, write_seed
from dagster_dlt import DagsterDltResource
from dlt.common.data_writers.buffered import BufferedDataWriter
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

from orchestration.assets.extract import extract_assets
from orchestration.launching import _job, read_anew
from orchestration.resources import SettingsResource
from pipelines import warehouse
from pipelines.extract import results


@pytest.fixture
def world(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    seed = write_seed(tmp_path_factory.mktemp("both") / "seed")
    with running_world(seed, tmp_path_factory.mktemp("dagster") / "data") as served:
        monkeypatch.setattr("orchestration.resources.load_settings", lambda: served.settings)
        yield served


def run(world: World) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """One run of the QuickBooks half; the result, and what ended each failed step."""
    _, quickbooks = extract_assets(world.settings)
    done = dg.materialize(
        [quickbooks],
        resources={"dlt": DagsterDltResource(), "settings": SettingsResource()},
        raise_on_error=False,
    )
    failed = [e.step_failure_data for e in done.all_events if e.is_step_failure]
    return done, [_innermost(f.error) for f in failed if f.error is not None]


def read(world: World) -> dict[str, Any]:
    """A run that ends well; what it tells of each table."""
    done, told = run(world)
    assert done.success, told
    events = done.asset_materializations_for_node("extract_quickbooks")
    return {e.asset_key.path[-1]: e.metadata for e in events if e.asset_key}


def _innermost(problem: Any) -> str:
    while problem.cause is not None:
        problem = problem.cause
    return str(problem.message)


def full(until: Callable[[], bool], write: Callable[..., Any]) -> Callable[..., Any]:
    """A write for which there is no room as long as `until` says so."""

    def refused(*given: Any, **named: Any) -> Any:
        if until():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "load")
        return write(*given, **named)

    return refused


def test_a_full_disk_ends_a_run_in_one_sentence_and_the_next_one_is_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: while rows are written to files, and while a package of them is loaded, which then
    stays behind. The third run reads a first slice of both companies, and a backfill the rest."""
    monkeypatch.setattr(results, "SLICE_ROWS", 4)
    monkeypatch.setattr("pipelines.clients.quickbooks.PAGE", 3)
    is_full = {BufferedDataWriter: True, DuckDbCopyJob: True}
    for owner, name in ((BufferedDataWriter, "_flush_items"), (DuckDbCopyJob, "run")):
        monkeypatch.setattr(
            owner, name, full(lambda owner=owner: is_full[owner], getattr(owner, name))
        )
    for owner in (BufferedDataWriter, DuckDbCopyJob):
        done, told = run(world)
        assert not done.success
        (sentence,) = told
        assert "there is no room left. Free some space and run again." in sentence, sentence
        assert "\n" not in sentence.strip()
        assert "extract_run" not in warehouse.tables(
            world.settings.warehouse_path, "raw_quickbooks"
        )
        is_full[owner] = False
    facts = read(world)
    assert facts["invoice"]["loads"].value == 1
    assert facts["tax_code"]["not_at_its_end"].value.endswith("TaxCode: 3 rows so far")
    backfill = _job("backfill", read_anew, "").execute_in_process(
        resources={"settings": SettingsResource()}
    )
    assert backfill.success
    facts = read(world)
    assert not any("not_at_its_end" in told for told in facts.values())
    books = {
        realm: {
            r["Id"] for r in world.quickbooks(realm).query("Customer", "Active in (true, false)")
        }
        for realm in (US, GB)
    }
    held: dict[str, set[str]] = {US: set(), GB: set()}
    for row in warehouse.read(
        world.settings.warehouse_path, "SELECT company_id, id FROM raw_quickbooks.customer"
    ):
        held[row["company_id"]].add(row["id"])
    assert held == books and all(books.values())
    assert facts["customer"]["dagster/row_count"].value == sum(map(len, books.values()))
