"""A company's books as QuickBooks API objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.sandbox.company.books import (
    DEAL_FIELD,
    PO_FIELD,
    Books,
    Customer,
    DocLine,
    Document,
    Item,
    Payment,
    TaxCode,
    balance_of,
    exchange_rate,
)
from pipelines.sandbox.company.customers import place_lines
from pipelines.sandbox.company.dates import (
    AS_OF,
    BOOKS_CLOSED_ON,
    HISTORY_FROM,
    add_months,
    quickbooks_time,
)
from pipelines.sandbox.company.money import ZERO, cents, total

Record = dict[str, Any]

_OPENED = datetime(2023, 1, 9, 17, 0, 0, tzinfo=UTC)
_CURRENCY_NAMES = {"USD": "United States Dollar", "GBP": "British Pound Sterling", "EUR": "Euro"}
_METHODS = (("1", "Cash"), ("2", "Check"), ("3", "Bank transfer"))
_CUSTOM_FIELDS = (("1", DEAL_FIELD), ("2", PO_FIELD))
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
_DEPOSIT_TO = {"value": "4", "name": "Undeposited Funds"}
_DISCOUNT_ACCOUNT = {"value": "86", "name": "Discounts given"}


def _ref(value: str, name: str) -> Record:
    return {"value": value, "name": name}


def _currency_ref(currency: str) -> Record:
    return _ref(currency, _CURRENCY_NAMES[currency])


def _system(
    books: Books, record_id: str, created: datetime, updated: datetime | None = None,
    changes: int = 0,
) -> Record:  # fmt: skip
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": record_id,
        "SyncToken": str(changes),
        "MetaData": {
            "CreateTime": quickbooks_time(created, books.offset_hours),
            "LastUpdatedTime": quickbooks_time(updated or created, books.offset_hours),
        },
    }


def _listed(books: Books, record_id: str, name: str) -> Record:
    return {"Name": name, "Active": True, **_system(books, record_id, _OPENED)}


def _address(address_id: int, customer: Customer) -> Record | None:
    return {"Id": str(address_id), **place_lines(customer.place)} if customer.place else None


def _customer(books: Books, customer: Customer) -> Record:
    own = balance_of(books, customer)
    jobs = [child for child in books.customers if child.parent is customer]
    full_name = customer.display_name
    if customer.parent:
        full_name = f"{customer.parent.display_name}:{full_name}"
    number = int(customer.customer_id)
    record = {
        "Taxable": customer.tax is not None,
        "BillAddr": _address(20000 + 2 * number, customer),
        "ShipAddr": _address(20001 + 2 * number, customer),
        "Job": customer.parent is not None,
        "BillWithParent": False,
        "ParentRef": _ref(customer.parent.customer_id, customer.parent.display_name)
        if customer.parent else None,
        "Level": 1 if customer.parent else None,
        "Balance": own,
        "BalanceWithJobs": own + total([balance_of(books, child) for child in jobs]),
        "CurrencyRef": _currency_ref(customer.currency),
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
        "SalesTermRef": _ref(customer.term.term_id, customer.term.name),
        "DefaultTaxCodeRef": {"value": customer.tax.code_id} if customer.tax else None,
        **_system(books, customer.customer_id, customer.created_at),
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
        "ParentRef": _ref(parent.item_id, parent.name) if parent else None,
        "Level": 1 if parent else None,
        "Type": item.kind,
        "Sku": item.sku,
    }
    if item.kind != "Category":
        record |= {
            "Taxable": not service,
            "UnitPrice": item.price,
            "IncomeAccountRef": _ref("80", "Services") if service
            else _ref("79", "Sales of Product Income"),
            "PurchaseCost": Decimal(0),
            "TrackQtyOnHand": False,
        }  # fmt: skip
    record |= _system(books, item.item_id, _OPENED)
    return {key: value for key, value in record.items() if value is not None}


def _line_tax(document: Document, line: DocLine | None) -> str:
    if document.is_sales_tax or document.customer.firm is None or document.tax is None:
        taxed = document.is_sales_tax and line is not None and line.is_taxable
        if document.tax is None or document.is_sales_tax:
            return "TAX" if taxed else "NON"
    return document.tax.code_id


def _sales_line(document: Document, line: DocLine, at: int) -> Record:
    void = document.voided_at is not None
    detail: Record = {"ItemRef": _ref(line.item.item_id, line.item.name)}
    if void:
        detail["Qty"] = Decimal(0)
    elif line.quantity is not None:
        detail |= {"UnitPrice": line.unit_price, "Qty": line.quantity}
    detail["TaxCodeRef"] = {"value": _line_tax(document, line)}
    if line.service_on:
        detail["ServiceDate"] = line.service_on.isoformat()
    record: Record = {
        "Id": str(at + 1),
        "LineNum": at + 1,
        "Description": line.description,
        "Amount": ZERO if void else line.amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }
    if document.estimate:
        record["LinkedTxn"] = [{"TxnId": document.estimate.doc_id, "TxnType": "Estimate"}]
    return record


def _subtotal_line(document: Document) -> Record:
    amount = total([line.amount for line in document.lines])
    return {
        "Amount": ZERO if document.voided_at else amount,
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }


def _discount_line(document: Document) -> Record:
    detail: Record = {"PercentBased": document.discount_percent is not None}
    if document.discount_percent is not None:
        detail["DiscountPercent"] = document.discount_percent
    return {
        "Amount": ZERO if document.voided_at else document.discount,
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {**detail, "DiscountAccountRef": _DISCOUNT_ACCOUNT},
    }


def _shipping_line(document: Document) -> Record:
    return {
        "Amount": document.shipping,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {
            "ItemRef": {"value": "SHIPPING_ITEM_ID"},
            "TaxCodeRef": {"value": _line_tax(document, None)},
        },
    }


def _lines(document: Document) -> list[Record]:
    """In the vendor's order: item lines, subtotal, discount, shipping."""
    records = [_sales_line(document, line, at) for at, line in enumerate(document.lines)]
    records.append(_subtotal_line(document))
    if document.discount:
        records.append(_discount_line(document))
    if document.shipping:
        records.append(_shipping_line(document))
    return records


