"""What the page says and draws of the bridges, over all and by period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from pipelines.money import Money
from reverse_etl.report import charts, words
from reverse_etl.report.bridge_value import Bridge, BridgeLine, Period
from reverse_etl.report.value import Report

_KINDS = {"month": "Months", "week": "Weeks", "year": "Years"}


def periods_by_kind(report: Report) -> list[tuple[str, Sequence[Period]]]:
    """Months, weeks and years, each the newest first."""
    order = list(_KINDS)
    ordered = sorted(report.periods, key=lambda period: order.index(period.kind))
    return [(_KINDS[kind], list(group)) for kind, group in groupby(ordered, lambda one: one.kind)]


def period_name(period: Period) -> str:
    """`October 2026`, `Week 43, 19 to 25 Oct 2026`, `2026`."""
    day = period.first_on
    if period.kind == "month":
        return f"{day:%B %Y}"
    if period.kind == "year":
        return f"{day:%Y}"
    last = day + timedelta(days=6)
    first = f"{day.day}" if day.month == last.month else f"{day.day} {day:%b}"
    return f"Week {day.isocalendar().week}, {first} to {words.day(last)}"


def _waterfall_sentence(bridge: Bridge) -> str:
    sold, invoiced, billed = (_amount_of(bridge, code) for code in ("A", "I1", "N"))
    told = f"{sold} sold, {invoiced} invoiced net of tax and shipping, {billed} net billed."
    return f"{told}{_largest_step(bridge)}{_cut(bridge)}"


def _largest_step(bridge: Bridge) -> str:
    flows = [line for line in bridge.lines if line.kind == "flow" and line.number > 1]
    largest = max(flows, key=lambda line: abs(line.amount), default=None)
    if largest is None or not largest.amount:
        return ""
    moved = words.signed(largest.amount, bridge.currency)
    return f" The largest step between is “{largest.label}”, {moved}."


def _cut(bridge: Bridge) -> str:
    start = charts.waterfall(bridge.lines).axis_start
    return f" Bars start at {words.amount(start, bridge.currency)}, not at zero." if start else ""


def _amount_of(bridge: Bridge, code: str) -> str:
    return words.money(Money(bridge.amount(code), bridge.currency))


def _plotted(bridge: Bridge) -> list[tuple[BridgeLine, charts.Step | None]]:
    steps = iter(charts.waterfall(bridge.lines).steps)
    drawn = [(line, None if line.kind == "check" else next(steps)) for line in bridge.lines]
    return [(line, step) for line, step in drawn if not _is_empty(line)]


def _is_empty(line: BridgeLine) -> bool:
    """Does the line say nothing? The first one and the totals always say something."""
    return line.kind == "flow" and line.number > 1 and not line.amount and not line.documents


def _empty_lines(bridge: Bridge) -> str:
    return "; ".join(line.label.lower() for line in bridge.lines if _is_empty(line))


def _line_amount(line: BridgeLine, currency: str) -> str:
    is_move = line.kind == "flow" and line.code != "A"
    return (words.signed if is_move else words.amount)(line.amount, currency)


def filters() -> dict[str, Callable[..., Any]]:
    """How the template reaches these."""
    return {
        "empty_lines": _empty_lines,
        "line_amount": _line_amount,
        "period_name": period_name,
        "periods_by_kind": periods_by_kind,
        "plotted": _plotted,
        "waterfall": lambda bridge: charts.waterfall(bridge.lines),
        "waterfall_sentence": _waterfall_sentence,
    }
