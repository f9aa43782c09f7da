"""Key figures of any day: hand-reckoned in a small world, and equal to the report's today."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from built_company import Company
from worlds import PROJECT, US, Builder, load_world, read, sold

from pipelines import transform, warehouse

Row = dict[str, Any]
TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three deals of one customer, with every date that the figures hang on.

    A, 1,000.00 closed on 1 July: billed on the 6th, paid 600.00 on 20 July and 400.00 on
    10 September. B, 500.00 closed on 3 August: billed on 1 September with 450.00. C, 300.00 closed
    on 1 October: billed on the 5th and again on the 12th, the first paid on 1 November. A credit of
    100.00 on 20 September and a payment of 80.00 on 20 October, neither of them applied. Of A's
    invoice alone it is known when it went out: on the 8th in California, the 9th by UTC.
    """
    world = Builder()
    account, customer = world.known("Alder Works")
    a, b, c = (
        world.deal(account, [sold(amount)], closed_on)
        for amount, closed_on in (
            ("1000", "2026-07-01"), ("500", "2026-08-03"), ("300", "2026-10-01"),
        )
    )  # fmt: skip
    of_a = world.invoice(customer, "1000", "2026-07-06", deal=a, balance="0")
    world.invoice(customer, "450", "2026-09-01", deal=b)
    of_c = world.invoice(customer, "300", "2026-10-05", deal=c, balance="0")
    world.invoice(customer, "300", "2026-10-12", deal=c)
    world.quickbooks[US, "Invoice"][0]["DeliveryInfo"] = {
        "DeliveryType": "Email", "DeliveryTime": "2026-07-08T23:30:00-08:00",
    }  # fmt: skip
    world.payment(customer, "600", [("Invoice", of_a, "600")], "2026-07-20")
    world.payment(customer, "400", [("Invoice", of_a, "400")], "2026-09-10")
    world.payment(customer, "300", [("Invoice", of_c, "300")], "2026-11-01")
    world.payment(customer, "80", [], "2026-10-20")
    world.quickbooks[US, "Payment"][-1]["UnappliedAmt"] = Decimal(80)
    world.credit(customer, "100", "2026-09-20", remaining="100")
    path = tmp_path_factory.mktemp("as_of") / "warehouse.duckdb"
    load_world(world.world(), path)
    transform.require_passed(
        transform.build(
            PROJECT,
            path,
            select=["+kpi_definitions"],
            exclude=["resource_type:test", "test_type:unit"],
        )
    )
    _record_two_weeks(path)
    return path


def _record_two_weeks(path: Path) -> None:
    """e1 and e2 were found on 6 November, e2 and e3 a week later; of 8 invoices 7 are held."""
    with warehouse.writer(path) as connection:
        connection.execute(
            "insert into raw_state.recorded_run (run_number, week, as_of_at) values"
            " (1, '2026-W45', '2026-11-06 17:00+00'), (2, '2026-W46', '2026-11-13 17:00+00')"
        )
        connection.execute(
            "insert into raw_state.recorded_exception (run_number, exception_id, company_id,"
            f" currency_code) values (1, 'e1', '{US}', 'USD'), (1, 'e2', '{US}', 'USD'),"
            f" (2, 'e2', '{US}', 'USD'), (2, 'e3', '{US}', 'USD')"
        )
        connection.execute(
            "insert into raw_quickbooks.control_total (source_id, object, measure, vendor_value,"
            f" held_value, asked_at) values ('{US}', 'Invoice', 'rows', 8, 7,"
            f" '2026-11-14 06:00+00'), ('{US}', 'Invoice', 'rows', 9, 9, '2026-11-17 06:00+00')"
        )


def on(books: Path, day: str) -> Row:
    (row,) = read(
        books,
        f"select * from reconciliation.kpis_as_of(date '{day}')"
        f" where company_id = '{US}' and currency_code = 'USD'",
    )
    return row


def told(row: Row, *names: str) -> dict[str, str | None]:
    return {name: str(row[name]) if row[name] is not None else None for name in names}


