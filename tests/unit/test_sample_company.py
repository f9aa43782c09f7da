"""The sample company as files: the same bytes every time, whole, well-formed, nothing astray."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.companies import sample_company
from pipelines.sandbox.company import Summary, generate
from pipelines.sandbox.company.__main__ import main
from pipelines.sandbox.seed import read_seed

Record = dict[str, Any]
US, UK = "9341450000000001", "9341450000000002"
SALESFORCE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000")
QUICKBOOKS_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = tmp_path_factory.mktemp("company")
    return generate(folder / "sample_company", folder / "answer_key.json")


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def records(summary: Summary, name: str) -> list[Record]:
    text = (summary.folder / f"{name}.json").read_text()
    loaded: list[Record] = json.loads(text, parse_float=Decimal)
    return loaded


def salesforce(summary: Summary, name: str) -> list[Record]:
    return records(summary, f"salesforce/{name}")


def test_the_same_bytes_whatever_the_hash_seed(summary: Summary, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipelines.sandbox.company import generate;"
        "generate(Path(sys.argv[1], 'sample_company'), Path(sys.argv[1], 'answer_key.json'))"
    )
    for hash_seed in ("1", "4711"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
        subprocess.run([sys.executable, "-c", code, str(folder)], check=True, env=environment)
        assert digest(folder) == digest(summary.folder.parent)


def test_another_seed_is_another_company(summary: Summary, tmp_path: Path) -> None:
    generate(tmp_path / "other", tmp_path / "key.json", seed=8)
    names = {record["Name"] for record in salesforce(summary, "Account")}
    text = (tmp_path / "other/salesforce/Account.json").read_text()
    other = {record["Name"] for record in json.loads(text)}
    assert len(names & other) < len(names) / 10


def test_it_is_quick(tmp_path: Path) -> None:
    start = time.process_time()
    generate(tmp_path / "company", tmp_path / "key.json")
    assert time.process_time() - start < 6  # about 1.3 s; the rest is for a busy machine


def test_the_sandbox_reads_it(summary: Summary) -> None:
    seed = read_seed(summary.folder)
    entities = {getattr(write, "entity", None) for write in seed.writes}
    assert {"Account", "OpportunityLineItem", "Invoice", "Payment", "Preferences"} <= entities


def test_the_manifest_says_who_is_who(summary: Summary) -> None:
    manifest = json.loads((summary.folder / "manifest.json").read_text(), parse_float=Decimal)
    assert manifest["as_of"] == "2026-11-20T17:00:00Z"
    assert [company["realm_id"] for company in manifest["quickbooks"]] == [US, UK]
    rates = {row["iso"]: row["rate"] for row in manifest["salesforce"]["currencies"]}
    assert rates == {"USD": 1, "GBP": Decimal("0.78"), "EUR": Decimal("0.92")}
    assert salesforce(summary, "Organization")[0]["Id"] == manifest["salesforce"]["org_id"]
    usernames = {user["Username"] for user in salesforce(summary, "User")}
    assert manifest["salesforce"]["user"]["username"] in usernames


def test_it_is_a_mid_size_firm(summary: Summary) -> None:
    count = summary.records
    assert 300 <= count["salesforce/Account.json"] <= 340
    assert 380 <= count["salesforce/Contact.json"] <= 460
    assert count["salesforce/User.json"] == 14
    assert count["salesforce/Product2.json"] == 36
    assert count["salesforce/PricebookEntry.json"] == 36 * 3 * 3
    assert 1000 <= count["salesforce/Opportunity.json"] <= 1150
    won = [deal for deal in salesforce(summary, "Opportunity") if deal["IsWon"]]
    assert 560 <= len(won) <= 680
    assert {deal["CurrencyIsoCode"] for deal in won} == {"USD", "GBP", "EUR"}


def test_every_list_of_the_contract_is_there(summary: Summary) -> None:
    entities = (
        "Customer Item Invoice Payment CreditMemo RefundReceipt SalesReceipt Estimate Term TaxCode "
        "TaxRate Account Class Department CompanyInfo Preferences Vendor Employee PaymentMethod"
    )
    for realm in (US, UK):
        for entity in entities.split():
            assert summary.records[f"quickbooks/{realm}/{entity}.json"] > 0, (realm, entity)


def test_salesforce_ids_carry_their_checksum(summary: Summary) -> None:
    def suffix(id15: str) -> str:
        groups = [id15[0:5], id15[5:10], id15[10:15]]
        return "".join(
            CHECKSUM[sum(2**k for k, char in enumerate(group) if "A" <= char <= "Z")]
            for group in groups
        )

    seen: Counter[str] = Counter()
    for path in sorted((summary.folder / "salesforce").glob("[A-Z]*.json")):
        for record in json.loads(path.read_text()):
            seen[record["Id"]] += 1
            assert record["Id"][15:] == suffix(record["Id"][:15])
    assert max(seen.values()) == 1
    # Many differ only in capitals within 15 characters; the checksum is there to part them.
    assert len({key.lower() for key in seen}) == len(seen)


def test_salesforce_references_resolve(summary: Summary) -> None:
    ids = {
        path.stem: {record["Id"] for record in json.loads(path.read_text())}
        for path in (summary.folder / "salesforce").glob("[A-Z]*.json")
    }
    targets = {
        "AccountId": "Account", "ParentId": "Account", "MasterRecordId": "Account",
        "OpportunityId": "Opportunity", "OwnerId": "User", "ContactId": "Contact",
        "Product2Id": "Product2", "Pricebook2Id": "Pricebook2", "PricebookEntryId":
        "PricebookEntry", "CreatedById": "User", "LastModifiedById": "User",
    }  # fmt: skip
    for path in (summary.folder / "salesforce").glob("[A-Z]*.json"):
        for record in json.loads(path.read_text()):
            for field in targets.keys() & record.keys():
                value = record[field]
                assert value is None or value in ids[targets[field]], (path.stem, field, value)


def test_times_are_written_as_the_vendors_write_them(summary: Summary) -> None:
    for deal in salesforce(summary, "Opportunity"):
        assert SALESFORCE_TIME.fullmatch(deal["SystemModstamp"])
        assert deal["CreatedDate"] <= deal["LastModifiedDate"] <= deal["SystemModstamp"]
        assert deal["SystemModstamp"] <= "2026-11-20T17:00:00.000+0000"
    for realm, offset in ((US, "-08:00"), (UK, "+00:00")):
        for invoice in records(summary, f"quickbooks/{realm}/Invoice"):
            times = invoice["MetaData"]
            assert QUICKBOOKS_TIME.fullmatch(times["LastUpdatedTime"])
            assert times["CreateTime"].endswith(offset)
            assert times["CreateTime"] <= times["LastUpdatedTime"]
            assert times["CreateTime"][:10] == invoice["TxnDate"]


def test_custom_fields_are_those_that_the_records_use(summary: Summary) -> None:
    fields = salesforce(summary, "_custom_fields")
    named = {field["FullName"] for field in fields}
    used = {
        f"{name}.{column}"
        for name in ("Account", "Opportunity", "Contact")
        for column in salesforce(summary, name)[0]
        if column.endswith("__c")
    }
    assert named == used
    assert all({"type", "label"} <= field["Metadata"].keys() for field in fields)


def test_prices_are_awkward(summary: Summary) -> None:
    prices = {entry["UnitPrice"] for entry in salesforce(summary, "PricebookEntry")}
    assert {Decimal("0.333"), Decimal("0.142857"), Decimal("1299.0")} <= prices
    quantities = {line["Quantity"] for line in salesforce(summary, "OpportunityLineItem")}
    assert {Decimal("0.5"), Decimal("2.75"), Decimal("7.33")} <= quantities


def test_an_earlier_company_is_replaced(summary: Summary, tmp_path: Path) -> None:
    folder = tmp_path / "company"
    generate(folder, tmp_path / "key.json", seed=8)
    (folder / "salesforce" / "Leftover.json").write_text("[]")
    generate(folder, tmp_path / "key.json")
    assert digest(folder) == digest(summary.folder)


def test_a_failed_generation_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(company: object, folder: Path) -> dict[str, int]:
        (folder / "salesforce").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.sandbox.company.generator._write", fails)
    with pytest.raises(OSError):
        generate(tmp_path / "sample_company", tmp_path / "key.json")
    with pytest.raises(OSError):
        sample_company(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(FileExistsError, match="not a sample company"):
        generate(tmp_path, tmp_path.parent / "key.json")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_answer_key_never_lies_where_the_sandbox_reads(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not lie inside"):
        generate(tmp_path / "company", tmp_path / "company" / "answer_key.json")
    assert not (tmp_path / "company").exists()


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--folder", str(tmp_path / "company"), "--answer-key", str(tmp_path / "key.json")]
    assert main(options) == 0
    assert re.match(r"Wrote \d+ records in \d+ files to ", capsys.readouterr().out)


def test_the_command_refuses_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")
    assert main(["--folder", str(tmp_path), "--answer-key", str(tmp_path.parent / "k.json")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("The sample company was not written: ")
    assert error.count("\n") == 1
