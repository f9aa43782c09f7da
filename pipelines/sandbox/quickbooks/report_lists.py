"""Reports that list: transactions, the lines of a result, the journal, the chart of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.cash_basis import cash_postings
from pipelines.sandbox.quickbooks.ledger import dated, posted, postings
from pipelines.sandbox.quickbooks.ledger_chart import Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.report_layout import (
    Period,
    Query,
    answer,
    as_many_as_fit,
    column,
    header,
    money,
    period,
    section,
)
from pipelines.sandbox.quickbooks.report_names import name_of
from pipelines.sandbox.quickbooks.report_parties import TYPE_NAMES
from pipelines.sandbox.quickbooks.report_sums import REVENUE, basis_of, is_wanted, kind_of, summed
from pipelines.sandbox.quickbooks.tally import ACCRUAL, CASH
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, ref_value

MONTH = "this month-to-date"
LIST_COLUMNS = (
    ("Date", "tx_date"), ("Transaction Type", "txn_type"), ("Num", "doc_num"),
    ("Posting", "is_no_post"), ("Name", "name"), ("Memo/Description", "memo"),
    ("Account", "account_name"), ("Split", "other_account"), ("Amount", "subt_nat_amount"),
)  # fmt: skip
NOT_POSTING = ("Estimate", "PurchaseOrder")
NEGATIVE = ("CreditMemo", "RefundReceipt", "VendorCredit", "BillPayment", "Purchase")


@dataclass(frozen=True)
class Listed:
    """A transaction as a list shows it."""

    entity: str
    record: Record
    account: str
    split: str
    amount: Decimal


# ---- transactions


def transactions(books: Books, query: Query) -> tuple[list[Listed], bool]:
    """Transactions between `start_date` and `end_date` (this month), oldest first, as many as a
    report holds; and whether there were more."""
    span = period(books, query, MONTH)
    wanted = query.get("transaction_type", "").replace(" ", "").lower()
    entities = [e for e in (*POSTS, *NOT_POSTING) if wanted in ("", e.lower())]
    chart, rows = Chart(books), dated(books, entities, span.first, span.last)
    found = (_listed(books, chart, e, r) for e, r in rows if _names(query, r))
    return as_many_as_fit(found, len(LIST_COLUMNS))


def _names(query: Query, record: Record) -> bool:
    asked = (("customer", "CustomerRef"), ("vendor", "VendorRef"))
    return all(
        ref_value(record, member) in query[name].split(",")
        for name, member in asked
        if query.get(name)
    )


def _listed(books: Books, chart: Chart, entity: str, record: Record) -> Listed:
    parts = list(posted(chart, entity, record)) if entity in POSTS else []
    names = list(dict.fromkeys(name_of(books, "Account", p.account) for p in parts[:-1]))
    own = name_of(books, "Account", parts[-1].account) if parts else ""
    split = names[0] if len(names) == 1 else "-Split-" if names else ""
    member = "Amount" if "TotalAmt" not in record else "TotalAmt"
    amount = amount_of(record, member) * (-1 if entity in NEGATIVE else 1)
    return Listed(entity, record, own, split, amount)


def transaction_list(books: Books, query: Query) -> Record:
    """One row per transaction."""
    found, cut = transactions(books, query)
    rows = [_list_row(one) for one in found]
    return _of_transactions(books, query, "TransactionList", rows, cut)


def transactions_by(books: Books, query: Query, name: str, member: str, entity: str) -> Record:
    """Transactions in a section for each customer or vendor."""
    by_party: dict[str, list[Listed]] = {}
    listed, cut = transactions(books, query)
    for found in listed:
        party = ref_value(found.record, member)
        if party is not None:
            by_party.setdefault(party, []).append(found)
    blank = [""] * (len(LIST_COLUMNS) - 1)
    rows = []
    for party in sorted(by_party, key=lambda i: name_of(books, entity, i).casefold()):
        title = texts([name_of(books, entity, party), *blank])
        title["ColData"][0]["id"] = party
        total = sum((f.amount for f in by_party[party]), ZERO)
        named = title["ColData"][0]["value"]
        summary = texts([f"Total for {named}", *blank[:-1], money(total)])
        rows.append(section(title, [_list_row(f) for f in by_party[party]], summary))
    return _of_transactions(books, query, name, rows, cut)


def _of_transactions(
    books: Books, query: Query, name: str, rows: list[Record], cut: bool
) -> Record:
    heads = [{"ColTitle": title, "ColType": kind} for title, kind in LIST_COLUMNS]
    head = header(books, name, query, not rows, period(books, query, MONTH))
    return answer(head, heads, rows, cut)


def _list_row(found: Listed) -> Record:
    record = found.record
    party = record.get("CustomerRef") or record.get("VendorRef") or record.get("EntityRef") or {}
    made = texts([
        str(record["TxnDate"]), TYPE_NAMES.get(found.entity, found.entity),
        str(record.get("DocNumber") or ""), "No" if found.entity in NOT_POSTING else "Yes",
        str(party.get("name", "")), str(record.get("PrivateNote", "")),
        found.account, found.split, f"{found.amount:.2f}",
    ])  # fmt: skip
    made["ColData"][1]["id"] = record["Id"]
    made["ColData"][4]["id"] = str(party.get("value", ""))
    return {**made, "type": "Data"}


def texts(values: Sequence[str]) -> Record:
    """A row of texts."""
    return {"ColData": [{"value": value} for value in values]}


# ---- the general ledger and the journal


LEDGER_COLUMNS = (
    ("Date", "tx_date"), ("Transaction Type", "txn_type"), ("Num", "doc_num"), ("Name", "name"),
    ("Memo/Description", "memo"), ("Split", "split_acc"), ("Amount", "subt_nat_amount"),
    ("Balance", "rbal_nat_amount"),
)  # fmt: skip


def splits_of(books: Books, found: Sequence[Posting]) -> dict[tuple[str, str], tuple[str, str]]:
    """By transaction and account: id and name of the account on the other side, or "-Split-"."""
    accounts: dict[str, dict[str, None]] = {}
    for posting in found:
        accounts.setdefault(posting.transaction, {})[posting.account] = None
    named: dict[tuple[str, str], tuple[str, str]] = {}
    for transaction, own in accounts.items():
        for account in own:
            others = [other for other in own if other != account]
            one = (others[0], name_of(books, "Account", others[0])) if len(others) == 1 else None
            named[transaction, account] = one or ("", "-Split-" if others else "")
    return named


def party_name(books: Books, posting: Posting) -> str:
    """The name of a posting's customer, vendor or employee."""
    record_id, kind = posting.name
    return name_of(books, kind, record_id) if record_id and kind else ""


