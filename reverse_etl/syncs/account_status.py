"""Balances of a customer → Account: what is open, overdue and credited, so that sales sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reverse_etl.changes import Blocked, Change
from reverse_etl.syncs import status
from reverse_etl.syncs.flow import Facts, Flow, Rows, read_rows

NAME = "account_status"
MART = "sync_account_status"
ENTITY = "Account"
COLUMNS = {
    "linked_customer_key": "QBO_Customer_Id__c",
    "open_balance": "QBO_Open_Balance__c",
    "overdue_balance": "QBO_Overdue_Balance__c",
    "open_credit": "QBO_Open_Credit__c",
    "oldest_due_on": "QBO_Oldest_Due_Date__c",
    "last_payment_on": "QBO_Last_Payment_Date__c",
    "is_overdue": "QBO_Overdue__c",
}


@dataclass(frozen=True)
class AccountStatusRow:
    """A row of sync_account_status, column for column; current_* is what Salesforce has now."""

    org_id: str
    account_id: str
    account_name: str
    linked_customer_key: str | None
    open_balance: Decimal | None
    overdue_balance: Decimal | None
    open_credit: Decimal | None
    oldest_due_on: date | None
    last_payment_on: date | None
    is_overdue: bool | None
    current_linked_customer_key: str | None
    current_open_balance: Decimal | None
    current_overdue_balance: Decimal | None
    current_open_credit: Decimal | None
    current_oldest_due_on: date | None
    current_last_payment_on: date | None
    current_is_overdue: bool | None
    is_changed: bool
    conflict_fields: str | None
    kept_fields: str | None
    blocked_reason: str | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """The rows that differ, as changes or blocked, in the order of their ids."""
    rows = read_rows(AccountStatusRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: r.account_id):
        if row.is_changed or row.blocked_reason:
            yield from to_changes(row, facts)


def to_changes(row: AccountStatusRow, facts: Facts) -> Iterator[Change | Blocked]:
    """One row as an update of the account's balance fields, and what of them is left alone. Pure;
    the plan sets the generation."""
    titles = (f"balances of {row.account_name}", "QuickBooks says otherwise than the account shows")
    yield from status.to_changes(NAME, ENTITY, row.account_id, titles, row, COLUMNS, facts)


FLOW = Flow(
    NAME, "salesforce", (MART,), status.BATCH, changes, status.send, status.find, repeatable=True,
    columns={ENTITY: COLUMNS},
)  # fmt: skip
