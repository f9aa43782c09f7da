"""The company's Salesforce org: accounts, contacts, products, deals and their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from typing import Any

from pipelines.sandbox.company.salesforce_records import custom_fields
from pipelines.sandbox.company.scale import wording
from pipelines.sandbox.company.scale.moments import DAY, day_of, text_of
from pipelines.sandbox.company.scale.numbered import Ids, Numbered, one
from pipelines.sandbox.company.scale.plan import HALF_PAID, LARGEST_QUANTITY, OPENED, UNPAID, Plan
from pipelines.sandbox.store import AnyWrite, Computed, MetaWrite, Record, Write

NAME = "Brightwater Instruments at scale"
ORG_ID = Ids("00D").of(0)
INTEGRATION = "integration@brightwater-scale.example"
OWNERS = 10
LINE_TIME = 6 * 3600  # from close to the last touch, by which the deal's invoice is out
LASTED = 30 * DAY  # from a deal's first day to its close
_RISING = frozenset({"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"})
_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
_INDUSTRIES = ("Biotechnology", "Chemicals", "Education", "Energy", "Healthcare", "Manufacturing")
_OPEN_STAGES = {"Prospecting": 10, "Proposal/Price Quote": 75, "Negotiation/Review": 90}
_USERS, _ACCOUNTS, _CONTACTS = Ids("005"), Ids("001"), Ids("003")
_PRODUCTS, _ENTRIES, _DEALS, _LINES = Ids("01t"), Ids("01u"), Ids("006"), Ids("00k")
_BOOK_ID = Ids("01s").of(0)


def amount(cents: int) -> Decimal:
    """Cents as Salesforce writes an amount: with at least one decimal."""
    tenths, rest = divmod(cents, 10)
    return Decimal(cents) * _CENT if rest else Decimal(tenths) * _TENTH


def time(seconds: int) -> str:
    """A date-time as Salesforce writes it."""
    return f"{text_of(seconds)}.000+0000"


def _touched(created: int, modified: int) -> Record:
    at = time(modified)
    return {
        "CreatedDate": time(created),
        "CreatedById": _USERS.of(0),
        "LastModifiedDate": at,
        "LastModifiedById": _USERS.of(0),
        "SystemModstamp": at,
        "IsDeleted": False,
    }


class Org:
    """The org of a plan; `realm` is the QuickBooks company whose keys it carries."""

    def __init__(self, plan: Plan, realm: str, invoice_id: Any, invoice_number: Any) -> None:
        self._plan = plan
        self._realm = realm
        self._invoice_id = invoice_id
        self._invoice_number = invoice_number
        self._of_deal = lru_cache(maxsize=1000)(self._about_deal)

    def tables(self) -> dict[str, Computed]:
        """The computed objects by name."""
        plan = self._plan
        same: dict[str, Any] = {
            "IsDeleted": False, "CreatedById": _USERS.of(0), "LastModifiedById": _USERS.of(0),
            "CurrencyIsoCode": "USD",
        }  # fmt: skip
        merged = {**same, "MasterRecordId": None}
        return {
            "Account": Numbered(
                plan.accounts, _ACCOUNTS, self._account, _RISING, {**merged, "ParentId": None},
                {"OwnerId": self._accounts_owned, "QBO_Customer_Id__c": self._accounts_keyed},
            ),
            "Contact": Numbered(
                plan.contacts, _CONTACTS, self._contact, _RISING, {**merged, "ReportsToId": None},
                {"AccountId": self._contacts_of, "Email": self._contacts_at,
                 "OwnerId": self._contacts_owned},
            ),
            "Product2": Numbered(plan.items, _PRODUCTS, cache(self._product), _RISING, same),
            "PricebookEntry": Numbered(
                plan.items, _ENTRIES, cache(self._entry), _RISING,
                {**same, "Pricebook2Id": _BOOK_ID},
                {"Product2Id": lambda value: one(_PRODUCTS.number(value))},
            ),
            "Opportunity": Numbered(
                plan.deals, _DEALS, self._deal, _RISING, {**same, "ContactId": None},
                {"AccountId": self._deals_of, "OwnerId": self._deals_owned,
                 "QBO_Invoice_Id__c": self._deals_billed_by},
            ),
            "OpportunityLineItem": Numbered(
                plan.lines, _LINES, self._line, _RISING, same,
                {"OpportunityId": self._lines_of},
            ),
        }  # fmt: skip

    # ---- what is found by a field

    def _accounts_owned(self, owner: Any) -> Iterable[int]:
        number = _USERS.number(str(owner))
        known = number is not None and 0 < number <= OWNERS
        return range(number - 1, self._plan.accounts, OWNERS) if known and number else ()

    def _accounts_keyed(self, key: Any) -> Iterable[int]:
        realm, _, customer = str(key).partition(":")
        return one(int(customer) - 1) if realm == self._realm and customer.isdecimal() else ()

    def _contacts_of(self, account_id: Any) -> Iterable[int]:
        account = _ACCOUNTS.number(str(account_id))
        return () if account is None else (2 * account, 2 * account + 1)

    def _contacts_at(self, email: Any) -> Iterable[int]:
        account = wording.account_of_email(str(email))
        return () if account is None else (2 * account, 2 * account + 1)

    def _contacts_owned(self, owner: Any) -> Iterator[int]:
        return (2 * a + which for a in self._accounts_owned(owner) for which in (0, 1))

    def _deals_of(self, account_id: Any) -> Iterable[int]:
        account = _ACCOUNTS.number(str(account_id))
        known = account is not None and account < self._plan.accounts
        return self._plan.deals_of(account) if known and account is not None else ()

    def _deals_owned(self, owner: Any) -> Iterator[int]:
        return (d for a in self._accounts_owned(owner) for d in self._plan.deals_of(a))

    def _deals_billed_by(self, key: Any) -> Iterable[int]:
        realm, _, invoice_id = str(key).partition(":")
        invoice = self._invoice_id.number(invoice_id) if realm == self._realm else None
        return () if invoice is None else (self._plan.deal_of(invoice),)

    def _lines_of(self, deal_id: Any) -> Iterable[int]:
        deal = _DEALS.number(str(deal_id))
        invoice = None if deal is None else self._plan.invoice_of(deal)
        known = invoice is not None and invoice < self._plan.invoices
        return self._plan.lines_of(invoice) if known and invoice is not None else ()

    # ---- records

    def _account(self, number: int) -> Record:
        opened = self._plan.opened_at(number)
        place = wording.place(number)
        address = {
            "Street": place.street, "City": place.city, "State": place.state,
            "PostalCode": place.postal_code, "Country": "USA",
        }  # fmt: skip
        return {
            "Id": _ACCOUNTS.of(number),
            "MasterRecordId": None,
            "Name": wording.firm_name(number),
            "Type": "Customer - Direct",
            "ParentId": None,
            **{f"Billing{part}": value for part, value in address.items()},
            **{f"Shipping{part}": value for part, value in address.items()},
            "Phone": wording.phone(2 * number),
            "AccountNumber": f"BW{100000 + number}",
            "Website": f"https://www.{wording.domain(number)}",
            "Industry": _INDUSTRIES[number % len(_INDUSTRIES)],
            "AnnualRevenue": Decimal((number % 400 + 2) * 100000),
            "NumberOfEmployees": 3 + number % 2500,
            "OwnerId": _USERS.of(1 + number % OWNERS),
            "CurrencyIsoCode": "USD",
            "QBO_Customer_Id__c": f"{self._realm}:{number + 1}",
            "QBO_Open_Balance__c": amount(self._plan.balance_of(number)),
            **_touched(opened, opened + LINE_TIME),
        }

    def _contact(self, number: int) -> Record:
        account, which = divmod(number, 2)
        opened = self._plan.opened_at(account)
        place = wording.place(account)
        person = wording.person(account, which)
        return {
            "Id": _CONTACTS.of(number),
            "MasterRecordId": None,
            "AccountId": _ACCOUNTS.of(account),
            "FirstName": person.given,
            "LastName": person.family,
            "Name": f"{person.given} {person.family}",
            "Title": person.title,
            "Email": person.email,
            "Phone": person.phone,
            "MailingStreet": place.street,
            "MailingCity": place.city,
            "MailingState": place.state,
            "MailingPostalCode": place.postal_code,
            "MailingCountry": "USA",
            "ReportsToId": None,
            "OwnerId": _USERS.of(1 + account % OWNERS),
            "CurrencyIsoCode": "USD",
            "Billing_Contact__c": which == 0,
            **_touched(opened, opened + LINE_TIME),
        }

    def _product(self, number: int) -> Record:
        return {
            "Id": _PRODUCTS.of(number),
            "Name": product_name(number),
            "ProductCode": product_code(number),
            "StockKeepingUnit": product_code(number),
            "Description": product_name(number),
            "Family": "Instruments",
            "QuantityUnitOfMeasure": "Each",
            "IsActive": True,
            "CurrencyIsoCode": "USD",
            **_touched(OPENED, OPENED),
        }

    def _entry(self, number: int) -> Record:
        return {
            "Id": _ENTRIES.of(number),
            "Pricebook2Id": _BOOK_ID,
            "Product2Id": _PRODUCTS.of(number),
            "Name": product_name(number),
            "ProductCode": product_code(number),
            "UnitPrice": amount(self._plan.prices[number]),
            "UseStandardPrice": False,
            "IsActive": True,
            "CurrencyIsoCode": "USD",
            **_touched(OPENED, OPENED),
        }

    def _deal(self, number: int) -> Record:
        plan = self._plan
        account = plan.account_of(number)
        closed = plan.closed_at(number)
        invoice = plan.invoice_of(number)
        won = invoice is not None
        open_stage = not won and number >= plan.deals - plan.deals // 20
        stage = _open_stage(number) if open_stage else "Closed Won" if won else "Closed Lost"
        day = day_of(closed + 60 * DAY if open_stage else closed)
        year, quarter = int(day[:4]), (int(day[5:7]) + 2) // 3
        cents = 150_00 + number % 977 * 100 if invoice is None else plan.total_of(invoice)
        probability = _OPEN_STAGES.get(stage, 100 if won else 0)
        category = "Closed" if won else "Pipeline" if open_stage else "Omitted"
        return {
            "Id": _DEALS.of(number),
            "AccountId": _ACCOUNTS.of(account),
            "Name": deal_name(plan, number),
            "StageName": stage,
            "Amount": amount(cents),
            "Probability": probability,
            "ExpectedRevenue": amount((cents * probability + 50) // 100),
            "TotalOpportunityQuantity": self._quantity(invoice),
            "CloseDate": day,
            "Type": "Existing Business" if number >= plan.accounts else "New Business",
            "LeadSource": None,
            "IsClosed": not open_stage,
            "IsWon": won,
            "ForecastCategory": category,
            "ForecastCategoryName": category,
            "HasOpportunityLineItem": won,
            "Pricebook2Id": _BOOK_ID if won else None,
            "OwnerId": _USERS.of(1 + account % OWNERS),
            "IsPrivate": False,
            "FiscalYear": year,
            "FiscalQuarter": quarter,
            "Fiscal": f"{year} {quarter}",
            "LastStageChangeDate": time(closed),
            "CurrencyIsoCode": "USD",
            "Billing_Plan__c": "On close",
            "PO_Number__c": f"PO-{number + 1}",
            **(self._billed(invoice, cents) if invoice is not None else _UNBILLED),
            **_touched(closed - LASTED, closed + LINE_TIME),
        }

    def _quantity(self, invoice: int | None) -> Decimal | None:
        if invoice is None:
            return None
        sales = map(self._plan.sale_of, self._plan.lines_of(invoice))
        return amount(100 * sum(quantity for _, quantity in sales))

    def _billed(self, invoice: int, cents: int) -> Record:
        paid = self._plan.paid_of(invoice, cents)
        k = invoice % 20
        return {
            "QBO_Invoice_Id__c": f"{self._realm}:{self._invoice_id.of(invoice)}",
            "QBO_Invoice_Number__c": self._invoice_number.of(invoice),
            "QBO_Invoice_Status__c": "Open" if k in UNPAID
            else "Partially Paid" if k == HALF_PAID else "Paid",
            "QBO_Amount_Paid__c": amount(paid),
            "QBO_Amount_Due__c": amount(cents - paid),
        }  # fmt: skip

    @cached_property
    def _sums(self) -> list[list[Decimal]]:
        """What each quantity of each item comes to."""
        quantities = range(LARGEST_QUANTITY + 1)
        return [[amount(price * count) for count in quantities] for price in self._plan.prices]

    @cached_property
    def _sold(self) -> list[tuple[Record, str]]:
        """What a line says of its product, and the product's name."""
        prices = (amount(price) for price in self._plan.prices)
        return [
            (
                {
                    "PricebookEntryId": _ENTRIES.of(item),
                    "Product2Id": _PRODUCTS.of(item),
                    "ProductCode": product_code(item),
                    "UnitPrice": price,
                    "ListPrice": price,
                    "Description": product_name(item),
                    "Discount": None,
                    "CurrencyIsoCode": "USD",
                },
                product_name(item),
            )
            for item, price in enumerate(prices)
        ]

    def _line(self, number: int) -> Record:
        plan = self._plan
        invoice, at = plan.place_of(number)
        item, quantity = plan.sale_of(number)
        sold, product = self._sold[item]
        name, of_deal = self._of_deal(invoice)
        sum_ = self._sums[item][quantity]
        return {
            "Id": _LINES.of(number),
            **of_deal,
            **sold,
            "Name": f"{name} {product}",
            "Quantity": _COUNTS[quantity],
            "Subtotal": sum_,
            "TotalPrice": sum_,
            "SortOrder": at + 1,
        }

    def _about_deal(self, invoice: int) -> tuple[str, Record]:
        """What the lines of a billed deal have in common: its name, and members."""
        deal = self._plan.deal_of(invoice)
        closed = self._plan.closed_at(deal)
        members = {"OpportunityId": _DEALS.of(deal), **_touched(closed - LASTED, closed)}
        return deal_name(self._plan, deal), members


