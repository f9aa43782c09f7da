"""The page LATENCY.md out of what the benchmark has measured."""

from __future__ import annotations

import os
import platform
from typing import Any


def page(results: list[dict[str, Any]], stormy: dict[str, Any], at_a_time: int) -> str:
    """The page LATENCY.md."""
    rows = "\n".join(
        f"| {r['part']} | {r['deals']} | {r['invoiced']} | {r['others']} | {r['p50']} "
        f"| {r['p95']} | {r['rounds']} | {r['computing']} | {r['load_average']} |"
        for r in results
    )
    steps = list(results[0]["seconds"])
    spent = "\n".join(
        f"| {step} | "
        + " | ".join(f"{r['seconds'][step][0]} ({r['seconds'][step][1]})" for r in results)
        + " |"
        for step in steps
    )
    names = " | ".join(r["part"] for r in results)
    return f"""# From closed-won to invoice

Made by `make bench NAME=latency`; how it is measured stands at the top of `bench_latency.py`.
{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. The load average
is that of the machine at the end of each part: with more than {os.cpu_count()} other programs share
its cores, and seconds on the clock are longer than those of computing by as much. Others
are deals that the warehouse says are billed already, blocked or not due.

| Part | Deals | Invoiced | Others | p50, s | p95, s | Rounds | Computing, s a round | Load |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

Where the seconds of a round that writes go, median, in brackets those of computing:

| Step | {names} |
|---|{"---:|" * len(results)}
{spent}

## Messages that are lost, doubled and late

{stormy["deals"]:,} deals were won as fast as the org takes them, {at_a_time} by a call, and
{stormy["messages"]:,} messages of it were posted to the receiver, shuffled: of the deals
{stormy["dropped"]} had none and {stormy["doubled"]} had two. After {stormy["seconds"]} s and
{stormy["rounds"]} rounds {stormy["invoiced"]:,} were invoiced, {stormy["others"]} others were
billed already, blocked or not due, and **{stormy["missed"]} were missed**; the books held
{stormy["unknown"]} invoices that the ledger did not know.
"""
