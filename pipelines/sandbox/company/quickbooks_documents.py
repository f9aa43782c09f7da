"""Sales documents and payments as QuickBooks API objects."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from pipelines.sandbox.company.books import (
    Books,
    DocLine,
    Document,
    Payment,
    exchange_rate,
)
from pipelines.sandbox.company.dates import (
    quickbooks_time,
)
from pipelines.sandbox.company.money import ZERO, cents, total
from pipelines.sandbox.company.quickbooks_parts import (
    CUSTOM_FIELDS,
    DEPOSIT_TO,
    DISCOUNT_ACCOUNT,
    METHODS,
    Record,
    address,
    currency_ref,
    ref,
    system_members,
)


def _line_tax(document: Document, line: DocLine | None) -> str:
    if document.tax is None or document.is_sales_tax:
        taxed = document.is_sales_tax and line is not None and line.is_taxable
        return "TAX" if taxed else "NON"
    return document.tax.code_id


def _sales_line(document: Document, line: DocLine, at: int) -> Record:
    void = document.voided_at is not None
    detail: Record = {"ItemRef": ref(line.item.item_id, line.item.name)}
    if void:
        detail["Qty"] = Decimal(0)
    elif line.quantity is not None:
        detail |= {"UnitPrice": line.unit_price, "Qty": line.quantity}
    detail["TaxCodeRef"] = {"value": _line_tax(document, line)}
    if line.service_on:
        detail["ServiceDate"] = line.service_on.isoformat()
    record: Record = {
        "Id": str(at + 1),
        "LineNum": at + 1,
        "Description": line.description,
        "Amount": ZERO if void else line.amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }
    if document.estimate:
        record["LinkedTxn"] = [{"TxnId": document.estimate.doc_id, "TxnType": "Estimate"}]
    return record


def _subtotal_line(document: Document) -> Record:
    amount = total([line.amount for line in document.lines])
    return {
        "Amount": ZERO if document.voided_at else amount,
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }


def _discount_line(document: Document) -> Record:
    detail: Record = {"PercentBased": document.discount_percent is not None}
    if document.discount_percent is not None:
        detail["DiscountPercent"] = document.discount_percent
    return {
        "Amount": ZERO if document.voided_at else document.discount,
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {**detail, "DiscountAccountRef": DISCOUNT_ACCOUNT},
    }


def _shipping_line(document: Document) -> Record:
    return {
        "Amount": document.shipping,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": "SHIPPING_ITEM_ID"},
            "TaxCodeRef": {"value": _line_tax(document, None)},
        },
    }


def _lines(document: Document) -> list[Record]:
    """In the vendor's order: item lines, subtotal, discount, shipping."""
    records = [_sales_line(document, line, at) for at, line in enumerate(document.lines)]
    records.append(_subtotal_line(document))
    if document.discount:
        records.append(_discount_line(document))
    if document.shipping:
        records.append(_shipping_line(document))
    return records


def _tax_detail(document: Document) -> Record:
    tax = document.tax
    if tax is None or document.voided_at or (document.is_sales_tax and not document.taxable):
        return {"TotalTax": ZERO}
    line = {
        "Amount": document.tax_amount,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": tax.rate_id},
            "PercentBased": True,
            "TaxPercent": tax.percent,
            "NetAmountTaxable": document.taxable,
        },
    }
    detail: Record = {"TotalTax": document.tax_amount, "TaxLine": [line]}
    return {"TxnTaxCodeRef": {"value": tax.code_id}, **detail} if document.is_sales_tax else detail


def _custom(document: Document) -> list[Record]:
    fields = []
    for definition, name in CUSTOM_FIELDS:
        field = {"DefinitionId": definition, "Name": name, "Type": "StringType"}
        if name in document.custom:
            field["StringValue"] = document.custom[name]
        fields.append(field)
    return fields


def _money(books: Books, document: Document) -> Record:
    """Currency and, where several are in use, the rate and home amounts."""
    record: Record = {"CurrencyRef": currency_ref(document.currency)}
    gross = ZERO if document.voided_at else document.total
    if books.country == "GB":
        record["ExchangeRate"] = document.rate
        record["HomeTotalAmt"] = cents(gross * document.rate)
    return record


def _changes(document: Document) -> tuple[datetime, int]:
    """When a document last changed, and how often: payments count as changes of the invoice."""
    assert document.at is not None
    moments = [payment.at for payment, _ in document.payments if payment.at]
    moments += [at for at in (document.edited_at, document.voided_at) if at]
    if document.invoice and document.invoice.at:
        moments.append(document.invoice.at)
    return max([document.at, *moments]), len(moments)


def _links(document: Document) -> list[Record]:
    if document.voided_at:
        return []
    links = [
        {"TxnId": payment.payment_id, "TxnType": "Payment"} for payment, _ in document.payments
    ]
    if document.estimate:
        links.append({"TxnId": document.estimate.doc_id, "TxnType": "Estimate"})
    if document.invoice:
        links.append({"TxnId": document.invoice.doc_id, "TxnType": "Invoice"})
    return links


