"""Fixtures of the contract tests: real servers on loopback, reached by real clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from salesforce_org import Org, running_org, write_seed


@pytest.fixture(scope="session")
def salesforce_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seed folder with the small org."""
    return write_seed(tmp_path_factory.mktemp("salesforce") / "seed")


@pytest.fixture
def org(salesforce_seed: Path) -> Iterator[Org]:
    """The small org, fresh for each test."""
    with running_org(salesforce_seed) as running:
        yield running
