"""Two small companies and two ways to talk to them, for the tests of the QuickBooks sandbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import simplejson
from intuitlib.client import AuthClient
from quickbooks import QuickBooks

from pipelines.sandbox.quickbooks import QuickBooks as Vendor
from pipelines.sandbox.server import RunningSandbox, running_sandbox

US = "9341450000000001"
GB = "9341450000000002"
STAMP = {
    "CreateTime": "2026-09-01T08:00:00-07:00",
    "LastUpdatedTime": "2026-09-01T08:00:00-07:00",
}
MANIFEST = {
    "name": "Test companies",
    "as_of": "2026-11-20T17:00:00Z",
    "salesforce": {"org_id": "00DHs0000000001MAA", "org_name": "Test", "user": {}},
    "quickbooks": [
        {
            "realm_id": US,
            "name": "Test Inc",
            "country": "US",
            "home_currency": "USD",
            "utc_offset": "-08:00",
        },
        {
            "realm_id": GB,
            "name": "Test Ltd",
            "country": "GB",
            "home_currency": "GBP",
            "utc_offset": "+00:00",
        },
    ],
}


def whole(record: dict[str, Any]) -> dict[str, Any]:
    """A seeded record with the members every record has."""
    return {"domain": "QBO", "sparse": False, "SyncToken": "0", "MetaData": STAMP, **record}


def customer(record_id: str, name: str, currency: str, **more: Any) -> dict[str, Any]:
    """A seeded customer that owes nothing."""
    return whole(
        {
            "Id": record_id,
            "DisplayName": name,
            "FullyQualifiedName": name,
            "PrintOnCheckName": name,
            "Active": True,
            "Taxable": True,
            "Job": False,
            "BillWithParent": False,
            "PreferredDeliveryMethod": "Print",
            "Balance": 0,
            "BalanceWithJobs": 0,
            "CurrencyRef": {"value": currency},
            **more,
        }
    )


def item(record_id: str, name: str, taxable: bool = False, **more: Any) -> dict[str, Any]:
    """A seeded service."""
    return whole(
        {
            "Id": record_id,
            "Name": name,
            "FullyQualifiedName": name,
            "Active": True,
            "Type": "Service",
            "Taxable": taxable,
            "UnitPrice": 0,
            "IncomeAccountRef": {"value": "1", "name": "Services"},
            **more,
        }
    )


CUSTOM_FIELDS = [
    {
        "CustomField": [
            {
                "Name": "SalesFormsPrefs.UseSalesCustom1",
                "Type": "BooleanType",
                "BooleanValue": True,
            }
        ]
    },
    {
        "CustomField": [
            {
                "Name": "SalesFormsPrefs.SalesCustomName1",
                "Type": "StringType",
                "StringValue": "PO Number",
            }
        ]
    },
]


def preferences(currency: str, multi: bool, sales_tax: bool) -> dict[str, Any]:
    """Seeded preferences: one custom field, deposits and discounts allowed."""
    return whole(
        {
            "Id": "1",
            "AccountingInfoPrefs": {},
            "SalesFormsPrefs": {
                "CustomField": CUSTOM_FIELDS,
                "CustomTxnNumbers": False,
                "AllowDeposit": True,
                "AllowDiscount": True,
                "DefaultDiscountAccount": "86",
                "DefaultTerms": {"value": "3"},
            },
            "TaxPrefs": {"UsingSalesTax": sales_tax, "TaxGroupCodeRef": {"value": "2"}},
            "CurrencyPrefs": {
                "MultiCurrencyEnabled": multi,
                "HomeCurrency": {"value": currency},
            },
            "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultItem", "Value": "1"}]},
        }
    )


def vat(record_id: str, name: str, percent: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A seeded tax code and its one rate, under the same id."""
    detail = {"TaxRateRef": {"value": record_id}, "TaxTypeApplicable": "TaxOnAmount"}
    code = {"Id": record_id, "Name": name, "Active": True, "Taxable": True, "TaxGroup": True}
    rate = {"Id": record_id, "Name": name, "Active": True, "RateValue": percent}
    return whole({**code, "SalesTaxRateList": {"TaxRateDetail": [detail]}}), whole(rate)


