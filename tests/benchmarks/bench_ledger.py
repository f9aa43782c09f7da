"""What the promise not to bill twice costs: the ledger's share of an apply, and a restart.

1,000 invoices to one company of the sandbox over HTTP, three times: applied in one go, with the
time of every durable commit counted apart; killed (SIGKILL) in the middle, between an answer and
its entry, then taken up by a fresh process; and, worse than any kill leaves it, every single intent
open with half of the requests arrived. After each, the vendor's own journal is asked whether every
invoice was made once. The page LEDGER.md is made by `make bench NAME=ledger`; ends with JSON.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("journeys", "unit")]

from small_company import SmallCompany, rows, running_company  # noqa: E402
from writing import AS_OF, invoice_row  # noqa: E402

from reverse_etl import calls, cycle, lease  # noqa: E402
from reverse_etl.changes import Plan  # noqa: E402
from reverse_etl.connections import open_clients  # noqa: E402
from reverse_etl.ledger import Context, Intent, Ledger  # noqa: E402
from reverse_etl.state import State, Transaction  # noqa: E402
from reverse_etl.syncs import invoices  # noqa: E402

COUNT = int(os.environ.get("CROSSFOOT_BENCH_LINES", "1000"))
BATCH = invoices.FLOW.batch
PAGE = Path(__file__).with_name("LEDGER.md")
# QuickBooks takes 40 batches a minute: so long does each one have at least, in seconds.
PACE = 60 / 40


def main() -> None:
    told = {case.__name__: fresh(case) for case in (in_one_go, killed, all_open)}
    for name, found in told.items():
        print(name, " ".join(f"{k}={v}" for k, v in found.items()))
    PAGE.write_text(page(told), encoding="utf-8")
    print(json.dumps({"benchmark": "ledger", "records": COUNT, **told}))


def fresh(case: Callable[[SmallCompany, Plan], dict[str, Any]]) -> dict[str, Any]:
    """One case on a company of its own, whose journal is looked at when it is over."""
    with tempfile.TemporaryDirectory() as name, running_company(Path(name), COUNT) as company:
        company.environment |= {
            "CROSSFOOT_MAX_CHANGES": str(COUNT),
            "CROSSFOOT_MAX_CREATES_PER_FLOW": str(COUNT),
            "CROSSFOOT_MAX_AMOUNT": "USD=1000000000",
        }
        wanted = range(1, COUNT + 1)
        company.judge(rows(invoices=[invoice_row(n, customer_id=str(100 + n)) for n in wanted]))
        plan = company.plan("invoices")
        assert len(plan.changes) == COUNT
        cycle.approve(company.settings, plan.checksum, "benchmark")
        found = case(company, plan)
        marks = [str(i["PrivateNote"]).splitlines()[0] for i in company.invoices()]
        assert len(marks) == len(set(marks)) == COUNT, "an invoice is missing, or there twice"
        assert len(company.writes("Invoice", "create")) == COUNT
        return found


def in_one_go(company: SmallCompany, plan: Plan) -> dict[str, Any]:
    """The share that durable commits have in an apply that nothing disturbs."""
    with timed_commits() as spent:
        began = time.perf_counter()
        result = cycle.apply(company.settings, plan.checksum)
        seconds = time.perf_counter() - began
    assert result.counts()["done"] == COUNT
    batches = -(-COUNT // BATCH)
    ledger = sum(spent)
    return {
        "seconds": round(seconds, 2),
        "commits": len(spent),
        "ledger_seconds": round(ledger, 2),
        "share": round(ledger / seconds, 3),
        "share_at_limit": round(ledger / (ledger + batches * PACE), 3),
    }


def killed(company: SmallCompany, plan: Plan) -> dict[str, Any]:
    """A fresh process takes up what one that was killed in the middle left."""
    middle = -(-COUNT // BATCH) // 2
    first = applied(company, plan, CROSSFOOT_KILL_AT=f"invoices.after_send:{middle}")
    assert first.returncode == -signal.SIGKILL, first.stderr
    return taken_up(company, plan)


def all_open(company: SmallCompany, plan: Plan) -> dict[str, Any]:
    """A fresh process finds every intent open, and does not know which requests arrived."""
    context = Context(plan.checksum, plan.data_as_of, AS_OF)
    groups = [plan.changes[n : n + BATCH] for n in range(0, COUNT, BATCH)]
    with (
        cycle.opened(company.settings) as state,
        lease.hold(state, "apply") as held,
        calls.recording_in(state, "apply") as record,
    ):
        clients = open_clients(company.settings, record)
        for number, group in enumerate(groups):
            intents = [Intent(change, change.payload) for change in group]
            entries = Ledger(state, held).intend(intents, context)
            if number % 2:
                invoices.FLOW.send(clients, entries)
    return taken_up(company, plan)


def taken_up(company: SmallCompany, plan: Plan) -> dict[str, Any]:
    """Seconds from the start of a process to the end of the plan, and what it asked."""
    there, asked = len(company.invoices()), len(requests(company))
    began = time.perf_counter()
    done = applied(company, plan)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    own = requests(company)[asked:]
    return {
        "there_before": there,
        "seconds": round(seconds, 2),
        "looks": sum("/query" in path for path in own),
        "writes": sum("/batch" in path or "/invoice" in path for path in own),
    }


def applied(company: SmallCompany, plan: Plan, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration", "apply", plan.checksum],
        cwd=ROOT, env={**os.environ, **company.environment, **more},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def requests(company: SmallCompany) -> list[str]:
    return [str(entry.path) for entry in company.sandbox.kernel.journal.entries(0, None)]


@contextmanager
def timed_commits() -> Iterator[list[float]]:
    """The seconds of each transaction of the state that writes, from begin to durable."""
    spent: list[float] = []
    writing = State.writing

    @contextmanager
    def timed(state: State) -> Iterator[Transaction]:
        began = time.perf_counter()
        with writing(state) as work:
            yield work
        spent.append(time.perf_counter() - began)

    State.writing = timed  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        State.writing = writing  # type: ignore[method-assign]


def page(told: dict[str, dict[str, Any]]) -> str:
    once, kill, worst = told["in_one_go"], told["killed"], told["all_open"]
    return f"""# What not billing twice costs

Made by `make bench NAME=ledger`; how it is measured stands at the top of `bench_ledger.py`.
{COUNT:,} invoices in batches of {BATCH}; the sandbox shares the
machine's cores. In each case the vendor's journal says that every invoice was made, once.

{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load average
{os.getloadavg()[0]:.0f} at the end.

| In one go | |
|---|---:|
| apply, seconds | {once["seconds"]} |
| durable commits | {once["commits"]} |
| seconds in them | {once["ledger_seconds"]} |
| share of the time, with a vendor that answers at once | {once["share"]:.1%} |
| share of the time, at QuickBooks' 40 batches a minute | {once["share_at_limit"]:.1%} |

| Taken up by a fresh process | There before | Seconds from its start | Look-ups | Writing calls |
|---|---:|---:|---:|---:|
| killed in the middle {_cells(kill)}
| every intent open, half arrived {_cells(worst)}
"""


def _cells(found: dict[str, Any]) -> str:
    return (
        f"| {found['there_before']:,} | {found['seconds']} | {found['looks']:,} "
        f"| {found['writes']:,} |"
    )


if __name__ == "__main__":
    main()
