"""Standard objects of selling: customers, deals, products and prices (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines.sandbox.salesforce.field_sets import address, currency_code, owner
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    link,
    moment,
    money,
    number,
    on_create,
    percent,
    pick,
    text,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define

STAGES: Mapping[str, tuple[int, bool, bool, str, str]] = {
    # stage: probability, closed, won, forecast category, its name
    "Prospecting": (10, False, False, "Pipeline", "Pipeline"),
    "Qualification": (10, False, False, "Pipeline", "Pipeline"),
    "Needs Analysis": (20, False, False, "Pipeline", "Pipeline"),
    "Value Proposition": (50, False, False, "Pipeline", "Pipeline"),
    "Id. Decision Makers": (60, False, False, "Pipeline", "Pipeline"),
    "Perception Analysis": (70, False, False, "Pipeline", "Pipeline"),
    "Proposal/Price Quote": (75, False, False, "Pipeline", "Pipeline"),
    "Negotiation/Review": (90, False, False, "Pipeline", "Pipeline"),
    "Closed Won": (100, True, True, "Closed", "Closed"),
    "Closed Lost": (0, True, False, "Omitted", "Omitted"),
}
_INDUSTRIES = ("Biotechnology", "Chemicals", "Education", "Energy", "Healthcare", "Manufacturing")


def sales_objects() -> Iterable[SObject]:
    """Customers, deals, products and prices."""
    yield define("Account", "Account", "Accounts", "001", _account())
    yield define("Contact", "Contact", "Contacts", "003", _contact())
    yield define("Opportunity", "Opportunity", "Opportunities", "006", _opportunity())
    yield define(
        "OpportunityLineItem", "Opportunity Product", "Opportunity Product", "00k", _line()
    )
    yield define(
        "OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Role", "00K",
        _role(),
    )  # fmt: skip
    yield define(
        "OpportunityHistory", "Opportunity History", "Opportunity History", "008", _history(),
        writable=False, audit=("CreatedDate", "CreatedById", "SystemModstamp"),
    )  # fmt: skip
    yield define("Product2", "Product", "Products", "01t", _product())
    yield define("Pricebook2", "Price Book", "Price Books", "01s", _pricebook())
    yield define("PricebookEntry", "Price Book Entry", "Price Book Entries", "01u", _entry())


def _account() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Account", relationship="MasterRecord"))
    yield text("Name", "Account Name", 255, nillable=False, name_field=True)
    yield pick("Type", "Account Type", ("Customer - Direct", "Prospect", "Partner"), 255)
    yield link("ParentId", "Parent Account ID", "Account", children="ChildAccounts")
    yield from address("Billing")
    yield from address("Shipping")
    yield text("Phone", "Account Phone", 40, type="phone")
    yield text("Fax", "Account Fax", 40, type="phone")
    yield text("AccountNumber", "Account Number", 40)
    yield text("Website", "Website", 255, type="url")
    yield text("Sic", "SIC Code", 20)
    yield pick("Industry", "Industry", _INDUSTRIES)
    yield money("AnnualRevenue", "Annual Revenue", 0)
    yield whole("NumberOfEmployees", "Employees", 8)
    yield pick("Ownership", "Ownership", ("Public", "Private", "Subsidiary", "Other"))
    yield text("TickerSymbol", "Ticker Symbol", 20)
    yield area("Description", "Account Description", 32000)
    yield pick("Rating", "Account Rating", ("Hot", "Warm", "Cold"))
    yield text("Site", "Account Site", 80)
    yield owner()
    yield pick("AccountSource", "Account Source", ("Web", "Phone Inquiry", "Other"))
    yield pick("CleanStatus", "Clean Status", ("Matched", "Different", "Acknowledged", "NotFound",
               "Inactive", "Pending", "SelectMatch", "Skipped"), 40, restricted=True)  # fmt: skip
    yield fixed(day("LastActivityDate", "Last Activity"))
    yield currency_code()


def _contact() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Contact", relationship="MasterRecord"))
    yield link("AccountId", "Account ID", "Account", children="Contacts", cascade=True)
    yield text("LastName", "Last Name", 80, nillable=False)
    yield text("FirstName", "First Name", 40)
    yield pick("Salutation", "Salutation", ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof."), 40)
    yield fixed(text("Name", "Full Name", 121, nillable=False, name_field=True))
    yield from address("Mailing")
    yield from address("Other")
    for name, label in (
        ("Phone", "Business Phone"), ("Fax", "Business Fax"), ("MobilePhone", "Mobile Phone"),
        ("HomePhone", "Home Phone"), ("OtherPhone", "Other Phone"),
        ("AssistantPhone", "Asst. Phone"),
    ):  # fmt: skip
        yield text(name, label, 40, type="phone")
    yield link("ReportsToId", "Reports To ID", "Contact", relationship="ReportsTo")
    yield text("Email", "Email", 80, type="email", id_lookup=True)
    yield text("Title", "Title", 128)
    yield text("Department", "Department", 80)
    yield text("AssistantName", "Assistant's Name", 40)
    yield pick("LeadSource", "Lead Source", ("Web", "Phone Inquiry", "Partner Referral", "Other"))
    yield day("Birthdate", "Birthdate")
    yield area("Description", "Contact Description", 32000)
    yield owner()
    yield currency_code()


def _opportunity() -> Iterable[Field]:
    yield link("AccountId", "Account ID", "Account", children="Opportunities", cascade=True)
    yield fixed(flag("IsPrivate", "Private"))
    yield text("Name", "Name", 120, nillable=False, name_field=True)
    yield area("Description", "Description", 32000)
    yield pick("StageName", "Stage", STAGES, nillable=False)
    yield money("Amount", "Amount")
    yield percent("Probability", "Probability (%)", 3, 0, defaulted=True)
    yield fixed(money("ExpectedRevenue", "Expected Amount"))
    yield number("TotalOpportunityQuantity", "Quantity", 18, 2)
    yield day("CloseDate", "Close Date", nillable=False)
    yield pick("Type", "Opportunity Type", ("Existing Business", "New Business"))
    yield text("NextStep", "Next Step", 255)
    yield pick("LeadSource", "Lead Source", ("Web", "Phone Inquiry", "Partner Referral", "Other"))
    yield fixed(flag("IsClosed", "Closed"))
    yield fixed(flag("IsWon", "Won"))
    yield fixed(pick("ForecastCategory", "Forecast Category",
                     ("Omitted", "Pipeline", "BestCase", "Forecast", "Closed"), 40,
                     restricted=True))  # fmt: skip
    yield pick("ForecastCategoryName", "Forecast Category",
               ("Omitted", "Pipeline", "Best Case", "Commit", "Closed"), defaulted=True,
               restricted=True)  # fmt: skip
    yield text("CampaignId", "Campaign ID", 18)
    yield fixed(flag("HasOpportunityLineItem", "Has Line Item"))
    yield link("Pricebook2Id", "Price Book ID", "Pricebook2", relationship="Pricebook2")
    yield owner()
    yield on_create(link("ContactId", "Contact ID", "Contact"))
    yield fixed(whole("FiscalQuarter", "Fiscal Quarter", 9))
    yield fixed(whole("FiscalYear", "Fiscal Year", 9))
    yield fixed(text("Fiscal", "Fiscal Period", 6))
    yield fixed(moment("LastStageChangeDate", "Last Stage Change Date"))
    yield currency_code()


def _line() -> Iterable[Field]:
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="OpportunityLineItems", cascade=True))  # fmt: skip
    yield whole("SortOrder", "Sort Order", 9)
    yield on_create(link("PricebookEntryId", "Price Book Entry ID", "PricebookEntry"))
    yield on_create(link("Product2Id", "Product ID", "Product2", relationship="Product2"))
    yield fixed(text("ProductCode", "Product Code", 255))
    yield fixed(text("Name", "Opportunity Product Name", 376, name_field=True))
    yield number("Quantity", "Quantity", 12, 2, nillable=False)
    # Eight decimals: what the vendor grants on request for unit prices.
    yield money("UnitPrice", "Sales Price", 8)
    yield fixed(money("ListPrice", "List Price", 8))
    yield fixed(money("Subtotal", "Subtotal"))
    yield percent("Discount", "Discount", 5, 2)
    yield money("TotalPrice", "Total Price")
    yield day("ServiceDate", "Date")
    yield text("Description", "Line Description", 255)
    yield fixed(currency_code())


def _role() -> Iterable[Field]:
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="OpportunityContactRoles", cascade=True))  # fmt: skip
    yield link("ContactId", "Contact ID", "Contact", nillable=False)
    yield pick("Role", "Role", ("Decision Maker", "Economic Buyer", "Evaluator", "Other"), 40)
    yield flag("IsPrimary", "Primary")
    yield fixed(currency_code())


def _history() -> Iterable[Field]:
    yield link("OpportunityId", "Opportunity ID", "Opportunity", children="OpportunityHistories",
               cascade=True)  # fmt: skip
    yield pick("StageName", "Stage Name", STAGES)
    yield money("Amount", "Amount")
    yield money("ExpectedRevenue", "Expected Revenue")
    yield day("CloseDate", "Close Date")
    yield percent("Probability", "Probability", 3, 0)
    yield pick("ForecastCategory", "To ForecastCategory", (), 40)
    yield currency_code()


def _product() -> Iterable[Field]:
    yield text("Name", "Product Name", 255, nillable=False, name_field=True)
    yield text("ProductCode", "Product Code", 255)
    yield area("Description", "Product Description", 4000)
    yield flag("IsActive", "Active")
    yield pick("Family", "Product Family", ())
    yield text("StockKeepingUnit", "Product SKU", 180)
    yield pick("QuantityUnitOfMeasure", "Quantity Unit Of Measure", ("Each",))
    yield text("ExternalId", "External ID", 255)
    yield currency_code()


def _pricebook() -> Iterable[Field]:
    yield text("Name", "Price Book Name", 255, nillable=False, name_field=True)
    yield text("Description", "Description", 255)
    yield flag("IsActive", "Active")
    yield fixed(flag("IsStandard", "Is Standard Price Book"))
    yield fixed(currency_code())


def _entry() -> Iterable[Field]:
    yield fixed(text("Name", "Product Name", 255, name_field=True))
    yield on_create(link("Pricebook2Id", "Price Book ID", "Pricebook2", nillable=False,
                         relationship="Pricebook2", children="PricebookEntries"))  # fmt: skip
    yield on_create(link("Product2Id", "Product ID", "Product2", nillable=False,
                         relationship="Product2", children="PricebookEntries"))  # fmt: skip
    yield fixed(text("ProductCode", "Product Code", 255))
    yield money("UnitPrice", "List Price", 8, nillable=False)
    yield flag("IsActive", "Active")
    yield flag("UseStandardPrice", "Use Standard Price")
    yield on_create(currency_code())
