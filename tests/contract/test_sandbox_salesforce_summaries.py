"""Roll-up summary fields: made as components, kept right by every way of writing details."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.salesforce_org import (
    ACME,
    BOREAL,
    CUSTOM_FIELDS,
    DEAL,
    EURO_DEAL,
    Org,
    running_org,
    write_seed,
)

# As an org's metadata file has it: sums are there from the first call on.
SEEDED = {
    "FullName": "Account.Deals__c",
    "Metadata": {
        "type": "Summary", "label": "Deals", "summaryOperation": "count",
        "summaryForeignKey": "Opportunity.AccountId",
    },
}  # fmt: skip


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    with running_org(write_seed(tmp_path / "seed", custom=[*CUSTOM_FIELDS, SEEDED])) as running:
        yield running


def summary(org: Org, full_name: str, **metadata: Any) -> dict[str, Any]:
    """Make a field and let everybody see it."""
    name = full_name.partition(".")[2]
    given = {"type": "Summary", "label": name, **metadata}
    answer = org.call(
        "POST", "tooling/sobjects/CustomField", json={"FullName": full_name, "Metadata": given}
    )
    assert answer.status_code == 201, answer.text
    granted(org, full_name)
    fields = org.get(f"sobjects/{full_name.partition('.')[0]}/describe")["fields"]
    (found,) = [f for f in fields if f["name"] == name]
    return dict(found)


def granted(org: Org, full_name: str) -> None:
    (own,) = org.rows("SELECT Id FROM PermissionSet WHERE Profile.Name = 'System Administrator'")
    answer = org.call(
        "POST", "sobjects/FieldPermissions",
        json={"ParentId": own["Id"], "SobjectType": full_name.partition(".")[0],
              "Field": full_name, "PermissionsRead": True, "PermissionsEdit": False},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text


def value(org: Org, name: str, record_id: str = ACME, sobject: str = "Account") -> Any:
    return org.get(f"sobjects/{sobject}/{record_id}?fields={name}")[name]


def deal(org: Org, **values: Any) -> str:
    given = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2027-01-31",
             "AccountId": ACME, "CurrencyIsoCode": "USD", **values}  # fmt: skip
    return str(org.call("POST", "sobjects/Opportunity", json=given).json()["id"])


def test_a_count_follows_every_kind_of_write(org: Org) -> None:
    assert (value(org, "Deals__c"), value(org, "Deals__c", BOREAL)) == (2, 0)
    stamps = "LastModifiedDate, SystemModstamp"
    (before,) = org.rows(f"SELECT {stamps} FROM Account WHERE Id = '{ACME}'")
    made = deal(org)
    assert value(org, "Deals__c") == 3
    (after,) = org.rows(f"SELECT {stamps} FROM Account WHERE Id = '{ACME}'")
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedDate"] == before["LastModifiedDate"]
    org.call("PATCH", f"sobjects/Opportunity/{made}", json={"AccountId": BOREAL})
    assert (value(org, "Deals__c"), value(org, "Deals__c", BOREAL)) == (2, 1)
    org.call("DELETE", f"sobjects/Opportunity/{made}")
    assert value(org, "Deals__c", BOREAL) == 0
    rows = [{"Name": f"B{n}", "StageName": "Prospecting", "CloseDate": "2027-01-31",
             "AccountId": BOREAL} for n in range(3)]  # fmt: skip
    org.client.bulk2.Opportunity.insert(records=rows, wait=1)
    assert value(org, "Deals__c", BOREAL) == 3
    assert org.rows("SELECT Name FROM Account WHERE Deals__c > 2") == [{"Name": "boreal ltd"}]
    new = org.call("POST", "sobjects/Account", json={"Name": "New"}).json()["id"]
    assert value(org, "Deals__c", new) == 0
    error = org.refused("PATCH", f"sobjects/Account/{new}", 400, json={"Deals__c": 9})
    assert error["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_sums_in_the_masters_currency_with_filters(org: Org) -> None:
    key = {"summaryForeignKey": "Opportunity.AccountId"}
    described = summary(org, "Account.Open_Sum__c", summaryOperation="sum",
                        summarizedField="Opportunity.Amount", **key)  # fmt: skip
    assert (described["type"], described["calculated"], described["createable"]) == (
        "currency", True, False,
    )  # fmt: skip
    # 1,000 USD, and 1,000 EUR at 0.92 of them for a dollar.
    assert value(org, "Open_Sum__c") == Decimal("2086.96")
    summary(org, "Account.Won__c", summaryOperation="sum", summarizedField="Opportunity.Amount",
            summaryFilterItems=[
                {"field": "Opportunity.StageName", "operation": "equals",
                 "value": "Closed Won,Id. Decision Makers"},
                {"field": "Opportunity.CloseDate", "operation": "greaterThan", "value": "1/1/2027"},
            ], **key)  # fmt: skip
    assert value(org, "Won__c") == 0
    won = deal(org, Amount=250, StageName="Closed Won")
    deal(org, Amount=80, StageName="Closed Won", CloseDate="2026-12-31")
    assert value(org, "Won__c") == 250
    org.call("PATCH", f"sobjects/Opportunity/{won}", json={"StageName": "Closed Lost"})
    assert value(org, "Won__c") == 0


def test_least_and_greatest(org: Org) -> None:
    key = {"summaryForeignKey": "Opportunity.AccountId"}
    first = summary(org, "Account.First__c", summaryOperation="min",
                    summarizedField="Opportunity.CloseDate", **key)  # fmt: skip
    assert first["type"] == "date"
    summary(org, "Account.Best__c", summaryOperation="max", summarizedField="Opportunity.Amount",
            summaryFilterItems={"field": "Opportunity.CurrencyIsoCode", "operation": "notEqual",
                                "value": "EUR"}, **key)  # fmt: skip
    assert (value(org, "First__c"), value(org, "Best__c")) == ("2026-12-15", Decimal("1000.00"))
    assert (value(org, "First__c", BOREAL), value(org, "Best__c", BOREAL)) == (None, None)
    for one in (DEAL, EURO_DEAL):
        org.call("DELETE", f"sobjects/Opportunity/{one}")
    assert (value(org, "First__c"), value(org, "Best__c")) == (None, None)


def test_details_of_custom_objects_and_summaries_of_summaries(org: Org) -> None:
    for name, master in (("Bill", "Account"), ("Bill_Line", "Bill__c")):
        org.sandbox.kernel.vendors["salesforce"].org.define_object(  # type: ignore[attr-defined]
            {"fullName": f"{name}__c", "label": name, "pluralLabel": name,
             "nameField": {"type": "AutoNumber", "displayFormat": "{0000}"},
             "fields": [
                 {"fullName": "Master__c", "label": "Master", "type": "MasterDetail",
                  "referenceTo": master, "relationshipName": f"{name}s"},
                 {"fullName": "Amount__c", "label": "Amount", "type": "Number",
                  "precision": 12, "scale": 2},
             ]}
        )  # fmt: skip
    summary(
        org,
        "Bill__c.Total__c",
        summaryOperation="sum",
        summarizedField="Bill_Line__c.Amount__c",
        summaryForeignKey="Bill_Line__c.Master__c",
    )
    summary(org, "Account.Billed__c", summaryOperation="sum", summarizedField="Bill__c.Total__c",
            summaryForeignKey="Bill__c.Master__c")  # fmt: skip

    def make(kind: str, **values: Any) -> str:
        return str(org.call("POST", f"sobjects/{kind}", json=values).json()["id"])

    bill = make("Bill__c", Master__c=ACME)
    lines = [make("Bill_Line__c", Master__c=bill, Amount__c=n) for n in (1.5, 2)]
    assert value(org, "Total__c", bill, "Bill__c") == Decimal("3.50")
    assert value(org, "Billed__c") == Decimal("3.50")
    org.call("DELETE", f"sobjects/Bill_Line__c/{lines[0]}")
    assert value(org, "Billed__c") == Decimal("2.00")
    org.call("DELETE", f"sobjects/Bill__c/{bill}")
    assert value(org, "Billed__c") == 0
    definition = "SELECT DataType FROM FieldDefinition WHERE QualifiedApiName = 'Billed__c'"
    assert org.rows(definition) == [{"DataType": "Roll-Up Summary (SUM Bill__c)"}]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"summaryForeignKey": "Contact.AccountId"}, "summaryForeignKey"),
        ({"summaryForeignKey": "Opportunity.OwnerId"}, "summaryForeignKey"),
        ({"summaryOperation": "sum", "summarizedField": "Opportunity.Name"}, "summarizedField"),
        ({"summaryOperation": "sum"}, "summarizedField"),
        ({"summaryFilterItems": {"field": "Opportunity.Nope", "operation": "equals"}},
         "summaryFilterItems"),
        ({"summaryFilterItems": {"field": "Opportunity.Name", "operation": "like"}},
         "summaryFilterItems"),
        ({"summaryOperation": "average"}, "summaryOperation"),
        ({"summaryOperation": None}, "summaryOperation"),
    ],
)  # fmt: skip
def test_summaries_that_cannot_be(org: Org, metadata: dict[str, Any], field: str) -> None:
    given = {"type": "Summary", "label": "X", "summaryOperation": "count",
             "summaryForeignKey": "Opportunity.AccountId", **metadata}  # fmt: skip
    error = org.refused(
        "POST", "tooling/sobjects/CustomField", 400,
        json={"FullName": "Account.Bad__c", "Metadata": given},
    )  # fmt: skip
    assert (error["errorCode"], error["fields"]) == ("FIELD_INTEGRITY_EXCEPTION", [field])
    assert org.get(f"sobjects/Account/{ACME}?fields=Deals__c")["Deals__c"] == 2
