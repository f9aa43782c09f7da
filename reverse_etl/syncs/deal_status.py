"""Invoices of a deal → Opportunity: number, status, paid and due, so that sales sees them; and,
where the org keeps them, a record of each invoice (`invoice_records`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reverse_etl.changes import Blocked, Change
from reverse_etl.ledger import Entry
from reverse_etl.syncs import invoice_records, status
from reverse_etl.syncs.flow import Answer, Clients, Facts, Flow, Rows, one_place, read_rows

NAME = "deal_status"
MART = "sync_deal_status"
ENTITY = "Opportunity"
COLUMNS = {
    "invoice_key": "QBO_Invoice_Id__c",
    "invoice_number": "QBO_Invoice_Number__c",
    "invoice_status": "QBO_Invoice_Status__c",
    "amount_paid": "QBO_Amount_Paid__c",
    "amount_due": "QBO_Amount_Due__c",
    "due_on": "QBO_Due_Date__c",
    "paid_on": "QBO_Paid_Date__c",
}


@dataclass(frozen=True)
class DealStatusRow:
    """A row of sync_deal_status, column for column; current_* is what Salesforce has now."""

    org_id: str
    deal_id: str
    deal_name: str
    invoice_key: str | None
    invoice_number: str | None
    invoice_status: str | None
    amount_paid: Decimal | None
    amount_due: Decimal | None
    due_on: date | None
    paid_on: date | None
    current_invoice_key: str | None
    current_invoice_number: str | None
    current_invoice_status: str | None
    current_amount_paid: Decimal | None
    current_amount_due: Decimal | None
    current_due_on: date | None
    current_paid_on: date | None
    is_changed: bool
    conflict_fields: str | None
    kept_fields: str | None
    blocked_reason: str | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """The rows that differ, as changes or blocked, in the order of their ids; the deals first."""
    rows = read_rows(DealStatusRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: r.deal_id):
        if row.is_changed or row.blocked_reason:
            yield from to_changes(row, facts)
    yield from invoice_records.changes(NAME, marts, facts)


def to_changes(row: DealStatusRow, facts: Facts) -> Iterator[Change | Blocked]:
    """One row as an update of the deal's billing fields, and what of them is left alone. Pure;
    the plan sets the generation."""
    titles = (f"billing status of {row.deal_name}", "QuickBooks says otherwise than the deal shows")
    yield from status.to_changes(NAME, ENTITY, row.deal_id, titles, row, COLUMNS, facts)


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """One call for deals by their ids, or for records of invoices by their external id."""
    if entries[0].entity == invoice_records.ENTITY:
        return invoice_records.send(clients, entries)
    return status.send(clients, entries)


def find(clients: Clients, entry: Entry) -> str | None:
    """The record's id if it already looks as the entry wanted, else None."""
    if entry.entity == invoice_records.ENTITY:
        return invoice_records.find(clients, entry)
    return status.find(clients, entry)


def weigh(change: Change) -> float:
    """The places that a change takes of a call."""
    of_invoice = change.entity == invoice_records.ENTITY
    return invoice_records.weigh(change) if of_invoice else one_place(change)


FLOW = Flow(
    NAME, "salesforce", (MART, invoice_records.MART), status.BATCH, changes, send, find,
    repeatable=True, weigh=weigh,
    columns={ENTITY: COLUMNS, invoice_records.ENTITY: invoice_records.COLUMNS},
)  # fmt: skip
