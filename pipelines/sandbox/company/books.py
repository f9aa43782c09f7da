"""A QuickBooks company's books: documents, payments, and the sums QuickBooks computes from them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.sandbox.company.catalogue import Product
from pipelines.sandbox.company.dates import AS_OF, at_work
from pipelines.sandbox.company.ids import Serial
from pipelines.sandbox.company.money import ZERO, cents, total
from pipelines.sandbox.company.people import Contact, Firm, Place

DEAL_FIELD, PO_FIELD = "Salesforce Deal", "PO Number"


@dataclass(frozen=True)
class Item:
    """An item of one company."""

    item_id: str
    name: str
    sku: str | None
    kind: str
    price: Decimal
    description: str
    product: Product | None = None
    category: str | None = None
    is_active: bool = True


@dataclass(frozen=True)
class Term:
    """Payment terms."""

    term_id: str
    name: str
    days: int


@dataclass(frozen=True)
class TaxCode:
    """A tax code with its one rate."""

    code_id: str
    name: str
    description: str
    rate_id: str
    rate_name: str
    percent: Decimal


@dataclass(eq=False)
class Customer:
    """A customer; `firm` is the account it truly is, which QuickBooks does not know."""

    customer_id: str
    firm: Firm | None
    display_name: str
    company_name: str | None
    contact: Contact
    email: str | None
    phone: str | None
    place: Place | None
    currency: str
    term: Term
    tax: TaxCode | None
    created_at: datetime
    parent: Customer | None = None
    is_active: bool = True
    notes: str | None = None


@dataclass(frozen=True)
class DocLine:
    """A sales line of a document."""

    item: Item
    description: str
    amount: Decimal
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    is_taxable: bool = True
    service_on: date | None = None


@dataclass(eq=False)
class Payment:
    """Money received, or (amount 0) the act of applying a credit memo."""

    customer: Customer
    paid_on: date
    amount: Decimal
    applied: list[tuple[Document, Decimal]] = field(default_factory=list)
    reference: str = ""
    method: str = "1"
    payment_id: str = ""
    at: datetime | None = None

    @property
    def unapplied(self) -> Decimal:
        """What is left of the amount after its applications (credit memos count as money)."""
        spent = total([part for doc, part in self.applied if doc.kind == "Invoice"])
        credit = total([part for doc, part in self.applied if doc.kind == "CreditMemo"])
        return self.amount + credit - spent


@dataclass(eq=False)
class Document:
    """An invoice, estimate, credit memo, sales receipt or refund receipt."""

    kind: str
    customer: Customer
    txn_on: date
    lines: list[DocLine]
    discount: Decimal = ZERO
    discount_percent: Decimal | None = None
    shipping: Decimal = ZERO
    tax: TaxCode | None = None
    custom: dict[str, str] = field(default_factory=dict)
    note: str = ""
    term: Term | None = None
    due_on: date | None = None
    currency: str = ""
    rate: Decimal = Decimal(1)
    status: str = ""
    estimate: Document | None = None
    invoice: Document | None = None
    doc_id: str = ""
    number: str = ""
    at: datetime | None = None
    edited_at: datetime | None = None
    voided_at: datetime | None = None
    deleted_at: datetime | None = None
    payments: list[tuple[Payment, Decimal]] = field(default_factory=list)
    is_payable: bool = True

    @property
    def net(self) -> Decimal:
        """Lines less discount, without tax and shipping."""
        return total([line.amount for line in self.lines]) - self.discount

    @property
    def taxable(self) -> Decimal:
        """The amount the tax is a percentage of.

        US: the lines marked taxable, not reduced by the discount (ApplyTaxAfterDiscount false).
        Elsewhere: everything, the discount taken off and shipping added.
        """
        if self.tax is None:
            return ZERO
        if self.is_sales_tax:
            return total([line.amount for line in self.lines if line.is_taxable])
        return self.net + self.shipping

    @property
    def is_sales_tax(self) -> bool:
        """Whether the tax is US sales tax."""
        return self.tax is not None and self.tax.description == "sales tax"

    @property
    def tax_amount(self) -> Decimal:
        """The tax, to the cent."""
        return cents(self.taxable * self.tax.percent / 100) if self.tax else ZERO

    @property
    def total(self) -> Decimal:
        """TotalAmt of a living document."""
        return self.net + self.shipping + self.tax_amount

    @property
    def balance(self) -> Decimal:
        """What is still open (for a credit memo: what is left to apply)."""
        if self.kind in ("SalesReceipt", "RefundReceipt") or not self.is_live:
            return ZERO
        return self.total - total([part for _, part in self.payments])

    @property
    def is_live(self) -> bool:
        """Neither voided nor deleted."""
        return self.voided_at is None and self.deleted_at is None

    @property
    def paid_on(self) -> date | None:
        """The day of the last payment applied."""
        return max((payment.paid_on for payment, _ in self.payments), default=None)


@dataclass(eq=False)
class Books:
    """One QuickBooks company."""

    realm_id: str
    name: str
    country: str
    home_currency: str
    offset_hours: int
    terms: tuple[Term, ...]
    tax_codes: tuple[TaxCode, ...]
    rng: random.Random
    items: list[Item] = field(default_factory=list)
    customers: list[Customer] = field(default_factory=list)
    vendors: list[tuple[str, str]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    names: Serial = field(default_factory=Serial)
    first_number: int = 10001
    _display_names: set[str] = field(default_factory=set)

    def at(self, day: date) -> datetime:
        """A moment of a day at which this company's bookkeepers work."""
        return at_work(self.rng, day, 9 if self.offset_hours >= 0 else 16)

    def free_name(self, wanted: str) -> str:
        """A display name no customer or vendor has yet: the wanted one, or with a number."""
        name, serial = wanted, 2
        while name.casefold() in self._display_names:
            name, serial = f"{wanted} {serial}", serial + 1
        self._display_names.add(name.casefold())
        return name

    def item_for(self, product: Product) -> Item:
        """The item of a mapped product."""
        return next(item for item in self.items if item.product is product)

    def item_named(self, name: str) -> Item:
        """An item by name."""
        return next(item for item in self.items if item.name == name)

    def new_document(
        self, kind: str, customer: Customer, txn_on: date, lines: Sequence[DocLine]
    ) -> Document:
        """Write a document with the customer's terms, currency and tax."""
        document = Document(kind, customer, txn_on, list(lines), tax=customer.tax)
        document.currency = customer.currency
        document.rate = exchange_rate(self, customer.currency, txn_on)
        document.at = self.at(txn_on)
        if kind == "Invoice":
            document.term = customer.term
            document.due_on = txn_on + timedelta(days=customer.term.days)
        self.documents.append(document)
        return document

    def receive(
        self, customer: Customer, paid_on: date, amount: Decimal,
        applied: Sequence[tuple[Document, Decimal]],
    ) -> Payment:  # fmt: skip
        """Record a payment and apply it."""
        payment = Payment(customer, paid_on, amount, list(applied))
        payment.at = self.at(paid_on)
        payment.reference = str(self.rng.randrange(1000, 99999))
        payment.method = self.rng.choice(("1", "2", "3"))
        for document, part in applied:
            document.payments.append((payment, part))
        self.payments.append(payment)
        return payment

    def number_everything(self) -> None:
        """Give ids and document numbers in order of time, as if entered day by day."""
        order = {"Estimate": 0, "Invoice": 1, "SalesReceipt": 2, "CreditMemo": 3}
        self.documents.sort(key=lambda doc: (doc.txn_on, order.get(doc.kind, 4)))
        self.payments.sort(key=lambda payment: payment.paid_on)
        ids, sales, estimates = Serial(101), Serial(self.first_number), Serial(1001)
        waiting = list(self.payments)
        for document in self.documents:
            while waiting and waiting[0].paid_on < document.txn_on:
                waiting.pop(0).payment_id = ids.next()
            document.doc_id = ids.next()
            document.number = (estimates if document.kind == "Estimate" else sales).next()
        for payment in waiting:
            payment.payment_id = ids.next()


def balance_of(books: Books, customer: Customer) -> Decimal:
    """A customer's balance: open invoices less unapplied credit and unapplied money."""
    mine = [doc for doc in books.documents if doc.customer is customer]
    owed = total([doc.balance for doc in mine if doc.kind == "Invoice"])
    credit = total([doc.balance for doc in mine if doc.kind == "CreditMemo"])
    spare = [payment.unapplied for payment in books.payments if payment.customer is customer]
    return owed - credit - total(spare)


def exchange_rate(books: Books, currency: str, day: date) -> Decimal:
    """Home units per unit of a currency in the month of a day (an invented, smooth series)."""
    if currency == books.home_currency:
        return Decimal(1)
    base = {"EUR": Decimal("0.8520"), "USD": Decimal("0.7810")}[currency]
    months = (AS_OF.year - day.year) * 12 + AS_OF.month - day.month
    return base + Decimal("0.0017") * (months % 7) - Decimal("0.0011") * (months % 5)
