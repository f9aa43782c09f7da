"""SOSL and the parameterized search, through simple-salesforce and over bare HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_org import ACME, ADA, BOREAL, DELETED, Org


def found(org: Org, sosl: str) -> list[dict[str, Any]]:
    return list(org.client.search(sosl)["searchRecords"])


def ids(org: Org, sosl: str) -> list[str]:
    return [r["Id"] for r in found(org, sosl)]


def test_the_usual_objects_answer_a_quick_search_with_their_ids(org: Org) -> None:
    assert org.client.quick_search("Lovelace")["searchRecords"] == [
        {
            "attributes": {
                "type": "Contact",
                "url": f"/services/data/v68.0/sobjects/Contact/{ADA}",
            },
            "Id": ADA,
        }
    ]


def test_returning_shows_fields_and_takes_conditions(org: Org) -> None:
    sosl = "FIND {acme OR boreal} IN NAME FIELDS RETURNING Account(Name%s)"
    assert [r["Name"] for r in found(org, sosl % " ORDER BY Name DESC")] == [
        "boreal ltd",
        "Acme GmbH",
    ]
    assert [r["Name"] for r in found(org, sosl % " WHERE Name LIKE 'B%'")] == ["boreal ltd"]
    assert [r["Name"] for r in found(org, sosl % " ORDER BY Name LIMIT 1 OFFSET 1")] == [
        "boreal ltd"
    ]


def test_several_objects_come_in_the_order_named_up_to_the_limit(org: Org) -> None:
    sosl = "FIND {ada OR acme} RETURNING Contact(Id), Account(Id)"
    both = [r["attributes"]["type"] for r in found(org, sosl)]
    assert both == sorted(both, reverse=True) and set(both) == {"Contact", "Account"}
    assert len(found(org, sosl + " LIMIT 1")) == 1


@pytest.mark.parametrize(
    ("term", "hits"),
    [
        ("acme", [ACME]),
        ("ACME GmbH", [ACME]),
        ("gmbh acme", [ACME]),
        ('"acme gmbh"', [ACME]),
        ('"gmbh acme"', []),
        ("acm", []),
        ("acm*", [ACME]),
        ("ac?e", [ACME]),
        ("acme AND boreal", []),
        ("acme OR boreal", [ACME, BOREAL]),
        ("(acme OR boreal) AND NOT gmbh", [BOREAL]),
        ("acme AND NOT gmbh OR boreal", [BOREAL]),
    ],
)
def test_words_are_whole_and_operators_bind_as_documented(
    org: Org, term: str, hits: list[str]
) -> None:
    assert ids(org, f"FIND {{{term}}} IN NAME FIELDS RETURNING Account(Id ORDER BY Id)") == hits


def test_deleted_records_are_not_found(org: Org) -> None:
    name = org.rows(f"SELECT Name FROM Account WHERE Id = '{DELETED}'", "queryAll")[0]["Name"]
    assert DELETED not in ids(org, f'FIND {{"{name}"}} RETURNING Account(Id)')


def test_fields_of_a_group_only_are_searched(org: Org) -> None:
    address = org.rows(f"SELECT Email FROM Contact WHERE Id = '{ADA}'")[0]["Email"]
    term = address.replace("-", "\\-")
    assert ids(org, f"FIND {{{term}}} IN EMAIL FIELDS RETURNING Contact(Id)") == [ADA]
    assert ids(org, f"FIND {{{term}}} IN PHONE FIELDS RETURNING Contact(Id)") == []


def test_parameterized_search_by_get_and_post(org: Org) -> None:
    query = {"q": "acme", "sobject": "Account,Contact", "Account.fields": "Id,Name", "in": "NAME"}
    body = {
        "q": "acme",
        "in": "NAME",
        "sobjects": [{"name": "Account", "fields": ["Id", "Name"]}, {"name": "Contact"}],
    }
    asked = org.get("parameterizedSearch", params=query)
    assert [r["Name"] for r in asked["searchRecords"]] == ["Acme GmbH"]
    posted = org.call("POST", "parameterizedSearch", json=body)
    assert posted.json() == asked


def test_before_version_37_the_answer_is_a_bare_list(org: Org) -> None:
    answer = org.call(
        "GET", "/services/data/v36.0/search", params={"q": "FIND {acme} RETURNING Account(Id)"}
    )
    assert [r["Id"] for r in answer.json()] == [ACME]


@pytest.mark.parametrize(
    "sosl",
    ["", "acme", "FIND acme", "FIND {}", "FIND {a}", "FIND {acme} WITH NETWORK = 'x'",
     "FIND {(acme}", "FIND {AND acme}", "FIND {acme} RETURNING", "FIND {acme} RETURNING Account()"],
)  # fmt: skip
def test_what_is_no_sosl_is_refused(org: Org, sosl: str) -> None:
    error = org.refused("GET", "search", 400, params={"q": sosl})
    assert error["errorCode"] == "MALFORMED_SEARCH"


def test_unknown_objects_and_fields_are_refused_as_in_a_query(org: Org) -> None:
    unknown = {"q": "FIND {acme} RETURNING Nothing(Id)"}
    assert org.refused("GET", "search", 400, params=unknown)["errorCode"] == "INVALID_TYPE"
    wrong = {"q": "FIND {acme} RETURNING Account(Colour)"}
    assert org.refused("GET", "search", 400, params=wrong)["errorCode"] == "INVALID_FIELD"
