"""Who is told of every call: a recorder is handed to the clients from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["read", "write", "token"]


@dataclass(frozen=True)
class MeteredCall:
    """One call about to be made: of which system and source (org or company), what for, and how
    many calls the vendor counts or charges for it. Without a purpose it is what the run is for."""

    system: str
    source: str
    kind: Kind
    metered: int
    purpose: str


# Told of every call but those for tokens, before it is sent. What it raises keeps the call back.
Recorder = Callable[[MeteredCall], None]


def unrecorded(_: MeteredCall) -> None:
    """The recorder of a client whose calls nobody keeps, as in tests."""
