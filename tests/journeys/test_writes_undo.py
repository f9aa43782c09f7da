"""Taking back what was written, over real HTTP: everything once, and every reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
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
    AS_OF,
    STANDARD_BOOK,
    account_status_row,
    customer_row,
    deal_status_row,
    invoice_record_row,
    invoice_row,
    price_row,
    product_id,
    product_row,
)

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.errors import ApprovalMissing, Conflict, Stop
from reverse_etl import cycle
from reverse_etl.syncs.invoice_records import ENTITY

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


def records(company: SmallCompany) -> list[dict[str, Any]]:
    return [dict(r) for r in company.sandbox.kernel.store.table(ORG, ENTITY)]


def test_a_record_of_each_invoice_is_made_once_corrected_and_taken_away(
    company: SmallCompany,
) -> None:
    rejected = invoice_record_row(2, invoice_status="Nonsense")
    company.judge(rows(records=[invoice_record_row(1), rejected, invoice_record_row(3)]))
    plan = company.plan()
    company.fault("drop_after", f"composite/sobjects/{ENTITY}", method="PATCH")
    assert {o.status for o in company.apply(plan).outcomes} == {"unknown"}
    company.forget()
    counts = company.apply(plan).counts()
    assert (counts["done"], counts["refused"], counts["unknown"]) == (2, 1, 0)
    made = {r["QBO_Key__c"]: r for r in records(company)}
    assert made.keys() == {f"{US}:41", f"{US}:43"} and len(records(company)) == 2
    one = made[f"{US}:41"]
    assert (one["Name"], one["QBO_Total__c"], one["QBO_Deal__c"], one["QBO_Account__c"]) == (
        "1001", Decimal(150), deal_id(1), account_id(1),
    )  # fmt: skip
    assert not company.apply(plan).progressed

    seen = {name: value for name, value in invoice_record_row(1).items()
            if f"current_{name}" in invoice_record_row(1)}  # fmt: skip
    now = {f"current_{name}": value for name, value in seen.items()}
    paid = invoice_record_row(
        1, record_id=one["Id"], balance=Decimal("0.00"), invoice_status="Paid", **now
    )
    company.judge(rows(records=[paid]), as_of=AS_OF + timedelta(hours=1))
    second = company.plan()
    (change,) = second.changes
    assert {f.name: (f.before, f.after) for f in change.fields} == {
        "balance": ("150.00", "0.00"), "invoice_status": ("Open", "Paid"),
    }  # fmt: skip
    assert company.apply(second).counts()["done"] == 1
    back = cycle.plan_undo(company.settings, of_plan=second.checksum)
    assert company.apply(back).counts()["done"] == 1
    again = next(r for r in records(company) if r["Id"] == one["Id"])
    assert (again["QBO_Balance__c"], again["QBO_Status__c"]) == (150, "Open")
    gone = cycle.plan_undo(company.settings, of_plan=plan.checksum)
    # What was written again since is not taken away; the refused one was never there.
    assert [(c.action, c.entity) for c in gone.changes] == [("update", ENTITY)]
    assert {b.reason for b in gone.blocked} == {"written_again", "not_done"}
    assert company.apply(gone).counts()["done"] == 1
    left = [r["QBO_Key__c"] for r in records(company) if not r.get("IsDeleted")]
    assert left == [f"{US}:41"]
    assert not company.apply(gone).progressed
    # What was taken away is not made again by itself, and says so; a person may want it.
    company.judge(rows(records=[invoice_record_row(3)]), as_of=AS_OF + timedelta(hours=2))
    plan = company.plan()
    (blocked,) = plan.blocked
    key = f"deal_status:{ORG}:{US}-43:0:g1"
    assert (plan.changes, blocked.reason, key in blocked.detail) == ((), "taken_back", True)
    cycle.reopen(company.settings, key, "Ada", "it was right")
    assert company.apply(company.plan()).counts()["done"] == 1
    left = [r["QBO_Key__c"] for r in records(company) if not r.get("IsDeleted")]
    assert sorted(left) == [f"{US}:41", f"{US}:43"]


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
