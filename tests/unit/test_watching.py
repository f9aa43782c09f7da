"""Watching: what is taken for a signal, and that no won deal is missed whatever becomes of them."""

from __future__ import annotations

import functools
import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from writing import US, World, invoice_row, marts

from orchestration.watching import asking, service
from orchestration.watching.asking import WonDeals, salesforce_text, won_since
from orchestration.watching.process import only_watcher
from orchestration.watching.prompt import PromptRound, Seconds
from orchestration.watching.receiver import (
    MOST_BYTES,
    QUICKBOOKS_PATH,
    SALESFORCE_PATH,
    Known,
    receiving,
    signature,
    take_quickbooks,
    take_salesforce,
)
from orchestration.watching.service import LONGEST_OWED, Polls, ReadBack, round_lines, watch
from orchestration.watching.signals import Bell, System, Woken
from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop, Unavailable
from pipelines.setting_values import Secret, Values
from pipelines.setting_watch import watching
from pipelines.settings import load_settings
from reverse_etl import opening
from reverse_etl.changes import Plan

REALM, ORG = "9341450000000001", "00DHs0000000001AAA"
KNOWN = Known(frozenset({REALM}), ORG, Secret("verifier"), Secret("a token of ours"))


def events(*realms: str) -> bytes:
    return json.dumps(
        [
            {
                "specversion": "1.0", "id": str(n), "source": "intuit.x",
                "type": "qbo.invoice.updated.v1", "time": "2026-11-20T17:00:00.000000000Z",
                "intuitentityid": str(n), "intuitaccountid": realm, "data": {},
            }
            for n, realm in enumerate(realms)
        ]
    ).encode()  # fmt: skip


def message(org: str = ORG) -> bytes:
    return f"<x><OrganizationId>{org}</OrganizationId><Id>006000000000001AAA</Id></x>".encode()


def rung(bell: Bell) -> dict[str, int]:
    woken = bell.wait(0)
    return dict(woken.counts) if woken else {}


def quickbooks(body: bytes, signed: str, known: Known = KNOWN) -> tuple[int, dict[str, int]]:
    bell = Bell()
    return take_quickbooks(known, body, signed, bell).status, rung(bell)


def test_signed_events_of_our_companies_ring() -> None:
    body = events(REALM, "1", REALM)
    assert quickbooks(body, signature(body, KNOWN.verifier_token)) == (200, {"quickbooks event": 2})


def test_what_is_not_signed_by_the_app_does_not() -> None:
    body = events(REALM)
    signed = signature(body, KNOWN.verifier_token)
    assert quickbooks(body + b" ", signed) == (401, {})
    assert quickbooks(body, signature(body, Secret("other"))) == (401, {})
    assert quickbooks(body, "") == (401, {})
    assert quickbooks(body, "ü") == (401, {})
    nobody = Known(KNOWN.realms, ORG, Secret(""), Secret(""))
    assert quickbooks(body, signature(body, Secret("")), nobody) == (404, {})


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"eventNotifications": []}', b'[{"specversion": "1.0"}]']
)
def test_a_signed_body_that_is_no_array_of_events_is_refused(body: bytes) -> None:
    assert quickbooks(body, signature(body, KNOWN.verifier_token)) == (400, {})


def test_an_outbound_message_needs_our_token_and_rings_for_our_org_alone() -> None:
    bell = Bell()
    taken = take_salesforce(KNOWN, message(), "a token of ours", bell)
    assert taken.status == 200 and b"<Ack>true</Ack>" in taken.body
    assert rung(bell) == {"salesforce event": 1}
    assert take_salesforce(KNOWN, message(ORG[:15]), "a token of ours", bell).status == 200
    assert rung(bell) == {"salesforce event": 1}
    other = message("00DHs0000000002AAA")
    assert take_salesforce(KNOWN, other, "a token of ours", bell).status == 200
    assert take_salesforce(KNOWN, message(), "another", bell).status == 404
    assert take_salesforce(KNOWN, b"<x/>", "a token of ours", bell).status == 400
    unset = Known(KNOWN.realms, ORG, Secret("verifier"), Secret(""))
    assert take_salesforce(unset, message(), "", bell).status == 404
    assert rung(bell) == {}


