"""The partner and enterprise SOAP APIs, as their clients write envelopes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
import requests
from salesforce_org import (
    ACME,
    ADA,
    BOREAL,
    CUSTOM_FIELDS,
    DEAL,
    MANIFEST,
    ORG,
    RECORDS,
    USER,
    Org,
    running_org,
    write_seed,
)  # fmt: skip


@pytest.fixture
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    seed = tmp_path_factory.mktemp("soap") / "seed"
    with running_org(write_seed(seed, RECORDS, MANIFEST, CUSTOM_FIELDS)) as running:
        yield running


def posted(
    org: Org, body: str, *, door: str = "u", token: str = "", headers: str = ""
) -> tuple[int, Element]:
    kind = {"u": "partner", "c": "enterprise"}[door]
    session = token or org.connection["access_token"]
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns="urn:{kind}.soap.sforce.com"><s:Header><SessionHeader><sessionId>{session}'
        f"</sessionId></SessionHeader>{headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    answer = requests.post(
        f"{org.sandbox.salesforce_url}/services/Soap/{door}/62.0/{ORG[:15]}",
        data=envelope,
        headers={"Content-Type": "text/xml", "SOAPAction": '""'},
        timeout=20,
    )
    return answer.status_code, ElementTree.fromstring(answer.text)


def called(org: Org, body: str, *, door: str = "u", headers: str = "") -> Element:
    status, root = posted(org, body, door=door, headers=headers)
    assert status == 200, ElementTree.tostring(root)
    return root


def texts(root: Element, name: str) -> list[str | None]:
    return [e.text for e in root.iter() if e.tag.rpartition("}")[2] == name]


def fault(org: Org, body: str, token: str = "") -> tuple[str | None, str | None]:
    status, root = posted(org, body, token=token)
    assert status == 500
    return texts(root, "faultcode")[0], texts(root, "faultstring")[0]


def test_who_and_when(org: Org) -> None:
    found = called(org, "<getUserInfo/>")
    assert texts(found, "userId") == [USER]
    assert texts(found, "organizationId") == [ORG]
    assert str(texts(called(org, "<getServerTimestamp/>"), "timestamp")[0]).endswith("Z")


def test_faults_name_the_vendors_code(org: Org) -> None:
    code, text = fault(org, "<getUserInfo/>", token="nonsense")
    assert code == "sf:INVALID_SESSION_ID"
    assert str(text).startswith("INVALID_SESSION_ID: Invalid Session ID found")
    code, _ = fault(org, "<query><queryString>SELECT Nope FROM Account</queryString></query>")
    assert code == "sf:INVALID_FIELD"
    code, _ = fault(org, "<describeSObject><sObjectType>Nope</sObjectType></describeSObject>")
    assert code == "sf:INVALID_TYPE"
    code, text = fault(org, "<describeLayout/>")
    assert (code, text) == (
        "sf:INVALID_OPERATION", "INVALID_OPERATION: describeLayout is not served by this sandbox.",
    )  # fmt: skip


def test_describes(org: Org) -> None:
    assert "Account" in texts(called(org, "<describeGlobal/>"), "name")
    both = called(
        org,
        "<describeSObjects><sObjectType>Account</sObjectType><sObjectType>Contact</sObjectType>"
        "</describeSObjects>",
    )
    assert texts(both, "keyPrefix") == ["001", "003"]
    assert "Region_Key__c" in texts(both, "name")


def test_queries_in_pages(org: Org) -> None:
    contacts = [{"attributes": {"type": "Contact"}, "LastName": f"N{n:03}"} for n in range(200)]
    org.call("POST", "composite/sobjects", json={"records": contacts})
    batches = "<QueryOptions><batchSize>200</batchSize></QueryOptions>"
    text = "SELECT Id, LastName, Account.Name FROM Contact"
    first = called(org, f"<query><queryString>{text}</queryString></query>", headers=batches)
    assert texts(first, "done") == ["false"]
    locator = texts(first, "queryLocator")[0]
    more = called(org, f"<queryMore><queryLocator>{locator}</queryLocator></queryMore>",
                  headers=batches)  # fmt: skip
    assert texts(more, "done") == ["true"]
    total = int(str(texts(first, "size")[0]))
    assert len(texts(first, "LastName")) + len(texts(more, "LastName")) == total
    assert "Acme GmbH" in texts(first, "Name")


def test_a_records_life(org: Org) -> None:
    made = called(
        org,
        "<create><sObjects><type>Account</type><Name>A &amp; B</Name><AnnualRevenue>12.5"
        "</AnnualRevenue></sObjects><sObjects><type>Account</type></sObjects></create>",
    )
    assert texts(made, "success") == ["true", "false"]
    assert texts(made, "statusCode") == ["REQUIRED_FIELD_MISSING"]
    account = texts(made, "id")[0]
    called(org, f"<update><sObjects><type>Account</type><fieldsToNull>AnnualRevenue</fieldsToNull>"
                f"<Id>{account}</Id><Phone>1</Phone></sObjects></update>")  # fmt: skip
    seen = called(org, f"<retrieve><fieldList>Name,Phone,AnnualRevenue</fieldList><sObjectType>"
                       f"Account</sObjectType><ids>{account}</ids></retrieve>")  # fmt: skip
    assert texts(seen, "Name") == ["A & B"]
    assert (texts(seen, "Phone"), texts(seen, "AnnualRevenue")) == (["1"], [None])
    upserted = called(org, "<upsert><externalIDFieldName>QBO_Customer_Id__c</externalIDFieldName>"
                           "<sObjects><type>Account</type><Name>U</Name><QBO_Customer_Id__c>k"
                           "</QBO_Customer_Id__c></sObjects></upsert>")  # fmt: skip
    assert texts(upserted, "created") == ["true"]
    assert texts(called(org, f"<delete><ids>{account}</ids></delete>"), "success") == ["true"]
    again = called(org, f"<delete><ids>{account}</ids></delete>")
    assert texts(again, "statusCode") == ["ENTITY_IS_DELETED"]


def test_the_enterprise_api_names_the_type_of_a_record(org: Org) -> None:
    made = called(
        org,
        '<create><sObjects xmlns:o="urn:sobject.enterprise.soap.sforce.com" xsi:type="o:Account">'
        "<o:Name>Typed</o:Name></sObjects></create>",
        door="c",
    )
    assert texts(made, "success") == ["true"]
    text = "SELECT Name FROM Account WHERE Name = 'Typed'"
    found = called(org, f"<query><queryString>{text}</queryString></query>", door="c")
    assert texts(found, "Name") == ["Typed"]


def test_all_or_none(org: Org) -> None:
    header = "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>"
    body = (
        "<create><sObjects><type>Account</type><Name>Half</Name></sObjects>"
        "<sObjects><type>Account</type></sObjects></create>"
    )
    found = called(org, body, headers=header)
    assert texts(found, "statusCode")[0] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert org.rows("SELECT Id FROM Account WHERE Name = 'Half'") == []


def test_the_recycle_bin(org: Org) -> None:
    called(org, f"<delete><ids>{ACME}</ids></delete>")
    assert org.rows(f"SELECT Id FROM Contact WHERE Id = '{ADA}'") == []
    back = called(org, f"<undelete><ids>{ACME}</ids><ids>not an id</ids></undelete>")
    assert texts(back, "success") == ["true", "false"]
    assert texts(back, "statusCode") == ["MALFORMED_ID"]
    assert len(org.rows(f"SELECT Id FROM Contact WHERE Id = '{ADA}'")) == 1
    called(org, f"<delete><ids>{BOREAL}</ids></delete>")
    assert texts(called(org, f"<emptyRecycleBin><ids>{BOREAL}</ids></emptyRecycleBin>"),
                 "success") == ["true"]  # fmt: skip
    everything = org.get(f"queryAll?q=SELECT+Id+FROM+Account+WHERE+Id='{BOREAL}'")
    assert everything["totalSize"] == 0


def merged(org: Org, kind: str, master: str, *losers: str) -> Element:
    gone = "".join(f"<recordToMergeIds>{one}</recordToMergeIds>" for one in losers)
    return called(org, f"<merge><request><masterRecord><type>{kind}</type><Id>{master}</Id>"
                       f"<Phone>7</Phone></masterRecord>{gone}</request></merge>")  # fmt: skip


def test_merge_moves_what_belongs_to_the_loser(org: Org) -> None:
    found = merged(org, "Account", BOREAL, ACME)
    assert texts(found, "success") == ["true"]
    assert texts(found, "mergedRecordIds") == [ACME]
    assert {ADA, DEAL} <= set(texts(found, "updatedRelatedIds"))
    assert org.rows(f"SELECT AccountId FROM Contact WHERE Id = '{ADA}'")[0]["AccountId"] == BOREAL
    assert org.rows(f"SELECT Phone FROM Account WHERE Id = '{BOREAL}'")[0]["Phone"] == "7"
    gone = org.get(f"queryAll?q=SELECT+IsDeleted,+MasterRecordId+FROM+Account+WHERE+Id='{ACME}'")[
        "records"
    ][0]
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, BOREAL)
    # what is merged stays merged
    back = called(org, f"<undelete><ids>{ACME}</ids></undelete>")
    assert texts(back, "statusCode") == ["UNDELETE_FAILED"]


def test_merges_that_cannot_be(org: Org) -> None:
    assert texts(merged(org, "Opportunity", DEAL, DEAL), "statusCode") == ["INVALID_TYPE"]
    assert texts(merged(org, "Account", ACME, ACME), "statusCode") == ["INVALID_ID_FIELD"]
    none = merged(org, "Account", ACME)
    assert texts(none, "statusCode") == ["INVALID_NUMBER_OF_RECORDS"]


def test_logout_ends_the_session(org: Org) -> None:
    called(org, "<logout/>")
    code, _ = fault(org, "<getUserInfo/>")
    assert code == "sf:INVALID_SESSION_ID"


def test_a_password_set_by_soap_logs_in(org: Org) -> None:
    called(org, f"<setPassword><userId>{USER}</userId><password>new</password></setPassword>")
    known = org.connection
    form = {"grant_type": "password", "client_id": known["client_id"], "password": "new",
            "client_secret": known["client_secret"], "username": known["username"]}  # fmt: skip
    url = f"{org.sandbox.salesforce_url}/services/oauth2/token"
    assert requests.post(url, data=form, timeout=20).status_code == 200
    old = {**form, "password": known["password"]}
    assert requests.post(url, data=old, timeout=20).json()["error"] == "invalid_grant"


def converted(org: Org, lead: str, more: str = "") -> Element:
    asked = f"<leadId>{lead}</leadId>{more}"
    return called(org, f"<convertLead><leadConverts>{asked}</leadConverts></convertLead>")


CLOSED = "<convertedStatus>Closed - Converted</convertedStatus>"


def test_a_lead_becomes_an_account_a_contact_and_a_deal(org: Org) -> None:
    fresh = {"FirstName": "Grace", "LastName": "Hopper", "Company": "Cobol AG", "Phone": "1"}
    lead = org.call("POST", "sobjects/Lead", json=fresh).json()["id"]
    done = converted(org, lead, CLOSED)
    assert texts(done, "success") == ["true"]
    (account,), (contact,) = texts(done, "accountId"), texts(done, "contactId")
    (deal,) = texts(done, "opportunityId")
    assert org.get(f"sobjects/Account/{account}")["Name"] == "Cobol AG"
    person = org.get(f"sobjects/Contact/{contact}")
    assert (person["Name"], person["AccountId"], person["Phone"]) == ("Grace Hopper", account, "1")
    made = org.get(f"sobjects/Opportunity/{deal}")
    assert (made["Name"], made["AccountId"], made["IsClosed"]) == ("Cobol AG", account, False)
    after = org.get(f"sobjects/Lead/{lead}")
    assert (after["IsConverted"], after["Status"]) == (True, "Closed - Converted")
    assert [after[f"Converted{n}Id"] for n in ("Account", "Contact", "Opportunity")] == [
        account, contact, deal,
    ]  # fmt: skip
    again = converted(org, lead, CLOSED)
    assert texts(again, "statusCode") == ["CANNOT_UPDATE_CONVERTED_LEAD"]


def test_a_lead_becomes_part_of_an_account_without_a_deal(org: Org) -> None:
    fresh = {"LastName": "Hopper", "Company": "Cobol AG"}
    lead = org.call("POST", "sobjects/Lead", json=fresh).json()["id"]
    refused = converted(org, lead, "<convertedStatus>Open - Not Contacted</convertedStatus>")
    assert texts(refused, "statusCode") == ["INVALID_STATUS"]
    astray = converted(org, lead, f"{CLOSED}<accountId>{BOREAL}</accountId><contactId>{ADA}"
                       "</contactId><ownerId>005000000000000AAA</ownerId>")  # fmt: skip
    assert texts(astray, "success") == ["false"]
    assert org.get(f"sobjects/Lead/{lead}")["IsConverted"] is False
    more = f"<accountId>{ACME}</accountId><doNotCreateOpportunity>true</doNotCreateOpportunity>"
    done = converted(org, lead, more + CLOSED)
    assert texts(done, "accountId") == [ACME]
    assert texts(done, "opportunityId") == [None]


def test_the_tabs_of_the_app(org: Org) -> None:
    root = called(org, "<describeTabs/>")
    assert texts(root, "selected") == ["true"]
    assert "standard-Account" in texts(root, "name")


def test_what_the_wsdl_wants_is_there_without_a_value(org: Org) -> None:
    described = called(org, "<describeSObject><sObjectType>Account</sObjectType></describeSObject>")
    (detail,), (new,) = texts(described, "urlDetail"), texts(described, "urlNew")
    assert str(detail).endswith("/{ID}") and str(new).endswith("/001/e")
    bare = called(org, "<describeSObject><sObjectType>OpenActivity</sObjectType></describeSObject>")
    assert (texts(bare, "urlDetail"), texts(bare, "keyPrefix")) == ([None], [None])
    everything = called(org, "<describeGlobal/>")
    assert len(texts(everything, "keyPrefix")) == len(texts(everything, "name"))
    urls = org.get("sobjects/Account/describe")["urls"]
    assert urls["uiNewRecord"].endswith("/001/e")


def test_an_only_argument_may_have_any_name(org: Org) -> None:
    gone = called(org, f"<delete><id>{ADA}</id></delete>")
    assert (texts(gone, "id"), texts(gone, "success")) == ([ADA], ["true"])
    back = called(org, f"<undelete><id>{ADA}</id></undelete>")
    assert texts(back, "success") == ["true"]


def test_moments_of_a_span(org: Org) -> None:
    called(org, f"<delete><ids>{ADA}</ids></delete>")
    span = "<startDate>2026-11-20T15:00:00</startDate><endDate>2026-11-20T18:00:00Z</endDate>"
    found = called(org, f"<getDeleted><sObjectType>Contact</sObjectType>{span}</getDeleted>")
    assert texts(found, "id") == [ADA]
    times = texts(found, "deletedDate") + texts(found, "latestDateCovered")
    assert times and all(str(one).endswith(".000Z") for one in times)
