"""A company's lists and settings as QuickBooks API objects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.sandbox.company.books import (
    Books,
    Customer,
    Item,
    TaxCode,
    balance_of,
    exchange_rate,
)
from pipelines.sandbox.company.dates import (
    AS_OF,
    BOOKS_CLOSED_ON,
    HISTORY_FROM,
    add_months,
    quickbooks_time,
)
from pipelines.sandbox.company.money import ZERO, total
from pipelines.sandbox.company.quickbooks_parts import (
    CURRENCY_NAMES,
    CUSTOM_FIELDS,
    METHODS,
    OPENED,
    Record,
    address,
    currency_ref,
    listed,
    ref,
    system_members,
)

# id | name | type | subtype | classification
_CHART = """
1|Checking|Bank|Checking|Asset
4|Undeposited Funds|Other Current Asset|UndepositedFunds|Asset
33|Accounts Payable (A/P)|Accounts Payable|AccountsPayable|Liability
41|Sales tax payable|Other Current Liability|GlobalTaxPayable|Liability
79|Sales of Product Income|Income|SalesOfProductIncome|Income
80|Services|Income|ServiceFeeIncome|Income
84|Accounts Receivable (A/R)|Accounts Receivable|AccountsReceivable|Asset
86|Discounts given|Income|DiscountsRefundsGiven|Income
87|Shipping Income|Income|SalesOfProductIncome|Income
90|Cost of Goods Sold|Cost of Goods Sold|SuppliesMaterialsCogs|Expense
95|Freight and Delivery|Expense|ShippingFreightDelivery|Expense
"""


def _customer(books: Books, customer: Customer) -> Record:
    own = balance_of(books, customer)
    jobs = [child for child in books.customers if child.parent is customer]
    full_name = customer.display_name
    if customer.parent:
        full_name = f"{customer.parent.display_name}:{full_name}"
    number = int(customer.customer_id)
    record = {
        "Taxable": customer.tax is not None,
        "BillAddr": address(20000 + 2 * number, customer),
        "ShipAddr": address(20001 + 2 * number, customer),
        "Job": customer.parent is not None,
        "BillWithParent": False,
        "ParentRef": ref(customer.parent.customer_id, customer.parent.display_name)
        if customer.parent else None,
        "Level": 1 if customer.parent else None,
        "Balance": own,
        "BalanceWithJobs": own + total([balance_of(books, child) for child in jobs]),
        "CurrencyRef": currency_ref(customer.currency),
        "PreferredDeliveryMethod": "Email" if customer.email else "Print",
        "GivenName": customer.contact.given or None,
        "FamilyName": customer.contact.family or None,
        "FullyQualifiedName": full_name,
        "CompanyName": customer.company_name,
        "DisplayName": customer.display_name,
        "PrintOnCheckName": (customer.company_name or customer.display_name)[:110],
        "Active": customer.is_active,
        "PrimaryPhone": {"FreeFormNumber": customer.phone} if customer.phone else None,
        "PrimaryEmailAddr": {"Address": customer.email} if customer.email else None,
        "WebAddr": _website(customer),
        "SalesTermRef": ref(customer.term.term_id, customer.term.name),
        "DefaultTaxCodeRef": {"value": customer.tax.code_id} if customer.tax else None,
        **system_members(books, customer.customer_id, customer.created_at),
    }  # fmt: skip
    return {key: value for key, value in record.items() if value is not None}


def _website(customer: Customer) -> Record | None:
    firm = customer.firm
    if firm is None or firm.is_person or not customer.email or len(customer.display_name) % 2:
        return None
    return {"URI": f"http://{firm.domain}"}


def _item(books: Books, item: Item, categories: dict[str, Item]) -> Record:
    parent = categories.get(item.category or "")
    service = item.kind == "Service"
    record: Record = {
        "Name": item.name,
        "Description": item.description or None,
        "Active": item.is_active,
        "FullyQualifiedName": f"{parent.name}:{item.name}" if parent else item.name,
        "SubItem": True if parent else None,
        "ParentRef": ref(parent.item_id, parent.name) if parent else None,
        "Level": 1 if parent else None,
        "Type": item.kind,
        "Sku": item.sku,
    }
    if item.kind != "Category":
        record |= {
            "Taxable": not service,
            "UnitPrice": item.price,
            "IncomeAccountRef": ref("80", "Services") if service
            else ref("79", "Sales of Product Income"),
            "PurchaseCost": Decimal(0),
            "TrackQtyOnHand": False,
        }  # fmt: skip
    record |= system_members(books, item.item_id, OPENED)
    return {key: value for key, value in record.items() if value is not None}


def _account(books: Books, row: str, balance: Decimal) -> Record:
    account_id, name, kind, subtype, classification = row.split("|")
    return {
        **listed(books, account_id, name),
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Classification": classification,
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": balance,
        "CurrentBalanceWithSubAccounts": balance,
        "CurrencyRef": currency_ref(books.home_currency),
    }


def _accounts(books: Books) -> list[Record]:
    home = books.home_currency
    receivable = {
        currency: total([
            balance_of(books, customer)
            for customer in books.customers if customer.currency == currency
        ])
        for currency in ("USD", "GBP", "EUR")
    }  # fmt: skip
    records = [
        _account(books, row, receivable[home] if row.startswith("84|") else ZERO)
        for row in _CHART.strip().splitlines()
    ]
    for at, currency in enumerate(sorted({one.currency for one in books.customers} - {home})):
        row = f"{91 + at}|Accounts Receivable (A/R) - {currency}|Accounts Receivable"
        account = _account(books, f"{row}|AccountsReceivable|Asset", receivable[currency])
        records.append(account | {"CurrencyRef": currency_ref(currency)})
    return records


def _tax_lists(books: Books) -> dict[str, list[Record]]:
    rates = [
        {
            **listed(books, code.rate_id, code.rate_name),
            "Description": code.rate_name,
            "RateValue": code.percent,
            "AgencyRef": {"value": "1"},
            "SpecialTaxType": "NONE",
            "DisplayType": "ReadOnly",
        }
        for code in books.tax_codes
    ]
    codes = [_tax_code(books, code) for code in books.tax_codes]
    if books.country == "US":
        codes += [
            {**listed(books, pseudo, name), "Description": name, "Taxable": pseudo == "TAX",
             "TaxGroup": False}
            for pseudo, name in (("TAX", "Taxable"), ("NON", "Non-taxable"))
        ]  # fmt: skip
    agency = "State tax board" if books.country == "US" else "HM Revenue & Customs (VAT)"
    agencies = [{
        "DisplayName": agency, "TaxTrackedOnSales": True, "TaxTrackedOnPurchases": False,
        **system_members(books, "1", OPENED),
    }]  # fmt: skip
    return {"TaxAgency": agencies, "TaxCode": codes, "TaxRate": rates}


def _tax_code(books: Books, code: TaxCode) -> Record:
    rate = {
        "TaxRateRef": ref(code.rate_id, code.rate_name),
        "TaxTypeApplicable": "TaxOnAmount",
        "TaxOrder": 0,
    }
    return {
        **listed(books, code.code_id, code.name),
        "Description": code.description,
        "Taxable": True,
        "TaxGroup": True,
        "SalesTaxRateList": {"TaxRateDetail": [rate]},
        "PurchaseTaxRateList": {"TaxRateDetail": []},
    }


def _company_info(books: Books) -> Record:
    american = books.country == "US"
    address = {
        "Id": "1",
        "Line1": "1 Brightwater Way" if american else "4 Brightwater Court",
        "City": "Portland" if american else "Leeds",
        "CountrySubDivisionCode": "OR" if american else "",
        "PostalCode": "97205" if american else "LS1 4AP",
        "Country": "USA" if american else "GBR",
    }
    return {
        "CompanyName": books.name,
        "LegalName": books.name,
        "CompanyAddr": address,
        "LegalAddr": address,
        "Country": books.country,
        "Email": {"Address": "accounts@brightwater.example"},
        "WebAddr": {"URI": "https://www.brightwater.example"},
        "FiscalYearStartMonth": "January",
        "SupportedLanguages": "en",
        "CompanyStartDate": "2023-01-09",
        "NameValue": [
            _ref_pair("NeoEnabled", "true"),
            _ref_pair("OfferingSku", "QuickBooks Online Plus"),
            _ref_pair("SubscriptionStatus", "PAID"),
            _ref_pair("CompanyType", "Corporation"),
        ],
        **system_members(books, "1", OPENED),
    }


def _ref_pair(name: str, value: str) -> Record:
    return {"Name": name, "Value": value}


def _tax_preferences(books: Books) -> Record:
    switches: Record = {"UsingSalesTax": True, "PartnerTaxEnabled": False}
    # Lines marked TAX are taxed by this code when neither invoice nor customer names one.
    default = {"TaxGroupCodeRef": {"value": books.tax_codes[0].code_id}}
    return switches | default if books.country == "US" else switches


def _preferences(books: Books) -> Record:
    use = [
        {"Name": f"SalesFormsPrefs.UseSalesCustom{at}", "Type": "BooleanType",
         "BooleanValue": at <= len(CUSTOM_FIELDS)}
        for at in (1, 2, 3)
    ]  # fmt: skip
    names = [
        {"Name": f"SalesFormsPrefs.SalesCustomName{at}", "Type": "StringType", "StringValue": name}
        for at, name in CUSTOM_FIELDS
    ]
    several = books.country == "GB"
    return {
        "AccountingInfoPrefs": {
            "TrackDepartments": True,
            "DepartmentTerminology": "Location",
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": True,
            "CustomerTerminology": "Customers",
            "BookCloseDate": BOOKS_CLOSED_ON.isoformat(),
        },
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": False,
        },
        "SalesFormsPrefs": {
            "CustomField": [{"CustomField": use}, {"CustomField": names}],
            "CustomTxnNumbers": False,
            "AllowDeposit": True,
            "AllowDiscount": True,
            "DefaultDiscountAccount": "86",
            "AllowEstimates": True,
            "AllowServiceDate": True,
            "AllowShipping": True,
            "DefaultShippingAccount": "87",
            "AutoApplyPayments": False,
            "DefaultTerms": {"value": "3"},
            "DefaultCustomerMessage": "Thank you for choosing Brightwater Instruments.",
        },
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": False, "BillableExpenseTracking": False},
        "TimeTrackingPrefs": {"UseServices": False, "BillCustomers": False},
        "TaxPrefs": _tax_preferences(books),
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": several,
            "HomeCurrency": {"value": books.home_currency},
        },
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": [
            _ref_pair("SalesFormsPrefs.DefaultItem", "1"),
            _ref_pair("MultiCurrencyEnabled", str(several).lower()),
        ]},
        **system_members(books, "1", OPENED, None, 4),
    }  # fmt: skip


def _people(books: Books) -> dict[str, list[Record]]:
    vendors = [
        {
            "DisplayName": name,
            "CompanyName": name,
            "PrintOnCheckName": name,
            "Active": True,
            "Vendor1099": False,
            "Balance": ZERO,
            "CurrencyRef": currency_ref(books.home_currency),
            **system_members(books, vendor_id, OPENED),
        }
        for vendor_id, name in books.vendors
    ]
    staff = [("Dana", "Whitfield"), ("Marcus", "Oyelaran"), ("Ines", "Calloway")]
    employees = [
        {
            "GivenName": given,
            "FamilyName": family,
            "DisplayName": f"{given} {family}",
            "PrintOnCheckName": f"{given} {family}",
            "Active": True,
            "BillableTime": False,
            **system_members(books, books.names.next(), OPENED),
        }
        for given, family in staff
    ]
    return {"Vendor": vendors, "Employee": employees}


def _trees(books: Books) -> dict[str, list[Record]]:
    sites = ("Portland", "Austin") if books.country == "US" else ("Leeds", "Cork")
    return {
        "Class": [
            {**listed(books, str(100 + at), name), "SubClass": False, "FullyQualifiedName": name}
            for at, name in enumerate(("Instruments", "Consumables", "Services"))
        ],
        "Department": [
            {**listed(books, str(1 + at), name), "SubDepartment": False,
             "FullyQualifiedName": name}
            for at, name in enumerate(sites)
        ],
    }  # fmt: skip


def _currencies(books: Books) -> dict[str, list[Record]]:
    if books.country == "US":
        return {}
    foreign = ("EUR", "USD")
    months = 12 * (AS_OF.year - HISTORY_FROM.year) + AS_OF.month
    firsts = [add_months(date(HISTORY_FROM.year, 1, 1), at) for at in range(months)]
    return {
        "CompanyCurrency": [
            {"Code": code, **listed(books, str(1 + at), CURRENCY_NAMES[code])}
            for at, code in enumerate(foreign)
        ],
        "ExchangeRate": [
            {
                "SourceCurrencyCode": code,
                "TargetCurrencyCode": books.home_currency,
                "Rate": exchange_rate(books, code, first),
                "AsOfDate": first.isoformat(),
                "domain": "QBO",
                "MetaData": {"LastUpdatedTime": quickbooks_time(OPENED, books.offset_hours)},
            }
            for code in foreign
            for first in firsts
        ],
    }


def _terms(books: Books) -> list[Record]:
    return [
        {**listed(books, term.term_id, term.name), "Type": "STANDARD", "DueDays": term.days,
         "DiscountPercent": Decimal(0), "DiscountDays": 0}
        for term in books.terms
    ]  # fmt: skip


def _methods(books: Books) -> list[Record]:
    return [{**listed(books, key, name), "Type": "NON_CREDIT_CARD"} for key, name in METHODS]


def list_records(books: Books) -> dict[str, list[Record]]:
    """Settings, lists, customers and everybody else, by entity."""
    categories = {item.name: item for item in books.items if item.kind == "Category"}
    return {
        "CompanyInfo": [_company_info(books)],
        "Preferences": [_preferences(books)],
        "Account": _accounts(books),
        "Term": _terms(books),
        "PaymentMethod": _methods(books),
        **_tax_lists(books),
        **_currencies(books),
        **_trees(books),
        "Item": [_item(books, item, categories) for item in books.items],
        "Customer": [_customer(books, customer) for customer in books.customers],
        **_people(books),
    }
