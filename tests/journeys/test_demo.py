"""The demonstration as a stranger meets it: it does its job, twice, and survives being killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.demo import prepare_folder
from orchestration.folder import alone
from pipelines.sandbox.kernel import Options, Sandbox

ROOT = Path(__file__).resolve().parents[2]
MARK = re.compile(r"^Crossfoot (\w{18})/(\d+)/g(\d+)")


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    return {**kept, "CROSSFOOT_DATA_DIR": str(folder / "sandbox"), **more}


def demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration", "demo"],
        cwd=ROOT,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=1800,
    )


def invoices(folder: Path) -> list[Mapping[str, Any]]:
    """Every invoice in the sandbox's own books: seed and log, not our tables."""
    books = Sandbox(
        Options(seed=folder / "sample_company", log_file=folder / "sandbox" / "books.log")
    )
    try:
        manifest = json.loads((folder / "sample_company" / "manifest.json").read_text())
        realms = [company["realm_id"] for company in manifest["quickbooks"]]
        return [dict(r) for realm in realms for r in books.store.table(realm, "Invoice")]
    finally:
        books.close()


def marks(folder: Path) -> Counter[str]:
    """How often each mark of ours is in the books, less what the company started with."""
    seeded = [
        invoice
        for path in (folder / "sample_company" / "quickbooks").glob("*/Invoice.json")
        for invoice in json.loads(path.read_text())
    ]
    found = marked(invoices(folder))
    found.subtract(marked(seeded))
    return +found


def marked(documents: list[Mapping[str, Any]]) -> Counter[str]:
    found = (MARK.match(str(i.get("PrivateNote", ""))) for i in documents)
    return Counter(m.group(0) for m in found if m)


def to_invoice(folder: Path) -> set[str]:
    key = json.loads((folder / "answer_key.json").read_text())
    return {f"Crossfoot {row['deal_id']}/{row['plan_step']}/g1" for row in key["to_invoice"]}


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
    for name in left:
        (tmp_path / name).touch()
    (tmp_path / "demo.json").write_text('{"finished": true}')
    assert not prepare_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"demo.json", "in_use.lock"}


@pytest.mark.slow
@pytest.mark.parametrize("point", ["invoices.after_send:3"])
def test_killed_between_request_and_record_it_goes_on_without_a_second_invoice(
    tmp_path: Path, point: str
) -> None:
    killed = demo(tmp_path, CROSSFOOT_KILL_AT=point)
    assert killed.returncode == -signal.SIGKILL
    again = demo(tmp_path)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    assert "interrupted" in again.stdout
    written = marks(tmp_path)
    assert set(written) == to_invoice(tmp_path)
    assert set(written.values()) == {1}


@pytest.mark.slow
def test_killed_at_any_moment_while_writing_it_goes_on(tmp_path: Path) -> None:
    """The whole process group is killed, sandbox and all, while invoices are being written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration", "demo"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    log = tmp_path / "sandbox" / "books.log"
    wait_until(lambda: log.exists() and b"Crossfoot 006" in log.read_bytes(), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = demo(tmp_path)
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-3000:]
    assert set(marks(tmp_path).values()) == {1}
    assert set(marks(tmp_path)) == to_invoice(tmp_path)


def wait_until(reached: Any, process: subprocess.Popen[bytes]) -> None:
    """Ends at once when it is reached; a busy machine gets eight minutes."""
    gives_up = time.monotonic() + 480
    while time.monotonic() < gives_up:
        if reached():
            return
        assert process.poll() is None, "the demonstration ended before it wrote an invoice"
        time.sleep(0.02)
    raise AssertionError("no invoice was written in eight minutes")


@pytest.mark.slow
def test_books_of_another_version_are_discarded_and_it_starts_anew(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    folder.mkdir()
    (folder / "books.log").write_text('{"format": 1, "seed": "of an earlier version"}\n')
    (folder / "state.sqlite").write_text("what was noted about those books")
    (folder / "demo.json").write_text('{"finished": false}')
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "discarded" in done.stdout
    assert set(marks(tmp_path)) == to_invoice(tmp_path)


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
