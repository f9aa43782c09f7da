"""Standard objects around customers: companies, people, leads, cases, campaigns (Object
Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import (
    INDUSTRIES,
    RATINGS,
    SOURCES,
    address,
    clean_status,
    currency_code,
    owner,
    person,
    viewed,
)
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
    on_update,
    percent,
    pick,
    searched,
    text,
    ungranted,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define
from pipelines.sandbox.salesforce.standard_values import CASE_STATES, LEAD_STATES

_TYPES = ("Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller",
          "Installation Partner", "Technology Partner", "Other")  # fmt: skip
_ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker",
          "Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer", "Other")  # fmt: skip


def customer_objects() -> Iterable[SObject]:
    """Companies, people, leads, cases, campaigns."""
    yield define("Account", "Account", "Accounts", "001", _account())
    yield define("Contact", "Contact", "Contacts", "003", _contact())
    yield define("Lead", "Lead", "Leads", "00Q", _lead())
    yield define("Case", "Case", "Cases", "500", _case())
    yield define("AccountContactRole", "Account Contact Role", "Account Contact Role", "02Z",
                 _account_role())  # fmt: skip
    yield define("Campaign", "Campaign", "Campaigns", "701", _campaign())
    yield define("CampaignMember", "Campaign Member", "Campaign Members", "00v", _member())


def _account() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Account"))
    yield text("Name", "Account Name", 255, nillable=False, name_field=True, compound="Name",
               extra="switchablepersonname")  # fmt: skip
    yield pick("Type", "Account Type", _TYPES, 40)
    yield searched(link("ParentId", "Parent Account ID", "Account", children="ChildAccounts"))
    yield from address("Billing")
    yield from address("Shipping")
    yield text("Phone", "Account Phone", 40, type="phone")
    yield text("Fax", "Account Fax", 40, type="phone")
    yield text("AccountNumber", "Account Number", 40)
    yield text("Website", "Website", 255, type="url")
    yield fixed(text("PhotoUrl", "Photo URL", 255, type="url", extra="imageurl"))
    yield text("Sic", "SIC Code", 20)
    yield pick("Industry", "Industry", INDUSTRIES, 40)
    yield money("AnnualRevenue", "Annual Revenue", 0)
    yield whole("NumberOfEmployees", "Employees", 8)
    yield pick("Ownership", "Ownership", ("Public", "Private", "Subsidiary", "Other"), 40)
    yield text("TickerSymbol", "Ticker Symbol", 20)
    yield area("Description", "Account Description", 32000)
    yield pick("Rating", "Account Rating", RATINGS, 40)
    yield text("Site", "Account Site", 80)
    yield owner()
    yield from viewed()
    yield text("Jigsaw", "Data.com Key", 20)
    yield fixed(text("JigsawCompanyId", "Jigsaw Company ID", 20))
    yield clean_status()
    yield pick("AccountSource", "Account Source", SOURCES, 40)
    yield text("DunsNumber", "D-U-N-S Number", 9)
    yield text("Tradestyle", "Tradestyle", 255)
    yield text("NaicsCode", "NAICS Code", 8)
    yield text("NaicsDesc", "NAICS Description", 120)
    yield text("YearStarted", "Year Started", 4)
    yield text("SicDesc", "SIC Description", 80)
    yield currency_code()


def _contact() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Contact"))
    yield searched(link("AccountId", "Account ID", "Account", children="Contacts", cascade=True))
    yield from person()
    yield from address("Other")
    yield from address("Mailing")
    for name, label in (
        ("Phone", "Business Phone"), ("Fax", "Business Fax"), ("MobilePhone", "Mobile Phone"),
        ("HomePhone", "Home Phone"), ("OtherPhone", "Other Phone"),
        ("AssistantPhone", "Asst. Phone"),
    ):  # fmt: skip
        yield text(name, label, 40, type="phone")
    yield searched(link("ReportsToId", "Reports To ID", "Contact"))
    yield text("Email", "Email", 80, type="email", id_lookup=True)
    yield text("Title", "Title", 128)
    yield text("Department", "Department", 80)
    yield text("AssistantName", "Assistant's Name", 40)
    yield pick("LeadSource", "Lead Source", SOURCES)
    yield day("Birthdate", "Birthdate")
    yield area("Description", "Contact Description", 32000)
    yield owner()
    yield fixed(day("LastActivityDate", "Last Activity"))
    yield fixed(moment("LastCURequestDate", "Last Stay-in-Touch Request Date"))
    yield fixed(moment("LastCUUpdateDate", "Last Stay-in-Touch Save Date"))
    yield from viewed(activity=False)
    yield ungranted(text("EmailBouncedReason", "Email Bounced Reason", 255))
    yield ungranted(moment("EmailBouncedDate", "Email Bounced Date"))
    yield fixed(flag("IsEmailBounced", "Is Email Bounced"))
    yield fixed(text("PhotoUrl", "Photo URL", 255, type="url", extra="imageurl"))
    yield text("Jigsaw", "Data.com Key", 20)
    yield fixed(text("JigsawContactId", "Jigsaw Contact ID", 20))
    yield clean_status()
    yield currency_code()


def _lead() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Lead"))
    yield from person()
    yield text("Title", "Title", 128)
    yield text("Company", "Company", 255, nillable=False)
    yield from address("")
    yield text("Phone", "Phone", 40, type="phone")
    yield text("MobilePhone", "Mobile Phone", 40, type="phone")
    yield text("Fax", "Fax", 40, type="phone")
    yield text("Email", "Email", 80, type="email", id_lookup=True)
    yield text("Website", "Website", 255, type="url")
    yield fixed(text("PhotoUrl", "Photo URL", 255, type="url", extra="imageurl"))
    yield area("Description", "Description", 32000)
    yield pick("LeadSource", "Lead Source", SOURCES)
    yield pick("Status", "Status", LEAD_STATES, 255, LEAD_STATES[0], nillable=False)
    yield pick("Industry", "Industry", INDUSTRIES)
    yield pick("Rating", "Rating", RATINGS)
    yield money("AnnualRevenue", "Annual Revenue", 0)
    yield whole("NumberOfEmployees", "Employees", 8)
    yield owner("Group", "User")
    yield on_create(flag("IsConverted", "Converted"))
    yield fixed(day("ConvertedDate", "Converted Date"))
    for what in ("Account", "Contact", "Opportunity"):
        yield searched(fixed(link(f"Converted{what}Id", f"Converted {what} ID", what)))
    yield flag("IsUnreadByOwner", "Unread By Owner")
    yield from viewed()
    yield text("Jigsaw", "Data.com Key", 20)
    yield fixed(text("JigsawContactId", "Jigsaw Contact ID", 20))
    yield clean_status()
    yield text("CompanyDunsNumber", "Company D-U-N-S Number", 9)
    yield ungranted(on_update(text("EmailBouncedReason", "Email Bounced Reason", 255)))
    yield ungranted(on_update(moment("EmailBouncedDate", "Email Bounced Date")))
    yield currency_code()


def _case() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Case"))
    yield fixed(text("CaseNumber", "Case Number", 30, nillable=False, defaulted=True,
                     name_field=True, id_lookup=True, counts="{00000000}"))  # fmt: skip
    yield searched(link("ContactId", "Contact ID", "Contact", children="Cases", restricts=True))
    yield searched(link("AccountId", "Account ID", "Account", children="Cases", restricts=True))
    yield searched(link("ParentId", "Parent Case ID", "Case", children="Cases"))
    yield text("SuppliedName", "Name", 80)
    yield text("SuppliedEmail", "Email Address", 80, type="email")
    yield text("SuppliedPhone", "Phone", 40)
    yield text("SuppliedCompany", "Company", 80)
    yield pick("Type", "Case Type", ("Mechanical", "Electrical", "Electronic", "Structural",
               "Other"), 40)  # fmt: skip
    yield pick("Status", "Status", CASE_STATES, 40, CASE_STATES[0])
    yield pick("Reason", "Case Reason", ("Installation", "Equipment Complexity", "Performance",
               "Breakdown", "Equipment Design", "Feedback", "Other"), 40)  # fmt: skip
    yield pick("Origin", "Case Origin", ("Phone", "Email", "Web"), 40)
    yield text("Subject", "Subject", 255)
    yield granted(pick("Priority", "Priority", ("High", "Medium", "Low"), 40, "Medium"))
    yield area("Description", "Description", 32000)
    yield fixed(flag("IsClosed", "Closed"))
    yield granted(fixed(moment("ClosedDate", "Closed Date")))
    yield granted(flag("IsEscalated", "Escalated"))
    yield owner("Group", "User")
    for name, kind in (("Phone", "phone"), ("Mobile", "phone"), ("Email", "email"),
                       ("Fax", "phone")):  # fmt: skip
        length = 80 if kind == "email" else 40
        yield fixed(text(f"Contact{name}", f"Contact {name}", length, type=kind))
    yield ungranted(area("Comments", "Internal Comments", 4000))
    yield from viewed(activity=False)
    yield currency_code()


def _account_role() -> Iterable[Field]:
    yield on_create(link("AccountId", "Account ID", "Account", nillable=False, cascade=True,
                         children="AccountContactRoles"))  # fmt: skip
    yield link("ContactId", "Contact ID", "Contact", nillable=False, cascade=True,
               children="AccountContactRoles")  # fmt: skip
    yield pick("Role", "Role", _ROLES)
    yield flag("IsPrimary", "Primary")


def _campaign() -> Iterable[Field]:
    yield text("Name", "Name", 80, nillable=False, name_field=True)
    yield searched(link("ParentId", "Parent Campaign ID", "Campaign", children="ChildCampaigns"))
    yield pick("Type", "Type", ("Conference", "Webinar", "Trade Show", "Public Relations",
               "Partners", "Referral Program", "Advertisement", "Banner Ads", "Direct Mail",
               "Email", "Telemarketing", "Other"))  # fmt: skip
    yield pick("Status", "Status", ("Planned", "In Progress", "Completed", "Aborted"), 255,
               "Planned")  # fmt: skip
    yield day("StartDate", "Start Date")
    yield day("EndDate", "End Date")
    yield money("ExpectedRevenue", "Expected Revenue", 0)
    yield money("BudgetedCost", "Budgeted Cost", 0)
    yield money("ActualCost", "Actual Cost", 0)
    yield percent("ExpectedResponse", "Expected Response (%)", 10, 2)
    yield number("NumberSent", "Num Sent", 18, 0)
    yield flag("IsActive", "Active")
    yield area("Description", "Description", 32000)
    for name, label in (("Leads", "Leads"), ("ConvertedLeads", "Converted Leads"),
                        ("Contacts", "Contacts"), ("Responses", "Responses"),
                        ("Opportunities", "Opportunities"),
                        ("WonOpportunities", "Won Opportunities")):  # fmt: skip
        yield fixed(whole(f"NumberOf{name}", f"{label} in Campaign", 8, nillable=False))
    yield owner()
    yield from viewed()
    yield currency_code()


def _member() -> Iterable[Field]:
    yield on_create(link("CampaignId", "Campaign ID", "Campaign", nillable=False, cascade=True,
                         children="CampaignMembers"))  # fmt: skip
    yield on_create(link("LeadId", "Lead ID", "Lead", cascade=True, children="CampaignMembers"))
    yield on_create(link("ContactId", "Contact ID", "Contact", cascade=True,
                         children="CampaignMembers"))  # fmt: skip
    yield pick("Status", "Status", ("Sent", "Responded"), 255, "Sent")
    yield fixed(flag("HasResponded", "Responded"))
    yield fixed(day("FirstRespondedDate", "First Responded Date"))
    yield currency_code()
