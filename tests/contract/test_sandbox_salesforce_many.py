"""Many records in one call: collections, composite, batch and tree of the Salesforce sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_org import ACME, ADA, BOREAL, DEAL, DELETED, Org

KEY = "QBO_Customer_Id__c"
ROLLED_BACK = (
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header"
)


def account(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, **values}


def collect(org: Org, method: str, path: str = "", **body: Any) -> list[dict[str, Any]]:
    answer = org.call(method, f"composite/sobjects{path}", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def count(org: Org) -> int:
    return int(org.get("query", params={"q": "SELECT COUNT() FROM Account"})["totalSize"])


def codes(results: list[dict[str, Any]]) -> list[str | None]:
    return [r["errors"][0]["statusCode"] if r["errors"] else None for r in results]


# ---- collections


def test_create_some_and_refuse_some(org: Org) -> None:
    results = collect(
        org, "POST", allOrNone=False, records=[account(Name="A"), account(), account(Name="C")]
    )
    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", None]
    assert results[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert set(results[0]) == {"id", "success", "errors"}
    assert count(org) == 4


def test_all_or_none(org: Org) -> None:
    results = collect(
        org, "POST", allOrNone=True, records=[account(Name="A"), account(), account(Name="C")]
    )
    assert codes(results) == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    assert results[0]["errors"][0]["message"] == ROLLED_BACK
    assert count(org) == 2
    assert org.journal()[-2]["writes"] == []


def test_update_names_the_failed_record(org: Org) -> None:
    results = collect(
        org,
        "PATCH",
        allOrNone=False,
        records=[account(id=ACME, Phone="1"), account(id=BOREAL, Name=None), account(Phone="2")],
    )
    assert codes(results) == [None, "REQUIRED_FIELD_MISSING", "MISSING_ARGUMENT"]
    assert [r.get("id") for r in results] == [ACME, BOREAL, None]


def test_update_of_deleted_records(org: Org) -> None:
    (result,) = collect(org, "PATCH", records=[account(id=DELETED, Phone="1")])
    assert codes([result]) == ["ENTITY_IS_DELETED"]
    assert result["errors"][0]["fields"] == []


def test_delete_many(org: Org) -> None:
    answer = org.call(
        "DELETE",
        "composite/sobjects",
        params={"ids": f"{BOREAL},{DELETED},001Hs0000009999IAA", "allOrNone": "false"},
    )
    assert codes(answer.json()) == [None, "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"]
    assert count(org) == 1


def test_several_kinds_in_one_call(org: Org) -> None:
    contact = {"attributes": {"type": "Contact"}, "LastName": "L"}
    results = collect(org, "POST", records=[account(Name="A"), contact])
    assert [r["id"][:3] for r in results] == ["001", "003"]


def test_at_most_two_hundred(org: Org) -> None:
    full = collect(org, "POST", records=[account(Name=f"A{n}") for n in range(200)])
    assert all(r["success"] for r in full)
    error = org.refused(
        "POST",
        "composite/sobjects",
        400,
        json={"records": [account(Name=f"A{n}") for n in range(201)]},
    )
    assert error["errorCode"] == "EXCEEDED_ID_LIMIT"
    assert "cannot submit more than 200 records" in error["message"]
    assert count(org) == 202


def test_upsert_many(org: Org) -> None:
    results = collect(
        org,
        "PATCH",
        f"/Account/{KEY}",
        records=[
            account(Name="New", **{KEY: "n-1"}),
            account(Phone="1", **{KEY: "9341450000000001:58"}),
            account(Name="No key"),
            account(Name="Twice", **{KEY: "t-1"}),
            account(Name="Twice", **{KEY: "T-1"}),
        ],
    )
    assert codes(results) == [None, None, "MISSING_ARGUMENT", "DUPLICATE_VALUE", "DUPLICATE_VALUE"]
    assert [r.get("created") for r in results[:2]] == [True, False]
    assert results[2]["errors"][0]["message"] == f"{KEY} not specified"
    assert results[3]["errors"][0]["message"].startswith("Duplicate external id specified: ")


def test_upsert_many_by_email(org: Org) -> None:
    contact = {"attributes": {"type": "Contact"}, "Email": "ADA@acme.example", "Title": "Countess"}
    (result,) = collect(org, "PATCH", "/Contact/Email", records=[contact])
    assert (result["id"], result["created"]) == (ADA, False)


def test_upsert_many_with_an_ambiguous_key(org: Org) -> None:
    (result,) = collect(
        org, "PATCH", "/Account/Region_Key__c", records=[account(Region_Key__c="north")]
    )
    assert codes([result]) == ["DUPLICATE_EXTERNAL_ID"]
    assert "more than one record found for external id field: [" in result["errors"][0]["message"]


def test_upsert_many_by_what_is_no_key(org: Org) -> None:
    body = {"records": [account(Phone="1")]}
    error = org.refused("PATCH", "composite/sobjects/Account/Phone", 404, json=body)
    assert error["errorCode"] == "NOT_FOUND"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_retrieve_many(org: Org, method: str) -> None:
    wanted, fields = [ACME, "001Hs0000009999IAA"], ["Id", "Name"]
    if method == "GET":
        given: dict[str, Any] = {"params": {"ids": ",".join(wanted), "fields": ",".join(fields)}}
    else:
        given = {"json": {"ids": wanted, "fields": fields}}
    first, second = org.call(method, "composite/sobjects/Account", **given).json()
    assert (first["Id"], first["Name"]) == (ACME, "Acme GmbH")
    assert second is None


# ---- composite


def part(method: str, path: str, reference: str, **more: Any) -> dict[str, Any]:
    return {
        "method": method,
        "url": f"/services/data/v68.0/{path}",
        "referenceId": reference,
        **more,
    }


def composite(org: Org, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    answer = org.call(
        "POST", "composite", json={"allOrNone": all_or_none, "compositeRequest": list(parts)}
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["compositeResponse"])


def test_parts_refer_to_each_other(org: Org) -> None:
    made, asked, found = composite(
        org,
        part("POST", "sobjects/Account", "a", body={"Name": "A"}),
        part("GET", "query?q=SELECT+Id+FROM+Account+WHERE+Id='@{a.id}'", "q"),
        part(
            "POST",
            "sobjects/Contact",
            "c",
            body={"LastName": "L", "AccountId": "@{q.records[0].Id}"},
        ),
    )
    assert (made["httpStatusCode"], made["referenceId"]) == (201, "a")
    assert made["httpHeaders"]["Location"].endswith(made["body"]["id"])
    assert asked["body"]["records"][0]["Id"] == made["body"]["id"]
    contact = org.get(f"sobjects/Contact/{found['body']['id']}")
    assert contact["AccountId"] == made["body"]["id"]


def test_a_failed_part_and_what_depends_on_it(org: Org) -> None:
    failed, halted, other = composite(
        org,
        part("POST", "sobjects/Account", "a", body={}),
        part("GET", "sobjects/Account/@{a.id}", "b"),
        part("PATCH", f"sobjects/Account/{ACME}", "c", body={"Phone": "1"}),
    )
    assert failed["httpStatusCode"] == 400
    assert failed["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert halted["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert other["httpStatusCode"] == 204 and other["body"] is None


def test_a_composite_as_a_whole(org: Org) -> None:
    results = composite(
        org,
        part("POST", "sobjects/Account", "a", body={"Name": "A"}),
        part("POST", "sobjects/Account", "b", body={}),
        part("POST", "sobjects/Account", "c", body={"Name": "C"}),
        all_or_none=True,
    )
    assert [r["body"][0]["errorCode"] for r in results] == [
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert count(org) == 2


def test_a_composite_is_one_call_and_a_batch_is_several(org: Org) -> None:
    def used() -> int:
        limits = org.get("limits")["DailyApiRequests"]
        return int(limits["Max"]) - int(limits["Remaining"])

    start = used()
    composite(org, *(part("GET", "limits", f"r{n}") for n in range(3)))
    assert used() - start == 2
    start = used()
    body = {"batchRequests": [{"method": "GET", "url": "v68.0/limits"}] * 3}
    org.call("POST", "composite/batch", json=body)
    assert used() - start >= 4


def test_batch(org: Org) -> None:
    answer = org.call(
        "POST",
        "composite/batch",
        json={
            "haltOnError": True,
            "batchRequests": [
                {
                    "method": "PATCH",
                    "url": f"v68.0/sobjects/Account/{ACME}",
                    "richInput": {"Phone": "1"},
                },
                {"method": "GET", "url": "v68.0/sobjects/Nothing"},
                {"method": "GET", "url": "v68.0/limits"},
            ],
        },
    ).json()
    assert answer["hasErrors"] is True
    assert [r["statusCode"] for r in answer["results"]] == [204, 404, 412]
    assert answer["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_tree(org: Org) -> None:
    records = [
        {
            "attributes": {"type": "Account", "referenceId": "r1"},
            "Name": "A",
            "Contacts": {
                "records": [
                    {"attributes": {"type": "Contact", "referenceId": "r2"}, "LastName": "L"}
                ]
            },
        }
    ]
    answer = org.call("POST", "composite/tree/Account", json={"records": records})
    body = answer.json()
    assert (answer.status_code, body["hasErrors"]) == (201, False)
    made = {r["referenceId"]: r["id"] for r in body["results"]}
    assert org.get(f"sobjects/Contact/{made['r2']}")["AccountId"] == made["r1"]


def test_a_tree_with_a_bad_branch_is_not_stored(org: Org) -> None:
    records = [{"attributes": {"type": "Account", "referenceId": f"r{n}"}} for n in range(2)]
    records[0]["Name"] = "A"  # type: ignore[assignment]
    answer = org.call("POST", "composite/tree/Account", json={"records": records})
    assert answer.status_code == 400
    (failed,) = answer.json()["results"]
    assert failed["referenceId"] == "r1"
    assert failed["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert count(org) == 2


def test_deals_of_the_small_org_are_whole(org: Org) -> None:
    results = collect(
        org,
        "PATCH",
        records=[
            {"attributes": {"type": "Opportunity"}, "id": DEAL, "StageName": "Closed Won"},
            {"attributes": {"type": "Opportunity"}, "id": DEAL, "NextStep": "x" * 300},
        ],
    )
    assert codes(results) == [None, "STRING_TOO_LONG"]
    assert org.get(f"sobjects/Opportunity/{DEAL}")["IsWon"] is True


def test_a_part_of_a_batch_may_name_the_whole_path(org: Org) -> None:
    parts = [
        {"method": "GET", "url": f"{root}v68.0/sobjects/Account/{ACME}"}
        for root in ("", "/", "/services/data/")
    ]
    answer = org.call("POST", "composite/batch", json={"batchRequests": parts}).json()
    assert [part["statusCode"] for part in answer["results"]] == [200, 200, 200]
