"""Which deals there are: the ordinary ones, and the ones that something happens to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pipelines.sandbox.company.catalogue import CURRENCY_RATES
from pipelines.sandbox.company.dates import AS_OF, GRACE_EDGE, HISTORY_FROM
from pipelines.sandbox.company.deals import (
    DEPOSIT,
    LOST,
    MILESTONES,
    MONTHLY,
    ON_CLOSE,
    OPEN_STAGES,
    Deal,
    DealDesk,
    workday,
)
from pipelines.sandbox.company.money import cents
from pipelines.sandbox.company.people import Firm

_OLD = (date(2024, 2, 1), date(2026, 8, 14))
_AUTUMN = (date(2026, 10, 2), date(2026, 11, 10))
_BEFORE_GO_LIVE = (date(2026, 2, 2), date(2026, 9, 10))


@dataclass(frozen=True)
class Part:
    """How many deals of a treatment to draw, for whom, closed when, under which plan.

    `of` filters firms: linked, american, british, european, taxable, matchable, create,
    ambiguous, reseller, internal.
    """

    treatment: str
    count: int
    of: str = "linked"
    window: tuple[date, date] = _OLD
    plan: str | None = None
    shape: str = "any"
    currency: str = ""
    product: str = ""


_PARTS = (
    # Billed wrongly, in one of the twelve ways that the answer key lists completely.
    Part("under_line_missing", 3, shape="several"),
    Part("under_discounted_twice", 2, shape="discounted"),
    Part("under_amended", 2, shape="several"),
    Part("over_discount_lost", 2, shape="discounted"),
    Part("over_price", 2, shape="plain"),
    Part("over_amended", 2, shape="several"),
    Part("duplicate_same", 4),
    Part("duplicate_part", 1, shape="several"),
    Part("duplicate_unmarked", 2),
    Part("wrong_customer", 4),
    Part("wrong_currency", 2, of="british", currency="EUR"),
    Part("wrong_currency", 1, of="european", currency="GBP"),
    Part("wrong_entity", 3, of="american"),
    Part("lost_after", 3),
    Part("reopened", 2),
    Part("lost_credited", 1),
    Part("credited_marked", 2),
    Part("credited_applied", 3),
    Part("voided", 3, window=_AUTUMN),
    Part("deleted", 2, window=_AUTUMN),
    Part("ambiguous", 4, window=(date(2026, 10, 5), date(2026, 10, 23)), shape="plain"),
    Part("unbilled_old", 10, window=_BEFORE_GO_LIVE),
    # Recent and not billed yet.
    Part("to_bill", 14, window=_AUTUMN),
    Part("to_bill", 3, window=(date(2026, 11, 16), date(2026, 11, 19))),
    Part("to_bill", 5, of="matchable", window=_AUTUMN),
    Part("to_bill", 3, window=(date(2026, 9, 7), date(2026, 9, 23)), plan=DEPOSIT),
    Part("to_bill", 1, window=(date(2026, 5, 4), date(2026, 5, 8)), plan=MONTHLY),
    Part("to_bill", 1, window=(date(2026, 7, 6), date(2026, 7, 10)), plan=MONTHLY),
    Part("to_bill", 1, window=(date(2026, 9, 2), date(2026, 9, 9)), plan=MILESTONES),
    Part("unmapped", 1, window=_AUTUMN, product="BW-AI-100"),
    Part("unmapped", 1, window=_AUTUMN, product="BW-AI-200"),
    Part("without_lines", 2, window=_AUTUMN),
    Part("ambiguous_customer", 3, of="ambiguous", window=_AUTUMN),
    Part("other_currency", 1, of="british", window=_AUTUMN, currency="EUR"),
    # Billed correctly in ways that look wrong.
    Part("replaced", 2),
    Part("split", 3),
    Part("early", 2, window=(date(2026, 11, 2), date(2026, 11, 6)), plan=DEPOSIT),
    # Findings that keep the amounts right.
    Part("wrong_product", 3),
    Part("prices_swapped", 3, shape="plain"),
    Part("rounded", 2, shape="several"),
    Part("late", 4),
    Part("next_period", 5),
    Part("terms", 3),
    Part("tax", 2, of="british"),
    Part("tax", 1, of="taxable", product="BW-PH-200"),
    Part("rate", 3, of="european"),
    Part("header", 3),
    Part("marked", 2, window=(date(2026, 10, 2), date(2026, 10, 20))),
    Part("edited", 2, window=(date(2026, 10, 2), date(2026, 10, 20))),
    Part("signed_off", 2, window=(date(2026, 3, 2), date(2026, 6, 12))),
    Part("excluded", 8, of="reseller"),
    Part("excluded", 3, of="internal"),
    Part("excluded", 4, shape="free"),
    # And the ordinary ones.
    Part("billed", 20, window=(date(2026, 10, 1), date(2026, 11, 6))),
    Part("billed", 28, plan=DEPOSIT),
    Part("billed", 20, plan=MILESTONES),
    Part("billed", 9, window=(date(2024, 2, 1), date(2026, 6, 30)), plan=MONTHLY),
    Part("billed", 70, of="matchable"),
    Part("billed", 350),
)
# Deals whose own step must be the only one of its amount are drawn as usual; these share one.
_SHARED_AMOUNT = "ambiguous"


@dataclass
class Cast:
    """All deals, and the groups of deals that share an amount on purpose."""

    deals: list[Deal] = field(default_factory=list)
    look_alikes: list[list[Deal]] = field(default_factory=list)


class Chooser:
    """Picks firms for deals, so that special treatments do not pile up on one firm."""

    def __init__(self, rng: random.Random, firms: Sequence[Firm]) -> None:
        self._rng = rng
        self._firms = firms
        self._spent: set[str] = set()

    def pick(self, part: Part) -> Firm:
        """A firm for a part; each firm has one special treatment at most while enough are left."""
        fitting = [firm for firm in self._firms if _fits(firm, part.of)]
        if part.treatment == "billed":
            return self._rng.choice(fitting)
        fresh = [firm for firm in fitting if firm.account_id not in self._spent] or fitting
        firm = self._rng.choice(fresh)
        self._spent.add(firm.account_id)
        return firm


def _fits(firm: Firm, of: str) -> bool:
    if of in ("matchable", "create", "ambiguous", "reseller", "internal"):
        return firm.role == of
    if firm.role != "linked" or firm.is_person:
        return False
    return {
        "linked": True,
        "american": firm.currency == "USD" and not firm.resembles,
        "british": firm.currency == "GBP",
        "european": firm.currency == "EUR",
        "taxable": firm.place.state in ("CA", "WA"),
    }[of]


def _closing(rng: random.Random, part: Part) -> date:
    while True:
        day = workday(rng, *part.window)
        if part.treatment == "next_period":
            day = day.replace(day=27)
        if day not in GRACE_EDGE:
            return day


def _plan(rng: random.Random, part: Part) -> str | None:
    return part.plan or rng.choice((ON_CLOSE, ON_CLOSE, None))


def _deals_of(desk: DealDesk, chooser: Chooser, part: Part) -> list[Deal]:
    rng = desk.rng
    products = [desk.catalogue.by_code(part.product)] if part.product else []
    return [
        desk.won(
            chooser.pick(part), part.treatment, _closing(rng, part), _plan(rng, part),
            currency=part.currency, products=products, shape=part.shape,
        )
        for _ in range(part.count)
    ]  # fmt: skip


def _twin_of(desk: DealDesk, deal: Deal, days: int) -> Deal:
    """Another deal of the same account, with the same goods at the same price."""
    twin = desk.pursued(deal.firm, deal.stage, deal.closed_on + timedelta(days=days))
    twin.treatment, twin.plan, twin.book = deal.treatment, ON_CLOSE, deal.book
    twin.lines = tuple(
        type(line)(desk.ids.next("00k"), line.entry, line.quantity, line.unit_price,
                   line.discount, line.service_on)
        for line in deal.lines
    )  # fmt: skip
    twin.header_amount = deal.header_amount
    twin.po_number = None
    twin.events = [type(event)(event.at_day, event.stage, twin.amount, event.close_on)
                   for event in twin.events]  # fmt: skip
    return twin


def _deals_for_new_customers(desk: DealDesk, firms: Sequence[Firm]) -> list[Deal]:
    """Every account without a customer has won one deal, two of them a second one."""
    new = [firm for firm in firms if firm.role == "create"]
    part = Part("to_bill", 1, of="create", window=_AUTUMN)
    return [
        desk.won(firm, "to_bill", _closing(desk.rng, part), ON_CLOSE) for firm in [*new, *new[:2]]
    ]


def _without_lines(desk: DealDesk, deal: Deal) -> None:
    deal.header_amount = desk.rng.randrange(1200, 9000) * CURRENCY_RATES["USD"] + cents(deal.basis)
    deal.lines = ()
    deal.events = [type(event)(event.at_day, event.stage, deal.amount, event.close_on)
                   for event in deal.events]  # fmt: skip
    desk.amounts.take(deal.firm.account_id, [deal.basis])


def _open_and_lost(desk: DealDesk, firms: Sequence[Firm]) -> list[Deal]:
    """The pipeline: deals in every open stage, and the lost ones."""
    rng = desk.rng
    able = [firm for firm in firms if firm.role not in ("internal", "create")]
    deals = []
    for at in range(430):
        stage = LOST if at % 5 < 3 else rng.choice(OPEN_STAGES)
        window = (HISTORY_FROM, AS_OF) if stage == LOST else (AS_OF - timedelta(30), _LAST_CLOSE)
        deal = desk.pursued(rng.choice(able), stage, workday(rng, *window))
        if rng.random() < 0.15:
            _without_lines(desk, deal)
        deals.append(deal)
    return deals


_LAST_CLOSE = date(2027, 4, 30)


def cast_deals(desk: DealDesk, firms: Sequence[Firm]) -> Cast:
    """Every deal of the company, the special ones first."""
    chooser = Chooser(desk.rng, firms)
    cast = Cast()
    for part in _PARTS:
        for deal in _deals_of(desk, chooser, part):
            group = [deal]
            if part.treatment == _SHARED_AMOUNT:
                # The fourth invoice has three deals to choose from, the others two.
                extra = 2 if len(cast.look_alikes) == 3 else 1
                group += [_twin_of(desk, deal, 3 * (at + 1)) for at in range(extra)]
                cast.look_alikes.append(group)
            if part.treatment == "without_lines":
                _without_lines(desk, deal)
            cast.deals += group
    cast.deals += _deals_for_new_customers(desk, firms)
    cast.deals += _open_and_lost(desk, firms)
    _delete_some(desk, cast)
    return cast


def _delete_some(desk: DealDesk, cast: Cast) -> None:
    """A few deals in the recycle bin; nobody bills those."""
    for deal in [deal for deal in cast.deals if deal.treatment == "pursued"][:3]:
        deal.is_deleted = True
