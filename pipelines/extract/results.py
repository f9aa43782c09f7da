"""What an extraction says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

Mode = Literal["full", "incremental", "cdc", "unfinished"]
Progress = Callable[[str], None]

# After about so many rows a reading hands over what it has, so that it is loaded and kept. Whoever
# wants the warehouse waits for one such slice.
SLICE_ROWS = 122_880
# The measures that the warehouse itself can tell of an object: how many rows it holds and does
# not know as deleted; any other measure is named with its column, `sum of Amount`.
ROWS = "rows"
SUM_OF = "sum of "
# What calls are for, where that is not just reading: the round that is made once a day, and the
# vendor's own figures. The record of calls keeps it, and rounds to come are estimated by it.
SWEEP, VERIFY = "sweep", "verify"


@dataclass(frozen=True)
class ExtractResult:
    """One object of one org or company, read once.

    Of one that is `unfinished`, so many rows have come so far, and it is not held to its end.
    `rows` arrived; `rows_vendor` is the vendor's own count of them, None where it was not asked;
    `calls` were made for it and count against an allowance; `server_time` is the vendor's clock;
    `transport` is the way the rows came, where the vendor has several.
    """

    system: str
    source: str
    object: str
    mode: Mode
    rows: int
    rows_vendor: int | None
    calls: int
    server_time: datetime
    transport: str = ""


@dataclass(frozen=True)
class ControlTotal:
    """One figure of an object as the vendor tells it, to be held against what we hold.

    `measure` is `rows` (records alive at the vendor), `sum of <vendor's field>`, or the name of a
    report's total. `held` is None where only the warehouse can tell: it is filled by SQL after the
    load. `currency` is None for counts and for sums over one currency only; `asked_at` is the
    vendor's clock when the figure was asked.
    """

    system: str
    source: str
    object: str
    measure: str
    vendor: Decimal
    held: Decimal | None
    currency: str | None
    asked_at: datetime


@dataclass(frozen=True)
class KeptWalk:
    """An object whose rows have come in part: where to go on stands in the state.

    `rows` have come so far, of `total` where the vendor has told it. `is_followed` when the object
    was read to its end before and its changes are brought meanwhile, so that what is held of it is
    whole; else it is not concluded.
    """

    system: str
    source: str
    object: str
    rows: int
    total: int | None
    is_followed: bool
    server_time: datetime

    @property
    def told(self) -> str:
        """`Invoice: 400,000 rows of 1,000,000 so far`."""
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self.object}: {self.rows:,} rows{of} so far"


class Reading(Protocol):
    """One org or company as it is read in one run, in one load or in several.

    `unfinished` is True after a load when rows are still to come: the same reading is then loaded
    again and goes on from the token that it left in the state; so does another reading, which
    another may have come before. `results` and `controls` speak of objects only that have been read
    to their end, `kept` of those that have not. After a load that is `behind`, rows may be held as
    they were when a job was made or older books were shown: what has changed since is to be read
    before anybody judges by them.
    """

    results: list[ExtractResult]
    controls: list[ControlTotal]
    unfinished: bool

    @property
    def kept(self) -> Sequence[KeptWalk]: ...

    @property
    def is_behind(self) -> bool: ...


def silent(_: str) -> None:
    """A progress that says nothing."""