def ledger_row(
    books: Books, posting: Posting, split: tuple[str, str], amount: Decimal, balance: Decimal
) -> Record:
    """One posting with what its account comes to after it."""
    made = texts([
        posting.day, TYPE_NAMES.get(posting.entity, posting.entity), posting.number,
        party_name(books, posting), posting.memo, split[1], f"{amount:.2f}", f"{balance:.2f}",
    ])  # fmt: skip
    made["ColData"][1]["id"] = posting.transaction
    made["ColData"][3]["id"] = posting.name[0]
    made["ColData"][5]["id"] = split[0]
    return {**made, "type": "Data"}


def _by_account(
    books: Books,
    found: Sequence[Posting],
    sign: int,
    split: Mapping[tuple[str, str], tuple[str, str]],
) -> Iterator[Record]:
    """A section for each account: every line and its sum."""
    grouped: dict[str, list[Posting]] = {}
    for posting in found:
        grouped.setdefault(posting.account, []).append(posting)
    blank = [""] * (len(LEDGER_COLUMNS) - 1)
    for account in sorted(grouped, key=lambda i: name_of(books, "Account", i).casefold()):
        name = name_of(books, "Account", account)
        total, rows = ZERO, []
        for posting in grouped[account]:
            total += sign * posting.amount
            named = split[posting.transaction, account]
            rows.append(ledger_row(books, posting, named, sign * posting.amount, total))
        title = texts([name, *blank])
        title["ColData"][0]["id"] = account
        summary = texts([f"Total for {name}", *blank[:-2], money(total), ""])
        yield section(title, rows, summary)


DEBIT = ("Bank", "Accounts Receivable", "Other Current Asset", "Fixed Asset", "Other Asset",
          "Expense", "Other Expense", "Cost of Goods Sold")  # fmt: skip


def posted_in(books: Books, basis: str, span: Period) -> tuple[list[Posting], bool]:
    """The postings of a period on a basis, as many as a ledger holds; whether there were more."""
    rows = cash_postings if basis == CASH else postings
    return as_many_as_fit(rows(books, span.first, span.last), len(LEDGER_COLUMNS))


