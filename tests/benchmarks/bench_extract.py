"""Extraction at scale: rows, calls against the minimum, processor seconds, memory. Ends with JSON.

    make bench NAME=extract                                   a million rows of each system
    CROSSFOOT_BENCH_ROWS=100000 make bench NAME=extract       fewer
    CROSSFOOT_BENCH_PEERS=20000 make bench NAME=extract       published loaders besides

Each load is a process of its own, as a schedule would start it; processor seconds and memory are
that process's, imports, checks and history included. A first load, then a run after 0, 50 and 5,000
changes. Calls are as the vendor
counts or charges them, log-ins left out. "least" are the calls that the vendors' page
sizes need for the rows that came, one where none did; what is counted, summed and proved comes on
top of it; the two reports of QuickBooks are read, a call each. "waiting" is the share of looks at
the process, twenty a second, in which none of its threads ran, was about to run or waited for the
disk: so all of it waited for the server. That other processes keep the processors busy does not
count as waiting.

The page EXTRACT.md is written of it, part by part: what was measured of the same sources
(`pipelines/clients`, `pipelines/extract`) is not measured again when an interrupted run is started
once more, unless CROSSFOOT_BENCH_AGAIN is set. CROSSFOOT_BENCH_PARTS=QuickBooks measures only one
of Salesforce, QuickBooks and peers. Peers are loaded at as many invoice lines as they are asked for
with; ours, beside them, loads all its objects.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import extract_changes
import extract_page
import extract_peers
from bench_sandbox import served

from pipelines import warehouse
from pipelines.clients.recording import MeteredCall, Unrecorded
from pipelines.extract import quickbooks_calls, salesforce_calls
from pipelines.extract.quickbooks import AGED_RECEIVABLES, ENTITIES, LISTED_INVOICES
from pipelines.extract.quickbooks_entities import RECEIVABLES, TRANSACTION_LIST
from pipelines.extract.salesforce import table_name

ROWS = int(os.environ.get("CROSSFOOT_BENCH_ROWS", "1000000"))
PEER_LINES = int(os.environ.get("CROSSFOOT_BENCH_PEERS", "0"))
PARTS = os.environ.get("CROSSFOOT_BENCH_PARTS", "Salesforce,QuickBooks,peers").split(",")
AGAIN = bool(os.environ.get("CROSSFOOT_BENCH_AGAIN"))
# Invoice lines of a generated company for about each row that is read of it.
LINES_FOR_A_ROW = {"Salesforce": 0.7195, "QuickBooks": 2.047}
LOOKS_A_SECOND = 20
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
    waiting: float
    busy: float = field(default_factory=lambda: os.getloadavg()[0])

    @property
    def rate(self) -> int:
        return round(self.rows / self.work)

    def told(self) -> dict[str, Any]:
        return {
            "load": self.name,
            "rows": self.rows,
            "rows_per_second": round(self.rows / self.seconds),
            "rows_per_cpu_second": self.rate,
            "cpu_seconds": round(self.work, 1),
            "calls": self.calls,
            "least_calls": self.least,
            "peak_mib": self.mib,
            "waiting": round(self.waiting, 2),
            "load_average": round(self.busy, 1),
        }

    def line(self) -> str:
        ratio = f"{self.calls / self.least:.2f}" if self.least else "-"
        return (
            f"{self.name:<16}{self.system:<12}{self.rows:>10,} rows{self.seconds:>8.1f} s"
            f"{self.rows / self.seconds:>10,.0f} rows/s{self.rate:>9,} rows/CPU s"
            f"{self.calls:>6,} calls {ratio:>6} x least   waiting {self.waiting:>4.0%}"
            f"{self.mib:>6,} MiB"
        )


def main() -> None:
    found = {}
    for system in LINES_FOR_A_ROW:
        lines = round(ROWS * LINES_FOR_A_ROW[system])
        heading = f"{system}, {lines:,} invoice lines"
        if system in PARTS and _is_to_measure(heading):
            found[system] = [one.told() for one in loads(system, lines)]
            extract_page.write_loads(heading, found[system])
    heading = f"Published loaders, {PEER_LINES:,} invoice lines"
    if "peers" in PARTS and PEER_LINES and _is_to_measure(heading):
        found["peers"] = [one.told() for one in others(PEER_LINES)]
        extract_page.write_peers(heading, found["peers"])
    print(json.dumps({"benchmark": "extract", "rows": ROWS, "peer_lines": PEER_LINES, **found}))


def _is_to_measure(heading: str) -> bool:
    if AGAIN or not extract_page.is_measured(heading):
        print(f"{heading}; {extract_page.machine()}", flush=True)
        return True
    print(f"{heading}: measured already", flush=True)
    return False


def loads(system: str, lines: int) -> Iterator[Load]:
    """All loads of one system, of a sandbox of its own into a warehouse of its own."""
    with tempfile.TemporaryDirectory() as name, served(lines) as (_, connection):
        data = Path(name)
        (data / "connection.json").write_text(json.dumps(connection))
        yield first(system, data)
        for changes in (0, 50, 5000):
            extract_changes.make(system, connection, changes)
            load = measured(f"{changes:,} changes", system, data)
            yield shown(replace(load, least=least_of_changes(system, changes)))


def first(system: str, data: Path) -> Load:
    """The first load of one system, held against the vendors' page sizes."""
    load = measured("first load", system, data)
    held = held_rows(data / "warehouse.duckdb", system)
    least = (
        salesforce_calls.least_calls(held)
        if system == "Salesforce"
        else quickbooks_calls.least_calls(held)
    )
    return shown(replace(load, least=least))


