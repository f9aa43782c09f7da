"""The billing plan a second time, in Python: what a step is worth and when it is due."""

from __future__ import annotations

import calendar
from datetime import date
from decimal import Decimal

from worlds import CENT

PLANS = {
    "On close": ((0, 100),),
    "Deposit 30/70": ((0, 30), (1, 70)),
    "Three milestones": ((0, 40), (1, 30), (2, 30)),
    "Monthly 12": tuple((month, 1) for month in range(12)),
}


def steps_of(basis: Decimal, plan: str | None, closed_on: date) -> list[tuple[date, Decimal]]:
    """Due date and amount of each step of a deal; a deal without a plan is billed on close."""
    parts = PLANS[plan or "On close"]
    amounts = shares(basis, [Decimal(weight) for _, weight in parts])
    return [
        (months_later(closed_on, months), amount)
        for (months, _), amount in zip(parts, amounts, strict=True)
    ]


def shares(total: Decimal, weights: list[Decimal]) -> list[Decimal]:
    """Largest remainder with fractions; ties to the earlier part."""
    exact = [total * weight / sum(weights) for weight in weights]
    floors = [share.quantize(CENT, "ROUND_FLOOR") for share in exact]
    left = int((total - sum(floors)) / CENT)
    order = sorted(range(len(exact)), key=lambda at: (floors[at] - exact[at], at))
    for at in order[:left]:
        floors[at] += CENT
    return floors


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
