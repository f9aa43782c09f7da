"""What the vendor says of bodies, ids and addresses that are wrong, word for word."""

from __future__ import annotations

from decimal import Decimal

import pytest
from salesforce_org import ACME, ADA, USER, Org

ACCOUNTS = "sobjects/Account"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The HTTP entity body is required, but this request has no entity body."),
        # As asserted by suites that run against the vendor: the column is the one behind.
        (
            '{name "Acme"}',
            "Unexpected character ('n' (code 110)): was expecting double-quote to start field "
            "name at [line:1, column:3]",
        ),
        (
            '{"Name" "Acme"}',
            "Unexpected character ('\"' (code 34)): was expecting a colon to separate field name "
            "and value at [line:1, column:10]",
        ),
        (
            '{"Name":"A"\n "Phone":"1"}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate OBJECT entries "
            "at [line:2, column:3]",
        ),
        (
            '{"Name":}',
            "Unexpected character ('}' (code 125)): expected a valid value (number, String, array, "
            "object, 'true', 'false' or 'null') at [line:1, column:10]",
        ),
        (
            '{"Name":"A",}',
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name "
            "at [line:1, column:14]",
        ),
        (
            "Name=A",
            "Unrecognized token 'Name': was expecting 'null', 'true', 'false' or NaN "
            "at [line:1, column:5]",
        ),
        ('{"Name":"A"', "Unexpected end-of-input at [line:1, column:12]"),
        ('[{"Name":"A"}]', "Can not deserialize SObject out of START_ARRAY token "
                           "at [line:1, column:1]"),
    ],
)  # fmt: skip
def test_bodies_that_are_not_a_record(org: Org, body: str, message: str) -> None:
    headers = {"Content-Type": "application/json"}
    error = org.refused("POST", ACCOUNTS, 400, data=body.encode(), headers=headers)
    assert error == {"message": message, "errorCode": "JSON_PARSER_ERROR"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("NumberOfEmployees", 1.5, "int from VALUE_NUMBER_FLOAT value 1.5"),
        ("NumberOfEmployees", "many", "int from VALUE_STRING value many"),
        ("AnnualRevenue", True, "double from VALUE_TRUE value true"),
        ("Name", {"a": 1}, "string from START_OBJECT value {"),
        ("Name", ["a"], "string from START_ARRAY value ["),
    ],
)
def test_values_of_another_kind(org: Org, field: str, value: object, told: str) -> None:
    error = org.refused("POST", ACCOUNTS, 400, json={"Name": "A", field: value})
    assert error["errorCode"] == "JSON_PARSER_ERROR"
    assert error["message"].startswith(f"Cannot deserialize instance of {told} or request may be")


def test_what_is_no_id_is_taken_for_a_key(org: Org) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        error = org.refused(method, f"{ACCOUNTS}/foo", 404, json={"Name": "A"})
        assert error == {
            "message": "Provided external ID field does not exist or is not accessible: foo",
            "errorCode": "NOT_FOUND",
        }


@pytest.mark.parametrize("record_id", [ACME[:15] + "ZZZ", ADA])
def test_ids_of_another_kind(org: Org, record_id: str) -> None:
    for method in ("PATCH", "DELETE"):
        error = org.refused(method, f"{ACCOUNTS}/{record_id}", 400, json={"Name": "A"})
        assert error == {
            "message": f"Account ID: id value of incorrect type: {record_id}",
            "errorCode": "MALFORMED_ID",
            "fields": ["Id"],
        }
    assert org.refused("GET", f"{ACCOUNTS}/{record_id}", 404)["errorCode"] == "NOT_FOUND"


def test_an_id_that_no_record_ever_had(org: Org) -> None:
    nobody = "001000000000000AAA"
    assert org.refused("GET", f"{ACCOUNTS}/{nobody}", 404)["errorCode"] == "NOT_FOUND"
    for method in ("PATCH", "DELETE"):
        error = org.refused(method, f"{ACCOUNTS}/{nobody}", 404, json={"Name": "A"})
        assert error == {
            "message": "invalid cross reference id",
            "errorCode": "INVALID_CROSS_REFERENCE_KEY",
            "fields": [],
        }
    row = {"attributes": {"type": "Account"}, "id": nobody, "Name": "A"}
    (done,) = org.call("PATCH", "composite/sobjects", json={"records": [row]}).json()
    assert [e["statusCode"] for e in done["errors"]] == ["INVALID_CROSS_REFERENCE_KEY"]


