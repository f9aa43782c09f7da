"""What somebody has to know, gathered from the marts, the ledger, the record of calls and the
connections; and the run that did not happen, told until it is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from post_offices import Webhook, webhook
from report_sample import write_marts
from writing import AS_OF, World, invoice_row, marts

from orchestration import alarms, clocks
from orchestration.resources import SettingsResource
from pipelines import warehouse
from pipelines.clients.tokens import LAPSES_WITHIN, Tokens, token_file
from pipelines.settings import Secret, Settings, load_settings
from reverse_etl import alerts
from reverse_etl.lease import hold
from reverse_etl.ledger import Context, Finding, Intent, Ledger

REALM = "9341450000000001"
CONNECTION = {
    "salesforce": {"base_url": "http://127.0.0.1:1", "org_id": "00DHs0000000001EAA",
                   "api_version": "68.0", "access_token": "00DHs0000000001!x", "username": "u",
                   "password": "p", "security_token": "t", "client_id": "app",
                   "client_secret": "s", "refresh_token": "r"},
    "quickbooks": {"base_url": "http://127.0.0.1:2", "client_id": "app", "client_secret": "s",
                   "discovery_url": "http://127.0.0.1:2/", "redirect_uri": "http://localhost/",
                   "verifier_token": "v",
                   "companies": [{"realm_id": REALM, "name": "Inc", "refresh_token": "r"}]},
    "control_url": "http://127.0.0.1:1/_sandbox",
}  # fmt: skip


@pytest.fixture
def slack() -> Iterator[Webhook]:
    with webhook() as hook:
        yield hook


@pytest.fixture
def settings(tmp_path: Path, slack: Webhook) -> Settings:
    (tmp_path / "connection.json").write_text(json.dumps(CONNECTION))
    given = {"CROSSFOOT_DATA_DIR": str(tmp_path), "CROSSFOOT_SLACK_WEBHOOK": slack.url}
    return load_settings(given)


def exception(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "exception_id": f"e{number}", "mismatch_class": "CUT_OFF", "owner": "ann",
        "owner_role": "controller", "deal_name": f"Deal {number}", "value_at_stake": Decimal(1234),
        "currency_code": "EUR", "needs_explanation": True, "is_material": True,
        "movement": "new", **changed,
    }  # fmt: skip


def test_only_material_mismatches_that_wait_for_a_word_are_told(settings: Settings) -> None:
    rows = [
        exception(1),
        exception(2, owner=None, deal_name=None),
        exception(3, needs_explanation=False),
        exception(4, is_material=False),
        exception(5, movement="closed"),
    ]
    write_marts(settings.published_path, {"exceptions": rows})
    found = {one.key: one for one in alarms.found(settings, AS_OF)}
    assert set(found) == {"e1", "e2"}
    assert (found["e1"].owner, found["e2"].owner) == ("ann", "controller")
    assert found["e1"].sentence == "Deal 1: 1,234.00 EUR"
    assert found["e2"].sentence == "e2: 1,234.00 EUR"
    assert (found["e1"].amount, found["e1"].currency) == (Decimal(1234), "EUR")


def test_refused_and_owed_writes_are_told_and_such_under_way_are_not(settings: Settings) -> None:
    world = World(settings.data_dir)
    changes = world.plan(marts(invoices=[invoice_row(n) for n in (1, 2, 3, 4)])).changes
    with hold(world.state, "test", world.clock) as lease:
        ledger = Ledger(world.state, lease)
        ledger.intend([Intent(c, c.payload) for c in changes], Context("c" * 64, AS_OF, AS_OF))
        done, refused, unknown, _ = changes
        ledger.finish(done.flow, [Finding(done.key, "done", remote_id="7")])
        ledger.finish(
            refused.flow, [Finding(refused.key, "refused", code="6240", message="A name")]
        )
        ledger.finish(unknown.flow, [Finding(unknown.key, "unknown")])
    now = AS_OF + alarms.LEFT_AFTER
    assert sorted(a.kind for a in alarms.found(settings, now)) == ["write refused", "write unknown"]
    later = {a.kind: a for a in alarms.found(settings, now + timedelta(seconds=1))}
    assert set(later) == {"write refused", "write unknown", "write left open"}
    assert later["write refused"].sentence.endswith(": A name")
    assert later["write left open"].amount == Decimal("150.00")


def test_an_overdue_invoice_is_told_once_a_step_where_that_is_wanted(
    settings: Settings, slack: Webhook
) -> None:
    row = {"company_id": REALM, "document_number": "1042", "customer_name": "Acme",
           "balance": Decimal("1150.00"), "currency_code": "USD", "days_overdue": 20}  # fmt: skip
    rows = [{**row, "invoice_id": "7", "step": 2, "state": "chased"},
            {**row, "invoice_id": "8", "step": 1, "state": "disputed"},
            {**row, "invoice_id": "9", "step": None, "state": "chased"}]  # fmt: skip
    write_overdue(settings.published_path, rows)
    assert not list(alarms.found(settings, AS_OF))
    wanted = replace(settings, overdue_alert=True)
    (told,) = alarms.found(wanted, AS_OF)
    assert told.sentence == "Invoice 1042 of Acme: 1,150.00 USD, 20 days overdue"
    assert (told.amount, told.pressing) == (Decimal("1150.00"), False)
    assert len(alerts.send(wanted, [told], lambda: AS_OF)) == 1
    assert not alerts.send(wanted, [told], lambda: AS_OF + timedelta(days=3))
    write_overdue(settings.published_path, [{**rows[0], "step": 3}])
    (next_step,) = alarms.found(wanted, AS_OF)
    assert len(alerts.send(wanted, [next_step], lambda: AS_OF + timedelta(days=4))) == 1
    assert "1,150.00 USD" in str(slack.got)


def write_overdue(path: Path, rows: list[dict[str, Any]]) -> None:
    """The states of overdue invoices, in a copy that has nothing else."""
    columns = {"company_id": "VARCHAR", "invoice_id": "VARCHAR", "document_number": "VARCHAR",
               "customer_name": "VARCHAR", "balance": "DECIMAL(18,2)", "currency_code": "VARCHAR",
               "days_overdue": "INTEGER", "step": "INTEGER", "state": "VARCHAR"}  # fmt: skip
    write_marts(path, {"exceptions": []})
    warehouse.replace_table(path, "intermediate", "int_overdue__states", columns, rows)


def test_an_allowance_that_does_not_last_is_told_once_a_month(settings: Settings) -> None:
    small = replace(settings.allowances, quickbooks_reads_a_month=20)
    (told,) = alarms.found(replace(settings, allowances=small), AS_OF)
    assert told.kind == "budget" and told.key.endswith(f"{AS_OF:%Y-%m}")
    assert "QuickBooks: 16 " in told.sentence and "the next run" in told.sentence


def test_a_connection_is_told_three_weeks_before_it_lapses(settings: Settings) -> None:
    kept = token_file(settings, f"quickbooks-{REALM}")
    kept.save(Tokens(Secret("r"), refresh_until=AS_OF + LAPSES_WITHIN))
    assert not list(alarms.found(settings, AS_OF))
    (told,) = alarms.found(settings, AS_OF + timedelta(seconds=1))
    assert told.kind == "connection" and told.sentence.startswith("Inc in QuickBooks")


def look(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> str:
    monkeypatch.setattr("orchestration.resources.load_settings", lambda: settings)
    sensor = clocks.runs_that_did_not_happen(15)
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"settings": SettingsResource()}
    )
    told = sensor.evaluate_tick(context)
    return f"{told.cursor} {told.skip_message}"


def test_a_run_that_did_not_happen_is_told_once_also_where_the_first_message_was_refused(
    settings: Settings, slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = look(settings, instance, monkeypatch, "")
        assert "Every scheduled run has happened." in first and not slack.got
        since = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
        slack.answers = [(403, "no", {})]
        assert "plan: no run ended well at all" in look(settings, instance, monkeypatch, since)
        assert not slack.got
        look(settings, instance, monkeypatch, since)
        look(settings, instance, monkeypatch, since)
    (message,) = slack.got
    assert "plan: no run ended well at all" in message["text"]
    assert "backfill: no run ended well at all" in message["text"]
    assert "weekly_report" not in message["text"]
