"""The whole of `crossfoot sync` in a lake whose files lie in an object store, on the sample
company; then on another machine, which has nothing but the settings. The store's secret is kept in
no file."""

from __future__ import annotations

import time
from pathlib import Path

from catalogue_server import Catalogue
from demonstration import marks, to_invoice
from object_store import SECRET, ObjectStore

from orchestration.companies import BOOKS, sample_company
from orchestration.local_sandbox import CONNECTION, local_sandbox
from orchestration.sync import Round, rounds
from pipelines.settings import load_settings


def test_it_ends_in_an_empty_plan_and_another_machine_finds_nothing_to_do(
    catalogue: Catalogue, store: ObjectStore, tmp_path: Path
) -> None:
    books = tmp_path / "sandbox"
    books.mkdir()
    seed = sample_company(tmp_path, anew=True)
    given = catalogue.settings("sync", tmp_path) | store.settings()
    given["CROSSFOOT_SANDBOX_CONNECTION"] = str(books / CONNECTION)
    with local_sandbox(seed, books / BOOKS, books / CONNECTION):
        done = _rounds(given)
        assert len(done) > 1
        assert len(done[0].plan.changes) > 100
        assert not done[-1].plan.changes
        (again,) = _rounds(given | {"CROSSFOOT_DATA_DIR": str(tmp_path / "another machine")})
        assert not again.plan.changes
    assert set(marks(tmp_path)) == to_invoice(tmp_path)
    assert set(marks(tmp_path).values()) == {1}
    assert any(key.startswith("warehouse/sync/") for key in store.held())
    # What dbt keeps of a parsed project lies beside the project.
    folders = (tmp_path, load_settings(given).dbt_dir / "target")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def _rounds(given: dict[str, str]) -> list[Round]:
    began, used = time.perf_counter(), time.process_time()
    done = list(rounds(load_settings(given), "Ada"))
    print(
        f"\n{len(done)} rounds: {[len(one.plan.changes) for one in done]} changes,"
        f" {time.perf_counter() - began:.0f} s,"
        f" {time.process_time() - used:.0f} s of processor time"
    )
    return done
