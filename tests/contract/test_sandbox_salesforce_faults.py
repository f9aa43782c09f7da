"""The Salesforce sandbox misbehaving on request, restarting, and what its journal saw of it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import simplejson
from salesforce_org import ACME, ORG, Org, running_org
from simple_salesforce.exceptions import SalesforceRefusedRequest

from pipelines.sandbox.errors import LogUnusable, PortTaken, SeedUnreadable
from pipelines.sandbox.server import running_sandbox


def named(org: Org, name: str) -> int:
    soql = f"SELECT COUNT() FROM Account WHERE Name = '{name}'"
    return int(org.get("query", params={"q": soql})["totalSize"])


def writes(org: Org) -> list[dict[str, Any]]:
    return [entry for entry in org.journal() if entry["writes"]]


# ---- faults


def test_drop_after_stores_the_record_the_client_never_hears_of(org: Org) -> None:
    org.arm("/sobjects/Account", method="POST", action={"kind": "drop_after"})
    with pytest.raises(requests.exceptions.ConnectionError):
        org.client.Account.create({"Name": "Silent"})
    assert named(org, "Silent") == 1
    (entry,) = writes(org)
    assert (entry["fault"], entry["status"]) == ("drop_after", 0)
    assert [(w["entity"], w["operation"]) for w in entry["writes"]] == [("Account", "create")]


def test_drop_before_stores_nothing(org: Org) -> None:
    org.arm("/sobjects/Account", method="POST", action={"kind": "drop_before"})
    with pytest.raises(requests.exceptions.ConnectionError):
        org.client.Account.create({"Name": "Lost"})
    assert named(org, "Lost") == 0
    assert writes(org) == []
    assert org.client.Account.create({"Name": "Lost"})["success"] is True


def test_throttle_is_a_403_without_retry_after(org: Org) -> None:
    org.arm("/query", action={"kind": "throttle"})
    with pytest.raises(SalesforceRefusedRequest) as refused:
        org.client.query("SELECT Id FROM Account")
    assert refused.value.content == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    org.arm("/query", action={"kind": "throttle"})
    answer = org.call("GET", "query", params={"q": "SELECT Id FROM Account"})
    assert "Retry-After" not in answer.headers
    assert answer.headers["Sforce-Limit-Info"].startswith("api-usage=")


def test_delay_and_hang(org: Org) -> None:
    org.arm("/limits", action={"kind": "delay", "seconds": 0.3})
    start = time.monotonic()
    assert org.call("GET", "limits").ok
    assert time.monotonic() - start >= 0.3
    org.arm("/limits", action={"kind": "hang", "seconds": 0.2})
    with pytest.raises(requests.exceptions.ConnectionError):
        org.call("GET", "limits")


@pytest.mark.parametrize(("kind", "answered"), [("delay", True), ("hang", False)])
def test_a_call_held_up_goes_on_when_its_rule_is_taken_away(
    org: Org, kind: str, answered: bool
) -> None:
    org.arm("/limits", action={"kind": kind, "seconds": 600})
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(org.call, "GET", "limits")
        while not (org.sandbox.kernel.faults.rules()[0].fired or held.done()):
            time.sleep(0.01)
        assert not held.done()
        requests.delete(f"{org.sandbox.connection['control_url']}/faults", timeout=20)
        if answered:
            assert held.result(timeout=60).ok
        else:
            assert isinstance(held.exception(timeout=60), requests.exceptions.ConnectionError)


def test_other_calls_go_on_while_one_waits(org: Org) -> None:
    org.arm("/limits$", action={"kind": "hang", "seconds": 5})
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{org.url}/limits", timeout=0.2)
    assert org.get("query", params={"q": "SELECT COUNT() FROM Account"})["totalSize"] == 2


def test_truncated_and_malformed_answers(org: Org) -> None:
    org.arm("/limits", action={"kind": "truncate"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        org.call("GET", "limits")
    org.arm("/limits", action={"kind": "malformed"})
    answer = org.call("GET", "limits")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_an_empty_page(org: Org) -> None:
    org.arm("/query", action={"kind": "empty_page"})
    page = org.get("query", params={"q": "SELECT Id FROM Account"})
    assert (page["totalSize"], page["records"]) == (2, [])


def test_refuse_with_any_documented_error(org: Org) -> None:
    body = [{"message": "unable to obtain exclusive access", "errorCode": "UNABLE_TO_LOCK_ROW"}]
    org.arm("/sobjects", action={"kind": "refuse", "status": 400, "body": body})
    error = org.refused("PATCH", f"sobjects/Account/{ACME}", 400, json={"Phone": "1"})
    assert error == body[0]
    assert writes(org) == []


def test_rules_choose_their_calls(org: Org) -> None:
    action = {"kind": "refuse", "status": 503}
    org.arm("/sobjects/Account$", body="Second", skip=1, times=1, action=action)
    statuses = [
        org.call("POST", "sobjects/Account", json={"Name": name}).status_code
        for name in ("First", "Second", "Second", "Second")
    ]
    assert statuses == [201, 201, 503, 201]


def test_chance_is_repeatable(org: Org) -> None:
    def outcomes() -> list[bool]:
        org.arm("/limits", probability=0.5, times=None, seed=7, action={"kind": "throttle"})
        found = [org.call("GET", "limits").ok for _ in range(20)]
        requests.delete(f"{org.sandbox.connection['control_url']}/faults", timeout=20)
        return found

    first = outcomes()
    assert first == outcomes()
    assert set(first) == {True, False}


@pytest.mark.parametrize(
    "rule",
    [
        {"action": {"kind": "explode"}},
        {"action": {"kind": "delay", "speed": 1}},
        {"wehn": 1, "action": {"kind": "delay"}},
        {"path": "(", "action": {"kind": "delay"}},
    ],
)
def test_rules_that_say_nothing_are_refused(org: Org, rule: dict[str, Any]) -> None:
    url = f"{org.sandbox.connection['control_url']}/faults"
    answer = requests.post(url, json=rule, timeout=20)
    assert answer.status_code == 400 and answer.json()["error"]
    assert requests.get(url, timeout=20).json()["faults"] == []


# ---- the control area


def control(org: Org, method: str, path: str, **options: Any) -> requests.Response:
    url = org.sandbox.connection["control_url"] + path
    return requests.request(method, url, timeout=20, **options)


def test_the_clock_is_the_vendors_time(org: Org) -> None:
    control(org, "POST", "/clock", json={"at": "2026-11-20T18:30:00Z", "frozen": True})
    answer = org.call("POST", "sobjects/Account", json={"Name": "A"})
    assert answer.headers["Date"] == "Fri, 20 Nov 2026 18:30:00 GMT"
    made = org.get(f"sobjects/Account/{answer.json()['id']}")
    assert made["SystemModstamp"] == "2026-11-20T18:30:00.000+0000"
    moved = control(org, "POST", "/clock", json={"advance_seconds": 3600}).json()
    assert moved == {"now": "2026-11-20T19:30:00Z", "frozen": True}
    assert control(org, "POST", "/clock", json={"at": "tomorrow"}).status_code == 400


def test_reset_brings_the_seed_back(org: Org) -> None:
    org.client.Account.create({"Name": "Passing"})
    org.arm("/query", action={"kind": "throttle"})
    assert control(org, "POST", "/reset").json()["salesforce"]["org_id"] == ORG
    assert named(org, "Passing") == 0


def test_a_seed_that_is_none_changes_nothing(org: Org, tmp_path: Path) -> None:
    org.client.Account.create({"Name": "Staying"})
    answer = control(org, "POST", "/seed", json={"folder": str(tmp_path)})
    assert answer.status_code == 400 and "manifest.json" in answer.json()["error"]
    assert named(org, "Staying") == 1


def test_the_journal_tells_no_secrets(org: Org) -> None:
    url = f"{org.sandbox.salesforce_url}/services/oauth2/revoke"
    requests.post(url, params={"token": "00Dsecret"}, timeout=20)
    (entry,) = org.journal()
    assert entry["query"] == "token=***"
    assert "00Dsecret" not in str(control(org, "GET", "/journal").json())


def test_the_journal_since_a_number(org: Org) -> None:
    for _ in range(3):
        org.get("limits")
    found = control(org, "GET", "/journal", params={"since": 2}).json()["entries"]
    assert [(e["n"], e["method"], e["status"], e["metered"]) for e in found] == [
        (3, "GET", 200, True)
    ]


def test_pages_of_elsewhere_cannot_use_the_control_area(org: Org) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert control(org, "POST", "/reset", headers=headers).status_code == 403


# ---- restarts


def test_writes_survive_a_restart(salesforce_seed: Path, tmp_path: Path) -> None:
    log = tmp_path / "journal.log"
    with running_org(salesforce_seed, log_file=log) as org:
        made = org.client.Account.create({"Name": "Kept", "QBO_Open_Balance__c": 0.1})["id"]
        org.call("POST", "composite/sobjects", json={"records": []})
        org.client.Account.delete(ACME)
        before = org.rows("SELECT Id, Name, SystemModstamp FROM Account", "queryAll")
        clock = org.sandbox.kernel.clock.now()
    log.write_bytes(log.read_bytes() + b'{"at":"2026-11-2')  # killed in mid-sentence
    with running_org(salesforce_seed, log_file=log) as org:
        assert org.rows("SELECT Id, Name, SystemModstamp FROM Account", "queryAll") == before
        assert org.client.Account.create({"Name": "Next"})["id"] != made
        assert org.sandbox.kernel.clock.now() >= clock.replace(microsecond=0)
    with running_org(salesforce_seed, log_file=log) as org:
        assert named(org, "Next") == 1


def test_a_log_of_another_seed_is_refused(salesforce_seed: Path, tmp_path: Path) -> None:
    log = tmp_path / "journal.log"
    with running_org(salesforce_seed, log_file=log) as org:
        org.client.Account.create({"Name": "Kept"})
    with pytest.raises(LogUnusable, match="another seed"), running_sandbox(log_file=log):
        pass
    damaged = log.read_bytes().replace(b'"w"', b'"w', 1) + b"{}\n"
    log.write_bytes(damaged)
    with (
        pytest.raises(LogUnusable, match="damaged in line 2"),
        running_sandbox(seed=salesforce_seed, log_file=log),
    ):
        pass
    assert log.read_bytes() == damaged


def test_a_folder_without_a_seed(tmp_path: Path) -> None:
    with pytest.raises(SeedUnreadable, match=r"manifest\.json"), running_sandbox(seed=tmp_path):
        pass
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(SeedUnreadable, match="not JSON"), running_sandbox(seed=tmp_path):
        pass


def test_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)), running_sandbox(salesforce_port=port):
            pass


# ---- the command


def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_command_prints_one_line_and_ends_with_its_parent(salesforce_seed: Path) -> None:
    with command("--seed", str(salesforce_seed), "--json", "--stop-with-stdin") as process:
        assert process.stdin is not None and process.stdout is not None
        known = simplejson.loads(process.stdout.readline())
        state = requests.get(known["control_url"], timeout=20).json()
        assert state["records"][ORG]["Account"] == 3
        assert known["salesforce"]["access_token"].startswith(ORG[:15])
        assert {"base_url", "companies"} <= set(known["quickbooks"])
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_the_command_refuses_a_taken_port_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with command("--empty", "--salesforce-port", port, "--stop-with-stdin") as process:
            _, said = process.communicate(timeout=20)
            assert process.returncode == 2
            assert said.count("\n") == 1 and port in said and "Traceback" not in said


def test_a_killed_sandbox_keeps_what_it_answered(salesforce_seed: Path, tmp_path: Path) -> None:
    log = str(tmp_path / "journal.log")
    arguments = ("--seed", str(salesforce_seed), "--log", log, "--json", "--stop-with-stdin")
    made = []
    for _ in range(2):
        with command(*arguments) as process:
            assert process.stdout is not None
            known = simplejson.loads(process.stdout.readline())["salesforce"]
            url = f"{known['base_url']}/services/data/v68.0/sobjects/Account"
            headers = {"Authorization": f"Bearer {known['access_token']}"}
            answer = requests.post(url, json={"Name": "K"}, headers=headers, timeout=20)
            made.append(answer.json()["id"])
            process.kill()
    assert len(set(made)) == 2
    with running_org(salesforce_seed, log_file=Path(log)) as org:
        assert named(org, "K") == 2
