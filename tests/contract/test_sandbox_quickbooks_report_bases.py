"""Both bases of the reports, splits, the VAT return; and that no one waits while sums are made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import GB, Company, invoice, line, payment, quickbooks_sandbox

from pipelines.sandbox.quickbooks import report_layout, report_work, tally

YEAR = {"start_date": "2026-01-01", "end_date": "2026-12-31"}
CASH = {**YEAR, "accounting_method": "Cash"}


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox)


@pytest.fixture
def gb(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox, GB)


def report(company: Company, name: str, **query: str) -> dict[str, Any]:
    answer = company.get(f"/reports/{name}", **query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.body
    return found


def figures(rows: dict[str, Any]) -> dict[str, str]:
    """The last cell of every row and summary by its name."""
    found: dict[str, str] = {}
    for row in rows.get("Row", ()):
        found |= figures(row.get("Rows", {}))
        for part in (row, row.get("Summary") or {}):
            cells = [cell["value"] for cell in part.get("ColData", ())]
            if len(cells) > 1 and cells[-1]:
                found[cells[0]] = cells[-1]
    return found


def profit(company: Company, **query: str) -> dict[str, str]:
    return figures(report(company, "ProfitAndLoss", **{**CASH, **query})["Rows"])


def taxed_invoice() -> dict[str, Any]:
    """Three lines, a discount and a tax: 147.99 to pay."""
    discount = {"Amount": 10, "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}
    taxed = line(100, "5", TaxCodeRef={"value": "TAX"})
    return invoice(taxed, line("33.33"), line("16.66"), discount, TxnDate="2026-03-01",
                   TxnTaxDetail={"TxnTaxCodeRef": {"value": "2"}})  # fmt: skip


def paid(company: Company, amount: Any, sold: dict[str, Any], day: str) -> dict[str, Any]:
    body = payment(amount, ("Invoice", sold["Id"], amount))
    return company.save("Payment", {**body, "TxnDate": day})


def test_a_sale_counts_when_and_as_far_as_it_is_paid(us: Company) -> None:
    sold = us.save("Invoice", taxed_invoice())
    assert sold["TotalAmt"] == D("147.99")
    assert "Total Income" not in profit(us)
    paid(us, 50, sold, "2026-05-01")
    part = D(50) / D("147.99")
    income = [round(D(n) * part, 2) for n in ("100", "33.33", "16.66", "-10")]
    assert profit(us)["Total Income"] == str(sum(income))
    assert profit(us, end_date="2026-04-30").get("Total Income") is None
    paid(us, "31.01", sold, "2026-05-02")
    paid(us, "66.98", sold, "2026-05-03")
    assert profit(us)["Total Income"] == "139.99"
    accrual = figures(report(us, "ProfitAndLoss", **YEAR)["Rows"])
    assert profit(us)["Net Income"] == accrual["Net Income"] == "139.99"
    owed = figures(report(us, "BalanceSheet", **CASH)["Rows"])
    assert owed["Total Other Current Liabilities"] == "8.00"


def test_what_rounding_leaves_of_a_payment_is_not_left_unapplied(us: Company) -> None:
    sold = us.save("Invoice", invoice(*[line("33.33")] * 3, TxnDate="2026-02-01"))
    paid(us, 50, sold, "2026-03-01")
    found = profit(us)
    assert (found["Services"], found["Net Income"]) == ("50.00", "50.00")
    assert "Unapplied Cash Payment Income" not in found


def test_money_not_applied_is_income_of_its_own_until_it_is(us: Company) -> None:
    sold = us.save("Invoice", invoice(line(80), TxnDate="2026-02-01"))
    made = us.save("Payment", {**payment(60), "TxnDate": "2026-04-01"})
    assert profit(us)["Unapplied Cash Payment Income"] == "60.00"
    applied = {**payment(60, ("Invoice", sold["Id"], 60)), "Id": made["Id"], "SyncToken": "0"}
    us.save("Payment", {**applied, "TxnDate": "2026-04-01"})
    found = profit(us)
    assert "Unapplied Cash Payment Income" not in found
    assert found["Total Income"] == "60.00"


def test_credits_and_deposits_on_a_cash_basis(us: Company) -> None:
    sold = us.save("Invoice", invoice(line(100), TxnDate="2026-02-01", Deposit=25))
    assert profit(us, end_date="2026-02-01")["Total Income"] == "25.00"
    memo = us.save("CreditMemo", invoice(line(30), TxnDate="2026-02-02"))
    assert profit(us)["Total Income"] == "25.00"
    body = payment(45, ("Invoice", sold["Id"], 75), ("CreditMemo", memo["Id"], 30))
    us.save("Payment", {**body, "TxnDate": "2026-03-01"})
    assert profit(us)["Total Income"] == "70.00"
    balance = figures(report(us, "BalanceSheet", **CASH)["Rows"])
    assert balance["TOTAL ASSETS"] == balance["TOTAL LIABILITIES AND EQUITY"] == "70.00"
    assert not [name for name in balance if "Receivable" in name]


def test_a_bill_counts_when_it_is_paid(us: Company) -> None:
    vendor = us.save("Vendor", {"DisplayName": "Hicks Hardware"})["Id"]
    spent = {
        "Amount": 40,
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "15"}},
    }
    bill = us.save(
        "Bill", {"VendorRef": {"value": vendor}, "Line": [spent], "TxnDate": "2026-03-01"}
    )
    assert "Total Expenses" not in profit(us)
    us.save("BillPayment", {
        "VendorRef": {"value": vendor}, "TotalAmt": 30, "PayType": "Check", "TxnDate": "2026-04-01",
        "CheckPayment": {"BankAccountRef": {"value": "35"}},
        "Line": [{"Amount": 30, "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Bill"}]}],
    })  # fmt: skip
    assert profit(us)["Total Expenses"] == "30.00"
    assert figures(report(us, "ProfitAndLoss", **YEAR)["Rows"])["Total Expenses"] == "40.00"
    spent_on = report(us, "VendorExpenses", **CASH)
    assert figures(spent_on["Rows"])["Hicks Hardware"] == "30.00"


def test_all_reports_of_a_basis_agree(us: Company) -> None:
    sold = us.save("Invoice", taxed_invoice())
    paid(us, 70, sold, "2026-05-01")
    for query in (YEAR, CASH):
        net = profit(us, **query) if query is CASH else figures(
            report(us, "ProfitAndLoss", **query)["Rows"]
        )  # fmt: skip
        detail = report(us, "ProfitAndLossDetail", **query)
        assert detail["Rows"]["Row"][-1]["Summary"]["ColData"][-2]["value"] == net["Net Income"]
        trial = report(us, "TrialBalance", **query)["Rows"]["Row"][-1]["Summary"]["ColData"]
        assert trial[1]["value"] == trial[2]["value"] != "0.00"
        items = figures(report(us, "CustomerSales", **query)["Rows"])
        assert items["TOTAL"] == net["Total Income"]
        ledger = report(us, "GeneralLedger", **query)
        assert ledger["Header"]["ReportBasis"] == query.get("accounting_method", "Accrual")
    assert us.get("/reports/ProfitAndLoss", accounting_method="Barter").code == "6000"


def test_every_transaction_with_its_splits(us: Company) -> None:
    sold = us.save("Invoice", invoice(line(20), line(5), TxnDate="2026-03-01"))
    found = report(us, "TransactionListWithSplits", **YEAR)
    keys = [column["MetaData"][0]["Value"] for column in found["Columns"]["Column"]]
    assert keys == ["tx_date", "txn_type", "doc_num", "is_no_post", "name", "memo",
                    "account_name", "nat_amount"]  # fmt: skip
    rows = [[cell["value"] for cell in row["ColData"]] for row in found["Rows"]["Row"]]
    assert rows[0][:5] == [
        "2026-03-01",
        "Invoice",
        sold["DocNumber"],
        "Yes",
        "Amy's Bird Sanctuary",
    ]
    assert [(row[0], row[-1]) for row in rows] == [
        ("2026-03-01", "25.00"), ("0-00-00", "5.00"), ("0-00-00", "20.00"), ("", ""),
    ]  # fmt: skip
    assert {row["ColData"][1].get("id") for row in found["Rows"]["Row"][:3]} == {sold["Id"]}
    grouped = report(us, "TransactionListWithSplits", **YEAR, group_by="Account")
    titles = [s["Header"]["ColData"][0]["value"] for s in grouped["Rows"]["Row"]]
    assert titles == ["Accounts Receivable (A/R)", "Services"]
    assert us.get("/reports/TransactionListWithSplits", group_by="Moon").code == "6000"


def test_the_boxes_of_a_vat_return(gb: Company) -> None:
    vat = [line(100, TaxCodeRef={"value": "20"}), line(40, TaxCodeRef={"value": "5"})]
    gb.save("Invoice", invoice(*vat, TxnDate="2026-02-01"))
    gb.save("CreditMemo", invoice(line(10, TaxCodeRef={"value": "20"}), TxnDate="2026-02-03"))
    gb.save("Invoice", invoice(line(100, TaxCodeRef={"value": "20"}), TxnDate="2026-11-04",
                               customer_id="2"))  # fmt: skip
    found = report(gb, "TaxSummary", **YEAR)
    boxes = {row["group"]: row["ColData"][1]["value"] for row in found["Rows"]["Row"]}
    assert (boxes["Box 1"], boxes["Box 5"], boxes["Box 6"]) == ("37.00", "37.00", "215.00")
    assert found["Header"]["SummarizeColumnsBy"] == "Total"


def test_no_one_waits_while_sums_are_made_and_none_is_left_out(
    us: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = us.save("Invoice", invoice(line(100)))
    begun, go_on = threading.Event(), threading.Event()
    make = tally._made_of

    def slowly(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return make(*given)

    monkeypatch.setattr(tally, "_made_of", slowly)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(report, us, "ProfitAndLoss", **YEAR)
        assert begun.wait(20)
        other = pool.submit(report, us, "BalanceSheet", **YEAR)
        assert us.read("Customer", "1")["Balance"] == 100
        us.save("Invoice", invoice(line(7)))
        refused = us.post("/invoice", invoice(line(9), line(1, item_id="77")))
        us.save("Invoice", {"Id": sold["Id"], "SyncToken": "0"}, operation="delete")
        go_on.set()
        assert figures(one.result()["Rows"])["Net Income"] == "7.00"
        assert figures(other.result()["Rows"])["TOTAL ASSETS"] == "7.00"
    assert refused.status == 400


def test_no_one_waits_for_a_long_report_and_it_is_of_the_moment_it_was_asked_at(
    us: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    us.save("Invoice", invoice(line(100)))
    begun, go_on = threading.Event(), threading.Event()
    make = report_work._made

    def slowly(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return make(*given)

    monkeypatch.setattr(report_work, "_made", slowly)
    monkeypatch.setattr(report_work, "LARGE", 1)
    names = ("TransactionList", "GeneralLedger", "JournalReport", "AgedReceivableDetail")
    with ThreadPoolExecutor(len(names)) as pool:
        asked = [pool.submit(us.get, f"/reports/{name}", date_macro="all") for name in names]
        assert begun.wait(20)
        assert us.read("Customer", "1")["Balance"] == 100
        go_on.set()
        assert [answer.result().body["Header"]["ReportName"] for answer in asked] == list(names)
        begun.clear()
        go_on.clear()
        late = pool.submit(report, us, "JournalReport", date_macro="all")
        assert begun.wait(20)
        us.save("Invoice", invoice(line(7)))
        us.post("/customer", {**us.read("Customer", "1"), "sparse": True, "DisplayName": "Other"})
        go_on.set()
        rows = late.result()["Rows"]["Row"]
    assert [cell["value"] for cell in rows[-1]["Summary"]["ColData"]][-2:] == ["100.00", "100.00"]
    assert {row["ColData"][3]["value"] for row in rows[:-1]} == {"Amy's Bird Sanctuary"}
    assert us.post("/reports/JournalReport", {}).status == 400
    assert us.get("/reports/JournalReport", start_date="soon").body["Fault"]["Error"]


def test_a_report_of_the_past_is_not_the_one_just_made(
    us: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_work, "LARGE", 1)
    for amount in (100, 7):
        us.save("Invoice", invoice(line(amount)))
    rule = {
        "system": "quickbooks",
        "path": "/reports/",
        "action": {"kind": "stale_read", "commits": 1},
    }
    us.control("POST", "/faults", rule)
    asked = [report(us, "JournalReport", date_macro="all")["Rows"] for _ in range(2)]
    assert [figures(rows)["TOTAL"] for rows in asked] == ["100.00", "107.00"]


def test_a_changed_account_of_an_item_moves_what_was_sold(us: Company) -> None:
    us.save("Invoice", invoice(line(10)))
    assert figures(report(us, "ProfitAndLoss", **YEAR)["Rows"])["Services"] == "10.00"
    item = us.read("Item", "1")
    us.save("Item", {**item, "IncomeAccountRef": {"value": "79"}})
    found = figures(report(us, "ProfitAndLoss", **YEAR)["Rows"])
    assert (found.get("Services"), found["Sales of Product Income"]) == (None, "10.00")


@pytest.mark.parametrize(
    ("name", "cells", "kept"),
    [("TransactionList", 9, 2), ("TransactionListByCustomer", 9, 2), ("JournalReport", 8, 2),
     ("GeneralLedger", 8, 2), ("ProfitAndLossDetail", 8, 2)],
)  # fmt: skip
def test_a_report_that_is_too_long_ends_in_a_sentence(
    us: Company, monkeypatch: pytest.MonkeyPatch, name: str, cells: int, kept: int
) -> None:
    for _ in range(2):
        us.save("Invoice", invoice(line(3)))
    full = report(us, name, **YEAR)["Rows"]["Row"]
    assert report_layout.CUT_SHORT not in str(full)
    us.save("Invoice", invoice(line(3)))
    monkeypatch.setattr(report_layout, "MOST_CELLS", kept * cells)
    *_, last = report(us, name, **YEAR)["Rows"]["Row"]
    assert last["ColData"] == [
        {"value": "Unable to display more data. Please reduce the date range."}
    ]


def test_a_report_calls_a_record_what_it_is_called_now(us: Company) -> None:
    us.save("Invoice", invoice(line(3)))
    assert "Amy's Bird Sanctuary" in figures(report(us, "CustomerSales", **YEAR)["Rows"])
    now = us.read("Customer", "1")
    renamed = {"Id": "1", "SyncToken": now["SyncToken"], "sparse": True, "DisplayName": "Amy & Co"}
    us.save("Customer", renamed)
    found = figures(report(us, "CustomerSales", **YEAR)["Rows"])
    assert ("Amy & Co" in found, "Amy's Bird Sanctuary" in found) == (True, False)
