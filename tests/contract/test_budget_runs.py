"""A budget against both servers: what is told before a run is what it costs, a run that would need
more than is left makes no call, and one that gets to the end of it keeps what it loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from both_systems import GB, ORG, QUICK, US, World, running_world, write_seed
from typer.testing import CliRunner

from orchestration import cli, steps
from orchestration.budget.gate import look, within_budget
from orchestration.budget.reading import budget_facts, extraction_lines
from orchestration.verify import verify
from pipelines import warehouse
from pipelines.clients.recording import MeteredCall
from pipelines.errors import LimitExceeded
from pipelines.extract.quickbooks_entities import OFTEN_NONE
from pipelines.extract.verifying import verify_calls
from pipelines.settings import Settings
from reverse_etl.calls import recording


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


@pytest.fixture(scope="module")
def read(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that was read once; its tests only look."""
    with running_world(seed, tmp_path_factory.mktemp("read") / "data") as served:
        steps.extraction(served.settings)
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


def requests_seen(world: World, system: str) -> int:
    """Requests of one system that reached the sandbox, without those for tokens."""
    found = world.control("GET", "journal")["entries"]
    told = [e for e in found if e["system"] == system and "oauth2" not in e["path"]]
    return len([e for e in told if ".well-known" not in e["path"]])


def allowing(world: World, **changed: Any) -> Settings:
    return replace(world.settings, allowances=replace(world.settings.allowances, **changed))


def spend(settings: Settings, system: str, source: str, metered: int) -> None:
    with recording(settings, "extract") as record:
        record(MeteredCall(system, source, "read", metered, ""))


def test_what_is_told_before_a_first_load_and_after_it_is_what_it_costs(world: World) -> None:
    told = look(world.settings, count=True)
    planned = {c.source: c.total for one in told.pools for c in one.costs}
    done = steps.extraction(world.settings)
    made = {source: m.calls for source, m in done.meter.made.items()}
    assert set(made) == {ORG, US, GB}
    assert made[ORG] == planned[ORG]
    # Never too little. What the preferences rule out is neither counted nor read after all, and of
    # what many companies have none of, a company at work is asked for a page alone.
    spared = {company: planned[company] - made[company] for company in (US, GB)}
    assert all(0 <= calls <= 6 + len(OFTEN_NONE) for calls in spared.values()), spared
    usual = look(world.settings)
    planned = {c.source: c.total for one in usual.pools for c in one.costs}
    again = steps.extraction(world.settings)
    assert {source: m.calls for source, m in again.meter.made.items()} == {
        ORG: 2, US: planned[US], GB: planned[GB],
    }  # fmt: skip
    assert 2 <= planned[ORG] <= 3


def test_a_run_that_would_need_more_than_is_left_makes_no_call(read: World) -> None:
    settings = allowing(read, quickbooks_reads_a_month=1000, quickbooks_share=100)
    left = next(p.pool.left for p in look(settings).pools if p.pool.system == "QuickBooks")
    spend(settings, "QuickBooks", US, left - 1)
    before = [requests_seen(read, system) for system in ("salesforce", "quickbooks")]
    with pytest.raises(LimitExceeded, match=r"needs about 2 reads, and 1 are left.*nothing was"):
        steps.extraction(settings)
    assert [requests_seen(read, system) for system in ("salesforce", "quickbooks")] == before
    # One more read allowed, and it runs.
    more = allowing(read, quickbooks_reads_a_month=1001, quickbooks_share=100)
    steps.extraction(more)


def test_a_refused_full_run_offers_what_is_new_instead(read: World) -> None:
    settings = allowing(read, salesforce_calls_a_day=60, salesforce_share=100)
    left = next(p.pool.left for p in look(settings).pools if p.pool.source == ORG)
    spend(settings, "Salesforce", ORG, left - 8)
    with pytest.raises(LimitExceeded, match=r"Cheaper: read only what is new.*It fits again from"):
        steps.extraction(settings, full=True)


def test_a_refused_round_is_offered_on_its_day_instead(read: World) -> None:
    settings = allowing(read, quickbooks_reads_a_month=5000, quickbooks_share=100)
    left = next(p.pool.left for p in look(settings).pools if p.pool.system == "QuickBooks")
    spend(settings, "QuickBooks", US, left - 3)
    with pytest.raises(LimitExceeded, match=r"Cheaper: leave the round to its day.*\(2 instead of"):
        steps.extraction(settings, sweep=True)


