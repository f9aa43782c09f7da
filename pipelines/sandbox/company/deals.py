"""Deals (opportunities) with their lines, and the billing plan that follows from them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.company.catalogue import BOOKS, Catalogue, Entry, Product
from pipelines.sandbox.company.dates import add_months, day_between, weekday_on_or_before
from pipelines.sandbox.company.ids import SalesforceIds
from pipelines.sandbox.company.money import CENT, allocate, cents, total
from pipelines.sandbox.company.people import Firm

ON_CLOSE, DEPOSIT, MILESTONES, MONTHLY = (
    "On close",
    "Deposit 30/70",
    "Three milestones",
    "Monthly 12",
)
# plan -> (months after the close date, weight) per step
PLANS: dict[str, tuple[tuple[int, Decimal], ...]] = {
    ON_CLOSE: ((0, Decimal(100)),),
    DEPOSIT: ((0, Decimal(30)), (1, Decimal(70))),
    MILESTONES: ((0, Decimal(40)), (1, Decimal(30)), (2, Decimal(30))),
    MONTHLY: tuple((month, Decimal(1)) for month in range(12)),
}
WON, LOST = "Closed Won", "Closed Lost"
OPEN_STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review")
_QUANTITIES = {1: (1, 1, 1, 2, 2, 3, 4, 6), 20: (5, 10, 12, 24, 40), 1500: (500, 700, 1000, 3500)}
_DISCOUNTS = ("5", "7.5", "10", "12.5", "15", "33.33")
_PURPOSES = ("refit", "expansion", "replacement", "pilot line", "annual supply", "laboratory",
             "effluent monitoring", "quality programme", "new plant", "spare parts")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """An opportunity line; `total` is what Salesforce computes from the rest."""

    line_id: str
    entry: Entry
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal | None
    service_on: date | None

    @property
    def subtotal(self) -> Decimal:
        """Quantity times price, before the line's discount."""
        return cents(self.quantity * self.unit_price)

    @property
    def total(self) -> Decimal:
        """TotalPrice: quantity times price less discount, to the cent."""
        kept = Decimal(100) - (self.discount or 0)
        return cents(self.quantity * self.unit_price * kept / 100)


@dataclass(frozen=True)
class Event:
    """A row of the opportunity's history."""

    at_day: date
    stage: str
    amount: Decimal
    close_on: date


@dataclass(eq=False)
class Deal:
    """An opportunity. `treatment` says how the generator lets people bill it."""

    deal_id: str
    name: str
    firm: Firm
    currency: str
    treatment: str
    created_on: date
    closed_on: date
    stage: str
    plan: str | None
    book: str
    lines: tuple[Line, ...]
    po_number: str | None = None
    header_amount: Decimal | None = None
    events: list[Event] = field(default_factory=list)
    is_deleted: bool = False

    @property
    def basis(self) -> Decimal:
        """What is to be billed: the lines' total, or the amount where there are no lines."""
        return total([line.total for line in self.lines]) if self.lines else self.amount

    @property
    def amount(self) -> Decimal:
        """Opportunity.Amount."""
        if self.header_amount is not None:
            return self.header_amount
        return total([line.total for line in self.lines])


@dataclass(frozen=True)
class Step:
    """One step of a deal's billing plan."""

    deal: Deal
    number: int
    count: int
    due_on: date
    amount: Decimal


def steps_of(deal: Deal) -> list[Step]:
    """The billing plan by its rule; the steps add up to the basis to the cent."""
    rule = PLANS[deal.plan or ON_CLOSE]
    amounts = allocate(deal.basis, [weight for _, weight in rule])
    return [
        Step(deal, at + 1, len(rule), add_months(deal.closed_on, months), amounts[at])
        for at, (months, _) in enumerate(rule)
    ]


