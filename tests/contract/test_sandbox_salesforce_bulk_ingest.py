"""Bulk API 2.0 writes of the Salesforce sandbox, through simple-salesforce and bare HTTP."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_org import ACME, ADA, BOREAL, DELETED, Org, running_org

JOBS = "jobs/ingest"
KEY = "QBO_Customer_Id__c"
CSV = {"Content-Type": "text/csv; charset=UTF-8"}
QUICK: dict[str, Any] = {"wait": 0.01}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def new(org: Org, operation: str = "insert", **more: Any) -> str:
    body = {"operation": operation, "object": "Account", **more}
    answer = org.call("POST", JOBS, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def filled(org: Org, text: str, operation: str = "insert", **more: Any) -> str:
    one = new(org, operation, **more)
    put = org.call("PUT", f"{JOBS}/{one}/batches", data=text.encode(), headers=CSV)
    assert (put.status_code, put.content) == (201, b"")
    return one


def done(org: Org, text: str, operation: str = "insert", **more: Any) -> str:
    one = filled(org, text, operation, **more)
    closed = org.call("PATCH", f"{JOBS}/{one}", json={"state": "UploadComplete"})
    assert closed.json()["state"] == "UploadComplete"
    return one


def parts(org: Org, one: str, *names: str) -> list[list[dict[str, str]]]:
    wanted = names or ("successfulResults", "failedResults", "unprocessedrecords")
    return [rows(org.call("GET", f"{JOBS}/{one}/{name}").content.decode()) for name in wanted]


def conduct(org: Org, **given: Any) -> None:
    url = f"{org.sandbox.connection['control_url']}/bulk"
    requests.post(url, json=given, timeout=20).raise_for_status()


@pytest.fixture(scope="module")
def shared(salesforce_seed: Path) -> Iterator[Org]:
    with running_org(salesforce_seed) as running:
        yield running


def test_insert_update_upsert_delete_through_the_client(org: Org) -> None:
    bulk = org.client.bulk2.Account
    (made,) = bulk.insert(records=[{"Name": "Zoë", KEY: "1"}, {"Name": "", KEY: "2"}], **QUICK)
    assert (made["numberRecordsProcessed"], made["numberRecordsFailed"]) == (2, 1)
    (good,) = rows(bulk.get_successful_records(made["job_id"]))
    (bad,) = rows(bulk.get_failed_records(made["job_id"]))
    assert (good["Name"], good["sf__Created"], good["sf__Id"][:3]) == ("Zoë", "true", "001")
    assert (bad["sf__Id"], bad["sf__Error"], bad[KEY]) == (
        "", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --", "2",
    )  # fmt: skip
    (put,) = bulk.upsert(
        records=[{"Name": "Zoé", KEY: "1"}, {"Name": "New", KEY: "3"}],
        external_id_field=KEY,
        **QUICK,
    )
    created = {
        r["Name"]: r["sf__Created"] for r in rows(bulk.get_successful_records(put["job_id"]))
    }
    assert created == {"Zoé": "false", "New": "true"}
    bulk.update(records=[{"Id": good["sf__Id"], "Phone": "7"}], **QUICK)
    query = f"SELECT Name, Phone FROM Account WHERE Id = '{good['sf__Id']}'"
    assert org.rows(query) == [{"Name": "Zoé", "Phone": "7"}]
    bulk.delete(records=[{"Id": good["sf__Id"]}], **QUICK)
    assert org.rows(query) == []
    assert len(org.rows(query, "queryAll")) == 1
    bulk.hard_delete(records=[{"Id": good["sf__Id"]}], **QUICK)
    assert org.rows(query, "queryAll") == []


def test_a_new_job(shared: Org) -> None:
    body = {"operation": "upsert", "object": "account", "externalIdFieldName": KEY}
    made = shared.call("POST", JOBS, json=body).json()
    assert made["contentUrl"] == f"services/data/v68.0/jobs/ingest/{made['id']}/batches"
    assert {k: made[k] for k in ("object", "state", "externalIdFieldName", "lineEnding")} == {
        "object": "Account", "state": "Open", "externalIdFieldName": KEY, "lineEnding": "LF",
    }  # fmt: skip
    info = shared.get(f"{JOBS}/{made['id']}")
    assert (info["jobType"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (
        "V2Ingest", 0, 0,
    )  # fmt: skip
    assert shared.get(JOBS)["records"][-1]["id"] == made["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "merge", "object": "Account"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Nothing"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Account"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Account", "externalIdFieldName": "Fax"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Account", "contentType": "JSON"}, "INVALIDJOB"),
    ],
)  # fmt: skip
def test_refused_jobs(shared: Org, body: dict[str, Any], code: str) -> None:
    assert shared.refused("POST", JOBS, 400, json=body)["errorCode"] == code


def test_empty_cells_leave_and_marked_ones_clear(org: Org) -> None:
    org.call("PATCH", f"sobjects/Account/{BOREAL}", json={"Phone": "1", "Fax": "2"})
    one = done(org, f"id,PHONE,Fax\n{BOREAL},,#N/A\n", "update")
    assert len(parts(org, one)[0]) == 1
    assert org.rows(f"SELECT Phone, Fax FROM Account WHERE Id = '{BOREAL}'") == [
        {"Phone": "1", "Fax": None}
    ]


def test_a_parent_by_its_key(org: Org) -> None:
    text = f"Id,Account.Region_Key__c\n{ADA},nowhere\n"
    one = done(org, text, "update", object="Contact")
    (bad,) = parts(org, one, "failedResults")[0]
    assert (bad["sf__Id"], bad["sf__Error"]) == (
        ADA,
        "INVALID_FIELD:Foreign key external ID: nowhere not found for field Region_Key__c in "
        "entity Account:--",
    )
    key = "9341450000000001:58"
    one = done(org, f"LastName,Account.{KEY}\nNew,{key}\n", object="Contact")
    (good,) = parts(org, one, "successfulResults")[0]
    found = org.rows(f"SELECT AccountId FROM Contact WHERE Id = '{good['sf__Id']}'")
    assert found == [{"AccountId": ACME}]


def test_refusals_of_single_rows(org: Org) -> None:
    gone, unknown = DELETED, "001Hs0000009999IAA"
    text = f"Id,AnnualRevenue\n{ACME},lots\n{gone},1\n{unknown[:15]},1\n{ADA},1\n,1\n"
    one = done(org, text, "update")
    errors = [row["sf__Error"] for row in parts(org, one, "failedResults")[0]]
    assert errors == [
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Annual Revenue: value not of required type: lots:"
        "AnnualRevenue --",
        "ENTITY_IS_DELETED:entity is deleted:--",
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        f"MALFORMED_ID:Account ID: id value of incorrect type: {ADA}:Id --",
        "MISSING_ARGUMENT:Id not specified in an update call:--",
    ]


def test_one_key_twice_refuses_both(org: Org) -> None:
    text = f"Name,{KEY}\nA,k\nB,K\nC,other\n"
    one = done(org, text, "upsert", externalIdFieldName=KEY)
    good, bad, _ = parts(org, one)
    assert [row["Name"] for row in good] == ["C"]
    assert [row["sf__Error"].split(":")[0] for row in bad] == ["DUPLICATE_VALUE"] * 2


@pytest.mark.parametrize(
    ("text", "operation", "message"),
    [
        ("Name,Nope__c\nA,1\n", "insert", "InvalidBatch : Field name not found : Nope__c"),
        (f"Id,Name\n{ACME},A\n", "delete", "InvalidBatch : Delete batch must contain only ids"),
        ("Name,Phone\nA\n", "insert", "InvalidBatch : The row has 1 columns and the header 2"),
        ('Name\n"A\n', "insert", "InvalidBatch : Failed to parse CSV: unexpected end of data"),
        ("Name\r\nA\r\n", "insert", "ClientInputError : LineEnding is invalid on user data. "
         "Current LineEnding setting is LF"),
    ],
)  # fmt: skip
def test_faults_of_the_whole_file(shared: Org, text: str, operation: str, message: str) -> None:
    one = done(shared, text, operation)
    info = shared.get(f"{JOBS}/{one}")
    assert (info["state"], info["errorMessage"]) == ("Failed", message)
    assert info["numberRecordsProcessed"] == 0


def test_a_failed_job_leaves_its_rows_unprocessed(shared: Org) -> None:
    one = done(shared, "Name,Nope__c\nA,1\n")
    good, bad, left = parts(shared, one, "successfulResults/", "failedResults/",
                            "unprocessedRecords/")  # fmt: skip
    assert (good, bad, left) == ([], [], [{"Name": "A", "Nope__c": "1"}])


def test_chunks_side_by_side_and_a_lock(org: Org) -> None:
    conduct(org, lock_every=2)
    one = done(org, "Name\n" + "".join(f"N{n}\n" for n in range(450)))
    info = org.get(f"{JOBS}/{one}")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (450, 200)
    good, bad, _ = parts(org, one)
    names = [row["Name"] for row in good]
    assert sorted(names) != names != [f"N{n}" for n in range(450) if not 200 <= n < 400]
    assert {*names} == {f"N{n}" for n in range(450) if not 200 <= n < 400}
    assert bad[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access")


def test_uploads_in_every_form(org: Org) -> None:
    one = new(org)
    chunked = iter([b"Name\n", b"Chunked\n"])
    assert org.call("PUT", f"{JOBS}/{one}/batches", data=chunked, headers=CSV).status_code == 201
    error = org.refused("PUT", f"{JOBS}/{one}/batches", 400, data=b"Name\nB\n", headers=CSV)
    assert error["message"].startswith(f"Found multiple contents for job: <{one}>")
    org.call("PATCH", f"{JOBS}/{one}", json={"state": "UploadComplete"})
    two = new(org)
    packed = {**CSV, "Content-Encoding": "gzip"}
    body = gzip.compress("Name\nÉ\n".encode())
    assert org.call("PUT", f"{JOBS}/{two}/batches", data=body, headers=packed).status_code == 201
    org.call("PATCH", f"{JOBS}/{two}", json={"state": "UploadComplete"})
    found = org.rows("SELECT Name FROM Account WHERE Name IN ('Chunked', 'É')")
    assert len(found) == 2
    empty = done(org, "")
    assert org.get(f"{JOBS}/{empty}")["state"] == "JobComplete"


def test_a_form_makes_fills_and_closes(org: Org) -> None:
    files = {
        "job": (None, '{"operation":"insert","object":"Account"}', "application/json"),
        "content": ("content", "Name\nIn a form\n", "text/csv"),
    }
    made = org.call("POST", JOBS, files=files).json()
    assert made["state"] == "UploadComplete"
    assert parts(org, made["id"], "successfulResults")[0][0]["Name"] == "In a form"


def test_states_that_cannot_be_left(shared: Org) -> None:
    one = filled(shared, "Name\nA\n")
    assert shared.refused("DELETE", f"{JOBS}/{one}", 400)["errorCode"] == "INVALIDJOBSTATE"
    aborted = shared.call("PATCH", f"{JOBS}/{one}", json={"state": "Aborted"}).json()
    assert aborted["state"] == "Aborted"
    assert parts(shared, one, "unprocessedrecords")[0] == [{"Name": "A"}]
    error = shared.refused("PATCH", f"{JOBS}/{one}", 400, json={"state": "UploadComplete"})
    assert error["message"] == "Closing already Aborted Job not allowed"
    assert shared.call("DELETE", f"{JOBS}/{one}").status_code == 204
    assert shared.refused("GET", f"{JOBS}/{one}", 404)["errorCode"] == "NOT_FOUND"


def test_a_waiting_job_goes_on_after_a_restart(salesforce_seed: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_org(salesforce_seed, log_file=log) as org:
        conduct(org, seconds=30)
        one = done(org, "Name\nLater\n")
        assert org.rows("SELECT Id FROM Account WHERE Name = 'Later'") == []
    with running_org(salesforce_seed, log_file=log) as org:
        org.sandbox.kernel.move_clock(None, 31, None)
        assert len(org.rows("SELECT Id FROM Account WHERE Name = 'Later'")) == 1
        assert parts(org, one, "successfulResults")[0][0]["Name"] == "Later"
    with running_org(salesforce_seed, log_file=log) as org:
        assert parts(org, one, "successfulResults")[0][0]["Name"] == "Later"
        assert len(org.rows("SELECT Id FROM Account WHERE Name = 'Later'")) == 1
