"""The sandbox at scale: start, memory, and rows per second of each endpoint. Ends with JSON.

    make bench NAME=sandbox                                       100,000 invoice lines
    CROSSFOOT_BENCH_LINES=1000000 make bench NAME=sandbox         a million

A bare client (bytes read, nothing parsed) shows what the server can give; the published Python
clients show what one gets. "server" is its part of the processor time that both used: below a half,
the client is what one waits for. "of its work" is what a second of the server's own processor time
serves. Neither depends on how busy the machine is with other things.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.objects import Invoice
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

LINES = int(os.environ.get("CROSSFOOT_BENCH_LINES", "100000"))
TICKS = os.sysconf("SC_CLK_TCK")
LINE_FIELDS = "Id, OpportunityId, Product2Id, Quantity, UnitPrice, TotalPrice, SystemModstamp"
DEAL_FIELDS = (
    "Id, AccountId, Name, StageName, Amount, CloseDate, OwnerId, CurrencyIsoCode, "
    "QBO_Invoice_Id__c, QBO_Invoice_Status__c, IsDeleted, SystemModstamp"
)


def main() -> None:
    began = time.perf_counter()
    with served(LINES) as (process, connection):
        started = round(time.perf_counter() - began, 2)
        bench = Bench(process.pid, connection)
        print(f"{LINES:,} invoice lines, ready after {started} s, {bench.memory()} MiB")
        for name, work in ENDPOINTS:
            bench.measure(name, work)
        result = {
            "benchmark": "sandbox",
            "lines": LINES,
            "start_seconds": started,
            "peak_mib": bench.memory(),
            "rows_per_second": {m.name: m.rate for m in bench.measured},
            "rows_per_server_second": {m.name: m.capacity for m in bench.measured},
            "server_share": {m.name: m.share for m in bench.measured},
        }
        print(f"{bench.memory()} MiB at most, after all of it")
        print(json.dumps(result))


@contextmanager
def served(lines: int) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A sandbox process of its own, as anybody starts it."""
    command = [sys.executable, "-m", "pipelines.sandbox", "--json", "--stop-with-stdin"]
    with subprocess.Popen(
        [*command, "--scale", str(lines)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process, json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(20)


@dataclass(frozen=True)
class Measured:
    """One endpoint: rows, seconds, and the processor seconds of server and client."""

    name: str
    rows: int
    seconds: float
    work: float
    client_work: float

    @property
    def rate(self) -> int:
        return round(self.rows / self.seconds)

    @property
    def capacity(self) -> int:
        """Rows in a second of the server's own work, whatever else the machine does."""
        return round(self.rows / max(self.work, 1 / TICKS))

    @property
    def share(self) -> float:
        return round(self.work / max(self.work + self.client_work, 1 / TICKS), 2)


@dataclass
class Bench:
    """Clients of the sandbox, and what was measured with them."""

    pid: int
    connection: dict[str, Any]
    measured: list[Measured] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.salesforce, self.books = requests.Session(), requests.Session()
        sales, books = self.connection["salesforce"], self.connection["quickbooks"]
        (company,) = books["companies"]
        self.salesforce.headers["Authorization"] = f"Bearer {sales['access_token']}"
        self.books.headers["Authorization"] = f"Bearer {company['access_token']}"
        self.books.headers["Accept"] = "application/json"
        self.org = f"{sales['base_url']}/services/data/v{sales['api_version']}"
        self.company = f"{books['base_url']}/v3/company/{company['realm_id']}"

    def memory(self) -> int:
        """The most memory the server ever held, in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) // 1024

    def worked(self) -> float:
        """The processor seconds the server has used."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / TICKS

    def measure(self, name: str, work: Callable[[Bench], int]) -> None:
        work_before, own_before = self.worked(), time.process_time()
        began = time.perf_counter()
        rows = work(self)
        seconds = time.perf_counter() - began
        if rows < 0:
            print(f"{name:<44} not served")
            return
        own = time.process_time() - own_before
        one = Measured(name, rows, seconds, self.worked() - work_before, own)
        self.measured.append(one)
        print(
            f"{name:<44}{rows:>9,} rows {seconds:>7.2f} s {one.rate:>9,} rows/s"
            f"   server {one.share:>5.0%}, {one.capacity:>8,} rows/s of its work"
            f"   {self.memory():>5} MiB"
        )


def good(reply: requests.Response, status: int = 200) -> requests.Response:
    """The answer, if it is a good one."""
    assert reply.status_code == status, reply.text[:500]
    return reply


def first_ids(body: bytes, count: int) -> list[str]:
    return [i.decode() for i in re.findall(rb'"sparse":false,"Id":"(\d+)"', body)[:count]]


# ---- Salesforce, bare


def soql(bench: Bench, statement: str, path: str = "query") -> int:
    """All pages of a query."""
    page = good(bench.salesforce.get(f"{bench.org}/{path}", params={"q": statement})).content
    total = re.search(rb'"totalSize":(\d+)', page)
    assert total is not None
    while more := re.search(rb'"nextRecordsUrl":"([^"]+)"', page[:400]):
        base = bench.org.partition("/services")[0]
        page = good(bench.salesforce.get(base + more[1].decode())).content
    return int(total[1])


def all_lines(bench: Bench) -> int:
    return soql(bench, f"SELECT {LINE_FIELDS} FROM OpportunityLineItem")


def everything_in_salesforce(bench: Bench) -> int:
    names = ("Account", "Contact", "Product2", "PricebookEntry", "Opportunity")
    return sum(soql(bench, f"SELECT Id, Name FROM {name} ORDER BY Name") for name in names)


def window(bench: Bench) -> int:
    return soql(
        bench,
        f"SELECT {DEAL_FIELDS} FROM Opportunity WHERE SystemModstamp >= 2025-06-01T00:00:00Z "
        "ORDER BY SystemModstamp, Id",
        "queryAll",
    )


def windows_by_id(bench: Bench) -> int:
    """Twenty pages of 2,000 by the last id seen."""
    last, rows = "000000000000000AAA", 0
    for _ in range(20):
        query = (
            f"SELECT {LINE_FIELDS} FROM OpportunityLineItem WHERE Id > '{last}' "
            "ORDER BY Id LIMIT 2000"
        )
        page = good(bench.salesforce.get(f"{bench.org}/query", params={"q": query})).content
        ids = re.findall(rb'"Id":"(\w{18})"', page)
        rows += len(ids)
        if len(ids) < 2000:
            break
        last = ids[-1].decode()
    return rows


def create_contacts(bench: Bench) -> int:
    """Twenty calls of 200 records."""
    for call in range(20):
        records = [
            {"attributes": {"type": "Contact"}, "LastName": f"Made {call} {n}", "Title": "Buyer"}
            for n in range(200)
        ]
        body = {"allOrNone": True, "records": records}
        reply = good(bench.salesforce.post(f"{bench.org}/composite/sobjects", json=body))
        assert reply.content.count(b'"success":true') == 200
    return 4000


def bulk_query(bench: Bench) -> int:
    """The lines by Bulk API 2.0, results in parts of 50,000; -1 where it is not served."""
    body = {"operation": "query", "query": f"SELECT {LINE_FIELDS} FROM OpportunityLineItem"}
    made = bench.salesforce.post(f"{bench.org}/jobs/query", json=body)
    if made.status_code == 404:
        return -1
    job = f"{bench.org}/jobs/query/{good(made).json()['id']}"
    while good(bench.salesforce.get(job)).json()["state"] not in ("JobComplete", "Failed"):
        time.sleep(0.05)
    rows, locator = 0, ""
    while locator != "null":
        more = {"locator": locator} if locator else {}
        part = good(bench.salesforce.get(f"{job}/results", params={"maxRecords": "50000", **more}))
        rows += part.content.count(b"\n") - 1
        locator = part.headers["Sforce-Locator"]
    return rows


def read_deals(bench: Bench) -> int:
    rows = good(bench.salesforce.get(
        f"{bench.org}/query", params={"q": "SELECT Id FROM Opportunity LIMIT 1000"}
    )).json()["records"]  # fmt: skip
    for row in rows:
        good(bench.salesforce.get(f"{bench.org}/sobjects/Opportunity/{row['Id']}"))
    return len(rows)


# ---- QuickBooks, bare


def books_query(bench: Bench, entity: str, size: int, more: str = "") -> int:
    """All pages of a query."""
    rows = 0
    while True:
        text = f"select * from {entity} {more} startposition {rows + 1} maxresults {size}"
        page = good(bench.books.get(f"{bench.company}/query", params={"query": text})).content
        found = re.search(rb'"maxResults":(\d+)', page)
        rows += int(found[1]) if found else 0
        if found is None or int(found[1]) < size:
            return rows


def all_invoices(bench: Bench) -> int:
    return books_query(bench, "Invoice", 1000)


def everything_in_quickbooks(bench: Bench) -> int:
    return sum(books_query(bench, name, 1000) for name in ("Item", "Customer", "Payment"))


def some_invoices(bench: Bench, count: int) -> list[str]:
    text = f"select * from Invoice orderby Id maxresults {count}"
    page = good(bench.books.get(f"{bench.company}/query", params={"query": text})).content
    return first_ids(page, count)


def read_invoices(bench: Bench) -> int:
    ids = some_invoices(bench, 1000)
    for record_id in ids:
        good(bench.books.get(f"{bench.company}/invoice/{record_id}"))
    return len(ids)


def batches(bench: Bench) -> int:
    """Thirty batches of thirty queries for one invoice each."""
    ids = some_invoices(bench, 900)
    for start in range(0, len(ids), 30):
        items = [
            {"bId": record_id, "Query": f"select * from Invoice where Id = '{record_id}'"}
            for record_id in ids[start : start + 30]
        ]
        good(bench.books.post(f"{bench.company}/batch", json={"BatchItemRequest": items}))
    return len(ids)


def changes(bench: Bench) -> int:
    """Ten times the change data of half a day to thirty days: 1,000 objects at most."""
    rows = 0
    for day in range(1, 11):
        asked = {"entities": "Invoice,Payment", "changedSince": f"2026-11-{day:02d}T00:00:00-08:00"}
        page = good(bench.books.get(f"{bench.company}/cdc", params=asked)).content
        rows += page.count(b'"SyncToken"')
    return rows


def create_invoices(bench: Bench) -> int:
    body = {
        "CustomerRef": {"value": "1"},
        "Line": [
            {"Amount": 12, "DetailType": "SalesItemLineDetail",
             "SalesItemLineDetail": {"ItemRef": {"value": "1"}, "Qty": 1, "UnitPrice": 12}}
        ],
    }  # fmt: skip
    for _ in range(300):
        good(bench.books.post(f"{bench.company}/invoice", json=body))
    return 300


# ---- the vendors' own clients


class ToSandbox(HTTPAdapter):
    """Leads the https addresses that simple-salesforce makes to the sandbox."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: Any, *more: Any, **options: Any) -> requests.Response:
        request.url = self._base + "/" + request.url.split("/", 3)[3]
        return super().send(request, *more, **options)


def by_simple_salesforce(bench: Bench) -> int:
    sales = bench.connection["salesforce"]
    session = requests.Session()
    session.mount("https://", ToSandbox(sales["base_url"]))
    client = Salesforce(
        instance_url=sales["base_url"],
        session_id=sales["access_token"],
        version="68.0",
        session=session,
    )
    query = f"SELECT {LINE_FIELDS} FROM OpportunityLineItem LIMIT 40000"
    return sum(1 for _ in client.query_all_iter(query))


def by_python_quickbooks(bench: Bench) -> int:
    books = bench.connection["quickbooks"]
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    auth = AuthClient(
        books["client_id"],
        books["client_secret"],
        books["redirect_uri"],
        environment=books["discovery_url"],
    )
    (company,) = books["companies"]
    QuickBooks.api_url_v3 = f"{books['base_url']}/v3"
    client = QuickBooks(
        auth_client=auth, refresh_token=company["refresh_token"], company_id=company["realm_id"]
    )
    rows = 0
    for start in range(1, 5001, 1000):
        found = Invoice.filter(start_position=str(start), max_results="1000", qb=client)
        rows += len(found)
        if len(found) < 1000:
            break
    return rows


ENDPOINTS: tuple[tuple[str, Callable[[Bench], int]], ...] = (
    ("salesforce query, all lines", all_lines),
    ("salesforce query, rest ordered by name", everything_in_salesforce),
    ("salesforce queryAll, window of time", window),
    ("salesforce query, by last id seen", windows_by_id),
    ("salesforce bulk query results", bulk_query),
    ("salesforce read by id", read_deals),
    ("salesforce create, collections of 200", create_contacts),
    ("simple-salesforce, lines", by_simple_salesforce),
    ("quickbooks query, all invoices", all_invoices),
    ("quickbooks query, items customers payments", everything_in_quickbooks),
    ("quickbooks read by id", read_invoices),
    ("quickbooks batch of 30", batches),
    ("quickbooks change data", changes),
    ("quickbooks create invoice", create_invoices),
    ("quickbooks query, all invoices again", all_invoices),
    ("python-quickbooks, invoices", by_python_quickbooks),
)

if __name__ == "__main__":
    main()
