"""What documents move beside themselves: account balances follow the double entry of each write."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import Company, invoice, line, payment, quickbooks_sandbox


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
