"""Statements by account: profit and loss, balance sheet, trial balance, cash flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Posting
from pipelines.sandbox.quickbooks.report_columns import Amounts, Columns, columns_of
from pipelines.sandbox.quickbooks.report_layout import (
    FISCAL,
    Query,
    added,
    answer,
    cells,
    column,
    data_row,
    fiscal_start,
    header,
    period,
    section,
)
from pipelines.sandbox.quickbooks.report_names import name_of
from pipelines.sandbox.quickbooks.report_sums import (
    RESULT,
    REVENUE,
    basis_of,
    kind_of,
    summed,
)
from pipelines.sandbox.quickbooks.tally import ACCRUAL
from pipelines.sandbox.quickbooks.values import ZERO, Record, ref_value

ByAccount = dict[str, Amounts]


# ---- rows by account


@dataclass(frozen=True)
class Accounts:
    """The company's accounts by type, and what was posted to each."""

    books: Books
    columns: Columns
    amounts: ByAccount

    def sums(self, *kinds: str) -> Amounts:
        """The sum of all accounts of these types."""
        return added(
            [a for i, a in self.amounts.items() if self._kind(i) in kinds], self.columns.width
        )

    def _kind(self, account_id: str) -> str:
        return str((self.books.get("Account", account_id) or {}).get("AccountType", ""))

    def rows(self, *kinds: str) -> list[Record]:
        """A row for each account of these types, sub-accounts as sections below their parent."""
        mine = [i for i in self.amounts if self._kind(i) in kinds and any(self.amounts[i])]
        return self._below("", set(mine), mine)

    def _below(self, parent: str, with_amounts: set[str], mine: list[str]) -> list[Record]:
        children = {self._child_of(parent, i) for i in mine} - {""}
        rows = []
        for child in sorted(children, key=lambda i: name_of(self.books, "Account", i).casefold()):
            under = [i for i in mine if i != child and self._child_of(child, i)]
            own = self.amounts.get(child, [ZERO] * self.columns.width)
            name = str((self.books.get("Account", child) or {}).get("Name", ""))
            if not under:
                rows.append(data_row(name, own, child))
                continue
            total = added([own, *(self.amounts[i] for i in under)], self.columns.width)
            inner = self._below(child, with_amounts, under)
            rows.append(section(cells(name, own, child), inner, cells(f"Total {name}", total)))
        return rows

    def _child_of(self, parent: str, account_id: str) -> str:
        """The account right below `parent` on the way to an account; "" when it is elsewhere."""
        seen, at = account_id, self.books.get("Account", account_id) or {}
        while True:
            above = ref_value(at, "ParentRef") or ""
            if above == parent:
                return seen if seen != parent else ""
            if not above:
                return ""
            seen, at = above, self.books.get("Account", above) or {}


def gathered(
    columns: Columns, found: Iterable[Posting], sign: Callable[[Posting], int]
) -> ByAccount:
    """What was posted, by account and column."""
    by_account: dict[str, list[tuple[str, Decimal]]] = {}
    for posting in found:
        pair = (columns.key_of(posting), sign(posting) * posting.amount)
        by_account.setdefault(posting.account, []).append(pair)
    return {account: columns.spread(pairs) for account, pairs in by_account.items()}


# ---- profit and loss


def profit_and_loss(books: Books, query: Query) -> Record:
    """Income less expenses of a period, by account."""
    basis, span, kind = basis_of(query), period(books, query), kind_of(books)
    rows = summed(books, query, basis, span.first, span.last)
    found = [p for p in rows if kind(p) in RESULT]
    columns = columns_of(books, query, span, found)
    amounts = gathered(columns, found, lambda p: -1 if kind(p) in REVENUE else 1)
    by = query.get("summarize_column_by", "Total").title()
    head = header(books, "ProfitAndLoss", query, not found, span, basis, by)
    first = column("", "Account", "account")
    return answer(head, [first, *columns.heads], _result(Accounts(books, columns, amounts)))


