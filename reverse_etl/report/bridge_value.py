"""The bridge from sold to billed as values: over all, and of single periods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

PeriodKind = Literal["month", "week", "year"]


@dataclass(frozen=True)
class Company:
    """A QuickBooks company: the realm id, and its name where it is known."""

    company_id: str
    name: str


@dataclass(frozen=True)
class BridgeLine:
    """One line of the bridge: a `flow` moves the sum by its signed amount, a `total` states it,
    and the `check` is what is left over.
    """

    number: int
    code: str
    label: str
    kind: str
    amount: Decimal
    documents: int | None


@dataclass(frozen=True)
class Bridge:
    """From booked to billed for one company and currency."""

    company: Company
    currency: str
    lines: tuple[BridgeLine, ...]

    def amount(self, code: str) -> Decimal:
        """The amount of the line with this code, 0 when the bridge has no such line."""
        return sum((line.amount for line in self.lines if line.code == code), Decimal(0))

    @property
    def residual(self) -> Decimal:
        """What is left unexplained: 0.00 when the bridge ties."""
        return self.amount("RESIDUAL")

    @property
    def ties(self) -> bool:
        return self.residual == 0

    @property
    def is_empty(self) -> bool:
        """Did nothing at all move? Then no line holds a record or an amount."""
        return not any(line.amount or line.documents for line in self.lines)


@dataclass(frozen=True)
class Period:
    """The bridges of one month, ISO week or year, of every book that moved in it. `code` is the
    period's name in the marts, such as 2026-10 or 2026-W43."""

    kind: PeriodKind
    code: str
    first_on: date
    bridges: tuple[Bridge, ...]

    @property
    def ties(self) -> bool:
        return all(bridge.ties for bridge in self.bridges)
