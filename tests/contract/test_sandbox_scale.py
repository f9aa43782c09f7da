"""The generated company: whole however it is paged, consistent, writable, the same again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from quickbooks.objects import Invoice
from quickbooks_company import Company, line, payment, python_quickbooks
from salesforce_org import Org

from pipelines.sandbox.company.scale import quickbooks as books
from pipelines.sandbox.server import RunningSandbox, running_sandbox

LINES = 1000
OBJECTS = (
    "Account", "Contact", "Product2", "PricebookEntry", "Opportunity", "OpportunityLineItem",
)  # fmt: skip
ENTITIES = ("Item", "Customer", "Invoice", "Payment")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(scale=LINES) as running:
        yield running


@pytest.fixture(scope="module")
def org(sandbox: RunningSandbox) -> Org:
    return Org(sandbox)


@pytest.fixture(scope="module")
def company(sandbox: RunningSandbox) -> Company:
    return Company(sandbox, books.REALM)


def paged(company: Company, statement: str, entity: str, size: int = 90) -> list[dict[str, Any]]:
    """All rows of a statement, page by page until an empty one."""
    found: list[dict[str, Any]] = []
    while True:
        more = f"{statement} startposition {len(found) + 1} maxresults {size}"
        answer = company.query(more)
        assert answer.status == 200, answer.text
        rows = answer.body["QueryResponse"].get(entity, [])
        if not rows:
            return found
        found += rows


def everything(org: Org, statement: str) -> list[dict[str, Any]]:
    """All rows of a query, batch by batch."""
    answer = org.get("query", params={"q": statement},
                     headers={"Sforce-Query-Options": "batchSize=200"})  # fmt: skip
    found, total = list(answer["records"]), answer["totalSize"]
    while not answer["done"]:
        answer = org.get(answer["nextRecordsUrl"],
                         headers={"Sforce-Query-Options": "batchSize=200"})  # fmt: skip
        assert answer["totalSize"] == total
        found += answer["records"]
    assert len(found) == total
    return found


@pytest.fixture(scope="module")
def sales(org: Org) -> dict[str, dict[str, dict[str, Any]]]:
    """Every Salesforce record by object and id."""
    found = {}
    for name in OBJECTS:
        fields = [f["name"] for f in org.get(f"sobjects/{name}/describe")["fields"]
                  if f["type"] != "address"]  # fmt: skip
        rows = everything(org, f"SELECT {', '.join(fields)} FROM {name}")
        found[name] = {r["Id"]: r for r in rows}
        assert len(found[name]) == len(rows), name
    return found


@pytest.fixture(scope="module")
def ledger(company: Company) -> dict[str, dict[str, dict[str, Any]]]:
    """Every QuickBooks record by entity and id."""
    found = {}
    for name in ENTITIES:
        rows = paged(company, f"select * from {name}", name)
        found[name] = {r["Id"]: r for r in rows}
        assert len(found[name]) == len(rows), name
    return found


Sales = dict[str, dict[str, dict[str, Any]]]


def test_there_are_as_many_as_asked_for(sales: Sales, ledger: Sales, company: Company) -> None:
    lines = [ln for i in ledger["Invoice"].values() for ln in i["Line"] if "Id" in ln]
    assert len(lines) == len(sales["OpportunityLineItem"]) == LINES
    for name in ENTITIES:
        count = company.query(f"select count(*) from {name}").body["QueryResponse"]["totalCount"]
        assert count == len(ledger[name]) > 0, name


@pytest.mark.parametrize(
    "order", ["Id", "Id DESC", "SystemModstamp, Id", "Amount DESC NULLS LAST, Id", "Name"]
)
def test_salesforce_pages_hold_every_row_once(org: Org, sales: Sales, order: str) -> None:
    rows = everything(org, f"SELECT Id, SystemModstamp FROM Opportunity ORDER BY {order}")
    assert Counter(r["Id"] for r in rows) == Counter(sales["Opportunity"].keys())
    if order.startswith("Id"):
        assert [r["Id"] for r in rows] == sorted(sales["Opportunity"], reverse="DESC" in order)


@pytest.mark.parametrize(
    "order", ["", "orderby Id", "orderby MetaData.LastUpdatedTime desc", "orderby TotalAmt, Id"]
)
def test_quickbooks_pages_hold_every_row_once(company: Company, ledger: Sales, order: str) -> None:
    rows = paged(company, f"select * from Invoice {order}", "Invoice")
    assert Counter(r["Id"] for r in rows) == Counter(ledger["Invoice"].keys())
    if order == "orderby Id":
        assert [int(r["Id"]) for r in rows] == sorted(map(int, ledger["Invoice"]))
    times = [r["MetaData"]["LastUpdatedTime"] for r in rows]
    if order in ("", "orderby MetaData.LastUpdatedTime desc"):
        assert times == sorted(times, reverse=True)


def test_paging_by_the_last_id_seen_leaves_none_out(org: Org, sales: Sales) -> None:
    found: list[str] = []
    while True:
        last = found[-1] if found else "000000000000000AAA"
        rows = org.rows(
            f"SELECT Id FROM OpportunityLineItem WHERE Id > '{last}' ORDER BY Id LIMIT 300"
        )
        if not rows:
            break
        found += [r["Id"] for r in rows]
    assert found == sorted(sales["OpportunityLineItem"])


def test_windows_of_time_divide_the_rows(org: Org, company: Company, sales: Sales,
                                         ledger: Sales) -> None:  # fmt: skip
    edges = ["2022-01-01T00:00:00Z", "2024-05-01T00:00:00Z", "2025-05-01T00:00:00Z",
             "2027-01-01T00:00:00Z"]  # fmt: skip
    deals, invoices = [], []
    for low, high in pairwise(edges):
        window = f"SystemModstamp >= {low} AND SystemModstamp < {high}"
        part = everything(org, f"SELECT Id FROM Opportunity WHERE {window}")
        assert 0 < len(part) < len(sales["Opportunity"])
        deals += [r["Id"] for r in part]
        window = f"MetaData.LastUpdatedTime >= '{low}' and MetaData.LastUpdatedTime < '{high}'"
        invoices += [
            r["Id"] for r in paged(company, f"select * from Invoice where {window}", "Invoice")
        ]
    assert Counter(deals) == Counter(sales["Opportunity"].keys())
    assert Counter(invoices) == Counter(ledger["Invoice"].keys())


@pytest.mark.parametrize(("before", "after"), [("<", ">="), ("<=", ">")])
def test_a_moment_divides_the_rows(
    org: Org, company: Company, sales: Sales, ledger: Sales, before: str, after: str
) -> None:
    """The record of that very moment is on the right side."""
    stamp = sorted(d["SystemModstamp"] for d in sales["Opportunity"].values())[100]
    moment = stamp.replace(".000+0000", "Z")
    holds = {"<": str.__lt__, "<=": str.__le__, ">": str.__gt__, ">=": str.__ge__}
    for operator in (before, after):
        rows = everything(
            org, f"SELECT Id FROM Opportunity WHERE SystemModstamp {operator} {moment}"
        )
        assert {r["Id"] for r in rows} == {
            d["Id"]
            for d in sales["Opportunity"].values()
            if holds[operator](d["SystemModstamp"], stamp)
        }
    moment = sorted(i["MetaData"]["LastUpdatedTime"] for i in ledger["Invoice"].values())[100]
    for operator in (before, after):
        where = f"where MetaData.LastUpdatedTime {operator} '{moment}'"
        assert {r["Id"] for r in paged(company, f"select * from Invoice {where}", "Invoice")} == {
            i["Id"]
            for i in ledger["Invoice"].values()
            if holds[operator](i["MetaData"]["LastUpdatedTime"], moment)
        }


def test_totals_tie(ledger: Sales) -> None:
    owed: Counter[str] = Counter()
    paid: dict[str, Decimal] = {}
    for one in ledger["Payment"].values():
        (part,) = one["Line"]
        (link,) = part["LinkedTxn"]
        assert part["Amount"] == one["TotalAmt"] and link["TxnId"] not in paid
        paid[link["TxnId"]] = one["TotalAmt"]
        invoice = ledger["Invoice"][link["TxnId"]]
        assert invoice["LinkedTxn"] == [{"TxnId": one["Id"], "TxnType": "Payment"}]
        assert invoice["CustomerRef"] == one["CustomerRef"]
        assert invoice["MetaData"]["LastUpdatedTime"] >= one["MetaData"]["CreateTime"]
    for one in ledger["Invoice"].values():
        lines = [ln for ln in one["Line"] if ln["DetailType"] == "SalesItemLineDetail"]
        for sold in lines:
            detail = sold["SalesItemLineDetail"]
            assert sold["Amount"] == detail["UnitPrice"] * detail["Qty"]
        assert one["TotalAmt"] == sum(ln["Amount"] for ln in lines) == one["Line"][-1]["Amount"]
        assert one["Balance"] == one["TotalAmt"] - paid.get(one["Id"], 0)
        owed[one["CustomerRef"]["value"]] += one["Balance"]
    assert sum(owed.values()) > 0
    for one in ledger["Customer"].values():
        assert one["Balance"] == owed[one["Id"]], one["DisplayName"]


def test_every_invoice_bills_its_deal(sales: Sales, ledger: Sales) -> None:
    entries, products = sales["PricebookEntry"], sales["Product2"]
    by_deal: dict[str, list[dict[str, Any]]] = {}
    for sold in sales["OpportunityLineItem"].values():
        by_deal.setdefault(sold["OpportunityId"], []).append(sold)
        entry = entries[sold["PricebookEntryId"]]
        assert entry["Product2Id"] == sold["Product2Id"]
        assert products[sold["Product2Id"]]["ProductCode"] == sold["ProductCode"]
        assert sold["TotalPrice"] == sold["Quantity"] * sold["UnitPrice"]
    billed = set()
    for invoice in ledger["Invoice"].values():
        deal = sales["Opportunity"][invoice["CustomField"][0]["StringValue"]]
        billed.add(deal["Id"])
        assert deal["IsWon"] and deal["Amount"] == invoice["TotalAmt"]
        assert deal["QBO_Invoice_Id__c"] == f"{books.REALM}:{invoice['Id']}"
        assert deal["QBO_Amount_Due__c"] == invoice["Balance"]
        customer = ledger["Customer"][invoice["CustomerRef"]["value"]]
        account = sales["Account"][deal["AccountId"]]
        assert account["Name"] == customer["DisplayName"] == invoice["CustomerRef"]["name"]
        assert account["QBO_Customer_Id__c"] == f"{books.REALM}:{customer['Id']}"
        codes = [ledger["Item"][ln["SalesItemLineDetail"]["ItemRef"]["value"]]["Sku"]
                 for ln in invoice["Line"][:-1]]  # fmt: skip
        lines = sorted(by_deal[deal["Id"]], key=lambda ln: ln["SortOrder"])
        assert codes == [ln["ProductCode"] for ln in lines]
        assert [ln["Amount"] for ln in invoice["Line"][:-1]] == [ln["TotalPrice"] for ln in lines]
    assert (
        billed == by_deal.keys() == {d["Id"] for d in sales["Opportunity"].values() if d["IsWon"]}
    )
    assert len(billed) < len(sales["Opportunity"])


def test_references_lead_somewhere(sales: Sales, org: Org) -> None:
    users = {r["Id"] for r in org.rows("SELECT Id FROM User")}
    for name in OBJECTS:
        for record in sales[name].values():
            assert {record["CreatedById"], record["LastModifiedById"]} <= users
            assert record["CreatedDate"] <= record["SystemModstamp"] < "2026-11-20T17"
            assert record.get("OwnerId", next(iter(users))) in users
            assert record.get("AccountId", record["Id"]) in {**sales["Account"], record["Id"]: 1}


@pytest.mark.parametrize(
    ("entity", "field", "parent"),
    [
        ("Opportunity", "AccountId", "Account"),
        ("Contact", "AccountId", "Account"),
        ("OpportunityLineItem", "OpportunityId", "Opportunity"),
        ("OpportunityLineItem", "Product2Id", "Product2"),
        ("PricebookEntry", "Product2Id", "Product2"),
    ],
)
def test_children_are_found_by_their_parent(
    org: Org, sales: Sales, entity: str, field: str, parent: str
) -> None:
    wanted = list(sales[parent])[:3]
    quoted = ", ".join(f"'{i[:15]}'" for i in wanted)
    rows = org.rows(f"SELECT Id FROM {entity} WHERE {field} IN ({quoted})")
    assert {r["Id"] for r in rows} == {
        r["Id"] for r in sales[entity].values() if r[field] in wanted
    }


def test_records_are_found_by_what_they_say(org: Org, company: Company, sales: Sales,
                                            ledger: Sales) -> None:  # fmt: skip
    person = list(sales["Contact"].values())[7]
    where = f"Email = '{person['Email'].upper()}'"
    assert [r["Id"] for r in org.rows(f"SELECT Id FROM Contact WHERE {where}")] == [person["Id"]]
    deal = next(d for d in sales["Opportunity"].values() if d["IsWon"])
    where = f"QBO_Invoice_Id__c = '{deal['QBO_Invoice_Id__c']}'"
    assert org.rows(f"SELECT Id FROM Opportunity WHERE {where}") == [{"Id": deal["Id"]}]
    owner = deal["OwnerId"]
    owned = org.rows(f"SELECT Id FROM Opportunity WHERE OwnerId = '{owner}'")
    assert {r["Id"] for r in owned} == {
        d["Id"] for d in sales["Opportunity"].values() if d["OwnerId"] == owner
    }
    account = list(sales["Account"].values())[3]
    path = f"sobjects/Account/QBO_Customer_Id__c/{account['QBO_Customer_Id__c']}"
    assert org.get(path)["Id"] == account["Id"]
    customer = list(ledger["Customer"].values())[2]
    name = customer["DisplayName"]
    assert [r["Id"] for r in company.rows("Customer", f"where DisplayName = '{name.upper()}'")] == [
        customer["Id"]
    ]
    for entity in ("Invoice", "Payment"):
        rows = paged(
            company, f"select * from {entity} where CustomerRef = '{customer['Id']}'", entity
        )
        assert {r["Id"] for r in rows} == {
            r["Id"] for r in ledger[entity].values() if r["CustomerRef"]["value"] == customer["Id"]
        }
    invoice = list(ledger["Invoice"].values())[4]
    assert company.rows("Invoice", f"where DocNumber = '{invoice['DocNumber']}'") == [invoice]


def test_aggregates_see_every_row(org: Org, sales: Sales) -> None:
    (found,) = org.rows("SELECT COUNT(Id) n, SUM(TotalPrice) s FROM OpportunityLineItem")
    total = sum(r["TotalPrice"] for r in sales["OpportunityLineItem"].values())
    assert found == {"n": LINES, "s": total}
    stages = org.rows("SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName")
    assert {r["StageName"]: r["n"] for r in stages} == Counter(
        d["StageName"] for d in sales["Opportunity"].values()
    )


def test_other_numbers_of_lines() -> None:
    for lines in (1, 2, 33, 161):
        with running_sandbox(scale=lines) as running:
            rows = everything(Org(running), "SELECT Id, OpportunityId FROM OpportunityLineItem")
            deals = everything(Org(running), "SELECT Id FROM Opportunity WHERE IsWon = true")
            assert len(rows) == lines
            assert {r["OpportunityId"] for r in rows} == {d["Id"] for d in deals}
            ids = [r["Id"] for r in paged(Company(running, books.REALM), "select * from Invoice",
                                          "Invoice")]  # fmt: skip
            assert len(ids) == len(set(ids)) == len(deals)


def test_the_same_number_is_the_same_company(sandbox: RunningSandbox, ledger: Sales) -> None:
    with running_sandbox(scale=LINES) as again:
        other = Company(again, books.REALM)
        assert {r["Id"]: r for r in paged(other, "select * from Invoice", "Invoice")} == (
            ledger["Invoice"]
        )
        path = f"/services/data/v68.0/sobjects/Account/{list_first(Org(again))}"
        assert Org(again).call("GET", path).content == Org(sandbox).call("GET", path).content


def list_first(org: Org) -> str:
    return str(org.rows("SELECT Id FROM Account ORDER BY Id LIMIT 1")[0]["Id"])


def test_writes_on_generated_records_hold_and_survive(tmp_path: Path) -> None:
    log = tmp_path / "books.log"
    with running_sandbox(scale=200, log_file=log) as running:
        company, org = Company(running, books.REALM), Org(running)
        client = python_quickbooks(running, books.REALM)
        count = len(paged(company, "select * from Invoice", "Invoice"))
        unpaid = [r for r in paged(company, "select * from Invoice", "Invoice") if r["Balance"]]
        first, second, third = (r["Id"] for r in unpaid[:3])
        customer_id = company.read("Invoice", first)["CustomerRef"]["value"]
        owed = company.balance(customer_id)

        paid = company.read("Invoice", first)
        company.save(
            "Payment",
            payment(paid["Balance"], ("Invoice", first, paid["Balance"]), customer_id=customer_id),
        )
        assert company.read("Invoice", first)["Balance"] == 0
        assert company.balance(customer_id) == owed - paid["Balance"]

        changed = Invoice.get(int(second), qb=client)
        changed.PrivateNote = "changed"
        changed.save(qb=client)
        gone = company.read("Invoice", third)
        company.post("/invoice", gone, operation="delete")
        made = company.save(
            "Invoice",
            {"CustomerRef": {"value": customer_id}, "Line": [line(12, "1", Qty=1, UnitPrice=12)]},
        )
        assert int(made["Id"]) > max(int(r["Id"]) for r in unpaid)
        assert int(made["DocNumber"]) == 1001 + count

        deal = org.rows("SELECT Id FROM Opportunity WHERE IsWon = false ORDER BY Id LIMIT 1")[0]
        sold = org.rows("SELECT Id, OpportunityId FROM OpportunityLineItem ORDER BY Id LIMIT 1")[0]
        org.call("PATCH", f"sobjects/Opportunity/{deal['Id']}", json={"NextStep": "Call"})
        assert org.call("DELETE", f"sobjects/OpportunityLineItem/{sold['Id']}").status_code == 204
        before = state(company, org)
        assert before["invoices"] == count
        assert set(before["changed"][:3]) == {made["Id"], second, first}

    with running_sandbox(scale=200, log_file=log) as running:
        company, org = Company(running, books.REALM), Org(running)
        assert state(company, org) == before
        assert company.read("Invoice", second)["PrivateNote"] == "changed"
        assert company.get(f"/invoice/{third}").code == "610"
        assert org.get(f"sobjects/Opportunity/{deal['Id']}")["NextStep"] == "Call"
        lines = org.rows(f"SELECT Id FROM OpportunityLineItem WHERE OpportunityId = "
                         f"'{sold['OpportunityId']}'")  # fmt: skip
        assert sold["Id"] not in {r["Id"] for r in lines}
        deleted = org.rows("SELECT Id FROM OpportunityLineItem WHERE IsDeleted = true", "queryAll")
        assert deleted == [{"Id": sold["Id"]}]


def state(company: Company, org: Org) -> dict[str, Any]:
    """What both books hold after the writes, by every way of reading."""
    rows = paged(company, "select * from Invoice", "Invoice")
    deals = everything(org, "SELECT Id, Amount, NextStep, SystemModstamp FROM Opportunity")
    changes = company.get("/cdc", entities="Invoice", changedSince="2026-11-20T08:30:00-08:00")
    (answer,) = changes.body["CDCResponse"]
    found = answer["QueryResponse"][0]["Invoice"]
    return {
        "invoices": len(rows),
        "rows": rows,
        "deals": deals,
        "customers": paged(company, "select * from Customer", "Customer"),
        "changed": [r["Id"] for r in rows],
        "cdc": {r["Id"] for r in found},
    }


def test_accounts_stand_where_the_documents_and_the_reports_say(company: Company) -> None:
    accounts = {row["Id"]: row for row in company.rows("Account", "maxresults 1000")}
    invoices = paged(company, "select * from Invoice orderby Id", "Invoice")
    payments = paged(company, "select * from Payment orderby Id", "Payment")
    owed = sum(Decimal(str(one["Balance"])) for one in invoices)
    received = sum(Decimal(str(one["TotalAmt"])) for one in payments)
    assert accounts[books.RECEIVABLE]["CurrentBalance"] == owed > 0
    assert accounts[books.UNDEPOSITED]["CurrentBalance"] == received > 0
    assert accounts["79"]["CurrentBalance"] == 0  # income shows none
    sheet = company.get("/reports/BalanceSheet", date_macro="all").text
    aged = company.get("/reports/AgedReceivables").text
    assert f'"{owed:.2f}"' in sheet and f'"{received:.2f}"' in sheet
    assert f'"value":"{owed:.2f}"' in aged
    for basis in ("Cash", "Accrual"):
        query = {"date_macro": "all", "accounting_method": basis}
        profit = company.get("/reports/ProfitAndLoss", **query).text
        assert f'"{received if basis == "Cash" else owed + received:.2f}"' in profit


def test_what_the_books_read_of_a_record_is_what_it_says(sandbox: RunningSandbox) -> None:
    store = sandbox.kernel.store
    for entity in ("Invoice", "Payment"):
        rows = store.table(books.REALM, entity).rows()
        for brief, record in zip(rows.briefly(), rows, strict=True):
            lines = [one for one in record["Line"] if one.get("DetailType") != "SubTotalLineDetail"]
            said = {**record, "Line": lines}
            short = {"CustomerRef": "value", "DepositToAccountRef": "value"}
            for name, value in brief.items():
                whole = said[name]
                assert value == ({"value": whole["value"]} if name in short else whole)
