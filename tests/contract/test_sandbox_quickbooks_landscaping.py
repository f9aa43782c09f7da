"""The vendor's demonstration company as a seed, and templates of transactions, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from quickbooks_company import Company, line

from pipelines.sandbox.quickbooks import QuickBooks as Vendor
from pipelines.sandbox.quickbooks import landscaping
from pipelines.sandbox.server import running_sandbox


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("landscaping")
    assert landscaping.main(["--folder", str(folder), "--as-of", "2026-11-20T17:00:00Z"]) == 0
    with running_sandbox(folder, factories={"quickbooks": Vendor}) as running:
        yield Company(running, landscaping.REALM)


@pytest.mark.parametrize("options", [[], ["--as-of", "yesterday"]])
def test_what_cannot_be_written_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    folder = tmp_path if options else tmp_path.parent
    assert landscaping.main(["--folder", str(folder), *options]) == 1
    assert capsys.readouterr().err.startswith("The demonstration company was not written: ")
    assert not (folder / "manifest.json").exists()


@pytest.mark.parametrize(
    ("entity", "record_id", "member", "name"),
    [
        ("Customer", "1", "DisplayName", "Amy's Bird Sanctuary"),
        ("Customer", "8", "FullyQualifiedName", "Freeman Sporting Goods:0969 Ocean View Road"),
        ("Vendor", "41", "DisplayName", "Hicks Hardware"),
        ("Employee", "55", "DisplayName", "Emily Platt"),
        ("Item", "2", "Name", "Hours"),
        ("Item", "10", "Name", "Pest Control"),
        ("Account", "35", "Name", "Checking"),
        ("Account", "48", "FullyQualifiedName",
         "Landscaping Services:Job Materials:Fountains and Garden Lighting"),
        ("Term", "3", "Name", "Net 30"),
        ("TaxCode", "2", "Name", "California"),
        ("CompanyCurrency", "1", "Name", "Canadian Dollar"),
        ("Invoice", "130", "DocNumber", "1037"),
    ],
)  # fmt: skip
def test_ids_and_names_are_those_client_suites_rely_on(
    company: Company, entity: str, record_id: str, member: str, name: str
) -> None:
    assert company.read(entity, record_id)[member] == name


def test_the_books_agree_with_themselves(company: Company) -> None:
    rows = {e: company.rows(e, "maxresults 1000") for e in
            ("Customer", "Invoice", "Payment", "CreditMemo")}  # fmt: skip
    owed = sum((r["Balance"] for r in rows["Invoice"]), Decimal(0))
    credit = sum((r["Balance"] for r in rows["CreditMemo"]), Decimal(0))
    unapplied = sum((r["UnappliedAmt"] for r in rows["Payment"]), Decimal(0))
    assert unapplied > 0
    assert sum(r["Balance"] for r in rows["Customer"]) == owed - credit - unapplied
    paid = company.read("Invoice", "9")
    assert (paid["TotalAmt"], paid["Balance"]) == (Decimal("108.00"), 0)
    assert paid["LinkedTxn"] == [{"TxnId": "20", "TxnType": "Payment"}]


def test_new_ids_follow_the_last_ones(company: Company) -> None:
    made = company.save("Invoice", {"CustomerRef": {"value": "1"}, "Line": [line(5)]})
    assert int(made["Id"]) > 130
    assert made["DocNumber"] == "1038"


# ---- templates


def template(name: str, **schedule: Any) -> dict[str, Any]:
    plan = {"IntervalType": "Monthly", "NumInterval": 1, "StartDate": "2026-12-05", **schedule}
    info = {"Name": name, "RecurType": "Automated", "Active": True, "ScheduleInfo": plan}
    return {"Invoice": {"CustomerRef": {"value": "1"}, "Line": [line(100)], "RecurringInfo": info}}


def test_a_template_is_kept_beside_the_books(company: Company) -> None:
    before = company.balance()
    made = company.post("/recurringtransaction", template("Monthly", DayOfMonth=15)).body
    invoice = made["RecurringTransaction"]["Invoice"]
    assert invoice["TotalAmt"] == 100
    assert invoice["RecurringInfo"]["ScheduleInfo"]["NextDate"] == "2026-12-15"
    assert invoice["RecurDataRef"]["value"] == invoice["Id"]
    assert company.balance() == before
    assert company.get(f"/recurringtransaction/{invoice['Id']}").body["RecurringTransaction"] == {
        "Invoice": invoice
    }
    found = company.rows("RecurringTransaction", "where Type = 'Invoice'")
    assert {"Invoice": invoice} in found
    assert company.rows("RecurringTransaction", "where Type = 'Bill'") == []


def test_a_template_changes_and_goes(company: Company) -> None:
    made = company.post("/recurringtransaction", template("Weekly")).body
    invoice = made["RecurringTransaction"]["Invoice"]
    invoice["Line"] = [line(250)]
    del invoice["Deposit"]
    after = company.post("/recurringtransaction", {"Invoice": invoice}).body
    after = after["RecurringTransaction"]["Invoice"]
    assert (after["TotalAmt"], after["SyncToken"]) == (250, "1")
    assert company.post("/recurringtransaction", {"Invoice": invoice}).code == "5010"
    gone = company.post(
        "/recurringtransaction",
        {"Invoice": {"Id": after["Id"], "SyncToken": "1"}},
        operation="delete",
    )
    assert gone.body["RecurringTransaction"]["Invoice"]["status"] == "Deleted"
    assert company.get(f"/recurringtransaction/{after['Id']}").code == "610"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "2010"),
        ({**template("Two"), "Bill": {}}, "2010"),
        ({"Invoice": {"CustomerRef": {"value": "1"}, "Line": [line(1)]}}, "2020"),
        (template("Never", IntervalType="Sometimes"), "2170"),
        ({"Invoice": {"RecurringInfo": template("x")["Invoice"]["RecurringInfo"]}}, "2020"),
    ],
)
def test_a_template_that_says_too_little_is_refused(
    company: Company, body: dict[str, Any], code: str
) -> None:
    assert company.post("/recurringtransaction", body).code == code


def test_a_template_name_is_used_once(company: Company) -> None:
    assert company.post("/recurringtransaction", template("Once")).status == 200
    assert company.post("/recurringtransaction", template("once")).code == "6240"
