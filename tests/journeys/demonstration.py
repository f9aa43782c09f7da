"""A demonstration run as a stranger runs it, and what the sandbox's own books say of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.sandbox.kernel import Options, Sandbox

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "orchestration", "demo"]
MARK = re.compile(r"^Crossfoot (\w{18})/(\d+)/g(\d+)")


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CROSSFOOT_")}
    return {**kept, "CROSSFOOT_DATA_DIR": str(folder / "sandbox"), **more}


def demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return command(folder, "demo", **more)


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command of Crossfoot over the demonstration's own data folder."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration", *words],
        cwd=ROOT,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=1800,
    )


def invoices(folder: Path) -> list[Mapping[str, Any]]:
    """Every invoice in the sandbox's own books: seed and log, not our tables."""
    return _in_the_books(folder, "quickbooks", "Invoice")


def _in_the_books(folder: Path, system: str, name: str) -> list[Mapping[str, Any]]:
    books = Sandbox(
        Options(seed=folder / "sample_company", log_file=folder / "sandbox" / "books.log")
    )
    try:
        manifest = json.loads((folder / "sample_company" / "manifest.json").read_text())
        companies = [company["realm_id"] for company in manifest["quickbooks"]]
        owners = companies if system == "quickbooks" else [manifest["salesforce"]["org_id"]]
        return [dict(r) for owner in owners for r in books.store.table(owner, name)]
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
    """What must be billed: the answer key's plan steps, and the deals that were made of the
    estimates which customers accepted before sales knew of them."""
    key = json.loads((folder / "answer_key.json").read_text())
    steps = {(row["deal_id"], row["plan_step"]) for row in key["to_invoice"]}
    accepted = accepted_estimates(folder)
    made = [
        (deal["Id"], 1)
        for deal in _in_the_books(folder, "salesforce", "Opportunity")
        if deal.get("QBO_Estimate_Id__c") in accepted
    ]
    assert len(made) == len(accepted) > 0
    return {f"Crossfoot {deal}/{step}/g1" for deal, step in [*steps, *made]}


def accepted_estimates(folder: Path) -> set[str]:
    """Keys of the accepted estimates that name no deal, as `company:estimate`."""
    return {
        f"{path.parent.name}:{estimate['Id']}"
        for path in (folder / "sample_company" / "quickbooks").glob("*/Estimate.json")
        for estimate in json.loads(path.read_text())
        if estimate.get("TxnStatus") == "Accepted" and not _names_a_deal(estimate)
    }


def _names_a_deal(document: Mapping[str, Any]) -> bool:
    fields = {field["Name"]: field.get("StringValue") for field in document.get("CustomField", ())}
    return bool(fields.get("Salesforce Deal"))
