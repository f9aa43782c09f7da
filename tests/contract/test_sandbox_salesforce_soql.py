"""SOQL in the breadth of its reference: answers, functions, refusals with their place."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from salesforce_org import (
    ACME,
    ADA,
    BOREAL,
    DEAL,
    EURO_DEAL,
    RECORDS,
    USER,
    Org,
    row,
    running_org,
    write_seed,
)

from pipelines.sandbox.company.ids import with_checksum

CALL, MEETING, LOOSE = (with_checksum(f"00THs000000000{n}") for n in (1, 2, 3))
TASKS = [
    row(CALL, Subject="Call", WhatId=ACME, WhoId=ADA, OwnerId=USER, Status="Completed",
        Priority="Low", ActivityDate="2026-11-19"),
    row(MEETING, Subject="Meet", WhatId=DEAL, WhoId=None, OwnerId=USER, Status="Not Started",
        Priority="High", ActivityDate="2026-11-22"),
    row(LOOSE, Subject="Think", WhatId=None, WhoId=None, OwnerId=USER, Status="In Progress",
        Priority="Normal", ActivityDate=None),
]  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org with tasks; nothing here writes."""
    folder = write_seed(tmp_path_factory.mktemp("desk") / "seed", {**RECORDS, "Task": TASKS})
    with running_org(folder) as org:
        yield org


def ids(org: Org, soql: str) -> list[str]:
    return [r["Id"] for r in org.rows(soql)]


# ---- parents of several kinds


def test_what_a_task_is_about_is_told_by_name_and_type(desk: Org) -> None:
    soql = "SELECT What.Type, What.Name, Who.Name FROM Task ORDER BY ActivityDate NULLS LAST"
    answer = desk.get("query", params={"q": soql})["records"]
    assert answer[0]["What"] == {
        "attributes": {"type": "Name", "url": f"/services/data/v68.0/sobjects/Account/{ACME}"},
        "Type": "Account",
        "Name": "Acme GmbH",
    }
    assert answer[1]["What"]["Type"] == "Opportunity" and answer[1]["Who"] is None
    assert answer[2]["What"] is None
    assert ids(desk, "SELECT Id FROM Task WHERE What.Type = 'account'") == [CALL]
    assert ids(desk, "SELECT Id FROM Task WHERE What.Name = null") == [LOOSE]


def test_typeof_gives_each_kind_its_fields(desk: Org) -> None:
    soql = (
        "SELECT TYPEOF What WHEN Account THEN Industry, Owner.Name WHEN Opportunity THEN StageName "
        "ELSE Name END FROM Task ORDER BY ActivityDate NULLS LAST"
    )
    account, deal, nothing = desk.rows(soql)
    assert account["What"]["Industry"] == "Energy"
    assert account["What"]["attributes"]["type"] == "Account"
    assert account["What"]["Owner"]["Name"] == "Crossfoot Integration"
    assert set(deal["What"]) == {"attributes", "StageName"}
    assert nothing["What"] is None


# ---- functions


def test_labels_amounts_and_forms(desk: Org) -> None:
    soql = (
        "SELECT Amount, convertCurrency(Amount) dollars, FORMAT(Amount) shown, toLabel(StageName), "
        f"FORMAT(CloseDate) day FROM Opportunity WHERE Id = '{EURO_DEAL}'"
    )
    assert desk.rows(soql) == [
        {
            "Amount": Decimal("1000.00"),
            "dollars": Decimal("1086.96"),
            "shown": "EUR 1,000.00",
            "StageName": "Prospecting",
            "day": "12/15/2026",
        }
    ]


def test_amounts_are_compared_by_what_they_are_worth_when_a_currency_is_named(desk: Org) -> None:
    assert ids(desk, "SELECT Id FROM Opportunity WHERE Amount > USD1000.01") == [EURO_DEAL]
    assert ids(desk, "SELECT Id FROM Opportunity WHERE Amount > 1000.01") == []


def test_picklists_are_ordered_as_their_values_are_listed(desk: Org) -> None:
    order = [r["Status"] for r in desk.rows("SELECT Status FROM Task ORDER BY Status")]
    assert order == ["Not Started", "In Progress", "Completed"]
    last = desk.rows("SELECT MAX(Status) last, MIN(Priority) first FROM Task")
    assert last == [{"last": "Completed", "first": "High"}]


