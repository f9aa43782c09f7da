"""Reading two files of records: which columns are found, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import simplejson

from pipelines import warehouse
from pipelines.errors import FixTheRow
from pipelines.matching import file_tables, files

DECISIONS = {"subject": "VARCHAR"}


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    return tmp_path / "records.csv"


def test_columns_are_found_by_any_of_their_names(csv_file: Path) -> None:
    csv_file.write_bytes(
        "\ufeffBILLADDR_LINE1,display name,ID,Colour,primaryEmailAddr.address\r\n"
        '"1 Pier, St",Müller,7,blue,a@b.example\r\n'.encode()
    )
    read = files.read_records(csv_file, files.CUSTOMER_FIELDS)
    assert read.table.to_pylist() == [
        {"street": "1 Pier, St", "name": "Müller", "id": "7", "email": "a@b.example"},
    ]
    assert read.unread == ("Colour",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Name\nAcme\n", "no column for the id"),
        ("Id,Colour\n1,red\n", "no column for the id or for the name"),
        ("", "no column for the id"),
        ("Id,Name\n1,A\n,B\n", "line 3 has no id"),
        ("Id,Name\n1,A\n1,B\n", "the id 1 stands twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(csv_file: Path, text: str, told: str) -> None:
    csv_file.write_text(text)
    with pytest.raises(FixTheRow, match=told) as problem:
        files.read_records(csv_file, files.ACCOUNT_FIELDS)
    assert "records.csv" in str(problem.value)
    assert problem.value.next_step


def test_a_file_of_another_encoding_is_told(csv_file: Path) -> None:
    csv_file.write_bytes("Id,Name\n1,Müller\n".encode("latin-1"))
    with pytest.raises(FixTheRow, match="not UTF-8"):
        files.read_records(csv_file, files.ACCOUNT_FIELDS)


def test_several_phones_and_mailboxes_may_stand_in_one_cell(tmp_path: Path) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text(
        "Id,Name,Phone,ContactEmail,CustomerId\n"
        'A,Acme,1; 2,"x@a.example, y@a.example",9\n'
        "B,Brightwater, Inc\n"
    )
    right.write_text("Id,Company,Mobile,ParentId,Active\n9,Acme,3,8,FALSE\n")
    accounts = files.read_records(left, files.ACCOUNT_FIELDS)
    customers = files.read_records(right, files.CUSTOMER_FIELDS)
    path = tmp_path / "files.duckdb"
    file_tables.fill_raw_tables(path, accounts, customers, DECISIONS)
    found = warehouse.read(
        path, "SELECT phone, qbo_customer_id__c FROM raw_salesforce.account ORDER BY id"
    )
    assert found == [
        {"phone": "1", "qbo_customer_id__c": "customers:9"},
        {"phone": "Inc", "qbo_customer_id__c": None},
    ]
    contacts = warehouse.read(
        path, "SELECT email, phone FROM raw_salesforce.contact ORDER BY email"
    )
    assert contacts == [
        {"email": "x@a.example", "phone": "2"},
        {"email": "y@a.example", "phone": None},
    ]
    (customer,) = warehouse.read(path, "SELECT payload FROM raw_quickbooks.customer")
    told = simplejson.loads(customer["payload"])
    assert {name: value for name, value in told.items() if value is not None} == {
        "DisplayName": "Acme",
        "CompanyName": "Acme",
        "Mobile": {"FreeFormNumber": "3"},
        "ParentRef": {"value": "8"},
        "Job": True,
        "Active": False,
    }
