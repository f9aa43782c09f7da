"""Standard objects of selling: deals, their lines and history, products and prices (Object
Reference)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines.sandbox.salesforce.field_sets import SOURCES, currency_code, owner, viewed
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    granted,
    link,
    moment,
    money,
    number,
    on_create,
    percent,
    pick,
    searched,
    text,
    ungranted,
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
_ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker",
          "Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer", "Other")  # fmt: skip
_FORECAST = ("Omitted", "Pipeline", "BestCase", "MostLikely", "Forecast", "Closed")
_FORECAST_NAMES = ("Omitted", "Pipeline", "Best Case", "Commit", "Closed")
_PERIODS = ("Daily", "Weekly", "Monthly", "Quarterly", "Yearly")
_CREATED = ("CreatedDate", "CreatedById")


def sales_objects() -> Iterable[SObject]:
    """Deals, products and prices."""
    yield define("Opportunity", "Opportunity", "Opportunities", "006", _opportunity())
    yield define(
        "OpportunityLineItem", "Opportunity Product", "Opportunity Product", "00k", _line()
    )
    yield define("OpportunityLineItemSchedule", "Opportunity Product Schedule",
                 "Opportunity Product Schedule", "00o", _schedule())  # fmt: skip
    yield define(
        "OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Role", "00K",
        _role(),
    )  # fmt: skip
    yield define(
        "OpportunityHistory", "Opportunity History", "Opportunity History", "008", _history(),
        writable=False, audit=(*_CREATED, "SystemModstamp"),
    )  # fmt: skip
    yield define(
        "OpportunityFieldHistory", "Opportunity Field History", "Opportunity Field History", "017",
        _field_history(), writable=False, audit=_CREATED,
    )  # fmt: skip
    yield define("OpportunityStage", "Opportunity Stage", "Opportunity Stage", "01J", _stage(),
                 writable=False, keeps_deleted=False)  # fmt: skip
    yield define("Product2", "Product", "Products", "01t", _product())
    yield define("Pricebook2", "Price Book", "Price Books", "01s", _pricebook())
    yield define("PricebookEntry", "Price Book Entry", "Price Book Entries", "01u", _entry())


def _opportunity() -> Iterable[Field]:
    yield searched(link("AccountId", "Account ID", "Account", children="Opportunities",
                        cascade=True))  # fmt: skip
    yield granted(flag("IsPrivate", "Private"))
    yield text("Name", "Name", 120, nillable=False, name_field=True, id_lookup=True)
    yield area("Description", "Description", 32000)
    yield pick("StageName", "Stage", STAGES, nillable=False)
    yield money("Amount", "Amount")
    yield granted(percent("Probability", "Probability (%)", 3, 0, defaulted=True))
    yield granted(fixed(money("ExpectedRevenue", "Expected Amount")))
    yield number("TotalOpportunityQuantity", "Quantity", 18, 2)
    yield day("CloseDate", "Close Date", nillable=False)
    yield pick("Type", "Opportunity Type", ("Existing Customer - Upgrade",
               "Existing Customer - Replacement", "Existing Customer - Downgrade", "New Customer",
               "Existing Business", "New Business"))  # fmt: skip
    yield text("NextStep", "Next Step", 255)
    yield pick("LeadSource", "Lead Source", SOURCES)
    yield fixed(flag("IsClosed", "Closed"))
    yield fixed(flag("IsWon", "Won"))
    yield fixed(pick("ForecastCategory", "Forecast Category", _FORECAST, 40, nillable=False,
                     restricted=True))  # fmt: skip
    yield pick("ForecastCategoryName", "Forecast Category", _FORECAST_NAMES, defaulted=True,
               restricted=True)  # fmt: skip
    yield searched(link("CampaignId", "Campaign ID", "Campaign", children="Opportunities"))
    yield fixed(flag("HasOpportunityLineItem", "Has Line Item"))
    yield searched(link("Pricebook2Id", "Price Book ID", "Pricebook2", defaulted=True,
                        children="Opportunities"))  # fmt: skip
    yield owner()
    yield fixed(day("LastActivityDate", "Last Activity"))
    yield fixed(moment("LastStageChangeDate", "Last Stage Change Date"))
    yield fixed(whole("FiscalQuarter", "Fiscal Quarter", 8, compound="Fiscal"))
    yield fixed(whole("FiscalYear", "Fiscal Year", 8, compound="Fiscal"))
    yield fixed(text("Fiscal", "Fiscal Period", 6))
    yield link("SyncedQuoteId", "Quote ID", "Quote", relationship="SyncedQuote",
               createable=False)  # fmt: skip
    yield on_create(link("ContactId", "Contact ID", "Contact", relationship=None,
                         children="Opportunities", permissionable=False))  # fmt: skip
    yield from viewed(activity=False)
    yield fixed(flag("HasOpenActivity", "Has Open Activity", unfilterable=True, unsortable=True))
    yield fixed(flag("HasOverdueTask", "Has Overdue Task", unfilterable=True, unsortable=True))
    yield currency_code()


def _line() -> Iterable[Field]:
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="OpportunityLineItems", cascade=True))  # fmt: skip
    yield whole("SortOrder", "Sort Order", 9)
    yield on_create(link("PricebookEntryId", "Price Book Entry ID", "PricebookEntry",
                         children="OpportunityLineItems", restricts=True))  # fmt: skip
    yield on_create(link("Product2Id", "Product ID", "Product2",
                         children="OpportunityLineItems", restricts=True))  # fmt: skip
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
    yield fixed(flag("HasRevenueSchedule", "Has Revenue Schedule"))
    yield fixed(flag("HasQuantitySchedule", "Has Quantity Schedule"))
    yield fixed(flag("HasSchedule", "Has Schedule"))
    yield fixed(flag("CanUseQuantitySchedule", "Quantity Scheduling Allowed"))
    yield fixed(flag("CanUseRevenueSchedule", "Revenue Scheduling Allowed"))
    yield from viewed(activity=False)
    yield fixed(currency_code())


def _schedule() -> Iterable[Field]:
    yield on_create(link("OpportunityLineItemId", "Opportunity Product ID", "OpportunityLineItem",
                         nillable=False, cascade=True,
                         children="OpportunityLineItemSchedules"))  # fmt: skip
    yield on_create(pick("Type", "Schedule Type", ("Quantity", "Revenue", "Both"), 40,
                         nillable=False, restricted=True))  # fmt: skip
    yield money("Revenue", "Revenue")
    yield number("Quantity", "Quantity", 18, 2)
    yield text("Description", "Comments", 80)
    yield day("ScheduleDate", "Date", nillable=False)
    yield fixed(currency_code())


def _role() -> Iterable[Field]:
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="OpportunityContactRoles", cascade=True))  # fmt: skip
    yield link("ContactId", "Contact ID", "Contact", nillable=False, cascade=True,
               children="OpportunityContactRoles")  # fmt: skip
    yield ungranted(pick("Role", "Role", _ROLES, 40))
    yield flag("IsPrimary", "Primary")
    yield fixed(currency_code())


def _history() -> Iterable[Field]:
    yield link("OpportunityId", "Opportunity ID", "Opportunity", children="OpportunityHistories",
               cascade=True)  # fmt: skip
    yield pick("StageName", "Stage Name", STAGES)
    yield money("Amount", "Amount")
    yield money("ExpectedRevenue", "Expected Revenue")
    yield day("CloseDate", "Close Date")
    yield money("PrevAmount", "Previous Amount")
    yield day("PrevCloseDate", "Previous Close Date")
    yield percent("Probability", "Probability", 3, 0)
    yield pick("ForecastCategory", "To ForecastCategory", _FORECAST, 40)
    yield currency_code()


def _field_history() -> Iterable[Field]:
    yield link("OpportunityId", "Opportunity ID", "Opportunity", children="Histories",
               cascade=True)  # fmt: skip
    yield pick("Field", "Changed Field", (), 255, nillable=False, restricted=True)
    yield pick("DataType", "Datatype", (), 40, restricted=True)
    for name in ("OldValue", "NewValue"):
        yield Field(name, name.replace("V", " V"), "anyType", unfilterable=True, unsortable=True)


def _stage() -> Iterable[Field]:
    yield text("MasterLabel", "Master Label", 255, name_field=True)
    yield text("ApiName", "API Name", 255)
    yield flag("IsActive", "Is Active")
    yield whole("SortOrder", "Sort Order", 9)
    yield flag("IsClosed", "Closed")
    yield flag("IsWon", "Won")
    yield pick("ForecastCategory", "Forecast Category", _FORECAST, 40)
    yield pick("ForecastCategoryName", "Forecast Category", _FORECAST_NAMES)
    yield percent("DefaultProbability", "Probability (%)", 3, 0)
    yield text("Description", "Description", 255)


def _product() -> Iterable[Field]:
    yield text("Name", "Product Name", 255, nillable=False, name_field=True)
    yield text("ProductCode", "Product Code", 255)
    yield area("Description", "Product Description", 4000)
    yield flag("IsActive", "Active")
    yield pick("Family", "Product Family", ("None",))
    yield text("ExternalId", "External ID", 255)
    yield text("DisplayUrl", "Display URL", 1000, type="url")
    yield pick("QuantityUnitOfMeasure", "Quantity Unit Of Measure", ("Each",))
    yield text("StockKeepingUnit", "Product SKU", 180)
    yield fixed(flag("IsArchived", "Archived"))
    for kind in ("Quantity", "Revenue"):
        yield flag(f"CanUse{kind}Schedule", f"{kind} Scheduling Enabled")
        yield pick(f"{kind}ScheduleType", f"{kind} Schedule Type", ("Divide", "Repeat"), 40,
                   restricted=True)  # fmt: skip
        yield pick(f"{kind}InstallmentPeriod", f"{kind} Installment Period", _PERIODS, 40,
                   restricted=True)  # fmt: skip
        yield whole(f"NumberOf{kind}Installments", f"Number Of {kind} Installments", 9)
    yield from viewed(activity=False)
    yield currency_code()


def _pricebook() -> Iterable[Field]:
    yield text("Name", "Price Book Name", 255, nillable=False, name_field=True)
    yield text("Description", "Description", 255)
    yield flag("IsActive", "Active")
    yield fixed(flag("IsArchived", "Archived"))
    yield fixed(flag("IsStandard", "Is Standard Price Book"))
    yield from viewed(activity=False)
    yield fixed(currency_code())


def _entry() -> Iterable[Field]:
    yield fixed(text("Name", "Product Name", 255, name_field=True))
    yield on_create(link("Pricebook2Id", "Price Book ID", "Pricebook2", nillable=False,
                         children="PricebookEntries", cascade=True))  # fmt: skip
    yield on_create(link("Product2Id", "Product ID", "Product2", nillable=False,
                         children="PricebookEntries", cascade=True))  # fmt: skip
    yield fixed(text("ProductCode", "Product Code", 255))
    yield money("UnitPrice", "List Price", 8, nillable=False)
    yield flag("IsActive", "Active")
    yield flag("UseStandardPrice", "Use Standard Price")
    yield fixed(flag("IsArchived", "Archived"))
    yield on_create(currency_code())
