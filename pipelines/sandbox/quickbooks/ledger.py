"""Double entry: what each transaction posts to which account, in the company's own currency.

Accrual basis. Nothing is stored: postings follow from the documents as they are. Debits are
positive. The account that balances a document (receivable, payable, bank) comes last and takes
what is left by rounding, so that every transaction adds up to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from pipelines.sandbox.quickbooks.accounting import is_shipping
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

ONE = Decimal(1)
ROUNDING = Decimal("0.05")


@dataclass(frozen=True)
class Posting:
    """One line of the journal.

    Attributes:
        entity, transaction, day, number, memo: the transaction it belongs to.
        account: the account's id ("" where the company has none of that kind).
        amount: debit positive, home currency.
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


def postings(books: Books, first: str = "", last: str = "9999-12-31") -> Iterator[Posting]:
    """Everything posted on the days from `first` to `last`, in order of day and transaction."""
    chart = Chart(books)
    dated = [
        (str(record["TxnDate"]), int(record["Id"]), entity, record)
        for entity in POSTS
        for record in books.table(entity)
        if first <= str(record.get("TxnDate", "")) <= last
    ]
    dated.sort(key=lambda found: found[:2])
    for _, _, entity, record in dated:
        yield from posted(chart, entity, record)


def posted(chart: Chart, entity: str, record: Record) -> Iterator[Posting]:
    """The postings of one transaction; what comes to nothing is left out."""
    rate = amount_of(record, "ExchangeRate") or ONE
    base = _base(entity, record)
    last: Posting | None = None
    left = ZERO
    for part in POSTS[entity](chart, record, base):
        whole = replace(part, amount=cents(part.amount * rate))
        if last is not None:
            left += last.amount
            if last.amount:
                yield last
        last = whole
    if last is not None:
        yield from _balanced(chart, last, -left)


def _balanced(chart: Chart, last: Posting, wanted: Decimal) -> Iterator[Posting]:
    """The balancing line; a difference that is more than rounding (a document whose lines are not
    all known) goes where nothing is said."""
    rest = wanted - last.amount
    if abs(rest) > ROUNDING:
        account = chart.of("Uncategorized Income", "Income")
        yield replace(last, account=account, amount=rest)
        wanted = last.amount
    if wanted:
        yield replace(last, amount=wanted)


