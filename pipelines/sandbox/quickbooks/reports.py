"""Reports by name, all computed from the books at the moment they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pipelines.sandbox.quickbooks import (
    report_ledger,
    report_lists,
    report_parties,
    report_splits,
    report_statements,
    report_tax,
)
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.ledger_chart import Posting
from pipelines.sandbox.quickbooks.refusals import unsupported
from pipelines.sandbox.quickbooks.report_parties import CUSTOMERS, VENDORS
from pipelines.sandbox.quickbooks.report_sums import FILTERS
from pipelines.sandbox.quickbooks.tally import ACCRUAL, CASH
from pipelines.sandbox.quickbooks.values import Record

Make = Callable[[Books, Mapping[str, str]], Record]


def report(books: Books, name: str, query: Mapping[str, str]) -> Record:
    """One report; it has no envelope and no time.

    Raises:
        Refusal: 500 for a report the sandbox does not compute; whatever its parameters are
            refused for.
    """
    make = REPORTS.get(name.lower())
    if make is None:
        raise unsupported(f"report {name}")
    return make(books, query)


def summed_on(name: str, query: Mapping[str, str]) -> str:
    """The basis whose sums a report is read from; "" when it is not read from sums."""
    if name.lower() not in REPORTS or name.lower() in _READ_FROM_DOCUMENTS:
        return ""
    cash = query.get("accounting_method", "").lower() == "cash"
    return CASH if cash and name.lower() not in _ACCRUAL_ONLY else ACCRUAL


def grows_with_documents(name: str) -> bool:
    """Whether a report has a row for each document, so that a large company's takes seconds."""
    return name.lower() in _READ_FROM_DOCUMENTS | _LISTS_WHAT_IS_SUMMED


def _sales(name: str, entity: str, key: Callable[[Posting], str]) -> Make:
    return partial(report_parties.sales_by, name=name, entity=entity, key=key)


def _listed(name: str, member: str, entity: str) -> Make:
    return partial(report_lists.transactions_by, name=name, member=member, entity=entity)


NAMED: Mapping[str, Make] = {
    "ProfitAndLoss": report_statements.profit_and_loss,
    "ProfitAndLossDetail": report_lists.profit_and_loss_detail,
    "BalanceSheet": report_statements.balance_sheet,
    "TrialBalance": report_statements.trial_balance,
    "CashFlow": report_statements.cash_flow,
    "GeneralLedger": report_ledger.general_ledger,
    "JournalReport": report_lists.journal_report,
    "AccountList": report_lists.account_list,
    "TransactionList": report_lists.transaction_list,
    "TransactionListWithSplits": report_splits.transaction_list_with_splits,
    "TransactionListByCustomer": _listed("TransactionListByCustomer", "CustomerRef", "Customer"),
    "TransactionListByVendor": _listed("TransactionListByVendor", "VendorRef", "Vendor"),
    "AgedReceivables": partial(report_parties.aged, name="AgedReceivables", side=CUSTOMERS),
    "AgedReceivableDetail": partial(
        report_parties.aged_detail, name="AgedReceivableDetail", side=CUSTOMERS
    ),
    "AgedPayables": partial(report_parties.aged, name="AgedPayables", side=VENDORS),
    "AgedPayableDetail": partial(
        report_parties.aged_detail, name="AgedPayableDetail", side=VENDORS
    ),
    "CustomerBalance": partial(report_parties.balances, name="CustomerBalance", side=CUSTOMERS),
    "CustomerBalanceDetail": partial(
        report_parties.balance_detail, name="CustomerBalanceDetail", side=CUSTOMERS
    ),
    "VendorBalance": partial(report_parties.balances, name="VendorBalance", side=VENDORS),
    "VendorBalanceDetail": partial(
        report_parties.balance_detail, name="VendorBalanceDetail", side=VENDORS
    ),
    "CustomerIncome": report_parties.customer_income,
    "CustomerSales": _sales("CustomerSales", "Customer", FILTERS["customer"]),
    "ClassSales": _sales("ClassSales", "Class", FILTERS["class"]),
    "DepartmentSales": _sales("DepartmentSales", "Department", FILTERS["department"]),
    "ItemSales": report_parties.item_sales,
    "VendorExpenses": report_parties.vendor_expenses,
    "InventoryValuationSummary": report_parties.inventory_valuation,
    "TaxSummary": report_tax.tax_summary,
}
REPORTS: Mapping[str, Make] = {name.lower(): make for name, make in NAMED.items()}
_READ_FROM_DOCUMENTS = frozenset(
    ("transactionlist", "transactionlistbycustomer", "transactionlistbyvendor", "journalreport",
     "inventoryvaluationsummary", "profitandlossdetail", "transactionlistwithsplits", "taxsummary")
)  # fmt: skip
_LISTS_WHAT_IS_SUMMED = frozenset(
    ("generalledger", "agedreceivabledetail", "agedpayabledetail", "customerbalancedetail",
     "vendorbalancedetail")
)  # fmt: skip
# These have no `accounting_method`, or speak of open amounts.
_ACCRUAL_ONLY = frozenset(
    ("cashflow", "accountlist", "agedreceivables", "agedreceivabledetail", "agedpayables",
     "agedpayabledetail", "customerbalance", "customerbalancedetail", "vendorbalance",
     "vendorbalancedetail")
)  # fmt: skip
ON_BOTH_BASES = frozenset(
    name
    for name in NAMED
    if name.lower() not in _ACCRUAL_ONLY | _READ_FROM_DOCUMENTS or name == "ProfitAndLossDetail"
)
