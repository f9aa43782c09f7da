"""Loads a company's seed folder into the raw tables of a DuckDB file, without HTTP.

The tables and columns are those the extraction writes. The warehouse tests can therefore build
any world in a second, and never wait for a server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from pipelines import warehouse
from reverse_etl.decisions import EXPORT_COLUMNS as DECISION_COLUMNS
from reverse_etl.decisions import PERIOD_COLUMNS

Row = Mapping[str, Any]

TEXT, FLAG, DAY, INSTANT = "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMPTZ"
MONEY, PRICE, QUANTITY, PERCENT = (
    "DECIMAL(18,2)",
    "DECIMAL(28,10)",
    "DECIMAL(28,10)",
    "DECIMAL(9,4)",
)

_SYSTEM = {
    "Id": TEXT,
    "IsDeleted": FLAG,
    "CreatedDate": INSTANT,
    "LastModifiedDate": INSTANT,
    "SystemModstamp": INSTANT,
}
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")

SALESFORCE: dict[str, dict[str, str]] = {
    "Account": {
        **dict.fromkeys(
            (
                "Name",
                "ParentId",
                "Type",
                "AccountNumber",
                "Website",
                "Phone",
                "Industry",
                "Description",
                *(f"{kind}{part}" for kind in ("Billing", "Shipping") for part in _ADDRESS),
                "OwnerId",
                "CurrencyIsoCode",
                "QBO_Customer_Id__c",
                "Payment_Terms__c",
                "MasterRecordId",
            ),
            TEXT,
        ),
        "QBO_Open_Balance__c": MONEY,
        "QBO_Overdue_Balance__c": MONEY,
        "QBO_Open_Credit__c": MONEY,
        "QBO_Oldest_Due_Date__c": DAY,
        "QBO_Last_Payment_Date__c": DAY,
        "QBO_Overdue__c": FLAG,
    },
    "Contact": {
        **dict.fromkeys(
            ("AccountId", "FirstName", "LastName", "Name", "Email", "Phone", "MasterRecordId"), TEXT
        ),
        "Billing_Contact__c": FLAG,
    },
    "Opportunity": {
        **dict.fromkeys(
            (
                "Name",
                "AccountId",
                "StageName",
                "Type",
                "CurrencyIsoCode",
                "Billing_Plan__c",
                "Billing_Region__c",
                "Discount_Code__c",
                "Discount_Amount__c",
                "Deal_Number__c",
                "PO_Number__c",
                "OwnerId",
                "Pricebook2Id",
                "QBO_Invoice_Id__c",
                "QBO_Invoice_Number__c",
                "QBO_Invoice_Status__c",
                "QBO_Estimate_Id__c",
                "QBO_Estimate_Version__c",
            ),
            TEXT,
        ),
        "IsWon": FLAG,
        "IsClosed": FLAG,
        "HasOpportunityLineItem": FLAG,
        "CloseDate": DAY,
        "Amount": MONEY,
        "Probability": PERCENT,
        "Discount_Percent__c": PERCENT,
        "QBO_Amount_Paid__c": MONEY,
        "QBO_Amount_Due__c": MONEY,
        "QBO_Due_Date__c": DAY,
        "QBO_Paid_Date__c": DAY,
    },
    "OpportunityLineItem": {
        **dict.fromkeys(
            (
                "OpportunityId",
                "Product2Id",
                "PricebookEntryId",
                "ProductCode",
                "Name",
                "Description",
                "CurrencyIsoCode",
            ),
            TEXT,
        ),
        "Quantity": QUANTITY,
        "UnitPrice": PRICE,
        "ListPrice": PRICE,
        "Discount": PERCENT,
        "Subtotal": MONEY,
        "TotalPrice": MONEY,
        "ServiceDate": DAY,
        "SortOrder": "INTEGER",
    },
    "Task": {
        **dict.fromkeys(
            ("WhatId", "OwnerId", "Subject", "Status", "Priority", "Description"), TEXT
        ),
        "ActivityDate": DAY,
        "IsClosed": FLAG,
    },
    "OpportunityLineItemSchedule": {
        **dict.fromkeys(("OpportunityLineItemId", "Type", "CurrencyIsoCode"), TEXT),
        "ScheduleDate": DAY,
        "Revenue": MONEY,
        "Quantity": QUANTITY,
    },
    "OpportunityHistory": {
        **dict.fromkeys(("OpportunityId", "StageName", "CreatedById"), TEXT),
        "Amount": MONEY,
        "CloseDate": DAY,
    },
    "Product2": {
        **dict.fromkeys(
            (
                "Name",
                "ProductCode",
                "StockKeepingUnit",
                "Description",
                "Family",
                "CurrencyIsoCode",
                "QBO_Item_Id__c",
            ),
            TEXT,
        ),
        "IsActive": FLAG,
    },
    "Pricebook2": {"Name": TEXT, "IsActive": FLAG, "IsStandard": FLAG},
    "PricebookEntry": {
        **dict.fromkeys(("Pricebook2Id", "Product2Id", "CurrencyIsoCode"), TEXT),
        "UnitPrice": PRICE,
        "IsActive": FLAG,
    },
    "User": {
        **dict.fromkeys(("Username", "FirstName", "LastName", "Name", "Email"), TEXT),
        "IsActive": FLAG,
    },
    "DatedConversionRate": {
        "IsoCode": TEXT,
        "ConversionRate": PRICE,
        "StartDate": DAY,
        "NextStartDate": DAY,
    },
    "CurrencyType": {
        "IsoCode": TEXT,
        "ConversionRate": PRICE,
        "DecimalPlaces": "INTEGER",
        "IsCorporate": FLAG,
        "IsActive": FLAG,
    },
}

QUICKBOOKS = (
    "Customer",
    "Item",
    "Invoice",
    "Payment",
    "CreditMemo",
    "RefundReceipt",
    "SalesReceipt",
    "Estimate",
    "Term",
    "TaxCode",
    "TaxRate",
    "Account",
    "Class",
    "Department",
    "CompanyInfo",
    "Preferences",
    "Vendor",
    "Employee",
    "Deposit",
    "ExchangeRate",
)

ENTITY_COLUMNS = {
    "company_id": TEXT,
    "id": TEXT,
    "sync_token": "BIGINT",
    "created_at": INSTANT,
    "last_updated_at": INSTANT,
    "payload": TEXT,
    "extracted_at": INSTANT,
}
DELETION_COLUMNS = {
    "company_id": TEXT,
    "entity": TEXT,
    "id": TEXT,
    "deleted_at": INSTANT,
    "proof": TEXT,
}
GONE_COLUMNS = {
    "org_id": TEXT,
    "object": TEXT,
    "id": TEXT,
    "deleted_at": INSTANT,
    "proof": TEXT,
    "undeleted": FLAG,
}
RUN_COLUMNS = {
    "run_id": TEXT,
    "source_id": TEXT,
    "object": TEXT,
    "mode": TEXT,
    "rows_read": "BIGINT",
    "rows_vendor": "BIGINT",
    "calls": "BIGINT",
    "server_time": INSTANT,
    "finished_at": INSTANT,
}
CONTROL_COLUMNS = {
    **dict.fromkeys(("run_id", "source_id", "object", "measure", "currency"), TEXT),
    **dict.fromkeys(("vendor_value", "held_value"), "DECIMAL(38,10)"),
    "agrees": FLAG,
    "asked_at": INSTANT,
}
RECEIVABLES_COLUMNS = {
    "company_id": TEXT,
    "as_of_date": DAY,
    "customer_id": TEXT,
    "customer_name": TEXT,
    **dict.fromkeys(
        ("current_amount", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_91_and_over",
         "total"), MONEY,
    ),
    "currency_code": TEXT,
    "asked_at": INSTANT,
}  # fmt: skip
LISTED_COLUMNS = {
    **dict.fromkeys(("company_id", "invoice_id", "document_number", "customer_name"), TEXT),
    **dict.fromkeys(("invoice_date", "from_date", "to_date"), DAY),
    "amount": MONEY,
    "currency_code": TEXT,
    "asked_at": INSTANT,
}
LEDGER_COLUMNS = {
    **dict.fromkeys(("change_key", "flow", "company_id", "record_id"), TEXT),
    **dict.fromkeys(("plan_step", "generation"), "INTEGER"),
    **dict.fromkeys(("request_id", "status", "action", "entity", "remote_id"), TEXT),
    "amount": MONEY,
    "currency_code": TEXT,
    "intended_at": INSTANT,
    "finished_at": INSTANT,
    "vendor_message": TEXT,
    "payload": TEXT,
    "known_as_of": INSTANT,
}
_KNOWN = {"known_from": INSTANT, "known_to": INSTANT}
VERSION_COLUMNS = {
    "pricebook_entry": {"id": TEXT, "unit_price": PRICE, **_KNOWN},
    "item": {"company_id": TEXT, "id": TEXT, "payload": TEXT, **_KNOWN},
}


@dataclass(frozen=True)
class World:
    """Everything both systems hold, as their APIs would give it, plus our own state."""

    org_id: str
    as_of: str
    companies: tuple[str, ...]
    salesforce: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    quickbooks: Mapping[tuple[str, str], Sequence[Row]] = field(default_factory=dict)
    deleted: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    gone: Sequence[Row] = ()
    receivables: Sequence[Row] = ()
    listed: Sequence[Row] = ()
    ledger: Sequence[Row] = ()
    decisions: Sequence[Row] = ()
    # What counted once and does not any more.
    periods: Sequence[Row] = ()
    # Versions of records by schema and table, each with known_from and known_to.
    versions: Mapping[tuple[str, str], Sequence[Row]] = field(default_factory=dict)
    # The entity of a company of which a record was not read.
    short: Mapping[str, str] = field(default_factory=dict)


def read_seed(folder: Path) -> World:
    """The world of a seed folder as the generator writes it."""
    manifest = _read(folder / "manifest.json")
    companies = tuple(one["realm_id"] for one in manifest["quickbooks"])
    return World(
        org_id=manifest["salesforce"]["org_id"],
        as_of=manifest["as_of"],
        companies=companies,
        salesforce={name: _read(folder / "salesforce" / f"{name}.json") for name in SALESFORCE},
        quickbooks={
            (company, entity): _read(folder / "quickbooks" / company / f"{entity}.json")
            for company in companies
            for entity in QUICKBOOKS
        },
        deleted={c: _read(folder / "quickbooks" / c / "_deleted.json") for c in companies},
    )


def load_seed(folder: Path, warehouse_path: Path) -> World:
    """Load a seed folder into fresh raw tables and return what was loaded."""
    world = read_seed(folder)
    load_world(world, warehouse_path)
    return world


def load_world(world: World, warehouse_path: Path) -> None:
    """Replace every raw table by the world's records, in one transaction."""
    with warehouse.writer(warehouse_path) as connection:
        for schema, table, columns, rows in _tables(world):
            warehouse.fill_table(connection, schema, table, columns, rows)


