"""Pictures that cannot lie: every bar begins where the one before it ended."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.money import Money
from reverse_etl.report.bridge_value import BridgeLine
from reverse_etl.report.charts import bar, columns, waterfall
from reverse_etl.report.value import WeekFigure, week_of

AMOUNTS = st.decimals(-(10**9), 10**9, places=2)


def lines(opening: Decimal, flows: list[Decimal]) -> list[BridgeLine]:
    shown = [BridgeLine(1, "A", "Sold", "flow", opening, 1)]
    shown += [BridgeLine(n, "U", "Moves", "flow", flow, 1) for n, flow in enumerate(flows, 2)]
    total = opening + sum(flows, Decimal(0))
    shown.append(BridgeLine(len(shown) + 1, "N", "Billed", "total", total, 1))
    return [*shown, BridgeLine(99, "RESIDUAL", "Unexplained", "check", Decimal(0), None)]


@given(AMOUNTS, st.lists(AMOUNTS, max_size=12))
def test_each_bar_begins_where_the_one_before_ended(opening: Decimal, flows: list[Decimal]) -> None:
    drawn = waterfall(lines(opening, flows))
    assert len(drawn.steps) == len(flows) + 2
    assert all(one.after == other.before for one, other in pairwise(drawn.steps))
    assert drawn.steps[-1].after == drawn.steps[-2].after, "the total is the sum of the flows"


@given(AMOUNTS, st.lists(AMOUNTS, max_size=12))
def test_bars_stay_on_the_drawing_and_nothing_vanishes(
    opening: Decimal, flows: list[Decimal]
) -> None:
    shown = lines(opening, flows)
    for line, step in zip(shown, waterfall(shown).steps, strict=False):
        assert 0 <= step.start <= 100
        assert step.start + step.length <= Decimal("100.6")
        assert (step.length > 0) == bool(line.amount)


@given(AMOUNTS, st.lists(AMOUNTS, max_size=12))
def test_a_cut_axis_is_below_every_sum(opening: Decimal, flows: list[Decimal]) -> None:
    start = waterfall(lines(opening, flows)).axis_start
    sums = [opening]
    for flow in flows:
        sums.append(sums[-1] + flow)
    assert start == 0 or 0 < start < min(sums)


def test_the_axis_is_cut_only_where_the_flows_would_not_be_seen() -> None:
    small, large = [Decimal(-9)], [Decimal(-900)]
    assert waterfall(lines(Decimal(1000), small)).axis_start > 900
    assert waterfall(lines(Decimal(1000), large)).axis_start == 0


def test_what_takes_away_and_what_adds_look_different() -> None:
    drawn = waterfall(lines(Decimal(100), [Decimal(-50), Decimal(20)]))
    assert [step.tone for step in drawn.steps] == ["total", "less", "more", "total"]
    assert drawn.steps[1].length == Decimal("50.00")
    assert drawn.steps[1].start == drawn.steps[1].after == Decimal("50.00")


def test_an_empty_bridge_draws_nothing() -> None:
    assert waterfall([]).steps == ()
    assert all(step.length == 0 for step in waterfall(lines(Decimal(0), [Decimal(0)])).steps)


def test_bars_compare_with_the_longest() -> None:
    assert bar(Decimal(50), Decimal(200)) == Decimal("25.00")
    assert bar(Decimal("0.01"), Decimal(10**6)) > 0, "what is there is seen"
    assert bar(Decimal(0), Decimal(5)) == bar(Decimal(-5), Decimal(5)) == 0


def test_columns_of_weeks_share_the_width_and_the_scale() -> None:
    monday = date(2026, 10, 5)
    figures = [
        WeekFigure(week_of(monday + timedelta(weeks=n)), Money(Decimal(10 * n), "USD"), n)
        for n in range(4)
    ]
    drawn = columns(figures)
    assert [column.height for column in drawn] == [0, Decimal("33.33"), Decimal("66.67"), 100]
    assert all(column.top + column.height == 100 for column in drawn)
    assert all(one.left + one.width < other.left for one, other in pairwise(drawn))
    assert columns([]) == ()
