"""jsforce as installed, unmodified, over log-in, SOAP, metadata and tooling of the sandbox.

`npm ci` in tests/contract/javascript installs it; without it these tests say why they are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from node_clients import needs, run_script
from salesforce_org import ORG, USER, Org, running_org, write_seed

pytestmark = needs("jsforce")


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with running_org(write_seed(tmp_path_factory.mktemp("javascript") / "seed")) as running:
        yield running


def run(org: Org, scenario: str) -> Any:
    """What a scenario of salesforce_setup.cjs found."""
    return run_script("salesforce_setup.cjs", scenario, org.connection)


def test_log_in_by_code_with_proof_key_and_by_soap(org: Org) -> None:
    found = run(org, "login")
    assert found["state"] == "s"
    assert found["revoked"]["code"] == "sf:INVALID_SESSION_ID"
    assert (found["user"]["id"], found["user"]["organizationId"]) == (USER, ORG)
    assert found["identity"]["username"] == org.connection["username"]


def test_undelete_and_merge(org: Org) -> None:
    found = run(org, "bin")
    assert [one["success"] for one in found["back"]] == [True, True, False]
    assert found["back"][2]["errors"][0]["statusCode"] == "MALFORMED_ID"
    assert found["merged"]["success"] is True
    assert found["merged"]["mergedRecordIds"] == [found["ids"][1]]


def test_objects_fields_grants_and_packages(org: Org) -> None:
    found = run(org, "metadata")
    assert [one["success"] for one in found["made"]] == [True, False]
    assert found["made"][1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert found["field"]["success"] is True
    assert found["again"]["errors"][0]["statusCode"] == "DUPLICATE_DEVELOPER_NAME"
    assert found["read"]["fields"][0]["fullName"] == "Total__c"
    assert found["hidden"]["code"] == "INVALID_FIELD"
    assert found["seen"]["success"] is True
    for deployed in (found["byRest"], found["bySoap"]):
        assert (deployed["status"], deployed["numberComponentsDeployed"]) == ("Succeeded", 2)
    assert [one["success"] for one in found["gone"]] == [True, False]
    assert found["apex"]["code"] == "sf:INVALID_TYPE"


def test_fields_by_tooling(org: Org) -> None:
    found = run(org, "tooling")
    assert found["made"]["success"] is True
    assert found["again"]["code"] == "DUPLICATE_DEVELOPER_NAME"
    assert [one["Metadata"]["length"] for one in found["found"]] == [9]
    assert found["gone"]["success"] is True
    assert found["apex"]["compiled"] is False
    assert "FieldDefinition" in found["listed"]