def snake_case(name: str) -> str:
    """The column or table name that the loader makes of an API name, custom suffix kept."""
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", parted).lower()


def _tables(world: World) -> Iterator[tuple[str, str, dict[str, str], Iterable[Row]]]:
    for name, fields in SALESFORCE.items():
        columns = {"org_id": TEXT} | {snake_case(f): kind for f, kind in (_SYSTEM | fields).items()}
        rows = [_salesforce_row(world.org_id, r) for r in world.salesforce.get(name, ())]
        yield "raw_salesforce", snake_case(name), columns, rows
    for entity in QUICKBOOKS:
        yield "raw_quickbooks", snake_case(entity), ENTITY_COLUMNS, list(_entities(world, entity))
    yield "raw_quickbooks", "aged_receivables", RECEIVABLES_COLUMNS, list(world.receivables)
    yield "raw_quickbooks", "transaction_list", LISTED_COLUMNS, list(world.listed)
    yield "raw_quickbooks", "deletion", DELETION_COLUMNS, list(_deletions(world))
    yield "raw_salesforce", "deletion", GONE_COLUMNS, list(world.gone)
    yield "raw_salesforce", "extract_run", RUN_COLUMNS, list(_salesforce_runs(world))
    yield "raw_quickbooks", "extract_run", RUN_COLUMNS, list(_quickbooks_runs(world))
    for system in ("raw_salesforce", "raw_quickbooks"):
        yield system, "control_total", CONTROL_COLUMNS, []
    for (schema, table), versions in world.versions.items():
        yield schema, table, VERSION_COLUMNS[table], versions
    yield "raw_state", "ledger", LEDGER_COLUMNS, world.ledger
    yield "raw_state", "match_decision", DECISION_COLUMNS, world.decisions
    yield "raw_state", "match_decision_period", PERIOD_COLUMNS, list(_periods(world))


