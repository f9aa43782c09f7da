"""What the tests of the write path share: mart rows, a state, and a small double of both vendors.

The double stands at the client interface and misbehaves on request. The real clients against the
real sandbox are in tests/journeys.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.clients.quickbooks_batch import BatchWrite
from pipelines.clients.salesforce_writes import Node
from pipelines.errors import CrossfootError, FixTheRow, Refused, ReplyLost, Stale, Unavailable
from reverse_etl.apply import ApplyResult, apply_plan
from reverse_etl.changes import Plan, from_json
from reverse_etl.lease import hold
from reverse_etl.ledger import Ledger, snapshot
from reverse_etl.patience import CAUTIOUS, Patience
from reverse_etl.plan import build_plan
from reverse_etl.state import State, open_state
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Clients, Facts

PROMPT = replace(CAUTIOUS, pauses=(0, 0), sleep=lambda seconds: None)
ORG = "00DHs0000000001MAA"
US = "9341450000000001"
GB = "9341450000000002"
AS_OF = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def deal_id(number: int) -> str:
    return f"006Hs{number:010d}IAA"


def account_id(number: int) -> str:
    return f"001Hs{number:010d}IAA"


STANDARD_BOOK = "01sHs000001AaAaIAK"


def product_id(number: int) -> str:
    return f"01tHs{number:010d}IAA"


def invoice_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    deal = changed.get("deal_id", deal_id(number))
    step = changed.get("plan_step", 1)
    mark = f"Crossfoot {deal}/{step}/g{changed.get('generation', 1)}"
    row = {
        "org_id": ORG,
        "deal_id": deal,
        "deal_name": f"Deal {number}",
        "company_id": US,
        "plan_step": step,
        "step_count": 1,
        "generation": 1,
        "account_id": account_id(number),
        "account_name": f"Account {number}",
        "customer_id": str(100 + number),
        "customer_change_key": None,
        "currency_code": "USD",
        "amount": Decimal("150.00"),
        "line_count": 2,
        "invoice_on": date(2026, 11, 20),
        "term_id": "3",
        "bill_email": "ap@example.com",
        "estimate_id": None,
        "tax_code_id": None,
        "po_number": None,
        "class_id": None,
        "class_name": None,
        "location_id": None,
        "location_name": None,
        "custom_fields": None,
        "document_number": None,
        "exchange_rate": None,
        "email_status": None,
        "mark": mark,
        "private_note": f"{mark}\nDeal {number}",
        "other_blocked_reason": None,
        "other_blocked_detail": None,
        "blocked_reason": None,
        "blocked_detail": None,
        "data_as_of": AS_OF,
    }
    return {**row, **changed}


def invoice_lines(row: Mapping[str, Any], *amounts: str) -> list[dict[str, Any]]:
    given = amounts or ("100.00", "50.00")
    return [
        {
            "org_id": ORG,
            "deal_id": row["deal_id"],
            "company_id": row["company_id"],
            "plan_step": row["plan_step"],
            "line_number": number,
            "part_number": 1,
            "line_kind": "item",
            "source_line_id": f"00kHs{number:010d}IAA",
            "item_id": "7",
            "bundle_item_id": None,
            "bundle_quantity": None,
            "part_description": None,
            "description": "Probe",
            "quantity": Decimal("1.000000"),
            "unit_price": Decimal(amount).quantize(Decimal("0.0000001")),
            "amount": Decimal(amount),
            "discount_account_id": None,
            "tax_code_id": "NON",
            "class_id": None,
            "class_name": None,
            "service_on": None,
        }
        for number, amount in enumerate(given, 1)
    ]


def mail_row(invoice_id: str, **changed: Any) -> dict[str, Any]:
    """An invoice that we wrote and that is to be mailed."""
    row: dict[str, Any] = {
        "company_id": US,
        "invoice_id": invoice_id,
        "deal_id": deal_id(1),
        "document_number": f"1{invoice_id}",
        "customer_name": "Account 1",
        "bill_email": "ap@example.com",
        "currency_code": "USD",
        "blocked_reason": None,
        "blocked_detail": None,
        "data_as_of": AS_OF,
    }
    return {**row, **changed}


_CUSTOMER_FIELDS = (
    "display_name", "company_name", "given_name", "family_name", "email", "phone", "website",
    "billing_line1", "billing_city", "billing_state", "billing_postal_code", "billing_country",
    "shipping_line1", "shipping_city", "shipping_state", "shipping_postal_code",
    "shipping_country", "term_id", "currency_code",
)  # fmt: skip


def customer_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A customer to create; give action='update' with customer_id, sync_token for the other."""
    account = account_id(number)
    row: dict[str, Any] = {
        "org_id": ORG,
        "account_id": account,
        "account_name": f"Account {number}",
        "company_id": US,
        "action": "create",
        "customer_id": None,
        "sync_token": None,
        "generation": 1,
        "change_key": f"customers:{US}:{account}:0:g1",
        "display_name": f"Account {number}",
        "company_name": f"Account {number}",
        "given_name": None,
        "family_name": None,
        "email": f"ap{number}@example.com",
        "phone": "+1 415 555 0100",
        "website": None,
        "billing_line1": "1 Main Street",
        "billing_city": "Springfield",
        "billing_state": "CA",
        "billing_postal_code": "94000",
        "billing_country": "USA",
        "shipping_line1": None,
        "shipping_city": None,
        "shipping_state": None,
        "shipping_postal_code": None,
        "shipping_country": None,
        "term_id": None,
        "currency_code": "USD",
        "parent_customer_id": None,
        "parent_change_key": None,
        "conflict_fields": None,
        "blocked_reason": None,
        "blocked_detail": None,
    }
    row |= {f"current_{name}": None for name in _CUSTOMER_FIELDS}
    return {**row, **changed}


