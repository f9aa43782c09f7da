"""What an org is made of, over the wire: metadata, tooling, deployments, and who sees a field."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from salesforce_org import CUSTOM_FIELDS, MANIFEST, RECORDS, USER, Org, running_org, write_seed
from simple_salesforce.metadata import SfdcMetadataApi

TIER = {"FullName": "Account.Tier__c", "Metadata": {"type": "Text", "label": "Tier", "length": 8}}


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    seed = tmp_path_factory.mktemp("setup") / "seed"
    with running_org(write_seed(seed, RECORDS, MANIFEST, CUSTOM_FIELDS)) as running:
        yield running


def fields(org: Org, name: str) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in org.get(f"sobjects/{name}/describe")["fields"]}


def made(answer: requests.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# ---- field by field, and who sees it


def test_a_new_field_is_seen_by_nobody_until_it_is_granted(org: Org) -> None:
    answer = org.call("POST", "tooling/sobjects/CustomField", json=TIER)
    field = made(answer)
    assert answer.json() == {
        "id": field, "success": True, "errors": [], "warnings": [], "infos": [],
    }  # fmt: skip
    assert field.startswith("00N")
    again = org.refused("POST", "tooling/sobjects/CustomField", 400, json=TIER)
    assert again["errorCode"] == "DUPLICATE_DEVELOPER_NAME"
    assert again["message"] == "There is already a field named Tier on Account."
    # not there: describe, writes, queries
    assert "Tier__c" not in fields(org, "Account")
    hidden = org.refused("POST", "sobjects/Account", 400, json={"Name": "A", "Tier__c": "x"})
    assert hidden["errorCode"] == "INVALID_FIELD"
    asked = org.refused("GET", "query?q=SELECT+Tier__c+FROM+Account", 400)
    assert asked["errorCode"] == "INVALID_FIELD"
    # granted to read
    parent = made(org.call("POST", "sobjects/PermissionSet", json={"Name": "See", "Label": "See"}))
    grant = {"ParentId": parent, "SobjectType": "Account", "Field": "Account.Tier__c",
             "PermissionsRead": True}  # fmt: skip
    granted = made(org.call("POST", "sobjects/FieldPermissions", json=grant))
    assert "Tier__c" not in fields(org, "Account")
    mine = {"PermissionSetId": parent, "AssigneeId": USER}
    made(org.call("POST", "sobjects/PermissionSetAssignment", json=mine))
    twice = org.refused("POST", "sobjects/PermissionSetAssignment", 400, json=mine)
    assert twice["errorCode"] == "DUPLICATE_VALUE"
    assert fields(org, "Account")["Tier__c"]["updateable"] is False
    barred = org.refused("POST", "sobjects/Account", 400, json={"Name": "A", "Tier__c": "x"})
    assert barred["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    # granted to edit
    assert org.call("PATCH", f"sobjects/FieldPermissions/{granted}",
                    json={"PermissionsEdit": True}).status_code == 204  # fmt: skip
    account = made(org.call("POST", "sobjects/Account", json={"Name": "A", "Tier__c": "x"}))
    query = f"SELECT Tier__c FROM Account WHERE Id = '{account}'"
    assert org.rows(query)[0]["Tier__c"] == "x"
    # taken back
    assert org.call("DELETE", f"sobjects/PermissionSet/{parent}").status_code == 204
    assert "Tier__c" not in fields(org, "Account")
    assert org.call("DELETE", f"tooling/sobjects/CustomField/{field}").status_code == 204
    org.refused("GET", f"tooling/sobjects/CustomField/{field}", 404)


def test_grants_that_cannot_be(org: Org) -> None:
    parent = made(org.call("POST", "sobjects/PermissionSet", json={"Name": "Odd", "Label": "Odd"}))
    unknown = {"ParentId": parent, "SobjectType": "Account", "Field": "Account.Nothing__c",
               "PermissionsRead": True}  # fmt: skip
    error = org.refused("POST", "sobjects/FieldPermissions", 400, json=unknown)
    assert error["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    edit = {"ParentId": parent, "SobjectType": "Account", "PermissionsEdit": True}
    error = org.refused("POST", "sobjects/ObjectPermissions", 400, json=edit)
    assert error["message"] == "Permission Edit Account depends on permission(s): Read Account"
    error = org.refused("POST", "sobjects/PermissionSet", 400, json={"Name": "odd", "Label": "x"})
    assert error["errorCode"] == "DUPLICATE_DEVELOPER_NAME"


def test_a_field_is_changed_and_read_back_through_tooling(org: Org) -> None:
    named = {**TIER, "FullName": "Account.Read_Back__c"}
    field = made(org.call("POST", "tooling/sobjects/CustomField", json=named))
    longer = {"Metadata": {**TIER["Metadata"], "length": 20}}  # type: ignore[dict-item]
    path = f"tooling/sobjects/CustomField/{field}"
    assert org.call("PATCH", path, json=longer).status_code == 204
    asked = "SELECT+Id,+DeveloperName,+Metadata+FROM+CustomField"
    found = org.get(f"tooling/query?q={asked}+WHERE+DeveloperName='Read_Back'")["records"]
    assert [(r["Id"], r["Metadata"]["length"]) for r in found] == [(field, 20)]
    assert org.get(path)["FullName"] == "Account.Read_Back__c"
    error = org.refused("GET", f"tooling/query?q={asked}", 400)
    assert "must specify no more than one row for retrieval" in error["message"]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"type": "Text", "label": "X"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"type": "Wish", "label": "X"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"type": "Text", "length": 3}, "REQUIRED_FIELD_MISSING"),
    ],
)
def test_fields_that_cannot_be(org: Org, metadata: dict[str, Any], code: str) -> None:
    body = {"FullName": "Account.Bad__c", "Metadata": metadata}
    assert org.refused("POST", "tooling/sobjects/CustomField", 400, json=body)["errorCode"] == code


def test_definitions_by_query(org: Org) -> None:
    entity = org.get(
        "tooling/query?q=SELECT+QualifiedApiName,+KeyPrefix+FROM+EntityDefinition"
        "+WHERE+QualifiedApiName='Account'"
    )["records"][0]
    assert entity["KeyPrefix"] == "001"
    found = org.get(
        "tooling/query?q=SELECT+DataType+FROM+FieldDefinition"
        "+WHERE+EntityDefinitionId='Account'+AND+QualifiedApiName='Region_Key__c'"
    )["records"]
    assert [r["DataType"] for r in found] == ["Text(20)"]
    of_account = "WHERE EntityDefinition.QualifiedApiName = 'Account'"
    for path in ("query", "tooling/query"):  # both APIs have them
        soql = f"SELECT QualifiedApiName, EntityDefinition.Label FROM FieldDefinition {of_account}"
        rows = org.get(path, params={"q": soql})["records"]
        assert "Region_Key__c" in [r["QualifiedApiName"] for r in rows]
        assert {r["EntityDefinition"]["Label"] for r in rows} == {"Account"}
        custom = "SELECT DurableId FROM EntityDefinition WHERE PublisherId = '<local>'"
        assert all(
            len(r["DurableId"]) == 15 for r in org.get(path, params={"q": custom})["records"]
        )
    asked = "SELECT QualifiedApiName FROM EntityDefinition WHERE IsQueryable = false"
    listed = org.get("query", params={"q": asked})["records"]
    assert {r["QualifiedApiName"] for r in listed} == {"ActivityHistory", "OpenActivity"}
    asked = {"q": "SELECT Id, DeveloperName FROM CustomField", "columns": "true"}
    columns = org.get("tooling/query", params=asked)
    assert [c["columnName"] for c in columns["columnMetadata"]] == ["Id", "DeveloperName"]
    error = org.refused("POST", "tooling/sobjects/CustomObject", 400, json={"FullName": "X__c"})
    assert error["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    apex = org.get("tooling/executeAnonymous?anonymousBody=x")
    assert (apex["compiled"], apex["compileProblem"]) == (
        False, "Apex is not served by this sandbox",
    )  # fmt: skip


# ---- the Metadata API by simple-salesforce, as shipped


@pytest.fixture(scope="module")
def mdapi(org: Org) -> SfdcMetadataApi:
    base, token = org.sandbox.salesforce_url, org.connection["access_token"]
    return SfdcMetadataApi(
        requests.Session(), token, "localhost", f"{base}/services/Soap/m/59.0/",
        {"Authorization": f"Bearer {token}"}, "59.0",
    )  # fmt: skip


def test_custom_objects_by_mdapi(org: Org, mdapi: SfdcMetadataApi) -> None:
    kind = mdapi.CustomObject
    invoice = kind(
        fullName="Bill__c",
        label="Bill",
        pluralLabel="Bills",
        nameField=mdapi.CustomField(label="Number", type="Text"),
        deploymentStatus="Deployed",
        sharingModel="ReadWrite",
    )
    kind.create([invoice])
    with pytest.raises(Exception, match="DUPLICATE_DEVELOPER_NAME"):
        kind.create([invoice])
    assert kind.read(["Bill__c"]).pluralLabel == "Bills"
    assert made(org.call("POST", "sobjects/Bill__c", json={"Name": "1"})).startswith("a00")
    mdapi.CustomField.create(
        [mdapi.CustomField(fullName="Bill__c.Due__c", label="Due", type="Date")]
    )
    assert "Due__c" not in fields(org, "Bill__c")
    profile = mdapi.Profile(fullName="Admin")
    profile.fieldPermissions = [
        mdapi.ProfileFieldLevelSecurity(field="Bill__c.Due__c", editable=True, readable=True)
    ]
    mdapi.Profile.update([profile])
    assert fields(org, "Bill__c")["Due__c"]["updateable"] is True
    listed = mdapi.list_metadata([mdapi.ListMetadataQuery(type="CustomObject")])
    assert {"Account", "Bill__c"} <= {one.fullName for one in listed}
    assert "CustomObject" in [m.xmlName for m in mdapi.describe_metadata().metadataObjects]
    kind.delete(["Bill__c"])
    org.refused("GET", "sobjects/Bill__c", 404)


def package(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_SLASH_", "/").replace("_DOT_", "."), text)
    return out.getvalue()


_NS = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OBJECT = (
    f"<CustomObject {_NS}><label>Fee</label><pluralLabel>Fees</pluralLabel><nameField>"
    "<label>Name</label><type>Text</type></nameField><deploymentStatus>Deployed</deploymentStatus>"
    "<sharingModel>ReadWrite</sharingModel><fields><fullName>Sum__c</fullName><label>Sum</label>"
    "<type>Currency</type><precision>18</precision><scale>2</scale></fields><recordTypes><fullName>"
    "Late</fullName><active>true</active><label>Late</label></recordTypes></CustomObject>"
)


def manifest(kind: str, name: str) -> str:
    return (
        f"<Package {_NS}><types><members>{name}</members><name>{kind}</name></types>"
        "<version>62.0</version></Package>"
    )


def deployed(org: Org, data: bytes, **options: Any) -> dict[str, Any]:
    answer = requests.post(
        f"{org.sandbox.salesforce_url}/services/data/v62.0/metadata/deployRequest",
        files={
            "json": (None, json.dumps({"deployOptions": options}), "application/json"),
            "file": ("deploy.zip", data, "application/zip"),
        },
        headers={"Authorization": f"Bearer {org.connection['access_token']}"},
        timeout=20,
    )
    made_id = made(answer)
    path = f"metadata/deployRequest/{made_id}?includeDetails=true"
    return dict(org.get(path)["deployResult"])


def test_deployments_by_rest(org: Org) -> None:
    good = package(
        package_DOT_xml=manifest("CustomObject", "Fee__c"), objects_SLASH_Fee__c_DOT_object=OBJECT
    )
    checked = deployed(org, good, checkOnly=True)
    assert (checked["status"], checked["numberComponentsDeployed"]) == ("Succeeded", 3)
    names = [r["fullName"] for r in checked["details"]["componentSuccesses"]]
    assert names == ["Fee__c", "Fee__c.Sum__c", "Fee__c.Late"]
    org.refused("GET", "sobjects/Fee__c", 404)
    assert deployed(org, good, rollbackOnError=True)["success"] is True
    assert org.get("sobjects/Fee__c")["objectDescribe"]["label"] == "Fee"
    gone = package(
        package_DOT_xml=f"<Package {_NS}><version>62.0</version></Package>",
        destructiveChanges_DOT_xml=manifest("CustomObject", "Fee__c"),
    )
    assert deployed(org, gone)["details"]["componentSuccesses"][0]["deleted"] is True
    org.refused("GET", "sobjects/Fee__c", 404)


def test_what_is_not_served_fails_its_deployment_and_takes_the_rest_back(org: Org) -> None:
    types = manifest("CustomObject", "Fee__c").replace(
        "<version>", "<types><members>X</members><name>ApexClass</name></types><version>"
    )
    data = package(package_DOT_xml=types, objects_SLASH_Fee__c_DOT_object=OBJECT)
    found = deployed(org, data, rollbackOnError=True)
    assert (found["status"], found["numberComponentErrors"]) == ("Failed", 1)
    problem = found["details"]["componentFailures"][0]
    assert problem["problem"] == "ApexClass: this type of metadata is not served"
    org.refused("GET", "sobjects/Fee__c", 404)


def test_nothing_is_granted_on_what_is_not_there(org: Org) -> None:
    for granted, told in (
        ("<fieldPermissions><editable>true</editable><field>Account.Nope__c</field>"
         "<readable>true</readable></fieldPermissions>",
         "In field: field - no CustomField named Account.Nope__c found"),
        ("<objectPermissions><allowRead>true</allowRead><object>Nope__c</object>"
         "</objectPermissions>",
         "In field: object - no CustomObject named Nope__c found"),
    ):  # fmt: skip
        bad = package(
            package_DOT_xml=manifest("PermissionSet", "Vain"),
            permissionsets_SLASH_Vain_DOT_permissionset=f"<PermissionSet {_NS}><label>Vain</label>"
            f"{granted}</PermissionSet>",
        )
        (failure,) = deployed(org, bad, rollbackOnError=True)["details"]["componentFailures"]
        assert failure["problem"] == told


def test_deploy_and_retrieve_by_mdapi(org: Org, mdapi: SfdcMetadataApi, tmp_path: Path) -> None:
    file = tmp_path / "p.zip"
    file.write_bytes(
        package(package_DOT_xml=manifest("CustomObject", "Fee__c"),
                objects_SLASH_Fee__c_DOT_object=OBJECT)
    )  # fmt: skip
    made_id, state = mdapi.deploy(str(file), sandbox=True)
    assert state == "Queued"
    assert mdapi.check_deploy_status(made_id)[0] == "Succeeded"
    asked, _ = mdapi.retrieve(
        "x", single_package=True, unpackaged={"CustomField": ["Fee__c.Sum__c"]}
    )
    assert mdapi.check_retrieve_status(asked)[0] == "Succeeded"
    _, _, _, data = mdapi.retrieve_zip(asked)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("objects/Fee__c.object")
    name = ElementTree.fromstring(text).find("{*}fields/{*}fullName")
    assert name is not None and name.text == "Sum__c"


def test_what_was_set_up_survives_a_restart(tmp_path: Path) -> None:
    seed = write_seed(tmp_path / "seed", RECORDS, MANIFEST, CUSTOM_FIELDS)
    log = tmp_path / "writes.log"
    with running_org(seed, log_file=log) as first:
        made(first.call("POST", "tooling/sobjects/CustomField", json=TIER))
        key = first.connection["private_key"]
    with running_org(seed, log_file=log) as again:
        assert again.connection["private_key"] == key
        found = again.get("tooling/query?q=SELECT+DeveloperName+FROM+CustomField")["records"]
        assert "Tier" in [r["DeveloperName"] for r in found]
        assert "Tier__c" not in fields(again, "Account")
