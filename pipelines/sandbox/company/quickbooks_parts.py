"""What all QuickBooks objects of the sample company are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipelines.sandbox.company.books import (
    DEAL_FIELD,
    PO_FIELD,
    Books,
    Customer,
)
from pipelines.sandbox.company.customers import place_lines
from pipelines.sandbox.company.dates import (
    quickbooks_time,
)

Record = dict[str, Any]

OPENED = datetime(2023, 1, 9, 17, 0, 0, tzinfo=UTC)
CURRENCY_NAMES = {"USD": "United States Dollar", "GBP": "British Pound Sterling", "EUR": "Euro"}
METHODS = (("1", "Cash"), ("2", "Check"), ("3", "Bank transfer"))
CUSTOM_FIELDS = (("1", DEAL_FIELD), ("2", PO_FIELD))
DEPOSIT_TO = {"value": "4", "name": "Undeposited Funds"}
DISCOUNT_ACCOUNT = {"value": "86", "name": "Discounts given"}


def ref(value: str, name: str) -> Record:
    """A reference with its name."""
    return {"value": value, "name": name}


def currency_ref(currency: str) -> Record:
    """A CurrencyRef."""
    return ref(currency, CURRENCY_NAMES[currency])


def system_members(
    books: Books, record_id: str, created: datetime, updated: datetime | None = None,
    changes: int = 0,
) -> Record:  # fmt: skip
    """The members that every object has; `changes` is how often it was changed since."""
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": record_id,
        "SyncToken": str(changes),
        "MetaData": {
            "CreateTime": quickbooks_time(created, books.offset_hours),
            "LastUpdatedTime": quickbooks_time(updated or created, books.offset_hours),
        },
    }


def listed(books: Books, record_id: str, name: str) -> Record:
    """The members of a list entry that has been there from the start."""
    return {"Name": name, "Active": True, **system_members(books, record_id, OPENED)}


def address(address_id: int, customer: Customer) -> Record | None:
    """A customer's address, with an id of its own."""
    return {"Id": str(address_id), **place_lines(customer.place)} if customer.place else None
