"""What an invoice says: the rows of its marts, the body that QuickBooks takes, and the fields that
a plan shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from reverse_etl.changes import REFERENCE, FieldDifference, from_json
from reverse_etl.syncs.flow import difference, plain

# What the vendor gives instead of AUTO_GENERATE is a number of its own (quickbooks_api 3.3).
NUMBER_ASKED_FOR = "AUTO_GENERATE"
ESTIMATE = "Estimate"
# Shown under other names, or known from the key.
DEAL_FIELD, PO_FIELD = "Salesforce Deal", "PO Number"
# The two kinds of line that take a discount off.
ON_LINE, ON_INVOICE = "line_discount", "discount"
# The codes of a US company; every other id belongs to a company with its own tax codes.
US_TAX_CODES = frozenset({"TAX", "NON"})


@dataclass(frozen=True)
class InvoiceRow:
    """A row of sync_invoices, column for column. `amount` is net, in `currency_code`;
    `exchange_rate` is units of the company's currency for one of it; `custom_fields` is the JSON
    list of the form's fields."""

    org_id: str
    deal_id: str
    deal_name: str
    company_id: str | None
    plan_step: int
    step_count: int
    generation: int
    account_id: str | None
    account_name: str | None
    customer_id: str | None
    customer_change_key: str | None
    currency_code: str
    amount: Decimal
    line_count: int
    invoice_on: date
    term_id: str | None
    bill_email: str | None
    po_number: str | None
    estimate_id: str | None
    tax_code_id: str | None
    class_id: str | None
    class_name: str | None
    location_id: str | None
    location_name: str | None
    custom_fields: str | None
    document_number: str | None
    exchange_rate: Decimal | None
    email_status: str | None
    mark: str
    private_note: str
    other_blocked_reason: str | None
    other_blocked_detail: str | None
    blocked_reason: str | None
    blocked_detail: str | None
    data_as_of: datetime


@dataclass(frozen=True)
class InvoiceLineRow:
    """A row of sync_invoice_lines: a line, a part of one whose item is a bundle, or a discount: on
    the line before it (`line_discount`) or on the whole invoice (`discount`), both below zero.
    `amount` is quantity × unit price, rounded half up."""

    org_id: str
    deal_id: str
    company_id: str | None
    plan_step: int
    line_number: int
    part_number: int
    line_kind: str
    source_line_id: str | None
    item_id: str | None
    bundle_item_id: str | None
    bundle_quantity: Decimal | None
    part_description: str | None
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    discount_account_id: str | None
    tax_code_id: str | None
    class_id: str | None
    class_name: str | None
    service_on: date | None


def shown(row: InvoiceRow, lines: Sequence[InvoiceLineRow]) -> Iterator[FieldDifference]:
    """The fields of a new invoice as people read them in a plan, a bundle by its parts."""
    yield difference("customer", None, row.account_name)
    yield difference("date", None, row.invoice_on)
    if row.document_number and row.document_number != NUMBER_ASKED_FOR:
        yield difference("number", None, row.document_number)
    for line in lines:
        yield difference(_place(line), None, _line_words(line))
    for name, value in _head(row):
        if value:
            yield difference(name, None, value)


def _head(row: InvoiceRow) -> Iterator[tuple[str, Any]]:
    yield "class", row.class_name
    yield "location", row.location_name
    yield "PO number", row.po_number
    for field in _custom_fields(row):
        if field["Name"] not in (DEAL_FIELD, PO_FIELD):
            yield field["Name"], field["StringValue"]
    yield "tax code", row.tax_code_id
    yield "exchange rate", row.exchange_rate
    yield "closes estimate", row.estimate_id
    yield "to be sent to", row.email_status and row.bill_email


def _place(line: InvoiceLineRow) -> str:
    if line.line_kind == ON_INVOICE:
        return "discount"
    if line.line_kind == ON_LINE:
        return f"line {line.line_number} discount"
    part = f".{line.part_number}" if line.bundle_item_id else ""
    return f"line {line.line_number}{part}"


def _line_words(line: InvoiceLineRow) -> str:
    if line.line_kind == ON_INVOICE:
        return str(line.amount)
    text = f"{plain(line.quantity)} × {plain(line.unit_price)} = {line.amount}"
    parts = (line.description, line.bundle_item_id and line.part_description)
    words = ", ".join(part for part in parts if part)
    named = f" [{line.class_name}]" if line.class_name else ""
    return (f"{words}: {text}" if words else text) + named