def _tax_detail(document: Document) -> Record:
    tax = document.tax
    if tax is None or document.voided_at or (document.is_sales_tax and not document.taxable):
        return {"TotalTax": ZERO}
    line = {
        "Amount": document.tax_amount,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": tax.rate_id},
            "PercentBased": True,
            "TaxPercent": tax.percent,
            "NetAmountTaxable": document.taxable,
        },
    }
    detail: Record = {"TotalTax": document.tax_amount, "TaxLine": [line]}
    return {"TxnTaxCodeRef": {"value": tax.code_id}, **detail} if document.is_sales_tax else detail


def _custom(document: Document) -> list[Record]:
    fields = []
    for definition, name in _CUSTOM_FIELDS:
        field = {"DefinitionId": definition, "Name": name, "Type": "StringType"}
        if name in document.custom:
            field["StringValue"] = document.custom[name]
        fields.append(field)
    return fields


def _money(books: Books, document: Document) -> Record:
    """Currency and, where several are in use, the rate and home amounts."""
    record: Record = {"CurrencyRef": _currency_ref(document.currency)}
    gross = ZERO if document.voided_at else document.total
    if books.country == "GB":
        record["ExchangeRate"] = document.rate
        record["HomeTotalAmt"] = cents(gross * document.rate)
    return record


def _changes(document: Document) -> tuple[datetime, int]:
    """When a document last changed, and how often: payments count as changes of the invoice."""
    assert document.at is not None
    moments = [payment.at for payment, _ in document.payments if payment.at]
    moments += [at for at in (document.edited_at, document.voided_at) if at]
    if document.invoice and document.invoice.at:
        moments.append(document.invoice.at)
    return max([document.at, *moments]), len(moments)


def _links(document: Document) -> list[Record]:
    if document.voided_at:
        return []
    links = [
        {"TxnId": payment.payment_id, "TxnType": "Payment"} for payment, _ in document.payments
    ]
    if document.estimate:
        links.append({"TxnId": document.estimate.doc_id, "TxnType": "Estimate"})
    if document.invoice:
        links.append({"TxnId": document.invoice.doc_id, "TxnType": "Invoice"})
    return links


def _note(document: Document) -> str | None:
    if document.voided_at:
        return f"Voided - {document.note}" if document.note else "Voided"
    return document.note or None


