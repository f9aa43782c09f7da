"""Who is told of every call: a recorder is handed to the clients from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

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


@dataclass(frozen=True)
class VendorUsage:
    """What a vendor says of its own accord: the calls of all programs that count now, and how many
    it allows."""

    system: str
    source: str
    used: int
    allowed: int


class Recorder(Protocol):
    """Is told of every call but those for tokens, before it is sent; what it raises keeps the call
    back. And of what the vendor says of its allowance."""

    def __call__(self, call: MeteredCall, /) -> None: ...

    def told(self, usage: VendorUsage, /) -> None: ...


class Unrecorded:
    """The recorder of a client whose calls nobody keeps, as in tests."""

    def __call__(self, call: MeteredCall, /) -> None:
        return

    def told(self, usage: VendorUsage, /) -> None:
        return


unrecorded = Unrecorded()