def _note(document: Document) -> str | None:
    if document.voided_at:
        return f"Voided - {document.note}" if document.note else "Voided"
    return document.note or None


def _document(books: Books, document: Document) -> Record:
    """The members that all sales documents share."""
    assert document.at is not None
    updated, changes = _changes(document)
    customer = document.customer
    record: Record = {
        **system_members(books, document.doc_id, document.at, updated, changes),
        "CustomField": _custom(document),
        "DocNumber": document.number,
        "TxnDate": document.txn_on.isoformat(),
        **_money(books, document),
        "PrivateNote": _note(document),
        "LinkedTxn": _links(document),
        "Line": _lines(document),
        "TxnTaxDetail": _tax_detail(document),
        "CustomerRef": ref(customer.customer_id, customer.display_name),
        "BillAddr": address(30000 + int(document.doc_id), customer),
        "TotalAmt": ZERO if document.voided_at else document.total,
        "ApplyTaxAfterDiscount": books.country == "GB",
        "PrintStatus": "NotSet",
        "EmailStatus": "EmailSent" if int(document.doc_id) % 5 < 3 and customer.email else "NotSet",
        "BillEmail": {"Address": customer.email} if customer.email else None,
    }
    if books.country == "GB":
        record["GlobalTaxCalculation"] = "TaxExcluded"
    return record


def _invoice(books: Books, document: Document) -> Record:
    assert document.due_on is not None and document.term is not None
    record = _document(books, document)
    record |= {
        "AllowIPNPayment": False,
        "AllowOnlinePayment": False,
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
        "SalesTermRef": ref(document.term.term_id, document.term.name),
        "DueDate": document.due_on.isoformat(),
        "CustomerMemo": {"value": "Thank you for choosing Brightwater Instruments."},
        "Balance": document.balance,
    }
    if books.country == "GB":
        record["HomeBalance"] = cents(document.balance * document.rate)
    return record


def _credit_memo(books: Books, document: Document) -> Record:
    left = document.balance
    return _document(books, document) | {"RemainingCredit": left, "Balance": left}


def _estimate(books: Books, document: Document) -> Record:
    record = _document(books, document) | {"TxnStatus": document.status}
    expires = document.txn_on + timedelta(days=45)
    return record | {"ExpirationDate": expires.isoformat()}


def _receipt(books: Books, document: Document) -> Record:
    return _document(books, document) | {
        "Balance": ZERO,
        "DepositToAccountRef": DEPOSIT_TO if document.kind == "SalesReceipt"
        else ref("1", "Checking"),
        "PaymentMethodRef": ref("2", "Check"),
    }  # fmt: skip


_RENDER = {
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "Estimate": _estimate,
    "SalesReceipt": _receipt,
    "RefundReceipt": _receipt,
}


def _payment(books: Books, payment: Payment) -> Record:
    assert payment.at is not None
    customer = payment.customer
    lines = [
        {"Amount": part, "LinkedTxn": [{"TxnId": document.doc_id, "TxnType": document.kind}]}
        for document, part in payment.applied
    ]
    record: Record = {
        **system_members(books, payment.payment_id, payment.at),
        "TxnDate": payment.paid_on.isoformat(),
        "CurrencyRef": currency_ref(customer.currency),
        "CustomerRef": ref(customer.customer_id, customer.display_name),
        "TotalAmt": payment.amount,
        "UnappliedAmt": payment.unapplied,
        "ProcessPayment": False,
        "LinkedTxn": [],
        "Line": lines,
    }
    if payment.amount:
        name = dict(METHODS)[payment.method]
        record |= {
            "DepositToAccountRef": DEPOSIT_TO,
            "PaymentMethodRef": ref(payment.method, name),
            "PaymentRefNum": payment.reference,
        }
    if books.country == "GB":
        record["ExchangeRate"] = exchange_rate(books, customer.currency, payment.paid_on)
    return record


def document_records(books: Books) -> dict[str, list[Record]]:
    """Sales documents and payments by entity; deleted ones are left out."""
    records: dict[str, list[Record]] = {kind: [] for kind in _RENDER}
    for document in books.documents:
        if document.deleted_at is None:
            record = _RENDER[document.kind](books, document)
            kept = {key: value for key, value in record.items() if value is not None}
            records[document.kind].append(kept)
    return records | {"Payment": [_payment(books, payment) for payment in books.payments]}


def deleted_stubs(books: Books) -> list[Record]:
    """What change data capture says about documents that are gone."""
    return [
        {
            "entity": document.kind,
            "Id": document.doc_id,
            "MetaData": {
                "LastUpdatedTime": quickbooks_time(document.deleted_at, books.offset_hours)
            },
        }
        for document in books.documents
        if document.deleted_at
    ]