def test_a_run_that_reaches_the_limit_in_the_middle_keeps_what_it_loaded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that nobody counted: the first load passes the gate, and ends where the reads end."""
    settings = allowing(world, quickbooks_reads_a_month=100, quickbooks_share=100)
    with within_budget(settings) as meter:
        need = sum(one.next_run for one in meter.planned.pools if one.pool.source is None)
    client = world.quickbooks()
    line = {
        "Amount": "10.00", "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }  # fmt: skip
    for number in range(40):
        body = json.dumps({"CustomerRef": {"value": "1"}, "Line": [line]})
        client.create("Invoice", body, f"many-{number}")
    monkeypatch.setattr("pipelines.clients.quickbooks.PAGE", 2)
    settings = allowing(world, quickbooks_reads_a_month=need, quickbooks_share=100)
    with pytest.raises(LimitExceeded) as told:
        steps.extraction(settings)
    assert "stopped in the middle" in str(told.value)
    assert "from there: from 20" in str(told.value)
    assert "CROSSFOOT_QUICKBOOKS_READS_A_MONTH" in str(told.value)
    accounts = warehouse.read(
        settings.warehouse_path, "SELECT count(*) AS n FROM raw_salesforce.account"
    )
    assert accounts[0]["n"] > 0
    assert look(settings).pools[-1].pool.left == 0
    # With more allowed it goes on, and everything is there.
    done = steps.extraction(world.settings)
    invoices = [r for r in done.results if r.object == "Invoice" and r.source == US]
    assert sum(r.rows for r in invoices) >= 40


def test_an_org_is_asked_what_it_allows_once_a_day_at_most(world: World) -> None:
    told: list[str] = []
    with within_budget(world.settings, progress=told.append):
        pass
    with within_budget(world.settings, progress=told.append):
        pass
    assert [line for line in told if "asking what the org allows (one call)" in line] == told
    assert len(told) == 1
    assert requests_seen(world, "salesforce") == 1
    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    with within_budget(world.settings, progress=told.append, now=lambda: tomorrow):
        pass
    assert len(told) == 2


def test_what_the_org_says_with_every_answer_is_remembered(read: World) -> None:
    """No question is needed for it: the header of the last answer tells."""
    one = look(read.settings).pools[0]
    assert one.pool.taken is not None
    assert one.pool.taken >= one.pool.ours > 0
    assert one.pool.allowed == 100_000


def test_of_an_org_that_does_not_answer_what_it_said_before_is_used(read: World) -> None:
    read.arm("refuse", "/limits", times=None, system="salesforce", status=503)
    told: list[str] = []
    one = look(read.settings, progress=told.append).pools[0]
    read.calm()
    assert "What the org said before is used." in told[0]
    assert one.pool.taken is not None


def test_the_commands_say_it_to_a_stranger(read: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.settings.load_settings", lambda: read.settings)
    shown = CliRunner().invoke(cli.app, ["budget"])
    assert shown.exit_code == 0, shown.output
    assert "QuickBooks, all companies together: reads in this calendar month" in shown.output
    assert "The next run fits." in shown.output
    made = json.loads(CliRunner().invoke(cli.app, ["budget", "--json", "--full"]).stdout)
    assert [a["system"] for a in made["allowances"]] == ["Salesforce", "QuickBooks"]
    assert {s["mode"] for a in made["allowances"] for s in a["sources"]} == {"full"}
    done = CliRunner().invoke(cli.app, ["extract", "--sweep"])
    assert done.exit_code == 0, done.output
    head, *lines = done.stdout.splitlines()
    assert head.split() == [
        "system", "source", "name", "objects", "rows", "mode", "calls", "ms", "budget", "left",
    ]  # fmt: skip
    assert [line.split()[1] for line in lines[:3]] == [ORG, US, GB]
    assert "reads a month" in lines[1]


def test_dagster_shows_what_was_used_and_is_left(read: World) -> None:
    done = steps.extraction(read.settings)
    facts = budget_facts(done.meter, "QuickBooks")
    assert facts["run_calls"] >= 4
    assert facts["budget_used"] > 0
    assert facts["budget_left"].endswith("of 400,000 a month")
    assert facts["budget_forecast"] > facts["budget_used"]
    assert "budget_left (sandbox org)" in budget_facts(done.meter, "Salesforce")
    assert extraction_lines(done)[0].startswith("system")


def test_the_vendors_figures_are_held_against_what_is_held_without_reading(
    read: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.settings.load_settings", lambda: read.settings)
    before = requests_seen(read, "salesforce")
    shown = CliRunner().invoke(cli.app, ["extract", "--verify"])
    assert shown.exit_code == 0, shown.output
    assert "All of them are what is held." in shown.stdout
    assert "figures in 37 calls (sandbox org: 5, " in shown.stdout
    assert requests_seen(read, "salesforce") == before + 5
    assert sum(verify_calls(read.settings).values()) == 37
    # A customer more, and one that the warehouse has lost a cent of.
    read.quickbooks().create("Customer", json.dumps({"DisplayName": "One more"}), "one-more")
    with warehouse.writer(read.settings.warehouse_path) as connection:
        connection.execute("UPDATE raw_salesforce.opportunity SET amount = amount + 0.01")
    shown = CliRunner().invoke(cli.app, ["extract", "--verify"])
    assert shown.exit_code == 1
    wrong = [line for line in shown.stdout.splitlines() if "DIFFERS" in line]
    assert [("opportunity" in line, "customer" in line) for line in wrong] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert "2 of " in shown.stdout and "run `crossfoot extract` and verify again" in shown.stdout
    refused = CliRunner().invoke(cli.app, ["extract", "--verify", "--full"])
    assert refused.exit_code == 2
    with pytest.raises(LimitExceeded, match=r"needs about 32 reads.*nothing was read"):
        verify(allowing(read, quickbooks_reads_a_month=1))
