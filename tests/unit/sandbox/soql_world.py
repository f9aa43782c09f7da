"""A small org whose records hold every awkward value, and the same records as SQL tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import simplejson

from pipelines.sandbox import codec
from pipelines.sandbox.company.ids import with_checksum
from pipelines.sandbox.kernel import Options, Request, Sandbox
from pipelines.sandbox.salesforce import Salesforce

ORG = with_checksum("00DHs0000000001")
NAMES = ("Acme", "acme", "ACME Ltd", "Zürich", "O'Neil", "back\\slash", "x_y", "xzy", "100%",
         "100x", "b c")  # fmt: skip
CITIES = ("Bonn", "bonn", "Köln", None)
INDUSTRIES = ("Zinc", "Apparel", "Media", "Unlisted", None)
STATED = INDUSTRIES[:3]
AMOUNTS = ("0", "-1.50", "0.05", "10", "10.5", "99999999999999.99", None)
TODAY = date(2026, 11, 20)  # a Friday
DAYS = (
    *(TODAY + timedelta(n) for n in (-400, -91, -90, -31, -7, -6, -5, -1, 0, 1, 2, 7, 30, 91)),
    date(2026, 1, 1), date(2026, 9, 30), date(2026, 12, 31), date(2027, 1, 1), date(2024, 2, 29),
    None,
)  # fmt: skip
MOMENTS = (
    *(datetime(2026, 3, 1, 12) + timedelta(seconds=n) for n in (-1, 0, 1, 86400)),
    *(datetime.combine(d, datetime.min.time()) - timedelta(seconds=n)
      for d in (TODAY, TODAY + timedelta(1), date(2026, 11, 1)) for n in (0, 1)),
)  # fmt: skip
ACCOUNTS, CONTACTS = 90, 120
EURO = Decimal("0.8")


def account(n: int) -> dict[str, Any]:
    """Every combination of values somewhere, in an order that tells nothing."""
    amount = AMOUNTS[n * 5 % len(AMOUNTS)]
    day = DAYS[n * 7 % len(DAYS)]
    moment = MOMENTS[n * 3 % len(MOMENTS)]
    return {
        "Id": with_checksum(f"001Hs{n:010d}"),
        "Name": NAMES[n * 7 % len(NAMES)],
        "BillingCity": CITIES[n * 11 % len(CITIES)],
        "Industry__c": INDUSTRIES[n * 3 % len(INDUSTRIES)],
        "Balance__c": None if amount is None else Decimal(amount),
        "Due__c": None if day is None else day.isoformat(),
        "NumberOfEmployees": None if n % 6 == 0 else n % 4,
        "Vip__c": n % 5 < 2,
        "ParentId": None if n % 3 == 0 else with_checksum(f"001Hs{n * 13 % ACCOUNTS:010d}"),
        "CurrencyIsoCode": "EUR" if n % 7 == 0 else "USD",
        "SystemModstamp": f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000",
        "IsDeleted": n % 10 == 9,
    }


def contact(n: int) -> dict[str, Any]:
    """Some without an account, some deleted, some of deleted accounts."""
    return {
        "Id": with_checksum(f"003Hs{n:010d}"),
        "AccountId": None if n % 8 == 0 else with_checksum(f"001Hs{n * 7 % ACCOUNTS:010d}"),
        "LastName": NAMES[n * 5 % len(NAMES)],
        "Title": CITIES[n % len(CITIES)],
        "IsDeleted": n % 9 == 8,
    }


ACCOUNT_ROWS = [account(n) for n in range(ACCOUNTS)]
CONTACT_ROWS = [contact(n) for n in range(CONTACTS)]
CUSTOM = [
    {
        "FullName": "Account.Balance__c",
        "Metadata": {"type": "Currency", "label": "Balance", "precision": 18, "scale": 2},
    },
    {"FullName": "Account.Due__c", "Metadata": {"type": "Date", "label": "Due"}},
    {"FullName": "Account.Vip__c", "Metadata": {"type": "Checkbox", "label": "VIP"}},
    {
        "FullName": "Account.Industry__c",
        "Metadata": {
            "type": "Picklist",
            "label": "Industry",
            "valueSet": {
                "valueSetDefinition": {"value": [{"valueName": v, "label": v} for v in STATED]}
            },
        },
    },
]
CURRENCIES = [
    {
        "Id": with_checksum(f"01LHs{n:010d}"),
        "IsoCode": code,
        "ConversionRate": rate,
        "DecimalPlaces": 2,
        "IsActive": True,
        "IsCorporate": code == "USD",
    }
    for n, (code, rate) in enumerate({"USD": Decimal(1), "EUR": EURO}.items())
]
# Whose days date literals are: in another zone they would begin at other hours than in the SQL.
USERS = [
    {
        "Id": with_checksum("005Hs0000000001"),
        "Username": "someone@acme.example",
        "LastName": "One",
        "Name": "One",
        "IsActive": True,
        "TimeZoneSidKey": "GMT",
    }
]
MANIFEST = {
    "as_of": f"{TODAY}T17:00:00Z",
    "salesforce": {"org_id": ORG, "org_name": "T", "user": {}, "currencies": []},
    "quickbooks": [],
}


def sandbox_in(folder: Path) -> Sandbox:
    """The org, without a server."""
    (folder / "salesforce").mkdir()
    for name, value in {
        "manifest": MANIFEST,
        "salesforce/Account": ACCOUNT_ROWS,
        "salesforce/Contact": CONTACT_ROWS,
        "salesforce/CurrencyType": CURRENCIES,
        "salesforce/User": USERS,
        "salesforce/_custom_fields": CUSTOM,
    }.items():
        (folder / f"{name}.json").write_text(simplejson.dumps(value, use_decimal=True))
    return Sandbox(Options(folder), {"salesforce": Salesforce})


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """The same records as tables; `place` is an industry's place in its picklist."""
    connection.execute(
        "CREATE TABLE account (id TEXT, name TEXT, city TEXT, industry TEXT, balance "
        "DECIMAL(18,2), due DATE, employees INT, vip BOOLEAN, parent_id TEXT, iso TEXT, "
        "modified TIMESTAMP, is_deleted BOOLEAN)"
    )
    connection.execute(
        "CREATE TABLE contact (id TEXT, account_id TEXT, last_name TEXT, title TEXT, "
        "is_deleted BOOLEAN)"
    )
    connection.execute("CREATE TABLE places (industry TEXT, place TEXT)")
    for table, rows in (("account", ACCOUNT_ROWS), ("contact", CONTACT_ROWS)):
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(
            f"INSERT INTO {table} VALUES ({marks})",
            [[v[:19] if k == "SystemModstamp" else v for k, v in r.items()] for r in rows],
        )
    # Values that the picklist does not list come behind those it lists.
    connection.executemany(
        "INSERT INTO places VALUES (?, ?)",
        [[v, str(n)] for n, v in enumerate(STATED)] + [["Unlisted", "9"]],
    )


def answer(org: Sandbox, soql: str, resource: str = "query") -> tuple[int, Any]:
    """Status and body of one query, without HTTP between."""
    token = org.vendors["salesforce"].connection("")["access_token"]
    reply = org.dispatch(
        Request(
            "salesforce",
            "GET",
            f"/services/data/v68.0/{resource}",
            {"q": soql},
            urlencode({"q": soql}),
            {"authorization": f"Bearer {token}"},
            b"",
        ),
        None,
    )
    return reply.status, codec.loads(reply.body)


def asked(org: Sandbox, soql: str, resource: str = "query") -> dict[str, Any]:
    """The body of a query that must succeed."""
    status, body = answer(org, soql, resource)
    assert status == 200, (soql, body)
    return dict(body)