def _periods(world: World) -> Iterator[Row]:
    """The decisions that still count, from the day they were made, and those that are over."""
    yield from world.periods
    for row in world.decisions:
        yield {"valid_from": row["decided_at"]} | row


def _salesforce_row(org_id: str, record: Row) -> Row:
    return {"org_id": org_id} | {snake_case(name): value for name, value in record.items()}


def _entities(world: World, entity: str) -> Iterator[Row]:
    for company in world.companies:
        for record in world.quickbooks.get((company, entity), ()):
            meta = record.get("MetaData", {})
            yield {
                "company_id": company,
                "id": record.get("Id", "1"),
                "sync_token": record.get("SyncToken", "0"),
                "created_at": meta.get("CreateTime"),
                "last_updated_at": meta.get("LastUpdatedTime"),
                "payload": simplejson.dumps(record, use_decimal=True, ensure_ascii=False),
                "extracted_at": world.as_of,
            }


def _deletions(world: World) -> Iterator[Row]:
    for company in world.companies:
        for stub in world.deleted.get(company, ()):
            yield {
                "company_id": company,
                "entity": stub["entity"],
                "id": stub["Id"],
                "deleted_at": stub["MetaData"]["LastUpdatedTime"],
                "proof": "cdc",
            }


def _salesforce_runs(world: World) -> Iterator[Row]:
    for name in SALESFORCE:
        yield _run(world, world.org_id, name, len(world.salesforce.get(name, ())))


def _quickbooks_runs(world: World) -> Iterator[Row]:
    for company in world.companies:
        for entity in QUICKBOOKS:
            run = _run(world, company, entity, len(world.quickbooks.get((company, entity), ())))
            missing = int(world.short.get(company) == entity)
            yield run | {"rows_vendor": run["rows_read"] + missing}


def _run(world: World, source_id: str, name: str, rows: int) -> Row:
    return {
        "run_id": "1",
        "source_id": source_id,
        "object": name,
        "mode": "full",
        "rows_read": rows,
        "rows_vendor": rows,
        "calls": 1,
        "server_time": world.as_of,
        "finished_at": world.as_of,
    }


def _read(path: Path) -> Any:
    """The JSON of a file, numbers as Decimal; a file that is not there holds no records."""
    if not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
