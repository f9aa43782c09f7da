"""Extraction at scale: rows, calls against the minimum, processor seconds, memory. Ends with JSON.

    make bench NAME=extract                                       100,000 invoice lines
    CROSSFOOT_BENCH_LINES=1000000 make bench NAME=extract         a million
    CROSSFOOT_BENCH_PEERS=20000 make bench NAME=extract           published loaders, at that size

Each load is a process of its own, as a schedule would start it; processor seconds and memory are
that process's, imports, checks and history included. "off CPU" is the share of its time in which
none of its threads ran: it waited for the server, or for a processor that others were using.
A first load, then a run after 0, 50 and 5,000 changes of each system. "least" are the calls that
the vendors' page sizes need for the rows that came, one where none did; what is counted, summed
and proved comes on top of it; the two reports of QuickBooks are read, a call each. The page
EXTRACT.md is written of it. Beside published loaders, ours loads all its objects at their size.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import extract_page
import extract_peers
import requests
from bench_sandbox import LINES, served

from pipelines import warehouse
from pipelines.extract import quickbooks_calls, salesforce_calls
from pipelines.extract.quickbooks import AGED_RECEIVABLES, ENTITIES, LISTED_INVOICES
from pipelines.extract.salesforce import table_name

PEER_LINES = int(os.environ.get("CROSSFOOT_BENCH_PEERS", "0"))
# Records that one collection call takes.
COLLECTION = 200
SUMMARY = "extract: "


@dataclass(frozen=True)
class Load:
    """One run of the extraction. `least` is the least possible number of calls."""

    name: str
    system: str
    rows: int
    calls: int
    least: int
    seconds: float
    work: float
    mib: int
    busy: float = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def rate(self) -> int:
        return round(self.rows / self.work)

    @property
    def off_cpu(self) -> float:
        return round(max(0.0, 1 - self.work / self.seconds), 2)

    def line(self) -> str:
        ratio = f"{self.calls / self.least:.2f}" if self.least else "-"
        return (
            f"{self.name:<16}{self.system:<12}{self.rows:>10,} rows{self.seconds:>8.1f} s"
            f"{self.rows / self.seconds:>10,.0f} rows/s{self.rate:>9,} rows/CPU s"
            f"{self.calls:>6,} calls {ratio:>6} x least   off CPU {self.off_cpu:>4.0%}"
            f"{self.mib:>6,} MiB"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as name, served(LINES) as (_, connection):
        data = Path(name)
        (data / "connection.json").write_text(json.dumps(connection))
        print(f"{LINES:,} invoice lines; {machine()}")
        found = [load for system in ("Salesforce", "QuickBooks") for load in first(system, data)]
        for changes in (0, 50, 5000):
            make_changes(connection, changes)
            for system in ("Salesforce", "QuickBooks"):
                load = measured(f"{changes:,} changes", system, data, least=0)
                found.append(shown(replace(load, least=least_of_changes(system, changes))))
    peers = list(others(PEER_LINES)) if PEER_LINES else []
    told = result(found, peers)
    extract_page.write(told)
    print(json.dumps(told))


def machine() -> str:
    """What the figures were measured on, and when."""
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return (
        f"{os.cpu_count()} x {found[1] if found else 'processor'}, Python "
        f"{sys.version_info.major}.{sys.version_info.minor}, {date.today().isoformat()}"
    )


def first(system: str, data: Path) -> list[Load]:
    """The first load of one system, held against the vendors' page sizes."""
    load = measured("first load", system, data, least=0)
    held = held_rows(data / "warehouse.duckdb", system)
    least = (
        salesforce_calls.least_calls(held)
        if system == "Salesforce"
        else quickbooks_calls.least_calls(held)
    )
    return [shown(replace(load, least=least))]


def least_of_changes(system: str, changes: int) -> int:
    """The fewest calls that could bring so many changed records of one object."""
    if system == "Salesforce":
        return salesforce_calls.least_calls({"opportunity": changes})
    return quickbooks_calls.least_calls({"Invoice": changes})


