"""Fields of several choices: what INCLUDES and EXCLUDES find, in every combination of choices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.salesforce_org import (
    ACME,
    CUSTOM_FIELDS,
    RECORDS,
    Org,
    row,
    running_org,
    write_seed,
)

HELD = {"none": None, "a": "A", "b": "B", "ab": "A;B", "bc": "B;C", "abc": "A;B;C"}
COLOURS = {
    "FullName": "Contact.Marks__c",
    "Metadata": {
        "type": "MultiselectPicklist",
        "label": "Marks",
        "visibleLines": 4,
        "valueSet": {"valueSetDefinition": {"value": [{"valueName": v} for v in "ABC"]}},
    },
}


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    contacts = [
        row(f"003Hs00000001{n}", LastName=name, Name=name, AccountId=ACME, Marks__c=marks)
        for n, (name, marks) in enumerate(HELD.items(), 10)
    ]
    folder: Path = tmp_path_factory.mktemp("marks") / "seed"
    write_seed(folder, {**RECORDS, "Contact": contacts}, custom=[*CUSTOM_FIELDS, COLOURS])
    with running_org(folder) as running:
        yield running


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("INCLUDES ('A')", {"a", "ab", "abc"}),
        ("INCLUDES ('A;B')", {"ab", "abc"}),
        ("INCLUDES ('A;B', 'C')", {"ab", "bc", "abc"}),
        ("includes ('a')", {"a", "ab", "abc"}),
        ("EXCLUDES ('A')", {"b", "bc"}),
        ("EXCLUDES ('A;B')", {"a", "b", "bc"}),
        ("EXCLUDES ('A;B', 'C')", {"a", "b"}),
        ("= 'A;B'", {"ab"}),
    ],
)
def test_choices(org: Org, condition: str, found: set[str]) -> None:
    soql = f"SELECT LastName FROM Contact WHERE Marks__c != null AND Marks__c {condition}"
    assert {r["LastName"] for r in org.rows(soql)} == found
