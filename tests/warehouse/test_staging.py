"""Staging on the sample company: nothing is lost on the way, and money keeps its cents."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from built_company import Company
from raw_loader import DELETION_COLUMNS, load_world
from worlds import PROJECT, US, Builder, sold

from pipelines import transform, warehouse

DOCUMENTS = {
    "Invoice": ("stg_quickbooks__invoices", "invoice_id"),
    "CreditMemo": ("stg_quickbooks__credit_memos", "credit_memo_id"),
    "Estimate": ("stg_quickbooks__estimates", "estimate_id"),
    "Payment": ("stg_quickbooks__payments", "payment_id"),
    "SalesReceipt": ("stg_quickbooks__sales_receipts", "sales_receipt_id"),
    "RefundReceipt": ("stg_quickbooks__refund_receipts", "refund_receipt_id"),
}
OBJECTS = {
    "Account": "stg_salesforce__accounts",
    "Contact": "stg_salesforce__contacts",
    "Opportunity": "stg_salesforce__opportunities",
    "OpportunityLineItem": "stg_salesforce__opportunity_lines",
    "Product2": "stg_salesforce__products",
    "PricebookEntry": "stg_salesforce__pricebook_entries",
    "User": "stg_salesforce__users",
}


def vendor_records(company: Company, entity: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for realm in company.world.companies:
        for record in company.world.quickbooks[realm, entity]:
            yield realm, dict(record)


@pytest.mark.parametrize("entity", DOCUMENTS)
def test_every_document_keeps_its_total(company: Company, entity: str) -> None:
    table, key = DOCUMENTS[entity]
    rows = company.rows(f"select company_id, {key} as id, total_amount from staging.{table}")
    found = {(row["company_id"], row["id"]): row["total_amount"] for row in rows}
    expected = {
        (realm, record["Id"]): Decimal(str(record["TotalAmt"])).quantize(Decimal("0.01"))
        for realm, record in vendor_records(company, entity)
    }
    assert found == expected


@pytest.mark.parametrize("name", OBJECTS)
def test_every_salesforce_record_is_staged(company: Company, name: str) -> None:
    count = company.rows(f"select count(*) as n from staging.{OBJECTS[name]}")[0]["n"]
    assert count == len(company.world.salesforce[name]) > 0


def test_lines_add_up_to_the_total(company: Company) -> None:
    wrong = company.rows("""
        select i.company_id, i.invoice_id, i.total_amount, sum(l.amount) + any_value(i.tax_amount)
        from staging.stg_quickbooks__invoices as i
        join staging.stg_quickbooks__invoice_lines as l using (company_id, invoice_id)
        where l.line_type in ('item', 'shipping', 'discount') and not i.is_voided
        group by all having i.total_amount != sum(l.amount) + any_value(i.tax_amount)
    """)
    assert wrong == []


def test_payments_apply_no_more_than_they_are(company: Company) -> None:
    wrong = company.rows("""
        select p.payment_id, p.total_amount, p.unapplied_amount, sum(a.amount) as applied
        from staging.stg_quickbooks__payments as p
        join staging.stg_quickbooks__payment_applications as a using (company_id, payment_id)
        where a.document_type = 'Invoice' and p.total_amount > 0
        group by all having p.total_amount - p.unapplied_amount != sum(a.amount)
    """)
    assert wrong == []


def test_voided_and_deleted_are_told_apart(company: Company) -> None:
    rows = company.rows("""
        select count(*) filter (where is_voided) as voided,
            count(*) filter (where is_deleted) as deleted,
            count(*) filter (where is_voided and is_deleted) as both
        from staging.stg_quickbooks__invoices
    """)
    deletions = company.rows("select * from staging.stg_quickbooks__deletions")
    stubs = sum(len(company.world.deleted[realm]) for realm in company.world.companies)
    assert rows[0]["voided"] > 0
    assert rows[0]["both"] == 0
    assert len(deletions) == stubs > 0


def test_a_deal_proved_gone_is_deleted(tmp_path: Path) -> None:
    """And so says the model's own unit test, of neighbours that are not."""
    builder = Builder()
    account = builder.account("Acme")
    kept, gone = (builder.deal(account, [sold("10.00")]) for _ in range(2))
    proof = {"org_id": builder.world().org_id, "object": "Opportunity", "id": gone}
    path = tmp_path / "warehouse.duckdb"
    load_world(replace(builder.world(), gone=[proof]), path)
    select = ["company_routing", "stg_salesforce__opportunities"]
    exclude = ["test_type:data"]
    found = transform.build(PROJECT, path, select=select, exclude=exclude)
    transform.require_passed(found)
    assert "deals_proved_gone_are_deleted" in {node.name for node in found.nodes}
    rows = warehouse.read(
        path, "select deal_id, is_deleted from staging.stg_salesforce__opportunities"
    )
    assert {row["deal_id"]: row["is_deleted"] for row in rows} == {kept: False, gone: True}


