"""Query, batch, change data capture, requestid, limits and lost replies, over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests
from quickbooks_company import US, Company, invoice, line, payment, quickbooks_sandbox

from pipelines.sandbox.quickbooks import QuickBooks as Vendor
from pipelines.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def us(sandbox: RunningSandbox) -> Company:
    return Company(sandbox)


def advance(company: Company, seconds: float) -> None:
    company.control("POST", "/clock", {"advance_seconds": seconds})


# ---- query


def test_pages_count_what_they_hold(us: Company) -> None:
    for number in range(5):
        us.save("Invoice", invoice(line(number + 1)))
    page = us.query("select * from Invoice orderby Id startposition 4 maxresults 10").body
    found = page["QueryResponse"]
    assert ([r["Id"] for r in found["Invoice"]], found["startPosition"], found["maxResults"]) == (
        ["4", "5"],
        4,
        2,
    )
    assert us.query("select * from Invoice startposition 6").body["QueryResponse"] == {}
    count = us.query("SELECT COUNT(*) FROM invoice WHERE TotalAmt > '3.00'").body
    assert count["QueryResponse"] == {"totalCount": 2}


def test_default_page_is_a_hundred_and_default_order_newest_first(us: Company) -> None:
    items = [
        {"bId": str(n), "operation": "create", "Term": {"Name": f"T{n:03}"}} for n in range(30)
    ]
    for _ in range(4):
        us.post("/batch", {"BatchItemRequest": items})
        items = [{**i, "Term": {"Name": i["Term"]["Name"] + "x"}} for i in items]
    assert len(us.rows("Term")) == 100
    assert len(us.rows("Term", "maxresults 1000")) == 124
    us.save("Invoice", invoice())
    advance(us, 1)
    us.save("Invoice", invoice())
    advance(us, 1)
    us.save("Invoice", {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "x"})
    assert [r["Id"] for r in us.rows("Invoice")] == ["1", "2"]


@pytest.mark.parametrize(
    ("statement", "code", "detail"),
    [
        ("select * from Custmoer", "4001", "invalid context declaration: Custmoer"),
        ("select * from Invoice where PrivateNote = 'x'", "4001", "property 'PrivateNote' is not"),
        ("select * from Invoice startposition 0", "4001", "value 0 is too small. Min allowed"),
        ("select * from Invoice maxresults 1001", "4001", "value 1001 is too large"),
        ("select * from Invoice orderby PrivateNote", "4001", "not sortable"),
        ("select * from Invoice where Id > '1'", "4001", "not supported for property 'Id'"),
        ("select Nothing from Invoice", "4001", "Property Nothing not found for Entity Invoice"),
        ("select * from null", "4000", 'Encountered " null "null "" at line 1, column 15.'),
        ("select * from Invoice where Id = '1' or Id = '2'", "4000", "column 38"),
        ("select * from Invoice where DocNumber = 'x", "4000", "Lexical error at line 1, column"),
        ("delete from Invoice", "4000", "column 1"),
    ],
)
def test_bad_statements(us: Company, statement: str, code: str, detail: str) -> None:
    answer = us.query(statement)
    assert (answer.status, answer.code) == (400, code)
    assert detail in answer.fault["Detail"]
    assert "element" not in answer.fault


def test_a_statement_may_come_as_a_body_and_with_any_case(us: Company) -> None:
    reply = requests.post(
        f"{us.base}/v3/company/{US}/query",
        data="SELECT Id, DisplayName FROM customer where displayname = 'AMY\\'S bird sanctuary'",
        headers={**us.headers, "Content-Type": "application/text"},
        timeout=10,
    )
    assert [c["Id"] for c in reply.json()["QueryResponse"]["Customer"]] == ["1"]
    assert len(us.rows("Customer", "where PrimaryEmailAddr = 'birds@intuit.com'")) == 1
    assert len(us.rows("Customer", "where Metadata.LastUpdatedTime >= '2026-09-01'")) == 2
    assert us.query("select *, Sku from Item").status == 200


def test_a_plus_that_was_not_escaped_is_understood(us: Company) -> None:
    us.save("Invoice", invoice())
    url = f"{us.base}/v3/company/{US}/query?query=select * from Invoice where "
    url += "MetaData.LastUpdatedTime > '2026-11-20T00:00:00+00:00'"
    rows = requests.get(url, headers=us.headers, timeout=10).json()["QueryResponse"]["Invoice"]
    assert len(rows) == 1


# ---- requestid


def test_a_repeated_requestid_returns_the_first_answer_whatever_is_asked(us: Company) -> None:
    first = us.post("/invoice", invoice(line(100)), requestid="r-1")
    again = us.post("/invoice", invoice(line(999)), requestid="r-1")
    assert again.body["Invoice"] == first.body["Invoice"]
    saved = first.body["Invoice"]
    us.save("Invoice", {"Id": saved["Id"], "SyncToken": "0"}, operation="delete")
    late = us.post("/invoice", invoice(line(1)), requestid="r-1")
    assert late.body["Invoice"]["Id"] == saved["Id"]
    assert us.rows("Invoice") == []
    assert us.balance() == 0


def test_a_refused_requestid_is_not_remembered_and_an_empty_one_is_none(us: Company) -> None:
    assert us.post("/invoice", invoice(customer_id="99"), requestid="r-2").code == "2500"
    assert us.post("/invoice", invoice(), requestid="r-2").status == 200
    assert us.post("/invoice", invoice(), requestid="").body["Invoice"]["Id"] == "2"
    assert us.post("/invoice", invoice(), requestid="").body["Invoice"]["Id"] == "3"
    long = us.post("/invoice", invoice(), requestid="x" * 51)
    assert (long.code, "50 characters" in long.fault["Detail"]) == ("6000", True)


def test_a_lost_reply_leaves_exactly_one_invoice(us: Company) -> None:
    rule = {"system": "quickbooks", "method": "POST", "path": "/invoice"}
    us.control("POST", "/faults", {**rule, "action": {"kind": "drop_after"}})
    with pytest.raises(requests.ConnectionError):
        us.post("/invoice", invoice(), requestid="lost")
    retried = us.post("/invoice", invoice(), requestid="lost")
    assert retried.status == 200
    assert [r["Id"] for r in us.rows("Invoice")] == [retried.body["Invoice"]["Id"]]
    assert us.balance() == 100
    entries = us.control("GET", "/journal")["entries"]
    writes = [e["writes"] for e in entries if e["request_id"] == "lost"]
    assert [[w["entity"] for w in made] for made in writes] == [
        ["Invoice", "Customer", "Account"],
        [],
    ]
    assert writes[0][0] == {"entity": "Invoice", "id": "1", "operation": "create"}


def test_a_call_that_never_arrived_leaves_none(us: Company) -> None:
    rule = {"system": "quickbooks", "path": "/invoice", "action": {"kind": "drop_before"}}
    us.control("POST", "/faults", rule)
    with pytest.raises(requests.ConnectionError):
        us.post("/invoice", invoice(), requestid="lost")
    assert us.rows("Invoice") == []


def test_books_requestids_and_tokens_survive_a_restart(tmp_path: Path) -> None:
    log = tmp_path / "sandbox.log"
    with quickbooks_sandbox(tmp_path, log) as running:
        first = Company(running).post("/invoice", invoice(), requestid="kept")
        Company(running).save("Payment", payment(40, ("Invoice", "1", 40)))
        tokens = Company(running).renew()
    with quickbooks_sandbox(tmp_path, log) as running:
        us = Company(running)
        us.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        again = us.post("/invoice", invoice(line(7)), requestid="kept")
        assert again.body["Invoice"] == first.body["Invoice"]
        assert us.read("Invoice", "1")["Balance"] == 60
        assert us.balance() == 60
        assert us.save("Invoice", invoice())["Id"] == "3"


def test_what_a_new_company_has_is_there_after_a_restart_too(tmp_path: Path) -> None:
    log = tmp_path / "books.log"
    with quickbooks_sandbox(tmp_path / "one", log) as running:
        us = Company(running)
        us.save("Term", {"Name": "Net 7", "DueDays": 7})
        account = us.read("Account", "35")
        us.save("Account", {**account, "Name": "House bank"})
        before = [t["Name"] for t in us.rows("Term")]
    with quickbooks_sandbox(tmp_path / "one", log) as running:
        us = Company(running)
        assert [t["Name"] for t in us.rows("Term")] == before
        assert {"Net 7", "Net 30"} <= set(before)
        assert us.read("Account", "35")["Name"] == "House bank"


def test_a_seed_of_invoices_alone_knows_what_they_sell(tmp_path: Path) -> None:
    sold = {"ItemRef": {"value": "10", "name": "Pest Control"}}
    recorded = {"Id": "7", "SyncToken": "0", "TxnDate": "2026-11-01", "TotalAmt": 35,
                "MetaData": {"CreateTime": "2026-11-01T08:00:00-08:00",
                             "LastUpdatedTime": "2026-11-01T08:00:00-08:00"},
                "Line": [{"Id": "1", "Amount": 35, "DetailType": "SalesItemLineDetail",
                          "SalesItemLineDetail": sold}]}  # fmt: skip
    (tmp_path / "seed" / "quickbooks").mkdir(parents=True)
    (tmp_path / "seed" / "quickbooks" / "Invoice.json").write_text(json.dumps([recorded]))
    for start in range(2):
        with running_sandbox(
            tmp_path / "seed", tmp_path / "log", factories={"quickbooks": Vendor}
        ) as running:
            us = Company(running, running.connection["quickbooks"]["companies"][0]["realm_id"])
            assert us.read("Item", "10")["Name"] == "Pest Control"
            assert us.read("Item", "1")["Name"] == "Services"
            us.save("Item", {"Name": f"New {start}", "IncomeAccountRef": {"value": "1"}})


# ---- batch


def test_a_batch_answers_item_by_item(us: Company) -> None:
    us.save("Invoice", invoice())
    body = {
        "BatchItemRequest": [
            {"bId": "bid1", "operation": "create", "Vendor": {"DisplayName": "Boraski"}},
            {"bId": "bid2", "operation": "delete", "Invoice": {"Id": "129", "SyncToken": "0"}},
            {
                "bId": "bid3",
                "operation": "update",
                "Invoice": {"Id": "1", "SyncToken": "9", "sparse": True, "PrivateNote": "x"},
            },
            {"bId": "bid4", "Query": "select * from Invoice where TotalAmt > '30.00'"},
            {"bId": "bid5", "operation": "create", "Invoice": invoice(line(1), line(2, "77"))},
            {
                "bId": "bid6",
                "operation": "update",
                "optionsData": "void",
                "Invoice": {"Id": "1", "SyncToken": "0"},
            },
        ]
    }
    answer = us.post("/batch", body)
    assert answer.status == 200
    items = answer.body["BatchItemResponse"]
    assert [item["bId"] for item in items] == [f"bid{n}" for n in range(1, 7)]
    assert items[0]["Vendor"]["DisplayName"] == "Boraski"
    codes = [items[n]["Fault"]["Error"][0]["code"] for n in (1, 2, 4)]
    assert codes == ["610", "5010", "2500"]
    assert items[3]["QueryResponse"]["maxResults"] == 1
    assert items[5]["Invoice"]["PrivateNote"] == "Voided"
    assert us.query("select count(*) from Invoice").body["QueryResponse"]["totalCount"] == 1


def test_an_item_without_an_operation_creates_or_updates(us: Company) -> None:
    made = us.post("/batch", {"BatchItemRequest": [{"Term": {"Name": "Net 7"}}]}).body
    (item,) = made["BatchItemResponse"]
    assert "bId" not in item
    changed = us.post(
        "/batch", {"BatchItemRequest": [{"bId": "b", "Term": {**item["Term"], "DueDays": 7}}]}
    ).body
    (item,) = changed["BatchItemResponse"]
    assert (item["bId"], item["Term"]["DueDays"], item["Term"]["SyncToken"]) == ("b", 7, "1")


def test_thirty_items_are_the_most_and_requestid_goes_with_the_item(us: Company) -> None:
    def items(count: int, prefix: str) -> dict[str, object]:
        names = [f"{prefix}{n}" for n in range(count)]
        return {
            "BatchItemRequest": [
                {"bId": name, "operation": "create", "Term": {"Name": name}} for name in names
            ]
        }

    assert us.post("/batch", items(31, "a")).code == "1040"
    first = us.post("/batch", items(30, "b"), requestid="same").body["BatchItemResponse"]
    again = us.post("/batch", items(30, "b"), requestid="same").body["BatchItemResponse"]
    assert again == first
    long = us.post("/batch", items(2, "c" * 20), requestid="x" * 32).body["BatchItemResponse"]
    assert {item["Fault"]["Error"][0]["code"] for item in long} == {"6000"}


# ---- change data capture


def test_changes_hold_whole_objects_and_stubs_of_the_deleted(us: Company) -> None:
    us.save("Invoice", invoice())
    us.save("Invoice", invoice())
    advance(us, 10)
    since = us.get("/companyinfo/1").body["time"]
    us.save("Payment", payment(100, ("Invoice", "1", 100)))
    us.save("Invoice", {"Id": "2", "SyncToken": "0"}, operation="delete")
    answer = us.get(
        "/cdc", entities="Customer,Invoice,Estimate", changedSince=since[:19] + "-08:00"
    )
    parts = answer.body["CDCResponse"][0]["QueryResponse"]
    assert [c["Id"] for c in parts[0]["Customer"]] == ["1"]
    paid, gone = parts[1]["Invoice"]
    assert (paid["Id"], paid["Balance"], paid["SyncToken"]) == ("1", 0, "1")
    assert {k: gone[k] for k in ("domain", "status", "Id")} == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": "2",
    }
    assert gone["MetaData"]["LastUpdatedTime"].endswith("-08:00")
    assert (parts[1]["maxResults"], parts[2]) == (2, {})


def test_changes_reach_back_thirty_days(us: Company) -> None:
    now = datetime.fromisoformat(us.get("/companyinfo/1").body["time"])
    fresh = (now - timedelta(days=29)).isoformat()
    old = (now - timedelta(days=31)).isoformat()
    assert us.get("/cdc", entities="Invoice", changedSince=fresh).status == 200
    refused = us.get("/cdc", entities="Invoice", changedSince=old)
    assert refused.code == "500"
    assert "older than fixed days is not supported" in refused.fault["Detail"]
    assert us.get("/cdc", entities="TaxCode", changedSince=fresh).code == "500"
    assert us.get("/cdc", changedSince=fresh).code == "2020"


# ---- the gateway


def test_without_a_good_token_the_gateway_answers(us: Company) -> None:
    us.headers["Authorization"] = "Bearer nothing"
    answer = us.get("/customer/1")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    error = answer.body["fault"]["error"][0]
    assert (error["code"], answer.body["fault"]["type"]) == ("3200", "AUTHENTICATION")
    assert error["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    assert (answer.body["cdcresponse"], answer.body["queryResponse"]) == ([], None)


def test_a_token_opens_its_own_company_only(us: Company) -> None:
    us.realm = "9341450000000002"
    answer = us.get("/customer/1")
    assert (answer.status, answer.body["fault"]["error"][0]["code"]) == (403, "3100")


def test_the_journal_tells_reads_from_writes(us: Company) -> None:
    us.control("DELETE", "/journal")
    us.save("Invoice", invoice())
    us.read("Invoice", "1")
    us.query("select * from Invoice")
    us.post("/batch", {"BatchItemRequest": [{"bId": "1", "Query": "select * from Item"}]})
    entries = us.control("GET", "/journal")["entries"]
    assert [entry["metered"] for entry in entries] == [False, True, True, True]
    assert entries[0]["writes"] == [
        {"entity": "Invoice", "id": "1", "operation": "create"},
        {"entity": "Customer", "id": "1", "operation": "update"},
        {"entity": "Account", "id": "84", "operation": "update"},
    ]
    assert {entry["realm"] for entry in entries} == {US}


def test_faults_of_the_control_area_use_the_vendors_shapes(us: Company) -> None:
    def arm(kind: str, **more: object) -> None:
        rule = {"system": "quickbooks", "path": "/v3/", "action": {"kind": kind, **more}}
        us.control("POST", "/faults", rule)

    us.save("Invoice", invoice())
    arm("throttle", retry_after=30)
    slow = us.get("/customer/1")
    assert (slow.status, slow.headers["Retry-After"]) == (429, "30")
    arm("empty_page")
    assert us.query("select * from Invoice").body["QueryResponse"] == {}
    arm("expire_token")
    assert us.get("/customer/1").status == 401
    assert us.get("/customer/1").status == 401
    us.renew()
    assert us.get("/customer/1").status == 200
