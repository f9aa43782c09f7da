"""Where a shared warehouse is: a DuckLake with its catalogue and the place of its Parquet files.

Whoever hands a warehouse on hands on a path. That of a shared one is a `LakePath`: working files
lie beside it as beside a file, and only `pipelines.warehouse`, `pipelines.transform` and the
extraction, which open it, ask for its `lake`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PosixPath
from typing import Any
from urllib.parse import urlsplit

from pipelines.setting_values import Secret

# The name of the database in every statement, and so that of the path.
ALIAS = "lake"
_SUFFIX = ".ducklake"


@dataclass(frozen=True)
class Bucket:
    """How an object store that speaks S3 is asked. `endpoint` is the address of one of one's own
    (`https://HOST:PORT`); empty is AWS, where `region` says which."""

    endpoint: str
    region: str
    key_id: str
    secret: Secret = field(repr=False)

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return urlsplit(self.endpoint).netloc

    @property
    def is_encrypted(self) -> bool:
        """Is it asked over TLS?"""
        return not self.endpoint.startswith("http:")


@dataclass(frozen=True)
class Lake:
    """A DuckLake. `catalogue` is the URL of a PostgreSQL database.

    `schema` is where the catalogue keeps the tables of this one lake, so that a database holds
    several; `data` is the place of its Parquet files: a folder, or an address `s3://…` in the
    object store that `bucket` tells how to ask.
    """

    catalogue: str
    schema: str
    data: str
    password: Secret = field(repr=False)
    bucket: Bucket | None = None

    @property
    def told(self) -> str:
        """The lake in messages."""
        return f"ducklake {self.catalogue} ({self.schema})"

    @property
    def attached_as(self) -> str:
        """What DuckDB attaches."""
        return f"ducklake:postgres:{self.catalogue}"


class LakePath(PosixPath):
    """The path that stands for a shared warehouse; nothing lies there."""

    lake: Lake | None = None
    is_published: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        return _path, (str(self), self.lake, self.is_published)


def lake_of(path: Path) -> Lake | None:
    """The lake that a path stands for; None for a file's."""
    return path.lake if isinstance(path, LakePath) else None


def is_published(path: Path) -> bool:
    """Does the path stand for a lake as it was published last?"""
    return isinstance(path, LakePath) and path.is_published


def lake_paths(lake: Lake, data_dir: Path) -> tuple[Path, Path]:
    """The warehouse, and the warehouse as it was published last."""
    name = f"{ALIAS}{_SUFFIX}"
    return (
        _path(str(data_dir / name), lake, False),
        _path(str(data_dir / "published" / name), lake, True),
    )


def is_lakes(path: Path) -> bool:
    """Is a path, perhaps told by another process, that of a lake?"""
    return path.suffix == _SUFFIX


def _path(text: str, lake: Lake | None, is_published: bool) -> LakePath:
    path = LakePath(text)
    path.lake, path.is_published = lake, is_published
    return path
