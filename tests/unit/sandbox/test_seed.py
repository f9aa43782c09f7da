"""Seed folders of strangers: every layout and shape they may have, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.sandbox.errors import SeedUnreadable
from pipelines.sandbox.kernel import Options, Sandbox
from pipelines.sandbox.seed import read_seed
from pipelines.sandbox.seed_salesforce import field_type

ORG, REALM = "00DHs0000000001MAA", "9341450000000001"
ACCOUNT = {"Id": "001Hs0000000001IAA", "Name": "Acme"}
INVOICE = {"Id": "129", "TotalAmt": 100, "Balance": 35, "CustomerRef": {"value": "1"}}


def put(folder: Path, name: str, value: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def records(folder: Path, realm: str, entity: str) -> list[dict[str, Any]]:
    return list(Sandbox(Options(seed=folder)).store.table(realm, entity))


@pytest.mark.parametrize(
    "name",
    ["quickbooks/Invoice.json", "Invoice.json", "invoices.json", f"quickbooks/{REALM}/Invoice.json",
     f"{REALM}/invoice.json"],
)  # fmt: skip
@pytest.mark.parametrize(
    "shape",
    [
        [INVOICE],
        INVOICE,
        {"QueryResponse": {"Invoice": [INVOICE], "startPosition": 1}, "time": "2026-01-01"},
        {"Invoice": INVOICE, "time": "2026-01-01"},
    ],
)
def test_quickbooks_records_lie_anywhere_in_any_shape(
    tmp_path: Path, name: str, shape: Any
) -> None:
    (found,) = records(put(tmp_path, name, shape), REALM, "Invoice")
    assert (found["Id"], found["Balance"], found["TotalAmt"]) == ("129", 35, 100)
    assert found["SyncToken"] == "0" and found["MetaData"]["LastUpdatedTime"]


@pytest.mark.parametrize("name", ["salesforce/Account.json", "Account.json"])
@pytest.mark.parametrize(
    "shape",
    [[ACCOUNT], ACCOUNT, {"totalSize": 1, "done": True, "records": [ACCOUNT]},
     {"records": [{"attributes": {"type": "Account", "url": "/x"}, **ACCOUNT}]}],
)  # fmt: skip
def test_salesforce_records_lie_anywhere_in_any_shape(
    tmp_path: Path, name: str, shape: Any
) -> None:
    (found,) = records(put(tmp_path, name, shape), ORG, "Account")
    assert {k: found[k] for k in ("Id", "Name", "IsDeleted")} == {**ACCOUNT, "IsDeleted": False}
    assert found["SystemModstamp"] == found["CreatedDate"]
    assert "attributes" not in found


def test_json_lines_and_short_ids(tmp_path: Path) -> None:
    lines = '{"Id":"001Hs0000000001","Name":"A"}\n{"Id":"001Hs0000000002","Name":"B"}\n'
    put(tmp_path, "salesforce/Account.jsonl", lines)
    found = records(tmp_path, ORG, "Account")
    assert [r["Id"] for r in found] == ["001Hs0000000001IAA", "001Hs0000000002IAA"]


def test_an_account_is_whose_its_id_is(tmp_path: Path) -> None:
    put(tmp_path, "Account.json", [ACCOUNT])
    put(tmp_path, "accounts.json", [{"Id": "1", "Name": "Bank", "AccountType": "Bank"}])
    sandbox = Sandbox(Options(seed=tmp_path))
    assert [r["Name"] for r in sandbox.store.table(ORG, "Account")] == ["Acme"]
    bank = sandbox.store.table(REALM, "Account").get("1")
    assert bank is not None and bank["Name"] == "Bank"


def test_what_an_answer_adds_is_left_out(tmp_path: Path) -> None:
    contact = {
        "attributes": {"type": "Contact"},
        "Id": "003Hs0000000001IAA",
        "LastName": "Lovelace",
        "Account": {"attributes": {"type": "Account"}, "Name": "Acme"},
        "Cases": {"totalSize": 0, "done": True, "records": []},
        "MailingAddress": {"city": "London", "postalCode": "N1", "street": None},
        "MailingCity": "Paris",
    }
    (found,) = records(put(tmp_path, "contacts_export.json", [contact]), ORG, "Contact")
    assert found["MailingCity"] == "Paris" and found["MailingPostalCode"] == "N1"
    assert not {"attributes", "Account", "Cases", "MailingAddress"} & set(found)


def test_who_they_are_is_told_by_the_records(tmp_path: Path) -> None:
    put(tmp_path, "salesforce/Organization.json",
        [{"Id": "00DAb0000000001MAA", "Name": "Own"}])  # fmt: skip
    put(tmp_path, "quickbooks/77/CompanyInfo.json",
        {"CompanyInfo": {"Id": "1", "CompanyName": "Own Ltd", "Country": "GB"}})  # fmt: skip
    put(tmp_path, "quickbooks/78/Customer.json", [])
    manifest = read_seed(tmp_path).manifest
    assert manifest["salesforce"]["org_id"][:15] == "00DAb0000000001"
    first, second = manifest["quickbooks"]
    assert (first["realm_id"], first["name"], first["home_currency"]) == ("77", "Own Ltd", "GBP")
    assert second["realm_id"] == "78"


def test_a_manifest_need_not_say_everything(tmp_path: Path) -> None:
    put(tmp_path, "manifest.json", {"quickbooks": [{"realm_id": "5", "name": "Five"}]})
    put(tmp_path, "Customer.json", [{"Id": "1", "DisplayName": "A"}])
    manifest = read_seed(tmp_path).manifest
    assert [c["name"] for c in manifest["quickbooks"]] == ["Five"]
    assert manifest["salesforce"]["org_id"] == ORG
    assert len(records(tmp_path, "5", "Customer")) == 1


def test_custom_fields_and_objects_follow_from_the_records(tmp_path: Path) -> None:
    put(tmp_path, "Account.json", [{**ACCOUNT, "Score__c": 1.25, "Vip__c": None},
                                   {"Id": "001Hs0000000002IAA", "Vip__c": True}])  # fmt: skip
    put(
        tmp_path, "salesforce/npe__Payment__c.json", [{"Id": "a0BHs0000000001MAA", "Paid__c": True}]
    )
    vendor: Any = Sandbox(Options(seed=tmp_path)).vendors["salesforce"]
    catalogue = vendor.org.catalogue
    score = catalogue.get("Account").field("Score__c")
    assert (score.type, score.scale) == ("double", 2)
    assert catalogue.get("Account").field("Vip__c").type == "boolean"
    payment = catalogue.get("npe__Payment__c")
    assert payment.prefix == "a0B" and payment.field("Paid__c").type == "boolean"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "Checkbox"),
        ([1, 2], "Number"),
        (["2026-01-01"], "Date"),
        (["2026-01-01T10:00:00.000+0000"], "DateTime"),
        (["2026-01-01", "soon"], "Text"),
        (["x" * 256], "LongTextArea"),
        ([1, "a"], "Text"),
        ([], "Text"),
    ],
)
def test_the_type_of_a_derived_field(values: list[Any], kind: str) -> None:
    assert field_type(values)["type"] == kind


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Invoice.json", [INVOICE, {"TotalAmt": 1}], ["Invoice.json", "record 2", "no Id"]),
        ("Invoice.json", [INVOICE, INVOICE], ["record 2", "129", "record 1"]),
        ("Wishes.json", [{"Id": "1"}], ["Wishes.json", "'Wishes'", "Name the file"]),
        ("salesforce/Wish.json", [ACCOUNT], ["Wish.json", "'Wish'", "Name the file"]),
        ("salesforce/Account.json", [{"Id": "7"}], ["record 1", "'7'", "15 characters"]),
        ("salesforce/Account.json", [3], ["record 1", "JSON object"]),
        ("Invoice.json", "{", ["Invoice.json", "not JSON"]),
        ("Invoice.json", "7", ["Invoice.json", "no records"]),
        ("manifest.json", "[]", ["manifest.json"]),
        ("manifest.json", {"as_of": "soon"}, ["manifest.json", "as_of"]),
        ("notes.txt", "hello", ["no records", "salesforce/Account.json"]),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, name: str, value: Any, words: list[str]
) -> None:
    with pytest.raises(SeedUnreadable) as refused:
        read_seed(put(tmp_path, name, value))
    assert all(word in str(refused.value) for word in words), refused.value
    assert "\n" not in str(refused.value)


def test_records_of_no_known_company_are_refused(tmp_path: Path) -> None:
    for realm in ("1", "2"):
        put(tmp_path, f"quickbooks/{realm}/Customer.json", [])
    put(tmp_path, "Invoice.json", [INVOICE])
    with pytest.raises(SeedUnreadable, match="several companies"):
        read_seed(tmp_path)
