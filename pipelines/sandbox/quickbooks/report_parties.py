"""Reports by customer, vendor, item, class and department: who owes, who buys, what is sold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Posting
from pipelines.sandbox.quickbooks.references import display_name
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.report_layout import (
    Query,
    added,
    answer,
    cells,
    column,
    data_row,
    header,
    money,
    period,
    section,
)
from pipelines.sandbox.quickbooks.report_names import names_of
from pipelines.sandbox.quickbooks.report_sums import FILTERS, basis_of, is_wanted, kind_of
from pipelines.sandbox.quickbooks.tally import ACCRUAL, Open, tallies_of
from pipelines.sandbox.quickbooks.values import ZERO, Record, amount_of, cents, date_of, ref_value


@dataclass(frozen=True)
class Side:
    """Customers or vendors: which documents leave something open."""

    entity: str
    documents: tuple[str, ...]


CUSTOMERS = Side("Customer", ("Invoice", "CreditMemo", "Payment"))
VENDORS = Side("Vendor", ("Bill", "VendorCredit"))
TYPE_NAMES = {"CreditMemo": "Credit Memo", "SalesReceipt": "Sales Receipt",
              "RefundReceipt": "Refund", "VendorCredit": "Vendor Credit",
              "BillPayment": "Bill Payment", "PurchaseOrder": "Purchase Order",
              "JournalEntry": "Journal Entry", "Purchase": "Expense",
              "CreditCardPayment": "Credit Card Payment"}  # fmt: skip


def open_documents(books: Books, side: Side, day: str, query: Query) -> list[Open]:
    """What is open of all documents up to a day, oldest first."""
    wanted = set(filter(None, query.get(side.entity.lower(), "").split(",")))
    found = [
        one
        for one in tallies_of(books).of(ACCRUAL).open.values()
        if one.entity in side.documents and one.day <= day and (not wanted or one.party in wanted)
    ]
    return sorted(found, key=lambda one: (one.day, int(one.id)))


# ---- by age


@dataclass(frozen=True)
class Ages:
    """Days past due in periods; `report_date` (today), `aging_period` (30), `num_periods` (4)."""

    day: date
    size: int
    count: int

    @classmethod
    def of(cls, books: Books, query: Query) -> Ages:
        """As a query asks for.

        Raises:
            Refusal: 2070 no date, 6000 no number of days or periods.
        """
        day = date_of(query.get("report_date") or books.today(), "report_date")
        sizes = [query.get("aging_period", "30"), query.get("num_periods", "4")]
        if not all(text.isdigit() and 0 < int(text) < 1000 for text in sizes):
            raise business("Invalid aging period or number of periods.", "aging_period")
        return cls(date.fromisoformat(day), int(sizes[0]), int(sizes[1]))

    @property
    def titles(self) -> list[str]:
        """The columns of the periods."""
        spans = [f"{n * self.size + 1} - {(n + 1) * self.size}" for n in range(self.count - 1)]
        return ["Current", *spans, f"{(self.count - 1) * self.size + 1} and over"]

    def late(self, found: Open) -> int:
        """How many days past due; a credit is always current."""
        if found.amount < 0:
            return 0
        return max((self.day - date.fromisoformat(found.due)).days, 0)

    def slot(self, found: Open) -> int:
        """Which period an open document stands in."""
        late = self.late(found)
        return 0 if late <= 0 else min((late - 1) // self.size + 1, self.count)


def aged(books: Books, query: Query, name: str, side: Side) -> Record:
    """Open balances by party and days past due, in the home currency."""
    ages = Ages.of(books, query)
    by_party: dict[str, list[Decimal]] = {}
    for found in open_documents(books, side, ages.day.isoformat(), query):
        slots = by_party.setdefault(found.party, [ZERO] * (ages.count + 1))
        slots[ages.slot(found)] += found.amount
    known = {p: [*slots, sum(slots, ZERO)] for p, slots in by_party.items() if any(slots)}
    rows = _tree(books, side.entity, known)
    if rows:
        total = cells("TOTAL", added(list(known.values()), ages.count + 2))
        rows.append(section(None, [], total, "GrandTotal"))
    first = column("", side.entity, f"{side.entity.lower()}_name")
    keys = {"Current": "current"}
    slots_heads = [column(t, "Money", keys.get(t, t)) for t in ages.titles]
    heads = [first, *slots_heads, column("Total", "Money", "total")]
    return answer(header(books, name, query, not rows), heads, rows)


def _tree(books: Books, entity: str, known: dict[str, list[Decimal]]) -> list[Record]:
    """A row for each party; one with sub-parties is a section with them below."""
    records = {i: books.get(entity, i) or {} for i in known}
    named = {i: display_name(entity, r) or "Not Specified" for i, r in records.items()}
    order = sorted(known, key=lambda i: named[i].casefold())
    below: dict[str, list[str]] = {}
    for i in order:
        parent = ref_value(records[i], "ParentRef") or ""
        below.setdefault(parent if parent in known else "", []).append(i)

    def party(own: str) -> Record:
        name, mine = named[own], below.get(own, ())
        if not mine:
            return cells(name, known[own], own)
        total = added([known[own], *(known[i] for i in mine)], len(known[own]))
        inner = [party(i) for i in mine]
        return section(cells(name, known[own], own), inner, cells(f"Total {name}", total))

    return [party(i) for i in below.get("", ())]


_DETAIL = (("Date", "Date", "tx_date"), ("Transaction Type", "String", "txn_type"),
           ("Num", "String", "doc_num"), ("{}", "String", "{}_name"),
           ("Due Date", "Date", "due_date"), ("Past Due", "Number", "past_due"),
           ("Amount", "Money", "subt_amount"),
           ("Open Balance", "Money", "subt_open_bal"))  # fmt: skip


def aged_detail(books: Books, query: Query, name: str, side: Side) -> Record:
    """Every open document, in sections by days past due, the oldest first."""
    ages = Ages.of(books, query)
    found = open_documents(books, side, ages.day.isoformat(), query)
    named = names_of(books, side.entity, {one.party for one in found})
    sections = []
    for slot in range(ages.count, -1, -1):
        inside = [o for o in found if ages.slot(o) == slot]
        if not inside:
            continue
        spoken = f"{ages.titles[slot]} days past due" if slot else "Current"
        rows = [_aged_line(o, named[o.party], ages.late(o)) for o in inside]
        total = sum((o.amount for o in inside), ZERO)
        summary = _wide([f"Total for {spoken}", *[""] * 6, money(total)])
        sections.append(section(_wide([spoken, *[""] * 7]), rows, summary))
    if sections:
        total = sum((o.amount for o in found), ZERO)
        summary = _wide(["TOTAL", *[""] * 6, money(total)])
        sections.append(section(None, [], summary, "GrandTotal"))
    party = (side.entity, side.entity.lower())
    heads = [column(t.format(party[0]), k, key.format(party[1])) for t, k, key in _DETAIL]
    return answer(header(books, name, query, not sections), heads, sections)


def _wide(texts: list[str]) -> Record:
    return {"ColData": [{"value": text} for text in texts]}


def _aged_line(found: Open, name: str, late: int) -> Record:
    sign = -1 if found.amount < 0 else 1
    made = _wide([
        found.day, TYPE_NAMES.get(found.entity, found.entity), found.number, name, found.due,
        str(late), money(cents(sign * found.total * found.rate)), money(found.amount),
    ])  # fmt: skip
    made["ColData"][1]["id"] = found.id
    made["ColData"][3]["id"] = found.party
    return {**made, "type": "Data"}


# ---- balances


def balances(books: Books, query: Query, name: str, side: Side) -> Record:
    """What every party owes, or is owed, today or on `report_date`."""
    day = date_of(query.get("report_date") or books.today(), "report_date")
    by_party: dict[str, list[Decimal]] = {}
    for found in open_documents(books, side, day, query):
        by_party.setdefault(found.party, [ZERO])[0] += found.amount
    known = {p: a for p, a in by_party.items() if any(a)}
    rows = _tree(books, side.entity, known)
    if rows:
        total = cells("TOTAL", added(list(known.values()), 1))
        rows.append(section(None, [], total, "GrandTotal"))
    heads = [column("", side.entity, side.entity.lower()), column("Total", "Money", "total")]
    return answer(header(books, name, query, not rows), heads, rows)


def balance_detail(books: Books, query: Query, name: str, side: Side) -> Record:
    """Every open document by party."""
    day = date_of(query.get("report_date") or books.today(), "report_date")
    by_party: dict[str, list[Open]] = {}
    for found in open_documents(books, side, day, query):
        by_party.setdefault(found.party, []).append(found)
    sections = []
    for party, title in names_of(books, side.entity, by_party).items():
        mine = by_party[party]
        rows = [_open_line(found) for found in mine]
        total = sum((found.amount for found in mine), ZERO)
        head = _wide([title, *[""] * 5])
        head["ColData"][0]["id"] = party
        summary = _wide([f"Total for {title}", *[""] * 4, money(total)])
        sections.append(section(head, rows, summary))
    heads = [column(*key) for key in _OPEN]
    return answer(header(books, name, query, not sections), heads, sections)


_OPEN = (
    ("Date", "Date", "tx_date"), ("Transaction Type", "String", "txn_type"),
    ("Num", "String", "doc_num"), ("Due Date", "Date", "due_date"),
    ("Amount", "Money", "subt_amount"), ("Open Balance", "Money", "subt_open_bal"),
)  # fmt: skip


def _open_line(found: Open) -> Record:
    sign = -1 if found.amount < 0 else 1
    made = _wide([
        found.day, TYPE_NAMES.get(found.entity, found.entity), found.number, found.due,
        money(sign * found.total), money(found.amount),
    ])  # fmt: skip
    made["ColData"][1]["id"] = found.id
    return {**made, "type": "Data"}


# ---- sums over a period


def _revenue(books: Books, query: Query) -> tuple[list[Posting], Record]:
    """Income of a period, and the header's share of it."""
    kind = kind_of(books)
    found = [p for p in _split(books, query) if kind(p) == "Income"]
    return found, {"span": period(books, query), "basis": basis_of(query)}


