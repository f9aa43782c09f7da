"""The coverage page: every claim on it is called, and the committed page is the current one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import both_systems
import pytest
import requests

from pipelines.sandbox import coverage
from pipelines.sandbox.clock import instant_text
from pipelines.sandbox.coverage import Call, Claim, Operation
from pipelines.sandbox.server import RunningSandbox, running_sandbox

ROWS = [
    pytest.param(system, row, id=f"{system}: {area}: {row.name}")
    for system in coverage.TABLES
    for area, rows in coverage.operations(system).items()
    for row in rows
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    seed = both_systems.write_seed(tmp_path_factory.mktemp("coverage") / "seed")
    with running_sandbox(seed=seed) as running:
        yield running


def words(sandbox: RunningSandbox, system: str) -> dict[str, str]:
    """What a row's words in braces may stand for, besides records and earlier answers."""
    part: Mapping[str, Any] = sandbox.kernel.connection()[system]
    now = sandbox.kernel.clock.now()
    company = part.get("companies", [{}])[0]
    known = {k: v for k, v in {**part, **company}.items() if isinstance(v, str)}
    realm = known.get("org_id") or known.get("realm_id", "")
    return known | {
        "version": known.get("api_version", ""),
        "org": realm,
        "realm": realm,
        "now": instant_text(now.replace(microsecond=0)),
        "hour_ago": instant_text(now.replace(microsecond=0) - timedelta(hours=1)),
    }


def member(value: Any, path: list[str]) -> str:
    for step in path:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return str(value)


def finder(
    sandbox: RunningSandbox, known: Mapping[str, str], answers: list[str]
) -> Callable[[str], str]:
    def find(word: str) -> str:
        name, *path = word.split(".")
        if name.isdecimal():
            text = answers[int(name)]
            return member(json.loads(text), path) if path else text
        if name in known:
            return known[name]
        record = next(iter(sandbox.kernel.store.table(known["realm"], name)))
        return member(record, path or ["Id"])

    return find


def make(base_url: str, call: Call, token: str) -> requests.Response:
    headers = dict(call.headers)
    if call.signed_in:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(call.body, dict | list):
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        body = json.dumps(call.body).encode()
    else:
        body = (call.body or "").encode()
    headers.setdefault("Accept", "application/json")
    return requests.request(
        call.method, base_url + call.path, data=body, headers=headers, timeout=20,
        allow_redirects=False,
    )  # fmt: skip


def proven(sandbox: RunningSandbox, system: str, row: Operation) -> tuple[Operation, int, str]:
    """The row with its words filled in, and what the call answered."""
    sandbox.kernel.reset()
    known = words(sandbox, system)
    answers: list[str] = []
    find = finder(sandbox, known, answers)
    base_url = sandbox.kernel.base_urls[system]

    def one(call: Call) -> requests.Response:
        body = coverage.filled(call.body, find)
        headers = coverage.filled(call.headers, find)
        meant = Call(call.method, coverage.filled(call.path, find), body, headers, call.signed_in)
        return make(base_url, meant, known["access_token"])

    for call in row.before:
        answer = one(call)
        assert answer.status_code < 400, f"{call} before it answered {answer.text}"
        answers.append(answer.text)
    answer = one(row.call)
    says = coverage.filled(row.says, find)
    return (
        Operation(row.name, row.method, row.path, row.claim, says=says),
        answer.status_code,
        (answer.text),
    )


@pytest.mark.parametrize(("system", "row"), ROWS)
def test_what_the_page_claims_happens(sandbox: RunningSandbox, system: str, row: Operation) -> None:
    meant, status, text = proven(sandbox, system, row)
    assert meant.holds(status, text), f"{row.claim.value}: {status} {text[:600]}"


def test_a_claim_of_error_names_the_error() -> None:
    silent = [p.id for p in ROWS if p.values[1].claim is not Claim.SERVED and not p.values[1].says]  # type: ignore[union-attr]
    assert not silent


def test_a_false_claim_is_found_out(sandbox: RunningSandbox) -> None:
    path = "/services/data/v{version}/nothing"
    for false in (
        Operation("x", "GET", path),
        Operation("x", "GET", "/services/data", Claim.NOT_SERVED),
        Operation("x", "GET", path, Claim.REFUSED, says="MALFORMED_QUERY"),
    ):
        meant, status, text = proven(sandbox, "salesforce", false)
        assert not meant.holds(status, text)


def test_the_committed_page_is_current() -> None:
    assert coverage.PAGE.read_text() == coverage.as_markdown(), (
        "Run: python -m pipelines.sandbox.coverage"
    )


def test_the_page_is_served(sandbox: RunningSandbox) -> None:
    url = f"{sandbox.connection['control_url']}/coverage"
    found = requests.get(url, timeout=20).json()
    assert found == json.loads(json.dumps(coverage.as_json()))
    assert {row["claim"] for row in found["salesforce"]} >= {"served", Claim.REFUSED.value}
    page = requests.get(url, headers={"Accept": "text/markdown"}, timeout=20)
    assert page.headers["Content-Type"].startswith("text/markdown")
    assert page.text == Path(coverage.PAGE).read_text()
