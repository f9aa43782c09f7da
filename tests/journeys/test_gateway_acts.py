"""An assistant proposes, a person approves, the assistant applies; and a thousand calls without a
person's yes leave both vendors' books as they were."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from small_company import SmallCompany, post_offices, rows, running_company
from writing import customer_row, invoice_row

from orchestration.gateway.audit import AuditLog
from orchestration.gateway.rules import SCOPES, digest
from orchestration.gateway.serving import stdio_server
from pipelines import warehouse
from pipelines.settings import Secret, Settings, load_settings
from reverse_etl import cycle, policies

TOKEN = Secret("cfg_assistant")
WORDS = ("invoices", "customers", "x", "' OR 1=1 --", "../../etc/passwd", "9" * 60, "", "☃", "%")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallCompany]:
    with (
        running_company(tmp_path, deals=2) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        running.judge(rows(customers=[customer_row(2)], invoices=[invoice_row(1)]))
        yield running


def gateway(company: SmallCompany, **env: str) -> Settings:
    """The company's settings with a token that may do everything."""
    given = company.settings
    file = given.data_dir / "rules.toml"
    scopes = ", ".join(f'"{scope}"' for scope in SCOPES)
    file.write_text(f"[limits]\ncalls_a_minute = 100000\n[tokens.assistant]\n"
                    f'sha256 = "{digest(TOKEN)}"\nscopes = [{scopes}]\n')  # fmt: skip
    settings = load_settings(
        {
            "CROSSFOOT_DATA_DIR": str(given.data_dir), "CROSSFOOT_GATEWAY": str(file),
            "CROSSFOOT_GATEWAY_TOKEN": TOKEN.reveal(), **env,
        }
    )  # fmt: skip
    return replace(settings, published_path=given.warehouse_path)


def ask(settings: Settings, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
    async def work() -> list[Any]:
        async with Client(stdio_server(settings)) as client:
            return [await client.call_tool(name, given) for name, given in asked]

    return asyncio.run(work())


def test_only_what_a_person_has_approved_is_applied(company: SmallCompany) -> None:
    with post_offices.webhook() as hook:
        settings = gateway(company, CROSSFOOT_SLACK_WEBHOOK=hook.url)
        (proposed,) = ask(settings, ("propose_plan", {"flows": ["customers", "invoices"]}))
        plan = proposed.structured_content["value"]
        assert plan["changes"] == 2 and plan["amounts"] == {"USD": "150.00"}
        # What the policy would let run by itself is not what a person has looked at.
        cycle.approve(company.settings, plan["checksum"], policies.POLICY)
        asked, barred = ask(
            settings,
            ("request_approval", {"checksum": plan["checksum"], "note": "Monday's bills"}),
            ("apply_plan", {"checksum": plan["checksum"]}),
        )
        assert asked.structured_content["value"]["told"] == "The message is in Slack."
        assert "crossfoot approve" in hook.got[0]["text"]
    assert barred.is_error and "no person has approved it" in barred.content[0].text
    assert company.write_calls() == 0
    cycle.approve(company.settings, plan["checksum"], "ann")
    done, again = ask(settings, *[("apply_plan", {"checksum": plan["checksum"]})] * 2)
    assert done.structured_content["value"] == {"approved_by": "ann", "failed": False}
    assert not again.is_error
    assert len(company.invoices()) == 1 and len(company.writes("Customer", "create")) == 1
    log = AuditLog(settings.gateway_log).read(datetime.now(UTC))
    lines = [(e["tool"], e["result"]) for e in log]
    # What changes something is in the log before it is done: a killed gateway leaves its word.
    assert lines[::2] == [(tool, "begun") for tool, _ in lines[1::2]]
    told = lines[1::2]
    assert told == [
        ("propose_plan", "ok"), ("request_approval", "ok"), ("apply_plan", "refused"),
        ("apply_plan", "ok"), ("apply_plan", "ok"),
    ]  # fmt: skip


def test_a_thousand_calls_without_a_yes_change_nothing_in_the_books(company: SmallCompany) -> None:
    settings = gateway(company)
    (proposed,) = ask(settings, ("propose_plan", {"flows": []}))
    checksums = [proposed.structured_content["value"]["checksum"], "0" * 64, "abcdef12"]
    dice = random.Random(20261126)

    def any_value(name: str, schema: dict[str, Any]) -> Any:
        if "enum" in schema and dice.random() < 0.9:
            return dice.choice(schema["enum"])
        if name == "checksum" and dice.random() < 0.9:
            return dice.choice(checksums)
        if name == "flows":
            return dice.choice([[], ["invoices"], [dice.choice(WORDS)]])
        return dice.choice([*WORDS, 7, None, True, ["a"], {"a": 1}, "USD", "2026-09-30"])

    async def storm() -> int:
        async with Client(stdio_server(settings)) as client:
            tools = (await client.list_tools()).tools
            for _ in range(1000):
                tool = dice.choice(tools)
                wanted = tool.input_schema["properties"]
                given = {n: any_value(n, s) for n, s in wanted.items() if dice.random() < 0.95}
                await client.call_tool(tool.name, given)
            return len(tools)

    assert asyncio.run(storm()) == 15
    assert company.write_calls() == 0
    log = AuditLog(settings.gateway_log).read(datetime.now(UTC))
    kept = [e for e in log if e["result"] != "begun"]
    assert len(kept) == 1001
    assert {e["result"] for e in kept if e["tool"] == "apply_plan"} <= {"refused", "failed"}