def _split(books: Books, query: Query) -> Iterator[Posting]:
    """What was posted in a period, by name, item, class and department."""
    span, tally = period(books, query), tallies_of(books).of(basis_of(query))
    return filter(is_wanted(books, query), tally.split(span.first, span.last))


def sales_by(
    books: Books, query: Query, name: str, entity: str, key: Callable[[Posting], str]
) -> Record:
    """Income of a period by customer, class or department."""
    found, said = _revenue(books, query)
    sums: dict[str, list[Decimal]] = {}
    for posting in found:
        sums.setdefault(key(posting), [ZERO])[0] -= posting.amount
    rows = [data_row(name, sums[i], i) for i, name in names_of(books, entity, sums).items()]
    total = cells("TOTAL", added(list(sums.values()), 1), whole=True)
    rows.append(section(None, [], total, "GrandTotal"))
    heads = [column("", entity, entity.lower()), column("Total", "Money", "total")]
    head = header(books, name, query, not found, summarized="Total", **said)
    return answer(head, heads, rows)


def item_sales(books: Books, query: Query) -> Record:
    """Quantity, amount, share and average price of what was sold."""
    found, said = _revenue(books, query)
    sums: dict[str, list[Decimal]] = {}
    for posting in found:
        if posting.item:
            row = sums.setdefault(posting.item, [ZERO, ZERO])
            row[0] += posting.quantity
            row[1] -= posting.amount
    total = sum((row[1] for row in sums.values()), ZERO)
    rows = [
        _sold_row(i, name, sums[i][0], sums[i][1], total)
        for i, name in names_of(books, "Item", sums).items()
    ]
    quantity = sum((row[0] for row in sums.values()), ZERO)
    summary = _wide(["TOTAL", f"{quantity:.2f}", f"{total:.2f}", "100.0 %", ""])
    rows.append(section(None, [], summary, "GrandTotal"))
    heads = [
        column("", "ProductsAndService", "item"), column("Quantity", "Quantity", "quantity"),
        column("Amount", "Money", "amount"), column("% of Sales", "Percent", "percentage"),
        column("Avg Price", "Money", "price"),
    ]  # fmt: skip
    head = header(books, "ItemSales", query, not found, summarized="Total", **said)
    return answer(head, heads, rows)


