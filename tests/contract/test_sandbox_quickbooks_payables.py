"""Bills, vendor credits and bill payments: what vendors are owed follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import Company, quickbooks_sandbox


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as running:
        yield Company(running)


@pytest.fixture
def vendor(us: Company) -> str:
    return str(us.save("Vendor", {"DisplayName": "Hicks Hardware"})["Id"])


def bill(vendor: str, amount: int) -> dict[str, Any]:
    detail = {"AccountRef": {"value": "15"}}
    kind = "AccountBasedExpenseLineDetail"
    return {
        "VendorRef": {"value": vendor},
        "Line": [{"Amount": amount, "DetailType": kind, kind: detail}],
    }


def paying(vendor: str, total: int, *targets: tuple[str, str, int]) -> dict[str, Any]:
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": i, "TxnType": kind}]}
        for kind, i, amount in targets
    ]
    check = {"BankAccountRef": {"value": "35"}}
    return {"VendorRef": {"value": vendor}, "PayType": "Check", "CheckPayment": check,
            "TotalAmt": total, "Line": lines}  # fmt: skip


def owed(us: Company, vendor: str) -> Any:
    return us.read("Vendor", vendor)["Balance"]


def test_a_bill_is_owed_until_it_is_paid(us: Company, vendor: str) -> None:
    made = us.save("Bill", bill(vendor, 200))
    assert (made["Balance"], owed(us, vendor)) == (200, 200)
    paid = us.save("BillPayment", paying(vendor, 150, ("Bill", made["Id"], 150)))
    after = us.read("Bill", made["Id"])
    assert (after["Balance"], after["SyncToken"], owed(us, vendor)) == (50, "1", 50)
    assert after["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "BillPaymentCheck"}]
    changed = us.save("Bill", {**after, **bill(vendor, 220)})
    assert (changed["Balance"], owed(us, vendor)) == (70, 70)
    report = us.get("/reports/VendorBalance").body["Rows"]["Row"][-1]["Summary"]["ColData"]
    assert report[-1]["value"] == "70.00"


@pytest.mark.parametrize("operation", ["delete", "void"])
def test_a_payment_that_goes_opens_its_bill_again(us: Company, vendor: str, operation: str) -> None:
    made = us.save("Bill", bill(vendor, 200))
    paid = us.save("BillPayment", paying(vendor, 200, ("Bill", made["Id"], 200)))
    assert owed(us, vendor) == 0
    body = {"Id": paid["Id"], "SyncToken": paid["SyncToken"]}
    query = {"operation": "delete"} if operation == "delete" else {"include": "void"}
    assert us.post("/billpayment", body, **query).status == 200
    assert us.read("Bill", made["Id"])["LinkedTxn"] == []
    assert owed(us, vendor) == us.read("Bill", made["Id"])["Balance"] == 200


def test_a_bill_paid_already_is_not_paid_again(us: Company, vendor: str) -> None:
    made = us.save("Bill", bill(vendor, 200))
    us.save("BillPayment", paying(vendor, 200, ("Bill", made["Id"], 200)))
    again = us.save("BillPayment", paying(vendor, 200, ("Bill", made["Id"], 200)))
    assert (again["Line"], again["TotalAmt"], again["PrivateNote"]) == ([], 0, "Voided")
    assert owed(us, vendor) == 0


def test_a_credit_settles_a_bill_through_a_payment_of_zero(us: Company, vendor: str) -> None:
    made = us.save("Bill", bill(vendor, 100))
    credit = us.save("VendorCredit", bill(vendor, 40))
    assert owed(us, vendor) == 60
    us.save("BillPayment", paying(vendor, 0, ("Bill", made["Id"], 40),
            ("VendorCredit", credit["Id"], 40)))  # fmt: skip
    assert us.read("VendorCredit", credit["Id"])["Balance"] == 0
    assert us.read("Bill", made["Id"])["Balance"] == owed(us, vendor) == 60


def test_a_deleted_bill_is_owed_no_longer(us: Company, vendor: str) -> None:
    made = us.save("Bill", bill(vendor, 100))
    us.post("/bill", made, operation="delete")
    assert owed(us, vendor) == 0


def test_another_vendors_bill_cannot_be_paid(us: Company, vendor: str) -> None:
    other = str(us.save("Vendor", {"DisplayName": "Other"})["Id"])
    made = us.save("Bill", bill(other, 100))
    assert us.post("/billpayment", paying(vendor, 5, ("Bill", made["Id"], 5))).code == "620"
    assert us.post("/billpayment", paying(vendor, 5, ("Bill", "987", 5))).code == "610"
