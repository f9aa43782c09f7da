"""A catalogue in PostgreSQL, once for all tests of the shared warehouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The worlds of the warehouse's tests are used here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "warehouse"))

from catalogue_server import Catalogue, running


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with running(tmp_path_factory.mktemp("catalogue") / "postgresql") as server:
        yield server
