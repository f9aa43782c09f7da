"""A small org and two ways to talk to it: unmodified simple-salesforce, and bare HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import simplejson
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from pipelines.sandbox.server import RunningSandbox, running_sandbox

ORG = "00DHs0000000001MAA"
USER, LEFT = "005Hs0000000001IAA", "005Hs0000000002IAA"
ACME, BOREAL, DELETED = "001Hs0000000001IAA", "001Hs0000000002IAA", "001Hs0000000003IAA"
ADA = "003Hs0000000001IAA"
DEAL, EURO_DEAL = "006Hs0000000001IAA", "006Hs0000000002IAA"
STANDARD, PARTNER = "01sHs0000000001IAA", "01sHs0000000002IAA"
PROBE, CABLE = "01tHs0000000001IAA", "01tHs0000000002IAA"
PROBE_USD, CABLE_USD, PROBE_EUR = (
    "01uHs0000000001IAA",
    "01uHs0000000002IAA",
    "01uHs0000000003IAA",
)
USERNAME = "integration@acme.example"
AUDIT = {
    "CreatedDate": "2026-09-01T08:00:00.000+0000",
    "CreatedById": USER,
    "LastModifiedDate": "2026-09-01T08:00:00.000+0000",
    "LastModifiedById": USER,
    "SystemModstamp": "2026-09-01T08:00:00.000+0000",
}
CURRENCIES = [
    {"iso": "USD", "rate": 1, "corporate": True},
    {"iso": "EUR", "rate": Decimal("0.92"), "corporate": False},
]
MANIFEST = {
    "name": "Test org",
    "as_of": "2026-11-20T17:00:00Z",
    "salesforce": {
        "org_id": ORG,
        "org_name": "Test org",
        "user": {"username": USERNAME, "name": "Crossfoot Integration"},
        "currencies": CURRENCIES,
    },
    "quickbooks": [
        {
            "realm_id": "9341450000000001",
            "name": "Test Inc",
            "country": "US",
            "home_currency": "USD",
            "utc_offset": "-08:00",
        }
    ],
}
CUSTOM_FIELDS = [
    {
        "FullName": "Account.QBO_Customer_Id__c",
        "Metadata": {
            "type": "Text",
            "label": "QuickBooks customer id",
            "length": 80,
            "externalId": True,
            "unique": True,
            "caseSensitive": False,
        },
    },
    {
        "FullName": "Account.Region_Key__c",
        "Metadata": {"type": "Text", "label": "Region key", "length": 20, "externalId": True},
    },
    {
        "FullName": "Account.QBO_Open_Balance__c",
        "Metadata": {"type": "Currency", "label": "Open balance", "precision": 18, "scale": 2},
    },
    {
        "FullName": "Opportunity.QBO_Invoice_Status__c",
        "Metadata": {
            "type": "Picklist",
            "label": "Invoice status",
            "valueSet": {
                "restricted": True,
                "valueSetDefinition": {
                    "sorted": False,
                    "value": [
                        {"valueName": v, "label": v, "default": False}
                        for v in ("Open", "Paid", "Overdue")
                    ],
                },
            },
        },
    },
    {
        "FullName": "Contact.Billing_Contact__c",
        "Metadata": {"type": "Checkbox", "label": "Billing contact", "defaultValue": False},
    },
]


def row(record_id: str, **values: Any) -> dict[str, Any]:
    """A seeded record with the fields every record has."""
    return {"Id": record_id, "IsDeleted": False, "CurrencyIsoCode": "USD", **AUDIT, **values}


def _user(record_id: str, name: str, active: bool) -> dict[str, Any]:
    given, family = name.split()
    return {
        "Id": record_id,
        "Username": USERNAME if active else f"{family.lower()}@acme.example",
        "FirstName": given,
        "LastName": family,
        "Name": name,
        "Email": f"{family.lower()}@acme.example",
        "Alias": given[:5].lower(),
        "IsActive": active,
        "TimeZoneSidKey": "GMT",
        "CurrencyIsoCode": "USD",
        **AUDIT,
    }


def _entry(record_id: str, product: str, name: str, price: str, currency: str) -> dict[str, Any]:
    return row(
        record_id,
        Pricebook2Id=STANDARD,
        Product2Id=product,
        Name=name,
        UnitPrice=Decimal(price),
        IsActive=True,
        UseStandardPrice=False,
        CurrencyIsoCode=currency,
    )


def _deal(record_id: str, name: str, currency: str) -> dict[str, Any]:
    return row(
        record_id,
        Name=name,
        AccountId=ACME,
        StageName="Prospecting",
        CloseDate="2026-12-15",
        Amount=Decimal("1000.00"),
        Probability=Decimal("10"),
        OwnerId=USER,
        IsClosed=False,
        IsWon=False,
        HasOpportunityLineItem=False,
        CurrencyIsoCode=currency,
    )


def _account(record_id: str, name: str, **values: Any) -> dict[str, Any]:
    return row(record_id, Name=name, OwnerId=USER, **values)


RECORDS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "Organization": [{"Id": ORG, "Name": "Test org", "IsSandbox": True, **AUDIT}],
    "User": [_user(USER, "Crossfoot Integration", True), _user(LEFT, "Lee Gone", False)],
    "CurrencyType": [
        {
            "Id": f"01LHs000000000{n}MAA",
            "IsoCode": c["iso"],
            "ConversionRate": c["rate"],
            "DecimalPlaces": 2,
            "IsActive": True,
            "IsCorporate": c["corporate"],
            **AUDIT,
        }
        for n, c in enumerate(CURRENCIES, 1)
    ],
    "Account": [
        _account(
            ACME,
            "Acme GmbH",
            Industry="Energy",
            BillingCity="Köln",
            BillingStreet="Domplatz 1\n2. Stock",
            BillingCountry="Germany",
            QBO_Customer_Id__c="9341450000000001:58",
            Region_Key__c="north",
            AnnualRevenue=Decimal("5600000000.0"),
        ),
        _account(BOREAL, "boreal ltd", Region_Key__c="NORTH", ParentId=ACME),
        {**_account(DELETED, "Gone Inc"), "IsDeleted": True, "MasterRecordId": ACME},
    ],
    "Contact": [
        row(
            ADA,
            LastName="Lovelace",
            FirstName="Ada",
            Name="Ada Lovelace",
            AccountId=ACME,
            Email="ada@acme.example",
            OwnerId=USER,
            Billing_Contact__c=True,
        )
    ],
    "Opportunity": [_deal(DEAL, "Acme - pilot", "USD"), _deal(EURO_DEAL, "Acme - refit", "EUR")],
    "Pricebook2": [
        row(STANDARD, Name="Standard Price Book", IsActive=True, IsStandard=True),
        row(PARTNER, Name="Partners", IsActive=True, IsStandard=False),
    ],
    "Product2": [
        row(PROBE, Name="Probe", ProductCode="P-1", IsActive=True),
        row(CABLE, Name="Cable", ProductCode="C-1", IsActive=True),
    ],
    "PricebookEntry": [
        _entry(PROBE_USD, PROBE, "Probe", "100.00", "USD"),
        _entry(CABLE_USD, CABLE, "Cable", "0.333", "USD"),
        _entry(PROBE_EUR, PROBE, "Probe", "92.00", "EUR"),
    ],
}


def write_seed(
    folder: Path,
    records: Mapping[str, Sequence[Mapping[str, Any]]] = RECORDS,
    manifest: Mapping[str, Any] = MANIFEST,
    custom: Sequence[Mapping[str, Any]] = CUSTOM_FIELDS,
) -> Path:
    """A seed folder as the generator writes one."""
    target = folder / "salesforce"
    target.mkdir(parents=True)
    (folder / "manifest.json").write_text(simplejson.dumps(manifest, use_decimal=True))
    for name, rows in {**records, "_custom_fields": custom}.items():
        (target / f"{name}.json").write_text(simplejson.dumps(rows, use_decimal=True))
    return folder


class _ToSandbox(HTTPAdapter):
    """simple-salesforce always speaks https to hosts of its own making; this leads it to us."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        request.url = urlunsplit((self._base.scheme, self._base.netloc, url.path, url.query, ""))
        return super().send(request, **options)


