"""SOQL over HTTP: answers, paging, deleted records, and what is refused in the vendor's words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from salesforce_org import (
    ACME,
    ADA,
    BOREAL,
    DEAL,
    DELETED,
    EURO_DEAL,
    PROBE_USD,
    RECORDS,
    USER,
    Org,
    row,
    running_org,
    write_seed,
)
from simple_salesforce.exceptions import SalesforceMalformedRequest

from pipelines.sandbox.company.ids import with_checksum


def ids(org: Org, soql: str, path: str = "query") -> list[str]:
    return [r["Id"] for r in org.rows(soql, path)]


# ---- the form of an answer


def test_a_row_names_its_object_and_address(org: Org) -> None:
    answer = org.get("query", params={"q": f"SELECT id, NAME FROM account WHERE ID='{ACME}'"})
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {
                    "type": "Account",
                    "url": f"/services/data/v68.0/sobjects/Account/{ACME}",
                },
                "Id": ACME,
                "Name": "Acme GmbH",
            }
        ],
    }


def test_parents_are_nested_and_missing_ones_null(org: Org) -> None:
    soql = f"SELECT Parent.Name, Parent.Owner.Name, Owner.Email FROM Account WHERE Id = '{BOREAL}'"
    (found,) = org.rows(soql)
    assert found["Parent"]["Name"] == "Acme GmbH"
    assert found["Parent"]["attributes"]["type"] == "Account"
    assert found["Parent"]["Owner"]["Name"] == "Crossfoot Integration"
    assert found["Owner"]["attributes"]["type"] == "User"
    assert org.rows(f"SELECT Parent.Name FROM Account WHERE Id = '{ACME}'") == [{"Parent": None}]


def test_children_are_nested_and_none_is_null(org: Org) -> None:
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account ORDER BY Id"
    first, second = org.rows(soql)
    assert first["Contacts"]["totalSize"] == 1 and first["Contacts"]["done"] is True
    assert first["Contacts"]["records"][0]["LastName"] == "Lovelace"
    assert second["Contacts"] is None


def test_from_with_an_alias(org: Org) -> None:
    assert ids(org, f"SELECT a.Id FROM Account a WHERE a.Name LIKE 'acme%' AND a.Id = '{ACME}'")


def test_query_all_includes_deleted_and_merged(org: Org) -> None:
    soql = "SELECT Id, IsDeleted, MasterRecordId FROM Account ORDER BY Id"
    assert [r["Id"] for r in org.rows(soql)] == [ACME, BOREAL]
    everything = org.rows(soql, "queryAll")
    assert everything[-1] == {"Id": DELETED, "IsDeleted": True, "MasterRecordId": ACME}
    found = org.client.query(soql, include_deleted=True)
    assert found["totalSize"] == 3


def test_count_without_a_field(org: Org) -> None:
    assert org.get("query", params={"q": "SELECT COUNT() FROM Account"}) == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_aggregates(org: Org) -> None:
    soql = (
        "SELECT CurrencyIsoCode, COUNT(Id), SUM(Amount) total, MIN(CloseDate) FROM Opportunity "
        "GROUP BY CurrencyIsoCode HAVING COUNT(Id) > 0 ORDER BY CurrencyIsoCode"
    )
    answer = org.get("query", params={"q": soql})
    assert answer["records"][0] == {
        "attributes": {"type": "AggregateResult"},
        "CurrencyIsoCode": "EUR",
        "expr0": 1,
        # In the corporate currency: 1,000.00 EUR at 0.92 EUR to the dollar.
        "total": Decimal("1086.96"),
        "expr1": "2026-12-15",
    }
    assert "nextRecordsUrl" not in answer


def test_numbers_keep_their_digits(org: Org) -> None:
    made = org.client.Account.create({"Name": "N"})["id"]
    body = '{"QBO_Open_Balance__c": 12345678901234.57}'
    assert org.call("PATCH", f"sobjects/Account/{made}", data=body).status_code == 204
    soql = f"SELECT QBO_Open_Balance__c FROM Account WHERE Id = '{made}'"
    assert org.rows(soql)[0]["QBO_Open_Balance__c"] == Decimal("12345678901234.57")
    assert "12345678901234.57" in org.call("GET", "query", params={"q": soql}).text


# ---- conditions


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ACME GMBH'", [ACME]),
        ("Name != 'acme gmbh'", [BOREAL]),
        ("Name LIKE 'a%' OR Name LIKE '_oreal%'", [ACME, BOREAL]),
        ("NOT Name LIKE 'a%'", [BOREAL]),
        ("NOT (Name = 'x' OR Industry = 'Energy')", [BOREAL]),
        ("(Name = 'x' OR Industry = 'Energy') AND ParentId = null", [ACME]),
        ("Industry = null", [BOREAL]),
        ("Industry != NULL", [ACME]),
        ("Industry != 'Retail'", [ACME, BOREAL]),
        ("Industry IN ('energy', 'Retail')", [ACME]),
        ("Industry NOT IN ('Energy')", [BOREAL]),
        (f"Id IN ('{ACME[:15]}')", [ACME]),
        (f"Id != '{ACME}'", [BOREAL]),
        ("IsDeleted = false", [ACME, BOREAL]),
        ("AnnualRevenue > 5e9", [ACME]),
        ("AnnualRevenue <= 5600000000.00", [ACME]),
        ("Parent.Name = 'Acme GmbH'", [BOREAL]),
        ("Parent.Name = null", [ACME]),
        ("CreatedDate = 2026-09-01T10:00:00+02:00", [ACME, BOREAL]),
        ("CreatedDate > 2026-09-01T08:00:00.001Z", []),
        ("CreatedDate < TODAY AND CreatedDate = LAST_N_DAYS:90", [ACME, BOREAL]),
        ("CreatedDate = THIS_MONTH", []),
        ("CALENDAR_YEAR(CreatedDate) = 2026", [ACME, BOREAL]),
        ("Id IN (SELECT AccountId FROM Contact WHERE LastName = 'Lovelace')", [ACME]),
        ("Id NOT IN (SELECT AccountId FROM Contact)", [BOREAL]),
        (r"Name = 'it\'s'", []),
    ],
)
def test_where(org: Org, where: str, found: list[str]) -> None:
    assert ids(org, f"SELECT Id FROM Account WHERE {where} ORDER BY Id") == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("Name", [ACME, BOREAL]),
        ("Name DESC", [BOREAL, ACME]),
        ("Industry", [BOREAL, ACME]),
        ("Industry NULLS LAST", [ACME, BOREAL]),
        ("Industry DESC NULLS LAST, Id", [ACME, BOREAL]),
        ("Parent.Name ASC NULLS FIRST", [ACME, BOREAL]),
    ],
)
def test_order(org: Org, order: str, found: list[str]) -> None:
    assert ids(org, f"SELECT Id FROM Account ORDER BY {order}") == found


def test_text_with_quotes_and_signs_survives(org: Org) -> None:
    name = 'O\'Neil "&" Söhne \\ 100% _x'
    made = org.client.Account.create({"Name": name})["id"]
    literal = name.replace("\\", "\\\\").replace("'", "\\'")
    assert ids(org, f"SELECT Id FROM Account WHERE Name = '{literal}'") == [made]


def test_dates_of_deals(org: Org) -> None:
    soql = "SELECT Id FROM Opportunity WHERE {} ORDER BY Id"
    assert ids(org, soql.format("CloseDate = 2026-12-15")) == [DEAL, EURO_DEAL]
    assert ids(org, soql.format("CloseDate = NEXT_MONTH")) == [DEAL, EURO_DEAL]
    assert ids(org, soql.format("CloseDate < 2026-12-15")) == []


def test_limit_and_offset(org: Org) -> None:
    answer = org.get("query", params={"q": "SELECT Id FROM Opportunity ORDER BY Id LIMIT 1"})
    assert (answer["totalSize"], len(answer["records"])) == (1, 1)
    assert ids(org, "SELECT Id FROM Opportunity ORDER BY Id LIMIT 5 OFFSET 1") == [EURO_DEAL]


def test_all_fields(org: Org) -> None:
    described = {f["name"] for f in org.get("sobjects/Account/describe")["fields"]}
    (found,) = org.rows("SELECT FIELDS(ALL) FROM Account LIMIT 1")
    assert set(found) == described
    (custom,) = org.rows("SELECT Id, FIELDS(CUSTOM) FROM Account LIMIT 1")
    assert set(custom) == {"Id", *(name for name in described if name.endswith("__c"))}
    standard = org.rows("SELECT FIELDS(STANDARD) FROM Account")[0]
    assert set(standard) == {name for name in described if not name.endswith("__c")}


# ---- what is refused


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        (
            "SELECT Id, X__c FROM Account",
            "INVALID_FIELD",
            "ERROR at Row:1:Column:12\nNo such column 'X__c' on entity 'Account'. If you are "
            "attempting to use a custom field, be sure to append the '__c' after the custom field "
            "name. Please reference your WSDL or the describe call for the appropriate names.",
        ),
        ("SELECT Id FROM Nothing__c", "INVALID_TYPE", "sObject type 'Nothing__c' is not supported"),
        (
            "SELECT Foo.Name FROM Account",
            "INVALID_FIELD",
            "Didn't understand relationship 'Foo' in field path",
        ),
        (
            "SELECT Id, (SELECT Id FROM Foos) FROM Account",
            "INVALID_TYPE",
            "Didn't understand relationship 'Foos' in FROM part of query call",
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "",
            "field 'Description' can not be sorted in a query call",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and "
            "should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 5",
            "INVALID_FIELD",
            "value of filter criterion for field 'Name' must be of type string and should be "
            "enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token"),
        ("SELEC Id FROM Account", "MALFORMED_QUERY", "unexpected token: 'SELEC'"),
        ("SELECT Id FROM Account WHERE Name = 'x", "MALFORMED_QUERY", ""),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Account OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT FIELDS(ALL) FROM Account",
            "MALFORMED_QUERY",
            "The SOQL FIELDS function must have a LIMIT of at most 200",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
    ],
)
def test_refused_queries(org: Org, soql: str, code: str, words: str) -> None:
    error = org.refused_query(soql)
    assert words in error["message"]
    assert not code or error["errorCode"] == code


def test_the_picture_of_where_the_trouble_is(org: Org) -> None:
    message = org.refused_query("SELECT Id, X__c FROM Account")["message"]
    assert message.startswith("\nSELECT Id, X__c FROM Account\n           ^\nERROR at Row:1")


def test_queries_are_read_with_get(org: Org) -> None:
    error = org.refused("POST", "query", 405, json={"q": "SELECT Id FROM Account"})
    assert error == {
        "message": "HTTP Method 'POST' not allowed. Allowed are HEAD,GET",
        "errorCode": "METHOD_NOT_ALLOWED",
    }


def test_refusals_reach_simple_salesforce(org: Org) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.client.query("SELECT Nope FROM Account")
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD"


# ---- paging


def many(number: int) -> dict[str, Any]:
    accounts = [
        row(with_checksum(f"001Hs{n:010d}"), Name=f"A{n:05d}", OwnerId=USER)
        for n in range(1, number + 1)
    ]
    return {**RECORDS, "Account": accounts, "Contact": [], "Opportunity": []}


@pytest.fixture(scope="module")
def big_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("big") / "seed", many(4500))


def test_pages(big_seed: Path) -> None:
    with running_org(big_seed) as org:
        soql = "SELECT Id, Name FROM Account ORDER BY Name"
        page = org.get("query", params={"q": soql})
        assert (page["totalSize"], page["done"], len(page["records"])) == (4500, False, 2000)
        locator = page["nextRecordsUrl"]
        assert locator.startswith("/services/data/v68.0/query/0r8") and locator.endswith("-2000")
        second = org.get(locator)
        assert org.get(locator) == second, "a page can be read again"
        assert org.get(locator, params={"q": "ignored"}) == second
        last = org.get(second["nextRecordsUrl"])
        assert last["done"] is True and "nextRecordsUrl" not in last
        names = [r["Name"] for p in (page, second, last) for r in p["records"]]
        assert names == [f"A{n:05d}" for n in range(1, 4501)]
        assert len(list(org.client.query_all_iter(soql))) == 4500


@pytest.mark.parametrize(("asked", "got"), [(200, 200), (1000, 1000), (5, 200), (9000, 2000)])
def test_page_sizes_as_asked_for(big_seed: Path, asked: int, got: int) -> None:
    with running_org(big_seed) as org:
        page = org.get(
            "query",
            params={"q": "SELECT Id FROM Account"},
            headers={"Sforce-Query-Options": f"batchSize={asked}"},
        )
        assert len(page["records"]) == got


def test_a_page_comes_from_the_moment_of_the_query(big_seed: Path) -> None:
    with running_org(big_seed) as org:
        page = org.get("query", params={"q": "SELECT Id FROM Account ORDER BY Id"})
        org.client.Account.create({"Name": "late"})
        rest = org.get(page["nextRecordsUrl"])
        assert rest["totalSize"] == 4500


@pytest.mark.parametrize("locator", ["0r8Hs000000000000AAA-2000", "nonsense"])
def test_dead_locators(org: Org, locator: str) -> None:
    error = org.refused("GET", f"query/{locator}", 400)
    assert error == {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}


def test_before_version_56_a_user_has_ten_cursors(big_seed: Path) -> None:
    with running_org(big_seed) as org:
        asked = {"params": {"q": "SELECT Id FROM Account"}}

        def opened(version: str) -> str:
            return str(org.get(f"/services/data/v{version}/query", **asked)["nextRecordsUrl"])

        newer, first, second, *_ = [opened("60.0"), *(opened("55.0") for _ in range(11))]
        error = org.refused("GET", first, 400)
        assert error["errorCode"] == "INVALID_QUERY_LOCATOR"
        assert org.get(second)["records"] and org.get(newer)["records"]


def test_the_days_calls_are_counted_and_refused_once_used_up(big_seed: Path) -> None:
    with running_org(big_seed, limits=True) as org:
        told = org.get("limits")["DailyApiRequests"]
        assert told["Max"] - told["Remaining"] == 1
        org.sandbox.kernel.vendors["salesforce"].org.usage.used = told["Max"] - 1
        last = org.call("GET", "limits")
        assert last.json()["DailyApiRequests"]["Remaining"] == 0
        assert last.headers["Sforce-Limit-Info"] == f"api-usage={told['Max']}/{told['Max']}"
        error = org.refused("GET", "limits", 403)
        assert error == {
            "message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED",
        }  # fmt: skip


def test_ids_of_unlike_objects_do_not_mix(org: Org) -> None:
    assert ids(org, f"SELECT Id FROM Contact WHERE Id = '{ADA}'") == [ADA]
    assert ids(org, f"SELECT Id FROM PricebookEntry WHERE Id = '{PROBE_USD}'") == [PROBE_USD]
    assert ids(org, f"SELECT Id FROM Contact WHERE AccountId = '{DEAL}'") == []
