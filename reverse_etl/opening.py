"""Opens the configured state; at its birth it notes how old the warehouse beside it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pipelines import warehouse
from pipelines.settings import Settings
from reverse_etl import store
from reverse_etl.state import State, open_state

BORN_AS_OF = "born_as_of"


@contextmanager
def opened(settings: Settings) -> Iterator[State]:
    """The state of these settings for the length of the block. Raises what `open_state` raises."""
    state = open_state(settings.state_url)
    try:
        known = store.fact(state, BORN_AS_OF)
        if known is None:
            seen = _data_as_of(settings.warehouse_path)
            store.note_once(state, BORN_AS_OF, seen.isoformat() if seen else "")
        yield state
    finally:
        state.close()


def _data_as_of(path: Path) -> datetime | None:
    """How recent the warehouse's data is; None where nothing was built yet."""
    if "int_clock" not in warehouse.tables(path, warehouse.INTERMEDIATE):
        return None
    rows = warehouse.read(path, "SELECT as_of_at FROM intermediate.int_clock")
    return rows[0]["as_of_at"] if rows else None
