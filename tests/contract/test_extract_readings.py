"""What the readings hand on, without the warehouse: complete, once, exact, or an error.

A `Shelf` stands in for dlt and the warehouse; `test_extract` has the real loads.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import simplejson
from both_shelf import Shelf, check, check_quickbooks, check_salesforce
from both_systems import GB, ORG, US, World, running_world, write_seed
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from quickbooks_company import customer
from salesforce_org import ACME, BOREAL, CUSTOM_FIELDS, RECORDS, row

from pipelines.clients import quickbooks as quickbooks_client
from pipelines.clients.quickbooks_answers import RawChanges
from pipelines.errors import CrossfootError, Incomplete, Stop
from pipelines.extract import ExtractResult, columns, quickbooks_changes
from pipelines.extract import results as sizes
from pipelines.extract.quickbooks import CAPTURED, ENTITIES
from pipelines.extract.quickbooks_entities import (
    CURRENCIES,
    OFTEN_NONE,
    RECEIVABLES,
    TRANSACTION_LIST,
)
from pipelines.extract.quickbooks_walk import Walk
from pipelines.extract.salesforce import OBJECTS, table_name
from pipelines.extract.salesforce_calls import least_calls, planned_calls

MANY = 25
REPORTS = {RECEIVABLES, TRANSACTION_LIST}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    many = [customer(str(n), f"Customer {n:02}", "USD") for n in range(1, MANY + 1)]
    return write_seed(tmp_path_factory.mktemp("both") / "seed", quickbooks={US: {"Customer": many}})


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


@pytest.fixture
def shelf(world: World) -> Shelf:
    return Shelf(world)


def calls(results: tuple[ExtractResult, ...]) -> dict[str, int]:
    return {s: sum(r.calls for r in results if r.source == s) for s in (ORG, US, GB)}


def invoice(amount: str = "10.10", customer_id: str = "1") -> dict[str, Any]:
    line = {
        "Amount": Decimal(amount),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    return {"CustomerRef": {"value": customer_id}, "Line": [line]}


def delete(world: World, entity: str, record: dict[str, Any], realm: str = US) -> None:
    client = world.quickbooks(realm)
    body = {"Id": record["Id"], "SyncToken": record["SyncToken"]}
    client._signed(lambda: client._library.delete_object(entity, simplejson.dumps(body)), "write")


# The first reading


def test_the_first_reading_holds_both_books(shelf: Shelf) -> None:
    results = shelf.extract()
    check(shelf)
    assert {r.object for r in results if r.source == ORG} == set(OBJECTS)
    assert {r.object for r in results if r.source == US} == {*ENTITIES, *REPORTS}
    assert {r.mode for r in results} == {"full"}
    assert all(r.rows == r.rows_vendor for r in results if r.object not in REPORTS)


def test_the_first_reading_costs_what_it_must(shelf: Shelf) -> None:
    results = shelf.extract()
    # Salesforce: describes, counts, and first pages and figures five to a call.
    rows = {r.object: r.rows for r in results if r.source == ORG}
    assert calls(results)[ORG] == planned_calls(rows).total == 11 < least_calls(rows)
    # QuickBooks: a page for each entity and a count for each that came empty, or the count alone of
    # what many companies have none of; the changes of the last weeks and the reports. What the
    # preferences say is not used is not counted, or not even asked.
    unused = {US: {"Class", "Department", *CURRENCIES}, GB: {"Class", "Department"}}
    for realm, is_unused in unused.items():
        found = {r.object: r.rows for r in results if r.source == realm}
        bare = {n for n, count in found.items() if not count} - is_unused - {*OFTEN_NONE} - REPORTS
        asked = set(ENTITIES) - (set(CURRENCIES) & is_unused)
        assert calls(results)[realm] == len(asked) + len(bare) + 1 + len(REPORTS)
        assert shelf.made[realm] == calls(results)[realm]


def test_payloads_keep_every_digit(shelf: Shelf) -> None:
    made = shelf.world.quickbooks().create("Invoice", invoice("1234567.80"), "exact")
    shelf.extract()
    payload = shelf.rows("Invoice", US)[made["Id"]]["payload"]
    assert '"Amount":1234567.8' in payload
    assert simplejson.loads(payload, use_decimal=True) == made


def test_prices_and_amounts_are_decimals_and_other_fields_are_typed(shelf: Shelf) -> None:
    shelf.extract()
    prices = {r["Name"]: r["UnitPrice"] for r in shelf.rows("PricebookEntry", ORG).values()}
    assert prices["Cable"] == Decimal("0.333")
    acme = shelf.rows("Account", ORG)[ACME]
    assert acme["QBO_Open_Balance__c"] is None
    assert acme["AnnualRevenue"] == Decimal(5600000000)
    assert acme["BillingStreet"] == "Domplatz 1\n2. Stock"
    assert "BillingAddress" not in acme
    deal = next(iter(shelf.rows("Opportunity", ORG).values()))
    assert deal["CloseDate"].isoformat() == "2026-12-15"
    assert deal["IsWon"] is False


# What is new


def test_with_nothing_new_few_calls_are_made(shelf: Shelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.1)
    shelf.extract()
    results = shelf.extract()
    assert calls(results) == {ORG: 2, US: 1, GB: 1}
    assert {r.mode for r in results} == {"incremental", "cdc"}
    check(shelf)


def test_changes_and_deletions_arrive(shelf: Shelf) -> None:
    world = shelf.world
    client, company = world.salesforce(), world.quickbooks()
    kept = company.create("Invoice", invoice(), "kept")
    doomed = company.create("Invoice", invoice("99.99"), "doomed")
    shelf.extract()
    world.move_clock(days=0.5)
    client.update_many("Account", [{"Id": BOREAL, "Name": "Boreal plc"}])
    client._signed(lambda: client._restful(f"sobjects/Account/{ACME}", method="DELETE"))
    delete(world, "Invoice", doomed)
    body = {"Id": kept["Id"], "SyncToken": kept["SyncToken"], "sparse": True}
    company.update("Invoice", {**body, "PrivateNote": "changed"}, "changed")
    world.quickbooks(GB).create("Customer", {"DisplayName": "Neu & Söhne"}, "new")
    results = shelf.extract()
    check(shelf)
    assert calls(results) == {ORG: 2, US: 1, GB: 1}
    (gone,) = shelf.deletions()
    assert (gone["company_id"], gone["entity"], gone["id"], gone["proof"]) == (
        US, "Invoice", doomed["Id"], "cdc",
    )  # fmt: skip
    assert gone["deleted_at"].year == 2026
    last = shelf.rows("Invoice", US)[doomed["Id"]]["payload"]
    assert simplejson.loads(last, use_decimal=True) == doomed


def test_a_change_during_a_reading_is_in_the_next_one(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer changes after its page was read, long before the reading ends."""
    original, changed = Walk._taken, []

    def taken(self: Any, records: Any) -> Any:
        found = original(self, records)
        if self.entity == "Customer" and len(records) == MANY and not changed:
            changed.append(True)
            company = shelf.world.quickbooks()
            token = company.read("Customer", "3")["SyncToken"]  # type: ignore[index]
            body = {"Id": "3", "SyncToken": token, "sparse": True, "CompanyName": "Late"}
            company.update("Customer", body, "late")
            shelf.world.move_clock(days=0.5)
        return found

    monkeypatch.setattr(Walk, "_taken", taken)
    shelf.extract()
    shelf.extract()
    assert changed
    check(shelf)


