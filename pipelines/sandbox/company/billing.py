"""Writes invoices for deals, and remembers what is true about them for the answer key."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.company import invoice_lines as write
from pipelines.sandbox.company.books import DEAL_FIELD, PO_FIELD, Books, DocLine, Document, Payment
from pipelines.sandbox.company.customers import Clientele
from pipelines.sandbox.company.dates import AS_OF, month_end
from pipelines.sandbox.company.deals import (
    Deal,
    DealDesk,
    Step,
)
from pipelines.sandbox.company.invoice_lines import Written
from pipelines.sandbox.company.people import UK, Firm


@dataclass(frozen=True)
class Finding:
    """One entry of the answer key, before documents have their ids.

    `is_core` marks the twelve classes that the key lists completely.
    """

    mismatch_class: str
    amount: Decimal
    currency: str
    note: str
    step: Step | None = None
    deal: Deal | None = None
    document: Document | None = None
    payment: Payment | None = None
    is_core: bool = True


@dataclass
class Truth:
    """What really happened: which invoice bills which step, and what is wrong."""

    links: list[tuple[Document, Step]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass
class Biller:
    """Writes invoices for deals."""

    rng: random.Random
    clientele: Clientele
    desk: DealDesk
    truth: Truth = field(default_factory=Truth)

    def books_of(self, deal: Deal) -> Books:
        """The books of the company that the routing rule gives: dollars in the US, else UK."""
        return self.clientele.books["us" if deal.currency == "USD" else UK]

    def bill(
        self, step: Step, written: Written | None = None, *, evidence: str = "",
        txn_on: date | None = None, firm: Firm | None = None, company: str = "",
        is_linked: bool = True,
    ) -> Document:  # fmt: skip
        """Invoice one step; what is not given is done the ordinary way."""
        deal = step.deal
        books = self.clientele.books[company] if company else self.books_of(deal)
        written = written or self.written(books, step)
        customer = self.clientele.customer(firm or deal.firm, company or self._company(deal))
        document = books.new_document(
            "Invoice", customer, txn_on or self.invoice_day(step), written.lines
        )
        document.discount = written.discount
        document.discount_percent = write.same_percent(deal.lines, document)
        self._mark(document, step, evidence or self._evidence(step))
        if is_linked:
            self.truth.links.append((document, step))
        return document

    def _company(self, deal: Deal) -> str:
        return "us" if deal.currency == "USD" else UK

    def written(self, books: Books, step: Step) -> Written:
        """A step's lines in one of the ways bookkeepers use."""
        deal = step.deal
        if step.count > 1:
            return write.part_of(books, step, step.amount)
        discounted = any(line.discount for line in deal.lines)
        if discounted and self.rng.random() < 0.6:
            return write.at_list_prices(books, deal.lines)
        return write.at_net_prices(books, deal.lines)

    def invoice_day(self, step: Step) -> date:
        """A few days after the step fell due, in the same month, never in the future."""
        lag = self.rng.choice((0, 0, 0, 1, 1, 2, 3, 5, 9))
        return min(step.due_on + timedelta(days=lag), month_end(step.due_on), AS_OF)

    def _evidence(self, step: Step) -> str:
        if step.count > 1:
            return "field"
        return self.rng.choice(("field",) * 11 + ("po",) * 5)

    def _mark(self, document: Document, step: Step, evidence: str) -> None:
        deal = step.deal
        whole = deal.deal_id if self.rng.random() < 0.7 else f"{deal.deal_id}/1"
        if evidence == "field":
            document.custom[DEAL_FIELD] = (
                whole if step.count == 1 else f"{deal.deal_id}/{step.number}"
            )
        if evidence == "po" and not deal.po_number:
            deal.po_number = self.desk.po_number()
        if evidence == "po" or (evidence == "field" and step.count == 1 and deal.po_number):
            document.custom[PO_FIELD] = str(deal.po_number)
        if evidence == "mark":
            document.note = f"Crossfoot {deal.deal_id}/{step.number}/g1"

    def find(
        self, mismatch_class: str, amount: Decimal, note: str, *, step: Step | None = None,
        document: Document | None = None, is_core: bool = True,
    ) -> None:  # fmt: skip
        """Note a finding for the answer key."""
        currency = document.currency if document else step.deal.currency if step else ""
        deal = step.deal if step else None
        self.truth.findings.append(
            Finding(mismatch_class, amount, currency, note, step, deal, document, is_core=is_core)
        )

    def credit(self, invoice: Document, net: Decimal, *, on: date, deal_id: str = "") -> Document:
        """Write a credit memo of a net amount, or of the whole invoice line by line."""
        first = max(invoice.lines, key=lambda line: line.amount)
        line = DocLine(first.item, f"Credit: {first.description}", net, Decimal(1), net,
                       first.is_taxable)  # fmt: skip
        in_full = net == invoice.net
        books = self._holder(invoice)
        lines = invoice.lines if in_full else [line]
        memo = books.new_document("CreditMemo", invoice.customer, on, lines)
        memo.tax = invoice.tax
        memo.discount = invoice.discount if in_full else memo.discount
        if deal_id:
            memo.custom[DEAL_FIELD] = deal_id
        return memo

    def apply(self, memo: Document, invoice: Document, on: date) -> None:
        """Apply a memo to an invoice through a payment of nothing."""
        part = min(memo.balance, invoice.balance)
        applied = [(invoice, part), (memo, part)]
        self._holder(invoice).receive(invoice.customer, on, Decimal("0.00"), applied)

    def _holder(self, document: Document) -> Books:
        return next(books for books in self.clientele.books.values() if document in books.documents)
