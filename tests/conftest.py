"""What holds for all tests."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# Some million objects of libraries and collected tests are there from the beginning to the end:
# looking through them for garbage as often as Python does by itself is a sixth of all work.
gc.set_threshold(50_000, 20, 100)

# A test fails for what is wrong, never for a machine that is busy with other things.
settings.register_profile("crossfoot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crossfoot")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there now stays."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Libraries that count their objects at the end find them all."""
    gc.unfreeze()