def _base(entity: str, record: Record) -> Posting:
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
    """The accounts that documents post to without naming them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        rows = [a for a in books.table("Account") if a.get("Active") is not False]
        self._first: dict[str, str] = {}
        for account in sorted(rows, key=lambda a: int(a["Id"])):
            self._first.setdefault(str(account.get("AccountType")), account["Id"])
            self._first.setdefault(str(account.get("AccountSubType")), account["Id"])
            self._first.setdefault(str(account.get("Name")), account["Id"])

    def of(self, *kinds: str) -> str:
        """The first account of one of these types or subtypes."""
        return next((self._first[kind] for kind in kinds if kind in self._first), "")

    def item_account(self, item_id: str | None, member: str) -> str:
        """An account that an item names."""
        item = self.books.get("Item", item_id or "") or {}
        return ref_value(item, member) or ""

    def income(self, item_id: str | None) -> str:
        """Where a sale of an item is counted."""
        return self.item_account(item_id, "IncomeAccountRef") or self.of(
            "SalesOfProductIncome", "Income"
        )

    def expense(self, item_id: str | None) -> str:
        """Where a purchase of an item is counted: on stock, or as an expense."""
        for member in ("AssetAccountRef", "ExpenseAccountRef"):
            account = self.item_account(item_id, member)
            if account:
                return account
        return self.of("Cost of Goods Sold", "Expense")


Parts = Iterator[Posting]


# ---- sales


def _sold(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    """Income, discount, tax and cost of a sales document; `sign` is -1 for a credit."""
    for line in _leaves(record.get("Line", ())):
        yield from _sold_line(chart, line, base, sign)
    tax = amount_of(record.get("TxnTaxDetail") or {}, "TotalTax")
    payable = chart.of("GlobalTaxPayable", "SalesTaxPayable", "Other Current Liability")
    yield replace(base, account=payable, amount=-sign * tax)


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
        yield replace(
            base, account=account or chart.of("DiscountsRefundsGiven", "Income"), amount=amount
        )
    detail = line.get("SalesItemLineDetail")
    if detail is None:
        return
    item = None if is_shipping(line) else ref_value(detail, "ItemRef")
    own = replace(
        base,
        memo=str(line.get("Description") or base.memo),
        item=item or "",
        quantity=sign * amount_of(detail, "Qty"),
        class_id=ref_value(detail, "ClassRef") or base.class_id,
    )
    account = ref_value(detail, "ItemAccountRef") or chart.income(item)
    yield replace(own, account=account, amount=-amount)
    yield from _cost(chart, item, own)


def _cost(chart: Chart, item_id: str | None, own: Posting) -> Parts:
    """What a sold piece of stock had cost."""
    item = chart.books.get("Item", item_id or "") or {}
    if item.get("Type") != "Inventory":
        return
    cost = cents(own.quantity * amount_of(item, "PurchaseCost"))
    spent = replace(own, quantity=ZERO, item="")
    yield replace(spent, account=chart.item_account(item_id, "ExpenseAccountRef"), amount=cost)
    yield replace(spent, account=chart.item_account(item_id, "AssetAccountRef"), amount=-cost)


def _invoice(chart: Chart, record: Record, base: Posting) -> Parts:
    yield from _sold(chart, record, base, 1)
    deposit = amount_of(record, "Deposit")
    yield replace(base, account=_paid_into(chart, record), amount=deposit)
    total = amount_of(record, "TotalAmt") - deposit
    yield replace(base, account=_receivable(chart, record), amount=total)


def _credit_memo(chart: Chart, record: Record, base: Posting) -> Parts:
    yield from _sold(chart, record, base, -1)
    yield replace(base, account=_receivable(chart, record), amount=-amount_of(record, "TotalAmt"))


def _receipt(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    yield from _sold(chart, record, base, sign)
    amount = sign * amount_of(record, "TotalAmt")
    yield replace(base, account=_paid_into(chart, record), amount=amount)


def _payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "TotalAmt")
    yield replace(base, account=_paid_into(chart, record), amount=amount)
    yield replace(base, account=_receivable(chart, record), amount=-amount)


def _receivable(chart: Chart, record: Record) -> str:
    return ref_value(record, "ARAccountRef") or chart.of("Accounts Receivable")


def _paid_into(chart: Chart, record: Record) -> str:
    return ref_value(record, "DepositToAccountRef") or chart.of("UndepositedFunds", "Bank")


# ---- purchases


def _bought(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    for line in record.get("Line", ()):
        spent = line.get("AccountBasedExpenseLineDetail")
        bought = line.get("ItemBasedExpenseLineDetail")
        detail = spent or bought or {}
        item = ref_value(detail, "ItemRef")
        if spent is None and bought is None:
            continue
        yield replace(
            base,
            account=ref_value(detail, "AccountRef") or chart.expense(item),
            amount=sign * amount_of(line, "Amount"),
            memo=str(line.get("Description") or base.memo),
            item=item or "",
            quantity=sign * amount_of(detail, "Qty"),
            class_id=ref_value(detail, "ClassRef") or base.class_id,
        )


def _bill(chart: Chart, record: Record, base: Posting, sign: int) -> Parts:
    yield from _bought(chart, record, base, sign)
    payable = ref_value(record, "APAccountRef") or chart.of("Accounts Payable")
    yield replace(base, account=payable, amount=-sign * amount_of(record, "TotalAmt"))


def _purchase(chart: Chart, record: Record, base: Posting) -> Parts:
    sign = -1 if record.get("Credit") else 1
    yield from _bought(chart, record, base, sign)
    account = ref_value(record, "AccountRef") or ""
    yield replace(base, account=account, amount=-sign * amount_of(record, "TotalAmt"))


def _bill_payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "TotalAmt")
    payable = ref_value(record, "APAccountRef") or chart.of("Accounts Payable")
    yield replace(base, account=payable, amount=amount)
    check = ref_value(record.get("CheckPayment") or {}, "BankAccountRef")
    card = ref_value(record.get("CreditCardPayment") or {}, "CCAccountRef")
    yield replace(base, account=check or card or chart.of("Bank"), amount=-amount)


# ---- money


def _deposit(chart: Chart, record: Record, base: Posting) -> Parts:
    for line in record.get("Line", ()):
        detail = line.get("DepositLineDetail") or {}
        account = ref_value(detail, "AccountRef") or chart.of("UndepositedFunds")
        name = detail.get("Entity") or {}
        yield replace(
            base,
            account=account,
            amount=-amount_of(line, "Amount"),
            name=(str(name.get("value") or ""), str(name.get("type") or "")),
        )
    total = amount_of(record, "TotalAmt")
    yield replace(base, account=_paid_into(chart, record), amount=total)


def _transfer(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "Amount")
    yield replace(base, account=ref_value(record, "ToAccountRef") or "", amount=amount)
    yield replace(base, account=ref_value(record, "FromAccountRef") or "", amount=-amount)


def _card_payment(chart: Chart, record: Record, base: Posting) -> Parts:
    amount = amount_of(record, "Amount")
    yield replace(base, account=ref_value(record, "CreditCardAccountRef") or "", amount=amount)
    yield replace(base, account=ref_value(record, "BankAccountRef") or "", amount=-amount)


def _journal_entry(chart: Chart, record: Record, base: Posting) -> Parts:
    for line in record.get("Line", ()):
        detail = line.get("JournalEntryLineDetail")
        if detail is None:
            continue
        sign = 1 if detail.get("PostingType") == "Debit" else -1
        entity = detail.get("Entity") or {}
        name = str((entity.get("EntityRef") or {}).get("value") or "")
        yield replace(
            base,
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
