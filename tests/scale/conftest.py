"""A catalogue in PostgreSQL and an object store, once for all tests of the shared warehouse."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The worlds of other tests are used here too.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "warehouse"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "contract"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import object_store
from catalogue_server import Catalogue, running
from object_store import ObjectStore


@pytest.fixture(scope="session")
def catalogue() -> Iterator[Catalogue]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def store() -> Iterator[ObjectStore]:
    with object_store.running() as running_store:
        yield running_store
