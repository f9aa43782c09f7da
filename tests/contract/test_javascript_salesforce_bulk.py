"""jsforce as installed, unmodified, over both Bulk APIs of the Salesforce sandbox.

`npm ci` in tests/contract/javascript installs it; without it these tests say why they are left out.
"""

from __future__ import annotations

from typing import Any

from node_clients import needs, run_script
from salesforce_org import Org

pytestmark = needs("jsforce")
NAMELESS = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"


def run(org: Org, scenario: str) -> Any:
    """What a scenario of salesforce_bulk.cjs found."""
    return run_script("salesforce_bulk.cjs", scenario, org.connection)


def test_bulk_2(org: Org) -> None:
    found = run(org, "second")
    (good,), (bad,) = found["loaded"]["successfulResults"], found["loaded"]["failedResults"]
    assert (good["sf__Created"], good["Name"]) == ("true", "Zoë")
    assert (bad["sf__Id"], bad["sf__Error"]) == ("", NAMELESS)
    assert found["loaded"]["unprocessedRecords"] == []
    (record,) = found["records"]
    assert (record["Id"], record["Name"]) == (good["sf__Id"], "Zoë")
    assert [row["sf__Id"] for row in found["gone"]["successfulResults"]] == [good["sf__Id"]]


def test_bulk_1(org: Org) -> None:
    found = run(org, "first")
    good, bad = found["loaded"]
    assert (good["success"], good["created"], good["errors"]) == (True, True, [])
    assert (bad["id"], bad["success"], bad["errors"]) == (None, False, [NAMELESS])
    assert found["records"] == [{"Id": good["id"], "Name": "Zoë"}]
    assert found["empty"] == "ClientInputError"
    assert found["refused"].startswith("InvalidBatch : Failed to process query: INVALID_FIELD:")


def test_a_session_that_is_none(org: Org) -> None:
    assert run(org, "expired") == {"second": "INVALID_SESSION_ID", "first": "InvalidSessionId"}
