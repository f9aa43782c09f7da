"""What a call's documents move beside themselves: the balances of accounts, the stock of items.

A given balance is where an account stands at the start; from then on it moves with every posting.
Recorded of the real service: debits are positive in every account of the balance sheet, income and
expenses show zero, and LastUpdatedTime moves with the balance while the SyncToken stays
(fylein/qbo-sdk-py, `accounts`). An account in a foreign currency moves in the company's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger import POSTS, Chart, Posting, posted
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, plain, ref_value

BALANCE_SHEET = ("Asset", "Liability", "Equity")
_SOLD = frozenset({"Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt"})


def settle(books: Books) -> None:
    """Move balances and stock by what the open transaction has changed so far."""
    changed = [
        (entity, before, after)
        for entity, before, after in books.store.changes(books.realm)
        if entity in POSTS
    ]
    if not changed:
        return
    chart = Chart(books)
    balances: dict[str, Decimal] = defaultdict(lambda: ZERO)
    stock: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for entity, before, after in changed:
        for sign, record in ((-1, before), (1, after)):
            for one in _postings(chart, entity, record):
                balances[one.account] += sign * one.amount
                taken = -one.quantity if entity in _SOLD else one.quantity
                stock[one.item] += sign * taken
    _move_balances(books, balances)
    _move_stock(books, stock)


def _postings(chart: Chart, entity: str, record: Record | None) -> Iterator[Posting]:
    if record is not None and record.get("TxnDate"):
        yield from posted(chart, entity, record)


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
    members = ("CurrentBalance", "CurrentBalanceWithSubAccounts") if own else (
        "CurrentBalanceWithSubAccounts",
    )  # fmt: skip
    moved = {name: cents(amount_of(account, name) + amount) for name in members}
    books.put("Account", books.touched(account, **moved))


def _move_stock(books: Books, stock: Mapping[str, Decimal]) -> None:
    for item_id, quantity in stock.items():
        item = books.get("Item", item_id)
        if quantity and item is not None and item.get("TrackQtyOnHand"):
            held = plain(amount_of(item, "QtyOnHand") + quantity)
            books.put("Item", books.touched(item, QtyOnHand=held))