def test_aggregates_without_names_are_numbered(desk: Org) -> None:
    soql = (
        "SELECT CALENDAR_YEAR(CloseDate), COUNT(Id), Account.Name, AVG(Amount) mean FROM "
        "Opportunity GROUP BY CALENDAR_YEAR(CloseDate), Account.Name ORDER BY COUNT(Id) DESC"
    )
    assert desk.rows(soql) == [
        {"expr0": 2026, "expr1": 2, "Name": "Acme GmbH", "mean": Decimal("1043.478260869565")}
    ]


def test_from_can_name_parents(desk: Org) -> None:
    soql = "SELECT c.Id FROM Contact c, c.Account a WHERE a.Name LIKE 'acme%'"
    assert ids(desk, soql) == [ADA]


def test_scopes_and_modes(desk: Org) -> None:
    assert len(ids(desk, "SELECT Id FROM Task USING SCOPE mine WITH SECURITY_ENFORCED")) == 3
    assert len(ids(desk, "SELECT Id FROM Task USING SCOPE Everything FOR VIEW")) == 3
    assert desk.refused_query("SELECT Id FROM Task USING SCOPE team")["errorCode"] == (
        "INVALID_QUERY_SCOPE"
    )


def test_distance_in_conditions(desk: Org) -> None:
    near = "SELECT Id FROM Account WHERE DISTANCE(BillingAddress, GEOLOCATION(0, 0), 'km') < 1"
    assert ids(desk, near) == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (r"Name = '\u0041cme gmbh'", [ACME]),
        (r"Name LIKE 'acme\%'", []),
        (r"Name = 'a\'b\\c\n\"'", []),
        ("(((Name = 'ACME GmbH')))", [ACME]),
        ("Id > '000000000000000'", [ACME, BOREAL]),
        (f"Id IN (SELECT AccountId FROM Opportunity) AND Id != '{BOREAL}'", [ACME]),
        (f"ParentId = '{ACME[:15]}' OR ParentId = ''", [ACME, BOREAL]),
        ("CreatedDate = LAST_N_MONTHS:3", [ACME, BOREAL]),
        ("CreatedDate IN (TODAY, LAST_90_DAYS)", [ACME, BOREAL]),
    ],
)
def test_literals(desk: Org, where: str, found: list[str]) -> None:
    assert ids(desk, f"SELECT Id FROM Account WHERE {where} ORDER BY Id") == found


