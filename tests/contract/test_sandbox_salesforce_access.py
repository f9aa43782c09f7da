"""What an org refuses because it was set up so: validation rules as metadata, rights on objects."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound
from simple_salesforce.metadata import SfdcMetadataApi

from tests.contract.salesforce_org import ACME, BOREAL, DEAL, Org, running_org, write_seed
from tests.contract.salesforce_users import as_user

RULES = "tooling/sobjects/ValidationRule"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("access") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


@pytest.fixture
def ruled(org: Org) -> Iterator[Org]:
    yield org
    for row in org.get("tooling/query", params={"q": "SELECT Id FROM ValidationRule"})["records"]:
        assert org.call("DELETE", f"{RULES}/{row['Id']}").status_code == 204


def _rule(formula: str, **more: Any) -> dict[str, Any]:
    rule = {"active": True, "errorConditionFormula": formula, "errorMessage": "Not so."}
    return {**rule, **more}


def _make(org: Org, name: str, formula: str, **more: Any) -> str:
    body = {"FullName": name, "Metadata": _rule(formula, **more)}
    answer = org.call("POST", RULES, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# ---- validation rules


def test_a_rule_made_through_tooling_is_held_against_every_write(ruled: Org) -> None:
    made = _make(ruled, "Account.Phone_Needed", "ISBLANK(Phone) && BEGINS(Name, 'X')",
                 errorDisplayField="Phone", errorMessage="Phone?")  # fmt: skip
    assert made.startswith("03d")
    refused = {
        "message": "Phone?", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Phone"],
    }  # fmt: skip
    assert ruled.refused("POST", "sobjects/Account", 400, json={"Name": "Xenon"}) == refused
    assert ruled.refused("PATCH", f"sobjects/Account/{ACME}", 400, json={"Name": "Xe"}) == refused
    (told,) = ruled.client.bulk2.Account.insert(
        records=[{"Name": "Xe"}, {"Name": "Argon"}], wait=1
    )  # fmt: skip
    assert told["numberRecordsFailed"] == 1
    row = ruled.get(f"{RULES}/{made}")
    assert (row["ValidationName"], row["EntityDefinitionId"]) == ("Phone_Needed", "Account")
    found = ruled.get(
        "tooling/query",
        params={"q": "SELECT Metadata FROM ValidationRule WHERE ValidationName = 'Phone_Needed'"},
    )
    assert found["records"][0]["Metadata"]["errorMessage"] == "Phone?"
    off = {"Metadata": {**row["Metadata"], "active": False}}
    assert ruled.call("PATCH", f"{RULES}/{made}", json=off).status_code == 204
    ruled.client.Account.create({"Name": "Xenon"})


def test_a_rule_sees_what_a_write_changes_and_parents(ruled: Org) -> None:
    _make(ruled, "Opportunity.No_Less", "ISCHANGED(Amount) && Amount < PRIORVALUE(Amount)")
    _make(ruled, "Opportunity.No_New_For_Acme", "ISNEW() && Account.Name = 'Acme GmbH'",
          errorMessage="Not for them.")  # fmt: skip
    path = f"sobjects/Opportunity/{DEAL}"
    assert ruled.refused("PATCH", path, 400, json={"Amount": 1})["message"] == "Not so."
    assert ruled.call("PATCH", path, json={"Amount": 2000}).status_code == 204
    given = {"Name": "N", "StageName": "Prospecting", "CloseDate": "2026-12-01", "AccountId": ACME}
    error = ruled.refused("POST", "sobjects/Opportunity", 400, json=given)
    assert error["message"] == "Not for them."
    given["AccountId"] = BOREAL
    assert ruled.call("POST", "sobjects/Opportunity", json=given).status_code == 201


@pytest.mark.parametrize(
    ("name", "rule", "code"),
    [
        ("Account.A", _rule("Nmae = 'x'"), "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.A", _rule("Name"), "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.A", _rule("true", errorDisplayField="Nmae"), "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.A", {"active": True, "errorMessage": "?"}, "REQUIRED_FIELD_MISSING"),
        ("Account.A", _rule("true", errorMessage="x" * 256), "STRING_TOO_LONG"),
        ("Wish.A", _rule("true"), "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_rules_that_cannot_be(ruled: Org, name: str, rule: dict[str, Any], code: str) -> None:
    body = {"FullName": name, "Metadata": rule}
    assert ruled.refused("POST", RULES, 400, json=body)["errorCode"] == code
    ruled.client.Account.create({"Name": "As before"})


def test_rules_by_metadata_api_and_by_deployment(ruled: Org) -> None:
    base, token = ruled.sandbox.salesforce_url, ruled.connection["access_token"]
    mdapi = SfdcMetadataApi(
        requests.Session(), token, "localhost", f"{base}/services/Soap/m/59.0/",
        {"Authorization": f"Bearer {token}"}, "59.0",
    )  # fmt: skip
    kind = mdapi.ValidationRule
    kind.create([kind(fullName="Contact.No_Z", **_rule("LastName = 'Z'"))])
    error = ruled.refused("POST", "sobjects/Contact", 400, json={"LastName": "Z"})
    assert error["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert kind.read(["Contact.No_Z"]).errorConditionFormula == "LastName = 'Z'"
    kind.update([kind(fullName="Contact.No_Z", **_rule("LastName = 'Y'"))])
    assert ruled.call("POST", "sobjects/Contact", json={"LastName": "Z"}).status_code == 201
    kind.delete(["Contact.No_Z"])
    assert ruled.call("POST", "sobjects/Contact", json={"LastName": "Y"}).status_code == 201

    space = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
    files = {
        "package.xml": f"<Package {space}><types><members>Contact.No_Q</members><name>"
        "ValidationRule</name></types><version>62.0</version></Package>",
        "objects/Contact.object": f"<CustomObject {space}><validationRules><fullName>No_Q"
        "</fullName><active>true</active><errorConditionFormula>LastName = &quot;Q&quot;"
        "</errorConditionFormula><errorMessage>No Q.</errorMessage></validationRules>"
        "</CustomObject>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    answer = requests.post(
        f"{base}/services/data/v62.0/metadata/deployRequest",
        files={
            "json": (None, json.dumps({"deployOptions": {"rollbackOnError": True}}),
                     "application/json"),
            "file": ("deploy.zip", out.getvalue(), "application/zip"),
        },
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )  # fmt: skip
    path = f"metadata/deployRequest/{answer.json()['id']}?includeDetails=true"
    told = ruled.get(path)["deployResult"]
    assert told["success"] is True, told
    assert ruled.refused("POST", "sobjects/Contact", 400, json={"LastName": "Q"})["message"] == (
        "No Q."
    )


# ---- rights on objects


def _grant(org: Org, name: str, user_id: str, **rights: bool) -> str:
    permission_set = org.client.PermissionSet.create({"Name": f"Set_{name}", "Label": name})["id"]
    given = {"ParentId": permission_set, "SobjectType": name}
    org.client.ObjectPermissions.create({**given, **rights})
    assigned = {"PermissionSetId": permission_set, "AssigneeId": user_id}
    org.client.PermissionSetAssignment.create(assigned)
    return str(permission_set)


def _code(refused: pytest.ExceptionInfo[Any]) -> str:
    return str(refused.value.content[0]["errorCode"])


def _objects(client: Salesforce) -> set[str]:
    return {one["name"] for one in client.describe()["sobjects"]}


def test_an_object_made_through_an_api_is_hidden_until_it_is_given(org: Org) -> None:
    base, token = org.sandbox.salesforce_url, org.connection["access_token"]
    mdapi = SfdcMetadataApi(
        requests.Session(), token, "localhost", f"{base}/services/Soap/m/59.0/",
        {"Authorization": f"Bearer {token}"}, "59.0",
    )  # fmt: skip
    mdapi.CustomObject.create(
        [
            mdapi.CustomObject(
                fullName="Vault__c", label="Vault", pluralLabel="Vaults",
                nameField=mdapi.CustomField(label="Name", type="Text"),
                deploymentStatus="Deployed", sharingModel="ReadWrite",
            )
        ]
    )  # fmt: skip
    kept = org.client.Vault__c.create({"Name": "gold"})["id"]
    user_id, client = as_user(org, "vera")
    assert "Vault__c" not in _objects(client)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.query("SELECT Id FROM Vault__c")
    assert _code(refused) == "INVALID_TYPE"
    with pytest.raises(SalesforceResourceNotFound):
        client.Vault__c.get(kept)
    _grant(org, "Vault__c", user_id, PermissionsRead=True)
    assert client.Vault__c.get(kept)["Name"] == "gold"
    described = client.Vault__c.describe()
    assert [described[n] for n in ("createable", "updateable", "deletable")] == [False] * 3
    for write, code in (
        (lambda: client.Vault__c.create({"Name": "x"}), "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
        (lambda: client.Vault__c.update(kept, {"Name": "x"}), "INSUFFICIENT_ACCESS_OR_READONLY"),
        (lambda: client.Vault__c.delete(kept), "INSUFFICIENT_ACCESS_OR_READONLY"),
    ):
        with pytest.raises(SalesforceMalformedRequest) as refused:
            write()
        assert _code(refused) == code


def test_a_profile_that_reads_only_may_be_given_more(org: Org) -> None:
    user_id, client = as_user(org, "rudi", "Read Only")
    assert client.Account.get(ACME)["Name"] == "Acme GmbH"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Account.create({"Name": "No"})
    assert refused.value.content[0]["message"] == "entity type cannot be inserted: Account"
    _grant(org, "Account", user_id, PermissionsRead=True, PermissionsCreate=True)
    made = client.Account.create({"Name": "Yes"})["id"]
    assert client.Account.get(made)["CreatedById"] == user_id
    (bad,) = client.restful(
        "composite/sobjects", method="PATCH",
        json={"records": [{"attributes": {"type": "Account"}, "id": made, "Phone": "1"}]},
    )  # fmt: skip
    assert bad["errors"][0]["statusCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_a_profile_may_hide_a_standard_object_with_all_that_hangs_on_it(org: Org) -> None:
    _, client = as_user(org, "stan")
    assert client.query("SELECT Id FROM Opportunity")["totalSize"] >= 2
    base, token = org.sandbox.salesforce_url, org.connection["access_token"]
    mdapi = SfdcMetadataApi(
        requests.Session(), token, "localhost", f"{base}/services/Soap/m/59.0/",
        {"Authorization": f"Bearer {token}"}, "59.0",
    )  # fmt: skip
    profile = mdapi.Profile(fullName="Standard User")
    rights = ("allowCreate", "allowDelete", "allowEdit", "allowRead", "modifyAllRecords",
              "viewAllRecords")  # fmt: skip
    profile.objectPermissions = [
        mdapi.ProfileObjectPermissions(object="Opportunity", **dict.fromkeys(rights, False))
    ]
    mdapi.Profile.update([profile])
    hidden = {"Opportunity", "OpportunityLineItem", "OpportunityFieldHistory"}
    assert not hidden & _objects(client)
    for soql in ("SELECT Id FROM OpportunityLineItem", "SELECT Id FROM Opportunity"):
        with pytest.raises(SalesforceMalformedRequest) as refused:
            client.query(soql)
        assert _code(refused) == "INVALID_TYPE"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.query("SELECT Id FROM Order WHERE Opportunity.Name = 'x'")
    assert "Didn't understand relationship 'Opportunity'" in refused.value.content[0]["message"]
    assert org.client.query("SELECT Id FROM Opportunity")["totalSize"] >= 2
    client.Account.create({"Name": "All the same"})