# Every figure below is reckoned by hand from the story in `books`.
RECKONED = {
    # A is billed and not paid: 1,000.00, four days past due. July has 10 days so far.
    "2026-07-10": {
        "leakage_amount": "0.00", "due_amount": "1000.00", "match_rate_by_count": "1.000000",
        "time_to_invoice_median_days": "5.0", "steps_sent": "1",
        "time_to_send_median_days": "8.0", "receivable_amount": "1000.00",
        "current_amount": "0.00", "days_1_to_30_amount": "1000.00", "dso_days": "90.0",
        "dso_count_back_days": "10.0", "best_possible_dso_days": "0.0",
        "average_days_delinquent": "90.0", "collection_effectiveness": "0.000000",
    },
    "2026-07-08": {"steps_timed": "1", "steps_sent": "0", "time_to_send_median_days": None},
    # B is due since the 3rd, and within five working days of it.
    "2026-08-10": {"leakage_amount": "0.00", "due_amount": "1500.00"},
    # Now it is unbilled. 400.00 of A are open, 37 days past due: 12 days of August, which has no
    # sales, and 400/1000 of July's 31 days.
    "2026-08-12": {
        "leakage_amount": "500.00", "leakage_deals": "1", "leakage_rate": "0.333333",
        "match_rate_by_count": "0.500000", "match_rate_by_value": "0.666667",
        "receivable_amount": "400.00", "overdue_amount": "400.00", "days_31_to_60_amount": "400.00",
        "sales_amount": "1000.00", "dso_days": "36.0", "dso_count_back_days": "24.4",
        "collection_effectiveness": "0.600000",
    },
    # B is billed with 450.00 after 29 days, A after 5. Its 450.00 are the sales of September.
    "2026-09-15": {
        "leakage_amount": "50.00", "under_billed_amount": "50.00", "unbilled_amount": "0.00",
        "time_to_invoice_median_days": "17.0", "time_to_invoice_p90_days": "26.6",
        "receivable_amount": "450.00", "sales_amount": "1450.00", "dso_days": "27.9",
        "dso_count_back_days": "15.0", "unapplied_credit_amount": "0.00",
    },
    # C is billed twice; the first invoice is not yet paid.
    "2026-10-15": {
        "duplicate_amount": "300.00", "over_billed_amount": "0.00", "receivable_amount": "1050.00",
        "unapplied_credit_amount": "100.00", "unapplied_payment_amount": "0.00",
    },
    "2026-11-15": {
        "duplicate_amount": "300.00", "duplicate_invoices": "1", "leakage_amount": "50.00",
        "due_amount": "1800.00", "match_rate_by_value": "1.000000", "auto_match_rate": "1.000000",
        "reversal_rate": "0.000000", "receivable_amount": "750.00", "sales_amount": "1050.00",
        "dso_days": "64.3", "unapplied_payment_amount": "80.00",
        "unapplied_payment_oldest_days": "26", "unapplied_credit_amount": "100.00",
        "unapplied_credit_oldest_days": "56",
        "exceptions_opened": "1", "exceptions_closed": "1", "exceptions_carried": "1",
        "mean_days_to_resolve": "7.0", "coverage": "0.875000",
    },
}  # fmt: skip


@pytest.mark.parametrize("day", list(RECKONED))
def test_the_figures_of_a_day_are_those_reckoned_by_hand(books: Path, day: str) -> None:
    assert told(on(books, day), *RECKONED[day]) == RECKONED[day]


def test_what_is_recorded_or_counted_later_is_not_known_of_a_day(books: Path) -> None:
    before = told(on(books, "2026-11-10"), "exceptions_opened", "mean_days_to_resolve", "coverage")
    assert before == {"exceptions_opened": None, "mean_days_to_resolve": None, "coverage": None}
    assert str(on(books, "2026-11-18")["coverage"]) == "1.000000"


def test_before_anything_happened_there_is_nothing(books: Path) -> None:
    row = on(books, "2026-06-30")
    assert told(row, "due_amount", "receivable_amount", "mismatches", "dso_days") == {
        "due_amount": "0.00", "receivable_amount": "0.00", "mismatches": "0", "dso_days": None,
    }  # fmt: skip


