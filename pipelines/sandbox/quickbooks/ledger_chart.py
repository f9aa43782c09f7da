"""One line of the journal, and the accounts that documents post to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.values import ZERO, Record, ref_value

ONE = Decimal(1)


class Posting(NamedTuple):
    """One line of the journal.

    Attributes:
        entity, transaction, day, number, memo: the transaction it belongs to.
        account: the account's id ("" where the company has none of that kind).
        amount: debit positive, home currency.
        foreign: the same in the transaction's currency, where that is not the company's own.
        name: id and kind of the customer, vendor or employee.
        item, quantity: what was sold or bought.
        class_id, department: where it is counted.
        home: the amount needs no exchange any more, although its document is in another currency.
    """

    entity: str
    transaction: str
    day: str
    number: str
    memo: str
    account: str
    amount: Decimal
    name: tuple[str, str] = ("", "")
    item: str = ""
    quantity: Decimal = ZERO
    class_id: str = ""
    department: str = ""
    foreign: Decimal = ZERO
    home: bool = False


class Chart:
    """The accounts that documents post to, named or not.

    It is of the moment it was made at: an item whose accounts change needs another. `earlier` holds
    documents as they were before, for who asks what a payment of them had posted.
    """

    def __init__(
        self, books: Books, earlier: Mapping[tuple[str, str], Record | None] | None = None
    ) -> None:
        self.books = books
        self.home = books.home_currency
        self._earlier = earlier or {}
        self._first: dict[str, str] = {}
        self._receivable: dict[str, str] = {}
        self._items: dict[str, Record] = {}
        self._income: dict[str, str] = {}
        rows = [a for a in books.table("Account") if a.get("Active") is not False]
        for account in sorted(rows, key=lambda a: int(a["Id"])):
            for member in ("AccountType", "AccountSubType", "Name"):
                self._first.setdefault(str(account.get(member)), account["Id"])
            currency = books.currency_of(account)
            self._receivable.setdefault(f"{account.get('AccountType')} {currency}", account["Id"])

    def of(self, *kinds: str) -> str:
        """The first account of one of these types or subtypes."""
        return next((self._first[kind] for kind in kinds if kind in self._first), "")

    def in_currency(self, kind: str, record: Record) -> str:
        """The first account of a type in a document's currency, else the first of that type."""
        code = self.books.currency_of(record)
        return self._receivable.get(f"{kind} {code}") or self.of(kind)

    def is_foreign(self, record: Record) -> bool:
        """Whether a document is in another currency than the books."""
        return ref_value(record, "CurrencyRef") not in (None, self.home)

    def document(self, entity: str, record_id: str) -> Record | None:
        """A document that another one is linked to."""
        if (entity, record_id) in self._earlier:
            return self._earlier[entity, record_id]
        return self.books.get(entity, record_id)

    def item(self, item_id: str | None) -> Record:
        """An item; empty where there is none."""
        found = self._items.get(item_id or "")
        if found is None:
            found = self._items[item_id or ""] = self.books.get("Item", item_id or "") or {}
        return found

    def item_account(self, item_id: str | None, member: str) -> str:
        """An account that an item names."""
        return ref_value(self.item(item_id), member) or ""

    def income(self, item_id: str | None) -> str:
        """Where a sale of an item is counted."""
        found = self._income.get(item_id or "")
        if found is None:
            found = self.item_account(item_id, "IncomeAccountRef") or self.of(
                "SalesOfProductIncome", "Income"
            )
            self._income[item_id or ""] = found
        return found

    def expense(self, item_id: str | None) -> str:
        """Where a purchase of an item is counted: on stock, or as an expense."""
        for member in ("AssetAccountRef", "ExpenseAccountRef"):
            account = self.item_account(item_id, member)
            if account:
                return account
        return self.of("Cost of Goods Sold", "Expense")
