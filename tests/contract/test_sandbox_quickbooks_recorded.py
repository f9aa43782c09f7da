"""Golden shapes: recorded answers of the real service, cut down to what is compared.

Source: minimul/qbo_api, spec/vcr (MIT, (c) 2015 Christian Pelczarski), US sandbox company, 2020
and 2022. Members that later minor versions dropped (Lat, Long) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import simplejson
from quickbooks_company import Company, invoice, line, quickbooks_sandbox

CREATED = """{"AllowIPNPayment":false,"AllowOnlinePayment":false,
"AllowOnlineCreditCardPayment":false,"AllowOnlineACHPayment":false,"domain":"QBO","sparse":false,
"Id":"266","SyncToken":"0","MetaData":{"CreateTime":"2020-09-29T05:58:07-07:00",
"LastUpdatedTime":"2020-09-29T05:58:07-07:00"},
"CustomField":[{"DefinitionId":"1","Name":"Crew #","Type":"StringType"}],"DocNumber":"1043",
"TxnDate":"2020-09-29","CurrencyRef":{"value":"USD","name":"United States Dollar"},"LinkedTxn":[],
"Line":[{"Id":"1","LineNum":1,"Amount":100.00,"DetailType":"SalesItemLineDetail",
"SalesItemLineDetail":{"ItemRef":{"value":"1","name":"Services"},"TaxCodeRef":{"value":"NON"}}},
{"Amount":100.00,"DetailType":"SubTotalLineDetail","SubTotalLineDetail":{}}],
"TxnTaxDetail":{"TotalTax":0},"CustomerRef":{"value":"1","name":"Amy's Bird Sanctuary"},
"BillAddr":{"Id":"2","Line1":"4581 Finch St.","City":"Bayshore"},"DueDate":"2020-10-29",
"TotalAmt":100.00,"ApplyTaxAfterDiscount":false,"PrintStatus":"NeedToPrint",
"EmailStatus":"NotSet","Balance":100.00}"""
VOIDED = """{"SyncToken":"1","PrivateNote":"Voided","LinkedTxn":[],
"Line":[{"Id":"1","LineNum":1,"Amount":0,"DetailType":"SalesItemLineDetail",
"SalesItemLineDetail":{"ItemRef":{"value":"1","name":"Services"},"TaxCodeRef":{"value":"NON"}}},
{"Amount":0,"DetailType":"SubTotalLineDetail","SubTotalLineDetail":{}}],
"TxnTaxDetail":{"TotalTax":0},"DueDate":"2020-10-29","TotalAmt":0,"Balance":0}"""
VENDOR = """{"Balance":0,"Vendor1099":false,"CurrencyRef":{"value":"USD",
"name":"United States Dollar"},"domain":"QBO","sparse":false,"Id":"71","SyncToken":"0",
"MetaData":{"CreateTime":"2020-09-29T08:13:18-07:00",
"LastUpdatedTime":"2020-09-29T08:13:20-07:00"},"DisplayName":"Boraski Family Store",
"PrintOnCheckName":"Boraski Family Store","Active":true}"""
CUSTOMER = """{"Taxable":true,"Job":false,"BillWithParent":false,"Balance":0,"BalanceWithJobs":0,
"CurrencyRef":{"value":"USD","name":"United States Dollar"},"PreferredDeliveryMethod":"Print",
"domain":"QBO","sparse":false,"Id":"70","SyncToken":"0",
"MetaData":{"CreateTime":"2020-09-29T05:58:16-07:00",
"LastUpdatedTime":"2020-09-29T05:58:16-07:00"},"FullyQualifiedName":"Doe5, Jane",
"DisplayName":"Doe5, Jane","PrintOnCheckName":"Doe5, Jane","Active":true,
"DefaultTaxCodeRef":{"value":"2"}}"""
DUPLICATE = """{"Fault":{"Error":[{"Message":"Duplicate Name Exists Error",
"Detail":"The name supplied already exists. : null","code":"6240"}],"type":"ValidationFault"},
"time":"2020-09-29T06:58:50.262-07:00"}"""
NOT_FOUND = """{"Fault":{"Error":[{"Message":"Object Not Found","Detail":"Object Not Found : \
Something you're trying to use has been made inactive. Check the fields with accounts, customers, \
items, vendors or employees.","code":"610","element":""}],"type":"ValidationFault"},
"time":"2017-03-14T11:32:27.043-07:00"}"""
BAD_ID = """{"Fault":{"Error":[{"Message":"Invalid ID",
"Detail":"Id should be a valid number. Supplied value:1.5","code":"2030","element":"Id"}],
"type":"ValidationFault"}}"""
BAD_ENTITY = """{"Fault":{"Error":[{"Message":"Invalid query",
"Detail":"QueryValidationError: invalid context declaration: Custmoer","code":"4001"}],
"type":"ValidationFault"},"time":"2020-09-29T06:52:56.527-07:00"}"""
VARIES = ("Id", "DocNumber", "TxnDate", "DueDate", "MetaData", "time")


@pytest.fixture
def us(tmp_path: Path) -> Iterator[Company]:
    with quickbooks_sandbox(tmp_path) as sandbox:
        company = Company(sandbox)
        prefs = company.get("/preferences").body["Preferences"]
        forms = simplejson.dumps(prefs["SalesFormsPrefs"]).replace("PO Number", "Crew #")
        body = {"SyncToken": "0", "SalesFormsPrefs": simplejson.loads(forms)}
        company.save("Preferences", body)
        yield company


def written(text: str) -> Any:
    """JSON with its numbers kept as they are written: 100.00 and 0 are not 100.0 and 0.00."""
    return simplejson.loads(text, parse_float=str, parse_int=str)


def same_kind(value: Any) -> Any:
    """What varies from call to call, reduced to its form."""
    if isinstance(value, dict):
        return {k: same_kind(v) for k, v in value.items()}
    return re.sub(r"[+-]\d\d:\d\d$", "+hh:mm", re.sub(r"\d", "9", str(value).lstrip("-")))


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """A recorded or answered object: varying members by form, the rest as written."""
    return {
        k: re.sub("9+", "9", str(same_kind(v))) if k in VARIES else v for k, v in record.items()
    }


def test_a_created_invoice(us: Company) -> None:
    answer = us.post("/invoice", invoice())
    found = written(answer.text)["Invoice"]
    assert comparable(found) == comparable(written(CREATED))
    assert [k for k in found if k in written(CREATED)] == list(written(CREATED))
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"
    assert re.fullmatch(r"1-[0-9a-f]{8}-[0-9a-f]{24}", answer.headers["intuit_tid"])
    assert answer.headers["X-Amzn-Trace-Id"] == f"Root={answer.headers['intuit_tid']}"
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}-08:00", answer.body["time"])


def test_a_voided_invoice(us: Company) -> None:
    us.save("Invoice", invoice())
    answer = us.post("/invoice", {"Id": "1", "SyncToken": "0"}, operation="void")
    found = written(answer.text)["Invoice"]
    expected = written(VOIDED)
    assert comparable({k: found[k] for k in expected}) == comparable(expected)


@pytest.mark.parametrize(
    ("entity", "name", "recording"),
    [("Vendor", "Boraski Family Store", VENDOR), ("Customer", "Doe5, Jane", CUSTOMER)],
)
def test_a_created_name(us: Company, entity: str, name: str, recording: str) -> None:
    answer = us.post(f"/{entity.lower()}", {"DisplayName": name})
    found = written(answer.text)[entity]
    assert comparable(found) == comparable(written(recording))
    assert list(found) == list(written(recording))


@pytest.mark.parametrize(
    ("method", "path", "body", "recording"),
    [
        ("POST", "/customer", {"DisplayName": "Cool Cars"}, DUPLICATE),
        ("GET", "/item/99", None, NOT_FOUND),
        ("GET", "/customer/1.5", None, BAD_ID),
        ("GET", "/query?query=SELECT * FROM Custmoer", None, BAD_ENTITY),
    ],
)
def test_recorded_faults(us: Company, method: str, path: str, body: Any, recording: str) -> None:
    answer = us.call(method, path, body)
    assert comparable(answer.body) == comparable(written(recording))
    assert answer.headers["Content-Type"] == "application/json"


def test_a_voided_invoice_keeps_the_order_of_its_members(us: Company) -> None:
    us.save("Invoice", invoice())
    found = us.save("Invoice", {"Id": "1", "SyncToken": "0"}, operation="void")
    names = [name for name in written(CREATED) if name not in ("BillAddr", "CustomField")]
    names.insert(names.index("LinkedTxn"), "PrivateNote")
    assert [name for name in found if name in names] == names


def test_names_come_by_their_full_name_capitals_first(us: Company) -> None:
    for name in ("Pam Seitz", "PG&E", "Norton Lumber", "EDD", "Ellis Equipment"):
        us.save("Vendor", {"DisplayName": name})
    rows = us.query("SELECT * FROM Vendor MAXRESULTS 5 STARTPOSITION 1").body["QueryResponse"]
    names = [row["DisplayName"] for row in rows["Vendor"]]
    assert names == ["EDD", "Ellis Equipment", "Norton Lumber", "PG&E", "Pam Seitz"]


def test_the_general_ledger_as_recorded(us: Company) -> None:
    """Order of the chart, sub-accounts within their parent, what earlier years and this one left.

    Recorded for sections and cells; the amounts are those of the documents made here.
    """
    above = us.save("Account", {"Name": "Truck", "AccountType": "Fixed Asset"})
    below = {"SubAccount": True, "ParentRef": {"value": above["Id"]}}
    cost = us.save("Account", {"Name": "Original Cost", "AccountType": "Fixed Asset", **below})
    sides = (("Debit", cost["Id"]), ("Credit", "34"))
    us.save("JournalEntry", {"TxnDate": "2026-01-05", "Line": [
        {"Amount": 13495, "DetailType": "JournalEntryLineDetail",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}}}
        for side, account in sides]})  # fmt: skip
    us.save("Invoice", invoice(line(7), TxnDate="2025-05-05"))
    us.save("Invoice", invoice(line(30), TxnDate="2026-05-05"))
    us.save("Invoice", invoice(line(100), DocNumber="1041"))
    answer = us.get("/reports/GeneralLedger").body
    assert list(answer["Header"]) == [
        "Time", "ReportName", "DateMacro", "ReportBasis", "StartPeriod", "EndPeriod", "Currency",
        "Option",
    ]  # fmt: skip
    assert answer["Header"]["DateMacro"] == "this month-to-date"
    assert answer["Header"]["Option"] == [{"Name": "NoReportData", "Value": "false"}]
    rows = answer["Rows"]["Row"]
    heads = [row["Header"]["ColData"][0] for row in rows]
    assert [head["value"] for head in heads] == [
        "Accounts Receivable (A/R)", "Truck", "Opening Balance Equity", "Retained Earnings",
        "Services",
    ]  # fmt: skip
    owed, truck, _, retained, services = rows

    def cells(row: dict[str, Any], part: str = "value") -> list[Any]:
        return [cell.get(part) for cell in row["ColData"]]

    assert cells(owed["Rows"]["Row"][0]) == ["Beginning Balance", "", "", "", "", "", "", "37.00"]
    line_of = owed["Rows"]["Row"][1]
    assert cells(line_of)[1:4] == ["Invoice", "1041", "Amy's Bird Sanctuary"]
    assert cells(line_of)[5:] == ["Services", "100.00", "137.00"]
    assert cells(line_of, "id") == [None, "4", None, "1", None, "1", None, None]
    assert heads[1]["id"] == cost["Id"]
    (inner,) = truck["Rows"]["Row"]
    assert inner["Header"]["ColData"][0] == {"value": "Original Cost"}
    assert cells(inner["Rows"]["Row"][0])[-1] == "13495.00"
    assert cells(truck["Summary"])[0::6] == ["Total for Truck", ""]
    assert cells(retained["Rows"]["Row"][0])[-1] == "7.00"
    assert [cells(row)[-1] for row in services["Rows"]["Row"]] == ["30.00", "130.00"]
    assert cells(services["Summary"])[6] == "100.00"


def test_the_header_of_a_result_as_recorded(us: Company) -> None:
    query = {"customer": "1", "end_date": "2015-07-31", "start_date": "2015-01-01",
             "summarize_column_by": "Customers"}  # fmt: skip
    answer = us.get("/reports/ProfitAndLoss", **query).body
    assert list(answer["Header"]) == [
        "Time", "ReportName", "ReportBasis", "StartPeriod", "EndPeriod", "SummarizeColumnsBy",
        "Currency", "Customer", "Option",
    ]  # fmt: skip
    assert answer["Header"]["Option"] == [
        {"Name": "AccountingStandard", "Value": "GAAP"}, {"Name": "NoReportData", "Value": "true"},
    ]  # fmt: skip
    assert [row.get("group") for row in answer["Rows"]["Row"]] == [
        "Income", "GrossProfit", "Expenses", "NetOperatingIncome", "NetIncome",
    ]  # fmt: skip


def test_numbers_in_a_query_are_written_as_in_a_read(us: Company) -> None:
    us.save("Invoice", invoice())
    read = us.get("/invoice/1").text
    page = us.query("select * from Invoice").text
    body = read[len('{"Invoice":') : read.index(',"time"')]
    assert f'"Invoice":[{body}]' in page
    assert '"Amount":100.00' in page
    assert '"TotalTax":0}' in page
