"""Bulk API 2.0 queries of the Salesforce sandbox, through simple-salesforce and bare HTTP."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_org import ACME, BOREAL, DELETED, MANIFEST, Org, running_org, write_seed

JOBS = "jobs/query"
ALL = "SELECT Id, Name FROM Account ORDER BY Id"


@pytest.fixture(scope="module")
def org(salesforce_seed: Path) -> Iterator[Org]:
    with running_org(salesforce_seed) as running:
        yield running


def job(org: Org, query: str, **more: Any) -> str:
    answer = org.call("POST", JOBS, json={"operation": "query", "query": query, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def conduct(org: Org, **given: Any) -> None:
    url = f"{org.sandbox.connection['control_url']}/bulk"
    requests.post(url, json=given, timeout=20).raise_for_status()


def lines(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_values_as_the_vendor_writes_them(org: Org) -> None:
    found = org.client.bulk2.Account.query(
        f"SELECT id, Name, BillingCity, BillingStreet, owner.Name, IsDeleted, AnnualRevenue, "
        f"CreatedDate, Phone FROM Account WHERE Id = '{ACME}'",
        wait=0,
    )
    assert list(found) == [
        '"id","Name","BillingCity","BillingStreet","owner.Name","IsDeleted","AnnualRevenue",'
        '"CreatedDate","Phone"\n'
        f'"{ACME}","Acme GmbH","Köln","Domplatz 1\n2. Stock","Crossfoot Integration","false",'
        '"5600000000.0","2026-09-01T08:00:00.000Z",""\n'
    ]


def test_pages_of_results_can_come_again_or_empty(salesforce_seed: Path) -> None:
    with running_org(salesforce_seed) as org:
        made = job(org, "SELECT Id, BillingStreet FROM Account ORDER BY Id")
        org.call("GET", f"{JOBS}/{made}")
        url = f"{JOBS}/{made}/results?maxRecords=1"
        org.arm("/results", operation="bulk_results", action={"kind": "repeat_page"})
        first = org.call("GET", url)
        following = f"{url}&locator={first.headers['Sforce-Locator']}"
        again, rightly = org.call("GET", following), org.call("GET", following)
        assert again.text == first.text != rightly.text
        org.arm("/results", action={"kind": "empty_page"})
        none = org.call("GET", url)
        assert lines(none.text) == [["Id", "BillingStreet"]]
        assert none.headers["Sforce-NumberOfRecords"] == "0"
        assert org.call("GET", url).text == first.text


def test_a_page_is_never_larger_than_what_is_made_at_once(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.sandbox.salesforce.bulk_query.PAGE", 1)
    made = job(org, ALL)
    org.call("GET", f"{JOBS}/{made}")
    page = org.call("GET", f"{JOBS}/{made}/results?maxRecords=50000")
    assert page.headers["Sforce-NumberOfRecords"] == "1"
    assert page.headers["Sforce-Locator"] != "null"


def test_a_new_job_and_a_finished_one(org: Org) -> None:
    made = org.call("POST", JOBS, json={"operation": "query", "query": ALL}).json()
    assert made["id"].startswith("750")
    assert {k: made[k] for k in ("object", "state", "contentType", "apiVersion")} == {
        "object": "Account", "state": "UploadComplete", "contentType": "CSV", "apiVersion": 68.0,
    }  # fmt: skip
    assert "jobType" not in made
    done = org.get(f"{JOBS}/{made['id'][:15]}")
    assert (done["state"], done["jobType"], done["numberRecordsProcessed"]) == (
        "JobComplete", "V2Query", 2,
    )  # fmt: skip
    assert done["isPkChunkingSupported"] is False
    assert org.call("DELETE", f"{JOBS}/{made['id']}").status_code == 204
    assert org.refused("GET", f"{JOBS}/{made['id']}", 404)["errorCode"] == "NOT_FOUND"


def test_pages_each_with_its_header(org: Org) -> None:
    one = job(org, ALL, operation="queryAll")
    first = org.call("GET", f"{JOBS}/{one}/results", params={"maxRecords": 2})
    assert first.headers["Content-Type"] == "text/csv; charset=UTF-8"
    assert first.headers["Sforce-NumberOfRecords"] == "2"
    locator = first.headers["Sforce-Locator"]
    assert [row[0] for row in lines(first.text)] == ["Id", ACME, BOREAL]
    last = org.call("GET", f"{JOBS}/{one}/results", params={"locator": locator})
    assert (last.headers["Sforce-Locator"], last.headers["Sforce-NumberOfRecords"]) == ("null", "1")
    assert [row[0] for row in lines(last.text)] == ["Id", DELETED]
    error = org.refused("GET", f"{JOBS}/{one}/results?locator=bm8", 400)
    assert error["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_pages_side_by_side(org: Org) -> None:
    one = job(org, ALL, operation="queryAll")
    pages = org.get(f"{JOBS}/{one}/resultPages", params={"maxRecords": 1})
    assert pages["done"] is True
    texts = [org.call("GET", page["resultUrl"]).text for page in pages["resultPages"]]
    assert [lines(text)[1][0] for text in texts] == [ACME, BOREAL, DELETED]


def test_no_rows_are_a_header_alone(org: Org) -> None:
    one = job(org, "SELECT Id FROM Account WHERE Name = 'nobody'")
    answer = org.call("GET", f"{JOBS}/{one}/results")
    assert (answer.text, answer.headers["Sforce-NumberOfRecords"]) == ('"Id"\n', "0")
    assert answer.headers["Sforce-Locator"] == "null"


@pytest.mark.parametrize(
    ("word", "sign"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"),
     ("TAB", "\t")],
)  # fmt: skip
def test_delimiters_and_line_ends(org: Org, word: str, sign: str) -> None:
    one = job(org, ALL, columnDelimiter=word, lineEnding="CRLF")
    text = org.call("GET", f"{JOBS}/{one}/results").content.decode()
    assert text.startswith(f'"Id"{sign}"Name"\r\n"{ACME}"{sign}"Acme GmbH"\r\n')


def test_gzip_when_asked_for(org: Org) -> None:
    one = job(org, "SELECT FIELDS(STANDARD) FROM Account")
    path = f"{org.url}/{JOBS}/{one}/results"
    token = {"Authorization": f"Bearer {org.connection['access_token']}"}

    def raw(encoding: str) -> tuple[str | None, bytes]:
        headers = {**token, "Accept-Encoding": encoding}
        answer = requests.get(path, headers=headers, stream=True, timeout=20)
        return answer.headers.get("Content-Encoding"), answer.raw.read()

    plain, packed = raw("identity"), raw("gzip")
    assert (plain[0], packed[0]) == (None, "gzip")
    assert gzip.decompress(packed[1]) == plain[1]
    assert b"BillingAddress" not in plain[1]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT COUNT() FROM Account", "API_ERROR"),
        ("SELECT Name, COUNT(Id) FROM Account GROUP BY Name", "API_ERROR"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 1", "API_ERROR"),
        ("SELECT FIELDS(ALL) FROM Account LIMIT 1", "API_ERROR"),
        ("SELECT BillingAddress FROM Account", "INVALID_FIELD"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT FROM", "MALFORMED_QUERY"),
    ],
)
def test_refused_queries(org: Org, query: str, code: str) -> None:
    body = {"operation": "query", "query": query}
    assert org.refused("POST", JOBS, 400, json=body)["errorCode"] == code


def test_results_are_read_with_the_version_of_the_job(org: Org) -> None:
    one = job(org, ALL)
    path = f"/services/data/v60.0/{JOBS}/{one}"
    assert org.call("GET", path).status_code == 200
    org.refused("GET", f"{path}/results", 409)


def test_abort(org: Org) -> None:
    one = job(org, ALL)
    aborted = org.call("PATCH", f"{JOBS}/{one}", json={"state": "Aborted"})
    assert aborted.json()["state"] == "Aborted"
    error = org.refused("PATCH", f"{JOBS}/{one}", 400, json={"state": "Aborted"})
    assert error["errorCode"] == "INVALIDJOBSTATE"
    assert org.refused("GET", f"{JOBS}/{one}/results", 400)["errorCode"] == "INVALIDJOBSTATE"


def test_a_list_with_filters(org: Org) -> None:
    one = job(org, ALL)
    found = org.get(JOBS, params={"jobType": "V2Query", "concurrencyMode": "parallel"})
    assert found["records"][-1]["id"] == one
    assert (found["done"], found["nextRecordsUrl"]) == (True, None)
    assert org.get(JOBS, params={"jobType": "Classic"})["records"] == []
    assert org.get(JOBS, params={"isPkChunkingEnabled": "true"})["records"] == []


def test_a_job_waits_and_fails_as_told(org: Org) -> None:
    conduct(org, polls=2, fail_with="InternalServerError : Job failed")
    try:
        one = job(org, ALL)
        states = [org.get(f"{JOBS}/{one}")["state"] for _ in range(3)]
        assert states == ["InProgress", "InProgress", "Failed"]
        failed = org.get(f"{JOBS}/{one}")
        assert failed["errorMessage"] == "InternalServerError : Job failed"
    finally:
        conduct(org)
    url = f"{org.sandbox.connection['control_url']}/bulk"
    refused = requests.post(url, json={"speed": 1}, timeout=20)
    assert (refused.status_code, "speed" in refused.text) == (400, True)


def test_query_jobs_count_against_the_limit(org: Org) -> None:
    before = org.get("limits")["DailyBulkV2QueryJobs"]["Remaining"]
    job(org, ALL)
    assert org.get("limits")["DailyBulkV2QueryJobs"]["Remaining"] == before - 1


def test_a_manifest_lets_jobs_wait_and_a_restart_forgets_none(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "salesforce": {**MANIFEST["salesforce"], "bulk": {"seconds": 60}}}  # type: ignore[dict-item]
    seed = write_seed(tmp_path / "seed", manifest=manifest)
    log = tmp_path / "log"
    with running_org(seed, log_file=log) as org:
        one = job(org, ALL)
        assert org.get(f"{JOBS}/{one}")["state"] == "InProgress"
    with running_org(seed, log_file=log) as org:
        org.sandbox.kernel.move_clock(None, 61, None)
        assert org.get(f"{JOBS}/{one}")["state"] == "JobComplete"
        assert len(lines(org.call("GET", f"{JOBS}/{one}/results").text)) == 3