def _sold_row(item: str, name: str, quantity: Decimal, amount: Decimal, total: Decimal) -> Record:
    share = f"{amount / total * 100:.2f} %" if total else ""
    price = f"{amount / quantity:.2f}" if quantity else ""
    made = _wide([name, f"{quantity:.2f}", money(amount), share, price])
    made["ColData"][0]["id"] = item
    return {**made, "type": "Data"}


def customer_income(books: Books, query: Query) -> Record:
    """Income, expenses and what remains, by customer."""
    return _income_and_expense(books, query, "CustomerIncome", "Customer", FILTERS["customer"])


def _income_and_expense(
    books: Books, query: Query, name: str, entity: str, key: Callable[[Posting], str]
) -> Record:
    span, kind = period(books, query), kind_of(books)
    sums: dict[str, list[Decimal]] = {}
    for posting in _split(books, query):
        side = {"Income": 0, "Expense": 1, "Cost of Goods Sold": 1}.get(kind(posting))
        if side is not None and key(posting):
            row = sums.setdefault(key(posting), [ZERO, ZERO, ZERO])
            row[side] += posting.amount if side else -posting.amount
            row[2] -= posting.amount
    rows = [data_row(name, sums[i], i) for i, name in names_of(books, entity, sums).items()]
    total = cells("TOTAL", added(list(sums.values()), 3), whole=True)
    rows.append(section(None, [], total, "GrandTotal"))
    heads = [column("", entity, entity.lower()), column("Total Income", "Money", "income"),
             column("Total Expenses", "Money", "expenses"),
             column("Net Income", "Money", "net_income")]  # fmt: skip
    head = header(books, name, query, not sums, span, basis_of(query), "Total")
    return answer(head, heads, rows)