def _result(accounts: Accounts) -> list[Record]:
    income = accounts.sums("Income")
    cost = accounts.sums("Cost of Goods Sold")
    expense = accounts.sums("Expense")
    more, less = accounts.sums("Other Income"), accounts.sums("Other Expense")
    gross = _less(income, cost)
    operating = _less(gross, expense)
    other = _less(more, less)
    rows = [_group(accounts, "Income", "Income", income, "Income")]
    if any(cost):
        rows.append(_group(accounts, "Cost of Goods Sold", "Cost of Goods Sold", cost, "COGS"))
    rows.append(_line("Gross Profit", gross, "GrossProfit"))
    rows.append(_group(accounts, "Expenses", "Expense", expense, "Expenses"))
    rows.append(_line("Net Operating Income", operating, "NetOperatingIncome"))
    if any(more):
        rows.append(_group(accounts, "Other Income", "Other Income", more, "OtherIncome"))
    if any(less):
        rows.append(_group(accounts, "Other Expenses", "Other Expense", less, "OtherExpenses"))
    if any(more) or any(less):
        rows.append(_line("Net Other Income", other, "NetOtherIncome"))
    net = [a + b for a, b in zip(operating, other, strict=True)]
    return [*rows, _line("Net Income", net, "NetIncome")]


def _less(a: Amounts, b: Amounts) -> Amounts:
    return [x - y for x, y in zip(a, b, strict=True)]


def _group(accounts: Accounts, title: str, kind: str, total: Amounts, group: str) -> Record:
    rows = accounts.rows(kind)
    blank = cells(title, [ZERO] * accounts.columns.width)
    return section(blank, rows, cells(f"Total {title}", total), group)


def _line(title: str, total: Amounts, group: str) -> Record:
    return section(None, [], cells(title, total), group)


# ---- balance sheet


def balance_sheet(books: Books, query: Query) -> Record:
    """What is owned and owed at the end of the period; profit of earlier years is retained."""
    basis, span = basis_of(query), period(books, query)
    found = list(summed(books, query, basis, "", span.last))
    total = Columns([column("Total", "Money", "total")], lambda p: "", [])
    kind = kind_of(books)
    amounts = gathered(total, found, lambda p: 1 if kind(p) in ASSETS else -1)
    start = fiscal_start(books, span.last)
    result = [p for p in found if kind(p) in RESULT]
    now = -sum((p.amount for p in result if p.day >= start), ZERO)
    earlier = -sum((p.amount for p in result if p.day < start), ZERO)
    accounts = Accounts(books, total, {i: a for i, a in amounts.items() if i})
    rows = [_assets(accounts), _owed(accounts, now, earlier)]
    head = header(books, "BalanceSheet", query, not found, span, basis, "Total")
    return answer(head, [column("", "Account", "account"), *total.heads], rows)


_CURRENT = (("Bank Accounts", "Bank", "BankAccounts"),
            ("Accounts Receivable", "Accounts Receivable", "AR"),
            ("Other Current Assets", "Other Current Asset", "OtherCurrentAssets"))  # fmt: skip
_LASTING = (("Fixed Assets", "Fixed Asset", "FixedAssets"),
            ("Other Assets", "Other Asset", "OtherAssets"))  # fmt: skip
_SOON = (("Accounts Payable", "Accounts Payable", "AP"),
         ("Credit Cards", "Credit Card", "CreditCards"),
         ("Other Current Liabilities", "Other Current Liability",
          "OtherCurrentLiabilities"))  # fmt: skip
_LATER = (("Long-Term Liabilities", "Long Term Liability", "LongTermLiabilities"),)
ASSETS = tuple(kind for _, kind, _ in (*_CURRENT, *_LASTING))


def _groups(accounts: Accounts, kinds: Iterable[tuple[str, str, str]]) -> list[Record]:
    found = ((title, kind, group, accounts.sums(kind)) for title, kind, group in kinds)
    return [_group(accounts, t, k, total, g) for t, k, g, total in found if any(total)]


def _assets(accounts: Accounts) -> Record:
    current = accounts.sums(*(kind for _, kind, _ in _CURRENT))
    inner = [
        section(
            cells("Current Assets", [ZERO]),
            _groups(accounts, _CURRENT),
            cells("Total Current Assets", current, whole=True),
            "CurrentAssets",
        ),
        *_groups(accounts, _LASTING),
    ]
    total = accounts.sums(*ASSETS)
    return section(
        cells("ASSETS", [ZERO]), inner, cells("TOTAL ASSETS", total, whole=True), "TotalAssets"
    )


