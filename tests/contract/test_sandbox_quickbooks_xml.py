"""XML: the same calls for clients that neither send nor ask for JSON, as the Ruby client does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests
from quickbooks_company import Company, invoice, quickbooks_sandbox

HOME = "{http://schema.intuit.com/finance/v3}"
NS = 'xmlns="http://schema.intuit.com/finance/v3"'


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as running:
        yield Company(running)


def call(
    us: Company, method: str, path: str, body: str = "", token: str = ""
) -> tuple[requests.Response, ElementTree.Element]:
    headers = {**us.headers, "Accept": "application/xml", "Content-Type": "application/xml"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{us.base}/v3/company/{us.realm}{path}"
    reply = requests.request(method, url, data=body.encode(), headers=headers, timeout=10)
    kind = "application/xml;charset=UTF-8" if reply.ok else "application/xml"  # both recorded
    assert reply.headers["Content-Type"] == kind
    return reply, ElementTree.fromstring(reply.content)


def text(root: ElementTree.Element, path: str) -> str:
    found = root.find("/".join(f"{HOME}{name}" for name in path.split("/")))
    assert found is not None, ElementTree.tostring(root)
    return found.text or ""


INVOICE = f"""<?xml version="1.0" encoding="utf-8"?>
<Invoice {NS}>
  <CustomerRef name="ignored">1</CustomerRef>
  <PrivateNote>Nuts &amp; bolts</PrivateNote>
  <Line>
    <Amount>100.00</Amount>
    <DetailType>SalesItemLineDetail</DetailType>
    <SalesItemLineDetail><ItemRef>1</ItemRef><Qty>2</Qty><UnitPrice>50</UnitPrice></SalesItemLineDetail>
  </Line>