_COUNTS = [amount(100 * count) for count in range(LARGEST_QUANTITY + 1)]
_UNBILLED: Record = {
    "QBO_Invoice_Id__c": None, "QBO_Invoice_Number__c": None, "QBO_Invoice_Status__c": None,
    "QBO_Amount_Paid__c": None, "QBO_Amount_Due__c": None,
}  # fmt: skip


def _open_stage(number: int) -> str:
    return tuple(_OPEN_STAGES)[number % len(_OPEN_STAGES)]


def deal_name(plan: Plan, number: int) -> str:
    """What a deal is called."""
    return f"{wording.firm_name(plan.account_of(number))} order {number + 1}"


def product_name(item: int) -> str:
    """What a product, and the QuickBooks item, is called."""
    return f"Instrument {item + 1:03d}"


def product_code(item: int) -> str:
    """Its code."""
    return f"BWS-{item + 1:03d}"


# ---- what there is one of


def settings() -> Iterator[AnyWrite]:
    """The org itself, its users, currency, price book and custom fields."""
    yield MetaWrite(ORG_ID, "custom_fields", custom_fields())
    stamps = {k: v for k, v in _touched(OPENED, OPENED).items() if k != "IsDeleted"}
    for number in range(OWNERS + 1):
        user = _user(number)
        yield Write(ORG_ID, "User", user["Id"], {**user, **stamps})
    yield Write(ORG_ID, "Organization", ORG_ID, {
        "Id": ORG_ID, "Name": NAME, "Country": "US", "OrganizationType": "Enterprise Edition",
        "InstanceName": "USA912", "IsSandbox": True, "LanguageLocaleKey": "en_US",
        "DefaultLocaleSidKey": "en_US", "TimeZoneSidKey": "America/Los_Angeles",
        "FiscalYearStartMonth": 1, **stamps,
    })  # fmt: skip
    currency = Ids("01L").of(0)
    yield Write(ORG_ID, "CurrencyType", currency, {
        "Id": currency, "IsoCode": "USD", "ConversionRate": Decimal("1.0"), "DecimalPlaces": 2,
        "IsActive": True, "IsCorporate": True, **stamps,
    })  # fmt: skip
    yield Write(ORG_ID, "Pricebook2", _BOOK_ID, {
        "Id": _BOOK_ID, "Name": "Standard Price Book", "IsActive": True, "IsStandard": True,
        "CurrencyIsoCode": "USD", **_touched(OPENED, OPENED),
    })  # fmt: skip


def _user(number: int) -> Record:
    person = wording.person(900 + number, 0)
    name = f"{person.given}.{person.family}{number}".lower()
    username = f"{name}@brightwater-scale.example" if number else INTEGRATION
    given, family = (person.given, person.family) if number else ("Integration", "User")
    return {
        "Id": _USERS.of(number), "Username": username, "FirstName": given, "LastName": family,
        "Name": f"{given} {family}", "Email": username, "Alias": f"user{number}",
        "Title": "Account Executive" if number else "Integration", "IsActive": True,
        "ProfileId": "00eHs000001aBcDIAU", "UserType": "Standard",
        "TimeZoneSidKey": "America/Los_Angeles", "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
        "DefaultCurrencyIsoCode": "USD", "CurrencyIsoCode": "USD",
    }  # fmt: skip
