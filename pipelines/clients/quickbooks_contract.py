"""Which kinds of value QuickBooks' records must have, where a model reads more than text of them.

The warehouse keeps a record as the vendor's own text, and a model that reads an amount out of it
gets nothing where there is a word instead: no error would tell, and the money would be missing.
Therefore the kinds are looked at while a record's head is decoded, in the same pass. A member that
is not named here, a new one among them, may be of any kind; one that is absent or null is so. What
is read as text takes any value and is not named.

dlt's own `schema_contract` sees columns, and the text is one column whatever it holds; of
Salesforce's columns the kinds are told by describe calls, before a row comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from pipelines.clients.quickbooks_head import Head

# The kinds: a number, true or false, a day as text; an object with its members, a list of objects.
NUMBER, FLAG, DAY = "a number", "true or false", "a day as text"
OBJECT, LIST = "an object", "a list"
_KINDS: Mapping[str, Any] = {NUMBER: float, FLAG: bool, DAY: str}

Shape = Mapping[str, Any]

_REF: Shape = {}
_LINK: Shape = {}
_LINE: Shape = {
    "LineNum": NUMBER,
    "Amount": NUMBER,
    "SalesItemLineDetail": {
        "ItemRef": _REF, "Qty": NUMBER, "UnitPrice": NUMBER, "TaxCodeRef": _REF, "ServiceDate": DAY,
    },
}  # fmt: skip
_GROUP: Shape = {"GroupItemRef": _REF, "Quantity": NUMBER, "Line": [_LINE]}
# In the order in which the service tells them: a member is looked for from the last one found on.
_SALE: Shape = {
    "CustomField": [{}], "TxnDate": DAY, "CurrencyRef": _REF, "ExchangeRate": NUMBER,
    "LinkedTxn": [_LINK], "Line": [{**_LINE, "GroupLineDetail": _GROUP}],
    "TxnTaxDetail": {"TxnTaxCodeRef": _REF, "TotalTax": NUMBER}, "CustomerRef": _REF,
    "SalesTermRef": _REF, "DueDate": DAY, "TotalAmt": NUMBER, "ApplyTaxAfterDiscount": FLAG,
    "BillEmail": {}, "Balance": NUMBER, "HomeBalance": NUMBER, "RemainingCredit": NUMBER,
    "DeliveryInfo": {}, "ExpirationDate": DAY, "AcceptedDate": DAY,
}  # fmt: skip
_PAID: Shape = {
    "TxnDate": DAY, "CurrencyRef": _REF, "ExchangeRate": NUMBER, "TotalAmt": NUMBER,
    "Line": [{"Amount": NUMBER, "LinkedTxn": [_LINK]}],
}  # fmt: skip
_ACTIVE: Shape = {"Active": FLAG}

CONTRACT: Mapping[str, Shape] = {
    "Invoice": _SALE, "CreditMemo": _SALE, "RefundReceipt": _SALE, "SalesReceipt": _SALE,
    "Estimate": _SALE,
    "Payment": {**_PAID, "CustomerRef": _REF, "UnappliedAmt": NUMBER},
    "Deposit": {**_PAID, "DepositToAccountRef": _REF},
    "Customer": {
        "ParentRef": _REF, "Job": FLAG, "PrimaryEmailAddr": {}, "PrimaryPhone": {},
        "AlternatePhone": {}, "Mobile": {}, "WebAddr": {}, "BillAddr": {}, "ShipAddr": {},
        "CurrencyRef": _REF, "SalesTermRef": _REF, "Taxable": FLAG, "DefaultTaxCodeRef": _REF,
        "Balance": NUMBER, **_ACTIVE,
    },
    "Item": {
        "UnitPrice": NUMBER, "IncomeAccountRef": _REF, "Taxable": FLAG, **_ACTIVE,
        "ItemGroupDetail": {"ItemGroupLine": [{"ItemRef": _REF, "Qty": NUMBER}]},
    },
    "ExchangeRate": {"AsOfDate": DAY, "Rate": NUMBER},
    "Preferences": {
        "CurrencyPrefs": {"HomeCurrency": _REF, "MultiCurrencyEnabled": FLAG},
        "AccountingInfoPrefs": {
            "BookCloseDate": DAY, "ClassTrackingPerTxn": FLAG, "ClassTrackingPerTxnLine": FLAG,
            "TrackDepartments": FLAG,
        },
        "SalesFormsPrefs": {
            "CustomTxnNumbers": FLAG, "AllowDiscount": FLAG,
            "CustomField": [{"CustomField": [{"BooleanValue": FLAG}]}],
        },
        "TaxPrefs": {"UsingSalesTax": FLAG, "PartnerTaxEnabled": FLAG, "TaxGroupCodeRef": _REF},
    },
    "TaxRate": {"RateValue": NUMBER},
    "TaxCode": {
        "Taxable": FLAG, **_ACTIVE,
        "SalesTaxRateList": {"TaxRateDetail": [{"TaxRateRef": _REF}]},
    },
    "Term": {
        "DueDays": NUMBER, "DayOfMonthDue": NUMBER, "DueNextMonthDays": NUMBER, **_ACTIVE,
    },
    "Account": {"CurrentBalance": NUMBER, "CurrencyRef": _REF, **_ACTIVE},
    "Department": _ACTIVE, "Class": _ACTIVE, "Employee": _ACTIVE, "Vendor": _ACTIVE,
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A member that is not of its kind: where in which record, what it was and what it is."""

    entity: str
    key: str
    path: str
    was: str
    found: str


