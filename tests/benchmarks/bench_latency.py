"""How long it is from a won deal to its invoice, and where the seconds go.

The sample company on the sandbox, in a process of its own, settled first. Then deals are won, one
after the other: from the moment at which the sandbox commits the stage change to the moment at
which the invoice is in the books, both by the sandbox's own journal. The whole chain runs:
Salesforce's message to the receiver over HTTP (posted here, the sandbox has no flows) or the poll,
a run in Dagster's instance, the reading by dlt, the models, the tests, the plan under the policy,
ledger and lease, and the call to QuickBooks. Idle, each deal waits until the one before is invoiced
and read back; under load a deal is won every two seconds while readers, in a process of their own,
query the published copy.

Then a storm: `CROSSFOOT_BENCH_EVENTS` deals are won as fast as the org takes them, their messages
come shuffled, one in twenty is dropped and one in twenty comes twice. Every deal must be invoiced
once or be told why not.

`CROSSFOOT_BENCH_LINES` is the number of deals of each part. The page LATENCY.md is made by
`make bench NAME=latency`; ends with JSON.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import requests
from latency_page import page

from orchestration import telemetry

telemetry.switch_off()

from orchestration.companies import BOOKS, sample_company  # noqa: E402
from orchestration.local_sandbox import CONNECTION, local_sandbox  # noqa: E402
from orchestration.sync import rounds  # noqa: E402
from orchestration.ui import dagster_home  # noqa: E402
from orchestration.watching.process import known  # noqa: E402
from orchestration.watching.prompt import PromptRound  # noqa: E402
from orchestration.watching.receiver import SALESFORCE_PATH, receiving  # noqa: E402
from orchestration.watching.service import Polls, watch  # noqa: E402
from orchestration.watching.signals import Bell, Woken  # noqa: E402
from pipelines import warehouse  # noqa: E402
from pipelines.clients.salesforce import salesforce_client  # noqa: E402
from pipelines.settings import Settings, load_settings  # noqa: E402
from reverse_etl import ledger  # noqa: E402
from reverse_etl.opening import opened  # noqa: E402

COUNT = int(os.environ.get("CROSSFOOT_BENCH_LINES", "50"))
EVENTS = int(os.environ.get("CROSSFOOT_BENCH_EVENTS", "1000"))
PAGE = Path(__file__).with_name("LATENCY.md")
TOKEN = "a-token-of-the-benchmark-only"
READERS = 4
LONGEST = 900.0
PARTS = (("idle, event", True, False), ("idle, poll", False, False),
         ("load, event", True, True), ("load, poll", False, True))  # fmt: skip
# Of the storm: deals won by one call, and messages that are shuffled among each other.
AT_A_TIME = 20
DROPPED, DOUBLED = 0.05, 0.05
DEAL_FIELDS = ("Name", "AccountId", "StageName", "CloseDate", "CurrencyIsoCode", "Pricebook2Id")
LINE_FIELDS = ("PricebookEntryId", "Quantity", "UnitPrice", "Discount")
AT_ONCE = 100
POLICY = """[default]
mode = "automatic"
max_changes = 5000
max_amount = { USD = 1000000000, EUR = 1000000000, GBP = 1000000000 }
"""
# Deals that are open and whose customer and products are known: winning them bills them.
OPEN_DEALS = """
    select o.id from raw_salesforce.opportunity as o
    join matched.matched_customers as m on m.account_id = o.account_id
    where not o.is_closed and o.has_opportunity_line_item and o.amount > 0
        and m.match_state in ('confirmed', 'manual')
    group by o.id order by o.id
