"""Armed faults inside a Salesforce call: items of every kind of batch fail as the vendor would let
them, and both Bulk APIs refuse in their own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.contract.salesforce_org import ACME, BOREAL, Org, running_org, write_seed

LOCKED = "UNABLE_TO_LOCK_ROW"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("failures") / "seed"
    with running_org(write_seed(folder)) as org:
        yield org


@pytest.fixture
def org(running: Org) -> Iterator[Org]:
    yield running
    requests.delete(f"{running.sandbox.connection['control_url']}/faults", timeout=20)


def _doom(org: Org, path: str, *items: int, code: str = LOCKED) -> None:
    org.arm(path, action={"kind": "partial_failure", "code": code, "items": list(items)})


def _names(org: Org, start: str) -> list[str]:
    rows = org.rows(f"SELECT Name FROM Account WHERE Name LIKE '{start}%' ORDER BY Name")
    return [r["Name"] for r in rows]


def _part(org: Org, name: str, body: dict[str, Any], sobject: str = "Account") -> dict[str, Any]:
    path = f"/services/data/v{org.version}/sobjects/{sobject}"
    return {"method": "POST", "url": path, "referenceId": name, "body": body}


@pytest.mark.parametrize("all_or_none", [False, True])
def test_a_part_of_a_composite_fails_and_what_refers_to_it(org: Org, all_or_none: bool) -> None:
    _doom(org, "/composite$", 1)
    start = f"Comp{all_or_none}"
    parts = [_part(org, f"r{n}", {"Name": f"{start}{n}"}) for n in range(2)]
    parts.append(_part(org, "r2", {"LastName": "K", "AccountId": "@{r1.id}"}, "Contact"))
    body = {"allOrNone": all_or_none, "compositeRequest": parts}
    found = org.call("POST", "composite", json=body).json()["compositeResponse"]
    codes = [r["body"][0]["errorCode"] if r["httpStatusCode"] >= 400 else None for r in found]
    halted = "PROCESSING_HALTED"
    assert codes == ([halted, LOCKED, halted] if all_or_none else [None, LOCKED, halted])
    assert _names(org, start) == ([] if all_or_none else [f"{start}0"])


def test_a_collection_inside_a_composite_is_one_of_its_items(org: Org) -> None:
    _doom(org, "/composite$", 0)
    rows = [{"attributes": {"type": "Account"}, "Name": f"Inside{n}"} for n in range(2)]
    path = f"/services/data/v{org.version}/composite/sobjects"
    parts = [
        {"method": "POST", "url": path, "referenceId": f"r{n}", "body": {"records": rows}}
        for n in range(2)
    ]
    found = org.call("POST", "composite", json={"compositeRequest": parts}).json()
    first, second = found["compositeResponse"]
    assert first["body"][0]["errorCode"] == LOCKED
    assert [r["success"] for r in second["body"]] == [True, True]


def test_a_node_of_a_graph_takes_its_graph_with_it(org: Org) -> None:
    _doom(org, "/composite/graph", 2)
    graphs = [
        {"graphId": g, "compositeRequest": [_part(org, f"{g}{n}", {"Name": f"Graph{g}{n}"})
                                            for n in range(2)]}
        for g in ("a", "b")
    ]  # fmt: skip
    found = org.call("POST", "composite/graph", json={"graphs": graphs}).json()["graphs"]
    assert [g["isSuccessful"] for g in found] == [True, False]
    assert _names(org, "Graph") == ["Grapha0", "Grapha1"]


@pytest.mark.parametrize("halt", [False, True])
def test_a_part_of_a_batch_fails(org: Org, halt: bool) -> None:
    _doom(org, "/composite/batch", 1)
    parts = [
        {"method": "POST", "url": f"v{org.version}/sobjects/Account",
         "richInput": {"Name": f"Batch{halt}{n}"}}
        for n in range(3)
    ]  # fmt: skip
    body = {"haltOnError": halt, "batchRequests": parts}
    found = org.call("POST", "composite/batch", json=body).json()
    assert found["hasErrors"] is True
    assert [r["statusCode"] for r in found["results"]] == [201, 400, 412 if halt else 201]
    assert len(_names(org, f"Batch{halt}")) == (1 if halt else 2)


def test_a_record_of_a_tree_fails_and_nothing_is_stored(org: Org) -> None:
    _doom(org, "/composite/tree", 1, 2)
    records = [
        {
            "attributes": {"type": "Account", "referenceId": f"a{n}"},
            "Name": f"Tree{n}",
            "Contacts": {
                "records": [
                    {"attributes": {"type": "Contact", "referenceId": f"c{n}"}, "LastName": "T"}
                ]
            },
        }
        for n in range(2)
    ]
    found = org.call("POST", "composite/tree/Account", json={"records": records})
    assert found.status_code == 400
    assert [(r["referenceId"], r["errors"][0]["statusCode"]) for r in found.json()["results"]] == [
        ("c0", LOCKED), ("a1", LOCKED),
    ]  # fmt: skip
    assert _names(org, "Tree") == []


def test_a_failed_update_of_a_collection_names_its_record(org: Org) -> None:
    _doom(org, "/composite/sobjects", 1)
    rows = [{"attributes": {"type": "Account"}, "id": i, "Fax": "9"} for i in (ACME, BOREAL)]
    good, bad = org.call("PATCH", "composite/sobjects", json={"records": rows}).json()
    assert (good["success"], bad["id"]) == (True, BOREAL)
    assert org.rows("SELECT Id FROM Account WHERE Fax = '9'") == [{"Id": ACME}]


def test_rows_of_a_2_0_upload_fail(org: Org) -> None:
    _doom(org, "/batches", 0, 3)
    rows = [{"Name": f"Bulk{n}"} for n in range(5)]
    (told,) = org.client.bulk2.Account.insert(records=rows, wait=1)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (5, 2)
    failed = org.client.bulk2.Account.get_failed_records(told["job_id"])
    assert sorted(line.split('"')[5] for line in failed.strip().splitlines()[1:]) == [
        "Bulk0", "Bulk3",
    ]  # fmt: skip
    assert LOCKED in failed
    assert _names(org, "Bulk") == ["Bulk1", "Bulk2", "Bulk4"]


CLASSIC_BODIES = {
    "JSON": ("application/json", json.dumps([{"Name": f"OldJSON{n}"} for n in range(3)])),
    "CSV": ("text/csv", "Name\nOldCSV0\nOldCSV1\nOldCSV2\n"),
    "XML": (
        "application/xml",
        '<sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
        + "".join(f"<sObject><Name>OldXML{n}</Name></sObject>" for n in range(3))
        + "</sObjects>",
    ),
}


@pytest.mark.parametrize("form", sorted(CLASSIC_BODIES))
def test_rows_of_a_1_0_batch_fail(org: Org, form: str) -> None:
    org.arm(
        "",
        operation="bulk_upload",
        action={"kind": "partial_failure", "code": LOCKED, "items": [1]},
    )
    root = f"/services/async/{org.version}/job"
    session = {"X-SFDC-Session": org.connection["access_token"]}
    opened = org.call(
        "POST", root, headers=session,
        json={"operation": "insert", "object": "Account", "contentType": form},
    ).json()  # fmt: skip
    media, body = CLASSIC_BODIES[form]
    path = f"{root}/{opened['id']}/batch"
    org.call("POST", path, data=body, headers={**session, "Content-Type": media})
    assert _names(org, f"Old{form}") == [f"Old{form}0", f"Old{form}2"]
    told = org.call("GET", f"{root}/{opened['id']}", headers={**session, "Accept": "text/json"})
    assert told.json()["numberRecordsFailed"] == 1


def test_a_share_of_the_rows_of_an_upload_fails(org: Org) -> None:
    org.arm("/batches", action={"kind": "partial_failure", "code": LOCKED, "share": 0.3})
    rows = [{"Name": f"Share{n}"} for n in range(60)]
    (told,) = org.client.bulk2.Account.insert(records=rows, wait=1)
    assert 6 < told["numberRecordsFailed"] < 32


def test_faults_by_name_reach_1_0_in_its_own_words(org: Org) -> None:
    org.arm("", operation="bulk_create", action={"kind": "throttle"})
    root = f"/services/async/{org.version}/job"
    session = {"X-SFDC-Session": org.connection["access_token"]}
    body = {"operation": "query", "object": "Account", "contentType": "JSON"}
    answer = org.call("POST", root, headers=session, json=body)
    assert (answer.status_code, answer.json()) == (
        403,
        {"exceptionCode": "ExceededQuota", "exceptionMessage": "TotalRequests Limit exceeded."},
    )
    org.arm("", operation="bulk_create", action={"kind": "refuse", "code": "INVALID_SESSION_ID"})
    headers = {**session, "Content-Type": "application/xml"}
    answer = org.call("POST", root, headers=headers, data="<jobInfo/>")
    assert answer.status_code == 400
    assert "<exceptionCode>InvalidSessionId</exceptionCode>" in answer.text
    org.arm("", operation="bulk_create", action={"kind": "refuse", "code": LOCKED})
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.client.bulk.Account.query("SELECT Id FROM Account")
    assert refused.value.content["exceptionCode"] == "TooManyLockFailure"


def test_an_empty_page_of_1_0_results(org: Org) -> None:
    org.arm("", operation="bulk_results", skip=1, action={"kind": "empty_page"})
    assert org.client.bulk.Account.query("SELECT Id FROM Account") == []
    assert org.client.bulk.Account.query("SELECT Id FROM Account") != []


def test_a_fault_on_a_soap_call_is_a_soap_fault(org: Org) -> None:
    org.arm("", operation="describe", action={"kind": "refuse", "code": "SERVER_UNAVAILABLE"})
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:p="urn:partner.soap.sforce.com"><e:Header><p:SessionHeader><p:sessionId>'
        f"{org.connection['access_token']}</p:sessionId></p:SessionHeader></e:Header><e:Body>"
        "<p:describeGlobal/></e:Body></e:Envelope>"
    )
    headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
    told = org.call("POST", "/services/Soap/u/60.0", data=envelope, headers=headers)
    assert told.status_code == 500
    assert "<sf:exceptionCode>SERVER_UNAVAILABLE</sf:exceptionCode>" in told.text
