"""What an org refuses by its own rules, what follows from a write, addresses below a record."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.salesforce_org import (
    ACME,
    ADA,
    DEAL,
    PARTNER,
    PROBE_USD,
    RECORDS,
    USER,
    Org,
    row,
    running_org,
    write_seed,
)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("rules") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


@pytest.fixture
def ruled(org: Org) -> Iterator[Org]:
    yield org
    requests.delete(_rules(org), timeout=20).raise_for_status()


def _rules(org: Org) -> str:
    return f"{org.sandbox.connection['control_url']}/rules"


def _rule(org: Org, **given: Any) -> None:
    requests.post(_rules(org), json=given, timeout=20).raise_for_status()


def _create(org: Org, name: str, **values: Any) -> str:
    answer = org.call("POST", f"sobjects/{name}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# ---- rules of the org


def test_every_validation_rule_that_fails_has_its_item(ruled: Org) -> None:
    _rule(
        ruled,
        validation_rules=[
            {"object": "Account", "when": "Phone = null", "message": "Phone?", "field": "Phone"},
            {"object": "Account", "when": "Name LIKE 'X%'", "message": "No X."},
            {"object": "Contact", "when": "Email = null", "message": "Email?"},
        ],
    )
    answer = ruled.call("POST", "sobjects/Account", json={"Name": "Xenon"})
    assert answer.status_code == 400
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert answer.json() == [
        {"message": "Phone?", "errorCode": code, "fields": ["Phone"]},
        {"message": "No X.", "errorCode": code, "fields": []},
    ]
    assert ruled.rows("SELECT Id FROM Account WHERE Name = 'Xenon'") == []
    both = {"attributes": {"type": "Account"}}
    records = [{**both, "Name": "Xeon", "Phone": "1"}, {**both, "Name": "Argon", "Phone": "1"}]
    bad, good = ruled.call("POST", "composite/sobjects", json={"records": records}).json()
    assert [e["statusCode"] for e in bad["errors"]] == [code]
    assert good["success"] is True


def test_duplicates_are_detected_and_may_be_saved(ruled: Org) -> None:
    _rule(ruled, duplicate_rules=[{"object": "Contact", "fields": ["Email"], "name": "Same_Email"}])
    twin = {"LastName": "Twin", "Email": "ADA@acme.example"}
    answer = ruled.call("POST", "sobjects/Contact", json=twin)
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "DUPLICATES_DETECTED")
    result = error["duplicateResut"]
    assert (result["duplicateRule"], result["allowSave"]) == ("Same_Email", True)
    assert result["matchResults"][0]["matchRecords"][0]["record"]["Id"] == ADA
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    saved = ruled.call("POST", "sobjects/Contact", json=twin, headers=headers)
    assert saved.status_code == 201
    ruled.call("DELETE", f"sobjects/Contact/{saved.json()['id']}")


def test_a_locked_row_refuses_its_own_and_its_childrens_writes(ruled: Org) -> None:
    _rule(ruled, locks=[{"id": ACME, "seconds": 60}])
    error = ruled.refused("PATCH", f"sobjects/Account/{ACME}", 400, json={"Phone": "1"})
    assert error == {
        "message": "unable to obtain exclusive access to this record or 1 records: " + ACME,
        "errorCode": "UNABLE_TO_LOCK_ROW",
        "fields": [],
    }
    child = {"LastName": "Late", "AccountId": ACME}
    refused = ruled.refused("POST", "sobjects/Contact", 400, json=child)
    assert refused["errorCode"] == "UNABLE_TO_LOCK_ROW"
    _create(ruled, "Contact", LastName="Elsewhere")
    clock = f"{ruled.sandbox.connection['control_url']}/clock"
    requests.post(clock, json={"advance_seconds": 61}, timeout=20).raise_for_status()
    assert ruled.call("POST", "sobjects/Contact", json=child).status_code == 201


def test_rules_about_nothing_are_refused(org: Org) -> None:
    for given in ({"wishes": []}, {"validation_rules": [{"object": "Nothing", "when": "x"}]}):
        assert requests.post(_rules(org), json=given, timeout=20).status_code == 400
    assert requests.get(_rules(org), timeout=20).json()["validation_rules"] == []


# ---- what follows from a write


def test_an_inactive_user_owns_nothing_new(org: Org) -> None:
    gone = org.rows("SELECT Id FROM User WHERE IsActive = false")[0]["Id"]
    error = org.refused("POST", "sobjects/Account", 400, json={"Name": "A", "OwnerId": gone})
    words = f"operation performed with inactive user [{gone}] as owner of account"
    assert (error["errorCode"], error["message"]) == ("INACTIVE_OWNER_OR_USER", words)


def test_the_contact_of_a_new_deal_is_its_primary_one(org: Org) -> None:
    deal = _create(org, "Opportunity", Name="With Ada", StageName="Prospecting",
                   CloseDate="2026-12-01", ContactId=ADA)  # fmt: skip
    query = (
        f"SELECT ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId = '{deal}'"
    )
    assert org.rows(query) == [{"ContactId": ADA, "IsPrimary": True}]


def _stage(number: int, name: str, probability: int, **meaning: Any) -> dict[str, Any]:
    """A stage; the later its number, the earlier it stands in the list."""
    return row(
        f"01JHs000000000{number}MAA",
        MasterLabel=name,
        ApiName=name.replace(" ", "_"),
        SortOrder=10 - number,
        DefaultProbability=probability,
        **{"IsActive": True, "IsClosed": False, "IsWon": False, **meaning},
    )


def test_the_orgs_own_stages_decide(tmp_path: Path) -> None:
    stages = [
        _stage(1, "Signed", 100, IsClosed=True, IsWon=True, ForecastCategory="Closed",
               ForecastCategoryName="Closed"),
        _stage(2, "Pitch made", 35, ForecastCategory="BestCase", ForecastCategoryName="Best Case"),
        _stage(3, "Old", 5, IsActive=False),
    ]  # fmt: skip
    with running_org(write_seed(tmp_path / "seed", {**RECORDS, "OpportunityStage": stages})) as org:
        fields = org.get("sobjects/Opportunity/describe")["fields"]
        (choices,) = (f["picklistValues"] for f in fields if f["name"] == "StageName")
        assert [(c["value"], c["label"]) for c in choices] == [
            ("Pitch_made", "Pitch made"),
            ("Signed", "Signed"),
        ]
        new = {"Name": "D", "CloseDate": "2026-12-01", "Amount": 200}
        deal = _create(org, "Opportunity", StageName="Pitch_made", **new)
        wanted = "Probability,ExpectedRevenue,ForecastCategory,ForecastCategoryName,IsClosed,IsWon"
        told = org.get(f"sobjects/Opportunity/{deal}?fields={wanted}")
        del told["attributes"], told["Id"]
        assert list(told.values()) == [35, 70, "BestCase", "Best Case", False, False]
        org.call("PATCH", f"sobjects/Opportunity/{deal}", json={"StageName": "Signed"})
        told = org.get(f"sobjects/Opportunity/{deal}?fields={wanted}")
        assert (told["IsClosed"], told["IsWon"], told["Probability"]) == (True, True, 100)
        given = {"ForecastCategoryName": "Commit"}
        org.call("PATCH", f"sobjects/Opportunity/{deal}", json=given)
        told = org.get(f"sobjects/Opportunity/{deal}?fields={wanted}")
        assert (told["ForecastCategoryName"], told["ForecastCategory"]) == ("Commit", "Forecast")


def test_a_sum_moves_the_stamp_and_not_the_last_modification(org: Org) -> None:
    deal = _create(org, "Opportunity", Name="Summed", StageName="Prospecting",
                   CloseDate="2026-12-01", CurrencyIsoCode="USD")  # fmt: skip
    before = org.get(f"sobjects/Opportunity/{deal}")
    clock = f"{org.sandbox.connection['control_url']}/clock"
    requests.post(clock, json={"advance_seconds": 5}, timeout=20).raise_for_status()
    _create(org, "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=PROBE_USD,
            Quantity=2, UnitPrice=10)  # fmt: skip
    after = org.get(f"sobjects/Opportunity/{deal}")
    assert after["Amount"] == 20
    assert after["LastModifiedDate"] == before["LastModifiedDate"]
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["Pricebook2Id"] == org.get(f"sobjects/PricebookEntry/{PROBE_USD}")["Pricebook2Id"]


def test_lines_of_another_price_book_do_not_fit(org: Org) -> None:
    deal = _create(org, "Opportunity", Name="Partner", StageName="Prospecting",
                   CloseDate="2026-12-01", CurrencyIsoCode="USD", Pricebook2Id=PARTNER)  # fmt: skip
    line = {"OpportunityId": deal, "PricebookEntryId": PROBE_USD, "Quantity": 1}
    error = org.refused("POST", "sobjects/OpportunityLineItem", 400, json=line)
    assert (error["errorCode"], error["fields"]) == (
        "FIELD_INTEGRITY_EXCEPTION",
        ["PricebookEntryId"],
    )


def test_an_activity_belongs_to_the_account_of_what_it_is_about(org: Org) -> None:
    account = org.get(f"sobjects/Opportunity/{DEAL}")["AccountId"]
    for about in ({"WhatId": DEAL}, {"WhatId": account}):
        task = _create(org, "Task", Subject="Call", Priority="High", Status="Completed", **about)
        told = org.get(f"sobjects/Task/{task}")
        assert (told["AccountId"], told["IsHighPriority"]) == (account, True)
        assert told["CompletedDateTime"]
    event = _create(org, "Event", Subject="Meet", WhoId=ADA)
    assert org.get(f"sobjects/Event/{event}")["AccountId"] == ACME


def test_an_account_with_cases_cannot_go(org: Org) -> None:
    account = _create(org, "Account", Name="Complaining")
    case = _create(org, "Case", Subject="Broken", AccountId=account)
    number = org.get(f"sobjects/Case/{case}")["CaseNumber"]
    error = org.refused("DELETE", f"sobjects/Account/{account}", 400)
    assert error["errorCode"] == "DELETE_FAILED"
    assert f"associated with the following cases.: {number}" in error["message"]
    assert org.call("PATCH", f"sobjects/Case/{case}", json={"Status": "Closed"}).status_code == 204
    assert org.get(f"sobjects/Case/{case}")["ClosedDate"]
    assert org.call("DELETE", f"sobjects/Case/{case}").status_code == 204
    assert org.call("DELETE", f"sobjects/Account/{account}").status_code == 204


# ---- below a record


def test_relationships_are_addresses(org: Org) -> None:
    contact = _create(org, "Contact", LastName="Below", AccountId=ACME)
    assert org.get(f"sobjects/Contact/{contact}/Account?fields=Name")["Name"] == "Acme GmbH"
    children = org.get(f"sobjects/Account/{ACME}/Contacts?fields=Id,LastName")
    assert contact in [r["Id"] for r in children["records"]]
    assert children["totalSize"] == len(children["records"])
    assert org.get(f"sobjects/Account/{ACME}/Owner")["Id"] == USER
    assert org.refused("GET", f"sobjects/Account/{ACME}/Parent", 404)["errorCode"] == "NOT_FOUND"
    assert org.refused("GET", f"sobjects/Account/{ACME}/Wishes", 404)["errorCode"] == "NOT_FOUND"


def test_content_has_its_own_address(org: Org) -> None:
    content = b"\x00\x01 not text"
    body = base64.b64encode(content).decode()
    paper = _create(org, "Attachment", ParentId=ACME, Name="a.bin", Body=body, ContentType="x/y")
    told = org.get(f"sobjects/Attachment/{paper}")
    assert (told["BodyLength"], told["Body"]) == (
        len(content),
        f"/services/data/v68.0/sobjects/Attachment/{paper}/Body",
    )
    answer = org.call("GET", told["Body"])
    assert (answer.content, answer.headers["Content-Type"]) == (content, "x/y")
    bad = {"ParentId": ACME, "Name": "b", "Body": "%%%"}
    assert org.refused("POST", "sobjects/Attachment", 400, json=bad)["fields"] == ["Body"]


def test_a_file_is_sent_as_a_form_and_makes_its_document(org: Org) -> None:
    content = bytes(range(256)) + b"\r\n--x\r\r\n\n"

    def sent(**described: Any) -> Any:
        told = json.dumps({"PathOnClient": "offer.docx", **described})
        return org.call(
            "POST",
            "sobjects/ContentVersion",
            files={
                "entity_content": (None, told, "application/json"),
                "VersionData": ("offer.docx", content, "application/octet-stream"),
            },
        )

    answer = sent(FirstPublishLocationId=ACME)
    assert answer.status_code == 201, answer.text
    first = org.get(f"sobjects/ContentVersion/{answer.json()['id']}")
    assert (first["Title"], first["FileType"], first["ContentSize"], first["VersionNumber"]) == (
        "offer",
        "WORD_X",
        len(content),
        "1",
    )
    assert org.call("GET", first["VersionData"]).content == content
    document = first["ContentDocumentId"]
    shares = org.rows(
        "SELECT LinkedEntityId, ShareType FROM ContentDocumentLink "
        f"WHERE ContentDocumentId = '{document}' ORDER BY ShareType"
    )
    assert shares == [
        {"LinkedEntityId": ACME, "ShareType": "V"},
        {"LinkedEntityId": USER, "ShareType": "I"},
    ]
    second = sent(ContentDocumentId=document, Title="Better").json()["id"]
    versions = org.rows("SELECT Id, IsLatest, VersionData FROM ContentVersion ORDER BY Id")
    assert [v["IsLatest"] for v in versions] == [False, True]
    assert versions[1]["VersionData"].endswith(f"/sobjects/ContentVersion/{second}/VersionData")
    told = org.get(f"sobjects/ContentDocument/{document}")
    assert (told["Title"], told["LatestPublishedVersionId"]) == ("Better", second)


def test_forms_that_hold_no_record(org: Org) -> None:
    text = {"Body": (None, b"x", "text/plain")}
    error = org.refused("POST", "sobjects/Attachment", 400, files=text)
    assert error["errorCode"] == "INVALID_MULTIPART_REQUEST"
    described = {"entity_a": (None, "{}", "application/json"), "Nope": (None, b"x", "text/plain")}
    error = org.refused("POST", "sobjects/Attachment", 400, files=described)
    assert "Nope" in error["message"]


# ---- many at once


def test_upsert_by_id_without_an_id_creates(org: Org) -> None:
    assert org.call("POST", "sobjects/Account/Id", json={"Name": "By id"}).status_code == 201


def test_at_most_ten_runs_of_one_kind(org: Org) -> None:
    kinds = ("Account", "Contact") * 6
    records = [{"attributes": {"type": k}, "Name": "n", "LastName": "n"} for k in kinds]
    answer = org.call("POST", "composite/sobjects", json={"records": records})
    assert (answer.status_code, "more than 10 chunks" in answer.text) == (400, True)


def test_failed_rows_of_an_upsert_say_created(org: Org) -> None:
    rows = [{"attributes": {"type": "Account"}, "QBO_Customer_Id__c": f"all-{n}", "Name": "n"}
            for n in range(3)]  # fmt: skip
    rows[1]["OwnerId"] = "INVALID_OWNER"
    path = "composite/sobjects/Account/QBO_Customer_Id__c"
    done = org.call("PATCH", path, json={"allOrNone": True, "records": rows}).json()
    assert [r["created"] for r in done] == [True, True, True]
    codes = [r["errors"][0]["statusCode"] for r in done]
    rolled_back = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert codes == [rolled_back, "MALFORMED_ID", rolled_back]


def test_graphs_are_kept_or_taken_back_one_by_one(org: Org) -> None:
    def graph(name: str, *bodies: dict[str, Any]) -> dict[str, Any]:
        url = "/services/data/v68.0/sobjects/Account"
        parts = [
            {"method": "POST", "url": url, "referenceId": f"r{n}", "body": body}
            for n, body in enumerate(bodies)
        ]
        return {"graphId": name, "compositeRequest": parts}

    graphs = [graph("good", {"Name": "Kept"}), graph("bad", {"Name": "Undone"}, {"Phone": "1"})]
    answers = org.call("POST", "composite/graph", json={"graphs": graphs}).json()["graphs"]
    assert [(a["graphId"], a["isSuccessful"]) for a in answers] == [("good", True), ("bad", False)]
    assert len(org.rows("SELECT Id FROM Account WHERE Name IN ('Kept', 'Undone')")) == 1


def test_a_composite_names_each_part_once(org: Org) -> None:
    part = {"method": "GET", "url": "/services/data/v68.0/limits", "referenceId": "a"}
    twice = {"compositeRequest": [part, part]}
    error = org.refused("POST", "composite", 400, json=twice)
    assert error["message"] == "Duplicate referenceId: a"
    error = org.refused("POST", "composite", 400, json={"compositeRequest": [{"method": "GET"}]})
    assert error["fields"] == ["url"]


def test_a_tree_has_five_levels(org: Org) -> None:
    tree: dict[str, Any] = {}
    for n in range(6):
        attributes = {"type": "Account", "referenceId": f"r{n}"}
        tree = {"attributes": attributes, "Name": "n"} | (
            {"ChildAccounts": {"records": [tree]}} if tree else {}
        )
    error = org.refused("POST", "composite/tree/Account", 400, json={"records": [tree]})
    assert error["errorCode"] == "LIMIT_EXCEEDED"
    smaller = tree["ChildAccounts"]["records"]
    assert org.call("POST", "composite/tree/Account", json={"records": smaller}).status_code == 201


# ---- HTTP


def test_other_methods_are_told_which_are_allowed(org: Org) -> None:
    answer = org.call("POST", "query")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "HEAD,GET")


def test_addresses_that_are_too_long(org: Org) -> None:
    assert org.call("GET", "query", params={"q": "x" * 17_000}).status_code == 414


def test_headers_that_are_too_long(org: Org) -> None:
    assert org.call("GET", "limits", headers={"X-Long": "x" * 17_000}).status_code == 431
    assert org.call("GET", "limits", headers={"X-Long": "x" * 15_000}).status_code == 200


@pytest.mark.parametrize("accepted", ["gzip", "deflate, GZIP;q=0.5"])
def test_answers_are_compressed_when_asked(org: Org, accepted: str) -> None:
    def raw(accepted: str, path: str) -> requests.Response:
        return org.call("GET", path, headers={"Accept-Encoding": accepted}, stream=True)

    plain = raw("identity", "sobjects")
    packed = raw(accepted, "sobjects")
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (
        None,
        "gzip",
    )
    body = packed.raw.read(decode_content=False)
    assert len(body) == int(packed.headers["Content-Length"])
    assert gzip.decompress(body) == plain.content
    assert "Content-Encoding" not in raw("gzip;q=0", "sobjects").headers
    short = f"sobjects/Account/{ACME}?fields=Name"
    assert "Content-Encoding" not in raw(accepted, short).headers


def test_deflate_both_ways(org: Org) -> None:
    plain = org.call("GET", "sobjects", headers={"Accept-Encoding": "identity"})
    answer = org.call("GET", "sobjects", headers={"Accept-Encoding": "deflate"})
    assert (answer.headers["Content-Encoding"], answer.content) == ("deflate", plain.content)
    body = b'{"Name": "Deflated"}'
    for sent in (zlib.compress(body), zlib.compress(body)[2:-4]):
        headers = {"Content-Encoding": "deflate", "Content-Type": "application/json"}
        made = org.call("POST", "sobjects/Account", data=sent, headers=headers)
        assert made.status_code == 201, made.text
    broken = org.call("POST", "sobjects/Account", data=b"x", headers={"Content-Encoding": "gzip"})
    assert broken.status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_bodies_that_are_not_json(org: Org, kind: str) -> None:
    headers = {"Content-Type": kind}
    error = org.refused("POST", "sobjects/Account", 415, data="Name=A", headers=headers)
    assert error["errorCode"] == "UNSUPPORTED_MEDIA_TYPE"


def test_limit_info_stands_on_refusals_too(org: Org) -> None:
    assert "api-usage=" in org.call("GET", "nothing").headers["Sforce-Limit-Info"]