"""
MESSAGE = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>{org}'
    "</OrganizationId><Notification><sObject><Id>{deal}</Id></sObject></Notification>"
    "</notifications></soapenv:Body></soapenv:Envelope>"
)


@dataclass
class Watched:
    """A watching process, as threads of this one; `rounds` are those that it has made."""

    settings: Settings
    address: str
    bell: Bell
    rounds: list[tuple[Woken, PromptRound]] = field(default_factory=list)
    is_idle: threading.Event = field(default_factory=threading.Event)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed, data = sample_company(folder), folder / "sandbox"
        policy = folder / "policy.toml"
        policy.write_text(POLICY)
        with local_sandbox(seed, data / BOOKS, data / CONNECTION) as connection:
            settings = load_settings(
                {
                    **os.environ,
                    "CROSSFOOT_DATA_DIR": str(data),
                    "CROSSFOOT_POLICY": str(policy),
                    "CROSSFOOT_SALESFORCE_EVENT_TOKEN": TOKEN,
                    "CROSSFOOT_MAX_CHANGES": "5000",
                    "CROSSFOOT_MAX_CREATES_PER_FLOW": "5000",
                    "CROSSFOOT_MAX_AMOUNT": "USD=1000000000,EUR=1000000000,GBP=1000000000",
                }
            ).check()
            control = f"{connection['salesforce']['base_url']}/_sandbox"
            settle(settings)
            add_deals(settings, len(PARTS) * COUNT + EVENTS)
            settle(settings)
            # What was settled lies behind what a reading looks back on.
            requests.post(f"{control}/clock", json={"advance_seconds": 3600}, timeout=60)
            results, stormy = measured(settings, control)
    PAGE.write_text(page(results, stormy, AT_A_TIME), encoding="utf-8")
    print(json.dumps({"benchmark": "latency", "parts": results, "storm": stormy}))


def settle(settings: Settings) -> None:
    """Everything that is due is written, until nothing is left."""
    for _ in rounds(settings, "benchmark"):
        pass


def add_deals(settings: Settings, wanted: int) -> None:
    """The company has a hundred deals to win: copies of them are made until there are enough."""
    deals = [row["id"] for row in warehouse.read(settings.warehouse_path, OPEN_DEALS)]
    client = salesforce_client(settings)
    copied = list(islice(cycle(deals), max(0, wanted - len(deals))))
    for first in range(0, len(copied), AT_ONCE):
        copy_deals(client, copied[first : first + AT_ONCE], first)


def copy_deals(client: Any, deals: list[str], first: int) -> None:
    """A copy of each deal with its lines, with a number behind its name."""
    named = ", ".join(f"'{deal}'" for deal in sorted(set(deals)))
    asked = f"SELECT Id, {', '.join(DEAL_FIELDS)} FROM Opportunity WHERE Id IN ({named})"
    heads = {one["Id"]: {n: one[n] for n in DEAL_FIELDS} for one in client.query_all(asked)}
    copies = [
        heads[deal] | {"Name": f"{heads[deal]['Name']} ({first + number})"}
        for number, deal in enumerate(deals)
    ]
    made = client.create_many("Opportunity", copies)
    assert all(reply.ok for reply in made), made
    asked = (
        f"SELECT OpportunityId, {', '.join(LINE_FIELDS)} FROM OpportunityLineItem "
        f"WHERE OpportunityId IN ({named})"
    )
    lines = list(client.query_all(asked))
    for deal, reply in zip(deals, made, strict=True):
        own = [
            {name: one[name] for name in LINE_FIELDS} | {"OpportunityId": reply.remote_id}
            for one in lines
            if one["OpportunityId"] == deal
        ]
        assert all(line.ok for line in client.create_many("OpportunityLineItem", own))


def measured(settings: Settings, control: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    deals = [row["id"] for row in warehouse.read(settings.warehouse_path, OPEN_DEALS)]
    results = []
    with watching(settings) as watched:
        for number, (name, with_event, under_load) in enumerate(PARTS):
            own = deals[number * COUNT : (number + 1) * COUNT]
            result = part(watched, control, name, own, with_event, under_load)
            print(json.dumps({k: v for k, v in result.items() if k != "seconds"}), flush=True)
            results.append(result)
        stormy = storm(watched, control, deals[len(PARTS) * COUNT :][:EVENTS])
    return results, stormy


@contextmanager
def watching(settings: Settings) -> Iterator[Watched]:
    """The real receiver, loop, polls and Dagster runs."""
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    import dagster as dg

    from orchestration.watching.job import Worker, problem_of, run_round
    from orchestration.watching.prompt import Prompt

    bell, worker = Bell(), Worker(Prompt(settings))
    with dg.DagsterInstance.get() as instance, receiving(
        "127.0.0.1", 0, known(settings), bell
    ) as address:  # fmt: skip
        watched = Watched(settings, address, bell)

        def run(woken: Woken) -> PromptRound | None:
            watched.is_idle.clear()
            result, done = run_round(instance, worker, woken)
            if done is None:
                print(problem_of(result), flush=True)
            else:
                watched.rounds.append((woken, done))
                if not done.wrote:
                    watched.is_idle.set()
            return done

        thread = threading.Thread(
            target=watch, args=(bell, Polls(settings, print), run, lambda line: None)
        )
        thread.start()
        try:
            assert watched.is_idle.wait(LONGEST)
            yield watched
        finally:
            bell.stop()
            thread.join()


def part(
    watched: Watched, control: str, name: str, deals: list[str], with_event: bool, under_load: bool
) -> dict[str, Any]:
    """Win these deals; the seconds of each until its invoice, and what the rounds took."""
    requests.delete(f"{control}/journal", timeout=60)
    before = len(watched.rounds)
    client = salesforce_client(watched.settings)
    with readers(watched.settings.published_path, READERS if under_load else 0):
        for deal in deals:
            watched.is_idle.clear()
            win(client, [deal])
            if with_event:
                send(watched, deal)
            if under_load:
                time.sleep(2)
            else:
                wait_for(lambda: watched.is_idle.is_set())
        wait_for(lambda: not unsettled(watched, control, deals), 2.0)
    latencies = sorted(seconds_each(watched.settings, control, deals).values())
    made = [done for _, done in watched.rounds[before:]]
    writing = [done for done in made if done.wrote]
    return {
        "part": name,
        "deals": len(deals),
        "invoiced": len(latencies),
        "others": len(deals) - len(latencies),
        "p50": round(statistics.median(latencies), 2),
        "p95": round(latencies[max(0, -(-len(latencies) * 95 // 100) - 1)], 2),
        "rounds": len(made),
        "computing": round(statistics.median(total(d) for d in writing), 2),
        "load_average": round(os.getloadavg()[0], 1),
        "seconds": {
            step: (
                round(statistics.median(d.seconds[step].wall for d in writing), 2),
                round(statistics.median(d.seconds[step].computing for d in writing), 2),
            )
            for step in ("ask", "read", "state", "build", "test", "plan", "apply")
        },
    }


def total(done: PromptRound) -> float:
    return sum(one.computing for one in done.seconds.values())


def storm(watched: Watched, control: str, deals: list[str]) -> dict[str, Any]:
    """Win all of these at once with messages that are lost, doubled and late; what became of each.

    `missed` have no invoice and no reason; `unknown` are invoices in the books that the ledger does
    not know, as a second one of a deal would be.
    """
    requests.delete(f"{control}/journal", timeout=60)
    chance, client, late = random.Random(9), salesforce_client(watched.settings), list[str]()
    sent = dropped = doubled = 0
    began, before = time.monotonic(), len(watched.rounds)
    for first in range(0, len(deals), AT_A_TIME):
        won = deals[first : first + AT_A_TIME]
        win(client, won)
        for deal in won:
            fate = chance.random()
            dropped, doubled = dropped + (fate < DROPPED), doubled + (fate > 1 - DOUBLED)
            late += [deal] * (0 if fate < DROPPED else 2 if fate > 1 - DOUBLED else 1)
        chance.shuffle(late)
        for deal in late[AT_A_TIME // 2 :]:
            send(watched, deal)
        sent, late = sent + len(late[AT_A_TIME // 2 :]), late[: AT_A_TIME // 2]
    for deal in late:
        send(watched, deal)
    missed: set[str] = set()
    try:
        wait_for(lambda: not unsettled(watched, control, deals), 5.0)
    except AssertionError:
        missed = unsettled(watched, control, deals)
    invoiced = seconds_each(watched.settings, control, deals)
    told = {
        "deals": len(deals), "messages": sent + len(late), "dropped": dropped, "doubled": doubled,
        "invoiced": len(invoiced), "others": len(deals) - len(invoiced) - len(missed),
        "missed": len(missed), "unknown": unknown_invoices(watched.settings, control),
        "rounds": len(watched.rounds) - before, "seconds": round(time.monotonic() - began),
    }  # fmt: skip
    print(json.dumps(told), flush=True)
    return told


def unknown_invoices(settings: Settings, control: str) -> int:
    """How many invoices of the journal the ledger does not know."""
    entries = requests.get(f"{control}/journal", timeout=60).json()["entries"]
    with opened(settings) as state:
        known = {(e.company_id, e.remote_id) for e in ledger.snapshot(state, ("invoices",))}
    return sum(
        written["entity"] == "Invoice"
        and written["operation"] == "create"
        and (entry["realm"], written["id"]) not in known
        for entry in entries
        for written in entry["writes"]
    )


def win(client: Any, deals: list[str]) -> None:
    won = {"StageName": "Closed Won", "CloseDate": "2026-11-20"}
    replies = client.update_many("Opportunity", [{"Id": deal} | won for deal in deals])
    assert all(reply.ok for reply in replies), replies


def send(watched: Watched, deal: str) -> None:
    """Salesforce's message that a deal was won, as its flow sends it."""
    body = MESSAGE.format(org=watched.settings.salesforce.org_id, deal=deal)
    address = f"{watched.address}{SALESFORCE_PATH}{TOKEN}"
    assert requests.post(address, body, timeout=10).status_code == 200


