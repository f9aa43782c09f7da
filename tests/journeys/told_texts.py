"""Everything a run leaves behind, as text: files, what is packed in them, and database tables."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb


def texts_below(folder: Path, without: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Name and content of each file, but those in folders or of names in `without`."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if not without & set(path.relative_to(folder).parts):
            yield str(path.relative_to(folder)), str(path.relative_to(folder))
            for part, text in _contents(path):
                yield f"{path.relative_to(folder)}{part}", text


def _contents(path: Path) -> Iterator[tuple[str, str]]:
    content = path.read_bytes()
    if ".duckdb" in path.name and content[8:12] == b"DUCK":
        yield from _tables(path)
    elif content.startswith(b"SQLite format 3"):
        yield "", content.decode(errors="replace")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as kept:
            yield " (dumped)", "\n".join(kept.iterdump())
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield f" {name}", packed.read(name).decode(errors="replace")
    elif content.startswith(b"\x1f\x8b"):
        yield "", gzip.decompress(content).decode(errors="replace")
    else:
        yield "", content.decode(errors="replace")


def _tables(path: Path) -> Iterator[tuple[str, str]]:
    """DuckDB compresses text: its rows are read, its bytes tell nothing."""
    with closing(duckdb.connect(str(path), read_only=True)) as warehouse:
        names = warehouse.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
        for schema, name in names:
            rows = warehouse.execute(f'select * from "{schema}"."{name}"').fetchall()
            yield f" {schema}.{name}", "\n".join(map(repr, rows))