def deal_status_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "org_id": ORG,
        "deal_id": deal_id(number),
        "deal_name": f"Deal {number}",
        "company_id": US,
        "invoice_id": "42",
        "invoice_key": f"{US}:42",
        "invoice_number": "1042",
        "invoice_status": "Open",
        "amount_paid": Decimal("0.00"),
        "amount_due": Decimal("150.00"),
        "due_on": date(2026, 12, 20),
        "paid_on": None,
        "currency_code": "USD",
        "current_invoice_key": None,
        "current_invoice_number": None,
        "current_invoice_status": None,
        "current_amount_paid": None,
        "current_amount_due": None,
        "current_due_on": None,
        "current_paid_on": None,
        "is_changed": True,
        "conflict_fields": None,
        "kept_fields": None,
        "blocked_reason": None,
    }
    return {**row, **changed}


def invoice_record_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """An invoice that Salesforce has no record of yet."""
    told: dict[str, Any] = {
        "invoice_number": f"{1000 + number}",
        "invoice_on": date(2026, 11, 20),
        "due_on": date(2026, 12, 20),
        "total_amount": Decimal("150.00"),
        "balance": Decimal("150.00"),
        "currency_code": "USD",
        "invoice_status": "Open",
        "last_payment_on": None,
        "deal_id": deal_id(number),
        "account_id": account_id(number),
    }
    row: dict[str, Any] = {
        "org_id": ORG,
        "company_id": US,
        "invoice_id": str(40 + number),
        "invoice_key": f"{US}:{40 + number}",
        "record_id": None,
        **told,
        **{f"current_{name}": None for name in told},
        "is_changed": True,
        "conflict_fields": None,
        "kept_fields": None,
        "blocked_reason": None,
    }
    return {**row, **changed}


def account_status_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "org_id": ORG,
        "account_id": account_id(number),
        "account_name": f"Account {number}",
        "linked_customer_key": f"{US}:{100 + number}",
        "open_balance": Decimal("150.00"),
        "overdue_balance": Decimal("0.00"),
        "open_credit": Decimal("0.00"),
        "oldest_due_on": None,
        "last_payment_on": None,
        "is_overdue": False,
        "currency_code": "USD",
        "current_linked_customer_key": None,
        "current_open_balance": None,
        "current_overdue_balance": None,
        "current_open_credit": None,
        "current_oldest_due_on": None,
        "current_last_payment_on": None,
        "current_is_overdue": False,
        "is_changed": True,
        "conflict_fields": None,
        "kept_fields": None,
        "blocked_reason": None,
    }
    return {**row, **changed}


