"""Every kind of fault that changes what a vendor says, at both vendors, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import both_systems
import pytest
import requests
from both_systems import ORG, US, World, running_world

from pipelines.sandbox import weather
from pipelines.sandbox.faults import CONDITIONS, KINDS
from pipelines.sandbox.quickbooks.weather import DOCUMENTED as QUICKBOOKS_CODES
from pipelines.sandbox.salesforce.weather import DOCUMENTED as SALESFORCE_CODES

SALE = {
    "CustomerRef": {"value": "1"},
    "Line": [
        {
            "Amount": 10,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
        }
    ],
}


class Caller:
    """Bare calls to both vendors, and rules that concern one of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known = world.sandbox.kernel.connection()

    def salesforce(self, method: str, path: str, **options: Any) -> requests.Response:
        known = self.known["salesforce"]
        url = f"{known['base_url']}/services/data/v59.0/{path}"
        headers = {"Authorization": f"Bearer {known['access_token']}"}
        return requests.request(method, url, headers=headers, timeout=20, **options)

    def quickbooks(self, method: str, path: str, **options: Any) -> requests.Response:
        known = self.known["quickbooks"]
        company = known["companies"][0]
        headers = {"Authorization": f"Bearer {company['access_token']}",
                   "Accept": "application/json", **options.pop("headers", {})}  # fmt: skip
        url = f"{known['base_url']}/v3/company/{company['realm_id']}/{path}"
        return requests.request(method, url, headers=headers, timeout=20, **options)

    def soql(self, statement: str) -> list[dict[str, Any]]:
        answer = self.salesforce("GET", "query", params={"q": statement})
        rows: list[dict[str, Any]] = answer.json()["records"]
        return rows

    def accounts(self) -> list[str]:
        return [r["Name"] for r in self.soql("SELECT Name FROM Account ORDER BY Name")]

    def customers(self, at: int = 1, most: int = 100) -> list[str]:
        query = f"select * from Customer startposition {at} maxresults {most}"
        found = self.quickbooks("GET", "query", params={"query": query}).json()["QueryResponse"]
        return [r["DisplayName"] for r in found.get("Customer", [])]

    def arm(self, kind: str, action: dict[str, Any] | None = None, **rule: Any) -> dict[str, Any]:
        body = {**rule, "action": {"kind": kind, **(action or {})}}
        armed: dict[str, Any] = self.world.control("POST", "faults", json=body)
        return armed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults")
    with running_world(both_systems.write_seed(folder / "seed"), folder / "data") as running:
        yield running


@pytest.fixture
def caller(world: World) -> Caller:
    world.sandbox.kernel.reset()
    return Caller(world)


def test_all_is_listed_with_its_parts(caller: Caller) -> None:
    armed = caller.arm("refuse", {"code": "6240"}, entity="Invoice", operation="create", skip=2)
    listed = caller.world.control("GET", "faults")
    assert listed["faults"] == [armed]
    assert (armed["entity"], armed["operation"], armed["action"]["code"]) == (
        "Invoice", "create", "6240",
    )  # fmt: skip
    assert set(listed["kinds"]) == set(KINDS) and set(listed["conditions"]) == set(CONDITIONS)
    page = Path(weather.__file__).with_name("COVERAGE.md").read_text()
    assert all(f"| `{name}` |" in page for name in [*KINDS, *CONDITIONS])


@pytest.mark.parametrize("code", SALESFORCE_CODES)
def test_salesforce_refuses_with_any_documented_code(caller: Caller, code: str) -> None:
    caller.arm("refuse", {"code": code}, system="salesforce")
    answer = caller.salesforce("POST", "sobjects/Account", json={"Name": "Never"})
    status, message = SALESFORCE_CODES[code]
    assert answer.status_code == status
    assert answer.json() == [{"message": message, "errorCode": code}]
    assert "Never" not in caller.accounts()


@pytest.mark.parametrize("code", [*QUICKBOOKS_CODES, "3200", "3100"])
def test_quickbooks_refuses_with_any_documented_code(caller: Caller, code: str) -> None:
    caller.arm("refuse", {"code": code}, system="quickbooks")
    answer = caller.quickbooks("POST", "customer", json={"DisplayName": "Never"})
    body = answer.json()
    error = (body.get("Fault") or {}).get("Error") or body["fault"]["error"]
    assert answer.status_code >= 400 and answer.headers["intuit_tid"]
    assert error[0]["code"] == code
    assert "Never" not in caller.customers()