def test_every_text_comes_after_the_empty_one(org: Org) -> None:
    named = org.rows("SELECT Id FROM Account WHERE BillingCity > ''")
    assert [row["Id"] for row in named] == [ACME]
    assert org.rows("SELECT Id FROM Account WHERE BillingCity < ''") == []


def test_a_parent_of_another_kind(org: Org) -> None:
    error = org.refused("POST", "sobjects/Contact", 400, json={"LastName": "L", "AccountId": USER})
    assert error == {
        "message": f"Account ID: id value of incorrect type: {USER}",
        "errorCode": "FIELD_INTEGRITY_EXCEPTION",
        "fields": ["AccountId"],
    }


def test_apex_rest_has_no_class(org: Org) -> None:
    error = org.refused("POST", "/services/apexrest/Orders/1", 404, json={})
    assert error == {"message": "Could not find a match for URL", "errorCode": "NOT_FOUND"}


def test_a_users_password(org: Org) -> None:
    place = f"sobjects/User/{USER}/password"
    assert org.get(place) == {"isExpired": False}
    assert org.client.set_password(USER, "new-pass-word-1") is None
    assert _logs_in(org, "new-pass-word-1")
    short = org.refused("POST", place, 400, json={"NewPassword": "short"})
    assert short["errorCode"] == "INVALID_NEW_PASSWORD"
    made = org.call("DELETE", place).json()["NewPassword"]
    assert _logs_in(org, made) and not _logs_in(org, "new-pass-word-1")


def _logs_in(org: Org, password: str) -> bool:
    form = {
        "grant_type": "password",
        "client_id": org.connection["client_id"],
        "client_secret": org.connection["client_secret"],
        "username": org.connection["username"],
        "password": password,
    }
    answer = org.http.post(f"{org.sandbox.salesforce_url}/services/oauth2/token", data=form)
    assert answer.status_code in (200, 400)
    return answer.status_code == 200


def test_limits_that_dashboards_read(org: Org) -> None:
    told = org.get("limits")
    assert {"DailyAsyncApexExecutions", "HourlySyncReportRuns", "PermissionSets"} <= told.keys()
    assert all(0 <= v["Remaining"] <= v["Max"] for v in told.values())


def test_the_door_of_deployments(org: Org) -> None:
    assert org.get("metadata") == {"deployRequest": "/services/data/v68.0/metadata/deployRequest"}


def test_numbers_stay_numbers(org: Org) -> None:
    made = org.call("POST", ACCOUNTS, json={"Name": "A", "NumberOfEmployees": 12}).json()["id"]
    told = org.get(f"{ACCOUNTS}/{made}", params={"fields": "NumberOfEmployees"})
    assert told["NumberOfEmployees"] == Decimal(12)


def test_versions_have_no_halves(org: Org) -> None:
    assert org.refused("GET", "/services/data/v62.5/limits", 404)["errorCode"] == "NOT_FOUND"


def test_trees_name_their_records(org: Org) -> None:
    plain = {"attributes": {"type": "Account"}, "Name": "A"}
    error = org.refused("POST", "composite/tree/Account", 403, json={"records": [plain]})
    assert error == {
        "message": "Include a reference ID for each record in the request.",
        "errorCode": "INVALID_INPUT",
    }
    named = {"attributes": {"type": "Account", "referenceId": "r1"}, "Name": "Named twice"}
    answer = org.call("POST", "composite/tree/Account", json={"records": [named, named]})
    assert (answer.status_code, answer.json()["hasErrors"]) == (400, True)
    (told,) = answer.json()["results"]
    assert told["referenceId"] == "r1"
    assert told["errors"] == [
        {
            "statusCode": "INVALID_INPUT",
            "message": "Duplicate ReferenceId provided in the request.",
            "fields": [],
        }
    ]
    assert org.rows("SELECT Id FROM Account WHERE Name = 'Named twice'") == []
