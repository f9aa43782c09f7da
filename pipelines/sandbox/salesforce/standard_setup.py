"""Standard objects of the org: itself, its users and currencies (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.field_sets import currency_code
from pipelines.sandbox.salesforce.fields import (
    Field,
    fixed,
    flag,
    link,
    moment,
    number,
    pick,
    text,
    whole,
)
from pipelines.sandbox.salesforce.sobject import SObject, define


def setup_objects() -> Iterable[SObject]:
    """The org itself, its users, its currencies."""
    yield define("User", "User", "Users", "005", _user(), keeps_deleted=False)
    yield define("Organization", "Organization", "Organizations", "00D", _organization(),
                 writable=False, keeps_deleted=False)  # fmt: skip
    yield define("CurrencyType", "Currency Type", "Currency Types", "01L", _currency(),
                 keeps_deleted=False)  # fmt: skip


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
    yield currency_code()


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
