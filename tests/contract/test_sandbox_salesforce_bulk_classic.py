"""Bulk API 1.0 of the Salesforce sandbox, through simple-salesforce and bare HTTP."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from salesforce_org import ACME, Org, running_org

SPACE = "{http://www.force.com/2009/06/asyncapi/dataload}"
KEY = "QBO_Customer_Id__c"
JSON, XML, CSV = "application/json", "application/xml", "text/csv"


def call(
    org: Org, method: str, path: str, body: str = "", media: str = JSON, **headers: str
) -> requests.Response:
    sent = {"X-SFDC-Session": org.connection["access_token"], "Content-Type": media, **headers}
    url = f"{org.sandbox.salesforce_url}/services/async/68.0/{path}"
    return requests.request(method, url, data=body.encode(), headers=sent, timeout=20)


def new(org: Org, operation: str = "insert", content: str = "JSON", **more: Any) -> str:
    headers = more.pop("headers", {})
    body = {"operation": operation, "object": "Account", "contentType": content, **more}
    answer = call(org, "POST", "job", json.dumps(body), **headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def batch(org: Org, one: str, body: str, media: str = JSON) -> str:
    answer = call(org, "POST", f"job/{one}/batch", body, media)
    assert answer.status_code == 201, answer.text
    if media == JSON:
        return str(answer.json()["id"])
    return ElementTree.fromstring(answer.text).findtext(f"{SPACE}id") or ""


def fault(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["exceptionCode"]


def test_every_operation_through_the_client(org: Org) -> None:
    bulk = org.client.bulk.Account
    good, bad = bulk.insert([{"Name": "Zoë", KEY: "1"}, {"Phone": "1"}])
    assert (good["success"], good["created"]) == (True, True)
    assert (bad["success"], bad["id"]) == (False, None)
    assert bad["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    (put,) = bulk.upsert([{"Name": "Zoé", KEY: "1"}], KEY)
    assert (put["id"], put["created"]) == (good["id"], False)
    (changed,) = bulk.update([{"Id": good["id"], "Phone": None, "Fax": "1"}])
    assert changed["success"]
    (found,) = bulk.query(f"SELECT Id, Name, Fax, CreatedDate FROM Account WHERE {KEY} = '1'")
    assert (found["Name"], found["Fax"], type(found["CreatedDate"])) == ("Zoé", "1", int)
    assert found["attributes"]["type"] == "Account"
    (gone,) = bulk.delete([{"Id": good["id"]}])
    assert (gone["success"], gone["created"]) == (True, False)
    everything = bulk.query_all("SELECT Id, IsDeleted FROM Account WHERE IsDeleted = TRUE")
    assert good["id"] in {row["Id"] for row in everything}
    (erased,) = bulk.hard_delete([{"Id": good["id"]}])
    assert erased["success"]
    detailed = org.client.bulk.submit_dml(
        "Account", "insert", [{"Name": "Detailed"}], include_detailed_results=True
    )
    assert detailed[0]["Name"] == "Detailed"


def test_a_csv_job_speaks_xml_of_its_batches(org: Org) -> None:
    one = new(org, content="CSV")
    two = batch(org, one, "Name,Phone\r\nÉ,1\r\n,2\r\n", CSV)
    state = ElementTree.fromstring(call(org, "GET", f"job/{one}/batch/{two}").text)
    assert state.findtext(f"{SPACE}state") == "Completed"
    assert state.findtext(f"{SPACE}numberRecordsFailed") == "1"
    answer = call(org, "GET", f"job/{one}/batch/{two}/result")
    assert answer.headers["Content-Type"] == "text/csv"
    results = answer.text.splitlines()
    assert results[0] == '"Id","Success","Created","Error"'
    assert results[1].endswith('"true","true",""')
    assert results[2] == (
        '"","false","false","REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"'
    )
    assert call(org, "GET", f"job/{one}/batch/{two}/request").content.decode().startswith("Name,")
    info = call(org, "POST", f"job/{one}", '{"state":"Closed"}').json()
    assert (info["state"], info["numberBatchesCompleted"], info["numberRecordsFailed"]) == (
        "Closed", 1, 1,
    )  # fmt: skip


def test_an_xml_job(org: Org) -> None:
    body = (
        f'<?xml version="1.0"?><jobInfo xmlns="{SPACE[1:-1]}"><operation>insert</operation>'
        "<object>Account</object><contentType>XML</contentType></jobInfo>"
    )
    job = ElementTree.fromstring(call(org, "POST", "job", body, XML).text)
    one = job.findtext(f"{SPACE}id") or ""
    records = (
        f'<sObjects xmlns="{SPACE[1:-1]}"><sObject><Name>X &amp; Y</Name></sObject></sObjects>'
    )
    two = batch(org, one, records, XML)
    result = ElementTree.fromstring(call(org, "GET", f"job/{one}/batch/{two}/result").text)
    assert result.findtext(f"{SPACE}result/{SPACE}success") == "true"
    assert len(org.rows("SELECT Id FROM Account WHERE Name = 'X & Y'")) == 1
    query = new(org, "query", "XML")
    asked = batch(org, query, f"SELECT Id, Name, Phone FROM Account WHERE Id = '{ACME}'", XML)
    listed = ElementTree.fromstring(call(org, "GET", f"job/{query}/batch/{asked}/result").text)
    name = listed.findtext(f"{SPACE}result")
    found = ElementTree.fromstring(
        call(org, "GET", f"job/{query}/batch/{asked}/result/{name}").text
    )
    assert found.findtext(f"{SPACE}records/{SPACE}Name") == "Acme GmbH"


def test_a_query_that_is_refused_fails_its_batch(org: Org) -> None:
    one = new(org, "query")
    two = batch(org, one, "SELECT Nope FROM Account")
    info = call(org, "GET", f"job/{one}/batch/{two}").json()
    assert info["state"] == "Failed"
    assert info["stateMessage"].startswith("InvalidBatch : Failed to process query: INVALID_FIELD:")
    assert fault(call(org, "GET", f"job/{one}/batch/{two}/result")) == (400, "InvalidBatch")


def test_csv_results_and_none(org: Org) -> None:
    one = new(org, "query", "CSV")
    found = []
    for name in ("Acme GmbH", "nobody"):
        two = batch(org, one, f"SELECT Id, CreatedDate FROM Account WHERE Name = '{name}'", CSV)
        listed = ElementTree.fromstring(call(org, "GET", f"job/{one}/batch/{two}/result").text)
        three = listed.findtext(f"{SPACE}result") or ""
        assert three.startswith("752")
        found.append(call(org, "GET", f"job/{one}/batch/{two}/result/{three}").text)
    assert found[0] == f'"Id","CreatedDate"\n"{ACME}","2026-09-01T08:00:00.000Z"\n'
    assert found[1] == '"Records not found for this query"\n'


def test_chunks_by_primary_key(org: Org) -> None:
    one = new(org, "query", headers={"Sforce-Enable-PKChunking": "true; chunkSize=1"})
    first = batch(org, one, "SELECT Id FROM Account")
    every = call(org, "GET", f"job/{one}/batch").json()["batchInfo"]
    assert [b["state"] for b in every] == ["NotProcessed", "Completed", "Completed"]
    assert every[0]["id"] == first
    rows = []
    for part in every[1:]:
        path = f"job/{one}/batch/{part['id']}/result"
        (result,) = call(org, "GET", path).json()
        rows += call(org, "GET", f"{path}/{result}").json()
    assert len({row["Id"] for row in rows}) == 2
    assert fault(call(org, "GET", f"job/{one}/batch/{first}/result")) == (400, "InvalidBatch")
    listed = org.get("jobs/query", params={"isPkChunkingEnabled": "true"})["records"]
    assert [job["id"] for job in listed] == [one]


def test_refusals_in_their_own_form(org: Org) -> None:
    wrong = {"X-SFDC-Session": "wrong"}
    answer = call(org, "GET", "job/750", **wrong)
    assert fault(answer) == (400, "InvalidSessionId")
    assert answer.headers["Content-Type"] == "application/json"
    error = ElementTree.fromstring(call(org, "GET", "job/750", media=XML, **wrong).text)
    assert error.tag == f"{SPACE}error"
    assert error.findtext(f"{SPACE}exceptionCode") == "InvalidSessionId"
    one = new(org)
    assert fault(call(org, "GET", "job/750")) == (400, "InvalidJob")
    assert fault(call(org, "GET", f"job/{one}/batch/751")) == (400, "InvalidBatch")
    assert fault(call(org, "POST", f"job/{one}/batch", "")) == (400, "ClientInputError")
    assert fault(call(org, "POST", "job", "[")) == (400, "InvalidJSON")
    bad = json.dumps({"operation": "upsert", "object": "Account", "contentType": "JSON"})
    assert fault(call(org, "POST", "job", bad)) == (400, "InvalidJob")
    call(org, "POST", f"job/{one}", '{"state":"Aborted"}')
    assert fault(call(org, "POST", f"job/{one}/batch", "[]")) == (400, "InvalidJobState")
    assert fault(call(org, "POST", f"job/{one}", '{"state":"Closed"}')) == (400, "InvalidJobState")


def test_limits_of_a_batch(salesforce_seed: Any) -> None:
    with running_org(salesforce_seed, limits=True) as org:
        one = new(org, content="CSV")
        two = batch(org, one, "Name\n" + "A\n" * 10_001, CSV)
        state = ElementTree.fromstring(call(org, "GET", f"job/{one}/batch/{two}").text)
        assert state.findtext(f"{SPACE}state") == "Failed"
        large = call(org, "POST", f"job/{one}/batch", "Name\n" + "A" * 10_000_000, CSV)
        assert b"ClientInputError" in large.content
        left = org.get("limits")["DailyBulkApiBatches"]
        assert left["Max"] - left["Remaining"] == 1


@pytest.mark.parametrize("rows", ['{"Name": "A"}', '[{"Nope__c": 1}]'])
def test_a_batch_that_cannot_be_read_fails(org: Org, rows: str) -> None:
    one = new(org)
    two = batch(org, one, rows)
    info = call(org, "GET", f"job/{one}/batch/{two}").json()
    assert (info["state"], info["stateMessage"].split(" :")[0]) == ("Failed", "InvalidBatch")
