"""What each kind of document posts, in its own currency.

Debits are positive. The account that balances a document (receivable, payable, bank) comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from pipelines.sandbox.quickbooks.accounting import is_shipping
from pipelines.sandbox.quickbooks.exchange import EXCHANGE, exchange_difference
from pipelines.sandbox.quickbooks.ledger_chart import ONE, Chart, Posting
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, ref_value

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
    spent = own._replace(quantity=ZERO, item="", home=True)
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
    owed = base._replace(account=_receivable(chart, record), amount=-amount)
    yield from _exchanged(chart, record, owed)


def _exchanged(chart: Chart, record: Record, owed: Posting) -> Parts:
    """The receivable or payable that money settles, at the rates of the documents it settles; and
    what that differs from the money (Intuit: realised, on the account Exchange Gain or Loss)."""
    difference = exchange_difference(chart, owed.entity, record)
    if difference:
        yield owed._replace(account=chart.of(*EXCHANGE), amount=difference, foreign=ZERO, home=True)
        at_home = cents(owed.amount * (amount_of(record, "ExchangeRate") or ONE)) - difference
        owed = owed._replace(amount=at_home, foreign=owed.amount, home=True)
    yield owed


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
    yield from _exchanged(
        chart, record, base._replace(account=_payable(chart, record), amount=amount)
    )
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
