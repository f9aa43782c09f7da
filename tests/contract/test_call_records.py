"""Calls of a real extraction in the state: as many as the servers saw, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from both_systems import GB, ORG, QUICK, US, World, running_world, write_seed

from orchestration import steps
from pipelines.errors import CrossfootError
from reverse_etl.calls import since
from reverse_etl.opening import opened


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


def metered(world: World) -> dict[str, int]:
    """Metered calls by source, as the state holds them, without questions about the allowance."""
    sums: dict[str, int] = {}
    with opened(world.settings) as state:
        rows = since(state, datetime.now(UTC) - timedelta(days=1))
        for row in (r for r in rows if r.purpose != "budget"):
            sums[row.source_id] = sums.get(row.source_id, 0) + row.metered
    return sums


def test_the_calls_of_an_extraction_are_those_that_its_results_tell(world: World) -> None:
    done = steps.extract(world.settings)
    told = {s: sum(r.calls for r in done if r.source == s) for s in (ORG, US, GB)}
    first = metered(world)
    assert set(first) == {ORG, US, GB}
    # Controls may be asked on top of what the objects cost.
    assert all(first[source] >= told[source] > 0 for source in told)
    world.settings.warehouse_path.unlink()
    steps.extract(world.settings)
    assert metered(world) == {source: 2 * calls for source, calls in first.items()}


def test_a_run_that_fails_has_its_calls_counted(world: World) -> None:
    world.arm("refuse", "/query", times=None, system="quickbooks", status=503)
    with pytest.raises(CrossfootError):
        steps.extract(world.settings)
    failed = metered(world)
    assert failed[ORG] > 0
    assert failed[US] > 0
