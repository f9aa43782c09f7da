"""The general ledger: every account with every line of a period and its balance.

Recorded of the real service (minimul/qbo_api, `reports/gl`): accounts in the order of the chart, a
sub-account as a section within its parent's; what was earned in earlier years begins under Retained
Earnings, and income and expenses begin with their year; the title of a parent that has no lines of
its own carries the id of its first sub-account, whose title has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Chart, Posting
from pipelines.sandbox.quickbooks.report_layout import (
    Query,
    answer,
    fiscal_start,
    header,
    money,
    period,
    section,
)
from pipelines.sandbox.quickbooks.report_lists import (
    DEBIT,
    LEDGER_COLUMNS,
    MONTH,
    ledger_row,
    posted_in,
    splits_of,
    texts,
)
from pipelines.sandbox.quickbooks.report_sums import RESULT, basis_of, is_wanted, kind_of, summed
from pipelines.sandbox.quickbooks.values import ZERO, Record, ref_value

CHART_ORDER = (
    "Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset",
    "Accounts Payable", "Credit Card", "Other Current Liability", "Long Term Liability", "Equity",
    "Income", "Cost of Goods Sold", "Expense", "Other Income", "Other Expense",
)  # fmt: skip
BLANK = [""] * (len(LEDGER_COLUMNS) - 1)


@dataclass
class Node:
    """An account of the ledger, or one above such accounts."""

    id: str
    name: str
    rows: list[Record] = field(default_factory=list)
    total: Decimal = ZERO
    below: dict[str, Node] = field(default_factory=dict)

    def section(self, titled: bool = True) -> Record:
        """Its lines, then its sub-accounts, then the sum of all."""
        title = texts([self.name, *BLANK])
        if titled:
            first = next(iter(self.below.values()), None)
            title["ColData"][0]["id"] = first.id if first and not self.rows else self.id
        inner = [node.section(titled=bool(self.rows)) for node in self.below.values()]
        summary = texts([f"Total for {self.name}", *BLANK[:-2], money(self.sum()), ""])
        return section(title, [*self.rows, *inner], summary)

    def sum(self) -> Decimal:
        """What was posted here and below."""
        return sum((node.sum() for node in self.below.values()), self.total)


def general_ledger(books: Books, query: Query) -> Record:
    """Every account with every line of a period and the balance after it."""
    basis, span = basis_of(query), period(books, query, MONTH)
    every, cut = posted_in(books, basis, span)
    grouped: dict[str, list[Posting]] = {}
    for posting in filter(is_wanted(books, query), every):
        grouped.setdefault(posting.account, []).append(posting)
    before = _before(books, query, basis, span.first)
    split, top = splits_of(books, every), Node("", "")
    for account in _in_chart_order(books, {*grouped, *before}):
        node = _node(top, _path(books, account))
        _fill(books, node, before.get(account, ZERO), grouped.get(account, ()), split)
    rows = [node.section() for node in top.below.values()]
    heads = [{"ColTitle": title, "ColType": key} for title, key in LEDGER_COLUMNS]
    return answer(header(books, "GeneralLedger", query, not rows, span, basis), heads, rows, cut)


def _before(books: Books, query: Query, basis: str, first: str) -> dict[str, Decimal]:
    """What the accounts begin with, on their own side."""
    if first <= "0001-01-01":
        return {}
    kind, year = kind_of(books), fiscal_start(books, first)
    retained = Chart(books).of("RetainedEarnings", "Equity")
    last = (date.fromisoformat(first) - timedelta(days=1)).isoformat()
    found: dict[str, Decimal] = {}
    for posting in summed(books, query, basis, "", last):
        earned = kind(posting) in RESULT and posting.day < year
        account = retained if earned else posting.account
        sign = 1 if not earned and kind(posting) in DEBIT else -1
        found[account] = found.get(account, ZERO) + sign * posting.amount
    return {account: amount for account, amount in found.items() if amount}


def _in_chart_order(books: Books, ids: set[str]) -> list[str]:
    def place(account_id: str) -> tuple[int, str, str]:
        account = books.get("Account", account_id) or {}
        kind = account.get("AccountType")
        at = CHART_ORDER.index(str(kind)) if kind in CHART_ORDER else len(CHART_ORDER)
        return at, str(account.get("FullyQualifiedName", "")).casefold(), account_id

    return sorted(ids, key=place)


def _path(books: Books, account_id: str) -> list[tuple[str, str]]:
    """The ids and names from the topmost account down to this one."""
    account = books.get("Account", account_id)
    if account is None:
        return [(account_id, "Not Specified")]
    above = ref_value(account, "ParentRef")
    own = (account_id, str(account.get("Name", "")))
    return [*(_path(books, above) if above else ()), own]


def _node(top: Node, path: Sequence[tuple[str, str]]) -> Node:
    node = top
    for record_id, name in path:
        node = node.below.setdefault(record_id, Node(record_id, name))
    return node


def _fill(
    books: Books,
    node: Node,
    balance: Decimal,
    found: Sequence[Posting],
    split: Mapping[tuple[str, str], tuple[str, str]],
) -> None:
    if balance:
        opening = texts(["Beginning Balance", *BLANK[:-1], f"{balance:.2f}"])
        node.rows.append({**opening, "type": "Data"})
    kind = (books.get("Account", node.id) or {}).get("AccountType")
    for posting in found:
        amount = posting.amount if kind in DEBIT else -posting.amount
        balance, node.total = balance + amount, node.total + amount
        named = split[posting.transaction, posting.account]
        node.rows.append(ledger_row(books, posting, named, amount, balance))
