"""Where Spark runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Its master's address, a folder that all of its workers see under the same path, and settings
    of Spark's own."""

    master: str
    folder: Path
    options: Mapping[str, str] = field(default_factory=dict)
