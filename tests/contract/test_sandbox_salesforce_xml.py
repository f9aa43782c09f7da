"""REST in XML: who gets it, how records, results and refusals look in it, and bodies sent in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import requests

from tests.contract.salesforce_org import ACME, BOREAL, Org, running_org, write_seed

XML = {"Accept": "application/xml"}
SENT = {"Content-Type": "application/xml", **XML}
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    folder: Path = tmp_path_factory.mktemp("xml") / "seed"
    with running_org(write_seed(folder)) as running:
        yield running


def asked(org: Org, path: str, **params: str) -> Element:
    return told(org.call("GET", path, headers=XML, params=params), 200)


def told(answer: requests.Response, status: int) -> Element:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    return ElementTree.fromstring(answer.content)


def texts(root: Element, path: str) -> list[str | None]:
    return [e.text for e in root.findall(path)]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/xml", "xml"),
        ("text/xml", "xml"),
        ("application/xml, application/json;q=0.5", "xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("application/json, application/xml", "json"),
        ("application/xml;q=0, */*", "json"),
        ("*/*", "json"),
        ("text/html", "json"),
    ],
)
def test_accept_decides(org: Org, accept: str, kind: str) -> None:
    answer = org.call("GET", "limits", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == f"application/{kind};charset=UTF-8"


def test_the_end_of_an_address_decides_before_accept(org: Org) -> None:
    root = told(org.call("GET", f"sobjects/Account/{ACME}.xml"), 200)
    assert (root.tag, root.find("Name").text) == ("Account", "Acme GmbH")  # type: ignore[union-attr]
    answer = org.call("GET", f"sobjects/Account/{ACME}.json", headers=XML)
    assert answer.json()["Id"] == ACME
    page = told(org.call("GET", "query.xml", params={"q": "SELECT Id FROM Account LIMIT 1"}), 200)
    assert page.tag == "QueryResult"
    # A key may end so: it is not shortened.
    error = org.refused("GET", "sobjects/Account/QBO_Customer_Id__c/58.xml", 404)
    assert error["errorCode"] == "NOT_FOUND"


def test_versions_resources_and_objects(org: Org) -> None:
    versions = asked(org, "/services/data")
    assert versions.tag == "Versions"
    newest = versions.findall("Version")[-1]
    assert [(e.tag, e.text) for e in newest] == [
        ("label", "Winter '27"), ("url", "/services/data/v68.0"), ("version", "68.0"),
    ]  # fmt: skip
    assert told(requests.get(f"{org.sandbox.salesforce_url}/services/data.xml", timeout=20), 200)
    assert asked(org, "").find("sobjects").text == "/services/data/v68.0/sobjects"  # type: ignore[union-attr]
    assert texts(asked(org, "limits"), "DailyApiRequests/Max") == ["100000"]
    everything = asked(org, "sobjects")
    assert everything.tag == "DescribeGlobal"
    assert "Account" in texts(everything, "sobjects/name")
    about = asked(org, "sobjects/Account")
    assert (about.tag, texts(about, "objectDescribe/name")) == ("Account", ["Account"])
    described = asked(org, "sobjects/Account/describe")
    assert "Name" in texts(described, "fields/name")
    assert texts(described, "urls/describe") == ["/services/data/v68.0/sobjects/Account/describe"]


def test_a_query_in_xml(org: Org) -> None:
    soql = (
        "SELECT Name, ParentId, CreatedDate, Owner.Name, (SELECT LastName FROM Contacts) "
        "FROM Account ORDER BY Name"
    )
    root = asked(org, "query", q=soql)
    assert (root.tag, texts(root, "done"), texts(root, "totalSize")) == (
        "QueryResult", ["true"], ["2"],
    )  # fmt: skip
    acme = root.find("records")
    assert acme is not None
    assert acme.attrib == {
        "type": "Account", "url": f"/services/data/v68.0/sobjects/Account/{ACME}",
    }  # fmt: skip
    assert acme.find("ParentId").get(NIL) == "true"  # type: ignore[union-attr]
    assert texts(acme, "CreatedDate") == ["2026-09-01T08:00:00.000Z"]
    assert acme.find("Owner").get("type") == "User"  # type: ignore[union-attr]
    assert texts(acme, "Contacts/records/LastName") == ["Lovelace"]
    counted = asked(org, "query", q="SELECT COUNT(Id) n FROM Account")
    assert counted.find("records").attrib == {"type": "AggregateResult"}  # type: ignore[union-attr]


def test_what_was_deleted_in_xml(org: Org) -> None:
    made = org.call("POST", "sobjects/Contact", json={"LastName": "Brief"}).json()["id"]
    org.call("DELETE", f"sobjects/Contact/{made}")
    span = {"start": "2026-11-20T00:00:00Z", "end": "2026-11-20T23:00:00Z"}
    root = asked(org, "sobjects/Contact/deleted", **span)
    assert (root.tag, texts(root, "deletedRecords/id")) == ("Contact", [made])
    assert all(str(t).endswith("Z") for t in texts(root, "latestDateCovered"))


def test_records_sent_in_xml(org: Org) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-16"?><Account xmlns:xsi="http://www.w3.org/2001/'
        'XMLSchema-instance"><Name>Größe &amp; Söhne</Name><NumberOfEmployees>12'
        '</NumberOfEmployees><Phone xsi:nil="true"/></Account>'
    ).encode("utf-16")
    answer = org.call("POST", "sobjects/Account", data=body, headers=SENT)
    made = told(answer, 201)
    assert (made.tag, [e.tag for e in made]) == ("Result", ["id", "success"])
    record_id = str(made.find("id").text)  # type: ignore[union-attr]
    assert answer.headers["Location"].endswith(record_id)
    found = org.get(f"sobjects/Account/{record_id}?fields=Name,NumberOfEmployees,Phone")
    assert (found["Name"], found["NumberOfEmployees"], found["Phone"]) == (
        "Größe & Söhne", 12, None,
    )  # fmt: skip
    changed = org.call(
        "PATCH", f"sobjects/Account/{record_id}", headers=SENT,
        data="<Account><Industry>Energy</Industry></Account>",
    )  # fmt: skip
    assert (changed.status_code, changed.content) == (204, b"")
    put = org.call(
        "PATCH", "sobjects/Account/QBO_Customer_Id__c/xml-1", headers=SENT,
        data="<Account><Name>By key</Name><Parent><QBO_Customer_Id__c>9341450000000001:58"
        "</QBO_Customer_Id__c></Parent></Account>",
    )  # fmt: skip
    assert texts(told(put, 201), "created") == ["true"]
    (row,) = org.rows("SELECT ParentId FROM Account WHERE QBO_Customer_Id__c = 'xml-1'")
    assert row["ParentId"] == ACME


def test_refusals_in_xml(org: Org) -> None:
    def refused(status: int, method: str, path: str, **options: object) -> Element:
        root = told(org.call(method, path, headers=SENT, **options), status)
        assert root.tag == "Errors"
        return root

    error = refused(400, "POST", "sobjects/Account", data="<Account/>")
    assert texts(error, "Error/errorCode") == ["REQUIRED_FIELD_MISSING"]
    assert texts(error, "Error/fields") == ["Name"]
    assert texts(error, "Error/message") == ["Required fields are missing: [Name]"]
    assert texts(refused(404, "GET", "nothing"), "Error/errorCode") == ["NOT_FOUND"]
    broken = refused(400, "POST", "sobjects/Account", data="<Account><Name>")
    assert texts(broken, "Error/errorCode") == ["XML_PARSER_ERROR"]
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><Account><Name>&b;</Name></Account>'
    for data in (bomb.encode(), bomb.encode("utf-16")):
        declared = refused(400, "POST", "sobjects/Account", data=data)
        assert texts(declared, "Error/errorCode") == ["XML_PARSER_ERROR"]
    stale = requests.get(f"{org.url}/limits", headers=XML, timeout=20)
    assert texts(told(stale, 401), "Error/errorCode") == ["INVALID_SESSION_ID"]
    org.arm("limits", action={"kind": "refuse", "code": "REQUEST_LIMIT_EXCEEDED"})
    limited = refused(403, "GET", "limits")
    assert texts(limited, "Error/errorCode") == ["REQUEST_LIMIT_EXCEEDED"]


def test_a_tree_in_xml(org: Org) -> None:
    tree = (
        '<SObjectTreeRequest><records type="Account" referenceId="ref1"><name>Tree</name>'
        '<Contacts><records type="Contact" referenceId="ref2"><lastname>Leaf</lastname>'
        "<email>{}</email></records></Contacts></records></SObjectTreeRequest>"
    )
    refused = told(
        org.call("POST", "composite/tree/Account", data=tree.format("123"), headers=SENT), 400
    )
    assert (refused.tag, texts(refused, "hasErrors")) == ("SObjectTreeResponse", ["true"])
    assert texts(refused, "results/errors/statusCode") == ["INVALID_EMAIL_ADDRESS"]
    assert texts(refused, "results/errors/fields") == ["Email"]
    made = told(
        org.call("POST", "composite/tree/Account", data=tree.format("a@b.example"), headers=SENT),
        201,
    )
    assert texts(made, "results/referenceId") == ["ref1", "ref2"]
    (leaf,) = org.rows("SELECT Account.Name FROM Contact WHERE LastName = 'Leaf'")
    assert leaf["Account"]["Name"] == "Tree"


def test_a_batch_and_a_collection_in_xml(org: Org) -> None:
    batch = (
        "<batch><batchRequests><batchRequest><method>PATCH</method><url>v68.0/sobjects/Account/"
        f"{BOREAL}</url><richInput><Account><Site>North</Site></Account></richInput></batchRequest>"
        f"<batchRequest><method>GET</method><url>v68.0/sobjects/Account/{BOREAL}?fields=Site</url>"
        "</batchRequest></batchRequests></batch>"
    )
    root = told(org.call("POST", "composite/batch", data=batch, headers=SENT), 200)
    assert (root.tag, texts(root, "hasErrors")) == ("batchResults", ["false"])
    assert texts(root, "results/batchResult/statusCode") == ["204", "200"]
    assert texts(root, "results/batchResult/result/Site") == ["North"]
    many = (
        '<request><allOrNone>false</allOrNone><records type="Account"><Name>One</Name></records>'
        '<records type="Account"/></request>'
    )
    saved = told(org.call("POST", "composite/sobjects", data=many, headers=SENT), 200)
    assert texts(saved, "result/success") == ["true", "false"]
    assert texts(saved, "result/errors/statusCode") == ["REQUIRED_FIELD_MISSING"]
    path = f"composite/sobjects/Account?ids={BOREAL},001Hs0000000999IAA&fields=Name"
    here, missing = asked(org, path).findall("records")
    assert (here.find("Name").text, missing.get(NIL)) == ("boreal ltd", "true")  # type: ignore[union-attr]


def test_what_is_json_alone_stays_so(org: Org) -> None:
    for path in ("jobs/query", "tooling/sobjects", "composite"):
        answer = org.call("GET", path, headers=XML)
        assert answer.headers["Content-Type"].startswith("application/json"), path
    error = org.refused(
        "POST", "jobs/query", 415, data="<job/>", headers={"Content-Type": "application/xml"}
    )
    assert error["errorCode"] == "UNSUPPORTED_MEDIA_TYPE"