class Amounts:
    """Keeps the amounts billed to one account apart, so that only planned ones can be confused."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, set[Decimal]] = defaultdict(set)

    def are_free(self, account_id: str, amounts: Sequence[Decimal]) -> bool:
        """Whether no amount is within two cents of one already used for the account."""
        near = {amount + CENT * offset for amount in amounts for offset in range(-2, 3)}
        return near.isdisjoint(self._taken[account_id])

    def take(self, account_id: str, amounts: Sequence[Decimal]) -> None:
        """Remember amounts as used for the account."""
        self._taken[account_id].update(amounts)


@dataclass
class DealDesk:
    """Draws deals."""

    rng: random.Random
    ids: SalesforceIds
    catalogue: Catalogue
    amounts: Amounts = field(default_factory=Amounts)
    _po_numbers: set[str] = field(default_factory=set)

    def won(
        self, firm: Firm, treatment: str, closed_on: date, plan: str | None = None,
        *, currency: str = "", products: Sequence[Product] = (), shape: str = "any",
    ) -> Deal:  # fmt: skip
        """A won deal whose step amounts no other deal of the account has.

        `shape` asks for lines of a kind: `discounted`, `several`, `plain` or `free`.
        """
        while True:
            deal = self._draft(firm, treatment, closed_on, plan, currency, products, shape)
            wanted = [step.amount for step in steps_of(deal)]
            if shape == "free" or self.amounts.are_free(firm.account_id, wanted):
                self.amounts.take(firm.account_id, wanted)
                return deal

    def pursued(self, firm: Firm, stage: str, close_on: date) -> Deal:
        """An open or lost deal; it takes no amounts because it will not be billed."""
        deal = self._draft(firm, "pursued", close_on, None, "", (), "any")
        deal.stage = stage
        deal.events = story(self.rng, deal)
        return deal

    def _draft(
        self, firm: Firm, treatment: str, closed_on: date, plan: str | None, currency: str,
        products: Sequence[Product], shape: str,
    ) -> Deal:  # fmt: skip
        rng = self.rng
        book = rng.choice(BOOKS) if firm.role != "reseller" else BOOKS[2]
        currency = currency or firm.currency
        deal = Deal(
            deal_id=self.ids.next("006"),
            name=f"{firm.name[:70]} - {rng.choice(_PURPOSES)}",
            firm=firm,
            currency=currency,
            treatment=treatment,
            created_on=closed_on - timedelta(days=rng.randrange(20, 150)),
            closed_on=closed_on,
            stage=WON,
            plan=plan,
            book=book,
            lines=self._lines(book, currency, closed_on, products, shape),
            po_number=self.po_number() if rng.random() < 0.3 else None,
        )
        deal.events = story(rng, deal)
        return deal

    def po_number(self) -> str:
        """A purchase order number that no other deal has."""
        while True:
            number = f"PO-{self.rng.randrange(10000, 99999)}"
            if number not in self._po_numbers:
                self._po_numbers.add(number)
                return number

    def _lines(
        self, book: str, currency: str, closed_on: date, products: Sequence[Product], shape: str
    ) -> tuple[Line, ...]:
        rng = self.rng
        count = rng.choice((3, 4, 5)) if shape in ("several", "discounted") else rng.choice(
            (1, 1, 2, 2, 3, 4, 6))  # fmt: skip
        chosen = [*products, *rng.sample(self.catalogue.mapped, count)]
        entries = [self.catalogue.entry(book, product, currency) for product in chosen]
        lines = [self._line(entry, closed_on, shape) for entry in entries]
        if shape != "free" and total([line.total for line in lines]) < 100:
            return self._lines(book, currency, closed_on, products, shape)
        return tuple(lines)

    def _line(self, entry: Entry, closed_on: date, shape: str) -> Line:
        rng = self.rng
        price = entry.price
        if rng.random() < 0.1:
            price = cents(price * Decimal(rng.randrange(88, 108)) / 100) if price > 1 else price
        if shape == "free" or (shape == "any" and rng.random() < 0.03):
            price = Decimal(0)
        service_on = closed_on + timedelta(days=14) if entry.product.is_service else None
        return Line(
            self.ids.next("00k"), entry, self._quantity(entry.product), price,
            self._discount(shape), service_on,
        )  # fmt: skip

    def _quantity(self, product: Product) -> Decimal:
        rng = self.rng
        if (product.is_service and rng.random() < 0.5) or rng.random() < 0.03:
            return Decimal(rng.choice(("0.5", "1.25", "2.75", "3.5", "7.33")))
        return Decimal(rng.choice(_QUANTITIES[product.typical_quantity]))

    def _discount(self, shape: str) -> Decimal | None:
        if shape == "plain" or (shape == "any" and self.rng.random() < 0.72):
            return None
        return Decimal(self.rng.choice(_DISCOUNTS))


def story(rng: random.Random, deal: Deal) -> list[Event]:
    """The stages a deal went through, from its creation to its present stage."""
    stages = [*OPEN_STAGES[: rng.choice((2, 3, 4))], deal.stage]
    if deal.stage in OPEN_STAGES:
        stages = list(OPEN_STAGES[: OPEN_STAGES.index(deal.stage) + 1])
    last = deal.closed_on if deal.stage in (WON, LOST) else deal.created_on + timedelta(days=20)
    days = sorted(day_between(rng, deal.created_on, last) for _ in stages[1:-1])
    days = [deal.created_on, *days, last][: len(stages)]
    return [
        Event(day, stage, deal.amount, deal.closed_on)
        for day, stage in zip(days, stages, strict=True)
    ]


def workday(rng: random.Random, first: date, last: date) -> date:
    """A weekday between two days (the second may move to the Friday before it)."""
    return max(first, weekday_on_or_before(day_between(rng, first, last)))