def test_the_real_refusal_and_the_armed_one_are_the_same(caller: Caller) -> None:
    name = caller.customers()[0]
    real = caller.quickbooks("POST", "customer", json={"DisplayName": name})
    caller.arm("refuse", {"code": "6240"})
    armed = caller.quickbooks("POST", "customer", json={"DisplayName": "Other"})
    assert real.json()["Fault"] == armed.json()["Fault"]
    assert real.status_code == armed.status_code


def test_a_code_nobody_documents_is_not_armed(caller: Caller) -> None:
    url = f"{caller.known['control_url']}/faults"
    rule = {"system": "salesforce", "action": {"kind": "refuse", "code": "6240"}}
    answer = requests.post(url, json=rule, timeout=20)
    assert answer.status_code == 400 and "6240" in answer.json()["error"]
    assert caller.world.control("GET", "faults")["faults"] == []


@pytest.mark.parametrize("wait", [None, 30])
def test_throttles_speak_as_the_vendor(caller: Caller, wait: int | None) -> None:
    part = {} if wait is None else {"retry_after": wait}
    for system, call, status, code in (
        ("salesforce", caller.salesforce, 403, "REQUEST_LIMIT_EXCEEDED"),
        ("quickbooks", caller.quickbooks, 429, "3001"),
    ):
        caller.arm("throttle", part, system=system)
        answer = call("GET", "limits" if system == "salesforce" else "customer/1")
        assert answer.status_code == status and code in answer.text
        assert answer.headers.get("Retry-After") == (None if wait is None else "30")
        caller.world.calm()


def test_a_throttle_in_xml(caller: Caller) -> None:
    caller.arm("throttle", {"format": "xml", "retry_after": 5}, system="quickbooks")
    answer = caller.quickbooks("GET", "customer/1")
    assert answer.status_code == 429 and "xml" in answer.headers["Content-Type"]
    assert "<IntuitResponse" in answer.text and 'code="3001"' in answer.text.lower()


def test_a_page_comes_again(caller: Caller) -> None:
    caller.quickbooks("POST", "customer", json={"DisplayName": "Zeta"})
    first, second = caller.customers(1, 1), caller.customers(2, 1)
    assert first != second
    armed = caller.arm("repeat_page", entity="Customer")
    assert caller.customers(1, 1) == first
    assert caller.customers(2, 1) == first
    assert caller.customers(2, 1) == second
    caller.world.calm()
    caller.arm("repeat_page", system="salesforce")
    assert caller.soql("SELECT Name FROM Contact") and caller.accounts()
    assert armed["fired"] == 0


def test_salesforce_repeats_the_page_before(caller: Caller) -> None:
    for start in (0, 200):
        rows = [{"attributes": {"type": "Account"}, "Name": f"N{start + n:03}"} for n in range(200)]
        caller.salesforce("POST", "composite/sobjects", json={"records": rows})
    caller.arm("repeat_page", path="/query/")
    url = f"{caller.known['salesforce']['base_url']}/services/data/v59.0/query"
    headers = {"Authorization": f"Bearer {caller.known['salesforce']['access_token']}",
               "Sforce-Query-Options": "batchSize=200"}  # fmt: skip
    query = {"q": "SELECT Id FROM Account ORDER BY Id"}
    first = requests.get(url, params=query, headers=headers, timeout=20).json()
    following = url.split("/services")[0] + first["nextRecordsUrl"]
    again = requests.get(following, headers=headers, timeout=20).json()
    rightly = requests.get(following, headers=headers, timeout=20).json()
    assert again["records"] == first["records"] != rightly["records"]


