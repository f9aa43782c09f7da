"""The gateway over the sample company: every reading tool through the official client, over both
transports; what may not be asked is refused and kept."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from built_company import Company
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from orchestration.gateway.audit import AuditLog
from orchestration.gateway.rules import digest, read_rules
from orchestration.gateway.serving import http_server, stdio_server
from pipelines import questions, warehouse
from pipelines.errors import ConfigurationError, CredentialsRefused, LimitExceeded, Refused
from pipelines.settings import ROOT, Secret, Settings, load_settings

TOKENS = {"reader": "cfg_reader", "analyst": "cfg_analyst", "uk": "cfg_uk", "trusted": "cfg_trust"}
UK = "9341450000000002"
RULES = f"""
[limits]
rows = 5
[tokens.reader]
sha256 = "{digest(Secret(TOKENS["reader"]))}"
[tokens.analyst]
sha256 = "{digest(Secret(TOKENS["analyst"]))}"
scopes = ["read", "explain", "sql"]
[tokens.uk]
sha256 = "{digest(Secret(TOKENS["uk"]))}"
scopes = ["read", "explain", "sql", "propose", "apply"]
companies = ["{UK}"]
[tokens.trusted]
sha256 = "{digest(Secret(TOKENS["trusted"]))}"
scopes = ["read", "sql", "personal"]
"""
SURFACE = Path(__file__).with_name("gateway_surface.json")


@pytest.fixture(scope="module")
def settings(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "rules.toml").write_text(RULES)
    return load_settings(
        {
            "CROSSFOOT_DATA_DIR": str(folder),
            "CROSSFOOT_PUBLISHED_PATH": str(company.path),
            "CROSSFOOT_GATEWAY": str(folder / "rules.toml"),
            "CROSSFOOT_GATEWAY_TOKEN": TOKENS["analyst"],
        }
    )


def as_caller(settings: Settings, name: str) -> Settings:
    return replace(settings, gateway_token=Secret(TOKENS[name]))


def talk(server: Any, work: Callable[[Client], Awaitable[Any]]) -> Any:
    async def session() -> Any:
        async with Client(server) as client:
            return await work(client)

    return asyncio.run(session())


def calls(
    settings: Settings, *asked: tuple[str, dict[str, Any]], who: str = "analyst"
) -> list[Any]:
    async def work(client: Client) -> list[Any]:
        return [await client.call_tool(name, arguments) for name, arguments in asked]

    return list(talk(stdio_server(as_caller(settings, who)), work))


def logged(settings: Settings) -> list[dict[str, Any]]:
    return AuditLog(settings.gateway_log).read(datetime.now(UTC))


def one_of(company: Company, table: str, columns: str) -> Mapping[str, Any]:
    return warehouse.read(company.path, f"SELECT {columns} FROM {table} ORDER BY ALL LIMIT 1")[0]


READS: list[tuple[str, dict[str, Any]]] = [
    *[("search_records", {"kind": kind, "text": "a"}) for kind in (
        "account", "customer", "product", "item", "deal", "invoice", "match",
    )],
    ("list_mismatches", {}),
    ("list_mismatches", {"mismatch_class": "CUT_OFF", "currency": "USD"}),
    ("read_bridge", {"period_kind": "month"}),
    ("read_ageing", {"company_id": UK}),
    ("read_kpis", {"day": "2026-09-30"}),
    ("read_review_queue", {"subject": "invoice"}),
    ("read_freshness", {}),
    ("query_marts", {"sql": "SELECT count(*) AS n FROM reconciliation.mismatches"}),
    ("explain_amount", {"subject": "leakage", "currency": "USD"}),
    ("list_mismatches", {"day": "2026-10-04", "company_id": UK}),
    ("read_ageing", {"day": "2026-10-04"}),
]  # fmt: skip


def test_every_reading_tool_answers_with_exact_amounts(settings: Settings) -> None:
    for (name, arguments), answer in zip(READS, calls(settings, *READS), strict=True):
        assert not answer.is_error, (name, answer.content)
        found = answer.structured_content
        assert found["records"] or found["value"], (name, arguments)
        assert len(found["records"]) <= 5 and "data" in found["note"]
        text = json.dumps(found)
        floats: list[str] = []
        json.loads(text, parse_float=floats.append)
        assert not floats, name
        assert "@" not in text or "(masked)@" in text


def test_a_past_day_s_ageing_is_that_of_its_key_figures(settings: Settings) -> None:
    day = {"day": "2026-09-27"}
    aged, figures, then = calls(
        settings, ("read_ageing", day | {"currency": "USD"}), ("read_kpis", day),
        ("list_mismatches", day),
    )  # fmt: skip
    current = {
        (r["company_id"], r["currency_code"]): r["amount"]
        for r in aged.structured_content["records"] if r["bucket"] == "current"
    }  # fmt: skip
    told = {(r["company_id"], r["currency_code"]): r.get("current_amount")
            for r in figures.structured_content["records"]}  # fmt: skip
    assert current and all(told[book] == amount for book, amount in current.items())
    found = then.structured_content["records"]
    assert {r["as_of_on"] for r in found} == {"2026-09-27"}
    assert all(r["occurred_on"] <= "2026-09-27" for r in found)


def test_a_record_is_read_whole_and_explained(settings: Settings, company: Company) -> None:
    invoice = one_of(company, "reconciliation.invoice_status", "document_number, invoice_id")
    account = one_of(company, "matched.match_explanations", "account_id")
    blocked = one_of(company, "(FROM sync.sync_invoices WHERE blocked_reason IS NOT NULL)",
                     "deal_id, blocked_reason")  # fmt: skip
    read, grounds, block = calls(
        settings,
        ("read_record", {"kind": "invoice", "record_id": invoice["document_number"]}),
        ("explain_match", {"account_id": account["account_id"]}),
        ("explain_block", {"record_id": blocked["deal_id"]}),
    )
    assert invoice["invoice_id"] in {r["invoice_id"] for r in read.structured_content["records"]}
    assert grounds.structured_content["records"][0]["ground_number"] == 1
    assert blocked["blocked_reason"] in {
        r["blocked_reason"] for r in block.structured_content["records"]
    }


def test_a_token_gets_what_its_scopes_and_companies_give(settings: Settings) -> None:
    before = len(logged(settings))
    refused = [
        calls(settings, ("query_marts", {"sql": "SELECT 1"}), who="reader")[0],
        calls(settings, ("propose_plan", {"flows": []}), who="analyst")[0],
        calls(settings, ("query_marts", {"sql": "SELECT 1"}), who="uk")[0],
        calls(settings, ("propose_plan", {"flows": []}), who="uk")[0],
        calls(settings, ("search_records", {"kind": "account", "text": "a"}), who="uk")[0],
        calls(settings, ("nothing_such", {}), who="reader")[0],
        calls(settings, ("read_kpis", {"day": "yesterday"}), who="reader")[0],
    ]
    assert all(answer.is_error for answer in refused)
    kept = [e for e in logged(settings)[before:] if e["result"] != "begun"]
    assert [e["result"] for e in kept] == ["refused"] * len(refused)
    found = calls(settings, *READS[4:7], ("list_mismatches", {}), who="uk")
    for answer in found:
        assert {r["company_id"] for r in answer.structured_content["records"]} == {UK}
    told = calls(settings, ("explain_amount", {"subject": "leakage"}), who="uk")[0]
    assert {c["company_id"] for c in told.structured_content["value"]["chains"]} == {UK}


def test_addresses_are_masked_unless_the_scope_says_otherwise(
    settings: Settings, company: Company
) -> None:
    shown = one_of(
        company, "(FROM staging.stg_quickbooks__customers WHERE email IS NOT NULL "
        "AND phone IS NOT NULL)", "company_id, customer_id, email, phone",
    )  # fmt: skip
    asked = ("read_record", {"kind": "customer", "record_id": shown["customer_id"]})
    hidden, open_ = (calls(settings, asked, who=who)[0] for who in ("reader", "trusted"))
    assert shown["email"] not in json.dumps(hidden.structured_content)
    assert shown["phone"] not in json.dumps(hidden.structured_content)
    assert shown["email"] in json.dumps(open_.structured_content)


def test_a_token_may_call_so_often_a_minute(settings: Settings) -> None:
    file = settings.data_dir / "few.toml"
    file.write_text(RULES.replace("rows = 5", "rows = 5\ncalls_a_minute = 2"))
    few = replace(settings, gateway_file=file)
    answers = calls(few, *[("read_freshness", {})] * 3)
    assert [a.is_error for a in answers] == [False, False, True]
    assert "more than 2 calls in a minute" in answers[2].content[0].text


def test_it_is_off_without_rules_and_for_strangers(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="the gateway is off"):
        stdio_server(replace(settings, gateway_file=None))
    with pytest.raises(CredentialsRefused):
        stdio_server(replace(settings, gateway_token=Secret("cfg_other")))
    with pytest.raises(CredentialsRefused):
        stdio_server(replace(settings, gateway_token=Secret("")))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[tokens.a]\nsha256 = 'x'", "64 hexadecimal"),
        ("[tokens.a]\nsha256 = '" + "a" * 64 + "'\nscopes = ['all']", "none of read"),
        ("[tokens]", "nobody may call"),
        ("[limits]\nrows = 0\n[tokens.a]\nsha256 = '" + "a" * 64 + "'", "from 1 on"),
        ("[token.a]", "no such table"),
        ("[tokens.a", "cannot be read"),
    ],
)
def test_rules_that_make_no_sense_are_named(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=wrong):
        read_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM raw_salesforce.account", "SELECT * FROM staging.stg_quickbooks__customers",
        "SELECT * FROM sync.sync_customers", "SELECT * FROM matched.match_explanations",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM query('SELECT * FROM raw_state.ledger')",
        "SELECT * FROM query_table('raw_salesforce.account')",
        "SELECT (SELECT count(*) FROM raw_salesforce.account)",
        "WITH a AS (SELECT 1) SELECT * FROM raw_state.a", "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables", "SELECT * FROM memory.main.x",
        "SUMMARIZE raw_salesforce.account", "COPY (SELECT 1) TO '/tmp/x'", "ATTACH '/tmp/x.db'",
        "CREATE TABLE x AS SELECT 1", "DELETE FROM reconciliation.mismatches", "PRAGMA version",
        "SET threads = 1", "INSTALL httpfs", "SELECT 1; SELECT 2", "CALL pragma_version()",
        "SELEC 1", "",
    ],
)  # fmt: skip
def test_what_may_not_be_asked_in_sql_is_refused(company: Company, sql: str) -> None:
    with pytest.raises(Refused):
        questions.ask(company.path, sql, rows=5, seconds=5, personal=False)


def test_a_query_has_so_much_time(company: Company) -> None:
    slow = "SELECT count(*) FROM range(20000000000)"
    with pytest.raises(LimitExceeded, match="longer than"):
        questions.ask(company.path, slow, rows=5, seconds=0.2, personal=False)
    found = questions.ask(
        company.path, "WITH m AS (FROM reconciliation.mismatches) SELECT * FROM m",
        rows=3, seconds=5, personal=False,
    )  # fmt: skip
    assert len(found.rows) == 3 and found.is_cut


def test_the_surface_is_the_committed_one(settings: Settings) -> None:
    async def listed(client: Client) -> list[dict[str, Any]]:
        found = (await client.list_tools()).tools
        return [tool.model_dump(mode="json", exclude_none=True) for tool in found]

    surface = talk(stdio_server(settings), listed)
    if os.environ.get("WRITE_SURFACE"):
        SURFACE.write_text(json.dumps(surface, indent=1, sort_keys=True) + "\n")
    assert surface == json.loads(SURFACE.read_text())
    assert [t["name"] for t in surface if not t["annotations"]["read_only_hint"]] == [
        "propose_plan", "request_approval", "apply_plan",
    ]  # fmt: skip


def test_an_assistant_starts_it_over_stdio(settings: Settings) -> None:
    env = {
        "CROSSFOOT_DATA_DIR": str(settings.data_dir),
        "CROSSFOOT_PUBLISHED_PATH": str(settings.published_path),
        "CROSSFOOT_GATEWAY": str(settings.gateway_file),
        "CROSSFOOT_GATEWAY_TOKEN": TOKENS["analyst"],
    }
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "orchestration", "mcp"], env=env, cwd=ROOT
    )

    async def work(client: Client) -> Any:
        return await client.call_tool("read_ageing", {"currency": "GBP"})

    answer = talk(started, work)
    assert not answer.is_error and answer.structured_content["records"]
    assert logged(settings)[-1]["transport"] == "stdio"


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    app = http_server(settings, address).streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    yield f"{address}/mcp"
    server.should_exit = True
    thread.join()


def test_several_assistants_reach_it_over_http(settings: Settings, url: str) -> None:
    async def as_(token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await client.call_tool("list_mismatches", {})

    for name, seen in (("reader", 2), ("uk", 1)):
        answer = asyncio.run(as_(TOKENS[name]))
        assert not answer.is_error, answer.content
        companies = {r["company_id"] for r in answer.structured_content["records"]}
        assert len(companies) <= seen and (name != "uk" or companies == {UK})
        assert logged(settings)[-1]["caller"] == name
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with httpx2.Client() as http:
        for headers in ({}, {"Authorization": "Bearer cfg_other"}):
            assert http.post(url, headers=headers, json=asked).status_code == 401
    assert logged(settings)[-1]["told"] == "unknown token"
