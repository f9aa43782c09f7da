"""What an extraction says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Mode = Literal["full", "incremental", "cdc"]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class ExtractResult:
    """One object of one org or company, read once.

    `rows` arrived; `rows_vendor` is the vendor's own count of them, None where it was not asked;
    `calls` were made for it and count against an allowance; `server_time` is the vendor's clock.
    """

    system: str
    source: str
    object: str
    mode: Mode
    rows: int
    rows_vendor: int | None
    calls: int
    server_time: datetime


def silent(_: str) -> None:
    """A progress that says nothing."""
