"""Pictures of scores as SVG text: a pair's waterfall, precision and recall, calibration, spreads.

Self-contained: no script, no font, no colour of its own; the page's style gives the classes theirs.
Every text that comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor

_WIDTH, _LABEL, _FIGURE, _ROW = 760, 170, 74, 26


@dataclass(frozen=True)
class Bin:
    """Pairs of about one probability: what was foretold, what came true, and how many they are."""

    foretold: float
    true_share: float
    pairs: int


@dataclass(frozen=True)
class Spread:
    """How far a value lies apart: the 5th, 25th, 50th, 75th and 95th of a hundred."""

    low: float
    lower: float
    middle: float
    upper: float
    high: float


def waterfall(start: float, parts: Sequence[tuple[str, float]], unit: str) -> str:
    """One bar a part, from where the sum stood to where it goes; first the start, last the sum."""
    sums = [start]
    for _, value in parts:
        sums.append(sums[-1] + value)
    low, high = min(0.0, *sums), max(0.0, *sums)
    rows = [("start", 0.0, start, "total")]
    rows += [
        (name, before, after, "more" if after >= before else "less")
        for (name, _), before, after in zip(parts, sums, sums[1:], strict=False)
    ]
    rows.append(("sum", 0.0, sums[-1], "total"))
    height = _ROW * len(rows) + 30
    body = [_line(_across(0.0, low, high), 4, _across(0.0, low, high), height - 26, "axis")]
    for number, (name, before, after, tone) in enumerate(rows):
        top = 6 + _ROW * number
        left, right = sorted((_across(before, low, high), _across(after, low, high)))
        said = after if tone == "total" else after - before
        body += [
            _text(_LABEL - 10, top + 14, name, "end"),
            f'<rect class="{tone}" x="{left:.1f}" y="{top}" width="{max(right - left, 1.5):.1f}" '
            f'height="{_ROW - 8}"/>',
            _text(_WIDTH - 2, top + 14, f"{said:+.2f}", "end"),
        ]
        if number + 1 < len(rows) - 1:
            at = _across(after, low, high)
            body.append(_line(at, top + _ROW - 8, at, top + _ROW, "hair"))
    body.append(_text(_across(0.0, low, high), height - 10, f"0 {unit}", "middle"))
    told = "; ".join(f"{name} {value:+.2f}" for name, value in parts)
    return _picture(_WIDTH, height, f"Start {start:+.2f}; {told}; sum {sums[-1]:+.2f} {unit}", body)


def precision_recall(points: Sequence[tuple[float, float]]) -> str:
    """Precision (upright) at every recall, from the highest threshold to the lowest.

    `points` are (precision, recall). The upright axis begins where the lowest point lies.
    """
    shown = _thinned([point for point in points if point[1] > 0])
    lowest = min((precision for precision, _ in shown), default=0.0)
    floor_at = floor(lowest * 20) / 20
    path = " ".join(
        f"{_x(recall):.1f},{_y(precision, floor_at):.1f}" for precision, recall in shown
    )
    body = [*_frame("recall", "precision", floor_at), f'<polyline class="line" points="{path}"/>']
    return _picture(420, 320, "Precision at every recall", body)


def calibration(bins: Sequence[Bin]) -> str:
    """What was foretold beside what came true; on the diagonal the model knows how sure it is."""
    body = [*_frame("foretold probability", "share that is true", 0.0)]
    body.append(_line(_x(0), _y(0, 0), _x(1), _y(1, 0), "hair"))
    most = max((one.pairs for one in bins), default=1)
    for one in bins:
        radius = 3 + 9 * (one.pairs / most) ** 0.5
        body.append(
            f'<circle class="dot" cx="{_x(one.foretold):.1f}" cy="{_y(one.true_share, 0):.1f}" '
            f'r="{radius:.1f}"><title>{one.pairs:,} pairs: foretold {one.foretold:.3f}, true '
            f"{one.true_share:.3f}</title></circle>"
        )
    return _picture(420, 320, "Share of true pairs at every foretold probability", body)


def spreads(rows: Sequence[tuple[str, Spread | None, Spread | None]], unit: str) -> str:
    """What each kind of evidence adds: among pairs that are right above, among wrong ones below."""
    known = [one for _, *both in rows for one in both if one]
    low = min([0.0, *(one.low for one in known)])
    high = max([0.0, *(one.high for one in known)])
    height = 44 * len(rows) + 30
    body = [_line(_across(0.0, low, high), 4, _across(0.0, low, high), height - 26, "axis")]
    for number, (name, right, wrong) in enumerate(rows):
        top = 8 + 44 * number
        body.append(_text(_LABEL - 10, top + 18, name, "end"))
        for offset, tone, one in ((4, "more", right), (20, "less", wrong)):
            if one:
                body += _spread(one, top + offset, tone, low, high)
    body.append(_text(_across(0.0, low, high), height - 10, f"0 {unit}", "middle"))
    return _picture(_WIDTH, height, "What each kind of evidence adds to the score", body)


def level_bars(rows: Sequence[tuple[str, float]], unit: str) -> str:
    """One bar a level, to the right where it speaks for a match, to the left where against."""
    low, high = min([0.0, *(bits for _, bits in rows)]), max([0.0, *(bits for _, bits in rows)])
    height = 22 * len(rows) + 30
    zero = _across(0.0, low, high)
    body = [_line(zero, 4, zero, height - 26, "axis")]
    for number, (name, bits) in enumerate(rows):
        top = 6 + 22 * number
        left, right = sorted((zero, _across(bits, low, high)))
        tone = "more" if bits >= 0 else "less"
        body += [
            _text(_LABEL - 10, top + 12, name, "end"),
            f'<rect class="{tone}" x="{left:.1f}" y="{top}" width="{max(right - left, 1.0):.1f}" '
            f'height="14"/>',
            _text(_WIDTH - 2, top + 12, f"{bits:+.2f}", "end"),
        ]
    body.append(_text(zero, height - 10, f"0 {unit}", "middle"))
    return _picture(_WIDTH, height, "What each level adds to the score", body)


def shape(name: str, limits: Sequence[float], bits: Sequence[float]) -> str:
    """What a feature adds (upright) at each of its values; steps, as trees know nothing else."""
    width, height, left, top, bottom = 270, 170, 44, 26, 140
    first, last = (limits[0], limits[-1]) if limits else (0.0, 0.0)
    room = (last - first) * 0.08 or 1.0
    begin, end = first - room, last + room
    low, high = min(0.0, *bits), max(0.0, *bits)

    def across(value: float) -> float:
        return left + (width - left - 8) * (value - begin) / (end - begin)

    def up(value: float) -> float:
        return bottom - (bottom - top) * ((value - low) / (high - low) if high > low else 0.0)

    corners = [begin, *(limit for limit in limits for _ in (0, 1)), end]
    heights = [value for value in bits for _ in (0, 1)]
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(corners, heights, strict=True))
    body = [
        _text(left, 14, name, "start"),
        _line(left, up(0.0), width - 8, up(0.0), "hair"),
        _line(left, top, left, bottom, "axis"),
        f'<polyline class="line" points="{path}"/>',
        *(_text(left - 4, up(value) + 4, f"{value:+.1f}", "end") for value in sorted({low, high})),
        _text(left, height - 14, f"{first:.4g}", "start"),
    ]
    if last > first:
        body.append(_text(width - 8, height - 14, f"{last:.4g}", "end"))
    return _picture(width, height, f"What {name} adds to the score", body)


def bins(scored: Iterable[tuple[float, bool]], count: int = 10) -> tuple[Bin, ...]:
    """Pairs by their probability in so many parts of equal width; empty ones are left out."""
    sums = [[0.0, 0, 0] for _ in range(count)]
    for probability, is_true in scored:
        one = sums[min(int(probability * count), count - 1)]
        one[0] += probability
        one[1] += is_true
        one[2] += 1
    return tuple(Bin(total / n, true / n, int(n)) for total, true, n in sums if n)


def spread(values: Iterable[float]) -> Spread | None:
    """Where a hundredth of the values lies; `None` for no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    at = [ordered[min(int(len(ordered) * share), len(ordered) - 1)] for share in
          (0.05, 0.25, 0.5, 0.75, 0.95)]  # fmt: skip
    return Spread(*at)


