"""A real process, killed without warning at every fail point, and run again.

What was written is asked of the sandbox's own journal and books, not of our tables. Killing it
around each of its requests takes minutes: `make soak` does that (CRASH_MATRIX=1), here are some.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from small_company import ORG, US, SmallCompany, account_id, deal_id, rows, running_company
from writing import (
    account_status_row,
    customer_row,
    deal_status_row,
    estimate_row,
    invoice_row,
    overdue_row,
)

from reverse_etl import cycle
from reverse_etl.failpoints import FLOW_NAMES, FLOW_POINTS, POINTS
from reverse_etl.syncs import registry

WHOLE = bool(os.environ.get("CRASH_MATRIX"))
DEALS = 300 if WHOLE else 130
# How a run dies does not depend on the flow; every flow's points are reached in the unit tests.
PLAYED = ("customers", "estimates", "invoices", "account_status", "deal_status")
SENDING = [f"{flow}.{point}" for flow in PLAYED for point in FLOW_POINTS[:6]]
# Of a first run, and of one that finds writes left open.
REQUESTS = {False: range(1, 100), True: range(1, 100)} if WHOLE else {False: (5,), True: (2,)}
LOOKING = [f"{f}.{p}" for f in ("customers", "invoices") for p in FLOW_POINTS[6:]]
DOORS = [p for p in POINTS if p.split(".")[1] not in FLOW_POINTS]
# Where the vendor has the record and we do not know it, its memory of the request is worth most.
FORGOTTEN = [
    f"{flow}.{point}"
    for flow in ("customers", "invoices")
    for point in ("after_intent", "after_send", "in_outcome")
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company for all points; each takes accounts and deals of its own."""
    with running_company(tmp_path_factory.mktemp("killed"), DEALS) as running:
        yield running


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1, 2)


def everything(first: int) -> dict[str, Any]:
    """A new customer with its invoice, a second invoice, and status of both deals."""
    account = account_id(first)
    key = f"customers:{US}:{account}:0:g1"
    return rows(
        customers=[customer_row(first)],
        invoices=[
            invoice_row(first, customer_id=None, customer_change_key=key),
            invoice_row(first + 1),
        ],
        deals=[deal_status_row(n) for n in (first, first + 1)],
        accounts=[account_status_row(n) for n in (first, first + 1)],
        estimates=[estimate_row(first)],
        overdue=[overdue_row(first)],
    )


def documents(company: SmallCompany, first: int) -> Counter[str]:
    """How many of each of this point's records the books hold."""
    marks = {f"Crossfoot {deal_id(n)}/1/g1" for n in (first, first + 1)}
    marks.add(f"Crossfoot {account_id(first)}/g1")
    notes = [str(i["PrivateNote"]).splitlines()[0] for i in company.invoices()]
    notes += [str(c.get("Notes")) for c in company.customers()]
    return Counter(note for note in notes if note in marks)


def created(company: SmallCompany) -> int:
    return len(company.writes("Invoice", "create")) + len(company.writes("Customer", "create"))


def finish(company: SmallCompany, checksum: str, first: int, before: int) -> None:
    """Run again; everything is there once, and a further run writes nothing."""
    answer = company.in_a_process("apply", checksum=checksum)
    assert {status for _, status, _ in answer["result"]} == {"done"}, answer
    assert set(documents(company, first).values()) == {1}
    assert len(documents(company, first)) == 3
    assert created(company) - before == 3
    deals = company.sandbox.kernel.store.table(ORG, "Opportunity")
    assert {r["QBO_Invoice_Status__c"] for r in deals if r["Id"] == deal_id(first)} == {"Open"}
    chased = overdue_row(first)["subject"]
    made = company.sandbox.kernel.store.table(ORG, "Task")
    assert sum(r["Subject"] == chased for r in made) == 1
    offered = estimate_row(first)["estimate_key"]
    assert sum(r.get("QBO_Estimate_Id__c") == offered for r in deals) == 1
    calls = company.write_calls()
    assert not any(
        fresh for _, _, fresh in company.in_a_process("apply", checksum=checksum)["result"]
    )
    assert company.write_calls() == calls


def judged(company: SmallCompany, first: int) -> str:
    """The checksum of an approved plan for this point's records."""
    company.judge(everything(first))
    checksum = company.plan().checksum
    cycle.approve(company.settings, checksum, "Ada")
    return checksum


@pytest.mark.parametrize(
    ("point", "forgotten"), [(p, False) for p in SENDING] + [(p, True) for p in FORGOTTEN]
)
def test_killed_while_writing(
    company: SmallCompany, numbers: Iterator[int], point: str, forgotten: bool
) -> None:
    first, before = next(numbers), created(company)
    checksum = judged(company, first)
    killed = company.in_a_process("apply", kill=point, checksum=checksum)
    assert killed == {"killed_by": signal.SIGKILL}
    if forgotten:
        company.forget()
    finish(company, checksum, first, before)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("in_doubt", [False, True])
def test_killed_around_its_requests(
    company: SmallCompany, numbers: Iterator[int], when: str, in_doubt: bool
) -> None:
    """Token calls, looks and writes alike; `in_doubt`: an earlier run has left writes open."""
    for number in REQUESTS[in_doubt]:
        first, before = next(numbers), created(company)
        checksum = judged(company, first)
        if in_doubt:
            company.fault("drop_after", r"/(customer|invoice)\b", times=2)
            company.in_a_process("apply", checksum=checksum)
        killed = company.in_a_process("apply", checksum=checksum, kill_request=[number, when])
        finish(company, checksum, first, before)
        if killed["killed_by"] != signal.SIGKILL:
            assert WHOLE
            assert number > (3 if in_doubt else len(PLAYED))
            break


def test_every_flow_is_killed(company: SmallCompany, numbers: Iterator[int]) -> None:
    """A flow that is new has its points and its rows here, or this fails. A mail that was sent is
    never sent again, whatever became of it: it is killed in a test of its own."""
    company.judge(everything(next(numbers)))
    flows = {change.flow for change in company.plan().changes}
    assert flows == {flow.name for flow in registry.FLOWS} - {"products", "prices", "invoice_mails"}
    assert set(FLOW_NAMES) == {flow.name for flow in registry.FLOWS}


@pytest.mark.parametrize("point", LOOKING)
def test_killed_while_looking(company: SmallCompany, numbers: Iterator[int], point: str) -> None:
    first, before = next(numbers), created(company)
    checksum = judged(company, first)
    company.fault("drop_after", rf"/({point.split('s.')[0]}|batch)\b")
    company.in_a_process("apply", checksum=checksum)
    killed = company.in_a_process("apply", kill=point, checksum=checksum)
    assert killed == {"killed_by": signal.SIGKILL}
    company.forget()
    finish(company, checksum, first, before)


@pytest.mark.parametrize("point", DOORS)
def test_killed_between_the_doors(
    company: SmallCompany, numbers: Iterator[int], point: str
) -> None:
    first, before = next(numbers), created(company)
    company.judge(everything(first))
    checksum = company.plan().checksum
    steps = (
        ("plan", {}),
        ("approve", {"checksum": checksum}),
        ("apply", {"checksum": checksum}),
        ("copy", {}),
    )
    for do, given in steps:
        answer = company.in_a_process(do, kill=point, **given)
        if answer["killed_by"] == signal.SIGKILL:
            break
    else:
        pytest.fail(f"nothing reached {point}")
    company.in_a_process("approve", checksum=checksum)
    finish(company, checksum, first, before)
