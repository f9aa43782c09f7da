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


def accepted_estimates(folder: Path) -> list[str]:
    """Ids of the estimates that customers accepted before anybody made deals of them."""
    return [
        estimate["Id"]
        for path in (folder / "sample_company" / "quickbooks").glob("*/Estimate.json")
        for estimate in json.loads(path.read_text())
        if estimate.get("TxnStatus") == "Accepted" and not _names_a_deal(estimate)
    ]


def _names_a_deal(document: Mapping[str, Any]) -> bool:
    fields = {field["Name"]: field.get("StringValue") for field in document.get("CustomField", ())}
    return bool(fields.get("Salesforce Deal"))