def test_over_http_both_are_answered_at_once_and_nothing_else_is() -> None:
    bell, body = Bell(), events(REALM)
    with receiving("127.0.0.1", 0, KNOWN, bell) as address:
        signed = {"intuit-signature": signature(body, KNOWN.verifier_token)}
        assert requests.post(address + QUICKBOOKS_PATH, body, headers=signed).status_code == 200
        path = f"{address}{SALESFORCE_PATH}a token of ours".replace(" ", "%20")
        assert requests.post(path, message()).status_code == 404  # the token is in the path as sent
        assert requests.post(address + "/else", b"").status_code == 404
        assert requests.get(address + "/health").text == "ok"
        too_much = {"Content-Length": str(MOST_BYTES + 1)}
        assert requests.post(address + QUICKBOOKS_PATH, b"", headers=too_much).status_code == 413
    assert rung(bell) == {"quickbooks event": 1}


def test_signals_of_a_round_under_way_are_one_waking_afterwards() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring("salesforce", "event")
    bell.ring("quickbooks", "poll")
    woken = bell.wait(0)
    assert woken is not None and woken.systems == {"salesforce", "quickbooks"}
    assert woken.told() == "1 quickbooks poll, 3 salesforce event"
    assert bell.wait(0) is None


def test_the_poll_asks_from_before_the_newest_deal_known() -> None:
    assert won_since("").endswith("ORDER BY SystemModstamp DESC LIMIT 1")
    newest = salesforce_text(datetime(2026, 11, 20, 17, 0, 0, 123000, tzinfo=UTC))
    assert newest == "2026-11-20T17:00:00.123+0000"
    assert won_since(newest).endswith("SystemModstamp > 2026-11-20T16:50:00Z")


def test_a_version_that_a_reading_brought_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [{"Id": "a", "SystemModstamp": "1"}, {"Id": "b", "SystemModstamp": "2"}]
    client = SimpleNamespace(query_all=lambda soql: iter(told))
    monkeypatch.setattr(
        "orchestration.watching.asking.salesforce_client", lambda settings, record: client
    )
    won = WonDeals({("a", "1")}, "2026-11-20T17:00:00.000+0000")
    assert won.unread(Any, Any) == (("b", "2"),)  # type: ignore[arg-type]


def test_a_short_token_of_events_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="fewer than 24") as told:
        watching(Values({"CROSSFOOT_SALESFORCE_EVENT_TOKEN": "guessed"}), None)
    assert "guessed" not in str(told.value)
    assert watching(Values({}), {"verifier_token": "v"}).verifier_token.reveal() == "v"


# ---- 1,000 events


def empty_plan() -> Plan:
    at = datetime(2026, 11, 20, 17, tzinfo=UTC)
    from reverse_etl.plan import build_plan
    from reverse_etl.syncs.flow import Facts

    return build_plan((), {}, Facts(), (), at, at)


@dataclass
class Vendor:
    """An org in memory: deals are won, seen by whoever reads, and invoiced by the round."""

    won: list[int] = field(default_factory=list)
    invoiced: list[int] = field(default_factory=list)
    fails: Iterator[bool] = field(default_factory=lambda: iter(()))

    def has_unread(self, system: System) -> bool:
        if next(self.fails, False):
            raise Unavailable("Salesforce", "query", "no answer", "It is asked again.")
        return system == "salesforce" and len(self.won) > len(self.invoiced)

    def round(self, woken: Woken) -> PromptRound | None:
        if next(self.fails, False):
            return None
        if "salesforce" in woken.systems:
            self.invoiced += self.won[len(self.invoiced) :]
        systems = tuple(sorted(woken.systems))
        seconds = {"read": Seconds(0.0, 0.0)}
        return PromptRound(systems, (), (), empty_plan(), None, (), seconds)


def watched(vendor: Vendor, bell: Bell, said: list[str]) -> threading.Thread:
    settings: Any = SimpleNamespace(
        watching=SimpleNamespace(salesforce_seconds=0.05, quickbooks_seconds=0.05)
    )
    polls = Polls(settings, said.append, asked=vendor.has_unread)
    thread = threading.Thread(target=watch, args=(bell, polls, vendor.round, said.append))
    thread.start()
    return thread