def _owed(accounts: Accounts, now: Decimal, earlier: Decimal) -> Record:
    soon = accounts.sums(*(kind for _, kind, _ in _SOON))
    liabilities = accounts.sums(*(kind for _, kind, _ in (*_SOON, *_LATER)))
    current = section(
        cells("Current Liabilities", [ZERO]),
        _groups(accounts, _SOON),
        cells("Total Current Liabilities", soon, whole=True),
        "CurrentLiabilities",
    )
    owed = section(
        cells("Liabilities", [ZERO]),
        [current, *_groups(accounts, _LATER)],
        cells("Total Liabilities", liabilities, whole=True),
        "Liabilities",
    )
    own = [a + now + earlier for a in accounts.sums("Equity")]
    rows = accounts.rows("Equity")
    if earlier:
        rows.append(data_row("Retained Earnings", [earlier]))
    equity = section(
        cells("Equity", [ZERO]),
        [*rows, {**data_row("Net Income", [now]), "group": "NetIncome"}],
        cells("Total Equity", own, whole=True),
        "Equity",
    )
    total = [a + b for a, b in zip(liabilities, own, strict=True)]
    return section(
        cells("LIABILITIES AND EQUITY", [ZERO]),
        [owed, equity],
        cells("TOTAL LIABILITIES AND EQUITY", total, whole=True),
        "TotalLiabilitiesAndEquity",
    )


# ---- trial balance and cash flow


def trial_balance(books: Books, query: Query) -> Record:
    """Every account's balance on its side; both sides add up to the same."""
    basis, span = basis_of(query), period(books, query, FISCAL)
    balances: dict[str, Decimal] = {}
    for posting in summed(books, query, basis, "", span.last):
        balances[posting.account] = balances.get(posting.account, ZERO) + posting.amount
    kept = {i: b for i, b in balances.items() if b}
    order = sorted(kept, key=lambda i: name_of(books, "Account", i).casefold())
    sides = [[max(kept[i], ZERO), max(-kept[i], ZERO)] for i in order]
    rows = [
        data_row(name_of(books, "Account", i), side, i)
        for i, side in zip(order, sides, strict=True)
    ]
    total = cells("TOTAL", added(sides, 2), whole=True)
    rows.append(section(None, [], total, "GrandTotal"))
    heads = [column("", "Account", "account"), column("Debit", "Money", "debit"),
             column("Credit", "Money", "credit")]  # fmt: skip
    return answer(
        header(books, "TrialBalance", query, not order, span, basis, "Total"), heads, rows
    )


_OPERATING = ("Accounts Receivable", "Other Current Asset", "Accounts Payable", "Credit Card",
              "Other Current Liability")  # fmt: skip
_INVESTING = ("Fixed Asset", "Other Asset")
_FINANCING = ("Long Term Liability", "Equity")


def cash_flow(books: Books, query: Query) -> Record:
    """Where the money of the bank accounts came from and went to (indirect method)."""
    span, kind = period(books, query), kind_of(books)
    every = list(summed(books, query, ACCRUAL, "", span.last))
    found = [p for p in every if p.day >= span.first]
    earlier = (p.amount for p in every if p.day < span.first and kind(p) == "Bank")
    before = sum(earlier, ZERO)
    total = Columns([column("Total", "Money", "total")], lambda p: "", [])
    accounts = Accounts(books, total, gathered(total, found, lambda p: -1))
    net = [sum((-p.amount for p in found if kind(p) in RESULT), ZERO)]
    changes = accounts.sums(*_OPERATING)
    operating = [net[0] + changes[0]]
    adjust = section(
        cells("Adjustments to reconcile Net Income to Net Cash provided by operations:", [ZERO]),
        accounts.rows(*_OPERATING),
        cells("Total Adjustments to reconcile Net Income to Net Cash provided by operations:",
              changes),
        "OperatingAdjustments",
    )  # fmt: skip
    rows = [
        section(
            cells("OPERATING ACTIVITIES", [ZERO]),
            [{**data_row("Net Income", net), "group": "NetIncome"}, adjust],
            cells("Net cash provided by operating activities", operating),
            "OperatingActivities",
        )
    ]
    moved = operating[0]
    for title, kinds, group in (
        ("investing", _INVESTING, "InvestingActivities"),
        ("financing", _FINANCING, "FinancingActivities"),
    ):
        sums = accounts.sums(*kinds)
        moved += sums[0]
        if any(sums):
            summary = cells(f"Net cash provided by {title} activities", sums)
            head = cells(f"{title.upper()} ACTIVITIES", [ZERO])
            rows.append(section(head, accounts.rows(*kinds), summary, group))
    rows.append(section(None, [], cells("Net cash increase for period", [moved]), "CashIncrease"))
    rows.append(section(None, [], cells("Cash at beginning of period", [before]), "BeginningCash"))
    rows.append(section(None, [], cells("Cash at end of period", [before + moved]), "EndingCash"))
    head = header(books, "CashFlow", query, not found, span, summarized="Total")
    return answer(head, [column("", "Account", "account"), *total.heads], rows)
