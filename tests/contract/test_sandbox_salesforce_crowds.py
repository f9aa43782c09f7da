"""Too many long calls at once, with the vendor's limits on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipelines.sandbox.kernel import Request
from tests.contract.salesforce_org import Org, running_org

TOLD = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."


@contextmanager
def long_calls(org: Org, number: int) -> Iterator[None]:
    """So many calls under way, twenty seconds old by the org's clock."""
    kernel = org.sandbox.kernel
    call = Request("salesforce", "GET", "/services/data/v68.0/limits", {}, "", {}, b"")
    with ExitStack() as stack:
        for _ in range(number):
            assert stack.enter_context(kernel.under_way(call)) is None
        kernel.move_clock(None, 20, None)
        yield


def test_twenty_five_long_calls_at_once(salesforce_seed: Path) -> None:
    with running_org(salesforce_seed, limits=True) as org:
        with long_calls(org, 24):
            assert org.call("GET", "sobjects").status_code == 200
        with long_calls(org, 25):
            error = org.refused("GET", "sobjects", 403)
            assert error == {"message": TOLD, "errorCode": "REQUEST_LIMIT_EXCEEDED"}
            classic = org.call("GET", "/services/async/62.0/job/750Hs0000000000AAA")
            assert "ExceededQuota" in classic.text
            soap = org.call("POST", "/services/Soap/u/62.0", data="<x/>")
            assert "<faultcode>sf:REQUEST_LIMIT_EXCEEDED</faultcode>" in soap.text
            # Who logs in makes no call of the API.
            assert org.call("GET", "/services/oauth2/userinfo").status_code == 200
        assert org.call("GET", "sobjects").status_code == 200


def test_without_limits_nothing_is_too_many(salesforce_seed: Path) -> None:
    with running_org(salesforce_seed) as org, long_calls(org, 26):
        assert org.call("GET", "sobjects").status_code == 200