@contextmanager
def readers(path: Path, count: int) -> Iterator[None]:
    """So many analysts who query this copy meanwhile."""
    if not count:
        yield
        return
    program = Path(__file__).with_name("latency_readers.py")
    process = subprocess.Popen(
        [sys.executable, str(program), str(path), str(count)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "reading\n"
    try:
        yield
    finally:
        asked, _ = process.communicate("", timeout=60)
        assert int(asked) > 0


def unsettled(watched: Watched, control: str, deals: list[str]) -> set[str]:
    """Deals that wait for an invoice: neither billed since they were won, nor as the warehouse says
    blocked, not due or billed before."""
    rows = warehouse.read(
        watched.settings.warehouse_path,
        "select deal_id from reconciliation.deal_coverage "
        "group by deal_id having sum(to_be_invoiced_amount) = 0",
    )
    settled = {row["deal_id"] for row in rows}
    return set(deals) - settled - seconds_each(watched.settings, control, deals).keys()


def seconds_each(settings: Settings, control: str, deals: list[str]) -> dict[str, float]:
    """From the commit of the stage to that of the invoice, by the sandbox's journal."""
    entries = requests.get(f"{control}/journal", timeout=60).json()["entries"]
    with opened(settings) as state:
        billed = {
            (one.company_id, one.remote_id): one.record_id
            for one in ledger.snapshot(state, ("invoices",))
            if one.record_id in deals
        }
    won: dict[str, datetime] = {}
    found: dict[str, float] = {}
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        for written in entry["writes"]:
            if written["entity"] == "Opportunity" and written["id"] in deals:
                won.setdefault(written["id"], at)
            deal = billed.get((entry["realm"], written["id"]), "")
            if written["entity"] == "Invoice" and written["operation"] == "create" and deal in won:
                found.setdefault(deal, (at - won[deal]).total_seconds())
    return found


def wait_for(true: Callable[[], bool], every: float = 0.1) -> None:
    until = time.monotonic() + LONGEST
    while not true():
        assert time.monotonic() < until, "nothing came in time"
        time.sleep(every)


if __name__ == "__main__":
    main()