def overdue_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """An invoice of 150.00, twenty days overdue, for which there is no task yet."""
    row: dict[str, Any] = {
        "org_id": ORG,
        "company_id": US,
        "invoice_id": str(700 + number),
        "document_number": f"1{number:03}",
        "act": "open_task",
        "plan_step": 0,
        "account_id": account_id(number),
        "owner_id": None,
        "email": f"ap{number}@example.com",
        "balance": Decimal("150.00"),
        "currency_code": "USD",
        "days_overdue": 20,
        "task_id": None,
        "current_task_status": None,
        "current_priority": None,
        "wanted_task_status": "Not Started",
        "wanted_priority": "Normal",
        "task_due_on": date(2026, 11, 24),
        "subject": f"Overdue: invoice 1{number:03} of Account {number}",
        "body": f"Crossfoot overdue {US}-{700 + number}\n150.00 USD were due.",
        "blocked_reason": None,
        "data_as_of": AS_OF,
    }
    return {**row, **changed}


def reminder_row(number: int = 1, step: int = 2, **changed: Any) -> dict[str, Any]:
    """The mail of a step about the same invoice."""
    mail = {"act": "send_mail", "plan_step": step, "wanted_task_status": None}
    mail |= {"wanted_priority": None, "task_due_on": None, "body": "Dear customer, …"}
    mail |= {"subject": f"Reminder: invoice 1{number:03} [{step}]"}
    return overdue_row(number, **{**mail, **changed})


def estimate_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A pending estimate over 30.00 that has no opportunity yet."""
    row: dict[str, Any] = {
        "org_id": ORG,
        "company_id": US,
        "estimate_id": str(900 + number),
        "estimate_key": f"{US}:{900 + number}",
        "document_number": f"E{number}",
        "action": "create",
        "deal_id": None,
        "account_id": account_id(number),
        "owner_id": None,
        "deal_name": f"Account {number} - Estimate E{number}",
        "estimate_state": "Pending",
        "stage_name": "Proposal/Price Quote",
        "amount": Decimal("30.00"),
        "currency_code": "USD",
        "closes_on": date(2026, 12, 20),
        "pricebook_id": "01sHs000001AaAaIAK",
        "po_number": None,
        "line_count": 1,
        "is_value_different": True,
        "version": "value1-state1",
        "current_stage_name": None,
        "current_amount": None,
        "current_closes_on": None,
        "current_line_ids": None,
        "is_changed": True,
        "blocked_reason": None,
        "blocked_detail": None,
        "data_as_of": AS_OF,
    }
    return {**row, **changed}


def estimate_lines(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line that is the whole of an estimate, where its lines are to be written."""
    if not row["is_value_different"]:
        return []
    return [
        {
            "company_id": row["company_id"],
            "estimate_id": row["estimate_id"],
            "line_number": 1,
            "product_id": "01tHs000001AaAaIAK",
            "pricebook_entry_id": "01uHs000001AaAaIAK",
            "description": "Probe",
            "quantity": Decimal("3"),
            "unit_price": row["amount"] / 3,
            "amount": row["amount"],
            "service_on": None,
        }
    ]


def product_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A product that has no item yet."""
    row: dict[str, Any] = {
        "org_id": ORG,
        "product_id": product_id(number),
        "product_name": f"Product {number}",
        "company_id": US,
        "action": "create",
        "item_id": None,
        "sync_token": None,
        "item_name": f"Product {number}",
        "sku": f"P-{number}",
        "description": f"About product {number}",
        "item_type": "Service",
        "income_account_id": "1",
        "unit_price": Decimal("12.5000000"),
        "is_taxable": False,
        "current_sku": None,
        "current_description": None,
        "blocked_reason": None,
        "blocked_detail": None,
    }
    return {**row, **changed}


def price_row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A price that Salesforce has otherwise."""
    row: dict[str, Any] = {
        "org_id": ORG,
        "product_id": product_id(number),
        "product_name": f"Product {number}",
        "pricebook_id": STANDARD_BOOK,
        "price_book_name": "Standard Price Book",
        "currency_code": "USD",
        "company_id": US,
        "action": "update",
        "pricebook_entry_id": f"01uHs{number:010d}IAA",
        "record_id": f"{product_id(number)}{STANDARD_BOOK}USD",
        "standard_change_key": None,
        "unit_price": Decimal("12.5000000"),
        "current_unit_price": Decimal("11.0000000"),
        "blocked_reason": None,
        "blocked_detail": None,
    }
    return {**row, **changed}


