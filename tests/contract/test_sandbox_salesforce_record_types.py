"""Record types of an org: the field they bring, the default, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.contract.salesforce_org import ACME, Org, running_org, write_seed


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("types") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


def _type(org: Org, name: str, **values: Any) -> str:
    given = {"Name": name, "DeveloperName": name, "SobjectType": "Account", **values}
    return str(org.client.RecordType.create(given)["id"])


def test_record_types_of_an_object(org: Org) -> None:
    assert "RecordTypeId" not in [f["name"] for f in org.client.Account.describe()["fields"]]
    partner, customer = _type(org, "Partner"), _type(org, "Customer", IsActive=False)
    other = _type(org, "Renewal", SobjectType="opportunity")
    described = org.client.Account.describe()
    (field,) = (f for f in described["fields"] if f["name"] == "RecordTypeId")
    assert (field["referenceTo"], field["createable"], field["defaultedOnCreate"]) == (
        ["RecordType"], True, True,
    )  # fmt: skip
    told = [
        (i["recordTypeId"], i["developerName"], i["active"], i["defaultRecordTypeMapping"])
        for i in described["recordTypeInfos"]
    ]
    assert told == [
        (partner, "Partner", True, True),
        (customer, "Customer", False, False),
        ("012000000000000AAA", "Master", True, False),
    ]
    layout = org.get(f"sobjects/Account/describe/layouts/{partner}")
    assert layout["detailLayoutSections"]

    made = org.client.Account.create({"Name": "Typed"})["id"]
    (row,) = org.rows(f"SELECT RecordTypeId, RecordType.Name FROM Account WHERE Id = '{made}'")
    assert (row["RecordTypeId"], row["RecordType"]["Name"]) == (partner, "Partner")
    assert org.get(f"sobjects/Account/{ACME}")["RecordTypeId"] is None
    org.client.Account.update(ACME, {"RecordTypeId": partner[:15]})
    typed = org.rows("SELECT Id FROM Account WHERE RecordType.DeveloperName = 'partner'")
    assert {r["Id"] for r in typed} == {ACME, made}

    for wrong in (customer, other, "012Hs0000000009IAA", "nonsense"):
        with pytest.raises(SalesforceMalformedRequest) as refused:
            org.client.Account.update(ACME, {"RecordTypeId": wrong})
        (error,) = refused.value.content
        assert error == {
            "errorCode": "INVALID_CROSS_REFERENCE_KEY",
            "message": f"Record Type ID: this ID value isn't valid for the user: {wrong}",
            "fields": ["RecordTypeId"],
        }
    rows = [{"Name": "In bulk", "RecordTypeId": partner}, {"Name": "Bad", "RecordTypeId": other}]
    (told_job,) = org.client.bulk2.Account.insert(records=rows, wait=1)
    assert told_job["numberRecordsFailed"] == 1

    org.client.RecordType.update(partner, {"IsActive": False})
    org.client.RecordType.update(customer, {"IsActive": True})
    made = org.client.Account.create({"Name": "Later"})["id"]
    assert org.get(f"sobjects/Account/{made}")["RecordTypeId"] == customer


def test_record_types_as_components(org: Org) -> None:
    given = {
        "FullName": "Lead.Web",
        "Metadata": {"label": "Web leads", "active": True, "description": "From the site",
                     "businessProcess": "Web"},
    }  # fmt: skip
    made = org.call("POST", "tooling/sobjects/RecordType", json=given)
    assert made.status_code == 201, made.text
    type_id = made.json()["id"]
    (row,) = org.rows("SELECT Id, Name, IsActive FROM RecordType WHERE SobjectType = 'Lead'")
    assert row == {"Id": type_id, "Name": "Web leads", "IsActive": True}
    error = org.refused("POST", "tooling/sobjects/RecordType", 400, json=given)
    assert error["errorCode"] == "DUPLICATE_DEVELOPER_NAME"
    path = f"tooling/sobjects/RecordType/{type_id}"
    changed = {"Metadata": {"label": "Web", "active": False}}
    assert org.call("PATCH", path, json=changed).status_code == 204
    found = org.get(
        "tooling/query", params={"q": "SELECT Id, FullName, Metadata FROM RecordType "
                                      "WHERE SobjectType = 'Lead'"},
    )["records"]  # fmt: skip
    assert [(r["Id"], r["FullName"], r["Metadata"]) for r in found] == [
        (type_id, "Lead.Web", {"active": False, "label": "Web"})
    ]
    assert org.get(path)["IsActive"] is False
    gone = org.refused("DELETE", path, 400)
    assert gone["message"].endswith("Cannot delete record type through API")
    bad = {"FullName": "Wish.Web", "Metadata": {"label": "Web"}}
    error = org.refused("POST", "tooling/sobjects/RecordType", 400, json=bad)
    assert error["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"


def test_a_record_type_must_be_of_an_object_and_have_a_name_of_its_own(org: Org) -> None:
    _type(org, "Once", SobjectType="Contact")
    with pytest.raises(SalesforceMalformedRequest) as refused:
        _type(org, "once", SobjectType="Contact")
    assert refused.value.content[0]["errorCode"] == "DUPLICATE_DEVELOPER_NAME"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        _type(org, "Odd", SobjectType="Wish")
    assert refused.value.content[0]["fields"] == ["SobjectType"]