def vendor_expenses(books: Books, query: Query) -> Record:
    """What was spent in a period, by vendor."""
    span, kind = period(books, query), kind_of(books)
    sums: dict[str, list[Decimal]] = {}
    for posting in _split(books, query):
        if kind(posting) in ("Expense", "Cost of Goods Sold", "Other Expense"):
            sums.setdefault(FILTERS["vendor"](posting), [ZERO])[0] += posting.amount
    rows = [data_row(name, sums[i], i) for i, name in names_of(books, "Vendor", sums).items()]
    total = cells("TOTAL", added(list(sums.values()), 1), whole=True)
    rows.append(section(None, [], total, "GrandTotal"))
    heads = [column("", "Vendor", "vendor"), column("Total", "Money", "total")]
    head = header(books, "VendorExpenses", query, not sums, span, basis_of(query), "Total")
    return answer(head, heads, rows)


def inventory_valuation(books: Books, query: Query) -> Record:
    """Quantity, value and average cost of what is in stock (as the items say)."""
    stock = [i for i in books.table("Item") if i.get("Type") == "Inventory"]
    rows, total = [], ZERO
    for item in sorted(stock, key=lambda i: str(i["FullyQualifiedName"]).casefold()):
        quantity, cost = amount_of(item, "QtyOnHand"), amount_of(item, "PurchaseCost")
        value = cents(quantity * cost)
        total += value
        texts = [str(item["FullyQualifiedName"]), str(item.get("Sku") or ""), f"{quantity:.2f}",
                 f"{value:.2f}", f"{cost:.2f}"]  # fmt: skip
        made = _wide(texts)
        made["ColData"][0]["id"] = item["Id"]
        rows.append({**made, "type": "Data"})
    rows.append(section(None, [], _wide(["TOTAL", "", "", f"{total:.2f}", ""]), "GrandTotal"))
    heads = [
        column("", "ProductsAndService", "item"), column("SKU", "String", "sku"),
        column("Qty", "Quantity", "quantity"), column("Asset Value", "Money", "value"),
        column("Calc. Avg", "Money", "avg_cost"),
    ]  # fmt: skip
    return answer(header(books, "InventoryValuationSummary", query, not stock), heads, rows)