VAT = [vat("20", "20.0% S", 20), vat("5", "5.0% R", 5), vat("10", "0.0% Z", 0)]
RECORDS: dict[str, dict[str, list[dict[str, Any]]]] = {
    US: {
        "Preferences": [preferences("USD", multi=False, sales_tax=True)],
        "Customer": [
            customer(
                "1",
                "Amy's Bird Sanctuary",
                "USD",
                BillAddr={"Id": "2", "Line1": "4581 Finch St.", "City": "Bayshore"},
                PrimaryEmailAddr={"Address": "Birds@Intuit.com"},
            ),
            customer("2", "Cool Cars", "USD"),
        ],
        "Item": [item("1", "Services"), item("5", "Rock Fountain", taxable=True)],
    },
    GB: {
        "Preferences": [preferences("GBP", multi=True, sales_tax=True)],
        "Customer": [customer("1", "Thames Ltd", "GBP"), customer("2", "Seine SA", "EUR")],
        "Item": [item("1", "Services")],
        "CompanyCurrency": [whole({"Id": "1", "Code": "EUR", "Name": "Euro", "Active": True})],
        "ExchangeRate": [
            {
                "SourceCurrencyCode": "EUR",
                "TargetCurrencyCode": "GBP",
                "Rate": 0.85,
                "AsOfDate": "2026-10-01",
                "MetaData": {"LastUpdatedTime": "2026-10-01T00:00:00+00:00"},
            }
        ],
        "TaxCode": [code for code, _ in VAT],
        "TaxRate": [rate for _, rate in VAT],
    },
}


def write_seed(folder: Path, manifest: dict[str, Any] | None = None) -> Path:
    """Write both companies as a seed folder; `manifest` adds settings."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST, **(manifest or {})}))
    for realm, entities in RECORDS.items():
        place = folder / "quickbooks" / realm
        place.mkdir(parents=True, exist_ok=True)
        for entity, records in entities.items():
            (place / f"{entity}.json").write_text(json.dumps(records))
    return folder


@dataclass(frozen=True)
class Answer:
    """What came back, numbers as Decimal."""

    status: int
    body: Any
    headers: Any
    text: str

    @property
    def fault(self) -> dict[str, Any]:
        """The first error of a Fault."""
        error: dict[str, Any] = self.body["Fault"]["Error"][0]
        return error

    @property
    def code(self) -> str:
        """The first error's code."""
        return str(self.fault["code"])


