"""Single records in the Salesforce sandbox: what is stored, what is set, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from salesforce_org import (
    ACME,
    ADA,
    BOREAL,
    CABLE,
    CABLE_USD,
    DEAL,
    DELETED,
    EURO_DEAL,
    PARTNER,
    PROBE,
    PROBE_EUR,
    PROBE_USD,
    STANDARD,
    USER,
    Org,
)
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

KEY = "QBO_Customer_Id__c"


def record(org: Org, name: str, record_id: str) -> dict[str, Any]:
    return dict(org.get(f"sobjects/{name}/{record_id}"))


def create(org: Org, name: str, **values: Any) -> str:
    done = org.client.__getattr__(name).create(values)
    assert done["success"] is True and done["errors"] == []
    return str(done["id"])


def refused_create(org: Org, name: str, status: int = 400, **values: Any) -> dict[str, Any]:
    return org.refused("POST", f"sobjects/{name}", status, json=values)


# ---- create, read, update, delete


def test_create_answers_with_id_and_place(org: Org) -> None:
    answer = org.call("POST", "sobjects/Account", json={"Name": "New GmbH"})
    body = answer.json()
    assert answer.status_code == 201
    assert body == {"id": body["id"], "success": True, "errors": []}
    assert len(body["id"]) == 18 and body["id"].startswith("001")
    assert answer.headers["Location"].endswith(f"/sobjects/Account/{body['id']}")


def test_what_the_vendor_sets(org: Org) -> None:
    made = record(org, "Account", create(org, "Account", Name=" Padded ", Website=""))
    assert made["Name"] == "Padded"
    assert made["Website"] is None
    assert made["OwnerId"] == made["CreatedById"] == USER
    assert made["IsDeleted"] is False
    assert made["CurrencyIsoCode"] == "USD"
    assert made["CreatedDate"] == made["LastModifiedDate"] == made["SystemModstamp"]
    assert made["SystemModstamp"].endswith(".000+0000")


def test_read_by_either_form_of_the_id(org: Org) -> None:
    assert record(org, "Account", ACME[:15]) == record(org, "Account", ACME)
    url = record(org, "Account", ACME)["attributes"]
    assert url == {"type": "Account", "url": f"/services/data/v68.0/sobjects/Account/{ACME}"}


def test_read_some_fields(org: Org) -> None:
    got = org.get(f"sobjects/Account/{ACME}", params={"fields": "name,BillingCity"})
    assert {k: v for k, v in got.items() if k != "attributes"} == {
        "Name": "Acme GmbH",
        "BillingCity": "Köln",
        "Id": ACME,
    }


def test_addresses_are_objects(org: Org) -> None:
    address = record(org, "Account", ACME)["BillingAddress"]
    assert (address["city"], address["country"]) == ("Köln", "Germany")
    assert address["street"] == "Domplatz 1\n2. Stock"
    assert record(org, "Account", BOREAL)["BillingAddress"] is None


def test_update_answers_204_and_moves_the_stamps(org: Org) -> None:
    before = record(org, "Account", ACME)
    assert org.client.Account.update(ACME, {"Phone": "+49 221 1"}) == 204
    after = record(org, "Account", ACME)
    assert after["Phone"] == "+49 221 1"
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert after["LastModifiedById"] == USER
    assert after["CreatedDate"] == before["CreatedDate"]


def test_field_names_in_any_case(org: Org) -> None:
    org.client.Account.update(ACME, {"PHONE": "1"})
    assert record(org, "Account", ACME)["Phone"] == "1"


def test_delete_goes_to_the_recycle_bin_with_the_children(org: Org) -> None:
    assert org.client.Account.delete(ACME) == 204
    assert org.rows(f"SELECT Id FROM Account WHERE Id = '{ACME}'") == []
    for name, record_id in (("Account", ACME), ("Contact", ADA), ("Opportunity", DEAL)):
        (row,) = org.rows(f"SELECT IsDeleted FROM {name} WHERE Id = '{record_id}'", "queryAll")
        assert row == {"IsDeleted": True}
    error = org.refused("DELETE", f"sobjects/Account/{ACME}", 404)
    assert error == {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}


def test_unknown_and_deleted_records(org: Org) -> None:
    for path in ("sobjects/Account/001Hs0000009999IAA", f"sobjects/Account/{DEAL}"):
        assert org.refused("GET", path, 404)["errorCode"] == "NOT_FOUND"
    assert org.refused("GET", f"sobjects/Account/{DELETED}", 404)["errorCode"] in (
        "NOT_FOUND",
        "ENTITY_IS_DELETED",
    )
    with pytest.raises(SalesforceResourceNotFound):
        org.client.Account.get("001Hs0000009999IAA")


def test_method_that_the_address_has_not(org: Org) -> None:
    error = org.refused("PUT", f"sobjects/Account/{ACME}", 405)
    assert error["errorCode"] == "METHOD_NOT_ALLOWED"
    assert error["message"].startswith("HTTP Method 'PUT' not allowed. Allowed are ")


def test_patch_by_post_for_clients_that_cannot(org: Org) -> None:
    answer = org.call(
        "POST", f"sobjects/Account/{ACME}", params={"_HttpMethod": "PATCH"}, json={"Phone": "7"}
    )
    assert answer.status_code == 204
    assert record(org, "Account", ACME)["Phone"] == "7"


def test_update_unless_changed_since(org: Org) -> None:
    answer = org.call(
        "PATCH",
        f"sobjects/Account/{ACME}",
        json={"Phone": "1"},
        headers={"If-Unmodified-Since": "Tue, 01 Sep 2020 08:00:00 GMT"},
    )
    assert answer.status_code == 412
    assert record(org, "Account", ACME)["Phone"] is None


# ---- refusals, in the vendor's words


@pytest.mark.parametrize(
    ("name", "values", "code", "message", "named"),
    [
        (
            "Account",
            {"Industry": "Energy"},
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]",
            ["Name"],
        ),
        (
            "Account",
            {"Name": "x" * 256},
            "STRING_TOO_LONG",
            f"Account Name: data value too large: {'x' * 256} (max length=255)",
            ["Name"],
        ),
        (
            "Account",
            {"Name": "A", "CleanStatus": "Foo"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Clean Status: bad value for restricted picklist field: Foo",
            ["CleanStatus"],
        ),
        (
            "Contact",
            {"LastName": "L", "Email": "foo"},
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: foo",
            ["Email"],
        ),
        (
            "Contact",
            {"LastName": "L", "AccountId": "xyz"},
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: xyz",
            ["AccountId"],
        ),
        (
            "Contact",
            {"LastName": "L", "AccountId": "001Hs0000009999IAA"},
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            [],
        ),
        (
            "Account",
            {"Name": "A", KEY: "9341450000000001:58".upper()},
            "DUPLICATE_VALUE",
            f"duplicate value found: {KEY} duplicates value on record with id: {ACME[:15]}",
            [],
        ),
        (
            "Account",
            {"Name": "A", "SystemModstamp": "2026-01-01T00:00:00Z"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: SystemModstamp. Please check the security settings "
            "of this field and verify that it is read/write for your profile or permission set.",
            ["SystemModstamp"],
        ),
    ],
)
def test_refused_values(
    org: Org,
    name: str,
    values: Mapping[str, Any],
    code: str,
    message: str,
    named: list[str],
) -> None:
    error = refused_create(org, name, **values)
    assert error == {"message": message, "errorCode": code, "fields": named}


def test_several_required_fields_at_once(org: Org) -> None:
    error = refused_create(org, "Opportunity", Name="D")
    assert error["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert set(error["fields"]) == {"CloseDate", "StageName"}


def test_emptying_a_required_field(org: Org) -> None:
    error = org.refused("PATCH", f"sobjects/Account/{ACME}", 400, json={"Name": None})
    assert error["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_unknown_field(org: Org) -> None:
    error = refused_create(org, "Account", Name="A", Foo__c="x")
    assert error["errorCode"] == "INVALID_FIELD"
    assert error["message"] == "No such column 'Foo__c' on sobject of type Account"


def test_numbers_beyond_the_field(org: Org) -> None:
    error = refused_create(org, "Account", Name="A", QBO_Open_Balance__c=10**17)
    assert error["errorCode"] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_values_of_the_wrong_kind(org: Org) -> None:
    for values in (
        {"LastName": "L", "Billing_Contact__c": "perhaps"},
        {"LastName": "L", "Birthdate": "2026-13-01"},
    ):
        assert refused_create(org, "Contact", **values)["errorCode"] == "JSON_PARSER_ERROR"


def test_broken_json(org: Org) -> None:
    for body in ("{", "[]", ""):
        error = org.refused("POST", "sobjects/Account", 400, data=body)
        assert error["errorCode"] == "JSON_PARSER_ERROR"


def test_the_id_is_not_part_of_an_update(org: Org) -> None:
    error = org.refused("PATCH", f"sobjects/Account/{ACME}", 400, json={"Id": ACME})
    assert error["errorCode"] == "INVALID_FIELD"
    assert error["message"] == "The Id field should not be specified in the sobject data."


def test_a_refused_write_leaves_nothing(org: Org) -> None:
    before = org.get("limits/recordCount", params={"sObjects": "Account"})
    refused_create(org, "Account", Name="A", CleanStatus="Foo")
    assert org.get("limits/recordCount", params={"sObjects": "Account"}) == before
    assert org.journal()[-2]["writes"] == []


def test_errors_reach_simple_salesforce(org: Org) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.client.Account.create({})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_open_picklists_take_any_value(org: Org) -> None:
    made = create(org, "Account", Name="A", Industry="Basket weaving")
    assert record(org, "Account", made)["Industry"] == "Basket weaving"


def test_parent_by_external_id(org: Org) -> None:
    made = create(org, "Contact", LastName="L", Account={KEY: "9341450000000001:58"})
    assert record(org, "Contact", made)["AccountId"] == ACME
    error = refused_create(org, "Contact", LastName="L", Account={KEY: "42"})
    assert error["errorCode"] == "INVALID_FIELD"
    assert error["message"] == (
        f"Foreign key external ID: 42 not found for field {KEY} in entity Account"
    )


# ---- upsert


def test_upsert_creates_then_updates(org: Org) -> None:
    path = f"sobjects/Account/{KEY}/9341450000000001%3A77"
    made = org.call("PATCH", path, json={"Name": "U"})
    again = org.call("PATCH", path, json={"Name": "V"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    assert (again.status_code, again.json()["created"]) == (200, False)
    old = f"/services/data/v45.0/sobjects/Account/{KEY}/told-45"
    first, second = (org.call("PATCH", old, json={"Name": "Old"}) for _ in range(2))
    assert (first.status_code, set(first.json())) == (201, {"id", "success", "errors"})
    assert (second.status_code, second.content) == (204, b"")
    assert made.json()["id"] == again.json()["id"]
    got = org.get(path)
    assert (got["Name"], got[KEY]) == ("V", "9341450000000001:77")


def test_upsert_ignores_the_case_of_the_key(org: Org) -> None:
    create(org, "Account", Name="A", **{KEY: "Mixed-1"})
    assert org.call("PATCH", f"sobjects/Account/{KEY}/mIXED-1", json={}).json()["created"] is False


def test_upsert_before_version_46_answers_204(org: Org) -> None:
    path = f"/services/data/v45.0/sobjects/Account/{KEY}/9341450000000001:58"
    assert org.call("PATCH", path, json={"Phone": "1"}).status_code == 204


def test_upsert_through_simple_salesforce(org: Org) -> None:
    assert org.client.Account.upsert(f"{KEY}/k-1", {"Name": "A"}) == 201
    assert org.client.Account.upsert(f"{KEY}/k-1", {"Name": "B"}) == 200
    assert org.client.Account.get_by_custom_id(KEY, "k-1")["Name"] == "B"


def test_update_only_creates_nothing(org: Org) -> None:
    path = f"sobjects/Account/{KEY}/none"
    error = org.refused("PATCH", path, 404, params={"updateOnly": "true"}, json={"Name": "A"})
    assert error["errorCode"] == "NOT_FOUND"


def test_several_records_with_the_key(org: Org) -> None:
    path = "sobjects/Account/Region_Key__c/North"
    for method in ("GET", "PATCH"):
        answer = org.call(method, path, json={} if method == "PATCH" else None)
        assert answer.status_code == 300
        assert sorted(answer.json()) == [
            f"/services/data/v68.0/sobjects/Account/{i}" for i in sorted((ACME, BOREAL))
        ]
    with pytest.raises(SalesforceMoreThanOneRecord):
        org.client.Account.upsert("Region_Key__c/North", {"Phone": "1"})


@pytest.mark.parametrize("field", ["Phone", "Nothing__c"])
def test_fields_that_are_no_key(org: Org, field: str) -> None:
    error = org.refused("PATCH", f"sobjects/Account/{field}/x", 404, json={})
    assert error["message"] == (
        f"Provided external ID field does not exist or is not accessible: {field}"
    )


def test_keys_with_blanks_slashes_and_accents(org: Org) -> None:
    path = f"sobjects/Account/{KEY}/" + "a%20b%2Fc%20%C3%A9"
    assert org.call("PATCH", path, json={"Name": "A"}).status_code == 201
    assert org.get(path)[KEY] == "a b/c é"


def test_delete_by_key(org: Org) -> None:
    assert org.call("DELETE", f"sobjects/Account/{KEY}/9341450000000001:58").status_code == 204
    assert org.call("GET", f"sobjects/Account/{KEY}/9341450000000001:58").status_code == 404


# ---- what follows from what


def test_the_name_of_a_person(org: Org) -> None:
    made = create(org, "Contact", FirstName="Grace", LastName="Hopper")
    assert record(org, "Contact", made)["Name"] == "Grace Hopper"


@pytest.mark.parametrize(
    ("stage", "closed", "won", "probability"),
    [
        ("Qualification", False, False, 10),
        ("Closed Won", True, True, 100),
        ("Closed Lost", True, False, 0),
    ],
)
def test_the_stage_decides(org: Org, stage: str, closed: bool, won: bool, probability: int) -> None:
    org.client.Opportunity.update(DEAL, {"StageName": stage})
    deal = record(org, "Opportunity", DEAL)
    assert (deal["IsClosed"], deal["IsWon"]) == (closed, won)
    assert deal["Probability"] == probability
    assert deal["ExpectedRevenue"] == Decimal(1000) * probability / 100
    assert (deal["FiscalYear"], deal["FiscalQuarter"], deal["Fiscal"]) == (2026, 4, "2026 4")


def test_the_history_of_a_deal(org: Org) -> None:
    made = create(org, "Opportunity", Name="D", StageName="Prospecting", CloseDate="2026-12-01")
    org.client.Opportunity.update(made, {"NextStep": "call"})
    org.client.Opportunity.update(made, {"StageName": "Closed Won"})
    rows = org.rows(
        "SELECT StageName, Probability FROM OpportunityHistory "
        f"WHERE OpportunityId = '{made}' ORDER BY Id"
    )
    assert [(r["StageName"], int(r["Probability"])) for r in rows] == [
        ("Prospecting", 10),
        ("Closed Won", 100),
    ]
    error = refused_create(org, "OpportunityHistory", OpportunityId=made, StageName="x")
    assert error["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "total"),
    [
        ("3", "100.00", None, "300.00"),
        ("7", "0.333", None, "2.33"),
        ("5", "0.333", None, "1.67"),  # 1.665 is rounded up
        ("3", "100.00", "33.33", "200.01"),
        ("1", "0.05", "50", "0.03"),  # 0.025 is rounded up
    ],
)
def test_line_totals_to_the_cent(
    org: Org, quantity: str, price: str, discount: str | None, total: str
) -> None:
    body = f'{{"OpportunityId":"{DEAL}","PricebookEntryId":"{CABLE_USD}",' + (
        f'"Quantity":{quantity},"UnitPrice":{price},"Discount":{discount or "null"}}}'
    )
    made = org.call("POST", "sobjects/OpportunityLineItem", data=body).json()["id"]
    line = record(org, "OpportunityLineItem", made)
    assert line["TotalPrice"] == Decimal(total)
    assert record(org, "Opportunity", DEAL)["Amount"] == Decimal(total)


def line(org: Org, entry: str, quantity: int, **more: Any) -> str:
    return create(
        org,
        "OpportunityLineItem",
        OpportunityId=DEAL,
        PricebookEntryId=entry,
        Quantity=quantity,
        **more,
    )


def test_lines_decide_the_amount(org: Org) -> None:
    first = line(org, PROBE_USD, 2, UnitPrice=100)
    line(org, CABLE_USD, 10, UnitPrice=1.5)
    deal = record(org, "Opportunity", DEAL)
    assert (deal["Amount"], deal["TotalOpportunityQuantity"]) == (Decimal("215.00"), 12)
    assert deal["HasOpportunityLineItem"] is True
    org.client.Opportunity.update(DEAL, {"Amount": 1})  # not refused, not done
    assert record(org, "Opportunity", DEAL)["Amount"] == Decimal("215.00")
    org.client.OpportunityLineItem.delete(first)
    assert record(org, "Opportunity", DEAL)["Amount"] == Decimal("15.00")


def test_a_line_takes_after_its_product(org: Org) -> None:
    made = record(org, "OpportunityLineItem", line(org, PROBE_USD, 1, UnitPrice=90))
    assert (made["Product2Id"], made["ProductCode"], made["ListPrice"]) == (PROBE, "P-1", 100)
    assert made["CurrencyIsoCode"] == "USD"
    assert made["Name"] == "Acme - pilot Probe"


def test_total_price_instead_of_unit_price(org: Org) -> None:
    made = record(org, "OpportunityLineItem", line(org, PROBE_USD, 4, TotalPrice=100))
    assert (made["UnitPrice"], made["TotalPrice"]) == (25, 100)


def test_lines_that_do_not_fit(org: Org) -> None:
    base = {"OpportunityId": DEAL, "Quantity": 1}
    both = refused_create(
        org,
        "OpportunityLineItem",
        **base,
        PricebookEntryId=PROBE_USD,
        UnitPrice=1,
        TotalPrice=1,
    )
    assert both["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    other = refused_create(
        org, "OpportunityLineItem", **base, PricebookEntryId=PROBE_EUR, UnitPrice=1
    )
    assert other["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    missing = refused_create(org, "OpportunityLineItem", PricebookEntryId=PROBE_USD, UnitPrice=1)
    assert set(missing["fields"]) == {"OpportunityId", "Quantity"}


def test_the_parent_of_a_line_stays(org: Org) -> None:
    made = line(org, PROBE_USD, 1, UnitPrice=1)
    error = org.refused(
        "PATCH",
        f"sobjects/OpportunityLineItem/{made}",
        400,
        json={"OpportunityId": EURO_DEAL},
    )
    assert error["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_standard_price_comes_first(org: Org) -> None:
    price = {"Product2Id": CABLE, "UnitPrice": 2, "CurrencyIsoCode": "EUR", "IsActive": True}
    error = refused_create(org, "PricebookEntry", Pricebook2Id=PARTNER, **price)
    assert error["errorCode"] == "STANDARD_PRICE_NOT_DEFINED"
    assert error["message"] == "Before creating a custom price, create a standard price."
    create(org, "PricebookEntry", Pricebook2Id=STANDARD, **price)
    made = create(org, "PricebookEntry", Pricebook2Id=PARTNER, **price)
    assert record(org, "PricebookEntry", made)["Name"] == "Cable"
    again = refused_create(org, "PricebookEntry", Pricebook2Id=PARTNER, **price)
    assert again["errorCode"] == "DUPLICATE_VALUE"


def test_one_primary_contact_role(org: Org) -> None:
    roles = [
        create(
            org,
            "OpportunityContactRole",
            OpportunityId=DEAL,
            ContactId=create(org, "Contact", LastName=name),
            IsPrimary=True,
        )
        for name in ("A", "B")
    ]
    primary = org.rows("SELECT Id FROM OpportunityContactRole WHERE IsPrimary = true")
    assert primary == [{"Id": roles[1]}]


def test_tasks_have_defaults(org: Org) -> None:
    task = record(org, "Task", create(org, "Task", Subject="Call", WhatId=DEAL, WhoId=ADA))
    assert (task["Status"], task["Priority"], task["IsClosed"]) == (
        "Not Started",
        "Normal",
        False,
    )
    org.client.Task.update(task["Id"], {"Status": "Completed"})
    assert record(org, "Task", task["Id"])["IsClosed"] is True


def test_restricted_picklists_of_the_orgs_own_fields(org: Org) -> None:
    org.client.Opportunity.update(DEAL, {"QBO_Invoice_Status__c": "Paid"})
    error = org.refused(
        "PATCH", f"sobjects/Opportunity/{DEAL}", 400, json={"QBO_Invoice_Status__c": "Lost"}
    )
    assert error["errorCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert record(org, "Opportunity", DEAL)["QBO_Invoice_Status__c"] == "Paid"


# ---- replication


def test_updated_and_deleted(org: Org) -> None:
    start, end = "2026-11-20T16:00:00+00:00", "2026-11-20T18:00:00+00:00"
    org.client.Account.update(ACME, {"Phone": "1"})
    org.client.Account.delete(BOREAL)
    window = {"start": start, "end": end}
    updated = org.get("sobjects/Account/updated/", params=window)
    assert updated == {"ids": [ACME], "latestDateCovered": "2026-11-20T18:00:00.000+0000"}
    deleted = org.get("sobjects/Account/deleted/", params=window)
    assert [d["id"] for d in deleted["deletedRecords"]] == [BOREAL]
    assert set(deleted) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-01-01T00:00:00Z", "2026-11-20T00:00:00Z", "more than 30 days ago"),
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:30Z", "one minute"),
    ],
)
def test_replication_windows(org: Org, start: str, end: str, words: str) -> None:
    error = org.refused("GET", "sobjects/Account/updated", 400, params={"start": start, "end": end})
    assert error["errorCode"] == "INVALID_REPLICATION_DATE"
    assert words in error["message"]
