"""Two orgs whose records have the same ids, as a production org and a sandbox copied from it; and
objects of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import salesforce_org
from both_systems import ORG, QUICK, US, World, running_world, write_seed

from orchestration import steps
from orchestration.budget.gate import look
from pipelines import warehouse
from pipelines.errors import ConfigurationError, Stop
from pipelines.extract.objects import salesforce_objects
from pipelines.settings import Settings, load_settings

COPY = "00DHs0000000002MAA"


@dataclass
class Two:
    """The org that is written to, with its companies, and a copy of it."""

    first: World
    copy: World

    @property
    def settings(self) -> Settings:
        worlds = (self.first, self.copy)
        files = []
        for world in worlds:
            assert world.settings
            files.append(str(world.folder / "connection.json"))
        given = {
            "CROSSFOOT_DATA_DIR": str(self.first.folder),
            "CROSSFOOT_SANDBOX_CONNECTION": ",".join(files),
        }
        return load_settings(given).check()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clients.quickbooks.Patience", lambda **_: QUICK)
    monkeypatch.setattr("pipelines.clients.salesforce.Patience", lambda **_: QUICK)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = tmp_path_factory.mktemp("orgs")
    manifest = salesforce_org.MANIFEST
    org = {**manifest["salesforce"], "org_id": COPY, "org_name": "Copy"}
    more = {
        "FullName": "Account.Only_In_The_Copy__c",
        "Metadata": {"type": "Text", "label": "Only in the copy", "length": 20},
    }
    copied = salesforce_org.write_seed(
        home / "copy",
        manifest={**manifest, "salesforce": org},
        custom=[*salesforce_org.CUSTOM_FIELDS, more],
    )
    with (
        running_world(write_seed(home / "seed"), home / "data") as first,
        running_world(copied, home / "copied") as copy,
    ):
        yield Two(first, copy)


def read(settings: Settings, sql: str) -> list[dict[str, Any]]:
    return warehouse.read(settings.warehouse_path, sql)


def test_the_same_ids_of_two_orgs_are_two_records_and_stay_so(two: Two) -> None:
    told = [cost.source for one in look(two.settings).pools for cost in one.costs]
    assert told[:2] == [ORG, COPY]
    first = steps.extraction(two.settings)
    assert {r.source for r in first.results if r.system == "Salesforce"} == {ORG, COPY}
    ids = "SELECT org_id, id FROM raw_salesforce.account ORDER BY id, org_id"
    found = read(two.settings, ids)
    assert len({row["id"] for row in found}) * 2 == len(found) > 0
    # A change in the copy is one of the copy, and does not touch the other's record.
    account = found[0]["id"]
    client = two.copy.salesforce()
    client.update_many("Account", [{"Id": account, "Name": "Renamed in the copy"}])
    again = steps.extraction(two.settings)
    assert {(r.source, r.object): r.rows for r in again.results if r.rows} == {(COPY, "Account"): 1}
    names = {
        row["org_id"]: row["name"]
        for row in read(
            two.settings,
            f"SELECT org_id, name FROM raw_salesforce.account WHERE id = '{account}'",
        )
    }
    assert names[COPY] == "Renamed in the copy"
    assert names[ORG] != names[COPY]
    assert all(made.calls for made in again.meter.made.values())
    assert set(again.meter.made) >= {ORG, COPY, US}


def test_a_copy_s_own_custom_field_is_read_too(two: Two) -> None:
    steps.extraction(two.settings)
    columns = read(
        two.settings,
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'raw_salesforce' AND table_name = 'account'",
    )
    assert "only_in_the_copy__c" in {row["column_name"] for row in columns}


def test_two_orgs_each_have_an_allowance_of_their_own(two: Two) -> None:
    steps.extraction(two.settings)
    pools = {one.pool.source: one.pool for one in look(two.settings).pools}
    assert set(pools) == {ORG, COPY, None}
    assert pools[ORG].ours > 0
    assert pools[COPY].ours > 0


# Objects of the settings -----------------------------------------------------------------------


def with_objects(settings: Settings, more: str = "", without: str = "") -> Settings:
    return replace(
        settings,
        salesforce_more=tuple(part for part in more.split(",") if part),
        salesforce_without=tuple(part for part in without.split(",") if part),
    )


def test_an_object_more_is_read_with_the_others(two: Two) -> None:
    settings = with_objects(two.first.settings, "Campaign")
    done = steps.extraction(settings)
    campaign = [r for r in done.results if r.object == "Campaign"]
    assert [(r.source, r.mode) for r in campaign] == [(ORG, "full")]
    assert "campaign" in warehouse.tables(settings.warehouse_path, "raw_salesforce")


def test_an_object_left_out_is_not_asked_for(two: Two) -> None:
    settings = with_objects(two.first.settings, without="Task,Order")
    objects = salesforce_objects(settings)
    assert not {"Task", "Order"} & set(objects)
    done = steps.extraction(settings)
    assert "Task" not in {r.object for r in done.results}


def test_an_unknown_object_is_told_with_the_one_that_was_meant(two: Two) -> None:
    settings = with_objects(two.first.settings, "Campain")
    with pytest.raises(Stop, match=r"does not see Campain.*Did you mean Campaign\?"):
        steps.extraction(settings)


@pytest.mark.parametrize(
    ("more", "without", "told"),
    [
        ("Foo-Bar", "", r"OBJECTS: 'Foo-Bar' is not an API name"),
        ("", "Opportunity", r"WITHOUT: 'Opportunity' is needed.*can be left out: Opportunity"),
        ("", "Tasks", r"WITHOUT: 'Tasks' is not read anyway. Did you mean Task\?"),
    ],
)
def test_objects_that_make_no_sense_are_refused(
    two: Two, more: str, without: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        salesforce_objects(with_objects(two.first.settings, more, without))
