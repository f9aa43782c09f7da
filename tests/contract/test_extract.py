"""Real loads by dlt into DuckDB: typed tables, merged once, and no loss whatever is lost or killed.

What the readings hand on, and how they prove it complete, is tested in `test_extract_readings`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import simplejson
from both_systems import GB, ORG, QUICK, US, World, running_world, write_seed
from quickbooks_books import books_of, key_of
from salesforce_org import BOREAL

from pipelines import warehouse
from pipelines.errors import (
    ConfigurationError,
    CredentialsRefused,
    StateCorrupt,
    Stop,
    WarehouseBusy,
)
from pipelines.extract import ExtractResult, extract_all, systems
from pipelines.extract import run as running
from pipelines.extract.alone import undisturbed
from pipelines.extract.history import STORED
from pipelines.extract.quickbooks import AGED_RECEIVABLES, ENTITIES, LISTED_INVOICES
from pipelines.extract.salesforce import OBJECTS, table_name
from pipelines.settings import Secret, load_settings


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("both") / "seed")


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


@pytest.fixture(scope="module")
def loaded(seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that has been extracted once; its tests only look."""
    with running_world(seed, tmp_path_factory.mktemp("loaded") / "data") as served:
        served.quickbooks().create("Invoice", invoice("1234567.80"), "exact")
        extract(served)
        yield served


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of a run are as patient as ever, without the waiting."""
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


def extract(world: World, full: bool = False) -> tuple[ExtractResult, ...]:
    return running.extract_all(world.settings, lambda _: None, full)


def read(world: World, sql: str, params: list[Any] | None = None) -> list[dict[str, Any]]:
    return warehouse.read(world.settings.warehouse_path, sql, params or [])


def invoice(amount: str = "10.10", customer_id: str = "1") -> dict[str, Any]:
    line = {
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    return {"CustomerRef": {"value": customer_id}, "Line": [line]}


def check(world: World) -> None:
    """The raw tables hold each record of both books once, as it stands there."""
    with warehouse.kept_open(world.settings.warehouse_path):
        check_tables(world)
        check_history(world)


def check_tables(world: World) -> None:
    for name in OBJECTS:
        books = {r["Id"]: r for r in world.sandbox.kernel.store.table(ORG, name)}
        rows = read(world, f"SELECT * FROM raw_salesforce.{table_name(name)}")
        assert sorted(r["id"] for r in rows) == sorted(books), name
        for found in rows:
            assert found.get("name") == books[found["id"]].get("Name", found.get("name"))
    for realm in (US, GB):
        client = world.quickbooks(realm)
        for name in ENTITIES:
            books = {key_of(r): r for r in books_of(client, name)}
            rows = read(
                world,
                f"SELECT * FROM raw_quickbooks.{table_name(name)} WHERE company_id = ?",
                [realm],
            )
            kept = {r["id"]: simplejson.loads(r["payload"], use_decimal=True) for r in rows}
            assert len(kept) == len(rows)
            assert kept == books, name


def check_history(world: World) -> None:
    """What is known now is what the raw tables hold, in all columns but those that say when."""
    now = datetime.now(UTC)
    for system in ("salesforce", "quickbooks"):
        tables = warehouse.tables(world.settings.warehouse_path, f"history_{system}")
        assert len(tables) > 9
        for name in tables:
            ours = "c IN ('loaded_at', 'extracted_at') OR starts_with(c, '_dlt')"
            when = f"COLUMNS(lambda c: NOT ({ours}))"
            held = f"SELECT {when} FROM raw_{system}.{name}"
            known = f"SELECT {when} FROM history_{system}.as_known_at('{name}', ?)"
            assert read(world, f"({held}) EXCEPT ({known})", [now]) == [], name
            assert read(world, f"({known}) EXCEPT ({held})", [now]) == [], name


def test_what_was_read_is_recorded_beside_the_vendors_count(loaded: World) -> None:
    for schema, expected in (("raw_salesforce", {ORG}), ("raw_quickbooks", {US, GB})):
        rows = read(loaded, f"SELECT * FROM {schema}.extract_run")
        assert {r["source_id"] for r in rows} == expected
        assert len({(r["run_id"], r["source_id"], r["object"]) for r in rows}) == len(rows)
        # No count is asked of a report; of what the preferences rule out, nothing is.
        rows = [r for r in rows if r["object"] not in (AGED_RECEIVABLES, LISTED_INVOICES)]
        assert all(r["rows_read"] == r["rows_vendor"] for r in rows)
        assert all(r["server_time"].year == 2026 for r in rows)
        assert all(r["mode"] == "full" for r in rows)
        assert sum(r["calls"] for r in rows) > 0


def test_columns_are_typed_also_where_nothing_stands(loaded: World) -> None:
    sql = (
        "SELECT table_name || '.' || column_name AS name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'raw_salesforce'"
    )
    types = {r["name"]: r["data_type"] for r in read(loaded, sql)}
    assert types["account.qbo_customer_id__c"] == "VARCHAR"
    assert types["account.qbo_open_balance__c"] == "DECIMAL(38,2)"
    assert types["account.system_modstamp"] == "TIMESTAMP WITH TIME ZONE"
    assert types["account.is_deleted"] == "BOOLEAN"
    assert types["opportunity.close_date"] == "DATE"
    assert types["opportunity_line_item.unit_price"].startswith("DECIMAL(38,")
    assert types["contact.billing_contact__c"] == "BOOLEAN"
    assert "account.billing_address" not in types
    assert not [name for name, kind in types.items() if kind in ("DOUBLE", "FLOAT")]
    price = read(loaded, "SELECT unit_price FROM raw_salesforce.pricebook_entry WHERE name='Cable'")
    assert price == [{"unit_price": Decimal("0.333")}]


def test_every_table_exists_also_when_it_is_empty(loaded: World) -> None:
    assert {table_name(n) for n in (*OBJECTS, "ExtractRun")} <= warehouse.tables(
        loaded.settings.warehouse_path, "raw_salesforce"
    )
    assert {table_name(n) for n in (*ENTITIES, "Deletion", "ExtractRun")} <= warehouse.tables(
        loaded.settings.warehouse_path, "raw_quickbooks"
    )
    assert read(loaded, "SELECT * FROM raw_quickbooks.refund_receipt") == []


def test_what_cannot_be_there_yet_is_written_once(loaded: World) -> None:
    """A merge writes each row into a table beside its own first."""
    beside = warehouse.tables(loaded.settings.warehouse_path, "raw_quickbooks_staging")
    assert "deletion" in beside
    assert not beside & {table_name(name) for name in ENTITIES}


def test_what_the_warehouse_took_in_is_not_left_beside_it(loaded: World) -> None:
    working = loaded.settings.data_dir / "dlt"
    assert working.is_dir()
    assert list(working.rglob("*.parquet")) == []


def test_payloads_keep_every_digit(loaded: World) -> None:
    (found,) = read(loaded, "SELECT payload, sync_token FROM raw_quickbooks.invoice")
    assert '"Amount":1234567.8' in found["payload"]
    assert found["sync_token"] == 0


def test_the_first_load_holds_both_books(loaded: World) -> None:
    check(loaded)


# What is new


def test_changes_are_merged_and_deletions_kept_apart(world: World) -> None:
    company = world.quickbooks()
    doomed = company.create("Invoice", invoice("99.99"), "doomed")
    extract(world)
    world.move_clock(days=0.5)
    world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": "Boreal plc"}])
    body = {"Id": "1", "SyncToken": "1", "sparse": True, "CompanyName": "Renamed"}
    one = company.read("Customer", "1")
    assert one is not None
    company.update("Customer", {**body, "SyncToken": one["SyncToken"]}, "renamed")
    extract(world)
    check(world)
    assert read(world, "SELECT * FROM raw_quickbooks.deletion") == []
    stub = simplejson.dumps({"Id": doomed["Id"], "SyncToken": doomed["SyncToken"]})
    company._signed(lambda: company._library.delete_object("Invoice", stub), "write")
    results = extract(world)
    assert {r.mode for r in results} == {"incremental", "cdc"}
    (gone,) = read(world, "SELECT entity, id, proof FROM raw_quickbooks.deletion")
    assert gone == {"entity": "Invoice", "id": doomed["Id"], "proof": "cdc"}
    (last,) = read(world, "SELECT payload FROM raw_quickbooks.invoice")
    assert simplejson.loads(last["payload"], use_decimal=True) == doomed
    check_history(world)
    names = "SELECT name FROM history_salesforce.account WHERE id = ? ORDER BY known_from"
    assert [r["name"] for r in read(world, names, [BOREAL])][1:] == ["Boreal plc"]


def test_a_changed_type_stops_before_anything_is_loaded(world: World) -> None:
    """In a record that is followed, and in one that is walked; a new member of any kind is taken
    in."""
    company, customers = world.quickbooks(), world.sandbox.kernel.store.table(US, "Customer")

    def is_told(**members: Any) -> None:
        record = company.read("Customer", "1")
        assert record is not None
        body = {"Id": "1", "SyncToken": record["SyncToken"], "sparse": True, "CompanyName": "New"}
        company.update("Customer", body, f"moved-{'-'.join(members)}")
        held = customers.get("1")
        assert held is not None
        customers.put("1", {**held, **members})

    extract(world)
    is_told(Brand={"Name": ["new"]})
    extract(world)
    held = read(world, "SELECT * FROM raw_quickbooks.customer ORDER BY ALL")
    assert any('"Brand"' in row["payload"] for row in held)
    is_told(Taxable="yes")
    sentence = rf"QuickBooks.*Customer 1 of company {US}.*Taxable is text and was true or false"
    for full in (False, True):
        with pytest.raises(Stop, match=sentence):
            extract(world, full)
        assert read(world, "SELECT * FROM raw_quickbooks.customer ORDER BY ALL") == held
    is_told(Taxable=True)
    assert extract(world)


# Lost and restored files


def delete_warehouse(world: World) -> None:
    world.settings.warehouse_path.unlink()


def delete_dlt_folder(world: World) -> None:
    shutil.rmtree(world.settings.data_dir / "dlt")


def delete_both(world: World) -> None:
    delete_warehouse(world)
    delete_dlt_folder(world)


def restore_yesterdays(world: World) -> None:
    kept = world.settings.data_dir / "yesterday.duckdb"
    shutil.copyfile(kept, world.settings.warehouse_path)


def test_lost_and_restored_files_lead_to_the_whole_books(world: World) -> None:
    extract(world)
    shutil.copyfile(world.settings.warehouse_path, world.settings.data_dir / "yesterday.duckdb")
    for number, damage in enumerate(
        (restore_yesterdays, delete_dlt_folder, delete_warehouse, delete_both)
    ):
        world.move_clock(days=1)
        world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": f"Name {number}"}])
        world.quickbooks().create("Invoice", invoice(), f"i-{number}")
        if damage is restore_yesterdays:
            extract(world)
        damage(world)
        extract(world)
        check(world)


def test_a_load_that_was_left_behind_is_read_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.pipeline.pipeline import Pipeline

    def killed(*_: object, **__: object) -> None:
        raise RuntimeError("killed before the load")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", killed)
        with pytest.raises(Stop, match="killed before the load"):
            extract(world)
    world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": "Boreal plc"}])
    extract(world)
    check(world)


def test_the_warehouse_is_opened_once_for_all_files_of_a_load(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"

    def is_open() -> bool:
        try:
            duckdb.connect(path, read_only=True).close()
        except duckdb.ConnectionException:
            return True
        return False

    one = systems.Source(
        "Numbers", path, "raw_salesforce", lambda _: (), lambda _: None,
        lambda: SimpleNamespace(drop=lambda: None, load=is_open),
    )  # fmt: skip
    assert one.pipeline.load()
    assert not is_open()


def test_a_file_that_dlt_opens_is_written_as_the_history_says(loaded: World) -> None:
    """dlt has settings of its own, which are not to be those of a load."""
    path = loaded.settings.warehouse_path
    with undisturbed(path):
        opened = systems.pipeline(loaded.settings, "salesforce", "raw_salesforce")
        names = ", ".join(f"current_setting('{name}')" for name in STORED)
        with opened.sql_client() as client, duckdb.connect() as plain:
            for name, value in STORED.items():
                plain.execute(f"SET GLOBAL {name} = '{value}'")
            (wanted,) = plain.execute(f"SELECT {names}").fetchall()
            assert client.execute_sql(f"SELECT {names}") == [wanted]
        assert opened.destination.destination_type == "dlt.destinations.duckdb"


def test_what_writes_down_a_reading_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    """pandas and SQLAlchemy are there for others, and take half a second of computing."""
    code = (
        "import sys; from pathlib import Path; from pipelines import warehouse\n"
        "from pipelines.extract.destination import FileConfiguration, one_file\n"
        "path = Path(sys.argv[1])\n"
        "with warehouse.writer(path) as connection:\n"
        "    columns = {'at': 'TIMESTAMPTZ', 'calls': 'BIGINT', 'why': 'VARCHAR'}\n"
        "    row = {'at': '2026-01-31T18:00:00+00:00', 'calls': 3}\n"
        "    warehouse.append_rows(connection, 'raw_quickbooks', 'extract_run', columns, [row])\n"
        "told = str(one_file(path).configuration(FileConfiguration(), accept_partial=True))\n"
        "print(told, *(m for m in ('pandas', 'sqlalchemy') if m in sys.modules))"
    )
    path = tmp_path / "warehouse.duckdb"
    told = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == [f"duckdb:///{path}"]
    (row,) = warehouse.read(path, "FROM raw_quickbooks.extract_run")
    assert row == {"at": datetime(2026, 1, 31, 18, tzinfo=UTC), "calls": 3, "why": None}


# One at a time, and bad input


def test_a_busy_warehouse_is_told(loaded: World) -> None:
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(loaded.settings.warehouse_path)!r});"
        "sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.read(1)
    try:
        with pytest.raises(WarehouseBusy):
            extract(loaded)
    finally:
        holder.communicate()


@pytest.mark.parametrize("damage", [b"", b"not a warehouse" * 9999, None])
def test_a_damaged_warehouse_is_told_as_such(world: World, damage: bytes | None) -> None:
    path = world.settings.warehouse_path
    if damage is None:
        extract(world)
        with path.open("rb+") as file:
            file.truncate(path.stat().st_size // 3)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damage)
    with pytest.raises(StateCorrupt, match="rebuilt from the two systems"):
        extract(world)


def test_a_folder_whose_name_speaks_to_sql_is_only_a_folder(seed: Path, tmp_path: Path) -> None:
    with running_world(seed, tmp_path / "l'été [1] {a} 100%* x") as served:
        extract(served)
        assert read(served, "SELECT count(*) AS n FROM raw_salesforce.account") == [{"n": 3}]
        extract(served)


def test_two_extractions_at_once_are_refused(world: World) -> None:
    with (
        undisturbed(world.settings.warehouse_path),
        pytest.raises(WarehouseBusy, match="another extraction is running"),
    ):
        extract(world)


def test_without_a_sandbox_the_next_step_is_told(tmp_path: Path) -> None:
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="no sandbox is running"):
        extract_all(settings, lambda _: None)
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_wrong_credentials_stop_before_anything_is_written(world: World) -> None:
    wrong = replace(world.settings.salesforce, client_secret=Secret("canary-wrong"))
    settings = replace(world.settings, _salesforce=(wrong,))
    with pytest.raises(CredentialsRefused, match="Check domain"):
        running.extract_all(settings, lambda _: None)
    assert warehouse.tables(settings.warehouse_path, "raw_salesforce") == frozenset()


def test_progress_is_told_object_by_object(world: World) -> None:
    told: list[str] = []
    running.extract_all(world.settings, told.append)
    assert any(text.startswith("Salesforce Account: 3 rows") for text in told)
    assert any(text.startswith(f"QuickBooks {US} Customer: 2 rows") for text in told)


def test_no_secret_is_left_in_any_file_but_the_token_store(loaded: World) -> None:
    given = loaded.settings
    secrets = [
        given.salesforce.password, given.salesforce.client_secret, given.salesforce.access_token,
        given.quickbooks.client_secret, *(c.refresh_token for c in given.quickbooks.companies),
    ]  # fmt: skip
    kept = {given.data_dir / "connection.json"}
    files = [p for p in given.data_dir.rglob("*") if p.is_file() and p not in kept]
    for path in files:
        if given.token_dir not in path.parents:
            content = path.read_bytes()
            assert not [s for s in secrets if s.reveal().encode() in content], path
        else:
            assert path.suffix == ".lock" or path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("module", "file", "tables"),
    [
        ("quickbooks", "books", {"customer": 4, "company_info": 2}),
        ("salesforce", "sales", {"account": 3, "opportunity": 2}),
    ],
)
def test_a_source_can_be_used_alone_by_the_lines_it_tells(
    module: str,
    file: str,
    tables: dict[str, int],
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The example at the head of each source, as a stranger runs it: twice, of which the second
    run goes on from what the first has kept."""
    told = import_module(f"pipelines.extract.{module}").__doc__ or ""
    lines = "\n".join(line[4:] for line in told.splitlines() if line.startswith("    ") or not line)
    monkeypatch.setenv("CROSSFOOT_DATA_DIR", str(world.settings.data_dir))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)
    calls = []
    for _ in range(2):
        exec(compile(lines, module, "exec"), {})
        counts = warehouse.row_counts(tmp_path / f"{file}.duckdb", module)
        assert {name: counts[name] for name in tables} == tables
        calls.append(world.control("GET", "")["calls"][module] - sum(calls))
    assert calls[1] <= 3 < calls[0]