def test_stale_reads(caller: Caller) -> None:
    before = caller.accounts()
    caller.salesforce("POST", "sobjects/Account", json={"Name": "Fresh"})
    caller.arm("stale_read", {"commits": 1}, entity="Account")
    assert caller.accounts() == before
    assert caller.accounts() == sorted([*before, "Fresh"], key=str.lower)
    old = caller.customers()
    caller.world.control("POST", "clock", json={"advance_seconds": 600})
    caller.quickbooks("POST", "customer", json={"DisplayName": "Zeta"})
    caller.arm("stale_read", {"seconds": 300}, system="quickbooks", times=2)
    created = caller.quickbooks("POST", "customer", json={"DisplayName": "Zeta two"})
    assert created.status_code == 200, "a write is never stale"
    assert caller.customers() == old == caller.customers()
    assert {"Zeta", "Zeta two"} <= set(caller.customers())


def test_a_token_expires_in_mid_run(caller: Caller) -> None:
    caller.arm("expire_token", system="salesforce", skip=1)
    statuses = [caller.salesforce("GET", "limits").status_code for _ in range(3)]
    assert statuses == [200, 401, 401]


def test_the_reply_with_the_rotated_token_is_lost(caller: Caller) -> None:
    known = caller.known["quickbooks"]
    old = known["companies"][0]["refresh_token"]

    def refresh(token: str) -> requests.Response:
        return requests.post(
            f"{known['base_url']}/oauth2/v1/tokens/bearer",
            data={"grant_type": "refresh_token", "refresh_token": token},
            auth=(known["client_id"], known["client_secret"]),
            timeout=20,
        )

    caller.arm("lose_rotated_token")
    assert caller.quickbooks("GET", "customer/1").status_code == 200, "only a token call has it"
    with pytest.raises(requests.ConnectionError):
        refresh(old)
    assert refresh(old).json()["refresh_token"] != old, "the old one still answers, for a while"
    caller.world.control("POST", "clock", json={"advance_seconds": 3600})
    assert refresh(old).status_code == 400


def test_part_of_a_quickbooks_batch_fails(caller: Caller) -> None:
    caller.arm("partial_failure", {"code": "6140", "items": [1]}, system="quickbooks")
    items = [
        {"bId": f"b{n}", "operation": "create", "Customer": {"DisplayName": f"Part {n}"}}
        for n in range(3)
    ]
    answer = caller.quickbooks("POST", "batch", json={"BatchItemRequest": items})
    found = answer.json()["BatchItemResponse"]
    assert [r["bId"] for r in found] == ["b0", "b1", "b2"]
    assert found[1]["Fault"]["Error"][0]["code"] == "6140"
    assert {"Part 0", "Part 2"} == {n for n in caller.customers() if n.startswith("Part")}


@pytest.mark.parametrize("all_or_none", [False, True])
def test_part_of_a_salesforce_collection_fails(caller: Caller, all_or_none: bool) -> None:
    caller.arm("partial_failure", {"code": "UNABLE_TO_LOCK_ROW", "items": [0, 2]})
    rows = [{"attributes": {"type": "Account"}, "Name": f"Part {n}"} for n in range(4)]
    body = {"allOrNone": all_or_none, "records": rows}
    found = caller.salesforce("POST", "composite/sobjects", json=body).json()
    codes = [r["errors"][0]["statusCode"] if r["errors"] else None for r in found]
    others = "ALL_OR_NONE_OPERATION_ROLLED_BACK" if all_or_none else None
    assert codes == ["UNABLE_TO_LOCK_ROW", others, "UNABLE_TO_LOCK_ROW", others]
    kept = [n for n in caller.accounts() if n.startswith("Part")]
    assert kept == ([] if all_or_none else ["Part 1", "Part 3"])


def test_a_share_of_a_collection_follows_the_seed(caller: Caller) -> None:
    def failed(seed: int) -> list[bool]:
        action = {"code": "UNABLE_TO_LOCK_ROW", "share": 0.3}
        caller.arm("partial_failure", action, seed=seed)
        rows = [{"attributes": {"type": "Account"}, "Name": f"S{n}"} for n in range(60)]
        found = caller.salesforce("POST", "composite/sobjects", json={"records": rows}).json()
        return [not r["success"] for r in found]

    assert failed(1) == failed(1) != failed(2)
    assert 6 < sum(failed(1)) < 32


