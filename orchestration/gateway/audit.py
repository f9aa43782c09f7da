"""The log of every call to the gateway: who, what, with which result, how long. One line of JSON
each, in a private file for each month; a call whose line cannot be written is not answered."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.errors import from_disk
from pipelines.folders import make_private


@dataclass(frozen=True)
class Entry:
    """One call. `result` is ok, refused or failed, or begun for what is about to change
    something; `told` says why it was not ok."""

    at: str
    caller: str
    transport: str
    tool: str
    arguments: Mapping[str, Any]
    result: str
    told: str
    rows: int
    milliseconds: int


class AuditLog:
    """Appends to this month's file. Safe under threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def write(self, entry: Entry, at: datetime) -> None:
        """Keep one call. Raises `DiskFull` or `Stop` when it cannot be kept."""
        line = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
        try:
            with self._lock:
                make_private(self._folder)
                path = self._folder / f"audit-{at:%Y-%m}.jsonl"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                    file.write(line)
        except OSError as problem:
            raise from_disk(problem) from None

    def read(self, at: datetime) -> list[dict[str, Any]]:
        """The lines of a month, oldest first."""
        path = self._folder / f"audit-{at:%Y-%m}.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