def test_a_voided_invoice_stood_until_the_day_of_its_void(company: Company) -> None:
    """Of each step whose invoice is gone: billed on the day before, on the day itself perhaps being
    replaced."""
    rows = company.rows(
        """
        with gone as (
            select
                mismatches.deal_id,
                mismatches.plan_step,
                invoices.invoice_on,
                cast(timezone('UTC', invoices.modified_at) as date) as gone_on
            from reconciliation.mismatches
            inner join intermediate.int_invoices__net as invoices
                on mismatches.company_id = invoices.company_id
                and mismatches.document_id = invoices.invoice_id
            where mismatches.mismatch_class = 'VOIDED_AFTER_BILLING' and invoices.is_voided
        )
        select gone.*, steps.as_of_on, steps.outcome
        from reconciliation.steps_as_of((
            select list_distinct(flatten(list([gone_on, gone_on - 1]))) from gone
        )) as steps
        inner join gone
            on steps.deal_id = gone.deal_id and steps.plan_step = gone.plan_step
            and steps.as_of_on in (gone.gone_on, gone.gone_on - 1)
        where steps.is_due and gone.invoice_on < gone.gone_on
        """
    )
    assert len(rows) >= 2
    for row in rows:
        wanted = "being_replaced" if row["as_of_on"] == row["gone_on"] else "standing"
        assert row["outcome"] == wanted


@pytest.mark.parametrize("day", [TODAY, date(2027, 3, 1)])
def test_today_the_mismatches_are_those_of_the_mart(company: Company, day: date) -> None:
    columns = "mismatch_id, mismatch_class, document_number, value_at_stake"
    listed = f"select {columns} from reconciliation.mismatches order by mismatch_id"
    if day == TODAY:
        as_of = company.rows(
            f"select {columns} from reconciliation.mismatches_as_of([?]) order by mismatch_id",
            [day],
        )
        assert as_of == company.rows(listed)
        material = "select {} as id, is_material from {} order by 1"
        assert company.rows(
            material.format(
                "mismatch_id", "reconciliation.mismatches_as_of([?]) where is_exception"
            ),
            [day],
        ) == company.rows(material.format("exception_id", "reconciliation.exceptions"))
    else:
        # Later nothing is gone that is there today; what is not due yet is then unbilled.
        later = company.rows(f"select {columns} from reconciliation.mismatches_as_of([?])", [day])
        assert {row["mismatch_id"] for row in company.rows(listed)} <= {
            row["mismatch_id"] for row in later
        }


def test_today_the_figures_are_those_of_the_report(company: Company) -> None:
    names = [row["column_name"] for row in company.rows("describe reconciliation.report_kpis")]
    listed = ", ".join(names)
    order = "order by company_id, currency_code"
    assert company.rows(
        f"select {listed} from reconciliation.kpis_as_of(?) {order}", [TODAY]
    ) == company.rows(f"select {listed} from reconciliation.report_kpis {order}")


def test_today_the_ageing_is_that_of_the_report(company: Company) -> None:
    rows = company.rows(
        """
        unpivot (
            select company_id, currency_code, current_amount as "current",
                days_1_to_30_amount as "1-30", days_31_to_60_amount as "31-60",
                days_61_to_90_amount as "61-90", days_91_and_over_amount as "91+"
            from reconciliation.kpis_as_of(?)
        ) on "current", "1-30", "31-60", "61-90", "91+" into name bucket value amount
        """,
        [TODAY],
    )
    assert {tuple(row.values()) for row in rows} == {
        tuple(row.values())
        for row in company.rows(
            "select company_id, currency_code, bucket, amount from reconciliation.ar_ageing"
        )
    }


def test_every_key_figure_is_defined(company: Company) -> None:
    names = {
        row["column_name"]
        for row in company.rows("describe from reconciliation.kpis_as_of(current_date)")
    }
    defined = {row["kpi"] for row in company.rows("select * from reconciliation.kpi_definitions")}
    assert defined <= names
    assert len(defined) > 20
