"""What a call's documents move beside themselves: the balances of accounts, the stock of items.

A given balance is where an account stands at the start; from then on it moves with every posting.
Recorded of the real service: debits are positive in every account of the balance sheet, income and
expenses show zero, and LastUpdatedTime moves with the balance while the SyncToken stays
(fylein/qbo-sdk-py, `accounts`). An account in a foreign currency stands in its own: with what a
document in that currency says, else with what the home amount comes to at the day's rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.exchange import SETTLED, payments_of
from pipelines.sandbox.quickbooks.ground_rules import listed_rate
from pipelines.sandbox.quickbooks.ledger import posted
from pipelines.sandbox.quickbooks.ledger_chart import Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, plain, ref_value
from pipelines.sandbox.store import Write

BALANCES = "account_balances"
MEMBERS = ("CurrentBalance", "CurrentBalanceWithSubAccounts")
BALANCE_SHEET = ("Asset", "Liability", "Equity")
Changes = dict[tuple[str, str], tuple[Record | None, Record | None]]
_SOLD = frozenset({"Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt"})


def settle(books: Books) -> None:
    """Move balances and stock by what the open transaction has changed so far."""
    changed = {
        (entity, str((after or before or {})["Id"])): (before, after)
        for entity, before, after in books.store.changes(books.realm)
        if entity in POSTS
    }
    if not changed:
        return
    now, was = Chart(books), Chart(books, {key: before for key, (before, _) in changed.items()})
    changed |= _moved_with(was, now, changed)
    balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
    stock: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for (entity, _), (before, after) in changed.items():
        for sign, chart, record in ((-1, was, before), (1, now, after)):
            for one in _postings(chart, entity, record):
                balances[one.account] += sign * _in_own_currency(books, record or {}, one)
                taken = -one.quantity if entity in _SOLD else one.quantity
                stock[one.item] += sign * taken
    _move_balances(books, balances)
    _move_stock(books, stock)


def _moved_with(was: Chart, now: Chart, changed: Changes) -> Changes:
    """Payments that post something else because a foreign document they settle has changed."""
    found: Changes = {}
    for (entity, _), pair in changed.items():
        for chart, record in zip((was, now), pair, strict=True):
            if entity not in SETTLED or record is None or not chart.is_foreign(record):
                continue
            for kind, payment in payments_of(chart, record):
                key = (kind, str(payment["Id"]))
                if key not in changed:
                    found[key] = (payment, payment)
    return found


def _postings(chart: Chart, entity: str, record: Record | None) -> Iterator[Posting]:
    if record is not None and record.get("TxnDate"):
        yield from posted(chart, entity, record)


def _in_own_currency(books: Books, record: Record, one: Posting) -> Decimal:
    """A posting in the currency of its account."""
    code = books.currency_of(books.get("Account", one.account) or {})
    if code == books.home_currency:
        return one.amount
    if code == books.currency_of(record):
        return one.foreign
    return cents(one.amount / listed_rate(books, code, one.day))


def opening_balances(books: Books) -> dict[str, Decimal]:
    """Where the accounts stand by the documents there are, in their own currencies.

    A company that is computed says so itself: reading all its documents would take too long.
    """
    known = books.store.meta(books.realm).get(BALANCES)
    if known is not None:
        return {account: Decimal(str(amount)) for account, amount in known.items()}
    chart = Chart(books)
    balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entity in POSTS:
        for record in books.table(entity):
            for one in _postings(chart, entity, record):
                balances[one.account] += _in_own_currency(books, record, one)
    return balances


def open_accounts(books: Books, account_ids: Iterable[str]) -> None:
    """Let accounts that came without a balance begin with what the documents post to them."""
    ids = [i for i in account_ids if _is_untouched(books.get("Account", i) or {})]
    if not ids:
        return
    balances = opening_balances(books)
    moved: dict[str, Record] = {}
    for account_id in ids:
        amount, own = balances.get(account_id, ZERO), True
        at: str | None = account_id
        while at and amount:
            account = moved.get(at) or books.get("Account", at) or {}
            if account.get("Classification") not in BALANCE_SHEET:
                break
            members = MEMBERS if own else MEMBERS[1:]
            changes = {name: cents(amount_of(account, name) + amount) for name in members}
            moved[at] = {**account, **changes}
            at, own = ref_value(account, "ParentRef"), False
    books.store.preset([Write(books.realm, "Account", i, record) for i, record in moved.items()])


def _is_untouched(account: Record) -> bool:
    """Whether an account stands as it was put in place."""
    meta = account.get("MetaData") or {}
    moved = meta.get("CreateTime") != meta.get("LastUpdatedTime")
    return bool(account) and not moved and not any(amount_of(account, name) for name in MEMBERS)


def _move_balances(books: Books, balances: Mapping[str, Decimal]) -> None:
    for account_id, amount in balances.items():
        account = books.get("Account", account_id)
        if not amount or account is None or account.get("Classification") not in BALANCE_SHEET:
            continue
        _put_balance(books, account, amount, own=True)
        parent = books.get("Account", ref_value(account, "ParentRef") or "")
        while parent is not None:
            _put_balance(books, parent, amount, own=False)
            parent = books.get("Account", ref_value(parent, "ParentRef") or "")


def _put_balance(books: Books, account: Record, amount: Decimal, own: bool) -> None:
    members = MEMBERS if own else MEMBERS[1:]
    moved = {name: cents(amount_of(account, name) + amount) for name in members}
    books.put("Account", books.touched(account, **moved))


def _move_stock(books: Books, stock: Mapping[str, Decimal]) -> None:
    for item_id, quantity in stock.items():
        item = books.get("Item", item_id)
        if quantity and item is not None and item.get("TrackQtyOnHand"):
            held = plain(amount_of(item, "QtyOnHand") + quantity)
            books.put("Item", books.touched(item, QtyOnHand=held))
