"""`crossfoot setup salesforce` on an org that has nothing: shown, made, run again, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from both_systems import QUICK
from salesforce_org import ACME, MANIFEST, RECORDS, USER, Org, running_org, write_seed

from pipelines.clients.salesforce import SalesforceClient
from pipelines.clients.salesforce_components import OrgComponents
from pipelines.errors import Refused, ReplyLost
from pipelines.setting_salesforce import INVOICE_OBJECT, sandbox_salesforce
from pipelines.setting_values import Values
from reverse_etl.furnishing import furnishing, planning
from reverse_etl.furnishing.planning import Step
from reverse_etl.furnishing.wanted import (
    FIELDS,
    INVOICE_FIELDS,
    PERMISSION_SET,
    RIGHTS,
    wanted_fields,
    wanted_objects,
)
from reverse_etl.syncs import account_status, deal_status, estimates, invoice_records

WANTED = wanted_fields(told=True, invoices=True)


@dataclass
class Bare:
    """An org with standard objects alone, and our way to what it is made of."""

    org: Org
    components: OrgComponents

    def plan(self, **options: Any) -> list[Step]:
        held = furnishing.look(self.components, WANTED, USER, **options)
        return planning.steps(WANTED, held)

    def do(self, plan: list[Step]) -> list[Step]:
        done: list[Step] = []
        furnishing.do(self.components, plan, WANTED, USER, done.append)
        return done

    def names(self, object_name: str) -> dict[str, dict[str, Any]]:
        return {f["name"]: f for f in self.org.get(f"sobjects/{object_name}/describe")["fields"]}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Bare]:
    standard = {
        name: [{k: v for k, v in row.items() if not k.endswith("__c")} for row in rows]
        for name, rows in RECORDS.items()
    }
    seed = write_seed(tmp_path / "seed", standard, MANIFEST, custom=())
    with running_org(seed) as org:
        settings = sandbox_salesforce(Values({}), org.connection)
        yield Bare(org, OrgComponents(SalesforceClient(settings, read_seconds=3, patience=QUICK)))


def test_every_field_that_a_flow_writes_is_wanted() -> None:
    written = {f"Account.{name}" for name in account_status.COLUMNS.values()}
    written |= {f"Opportunity.{name}" for name in deal_status.COLUMNS.values()}
    written |= {f"Opportunity.{n}" for n in (estimates.KEY_FIELD, estimates.VERSION_FIELD)}
    assert written == {field.full_name for field in FIELDS if not field.is_told}
    own = {*invoice_records.COLUMNS.values(), invoice_records.KEY_FIELD} - {"Name"}
    assert {f"{INVOICE_OBJECT}.{n}" for n in own} == {field.full_name for field in INVOICE_FIELDS}
    assert invoice_records.ENTITY == INVOICE_OBJECT
    assert not wanted_objects(wanted_fields(told=True))


def test_a_bare_org_gets_all_of_it_and_nothing_a_second_time(bare: Bare) -> None:
    plan = bare.plan()
    assert len(planning.due(plan)) == len(plan) == 2 * len(WANTED) + len(RIGHTS) + 4
    assert bare.do(plan) == plan
    account, deal = bare.names("Account"), bare.names("Opportunity")
    assert account["QBO_Customer_Id__c"]["externalId"] and account["QBO_Customer_Id__c"]["unique"]
    assert account["QBO_Open_Balance__c"]["updateable"]
    assert {v["value"] for v in deal["QBO_Invoice_Status__c"]["picklistValues"]} >= {
        "Paid",
        "Voided",
    }
    assert deal["PO_Number__c"]["updateable"] is False
    invoice = bare.names(INVOICE_OBJECT)
    assert invoice["QBO_Key__c"]["unique"] and invoice["QBO_Deal__c"]["updateable"]
    assert invoice["QBO_Account__c"]["referenceTo"] == ["Account"]
    made = bare.org.call("POST", f"sobjects/{INVOICE_OBJECT}", json={
        "Name": "1001", "QBO_Key__c": "1:2", "QBO_Account__c": ACME, "QBO_Total__c": 12.5,
    })  # fmt: skip
    assert made.status_code == 201
    (held,) = bare.org.rows("SELECT PermissionsApiEnabled FROM PermissionSet WHERE Name = "
                            f"'{PERMISSION_SET}'")  # fmt: skip
    assert held["PermissionsApiEnabled"] is True
    writes = len(bare.org.journal())
    again = bare.plan()
    assert planning.due(again) == planning.for_people(again) == []
    assert bare.do(again) == []
    assert not [e for e in bare.org.journal()[writes:] if e["writes"]]


def test_a_lost_reply_in_the_middle_is_told_and_the_next_run_goes_on(bare: Bare) -> None:
    bare.org.arm("tooling/sobjects/CustomField$", skip=3, times=1,
                 action={"kind": "drop_after"})  # fmt: skip
    with pytest.raises(ReplyLost):
        bare.do(bare.plan())
    left = planning.due(bare.plan())
    made = [s for s in left if s.kind == planning.FIELD]
    assert len(made) == len(WANTED) - 4
    bare.do(bare.plan())
    assert planning.due(bare.plan()) == []


def test_a_field_of_another_kind_is_left_for_a_person(bare: Bare) -> None:
    other = {"FullName": "Account.QBO_Open_Balance__c",
             "Metadata": {"type": "Text", "label": "Balance", "length": 20}}  # fmt: skip
    short = {"FullName": "Account.QBO_Customer_Id__c",
             "Metadata": {"type": "Text", "label": "Id", "length": 18}}  # fmt: skip
    for body in (other, short):
        assert bare.org.call("POST", "tooling/sobjects/CustomField", json=body).status_code == 201
    told = {s.name: s.note for s in planning.for_people(bare.plan())}
    assert told == {
        "Account.QBO_Customer_Id__c": "its length is 18, at least 80 is needed; "
        "it is not an external id; it is not unique",
        "Account.QBO_Open_Balance__c": "it is of type Text, wanted is Currency",
    }


def test_what_was_made_is_taken_away_and_what_was_there_before_stays(bare: Bare) -> None:
    own = {"FullName": "Opportunity.PO_Number__c",
           "Metadata": {"type": "Text", "label": "PO", "length": 60}}  # fmt: skip
    assert bare.org.call("POST", "tooling/sobjects/CustomField", json=own).status_code == 201
    bare.do(bare.plan())
    bare.org.call("PATCH", f"sobjects/Account/{ACME}", json={"QBO_Open_Balance__c": 12.5})
    held = furnishing.look(bare.components, WANTED, USER, count=True)
    plan = planning.removal(WANTED, held)
    notes = {s.name: s.note for s in plan}
    assert notes["Account.QBO_Open_Balance__c"] == "1 records have a value in it"
    assert notes["Account.QBO_Overdue__c"] == "0 records have a value in it"
    assert "it stays" in notes["Opportunity.PO_Number__c"]
    assert notes[INVOICE_OBJECT] == "with its fields and records"
    assert not [name for name in notes if name.startswith(f"{INVOICE_OBJECT}.")]
    bare.do(plan)
    kept = furnishing.look(bare.components, WANTED, USER)
    assert set(kept.fields) == {"Opportunity.PO_Number__c"} and kept.set_id is None
    assert not kept.custom


def test_a_user_who_may_not_is_told_who_may(bare: Bare) -> None:
    words = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "insufficient rights"}]
    refusal = {"kind": "refuse", "status": 403, "body": words}
    bare.org.arm("tooling/sobjects/CustomField$", times=1, action=refusal)
    with pytest.raises(Refused) as told:
        bare.do(bare.plan())
    assert "administrator's log-in" in str(told.value)
    assert "create field Account.QBO_Customer_Id__c" in str(told.value)
