"""The vendor's allowances over HTTP: each with its status, body and headers, and only when on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from quickbooks_company import GB, US, Answer, Company, Vendor, invoice, quickbooks_sandbox

from pipelines.sandbox.server import RunningSandbox

QUERY = {"BatchItemRequest": [{"bId": "1", "Query": "select count(*) from Customer"}]}


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[RunningSandbox]:
    with quickbooks_sandbox(tmp_path, limits=True) as sandbox:
        yield sandbox


@pytest.fixture
def us(limited: RunningSandbox) -> Company:
    return Company(limited)


def advance(company: Company, seconds: float) -> None:
    company.control("POST", "/clock", {"advance_seconds": seconds})


def refused(answer: Answer) -> bool:
    """Whether an answer is the gateway's 429, whole."""
    if answer.status != 429:
        return False
    assert answer.body["fault"] == {
        "error": [
            {
                "message": "message=ThrottleExceeded; errorCode=003001; statusCode=429",
                "detail": "The request limit was reached.  Try again later",
                "code": "3001",
                "element": None,
            }
        ],
        "type": "SERVICE",
    }
    assert isinstance(answer.body["time"], int)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["intuit_tid"]
    assert "Retry-After" not in answer.headers
    return True


def paced(company: Company, count: int, call: Any) -> list[Answer]:
    """So many calls, two a second by the sandbox's clock."""
    found = []
    for _ in range(count):
        advance(company, 0.5)
        found.append(call())
    return found


def test_ten_calls_a_second_for_each_company(us: Company, limited: RunningSandbox) -> None:
    answers = [us.get("/customer/1") for _ in range(11)]
    assert [a.status for a in answers] == [200] * 10 + [429]
    assert refused(answers[-1])
    assert Company(limited, GB).get("/customer/1").status == 200
    advance(us, 1)
    assert us.get("/customer/1").status == 200


def spent(limited: RunningSandbox, count: int, kind: str) -> None:
    """So many calls of the minute before, spread over it, as if they had been made."""
    vendor = limited.kernel.vendors["quickbooks"]
    assert isinstance(vendor, Vendor)
    now = limited.kernel.clock.now()
    gap = timedelta(seconds=55) / count
    for number in range(count, 0, -1):
        assert vendor.limits[US].admit(kind, now - timedelta(seconds=2) - number * gap)


def test_five_hundred_calls_a_minute(us: Company, limited: RunningSandbox) -> None:
    spent(limited, 495, "customer")
    answers = [us.get("/customer/1") for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    assert refused(answers[-1])
    advance(us, 60)
    assert us.get("/customer/1").status == 200


def test_forty_batches_a_minute(us: Company) -> None:
    answers = paced(us, 41, lambda: us.post("/batch", QUERY))
    assert [a.status for a in answers] == [200] * 40 + [429]
    assert refused(answers[-1])
    assert us.get("/customer/1").status == 200


def test_two_hundred_reports_a_minute(us: Company, limited: RunningSandbox) -> None:
    spent(limited, 195, "reports")
    answers = [us.get("/reports/AccountList") for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    assert refused(answers[-1])
    assert us.get("/customer/1").status == 200


def test_forty_emails_a_day(us: Company) -> None:
    made = us.save("Invoice", invoice())
    path = f"/invoice/{made['Id']}/send"
    answers = paced(us, 41, lambda: us.post(path, None, sendTo="a@b.example"))
    assert [a.status for a in answers] == [200] * 40 + [429]
    assert refused(answers[-1])
    advance(us, 3600)
    us.renew()
    assert refused(us.post(path, None, sendTo="a@b.example"))
    assert us.read("Invoice", made["Id"])["SyncToken"] == "40"
    advance(us, 86_400)
    us.renew()
    assert us.post(path, None, sendTo="a@b.example").status == 200


def test_ten_calls_at_once(us: Company, limited: RunningSandbox) -> None:
    slow = {"system": "quickbooks", "path": r"/customer/2", "times": 10}
    us.control("POST", "/faults", {**slow, "action": {"kind": "delay", "seconds": 1.5}})
    with ThreadPoolExecutor(10) as pool:
        waiting = [pool.submit(us.get, "/customer/2") for _ in range(10)]
        key = ("quickbooks", US)
        deadline = time.monotonic() + 5
        while limited.kernel._under_way[key] < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert refused(us.get("/customer/1"))
        assert Company(limited, GB).get("/customer/1").status == 200
        assert us.renew()["token_type"] == "bearer"
        assert [one.result().status for one in waiting] == [200] * 10
    advance(us, 1)
    assert us.get("/customer/1").status == 200
    refusals = [e for e in limited.kernel.journal.entries() if e.status == 429]
    assert [(e.path, e.fault) for e in refusals] == [(f"/v3/company/{US}/customer/1", None)]


def test_a_refusal_is_xml_for_those_who_take_nothing_else(us: Company) -> None:
    url = f"{us.base}/v3/company/{US}/customer/1"
    headers = {**us.headers, "Accept": "application/xml"}
    late = [requests.get(url, headers=headers, timeout=10) for _ in range(11)][-1]
    assert (late.status_code, late.headers["Content-Type"]) == (429, "application/xml")
    assert '<Fault type="SERVICE"><Error code="3001">' in late.text


def test_nothing_is_too_much_with_limits_off(tmp_path: Path) -> None:
    with quickbooks_sandbox(tmp_path) as sandbox:
        us = Company(sandbox)
        assert {us.get("/customer/1").status for _ in range(30)} == {200}
        assert {us.post("/batch", QUERY).status for _ in range(50)} == {200}
