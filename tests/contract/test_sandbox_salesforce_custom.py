"""Custom objects: from a seed, added and taken away while the org runs, kept over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.sandbox.salesforce import Salesforce
from pipelines.sandbox.salesforce.custom import NotServed
from pipelines.sandbox.salesforce.org import Org as SalesforceOrg
from pipelines.sandbox.server import RunningSandbox, running_sandbox
from tests.contract.salesforce_org import MANIFEST, Org, write_seed

TABLE = {
    "fullName": "UpsertTable__c",
    "label": "Upsert Table",
    "pluralLabel": "Upsert Tables",
    "nameField": {"type": "Text", "label": "Name"},
    "fields": [{"fullName": "ExtId__c", "type": "Text", "length": 50, "externalId": True}],
}
INVOICE = {
    "fullName": "Invoice__c",
    "label": "Invoice",
    "pluralLabel": "Invoices",
    "nameField": {"type": "AutoNumber", "label": "Number", "displayFormat": "INV-{0000}"},
    "fields": [
        {
            "fullName": "Account__c",
            "type": "Lookup",
            "label": "Account",
            "referenceTo": "Account",
            "relationshipName": "Invoices",
        },
        {"fullName": "Total__c", "type": "Currency", "precision": 18, "scale": 2},
    ],
}


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(
        tmp_path_factory.mktemp("custom") / "seed", {"_custom_objects": [TABLE]}, MANIFEST, []
    )


@pytest.fixture(scope="module")
def sandbox(seed: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(seed) as running:
        yield running


@pytest.fixture
def org(sandbox: RunningSandbox) -> Org:
    return Org(sandbox)


def _schema(org: Org) -> SalesforceOrg:
    return cast(Salesforce, org.sandbox.kernel.vendors["salesforce"]).org


def _fields(org: Org, name: str) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in org.get(f"sobjects/{name}/describe")["fields"]}


def _create(org: Org, name: str, **values: Any) -> str:
    answer = org.call("POST", f"sobjects/{name}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_custom_object_of_the_seed_is_described_and_upserted(org: Org) -> None:
    described = org.get("sobjects/UpsertTable__c/describe")
    assert (described["custom"], described["keyPrefix"]) == (True, "a00")
    assert described["labelPlural"] == "Upsert Tables"
    fields = _fields(org, "UpsertTable__c")
    assert fields["ExtId__c"]["length"] == 50
    assert fields["ExtId__c"]["externalId"] is True
    assert fields["OwnerId"]["referenceTo"] == ["Group", "User"]
    path = "sobjects/UpsertTable__c/ExtId__c/one"
    first = org.call("PATCH", path, json={"Name": "First"})
    assert first.status_code == 201
    assert first.json()["id"].startswith("a00")
    assert org.call("PATCH", path, json={"Name": "Again"}).status_code == 200
    assert [r["Name"] for r in org.rows("SELECT Name FROM UpsertTable__c")] == ["Again"]


def test_an_object_added_while_the_org_runs_is_there_at_once(org: Org) -> None:
    assert org.call("GET", "sobjects/Invoice__c").status_code == 404
    _schema(org).define_object(INVOICE)
    try:
        account = _create(org, "Account", Name="Customer of invoices")
        made = _create(org, "Invoice__c", Account__c=account, Total__c="12.50")
        assert made.startswith("a01")
        row = org.rows("SELECT Name, Total__c, Account__r.Name FROM Invoice__c")[0]
        assert (row["Name"], row["Account__r"]["Name"]) == ("INV-0001", "Customer of invoices")
        children = org.rows(
            f"SELECT Id, (SELECT Name FROM Invoices__r) FROM Account WHERE Id = '{account}'"
        )
        assert [r["Name"] for r in children[0]["Invoices__r"]["records"]] == ["INV-0001"]
    finally:
        _schema(org).drop_object("Invoice__c")
    assert org.call("GET", "sobjects/Invoice__c").status_code == 404


def test_a_field_added_while_the_org_runs_can_be_written_and_taken_away(org: Org) -> None:
    _schema(org).define_field("Account.Tier__c", {"type": "Text", "label": "Tier", "length": 4})
    account = _create(org, "Account", Name="Tiered", Tier__c="A")
    assert org.get(f"sobjects/Account/{account}?fields=Tier__c")["Tier__c"] == "A"
    _schema(org).drop_field("Account.Tier__c")
    assert "Tier__c" not in _fields(org, "Account")
    error = org.refused("PATCH", f"sobjects/Account/{account}", 400, json={"Tier__c": "B"})
    assert error["message"] == "No such column 'Tier__c' on sobject of type Account"


def test_a_field_of_activity_is_a_field_of_tasks(org: Org) -> None:
    _schema(org).define_field("Activity.Alert_Key__c", {"type": "Text", "externalId": True})
    try:
        made = org.call("PATCH", "sobjects/Task/Alert_Key__c/k1", json={"Subject": "Call"})
        assert made.status_code == 201
    finally:
        _schema(org).drop_field("Activity.Alert_Key__c")


def test_a_type_of_field_nobody_knows_is_refused_and_changes_nothing(org: Org) -> None:
    with pytest.raises(NotServed, match="Wish"):
        _schema(org).define_field("Account.Odd__c", {"type": "Wish"})
    assert "Odd__c" not in _fields(org, "Account")


def test_definitions_survive_a_restart_and_a_failed_call_takes_them_back(
    seed: Path, tmp_path: Path
) -> None:
    log = tmp_path / "writes.log"
    with running_sandbox(seed, log_file=log) as running:
        org = Org(running)
        _schema(org).define_object(INVOICE)
        with pytest.raises(RuntimeError), running.kernel.store.transaction():
            _schema(org).define_object({**INVOICE, "fullName": "Gone__c"})
            raise RuntimeError
        assert org.call("GET", "sobjects/Gone__c").status_code == 404
        _create(org, "Invoice__c", Total__c=1)
    with running_sandbox(seed, log_file=log) as running:
        again = Org(running)
        assert again.rows("SELECT Name FROM Invoice__c")[0]["Name"] == "INV-0001"
