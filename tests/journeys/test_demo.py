"""The demonstration as a stranger meets it: it does its job, twice."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from demonstration import (
    MARK,
    accepted_estimates,
    command,
    demo,
    invoices,
    marked,
    marks,
    to_invoice,
)

from orchestration.demo import prepare_folder
from orchestration.folder import alone
from pipelines import warehouse

# Loaded by every Python that the demonstration starts: notes each name that is looked up and each
# address that is called, and refuses those that are not on this machine.
_GUARD = """\
import os, sys
def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    with open(os.environ["GUARD_LOG"], "a") as calls:
        calls.write(host + "\\n")
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(101, "Network is unreachable: " + host)
sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    guard = folder / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_GUARD)
    done = demo(folder, PYTHONPATH=str(guard), GUARD_LOG=str(guard / "calls"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


@pytest.mark.slow
def test_it_says_what_it_did_and_the_second_pass_changes_nothing(
    finished: tuple[Path, str],
) -> None:
    _, said = finished
    for sentence in ("FIRST PASS", "Extracted", "SECOND PASS", "Plan      0 changes", "Report  "):
        assert sentence in said, said


@pytest.mark.slow
def test_it_writes_exactly_the_invoices_that_are_due(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    written = marks(folder)
    assert set(written) == to_invoice(folder)
    assert set(written.values()) == {1}
    # Those of estimates close them, so that nobody makes a second invoice of one.
    ours = [one for one in invoices(folder) if marked([one]).keys() & set(written)]
    closed = [link["TxnId"] for one in ours for link in one.get("LinkedTxn", ())
              if link["TxnType"] == "Estimate"]  # fmt: skip
    assert {key.split(":")[1] for key in accepted_estimates(folder)} <= set(closed)
    assert len(closed) == len(set(closed))


@pytest.mark.slow
def test_every_new_invoice_is_taxed_as_its_customer_is(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    ours = set(marks(folder))
    tax = [one for one in invoices(folder) if marked([one]).keys() & ours and taxed(one)]
    assert tax
    for one in tax:
        assert one["TxnTaxDetail"]["TotalTax"] > 0, one
    differing = warehouse.read(
        folder / "sandbox" / "published" / "crossfoot.duckdb",
        "select findings.document_number from reconciliation.mismatches as findings "
        "inner join staging.stg_quickbooks__invoices as invoices "
        "on findings.company_id = invoices.company_id "
        "and findings.document_id = invoices.invoice_id "
        "where findings.mismatch_class = 'TAX_DIFFERENCE' "
        "and list_contains(?, split_part(invoices.private_note, chr(10), 1))",
        [list(ours)],
    )
    assert differing == []


def taxed(invoice: Mapping[str, Any]) -> bool:
    """Does a line say that a US customer pays sales tax for it?"""
    details = [line.get("SalesItemLineDetail", {}) for line in invoice["Line"]]
    return any(detail.get("TaxCodeRef", {}).get("value") == "TAX" for detail in details)


@pytest.mark.slow
def test_nothing_tries_to_leave_the_machine(finished: tuple[Path, str]) -> None:
    """No telemetry, no look for updates: reading, judging, planning, applying and reporting."""
    folder, _ = finished
    called = Counter((folder / "guard" / "calls").read_text().splitlines())
    assert called["127.0.0.1"] > 10
    assert set(called) <= {"127.0.0.1", "::1", "localhost"}, called


@pytest.mark.slow
def test_every_new_invoice_is_its_deal_or_plan_step_to_the_cent(
    finished: tuple[Path, str],
) -> None:
    """Line discounts and prices such as 0.333 and 0.142857 among them."""
    folder, _ = finished
    written = {
        m.group(0): invoice
        for invoice in invoices(folder)
        if (m := MARK.match(str(invoice.get("PrivateNote", ""))))
    }
    key = json.loads((folder / "answer_key.json").read_text())
    lines = records(folder, "OpportunityLineItem")
    plans = {deal["Id"]: deal["Billing_Plan__c"] for deal in records(folder, "Opportunity")}
    whole = 0
    for row in key["to_invoice"]:
        invoice = written[f"Crossfoot {row['deal_id']}/{row['plan_step']}/g1"]
        assert net(invoice) == Decimal(row["amount"])
        sold = [line for line in lines if line["OpportunityId"] == row["deal_id"]]
        if plans[row["deal_id"]] in (None, "On close"):
            assert net(invoice) == sum(line["TotalPrice"] for line in sold)
            whole += 1
    assert whole >= 30
    due = {row["deal_id"] for row in key["to_invoice"]}
    of_them = [line for line in lines if line["OpportunityId"] in due]
    assert any(line.get("Discount") for line in of_them)
    assert any(Decimal(line["UnitPrice"]).as_tuple().exponent < -2 for line in of_them)


def records(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / "sample_company" / "salesforce" / f"{name}.json"
    return list(json.loads(path.read_text(), parse_float=Decimal))


def net(invoice: Mapping[str, Any]) -> Decimal:
    """The sum of its lines, each of which is quantity × price to the cent."""
    total = Decimal(0)
    for line in invoice["Line"]:
        if line["DetailType"] != "SalesItemLineDetail":
            continue
        amount, detail = Decimal(str(line["Amount"])), line["SalesItemLineDetail"]
        product = Decimal(str(detail["Qty"])) * Decimal(str(detail["UnitPrice"]))
        assert product.quantize(Decimal("0.01"), ROUND_HALF_UP) == amount
        total += amount
    return total


@pytest.mark.slow
def test_the_report_is_where_it_says(finished: tuple[Path, str]) -> None:
    _, said = finished
    page = re.search(r"^Report +(\S+)$", said, re.MULTILINE)
    assert page and "<html" in Path(page.group(1)).read_text()[:200]


@pytest.mark.slow
def test_the_recorded_week_is_judged_again_byte_for_byte(finished: tuple[Path, str]) -> None:
    """From the history alone: what was written on the way is known again as it was."""
    folder, said = finished
    done = command(folder, "close", "replay", _week(said))
    assert "the same, byte for byte" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_the_recorded_week_is_shown_with_what_bars_its_signature(
    finished: tuple[Path, str],
) -> None:
    folder, said = finished
    shown = command(folder, "close", "show", _week(said)).stdout
    assert re.search(rf"^Week +{_week(said)}\nState +blocked$", shown, re.MULTILINE), shown
    assert re.search(
        r"^\w{8} +\w+ +[\d,.]+ [A-Z]{3} +Material and not explained$", shown, re.MULTILINE
    )


def _week(said: str) -> str:
    """The week that the demonstration reports."""
    found = re.search(r"reports/(\d{4}-W\d\d)/", said)
    assert found
    return found.group(1)


@pytest.mark.slow
def test_it_leaves_no_process_and_no_open_connection_file(finished: tuple[Path, str]) -> None:
    folder, _ = finished
    assert not (folder / "sandbox" / "connection.json").exists()
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(folder) not in listing.stdout


@pytest.mark.slow
def test_the_next_one_clears_away_all_that_it_left(
    finished: tuple[Path, str], tmp_path: Path
) -> None:
    left = [path.name for path in (finished[0] / "sandbox").iterdir()]
    assert {"warehouse.duckdb", "history"} <= set(left)
    # And what other commands leave beside it.
    for name in (*left, "docs", "gateway"):
        (tmp_path / name).touch()
    (tmp_path / "demo.json").write_text('{"finished": true}')
    assert not prepare_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"demo.json", "in_use.lock"}


@pytest.mark.slow
def test_a_second_demonstration_at_once_is_told_to_wait(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    folder.mkdir(parents=True)
    with alone(folder):
        done = demo(tmp_path)
    assert done.returncode == 1
    assert "another demonstration" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demonstration_refuses_the_live_profile(tmp_path: Path) -> None:
    done = demo(tmp_path, CROSSFOOT_PROFILE="live")
    assert done.returncode == 1
    assert "sandbox only" in done.stderr
    assert not (tmp_path / "sandbox" / "warehouse.duckdb").exists()