def until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_of_a_thousand_events_lost_doubled_late_and_failing_none_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """5 % are dropped, 5 % doubled, the rest shuffled in windows of twenty; one round and one
    question in ten fails. Every deal is invoiced, and in the order of reading, once."""
    monkeypatch.setattr(service, "PAUSES", (0.001,))
    chance, bell, said = random.Random(9), Bell(), []
    vendor = Vendor(fails=iter([chance.random() < 0.1 for _ in range(100_000)]))
    thread = watched(vendor, bell, said)
    dropped = 0
    late: list[bytes] = []
    for deal in range(1000):
        vendor.won.append(deal)
        fate = chance.random()
        dropped += fate < 0.05
        late += [] if fate < 0.05 else [message()] * (2 if fate > 0.95 else 1)
        if len(late) >= 20:
            chance.shuffle(late)
            while late:
                assert take_salesforce(KNOWN, late.pop(), "a token of ours", bell).status == 200
    assert until(lambda: len(vendor.invoiced) == 1000), len(vendor.invoiced)
    bell.stop()
    thread.join(5)
    assert not thread.is_alive() and dropped > 20
    assert vendor.invoiced == list(range(1000))


def test_without_any_event_the_poll_finds_it() -> None:
    bell, vendor, said = Bell(), Vendor(), []
    thread = watched(vendor, bell, said)
    assert until(lambda: bool(said))
    vendor.won.append(1)
    assert until(lambda: vendor.invoiced == [1])
    bell.stop()
    thread.join(5)
    assert any("1 salesforce poll: read salesforce" in line for line in said)


def test_a_question_is_due_by_when_the_reading_began_and_not_by_when_the_round_ended() -> None:
    """Else a deal that was won while a round ran waits for its rest and for all of the interval."""
    now = [100.0]
    settings: Any = SimpleNamespace(
        watching=SimpleNamespace(salesforce_seconds=10, quickbooks_seconds=60)
    )
    polls = Polls(settings, print, clock=lambda: now[0], asked=lambda _: False)
    both: Any = SimpleNamespace(read=("salesforce", "quickbooks"))
    now[0] += 4
    polls.after(both, began=100.0)
    assert polls.next_in() == 6
    now[0] += 60
    assert polls.next_in() == 0


def test_what_we_wrote_is_read_back_when_nobody_waits() -> None:
    """Put off while deals are won one after the other, for five minutes at most."""
    now = [100.0]
    back = ReadBack(lambda: now[0])
    wrote: Any = SimpleNamespace(read=("salesforce",), wrote=True)
    quiet: Any = SimpleNamespace(read=("quickbooks",), wrote=False)
    own, won, theirs = ("quickbooks write", 1), ("salesforce event", 2), ("quickbooks event", 1)
    both = Woken(frozenset({"quickbooks", "salesforce"}), (own, won), 0.0)
    assert back.put_off(both).told() == "2 salesforce event" and back.is_owed(wrote)
    now[0] += LONGEST_OWED - 1
    assert back.put_off(both).systems == {"salesforce"} and back.is_owed(wrote)
    changed = Woken(both.systems, (theirs, own, won), 0.0)
    alone = Woken(frozenset({"quickbooks"}), (own,), 0.0)
    assert back.put_off(changed) is changed and back.put_off(alone) is alone
    now[0] += 1
    assert back.put_off(both) is both, "it has waited long enough"
    assert not back.is_owed(quiet) and back.put_off(both).systems == {"salesforce"}


def test_a_round_looks_at_the_state_once(tmp_path: Path) -> None:
    """What opens it within a round gets the same one; another state, and afterwards, a new one."""
    here, there = (
        load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path / name)}) for name in ("here", "there")
    )
    with opening.kept_open(here):
        with opening.opened(here) as first, opening.opened(here) as second:
            assert first is second
        with opening.opened(there) as other:
            assert other is not first
        with opening.opened(here) as third:
            assert third is first
    with opening.opened(here) as afterwards:
        assert afterwards is not first