def profit_and_loss_detail(books: Books, query: Query) -> Record:
    """Every line of income and expense of a period, by account."""
    basis, span = basis_of(query), period(books, query)
    kind, wanted = kind_of(books), is_wanted(books, query)
    every, cut = posted_in(books, basis, span)
    found, split = [p for p in every if wanted(p)], splits_of(books, every)
    rows = []
    for title, kinds, group in (
        ("Income", ("Income",), "Income"),
        ("Cost of Goods Sold", ("Cost of Goods Sold",), "COGS"),
        ("Expenses", ("Expense",), "Expenses"),
        ("Other Income", ("Other Income",), "OtherIncome"),
        ("Other Expenses", ("Other Expense",), "OtherExpenses"),
    ):
        sign = -1 if title in ("Income", "Other Income") else 1
        mine = [p for p in found if kind(p) in kinds]
        if mine:
            inner = list(_by_account(books, mine, sign, split))
            total = sum((sign * p.amount for p in mine), ZERO)
            rows.append(_total_section(title, inner, total, group))
    net = -sum((p.amount for p in found if kind(p) in _RESULT), ZERO)
    blank = [""] * (len(LEDGER_COLUMNS) - 2)
    summary = texts(["Net Income", *blank[:-1], f"{net:.2f}", ""])
    rows.append(section(None, [], summary, "NetIncome"))
    heads = [{"ColTitle": title, "ColType": key} for title, key in LEDGER_COLUMNS]
    head = header(books, "ProfitAndLossDetail", query, not found, span, basis)
    return answer(head, heads, rows, cut)


_RESULT = (*REVENUE, "Expense", "Other Expense", "Cost of Goods Sold")


def _total_section(title: str, inner: list[Record], total: Decimal, group: str) -> Record:
    blank = [""] * (len(LEDGER_COLUMNS) - 2)
    summary = texts([f"Total for {title}", *blank[:-1], money(total), ""])
    return section(texts([title, *blank, ""]), inner, summary, group)


JOURNAL_COLUMNS = (
    ("Date", "tx_date"), ("Transaction Type", "txn_type"), ("Num", "doc_num"), ("Name", "name"),
    ("Memo/Description", "memo"), ("Account", "account_name"), ("Debit", "debt_amt"),
    ("Credit", "credit_amt"),
)  # fmt: skip


def journal_report(books: Books, query: Query) -> Record:
    """Every line of every transaction with its side; both sides add up to the same."""
    span, wanted = period(books, query, MONTH), is_wanted(books, query)
    posted_rows = filter(wanted, postings(books, span.first, span.last))
    found, cut = as_many_as_fit(posted_rows, len(JOURNAL_COLUMNS))
    rows = [_journal_row(books, posting) for posting in found]
    debit = sum((p.amount for p in found if p.amount > 0), ZERO)
    credit = -sum((p.amount for p in found if p.amount < 0), ZERO)
    blank = [""] * (len(JOURNAL_COLUMNS) - 3)
    summary = texts(["TOTAL", *blank, f"{debit:.2f}", f"{credit:.2f}"])
    rows.append(section(None, [], summary, "GrandTotal"))
    heads = [{"ColTitle": title, "ColType": key} for title, key in JOURNAL_COLUMNS]
    return answer(header(books, "JournalReport", query, not found, span), heads, rows, cut)


def _journal_row(books: Books, posting: Posting) -> Record:
    made = texts([
        posting.day, TYPE_NAMES.get(posting.entity, posting.entity), posting.number,
        party_name(books, posting), posting.memo, name_of(books, "Account", posting.account),
        money(max(posting.amount, ZERO)), money(max(-posting.amount, ZERO)),
    ])  # fmt: skip
    made["ColData"][1]["id"] = posting.transaction
    made["ColData"][5]["id"] = posting.account
    return {**made, "type": "Data"}


# ---- the chart of accounts


ACCOUNT_COLUMNS = (("Account", "account_name"), ("Type", "account_type"),
                   ("Detail type", "detail_acc_type"), ("Description", "account_desc"),
                   ("Balance", "account_bal"))  # fmt: skip


def account_list(books: Books, query: Query) -> Record:
    """The active accounts with their balances."""
    kind = kind_of(books)
    sums: dict[str, Decimal] = {}
    for posting in summed(books, {}, ACCRUAL, "", "9999-12-31"):
        amount = posting.amount if kind(posting) in DEBIT else -posting.amount
        sums[posting.account] = sums.get(posting.account, ZERO) + amount
    living = [a for a in books.table("Account") if a.get("Active") is not False]
    rows = []
    for account in sorted(living, key=lambda a: str(a["FullyQualifiedName"]).casefold()):
        shown = str(account.get("AccountType")) not in _RESULT
        made = texts([
            str(account["FullyQualifiedName"]), str(account.get("AccountType", "")),
            str(account.get("AccountSubType", "")), str(account.get("Description", "")),
            money(sums.get(account["Id"], ZERO)) if shown else "",
        ])  # fmt: skip
        made["ColData"][0]["id"] = account["Id"]
        rows.append({**made, "type": "Data"})
    heads = [column(title, "String", key) for title, key in ACCOUNT_COLUMNS]
    return answer(header(books, "AccountList", query, not rows), heads, rows)