@dataclass
class Org:
    """A running org. `get`, `post` … speak bare HTTP with the session's token."""

    sandbox: RunningSandbox
    version: str = "68.0"
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def connection(self) -> dict[str, Any]:
        """What a client needs to log in."""
        return dict(self.sandbox.connection["salesforce"])

    @property
    def url(self) -> str:
        """The root of the API version."""
        return f"{self.sandbox.salesforce_url}/services/data/v{self.version}"

    def led_here(self) -> requests.Session:
        """A session for simple-salesforce whose every https address leads to the sandbox."""
        session = requests.Session()
        session.mount("https://", _ToSandbox(self.sandbox.salesforce_url))
        return session

    @cached_property
    def client(self) -> Salesforce:
        """simple-salesforce, as published, with the connection's token."""
        return Salesforce(
            instance_url=self.sandbox.salesforce_url,
            session_id=self.connection["access_token"],
            version=self.version,
            session=self.led_here(),
        )

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call; `path` is below the version root, or absolute."""
        headers = {"Authorization": f"Bearer {self.connection['access_token']}"}
        headers |= options.pop("headers", {})
        base = self.sandbox.salesforce_url if path.startswith("/") else f"{self.url}/"
        return self.http.request(method, base + path, headers=headers, timeout=20, **options)

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of a good answer."""
        answer = self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json(parse_float=Decimal)

    def rows(self, soql: str, path: str = "query") -> list[dict[str, Any]]:
        """The records of a query, without their attributes."""
        answer = self.get(path, params={"q": soql})
        return [{k: v for k, v in r.items() if k != "attributes"} for r in answer["records"]]

    def refused(self, method: str, path: str, status: int, **options: Any) -> dict[str, Any]:
        """The one error of a refused call."""
        answer = self.call(method, path, **options)
        assert answer.status_code == status, answer.text
        (error,) = answer.json()
        return dict(error)

    def refused_query(self, soql: str) -> dict[str, Any]:
        """The error of a query that is refused with 400."""
        return self.refused("GET", "query", 400, params={"q": soql})

    def arm(self, path: str, **rule: Any) -> None:
        """Arm a fault for calls whose address matches."""
        url = f"{self.sandbox.connection['control_url']}/faults"
        given = {"system": "salesforce", "path": path, **rule}
        requests.post(url, json=given, timeout=20).raise_for_status()

    def journal(self) -> list[dict[str, Any]]:
        """The calls so far, as the sandbox saw them."""
        url = f"{self.sandbox.connection['control_url']}/journal"
        found = requests.get(url, params={"system": "salesforce"}, timeout=20).json()
        return list(found["entries"])


@contextmanager
def running_org(folder: Path, **options: Any) -> Iterator[Org]:
    """The org served from a seed folder."""
    with running_sandbox(seed=folder, **options) as sandbox:
        yield Org(sandbox)
