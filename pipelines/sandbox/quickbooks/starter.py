"""What every company has from its first day: settings, a chart of accounts, terms, one item.

Ids follow the vendor's United States sandbox company, because client suites rely on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.chart import NEW_COMPANY, Row
from pipelines.sandbox.quickbooks.names import CLASSIFICATION
from pipelines.sandbox.quickbooks.values import ZERO, Record, moment_text
from pipelines.sandbox.quickbooks.vocabulary import SALES
from pipelines.sandbox.store import Write

TERMS = (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60))
MESSAGES = (
    ("Invoice", "Invoice"),
    ("Estimate", "Estimate"),
    ("SalesReceipt", "Sales Receipt"),
    ("Statement", "Statement"),
)
EXCHANGE_SUBTYPE = "ExchangeGainOrLoss"
METHODS = (
    ("1", "Cash", "NON_CREDIT_CARD"),
    ("2", "Check", "NON_CREDIT_CARD"),
    ("3", "Visa", "CREDIT_CARD"),
    ("4", "MasterCard", "CREDIT_CARD"),
)


def provide(books: Books) -> None:
    """Put in place what a company lacks; what is there, from the seed or the log, stays.

    Lists are only filled where the seed has none of that kind. Which those are is kept with the
    books: after a restart a list may hold what was added since, and still needs its beginning.
    """
    stamp = _opening_day(books)
    lacking = books.store.meta(books.realm).get("starters")
    if lacking is None:
        lacking = [entity for entity in _STARTERS if not len(books.table(entity))]
        books.store.put_meta(books.realm, "starters", lacking)
    books.store.preset(
        [
            Write(books.realm, entity, record["Id"], _whole(record, stamp))
            for entity in lacking
            for record in _STARTERS[entity](books)
            if books.get(entity, record["Id"]) is None
        ]
    )


def provide_exchange_account(books: Books) -> None:
    """The account for gains and losses of exchange, in companies that have several currencies.

    Its id is kept with the books: after a restart later accounts have taken the next ones.
    """
    key = "exchange_account"
    if _lacks_exchange_account(books):
        known = books.store.meta(books.realm).get(key)
        if known is None:
            taken = [int(i) for i in books.table("Account").ids() if i.isdigit()]
            known = str(max(taken, default=0) + 1)
            books.store.put_meta(books.realm, key, known)
        account = _exchange_account(books, known, _opening_day(books))
        books.store.preset([Write(books.realm, "Account", known, account)])


def add_exchange_account(books: Books) -> None:
    """The same once several currencies are switched on: the vendor adds it by itself."""
    if _lacks_exchange_account(books):
        account = _exchange_account(books, books.next_id("Account"), books.stamp())
        books.put("Account", account)


def _lacks_exchange_account(books: Books) -> bool:
    known = books.table("Account").find("AccountSubType", EXCHANGE_SUBTYPE)
    return books.multi_currency and not known


def _exchange_account(books: Books, record_id: str, stamp: str) -> Record:
    row = (record_id, "Exchange Gain or Loss", "Other Expense", EXCHANGE_SUBTYPE)
    return _whole(_account(books, row, {}), stamp)


def provided_accounts(books: Books) -> list[str]:
    """The ids of the accounts that were put in place here, not given by the seed."""
    given = "Account" not in (books.store.meta(books.realm).get("starters") or ())
    return [] if given else [record_id for record_id, *_ in NEW_COMPANY]


def _opening_day(books: Books) -> str:
    """The same day at every start: these records are put in place anew, not read from the log."""
    return moment_text(books.now().replace(year=2024, month=1, day=2, hour=8, minute=0, second=0))


def _whole(record: Record, stamp: str) -> Record:
    meta = {"CreateTime": stamp, "LastUpdatedTime": stamp}
    return {"domain": "QBO", "sparse": False, "SyncToken": "0", "MetaData": meta, **record}


def _company_info(books: Books) -> Record:
    country = "US" if books.is_us else books.country
    return {
        "Id": "1",
        "CompanyName": books.name,
        "LegalName": books.name,
        "CompanyAddr": {"Id": "1", "Country": {"US": "USA", "GB": "GBR"}.get(country, country)},
        "Country": country,
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "NeoEnabled", "Value": "true"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "SubscriptionStatus", "Value": "SUBSCRIBED"},
        ],
    }


def _preferences(books: Books) -> Record:
    return {
        "Id": "1",
        "AccountingInfoPrefs": {"TrackDepartments": False, "ClassTrackingPerTxn": False,
                                "ClassTrackingPerTxnLine": False, "TaxYearMonth": "January",
                                "FirstMonthOfFiscalYear": "January",
                                "CustomerTerminology": "Customers"},
        "ProductAndServicesPrefs": {"ForSales": True, "ForPurchase": True,
                                    "QuantityWithPriceAndRate": True, "QuantityOnHand": True},
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": True, "BillableExpenseTracking": True,
                                    "POCustomField": []},
        "TimeTrackingPrefs": {"UseServices": True, "BillCustomers": True,
                              "ShowBillRateToAll": False, "WorkWeekStartDate": "Monday",
                              "MarkTimeEntriesBillable": True},
        "EmailMessagesPrefs": {f"{kind}Message": {"Subject": f"{title} from {books.name}",
                                                  "Message": f"Your {title.lower()} is attached."}
                               for kind, title in MESSAGES},
        "SalesFormsPrefs": {"CustomField": [], "CustomTxnNumbers": False, "AllowDeposit": True,
                            "AllowDiscount": True, "DefaultDiscountAccount": "86",
                            "AllowEstimates": True, "AllowShipping": True,
                            "DefaultTerms": {"value": "3"}},
        "TaxPrefs": {"UsingSalesTax": books.is_us, "PartnerTaxEnabled": False,
                     **({"TaxGroupCodeRef": {"value": "2"}} if books.is_us else {})},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False,
                          "HomeCurrency": {"value": books.home_currency}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": [
            {"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you."},
            {"Name": "SalesFormsPrefs.DefaultItem", "Value": "1"},
        ]},
    }  # fmt: skip


def accounts(books: Books, rows: Iterable[Row]) -> list[Record]:
    """Account records of a table; a parent stands in the same or an earlier one."""
    ids = {name: record_id for record_id, name, _, _ in (*NEW_COMPANY, *rows)}
    return [_account(books, row, ids) for row in rows]


def _account(books: Books, row: Row, ids: Mapping[str, str]) -> Record:
    record_id, full_name, kind, subtype = row
    above, _, name = full_name.rpartition(":")
    parent = {"ParentRef": {"value": ids[above]}} if above else {}
    return {
        "Name": name,
        "SubAccount": bool(above),
        **parent,
        "FullyQualifiedName": full_name,
        "Active": True,
        "Classification": CLASSIFICATION[kind],
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": ZERO,
        "CurrentBalanceWithSubAccounts": ZERO,
        "CurrencyRef": books.currency_ref(books.home_currency),
        "Id": record_id,
    }


def _term(record_id: str, name: str, days: int) -> Record:
    return {"Name": name, "Active": True, "Type": "STANDARD", "DueDays": days, "Id": record_id}


def _method(record_id: str, name: str, kind: str) -> Record:
    return {"Name": name, "Active": True, "Type": kind, "Id": record_id}


def _items(books: Books) -> list[Record]:
    """The two services of every new company, and what the documents of a seed without items sell:
    a company cannot have sold what it does not know. None where the account of sales is not ours.
    """
    if books.get("Account", "1") is None and len(books.table("Account")):
        return []
    named = {"1": "Services", "2": "Hours"}
    for reference in _sold(books):
        named.setdefault(str(reference["value"]), str(reference.get("name", "")))
    return [_service(record_id, name or f"Item {record_id}") for record_id, name in named.items()]


def _sold(books: Books) -> Iterator[Record]:
    for entity in SALES:
        for record in books.table(entity):
            for line in record.get("Line", ()):
                reference = (line.get("SalesItemLineDetail") or {}).get("ItemRef") or {}
                if str(reference.get("value", "")).isdigit():
                    yield reference


def _service(record_id: str, name: str) -> Record:
    return {
        "Name": name,
        "Active": True,
        "FullyQualifiedName": name,
        "Taxable": False,
        "UnitPrice": ZERO,
        "Type": "Service",
        "IncomeAccountRef": {"value": "1", "name": "Services"},
        "PurchaseCost": ZERO,
        "TrackQtyOnHand": False,
        "Id": record_id,
    }


def _us_tax_codes() -> list[Record]:
    """Two of the vendor's sandbox company, and the two pseudo codes of lines."""
    real = [
        _tax_code("2", "California", (("3", "California"),)),
        _tax_code("3", "Tucson", (("1", "AZ State tax"), ("2", "Tucson City"))),
    ]
    pseudo = [
        {"Name": name, "Description": name, "Active": True, "Taxable": name == "TAX",
         "TaxGroup": False, "Id": name}
        for name in ("TAX", "NON")
    ]  # fmt: skip
    return [*real, *pseudo]


