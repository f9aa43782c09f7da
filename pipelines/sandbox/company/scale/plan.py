"""How a company of so many invoice lines hangs together: every question is arithmetic.

Deals are numbered as they close, account by account in turn; four of five are won, and each won
deal is billed by one invoice with the deal's own lines. Of twenty invoices three are unpaid, one
is half paid. Nothing is stored: the company of a thousand and of a million lines start alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property

from pipelines.sandbox.company.dates import AS_OF_AT
from pipelines.sandbox.company.scale.moments import DAY, seconds_of

FIRST_CLOSE = seconds_of(datetime(2023, 12, 1, 16, 0, 0, tzinfo=UTC))
LAST_CLOSE = seconds_of(AS_OF_AT) - DAY
OPENED = seconds_of(datetime(2022, 3, 1, 16, 0, 0, tzinfo=UTC))

_LINES = (4, 1, 6, 3, 2, 7, 4, 5)
_FIRST = (0, 4, 5, 11, 14, 16, 23, 27)
_ROUND = sum(_LINES)
_LINE_OF = [(k, at) for k, count in enumerate(_LINES) for at in range(count)]
UNPAID, HALF_PAID = (3, 9, 16), 12
_PAID = [k for k in range(20) if k not in UNPAID]
_PAID_BEFORE = [sum(1 for p in _PAID if p < k) for k in range(20)]
DEALS_PER_ACCOUNT = 12
LINES_PER_ITEM = 2500
MOST_ITEMS = 400
LARGEST_QUANTITY = 12


def mixed(number: int) -> int:
    """A number that looks random and never changes: 24 bits."""
    found = (number * 0x9E3779B1 + 0x7F4A7C15) & 0xFFFFFFFF
    found = ((found ^ (found >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (found ^ (found >> 13)) >> 8


class Plan:
    """The numbers of a company with `lines` invoice lines; all numbering begins at 0."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        rounds, rest = divmod(lines, _ROUND)
        self.invoices = rounds * len(_LINES) + sum(1 for first in _FIRST if first < rest)
        self.deals = self.deal_of(self.invoices - 1) + 1
        self.accounts = max(1, self.deals // DEALS_PER_ACCOUNT)
        self.contacts = 2 * self.accounts
        self.items = min(MOST_ITEMS, 8 + lines // LINES_PER_ITEM)
        self.payments = self._payments_before(self.invoices)

    # ---- lines of invoices, which are the lines of their deals

    def first_line(self, invoice: int) -> int:
        """The number of an invoice's first line."""
        rounds, k = divmod(invoice, len(_LINES))
        return rounds * _ROUND + _FIRST[k]

    def lines_of(self, invoice: int) -> range:
        """The numbers of an invoice's lines."""
        first = self.first_line(invoice)
        return range(first, min(first + _LINES[invoice % len(_LINES)], self.lines))

    def place_of(self, line: int) -> tuple[int, int]:
        """The invoice of a line, and which of its lines it is (from 0)."""
        rounds, rest = divmod(line, _ROUND)
        k, at = _LINE_OF[rest]
        return rounds * len(_LINES) + k, at

    def sale_of(self, line: int) -> tuple[int, int]:
        """What a line sells, and how many of it."""
        mix = mixed(line)
        return mix % self.items, 1 + (mix >> 12) % LARGEST_QUANTITY

    @cached_property
    def prices(self) -> list[int]:
        """What one of each item costs, in cents."""
        return [500 + 5 * (mixed(item + 77) % 60000) for item in range(self.items)]

    def cents_of(self, line: int) -> int:
        """What a line comes to."""
        item, quantity = self.sale_of(line)
        return self.prices[item] * quantity

    def total_of(self, invoice: int) -> int:
        """What an invoice, and its deal, comes to in cents."""
        return sum(map(self.cents_of, self.lines_of(invoice)))

    # ---- deals

    def deal_of(self, invoice: int) -> int:
        """The deal an invoice bills."""
        block, k = divmod(invoice, 4)
        return 5 * block + k + (k >= mixed(block) % 5)

    def invoice_of(self, deal: int) -> int | None:
        """The invoice that bills a deal; None for one that is not won."""
        block, k = divmod(deal, 5)
        left_out = mixed(block) % 5
        return None if k == left_out else 4 * block + k - (k > left_out)

    def account_of(self, deal: int) -> int:
        """Whose deal it is."""
        return deal % self.accounts

    def deals_of(self, account: int) -> range:
        """An account's deals."""
        return range(account, self.deals, self.accounts)

    def invoices_of(self, account: int) -> Iterator[int]:
        """The invoices of an account, which is a customer."""
        found = map(self.invoice_of, self.deals_of(account))
        return (invoice for invoice in found if invoice is not None)

    # ---- payments

    def _payments_before(self, invoice: int) -> int:
        rounds, k = divmod(invoice, 20)
        return rounds * len(_PAID) + _PAID_BEFORE[k]

    def payment_of(self, invoice: int) -> int | None:
        """The payment of an invoice; None for an unpaid one."""
        return None if invoice % 20 in UNPAID else self._payments_before(invoice)

    def paid_by(self, payment: int) -> int:
        """The invoice a payment pays."""
        rounds, k = divmod(payment, len(_PAID))
        return rounds * 20 + _PAID[k]

    def paid_of(self, invoice: int, total: int) -> int:
        """What of an invoice's total is paid."""
        k = invoice % 20
        return 0 if k in UNPAID else total // 2 if k == HALF_PAID else total

    def balance_of(self, account: int) -> int:
        """What a customer owes, in cents."""
        owing = (i for i in self.invoices_of(account) if i % 20 in (*UNPAID, HALF_PAID))
        totals = ((i, self.total_of(i)) for i in owing)
        return sum(total - self.paid_of(invoice, total) for invoice, total in totals)

    def billed_and_paid(self) -> tuple[int, int]:
        """What all invoices come to and what of it is paid, in cents (a second a million)."""
        prices, items, billed, paid = self.prices, self.items, 0, 0
        for invoice in range(self.invoices):
            total = 0
            for line in self.lines_of(invoice):
                mix = mixed(line)
                total += prices[mix % items] * (1 + (mix >> 12) % LARGEST_QUANTITY)
            billed += total
            paid += self.paid_of(invoice, total)
        return billed, paid

    # ---- time

    def closed_at(self, deal: int) -> int:
        """The second in which a deal closed, in UTC; never earlier than the one before."""
        return FIRST_CLOSE + (LAST_CLOSE - FIRST_CLOSE) * (deal + 1) // self.deals

    def opened_at(self, account: int) -> int:
        """The second in which an account was made."""
        return OPENED + (FIRST_CLOSE - 40 * DAY - OPENED) * (account + 1) // self.accounts


def counts(plan: Plan) -> dict[str, int]:
    """How many there are of each."""
    names: Sequence[str] = ("lines", "invoices", "payments", "deals", "accounts", "items")
    return {name: getattr(plan, name) for name in names}
