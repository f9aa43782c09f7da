"""A small company on the real sandbox, with marts written by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import simplejson

# The rows of the marts are those of the unit tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import post_offices as post_offices  # for those who come here first
import writing
from writing import AS_OF, GB, ORG, STANDARD_BOOK, US, account_id, deal_id, product_id

from pipelines import warehouse
from pipelines.sandbox.server import RunningSandbox, running_sandbox
from pipelines.settings import Settings, load_settings
from reverse_etl import cycle
from reverse_etl.apply import ApplyResult
from reverse_etl.changes import Plan
from reverse_etl.furnishing.wanted import INVOICE_FIELDS, OBJECTS
from reverse_etl.patience import CAUTIOUS
from reverse_etl.syncs import registry
from reverse_etl.syncs.account_status import AccountStatusRow
from reverse_etl.syncs.customers import CustomerRow
from reverse_etl.syncs.deal_status import DealStatusRow
from reverse_etl.syncs.estimates import EstimateLineRow, EstimateRow
from reverse_etl.syncs.invoice_body import InvoiceLineRow, InvoiceRow
from reverse_etl.syncs.invoice_mails import InvoiceMailRow
from reverse_etl.syncs.invoice_records import InvoiceRecordRow
from reverse_etl.syncs.overdue import OverdueRow
from reverse_etl.syncs.products import PriceRow, ProductRow

PRODUCT, PRICE = "01tHs000001AaAaIAK", "01uHs000001AaAaIAK"
NAMED_BOOK = "01sHs0000000002IAA"
STAMP = "2026-09-01T08:00:00.000+0000"
PATIENCE = replace(CAUTIOUS, pauses=(0, 0), sleep=lambda seconds: None)
ROWS = {
    "sync_invoices": InvoiceRow,
    "sync_invoice_lines": InvoiceLineRow,
    "sync_customers": CustomerRow,
    "sync_products": ProductRow,
    "sync_prices": PriceRow,
    "sync_deal_status": DealStatusRow,
    "sync_account_status": AccountStatusRow,
    "sync_overdue": OverdueRow,
    "sync_invoice_mails": InvoiceMailRow,
    "sync_invoice_records": InvoiceRecordRow,
    "sync_estimates": EstimateRow,
    "sync_estimate_lines": EstimateLineRow,
}
TYPES = {
    str: "VARCHAR",
    int: "BIGINT",
    bool: "BOOLEAN",
    Decimal: "DECIMAL(18,2)",
    date: "DATE",
    datetime: "TIMESTAMP WITH TIME ZONE",
}
FINE = {
    "quantity": "DECIMAL(18,6)",
    "bundle_quantity": "DECIMAL(18,6)",
    "exchange_rate": "DECIMAL(18,6)",
    "unit_price": "DECIMAL(18,7)",
    "current_unit_price": "DECIMAL(18,7)",
}


def field_of(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"FullName": name, "Metadata": {"type": kind, "label": name.split(".")[1], **more}}


STATUSES = ("Open", "Partially Paid", "Paid", "Overdue", "Voided")
CURRENCY = {"precision": 18, "scale": 2}
CUSTOM_FIELDS = [
    field_of("Account.QBO_Customer_Id__c", "Text", length=80, externalId=True, unique=True),
    field_of("Account.QBO_Open_Balance__c", "Currency", **CURRENCY),
    field_of("Account.QBO_Overdue_Balance__c", "Currency", **CURRENCY),
    field_of("Account.QBO_Open_Credit__c", "Currency", **CURRENCY),
    field_of("Account.QBO_Oldest_Due_Date__c", "Date"),
    field_of("Account.QBO_Last_Payment_Date__c", "Date"),
    field_of("Account.QBO_Overdue__c", "Checkbox", defaultValue=False),
    field_of("Opportunity.QBO_Invoice_Id__c", "Text", length=80, externalId=True),
    field_of("Opportunity.QBO_Invoice_Number__c", "Text", length=40),
    field_of("Opportunity.PO_Number__c", "Text", length=40),
    field_of("Opportunity.QBO_Estimate_Id__c", "Text", length=80, externalId=True, unique=True),
    field_of("Opportunity.QBO_Estimate_Version__c", "Text", length=80),
    field_of("Opportunity.QBO_Amount_Paid__c", "Currency", **CURRENCY),
    field_of("Opportunity.QBO_Amount_Due__c", "Currency", **CURRENCY),
    field_of("Opportunity.QBO_Due_Date__c", "Date"),
    field_of("Opportunity.QBO_Paid_Date__c", "Date"),
    field_of(
        "Opportunity.QBO_Invoice_Status__c",
        "Picklist",
        valueSet={
            "restricted": True,
            "valueSetDefinition": {
                "sorted": False,
                "value": [{"valueName": v, "label": v, "default": False} for v in STATUSES],
            },
        },
    ),
]
CUSTOM_FIELDS += [
    {"FullName": field.full_name, "Metadata": dict(field.metadata)} for field in INVOICE_FIELDS
]
CUSTOM_OBJECTS = [
    {
        "fullName": own.name, "label": own.label, "pluralLabel": own.plural,
        "nameField": {"label": own.name_label, "type": "Text"}, "deploymentStatus": "Deployed",
        "sharingModel": "ReadWrite",
    }
    for own in OBJECTS.values()
]  # fmt: skip
MANIFEST = {
    "name": "Small company",
    "as_of": "2026-11-20T17:00:00Z",
    "salesforce": {
        "org_id": ORG,
        "org_name": "Small company",
        "user": {"username": "integration@small.example", "name": "Crossfoot Integration"},
        "currencies": [{"iso": "USD", "rate": 1, "corporate": True}],
    },
    "quickbooks": [
        {
            "realm_id": US, "name": "Small Inc", "country": "US", "home_currency": "USD",
            "utc_offset": "-08:00",
        },
        {
            "realm_id": GB, "name": "Small Ltd", "country": "GB", "home_currency": "GBP",
            "utc_offset": "+00:00",
        },
    ],
}  # fmt: skip


def entry_id(number: int) -> str:
    """The price of a product in the standard book."""
    return f"01uHs{number:010d}IAA"


def write_seed(folder: Path, deals: int = 6, products: int = 0) -> Path:
    """Accounts and deals 1 to `deals`; the customers 101, 102, … of the first company; products 1
    and 2, of which the first has a price, or so many as are said, each with one."""
    accounts = [_record(account_id(n), Name=f"Account {n}") for n in range(1, deals + 1)]
    opportunities = [
        _record(
            deal_id(n), Name=f"Deal {n}", AccountId=account_id(n), StageName="Closed Won",
            CloseDate="2026-11-01", Amount=Decimal("150.00"), IsWon=True, IsClosed=True,
        )
        for n in range(1, deals + 1)
    ]  # fmt: skip
    customers = [_customer(str(100 + n), f"Customer {n}") for n in range(1, deals + 1)]
    catalogue = [_record(PRODUCT, Name="Probe", IsActive=True)]
    numbers = range(1, max(products, 2) + 1)
    catalogue += [_record(product_id(n), Name=f"Product {n}", IsActive=True) for n in numbers]
    books = [
        _record(STANDARD_BOOK, Name="Standard Price Book", IsActive=True, IsStandard=True),
        _record(NAMED_BOOK, Name="Resellers", IsActive=True, IsStandard=False),
    ]
    entries = [
        _record(
            entry, Name=name, Product2Id=product, Pricebook2Id=STANDARD_BOOK,
            UnitPrice=Decimal(price), IsActive=True, UseStandardPrice=False,
        )
        for entry, name, product, price in (
            (PRICE, "Probe", PRODUCT, "10.00"),
            *(
                (entry_id(n), f"Product {n}", product_id(n), "11.00")
                for n in range(1, max(products, 1) + 1)
            ),
        )
    ]  # fmt: skip
    files = {
        "manifest.json": MANIFEST,
        "salesforce/_custom_objects.json": CUSTOM_OBJECTS,
        "salesforce/_custom_fields.json": CUSTOM_FIELDS,
        "salesforce/Account.json": accounts,
        "salesforce/Opportunity.json": opportunities,
        "salesforce/Product2.json": catalogue,
        "salesforce/Pricebook2.json": books,
        "salesforce/PricebookEntry.json": entries,
        f"quickbooks/{US}/Customer.json": customers,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(simplejson.dumps(content, use_decimal=True))
    return folder


def _record(record_id: str, **values: Any) -> dict[str, Any]:
    audit = {"CreatedDate": STAMP, "LastModifiedDate": STAMP, "SystemModstamp": STAMP}
    return {"Id": record_id, "IsDeleted": False, "CurrencyIsoCode": "USD", **audit, **values}


def _customer(record_id: str, name: str) -> dict[str, Any]:
    when = "2026-09-01T08:00:00-07:00"
    return {
        "Id": record_id, "DisplayName": name, "FullyQualifiedName": name, "Active": True,
        "Taxable": False, "Job": False, "Balance": 0, "BalanceWithJobs": 0, "SyncToken": "0",
        "CurrencyRef": {"value": "USD"}, "domain": "QBO", "sparse": False,
        "PrimaryEmailAddr": {"Address": f"old{record_id}@example.com"},
        "MetaData": {"CreateTime": when, "LastUpdatedTime": when},
    }  # fmt: skip


_VERDICT_COLUMNS = dict.fromkeys(("system", "source_id", "verdict", "reason"), "VARCHAR")


@dataclass
class SmallCompany:
    """The running sandbox, our settings for it, and the doors of the write path."""

    folder: Path
    sandbox: RunningSandbox
    environment: dict[str, str]
    forks: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def judge(
        self,
        rows: Mapping[str, Sequence[Mapping[str, Any]]],
        as_of: datetime = AS_OF,
        verdicts: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Copy the state, then write the marts as they would be after an extract at `as_of`."""
        cycle.copy_state(self.settings)
        with warehouse.writer(self.settings.warehouse_path) as connection:
            for name, row_class in ROWS.items():
                columns = _columns(row_class)
                own = [{**row, "data_as_of": as_of} for row in rows.get(name, ())]
                warehouse.fill_table(connection, "sync", name, columns, own)
            counted = {"flow": "VARCHAR", "record_count": "BIGINT"}
            looked_after = [{"flow": flow, "record_count": 100} for flow in registry.NAMES]
            warehouse.fill_table(connection, "sync", "sync_flow_records", counted, looked_after)
            clock = {"as_of_at": "TIMESTAMP WITH TIME ZONE"}
            warehouse.fill_table(
                connection, "intermediate", "int_clock", clock, [{"as_of_at": as_of}]
            )
            warehouse.fill_table(
                connection, "reconciliation", "data_verdict", _VERDICT_COLUMNS, verdicts
            )
            warehouse.fill_table(
                connection, "raw_quickbooks", "preferences",
                {"company_id": "VARCHAR", "payload": "VARCHAR"}, self._preferences(),
            )  # fmt: skip

    def _preferences(self) -> list[dict[str, str]]:
        tables = {
            realm: self.sandbox.kernel.store.table(realm, "Preferences") for realm in (US, GB)
        }
        return [
            {"company_id": realm, "payload": simplejson.dumps(dict(row), use_decimal=True)}
            for realm, table in tables.items()
            for row in table
        ]

    def plan(self, *flows: str) -> Plan:
        return cycle.make_plan(self.settings, flows)

    def apply(self, plan: Plan, **more: Any) -> ApplyResult:
        """Approve and apply."""
        if plan.changes:
            cycle.approve(self.settings, plan.checksum, "Ada")
        return cycle.apply(self.settings, plan.checksum, patience=PATIENCE, **more)

    def fault(self, kind: str, path: str, **more: Any) -> None:
        """Arm one fault of the sandbox for calls whose address matches."""
        action = {
            "kind": kind,
            **{
                k: more.pop(k)
                for k in ("status", "body", "seconds", "commits", "retry_after")
                if k in more
            },
        }
        rule = {"method": "POST", "path": path, "action": action, **more}
        with self.sandbox.kernel.lock:
            self.sandbox.kernel.faults.arm(rule)

    @contextmanager
    def held_up(self, path: str, **more: Any) -> Iterator[None]:
        """The vendor holds the first matching call up until the block has ended, however long."""
        with self.sandbox.kernel.lock:
            rule = self.sandbox.kernel.faults.arm(
                {
                    "method": "POST",
                    "path": path,
                    "action": {"kind": "delay", "seconds": 600},
                    **more,
                }
            )
        try:
            yield
        finally:
            with self.sandbox.kernel.lock:
                self.sandbox.kernel.faults.clear(rule.id)

    def forget(self) -> None:
        """QuickBooks no longer remembers any request id; for how long it does, nobody says."""
        kernel = self.sandbox.kernel
        with kernel.lock:
            for realm in (US, GB):
                for name in [n for n in kernel.store.meta(realm) if n.startswith("request/")]:
                    kernel.store.put_meta(realm, name, None)

    def writes(self, entity: str, operation: str | None = None) -> list[str]:
        """Ids the vendors' own journal says were written, in order."""
        return [
            w.id
            for entry in self.sandbox.kernel.journal.entries(0, None)
            for w in entry.writes
            if w.entity == entity and operation in (None, w.operation)
        ]

    def write_calls(self) -> int:
        """Calls so far that could have written anything."""
        return sum(
            1
            for e in self.sandbox.kernel.journal.entries(0, None)
            if e.method in ("POST", "PATCH") and "query" not in e.path and "oauth" not in e.path
            and "token" not in e.path and "Soap" not in e.path
        )  # fmt: skip

    def invoices(self) -> list[Mapping[str, Any]]:
        return [dict(i) for r in (US, GB) for i in self.sandbox.kernel.store.table(r, "Invoice")]

    def customers(self) -> list[Mapping[str, Any]]:
        """Those that were not seeded."""
        table = self.sandbox.kernel.store.table(US, "Customer")
        return [dict(c) for c in table if str(c["DisplayName"]).startswith("Account")]

    def in_a_process(self, do: str, kill: str | None = None, **job: Any) -> dict[str, Any]:
        """Do one job in a process of its own, to be killed at a fail point."""
        sent = {"do": do, "environment": self.environment, **job}
        if kill:
            sent["kill"] = {"CROSSFOOT_KILL_AT": kill}
        self.start_in_a_process(sent)
        return self.answer()

    def start_in_a_process(self, job: Mapping[str, Any]) -> None:
        if not self.forks:
            self.forks.append(_forks())
        stdin = self.forks[0].stdin
        assert stdin
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()

    def answer(self) -> dict[str, Any]:
        stdout = self.forks[0].stdout
        assert stdout
        line = stdout.readline()
        assert line, "the forking process died"
        answer = json.loads(line)
        assert answer.get("error") != "bug", answer["text"]
        return dict(answer)