def marts(
    invoices: Sequence[dict[str, Any]] = (),
    customers: Sequence[dict[str, Any]] = (),
    deals: Sequence[dict[str, Any]] = (),
    accounts: Sequence[dict[str, Any]] = (),
    lines: Sequence[dict[str, Any]] | None = None,
    estimates: Sequence[dict[str, Any]] = (),
    products: Sequence[dict[str, Any]] = (),
    prices: Sequence[dict[str, Any]] = (),
    overdue: Sequence[dict[str, Any]] = (),
    mails: Sequence[dict[str, Any]] = (),
    records: Sequence[dict[str, Any]] = (),
) -> dict[str, list[dict[str, Any]]]:
    own = [line for row in invoices for line in invoice_lines(row)] if lines is None else lines
    return {
        "sync_invoices": list(invoices),
        "sync_invoice_lines": list(own),
        "sync_customers": list(customers),
        "sync_products": list(products),
        "sync_prices": list(prices),
        "sync_deal_status": list(deals),
        "sync_account_status": list(accounts),
        "sync_overdue": list(overdue),
        "sync_invoice_mails": list(mails),
        "sync_invoice_records": list(records),
        "sync_estimates": list(estimates),
        "sync_estimate_lines": [line for row in estimates for line in estimate_lines(row)],
    }