# ---- refusals


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Id, FROM Account", "MALFORMED_QUERY", "Column:12\nunexpected token: 'FROM'"),
        ("SELECT * FROM Account", "MALFORMED_QUERY", "Column:8\nunexpected token: '*'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name = 'x", "MALFORMED_QUERY",
         "line 1:38 mismatched character '<EOF>' expecting '''"),
        ("SELECT Id FROM Account WHERE Id = :id", "MALFORMED_QUERY",
         "Bind variables only allowed in Apex code"),
        (r"SELECT Id FROM Account WHERE Name = '\d'", "MALFORMED_QUERY",
         r"Illegal character sequence '\d' in string literal"),
        ("SELECT Id FROM Account WHERE Name = foo", "MALFORMED_QUERY", "unexpected token: 'foo'"),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY",
         "ALL ROWS not allowed in this context"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id, FIELDS(STANDARD) FROM Account", "INVALID_FIELD",
         "duplicate field selected: Id"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY",
         "Column:8\nonly aggregate expressions use field aliasing"),
        ("SELECT Id FROM Account\nWHERE Foo = 1", "INVALID_FIELD",
         "ERROR at Row:2:Column:7\nNo such column 'Foo' on entity 'Account'"),
        ("SELECT Parent.Foo FROM Account", "INVALID_FIELD",
         "No such column 'Foo' on entity 'Account'"),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR",
         "ERROR at Row:1:Column:30\ninvalid ID field: x"),
        ("SELECT Id FROM Account WHERE ParentId IN ('')", "", ""),
        ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR",
         "invalid operator on id field"),
        ("SELECT Id FROM Account WHERE Industry INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR",
         "only valid on multipicklist field"),
        ("SELECT Id FROM Account WHERE BillingAddress = 'x'", "INVALID_FIELD",
         "Address fields can only be filtered using Distance expressions"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = 'x'", "INVALID_FIELD",
         "field 'NumberOfEmployees' must be of type int and should not be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2026-01-01", "INVALID_FIELD",
         "field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = 2026-02-30", "MALFORMED_QUERY",
         "Invalid date: 2026-02-30"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = LAST_N_DAYS:99999999", "MALFORMED_QUERY",
         "unexpected token: 'LAST_N_DAYS'"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Account)", "MALFORMED_QUERY",
         "The inner and outer selects should not be on the same object type"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Id IN (SELECT AccountId FROM Contact)",
         "MALFORMED_QUERY", "Semi join sub-selects are not allowed with the 'OR' operator"),
        ("SELECT Id FROM Account WHERE NOT Id IN (SELECT AccountId FROM Contact)",
         "MALFORMED_QUERY", "Semi join sub-selects are only allowed at the top level"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact)", "MALFORMED_QUERY",
         "The selected field 'Id' in the subquery and the left operand field in the where "
         "expression in the outer query 'Id' should point to the same object type"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY",
         "semi join sub-selects can only query id fields, cannot use: 'Name'"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact) AND Id IN (SELECT "
         "AccountId FROM Opportunity) AND Id NOT IN (SELECT AccountId FROM Contact)",
         "MALFORMED_QUERY", "Maximum 2 semi join sub-selects are allowed"),
        ("SELECT Amount, COUNT(Id) FROM Opportunity GROUP BY Amount", "MALFORMED_QUERY",
         "field 'Amount' can not be grouped in a query call"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY",
         "field Name does not support aggregate operator SUM"),
        ("SELECT COUNT(Description) FROM Account", "MALFORMED_QUERY",
         "field Description does not support aggregate operator COUNT"),
        ("SELECT Name, COUNT(Name) FROM Account GROUP BY Name", "MALFORMED_QUERY",
         "Grouped field should not be aggregated: Name"),
        ("SELECT MAX(CreatedDate) FROM Account LIMIT 1", "MALFORMED_QUERY",
         "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"),
        ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", "MALFORMED_QUERY",
         "Field must be grouped or aggregated: CALENDAR_YEAR(CreatedDate)"),
        ("SELECT HOUR_IN_DAY(CloseDate), COUNT(Id) FROM Opportunity GROUP BY "
         "HOUR_IN_DAY(CloseDate)", "MALFORMED_QUERY", "field 'CloseDate' can not be used"),
        ("SELECT COUNT(Id) FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY",
         "unexpected token: 'HAVING'"),
        ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY",
         "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY",
         "field 'Description' can not be sorted in a query call"),
        ("SELECT Id FROM Account LIMIT 99999999999", "MALFORMED_QUERY",
         "numeric value out of range"),
        ("SELECT Id FROM Account WITH DATA CATEGORY Geo__c AT x__c", "MALFORMED_QUERY",
         "is not served"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Account", "MALFORMED_QUERY",
         "non-polymorphic relationship 'Owner'"),
        ("SELECT Id, (SELECT Id FROM Contacts OFFSET 1) FROM Account", "MALFORMED_QUERY",
         "OFFSET can only be used in a sub-query"),
        ("SELECT Id FROM Account WHERE Name = '" + "x" * 100_000 + "'", "MALFORMED_QUERY",
         "SOQL statements cannot be longer than 100000 characters."),
    ],
    ids=lambda value: value[:60],
)  # fmt: skip
def test_refused(desk: Org, soql: str, code: str, words: str) -> None:
    if not code:  # what one might think is refused
        assert desk.rows(soql) == [{"Id": ACME}]
        return
    # As a part of a composite: the longest of these does not go into an address.
    part = {
        "method": "GET",
        "url": f"/services/data/v68.0/query?q={quote(soql)}",
        "referenceId": "q",
    }
    made = desk.call("POST", "composite", json={"compositeRequest": [part]}).json()
    (answer,) = made["compositeResponse"][0]["body"]
    assert (answer["errorCode"], words in answer["message"]) == (code, True), answer


# ---- columns and plans


