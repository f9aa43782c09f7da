"""Double entry: what each transaction posts to which account, in the company's own currency.

Accrual basis (cash_basis.py: the other). Nothing is stored: postings follow from the documents as
they are. Debits are positive. The account that balances a document (receivable, payable, bank)
comes last and takes what is left by rounding, so that every transaction adds up to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from heapq import merge
from typing import NamedTuple

from pipelines.sandbox.quickbooks.accounting import is_shipping
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.selection import within
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

ONE = Decimal(1)
ROUNDING = Decimal("0.05")


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


def postings(books: Books, first: str = "", last: str = "9999-12-31") -> Iterator[Posting]:
    """Everything posted on the days from `first` to `last`, in order of day and transaction."""
    chart = Chart(books)
    for entity, record in dated(books, POSTS, first, last):
        yield from posted(chart, entity, record)


def dated(
    books: Books, entities: Iterable[str], first: str, last: str
) -> Iterator[tuple[str, Record]]:
    """Transactions of these days in order of day and id; read only as far as they are wanted."""
    tables = (_in_order(books, entity, first, last) for entity in entities)
    for _, _, entity, record in merge(*tables, key=lambda found: found[:2]):
        yield entity, record


def _in_order(
    books: Books, entity: str, first: str, last: str
) -> Iterator[tuple[str, int, str, Record]]:
    rows = within(books.table(entity), "TxnDate", first, last).arranged(
        _day_and_id, rising=books.table(entity).is_ordered("TxnDate")
    )
    for record in rows:
        day = str(record.get("TxnDate", ""))
        if day and first <= day <= last:
            yield day, int(record["Id"]), entity, record


def _day_and_id(record: Record) -> tuple[str, int]:
    return str(record.get("TxnDate", "")), int(record["Id"])


def posted(chart: Chart, entity: str, record: Record) -> Iterator[Posting]:
    """The postings of one transaction; what comes to nothing is left out."""
    rate = amount_of(record, "ExchangeRate") or ONE
    last: Posting | None = None
    left = ZERO
    for part in POSTS[entity](chart, record, base_of(entity, record)):
        if last is not None and last.amount:
            left += last.amount
            yield last
        if rate == ONE:
            last = part if _is_whole(part.amount) else part._replace(amount=cents(part.amount))
        else:
            last = part._replace(amount=cents(part.amount * rate), foreign=part.amount)
    if last is not None:
        yield from _balanced(chart, last, -left)


def _is_whole(amount: Decimal) -> bool:
    """Whether an amount has no more than two decimals."""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -2


def _balanced(chart: Chart, last: Posting, wanted: Decimal) -> Iterator[Posting]:
    """The balancing line; a difference that is more than rounding (a document whose lines are not
    all known) goes where nothing is said."""
    rest = wanted - last.amount
    if abs(rest) > ROUNDING:
        account = chart.of("Uncategorized Income", "Income")
        yield last._replace(account=account, amount=rest, foreign=rest)
        wanted = last.amount
    if wanted:
        yield last._replace(amount=wanted)


def base_of(entity: str, record: Record) -> Posting:
    """What all postings of a transaction say of it."""
    return Posting(
        entity=entity,
        transaction=str(record["Id"]),
        day=str(record["TxnDate"]),
        number=str(record.get("DocNumber") or record.get("PaymentRefNum") or ""),
        memo=str(record.get("PrivateNote") or ""),
        account="",
        amount=ZERO,
        name=_name(record),
        class_id=ref_value(record, "ClassRef") or "",
        department=ref_value(record, "DepartmentRef") or "",
    )


def _name(record: Record) -> tuple[str, str]:
    for member, kind in (("CustomerRef", "Customer"), ("VendorRef", "Vendor")):
        value = ref_value(record, member)
        if value is not None:
            return value, kind
    entity = record.get("EntityRef") or {}
    return str(entity.get("value") or ""), str(entity.get("type") or "")


class Chart:
    """The accounts that documents post to, named or not.

    It is of the moment it was made at: an item whose accounts change needs another.
    """

    def __init__(self, books: Books) -> None:
        self.books = books
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


Parts = Iterator[Posting]


# ---- sales


def sold(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    """Income, discount, tax and cost of a sales document; `sign` is -1 for a credit."""
    for line in _leaves(record.get("Line", ())):
        yield from _sold_line(chart, line, base, sign)
    tax = amount_of(record.get("TxnTaxDetail") or {}, "TotalTax")
    payable = chart.of("GlobalTaxPayable", "SalesTaxPayable", "Other Current Liability")
    yield base._replace(account=payable, amount=-sign * tax)


def _leaves(lines: list[Record]) -> Iterator[Record]:
    for line in lines:
        if line.get("DetailType") == "GroupLineDetail":
            yield from _leaves(line["GroupLineDetail"].get("Line", ()))
        else:
            yield line


def _sold_line(chart: Chart, line: Record, base: Posting, sign: int) -> Parts:
    amount = sign * amount_of(line, "Amount")
    if line.get("DetailType") == "DiscountLineDetail":
        account = ref_value(line.get("DiscountLineDetail") or {}, "DiscountAccountRef")
        yield base._replace(
            account=account or chart.of("DiscountsRefundsGiven", "Income"), amount=amount
        )
    detail = line.get("SalesItemLineDetail")
    if detail is None:
        return
    item = None if is_shipping(line) else ref_value(detail, "ItemRef")
    own = Posting(
        base.entity, base.transaction, base.day, base.number,
        str(line.get("Description") or base.memo),
        ref_value(detail, "ItemAccountRef") or chart.income(item),
        -amount, base.name, item or "", sign * amount_of(detail, "Qty"),
        ref_value(detail, "ClassRef") or base.class_id, base.department,
    )  # fmt: skip
    yield own
    if chart.item(item).get("Type") == "Inventory":
        yield from _cost(chart, item, own)


def _cost(chart: Chart, item_id: str | None, own: Posting) -> Parts:
    """What a sold piece of stock had cost."""
    cost = cents(own.quantity * amount_of(chart.item(item_id), "PurchaseCost"))
    spent = own._replace(quantity=ZERO, item="")
    yield spent._replace(account=chart.item_account(item_id, "ExpenseAccountRef"), amount=cost)
    yield spent._replace(account=chart.item_account(item_id, "AssetAccountRef"), amount=-cost)


def _invoice(chart: Chart, record: Record, base: Posting) -> Parts:
    yield from sold(chart, record, base, 1)
    deposit = amount_of(record, "Deposit")
    yield base._replace(account=paid_into(chart, record), amount=deposit)
    total = amount_of(record, "TotalAmt") - deposit
    yield base._replace(account=_receivable(chart, record), amount=total)


def _credit_memo(chart: Chart, record: Record, base: Posting) -> Parts:
    yield from sold(chart, record, base, -1)
    yield base._replace(account=_receivable(chart, record), amount=-amount_of(record, "TotalAmt"))


def _receipt(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    yield from sold(chart, record, base, sign)
    amount = sign * amount_of(record, "TotalAmt")
    yield base._replace(account=paid_into(chart, record), amount=amount)


def _payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "TotalAmt")
    yield base._replace(account=paid_into(chart, record), amount=amount)
    yield base._replace(account=_receivable(chart, record), amount=-amount)


def _receivable(chart: Chart, record: Record) -> str:
    return ref_value(record, "ARAccountRef") or chart.in_currency("Accounts Receivable", record)


def paid_into(chart: Chart, record: Record) -> str:
    """Where money that came in is kept."""
    return ref_value(record, "DepositToAccountRef") or chart.of("UndepositedFunds", "Bank")


# ---- purchases


def bought(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    """What a bill or an expense is for; `sign` is -1 for a credit."""
    for line in record.get("Line", ()):
        spent = line.get("AccountBasedExpenseLineDetail")
        bought = line.get("ItemBasedExpenseLineDetail")
        detail = spent or bought or {}
        item = ref_value(detail, "ItemRef")
        if spent is None and bought is None:
            continue
        yield base._replace(
            account=ref_value(detail, "AccountRef") or chart.expense(item),
            amount=sign * amount_of(line, "Amount"),
            memo=str(line.get("Description") or base.memo),
            item=item or "",
            quantity=sign * amount_of(detail, "Qty"),
            class_id=ref_value(detail, "ClassRef") or base.class_id,
        )


def _bill(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    yield from bought(chart, record, base, sign)
    payable = _payable(chart, record)
    yield base._replace(account=payable, amount=-sign * amount_of(record, "TotalAmt"))


def _purchase(chart: Chart, record: Record, base: Posting) -> Parts:
    sign = -1 if record.get("Credit") else 1
    yield from bought(chart, record, base, sign)
    account = ref_value(record, "AccountRef") or ""
    yield base._replace(account=account, amount=-sign * amount_of(record, "TotalAmt"))


def _bill_payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "TotalAmt")
    payable = _payable(chart, record)
    yield base._replace(account=payable, amount=amount)
    yield base._replace(account=paid_from(chart, record), amount=-amount)


def paid_from(chart: Chart, record: Record) -> str:
    """Where the money of a bill's payment came from."""
    check = ref_value(record.get("CheckPayment") or {}, "BankAccountRef")
    card = ref_value(record.get("CreditCardPayment") or {}, "CCAccountRef")
    return check or card or chart.of("Bank")


