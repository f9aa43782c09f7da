"""python-quickbooks and intuit-oauth as installed, unmodified, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    UnsupportedException,
    ValidationException,
)
from quickbooks.objects import (
    Account,
    Bill,
    Class,
    CreditMemo,
    Customer,
    Department,
    Employee,
    Estimate,
    Invoice,
    Item,
    Payment,
    PaymentLine,
    PaymentMethod,
    Preferences,
    RefundReceipt,
    SalesReceipt,
    TaxCode,
    Term,
    Vendor,
)
from quickbooks.objects.base import Ref
from quickbooks.objects.detailline import (
    DiscountLine,
    DiscountLineDetail,
    SalesItemLine,
    SalesItemLineDetail,
)
from quickbooks_company import Company, python_quickbooks, quickbooks_sandbox

from pipelines.sandbox.server import RunningSandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def qb(sandbox: RunningSandbox) -> QuickBooks:
    return python_quickbooks(sandbox)


def sold(amount: Any, quantity: Any = 0, price: Any = 0, item_id: str = "1") -> SalesItemLine:
    entry = SalesItemLine()
    entry.Amount = amount
    entry.SalesItemLineDetail = SalesItemLineDetail()
    entry.SalesItemLineDetail.Qty = quantity
    entry.SalesItemLineDetail.UnitPrice = price
    entry.SalesItemLineDetail.ItemRef = Ref()
    entry.SalesItemLineDetail.ItemRef.value = item_id
    return entry


def bill(qb: QuickBooks, customer_id: str = "1", kind: type = Invoice, **more: Any) -> Any:
    document = kind()
    document.CustomerRef = Ref()
    document.CustomerRef.value = customer_id
    document.Line = more.pop("Line", [sold(100)])
    for name, value in more.items():
        setattr(document, name, value)
    return document


def test_an_invoice_with_the_librarys_own_defaults(qb: QuickBooks) -> None:
    saved = bill(qb, Line=[sold(100), sold(D("1861.08"), D("128.350"), D("14.50"))]).save(qb=qb)
    assert (saved.Id, saved.DocNumber, saved.TotalAmt) == ("1", "1001", 1961.08)
    assert not hasattr(saved, "GlobalTaxCalculation") or saved.GlobalTaxCalculation
    read = Invoice.get("1", qb=qb)
    assert (read.Balance, read.CustomerRef.name) == (1961.08, "Amy's Bird Sanctuary")
    assert read.Line[0].SalesItemLineDetail.Qty == 0


def test_decimals_arrive_as_text_and_come_back_exact(sandbox: RunningSandbox) -> None:
    qb = python_quickbooks(sandbox, use_decimal=True)
    saved = bill(qb, Line=[sold(D("0.33"), D("1"), D("0.333"))]).save(qb=qb)
    assert saved.TotalAmt == D("0.33")
    assert saved.Line[0].SalesItemLineDetail.UnitPrice == D("0.333")


def test_saving_twice_without_the_returned_object_is_stale(qb: QuickBooks) -> None:
    document = bill(qb)
    saved = document.save(qb=qb)
    saved.PrivateNote = "first"
    saved.save(qb=qb)
    document.PrivateNote = "second"
    with pytest.raises(QuickbooksException) as refused:
        document.save(qb=qb)
    assert refused.value.error_code == 5010


def test_a_payment_and_what_follows(qb: QuickBooks) -> None:
    saved = bill(qb).save(qb=qb)
    paid = Payment()
    paid.CustomerRef, paid.TotalAmt = saved.CustomerRef, 100
    applied = PaymentLine()
    applied.Amount, applied.LinkedTxn = 60, [saved.to_linked_txn()]
    paid.Line.append(applied)
    paid = paid.save(qb=qb)
    assert paid.UnappliedAmt == 40
    after = Invoice.get(saved.Id, qb=qb)
    assert (after.Balance, after.SyncToken, after.LinkedTxn[0].TxnType) == (40, "1", "Payment")
    assert Customer.get("1", qb=qb).Balance == 0
    paid.void(qb=qb)
    assert Invoice.get(saved.Id, qb=qb).Balance == 100
    Invoice.get(saved.Id, qb=qb).void(qb=qb)
    void = Invoice.get(saved.Id, qb=qb)
    assert (void.TotalAmt, void.PrivateNote) == (0, "Voided")
    void.delete(qb=qb)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(saved.Id, qb=qb)


def test_a_read_object_saved_back_changes_nothing(qb: QuickBooks) -> None:
    percent = DiscountLine()
    percent.DiscountLineDetail = DiscountLineDetail()
    percent.DiscountLineDetail.PercentBased = True
    percent.DiscountLineDetail.DiscountPercent = 10
    bill(qb, Line=[sold(100), percent], DocNumber="X-1").save(qb=qb)
    for kind in (CreditMemo, Estimate, SalesReceipt):
        bill(qb, kind=kind).save(qb=qb)
    for kind in (Invoice, CreditMemo, Estimate, SalesReceipt, Customer, Item, Account, Term):
        for record in kind.all(qb=qb):
            assert record.save(qb=qb).SyncToken == record.SyncToken, kind


def test_every_request_id_is_answered_once(qb: QuickBooks) -> None:
    first = bill(qb).save(qb=qb, request_id="same")
    second = bill(qb, Line=[sold(5)]).save(qb=qb, request_id="same")
    assert (second.Id, second.TotalAmt) == (first.Id, first.TotalAmt)
    first.delete(qb=qb, request_id="gone")
    again = first.delete(qb=qb, request_id="gone")
    assert again["Invoice"]["status"] == "Deleted"


def test_queries_as_the_library_writes_them(qb: QuickBooks) -> None:
    for name in ("O'Neil & Sons", "Back\\slash"):
        customer = Customer()
        customer.DisplayName = name
        customer.save(qb=qb)
    assert [c.Id for c in Customer.filter(DisplayName="O'Neil & Sons", qb=qb)] == ["3"]
    assert [c.Id for c in Customer.choose(["1", "3"], qb=qb)] == ["1", "3"]
    assert Customer.count("Active = true", qb=qb) == 4
    assert [c.Id for c in Customer.all(order_by="Id DESC", max_results=2, qb=qb)] == ["4", "3"]
    assert [c.Id for c in Customer.where("Id = '1'", order_by="Id", start_position=1, qb=qb)]
    assert Item.all(qb=qb)[0].Name == "Rock Fountain"
    assert len(TaxCode.all(max_results=1, qb=qb)) == 4
    with pytest.raises(ValidationException) as refused:
        Invoice.where("PrivateNote = 'x'", qb=qb)
    assert refused.value.error_code == 4001


def test_a_batch_keeps_what_can_be_kept(qb: QuickBooks) -> None:
    names = ["New one", "Cool Cars", "New two"]
    customers = []
    for name in names:
        customer = Customer()
        customer.DisplayName = name
        customers.append(customer)
    result = batch_create(customers, qb=qb)
    assert [c.DisplayName for c in result.successes] == ["New one", "New two"]
    assert [fault.Error[0].code for fault in result.faults] == ["6240"]
    for customer in result.successes:
        customer.CompanyName = "Changed"
    assert len(batch_update(result.successes, qb=qb).successes) == 2
    invoices = [bill(qb).save(qb=qb) for _ in range(2)]
    assert len(batch_delete(invoices, qb=qb).successes) == 2
    assert Invoice.all(qb=qb) == []


def test_changes_come_with_deletions(qb: QuickBooks) -> None:
    bill(qb).save(qb=qb)
    bill(qb).save(qb=qb).delete(qb=qb)
    changes = change_data_capture([Invoice, Estimate], "2026-11-20T00:00:00Z", qb=qb)
    found = [(i.Id, getattr(i, "status", "")) for i in changes.Invoice]
    assert found == [("1", ""), ("2", "Deleted")]
    assert not hasattr(changes, "Estimate")


def test_every_kind_of_record_the_library_makes_is_understood(qb: QuickBooks) -> None:
    """The library writes a dozen empty members per object; none of them may be refused."""
    plain: list[tuple[type, dict[str, Any]]] = [
        (Vendor, {"DisplayName": "V"}),
        (Employee, {"GivenName": "E", "FamilyName": "F"}),
        (Class, {"Name": "C"}),
        (Department, {"Name": "D"}),
        (Term, {"Name": "T", "DueDays": 7}),
        (PaymentMethod, {"Name": "P", "Type": "CREDIT_CARD"}),
        (Account, {"Name": "A", "AccountType": "Bank"}),
        (Item, {"Name": "I", "Type": "Service", "IncomeAccountRef": account("1")}),
    ]
    for kind, members in plain:
        record = kind()
        for name, value in members.items():
            setattr(record, name, value)
        saved = record.save(qb=qb)
        assert kind.get(saved.Id, qb=qb).SyncToken == "0"
    assert bill(qb, kind=SalesReceipt).save(qb=qb).DepositToAccountRef.name == "Undeposited Funds"
    with pytest.raises(ValidationException) as refused:
        bill(qb, kind=RefundReceipt).save(qb=qb)
    assert refused.value.error_code == 2020
    refund = bill(qb, kind=RefundReceipt, DepositToAccountRef=account("35"))
    assert refund.save(qb=qb).TotalAmt == 100
    assert Preferences.get(qb=qb).CurrencyPrefs.HomeCurrency.value == "USD"


def account(account_id: str) -> Ref:
    ref = Ref()
    ref.value = account_id
    return ref


def test_a_plain_transaction_is_kept_with_its_total(qb: QuickBooks) -> None:
    vendor = Vendor()
    vendor.DisplayName = "Supplier"
    vendor = vendor.save(qb=qb)
    body = {
        "VendorRef": {"value": vendor.Id},
        "Line": [
            {
                "Amount": 12.5,
                "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "7"}},
            }
        ],
    }
    saved = Bill.from_json(body).save(qb=qb)
    assert (saved.TotalAmt, saved.Balance, saved.VendorRef.name) == (12.5, 12.5, "Supplier")


def test_what_is_not_served_says_so(qb: QuickBooks) -> None:
    with pytest.raises(UnsupportedException) as refused:
        qb.get_report("FECReport")
    assert refused.value.error_code == 500
    assert "FECReport" in refused.value.detail


def test_an_expired_token_is_an_authorization_error(
    qb: QuickBooks, sandbox: RunningSandbox
) -> None:
    Company(sandbox).control("POST", "/clock", {"advance_seconds": 3601})
    with pytest.raises(AuthorizationException) as refused:
        Customer.get("1", qb=qb)
    assert "003200" in refused.value.detail