def test_columns_are_told_without_rows(desk: Org) -> None:
    soql = (
        "SELECT Id, Name, Owner.Name, AnnualRevenue, (SELECT LastName FROM Contacts) FROM Account"
    )
    found = desk.get("query", params={"q": soql, "columns": "true"})
    assert (found["entityName"], found["keyPrefix"]) == ("Account", "001")
    assert (found["groupBy"], found["idSelected"]) == (False, True)
    assert "records" not in found
    by_name = {c["columnName"]: c for c in found["columnMetadata"]}
    assert list(by_name) == ["Id", "Name", "Owner", "AnnualRevenue", "Contacts"]
    assert [c["columnName"] for c in by_name["Owner"]["joinColumns"]] == ["Name"]
    assert by_name["Owner"]["aggregate"] is False and by_name["Contacts"]["aggregate"] is True
    assert by_name["AnnualRevenue"]["numberType"] and by_name["Name"]["textType"]
    soql = "SELECT StageName, COUNT(Id), SUM(Amount) total FROM Opportunity GROUP BY StageName"
    grouped = desk.get("query", params={"q": soql, "columns": "true"})
    assert grouped["groupBy"] is True
    assert [
        (c["columnName"], c["displayName"], c["aggregate"]) for c in grouped["columnMetadata"]
    ] == [
        ("StageName", "StageName", False),
        ("expr0", "COUNT(Id)", True),
        ("total", "SUM(Amount)", True),
    ]


def test_plans(desk: Org) -> None:
    soql = f"SELECT Name FROM Account WHERE Id = '{ACME}'"
    first, second = desk.get("query", params={"explain": soql})["plans"]
    assert (first["leadingOperationType"], first["fields"]) == ("Index", ["Id"])
    assert (first["cardinality"], first["sobjectCardinality"]) == (1, 3)
    assert second["leadingOperationType"] == "TableScan"
    assert first["relativeCost"] < 1 < second["relativeCost"]
    soql = "SELECT Name FROM Account WHERE Phone = 'x'"
    (only,) = desk.get("query", params={"explain": soql})["plans"]
    assert only["leadingOperationType"] == "TableScan"


# ---- cursors


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """One account with many contacts."""
    contacts: list[dict[str, Any]] = [
        row(with_checksum(f"003Hs{n:010d}"), AccountId=ACME, LastName=f"L{n:04d}", OwnerId=USER)
        for n in range(1, 451)
    ]
    folder: Path = tmp_path_factory.mktemp("crowd") / "seed"
    with running_org(write_seed(folder, {**RECORDS, "Contact": contacts})) as org:
        yield org


def test_children_beyond_a_page_go_on_under_their_own_locator(crowd: Org) -> None:
    children = "(SELECT LastName FROM Contacts ORDER BY LastName)"
    soql = f"SELECT Id, {children} FROM Account WHERE Id = '{ACME}'"
    options = {"Sforce-Query-Options": "batchSize=200"}
    answer = crowd.get("query", params={"q": soql}, headers=options)
    page = answer["records"][0]["Contacts"]
    assert (page["totalSize"], page["done"], len(page["records"])) == (450, False, 200)
    rest = crowd.get(page["nextRecordsUrl"], headers=options)
    assert rest["records"][0]["LastName"] == "L0201" and rest["done"] is False
    last = crowd.get(rest["nextRecordsUrl"], headers=options)
    assert (last["done"], len(last["records"])) == (True, 50)
    assert crowd.rows(soql)[0]["Contacts"]["done"] is True


def test_cursors_stand_side_by_side_and_live_two_days(crowd: Org) -> None:
    options = {"Sforce-Query-Options": "batchSize=200"}
    pages = [
        crowd.get("queryAll" if n else "query", headers=options,
                  params={"q": f"SELECT Id FROM Contact ORDER BY Id {way}"})
        for n, way in enumerate(("ASC", "DESC"))
    ]  # fmt: skip
    locators = [p["nextRecordsUrl"] for p in pages]
    assert len(set(locators)) == 2
    assert all("/query/0r8" in one for one in locators), "also of queryAll"
    assert len(locators[0].rpartition("/")[2].partition("-")[0]) == 18
    first, second = (crowd.get(one, headers=options)["records"] for one in locators)
    assert first[0]["Id"] < second[0]["Id"]
    kernel = crowd.sandbox.kernel
    kernel.move_clock(None, 2 * 86400 - 60, None)
    options |= signed_in_anew(crowd)
    assert len(crowd.get(locators[0], headers=options)["records"]) == 200
    kernel.move_clock(None, 120, None)
    error = crowd.refused("GET", locators[0], 400, headers=options)
    assert error == {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}


def signed_in_anew(org: Org) -> dict[str, str]:
    """The header of a token of now: the first one does not live as long as a cursor."""
    form = {
        "grant_type": "refresh_token",
        **{k: org.connection[k] for k in ("refresh_token", "client_id", "client_secret")},
    }
    url = f"{org.sandbox.salesforce_url}/services/oauth2/token"
    token = requests.post(url, data=form, timeout=20).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}
