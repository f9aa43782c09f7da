"""Versions, resources, limits and describes of the Salesforce sandbox."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from salesforce_org import Org

OBJECTS = [
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "OpportunityHistory",
    "OpportunityContactRole",
    "Product2",
    "Pricebook2",
    "PricebookEntry",
    "User",
    "Organization",
    "CurrencyType",
    "Task",
]
ENTRY_KEYS = {
    "activateable",
    "associateEntityType",
    "associateParentEntity",
    "createable",
    "custom",
    "customSetting",
    "deepCloneable",
    "deletable",
    "deprecatedAndHidden",
    "feedEnabled",
    "hasSubtypes",
    "isInterface",
    "isSubtype",
    "keyPrefix",
    "label",
    "labelPlural",
    "layoutable",
    "mergeable",
    "mruEnabled",
    "name",
    "queryable",
    "replicateable",
    "retrieveable",
    "searchable",
    "triggerable",
    "undeletable",
    "updateable",
    "urls",
}
OBJECT_KEYS = {
    "actionOverrides",
    "childRelationships",
    "compactLayoutable",
    "defaultImplementation",
    "extendedBy",
    "extendsInterfaces",
    "fields",
    "implementedBy",
    "implementsInterfaces",
    "listviewable",
    "lookupLayoutable",
    "namedLayoutInfos",
    "networkScopeFieldName",
    "recordTypeInfos",
    "searchLayoutable",
    "sobjectDescribeOption",
    "supportedScopes",
}
FIELD_KEYS = {
    "aggregatable",
    "aiPredictionField",
    "autoNumber",
    "byteLength",
    "calculated",
    "calculatedFormula",
    "cascadeDelete",
    "caseSensitive",
    "compoundFieldName",
    "controllerName",
    "createable",
    "custom",
    "defaultValue",
    "defaultValueFormula",
    "defaultedOnCreate",
    "dependentPicklist",
    "deprecatedAndHidden",
    "digits",
    "displayLocationInDecimal",
    "encrypted",
    "externalId",
    "extraTypeInfo",
    "filterable",
    "filteredLookupInfo",
    "formulaTreatNullNumberAsZero",
    "groupable",
    "highScaleNumber",
    "htmlFormatted",
    "idLookup",
    "inlineHelpText",
    "label",
    "length",
    "mask",
    "maskType",
    "name",
    "nameField",
    "namePointing",
    "nillable",
    "permissionable",
    "picklistValues",
    "polymorphicForeignKey",
    "precision",
    "queryByDistance",
    "referenceTargetField",
    "referenceTo",
    "relationshipName",
    "relationshipOrder",
    "restrictedDelete",
    "restrictedPicklist",
    "scale",
    "searchPrefilterable",
    "soapType",
    "sortable",
    "type",
    "unique",
    "updateable",
    "writeRequiresMasterRead",
}


def fields(org: Org, name: str) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in org.get(f"sobjects/{name}/describe")["fields"]}


def test_versions_need_no_session(org: Org) -> None:
    listed = requests.get(f"{org.sandbox.salesforce_url}/services/data/", timeout=20).json()
    versions = [float(v["version"]) for v in listed]
    assert versions == sorted(versions)
    assert {float(n) for n in range(50, 69)} <= set(versions)
    assert listed[-1]["url"] == "/services/data/v68.0"


@pytest.mark.parametrize("version", ["50.0", "59.0", "62.0", "68.0"])
def test_every_version_clients_use_is_served(org: Org, version: str) -> None:
    root = org.get(f"/services/data/v{version}/")
    assert root["query"] == f"/services/data/v{version}/query"


def test_retired_and_unknown_versions(org: Org) -> None:
    assert org.refused("GET", "/services/data/v25.0/limits", 410)["errorCode"] in (
        "UNSUPPORTED_API_VERSION",
        "GONE",
    )
    assert org.refused("GET", "/services/data/v99.0/limits", 404)["errorCode"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["nothing", "analytics/reports", "sobjects/Nothing__c"])
def test_what_is_not_served_says_so(org: Org, path: str) -> None:
    assert org.refused("GET", path, 404) == {
        "message": "The requested resource does not exist",
        "errorCode": "NOT_FOUND",
    }


def test_slashes_at_the_end_change_nothing(org: Org) -> None:
    assert org.get("sobjects/Account/describe/")["name"] == "Account"


def test_each_answer_counts_the_calls(org: Org) -> None:
    first, second = (org.call("GET", "limits").headers["Sforce-Limit-Info"] for _ in range(2))
    used = [int(text.removeprefix("api-usage=").split("/")[0]) for text in (first, second)]
    assert used[1] == used[0] + 1
    org.client.limits()
    assert org.client.api_usage["api-usage"].used == used[1] + 1


def test_limits_and_record_counts(org: Org) -> None:
    limits = org.get("limits")
    assert limits["DailyApiRequests"]["Remaining"] < limits["DailyApiRequests"]["Max"]
    assert "DailyBulkApiBatches" in limits
    assert "DailyBulkApiRequests" in org.get("/services/data/v48.0/limits")
    counts = org.get("limits/recordCount", params={"sObjects": "Contact,Task"})
    assert counts == {"sObjects": [{"count": 1, "name": "Contact"}]}


def test_pretty_printing_on_request(org: Org) -> None:
    assert "\n" in org.call("GET", "limits", headers={"X-PrettyPrint": "1"}).text
    assert "\n" not in org.call("GET", "limits").text


def test_global_describe(org: Org) -> None:
    listed = org.client.describe()
    by_name = {o["name"]: o for o in listed["sobjects"]}
    assert set(OBJECTS) <= set(by_name)
    assert all(set(o) >= ENTRY_KEYS for o in listed["sobjects"])
    assert by_name["OpportunityLineItem"]["keyPrefix"] == "00k"


@pytest.mark.parametrize("name", OBJECTS)
def test_describe_has_every_key_the_vendor_sends(org: Org, name: str) -> None:
    described = org.get(f"sobjects/{name}/describe")
    assert set(described) >= ENTRY_KEYS | OBJECT_KEYS
    for field in described["fields"]:
        assert set(field) >= FIELD_KEYS, field["name"]
    names = [f["name"] for f in described["fields"]]
    assert len(names) == len(set(names))
    assert {"Id", "SystemModstamp"} <= set(names)


@pytest.mark.parametrize("name", OBJECTS)
def test_every_described_field_can_be_selected(org: Org, name: str) -> None:
    names = [f["name"] for f in org.get(f"sobjects/{name}/describe")["fields"]]
    rows = org.rows(f"SELECT {', '.join(names)} FROM {name}")
    assert all(set(row) == set(names) for row in rows)


@pytest.mark.parametrize(
    ("name", "field", "told"),
    [
        ("Account", "Name", {"type": "string", "length": 255, "nillable": False}),
        ("Account", "Description", {"filterable": False, "sortable": False, "length": 32000}),
        ("Account", "BillingAddress", {"type": "address", "createable": False}),
        ("Account", "BillingCity", {"compoundFieldName": "BillingAddress", "length": 40}),
        ("Account", "AnnualRevenue", {"type": "currency", "precision": 18, "scale": 0}),
        ("Account", "QBO_Customer_Id__c", {"externalId": True, "unique": True, "custom": True}),
        ("Contact", "Email", {"type": "email", "idLookup": True, "length": 80}),
        ("Contact", "Name", {"createable": False, "nameField": True}),
        ("Contact", "AccountId", {"referenceTo": ["Account"], "relationshipName": "Account"}),
        ("Opportunity", "Amount", {"type": "currency", "precision": 18, "scale": 2}),
        ("Opportunity", "StageName", {"nillable": False, "restrictedPicklist": False}),
        ("Opportunity", "IsWon", {"createable": False, "updateable": False, "type": "boolean"}),
        ("Opportunity", "QBO_Invoice_Status__c", {"restrictedPicklist": True}),
        ("OpportunityLineItem", "OpportunityId", {"createable": True, "updateable": False}),
        ("OpportunityLineItem", "Discount", {"type": "percent", "precision": 5, "scale": 2}),
        ("OpportunityLineItem", "Subtotal", {"createable": False}),
        ("PricebookEntry", "Pricebook2Id", {"nillable": False, "updateable": False}),
        ("Task", "Status", {"defaultedOnCreate": True, "nillable": False}),
        ("Task", "WhatId", {"polymorphicForeignKey": True, "namePointing": True}),
    ],
)
def test_field_metadata(org: Org, name: str, field: str, told: dict[str, object]) -> None:
    described = fields(org, name)[field]
    assert {key: described[key] for key in told} == told


def test_picklists_name_their_values(org: Org) -> None:
    stages = [v["value"] for v in fields(org, "Opportunity")["StageName"]["picklistValues"]]
    assert {"Prospecting", "Closed Won", "Closed Lost"} <= set(stages)
    status = fields(org, "Opportunity")["QBO_Invoice_Status__c"]["picklistValues"]
    assert [(v["value"], v["active"]) for v in status] == [
        ("Open", True),
        ("Paid", True),
        ("Overdue", True),
    ]


def test_children_are_told_with_cascade(org: Org) -> None:
    found = {
        r["relationshipName"]: r
        for r in org.get("sobjects/Opportunity/describe")["childRelationships"]
    }
    assert found["OpportunityLineItems"]["childSObject"] == "OpportunityLineItem"
    assert found["OpportunityLineItems"]["cascadeDelete"] is True


def test_all_objects_are_told_only_if_one_of_them_has_changed(org: Org) -> None:
    changed = org.call("GET", "sobjects/Account/describe").headers["Last-Modified"]
    before = "Tue, 01 Sep 2020 08:00:00 GMT"
    same = org.call("GET", "sobjects", headers={"If-Modified-Since": changed})
    assert (same.status_code, same.content) == (304, b"")
    whole = org.call("GET", "sobjects", headers={"If-Modified-Since": before})
    assert (whole.status_code, len(whole.json()["sobjects"]) > 20) == (200, True)
    unchanged = org.call("GET", "sobjects", headers={"If-Unmodified-Since": changed})
    assert unchanged.status_code == 200
    assert org.call("GET", "sobjects", headers={"If-Unmodified-Since": before}).status_code == 412


def test_describe_unless_changed(org: Org) -> None:
    first = org.call("GET", "sobjects/Account/describe")
    again = org.call(
        "GET",
        "sobjects/Account/describe",
        headers={"If-Modified-Since": first.headers["Last-Modified"]},
    )
    assert (again.status_code, again.text) == (304, "")
    assert first.headers["ETag"]


def test_basic_information(org: Org) -> None:
    assert org.get("sobjects/account")["objectDescribe"]["name"] == "Account"
    assert org.client.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"
