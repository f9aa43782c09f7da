"""Taking back what was written, over real HTTP: everything once, and every reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from small_company import (
    NAMED_BOOK,
    ORG,
    US,
    SmallCompany,
    account_id,
    deal_id,
    rows,
    running_company,
)  # fmt: skip
from writing import (
    STANDARD_BOOK,
    account_status_row,
    customer_row,
    deal_status_row,
    invoice_row,
    price_row,
    product_id,
    product_row,
)

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.errors import ApprovalMissing, Conflict, Stop
from reverse_etl import cycle

NEW_CUSTOMER = f"customers:{US}:{account_id(1)}:0:g1"
CORRECTED = customer_row(
    2, action="update", customer_id="102", sync_token=0, company_name=None, phone=None,
    billing_line1=None, billing_city=None, billing_state=None, billing_postal_code=None,
    billing_country=None,
    current_email="old102@example.com",
)  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company; the tests follow each other."""
    with (
        running_company(tmp_path_factory.mktemp("undo"), deals=4) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


def record(company: SmallCompany, place: str, table: str, record_id: str) -> dict[str, Any]:
    found = company.sandbox.kernel.store.table(place, table).get(record_id)
    assert found is not None
    return dict(found)


def by_hand(company: SmallCompany, entity: str, operation: str, body: dict[str, Any]) -> None:
    """What a person does in QuickBooks' own interface."""
    client = quickbooks_client(company.settings, US)
    write = client.create if operation == "create" else client.update
    write(entity, body, f"by-hand-{entity}")


def test_everything_is_taken_back_once(company: SmallCompany) -> None:
    accounts = company.sandbox.kernel.store.table(US, "Account")
    income = next(str(a["Id"]) for a in accounts if a["AccountType"] == "Income")
    company.judge(
        rows(
            customers=[customer_row(1), CORRECTED],
            invoices=[invoice_row(1, customer_id=None, customer_change_key=NEW_CUSTOMER)],
            deals=[deal_status_row(1)],
            accounts=[account_status_row(1, current_open_balance=Decimal("7.00"))],
            products=[product_row(3, income_account_id=income)],
            prices=[
                price_row(1),
                price_row(
                    1, action="create", pricebook_entry_id=None, current_unit_price=None,
                    pricebook_id=NAMED_BOOK, record_id=f"{product_id(1)}{NAMED_BOOK}USD",
                ),
            ],
        )
    )  # fmt: skip
    written = company.plan()
    assert company.apply(written).counts()["done"] == 8
    plan = cycle.plan_undo(company.settings, of_plan=written.checksum)
    # An e-mail address that was there is set back; a customer with an invoice waits for it.
    assert {b.reason for b in plan.blocked} == {"money_applied"}
    assert len(plan.changes) == 7
    with pytest.raises(ApprovalMissing):
        cycle.apply(company.settings, plan.checksum)
    assert company.apply(plan).counts()["done"] == 7

    (invoice,) = company.invoices()
    assert (invoice["TotalAmt"], invoice["PrivateNote"][:6]) == (0, "Voided")
    assert record(company, US, "Customer", "102")["PrimaryEmailAddr"]["Address"] == (
        "old102@example.com"
    )
    account = record(company, ORG, "Account", account_id(1))
    assert (account["QBO_Open_Balance__c"], account["QBO_Customer_Id__c"]) == (7, None)
    prices = {
        r["Pricebook2Id"]: (Decimal(str(r["UnitPrice"])), r["IsActive"])
        for r in company.sandbox.kernel.store.table(ORG, "PricebookEntry")
        if r["Product2Id"] == product_id(1)
    }
    assert prices == {STANDARD_BOOK: (Decimal(11), True), NAMED_BOOK: (Decimal("12.5"), False)}
    items = company.sandbox.kernel.store.table(US, "Item")
    assert [i["Active"] for i in items if i.get("Sku") == "P-3"] == [False]

    calls = company.write_calls()
    assert not company.apply(plan).progressed
    assert company.write_calls() == calls
    again = cycle.plan_undo(company.settings, of_plan=written.checksum)
    assert {b.reason for b in again.blocked} == {"undone_already", "changed_since"}
    (customer,) = again.changes
    assert (customer.entity, customer.fields[0].after) == ("Customer", "no")


def test_the_vendor_s_own_refusal_is_told(company: SmallCompany) -> None:
    """A record that moves between plan and apply is left alone."""
    plan = cycle.plan_undo(company.settings, [NEW_CUSTOMER])
    made = company.customers()[0]
    token = made["SyncToken"]
    phone = {"FreeFormNumber": "555"}
    sparse = {"Id": made["Id"], "SyncToken": token, "sparse": True, "PrimaryPhone": phone}
    by_hand(company, "Customer", "update", sparse)
    with pytest.raises(Conflict, match="no longer fit"):
        company.apply(plan)


def test_money_on_an_invoice_keeps_it(company: SmallCompany) -> None:
    company.judge(rows(invoices=[invoice_row(2)]))
    company.apply(company.plan())
    invoice = next(i for i in company.invoices() if not i["PrivateNote"].startswith("Voided"))
    paid = {
        "CustomerRef": invoice["CustomerRef"], "TotalAmt": 100,
        "Line": [
            {"Amount": 100, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
        ],
    }  # fmt: skip
    by_hand(company, "Payment", "create", paid)
    key = f"invoices:{US}:{deal_id(2)}:1:g1"
    (blocked,) = cycle.plan_undo(company.settings, [key]).blocked
    assert (blocked.reason, blocked.detail) == (
        "money_applied", "100.00 was paid or credited on it; credit the rest",
    )  # fmt: skip


def test_a_key_that_nobody_wrote_is_refused(company: SmallCompany) -> None:
    with pytest.raises(Stop, match="does not know such a change"):
        cycle.plan_undo(company.settings, [f"invoices:{US}:nothing:1:g1"])
