"""The few money rules that the sample company's books and deals follow."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal("0.00")
CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, half away from zero, as both vendors do."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def total(amounts: Sequence[Decimal]) -> Decimal:
    """The sum, with two decimals also when there is nothing to add."""
    return sum(amounts, ZERO)


def allocate(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split to the cent in proportion: largest remainder, ties to the earlier part."""
    pot, whole = int(amount / CENT), sum(weights, Decimal(0))
    shares = [divmod(pot * weight, whole) for weight in weights]
    parts = [int(share) for share, _ in shares]
    by_remainder = sorted(range(len(parts)), key=lambda at: (-shares[at][1], at))
    for at in by_remainder[: pot - sum(parts)]:
        parts[at] += 1
    return [part * CENT for part in parts]
