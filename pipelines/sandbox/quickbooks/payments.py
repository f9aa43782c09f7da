"""Payments, and credits applied through them: what they settle and what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ground_rules import (
    refuse_closed_period,
    voided_note,
    with_currency,
    with_deposit_account,
)
from pipelines.sandbox.quickbooks.intake import Draft, real_links
from pipelines.sandbox.quickbooks.postings import (
    open_amount,
    post,
    store_document,
    with_home_amounts,
)
from pipelines.sandbox.quickbooks.references import with_resolved
from pipelines.sandbox.quickbooks.refusals import business, cannot_link, missing, not_found
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

RETAINED = ("CurrencyRef", "DepositToAccountRef")
SETTLED = ("Invoice", "CreditMemo")
COMPUTED = ("LinkedTxn",)
Target = tuple[str, str]


def applied_to(invoice: Record | None) -> Decimal:
    """How much of an invoice has been settled, beside its deposit."""
    if invoice is None:
        return ZERO
    owed = amount_of(invoice, "TotalAmt") - amount_of(invoice, "Deposit")
    return owed - amount_of(invoice, "Balance")


def applications(payment: Record | None) -> dict[Target, Decimal]:
    """What a payment's lines apply to which document; the amounts are positive for both kinds."""
    found: dict[Target, Decimal] = {}
    for line in (payment or {}).get("Line", ()):
        for link in line.get("LinkedTxn", ())[:1]:
            target = (str(link.get("TxnType")), str(link.get("TxnId")))
            found[target] = found.get(target, ZERO) + amount_of(line, "Amount")
    return found


# ---- building


def build_payment(books: Books, draft: Draft) -> Record:
    """A payment as it would be stored.

    Raises:
        Refusal: any rule of the books.
    """
    record = {k: v for k, v in draft.base(RETAINED).items() if k not in COMPUTED}
    record["TxnDate"] = record.get("TxnDate") or books.today()
    refuse_closed_period(books, record, draft.before)
    record = with_resolved(books, "Payment", record, draft.before)
    record = with_currency(books, record, draft)
    record["Line"] = [_line(line) for line in record.get("Line", ())]
    record["ProcessPayment"] = bool(record.get("ProcessPayment", False))
    record = with_deposit_account(books, record, draft)
    if amount_of(record, "TotalAmt") < ZERO:
        raise business("Transaction amount must be 0 or greater.", "TotalAmt")
    _check_targets(books, record, draft.before)
    record["UnappliedAmt"] = _unapplied(record)
    return with_home_amounts(books, "Payment", {**record, "Line": _described(books, record)})


def _line(line: Record) -> Record:
    links = real_links(line.get("LinkedTxn", ()))
    if "Amount" not in line:
        raise missing("Line.Amount")
    if not links:
        raise missing("Line.LinkedTxn")
    return {"Amount": line["Amount"], "LinkedTxn": links}


def _unapplied(payment: Record) -> Decimal:
    """What is left: the money and the credits brought in, less what settles invoices.

    Raises:
        Refusal: 6000, more is applied than there is.
    """
    there = amount_of(payment, "TotalAmt")
    for (kind, _), amount in applications(payment).items():
        there += amount if kind == "CreditMemo" else -amount
    if there < ZERO:
        raise business("The amount applied is more than the amount received.", "Line.Amount")
    return cents(there)


def _check_targets(books: Books, payment: Record, before: Record | None) -> None:
    old = applications(before)
    for target, amount in applications(payment).items():
        document = _target(books, payment, target)
        free = amount_of(document, "Balance") + old.get(target, ZERO)
        if amount < ZERO or amount > free:
            raise business(
                f"You can't apply more than the open balance of the transaction: {free}.",
                "Line.Amount",
            )


def _target(books: Books, payment: Record, target: Target) -> Record:
    """A document that may be settled by this payment: it exists and is the customer's own."""
    kind, record_id = target
    if kind not in SETTLED:
        raise cannot_link(record_id)
    document = books.get(kind, record_id)
    if document is None:
        raise not_found()
    owner = ref_value(document, "CustomerRef")
    payer = ref_value(payment, "CustomerRef")
    if owner != payer and _bills_with(books, owner) != payer:
        raise cannot_link(record_id)
    return document


def _bills_with(books: Books, customer_id: str | None) -> str | None:
    """The parent that is billed for a sub-customer, if it is."""
    customer = books.get("Customer", customer_id or "") or {}
    return ref_value(customer, "ParentRef") if customer.get("BillWithParent") else None


def _described(books: Books, payment: Record) -> list[Record]:
    """The lines with LineEx, where the vendor tells number and open balance of the document."""
    return [{**line, "LineEx": _line_ex(books, line)} for line in payment["Line"]]


