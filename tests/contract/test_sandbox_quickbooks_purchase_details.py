"""What the vendor adds to purchases, as its own sample answer of "Create a bill" shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import Company, quickbooks_sandbox


@pytest.fixture(scope="module")
def us(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder: Path = tmp_path_factory.mktemp("purchases")
    with quickbooks_sandbox(folder) as sandbox:
        yield Company(sandbox)


def spent(account: str = "7") -> dict[str, Any]:
    kind = "AccountBasedExpenseLineDetail"
    return {"Amount": 200, "DetailType": kind, kind: {"AccountRef": {"value": account}}}


def test_a_bill_comes_back_with_what_it_left_out(us: Company) -> None:
    vendor = us.save("Vendor", {"DisplayName": "Bob's Burger Joint"})["Id"]
    body = {"VendorRef": {"value": vendor}, "Line": [spent()], "TxnDate": "2026-10-31"}
    made = us.save("Bill", body)
    assert made["APAccountRef"] == {"value": "33", "name": "Accounts Payable (A/P)"}
    assert made["DueDate"] == "2026-10-31"
    assert made["Line"][0]["AccountBasedExpenseLineDetail"] == {
        "AccountRef": {"value": "7", "name": "Advertising"},
        "BillableStatus": "NotBillable",
        "TaxCodeRef": {"value": "NON"},
    }
    assert us.save("Bill", {**body, "SalesTermRef": {"value": "3"}})["DueDate"] == "2026-11-30"
    again = us.save("Bill", made)
    assert again == made, "what is read can be written back"


def test_the_terms_of_the_vendor_hold_where_the_bill_has_none(us: Company) -> None:
    vendor = us.save("Vendor", {"DisplayName": "Slow Co", "TermRef": {"value": "2"}})["Id"]
    body = {"VendorRef": {"value": vendor}, "Line": [spent()], "TxnDate": "2026-10-31"}
    assert us.save("Bill", body)["DueDate"] == "2026-11-15"


def test_an_account_that_is_not_there_is_refused(us: Company) -> None:
    body = {"PaymentType": "Cash", "AccountRef": {"value": "35"}, "Line": [spent("9999")]}
    answer = us.post("/purchase", body)
    assert answer.status == 400
    assert answer.body["Fault"]["Error"][0]["code"] == "2500"


def test_a_key_word_may_stand_right_behind_a_number(us: Company) -> None:
    rows = us.query("select * from Account maxresults 10startposition 11 ").body["QueryResponse"]
    assert (rows["startPosition"], len(rows["Account"])) == (11, 10)
    assert us.query("select * from Account maxresults 10x").status == 400


@pytest.mark.parametrize("name", ["TaxClassification", "TaxPayment"])
def test_what_the_tax_authorities_keep_can_be_asked_for(us: Company, name: str) -> None:
    assert us.query(f"select * from {name}").body["QueryResponse"] == {}
    assert us.get(f"/{name.lower()}/1").body["Fault"]["Error"][0]["code"] == "610"