def _payable(chart: Chart, record: Record) -> str:
    return ref_value(record, "APAccountRef") or chart.in_currency("Accounts Payable", record)


# ---- money


def _deposit(chart: Chart, record: Record, base: Posting) -> Parts:
    for line in record.get("Line", ()):
        detail = line.get("DepositLineDetail") or {}
        account = ref_value(detail, "AccountRef") or chart.of("UndepositedFunds")
        name = detail.get("Entity") or {}
        yield base._replace(
            account=account,
            amount=-amount_of(line, "Amount"),
            name=(str(name.get("value") or ""), str(name.get("type") or "")),
        )
    total = amount_of(record, "TotalAmt")
    yield base._replace(account=paid_into(chart, record), amount=total)


def _transfer(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "Amount")
    yield base._replace(account=ref_value(record, "ToAccountRef") or "", amount=amount)
    yield base._replace(account=ref_value(record, "FromAccountRef") or "", amount=-amount)


def _card_payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "Amount")
    yield base._replace(account=ref_value(record, "CreditCardAccountRef") or "", amount=amount)
    yield base._replace(account=ref_value(record, "BankAccountRef") or "", amount=-amount)


def _journal_entry(chart: Chart, record: Record, base: Posting) -> Parts:
    for line in record.get("Line", ()):
        detail = line.get("JournalEntryLineDetail")
        if detail is None:
            continue
        sign = 1 if detail.get("PostingType") == "Debit" else -1
        entity = detail.get("Entity") or {}
        name = str((entity.get("EntityRef") or {}).get("value") or "")
        yield base._replace(
            account=ref_value(detail, "AccountRef") or "",
            amount=sign * amount_of(line, "Amount"),
            memo=str(line.get("Description") or base.memo),
            name=(name, str(entity.get("Type") or "")),
            class_id=ref_value(detail, "ClassRef") or base.class_id,
            department=ref_value(detail, "DepartmentRef") or base.department,
        )


POSTS: dict[str, Callable[[Chart, Record, Posting], Parts]] = {
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "SalesReceipt": partial(_receipt, sign=1),
    "RefundReceipt": partial(_receipt, sign=-1),
    "Payment": _payment,
    "Bill": partial(_bill, sign=1),
    "VendorCredit": partial(_bill, sign=-1),
    "BillPayment": _bill_payment,
    "Purchase": _purchase,
    "Deposit": _deposit,
    "Transfer": _transfer,
    "CreditCardPayment": _card_payment,
    "JournalEntry": _journal_entry,
}
