"""Tolerance, rounding and materiality: three dials, which a currency or a company may have its own.

Judged on a copy of the sample company's warehouse, whose seed of dials is another one.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from built_company import Company
from worlds import CENT, PROJECT, UK, US

from pipelines import transform

Row = dict[str, Any]

# dial, company, currency, absolute, per cent
BOOKS: list[tuple[str, str | None, str | None, str | None, str | None]] = [
    ("matching", None, "GBP", "7", None),
    ("matching", UK, "GBP", "500", None),
    ("matching", None, "EUR", None, "10"),
    ("matching", UK, None, "3", None),
    ("matching", US, None, "33", None),
    ("rounding", None, "EUR", "0.05", None),
    ("materiality", None, "GBP", "9000", "0"),
]
JUDGED = (
    "int_reconciliation__step_findings", "int_reconciliation__line_findings",
    "int_reconciliation__document_findings", "int_exceptions__found", "int_reconciliation__bridge",
)  # fmt: skip
DIFFERING = """
    SELECT mismatch_class, company_id, currency_code, value_at_stake, expected_amount
    FROM reconciliation.mismatches WHERE mismatch_class IN ('UNDER_BILLED', 'OVER_BILLED')
    ORDER BY ALL
"""


@pytest.fixture(scope="module")
def dialled(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    path = tmp_path_factory.mktemp("dials") / company.path.name
    shutil.copyfile(company.path, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from staging.book_dials")
        connection.executemany("insert into staging.book_dials values (?, ?, ?, ?, ?)", BOOKS)
    select = ["dials", "kpi_definitions", *(f"int_invoices__net+,+{end}" for end in JUDGED)]
    transform.require_passed(transform.build(PROJECT, path, select=select, command="run"))
    return replace(company, path=path)


def matching(row: Row, amount: Decimal) -> Decimal:
    """By hand: the nearest row of the seed that has the part, then the project's 0.01 and 0 %."""
    absolute = {UK: Decimal(3), US: Decimal(33)}.get(row["company_id"], CENT)
    if row["currency_code"] == "GBP":
        absolute = Decimal(500) if row["company_id"] == UK else Decimal(7)
    per_cent = 10 if row["currency_code"] == "EUR" else 0
    return max(absolute, (abs(amount) * per_cent / 100).quantize(CENT, ROUND_HALF_UP))


def rounding(row: Row, lines: int) -> Decimal:
    return lines * (Decimal("0.05") if row["currency_code"] == "EUR" else CENT)


def test_the_nearest_row_decides_and_the_project_where_there_is_none(dialled: Company) -> None:
    steps = dialled.rows("select * from intermediate.int_reconciliation__steps")
    assert {step["currency_code"] for step in steps} >= {"USD", "EUR", "GBP"}
    assert max(step["lines_billed"] for step in steps) > 2
    assert [
        step
        for step in steps
        if step["tolerance"]
        != max(matching(step, step["amount"]), rounding(step, step["lines_billed"]))
    ] == []


def test_each_books_lose_the_differences_within_their_own_tolerance(
    company: Company, dialled: Company
) -> None:
    before, after = company.rows(DIFFERING), dialled.rows(DIFFERING)
    gone = [row for row in before if row not in after]
    assert {row["currency_code"] for row in gone} == {"USD", "GBP", "EUR"}
    assert gone == [
        row for row in before if row["value_at_stake"] <= matching(row, row["expected_amount"])
    ]
    assert [row for row in after if row not in before] == []


def test_materiality_moves_where_it_is_set_and_moves_nothing_else(
    company: Company, dialled: Company
) -> None:
    """Nine thousand pounds, nothing in per cent; dollars as before."""
    floors = """
        select distinct currency_code, materiality_amount from intermediate.int_exceptions__found
        where currency_code is not null and company_id != 'not routed' order by all
    """
    now, before = dialled.rows(floors), company.rows(floors)
    assert [row["materiality_amount"] for row in now if row["currency_code"] == "GBP"] == [9000]
    assert [row for row in now if row["currency_code"] != "GBP"] == [
        row for row in before if row["currency_code"] != "GBP"
    ]


def test_the_books_of_any_day_are_judged_by_the_same_dials(dialled: Company) -> None:
    (days,) = dialled.rows("select [as_of_on] as days from intermediate.int_clock")
    apart = """
        select steps.deal_id, steps.plan_step from intermediate.int_reconciliation__steps as steps
        inner join reconciliation.steps_as_of(cast(? as date[])) as told
            using (org_id, deal_id, plan_step)
        where steps.tolerance != told.tolerance
    """
    assert dialled.rows(apart, [days["days"]]) == []
    material = """
        select mismatch_id, is_material from reconciliation.mismatches_as_of(cast(? as date[]))
        where is_exception
    """
    told = {
        row["mismatch_id"]: row["is_material"] for row in dialled.rows(material, [days["days"]])
    }
    held = {
        row["exception_id"]: row["is_material"]
        for row in dialled.rows(
            "select exception_id, is_material from intermediate.int_exceptions__found"
        )
    }
    both = told.keys() & held.keys()
    assert len(both) > 50
    assert {name: told[name] for name in both} == {name: held[name] for name in both}


def test_the_list_of_dials_tells_those_of_some_books_too(dialled: Company) -> None:
    rows = dialled.rows(
        "select dial, company_id, currency_code, cast(setting as decimal(18, 4)) as setting"
        " from reconciliation.dials where company_id is not null or currency_code is not null"
    )
    assert {tuple(row.values()) for row in rows} == {
        ("tolerance_abs", None, "GBP", Decimal(7)),
        ("tolerance_abs", UK, "GBP", Decimal(500)),
        ("matching_tolerance_pct", None, "EUR", Decimal(10)),
        ("tolerance_abs", UK, None, Decimal(3)),
        ("tolerance_abs", US, None, Decimal(33)),
        ("rounding_per_line", None, "EUR", Decimal("0.05")),
        ("materiality_abs", None, "GBP", Decimal(9000)),
        ("materiality_pct", None, "GBP", Decimal(0)),
    }


def test_a_figure_is_told_with_the_dial_of_its_own_books(dialled: Company) -> None:
    """`crossfoot why` names the setting that was used, once."""
    rows = dialled.rows(
        "select distinct currency_code, company_id, said from reconciliation.why('leakage')"
        " where layer = 'dial' and record_id = 'tolerance_abs'"
    )
    told = {(row["company_id"], row["currency_code"]): row["said"].split(":")[0] for row in rows}
    assert len(told) == len(rows)
    assert told.items() >= {
        (UK, "GBP"): "tolerance_abs = 500.0000", (US, "USD"): "tolerance_abs = 33.0000"
    }.items()  # fmt: skip
