"""Which QuickBooks entities are read, and what the service needs to be told of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

LISTS = ("Customer", "Item", "Term", "Account", "Class", "Department", "Vendor", "Employee")
TRANSACTIONS = (
    "Invoice", "Payment", "CreditMemo", "RefundReceipt", "SalesReceipt", "Estimate", "Deposit",
)  # fmt: skip
SINGLES = ("CompanyInfo", "Preferences")
# Many companies have none of these at all.
OFTEN_NONE = (
    "Class", "Department", "Vendor", "Employee", "CreditMemo", "RefundReceipt", "SalesReceipt",
    "Estimate", "Deposit",
)  # fmt: skip
TAXES = ("TaxCode", "TaxRate")
# Only a company with several currencies has these.
CURRENCIES = ("CompanyCurrency", "ExchangeRate")
# Change data capture does not cover these (quickbooks_api 2.6), or not in every company: they are
# walked once a day.
UNCAPTURED = (*SINGLES, *TAXES, *CURRENCIES)
CAPTURED = (*LISTS, *TRANSACTIONS)
ENTITIES = (*CAPTURED, *UNCAPTURED)
# The report by age of what customers owe, read once a day as a control total.
RECEIVABLES = "AgedReceivables"
# The list of the last months' invoices, another one.
TRANSACTION_LIST = "TransactionList"
LISTED_INVOICES = "transaction_list"
DELETION = "deletion"
AGED_RECEIVABLES = "aged_receivables"
DAILY = timedelta(days=1)

# The preference without which a company keeps no records of an entity.
_FEATURES = {
    "Class": ("AccountingInfoPrefs", ("ClassTrackingPerTxn", "ClassTrackingPerTxnLine")),
    "Department": ("AccountingInfoPrefs", ("TrackDepartments",)),
    "CompanyCurrency": ("CurrencyPrefs", ("MultiCurrencyEnabled",)),
    "ExchangeRate": ("CurrencyPrefs", ("MultiCurrencyEnabled",)),
}
FEATURES = tuple(_FEATURES)
_WORDS = {
    "Class": "classes (class tracking is off)",
    "Department": "departments (location tracking is off)",
    "CompanyCurrency": "further currencies (multicurrency is off)",
    "ExchangeRate": "exchange rates (multicurrency is off)",
}


def condition(entity: str) -> str:
    """What a query of everything must say: inactive records are left out of queries unless they
    are asked for (quickbooks_api 2.2)."""
    return "Active in (true, false)" if entity in (*LISTS, *TAXES, "CompanyCurrency") else ""


def both(one: str, other: str) -> str:
    """Two conditions as one; either may be empty."""
    return " and ".join(part for part in (one, other) if part)


def is_in_use(entity: str, preferences: Mapping[str, Any]) -> bool:
    """Whether the company's preferences let it have records of the entity at all."""
    if entity not in _FEATURES:
        return True
    group, names = _FEATURES[entity]
    return any((preferences.get(group) or {}).get(name) is True for name in names)


def without(entity: str) -> str:
    """In plain words, what a company without the feature does not have."""
    return _WORDS[entity]
