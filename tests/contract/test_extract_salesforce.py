"""The Salesforce source beyond its plain path: bulk jobs, slices, sweeps, quiet and absent objects,
fields that come and go. What it hands on is always the books, or an error."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson
from both_systems import ORG, World, running_world, write_seed
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from org_shelf import OrgShelf
from salesforce_org import ACME, BOREAL, CUSTOM_FIELDS, DEAL, LEFT, PROBE, RECORDS, row

from pipelines.clients.recording import MeteredCall
from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_bulk import QueryJobs
from pipelines.errors import CrossfootError, Incomplete, Stop
from pipelines.extract import (
    salesforce_objects,
    salesforce_prepared,
    salesforce_preparing,
    salesforce_sweep,
)
from pipelines.extract.results import SWEEP, VERIFY
from pipelines.extract.salesforce_calls import incremental_calls, planned_calls
from pipelines.extract.salesforce_objects import CORE, OBJECTS
from pipelines.sandbox.salesforce import bulk_query, queries, recycling
from pipelines.sandbox.store import Write

MANY = 23
NASTY = ("NA", "null", 'two "quotes", a comma', "line one\nline two\r\nthree", " Ünïcode — ✓ ")


def many_products() -> list[dict[str, Any]]:
    names = [NASTY[n] if n < len(NASTY) else f"Part {n}" for n in range(MANY)]
    return [
        row(f"01tHs00000{n + 100:05}IAA", Name=name, ProductCode=None if n % 3 else f"P-{n}",
            IsActive=n % 2 == 0)
        for n, name in enumerate(names)
    ]  # fmt: skip


FORMULA = {
    "FullName": "Contact.Region__c",
    "Metadata": {"type": "Text", "label": "Region", "formula": "Account.Region_Key__c"},
}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_seed(
        tmp_path_factory.mktemp("org") / "seed",
        salesforce={"Product2": [*RECORDS["Product2"], *many_products()]},
    )
    fields = [*CUSTOM_FIELDS, FORMULA]
    (folder / "salesforce" / "_custom_fields.json").write_text(simplejson.dumps(fields))
    return folder


@pytest.fixture
def world(seed: Path, tmp_path: Path) -> Iterator[World]:
    with running_world(seed, tmp_path / "data") as served:
        yield served


@pytest.fixture
def shelf(world: World) -> OrgShelf:
    return OrgShelf(world)


@pytest.fixture
def by_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of more than five rows are read by bulk jobs, in pages of four."""
    monkeypatch.setattr(
        salesforce_preparing, "transport", lambda rows: "Bulk" if rows > 5 else "REST"
    )
    monkeypatch.setattr(bulk_query, "PAGE", 4)


def call(world: World, method: str, path: str, **body: Any) -> Any:
    client = world.salesforce()
    data = simplejson.dumps(body, use_decimal=True) if body else None
    return client._signed(lambda: client._restful(path, method=method, data=data))


def purge(world: World, name: str, record_id: str) -> None:
    """The record leaves the recycle bin without a trace."""
    world.sandbox.kernel.store.commit([Write(ORG, name, record_id, None)])


# Calls


def test_an_increment_with_nothing_new_costs_two_calls(shelf: OrgShelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.2)
    results = shelf.extract()
    assert shelf.calls == 2 == incremental_calls(10, 8, 18)
    assert results.keys() == set(OBJECTS)
    assert sum(r.calls for r in results.values()) == 2
    assert {r.rows for r in results.values()} == {0}


def test_forty_objects_with_nothing_new_cost_three_calls_and_a_new_field_is_seen(
    shelf: OrgShelf,
) -> None:
    listed = shelf.world.salesforce().get("sobjects/")["sobjects"]
    others = [o["name"] for o in listed if o["replicateable"] and o["name"] not in OBJECTS]
    shelf.objects = [*OBJECTS, *others[: 40 - len(OBJECTS)]]
    assert len(shelf.objects) == 40
    for _ in range(3):  # what the org made as it began is within the overlap of the second
        results = shelf.extract()
        shelf.world.move_clock(days=0.1)
    assert (len(results), shelf.calls) == (40, 3)
    field = {"type": "Text", "label": "Region", "length": 40}
    made = {"FullName": "Campaign.Region__c", "Metadata": field}
    call(shelf.world, "POST", "tooling/sobjects/CustomField", **made)
    soql = "SELECT Id FROM PermissionSet WHERE Profile.Name = 'System Administrator'"
    (own,) = shelf.world.salesforce().query_all(soql)
    granted = {"SobjectType": "Campaign", "Field": "Campaign.Region__c", "PermissionsRead": True}
    call(shelf.world, "POST", "sobjects/FieldPermissions", ParentId=own["Id"], **granted)
    shelf.extract()
    assert any("Salesforce Campaign: new fields Region__c" in said for said in shelf.said)