def _document(books: Books, document: Document) -> Record:
    """The members that all sales documents share."""
    assert document.at is not None
    updated, changes = _changes(document)
    customer = document.customer
    record: Record = {
        **_system(books, document.doc_id, document.at, updated, changes),
        "CustomField": _custom(document),
        "DocNumber": document.number,
        "TxnDate": document.txn_on.isoformat(),
        **_money(books, document),
        "PrivateNote": _note(document),
        "LinkedTxn": _links(document),
        "Line": _lines(document),
        "TxnTaxDetail": _tax_detail(document),
        "CustomerRef": _ref(customer.customer_id, customer.display_name),
        "BillAddr": _address(30000 + int(document.doc_id), customer),
        "TotalAmt": ZERO if document.voided_at else document.total,
        "ApplyTaxAfterDiscount": books.country == "GB",
        "PrintStatus": "NotSet",
        "EmailStatus": "EmailSent" if int(document.doc_id) % 5 < 3 and customer.email else "NotSet",
        "BillEmail": {"Address": customer.email} if customer.email else None,
    }
    if books.country == "GB":
        record["GlobalTaxCalculation"] = "TaxExcluded"
    return record


def _invoice(books: Books, document: Document) -> Record:
    assert document.due_on is not None and document.term is not None
    record = _document(books, document)
    record |= {
        "AllowIPNPayment": False,
        "AllowOnlinePayment": False,
        "AllowOnlineCreditCardPayment": False,
        "AllowOnlineACHPayment": False,
        "SalesTermRef": _ref(document.term.term_id, document.term.name),
        "DueDate": document.due_on.isoformat(),
        "CustomerMemo": {"value": "Thank you for choosing Brightwater Instruments."},
        "Balance": document.balance,
    }
    if books.country == "GB":
        record["HomeBalance"] = cents(document.balance * document.rate)
    return record


def _credit_memo(books: Books, document: Document) -> Record:
    left = document.balance
    return _document(books, document) | {"RemainingCredit": left, "Balance": left}


def _estimate(books: Books, document: Document) -> Record:
    record = _document(books, document) | {"TxnStatus": document.status}
    expires = document.txn_on + timedelta(days=45)
    return record | {"ExpirationDate": expires.isoformat()}


def _receipt(books: Books, document: Document) -> Record:
    return _document(books, document) | {
        "Balance": ZERO,
        "DepositToAccountRef": _DEPOSIT_TO if document.kind == "SalesReceipt"
        else _ref("1", "Checking"),
        "PaymentMethodRef": _ref("2", "Check"),
    }  # fmt: skip


_RENDER = {
    "Invoice": _invoice,
    "CreditMemo": _credit_memo,
    "Estimate": _estimate,
    "SalesReceipt": _receipt,
    "RefundReceipt": _receipt,
}


def _payment(books: Books, payment: Payment) -> Record:
    assert payment.at is not None
    customer = payment.customer
    lines = [
        {"Amount": part, "LinkedTxn": [{"TxnId": document.doc_id, "TxnType": document.kind}]}
        for document, part in payment.applied
    ]
    record: Record = {
        **_system(books, payment.payment_id, payment.at),
        "TxnDate": payment.paid_on.isoformat(),
        "CurrencyRef": _currency_ref(customer.currency),
        "CustomerRef": _ref(customer.customer_id, customer.display_name),
        "TotalAmt": payment.amount,
        "UnappliedAmt": payment.unapplied,
        "ProcessPayment": False,
        "LinkedTxn": [],
        "Line": lines,
    }
    if payment.amount:
        name = dict(_METHODS)[payment.method]
        record |= {
            "DepositToAccountRef": _DEPOSIT_TO,
            "PaymentMethodRef": _ref(payment.method, name),
            "PaymentRefNum": payment.reference,
        }
    if books.country == "GB":
        record["ExchangeRate"] = exchange_rate(books, customer.currency, payment.paid_on)
    return record


