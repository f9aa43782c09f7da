"""What writing costs: calls against the least possible, seconds, records per second.

10,000 invoices and 10,000 customer updates to one QuickBooks company, 10,000 opportunity updates to
one Salesforce org, each planned from hand-written marts and applied over HTTP to the sandbox, in a
fresh state. The least is ceil(n / 30) batches for QuickBooks and ceil(n / 1000) composites of five
collections for Salesforce; calls are all in the sandbox's own journal but log-ins, the look before
records of Salesforce are changed included.
Counts and dates of the vendors' limits (40 batches a minute) are not waited for: what they make of
it is told beside. The page WRITES.md is made by `make bench NAME=writes`; ends with JSON.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("journeys", "unit")]

from small_company import SmallCompany, rows, running_company  # noqa: E402
from writing import customer_row, deal_status_row, invoice_row  # noqa: E402

from pipelines import warehouse  # noqa: E402
from reverse_etl import cycle  # noqa: E402

COUNT = int(os.environ.get("CROSSFOOT_BENCH_LINES", "10000"))
PAGE = Path(__file__).with_name("WRITES.md")
BATCHES_A_MINUTE = 40
HEAD = (
    "| | Calls | Of them looks | Least | Ratio | Plan, s | Apply, s | CPU s | Records a second "
    "| At the limit, min |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)
Rows = Mapping[str, list[dict[str, Any]]]


def invoices() -> Rows:
    return rows(invoices=[invoice_row(n, customer_id=str(100 + n)) for n in numbers()])


def customers() -> Rows:
    """Each customer's address for bills, where QuickBooks has another one."""
    same = dict.fromkeys(("phone", "billing_line1", "billing_city", "billing_state",
                          "billing_postal_code", "billing_country"))  # fmt: skip
    return rows(
        customers=[
            customer_row(
                n, action="update", customer_id=str(100 + n), sync_token=0, **same,
                current_email=f"old{100 + n}@example.com",
            )
            for n in numbers()
        ]
    )  # fmt: skip


def deals() -> Rows:
    return rows(deals=[deal_status_row(n) for n in numbers()])


def numbers() -> range:
    return range(1, COUNT + 1)


# What is written, from which rows, and how many records fill a call.
JOBS: tuple[tuple[str, str, Callable[[], Rows], int], ...] = (
    ("customer updates", "customers", customers, 30),
    ("invoices", "invoices", invoices, 30),
    ("opportunity updates", "deal_status", deals, 1000),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, running_company(Path(name), COUNT) as company:
        company.environment |= {
            "CROSSFOOT_MAX_CHANGES": str(COUNT),
            "CROSSFOOT_MAX_CREATES_PER_FLOW": str(COUNT),
            "CROSSFOOT_MAX_AMOUNT": "USD=1000000000",
        }
        with warehouse.kept_open(company.settings.warehouse_path):
            results = [measured(company, *job) for job in JOBS]
    PAGE.write_text(page(results), encoding="utf-8")
    print(json.dumps({"benchmark": "writes", "jobs": results}))


def measured(
    company: SmallCompany, what: str, flow: str, given: Callable[[], Rows], per_call: int
) -> dict[str, Any]:
    company.judge(given())
    began = time.perf_counter()
    plan = company.plan(flow)
    planned = time.perf_counter() - began
    assert len(plan.changes) == COUNT, [b.reason for b in plan.blocked][:3]
    cycle.approve(company.settings, plan.checksum, "benchmark")
    before, cpu = used(company), processor()
    began = time.perf_counter()
    result = company.apply(plan)
    seconds = time.perf_counter() - began
    (calls, looks), least = used(company), -(-COUNT // per_call)
    calls, looks = calls - before[0], looks - before[1]
    assert result.counts()["done"] == COUNT, result.summary()
    assert not company.plan(flow).changes
    found = {
        "what": what,
        "records": COUNT,
        "calls": calls,
        "looks": looks,
        "least": least,
        "ratio": round(calls / least, 3),
        "plan_seconds": round(planned, 1),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(processor() - cpu, 1),
        "records_per_second": round(COUNT / seconds),
        "minutes_at_limit": round(least / BATCHES_A_MINUTE, 1) if per_call == 30 else None,
    }
    print(" ".join(f"{name}={value}" for name, value in found.items()))
    return found


def used(company: SmallCompany) -> tuple[int, int]:
    """Calls so far but log-ins, and how many of them only looked."""
    entries = company.sandbox.kernel.journal.entries(0, None)
    logging_in = ("oauth", "token", "Soap", "_sandbox")
    calls = [e for e in entries if not any(word in e.path for word in logging_in)]
    return len(calls), sum(e.method == "GET" for e in calls)


def processor() -> float:
    """Seconds of this process, which is both Crossfoot and the sandbox."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def page(results: list[dict[str, Any]]) -> str:
    table = "\n".join(
        f"| {r['records']:,} {r['what']} | {r['calls']:,} | {r['looks']} | {r['least']:,} "
        f"| {r['ratio']:.3f} "
        f"| {r['plan_seconds']} | {r['seconds']} | {r['cpu_seconds']} "
        f"| {r['records_per_second']:,} | {r['minutes_at_limit'] or ''} |"
        for r in results
    )
    calls, least = (sum(r[name] for r in results) for name in ("calls", "least"))
    return f"""# What writing costs

Made by `make bench NAME=writes`; how it is measured stands at the top of `bench_writes.py`. One
process is both Crossfoot and the sandbox, with the ledger on disk: an intent before each call and
an outcome after it. The last column is what QuickBooks' limit of {BATCHES_A_MINUTE} batches a
minute makes of it, which is waited for at real companies only. {COUNT:,} records of each were
written; `CROSSFOOT_BENCH_LINES` says how many, 10,000 where it says nothing.

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load average
{os.getloadavg()[0]:.0f} at the end.

{HEAD}
{table}

All three together: {calls:,} calls for the least possible {least:,}, ratio {calls / least:.3f}.
The look keeps what somebody changed since it was read from being overwritten.

A job of Salesforce's Bulk API would need 6 calls or some more, whatever the number of records. Why
it is not used stands in `dbt_project/DECISIONS.md`, "Collections, not jobs".
"""


if __name__ == "__main__":
    main()