def least_of_changes(system: str, changes: int) -> int:
    """The fewest calls that could bring so many changed records of one object."""
    if system == "Salesforce":
        return salesforce_calls.least_calls({"opportunity": changes})
    return quickbooks_calls.least_calls({"Invoice": changes})


def shown(load: Load) -> Load:
    print(load.line(), flush=True)
    return load


def measured(name: str, system: str, data: Path) -> Load:
    """One system read by a process of its own."""
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    # A machine that is busy with other things answers late, too.
    patient = {"CROSSFOOT_TIMEOUT_SECONDS": "600"}
    environment = {**own, **patient, "CROSSFOOT_DATA_DIR": str(data)}
    command = [sys.executable, __file__, "--one", system]
    with (data / "told").open("w+") as told:
        process = subprocess.Popen(command, env=environment, stdout=told)
        waiting, status, used = _watched(process)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        said = told.read()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"reading {system} failed: {said}")
    rows, calls = map(int, said.rpartition(SUMMARY)[2].split())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return Load(name, system, rows, calls, 0, seconds, work, used.ru_maxrss // 1024, waiting)


def _watched(process: subprocess.Popen[Any]) -> tuple[float, int, Any]:
    """The share of looks at which all threads of a process slept; its end and what it used."""
    looks = asleep = 0
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            return asleep / max(looks, 1), status, used
        looks += 1
        asleep += all(state == "S" for state in _states(process.pid))
        time.sleep(1 / LOOKS_A_SECOND)


def _states(pid: int) -> Iterator[str]:
    """What each thread is doing: R runs or is about to, D waits for the disk, S sleeps."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            yield (thread / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue


def read_one(system: str) -> None:
    """The work of the process: read one system as `crossfoot extract` does."""
    # As the command does before anything is imported.
    gc.set_threshold(50_000, 20, 100)
    from pipelines.extract import by_dlt, read, sources, undisturbed
    from pipelines.settings import load_settings

    settings, metered = load_settings().check(), Metered()
    (one,) = (s for s in sources(settings, record=metered) if s.name == system)
    with undisturbed(settings.warehouse_path):
        results = read(one, by_dlt).results
    # A report comes in one call, whatever its rows: they are not counted.
    records = sum(r.rows for r in results if r.object not in (RECEIVABLES, TRANSACTION_LIST))
    print(f"{SUMMARY}{records} {metered.calls}")


class Metered(Unrecorded):
    """Adds up what the vendor counts or charges for."""

    calls = 0

    def __call__(self, call: MeteredCall, /) -> None:
        self.calls += call.metered


def held_rows(path: Path, system: str) -> dict[str, int]:
    """Rows of each object in the warehouse after a first load."""
    schema = warehouse.RAW_SALESFORCE if system == "Salesforce" else warehouse.RAW_QUICKBOOKS
    counts = warehouse.row_counts(path, schema)
    if system == "QuickBooks":
        reports = dict.fromkeys((AGED_RECEIVABLES, LISTED_INVOICES), 1)
        return {entity: counts.get(table_name(entity), 0) for entity in ENTITIES} | reports
    own = {"extract_run", "extract_load", "extract_end", "control_total", "deletion"}
    return {n: c for n, c in counts.items() if n not in own and not n.startswith("_dlt")}


def others(lines: int) -> Iterator[extract_peers.PeerLoad]:
    """Published loaders of six Salesforce objects, and ours of all of them, in the same org."""
    with tempfile.TemporaryDirectory() as name, served(lines) as (_, connection):
        (Path(name) / "connection.json").write_text(json.dumps(connection))
        own = shown(measured("first load", "Salesforce", Path(name)))
        yield extract_peers.PeerLoad(
            "Crossfoot", own.rows, own.rows, own.seconds, own.work, own.calls, own.mib * 1024
        )
        for peer in extract_peers.measured(connection):
            print(peer.line(), flush=True)
            yield peer


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        read_one(sys.argv[2])
    else:
        main()