@dataclass
class Clock:
    """Our own clock, moved by hand."""

    at: datetime = AS_OF

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class FakeBooks:
    """One QuickBooks company: remembers request ids for a while, and fails as told.

    `faults` are taken one a write: lost_request, lost_reply, refused, unavailable, bug, or None.
    """

    clock: Clock
    memory: timedelta = timedelta(minutes=10)
    faults: list[str | None] = field(default_factory=list)
    invoices: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    estimates: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden_for: timedelta = timedelta(0)
    requests: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    mails: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    writes: int = 0
    batches: int = 0

    def create(self, entity: str, body: str, request_id: str) -> dict[str, Any]:
        return self._write(entity, from_json(body), request_id, self._create)

    def update(self, entity: str, body: str, request_id: str) -> dict[str, Any]:
        return self._write(entity, from_json(body), request_id, self._update)

    def write_many(
        self, writes: Sequence[BatchWrite], request_id: str
    ) -> list[dict[str, Any] | CrossfootError]:
        """Each part for itself; a service that cannot be reached has done none of them."""
        self.batches += 1
        return [self._part(write, f"{request_id}{write.part_id}") for write in writes]

    def _part(self, write: BatchWrite, request_id: str) -> dict[str, Any] | CrossfootError:
        act = self._create if write.operation == "create" else self._update
        try:
            return self._write(write.entity, from_json(write.body), request_id, act)
        except (FixTheRow, ReplyLost) as problem:
            return problem

    def _write(self, entity: str, body: Any, request_id: str, act: Any) -> dict[str, Any]:
        self.sent.append((entity, request_id, copy.deepcopy(body)))
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost_request":
            raise ReplyLost("QuickBooks", entity, "no answer came")
        if fault == "unavailable":
            raise Unavailable("QuickBooks", entity, "no connection")
        if fault == "bug":
            raise KeyError("a bug")
        if fault == "refused":
            raise Refused("QuickBooks", entity, "refused", code="6240", vendor_message="Duplicate")
        known = self.requests.get(request_id)
        if known and self.clock() - known[0] < self.memory:
            answer = known[1]
        else:
            answer = act(entity, body)
            self.writes += 1
            self.requests[request_id] = (self.clock(), copy.deepcopy(answer))
        if fault == "lost_reply":
            raise ReplyLost("QuickBooks", entity, "no answer came")
        return copy.deepcopy(answer)

    def _table(self, entity: str) -> dict[str, dict[str, Any]]:
        tables = {
            "Invoice": self.invoices, "Customer": self.customers, "Item": self.items,
            "Estimate": self.estimates,
        }  # fmt: skip
        return tables[entity]

    def mail(self, entity: str, record_id: str, address: str, request_id: str) -> dict[str, Any]:
        """Sent each time it is asked for: no request id is remembered of a mail."""
        self.sent.append((entity, request_id, {"Id": record_id, "sendTo": address}))
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost_request":
            raise ReplyLost("QuickBooks", entity, "no answer came")
        self.mails.append((record_id, address))
        found = self._table(entity)[record_id]
        if fault != "lost_reply_unsaid":
            found["EmailStatus"] = "EmailSent"
        if fault in ("lost_reply", "lost_reply_unsaid"):
            raise ReplyLost("QuickBooks", entity, "no answer came")
        return copy.deepcopy(found)

    def _create(self, entity: str, body: dict[str, Any]) -> dict[str, Any]:
        table = self._table(entity)
        if entity == "Customer" and self._named(body["DisplayName"]):
            raise Refused("QuickBooks", entity, "taken", code="6240", vendor_message="Duplicate")
        new = {**copy.deepcopy(body), "Id": str(1000 + len(table)), "SyncToken": "0"}
        extra = {"DocNumber": new["Id"], "Active": True, "made": self.clock()}
        table[new["Id"]] = {**new, **extra}
        return table[new["Id"]]

    def _update(self, entity: str, body: dict[str, Any]) -> dict[str, Any]:
        current = self._table(entity)[body["Id"]]
        if current["SyncToken"] != body["SyncToken"]:
            raise Stale("QuickBooks", entity, "stale", code="5010", vendor_message="Stale Object")
        current.update({k: v for k, v in body.items() if k not in ("sparse", "SyncToken")})
        current["SyncToken"] = str(int(current["SyncToken"]) + 1)
        return current

    def _named(self, name: str) -> bool:
        return any(c["DisplayName"].lower() == name.lower() for c in self.customers.values())

    def read(self, entity: str, record_id: str) -> dict[str, Any] | None:
        self.looks += 1
        return copy.deepcopy(self._table(entity).get(record_id))

    def query(self, entity: str, where: str = "") -> list[dict[str, Any]]:
        """All rows, whatever was asked: the caller has to check what it finds."""
        self.looks += 1
        return [copy.deepcopy(row) for row in self._table(entity).values()]

    def find_invoices_by_marks(
        self, since: datetime, marks: Collection[str]
    ) -> list[dict[str, Any]]:
        self.looks += 1
        return [
            copy.deepcopy(i)
            for i in self.invoices.values()
            if any(mark in i["PrivateNote"] for mark in marks)
            and self.clock() - i["made"] >= self.hidden_for
        ]


@dataclass(frozen=True)
class Reply:
    ok: bool
    remote_id: str | None = None
    code: str = ""
    message: str = ""