def rows(**given: Any) -> dict[str, list[dict[str, Any]]]:
    """Marts with lines for each invoice, of the one item every company has."""
    made = writing.marts(**given)
    for line in made["sync_invoice_lines"]:
        line["item_id"] = "1"
    return made


def _columns(row_class: type[Any]) -> dict[str, str]:
    columns = {}
    for name, hint in get_type_hints(row_class).items():
        (kind,) = {t for t in getattr(hint, "__args__", (hint,)) if t is not type(None)}
        columns[name] = FINE.get(name, TYPES[kind])
    return columns


def _forks() -> subprocess.Popen[str]:
    here = Path(__file__).resolve()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    return subprocess.Popen(
        [sys.executable, str(here.with_name("forks.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=here.parents[2],
        env={**kept, "PYTHONPATH": str(here.parents[2])},
    )  # fmt: skip


@contextmanager
def running_company(folder: Path, deals: int = 6, products: int = 0) -> Iterator[SmallCompany]:
    """The small company, with nothing planned or written yet."""
    seed = write_seed(folder / "seed", deals, products)
    with running_sandbox(seed=seed) as sandbox:
        data = folder / "data"
        data.mkdir()
        connection = data / "connection.json"
        connection.write_text(json.dumps(sandbox.connection))
        environment = {
            "CROSSFOOT_DATA_DIR": str(data),
            "CROSSFOOT_SANDBOX_CONNECTION": str(connection),
        }
        company = SmallCompany(data, sandbox, environment)
        try:
            yield company
        finally:
            for process in company.forks:
                assert process.stdin
                process.stdin.close()
                process.wait(timeout=20)
