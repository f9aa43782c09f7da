"""Formula fields of an org: computed in every answer, without moving a record's stamp."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.salesforce_org import (
    ACME,
    ADA,
    BOREAL,
    CUSTOM_FIELDS,
    DEAL,
    RECORDS,
    USER,
    Org,
    running_org,
    write_seed,
)


def _formula(owner: str, name: str, kind: str, formula: str, **more: Any) -> Mapping[str, Any]:
    metadata = {"type": kind, "label": name.replace("_", " "), "formula": formula, **more}
    return {"FullName": f"{owner}.{name}__c", "Metadata": metadata}


FORMULAS = [
    _formula("Opportunity", "Net", "Currency", "Amount * (1 - Probability)", precision=18, scale=2),
    _formula("Opportunity", "Title", "Text", 'Account.Name & " / " & TEXT(StageName)'),
    _formula("Opportunity", "Due", "Date", "CloseDate + 30"),
    _formula("Opportunity", "Is_Big", "Checkbox", "Net__c >= 900"),
    _formula("Opportunity", "Odds", "Percent", "Probability / 2", precision=18, scale=1),
    _formula("Opportunity", "Broken", "Number", "Amount / 0", precision=18, scale=2),
    _formula("Contact", "Region", "Text", "Account.Parent.Region_Key__c"),
]


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("formulas") / "seed"
    write_seed(folder, RECORDS, custom=[*CUSTOM_FIELDS, *FORMULAS])
    with running_org(folder) as running:
        yield running


_NAMES = "Net__c, Title__c, Due__c, Is_Big__c, Odds__c, Broken__c"
WANTED = {
    "Net__c": Decimal("900.00"),
    "Title__c": "Acme GmbH / Prospecting",
    "Due__c": "2027-01-14",
    "Is_Big__c": True,
    "Odds__c": Decimal("5.0"),
    "Broken__c": None,
}


def test_every_answer_has_what_the_formulas_give(org: Org) -> None:
    assert org.rows(f"SELECT {_NAMES} FROM Opportunity WHERE Id = '{DEAL}'") == [WANTED]
    record = org.get(f"sobjects/Opportunity/{DEAL}")
    assert {name: record[name] for name in WANTED} == WANTED
    some = org.get(f"composite/sobjects/Opportunity?ids={DEAL}&fields={_NAMES.replace(' ', '')}")
    assert {name: some[0][name] for name in WANTED} == WANTED
    (csv,) = org.client.bulk2.Opportunity.query(
        f"SELECT Title__c, Net__c FROM Opportunity WHERE Id = '{DEAL}'", wait=0
    )
    assert csv.split() == ['"Title__c","Net__c"', '"Acme', "GmbH", "/", 'Prospecting","900.00"']
    contact = org.rows(f"SELECT Region__c, Account.Name FROM Contact WHERE Id = '{ADA}'")
    assert contact[0]["Region__c"] is None


def test_formulas_are_filtered_sorted_and_seen_through_parents(org: Org) -> None:
    names = org.rows("SELECT Name FROM Opportunity WHERE Is_Big__c = true ORDER BY Title__c, Name")
    assert [r["Name"] for r in names] == ["Acme - pilot", "Acme - refit"]
    assert org.rows("SELECT Id FROM Opportunity WHERE Due__c > 2027-01-14") == []
    assert len(org.rows("SELECT Id FROM Opportunity WHERE Due__c = 2027-01-14")) == 2
    assert org.rows("SELECT Id FROM Opportunity WHERE Net__c < 900") == []
    (total,) = org.rows("SELECT SUM(Net__c) s FROM Opportunity")
    assert total["s"] > 0
    role = org.call(
        "POST", "sobjects/OpportunityContactRole", json={"OpportunityId": DEAL, "ContactId": ADA}
    )
    assert role.status_code == 201
    (row,) = org.rows("SELECT Opportunity.Title__c FROM OpportunityContactRole")
    assert row["Opportunity"]["Title__c"] == "Acme GmbH / Prospecting"


def test_what_a_formula_looks_at_changes_it_and_not_its_records_stamp(org: Org) -> None:
    before = org.get(f"sobjects/Opportunity/{DEAL}")
    window = {"start": "2026-11-20T00:00:00+00:00", "end": "2026-11-21T00:00:00+00:00"}
    changed = org.get("sobjects/Opportunity/updated", params=window)["ids"]
    org.client.Account.update(ACME, {"Name": "Acme AG"})
    after = org.get(f"sobjects/Opportunity/{DEAL}")
    assert after["Title__c"] == "Acme AG / Prospecting"
    stamps = ("SystemModstamp", "LastModifiedDate")
    assert [after[n] for n in stamps] == [before[n] for n in stamps]
    assert org.get("sobjects/Opportunity/updated", params=window)["ids"] == changed
    org.client.Account.update(ACME, {"Name": "Acme GmbH", "ParentId": BOREAL})
    assert org.get(f"sobjects/Contact/{ADA}")["Region__c"] == "NORTH"


def test_a_formula_is_described_and_not_written(org: Org) -> None:
    fields = {f["name"]: f for f in org.client.Opportunity.describe()["fields"]}
    net, title = fields["Net__c"], fields["Title__c"]
    assert (net["calculated"], net["calculatedFormula"]) == (True, "Amount * (1 - Probability)")
    assert (net["createable"], net["updateable"]) == (False, False)
    assert (net["formulaTreatNullNumberAsZero"], title["length"]) == (True, 1300)
    error = org.refused("PATCH", f"sobjects/Opportunity/{DEAL}", 400, json={"Net__c": 1})
    assert error["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


_TOOLING = "tooling/sobjects/CustomField"


@pytest.mark.parametrize(
    ("kind", "formula", "words"),
    [
        ("Number", "Amonut * 2", "Field Amonut does not exist. Check spelling."),
        ("Number", "Amount * (2", "Syntax error. Missing ')'. Found end of formula"),
        ("Number", "Name", "Formula result is data type (Text), incompatible with expected data "
         "type (Number)."),
        ("Text", "VLOOKUP(Name)", "Unknown function VLOOKUP. Check spelling."),
    ],
)  # fmt: skip
def test_a_formula_that_cannot_be_computed_makes_no_field(
    org: Org, kind: str, formula: str, words: str
) -> None:
    error = org.refused(
        "POST", _TOOLING, 400, json=_formula("Opportunity", "Odd", kind, formula, scale=2)
    )
    assert (error["errorCode"], error["message"]) == ("FIELD_INTEGRITY_EXCEPTION", words)
    fields = org.get("sobjects/Opportunity/describe")["fields"]
    assert "Odd__c" not in [f["name"] for f in fields]


def test_a_formula_made_through_tooling_is_computed_and_may_be_changed(org: Org) -> None:
    made = org.call(
        "POST", _TOOLING, json=_formula("Account", "Shout", "Text", "UPPER(Name)")
    ).json()["id"]
    permission_set = org.call(
        "POST", "sobjects/PermissionSet", json={"Name": "Sees", "Label": "Sees"}
    ).json()["id"]
    for name, values in (
        ("FieldPermissions", {"ParentId": permission_set, "SobjectType": "Account",
                              "Field": "Account.Shout__c", "PermissionsRead": True}),
        ("PermissionSetAssignment", {"PermissionSetId": permission_set, "AssigneeId": USER}),
    ):  # fmt: skip
        answer = org.call("POST", f"sobjects/{name}", json=values)
        assert answer.status_code == 201, answer.text
    path = f"sobjects/Account/{BOREAL}?fields=Shout__c"
    assert org.get(path)["Shout__c"] == "BOREAL LTD"
    metadata = _formula("Account", "Shout", "Text", "LOWER(Name)")["Metadata"]
    changed = org.call("PATCH", f"{_TOOLING}/{made}", json={"Metadata": metadata})
    assert changed.status_code == 204, changed.text
    assert org.get(path)["Shout__c"] == "boreal ltd"


def test_a_formula_that_refers_to_itself_is_refused(org: Org) -> None:
    for name, formula in (("Egg", "1 + 1"), ("Hen", "Egg__c + 1")):
        body = _formula("Account", name, "Number", formula, precision=18, scale=0)
        made = org.call("POST", _TOOLING, json=body)
        assert made.status_code == 201, made.text
    query = {"q": "SELECT Id FROM CustomField WHERE DeveloperName = 'Egg'"}
    (egg,) = org.get("tooling/query", params=query)["records"]
    body = _formula("Account", "Egg", "Number", "Hen__c + 1", precision=18, scale=0)
    error = org.refused(
        "PATCH", f"{_TOOLING}/{egg['Id']}", 400, json={"Metadata": body["Metadata"]}
    )
    assert "refers to itself" in error["message"]
