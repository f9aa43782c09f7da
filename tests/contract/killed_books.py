"""Reads QuickBooks in small pages and loads, as a process of its own that is killed on its way.

Run as a program: data folder, how many loads are kept, and where in the next one
the process is killed: `rows` (they are in their tables, and dlt has not yet said so) or `kept`.
Settings may follow, as NAME=value.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from dlt.load import Load

from pipelines.clients import quickbooks as client
from pipelines.extract import by_dlt, read, results, sources, undisturbed
from pipelines.settings import load_settings

PAGE, SLICE = 12, 30


def read_books(folder: str, progress: Any, **given: str) -> None:
    """Read QuickBooks to the end, as `crossfoot extract` does; `given` are further settings."""
    settings = load_settings({"CROSSFOOT_DATA_DIR": folder, **given}).check()
    _, books = sources(settings, progress)
    with undisturbed(settings.warehouse_path):
        read(books, by_dlt)


def main() -> None:
    folder, loads, point, *more = sys.argv[1:]
    given = dict(word.split("=", 1) for word in more)
    client.PAGE, results.SLICE_ROWS = PAGE, SLICE
    kept = 0

    def die(at: str) -> None:
        if (at, kept) == (point, int(loads)):
            os.kill(os.getpid(), signal.SIGKILL)

    complete = Load.complete_package

    def before_completion(self: Any, *given: Any, **named: Any) -> Any:
        die("rows")
        return complete(self, *given, **named)

    def progress(text: str) -> None:
        nonlocal kept
        if ": kept " in text:
            kept += 1
            die("kept")

    Load.complete_package = before_completion  # type: ignore[method-assign]
    read_books(folder, progress, **given)


if __name__ == "__main__":
    main()