def test_a_log_in_that_fails_in_passing_is_tried_again(shelf: OrgShelf) -> None:
    shelf.world.arm("refuse", "oauth2/token", system="salesforce", status=503)
    shelf.extract()
    shelf.check()


def test_an_object_that_is_only_watched_brings_its_change(shelf: OrgShelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.2)
    call(shelf.world, "PATCH", f"sobjects/User/{LEFT}", Title="Clerk")
    call(shelf.world, "POST", "sobjects/Pricebook2", Name="Winter", IsActive=True)
    shelf.world.move_clock(days=0.1)
    results = shelf.extract()
    assert {"User", "Pricebook2"} & set(CORE) == set()
    assert (results["User"].rows, results["Pricebook2"].rows, shelf.calls) == (1, 1, 3)
    shelf.check()
    made = next(i for i, r in shelf.rows("Pricebook2").items() if r["Name"] == "Winter")
    call(shelf.world, "DELETE", f"sobjects/Pricebook2/{made}")
    shelf.world.move_clock(days=0.1)
    shelf.extract()
    assert shelf.rows("Pricebook2")[made]["IsDeleted"] is True
    shelf.check()


def test_a_change_in_the_last_minute_is_late_by_one_reading_and_not_lost(shelf: OrgShelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.2)
    call(shelf.world, "PATCH", f"sobjects/User/{LEFT}", Title="Clerk")
    shelf.extract()
    shelf.world.move_clock(days=2 / 1440)
    shelf.extract()
    shelf.check()
    assert shelf.rows("User")[LEFT]["Title"] == "Clerk"


def test_a_refused_question_for_changed_ids_leads_to_the_query(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.2)
    call(shelf.world, "PATCH", f"sobjects/User/{LEFT}", Title="Clerk")
    original = salesforce_preparing.watch_parts

    def far_too_long(since: Any, end: Any) -> Any:
        return original([(shape, start - timedelta(days=40)) for shape, start in since], end)

    monkeypatch.setattr(salesforce_preparing, "watch_parts", far_too_long)
    shelf.extract()
    shelf.check()


# Bulk jobs


