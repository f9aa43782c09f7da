"""What documents move beside themselves: account balances follow the double entry of each write."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
import simplejson
from quickbooks_company import (
    GB,
    US,
    Company,
    Vendor,
    invoice,
    line,
    payment,
    quickbooks_sandbox,
    whole,
    write_seed,
)

from pipelines.sandbox.server import running_sandbox


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox)


def account(us: Company, kind: str) -> dict[str, Any]:
    (first, *_) = us.rows("Account", f"where AccountType = '{kind}' orderby Id")
    return first


def balance(us: Company, kind: str) -> D:
    return D(str(account(us, kind)["CurrentBalance"]))


def test_a_receivable_is_owed_until_it_is_paid(us: Company) -> None:
    start = account(us, "Accounts Receivable")
    made = us.save("Invoice", invoice(line(120), line(D("30.50"))))
    owed = account(us, "Accounts Receivable")
    assert D(str(owed["CurrentBalance"])) - D(str(start["CurrentBalance"])) == D("150.50")
    assert owed["CurrentBalanceWithSubAccounts"] == owed["CurrentBalance"]
    # Recorded: the moment moves with the balance, the token does not.
    assert owed["SyncToken"] == start["SyncToken"]
    assert owed["MetaData"]["LastUpdatedTime"] > start["MetaData"]["LastUpdatedTime"]
    us.save("Payment", payment(100, ("Invoice", made["Id"], 100)))
    assert balance(us, "Accounts Receivable") - D(str(start["CurrentBalance"])) == D("50.50")


def test_what_is_taken_back_moves_back(us: Company) -> None:
    before = balance(us, "Accounts Receivable")
    made = us.save("Invoice", invoice(line(80)))
    assert balance(us, "Accounts Receivable") == before + 80
    us.save("Invoice", {"Id": made["Id"], "SyncToken": made["SyncToken"]}, operation="void")
    assert balance(us, "Accounts Receivable") == before


def test_income_and_refused_documents_move_nothing(us: Company) -> None:
    before = balance(us, "Accounts Receivable")
    us.save("Invoice", invoice(line(10)))
    assert balance(us, "Income") == 0
    refused = us.post("/invoice", invoice(line(10, "99999")))
    assert refused.status == 400
    assert balance(us, "Accounts Receivable") == before + 10


@pytest.fixture
def gb(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        yield Company(sandbox, GB)


def in_euro(gb: Company, name: str, kind: str) -> str:
    body = {"Name": name, "AccountType": kind, "CurrencyRef": {"value": "EUR"}}
    return str(gb.save("Account", body)["Id"])


def stands(gb: Company, account_id: str) -> D:
    return D(str(gb.read("Account", account_id)["CurrentBalance"]))


def test_an_account_in_a_foreign_currency_stands_in_its_own(gb: Company) -> None:
    bank, owed = in_euro(gb, "Paris", "Bank"), in_euro(gb, "A/R - EUR", "Accounts Receivable")
    at_home = balance(gb, "Accounts Receivable")
    vat = line(100, TaxCodeRef={"value": "10"})
    sold = gb.save("Invoice", invoice(vat, customer_id="2", TxnDate="2026-11-01"))
    assert (sold["TotalAmt"], sold["HomeTotalAmt"]) == (100, 85)
    assert (stands(gb, owed), balance(gb, "Accounts Receivable")) == (100, at_home)
    received = payment(40, ("Invoice", sold["Id"], 40), customer_id="2")
    gb.save("Payment", {**received, "DepositToAccountRef": {"value": bank}, "ExchangeRate": "0.9"})
    assert (stands(gb, bank), stands(gb, owed)) == (40, 60)
    # A transfer in pounds brings what they come to on the day.
    home = account(gb, "Bank")["Id"]
    gb.save("Transfer", {"FromAccountRef": {"value": home}, "ToAccountRef": {"value": bank},
                         "Amount": "8.50", "TxnDate": "2026-11-01"})  # fmt: skip
    assert stands(gb, bank) == 50


def test_accounts_that_came_without_a_balance_begin_with_what_the_documents_say(
    tmp_path: Path,
) -> None:
    seed = write_seed(tmp_path / "seed")
    lines = [line(70), {"Amount": 70, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}]
    sold = {"Id": "11", "TxnDate": "2026-09-01", "CustomerRef": {"value": "1"}, "Line": lines,
            "TotalAmt": 70, "Balance": 70, "LinkedTxn": []}  # fmt: skip
    (seed / "quickbooks" / US / "Invoice.json").write_text(simplejson.dumps([whole(sold)]))
    log = tmp_path / "log"
    for expected in (70, 0):
        with running_sandbox(seed, log, factories={"quickbooks": Vendor}) as sandbox:
            us = Company(sandbox)
            assert balance(us, "Accounts Receivable") == 70 * (expected > 0)
            if expected:
                us.save("Invoice", {"Id": "11", "SyncToken": "0"}, operation="delete")
                assert balance(us, "Accounts Receivable") == 0
