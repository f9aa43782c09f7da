"""What every org has from its first day on, where the seed does not bring it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.sandbox.kernel import Sandbox
from pipelines.sandbox.salesforce import ids, permissions
from pipelines.sandbox.salesforce.records import stamp
from pipelines.sandbox.salesforce.standard_sales import STAGES
from pipelines.sandbox.salesforce.standard_values import first_values
from pipelines.sandbox.store import Record, Write

_PROFILES = ("System Administrator", "Standard User", "Read Only")
_LOCALE = {
    "TimeZoneSidKey": "America/Los_Angeles", "LocaleSidKey": "en_US",
    "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
}  # fmt: skip


def furnish(kernel: Sandbox, org_id: str, org: Mapping[str, Any]) -> None:
    """Put in place what is missing: the org itself, a user, a currency, profiles, stages."""
    at = stamp(kernel.clock.now())
    user = ids.numbered("005", 1)
    audit: Record = {
        "CreatedDate": at, "CreatedById": user, "LastModifiedDate": at, "LastModifiedById": user,
        "SystemModstamp": at,
    }  # fmt: skip
    kernel.store.preset(
        [
            Write(org_id, name, record["Id"], record | audit)
            for name, records in _first_day(org_id, org, user).items()
            if not len(kernel.store.table(org_id, name))
            for record in records
        ]
    )
    kernel.store.preset(list(permissions.furnishing(kernel.store, org_id, audit)))


def _first_day(org_id: str, org: Mapping[str, Any], user: str) -> Mapping[str, Iterable[Record]]:
    return {
        "Organization": [
            {"Id": org_id, "Name": org.get("org_name", "Sandbox org"), "IsSandbox": True,
             "OrganizationType": "Developer Edition", "InstanceName": "CS1",
             "DefaultLocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "IsReadOnly": False,
             "TimeZoneSidKey": "America/Los_Angeles", "FiscalYearStartMonth": 1,
             "UsesStartDateAsFiscalYearName": False},
        ],
        "User": [
            {"Id": user, "Username": "integration@crossfoot.example", "Name": "Integration User",
             "LastName": "User", "FirstName": "Integration", "Alias": "integ", "IsActive": True,
             "Email": "integration@crossfoot.example", "ProfileId": ids.numbered("00e", 1),
             "UserType": "Standard", "CommunityNickname": "integration",
             "ReceivesInfoEmails": False, "ReceivesAdminInfoEmails": False, **_LOCALE},
        ],
        "Profile": [
            {"Id": ids.numbered("00e", n), "Name": name, "UserType": "Standard"}
            for n, name in enumerate(_PROFILES, 1)
        ],
        "CurrencyType": [
            {"Id": ids.numbered("01L", 1), "IsoCode": "USD", "ConversionRate": 1,
             "DecimalPlaces": 2, "IsActive": True, "IsCorporate": True},
        ],
        "Pricebook2": [
            {"Id": ids.numbered("01s", 1), "Name": "Standard Price Book", "IsActive": True,
             "IsStandard": True, "IsArchived": False, "IsDeleted": False},
        ],
        "OpportunityStage": [
            {"Id": ids.numbered("01J", n), "MasterLabel": name, "ApiName": name, "SortOrder": n,
             "IsActive": True, "IsClosed": closed, "IsWon": won, "DefaultProbability": probability,
             "ForecastCategory": category, "ForecastCategoryName": words}
            for n, (name, (probability, closed, won, category, words)) in enumerate(
                STAGES.items(), 1)
        ],
        **first_values(),
    }  # fmt: skip
