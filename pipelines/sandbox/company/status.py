"""What the status fields in Salesforce say, and where they lag behind QuickBooks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from pipelines.sandbox.company.billing import Biller, Truth
from pipelines.sandbox.company.books import Books, Customer, Document
from pipelines.sandbox.company.customers import Clientele
from pipelines.sandbox.company.dates import AS_OF, GO_LIVE
from pipelines.sandbox.company.deals import Deal
from pipelines.sandbox.company.money import ZERO, total
from pipelines.sandbox.company.people import Firm

_WORST_FIRST = ("Overdue", "Partially Paid", "Open", "Paid", "Voided")
# Nobody has filled these in: what they should say is part of a finding or of a repair.
_NEVER_FILLED = frozenset({
    "duplicate_same", "duplicate_part", "duplicate_unmarked", "wrong_customer", "wrong_currency",
    "wrong_entity", "lost_credited", "credited_marked", "credited_applied", "replaced", "split",
    "voided",
})  # fmt: skip


@dataclass(frozen=True)
class DealStatus:
    """The invoice fields of an opportunity."""

    invoice_key: str | None = None
    number: str | None = None
    status: str | None = None
    paid: Decimal | None = None
    due: Decimal | None = None
    due_on: date | None = None
    paid_on: date | None = None


@dataclass(frozen=True)
class AccountStatus:
    """The balance fields of an account."""

    customer_key: str | None = None
    open_balance: Decimal | None = None
    overdue_balance: Decimal | None = None
    open_credit: Decimal | None = None
    oldest_due_on: date | None = None
    last_payment_on: date | None = None


@dataclass
class Statuses:
    """The fields as they stand in Salesforce, and which of them lag behind."""

    deals: dict[str, DealStatus] = field(default_factory=dict)
    accounts: dict[str, AccountStatus] = field(default_factory=dict)
    stale_deals: list[Deal] = field(default_factory=list)
    stale_accounts: list[str] = field(default_factory=list)


def invoice_status(document: Document) -> str:
    """QuickBooks has no such field: derived from amounts, the note and the due date."""
    if document.voided_at:
        return "Voided"
    if document.balance == 0:
        return "Paid"
    if document.due_on and document.due_on < AS_OF:
        return "Overdue"
    return "Partially Paid" if document.balance < document.total else "Open"


def deal_status(realm_of: dict[Document, str], documents: Sequence[Document]) -> DealStatus:
    """The latest invoice's number, the sums over all of them, and the worst status."""
    last = documents[-1]
    live = [document for document in documents if document.is_live]
    worst = min((invoice_status(document) for document in documents), key=_WORST_FIRST.index)
    owed = total([document.balance for document in live])
    paid_on = max((doc.paid_on for doc in live if doc.paid_on), default=None)
    return DealStatus(
        invoice_key=f"{realm_of[last]}:{last.doc_id}",
        number=last.number,
        status=worst,
        paid=total([document.total for document in live]) - owed,
        due=owed,
        due_on=last.due_on,
        paid_on=paid_on if worst == "Paid" else None,
    )


def _before_payment(documents: Sequence[Document], now: DealStatus) -> DealStatus:
    gross = total([document.total for document in documents if document.is_live])
    return replace(now, status="Open", paid=ZERO, due=gross, paid_on=None)


def account_status(books: Books, customer: Customer) -> AccountStatus:
    """Open and overdue invoices of the customer, and when it last paid."""
    mine = [doc for doc in books.documents if doc.customer is customer and doc.kind == "Invoice"]
    owed = [document for document in mine if document.balance > 0]
    late = [document for document in owed if document.due_on and document.due_on < AS_OF]
    paid = [pay.paid_on for pay in books.payments if pay.customer is customer and pay.amount > 0]
    return AccountStatus(
        customer_key=f"{books.realm_id}:{customer.customer_id}",
        open_balance=total([document.balance for document in owed]),
        overdue_balance=total([document.balance for document in late]),
        open_credit=_open_credit(books, customer),
        oldest_due_on=min((doc.due_on for doc in owed if doc.due_on), default=None),
        last_payment_on=max(paid, default=None),
    )


def _open_credit(books: Books, customer: Customer) -> Decimal:
    memos = [
        d.balance for d in books.documents if d.kind == "CreditMemo" and d.customer is customer
    ]
    spare = [pay.unapplied for pay in books.payments if pay.customer is customer]
    return total([*memos, *spare])


def fill_statuses(rng: random.Random, biller: Biller, deals: Sequence[Deal],
                  firms: Sequence[Firm]) -> Statuses:  # fmt: skip
    """Fill most fields rightly; leave some empty and some as they were before the last payment."""
    statuses = Statuses()
    realm_of = {
        document: books.realm_id
        for books in biller.clientele.books.values()
        for document in books.documents
    }
    by_deal = _documents_by_deal(biller.truth)
    for deal in deals:
        if documents := by_deal.get(deal.deal_id):
            _fill_deal(rng, statuses, deal, documents, deal_status(realm_of, documents))
    for firm in firms:
        if firm.role == "linked":
            _fill_account(rng, statuses, biller.clientele, firm)
    return statuses


def _documents_by_deal(truth: Truth) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for document, step in truth.links:
        found.setdefault(step.deal.deal_id, []).append(document)
    for documents in found.values():
        documents.sort(key=lambda doc: (doc.txn_on, int(doc.doc_id)))
    return found


def _fill_deal(
    rng: random.Random, statuses: Statuses, deal: Deal, documents: Sequence[Document],
    now: DealStatus,
) -> None:  # fmt: skip
    recently_billed = deal.treatment == "billed" and deal.closed_on >= GO_LIVE
    recently_paid = now.paid_on is not None and now.paid_on >= date(2026, 10, 20)
    filled = now
    if deal.treatment == "deleted":
        filled = _before_payment(documents, now)
        only = documents[-1]
        filled = replace(filled, status="Open", due=only.total)
    elif deal.treatment in _NEVER_FILLED or (recently_billed and rng.random() < 0.3):
        filled = DealStatus()
    elif recently_paid and deal.treatment == "billed" and rng.random() < 0.4:
        filled = _before_payment(documents, now)
    statuses.deals[deal.deal_id] = filled
    if filled != now:
        statuses.stale_deals.append(deal)


def _fill_account(rng: random.Random, statuses: Statuses, clientele: Clientele, firm: Firm) -> None:
    books, customer = clientele.books[firm.company], clientele.customer(firm)
    now = account_status(books, customer)
    spare = any(pay.unapplied > 0 for pay in books.payments if pay.customer is customer)
    credit = any(
        doc.balance > 0 for doc in books.documents
        if doc.kind == "CreditMemo" and doc.customer is customer
    )  # fmt: skip
    # Whether credit counts against the open balance is for the sync to say, not for the sample.
    unclear = spare or credit or (firm.account_id, "uk") in clientele.of_account
    filled = now
    if (unclear and firm.company == "us") or rng.random() < 0.1:
        filled = AccountStatus(customer_key=now.customer_key)
    elif spare or credit or (now.last_payment_on and rng.random() < 0.1):
        filled = replace(now, open_balance=(now.open_balance or ZERO) + 100, last_payment_on=None)
    statuses.accounts[firm.account_id] = filled
    if filled != now:
        statuses.stale_accounts.append(firm.account_id)
