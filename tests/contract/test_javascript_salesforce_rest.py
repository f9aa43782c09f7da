"""jsforce as installed, unmodified, over the REST API of the Salesforce sandbox.

`npm ci` in tests/contract/javascript installs it; without it these tests say why they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from node_clients import needs, run_script
from salesforce_org import Org, running_org, write_seed

pytestmark = needs("jsforce")


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with running_org(write_seed(tmp_path_factory.mktemp("javascript") / "seed")) as running:
        yield running


def run(org: Org, scenario: str) -> Any:
    """What a scenario of salesforce_rest.cjs found."""
    return run_script("salesforce_rest.cjs", scenario, org.connection)


def test_a_records_life_and_what_is_refused(org: Org) -> None:
    found = run(org, "records")
    assert (found["read"]["Name"], found["read"]["Phone"]) == ("Zoë & Co", "1")
    assert found["missing"] == {
        "code": "REQUIRED_FIELD_MISSING",
        "words": "Required fields are missing: [Name]",
    }
    assert found["long"]["code"] == "STRING_TOO_LONG"
    assert found["again"] == {"code": "ENTITY_IS_DELETED", "words": "entity is deleted"}


def test_many_at_once_with_roll_back(org: Org) -> None:
    found = run(org, "many")
    assert [one["created"] for one in found["made"]] == [True, True]
    assert [one["errors"][0]["statusCode"] for one in found["rolledBack"]] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "MALFORMED_ID",
    ]
    assert all(one["success"] for one in found["gone"])


def test_what_is_told_of_objects(org: Org) -> None:
    found = run(org, "metadata")
    name = found["name"]
    assert (name["byteLength"], name["extraTypeInfo"]) == (765, "switchablepersonname")
    assert (found["layouts"], found["view"], found["plan"]) == (1, "All Accounts", "Account")
    assert "LogACall" in found["actions"]
    assert 0 < found["limit"]["used"] < found["limit"]["limit"]
