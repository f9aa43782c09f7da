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
from quickbooks_company import Company, invoice, quickbooks_sandbox

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


def test_numbers_in_a_query_are_written_as_in_a_read(us: Company) -> None:
    us.save("Invoice", invoice())
    read = us.get("/invoice/1").text
    page = us.query("select * from Invoice").text
    body = read[len('{"Invoice":') : read.index(',"time"')]
    assert f'"Invoice":[{body}]' in page
    assert '"Amount":100.00' in page
    assert '"TotalTax":0}' in page