def body(row: InvoiceRow, lines: Sequence[InvoiceLineRow]) -> dict[str, Any]:
    """What QuickBooks' POST /invoice takes; members without a value are left out."""
    customer = row.customer_id or {REFERENCE: row.customer_change_key}
    whole: dict[str, Any] = {
        "CustomerRef": {"value": customer},
        "CurrencyRef": {"value": row.currency_code},
        "ExchangeRate": row.exchange_rate and plain(row.exchange_rate),
        "DocNumber": row.document_number,
        "TxnDate": row.invoice_on.isoformat(),
        "Line": list(_lines(lines)),
        "PrivateNote": row.private_note[:4000],
        "SalesTermRef": _reference(row.term_id),
        "ClassRef": _reference(row.class_id),
        "DepartmentRef": _reference(row.location_id),
        "BillEmail": row.bill_email and {"Address": row.bill_email},
        "EmailStatus": row.email_status,
        "GlobalTaxCalculation": _tax_calculation(lines),
        # What is not paid is not taxed (quickbooks_api 3.3: false taxes the amount before it).
        "ApplyTaxAfterDiscount": any(line.line_kind == ON_INVOICE for line in lines),
        "TxnTaxDetail": _tax_detail(row, lines),
        "CustomField": _custom_fields(row),
        # QuickBooks closes the estimate, so that nobody makes a second invoice of it.
        "LinkedTxn": row.estimate_id and [{"TxnId": row.estimate_id, "TxnType": ESTIMATE}],
    }
    return {name: value for name, value in whole.items() if value}


def _reference(record_id: str | None) -> dict[str, str] | None:
    return {"value": record_id} if record_id else None


def _lines(lines: Sequence[InvoiceLineRow]) -> Iterator[dict[str, Any]]:
    """Each line; of a bundle one with its parts, whose amounts the vendor adds up by itself."""
    for _, parts in groupby(lines, key=lambda line: (line.line_number, line.line_kind)):
        group = list(parts)
        if group[0].line_kind == ON_INVOICE:
            yield _discount(group[0])
        elif group[0].bundle_item_id:
            yield _bundle(group)
        else:
            yield _line(group[0], group[0].description)


def _discount(line: InvoiceLineRow) -> dict[str, Any]:
    """The one discount of the whole: above zero, taken off by the vendor (quickbooks_api 3.3)."""
    account = _reference(line.discount_account_id)
    detail: dict[str, Any] = {"PercentBased": False}
    return {
        "DetailType": "DiscountLineDetail",
        "Amount": -line.amount,
        "DiscountLineDetail": detail | ({"DiscountAccountRef": account} if account else {}),
    }


def _bundle(parts: Sequence[InvoiceLineRow]) -> dict[str, Any]:
    first = parts[0]
    detail = {
        "GroupItemRef": {"value": first.bundle_item_id},
        "Quantity": plain(first.bundle_quantity or Decimal(1)),
        "Line": [_line(part, part.part_description) for part in parts],
    }
    whole: dict[str, Any] = {
        "DetailType": "GroupLineDetail",
        "Description": first.description and first.description[:4000],
        "GroupLineDetail": detail,
    }
    return {name: value for name, value in whole.items() if value}


def _line(line: InvoiceLineRow, words: str | None) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "ItemRef": {"value": line.item_id},
        "Qty": plain(line.quantity),
        "UnitPrice": plain(line.unit_price),
        "TaxCodeRef": _reference(line.tax_code_id),
        "ClassRef": _reference(line.class_id),
        "ServiceDate": line.service_on and line.service_on.isoformat(),
    }
    whole: dict[str, Any] = {
        "DetailType": "SalesItemLineDetail",
        "Amount": line.amount,
        "Description": words and words[:4000],
        "SalesItemLineDetail": {n: v for n, v in detail.items() if v is not None and v != ""},
    }
    return {name: value for name, value in whole.items() if value is not None and value != ""}


def _tax_calculation(lines: Sequence[InvoiceLineRow]) -> str | None:
    """Outside the US a document says whether its prices include tax; ours never do."""
    codes = {line.tax_code_id for line in lines} - {None}
    return "TaxExcluded" if codes - US_TAX_CODES else None


def _tax_detail(
    row: InvoiceRow, lines: Sequence[InvoiceLineRow]
) -> dict[str, dict[str, str]] | None:
    """In the US TAX on a line only says that it is taxed; the code is the document's
    (quickbooks_api: TxnTaxDetail.TxnTaxCodeRef)."""
    if row.tax_code_id is None or all(line.tax_code_id != "TAX" for line in lines):
        return None
    return {"TxnTaxCodeRef": {"value": row.tax_code_id}}


def _custom_fields(row: InvoiceRow) -> list[dict[str, str]]:
    """The company's own fields of the form; the mart has checked that they are there and long
    enough."""
    return list(from_json(row.custom_fields)) if row.custom_fields else []
