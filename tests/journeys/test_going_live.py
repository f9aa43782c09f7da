"""The guide "Going live" as a stranger follows it: its own commands, in its order, in a rehearsal.

Nothing is known but what the guide, the sandbox and each command print: every setting that is made
here was told by one of them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
import requests
import simplejson
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "contract"))

import salesforce_org  # noqa: E402
from both_systems import GB, US, write_seed  # noqa: E402

from orchestration import cli, sandbox_service, steps  # noqa: E402
from orchestration.local_sandbox import write_private  # noqa: E402
from pipelines.errors import ConfigurationError  # noqa: E402
from pipelines.sandbox.server import RunningSandbox, running_sandbox  # noqa: E402
from pipelines.settings import load_settings  # noqa: E402
from pipelines.transform import Build  # noqa: E402

_GUIDE = re.search(r"^## Going live\n(.*?)\n8\. ", (ROOT / "README.md").read_text(), re.M | re.S)
_SETTING = re.compile(r"^  (CROSSFOOT_[A-Z_]+)=(.+)$", re.M)
# An address of nobody: what the browser ends at need not be there.
CALLBACK = "https://example.com/callback"
COMPANIES = {US: "Test Inc", GB: "Test Ltd"}
# What is billed where in the small companies, as the guide's third step wants it said.
TAXES = ((US, "USD", True, "TAX"), (US, "USD", False, "NON"), (GB, "GBP", True, "20"))
MAPPING: dict[str, list[dict[str, object]]] = {
    "company_routing": [
        {"priority": number, "currency_code": currency, "company_id": realm}
        for number, (currency, realm) in enumerate({"USD": US, "GBP": GB, "EUR": GB}.items(), 1)
    ],
    "terms": [
        {"salesforce_terms": "Net 30", "company_id": realm, "term_name": "Net 30"}
        for realm in COMPANIES
    ],
    "tax_codes": [
        {"company_id": realm, "currency_code": currency, "is_customer_taxable": taxed,
         "tax_code_id": code} for realm, currency, taxed, code in TAXES
    ],
    # Neither company has classes or fields of its own on its invoices.
    "invoice_fields": [],
    "item_rules": [
        {"priority": 10, "company_id": US, "item_type": "Service",
         "income_account_name": "Services", "is_taxable": False}
    ],
}  # fmt: skip


def toml(tables: dict[str, list[dict[str, object]]]) -> str:
    """Tables of texts, numbers and flags, which TOML writes as JSON does."""
    lines = [f"{name} = []" for name, rows in tables.items() if not rows]
    for name, rows in tables.items():
        for row in rows:
            given = [f"{key} = {simplejson.dumps(value)}" for key, value in row.items()]
            lines += [f"[[{name}]]", *given, ""]
    return "\n".join(lines)


@dataclass
class Stranger:
    """Somebody at an empty machine: an environment that grows by what is read off the screen."""

    env: dict[str, str]
    walked: list[str] = field(default_factory=list)

    def reads(self, text: str) -> None:
        self.env.update(_SETTING.findall(text))

    def types(self, line: str, *more: str) -> str:
        """A command of the guide and what is typed behind it. Returns what it prints."""
        ended = CliRunner().invoke(cli.app, [*line.split()[1:], *more])
        assert ended.exit_code == 0, (line, ended.output, ended.exception)
        self.walked.append(line)
        return ended.output

    def lets_in(self, line: str, *more: str, realm: str = "") -> str:
        """A command that asks for consent: the address is visited, and the one that the browser
        ends at typed in where it is asked for. Returns what it prints."""
        words = [sys.executable, "-m", "orchestration", *line.split()[1:], *more]
        env = {**os.environ, **self.env, "BROWSER": "true"}
        with Popen(words, cwd=ROOT, env=env, stdin=PIPE, stdout=PIPE, text=True) as process:
            assert process.stdin is not None and process.stdout is not None
            printed = next(text for text in process.stdout if "http" in text and "?" in text)
            url = printed.strip() + (f"&realmId={realm}" if realm else "")
            back = requests.get(url, allow_redirects=False, timeout=20).headers["Location"]
            if back.startswith(CALLBACK):
                process.stdin.write(back + "\n")
            else:
                requests.get(back, timeout=20)
            process.stdin.close()
            told = process.stdout.read()
        assert process.returncode == 0, told
        self.walked.append(line)
        return told


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    records = {
        name: [{k: v for k, v in row.items() if not k.startswith("QBO_")} for row in rows]
        for name, rows in salesforce_org.RECORDS.items()
    }
    seed = write_seed(tmp_path / "seed", records)
    # An org that Crossfoot has never been in.
    (seed / "salesforce" / "_custom_fields.json").write_text("[]")
    with running_sandbox(seed=seed) as running:
        # The tests' records have a moment of their own; a sandbox of a person's has the present.
        running.kernel.clock.set(datetime.now(UTC))
        yield running


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(toml(MAPPING))
    env = {
        "CROSSFOOT_PROFILE": "rehearsal", "CROSSFOOT_DATA_DIR": str(tmp_path / "rehearsal"),
        "CROSSFOOT_SECRETS_KEY_FILE": str(tmp_path / "home" / "secrets.key"),
        "CROSSFOOT_MAPPING": str(mapping), "CROSSFOOT_GO_LIVE_ON": "2026-01-01",
    }  # fmt: skip
    monkeypatch.setattr("pipelines.settings._environment", lambda: dict(env))
    return Stranger(env)


def guided() -> list[str]:
    """The commands of the guide in its order, without what stands for something of one's own."""
    assert _GUIDE is not None
    found = re.findall(r"`(crossfoot [^`]+)`", " ".join(_GUIDE[1].split()))
    return [line.replace("NAME", "ann") for line in found]


