"""What a report is summed from: basis, filters, the types of accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Posting
from pipelines.sandbox.quickbooks.refusals import business
from pipelines.sandbox.quickbooks.report_layout import Query
from pipelines.sandbox.quickbooks.tally import ACCRUAL, CASH, tallies_of


def basis_of(query: Query) -> str:
    """The basis of a report: accrual unless cash is asked for.

    Raises:
        Refusal: 6000, any other word.
    """
    basis = query.get("accounting_method", ACCRUAL).capitalize()
    if basis not in (ACCRUAL, CASH):
        raise business(f"Invalid accounting method: {basis}", "accounting_method")
    return basis


def summed(books: Books, query: Query, basis: str, first: str, last: str) -> Iterator[Posting]:
    """What was posted on these days, summed as far as the report's filters and columns allow."""
    tally = tallies_of(books).of(basis)
    by = query.get("summarize_column_by", "Total").title()
    if by in DIMENSIONS or any(query.get(name) for name in FILTERS):
        return filter(is_wanted(books, query), tally.split(first, last))
    return tally.whole(first, last)


def is_wanted(books: Books, query: Query) -> Callable[[Posting], bool]:
    """Whether a posting passes the report's filters (comma-separated ids)."""
    wanted = {n: set(query[n].split(",")) for n in FILTERS if query.get(n)}
    if not wanted:
        return lambda posting: True

    def test(posting: Posting) -> bool:
        return all(FILTERS[name](posting) in ids for name, ids in wanted.items())

    return test


FILTERS: dict[str, Callable[[Posting], str]] = {
    "customer": lambda p: p.name[0] if p.name[1] == "Customer" else "",
    "vendor": lambda p: p.name[0] if p.name[1] == "Vendor" else "",
    "item": lambda p: p.item,
    "class": lambda p: p.class_id,
    "department": lambda p: p.department,
    "account": lambda p: p.account,
}
DIMENSIONS: dict[str, tuple[str, Callable[[Posting], str]]] = {
    "Customers": ("Customer", FILTERS["customer"]),
    "Vendors": ("Vendor", FILTERS["vendor"]),
    "Classes": ("Class", FILTERS["class"]),
    "Departments": ("Department", FILTERS["department"]),
    "Productsandservices": ("Item", FILTERS["item"]),
}


def kind_of(books: Books) -> Callable[[Posting], str]:
    """The type of the account of a posting."""
    types = {a["Id"]: str(a.get("AccountType", "")) for a in books.table("Account")}
    return lambda posting: types.get(posting.account, "")


REVENUE = ("Income", "Other Income")
RESULT = (*REVENUE, "Cost of Goods Sold", "Expense", "Other Expense")
