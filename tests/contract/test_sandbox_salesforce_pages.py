"""What clients ask about the vendor's pages: layouts, list views, recent items, quick actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.salesforce_org import ACME, BOREAL, USER, Org, running_org, write_seed


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("pages") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


def test_the_root_names_what_is_served_and_who_calls(org: Org) -> None:
    root = org.get("")
    assert {"tabs", "theme", "recent", "quickActions", "limits"} <= set(root)
    assert root["identity"].endswith(f"/id/{org.connection['org_id']}/{USER}")
    assert all(org.call("GET", root[n]).status_code == 200 for n in ("tabs", "theme", "recent"))


def test_there_are_no_processes(org: Org) -> None:
    assert org.get("process/approvals") == {"approvals": {}}
    assert org.get("process/rules/Account") == {"rules": {}}
    submitted = {"requests": [{"actionType": "Submit", "contextId": ACME}]}
    (told,) = org.call("POST", "process/approvals", json=submitted).json()
    assert (told["success"], told["entityId"]) == (False, ACME)
    assert told["errors"][0]["statusCode"] == "NO_APPLICABLE_PROCESS"
    assert org.refused("GET", "process/rules/Nothing", 404)


@pytest.mark.parametrize("path", ["layouts", "layouts/012000000000000AAA"])
def test_layouts_show_every_field(org: Org, path: str) -> None:
    answer = org.get(f"sobjects/Account/describe/{path}")
    layout: dict[str, Any] = answer["layouts"][0] if "layouts" in answer else answer
    rows = layout["editLayoutSections"][0]["layoutRows"]
    shown = [i["layoutComponents"][0]["value"] for r in rows for i in r["layoutItems"]]
    assert {"Name", "Phone", "ParentId"} <= set(shown)
    assert "SystemModstamp" not in shown


def test_other_layouts(org: Org) -> None:
    compact = org.get("sobjects/Account/describe/compactLayouts")["compactLayouts"]
    assert [(c["name"], c["objectType"]) for c in compact] == [("SYSTEM", "Account")]
    assert org.get("sobjects/Account/describe/approvalLayouts") == {"approvalLayouts": []}
    assert org.get("sobjects/User/describe/namedLayouts/UserAlt")["layouts"]
    error = org.refused("GET", "sobjects/Account/describe/namedLayouts/UserAlt", 404)
    assert error["errorCode"] == "NOT_FOUND"
    assert org.call("GET", "sobjects/CurrencyType/describe/layouts").status_code == 404


def test_a_list_view_is_listed_described_run_and_explained(org: Org) -> None:
    views = org.get("sobjects/Account/listviews")["listviews"]
    everything = views[0]
    assert everything["label"] == "All Accounts"
    assert "FROM Account" in org.get(everything["describeUrl"])["query"]
    found = org.get(everything["resultsUrl"])
    assert found["size"] == len(org.rows("SELECT Id FROM Account"))
    ids = [
        c["value"] for r in found["records"] for c in r["columns"] if c["fieldNameOrPath"] == "Id"
    ]
    assert ACME in ids
    (plan,) = org.get("query", params={"explain": everything["id"]})["plans"]
    assert (plan["sobjectType"], plan["leadingOperationType"]) == ("Account", "TableScan")
    assert org.refused("GET", "sobjects/Account/listviews/00BHs0000000000IAA", 404)


def test_a_plan_prefers_an_index_and_a_bad_query_has_none(org: Org) -> None:
    soql = f"SELECT Id FROM Account WHERE OwnerId = '{USER}'"
    plans = org.get("query", params={"explain": soql})
    assert plans["plans"][0]["leadingOperationType"] == "Index"
    assert plans["plans"][0]["fields"] == ["OwnerId"]
    answer = org.call("GET", "query", params={"explain": "SELECT Nope FROM Account"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


def test_what_the_caller_made_last_is_recent(org: Org) -> None:
    made = org.call("POST", "sobjects/Account", json={"Name": "Fresh"}).json()["id"]
    assert org.get("recent?limit=1")[0]["Id"] == made
    assert made in [i["Id"] for i in org.get("sobjects/Account")["recentItems"]]


def test_what_the_caller_looked_at_is_recent(org: Org) -> None:
    org.get(f"sobjects/Account/{ACME}")
    org.call("POST", "sobjects/Contact", json={"LastName": "Fresh"})
    org.get(f"sobjects/Account/{BOREAL}")
    assert org.get("recent")[0]["Id"] == BOREAL
    org.get("query", params={"q": f"SELECT Name FROM Account WHERE Id = '{ACME}' FOR VIEW"})
    assert [i["Name"] for i in org.get("recent?limit=3")] == ["Acme GmbH", "boreal ltd", "Fresh"]
    assert [i["Id"] for i in org.get("sobjects/Account")["recentItems"]][:2] == [ACME, BOREAL]
    org.get("query", params={"q": "SELECT Name FROM Account WHERE Name LIKE 'boreal%'"})
    assert org.get("recent")[0]["Id"] == ACME


def test_quick_actions_make_records_beside_others(org: Org) -> None:
    names = [a["name"] for a in org.get("quickActions")]
    assert "LogACall" in names
    assert org.get("sobjects/Account/quickActions/LogACall")["targetSobjectType"] == "Task"
    defaults = org.get(f"quickActions/LogACall/defaultValues/{ACME}")
    assert (defaults["WhatId"], defaults["WhoId"]) == (ACME, None)
    body = {"contextId": ACME, "record": {"Subject": "Rang"}}
    made = org.call("POST", "quickActions/LogACall", json=body)
    assert made.status_code == 201
    task = org.get(f"sobjects/Task/{made.json()['id']}")
    assert (task["WhatId"], task["Subject"], task["IsClosed"]) == (ACME, "Rang", True)
    assert org.refused("GET", "quickActions/Wish", 404)["errorCode"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "field", "told"),
    [
        ("Account", "Industry", {"length": 40, "byteLength": 120, "restrictedPicklist": False}),
        ("Account", "OwnerId", {"byteLength": 18, "permissionable": False}),
        ("Account", "BillingAddress", {"filterable": True, "sortable": False, "groupable": False}),
        ("Account", "ParentId", {"searchPrefilterable": True, "cascadeDelete": False}),
        ("Contact", "LastName", {"extraTypeInfo": "personname", "compoundFieldName": "Name"}),
        ("Case", "CaseNumber", {"autoNumber": True, "groupable": False, "createable": False}),
        ("Lead", "OwnerId", {"referenceTo": ["Group", "User"], "namePointing": True}),
        ("Opportunity", "Name", {"idLookup": True, "permissionable": False}),
        ("Opportunity", "FiscalYear", {"digits": 8, "compoundFieldName": "Fiscal"}),
        ("Opportunity", "HasOverdueTask", {"filterable": False, "groupable": True}),
        ("Task", "Status", {"defaultValue": "Not Started", "nillable": False}),
        ("Account", "CreatedDate", {"defaultedOnCreate": True, "groupable": False}),
    ],
)
def test_field_metadata_is_the_recorded_one(
    org: Org, name: str, field: str, told: dict[str, object]
) -> None:
    fields = {f["name"]: f for f in org.get(f"sobjects/{name}/describe")["fields"]}
    assert {key: fields[field][key] for key in told} == told


def test_what_an_object_is_good_for(org: Org) -> None:
    listed = {o["name"]: o for o in org.get("sobjects")["sobjects"]}
    role, deal = listed["OpportunityContactRole"], listed["Opportunity"]
    assert (role["searchable"], role["undeletable"], role["mruEnabled"]) == (False, False, False)
    assert (deal["deepCloneable"], deal["feedEnabled"], deal["mergeable"]) == (True, True, False)
    assert listed["User"]["deletable"] is False
    assert listed["Account"]["urls"]["listviews"].endswith("/sobjects/Account/listviews")
    stages = org.rows("SELECT MasterLabel FROM OpportunityStage WHERE IsWon = true")
    assert stages == [{"MasterLabel": "Closed Won"}]