def test_a_record_that_was_changed_after_its_deletion_has_come_back(tmp_path: Path) -> None:
    builder = Builder()
    stamp = {"MetaData": {"LastUpdatedTime": "2026-11-10T12:00:00+00:00"}}
    for number in ("1", "2", "3"):
        builder.quickbooks[US, "Estimate"].append({"Id": number, "Line": [], **stamp})
    path = tmp_path / "warehouse.duckdb"
    load_world(builder.world(), path)
    deletions = [
        {"company_id": US, "entity": "Estimate", "id": number, "deleted_at": at, "proof": "cdc"}
        for number, at in (("1", "2026-11-10T11:59:59Z"), ("2", "2026-11-10T12:00:00Z"))
    ]
    with warehouse.writer(path) as connection:
        warehouse.append_rows(connection, "raw_quickbooks", "deletion", DELETION_COLUMNS, deletions)
    select = ["stg_quickbooks__estimates"]
    transform.require_passed(transform.build(PROJECT, path, select=select, command="run"))
    rows = warehouse.read(
        path, "select estimate_id, is_deleted from staging.stg_quickbooks__estimates"
    )
    assert {row["estimate_id"]: row["is_deleted"] for row in rows} == {
        "1": False,
        "2": True,
        "3": False,
    }


def test_a_bundle_counts_its_lines_once(tmp_path: Path) -> None:
    builder = Builder()
    item = {"DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    bundle = {"GroupItemRef": {"value": "9"}, "Quantity": 2, "Line": [
        item | {"Amount": Decimal("30.10")}, item | {"Amount": Decimal("9.90")}]}  # fmt: skip
    shipping = {"ItemRef": {"value": "SHIPPING_ITEM_ID"}}
    builder.quickbooks[US, "Invoice"].append(
        {
            "Id": "1",
            "TotalAmt": Decimal("52.00"),
            "Line": [
                item | {"Amount": Decimal("10.00")},
                {"DetailType": "GroupLineDetail", "Amount": 40, "GroupLineDetail": bundle},
                {"DetailType": "SubTotalLineDetail", "Amount": 50},
                {"DetailType": "DiscountLineDetail", "Amount": 3},
                {"DetailType": "SalesItemLineDetail", "Amount": 5, "SalesItemLineDetail": shipping},
                {"DetailType": "DescriptionOnly", "Description": "thank you"},
            ],
        }
    )
    path = tmp_path / "warehouse.duckdb"
    load_world(builder.world(), path)
    select = ["+stg_quickbooks__invoice_lines"]
    transform.require_passed(transform.build(PROJECT, path, select=select, command="run"))
    lines = warehouse.read(
        path, "select line_number, line_type, amount from staging.stg_quickbooks__invoice_lines"
    )
    assert [(row["line_number"], row["line_type"], str(row["amount"])) for row in lines] == [
        (1, "item", "10.00"),
        (2, "group", "40.00"),
        (3, "item", "30.10"),
        (4, "item", "9.90"),
        (5, "subtotal", "50.00"),
        (6, "discount", "-3.00"),
        (7, "shipping", "5.00"),
        (8, "description", "0.00"),
    ]


def test_an_org_of_one_currency_without_any_field_of_ours_is_staged(
    company: Company, tmp_path: Path
) -> None:
    """As a new org is before `crossfoot setup`: the currency is the one that is billed first."""
    path = tmp_path / company.path.name
    shutil.copyfile(company.path, path)
    with warehouse.writer(path) as connection:
        for table in ("account", "contact", "opportunity", "pricebook_entry"):
            columns = [name for (name,) in connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'raw_salesforce'"
                " AND table_name = ?", [table],
            ).fetchall()]  # fmt: skip
            for name in columns:
                if name.endswith("__c") or name == "currency_iso_code":
                    connection.execute(f"ALTER TABLE raw_salesforce.{table} DROP COLUMN {name}")
    models = [OBJECTS[name] for name in ("Account", "Contact", "Opportunity", "PricebookEntry")]
    transform.require_passed(transform.build(PROJECT, path, select=models, command="run"))
    for model in models:
        assert warehouse.read(path, f"SELECT count(*) AS n FROM staging.{model}")[0]["n"] > 0
    asked = "SELECT DISTINCT currency_code, open_balance, is_overdue FROM staging."
    rows = warehouse.read(path, f"{asked}{OBJECTS['Account']}")
    assert rows == [{"currency_code": "USD", "open_balance": None, "is_overdue": None}]
    asked = "SELECT DISTINCT is_billing_contact FROM staging."
    assert warehouse.read(path, f"{asked}{OBJECTS['Contact']}") == [{"is_billing_contact": False}]
