"""What is listed below records (past and open activities), and the values of picklists that are
records too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import salesforce_users
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.contract.salesforce_org import ACME, ADA, BOREAL, DEAL, Org, running_org, write_seed

PAST, AHEAD = "2026-11-19T09:00:00.000Z", "2026-12-01T09:00:00.000Z"
ORDERED = "ORDER BY ActivityDate {} NULLS LAST, LastModifiedDate DESC"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("listings") / "seed"
    with running_org(write_seed(folder)) as running:
        activities(running)
        yield running


@pytest.fixture(scope="module")
def bare(org: Org) -> Salesforce:
    """A user who may not view all data."""
    return salesforce_users.as_user(org, "bare")[1]


def activities(org: Org) -> None:
    def make(kind: str, **values: Any) -> None:
        answer = org.call("POST", f"sobjects/{kind}", json=values)
        assert answer.status_code == 201, answer.text

    make("Task", Subject="open", WhatId=DEAL, WhoId=ADA, ActivityDate="2026-11-01")
    make("Task", Subject="done", WhatId=ACME, Status="Completed", ActivityDate="2026-11-02")
    make("Task", Subject="called", WhoId=ADA, Status="Completed", TaskSubtype="Call")
    make("Event", Subject="met", WhatId=DEAL, ActivityDateTime=PAST, DurationInMinutes=30)
    make("Event", Subject="to come", WhoId=ADA, ActivityDateTime=AHEAD, DurationInMinutes=30)


def listed(org: Org, parent: str, record_id: str, relationship: str, more: str = "") -> list[str]:
    soql = f"SELECT (SELECT Subject FROM {relationship} {more}) FROM {parent} "
    (row,) = org.rows(f"{soql} WHERE Id = '{record_id}'")
    return [one["Subject"] for one in (row[relationship] or {"records": []})["records"]]


def test_activities_of_an_account_are_also_those_of_its_people_and_deals(org: Org) -> None:
    by_date = "ORDER BY ActivityDate DESC NULLS LAST"
    assert listed(org, "Account", ACME, "ActivityHistories", by_date) == ["met", "done", "called"]
    assert listed(org, "Account", ACME, "OpenActivities", "ORDER BY ActivityDate") == [
        "open", "to come",
    ]  # fmt: skip
    assert listed(org, "Opportunity", DEAL, "ActivityHistories") == ["met"]
    assert listed(org, "Contact", ADA, "ActivityHistories") == ["called"]
    assert sorted(listed(org, "Contact", ADA, "OpenActivities")) == ["open", "to come"]
    assert listed(org, "Account", ACME, "ActivityHistories", "WHERE IsTask = false") == ["met"]
    (row,) = org.rows(
        f"SELECT (SELECT Id FROM ActivityHistories) FROM Account WHERE Id = '{BOREAL}'"
    )
    assert row["ActivityHistories"] is None


def test_how_one_activity_is_listed(org: Org) -> None:
    soql = (
        "SELECT (SELECT Subject, IsTask, IsClosed, ActivityDate, ActivitySubtype, Owner.Name, "
        "Who.Name, What.Type FROM ActivityHistories ORDER BY ActivityDate DESC NULLS LAST) "
        f"FROM Account WHERE Id = '{ACME}'"
    )
    answer = org.get("query", params={"q": soql})
    met, done, called = answer["records"][0]["ActivityHistories"]["records"]
    assert met["attributes"]["type"] == "ActivityHistory"
    assert "/sobjects/ActivityHistory/00U" in met["attributes"]["url"]
    assert (met["IsTask"], met["IsClosed"], met["ActivityDate"]) == (False, False, "2026-11-19")
    assert (met["ActivitySubtype"], met["What"]["Type"]) == ("Event", "Opportunity")
    assert (done["IsTask"], done["IsClosed"], done["What"]["Type"]) == (True, True, "Account")
    assert (called["ActivitySubtype"], called["Who"]["Name"]) == ("Call", "Ada Lovelace")
    assert called["Owner"]["Name"] == "Crossfoot Integration"


def test_a_completed_task_moves_and_a_deleted_one_goes(org: Org) -> None:
    made = org.call("POST", "sobjects/Task", json={"Subject": "moves", "WhatId": BOREAL}).json()
    assert listed(org, "Account", BOREAL, "OpenActivities") == ["moves"]
    org.call("PATCH", f"sobjects/Task/{made['id']}", json={"Status": "Completed"})
    assert listed(org, "Account", BOREAL, "OpenActivities") == []
    assert listed(org, "Account", BOREAL, "ActivityHistories") == ["moves"]
    org.call("DELETE", f"sobjects/Task/{made['id']}")
    assert listed(org, "Account", BOREAL, "ActivityHistories") == []


def test_they_are_children_alone(org: Org) -> None:
    error = org.refused_query("SELECT Id FROM ActivityHistory")
    assert error["errorCode"] == "INVALID_TYPE_FOR_OPERATION"
    assert error["message"] == "entity type ActivityHistory does not support query"
    described = org.get("sobjects/OpenActivity/describe")
    assert (described["queryable"], described["keyPrefix"], described["createable"]) == (
        False, None, False,
    )  # fmt: skip
    children = org.get("sobjects/Account/describe")["childRelationships"]
    found = [c for c in children if c["childSObject"] in ("ActivityHistory", "OpenActivity")]
    assert [(c["relationshipName"], c["field"]) for c in found] == [
        ("ActivityHistories", "AccountId"), ("OpenActivities", "AccountId"),
    ]  # fmt: skip
    below = org.get(f"sobjects/Account/{ACME}/ActivityHistories?fields=Subject")
    assert sorted(r["Subject"] for r in below["records"]) == ["called", "done", "met"]
    assert org.get(f"sobjects/Account/{BOREAL}/OpenActivities")["totalSize"] == 0
    counted = org.call("GET", "limits/recordCount?sObjects=ActivityHistory").json()
    assert counted == {"sObjects": []}


@pytest.mark.parametrize(
    ("relationship", "more", "told"),
    [
        ("ActivityHistories", "WHERE IsTask = true " + ORDERED.format("DESC"), "WHERE clause"),
        ("ActivityHistories", ORDERED.format("DESC"), "limit of 500"),
        ("ActivityHistories", ORDERED.format("DESC") + " LIMIT 501", "limit of 500"),
        ("ActivityHistories", ORDERED.format("ASC") + " LIMIT 9", "ActivityDate DESC"),
        ("OpenActivities", ORDERED.format("DESC") + " LIMIT 9", "ActivityDate ASC"),
    ],
)
def test_who_may_not_view_all_data_asks_in_one_form(
    bare: Salesforce, relationship: str, more: str, told: str
) -> None:
    soql = f"SELECT (SELECT Subject FROM {relationship} {more}) FROM Account WHERE Id = '{ACME}'"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        bare.query(soql)
    (error,) = refused.value.content
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert error["message"].startswith(f"There is an implementation restriction on {relationship}.")
    assert told in error["message"]


def test_and_of_one_record(bare: Salesforce) -> None:
    inner = f"(SELECT Subject FROM ActivityHistories {ORDERED.format('DESC')} LIMIT 500)"
    (row,) = bare.query(f"SELECT {inner} FROM Account WHERE Id = '{ACME}'")["records"]
    assert [r["Subject"] for r in row["ActivityHistories"]["records"]] == ["met", "done", "called"]
    with pytest.raises(SalesforceMalformedRequest) as refused:
        bare.query(f"SELECT {inner} FROM Account WHERE Name LIKE 'A%'")
    assert "single record" in refused.value.content[0]["message"]


def test_values_of_picklists_are_records(org: Org) -> None:
    won = org.rows("SELECT ApiName FROM LeadStatus WHERE IsConverted = true")
    assert won == [{"ApiName": "Closed - Converted"}]
    assert org.rows("SELECT MasterLabel FROM CaseStatus WHERE IsClosed = true") == [
        {"MasterLabel": "Closed"}
    ]
    assert org.rows("SELECT MasterLabel FROM ContractStatus WHERE StatusCode = 'InApproval'") == [
        {"MasterLabel": "In Approval Process"}
    ]
    assert org.rows("SELECT ApiName FROM OrderStatus WHERE IsDefault = true") == [
        {"ApiName": "Draft"}
    ]
    for name, field in (("LeadStatus", "Lead"), ("CaseStatus", "Case"), ("TaskStatus", "Task")):
        values = {r["ApiName"] for r in org.rows(f"SELECT ApiName FROM {name}")}
        described = org.get(f"sobjects/{field}/describe")["fields"]
        (status,) = [f for f in described if f["name"] == "Status"]
        assert {v["value"] for v in status["picklistValues"]} == values
    refused = org.call("POST", "sobjects/LeadStatus", json={"MasterLabel": "New"})
    assert refused.status_code == 400
