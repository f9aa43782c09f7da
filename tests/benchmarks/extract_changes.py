"""What people change between two loads of the extraction benchmark: deals, or invoices."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

# Records that one collection call takes.
COLLECTION = 200


def make(system: str, connection: Mapping[str, Any], count: int) -> None:
    """As many deals or invoices changed."""
    if not count:
        return
    if system == "Salesforce":
        change_deals(connection["salesforce"], count)
    else:
        change_invoices(connection["quickbooks"], count)


def change_deals(org: Mapping[str, Any], count: int) -> None:
    root = f"{org['base_url']}/services/data/v{org['api_version']}"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {org['access_token']}"
    query = {"q": f"SELECT Id FROM Opportunity ORDER BY Id LIMIT {count}"}
    page = session.get(f"{root}/query", params=query, timeout=120).json()
    ids = [row["Id"] for row in page["records"]]
    while not page["done"]:
        page = session.get(f"{org['base_url']}{page['nextRecordsUrl']}", timeout=120).json()
        ids += [row["Id"] for row in page["records"]]
    for start in range(0, len(ids), COLLECTION):
        records = [
            {"attributes": {"type": "Opportunity"}, "Id": i, "NextStep": "changed"}
            for i in ids[start : start + COLLECTION]
        ]
        reply = session.patch(f"{root}/composite/sobjects", json={"records": records}, timeout=120)
        assert all(row["success"] for row in reply.json()), reply.text[:300]


def change_invoices(books: Mapping[str, Any], count: int) -> None:
    (company,) = books["companies"]
    root = f"{books['base_url']}/v3/company/{company['realm_id']}"
    headers = {
        "Authorization": f"Bearer {company['access_token']}",
        "Accept": "application/json",
    }

    def page(start: int) -> list[dict[str, Any]]:
        asked = f"select Id, SyncToken from Invoice startposition {start} maxresults 1000"
        reply = requests.get(f"{root}/query", params={"query": asked}, headers=headers, timeout=120)
        found: list[dict[str, Any]] = reply.json()["QueryResponse"].get("Invoice", [])
        return found

    def change(record: Mapping[str, Any]) -> None:
        body = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True}
        reply = requests.post(
            f"{root}/invoice", json={**body, "PrivateNote": "changed"}, headers=headers, timeout=120
        )
        assert reply.status_code == requests.codes.ok, reply.text[:300]

    pages = [page(start) for start in range(1, count + 1, 1000)]
    records = [record for found in pages for record in found][:count]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(change, records))
