"""The arithmetic of allowances: windows, shares, what others used, forecasts, cheaper ways."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.budget import words
from orchestration.budget.allowance import (
    Pool,
    free_again,
    month_begin,
    month_end,
    quickbooks_pool,
    salesforce_pool,
)
from orchestration.budget.cost import Held, SourceCost, quickbooks_cost, salesforce_cost
from orchestration.budget.forecast import Pace, forecast, usual_days, usual_round
from orchestration.budget.value import Budget, PoolBudget, over_budget, pool_budget
from pipelines.extract.quickbooks_entities import CAPTURED, ENTITIES
from pipelines.extract.salesforce_objects import OBJECTS, table_name
from reverse_etl.calls import HourOfCalls, OrgUsage

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
NOON = NOW.replace(minute=0)
ORG, US, GB = "00DHs0000000001MAA", "9341450000000001", "9341450000000002"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def hour(at: datetime, metered: int, source: str = US, purpose: str = "extract") -> HourOfCalls:
    system = "Salesforce" if source == ORG else "QuickBooks"
    return HourOfCalls(system, source, purpose, at, metered, 0, metered)


def reads(allowed: int = 1000, share: int = 80, *record: HourOfCalls) -> Pool:
    return quickbooks_pool(allowed, share, record, NOW)


def calls(*record: HourOfCalls, usage: OrgUsage | None = None, share: int = 50) -> Pool:
    return salesforce_pool(ORG, 1000, share, record, NOW, usage)


def cost(total: int, source: str = US, *, daily: int = 0, least: bool = False) -> SourceCost:
    system = "Salesforce" if source == ORG else "QuickBooks"
    mode = "first load" if least else "incremental"
    return SourceCost(
        system, source, "Acme", mode, total, daily, 1, None if least else 0, daily > 0
    )


def judged(pool: Pool, *costs: SourceCost, record: tuple[HourOfCalls, ...] = ()) -> PoolBudget:
    return pool_budget(pool, costs, (), record, 15, NOW)


# What is left ----------------------------------------------------------------------------------


def test_quickbooks_counts_this_month_over_all_companies() -> None:
    record = (
        hour(month_begin(NOW) - HOUR, 500),
        hour(month_begin(NOW), 100),
        hour(NOON, 50, GB, "sweep"),
        hour(NOON, 7, ORG),
    )
    pool = reads(1000, 80, *record)
    assert (pool.may_use, pool.ours, pool.left, pool.left_percent) == (800, 150, 650, 81)


def test_a_month_begins_and_ends_in_utc() -> None:
    late = datetime.fromisoformat("2026-12-31T22:30:00-03:00")
    assert month_begin(late) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_end(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_end(datetime(2024, 2, 1, tzinfo=UTC)) == datetime(2024, 3, 1, tzinfo=UTC)


def test_salesforce_counts_the_hours_that_touch_the_last_24() -> None:
    record = (
        hour(NOON - DAY - HOUR, 1, ORG),  # ended before the window began
        hour(NOON - DAY, 20, ORG),  # half of it is still in it: all of it counts
        hour(NOON, 300, ORG),
        hour(NOON, 4000, "00DOther0000000EAA"),
    )
    assert calls(*record).ours == 320


def test_what_others_use_is_theirs_and_calls_since_then_are_counted_on() -> None:
    said = OrgUsage(used=700, allowed=1000, said_at=NOON, ours_in_hour=10)
    pool = calls(hour(NOON, 35, ORG), usage=said)
    # 700 then, of which 10 of ours; 25 more of ours since.
    assert (pool.taken, pool.ours, pool.left) == (725, 35, 275)


def test_of_share_and_what_others_left_the_smaller_counts() -> None:
    busy = OrgUsage(used=990, allowed=1000, said_at=NOW, ours_in_hour=0)
    idle = OrgUsage(used=0, allowed=1000, said_at=NOW, ours_in_hour=0)
    assert calls(usage=busy).left == 10
    assert calls(usage=idle).left == 500
    over = OrgUsage(used=1200, allowed=1000, said_at=NOW, ours_in_hour=0)
    assert calls(usage=over).left == 0


def test_what_an_org_said_more_than_a_day_ago_says_nothing() -> None:
    old = OrgUsage(used=990, allowed=1000, said_at=NOW - DAY - HOUR, ours_in_hour=0)
    assert calls(usage=old) == calls()


# The gate --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("need", "fits"), [(649, True), (650, True), (651, False)])
def test_a_run_fits_up_to_the_last_call_that_is_left(need: int, fits: bool) -> None:
    one = judged(reads(1000, 80, hour(NOON, 150)), cost(need - 300), cost(300, GB))
    assert one.fits is fits
    assert Budget(NOW, False, (one,)).fits is fits


def test_a_refusal_says_numbers_a_way_out_and_how_to_allow_more() -> None:
    pool = reads(1000, 80, hour(NOON, 700))
    full, new = cost(120), cost(1)
    one = pool_budget(pool, [full], [new], (hour(NOON, 700),), 15, NOW)
    told = str(over_budget(one))
    assert told.startswith(
        "QuickBooks, Acme: this run needs about 120 reads, and 100 are left this month (Crossfoot "
        "used 700 of the 800 it may use, 80 % of 1,000); nothing was read."
    )
    assert "without --full (1 instead of 120)" in told
    assert "It fits again from 2026-12-01 00:00 UTC on." in told
    assert "raise CROSSFOOT_QUICKBOOKS_SHARE" in told


def test_rows_that_nobody_counted_make_it_a_least() -> None:
    told = str(over_budget(judged(reads(10), cost(42, least=True))))
    assert "needs at least 42 reads" in told


def test_it_fits_again_when_enough_calls_have_left_the_window() -> None:
    record = (hour(NOON - 20 * HOUR, 100, ORG), hour(NOON - 3 * HOUR, 390, ORG))
    pool = calls(*record)
    assert pool.left == 10
    first, second = NOON - 20 * HOUR + HOUR + DAY, NOON - 3 * HOUR + HOUR + DAY
    assert free_again(pool, 10, record, NOW) == NOW
    assert free_again(pool, 11, record, NOW) == first
    assert free_again(pool, 110, record, NOW) == first
    assert free_again(pool, 111, record, NOW) == second
    assert free_again(pool, 501, record, NOW) is None


# What comes ------------------------------------------------------------------------------------


def test_the_schedule_tells_while_there_is_less_than_a_week() -> None:
    pace = Pace(every_minutes=15, routine=2, daily=22)
    assert pace.a_day == 96 * 2 + 22
    record = tuple(hour(NOON - n * DAY, 999) for n in range(1, 7))
    made = forecast(reads(10**6, 80, *record), record, pace, NOW)
    assert (made.basis, made.days, made.a_day) == ("schedule", 6, 214)
    # Ten days and eleven and a half hours are left.
    assert made.expected == 6 * 999 + 2243


def test_a_usual_day_of_the_last_weeks_tells_and_one_great_day_does_not() -> None:
    record = tuple(hour(NOON - n * DAY, 40_000 if n == 9 else 100) for n in range(1, 11))
    made = forecast(reads(10**6, 80, *record), record, Pace(15, 2, 22), NOW)
    assert (made.basis, made.days, made.a_day) == ("history", 10, 100)


def test_days_without_a_call_are_days_too() -> None:
    record = (hour(NOON - 4 * DAY, 10), hour(NOON - DAY, 20), hour(NOON, 999))
    assert usual_days(reads(), record, NOW) == [20, 0, 0, 10]


def test_a_usual_round_is_the_middle_one_of_the_days_that_had_one() -> None:
    def day(ago: int, sweep: int, verify: int) -> tuple[HourOfCalls, ...]:
        at = NOON - ago * DAY
        swept = (hour(at, sweep, ORG, "sweep"),) if sweep else ()
        return (*swept, hour(at, verify, ORG, "verify"), hour(at, 500, ORG))

    record = (*day(0, 30, 5), *day(1, 0, 5), *day(2, 400, 5), *day(3, 31, 5), *day(29, 1, 1))
    assert usual_round(record, "Salesforce", ORG, NOW) == 36
    assert usual_round(record, "Salesforce", "00DOther0000000EAA", NOW) == 0
    assert usual_round((), "Salesforce", ORG, NOW) == 0
    usual = held(OBJECTS, 10, DAY)
    least = salesforce_cost(ORG, "Acme", OBJECTS, usual, NOW)
    assert salesforce_cost(ORG, "Acme", OBJECTS, usual, NOW, usual_round=36).daily == 36
    assert salesforce_cost(ORG, "Acme", OBJECTS, usual, NOW, usual_round=1).daily == least.daily


def test_salesforce_is_forecast_for_a_day() -> None:
    made = forecast(calls(hour(NOON, 300, ORG)), (), Pace(60, 3, 40), NOW)
    assert made.expected == 24 * 3 + 40


def test_a_month_that_does_not_last_is_told_with_the_interval_that_does() -> None:
    # 96 readings a day at 2 calls are about 2,006 more in this month.
    pool = reads(1250, 80, hour(NOON, 100))
    one = pool_budget(pool, [cost(1), cost(1, GB)], [], (), 15, NOW)
    assert one.fits
    assert not one.lasts
    (way,) = one.cheaper
    assert way.what == "read every 60 minutes: CROSSFOOT_READ_EVERY_MINUTES=60"
    assert way.calls <= pool.may_use < way.instead_of
    assert one.forecast.expected == way.instead_of


def test_where_no_interval_lasts_none_is_proposed() -> None:
    # One reading a day would be some ten more in this month; nothing is left for it.
    one = judged(reads(125, 80, hour(NOON, 99)), cost(1), record=(hour(NOON, 99),))
    assert (one.fits, one.lasts, one.cheaper) == (True, False, ())


def test_a_way_that_does_not_fit_either_is_none() -> None:
    pool = reads(1000, 80, hour(NOON, 797))
    left = [pool_budget(pool, [cost(120)], [cost(n)], (), 15, NOW) for n in (3, 4)]
    assert [bool([w for w in one.cheaper if w.of == "run"]) for one in left] == [True, False]


def test_where_all_is_well_nothing_is_proposed() -> None:
    one = judged(reads(500_000), cost(1))
    assert (one.fits, one.lasts, one.cheaper, one.free_at) == (True, True, (), None)


# What a run costs ------------------------------------------------------------------------------


def held(names: tuple[str, ...], rows: int, ago: timedelta) -> Held:
    tables = [table_name(name) for name in names]
    return Held(dict.fromkeys(tables, rows), dict.fromkeys(tables, NOW - ago))


def test_a_company_that_was_read_costs_one_read_and_a_round_a_day() -> None:
    fresh = quickbooks_cost(US, "Inc", held(ENTITIES, 10, HOUR), NOW)
    assert (fresh.mode, fresh.total, fresh.is_daily_due) == ("incremental", 1, False)
    due = quickbooks_cost(US, "Inc", held(ENTITIES, 10, DAY), NOW)
    assert due.is_daily_due
    assert due.total == 1 + due.daily


def test_after_too_long_and_on_demand_everything_is_read() -> None:
    old = quickbooks_cost(US, "Inc", held(CAPTURED, 1500, 29 * DAY), NOW)
    assert (old.mode, old.rows) == ("full", 1500 * len(CAPTURED))
    asked = quickbooks_cost(US, "Inc", held(ENTITIES, 10, HOUR), NOW, full=True)
    assert asked.mode == "full"
    assert not asked.is_least
    org = salesforce_cost(ORG, "Acme", OBJECTS, held(OBJECTS, 10, 14 * DAY), NOW)
    assert org.mode == "full"


def test_a_first_load_is_a_least_until_the_rows_are_counted() -> None:
    blind = salesforce_cost(ORG, "Acme", OBJECTS, Held(), NOW)
    assert (blind.mode, blind.is_least) == ("first load", True)
    counted = salesforce_cost(ORG, "Acme", OBJECTS, Held(), NOW, counted={"Task": 3_000})
    assert not counted.is_least
    assert counted.total == blind.total + 1


def test_an_incremental_reading_of_an_org_costs_three_calls_at_most() -> None:
    usual = salesforce_cost(ORG, "Acme", OBJECTS, held(OBJECTS, 10, HOUR), NOW)
    assert usual.total <= 3
    more = (*OBJECTS, "Contract")
    new = salesforce_cost(ORG, "Acme", more, held(OBJECTS, 10, HOUR), NOW)
    assert new.total > usual.total


# In words --------------------------------------------------------------------------------------


def test_the_words_and_the_json_say_the_same() -> None:
    usage = OrgUsage(used=700, allowed=1000, said_at=NOON, ours_in_hour=0)
    one = judged(calls(hour(NOON, 400, ORG), usage=usage), cost(200, ORG, daily=40))
    budget = Budget(NOW, False, (one, judged(reads(10**6), cost(1))))
    told = "\n".join(words.budget_lines(budget))
    assert "used 400 of 500 (50 % of the 1,000 that Salesforce allows); 0 left (0 %)" in told
    assert "The next run does NOT fit: it needs 240, and 0 are left before " in told
    assert "The next run fits." in told
    made = json.loads(words.as_json(budget))
    assert [a["fits"] for a in made["allowances"]] == [False, True]
    assert made["allowances"][0]["used_by_all_programs"] == 1100
    assert made["allowances"][0]["next_run"] == 240
    assert made["fits"] is False