def _account(books: Books, row: str, balance: Decimal) -> Record:
    account_id, name, kind, subtype, classification = row.split("|")
    return {
        **_listed(books, account_id, name),
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Classification": classification,
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": balance,
        "CurrentBalanceWithSubAccounts": balance,
        "CurrencyRef": _currency_ref(books.home_currency),
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
        records.append(account | {"CurrencyRef": _currency_ref(currency)})
    return records


def _tax_lists(books: Books) -> dict[str, list[Record]]:
    rates = [
        {
            **_listed(books, code.rate_id, code.rate_name),
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
            {**_listed(books, pseudo, name), "Description": name, "Taxable": pseudo == "TAX",
             "TaxGroup": False}
            for pseudo, name in (("TAX", "Taxable"), ("NON", "Non-taxable"))
        ]  # fmt: skip
    agency = "State tax board" if books.country == "US" else "HM Revenue & Customs (VAT)"
    agencies = [{
        "DisplayName": agency, "TaxTrackedOnSales": True, "TaxTrackedOnPurchases": False,
        **_system(books, "1", _OPENED),
    }]  # fmt: skip
    return {"TaxAgency": agencies, "TaxCode": codes, "TaxRate": rates}


def _tax_code(books: Books, code: TaxCode) -> Record:
    rate = {
        "TaxRateRef": _ref(code.rate_id, code.rate_name),
        "TaxTypeApplicable": "TaxOnAmount",
        "TaxOrder": 0,
    }
    return {
        **_listed(books, code.code_id, code.name),
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
        **_system(books, "1", _OPENED),
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
         "BooleanValue": at <= len(_CUSTOM_FIELDS)}
        for at in (1, 2, 3)
    ]  # fmt: skip
    names = [
        {"Name": f"SalesFormsPrefs.SalesCustomName{at}", "Type": "StringType", "StringValue": name}
        for at, name in _CUSTOM_FIELDS
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
        **_system(books, "1", _OPENED, None, 4),
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
            "CurrencyRef": _currency_ref(books.home_currency),
            **_system(books, vendor_id, _OPENED),
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
            **_system(books, books.names.next(), _OPENED),
        }
        for given, family in staff
    ]
    return {"Vendor": vendors, "Employee": employees}


def _trees(books: Books) -> dict[str, list[Record]]:
    sites = ("Portland", "Austin") if books.country == "US" else ("Leeds", "Cork")
    return {
        "Class": [
            {**_listed(books, str(100 + at), name), "SubClass": False, "FullyQualifiedName": name}
            for at, name in enumerate(("Instruments", "Consumables", "Services"))
        ],
        "Department": [
            {**_listed(books, str(1 + at), name), "SubDepartment": False,
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
            {"Code": code, **_listed(books, str(1 + at), _CURRENCY_NAMES[code])}
            for at, code in enumerate(foreign)
        ],
        "ExchangeRate": [
            {
                "SourceCurrencyCode": code,
                "TargetCurrencyCode": books.home_currency,
                "Rate": exchange_rate(books, code, first),
                "AsOfDate": first.isoformat(),
                "domain": "QBO",
                "MetaData": {"LastUpdatedTime": quickbooks_time(_OPENED, books.offset_hours)},
            }
            for code in foreign
            for first in firsts
        ],
    }


def _terms(books: Books) -> list[Record]:
    return [
        {**_listed(books, term.term_id, term.name), "Type": "STANDARD", "DueDays": term.days,
         "DiscountPercent": Decimal(0), "DiscountDays": 0}
        for term in books.terms
    ]  # fmt: skip


def _methods(books: Books) -> list[Record]:
    return [{**_listed(books, key, name), "Type": "NON_CREDIT_CARD"} for key, name in _METHODS]


def _documents(books: Books, documents: Sequence[Document]) -> dict[str, list[Record]]:
    records: dict[str, list[Record]] = {kind: [] for kind in _RENDER}
    for document in documents:
        if document.deleted_at is None:
            record = _RENDER[document.kind](books, document)
            kept = {key: value for key, value in record.items() if value is not None}
            records[document.kind].append(kept)
    return records


def quickbooks_records(books: Books) -> dict[str, list[Record]]:
    """Every entity of the company with its objects."""
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
        **_documents(books, books.documents),
        "Payment": [_payment(books, payment) for payment in books.payments],
    }


def deleted_stubs(books: Books) -> list[Record]:
    """What change data capture says about documents that are gone."""
    return [
        {
            "entity": document.kind,
            "Id": document.doc_id,
            "MetaData": {
                "LastUpdatedTime": quickbooks_time(document.deleted_at, books.offset_hours)
            },
        }
        for document in books.documents
        if document.deleted_at
    ]