def test_the_guide_leads_from_an_empty_machine_to_the_first_shadow_report(
    sandbox: RunningSandbox, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the tests of the data find is the subject of others, and half of what judging takes.
    monkeypatch.setattr(steps, "build", partial(untested, steps.build))
    with pytest.raises(ConfigurationError, match="no sandbox is running"):
        _ = load_settings().salesforce
    place = load_settings().data_dir / "connection.json"
    write_private(place, simplejson.dumps(sandbox.connection))
    told = sandbox_service.Words(as_json=False, poses=True).of(sandbox.connection, place)
    # The log-in by browser takes no more than the app; the rest is for machines without one.
    without = "and for a log-in to Salesforce without a browser:"
    stranger.reads("\n".join(told[: told.index(without)]))
    stranger.walked.append("crossfoot sandbox")

    stranger.reads(stranger.lets_in("crossfoot connect salesforce", "--port", "0"))
    for realm in COMPANIES:
        stranger.reads(
            stranger.lets_in("crossfoot connect quickbooks", "--paste", CALLBACK, realm=realm)
        )
    companies = ",".join(f"{realm}:its name" for realm in COMPANIES)
    assert stranger.env["CROSSFOOT_QUICKBOOKS_COMPANIES"] == companies
    stranger.env["CROSSFOOT_QUICKBOOKS_COMPANIES"] = ",".join(map(":".join, COMPANIES.items()))

    printed = {}
    for line in guided()[len(set(stranger.walked)) :]:
        printed[line] = stranger.types(line)
        if line.startswith("crossfoot setup"):
            stranger.types(line, "--apply")
    assert list(dict.fromkeys(stranger.walked)) == guided()
    assert "0 must be mended" in printed["crossfoot doctor"]
    assert "nothing to write" in printed["crossfoot plan"]
    assert "In shadow" in printed["crossfoot plan"]
    pages = list((load_settings().report_dir).rglob("index.html"))
    assert len(pages) == 1 and "Not concluded" not in pages[0].read_text()
    made = [e for e in journal(sandbox) if e["system"] == "quickbooks" and e["writes"]]
    assert made == [], "in shadow nothing is written to the books"
    for token in (load_settings().token_dir).glob("*.json"):
        assert "refresh_token" not in token.read_text()


def untested(build: Callable[..., Build], *given: Any, exclude: list[str], **more: Any) -> Build:
    """A build of the models alone."""
    return build(*given, exclude=[*exclude, "resource_type:test"], **more)


def journal(sandbox: RunningSandbox) -> list[dict[str, object]]:
    answer = requests.get(f"{sandbox.connection['control_url']}/journal", timeout=20)
    found: list[dict[str, object]] = answer.json()["entries"]
    return found
