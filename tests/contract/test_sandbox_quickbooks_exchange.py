"""Foreign documents paid at another rate: what is gained or lost, and that everything ties."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import (
    GB,
    US,
    Company,
    invoice,
    line,
    payment,
    quickbooks_sandbox,
    write_seed,
)

from pipelines.sandbox.quickbooks import QuickBooks as Vendor
from pipelines.sandbox.server import running_sandbox

YEAR = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
NAME = "Exchange Gain or Loss"
VAT = {"TaxCodeRef": {"value": "10"}}


@pytest.fixture
def gb(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox, GB)


def sold(gb: Company, amount: Any, rate: str, **more: Any) -> dict[str, Any]:
    body = invoice(line(amount, **VAT), customer_id="2", TxnDate="2026-02-01", **more)
    return gb.save("Invoice", {**body, "ExchangeRate": rate})


def paid(gb: Company, total: Any, rate: str, *links: tuple[str, str, Any]) -> dict[str, Any]:
    body = payment(total, *links, customer_id="2")
    return gb.save("Payment", {**body, "ExchangeRate": rate, "TxnDate": "2026-03-01"})


def report(gb: Company, name: str, **query: str) -> dict[str, D]:
    """The last cell of every row and summary of a report by its name."""
    answer = gb.get(f"/reports/{name}", **{**YEAR, **query})
    assert answer.status == 200, answer.text
    return figures(answer.body["Rows"])


def figures(rows: dict[str, Any]) -> dict[str, D]:
    found: dict[str, D] = {}
    for row in rows.get("Row", ()):
        found |= figures(row.get("Rows", {}))
        for part in (row, row.get("Summary") or {}):
            cells = [cell["value"] for cell in part.get("ColData", ())]
            if len(cells) > 1 and cells[-1]:
                found[cells[0]] = D(cells[-1])
    return found


def ties(gb: Company) -> dict[str, D]:
    """The profit and loss, after every statement was held against the others on both bases."""
    for basis in ("Cash", "Accrual"):
        result = report(gb, "ProfitAndLoss", accounting_method=basis)
        sheet = report(gb, "BalanceSheet", accounting_method=basis)
        assert sheet["TOTAL ASSETS"] == sheet["TOTAL LIABILITIES AND EQUITY"], basis
        assert sheet.get("Net Income", 0) == result.get("Net Income", 0), basis
    owed = report(gb, "AgedReceivables", report_date="2026-12-31").get("TOTAL", D(0))
    assert sheet.get("Total Accounts Receivable", D(0)) == owed
    rows = gb.query("select * from Account where Active in (true, false)").body["QueryResponse"]
    kept = sum((D(str(a["CurrentBalance"])) for a in rows["Account"]), D(0))
    assert kept == result.get("Net Income", 0), (
        "the balances of accounts are those of the balance sheet"
    )
    return result


def test_a_gain_is_what_the_money_is_worth_more_than_the_invoice(gb: Company) -> None:
    made = sold(gb, 100, "0.8")
    assert ties(gb)["Net Income"] == 80
    paid(gb, 100, "0.9", ("Invoice", made["Id"], 100))
    result = ties(gb)
    assert (result["Total Income"], result[NAME], result["Net Income"]) == (80, -10, 90)
    sheet = report(gb, "BalanceSheet")
    assert "Total Accounts Receivable" not in sheet
    assert sheet["TOTAL ASSETS"] == 90


def test_a_loss_and_money_that_is_not_applied(gb: Company) -> None:
    made = sold(gb, 100, "0.8")
    paid(gb, 150, "0.7", ("Invoice", made["Id"], 100))
    assert ties(gb)[NAME] == 10
    # 50 euros are still the customer's, at the rate of the payment.
    assert report(gb, "BalanceSheet")["Total Accounts Receivable"] == -35


def test_parts_and_credits_leave_no_cent_behind(gb: Company) -> None:
    made = sold(gb, "33.33", "0.8123", Deposit="3.33")
    memo = gb.save(
        "CreditMemo",
        {**invoice(line("10.01", **VAT), customer_id="2", TxnDate="2026-02-02"),
         "ExchangeRate": "0.7777"},
    )  # fmt: skip
    paid(gb, "7.77", "0.9111", ("Invoice", made["Id"], "7.77"))
    ties(gb)
    paid(gb, "12.22", "0.6543", ("Invoice", made["Id"], "22.23"),
         ("CreditMemo", memo["Id"], "10.01"))  # fmt: skip
    ties(gb)
    assert "Total Accounts Receivable" not in report(gb, "BalanceSheet")


@pytest.mark.parametrize("asked_before", [False, True])
def test_what_changes_later_moves_the_gain_with_it(gb: Company, asked_before: bool) -> None:
    made = sold(gb, 100, "0.8")
    money = paid(gb, 100, "0.9", ("Invoice", made["Id"], 100))
    if asked_before:
        ties(gb)
    now = gb.read("Invoice", made["Id"])
    changed = {"Id": now["Id"], "SyncToken": now["SyncToken"], "sparse": True}
    gb.save("Invoice", {**changed, "ExchangeRate": "0.85"})
    assert ties(gb)[NAME] == -5
    gb.save("Payment", {"Id": money["Id"], "SyncToken": money["SyncToken"]}, operation="delete")
    assert NAME not in ties(gb)
    assert report(gb, "BalanceSheet")["Total Accounts Receivable"] == 85


def test_a_bill_that_costs_more_when_it_is_paid(gb: Company) -> None:
    vendor = gb.save("Vendor", {"DisplayName": "Rhône SARL", "CurrencyRef": {"value": "EUR"}})
    spent = {"AccountRef": {"value": "7"}, "TaxCodeRef": {"value": "10"}}
    bill = gb.save(
        "Bill",
        {"VendorRef": {"value": vendor["Id"]}, "ExchangeRate": "0.8", "TxnDate": "2026-02-01",
         "CurrencyRef": {"value": "EUR"},
         "Line": [{"Amount": 100, "DetailType": "AccountBasedExpenseLineDetail",
                   "AccountBasedExpenseLineDetail": spent}]},
    )  # fmt: skip
    link = {"TxnId": bill["Id"], "TxnType": "Bill"}
    gb.save(
        "BillPayment",
        {"VendorRef": {"value": vendor["Id"]}, "TotalAmt": 100, "PayType": "Check",
         "CheckPayment": {"BankAccountRef": {"value": "35"}}, "ExchangeRate": "0.9",
         "CurrencyRef": {"value": "EUR"}, "TxnDate": "2026-03-01",
         "Line": [{"Amount": 100, "LinkedTxn": [link]}]},
    )  # fmt: skip
    result = ties(gb)
    assert (result["Total Expenses"], result[NAME]) == (80, 10)
    assert "Total Accounts Payable" not in report(gb, "BalanceSheet")


def test_the_journal_shows_the_three_lines_of_a_payment(gb: Company) -> None:
    made = sold(gb, 100, "0.8")
    paid(gb, 100, "0.9", ("Invoice", made["Id"], 100))
    rows = gb.get("/reports/JournalReport", start_date="2026-03-01", end_date="2026-03-01")
    cells = [[c["value"] for c in row["ColData"]][5:] for row in rows.body["Rows"]["Row"][:-1]]
    assert cells == [
        ["Undeposited Funds", "90.00", ""],
        [NAME, "", "10.00"],
        ["Accounts Receivable (A/R)", "", "80.00"],
    ]


def test_the_account_is_there_where_several_currencies_are(tmp_path: Path) -> None:
    with quickbooks_sandbox(tmp_path) as sandbox:
        gb, us = Company(sandbox, GB), Company(sandbox, US)
        asked = f"select * from Account where Name = '{NAME}'"
        found = gb.query(asked).body["QueryResponse"]["Account"]
        assert [(a["AccountType"], a["AccountSubType"]) for a in found] == [
            ("Other Expense", "ExchangeGainOrLoss")
        ]
        assert us.query(asked).body["QueryResponse"] == {}


def test_the_account_comes_with_the_currencies_and_stays_over_a_restart(tmp_path: Path) -> None:
    asked = f"select * from Account where Name = '{NAME}'"
    seed, log = write_seed(tmp_path / "seed"), tmp_path / "log"
    ids = []
    for _ in range(2):
        with running_sandbox(seed, log, factories={"quickbooks": Vendor}) as sandbox:
            gb, us = Company(sandbox, GB), Company(sandbox, US)
            preferences = us.get("/preferences").body["Preferences"]
            prefs = {**preferences["CurrencyPrefs"], "MultiCurrencyEnabled": True}
            us.save("Preferences", {**preferences, "CurrencyPrefs": prefs})
            gb.save("Account", {"Name": "Later", "AccountType": "Bank"}) if not ids else None
            both = [c.query(asked).body["QueryResponse"]["Account"] for c in (gb, us)]
            ids.append([a["Id"] for found in both for a in found])
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2