class KindChanged(Exception):
    """A record does not keep to the contract."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference)
        self.difference = difference


@cache
def heads(entity: str) -> Any:
    """The decoder of an entity's heads, which refuses a member of another kind."""
    return msgspec.json.Decoder(_struct(entity, CONTRACT.get(entity, {}), (Head,)))


def difference(entity: str, text: Any) -> Difference | None:
    """Where a record leaves the contract; None where it does not."""
    record = msgspec.json.decode(text)
    found = _differing(record, CONTRACT.get(entity, {}), "")
    if found is None:
        return None
    head = msgspec.json.decode(text, type=Head)
    return Difference(entity, head.key, *found)


def _struct(name: str, shape: Shape, bases: tuple[type, ...] = ()) -> type:
    members: list[Any] = [
        (member, _type(f"{name}_{member}", kind) | None, None) for member, kind in shape.items()
    ]
    return msgspec.defstruct(name, members, bases=bases, gc=False)


def _type(name: str, kind: Any) -> Any:
    if isinstance(kind, Mapping):
        return _struct(name, kind)
    return list[_type(name, kind[0])] if isinstance(kind, list) else _KINDS[kind]  # type: ignore[misc]


def _differing(value: Any, kind: Any, path: str) -> tuple[str, str, str] | None:
    """The first place below `path` that is of another kind than it must be: path, kind, found."""
    if value is None:
        return None
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            return path, OBJECT, _told(value)
        below = ((value.get(member), kind[member], f"{path}.{member}") for member in kind)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            return path, LIST, _told(value)
        below = ((each, kind[0], path) for each in value)
    else:
        is_kept = isinstance(value, _KINDS[kind] if kind != NUMBER else int | float)
        is_flag = isinstance(value, bool)
        return None if is_kept and is_flag == (kind == FLAG) else (path, kind, _told(value))
    each = (_differing(value, inner, place.removeprefix(".")) for value, inner, place in below)
    return next(filter(None, each), None)


def _told(value: Any) -> str:
    """The kind of a value, in words; never the value itself, for it may be a customer's."""
    if isinstance(value, bool):
        return FLAG
    if isinstance(value, int | float):
        return NUMBER
    return "text" if isinstance(value, str) else LIST if isinstance(value, list) else OBJECT