def test_a_clock_that_is_off(caller: Caller) -> None:
    caller.world.control("POST", "clock", json={"at": "2026-11-20T17:20:00Z", "frozen": True})
    for system, seconds in (("salesforce", -600), ("quickbooks", 900)):
        caller.arm("clock_skew", {"seconds": seconds}, system=system)
    made = caller.salesforce("POST", "sobjects/Account", json={"Name": "Early"})
    assert parsedate_to_datetime(made.headers["Date"]).isoformat() == "2026-11-20T17:10:00+00:00"
    (row,) = caller.soql("SELECT SystemModstamp FROM Account WHERE Name = 'Early'")
    assert row["SystemModstamp"].startswith("2026-11-20T17:10:00")
    late = caller.quickbooks("POST", "customer", json={"DisplayName": "Late"})
    assert late.headers["Date"] == "Fri, 20 Nov 2026 17:35:00 GMT"
    assert late.json()["Customer"]["MetaData"]["CreateTime"] == "2026-11-20T09:35:00-08:00"
    assert caller.quickbooks("GET", "customer/1").headers["Date"] == "Fri, 20 Nov 2026 17:20:00 GMT"


def test_rules_by_meaning_and_time(caller: Caller) -> None:
    caller.arm("refuse", {"code": "6000"}, entity="Invoice", operation="create", times=None)
    assert caller.quickbooks("POST", "customer", json={"DisplayName": "A"}).status_code == 200
    assert caller.quickbooks("POST", "invoice", json=SALE).status_code == 400
    caller.world.calm()
    caller.arm("refuse", {"code": "NOT_FOUND"}, entity="account", operation="query",
               **{"from": "2026-11-20T19:00:00Z", "until": "2026-11-20T20:00:00Z"})  # fmt: skip
    assert caller.accounts()
    caller.world.control("POST", "clock", json={"at": "2026-11-20T19:30:00Z"})
    query = {"q": "SELECT Id FROM Account"}
    assert caller.salesforce("GET", "query", params=query).status_code == 404


def test_what_each_call_means() -> None:
    from pipelines.sandbox.kernel import Request
    from pipelines.sandbox.quickbooks.weather import meaning as of_quickbooks
    from pipelines.sandbox.salesforce.meanings import meaning as of_salesforce

    def request(method: str, path: str, query: dict[str, str], body: bytes) -> Request:
        return Request("x", method, path, query, "", {}, body)

    root, books = "/services/data/v59.0", f"/v3/company/{US}"
    classic = "/services/async/59.0/job"
    for method, path, query, operation, entity in (
        ("GET", f"{root}/query", {"q": "SELECT Id FROM Deal__c"}, "query", "Deal__c"),
        ("GET", f"{root}/query/0r8x-2000", {}, "query", ""),
        ("POST", f"{root}/sobjects/Account", {}, "create", "Account"),
        ("GET", f"{root}/sobjects/Account/describe", {}, "describe", "Account"),
        ("GET", f"{root}/sobjects/Account/updated", {}, "changes", "Account"),
        ("PATCH", f"{root}/sobjects/Account/Key__c/7", {}, "upsert", "Account"),
        ("DELETE", f"{root}/sobjects/Account/001", {}, "delete", "Account"),
        ("DELETE", f"{root}/composite/sobjects", {}, "delete", ""),
        ("POST", f"{root}/composite/batch", {}, "batch", ""),
        ("POST", f"{root}/jobs/ingest", {}, "bulk_create", ""),
        ("GET", f"{root}/jobs/query", {}, "bulk_list", ""),
        ("PUT", f"{root}/jobs/ingest/750/batches", {}, "bulk_upload", ""),
        ("PATCH", f"{root}/jobs/ingest/750", {}, "bulk_close", ""),
        ("GET", f"{root}/jobs/query/750", {}, "bulk_state", ""),
        ("GET", f"{root}/jobs/query/750/results", {}, "bulk_results", ""),
        ("DELETE", f"{root}/jobs/query/750", {}, "bulk_delete", ""),
        ("POST", "/services/oauth2/token", {}, "token", ""),
        ("POST", f"{classic}", {}, "bulk_create", ""),
        ("GET", f"{classic}/750", {}, "bulk_state", ""),
        ("POST", f"{classic}/750", {}, "bulk_close", ""),
        ("POST", f"{classic}/750/batch", {}, "bulk_upload", ""),
        ("GET", f"{classic}/750/batch", {}, "bulk_list", ""),
        ("GET", f"{classic}/750/batch/751", {}, "bulk_state", ""),
        ("GET", f"{classic}/750/batch/751/result", {}, "bulk_results", ""),
        ("GET", f"{classic}/750/batch/751/result/752", {}, "bulk_results", ""),
    ):
        found = of_salesforce(request(method, path, query, b""))
        assert (found.operation, found.entity) == (operation, entity), path
    for name, operation in (("login", "token"), ("describeSObject", "describe"),
                            ("upsert", "upsert"), ("queryMore", "query")):  # fmt: skip
        body = f"<e:Envelope><e:Body>\n<n:{name}/></e:Body></e:Envelope>".encode()
        found = of_salesforce(request("POST", "/services/Soap/u/59.0", {}, body))
        assert found.operation == operation
    for method, path, query, body, operation, entity in (
        ("GET", f"{books}/query", {"query": "select * from Item"}, b"", "query", "Item"),
        ("POST", f"{books}/invoice", {}, b"{}", "create", "Invoice"),
        ("POST", f"{books}/invoice", {}, b'{"Id":"1"}', "update", "Invoice"),
        ("POST", f"{books}/invoice", {"operation": "void"}, b'{"Id":"1"}', "void", "Invoice"),
        ("POST", f"{books}/invoice/1/send", {}, b"", "send", "Invoice"),
        ("GET", f"{books}/creditmemo/1", {}, b"", "read", "CreditMemo"),
        ("GET", f"{books}/cdc", {}, b"", "changes", ""),
        ("POST", "/oauth2/v1/tokens/bearer", {}, b"", "token", ""),
    ):
        found = of_quickbooks(request(method, path, query, body))
        assert (found.operation, found.entity) == (operation, entity), path