def _spread(one: Spread, top: float, tone: str, low: float, high: float) -> list[str]:
    def at(value: float) -> float:
        return _across(value, low, high)

    width = max(at(one.upper) - at(one.lower), 1.5)
    return [
        _line(at(one.low), top + 6, at(one.high), top + 6, tone),
        f'<rect class="{tone}" x="{at(one.lower):.1f}" y="{top}" width="{width:.1f}" height="12"/>',
        _line(at(one.middle), top, at(one.middle), top + 12, "middle"),
    ]


def _across(value: float, low: float, high: float) -> float:
    room = _WIDTH - _LABEL - _FIGURE
    return _LABEL + (room * (value - low) / (high - low) if high > low else 0.0)


def _x(value: float) -> float:
    return 56 + 344 * value


def _y(value: float, lowest: float) -> float:
    return 12 + 258 * (1 - (value - lowest) / (1 - lowest)) if lowest < 1 else 12.0


def _frame(below: str, beside: str, lowest: float) -> list[str]:
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    body = [_line(56, 270, 400, 270, "axis"), _line(56, 12, 56, 270, "axis")]
    for mark in marks:
        value = lowest + mark * (1 - lowest)
        body.append(_line(56, _y(value, lowest), 400, _y(value, lowest), "hair"))
        body.append(_text(50, _y(value, lowest) + 4, f"{value:.2f}", "end"))
        body.append(_text(_x(mark), 286, f"{mark:.2f}", "middle"))
    body.append(_text(228, 308, below, "middle"))
    body.append(
        f'<text transform="translate(12 141) rotate(-90)" text-anchor="middle">{beside}</text>'
    )
    return body


def _thinned(points: list[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """Few enough to draw: every so many, and always the last."""
    step = max(1, len(points) // most)
    return [*points[::step], *points[-1:]]


def _line(x1: float, y1: float, x2: float, y2: float, tone: str) -> str:
    return f'<line class="{tone}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(width: int, height: int, told: str, body: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'width="{width}" height="{height}"><title>{escape(told)}</title>{"".join(body)}</svg>'
    )