@dataclass
class FakeOrg:
    """One Salesforce org: records by id; `refuse` maps an id to the code it is refused with."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    faults: list[str | None] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    graphs: int = 0
    by_hand: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def update_many(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[Reply]:
        self.calls.append([dict(r) for r in records])
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost_request":
            raise ReplyLost("Salesforce", object_name, "no answer came")
        replies = [self._update(r) for r in records]
        if fault == "lost_reply":
            raise ReplyLost("Salesforce", object_name, "no answer came")
        return replies[:-1] if fault == "short" else replies

    def _update(self, record: Mapping[str, Any]) -> Reply:
        code = self.refuse.get(record["Id"])
        if code:
            return Reply(False, None, code, f"refused with {code}")
        self.records.setdefault(record["Id"], {"Id": record["Id"]}).update(record)
        return Reply(True, record["Id"])

    def write_graphs(self, graphs: Sequence[Sequence[Node]]) -> list[Reply]:
        """Each graph's first node by its key; a key that is there already is refused."""
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lost_request":
            raise ReplyLost("Salesforce", "graphs", "no answer came")
        replies = [self._grow(nodes) for nodes in graphs]
        if fault == "lost_reply":
            raise ReplyLost("Salesforce", "graphs", "no answer came")
        return replies

    def _grow(self, nodes: Sequence[Node]) -> Reply:
        values = dict(nodes[0].values)
        key = values.get("QBO_Estimate_Id__c")
        if any(r.get("QBO_Estimate_Id__c") == key for r in self.records.values() if key):
            return Reply(False, None, "DUPLICATE_VALUE", "duplicate value found")
        made = nodes[0].record_id or f"006Hs{len(self.records):010d}AAA"
        self.records.setdefault(made, {"Id": made}).update(values)
        self.graphs += 1
        return Reply(True, made)

    def create_many(self, object_name: str, records: Sequence[Mapping[str, Any]]) -> list[Reply]:
        self.calls.append([dict(r) for r in records])
        made = [Reply(True, f"00THs{len(self.records) + n:010d}AAA") for n in range(len(records))]
        for reply, record in zip(made, records, strict=True):
            self.records[str(reply.remote_id)] = {"Id": reply.remote_id, **record}
        return made

    def upsert_many(
        self, object_name: str, external_id: str, records: Sequence[Mapping[str, Any]]
    ) -> list[Reply]:
        """By the external id: what is there is changed, what is not is made."""
        held = {r.get(external_id): r for r in self.records.values()}
        found = [held.get(record[external_id]) for record in records]
        new = [r for r, known in zip(records, found, strict=True) if not known]
        made = iter(self.create_many(object_name, new))
        for record, known in zip(records, found, strict=True):
            (known or {}).update(record)
        return [Reply(True, known["Id"]) if known else next(made) for known in found]

    def send_mail(self, mail: Mapping[str, Any]) -> None:
        self.mails.append(dict(mail))

    def query_all(self, soql: str) -> list[dict[str, Any]]:
        """The records that the last literal of the query is the id or a key of; or, where it asks
        for what was changed since, those that a test says people have changed."""
        self.asked.append(soql)
        if "SystemModstamp" in soql:
            return [copy.deepcopy(self.records[changed]) for changed in self.by_hand]
        wanted = soql.rsplit("'", 2)[1]
        keys = ("Id", "QBO_Estimate_Id__c", "QBO_Estimate_Version__c", "WhatId")
        return [
            copy.deepcopy(r)
            for r in self.records.values()
            if wanted in [r.get(key) for key in keys]
        ]


@dataclass
class World:
    """A state on disk, both vendors, and the way from rows to an applied plan."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    url: str = ""

    def __post_init__(self) -> None:
        self.us = FakeBooks(self.clock)
        self.gb = FakeBooks(self.clock)
        self.org = FakeOrg()
        self.clients = Clients(self.org, {US: self.us, GB: self.gb})
        self.url = self.url or f"sqlite:///{self.folder / 'state.sqlite'}"
        self.state: State = open_state(self.url)

    def plan(
        self,
        rows: Mapping[str, Sequence[dict[str, Any]]],
        as_of: datetime = AS_OF,
        facts: Facts = Facts(),  # noqa: B008 - frozen
    ) -> Plan:
        entries = snapshot(self.state, registry.NAMES)
        dated = {
            name: [{**r, "data_as_of": as_of} if "data_as_of" in r else r for r in own]
            for name, own in rows.items()
        }
        return build_plan(registry.FLOWS, dated, facts, entries, as_of, self.clock())

    def apply(
        self,
        plan: Plan,
        as_of: datetime = AS_OF,
        look_first: bool = False,
        patience: Patience = PROMPT,
    ) -> ApplyResult:
        with hold(self.state, "test", self.clock) as lease:
            return apply_plan(
                plan,
                Ledger(self.state, lease),
                self.clients,
                known_as_of=as_of,
                now=self.clock,
                look_first=look_first,
                patience=patience,
            )

    def statuses(self, result: ApplyResult) -> list[str]:
        return [outcome.status for outcome in result.outcomes]