def test_what_was_stale_leaves_the_books_whole(caller: Caller) -> None:
    made = caller.salesforce("POST", "sobjects/Account", json={"Name": "Whole"}).json()["id"]
    caller.salesforce("PATCH", f"sobjects/Account/{made}", json={"Phone": "1"})
    caller.salesforce("DELETE", f"sobjects/Account/{made}")
    table = caller.world.sandbox.kernel.store.table(ORG, "Account")
    before = list(table)
    for commits in (1, 2, 3, 1000):
        caller.arm("stale_read", {"commits": commits}, system="salesforce")
        caller.accounts()
    assert list(table) == before


def test_every_answer_says_that_it_is_of_a_sandbox(caller: Caller) -> None:
    caller.arm("refuse", {"status": 503})
    token = requests.post(
        f"{caller.known['quickbooks']['base_url']}/oauth2/v1/tokens/bearer", timeout=20
    )
    for answer in (
        caller.salesforce("GET", "limits"),
        caller.salesforce("GET", "nothing"),
        caller.quickbooks("GET", "customer/1"),
        token,
    ):
        assert answer.headers["X-Crossfoot-Sandbox"] == "1"


def test_a_token_of_one_company_opens_no_other(caller: Caller) -> None:
    known = caller.known["quickbooks"]
    first, second = known["companies"]
    headers = {"Authorization": f"Bearer {first['access_token']}", "Accept": "application/json"}
    url = f"{known['base_url']}/v3/company/{second['realm_id']}/customer/1"
    answer = requests.get(url, headers=headers, timeout=20)
    assert answer.status_code == 403 and "3100" in answer.text


def test_parallel_calls_leave_nothing_out(caller: Caller) -> None:
    def create(number: int) -> tuple[int, int]:
        deal = caller.salesforce("POST", "sobjects/Account", json={"Name": f"P{number}"})
        sale = caller.quickbooks("POST", "customer", json={"DisplayName": f"P{number}"})
        return deal.status_code, sale.status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(create, range(40))) == {(201, 200)}
    assert len({n for n in caller.accounts() if n.startswith("P")}) == 40
    query = {"query": "select Id from Customer where DisplayName like 'P%' maxresults 1000"}
    rows = caller.quickbooks("GET", "query", params=query).json()["QueryResponse"]["Customer"]
    assert len({r["Id"] for r in rows}) == 40
