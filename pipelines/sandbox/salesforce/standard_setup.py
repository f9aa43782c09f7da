"""Standard objects of the org: itself, its users and currencies (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import address, currency_code
from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    flag,
    link,
    moment,
    number,
    on_create,
    pick,
    text,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define


def setup_objects() -> Iterable[SObject]:
    """The org itself, its users, its currencies."""
    yield define("Profile", "Profile", "Profile", "00e", _profile(), writable=False,
                 keeps_deleted=False)  # fmt: skip
    yield define("UserRole", "Role", "Role", "00E", _user_role(), keeps_deleted=False)
    yield define("Group", "Group", "Group", "00G", _group(), keeps_deleted=False)
    yield define("RecordType", "Record Type", "Record Type", "012", _record_type(),
                 keeps_deleted=False)  # fmt: skip
    yield define("DatedConversionRate", "Dated Conversion Rate", "Dated Conversion Rates", "04w",
                 _dated_rate(), keeps_deleted=False)  # fmt: skip
    yield define("User", "User", "Users", "005", _user(), keeps_deleted=False)
    yield define("Organization", "Organization", "Organizations", "00D", _organization(),
                 writable=False, keeps_deleted=False)  # fmt: skip
    yield define("CurrencyType", "Currency Type", "Currency Types", "01L", _currency(),
                 keeps_deleted=False)  # fmt: skip


def _user() -> Iterable[Field]:
    yield text("Username", "Username", 80, nillable=False, unique=True, id_lookup=True)
    yield text("LastName", "Last Name", 80, nillable=False, compound="Name", extra="personname")
    yield text("FirstName", "First Name", 40, compound="Name", extra="personname")
    yield fixed(text("Name", "Full Name", 121, nillable=False, name_field=True,
                     extra="personname"))  # fmt: skip
    yield text("CompanyName", "Company Name", 80)
    yield text("Division", "Division", 80)
    yield text("Department", "Department", 80)
    yield text("Title", "Title", 80)
    yield from address("")
    yield text("Email", "Email", 128, type="email", nillable=False)
    yield text("Phone", "Phone", 40, type="phone")
    yield text("Fax", "Fax", 40, type="phone")
    yield text("MobilePhone", "Mobile", 40, type="phone")
    yield text("Alias", "Alias", 8, nillable=False)
    yield text("CommunityNickname", "Nickname", 40, defaulted=True)
    yield flag("IsActive", "Active")
    yield pick("TimeZoneSidKey", "Time Zone", (), 40, nillable=False)
    yield link("UserRoleId", "Role ID", "UserRole", children="Users")
    yield pick("LocaleSidKey", "Locale", (), 40, nillable=False)
    yield flag("ReceivesInfoEmails", "Info Emails")
    yield flag("ReceivesAdminInfoEmails", "Admin Info Emails")
    yield pick("EmailEncodingKey", "Email Encoding", (), 40, nillable=False)
    yield link("ProfileId", "Profile ID", "Profile", nillable=False, children="Users")
    yield fixed(pick("UserType", "User Type", ("Standard", "PowerPartner", "CSPLitePortal",
                     "CustomerSuccess", "PowerCustomerSuccess", "CsnOnly",
                     "AutomatedProcess"), 40, restricted=True))  # fmt: skip
    yield pick("LanguageLocaleKey", "Language", (), 40, nillable=False)
    yield text("EmployeeNumber", "Employee Number", 20)
    yield link("ManagerId", "Manager ID", "User", children="ManagedUsers")
    yield fixed(moment("LastLoginDate", "Last Login"))
    yield text("FederationIdentifier", "SAML Federation ID", 512, case_sensitive=True)
    yield area("AboutMe", "About Me", 1000)
    yield pick("DefaultCurrencyIsoCode", "Default Currency ISO Code", (), 3)
    yield currency_code()


def _profile() -> Iterable[Field]:
    yield text("Name", "Name", 255, nillable=False, name_field=True)
    yield text("Description", "Description", 255)
    yield pick("UserType", "User Type", ("Standard",), 40)


def _user_role() -> Iterable[Field]:
    yield text("Name", "Name", 80, nillable=False, name_field=True)
    yield link("ParentRoleId", "Parent Role ID", "UserRole", relationship=None)
    yield text("DeveloperName", "Developer Name", 80, defaulted=True)
    yield text("RollupDescription", "Description", 80)


def _group() -> Iterable[Field]:
    yield text("Name", "Name", 40, nillable=False, name_field=True)
    yield text("DeveloperName", "Developer Name", 80, defaulted=True)
    yield on_create(pick("Type", "Type", ("Regular", "Queue", "Role", "Organization"), 40,
                         "Regular", nillable=False))  # fmt: skip
    yield text("Email", "Email", 255, type="email")
    yield flag("DoesSendEmailToMembers", "Send Email to Members")


def _record_type() -> Iterable[Field]:
    yield text("Name", "Name", 80, nillable=False, name_field=True)
    yield text("DeveloperName", "Developer Name", 80, nillable=False)
    yield text("Description", "Description", 255)
    yield on_create(pick("SobjectType", "SObject Type Name", (), 40, nillable=False))
    yield flag("IsActive", "Active")


def _dated_rate() -> Iterable[Field]:
    yield pick("IsoCode", "Currency ISO Code", (), 3, nillable=False, name_field=True)
    yield day("StartDate", "Start Date", nillable=False)
    yield fixed(day("NextStartDate", "Next Start Date"))
    yield number("ConversionRate", "Conversion Rate", 18, 6, nillable=False)


def _organization() -> Iterable[Field]:
    yield text("Name", "Name", 80, name_field=True)
    yield text("Division", "Division", 80)
    yield from address("")
    yield text("Phone", "Phone", 40, type="phone")
    yield text("Fax", "Fax", 40, type="phone")
    yield text("PrimaryContact", "Primary Contact", 80)
    for name in ("DefaultLocaleSidKey", "TimeZoneSidKey", "LanguageLocaleKey"):
        yield pick(name, name, (), 40)
    yield whole("FiscalYearStartMonth", "Fiscal Year Starts In", 9)
    yield flag("UsesStartDateAsFiscalYearName", "Fiscal Year Name by Start")
    yield text("InstanceName", "Instance Name", 5)
    yield pick("OrganizationType", "Edition", (), 40)
    yield flag("IsSandbox", "Is Sandbox")
    yield flag("IsReadOnly", "Is Read Only")
    yield text("NamespacePrefix", "Namespace Prefix", 15)
    yield moment("TrialExpirationDate", "Trial Expiration Date")
    yield text("SignupCountryIsoCode", "Signup Country", 2)


def _currency() -> Iterable[Field]:
    yield pick("IsoCode", "Currency ISO Code", (), 3, nillable=False, name_field=True)
    yield number("ConversionRate", "Conversion Rate", 18, 6, nillable=False)
    yield whole("DecimalPlaces", "Decimal Places", 1, nillable=False)
    yield flag("IsActive", "Active")
    yield fixed(flag("IsCorporate", "Is Corporate Currency"))