def _line_ex(books: Books, line: Record) -> Record:
    link = line["LinkedTxn"][0]
    document = books.get(str(link.get("TxnType")), str(link.get("TxnId"))) or {}
    pairs = {
        "txnId": str(link.get("TxnId")),
        "txnOpenBalance": str(amount_of(document, "Balance")),
        "txnReferenceNumber": str(document.get("DocNumber", "")),
    }
    return {"any": [_name_value(name, value) for name, value in pairs.items()]}


def _name_value(name: str, value: str) -> Record:
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }


# ---- life of a payment


def store_payment(
    books: Books, before: Record | None, after: Record, operation: str | None = None
) -> Record:
    """Keep a payment and settle, or free again, the documents it names."""
    store_document(books, "Payment", before, after, operation)
    _settle(books, after["Id"], applications(before), applications(after))
    return after


def delete_payment(books: Books, payment: Record) -> None:
    """Delete a payment; what it settled is open again."""
    _settle(books, payment["Id"], applications(payment), {})
    books.remove("Payment", payment)
    post(books, ref_value(payment, "CustomerRef"), -open_amount("Payment", payment))


def void_payment(books: Books, payment: Record) -> Record:
    """Void a payment: amounts zero, a note, what it settled is open again."""
    zero = {
        "PrivateNote": voided_note(payment),
        "Line": [],
        "TotalAmt": ZERO,
        "UnappliedAmt": ZERO,
    }
    after = with_home_amounts(books, "Payment", books.raised(payment, **zero))
    return store_payment(books, payment, after, "void")


def _settle(
    books: Books,
    payment_id: str,
    before: Mapping[Target, Decimal],
    after: Mapping[Target, Decimal],
) -> None:
    for target in {**before, **after}:
        difference = after.get(target, ZERO) - before.get(target, ZERO)
        if difference or (target in before) != (target in after):
            _apply(books, payment_id, target, difference, linked=target in after)


def _apply(
    books: Books, payment_id: str, target: Target, difference: Decimal, linked: bool
) -> None:
    """Change a document's balance and link; its SyncToken rises with it (field reports, 2026)."""
    kind, record_id = target
    document = books.get(kind, record_id)
    if document is None:
        return
    link = {"TxnId": payment_id, "TxnType": "Payment"}
    links = [known for known in document.get("LinkedTxn", ()) if known != link]
    rest = cents(amount_of(document, "Balance") - difference)
    changes: Record = {"Balance": rest, "LinkedTxn": [*links, link] if linked else links}
    if kind == "CreditMemo":
        changes["RemainingCredit"] = rest
    after = with_home_amounts(books, kind, books.raised(document, **changes))
    store_document(books, kind, document, after)


# ---- seen from the document


def payments_of(books: Books, document: Record) -> list[Record]:
    """The payments a document is linked to, oldest first."""
    links = document.get("LinkedTxn", ())
    ids = sorted(int(n["TxnId"]) for n in links if n.get("TxnType") == "Payment")
    found = (books.get("Payment", str(i)) for i in ids)
    return [payment for payment in found if payment is not None]


def unlink(books: Books, entity: str, record_id: str) -> None:
    """Take a document out of all payments; they keep the money as unapplied."""
    document = books.get(entity, record_id)
    for payment in payments_of(books, document or {}):
        kept = [line for line in payment["Line"] if (entity, record_id) not in _one(line)]
        _relined(books, payment, kept)


def give_back(books: Books, invoice_id: str, excess: Decimal) -> None:
    """Free a part of what payments settled of an invoice, the newest payment first."""
    document = books.get("Invoice", invoice_id)
    for payment in reversed(payments_of(books, document or {})):
        lines = []
        for line in payment["Line"]:
            hit = ("Invoice", invoice_id) in _one(line)
            freed = min(excess, amount_of(line, "Amount")) if hit else ZERO
            excess -= freed
            lines.append({**line, "Amount": cents(amount_of(line, "Amount") - freed)})
        _relined(books, payment, [line for line in lines if line["Amount"]])
        if not excess:
            return


def _one(line: Record) -> dict[Target, Decimal]:
    return applications({"Line": [line]})


def _relined(books: Books, payment: Record, lines: list[Record]) -> None:
    """The payment with other lines; without its credit memo it settles less."""
    lines = _within_means(amount_of(payment, "TotalAmt"), lines)
    after = books.raised(payment, Line=lines)
    after["UnappliedAmt"] = _unapplied(after)
    store_payment(books, payment, with_home_amounts(books, "Payment", after))


def _within_means(total: Decimal, lines: list[Record]) -> list[Record]:
    credits = [a for line in lines for (k, _), a in _one(line).items() if k == "CreditMemo"]
    means = total + sum(credits, ZERO)
    kept = []
    for line in lines:
        if "CreditMemo" not in {kind for kind, _ in _one(line)}:
            amount = min(means, amount_of(line, "Amount"))
            means -= amount
            line = {**line, "Amount": cents(amount)}
        kept.append(line)
    return [line for line in kept if line["Amount"]]