def _tax_code(record_id: str, name: str, rates: tuple[tuple[str, str], ...]) -> Record:
    details = [
        {
            "TaxRateRef": {"value": rate_id, "name": rate_name},
            "TaxTypeApplicable": "TaxOnAmount",
            "TaxOrder": 0,
        }
        for rate_id, rate_name in rates
    ]
    return {
        "Name": name, "Description": name, "Active": True, "Taxable": True, "TaxGroup": True,
        "SalesTaxRateList": {"TaxRateDetail": details}, "Id": record_id,
    }  # fmt: skip


def _us_tax_rates() -> list[Record]:
    rates = (("1", "AZ State tax", "7.1"), ("2", "Tucson City", "2"), ("3", "California", "8"))
    return [
        {
            "Name": name, "Description": "Sales Tax", "Active": True,
            "RateValue": Decimal(percent), "AgencyRef": {"value": "1"},
            "SpecialTaxType": "NONE", "Id": record_id,
        }
        for record_id, name, percent in rates
    ]  # fmt: skip


def tax_agency(record_id: str, name: str) -> Record:
    """A sales tax agency."""
    return {
        "DisplayName": name, "TaxTrackedOnPurchases": False,
        "TaxTrackedOnSales": True, "Id": record_id,
    }  # fmt: skip


_STARTERS: Mapping[str, Callable[[Books], list[Record]]] = {
    "CompanyInfo": lambda books: [_company_info(books)],
    "Preferences": lambda books: [_preferences(books)],
    "Account": lambda books: accounts(books, NEW_COMPANY),
    "Term": lambda books: [_term(*term) for term in TERMS],
    "PaymentMethod": lambda books: [_method(*method) for method in METHODS],
    "Item": _items,
    "TaxCode": lambda books: _us_tax_codes() if books.is_us else [],
    "TaxRate": lambda books: _us_tax_rates() if books.is_us else [],
    "TaxAgency": lambda books: [tax_agency("1", "Board of Equalization")] if books.is_us else [],
}
