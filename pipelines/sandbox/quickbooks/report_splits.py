"""Transactions with every account they post to, as TransactionListWithSplits lists them.

Layout: Intuit's sample of the report. A transaction's own line says what it is; its other lines
have the date 0-00-00 and only the id; an empty row follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger import dated, posted
from pipelines.sandbox.quickbooks.ledger_chart import Chart, Posting
from pipelines.sandbox.quickbooks.ledger_parts import POSTS
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.report_layout import (
    Query,
    answer,
    column,
    header,
    period,
    section,
)
from pipelines.sandbox.quickbooks.report_lists import DEBIT, party_name, texts
from pipelines.sandbox.quickbooks.report_names import name_of
from pipelines.sandbox.quickbooks.report_parties import TYPE_NAMES
from pipelines.sandbox.quickbooks.report_sums import is_wanted, kind_of
from pipelines.sandbox.quickbooks.values import Record

QUARTER = "this fiscal quarter"
COLUMNS = (
    ("Date", "Date", "tx_date"), ("Transaction Type", "String", "txn_type"),
    ("Num", "String", "doc_num"), ("Posting", "Boolean", "is_no_post"),
    ("Name", "String", "name"), ("Memo/Description", "String", "memo"),
    ("Account", "String", "account_name"), ("Amount", "Money", "nat_amount"),
)  # fmt: skip
BLANK = [""] * len(COLUMNS)


@dataclass(frozen=True)
class Split:
    """A line of a transaction; `own`: the one that says what the transaction is."""

    posting: Posting
    own: bool


def transaction_list_with_splits(books: Books, query: Query) -> Record:
    """Every line of every transaction; in sections with `group_by`.

    Raises:
        Refusal: 6000, a `group_by` that the report does not know.
    """
    span = period(books, query, QUARTER)
    wanted = query.get("transaction_type", "").replace(" ", "").lower()
    entities = [entity for entity in POSTS if wanted in ("", entity.lower())]
    chart, passes = Chart(books), is_wanted(books, query)
    found: list[list[Split]] = []
    for entity, record in dated(books, entities, span.first, span.last):
        lines = list(posted(chart, entity, record))[::-1]
        if any(map(passes, lines)):
            found.append([Split(line, at == 0) for at, line in enumerate(lines)])
    rows = _grouped(books, query.get("group_by", ""), found)
    heads = [column(title, kind, key) for title, kind, key in COLUMNS]
    return answer(header(books, "TransactionListWithSplits", query, not rows, span), heads, rows)


def _grouped(books: Books, by: str, found: Sequence[Sequence[Split]]) -> list[Record]:
    write = _writer(books)
    if not by:
        return write(found)
    groups: dict[tuple[str, str], list[list[Split]]] = {}
    keys: dict[str, Callable[[Posting], tuple[str, str]]] = {
        "account": lambda line: (line.account, name_of(books, "Account", line.account)),
        "name": lambda line: (line.name[0], party_name(books, line) or "Not Specified"),
        "transactiontype": lambda line: ("", TYPE_NAMES.get(line.entity, line.entity)),
    }
    key = keys.get(by.replace(" ", "").lower())
    if key is None:
        raise business(f"Invalid value for group_by: {by}", "group_by")
    for lines in found:
        if key is keys["account"]:
            for line in lines:
                groups.setdefault(key(line.posting), []).append([line])
        else:
            groups.setdefault(key(lines[0].posting), []).append(list(lines))
    order = sorted(groups, key=lambda group: group[1].casefold())
    return [section(_titled(*group), write(groups[group]), None) for group in order]


def _titled(record_id: str, name: str) -> Record:
    made = texts([name, *BLANK[1:]])
    if record_id:
        made["ColData"][0]["id"] = record_id
    return made


def _writer(books: Books) -> Callable[[Iterable[Sequence[Split]]], list[Record]]:
    kind = kind_of(books)

    def row(line: Split) -> Record:
        one = line.posting
        amount = one.amount if kind(one) in DEBIT else -one.amount
        said = ["0-00-00", "", "", "", "", one.memo]
        if line.own:
            type_name = TYPE_NAMES.get(one.entity, one.entity)
            said = [one.day, type_name, one.number, "Yes", party_name(books, one), one.memo]
        made = texts([*said, name_of(books, "Account", one.account), f"{amount:.2f}"])
        for at, record_id in ((1, one.transaction), (4, one.name[0] if line.own else ""),
                              (6, one.account)):  # fmt: skip
            made["ColData"][at]["id"] = record_id
        return {**made, "type": "Data"}

    def rows(found: Iterable[Sequence[Split]]) -> list[Record]:
        blank = {**texts(BLANK), "type": "Data"}
        return [one for lines in found for one in (*map(row, lines), blank)]

    return rows
