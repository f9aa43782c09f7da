"""Other settings tried on a copy: today's change nothing, a moved one changes what it must."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from built_company import Company
from worlds import PROJECT

from orchestration import what_if, what_if_cli
from orchestration.what_if import WhatIf
from pipelines.errors import Stop
from pipelines.settings import Settings, load_settings

Row = dict[str, Any]
Counted = dict[tuple[date, str, str], tuple[int, Decimal]]


@pytest.fixture(scope="module")
def settings(company: Company) -> Settings:
    return replace(load_settings({}), published_path=company.path, dbt_dir=PROJECT)


@pytest.fixture(scope="module")
def moved(settings: Settings, company: Company) -> WhatIf:
    """Three dials at once: grace moves unbilled steps only, and materiality no list."""
    before = hashlib.sha256(company.path.read_bytes()).hexdigest()
    dials = {"grace_business_days": "10", "tolerance_abs": "100", "materiality_abs": "5000"}
    done = what_if.try_out(settings, dials, weeks=20)
    assert hashlib.sha256(company.path.read_bytes()).hexdigest() == before
    return done


@pytest.fixture(scope="module")
def latest(moved: WhatIf) -> list[Row]:
    return [row for row in moved.weeks if row["as_of_on"] == moved.days[-1]]


def test_with_todays_dials_nothing_changes(settings: Settings) -> None:
    in_force = {
        "tolerance_abs": "0.01", "matching_tolerance_pct": "0", "grace_business_days": "5",
        "materiality_abs": "1000", "materiality_pct": "0.5", "rounding_per_line": "0.01",
    }  # fmt: skip
    done = what_if.try_out(settings, in_force)
    assert done.weeks == []
    assert len(done.days) == 52
    assert done.dials == {name: (setting, setting) for name, setting in in_force.items()}
    assert list(what_if_cli._lines(done, what_if.totals(done)))[-1].startswith("Nothing would")


def working_days_after(day: date, count: int) -> date:
    """By counting, one day after the other."""
    while day.isoweekday() > 5:
        day -= timedelta(days=1)
    while count:
        day += timedelta(days=1)
        count -= day.isoweekday() <= 5
    return day


def unbilled(company: Company, days: list[date]) -> list[Row]:
    return company.rows(
        "select * from reconciliation.mismatches_as_of(cast(? as date[]))"
        " where mismatch_class = 'UNBILLED_CLOSED_WON'",
        [days],
    )


def test_a_longer_grace_takes_away_exactly_the_steps_within_it(
    company: Company, moved: WhatIf
) -> None:
    expected: Counted = {}
    for row in unbilled(company, list(moved.days)):
        if working_days_after(row["occurred_on"], 10) >= row["as_of_on"]:
            key = row["as_of_on"], row["company_id"], row["currency_code"]
            count, amount = expected.get(key, (0, Decimal(0)))
            expected[key] = count + 1, amount + row["value_at_stake"]
    found = {
        (row["as_of_on"], row["company_id"], row["currency_code"]): (
            row["vanishing"],
            row["amount_in_force"] - row["amount_tried"],
        )
        for row in moved.weeks
        if row["mismatch_class"] == "UNBILLED_CLOSED_WON" and row["vanishing"]
    }
    assert not any(
        row["appearing"] for row in moved.weeks if row["mismatch_class"] == "UNBILLED_CLOSED_WON"
    )
    assert len(found) > 10
    assert found == expected


def test_a_wider_tolerance_takes_away_exactly_the_differences_within_it(
    company: Company, latest: list[Row]
) -> None:
    within = company.rows(
        "select mismatch_class, count(*) as cases from reconciliation.mismatches"
        " where mismatch_class in ('UNDER_BILLED', 'OVER_BILLED') and value_at_stake <= 100"
        " group by mismatch_class"
    )
    gone: dict[str, int] = {}
    for row in latest:
        name = row["mismatch_class"]
        gone[name] = gone.get(name, 0) + row["vanishing"]
    assert within
    assert {row["mismatch_class"]: row["cases"] for row in within} == {
        name: count for name, count in gone.items() if name.endswith("_BILLED") and count
    }
    (dial,) = company.rows(
        "select mismatch_classes from reconciliation.dials where dial = 'tolerance_abs'"
        " and company_id is null and currency_code is null"
    )
    others = {name for name, count in gone.items() if count} - {"UNBILLED_CLOSED_WON"}
    assert others <= set(dial["mismatch_classes"])


def test_a_higher_materiality_takes_away_what_is_smaller(
    company: Company, latest: list[Row]
) -> None:
    """Of a class that no tolerance touches: alone below 5,000 and together below 15,000."""
    expected: dict[tuple[str, str], int] = {}
    rows = company.rows(
        "select company_id, currency_code, sum(value_at_stake) as together,"
        " list(value_at_stake) as amounts from reconciliation.exceptions"
        " where mismatch_class = 'VOIDED_AFTER_BILLING' group by all"
    )
    for row in rows:
        assert row["together"] > 0
        large = row["together"] >= 15000
        expected[row["company_id"], row["currency_code"]] = sum(
            1 for amount in row["amounts"] if large or amount >= 5000
        )
    found = {
        (row["company_id"], row["currency_code"]): row["material_tried"]
        for row in latest
        if row["mismatch_class"] == "VOIDED_AFTER_BILLING"
    }
    assert found
    assert found.items() <= expected.items()


def test_a_dial_may_be_tried_for_some_books_only(settings: Settings) -> None:
    """Nothing in pounds is material any more; what is in other currencies stays as it is."""
    pounds = what_if.Books(currency_code="GBP")
    done = what_if.try_out(settings, {"materiality_abs": "100000000"}, weeks=1, books=pounds)
    assert done.dials == {"materiality_abs": ("1000", "100000000")}
    assert {row["currency_code"] for row in done.weeks} == {"GBP"}
    assert sum(row["material_in_force"] for row in done.weeks) > 0
    assert sum(row["material_tried"] for row in done.weeks) == 0
    with pytest.raises(Stop, match="one setting for all books"):
        what_if.try_out(settings, {"grace_business_days": "9"}, books=pounds)


def test_the_answer_is_a_table_json_and_csv(moved: WhatIf, tmp_path: Path) -> None:
    lines = list(what_if_cli._lines(moved, what_if.totals(moved)))
    assert "grace_business_days: 5 in force, 10 tried" in lines
    assert any(line.startswith("2026-W46  UNBILLED_CLOSED_WON") for line in lines)
    told = json.loads(what_if_cli._as_json(moved))
    assert len(told["weeks"]) == len(moved.weeks)
    assert Decimal(told["weeks"][0]["amount_tried"]) == moved.weeks[0]["amount_tried"]
    what_if_cli._write(tmp_path / "weeks.csv", moved.weeks)
    with (tmp_path / "weeks.csv").open(newline="") as file:
        assert [row["week"] for row in csv.DictReader(file)] == [row["week"] for row in moved.weeks]


@pytest.mark.parametrize("text", ["x", "-1", "1e3", "1,000"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Stop, match="is no amount"):
        what_if.dials_of({"tolerance_abs": text})


def test_nothing_to_try_and_nothing_judged_are_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Stop, match="nothing to try"):
        what_if.try_out(settings, {})
    with pytest.raises(Stop, match="Run `crossfoot judge`"):
        what_if.try_out(replace(settings, published_path=tmp_path / "none"), {"tolerance_abs": "1"})
