"""What was posted, summed and kept up to date: why a report need not read every document again.

A company's tally is made when a report first asks, in a thread of its own, from the records as they
were at that moment; what is written meanwhile is added before anybody sees it. From then on every
record that a table takes or gives back changes it, so that it also follows a call that is refused
half-way. On a cash basis a payment moves what others had posted: that tally is made anew.

An account or an item that changes what documents post to is the end of a tally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event
from typing import Any, NamedTuple

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.cash_basis import cash_posted
from pipelines.sandbox.quickbooks.exchange import SETTLED, SETTLING, payments_of
from pipelines.sandbox.quickbooks.ledger import posted
from pipelines.sandbox.quickbooks.ledger_chart import ONE, Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value
from pipelines.sandbox.rows import Rows

ACCRUAL, CASH = "Accrual", "Cash"
Change = tuple[str, Record | None, Record | None]
Where = tuple[tuple[str, str], str, str, str]  # name, item, class, department
# What leaves something open: of whom, which member, and with which sign.
OPEN = {
    "Invoice": ("CustomerRef", "Balance", 1),
    "CreditMemo": ("CustomerRef", "Balance", -1),
    "Payment": ("CustomerRef", "UnappliedAmt", -1),
    "Bill": ("VendorRef", "Balance", 1),
    "VendorCredit": ("VendorRef", "Balance", -1),
}
ACCOUNT_DECIDES = ("Id", "Active", "AccountType", "AccountSubType", "Name", "CurrencyRef")
ITEM_DECIDES = ("Type", "PurchaseCost", "IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef")


class Open(NamedTuple):
    """A document with an open amount; amounts in the home currency, `total` in its own."""

    entity: str
    id: str
    party: str
    day: str
    due: str
    number: str
    amount: Decimal
    total: Decimal
    rate: Decimal


def open_item(entity: str, record: Record) -> Open | None:
    """What is open of a document, if anything."""
    ref, member, sign = OPEN[entity]
    party, rate = ref_value(record, ref), amount_of(record, "ExchangeRate") or ONE
    amount = cents(sign * amount_of(record, member) * rate)
    if not amount or party is None:
        return None
    day = str(record["TxnDate"])
    return Open(
        entity,
        str(record["Id"]),
        party,
        day,
        str(record.get("DueDate") or day),
        str(record.get("DocNumber") or ""),
        amount,
        amount_of(record, "TotalAmt"),
        rate,
    )


@dataclass
class Tally:
    """Sums of postings: by day and account, and below that by name, item, class and department.

    What a foreign payment posts depends on the documents it settles: `settling` keeps it as it was
    counted, so that it can be taken back when they have changed.
    """

    chart: Chart
    post: Callable[[Chart, str, Record], Iterator[Posting]] = posted
    sums: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    parts: dict[tuple[str, str], dict[Where, tuple[Decimal, Decimal]]] = field(default_factory=dict)
    open: dict[tuple[str, str], Open] = field(default_factory=dict)
    settling: dict[tuple[str, str], tuple[Posting, ...]] = field(default_factory=dict)

    def add(self, entity: str, record: Record, sign: int = 1) -> None:
        """Count one transaction, or with a sign of -1 count it no longer."""
        if not record.get("TxnDate"):
            return
        for row in self._rows(entity, record, sign):
            key = (row.day, row.account)
            amount = sign * row.amount
            self.sums[key] = self.sums.get(key, ZERO) + amount
            below = self.parts.setdefault(key, {})
            where = (row.name, row.item, row.class_id, row.department)
            known = below.get(where)
            if known is None:
                below[where] = (amount, sign * row.quantity)
            else:
                below[where] = (known[0] + amount, known[1] + sign * row.quantity)
        if entity in OPEN:
            found = open_item(entity, record) if sign > 0 else None
            if found is not None:
                self.open[entity, found.id] = found
            else:
                self.open.pop((entity, str(record["Id"])), None)

    def _rows(self, entity: str, record: Record, sign: int) -> Iterable[Posting]:
        if entity not in SETTLING or not self.chart.is_foreign(record):
            return self.post(self.chart, entity, record)
        key = (entity, str(record["Id"]))
        if sign < 0 and key in self.settling:
            return self.settling.pop(key)
        rows = self.settling[key] = tuple(self.post(self.chart, entity, record))
        return rows

    def frozen(self) -> Tally:
        """The sums as they are now, to be read only."""
        parts = {key: dict(below) for key, below in self.parts.items()}
        return Tally(self.chart, self.post, dict(self.sums), parts, dict(self.open))

    def change(self, change: Change) -> None:
        """Follow one record from what it was to what it is."""
        entity, before, after = change
        if before is not None:
            self.add(entity, before, -1)
        if after is not None:
            self.add(entity, after)
        if entity in SETTLED:
            for record in (before, after):
                self._follow_payments(record or {})

    def _follow_payments(self, document: Record) -> None:
        """Count the payments of a foreign document anew."""
        if not self.chart.is_foreign(document):
            return
        for kind, payment in payments_of(self.chart, document):
            if (kind, str(payment["Id"])) in self.settling:
                self.add(kind, payment, -1)
                self.add(kind, payment)

    def whole(self, first: str, last: str) -> Iterator[Posting]:
        """One posting for each day and account."""
        for (day, account), amount in sorted(self.sums.items()):
            if amount and first <= day <= last:
                yield Posting("", "", day, "", "", account, amount)

    def split(self, first: str, last: str) -> Iterator[Posting]:
        """One posting for each day, account, name, item, class and department."""
        for (day, account), below in sorted(self.parts.items()):
            if not first <= day <= last:
                continue
            for (name, item, class_id, department), (amount, quantity) in below.items():
                if amount or quantity:
                    yield Posting(
                        "", "", day, "", "", account, amount, name, item, quantity, class_id,
                        department,
                    )  # fmt: skip


class Tallies:
    """Both tallies of one company, and their making."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._made: dict[str, Tally] = {}
        self._watching = False
        self._during: list[Change] = []
        self._making: Event | None = None
        self._outdated = False

    def of(self, basis: str) -> Tally:
        """The tally of a basis, made now if there is none."""
        if basis not in self._made:
            self._begin()
            self._made[basis] = _made_of(self._books, basis, self._records(), Chart(self._books))
        return self._made[basis]

    def frozen(self, books: Books) -> Tallies:
        """What has been made, for books that are a copy of these."""
        found = Tallies(books)
        found._made = {basis: tally.frozen() for basis, tally in self._made.items()}
        found._watching = True  # nothing is written there
        return found

    def preparation(
        self, basis: str, lock: AbstractContextManager[Any]
    ) -> Callable[[], None] | None:
        """What makes a tally that is lacking, to be run in a thread; called under the lock."""
        if basis in self._made:
            return None
        if self._making is not None:
            return _waiting(self._making)
        self._begin()
        self._making, self._outdated, self._during = Event(), False, []
        records, chart, done = self._records(), Chart(self._books), self._making

        def make() -> None:
            try:
                tally = _made_of(self._books, basis, records, chart)
                with lock:
                    self._finish(basis, tally)
            finally:
                with lock:
                    self._making = None
                    done.set()

        return make

    def _finish(self, basis: str, tally: Tally) -> None:
        """Publish what a thread has made, unless the accounts have changed under it."""
        if self._outdated or (basis == CASH and self._during):
            return
        for change in self._during:
            tally.change(change)
        self._made[basis] = tally

    def _records(self) -> Mapping[str, Rows]:
        return {entity: self._books.table(entity).rows() for entity in POSTS}

    # ---- following the books

    def _begin(self) -> None:
        if self._watching:
            return
        self._watching = True
        for entity in POSTS:
            self._books.table(entity).watch(self._follower(entity))
        for entity, members in (("Account", ACCOUNT_DECIDES), ("Item", ITEM_DECIDES)):
            self._books.table(entity).watch(self._ender(members))

    def _follower(self, entity: str) -> Callable[[Record | None, Record | None], None]:
        def follow(before: Record | None, after: Record | None) -> None:
            change = (entity, before, after)
            self._made.pop(CASH, None)
            if self._making is not None:
                self._during.append(change)
            tally = self._made.get(ACCRUAL)
            if tally is not None:
                tally.change(change)

        return follow

    def _ender(self, members: tuple[str, ...]) -> Callable[[Record | None, Record | None], None]:
        def decide(before: Record | None, after: Record | None) -> None:
            was, now = before or {}, after or {}
            if "Type" in members and (before is None or after is None):
                return  # an item that no document has named yet
            if any(_meant(was.get(name)) != _meant(now.get(name)) for name in members):
                self._made.clear()
                self._outdated = True

        return decide


def _waiting(made: Event) -> Callable[[], None]:
    def wait() -> None:
        made.wait()

    return wait


def _meant(value: object) -> object:
    return value.get("value") if isinstance(value, dict) else value


def _made_of(books: Books, basis: str, records: Mapping[str, Rows], chart: Chart) -> Tally:
    tally = Tally(chart, cash_posted if basis == CASH else posted)
    for entity, rows in records.items():
        for record in rows.briefly():
            tally.add(entity, record)
    return tally


def tallies_of(books: Books) -> Tallies:
    """The tallies of a company."""
    found = books.kept.get("tallies")
    if not isinstance(found, Tallies):
        found = books.kept["tallies"] = Tallies(books)
    return found
