"""Texts out of a SQLite file that is not ours, without changing it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_NAME = re.compile(r"[a-z_]+")


def texts(file: Path, table: str, column: str) -> Iterator[str]:
    """Each value of a column as text; nothing where there is no such table.

    Raises `ValueError` for a name that is not plain.
    """
    if not (_NAME.fullmatch(table) and _NAME.fullmatch(column)):
        raise ValueError(f"{table}.{column} is no plain name")
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        asked = "SELECT 1 FROM sqlite_master WHERE name = ?"
        if connection.execute(asked, [table]).fetchone():
            for (value,) in connection.execute(f"SELECT {column} FROM {table}"):  # noqa: S608
                yield str(value)