def test_rows_that_go_under_a_walk_do_not_hide_the_next_ones(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted invoice moves all later ones forward by one; the walk goes on by their creation."""
    monkeypatch.setattr(quickbooks_client, "PAGE", 10)
    original, removed = quickbooks_client.QuickBooksClient.fetch_page, []

    def page(self: Any, entity: str, where: str = "", window: str = "") -> Any:
        found = original(self, entity, where, window)
        if entity == "Invoice" and len(found.records) == 10 and not removed:
            removed.append(found.records.heads[0].Id)
            delete(shelf.world, "Invoice", simplejson.loads(bytes(found.records.texts[0])))
        return found

    company = shelf.world.quickbooks()
    for n in range(15):
        company.create("Invoice", invoice(), f"i-{n}")
    monkeypatch.setattr(quickbooks_client.QuickBooksClient, "fetch_page", page)
    (read,) = [r for r in shelf.extract() if (r.source, r.object) == (US, "Invoice")]
    # The walk has shown its end; the deletion is told by the next change call.
    assert (read.rows, read.rows_vendor) == (15, None)
    shelf.extract()
    assert [r["id"] for r in shelf.deletions()] == removed
    check(shelf)


def test_after_too_long_everything_is_walked_and_the_vanished_are_found(shelf: Shelf) -> None:
    company = shelf.world.quickbooks()
    doomed = company.create("Invoice", invoice(), "doomed")
    company.create("Invoice", invoice(), "kept")
    shelf.extract()
    delete(shelf.world, "Invoice", doomed)
    shelf.world.move_clock(days=45)
    results = shelf.extract()
    assert {r.mode for r in results} == {"full"}
    check(shelf)
    (gone,) = shelf.deletions()
    assert (gone["entity"], gone["id"], gone["proof"]) == ("Invoice", doomed["Id"], "sweep")


def test_a_walk_that_misses_a_living_record_is_no_proof_of_its_deletion(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service hides one invoice from walk and count, and still has it when asked."""
    made = shelf.world.quickbooks().create("Invoice", invoice(), "hidden")
    shelf.extract()
    original = quickbooks_client.QuickBooksClient.fetch_page

    def hiding(self: Any, entity: str, where: str = "", window: str = "") -> Any:
        page = original(self, entity, where, window)
        if entity == "Invoice" and not where:
            return replace(page, records=page.records.only([]))
        return page

    shelf.world.move_clock(days=45)
    client = quickbooks_client.QuickBooksClient
    monkeypatch.setattr(client, "fetch_page", hiding)
    monkeypatch.setattr(client, "count", lambda *_: 0)
    with pytest.raises(Incomplete, match="Invoice of company"):
        shelf.extract(full=True)
    assert shelf.deletions() == []
    assert made["Id"] in shelf.rows("Invoice", US)


@pytest.mark.parametrize("limit", [1, 4, 8])
def test_a_change_answer_that_may_be_cut_off_is_not_believed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    company = shelf.world.quickbooks()
    made = [company.create("Invoice", invoice(), f"i-{n}") for n in range(6)]
    shelf.extract()
    shelf.world.move_clock(days=0.5)
    for n in range(3):
        company.create("Invoice", invoice(customer_id=str(n + 2)), f"later-{n}")
    for one in made[:2]:
        delete(shelf.world, "Invoice", one)
    original = quickbooks_client.QuickBooksClient.fetch_changes

    def cut_off(self: Any, entities: Any, since: Any) -> Any:
        """The service keeps to its limit without a word: deletions, at the end, fall away."""
        return _first(original(self, entities, since), limit)

    monkeypatch.setattr(quickbooks_changes, "CDC_LIMIT", limit)
    monkeypatch.setattr(quickbooks_client.QuickBooksClient, "fetch_changes", cut_off)
    shelf.extract()
    check(shelf)
    assert [r["id"] for r in shelf.deletions()] == sorted((r["Id"] for r in made[:2]), key=int)


def test_an_entity_that_fills_a_change_answer_alone_is_queried_without_being_asked_for_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.extract()
    company = shelf.world.quickbooks()
    for number in range(6):
        company.create("Customer", {"DisplayName": f"Newer {number}"}, f"newer-{number}")
    original, asked = quickbooks_client.QuickBooksClient.fetch_changes, []

    def cut_off(self: Any, entities: Any, since: Any) -> Any:
        if self.realm_id == US:
            asked.append(entities)
        return _first(original(self, entities, since), 4)

    monkeypatch.setattr(quickbooks_changes, "CDC_LIMIT", 4)
    monkeypatch.setattr(quickbooks_client.QuickBooksClient, "fetch_changes", cut_off)
    results = [r for r in shelf.extract() if r.source == US]
    check(shelf)
    assert [{*entities} for entities in asked] == [{*CAPTURED}, {*CAPTURED} - {"Customer"}]
    # The changes twice, a page of customers, and the count that proves no deletion was lost.
    assert sum(r.calls for r in results) == 4


def _first(changed: RawChanges, limit: int) -> RawChanges:
    left, living, gone = limit, {}, {}
    for name, records in changed.living.items():
        living[name] = records.only(list(range(len(records)))[:left])
        left -= len(living[name])
    for name, heads in changed.gone.items():
        gone[name] = heads[:left]
        left -= len(gone[name])
    return RawChanges(living, gone, changed.server_time)


def test_lists_outside_of_the_change_call_are_read_once_a_day(shelf: Shelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=1.1)
    again = {r.object for r in shelf.extract() if r.source == US and r.mode == "full"}
    assert again == {*ENTITIES, *REPORTS} - {*CAPTURED}
    assert not {r.object for r in shelf.extract() if r.mode == "full"}


def test_a_clock_that_went_back_leads_to_a_whole_reading(shelf: Shelf) -> None:
    shelf.world.move_clock(days=5)
    shelf.extract()
    shelf.world.control("POST", "clock", json={"at": "2026-11-21T00:00:00Z"})
    assert {r.mode for r in shelf.extract()} == {"full"}


def test_a_new_field_brings_its_values_for_old_rows_too(seed: Path, tmp_path: Path) -> None:
    with running_world(seed, tmp_path / "data") as world:
        shelf = Shelf(world)
        shelf.extract()
    tier = {"FullName": "Account.Tier__c",
            "Metadata": {"type": "Text", "label": "Tier", "length": 20}}  # fmt: skip
    later = tmp_path / "later"
    shutil.copytree(seed, later)
    manifest = later / "manifest.json"  # the vendor's clock has gone on meanwhile
    manifest.write_text(manifest.read_text().replace("17:00:00Z", "17:20:00Z"))
    records = [{**r, "Tier__c": "gold"} for r in RECORDS["Account"]]
    for name, content in (("Account", records), ("_custom_fields", [*CUSTOM_FIELDS, tier])):
        (later / "salesforce" / f"{name}.json").write_text(
            simplejson.dumps(content, use_decimal=True)
        )
    with running_world(later, tmp_path / "data2") as world:
        shelf.world = world
        modes = {r.object: r.mode for r in shelf.extract() if r.source == ORG}
    assert (modes["Account"], modes["Contact"]) == ("full", "incremental")
    assert {r["Tier__c"] for r in shelf.rows("Account", ORG).values()} == {"gold"}


def test_many_pages_hold_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [row(f"01tHs00000{n:05}IAA", Name=f"Part {n}", IsActive=True) for n in range(4100)]
    seed = write_seed(tmp_path / "seed", salesforce={"Product2": many, "PricebookEntry": []})
    monkeypatch.setattr(quickbooks_client, "PAGE", 10)
    with running_world(seed, tmp_path / "data") as world:
        shelf = Shelf(world)
        (found,) = [r for r in shelf.extract() if r.object == "Product2"]
        assert (found.rows, found.calls) == (4100, 2)  # the first page came with others
        check(shelf)
        world.arm("empty_page", "query/0r8", system="salesforce")
        with pytest.raises(Incomplete, match=r"Product2: the org counted 4100 rows"):
            shelf.extract(full=True)


# The same rows in the end, or a red run


WEATHER = [
    ("refuse", {"status": 503, "body": "<html>busy</html>"}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("truncate", {}),
    ("malformed", {}),
    ("expire_token", {}),
    ("empty_page", {}),
]
PLACES = [
    ("salesforce", "/services/data/v"),
    ("salesforce", "/composite"),
    ("quickbooks", "/query"),
    ("quickbooks", "/cdc"),
    ("quickbooks", "/reports/"),
    ("quickbooks", "/tokens/bearer"),
]


@pytest.mark.parametrize(("kind", "given"), WEATHER)
@pytest.mark.parametrize("times", [1, None])
def test_in_bad_weather_rows_are_complete_or_the_run_is_red(
    world: World, kind: str, given: dict[str, Any], times: int | None
) -> None:
    red = set()
    for system, path in PLACES:
        shelf = Shelf(world)
        world.arm(kind, path, times=times, system=system, **given)
        try:
            shelf.extract(system=system)
        except CrossfootError as problem:
            red.add(path)
            assert str(problem)
        world.calm()
        if path not in red:
            (check_salesforce if system == "salesforce" else check_quickbooks)(shelf)
    if times is None and kind != "empty_page":
        # The token endpoint is not asked when a good token is on the disk.
        assert red >= {path for _, path in PLACES[:5]}
    shelf = Shelf(world)
    shelf.extract()
    check(shelf)


def test_a_reading_that_fails_midway_changes_nothing_and_the_next_completes(shelf: Shelf) -> None:
    shelf.world.arm("drop_before", "/query", times=None, system="quickbooks")
    with pytest.raises(CrossfootError):
        shelf.extract()
    assert table_name("Customer") not in shelf.tables
    shelf.world.calm()
    shelf.extract()
    check(shelf)


def test_a_count_that_never_fits_is_an_error(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    client = quickbooks_client.QuickBooksClient
    original = client.counts

    def counts(self: Any, conditions: Any) -> dict[str, int]:
        return dict.fromkeys(original(self, conditions), 99)

    monkeypatch.setattr(client, "counts", counts)
    monkeypatch.setattr(client, "count", lambda *_: 99)
    with pytest.raises(Incomplete, match=r"3 readings did not give the 99 records"):
        shelf.extract()


def test_a_value_that_does_not_fit_its_type_names_the_field(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:

    original = columns.salesforce_schema

    def narrowed(describe: Any) -> Any:
        schema = original(describe)
        if describe["name"] != "Account":
            return schema
        return schema.set(schema.get_field_index("Name"), pa.field("Name", pa.int64()))

    monkeypatch.setattr(columns, "salesforce_schema", narrowed)
    with pytest.raises(Stop, match=r"Account.Name: a value is not of the type"):
        shelf.extract()


# Any history


STEPS = st.sampled_from(
    ["rename account", "delete account", "create customer", "bill", "pay note", "delete invoice",
     "extract", "extract", "begin backfill", "go on", "go on", "sync", "sync", "storm", "an hour",
     "a month"]
)  # fmt: skip


@examples(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_any_history_ends_in_the_books(
    seed: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whatever is done to both systems and whenever it is read, the last reading has it all."""
    with (
        pytest.MonkeyPatch.context() as patched,
        running_world(seed, tmp_path_factory.mktemp("any")) as world,
    ):
        patched.setattr(sizes, "SLICE_ROWS", 12)
        patched.setattr(quickbooks_client, "PAGE", 5)
        shelf = Shelf(world)
        for number, step in enumerate(steps):
            act(shelf, step, number)
        shelf.extract()
        check(shelf)


def act(shelf: Shelf, step: str, number: int) -> None:
    """One step of a history; what cannot be done just now is left out."""
    world, company = shelf.world, shelf.world.quickbooks()
    if step == "rename account":
        world.salesforce().update_many("Account", [{"Id": BOREAL, "Name": f"Name {number}"}])
    elif step == "delete account":
        client = world.salesforce()
        made = client._signed(
            lambda: client._restful("sobjects/Account", method="POST", data='{"Name": "Brief"}')
        )
        client._signed(lambda: client._restful(f"sobjects/Account/{made['id']}", method="DELETE"))
    elif step == "create customer":
        company.create("Customer", {"DisplayName": f"Made {number}"}, f"c-{number}")
    elif step == "bill":
        company.create("Invoice", invoice(f"{number + 1}.35"), f"i-{number}")
    elif step in ("pay note", "delete invoice"):
        invoices = company.query("Invoice")
        if invoices and step == "delete invoice":
            delete(world, "Invoice", invoices[0])
        elif invoices:
            body = {"Id": invoices[-1]["Id"], "SyncToken": invoices[-1]["SyncToken"]}
            company.update(
                "Invoice", {**body, "sparse": True, "PrivateNote": str(number)}, f"n-{number}"
            )
    elif step in ("begin backfill", "go on", "sync"):
        # One load: then it has given way, or was killed.
        shelf.one_load(full=step == "begin backfill", passing_by=step == "sync")
    elif step == "storm":
        world.arm("drop_after", "/query|/cdc|/batch|/services/data", times=5)
        extract_or_fail(shelf)
        world.calm()
    elif step in ("an hour", "a month"):
        world.move_clock(days=1 / 24 if step == "an hour" else 31)
        # A refresh token that nobody used for a hundred days is dead, and every reading with it.
        for realm in (US, GB):
            world.quickbooks(realm).query("Term")
    else:
        extract_or_fail(shelf)


def extract_or_fail(shelf: Shelf) -> None:
    """A reading in a storm may fail; then it has changed nothing."""
    before = copy.deepcopy(shelf.state)
    try:
        shelf.extract()
    except CrossfootError:
        assert shelf.state.get(GB) == before.get(GB)
