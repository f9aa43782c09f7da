"""One at a time in a data folder: a demonstration empties it, a sandbox keeps its books in it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import Stop
from pipelines.folders import make_private

LOCK = "in_use.lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder for a block; the lock dies with the process.

    Raises `Stop` when a demonstration, a UI or a sandbox has it.
    """
    make_private(folder)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(
                system="data folder",
                record=str(folder),
                problem="another demonstration, UI or sandbox is using it",
                next_step="Stop that one, or set CROSSFOOT_DATA_DIR to another folder.",
            ) from None
        yield
