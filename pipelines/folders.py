"""Folders for what is nobody else's business: the books, the state, tokens and reports."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing, each open to its owner alone.

    One that is there keeps its mode: who wants reports or the published copy read by others makes
    their folder first. Raises `OSError` like `Path.mkdir`.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    # Not a folder, or a link to nothing: said as `mkdir` says it.
    folder.mkdir(exist_ok=True)