def shown(load: Load) -> Load:
    print(load.line(), flush=True)
    return load


def measured(name: str, system: str, data: Path, least: int) -> Load:
    """One system read by a process of its own."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # A machine that is busy with other things answers late, too.
    patient = {"CROSSFOOT_TIMEOUT_SECONDS": "600"}
    environment = {**os.environ, **patient, "CROSSFOOT_DATA_DIR": str(data)}
    command = [sys.executable, __file__, "--one", system]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"reading {system} failed: {told}")
    rows, calls = map(int, told.rpartition(SUMMARY)[2].split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return Load(name, system, rows, calls, least, seconds, work, used.ru_maxrss // 1024)


def read_one(system: str) -> None:
    """The work of the process: read one system as `crossfoot extract` does."""
    from pipelines.extract import FILE_FORMAT, read, sources, undisturbed
    from pipelines.settings import load_settings

    settings = load_settings().check()
    (one,) = (source for source in sources(settings) if source.name == system)
    with undisturbed(settings.warehouse_path):
        results, _ = read(one, lambda source, to: to.run(source, loader_file_format=FILE_FORMAT))
    print(f"{SUMMARY}{sum(r.rows for r in results)} {sum(r.calls for r in results)}")


def held_rows(path: Path, system: str) -> dict[str, int]:
    """Rows of each object in the warehouse after a first load."""
    schema = warehouse.RAW_SALESFORCE if system == "Salesforce" else warehouse.RAW_QUICKBOOKS
    counts = warehouse.row_counts(path, schema)
    if system == "QuickBooks":
        reports = dict.fromkeys((AGED_RECEIVABLES, LISTED_INVOICES), 1)
        return {entity: counts.get(table_name(entity), 0) for entity in ENTITIES} | reports
    own = {"extract_run", "extract_load", "extract_end", "control_total", "deletion"}
    return {n: c for n, c in counts.items() if n not in own and not n.startswith("_dlt")}


def make_changes(connection: Mapping[str, Any], count: int) -> None:
    """As many deals and invoices changed."""
    if not count:
        return
    change_deals(connection["salesforce"], count)
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


def others(lines: int) -> Iterator[extract_peers.PeerLoad]:
    """Published loaders of six Salesforce objects, and ours of all of them, in the same org."""
    with tempfile.TemporaryDirectory() as name, served(lines) as (_, connection):
        (Path(name) / "connection.json").write_text(json.dumps(connection))
        own = shown(measured("first load", "Salesforce", Path(name), least=0))
        yield extract_peers.PeerLoad(
            "Crossfoot", own.rows, own.rows, own.seconds, own.work, own.calls, own.mib * 1024
        )
        for peer in extract_peers.measured(connection):
            print(peer.line(), flush=True)
            yield peer


def result(found: list[Load], peers: list[extract_peers.PeerLoad]) -> dict[str, Any]:
    return {
        "benchmark": "extract",
        "lines": LINES,
        "peer_lines": PEER_LINES,
        "machine": machine(),
        "loads": [
            {
                "load": one.name,
                "system": one.system,
                "rows": one.rows,
                "rows_per_second": round(one.rows / one.seconds),
                "rows_per_cpu_second": one.rate,
                "calls": one.calls,
                "least_calls": one.least,
                "off_cpu": one.off_cpu,
                "peak_mib": one.mib,
                "load_average": one.busy,
            }
            for one in found
        ],
        "peers": [
            {
                "name": one.name,
                "rows": one.held,
                "lost": one.expected - one.held,
                "rows_per_cpu_second": one.rows_per_work_second,
                "calls": one.calls,
                "peak_mib": one.kib // 1024,
                "problem": one.problem,
            }
            for one in peers
        ],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        read_one(sys.argv[2])
    else:
        main()
