"""The company's Salesforce side as API records."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.sandbox.company.casting import Cast
from pipelines.sandbox.company.catalogue import (
    BOOKS,
    CURRENCY_RATES,
    Catalogue,
    Entry,
    Product,
)
from pipelines.sandbox.company.customers import Clientele
from pipelines.sandbox.company.dates import AS_OF_AT, at_work, day_between, salesforce_time
from pipelines.sandbox.company.deals import LOST, WON, Deal, Line
from pipelines.sandbox.company.ids import SalesforceIds
from pipelines.sandbox.company.money import cents, total
from pipelines.sandbox.company.people import Contact, Firm, StaffMember
from pipelines.sandbox.company.status import AccountStatus, DealStatus, Statuses

Record = dict[str, Any]

ORG_NAME = "Brightwater Instruments"
_PROBABILITY = {
    "Prospecting": 10, "Qualification": 25, "Proposal/Price Quote": 60,
    "Negotiation/Review": 80, WON: 100, LOST: 0,
}  # fmt: skip
_FORECAST = {WON: ("Closed", "Closed"), LOST: ("Omitted", "Omitted")}
_ACCOUNT_TYPES = {"internal": "Internal", "reseller": "Partner - Reseller"}


@dataclass
class Salesforce:
    """What the record functions need to know."""

    rng: random.Random
    ids: SalesforceIds
    org_id: str
    staff: Sequence[StaffMember]
    statuses: Statuses
    clientele: Clientele

    def stamps(self, created: datetime, modified: datetime | None = None) -> Record:
        """The system fields."""
        owner = self.staff[12].user_id
        modified = min(max(created, modified or created), AS_OF_AT)
        return {
            "IsDeleted": False,
            "CreatedDate": salesforce_time(created),
            "CreatedById": owner,
            "LastModifiedDate": salesforce_time(modified),
            "LastModifiedById": owner,
            "SystemModstamp": salesforce_time(modified),
        }


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _address(prefix: str, firm: Firm) -> Record:
    return {
        f"{prefix}Street": firm.place.street,
        f"{prefix}City": firm.place.city,
        f"{prefix}State": firm.place.state or None,
        f"{prefix}PostalCode": firm.place.postal_code,
        f"{prefix}Country": firm.place.country,
    }


def _account(org: Salesforce, firm: Firm) -> Record:
    rng = org.rng
    created = at_work(rng, firm.created_on)
    modified = at_work(rng, day_between(rng, date(2024, 6, 1), date(2026, 9, 30)))
    if firm.account_id in org.clientele.owned_drift:
        modified = at_work(rng, day_between(rng, date(2026, 11, 9), date(2026, 11, 19)))
    default = "Customer - Direct" if firm.role != "prospect" else "Prospect"
    # The one or the other identifier is missing for some firms that have no link yet.
    phone = None if firm.role == "matchable" and int(firm.owner) in (1, 2) else firm.phone
    return {
        "Id": firm.account_id,
        "MasterRecordId": None,
        "Name": firm.name,
        "Type": _ACCOUNT_TYPES.get(firm.role, default),
        "ParentId": firm.parent_id,
        **_address("Billing", firm),
        **_address("Shipping", firm),
        "Phone": phone,
        "Fax": None,
        "AccountNumber": f"BW{rng.randrange(10000, 99999)}",
        "Website": None if firm.is_person else f"https://www.{firm.domain}",
        "Industry": firm.industry,
        "AnnualRevenue": Decimal(rng.randrange(2, 400)) * 100000,
        "NumberOfEmployees": rng.randrange(3, 2500),
        "Description": None,
        "OwnerId": org.staff[firm.owner].user_id,
        "CurrencyIsoCode": firm.currency,
        **_account_status(org.statuses.accounts.get(firm.account_id, AccountStatus())),
        **org.stamps(created, modified),
    }


def _account_status(status: AccountStatus) -> Record:
    return {
        "QBO_Customer_Id__c": status.customer_key,
        "QBO_Open_Balance__c": status.open_balance,
        "QBO_Overdue_Balance__c": status.overdue_balance,
        "QBO_Open_Credit__c": status.open_credit,
        "QBO_Oldest_Due_Date__c": _day(status.oldest_due_on),
        "QBO_Last_Payment_Date__c": _day(status.last_payment_on),
        "QBO_Overdue__c": False,
    }


def _merged_account(org: Salesforce, survivor: Firm) -> Record:
    """An account that was merged into another one: in the recycle bin, naming its survivor."""
    record = _account(org, survivor)
    record |= _account_status(AccountStatus())
    name = f"{survivor.name} (duplicate)"
    record |= {"Id": org.ids.next("001"), "Name": name, "MasterRecordId": survivor.account_id}
    return record | {"IsDeleted": True}


def _contact(org: Salesforce, firm: Firm, person: Contact) -> Record:
    is_billing = person is firm.billing and firm.role != "prospect"
    hidden = firm.role == "matchable" and firm.owner == 3 and not firm.is_person
    return {
        "Id": org.ids.next("003"),
        "AccountId": firm.account_id,
        "FirstName": person.given,
        "LastName": person.family,
        "Name": f"{person.given} {person.family}",
        "Salutation": None,
        "Title": person.title,
        "Department": None,
        "Email": None if hidden and is_billing else person.email,
        "Phone": person.phone,
        "MobilePhone": None,
        "MailingStreet": firm.place.street,
        "MailingCity": firm.place.city,
        "MailingState": firm.place.state or None,
        "MailingPostalCode": firm.place.postal_code,
        "MailingCountry": firm.place.country,
        "OwnerId": org.staff[firm.owner].user_id,
        "CurrencyIsoCode": firm.currency,
        "Billing_Contact__c": is_billing,
        **org.stamps(at_work(org.rng, firm.created_on)),
    }


def _user(org: Salesforce, member: StaffMember) -> Record:
    record = {
        "Id": member.user_id,
        "Username": member.username,
        "FirstName": member.given,
        "LastName": member.family,
        "Name": f"{member.given} {member.family}",
        "Email": member.username,
        "Alias": (member.given[:1] + member.family[:5]).lower(),
        "Title": member.title,
        "IsActive": member.is_active,
        "ProfileId": "00eHs000001aBcDIAU",
        "UserRoleId": None,
        "ManagerId": org.staff[10].user_id if member is not org.staff[10] else None,
        "UserType": "Standard",
        "TimeZoneSidKey": "America/Los_Angeles",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "DefaultCurrencyIsoCode": "USD",
        "CurrencyIsoCode": "USD",
        **org.stamps(datetime(2022, 1, 10, 9, 0, 0, tzinfo=UTC)),
    }
    # Users, the organisation and currencies cannot be deleted: they have no such field.
    del record["IsDeleted"]
    return record


def _organization(org: Salesforce) -> Record:
    record = {
        "Id": org.org_id,
        "Name": ORG_NAME,
        "Country": "US",
        "OrganizationType": "Enterprise Edition",
        "InstanceName": "USA912",
        "IsSandbox": False,
        "LanguageLocaleKey": "en_US",
        "DefaultLocaleSidKey": "en_US",
        "TimeZoneSidKey": "America/Los_Angeles",
        "FiscalYearStartMonth": 1,
        "TrialExpirationDate": None,
        "NamespacePrefix": None,
        **org.stamps(datetime(2022, 1, 10, 9, 0, 0, tzinfo=UTC)),
    }
    del record["IsDeleted"]
    return record


def _currency(org: Salesforce, iso: str, rate: Decimal) -> Record:
    record = {
        "Id": org.ids.next("01L"),
        "IsoCode": iso,
        "ConversionRate": rate,
        "DecimalPlaces": 2,
        "IsActive": True,
        "IsCorporate": iso == "USD",
        **org.stamps(datetime(2022, 1, 10, 9, 0, 0, tzinfo=UTC)),
    }
    del record["IsDeleted"]
    return record


def _product(org: Salesforce, product: Product) -> Record:
    return {
        "Id": product.product_id,
        "Name": product.name,
        "ProductCode": product.code,
        "StockKeepingUnit": product.code,
        "Description": f"{product.family}: {product.name}",
        "Family": product.family,
        "QuantityUnitOfMeasure": "Each",
        "IsActive": True,
        "ExternalId": None,
        "CurrencyIsoCode": "USD",
        **org.stamps(at_work(org.rng, product.created_on)),
    }


def _book(org: Salesforce, name: str, book_id: str) -> Record:
    return {
        "Id": book_id,
        "Name": name,
        "Description": None,
        "IsActive": True,
        "IsStandard": name == BOOKS[0],
        "CurrencyIsoCode": "USD",
        **org.stamps(datetime(2023, 1, 16, 9, 0, 0, tzinfo=UTC)),
    }


def _entry(org: Salesforce, entry: Entry, book_id: str) -> Record:
    return {
        "Id": entry.entry_id,
        "Pricebook2Id": book_id,
        "Product2Id": entry.product.product_id,
        "Name": entry.product.name,
        "ProductCode": entry.product.code,
        "UnitPrice": entry.price,
        "UseStandardPrice": False,
        "IsActive": True,
        "CurrencyIsoCode": entry.currency,
        **org.stamps(at_work(org.rng, entry.product.created_on)),
    }


def _opportunity(org: Salesforce, deal: Deal, book_id: str) -> Record:
    probability = _PROBABILITY[deal.stage]
    category, category_name = _FORECAST.get(deal.stage, ("Pipeline", "Pipeline"))
    quantity = total([line.quantity for line in deal.lines]) if deal.lines else None
    created, modified = _deal_times(org, deal)
    return {
        "Id": deal.deal_id,
        "AccountId": deal.firm.account_id,
        "Name": deal.name[:120],
        "StageName": deal.stage,
        "Amount": deal.amount,
        "Probability": probability,
        "ExpectedRevenue": cents(deal.amount * probability / 100),
        "TotalOpportunityQuantity": quantity,
        "CloseDate": deal.closed_on.isoformat(),
        "Type": org.rng.choice(("New Business", "Existing Business")),
        "LeadSource": org.rng.choice(("Web", "Trade Show", "Partner Referral", None)),
        "NextStep": None,
        "Description": None,
        "IsClosed": deal.stage in (WON, LOST),
        "IsWon": deal.stage == WON,
        "ForecastCategory": category,
        "ForecastCategoryName": category_name,
        "CampaignId": None,
        "HasOpportunityLineItem": bool(deal.lines),
        "Pricebook2Id": book_id if deal.lines else None,
        "OwnerId": org.staff[deal.firm.owner].user_id,
        "ContactId": None,
        "IsPrivate": False,
        "FiscalYear": deal.closed_on.year,
        "FiscalQuarter": (deal.closed_on.month + 2) // 3,
        "Fiscal": f"{deal.closed_on.year} {(deal.closed_on.month + 2) // 3}",
        "LastStageChangeDate": salesforce_time(modified),
        "CurrencyIsoCode": deal.currency,
        "Billing_Plan__c": deal.plan,
        "PO_Number__c": deal.po_number,
        "QBO_Estimate_Id__c": None,
        "QBO_Estimate_Version__c": None,
        **_deal_status(org.statuses.deals.get(deal.deal_id, DealStatus())),
        **org.stamps(created, modified),
        "IsDeleted": deal.is_deleted,
    }


def _deal_times(org: Salesforce, deal: Deal) -> tuple[datetime, datetime]:
    created = at_work(org.rng, deal.created_on, 8)
    modified = max(at_work(org.rng, event.at_day, 9) for event in deal.events)
    paid_on = org.statuses.deals.get(deal.deal_id, DealStatus()).paid_on
    return created, max(modified, at_work(org.rng, paid_on)) if paid_on else modified


def _deal_status(status: DealStatus) -> Record:
    return {
        "QBO_Invoice_Id__c": status.invoice_key,
        "QBO_Invoice_Number__c": status.number,
        "QBO_Invoice_Status__c": status.status,
        "QBO_Amount_Paid__c": status.paid,
        "QBO_Amount_Due__c": status.due,
        "QBO_Due_Date__c": _day(status.due_on),
        "QBO_Paid_Date__c": _day(status.paid_on),
    }


def _line(org: Salesforce, deal: Deal, line: Line, at: int) -> Record:
    return {
        "Id": line.line_id,
        "OpportunityId": deal.deal_id,
        "PricebookEntryId": line.entry.entry_id,
        "Product2Id": line.entry.product.product_id,
        "ProductCode": line.entry.product.code,
        "Name": f"{deal.name} {line.entry.product.name}"[:376],
        "Quantity": line.quantity,
        "UnitPrice": line.unit_price,
        "ListPrice": line.entry.price,
        "Subtotal": line.subtotal,
        "Discount": line.discount,
        "TotalPrice": line.total,
        "ServiceDate": _day(line.service_on),
        "Description": line.entry.product.name,
        "SortOrder": at + 1,
        "CurrencyIsoCode": deal.currency,
        **org.stamps(at_work(org.rng, min(deal.created_on + timedelta(1), AS_OF_AT.date()))),
        "IsDeleted": deal.is_deleted,
    }


def _history(org: Salesforce, deal: Deal) -> list[Record]:
    rows = []
    for event in deal.events:
        probability = _PROBABILITY[event.stage]
        category, _ = _FORECAST.get(event.stage, ("Pipeline", "Pipeline"))
        moment = salesforce_time(at_work(org.rng, event.at_day, 9))
        rows.append({
            "Id": org.ids.next("008"),
            "OpportunityId": deal.deal_id,
            "StageName": event.stage,
            "Amount": event.amount,
            "ExpectedRevenue": cents(event.amount * probability / 100),
            "CloseDate": event.close_on.isoformat(),
            "Probability": probability,
            "ForecastCategory": category,
            "CurrencyIsoCode": deal.currency,
            "CreatedDate": moment,
            "CreatedById": org.staff[deal.firm.owner].user_id,
            "SystemModstamp": moment,
            "IsDeleted": deal.is_deleted,
        })  # fmt: skip
    return rows


def _role(org: Salesforce, deal: Deal, contact_id: str) -> Record:
    return {
        "Id": org.ids.next("00K"),
        "OpportunityId": deal.deal_id,
        "ContactId": contact_id,
        "Role": "Decision Maker",
        "IsPrimary": True,
        "CurrencyIsoCode": deal.currency,
        **org.stamps(at_work(org.rng, deal.created_on, 8)),
        "IsDeleted": deal.is_deleted,
    }


def salesforce_records(
    org: Salesforce, firms: Sequence[Firm], catalogue: Catalogue, cast: Cast
) -> dict[str, list[Record]]:
    """Every object of the org with its records."""
    deals = sorted(cast.deals, key=lambda deal: deal.deal_id)
    contacts = [
        _contact(org, firm, person) for firm in firms for person in (firm.billing, *firm.others)
    ]
    first_contact: dict[str, str] = {}
    for contact in contacts:
        first_contact.setdefault(contact["AccountId"], contact["Id"])
    survivors = [firm for firm in firms if firm.role == "linked"][:2]
    return {
        "Organization": [_organization(org)],
        "User": [_user(org, member) for member in org.staff],
        "CurrencyType": [_currency(org, iso, rate) for iso, rate in CURRENCY_RATES.items()],
        "Account": [_account(org, firm) for firm in firms]
        + [_merged_account(org, firm) for firm in survivors],
        "Contact": contacts,
        "Product2": [_product(org, product) for product in catalogue.products],
        "Pricebook2": [_book(org, name, key) for name, key in catalogue.book_ids.items()],
        "PricebookEntry": [
            _entry(org, entry, catalogue.book_ids[entry.book])
            for entry in catalogue.entries.values()
        ],
        "Opportunity": [_opportunity(org, deal, catalogue.book_ids[deal.book]) for deal in deals],
        "OpportunityLineItem": [
            _line(org, deal, line, at) for deal in deals for at, line in enumerate(deal.lines)
        ],
        "OpportunityHistory": [row for deal in deals for row in _history(org, deal)],
        "OpportunityContactRole": [
            _role(org, deal, first_contact[deal.firm.account_id]) for deal in deals[::3]
        ],
    }


def _field(name: str, kind: str, label: str, **more: Any) -> Record:
    return {
        "FullName": name,
        "Metadata": {"type": kind, "label": label, "required": False, **more},
    }


def _text(name: str, label: str, length: int, **more: Any) -> Record:
    return _field(name, "Text", label, length=length, **more)


def _money(name: str, label: str) -> Record:
    return _field(name, "Currency", label, precision=18, scale=2)


def _picklist(name: str, label: str, values: Sequence[str], restricted: bool) -> Record:
    choices = [{"valueName": value, "label": value, "default": False} for value in values]
    definition = {"sorted": False, "value": choices}
    values_set = {"restricted": restricted, "valueSetDefinition": definition}
    return _field(name, "Picklist", label, valueSet=values_set)


def custom_fields() -> list[Record]:
    """The custom fields as the Tooling API takes them."""
    key: Record = {"externalId": True, "unique": True, "caseSensitive": False}
    paid_states = ("Open", "Partially Paid", "Paid", "Overdue", "Written Off", "Voided")
    plans = ("On close", "Deposit 30/70", "Three milestones", "Monthly 12")
    deal = "Opportunity."
    return [
        _text("Account.QBO_Customer_Id__c", "QuickBooks customer id", 80, **key),
        _money("Account.QBO_Open_Balance__c", "QuickBooks open balance"),
        _money("Account.QBO_Overdue_Balance__c", "QuickBooks overdue balance"),
        _money("Account.QBO_Open_Credit__c", "QuickBooks open credit"),
        _field("Account.QBO_Oldest_Due_Date__c", "Date", "Oldest due date"),
        _field("Account.QBO_Last_Payment_Date__c", "Date", "Last payment date"),
        _field("Account.QBO_Overdue__c", "Checkbox", "Overdue invoices", defaultValue=False),
        _text(f"{deal}QBO_Invoice_Id__c", "QuickBooks invoice id", 80, externalId=True,
              unique=False, caseSensitive=False),
        _text(f"{deal}QBO_Invoice_Number__c", "Invoice number", 40),
        _picklist(f"{deal}QBO_Invoice_Status__c", "Invoice status", paid_states, True),
        _money(f"{deal}QBO_Amount_Paid__c", "Amount paid"),
        _money(f"{deal}QBO_Amount_Due__c", "Amount due"),
        _field(f"{deal}QBO_Due_Date__c", "Date", "Invoice due date"),
        _field(f"{deal}QBO_Paid_Date__c", "Date", "Paid date"),
        _picklist(f"{deal}Billing_Plan__c", "Billing plan", plans, False),
        _text(f"{deal}PO_Number__c", "Purchase order number", 40),
        _text(f"{deal}QBO_Estimate_Id__c", "QuickBooks estimate id", 80, **key),
        _text(f"{deal}QBO_Estimate_Version__c", "Estimate as written", 80),
        _field("Contact.Billing_Contact__c", "Checkbox", "Billing contact", defaultValue=False),
    ]  # fmt: skip
