"""Invoice → a record of its own in Salesforce, where CROSSFOOT_INVOICE_OBJECT is on: one for each,
beside the deal and the account that it belongs to. Part of the flow of the deals' status.

The external id is the company and the invoice, and the write is an upsert by it: repeating one
never makes a second record. What a person deleted is not made again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.clients.salesforce_soql import soql_select
from pipelines.clients.salesforce_writes import COLLECTION_LIMIT
from pipelines.errors import Incomplete
from reverse_etl.changes import Blocked, Change, from_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs import status
from reverse_etl.syncs.flow import Answer, Clients, Facts, Rows, read_rows

MART = "sync_invoice_records"
ENTITY = "QBO_Invoice__c"
KEY_FIELD = "QBO_Key__c"
# Amounts are plain numbers with their currency beside them: a field of type Currency would show
# them in whatever currency the org gives the record.
COLUMNS = {
    "invoice_number": "Name",
    "invoice_on": "QBO_Invoice_Date__c",
    "due_on": "QBO_Due_Date__c",
    "total_amount": "QBO_Total__c",
    "balance": "QBO_Balance__c",
    "currency_code": "QBO_Currency__c",
    "invoice_status": "QBO_Status__c",
    "last_payment_on": "QBO_Last_Payment_Date__c",
    "deal_id": "QBO_Deal__c",
    "account_id": "QBO_Account__c",
}
# Of the places of one call, so that no call has more than a collection of upserts holds.
WEIGHT = status.BATCH / COLLECTION_LIMIT


@dataclass(frozen=True)
class InvoiceRecordRow:
    """A row of sync_invoice_records, column for column; current_* is what Salesforce has now, and
    `record_id` the record that it has. Amounts are gross, in `currency_code`."""

    org_id: str
    company_id: str
    invoice_id: str
    invoice_key: str
    record_id: str | None
    invoice_number: str | None
    invoice_on: date | None
    due_on: date | None
    total_amount: Decimal | None
    balance: Decimal | None
    currency_code: str | None
    invoice_status: str | None
    last_payment_on: date | None
    deal_id: str | None
    account_id: str | None
    current_invoice_number: str | None
    current_invoice_on: date | None
    current_due_on: date | None
    current_total_amount: Decimal | None
    current_balance: Decimal | None
    current_currency_code: str | None
    current_invoice_status: str | None
    current_last_payment_on: date | None
    current_deal_id: str | None
    current_account_id: str | None
    is_changed: bool
    conflict_fields: str | None
    kept_fields: str | None
    blocked_reason: str | None


def changes(flow: str, marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """The rows that differ or have no record yet, in the order of their keys. Pure."""
    rows = read_rows(InvoiceRecordRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: r.invoice_key):
        if row.is_changed or row.blocked_reason:
            yield from to_changes(flow, row, facts)


def to_changes(flow: str, row: InvoiceRecordRow, facts: Facts) -> Iterator[Change | Blocked]:
    """One row as a record to make or to correct, and what of it is left alone. Pure."""
    why = "QuickBooks says otherwise than the record shows"
    if row.record_id is None:
        why = "Salesforce has no record of this invoice"
    titles = (f"record of invoice {row.invoice_number or row.invoice_id}", why)
    target = status.Target(
        "update" if row.record_id else "create", row.record_id, {KEY_FIELD: row.invoice_key}
    )
    key_id = f"{row.company_id}-{row.invoice_id}"
    yield from status.to_changes(flow, ENTITY, key_id, titles, row, COLUMNS, facts, target)


def weigh(change: Change) -> float:
    """A collection of upserts takes 200 records, where one of updates takes 1,000."""
    return WEIGHT


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """One call for up to 200 records; an answer for each, in their order.

    Raises `Incomplete` when the number of answers is not the number of records.
    """
    records = [from_json(entry.payload) for entry in entries]
    replies = clients.salesforce.upsert_many(ENTITY, KEY_FIELD, records)
    if len(replies) != len(records):
        raise Incomplete(
            "Salesforce", ENTITY,
            f"{len(records)} records were sent and {len(replies)} answers came back",
            "The changes stay open; the next run looks at each of them.",
        )  # fmt: skip
    return [
        Answer(r.ok, (r.remote_id or entry.remote_id) if r.ok else None, r.code, r.message)
        for entry, r in zip(entries, replies, strict=True)
    ]


def find(clients: Clients, entry: Entry) -> str | None:
    """The record of this key if it looks as the entry wanted, else None."""
    wanted = from_json(entry.payload)
    columns = ("Id", *wanted)
    soql = soql_select(columns, ENTITY, {KEY_FIELD: wanted[KEY_FIELD]})
    for record in clients.salesforce.query_all(soql):
        if all(status.same(record.get(name), value) for name, value in wanted.items()):
            return str(record["Id"])
    return None