</Invoice>"""


def test_an_invoice_is_made_read_and_changed_in_xml(us: Company) -> None:
    _, made = call(us, "POST", "/invoice", INVOICE)
    assert made.tag == f"{HOME}IntuitResponse"
    assert made.attrib["time"].startswith("2026-11-20T")
    record = made.find(f"{HOME}Invoice")
    assert record is not None
    assert record.attrib == {"domain": "QBO", "sparse": "false"}
    customer = record.find(f"{HOME}CustomerRef")
    assert customer is not None
    assert (customer.text, customer.attrib) == ("1", {"name": "Amy's Bird Sanctuary"})
    number = text(made, "Invoice/Id")
    change = f'<Invoice {NS} sparse="true"><Id>{number}</Id><SyncToken>0</SyncToken>' \
             "<PrivateNote>Changed</PrivateNote></Invoice>"  # fmt: skip
    _, changed = call(us, "POST", "/invoice", change)
    assert text(changed, "Invoice/PrivateNote") == "Changed"
    assert text(changed, "Invoice/TotalAmt") == "100.00"
    json = us.read("Invoice", number)
    assert (json["TotalAmt"], json["PrivateNote"], json["SyncToken"]) == (100, "Changed", "1")


def test_a_query_counts_in_attributes(us: Company) -> None:
    us.save("Invoice", invoice())
    _, found = call(us, "GET", "/query?query=select+*+from+Customer+orderby+Id")
    page = found.find(f"{HOME}QueryResponse")
    assert page is not None
    assert page.attrib == {"startPosition": "1", "maxResults": "2"}
    assert [c.findtext(f"{HOME}DisplayName") for c in page] == ["Amy's Bird Sanctuary", "Cool Cars"]
    _, counted = call(us, "GET", "/query?query=select+count(*)+from+Customer")
    assert counted.find(f"{HOME}QueryResponse").attrib == {"totalCount": "2"}  # type: ignore[union-attr]


def test_a_batch_in_xml(us: Company) -> None:
    body = f"""<IntuitBatchRequest {NS}>
      <BatchItemRequest bId="a" operation="create">
        <Term><Name>Net 7</Name><DueDays>7</DueDays></Term>
      </BatchItemRequest>
      <BatchItemRequest bId="b">
        <Query>select * from Invoice where Colour = 'x'</Query>
      </BatchItemRequest>
    </IntuitBatchRequest>"""
    _, found = call(us, "POST", "/batch", body)
    items = found.findall(f"{HOME}BatchItemResponse")
    assert [item.attrib["bId"] for item in items] == ["a", "b"]
    assert items[0].findtext(f"{HOME}Term/{HOME}DueDays") == "7"
    error = items[1].find(f"{HOME}Fault/{HOME}Error")
    assert error is not None
    assert error.attrib["code"] == "4001"


def test_faults_are_xml_too(us: Company) -> None:
    reply, found = call(us, "GET", "/invoice/987654")
    assert reply.status_code == 400
    fault = found.find(f"{HOME}Fault")
    assert fault is not None
    assert fault.attrib == {"type": "ValidationFault"}
    assert fault.find(f"{HOME}Error").attrib == {"code": "610", "element": ""}  # type: ignore[union-attr]
    assert text(found, "Fault/Error/Message") == "Object Not Found"
    reply, found = call(us, "GET", "/invoice/1", token="eyJworthless")
    assert reply.status_code == 401
    assert found.find(f"{HOME}Fault/{HOME}Error").attrib["code"] == "3200"  # type: ignore[union-attr]
    reply, found = call(us, "POST", "/invoice", "<Invoice>")
    assert (reply.status_code, text(found, "Fault/Error/Message")) == (
        400, "Request has invalid or unsupported property",
    )  # fmt: skip


JSON = ("application/json", "text/xml, application/json", "application/json, text/plain, */*")


@pytest.mark.parametrize("accept", JSON)
def test_who_asks_for_json_gets_json(us: Company, accept: str) -> None:
    reply = _read(us, accept)
    assert reply.json()["Customer"]["Id"] == "1"
    named = _read(us, "text/xml", "?format=json")
    assert named.json()["Customer"]["Id"] == "1"


@pytest.mark.parametrize("accept", [None, "", "*/*", "text/html, *; q=.2", "text/xml"])
def test_who_asks_for_nothing_in_particular_gets_xml(us: Company, accept: str | None) -> None:
    assert ElementTree.fromstring(_read(us, accept).content).tag == f"{HOME}IntuitResponse"
    us.headers["Authorization"] = "Bearer worthless"
    turned_away = _read(us, accept)
    assert turned_away.status_code == 401
    assert ElementTree.fromstring(turned_away.content).tag == f"{HOME}IntuitResponse"


def test_the_tax_service_speaks_json_only(us: Company) -> None:
    url = f"{us.base}/v3/company/{us.realm}/taxservice/taxcode"
    headers = {"Authorization": us.headers["Authorization"], "Accept": "*/*"}
    reply = requests.post(url, json={"TaxCode": ""}, headers=headers, timeout=10)
    assert reply.json()["Fault"]["type"] == "ValidationFault"


def _read(us: Company, accept: str | None, more: str = "") -> requests.Response:
    headers = {"Authorization": us.headers["Authorization"], "Accept": accept}
    url = f"{us.base}/v3/company/{us.realm}/customer/1{more}"
    return requests.get(url, headers=headers, timeout=10)


def test_a_report_keeps_its_cells_in_attributes(us: Company) -> None:
    call(us, "POST", "/invoice", INVOICE)
    _, report = call(us, "GET", "/reports/ProfitAndLoss")
    assert report.tag == f"{HOME}Report"
    assert text(report, "Header/ReportName") == "ProfitAndLoss"
    income = report.find(f"{HOME}Rows/{HOME}Row")
    assert income is not None
    assert income.attrib == {"type": "Section", "group": "Income"}
    cells = [cell.attrib for cell in income.findall(f"{HOME}Rows/{HOME}Row/{HOME}ColData")]
    assert cells == [{"value": "Services", "id": "1"}, {"value": "100.00"}]


def test_what_is_known_of_a_paid_document_is_a_list_of_pairs(us: Company) -> None:
    _, made = call(us, "POST", "/invoice", INVOICE)
    number, found = text(made, "Invoice/DocNumber"), text(made, "Invoice/Id")
    link = f"<LinkedTxn><TxnId>{found}</TxnId><TxnType>Invoice</TxnType></LinkedTxn>"
    _, paid = call(
        us,
        "POST",
        "/payment",
        f"<Payment {NS}><CustomerRef>1</CustomerRef><TotalAmt>40</TotalAmt>"
        f"<Line><Amount>40</Amount>{link}</Line></Payment>",
    )
    pairs = paid.findall(f"{HOME}Payment/{HOME}Line/{HOME}LineEx/{HOME}NameValue")
    assert {text(pair, "Name"): text(pair, "Value") for pair in pairs} == {
        "txnId": found, "txnOpenBalance": "100.00", "txnReferenceNumber": number,
    }  # fmt: skip


def test_an_empty_page_is_empty_in_xml_too(us: Company) -> None:
    rule = {"system": "quickbooks", "path": "/query", "action": {"kind": "empty_page"}}
    us.control("POST", "/faults", rule)
    asked = "/query?query=select+*+from+Customer"
    _, empty = call(us, "GET", asked)
    assert [child.tag for child in empty] == [f"{HOME}QueryResponse"]
    assert list(empty[0]) == []
    _, whole = call(us, "GET", asked)
    assert list(whole[0]) != []
