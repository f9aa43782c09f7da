"""What is held on one person: found, handed out and removed, and what stays and why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xlsxwriter
from typer.testing import CliRunner
from writing import AS_OF, ORG, US, World, customer_row, invoice_row, marts

from orchestration import person
from orchestration.cli import app
from pipelines import persons, warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.extract import history, history_files
from pipelines.settings import Settings, load_settings

JO, MARIA = "jo@acme.example", "maria-jo@acme.example"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def customer(number: int, address: str) -> str:
    return json.dumps({
        "Id": str(number), "DisplayName": "Acme", "GivenName": "Jo", "Balance": 12.5,
        "PrimaryPhone": {"FreeFormNumber": "555"}, "PrimaryEmailAddr": {"Address": address},
    })  # fmt: skip


def table(connection: Any, name: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
    connection.execute(f"CREATE TABLE {name} ({columns})")
    for row in rows:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {name} VALUES ({marks})", list(row))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse with its history, a state with writes, and a log; each about Jo and Maria."""
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(tmp_path))
    given = load_settings()
    with warehouse.writer(given.warehouse_path) as connection:
        key = "org_id VARCHAR NOT NULL, id VARCHAR NOT NULL"
        table(connection, "raw_salesforce.contact",
              f"{key}, name VARCHAR, phone VARCHAR, email VARCHAR, loaded_at TIMESTAMPTZ",
              [(ORG, "003A", "Jo Miller", "555", "Jo@Acme.example", NOW),
               (ORG, "003B", "Maria", "777", MARIA, NOW)])  # fmt: skip
        table(connection, "raw_quickbooks.customer",
              "company_id VARCHAR NOT NULL, id VARCHAR NOT NULL, payload VARCHAR, "
              "loaded_at TIMESTAMPTZ",
              [(US, "1", customer(1, JO), NOW), (US, "2", customer(2, MARIA), NOW)])  # fmt: skip
        table(connection, "staging.invoices", "amount DECIMAL(18, 2), bill_email VARCHAR",
              [(Decimal("10.25"), f"{JO},{JO}"), (Decimal("1.00"), f"{JO}.au")])  # fmt: skip
        for raw, name, owner in (
            (warehouse.RAW_SALESFORCE, "contact", ORG), (warehouse.RAW_QUICKBOOKS, "customer", US),
        ):  # fmt: skip
            history.record(connection, raw, None)
            first = "003A" if name == "contact" else "1"
            column = "org_id" if name == "contact" else "company_id"
            coming = pa.table({column: [owner], "id": [first]})
            history.keep_replaced(connection, raw, {name: coming})
            history_files.keep(connection, raw, given.data_dir / "history")
    world = World(tmp_path, url=given.state_url)
    rows = marts(customers=[customer_row(2, email=JO)], invoices=[invoice_row(1, bill_email=JO)])
    world.apply(world.plan(rows))
    with world.state.writing() as work:
        work.add("plan_store", [{"checksum": "c", "plan_id": "c", "made_at": AS_OF,
                                 "body": json.dumps({"to": JO})}])  # fmt: skip
    given.gateway_log.mkdir(mode=0o700)
    lines = [{"caller": "claude", "arguments": {"text": address}} for address in (JO, MARIA)]
    (given.gateway_log / "audit-2026-11.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )
    return given


def contents(settings: Settings) -> str:
    """Everything that stands anywhere, as one text."""
    told = []
    with warehouse.reader(settings.warehouse_path) as connection:
        for schema, name, _ in persons._tables(connection):
            told.append(str(connection.execute(f"FROM {schema}.{name}").fetchall()))
        for file in sorted((settings.data_dir / "history").rglob("*.parquet")):
            told.append(str(connection.execute("FROM read_parquet(?)", [str(file)]).fetchall()))
    told += [file.read_text() for file in settings.gateway_log.glob("*.jsonl")]
    world = World(settings.data_dir, url=settings.state_url)
    with world.state.reading() as work:
        for name in ("ledger_entry", "ledger_event", "plan_store"):
            told.append(str(work.all(name)))
    return "\n".join(told).lower()


def test_what_is_held_is_shown_and_handed_out(settings: Settings) -> None:
    held = person.look(settings, persons.person(JO))
    assert held.tables == {
        "raw_quickbooks.customer": 1, "raw_salesforce.contact": 1, "staging.invoices": 1,
        "versions_quickbooks.customer": 1, "versions_salesforce.contact": 1,
    }  # fmt: skip
    assert (held.state["ledger_entry"], held.plans, held.calls) == (2, 1, 1)
    given = person.export(settings, persons.person(JO), NOW)
    names = [one["row"].get("name") for one in given["records"]]
    assert names.count("Jo Miller") == 2 and "Maria" not in names
    assert len(given["records"]) == 4 and len(given["calls"]) == 1
    assert any(one["place"] == "ledger_entry" for one in given["state"])


def test_removal_leaves_amounts_and_ledger_and_nobody_else_is_touched(settings: Settings) -> None:
    before = contents(settings)
    assert before.count(JO) > 10 and "jo miller" in before
    who = persons.person(JO)
    person.remove(settings, who, "Ann", "her request", NOW)
    after = contents(settings)
    alone = after.replace(MARIA, "").replace(f"{JO}.au", "")
    assert JO not in alone and "jo miller" not in after
    assert who.pseudonym in after and after.count(MARIA) == before.count(MARIA)
    rows = warehouse.read(settings.warehouse_path, "FROM staging.invoices ORDER BY amount DESC")
    assert rows[0] == {"amount": Decimal("10.25"), "bill_email": f"{who.pseudonym},{who.pseudonym}"}
    assert rows[1]["bill_email"] == f"{JO}.au"
    (own,) = warehouse.read(settings.warehouse_path, "FROM raw_quickbooks.customer WHERE id = '1'")
    kept = json.loads(own["payload"])
    assert (kept["DisplayName"], kept["Balance"]) == ("Acme", 12.5)
    assert "GivenName" not in kept and "PrimaryPhone" not in kept
    world = World(settings.data_dir, url=settings.state_url)
    with world.state.reading() as work:
        entries = work.all("ledger_entry")
        assert [e["amount"] for e in entries if e["flow"] == "invoices"] == [Decimal("150.00")]
        assert {e["status"] for e in entries} == {"done"}
        assert work.one("fact", name=f"removed/{who.pseudonym}")["value"].endswith("her request")  # type: ignore[index]
    assert person.look(settings, persons.person(JO)).is_empty


def test_a_history_restored_from_the_files_does_not_bring_it_back(settings: Settings) -> None:
    person.remove(settings, persons.person(JO), "Ann", "her request", NOW)
    folder = settings.data_dir / "history"
    with warehouse.writer(settings.warehouse_path) as connection:
        connection.execute("DROP TABLE versions_salesforce.contact")
        history_files.restore(connection, warehouse.RAW_SALESFORCE, folder)
        rows = connection.execute("SELECT id, name FROM history_salesforce.contact").fetchall()
    assert sorted(rows) == [("003A", "Removed"), ("003B", "Maria")]


def test_a_write_in_doubt_is_settled_first(settings: Settings) -> None:
    world = World(settings.data_dir, url=settings.state_url)
    with world.state.writing() as work:
        work.change("ledger_entry", {"status": "unknown"}, flow="invoices")
    with pytest.raises(Stop, match="may be under way"):
        person.remove(settings, persons.person(JO), "Ann", "her request", NOW)
    assert JO in contents(settings).replace(MARIA, "").replace(f"{JO}.au", "")


def test_what_stays_is_told_with_its_reason(settings: Settings) -> None:
    world = World(settings.data_dir, url=settings.state_url)
    with world.state.writing() as work:
        work.add("reopening", [{
            "base_key": "invoices:1:2:1", "generation": 2, "decided_by": JO, "decided_at": AS_OF,
            "reason": "voided by mistake",
        }])  # fmt: skip
    settings.report_dir.mkdir()
    (settings.report_dir / "week.csv").write_text(f"owner\n{JO}\n")
    (settings.report_dir / "other.csv").write_text(f"owner\n{MARIA}\n")
    for name, owner in (("week", JO), ("other", MARIA)):
        with xlsxwriter.Workbook(settings.report_dir / f"{name}.xlsx") as book:
            book.add_worksheet().write(0, 0, f"told to {owner} & others")
    (settings.report_dir / "no_spreadsheet.xlsx").write_text("plain text of nobody")
    runs = settings.data_dir / "dagster" / "history" / "runs"
    runs.mkdir(parents=True)
    for name, owner in (("run-of-jo", JO), ("run-of-maria", MARIA)):
        with closing(sqlite3.connect(runs / f"{name}.db")) as records, records:
            records.execute("CREATE TABLE event_logs (event TEXT)")
            records.execute("INSERT INTO event_logs VALUES (?)", [json.dumps({"email": owner})])
    told = " ".join(person.look(settings, persons.person(JO)).kept)
    assert "run-of-jo." in told
    assert "run-of-maria" not in told
    for words in ("Salesforce has the person's record", "who was billed", "1 decisions",
                  "2 files name the person", "week.csv", "week.xlsx", "Backups"):  # fmt: skip
        assert words in told, words
    assert "other." not in told
    person.remove(settings, persons.person(JO), "Ann", "her request", NOW)
    with world.state.reading() as work:
        assert [row["decided_by"] for row in work.all("reopening")] == [JO]


def test_the_commands_show_first_and_want_a_name_and_a_reason(
    settings: Settings, tmp_path: Path
) -> None:
    run = CliRunner()
    shown = run.invoke(app, ["person", "remove", JO])
    assert "Nothing was changed: add --apply" in shown.output
    assert "1 rows of raw_salesforce.contact" in shown.output
    refused = run.invoke(app, ["person", "remove", JO, "--apply"])
    assert isinstance(refused.exception, ConfigurationError)
    out = tmp_path / "jo.json"
    assert run.invoke(app, ["person", "export", JO, str(out)]).exit_code == 0
    assert (out.stat().st_mode & 0o777, json.loads(out.read_text())["person"]) == (0o600, JO)
    again = run.invoke(app, ["person", "export", JO, str(out)])
    assert isinstance(again.exception, ConfigurationError)
    done = run.invoke(app, ["person", "remove", JO, "--apply", "--by", "Ann", "--reason", "asked"])
    assert "Done. In its place stands removed-" in done.output
    assert "Nothing is held" in run.invoke(app, ["person", "remove", JO]).output


@pytest.mark.parametrize("address", ["", "jo", "jo@acme", "a b@acme.example", "x'@y.z or 1=1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="no e-mail address"):
        persons.person(address)
