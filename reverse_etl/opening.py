"""Opens the configured state; at its birth it notes when that is, and how old the warehouse beside
it is: what was written before, this state does not know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from pipelines import warehouse
from pipelines.settings import Settings
from reverse_etl import store
from reverse_etl.state import State, open_state

BORN_AS_OF = "born_as_of"
BORN_AT = "born_at"
# What `kept_open` holds for this thread, by its address.
_KEPT: ContextVar[tuple[str, State] | None] = ContextVar("kept", default=None)


@contextmanager
def opened(settings: Settings) -> Iterator[State]:
    """The state of these settings for the length of the block. Raises what `open_state` raises."""
    kept = _KEPT.get()
    if kept is not None and kept[0] == settings.state_url:
        yield kept[1]
        return
    state = open_state(settings.state_url)
    try:
        known = store.fact(state, BORN_AS_OF)
        if known is None:
            note_birth(state, settings, datetime.now(UTC))
        yield state
    finally:
        state.close()


@contextmanager
def kept_open(settings: Settings) -> Iterator[None]:
    """A block in which this thread opens the state again and again: it is looked at for damage and
    another version once, some 10 ms of computing. Raises what `open_state` raises."""
    with opened(settings) as state:
        token = _KEPT.set((settings.state_url, state))
        try:
            yield
        finally:
            _KEPT.reset(token)


def note_birth(state: State, settings: Settings, at: datetime) -> None:
    """Note that this state knows of no write before `at`, our own clock: it is new, or was
    restored."""
    seen = _data_as_of(settings.warehouse_path)
    store.note(state, BORN_AT, at.isoformat())
    store.note(state, BORN_AS_OF, seen.isoformat() if seen else "")


def _data_as_of(path: Path) -> datetime | None:
    """How recent the warehouse's data is; None where nothing was built yet."""
    if "int_clock" not in warehouse.tables(path, warehouse.INTERMEDIATE):
        return None
    rows = warehouse.read(path, "SELECT as_of_at FROM intermediate.int_clock")
    return rows[0]["as_of_at"] if rows else None
