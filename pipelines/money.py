"""Amounts with their currency: rounding, allocation to the cent, tolerance. Decimal only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

# ISO 4217 currencies whose smallest unit is not a hundredth.
_MINOR_UNITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
         "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
_PRECISION = 60


@dataclass(frozen=True)
class Money:
    """An amount in one currency. Arithmetic across currencies raises ValueError."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"an amount is a Decimal, not {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise ValueError("an amount is a finite number")
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.isupper():
            raise ValueError(
                f"a currency is a code of three capital letters, not {self.currency!r}"
            )

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __str__(self) -> str:
        return f"{self.amount:,.{minor_units(self.currency)}f} {self.currency}"

    def rounded(self) -> Money:
        """The same money in whole smallest units, half away from zero."""
        return Money(round_half_up(self.amount, self.currency), self.currency)

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other


def minor_units(currency: str) -> int:
    """Decimals of the currency's smallest unit (ISO 4217): 2 for USD, 0 for JPY, 3 for KWD."""
    return _MINOR_UNITS.get(currency, 2)


def smallest_unit(currency: str) -> Decimal:
    """One cent, or whatever the currency has in its place."""
    return Decimal(1).scaleb(-minor_units(currency))


def round_half_up(amount: Decimal, currency: str) -> Decimal:
    """Round to the smallest unit, half away from zero, as QuickBooks and DuckDB do."""
    with localcontext(prec=_PRECISION):
        return amount.quantize(smallest_unit(currency), rounding=ROUND_HALF_UP)


def allocate(total: Decimal, weights: Sequence[Decimal], currency: str = "USD") -> list[Decimal]:
    """Split `total` by `weights` into whole smallest units that add up to it exactly.

    Largest remainder: every part is within one smallest unit of its exact share, ties go to the
    earlier position. A weight of zero gets nothing unless all are zero, when all count the same.
    Raises ValueError for no weights, a negative weight, or a total finer than the smallest unit.
    """
    if not weights or any(w < 0 for w in weights):
        raise ValueError("allocation needs at least one weight, none of them negative")
    if total < 0:
        return [-part for part in allocate(-total, weights, currency)]
    with localcontext(prec=_PRECISION):
        units = _whole_units(total, currency)
        parts = _largest_remainder(units, _as_integers(weights))
        return [part * smallest_unit(currency) for part in parts]


def within_tolerance(a: Decimal, b: Decimal, absolute: Decimal, percent: Decimal) -> bool:
    """True when |a − b| is at most `absolute` or at most `percent` per cent of |a|."""
    allowed = max(absolute, abs(a) * percent / 100)
    return abs(a - b) <= allowed


def _whole_units(total: Decimal, currency: str) -> int:
    units = total / smallest_unit(currency)
    if units != units.to_integral_value():
        raise ValueError(f"{total} is not a whole number of the smallest unit of {currency}")
    return int(units)


def _as_integers(weights: Sequence[Decimal]) -> list[int]:
    """The weights scaled to whole numbers, so that shares are exact; all ones when all are zero."""
    finest = min(min(_exponent(w) for w in weights), 0)
    whole = [int(w.scaleb(-finest)) for w in weights]
    return whole if any(whole) else [1] * len(whole)


def _exponent(weight: Decimal) -> int:
    exponent = weight.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("a weight is a finite number")
    return exponent


def _largest_remainder(units: int, weights: Sequence[int]) -> list[int]:
    whole = sum(weights)
    parts = [units * w // whole for w in weights]
    remainders = [(-(units * w % whole), position) for position, w in enumerate(weights)]
    for _, position in sorted(remainders)[: units - sum(parts)]:
        parts[position] += 1
    return parts