def test_bulk_jobs_and_pages_hand_on_the_same_rows(
    world: World, shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = shelf.extract()
    shelf.check()
    assert results["Product2"].rows == MANY + 2
    # Made, looked at once, and seven pages of four rows.
    assert results["Product2"].calls == 1 + 1 + 7
    assert (results["Product2"].transport, results["Contact"].transport) == ("Bulk", "REST")
    for name, told in results.items():
        way = "by a bulk job" if told.rows > 5 else "by pages: 1 of them"
        if told.rows:
            assert any(f"{name}: {told.rows} rows (full, {way}" in said for said in shelf.said), (
                name
            )
    assert any(
        "Product2: 25 rows (full, by a bulk job: 9 calls, 1 by pages)" in said
        for said in shelf.said
    )
    monkeypatch.setattr(salesforce_preparing, "transport", lambda rows: "REST")
    paged = OrgShelf(world)
    paged.extract()
    assert paged.tables == shelf.tables
    names = {r["Name"] for r in shelf.rows("Product2").values()}
    assert {"NA", "null", 'two "quotes", a comma', "line one\nline two\r\nthree"} <= names


@pytest.mark.parametrize("rows", [6_000, 6_001])
def test_the_way_is_told_with_what_either_costs(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """By what the org says it has: three pages cost no more than a job's three calls, four do."""
    said = {"sObjects": [{"name": "Product2", "count": rows}]}
    get = SalesforceClient.get

    def told(self: Any, path: str, *given: Any, **named: Any) -> Any:
        is_asked = path.startswith("limits/recordCount")
        return said if is_asked else get(self, path, *given, **named)

    monkeypatch.setattr(SalesforceClient, "get", told)
    results = shelf.extract()
    shelf.check()
    begun = [s for s in shelf.said if "Product2" in s and "by a bulk job (" in s]
    if rows == 6_000:
        assert results["Product2"].transport == "REST"
        assert begun == []
    else:
        assert results["Product2"].transport == "Bulk"
        assert begun == [
            "Salesforce Product2: about 6,001 rows, by a bulk job (3 calls or so; by pages 4)"
        ]


def test_a_job_of_one_page(shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_query, "PAGE", 100)
    assert shelf.extract()["Product2"].calls == 3
    shelf.check()


def test_a_job_that_fails_gives_way_to_pages(shelf: OrgShelf, by_bulk: None) -> None:
    shelf.world.control("POST", "bulk", json={"fail_with": "InvalidBatch : out of temper"})
    shelf.extract()
    shelf.check()
    assert any("the job has failed (InvalidBatch : out of temper)" in s for s in shelf.said)


def test_an_object_that_bulk_queries_refuse_is_read_by_pages(
    shelf: OrgShelf, by_bulk: None
) -> None:
    refusal = [{"errorCode": "INVALIDENTITY", "message": "Product2 is not supported"}]
    shelf.world.arm("refuse", "jobs/query$", times=None, system="salesforce", status=400,
                    body=refusal)  # fmt: skip
    shelf.extract()
    shelf.check()
    assert any("Product2: no bulk query (INVALIDENTITY)" in s for s in shelf.said)


def test_a_job_is_waited_for(shelf: OrgShelf, by_bulk: None) -> None:
    shelf.world.control("POST", "bulk", json={"polls": 3})
    assert shelf.extract()["Product2"].calls == 1 + 4 + 7
    shelf.check()


BULK_WEATHER = [
    ("refuse", {"status": 503, "body": "<html>busy</html>"}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("truncate", {}),
    ("malformed", {}),
    ("expire_token", {}),
    ("empty_page", {}),
    ("repeat_page", {}),
]


@pytest.mark.parametrize(("kind", "given"), BULK_WEATHER)
@pytest.mark.parametrize("path", ["jobs/query$", "jobs/query/[^/]+$", "jobs/query/.*results"])
def test_bad_weather_over_a_bulk_job_never_loses_a_row(
    shelf: OrgShelf, by_bulk: None, kind: str, given: dict[str, Any], path: str
) -> None:
    shelf.world.arm(kind, path, system="salesforce", **given)
    try:
        shelf.extract()
    except CrossfootError:
        shelf.world.calm()
        assert shelf.state == {}
        shelf.extract()
    shelf.check()


def test_a_page_that_stays_short_is_an_error(shelf: OrgShelf, by_bulk: None) -> None:
    shelf.world.arm("empty_page", "jobs/query/.*results", times=None, system="salesforce")
    with pytest.raises(Incomplete, match="Product2"):
        shelf.extract()
    assert shelf.tables == {}


def test_results_that_end_too_soon_are_an_error(
    shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The org says of the first page that it is the last one."""
    original = QueryJobs.page
    monkeypatch.setattr(QueryJobs, "page", lambda *given: replace(original(*given), locator=None))
    with pytest.raises(Incomplete, match="Product2: the org counted 25 rows and 4 arrived"):
        shelf.extract()


# Slices


def test_a_large_reading_is_kept_slice_by_slice(shelf: OrgShelf, by_bulk: None) -> None:
    results = shelf.extract(slice_rows=6)
    assert shelf.loads > 3
    shelf.check()
    assert shelf.handed == sum(r.rows for r in results.values())
    assert "resume" not in str(shelf.state)


@pytest.mark.parametrize("way", ["by bulk", "by pages"])
def test_a_killed_first_reading_goes_on_without_reading_again(
    shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "by pages":
        monkeypatch.setattr(salesforce_preparing, "transport", lambda rows: "REST")
        pages_of(monkeypatch, 4)
    fresh = OrgShelf(shelf.world)
    fresh.extract()
    processes, more = 0, True
    while more:  # killed after each load
        reading = shelf.reading(slice_rows=6)
        more = shelf.load(reading)
        processes += 1
        assert all(r.rows == r.rows_vendor for r in reading.results)
    assert processes >= 3
    shelf.check()
    assert shelf.handed == fresh.handed, "\n".join(shelf.said)
    assert any("Product2: going on after" in said for said in shelf.said)
    assert "resume" not in str(shelf.state)


def pages_of(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """The vendor cuts its pages of queries short, as it may."""
    monkeypatch.setattr(queries, "page_size", lambda call: rows)


def test_what_changes_between_slices_is_read_as_well(
    shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_preparing, "transport", lambda rows: "REST")
    pages_of(monkeypatch, 4)
    number = 0
    while shelf.load(shelf.reading(slice_rows=6)):
        number += 1
        call(shelf.world, "PATCH", f"sobjects/Product2/{PROBE}", Name=f"Probe {number}")
        shelf.world.move_clock(days=0.01)
    shelf.extract()
    shelf.check()


@pytest.mark.parametrize("way", ["by bulk", "by pages"])
def test_results_that_are_not_there_any_more_are_asked_for_anew(
    shelf: OrgShelf, by_bulk: None, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "by pages":
        monkeypatch.setattr(salesforce_preparing, "transport", lambda rows: "REST")
        pages_of(monkeypatch, 4)
    shelf.objects = ("Product2", "Account")
    assert shelf.load(shelf.reading(slice_rows=6))
    token = shelf.state["Product2"]["resume"]
    assert token["rows"] == 4
    token["job"] = "750000000000000AAA" if way == "by bulk" else ""
    shelf.world.arm("refuse", "query/0r8", system="salesforce", status=400,
                    body=[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "gone"}])  # fmt: skip
    shelf.extract()
    shelf.check()


def test_a_token_of_a_month_ago_is_not_trusted(shelf: OrgShelf, by_bulk: None) -> None:
    assert shelf.load(shelf.reading(slice_rows=6))
    shelf.world.move_clock(days=31)
    shelf.extract()
    shelf.check()
    assert not any("going on after" in said for said in shelf.said)


# Sweeps


def test_what_left_the_recycle_bin_unseen_is_proved_gone_once_a_day(shelf: OrgShelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.2)
    purge(shelf.world, "PricebookEntry", "01uHs0000000002IAA")
    purge(shelf.world, "Product2", many_products()[7]["Id"])
    shelf.extract()
    assert shelf.gone() == {}
    shelf.world.move_clock(days=1)
    shelf.extract()
    assert shelf.gone() == {"01uHs0000000002IAA": "sweep", many_products()[7]["Id"]: "sweep"}
    shelf.check()
    assert any("Product2: 1 records are gone for good" in said for said in shelf.said)


def test_one_proof_is_not_enough(shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep misses a record that the org still knows by its id."""
    shelf.extract()
    original = salesforce_prepared.absent
    monkeypatch.setattr(
        salesforce_prepared, "absent", lambda held, met, gone: [*original(held, met, gone), PROBE]
        if held["Id"].to_pylist()[0].startswith("01t") else original(held, met, gone)
    )  # fmt: skip
    results = shelf.extract(sweep=True)
    assert shelf.gone() == {}
    assert results["Product2"].rows == 1  # read again instead
    shelf.check()


def test_a_full_reading_proves_what_is_gone_too(shelf: OrgShelf) -> None:
    shelf.extract()
    purge(shelf.world, "Account", BOREAL)
    shelf.extract(full=True)
    assert shelf.gone() == {BOREAL: "sweep"}
    shelf.check()


def test_all_that_a_daily_round_calls_is_recorded_as_such(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its describes, its pages, the second proof of what it missed, and the org's figures: all
    but what an incremental reading calls."""
    shelf.extract()
    shelf.world.move_clock(days=0.1)
    shelf.extract()
    routine = shelf.calls
    purge(shelf.world, "Account", BOREAL)
    pages_of(monkeypatch, 4)
    reading, recorded = shelf.reading(sweep=True), list[MeteredCall]()
    monkeypatch.setattr(reading.client.session, "_record", recorded.append)
    shelf.load(reading)
    purposes = Counter(call.purpose for call in recorded if call.metered)
    assert purposes == {
        "": routine, SWEEP: purposes[SWEEP], VERIFY: purposes[VERIFY],
    }  # fmt: skip
    assert purposes[SWEEP] > planned_calls(dict.fromkeys(OBJECTS, 4)).total
    assert sum(result.calls for result in reading.results) == reading.client.calls.metered


def test_a_record_that_is_back_is_not_gone_any_more(shelf: OrgShelf) -> None:
    shelf.extract()
    account = shelf.books("Account")[BOREAL]
    purge(shelf.world, "Account", BOREAL)
    shelf.extract(sweep=True)
    assert BOREAL in shelf.gone()
    store = shelf.world.sandbox.kernel.store
    store.commit([Write(ORG, "Account", BOREAL, account)])
    shelf.world.move_clock(days=0.1)
    call(shelf.world, "PATCH", f"sobjects/Account/{BOREAL}", Name="Boreal again")
    shelf.extract()
    assert shelf.gone() == {}
    shelf.check()


def test_without_a_warehouse_nothing_is_swept(shelf: OrgShelf) -> None:
    shelf.extract(held=salesforce_sweep.nothing_held)
    shelf.world.move_clock(days=2)
    shelf.extract(held=salesforce_sweep.nothing_held)
    shelf.check()


def test_a_formula_that_changed_unseen_is_swept_in(shelf: OrgShelf) -> None:
    shelf.extract()
    (contact,) = shelf.rows("Contact").values()
    assert contact["Region__c"] == "north"
    shelf.world.move_clock(days=0.2)
    call(shelf.world, "PATCH", f"sobjects/Account/{ACME}", Region_Key__c="south")
    shelf.extract()
    (contact,) = shelf.rows("Contact").values()
    assert contact["Region__c"] == "north"  # the contact's own stamp has not moved
    shelf.world.move_clock(days=1)
    results = shelf.extract()
    (contact,) = shelf.rows("Contact").values()
    assert contact["Region__c"] == "south"
    assert (results["Contact"].rows, results["Contact"].mode) == (1, "incremental")
    assert all(r.rows == r.rows_vendor for r in results.values())


def test_a_row_that_an_increment_missed_is_found_by_the_sweep(shelf: OrgShelf) -> None:
    shelf.extract()
    late = {**shelf.books("Account")[BOREAL], "Id": "001Hs0000000077IAA", "Name": "Late commit"}
    shelf.world.sandbox.kernel.store.commit([Write(ORG, "Account", late["Id"], late)])
    shelf.world.move_clock(days=0.2)
    shelf.extract()
    assert late["Id"] not in shelf.rows("Account")
    shelf.extract(sweep=True)
    assert shelf.rows("Account")[late["Id"]]["Name"] == "Late commit"
    shelf.check()


def test_after_weeks_the_log_of_deletions_is_asked(shelf: OrgShelf) -> None:
    """Older than the bin, younger than the log of deletions reaches: no full reading."""
    shelf.extract()
    shelf.world.move_clock(days=14.5)
    results = shelf.extract(sweep=False)
    assert {r.mode for r in results.values()} == {"incremental"}
    shelf.world.move_clock(days=20)
    results = shelf.extract(sweep=False)
    assert {r.mode for r in results.values() if r.object in CORE} == {"full"}
    shelf.check()


# Fields


def define(world: World, name: str, **metadata: Any) -> None:
    """A custom field is added to the running org, or changed."""
    org = org_of(world)
    org.define_field(name, {"label": name, **metadata})


def org_of(world: World) -> Any:
    served: Any = world.sandbox.kernel.vendors["salesforce"]
    return served.org


def test_a_new_field_brings_its_values_and_a_lost_one_is_told(shelf: OrgShelf) -> None:
    shelf.extract()
    shelf.world.move_clock(days=0.1)
    define(shelf.world, "Account.Tier__c", type="Text", length=20)
    results = shelf.extract()
    assert (results["Account"].mode, results["Contact"].mode) == ("full", "incremental")
    assert shelf.rows("Account")[ACME]["Tier__c"] is None
    shelf.world.move_clock(days=0.1)
    org_of(shelf.world).drop_field("Account.Tier__c")
    results = shelf.extract()
    assert results["Account"].mode == "full"
    assert "Tier__c" not in shelf.rows("Account")[ACME]
    assert any("Account: Tier__c cannot be seen any more" in said for said in shelf.said)
    shelf.check()


def test_a_field_that_is_refused_although_nothing_counts_as_changed(shelf: OrgShelf) -> None:
    """A permission was taken away, and the describe's Last-Modified does not tell of it."""
    define(shelf.world, "Account.Tier__c", type="Text", length=20)
    shelf.extract()
    org = org_of(shelf.world)
    before = org.schema_changed
    org.drop_field("Account.Tier__c")
    org.schema_changed = before
    shelf.world.move_clock(days=0.1)
    assert shelf.extract()["Account"].mode == "full"
    assert any("Account: Tier__c cannot be seen any more" in said for said in shelf.said)
    shelf.check()


def test_a_walk_that_rests_begins_anew_when_the_fields_have_changed(
    shelf: OrgShelf, by_bulk: None
) -> None:
    shelf.objects = ("Product2", "Account")
    assert shelf.load(shelf.reading(slice_rows=6))
    shelf.world.move_clock(days=0.1)
    define(shelf.world, "Product2.Grade__c", type="Text", length=20)
    shelf.extract()
    assert not any("Product2: going on after" in said for said in shelf.said)
    assert all("Grade__c" in row for row in shelf.rows("Product2").values())
    shelf.check()


def test_a_changed_type_stops_with_the_field(shelf: OrgShelf) -> None:
    define(shelf.world, "Account.Tier__c", type="Text", length=20)
    shelf.extract()
    shelf.world.move_clock(days=0.1)
    define(shelf.world, "Account.Tier__c", type="Number", precision=18, scale=0)
    with pytest.raises(Stop, match=r"Account.Tier__c: the field's type was changed from string"):
        shelf.extract()


def test_a_hidden_standard_field_stops_with_the_permission_to_grant(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.extract()
    original = salesforce_preparing.shape_of

    def hiding(name: str, describe: Any, changed: str = "") -> Any:
        fields = [f for f in describe["fields"] if f["name"] != "Amount"]
        return original(name, {**describe, "fields": fields}, changed)

    monkeypatch.setattr(salesforce_preparing, "shape_of", hiding)
    shelf.world.move_clock(days=1.1)
    with pytest.raises(Stop, match=r"read access to Amount of Opportunity \(field-level security"):
        shelf.extract()


# Objects


def test_an_optional_object_that_the_org_lacks_is_told(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(salesforce_objects.OPTIONAL, "Widget__c", "widgets")
    shelf.objects = ("Account", "Widget__c")
    results = shelf.extract()
    assert results.keys() == {"Account"}
    assert shelf.absent.keys() == {"Widget__c"}
    assert any("Widget__c: not read: this org does not use widgets" in s for s in shelf.said)


@pytest.mark.parametrize("name", ["Widget__c", "Invoice2"])
def test_an_object_that_must_be_there_stops_with_the_permission(shelf: OrgShelf, name: str) -> None:
    shelf.objects = (*OBJECTS, name)
    with pytest.raises(Stop, match=f"does not see {name}; it is named in the settings"):
        shelf.extract()


def test_an_object_that_was_there_before_may_not_vanish(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.extract()
    original = salesforce_preparing.Preparing._shape
    monkeypatch.setattr(
        salesforce_preparing.Preparing, "_shape",
        lambda self, name, reply: None if name == "Quote" else original(self, name, reply),
    )  # fmt: skip
    shelf.world.move_clock(days=1.1)
    with pytest.raises(Stop, match="does not see Quote"):
        shelf.extract()


# Any history


STEPS = st.sampled_from(
    ["rename", "create", "delete", "purge", "undelete", "merge", "watched", "formula",
     "extract", "extract", "extract in slices", "begin backfill", "go on", "go on", "sync", "sync",
     "storm", "an hour", "a day", "a month"]
)  # fmt: skip


@examples(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck),
          phases=[Phase.explicit, Phase.generate, Phase.shrink])  # fmt: skip
@given(st.lists(STEPS, min_size=4, max_size=14), st.booleans())
def test_any_history_ends_in_the_books(
    seed: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[str], is_bulk: bool
) -> None:
    """Whatever happens in the org, whenever and however it is read: a last reading with its daily
    sweep has everything, and knows what is gone."""
    with (
        pytest.MonkeyPatch.context() as patched,
        running_world(seed, tmp_path_factory.mktemp("any") / "data") as world,
    ):
        if is_bulk:
            patched.setattr(
                salesforce_preparing, "transport", lambda rows: "Bulk" if rows > 5 else "REST"
            )
            patched.setattr(bulk_query, "PAGE", 4)
        pages_of(patched, 4)
        shelf = OrgShelf(world)
        for number, step in enumerate(steps):
            act(shelf, step, number)
        world.move_clock(days=2 / 1440)
        shelf.extract(sweep=True)
        shelf.check()
        for contact in shelf.books("Contact").values():
            account = shelf.books("Account").get(contact["AccountId"], {})
            held = shelf.rows("Contact")[contact["Id"]]
            assert held["Region__c"] == account.get("Region_Key__c")


def act(shelf: OrgShelf, step: str, number: int) -> None:
    """One step of a history; what cannot be done just now is left out."""
    world = shelf.world
    org = org_of(world)
    living = [i for i, r in shelf.books("Product2").items() if not r["IsDeleted"]]
    binned = [i for i, r in shelf.books("Product2").items() if r["IsDeleted"]]
    if step == "rename":
        call(world, "PATCH", f"sobjects/Account/{BOREAL}", Name=f"Name {number}")
    elif step == "create":
        call(world, "POST", "sobjects/Product2", Name=f"Made {number}", IsActive=True)
    elif step == "delete":
        call(world, "DELETE", f"sobjects/Product2/{living[number % len(living)]}")
    elif step == "purge":
        purge(world, "Product2", living[number % len(living)])
    elif step == "undelete" and binned:
        recycling.undelete(org, binned[number % len(binned)])
    elif step == "merge":
        made = call(world, "POST", "sobjects/Account", Name=f"Twin {number}")
        recycling.merge(org, "Account", BOREAL, {}, [made["id"]])
    elif step == "watched":
        call(world, "PATCH", f"sobjects/User/{LEFT}", Title=f"Title {number}")
    elif step == "formula":
        call(world, "PATCH", f"sobjects/Account/{ACME}", Region_Key__c=f"r{number}")
    elif step == "extract":
        shelf.extract()
    elif step == "extract in slices":
        shelf.extract(slice_rows=6)
    elif step in ("begin backfill", "go on"):
        # One load: then it has given way, or was killed.
        shelf.one_load(slice_rows=6, full=step == "begin backfill")
    elif step == "sync":
        shelf.one_load(slice_rows=6, passing_by=True)
    elif step == "storm":
        world.arm("drop_after", "/query|/composite|/jobs", times=5, system="salesforce")
        extract_or_fail(shelf)
        world.calm()
    elif step in ("an hour", "a day", "a month"):
        world.move_clock(days={"an hour": 1 / 24, "a day": 1.01, "a month": 31}[step])


def extract_or_fail(shelf: OrgShelf) -> None:
    """A reading in a storm may fail; then it has changed nothing."""
    before = copy.deepcopy(shelf.state)
    try:
        shelf.extract()
    except CrossfootError:
        assert shelf.state == before


# Figures


def test_the_orgs_own_figures_are_what_is_held(shelf: OrgShelf) -> None:
    call(shelf.world, "PATCH", f"sobjects/Opportunity/{DEAL}", Amount=Decimal("1234567.89"))
    shelf.extract()
    for name in OBJECTS:
        assert shelf.controls[name, "rows", None].vendor == shelf.alive(name), name
    figure = shelf.controls["Opportunity", "sum of Amount", "USD"]
    held = [r["Amount"] for r in shelf.rows("Opportunity").values()
            if r["CurrencyIsoCode"] == "USD"]  # fmt: skip
    assert figure.vendor == sum(held) == Decimal("1234567.89")
    assert (figure.held, figure.asked_at.year) == (None, 2026)
    assert ("Opportunity", "sum of Amount", "EUR") not in shelf.controls
    shelf.world.move_clock(days=0.2)
    shelf.extract()
    assert shelf.controls == {}  # once a day
    shelf.world.move_clock(days=1)
    shelf.extract()
    assert ("Account", "rows", None) in shelf.controls


def test_figures_that_do_not_come_do_not_stop_a_reading(shelf: OrgShelf) -> None:
    shelf.objects = ("Account", "Opportunity")
    rule = {"path": "/composite", "body": "COUNT", "times": None, "system": "salesforce"}
    shelf.world.control("POST", "faults", json={**rule, "action": {"kind": "drop_before"}})
    shelf.extract()
    shelf.world.calm()
    shelf.check()
    assert shelf.controls == {}
    assert any("no figures of its own in time (rows_Account" in said for said in shelf.said)


def test_an_object_that_only_seems_empty_is_an_error(
    shelf: OrgShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = salesforce_preparing.control_parts

    def miscounting(shapes: Any) -> Any:
        parts = made(shapes)
        return [replace(p, path=p.path.replace("FROM+Quote", "FROM+Account")) for p in parts]

    shelf.objects = ("Quote",)
    monkeypatch.setattr(salesforce_preparing, "control_parts", miscounting)
    with pytest.raises(Incomplete, match="Quote: the org counted 2 rows and 0 arrived"):
        shelf.extract()