def test_what_we_made_ourselves_is_no_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invoice of ours that nobody has changed since; another one, or ours changed, is."""
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    held = {"company_id": "VARCHAR", "id": "VARCHAR", "sync_token": "BIGINT"}
    run = {"source_id": "VARCHAR", "mode": "VARCHAR", "server_time": "TIMESTAMPTZ"}
    at = datetime(2026, 11, 20, 17, tzinfo=UTC)
    with warehouse.writer(settings.warehouse_path) as connection:
        fill = functools.partial(warehouse.fill_table, connection, "raw_quickbooks")
        fill("extract_run", run, [{"source_id": US, "mode": "cdc", "server_time": at}])
        fill("deletion", {"company_id": "VARCHAR", "entity": "VARCHAR", "id": "VARCHAR"}, [])
        fill("invoice", held, [{"company_id": US, "id": "1", "sync_token": 3}])
    world = World(tmp_path, url=settings.state_url)
    done = world.apply(world.plan(marts(invoices=[invoice_row(1)])))
    (ours,) = (outcome.remote_id for outcome in done.outcomes)
    changes: list[dict[str, str]] = []
    told = SimpleNamespace(objects=1, living={"Invoice": changes}, deleted={})
    client = SimpleNamespace(cdc=lambda entities, since: told)
    monkeypatch.setattr(asking, "quickbooks_client", lambda *given: client)
    companies = (SimpleNamespace(realm_id=US),)
    asked: Any = SimpleNamespace(
        warehouse_path=settings.warehouse_path, state_url=settings.state_url,
        quickbooks=SimpleNamespace(companies=companies),
    )  # fmt: skip

    def is_news(record_id: str | None, token: str) -> bool:
        changes[:] = [{"Id": str(record_id), "SyncToken": token}]
        return bool(asking.changed_companies(asked, lambda call: None))  # type: ignore[arg-type]

    assert not is_news("1", "3") and is_news("1", "4")
    assert not is_news(ours, "0") and is_news(ours, "1") and is_news("another", "0")


def test_a_plan_that_waits_is_told_with_its_reason() -> None:
    woken = Woken(frozenset({"salesforce"}), (("salesforce event", 1),), 0.0)
    plan: Any = SimpleNamespace(changes=(1,), checksum="0123456789abcdef")
    seconds = {"read": Seconds(1.0, 0.5)}
    done = PromptRound(("salesforce",), (), (), plan, None, ("too much",), seconds)
    assert list(round_lines(woken, done)) == [
        "1 salesforce event: read salesforce, 1.0 s. Plan 0123456789ab waits for a person: too much"
    ]


def test_a_rounds_file_of_events_is_as_dagster_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is not made a second time when the first event comes."""
    import dagster as dg

    from orchestration.watching.run_files import new_run

    def told(path: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as file:
            made = file.execute("select name, sql from sqlite_master order by name").fetchall()
            return [*made, *file.execute("select version_num from alembic_version")]

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        storage: Any = instance.event_log_storage
        with storage.run_connection("its-own"):
            pass
        run_id = new_run(instance)
        assert told(storage.path_for_shard(run_id)) == told(storage.path_for_shard("its-own"))
        monkeypatch.setattr(storage, "_initdb", None)
        assert list(storage.get_logs_for_run(run_id)) == []


def test_a_killed_round_gives_its_place_back_when_the_watcher_begins_anew(tmp_path: Path) -> None:
    import dagster as dg

    from orchestration.abandoned import WATCHER, end_abandoned_runs
    from orchestration.resources import WAREHOUSE_POOL
    from orchestration.watching.job import JOB, end_killed_rounds, won_deals_to_invoices

    (tmp_path / "dagster.yaml").write_text("concurrency:\n  pools:\n    default_limit: 1\n")
    with (
        only_watcher(tmp_path) as watcher,
        pytest.raises(Stop, match="watching already"),
        only_watcher(tmp_path),
    ):
        pass
    with (
        only_watcher(tmp_path) as again,
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        assert again == watcher
        place = instance.event_log_storage

        def round_of(name: str) -> str:
            run = instance.create_run_for_job(
                won_deals_to_invoices, status=dg.DagsterRunStatus.STARTED, tags={WATCHER: name}
            )
            place.claim_concurrency_slot(WAREHOUSE_POOL, run.run_id, "invoice_won_deals")
            return run.run_id

        place.initialize_concurrency_limit_to_default(WAREHOUSE_POOL)
        other, killed = round_of("another machine's"), round_of(watcher)
        place.free_concurrency_slots_for_run(other)
        place.claim_concurrency_slot(WAREHOUSE_POOL, killed, "invoice_won_deals")
        assert place.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 1
        assert end_killed_rounds(instance, watcher) == 1
        assert place.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 0
        states = {r.run_id: r.status for r in instance.get_runs(dg.RunsFilter(job_name=JOB))}
        assert states == {
            other: dg.DagsterRunStatus.STARTED, killed: dg.DagsterRunStatus.FAILURE,
        }  # fmt: skip
        assert end_killed_rounds(instance, watcher) == 0
        left = instance.create_run_for_job(
            won_deals_to_invoices, status=dg.DagsterRunStatus.STARTED
        ).run_id
        place.claim_concurrency_slot(WAREHOUSE_POOL, left, "invoice_won_deals")
        assert place.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 1
        assert end_abandoned_runs(instance) == 1, "a round of another watcher is its own"
        assert place.get_concurrency_info(WAREHOUSE_POOL).active_slot_count == 0
        assert instance.get_run_by_id(left).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
