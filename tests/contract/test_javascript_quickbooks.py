"""node-quickbooks and intuit-oauth for Node as installed, unmodified, over real HTTP.

`npm ci` in tests/contract/javascript installs them; without it these tests say why they are left
out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_clients import needs, run_script
from quickbooks_company import US, quickbooks_sandbox

from pipelines.sandbox.server import RunningSandbox

pytestmark = needs("node-quickbooks")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path) as running:
        yield running


def run(sandbox: RunningSandbox, scenario: str) -> Any:
    """What a scenario of quickbooks.cjs found."""
    return run_script(
        "quickbooks.cjs", scenario, {"connection": sandbox.connection["quickbooks"], "realm": US}
    )


def refusal(found: dict[str, Any]) -> tuple[int, str, str]:
    """Status, code and detail of a refused call."""
    body = found["refused"]
    fault = body.get("Fault") or body["fault"]
    error = (fault.get("Error") or fault["error"])[0]
    return found["status"], error["code"], error.get("Detail") or error["detail"]


def test_an_invoices_life(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "lifecycle")
    made, changed = found["made"], found["changed"]
    assert (made["TotalAmt"], made["Balance"], made["SyncToken"]) == (100, 100, "0")
    assert found["read"] == made
    assert (changed["PrivateNote"], changed["TotalAmt"], changed["SyncToken"]) == (
        "O'Hara's", 100, "1",
    )  # fmt: skip
    status, code, detail = refusal(found["stale"])
    assert (status, code) == (400, "5010")
    assert detail.startswith("Stale Object Error : You and ")
    assert found["pdf"] == "%PDF-"
    assert (found["sent"]["EmailStatus"], found["sent"]["BillEmail"]["Address"]) == (
        "EmailSent", "a@b.example",
    )  # fmt: skip
    voided = found["voided"]["Invoice"]
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided - O'Hara's")
    assert found["deleted"]["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": made["Id"]}
    assert refusal(found["gone"])[:2] == (400, "610")


def test_a_payment_settles_and_its_void_opens_again(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "payment")
    assert (found["open"]["Balance"], found["open"]["SyncToken"]) == (30, "1")
    assert refusal(found["tooMuch"])[:2] == (400, "6000")
    assert (found["voided"]["TotalAmt"], found["voided"]["PrivateNote"]) == (0, "Voided")
    assert (found["again"]["Balance"], found["again"]["LinkedTxn"]) == (80, [])


def names(answer: dict[str, Any]) -> list[str]:
    return [row["DisplayName"] for row in answer["QueryResponse"]["Customer"]]


def test_queries_as_the_library_writes_them(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "queries")
    assert names(found["apostrophe"]) == ["Pam's Pies"]
    assert names(found["like"]) == ["100% Wool"]
    assert names(found["list"]) == ["Amy's Bird Sanctuary", "Cool Cars"]
    assert found["count"]["QueryResponse"] == {"totalCount": 5}
    assert len(names(found["all"])) == len(set(names(found["all"]))) == 5
    assert names(found["desc"]) == ["Zoe"]
    assert found["none"]["QueryResponse"] == {}
    assert refusal(found["unknown"]) == (
        400, "4001", "QueryValidationError: property 'Notes' is not queryable",
    )  # fmt: skip


def test_refusals_carry_the_vendors_code_and_sentence(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "refusals")
    expected = {
        "duplicate": (400, "6240", "The name supplied already exists. : null"),
        "missing": (400, "2020", "Required parameter CustomerRef is missing in the request"),
        "product": (400, "6070", "Amount is not equal to UnitPrice * Qty. Supplied value:99.00"),
        "number": (400, "2030", "Id should be a valid number. Supplied value:seven"),
    }
    assert {name: refusal(found[name]) for name in expected} == expected
    assert refusal(found["unknown"])[:2] == (400, "2010")
    assert refusal(found["reference"])[:2] == (400, "2500")
    assert refusal(found["token"])[:2] == (401, "3200")
    assert found["report"]["Header"]["ReportName"] == "BalanceSheet"


def test_a_batch_answers_item_by_item(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "batch")
    made, refused, counted = found["three"]["BatchItemResponse"]
    assert (made["bId"], made["Term"]["DueDays"]) == ("1", 7)
    assert (refused["bId"], refused["Fault"]["Error"][0]["code"]) == ("2", "610")
    assert counted["QueryResponse"] == {"totalCount": 2}
    assert refusal(found["many"])[:2] == (400, "1040")


def test_changes_come_with_deletions(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "changes")
    invoices, classes = found["found"]["CDCResponse"][0]["QueryResponse"]
    living, stub = invoices["Invoice"]
    assert (living["Id"], stub["Id"], stub["status"]) == (found["kept"], found["gone"], "Deleted")
    assert classes == {}
    status, code, detail = refusal(found["old"])
    assert (status, code) == (400, "500")
    assert "older than" in detail


def test_a_requestid_is_answered_once_even_after_deletion(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "once")
    assert found["second"] == found["first"]
    assert found["count"]["QueryResponse"] == {"totalCount": 0}


def test_files_come_back_as_they_were_sent(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "files")
    kept = found["kept"]
    assert (kept["Size"], kept["ContentType"], kept["SyncToken"]) == (5000, "image/png", "1")
    assert found["same"] is True
    assert [row["Id"] for row in found["linked"]["QueryResponse"]["Attachable"]] == [kept["Id"]]
    assert "AttachableRef" not in found["lone"]
    assert found["deleted"]["Attachable"]["status"] == "Deleted"


def test_tokens_are_renewed_and_revoked(sandbox: RunningSandbox) -> None:
    found = run(sandbox, "tokens")
    assert set(found["renewed"]) == {
        "token_type", "access_token", "expires_in", "refresh_token", "x_refresh_token_expires_in",
    }  # fmt: skip
    assert found["after"]["QueryResponse"]["totalCount"] == 2
    assert found["lifetime"] == 3600
    assert "invalid_grant" in found["wrong"]
    assert found["revoked"] == 200
    assert refusal(found["dead"])[:2] == (401, "3200")
