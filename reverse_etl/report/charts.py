"""Shapes of the charts: exact amounts in, places in per cent of the drawing out.

Amounts stay Decimal until the very last step, the place on the drawing; the page draws the shapes
and always shows the same figures as text beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import accumulate
from typing import Literal

from reverse_etl.report.bridge_value import BridgeLine
from reverse_etl.report.close_value import CauseWeek
from reverse_etl.report.value import WeekFigure

Tone = Literal["total", "less", "more"]

_FULL = Decimal(100)
_PLACES = Decimal("0.01")
# Thinner than this would not be seen at all, and something that is there must be seen.
_THINNEST = Decimal("0.6")


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall along the axis from 0 to 100, with the sum before and after it."""

    tone: Tone
    start: Decimal
    length: Decimal
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Column:
    """One upright bar: the place of its left edge, its width, its top and its height."""

    left: Decimal
    width: Decimal
    top: Decimal
    height: Decimal
    label: str


@dataclass(frozen=True)
class Waterfall:
    """The bars of a bridge. `axis_start` is above zero when the totals had to be cut short."""

    steps: tuple[Step, ...]
    axis_start: Decimal


def waterfall(lines: Sequence[BridgeLine]) -> Waterfall:
    """One step per line that is not a check, in the order given, on a common scale.

    Where the sums are far from zero beside what moves them, the axis starts higher, or nothing
    but the totals would be seen; whoever draws it has to say so.
    """
    shown = [line for line in lines if line.kind != "check"]
    sums = _running_sums(shown)
    low, high = _axis_start(sums), max((Decimal(0), *sums))
    befores = (Decimal(0), *sums)[: len(sums)]
    steps = (
        _step(line, before, after, low, high)
        for line, before, after in zip(shown, befores, sums, strict=True)
    )
    return Waterfall(tuple(steps), max(low, Decimal(0)))


def bar(value: Decimal, largest: Decimal) -> Decimal:
    """The length of a bar whose longest neighbour is 100; nothing for zero and below."""
    if value <= 0 or largest <= 0:
        return Decimal(0)
    return max(_place(value, Decimal(0), largest), _THINNEST)


def share_of(number: int, largest: int) -> Decimal:
    """The same for numbers of records."""
    return bar(Decimal(number), Decimal(largest))


def columns(figures: Sequence[WeekFigure]) -> tuple[Column, ...]:
    """Upright bars side by side, one per figure, on a common scale from zero."""
    largest = max((figure.amount.amount for figure in figures), default=Decimal(0))
    pitch = _FULL / len(figures) if figures else _FULL
    return tuple(_column(figure, place, pitch, largest) for place, figure in enumerate(figures))


def pairs(weeks: Sequence[CauseWeek]) -> tuple[tuple[Column, Column], ...]:
    """Two upright bars for each week that is known, what is open and what was closed, all on a
    common scale from zero. A week that is not known keeps its place empty."""
    largest = max((max(w.open_number, w.closed_number) for w in weeks), default=0)
    pitch = _FULL / len(weeks) if weeks else _FULL
    half = (pitch * 3 / 8).quantize(_PLACES)

    def upright(number: int, left: Decimal, label: str) -> Column:
        height = share_of(number, largest)
        return Column(left.quantize(_PLACES), half, _FULL - height, height, label)

    return tuple(
        (
            upright(week.open_number, pitch * place + pitch / 8, week.week),
            upright(week.closed_number, pitch * place + pitch / 2, week.week),
        )
        for place, week in enumerate(weeks)
        if week.is_recorded
    )


def _running_sums(lines: Sequence[BridgeLine]) -> list[Decimal]:
    """The sum after each line; a total states the sum anew."""

    def after(before: Decimal, line: BridgeLine) -> Decimal:
        return line.amount if line.kind == "total" else before + line.amount

    return list(accumulate(lines, after, initial=Decimal(0)))[1:]


def _axis_start(sums: Sequence[Decimal]) -> Decimal:
    """Zero, or less for a negative sum; a round number above it when all sums are far away."""
    low, high = min(sums, default=Decimal(0)), max(sums, default=Decimal(0))
    spread = high - low
    room = low - spread / 2
    if not spread or room <= high / 2:
        return min(low, Decimal(0))
    return room.quantize(Decimal(1).scaleb(spread.adjusted()), rounding=ROUND_FLOOR)


def _step(line: BridgeLine, before: Decimal, after: Decimal, low: Decimal, high: Decimal) -> Step:
    opens = line.kind == "total" or line.number == 1
    origin = max(low, Decimal(0)) if opens else before
    start, end = sorted((_place(origin, low, high), _place(after, low, high)))
    tone: Tone = "total" if opens else "less" if line.amount < 0 else "more"
    length = max(end - start, _THINNEST) if line.amount else Decimal(0)
    return Step(tone, start, length, _place(before, low, high), _place(after, low, high))


def _column(figure: WeekFigure, place: int, pitch: Decimal, largest: Decimal) -> Column:
    height = bar(figure.amount.amount, largest)
    left = (pitch * place + pitch / 8).quantize(_PLACES)
    width = (pitch * 3 / 4).quantize(_PLACES)
    return Column(left, width, _FULL - height, height, figure.week.label)


def _place(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """Where a value lies between 0 and 100."""
    return ((value - low) * _FULL / (high - low)).quantize(_PLACES) if high > low else Decimal(0)