class Company:
    """One company over plain HTTP."""

    def __init__(self, sandbox: RunningSandbox, realm: str = US) -> None:
        self.sandbox = sandbox
        self.realm = realm
        connection = sandbox.connection["quickbooks"]
        self.base = connection["base_url"]
        company = next(c for c in connection["companies"] if c["realm_id"] == realm)
        self.headers = {
            "Authorization": f"Bearer {company['access_token']}",
            "Accept": "application/json",
        }

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """One call below /v3/company/{realm}."""
        reply = requests.request(
            method,
            f"{self.base}/v3/company/{self.realm}{path}",
            params=query,
            data=None if body is None else simplejson.dumps(body, use_decimal=True),
            headers=self.headers,
            timeout=10,
        )
        is_json = "json" in reply.headers.get("Content-Type", "")
        parsed = simplejson.loads(reply.text, use_decimal=True) if is_json else None
        return Answer(reply.status_code, parsed, reply.headers, reply.text)

    def renew(self) -> dict[str, Any]:
        """Refresh the tokens and use the new ones; the token answer."""
        connection = self.sandbox.kernel.connection()["quickbooks"]
        company = next(c for c in connection["companies"] if c["realm_id"] == self.realm)
        reply = requests.post(
            f"{self.base}/oauth2/v1/tokens/bearer",
            data={"grant_type": "refresh_token", "refresh_token": company["refresh_token"]},
            auth=(connection["client_id"], connection["client_secret"]),
            timeout=10,
        )
        tokens: dict[str, Any] = reply.json()
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def get(self, path: str, **query: Any) -> Answer:
        """GET."""
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Answer:
        """POST JSON."""
        return self.call("POST", path, body, **query)

    def save(self, entity: str, body: Any, **query: Any) -> dict[str, Any]:
        """POST an object that must be accepted; the object."""
        answer = self.post(f"/{entity.lower()}", body, **query)
        assert answer.status == 200, answer.text
        record: dict[str, Any] = answer.body[entity]
        return record

    def read(self, entity: str, record_id: str) -> dict[str, Any]:
        """GET an object that must be there."""
        answer = self.get(f"/{entity.lower()}/{record_id}")
        assert answer.status == 200, answer.text
        record: dict[str, Any] = answer.body[entity]
        return record

    def query(self, statement: str) -> Answer:
        """GET /query."""
        return self.get("/query", query=statement)

    def rows(self, entity: str, rest: str = "") -> list[dict[str, Any]]:
        """The rows of a query that must be accepted."""
        answer = self.query(f"select * from {entity} {rest}")
        assert answer.status == 200, answer.text
        rows: list[dict[str, Any]] = answer.body["QueryResponse"].get(entity, [])
        return rows

    def balance(self, customer_id: str = "1") -> Any:
        """What a customer owes."""
        return self.read("Customer", customer_id)["Balance"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The control area."""
        url = f"{self.base}/_sandbox{path}"
        reply = requests.request(method, url, json=body, timeout=10)
        assert reply.status_code == 200, reply.text
        return reply.json()


def line(amount: Any, item_id: str = "1", **detail: Any) -> dict[str, Any]:
    """A line that sells an item."""
    return {
        "Amount": amount,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item_id}, **detail},
    }


def invoice(*lines: dict[str, Any], customer_id: str = "1", **more: Any) -> dict[str, Any]:
    """The body of an invoice."""
    return {"CustomerRef": {"value": customer_id}, "Line": list(lines or [line(100)]), **more}


def payment(total: Any, *applied: tuple[str, str, Any], customer_id: str = "1") -> dict[str, Any]:
    """The body of a payment that settles (type, id, amount)."""
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": i, "TxnType": kind}]}
        for kind, i, amount in applied
    ]
    return {"CustomerRef": {"value": customer_id}, "TotalAmt": total, "Line": lines}


def python_quickbooks(sandbox: RunningSandbox, realm: str = US, **options: Any) -> QuickBooks:
    """python-quickbooks as it is, pointed at the sandbox by configuration alone."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    connection = sandbox.connection["quickbooks"]
    company = next(c for c in connection["companies"] if c["realm_id"] == realm)
    auth = AuthClient(
        connection["client_id"],
        connection["client_secret"],
        connection["redirect_uri"],
        environment=connection["discovery_url"],
    )
    QuickBooks.api_url_v3 = f"{connection['base_url']}/v3"
    return QuickBooks(
        auth_client=auth,
        refresh_token=company["refresh_token"],
        company_id=realm,
        minorversion=75,
        **options,
    )


@contextmanager
def quickbooks_sandbox(
    folder: Path,
    log_file: Path | None = None,
    limits: bool = False,
    manifest: dict[str, Any] | None = None,
) -> Iterator[RunningSandbox]:
    """Both companies, served while the block runs."""
    seed = write_seed(folder / "seed", manifest)
    with running_sandbox(seed, log_file, limits, factories={"quickbooks": Vendor}) as sandbox:
        sandbox.kernel.clock.set(sandbox.kernel.clock.now(), frozen=True)
        yield sandbox
