"""The standard objects and their fields (Object Reference), and custom fields from the seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.sandbox.salesforce.fields import (
    Choice,
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
_ADDRESS = (
    ("Street", 255), ("City", 40), ("State", 80), ("PostalCode", 20), ("Country", 80),
)  # fmt: skip


@dataclass(frozen=True)
class SObject:
    """One object: its fields by lower-case name, in the order of the describe."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: Mapping[str, Field]
    writable: bool = True
    keeps_deleted: bool = True

    def field(self, name: str) -> Field | None:
        """A field by its name in any case."""
        return self.fields.get(name.lower())

    @property
    def external_ids(self) -> list[Field]:
        """The fields by which a record can be addressed."""
        return [f for f in self.fields.values() if f.external_id or f.id_lookup]


class Catalogue:
    """All objects of the org, found by name in any case or by id prefix."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self.objects = {o.name.lower(): o for o in objects}
        self._prefixes = {o.prefix: o for o in self.objects.values()}

    def get(self, name: str) -> SObject | None:
        """An object by its name in any case."""
        return self.objects.get(name.lower())

    def of_id(self, record_id: str) -> SObject | None:
        """The object whose records have ids that begin so."""
        return self._prefixes.get(record_id[:3])

    def children(self, parent: SObject) -> list[tuple[SObject, Field]]:
        """The references to `parent` that can be asked for as a sub-query."""
        return [
            (child, one)
            for child in self.objects.values()
            for one in child.fields.values()
            if parent.name in one.refers_to and one.children
        ]


def catalogue(custom_fields: Iterable[Mapping[str, Any]]) -> Catalogue:
    """The standard objects with these custom fields (as the Tooling API takes them)."""
    added: dict[str, list[Field]] = {}
    for definition in custom_fields:
        owner, _, name = str(definition["FullName"]).partition(".")
        added.setdefault(owner, []).append(custom_field(name, definition["Metadata"]))
    return Catalogue(
        replace(o, fields={**o.fields, **{f.key: f for f in added.get(o.name, ())}})
        for o in _standard_objects()
    )


_CUSTOM_TYPES = {
    "Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Picklist": "picklist",
    "Currency": "currency", "Number": "double", "Percent": "percent", "Date": "date",
    "DateTime": "datetime", "Checkbox": "boolean", "Email": "email", "Phone": "phone",
    "Url": "url",
}  # fmt: skip


def custom_field(name: str, metadata: Mapping[str, Any]) -> Field:
    """A custom field from its metadata (Metadata API guide, CustomField).

    Raises KeyError for a type that the sandbox does not serve.
    """
    kind = _CUSTOM_TYPES[metadata["type"]]
    choices = metadata.get("valueSet", {})
    values = choices.get("valueSetDefinition", {}).get("value", ())
    boolean = kind == "boolean"
    return Field(
        name,
        metadata.get("label", name),
        kind,
        length=metadata.get("length", 255 if kind in ("string", "picklist", "textarea") else 0),
        precision=metadata.get("precision", 0),
        scale=metadata.get("scale", 0),
        nillable=not (metadata.get("required") or boolean),
        defaulted=boolean,
        default=metadata.get("defaultValue", False) in (True, "true") if boolean else None,
        custom=True,
        external_id=bool(metadata.get("externalId")),
        unique=bool(metadata.get("unique")),
        case_sensitive=bool(metadata.get("caseSensitive")),
        restricted=bool(choices.get("restricted")),
        choices=tuple(
            Choice(v.get("valueName") or v["fullName"], v.get("label", v.get("valueName", "")),
                   bool(v.get("default")))
            for v in values
        ),
        help=metadata.get("inlineHelpText"),
    )  # fmt: skip


def _standard_objects() -> Iterable[SObject]:
    yield _sobject("Account", "Account", "Accounts", "001", _account())
    yield _sobject("Contact", "Contact", "Contacts", "003", _contact())
    yield _sobject("Opportunity", "Opportunity", "Opportunities", "006", _opportunity())
    yield _sobject(
        "OpportunityLineItem", "Opportunity Product", "Opportunity Product", "00k", _line()
    )
    yield _sobject(
        "OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Role", "00K",
        _role(),
    )  # fmt: skip
    yield _sobject(
        "OpportunityHistory", "Opportunity History", "Opportunity History", "008", _history(),
        writable=False, audit=("CreatedDate", "CreatedById", "SystemModstamp"),
    )  # fmt: skip
    yield _sobject("Product2", "Product", "Products", "01t", _product())
    yield _sobject("Pricebook2", "Price Book", "Price Books", "01s", _pricebook())
    yield _sobject("PricebookEntry", "Price Book Entry", "Price Book Entries", "01u", _entry())
    yield _sobject("User", "User", "Users", "005", _user(), keeps_deleted=False)
    yield _sobject("Organization", "Organization", "Organizations", "00D", _organization(),
                   writable=False, keeps_deleted=False)  # fmt: skip
    yield _sobject("CurrencyType", "Currency Type", "Currency Types", "01L", _currency(),
                   keeps_deleted=False)  # fmt: skip
    yield _sobject("Task", "Task", "Tasks", "00T", _task())


_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")


def _sobject(
    name: str,
    label: str,
    plural: str,
    prefix: str,
    own: Iterable[Field],
    *,
    writable: bool = True,
    keeps_deleted: bool = True,
    audit: Iterable[str] = _AUDIT,
) -> SObject:
    system = [fixed(Field("Id", f"{label} ID", "id", length=18, nillable=False, defaulted=True,
                          id_lookup=True))]  # fmt: skip
    if keeps_deleted:
        system.append(fixed(flag("IsDeleted", "Deleted", createable=False)))
    fields = [*system, *own, *(_audit_field(one) for one in audit)]
    if not writable:
        fields = [fixed(f) for f in fields]
    return SObject(name, label, plural, prefix, {f.key: f for f in fields}, writable, keeps_deleted)


def _audit_field(name: str) -> Field:
    label = {"SystemModstamp": "System Modstamp"}.get(name, name)
    if name.endswith("ById"):
        return fixed(link(name, label, "User", nillable=False, relationship=name[:-2]))
    return fixed(moment(name, label, nillable=False))


def _address(prefix: str) -> Iterable[Field]:
    compound = f"{prefix}Address"
    for part, length in _ADDRESS:
        name = f"{prefix}{part}"
        make = area if part == "Street" else text
        yield make(name, f"{prefix} {part}", length, compound=compound)
    for part in ("Latitude", "Longitude"):
        yield number(f"{prefix}{part}", f"{prefix} {part}", 18, 15, compound=compound)
    yield pick(f"{prefix}GeocodeAccuracy", f"{prefix} Geocode Accuracy",
               ("Address", "Street", "Zip", "City", "State", "Unknown"), 40,
               restricted=True, compound=compound)  # fmt: skip
    yield fixed(Field(compound, f"{prefix} Address", "address", unfilterable=True,
                      unsortable=True))  # fmt: skip


def _owner() -> Field:
    return link("OwnerId", "Owner ID", "User", nillable=False, defaulted=True)


def _iso() -> Field:
    return pick("CurrencyIsoCode", "Currency ISO Code", (), 3, defaulted=True, restricted=True)


def _account() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Account", relationship="MasterRecord"))
    yield text("Name", "Account Name", 255, nillable=False, name_field=True)
    yield pick("Type", "Account Type", ("Customer - Direct", "Prospect", "Partner"), 255)
    yield link("ParentId", "Parent Account ID", "Account", children="ChildAccounts")
    yield from _address("Billing")
    yield from _address("Shipping")
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
    yield _owner()
    yield pick("AccountSource", "Account Source", ("Web", "Phone Inquiry", "Other"))
    yield pick("CleanStatus", "Clean Status", ("Matched", "Different", "Acknowledged", "NotFound",
               "Inactive", "Pending", "SelectMatch", "Skipped"), 40, restricted=True)  # fmt: skip
    yield fixed(day("LastActivityDate", "Last Activity"))
    yield _iso()


def _contact() -> Iterable[Field]:
    yield fixed(link("MasterRecordId", "Master Record ID", "Contact", relationship="MasterRecord"))
    yield link("AccountId", "Account ID", "Account", children="Contacts", cascade=True)
    yield text("LastName", "Last Name", 80, nillable=False)
    yield text("FirstName", "First Name", 40)
    yield pick("Salutation", "Salutation", ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof."), 40)
    yield fixed(text("Name", "Full Name", 121, nillable=False, name_field=True))
    yield from _address("Mailing")
    yield from _address("Other")
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
    yield _owner()
    yield _iso()


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
    yield _owner()
    yield on_create(link("ContactId", "Contact ID", "Contact"))
    yield fixed(whole("FiscalQuarter", "Fiscal Quarter", 9))
    yield fixed(whole("FiscalYear", "Fiscal Year", 9))
    yield fixed(text("Fiscal", "Fiscal Period", 6))
    yield fixed(moment("LastStageChangeDate", "Last Stage Change Date"))
    yield _iso()


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
    yield fixed(_iso())


def _role() -> Iterable[Field]:
    yield on_create(link("OpportunityId", "Opportunity ID", "Opportunity", nillable=False,
                         children="OpportunityContactRoles", cascade=True))  # fmt: skip
    yield link("ContactId", "Contact ID", "Contact", nillable=False)
    yield pick("Role", "Role", ("Decision Maker", "Economic Buyer", "Evaluator", "Other"), 40)
    yield flag("IsPrimary", "Primary")
    yield fixed(_iso())


def _history() -> Iterable[Field]:
    yield link("OpportunityId", "Opportunity ID", "Opportunity", children="OpportunityHistories",
               cascade=True)  # fmt: skip
    yield pick("StageName", "Stage Name", STAGES)
    yield money("Amount", "Amount")
    yield money("ExpectedRevenue", "Expected Revenue")
    yield day("CloseDate", "Close Date")
    yield percent("Probability", "Probability", 3, 0)
    yield pick("ForecastCategory", "To ForecastCategory", (), 40)
    yield _iso()


def _product() -> Iterable[Field]:
    yield text("Name", "Product Name", 255, nillable=False, name_field=True)
    yield text("ProductCode", "Product Code", 255)
    yield area("Description", "Product Description", 4000)
    yield flag("IsActive", "Active")
    yield pick("Family", "Product Family", ())
    yield text("StockKeepingUnit", "Product SKU", 180)
    yield pick("QuantityUnitOfMeasure", "Quantity Unit Of Measure", ("Each",))
    yield text("ExternalId", "External ID", 255)
    yield _iso()


def _pricebook() -> Iterable[Field]:
    yield text("Name", "Price Book Name", 255, nillable=False, name_field=True)
    yield text("Description", "Description", 255)
    yield flag("IsActive", "Active")
    yield fixed(flag("IsStandard", "Is Standard Price Book"))
    yield fixed(_iso())


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
    yield on_create(_iso())


def _user() -> Iterable[Field]:
    yield text("Username", "Username", 80, nillable=False)
    yield text("LastName", "Last Name", 80, nillable=False)
    yield text("FirstName", "First Name", 40)
    yield fixed(text("Name", "Full Name", 121, name_field=True))
    yield text("Email", "Email", 128, type="email", nillable=False)
    yield text("Alias", "Alias", 8, nillable=False)
    yield text("Title", "Title", 80)
    yield flag("IsActive", "Active")
    yield text("ProfileId", "Profile ID", 18, nillable=False)
    yield text("UserRoleId", "Role ID", 18)
    yield link("ManagerId", "Manager ID", "User")
    yield pick("UserType", "User Type", ("Standard", "AutomatedProcess"), 40)
    for name in ("TimeZoneSidKey", "LocaleSidKey", "EmailEncodingKey", "LanguageLocaleKey"):
        yield pick(name, name, (), 40, nillable=False)
    yield pick("DefaultCurrencyIsoCode", "Default Currency ISO Code", (), 3)
    yield _iso()


def _organization() -> Iterable[Field]:
    yield text("Name", "Name", 80, name_field=True)
    yield text("Country", "Country", 80)
    yield pick("OrganizationType", "Edition", (), 40)
    yield text("InstanceName", "Instance Name", 5)
    yield flag("IsSandbox", "Is Sandbox")
    for name in ("LanguageLocaleKey", "DefaultLocaleSidKey", "TimeZoneSidKey"):
        yield pick(name, name, (), 40)
    yield whole("FiscalYearStartMonth", "Fiscal Year Starts In", 9)
    yield moment("TrialExpirationDate", "Trial Expiration Date")
    yield text("NamespacePrefix", "Namespace Prefix", 15)


def _currency() -> Iterable[Field]:
    yield pick("IsoCode", "Currency ISO Code", (), 3, nillable=False, name_field=True)
    yield number("ConversionRate", "Conversion Rate", 18, 6, nillable=False)
    yield whole("DecimalPlaces", "Decimal Places", 1, nillable=False)
    yield flag("IsActive", "Active")
    yield fixed(flag("IsCorporate", "Is Corporate Currency"))


def _task() -> Iterable[Field]:
    yield link("WhoId", "Name ID", "Contact", relationship="Who", children="Tasks")
    yield link("WhatId", "Related To ID", "Account Opportunity", relationship="What",
               children="Tasks")  # fmt: skip
    yield text("Subject", "Subject", 255, type="combobox", name_field=True)
    yield day("ActivityDate", "Due Date Only")
    yield pick("Status", "Status", ("Not Started", "In Progress", "Completed"), 255,
               "Not Started", nillable=False)  # fmt: skip
    yield pick("Priority", "Priority", ("High", "Normal", "Low"), 255, "Normal",
               nillable=False)  # fmt: skip
    yield _owner()
    yield area("Description", "Description", 32000)
    yield fixed(link("AccountId", "Account ID", "Account"))
    yield fixed(flag("IsClosed", "Closed"))
    yield _iso()
