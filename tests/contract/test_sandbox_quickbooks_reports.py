"""Reports over HTTP: every one is computed from the books, and they agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from quickbooks_company import US, Company, invoice, line, payment, quickbooks_sandbox

from pipelines.sandbox.quickbooks.reports import NAMED
from pipelines.sandbox.server import RunningSandbox

YEAR = {"start_date": "2026-01-01", "end_date": "2026-12-31"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path_factory.mktemp("reports")) as running:
        _trade(Company(running, US))
        yield running


@pytest.fixture(scope="module")
def us(sandbox: RunningSandbox) -> Company:
    return Company(sandbox)


def _trade(us: Company) -> None:
    """Two sales, a part payment, a bill, an expense and a journal entry."""
    taxed = line(100, "5", TaxCodeRef={"value": "TAX"}, Qty=2, UnitPrice=50)
    discount = {
        "Amount": 10,
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": False},
    }
    sold = us.save("Invoice", invoice(taxed, discount, TxnDate="2026-10-05", DueDate="2026-10-20",
                   TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}}))  # fmt: skip
    us.save("Payment", {**payment(50, ("Invoice", sold["Id"], 50)), "TxnDate": "2026-10-10"})
    us.save("Invoice", invoice(line(30), TxnDate="2026-11-02", customer_id="2"))
    vendor = us.save("Vendor", {"DisplayName": "Hicks Hardware"})["Id"]
    spent = {
        "Amount": 40,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "15"}},
    }
    us.save("Bill", {"VendorRef": {"value": vendor}, "TxnDate": "2026-10-07", "Line": [spent]})
    us.save("Purchase", {"AccountRef": {"value": "35"}, "PaymentType": "Cash",
            "EntityRef": {"value": vendor, "type": "Vendor"}, "TxnDate": "2026-11-03",
            "Line": [{**spent, "Amount": 5}]})  # fmt: skip
    sides = [("Debit", "35"), ("Credit", "34")]
    us.save("JournalEntry", {"TxnDate": "2026-09-30", "Line": [
        {"Amount": 1000, "DetailType": "JournalEntryLineDetail",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}}}
        for side, account in sides]})  # fmt: skip


def report(us: Company, name: str, **query: str) -> dict[str, Any]:
    answer = us.get(f"/reports/{name}", **{**YEAR, **query})
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.body
    return found


def figures(rows: dict[str, Any]) -> dict[str, list[str]]:
    """Every row and summary by its name."""
    found: dict[str, list[str]] = {}
    for row in rows.get("Row", ()):
        for part in (row.get("Header"), row, row.get("Summary")):
            cells = [c["value"] for c in (part or {}).get("ColData", ())]
            if len(cells) > 1:
                found.setdefault(cells[0], cells[1:])
        found |= {k: v for k, v in figures(row.get("Rows", {})).items() if k not in found}
    return found


def test_profit_and_loss_counts_income_less_discount_and_expense(us: Company) -> None:
    found = report(us, "ProfitAndLoss")
    lines = figures(found["Rows"])
    assert lines["Services"] == ["130.00"]
    assert lines["Discounts given"] == ["-10.00"]
    assert lines["Total Income"] == lines["Gross Profit"] == ["120.00"]
    assert lines["Total Expenses"] == ["45.00"]
    assert lines["Net Income"] == ["75.00"]
    groups = [row["group"] for row in found["Rows"]["Row"]]
    assert groups == ["Income", "GrossProfit", "Expenses", "NetOperatingIncome", "NetIncome"]
    assert found["Header"]["ReportBasis"] == "Accrual"
    assert "time" not in found


@pytest.mark.parametrize(
    ("by", "titles", "net"),
    [
        ("Quarter", ["Jul 1 - Sep 30, 2026", "Oct 1 - Nov 30, 2026"], ["", "75.00", "75.00"]),
        ("Month", ["Jul 2026", "Aug 2026", "Sep 2026", "Oct 2026", "Nov 2026"],
         ["", "", "", "50.00", "25.00", "75.00"]),
        ("Customers", ["Amy's Bird Sanctuary", "Cool Cars"], ["90.00", "30.00", "75.00"]),
    ],
)  # fmt: skip
def test_columns_are_summarized_and_add_up(
    us: Company, by: str, titles: list[str], net: list[str]
) -> None:
    found = report(us, "ProfitAndLoss", start_date="2026-07-01", end_date="2026-11-30",
                   summarize_column_by=by)  # fmt: skip
    assert [c["ColTitle"] for c in found["Columns"]["Column"]] == ["", *titles, "TOTAL"]
    assert figures(found["Rows"])["Net Income"] == net


def test_a_day_column_names_its_day_and_an_empty_report_says_so(us: Company) -> None:
    found = report(us, "ProfitAndLoss", start_date="2026-01-01", end_date="2026-01-02",
                   summarize_column_by="Days")  # fmt: skip
    meta = {m["Name"]: m["Value"] for m in found["Columns"]["Column"][1]["MetaData"]}
    assert (meta["StartDate"], meta["EndDate"]) == ("2026-01-01", "2026-01-01")
    assert {"Name": "NoReportData", "Value": "true"} in found["Header"]["Option"]


def test_the_balance_sheet_balances(us: Company) -> None:
    lines = figures(report(us, "BalanceSheet")["Rows"])
    assert lines["Checking"] == ["995.00"]
    assert lines["Accounts Receivable (A/R)"] == ["78.00"]
    assert lines["Board of Equalization Payable"] == ["8.00"]
    assert lines["Net Income"] == ["75.00"]
    assert lines["TOTAL ASSETS"] == lines["TOTAL LIABILITIES AND EQUITY"] == ["1123.00"]


def test_last_years_profit_is_retained(us: Company) -> None:
    lines = figures(
        report(us, "BalanceSheet", start_date="2027-01-01", end_date="2027-02-01")["Rows"]
    )
    assert (lines["Retained Earnings"], lines["Net Income"]) == (["75.00"], [""])


def test_both_sides_of_trial_balance_and_journal_agree(us: Company) -> None:
    debit, credit = figures(report(us, "TrialBalance")["Rows"])["TOTAL"]
    assert debit == credit != "0.00"
    total = figures(report(us, "JournalReport")["Rows"])["TOTAL"]
    assert total[-1] == total[-2] != "0.00"


def test_receivables_are_what_the_customers_owe(us: Company) -> None:
    owed = sum((c["Balance"] for c in us.rows("Customer")), Decimal(0))
    for name in ("AgedReceivables", "AgedReceivableDetail", "CustomerBalance",
                 "CustomerBalanceDetail"):  # fmt: skip
        rows = report(us, name)["Rows"]["Row"]
        if name == "CustomerBalanceDetail":
            shown = sum(Decimal(row["Summary"]["ColData"][-1]["value"]) for row in rows)
        else:
            shown = Decimal(rows[-1]["Summary"]["ColData"][-1]["value"])
        assert shown == owed, name
    late = report(us, "AgedReceivableDetail", report_date="2026-11-19")["Rows"]["Row"][0]
    assert late["Header"]["ColData"][0]["value"] == "1 - 30 days past due"
    assert late["Rows"]["Row"][0]["ColData"][5]["value"] == "30"


def test_the_ledger_runs_its_balance_on(us: Company) -> None:
    rows = report(us, "GeneralLedger", start_date="2026-10-01", account="35")["Rows"]["Row"]
    (checking,) = rows
    values = [[c["value"] for c in row["ColData"]] for row in checking["Rows"]["Row"]]
    assert values[0][0::7] == ["Beginning Balance", "1000.00"]
    assert values[1][1::1][-3:] == ["Office Expenses", "-5.00", "995.00"]


def test_what_was_sold_by_item_and_spent_by_vendor(us: Company) -> None:
    assert figures(report(us, "ItemSales")["Rows"])["Rock Fountain"] == [
        "2.00", "100.00", "76.92 %", "50.00",
    ]  # fmt: skip
    assert figures(report(us, "VendorExpenses")["Rows"])["Hicks Hardware"] == ["45.00"]
    assert figures(report(us, "CustomerSales")["Rows"])["Cool Cars"] == ["30.00"]
    assert figures(report(us, "AgedPayables")["Rows"])["TOTAL"][-1] == "40.00"


def test_cash_flow_ends_with_the_bank_accounts_balance(us: Company) -> None:
    lines = figures(report(us, "CashFlow")["Rows"])
    assert lines["Cash at end of period"] == ["995.00"]


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"TaxSummary"}))
def test_every_report_has_the_vendors_layout(us: Company, name: str) -> None:
    found = report(us, name)
    assert found["Header"]["ReportName"] == name
    assert found["Header"]["Currency"] == "USD"
    width = len(found["Columns"]["Column"])
    rows = found["Rows"]["Row"]
    assert rows
    assert {len(row["ColData"]) for row in _leaves(rows)} <= {width}


def _leaves(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield from (row[k] for k in ("Summary",) if k in row)
        if "ColData" in row:
            yield row
        yield from _leaves(row.get("Rows", {}).get("Row", ()))


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/reports/FECReport", {}, "500"),
        ("/reports", {}, "500"),
        ("/reports/ProfitAndLoss", {"accounting_method": "Barter"}, "6000"),
        ("/reports/TaxSummary", {}, "500"),
        ("/reports/ProfitAndLoss", {"summarize_column_by": "Moons"}, "6000"),
        ("/reports/ProfitAndLoss", {"date_macro": "next moon"}, "6000"),
        ("/reports/ProfitAndLoss", {"start_date": "soon"}, "2070"),
        ("/reports/ProfitAndLoss", {"start_date": "2026-02-01", "end_date": "2026-01-01"}, "6000"),
        ("/reports/AgedReceivables", {"aging_period": "a month"}, "6000"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    us: Company, path: str, query: dict[str, str], code: str
) -> None:
    answer = us.get(path, **query)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize(
    ("macro", "first", "last"),
    [
        ("this month-to-date", "2026-11-01", "2026-11-20"),
        ("This Month", "2026-11-01", "2026-11-30"),
        ("last quarter", "2026-07-01", "2026-09-30"),
        ("Last Fiscal Year", "2025-01-01", "2025-12-31"),
        ("this week", "2026-11-15", "2026-11-21"),
        ("yesterday", "2026-11-19", "2026-11-19"),
    ],
)
def test_a_date_macro_is_a_period(us: Company, macro: str, first: str, last: str) -> None:
    head = us.get("/reports/ProfitAndLoss", date_macro=macro).body["Header"]
    assert (head["StartPeriod"], head["EndPeriod"]) == (first, last)
