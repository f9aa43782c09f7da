"""Overdue invoices become one task each, and one mail a step, over real HTTP, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from small_company import AS_OF, ORG, SmallCompany, account_id, rows, running_company
from writing import overdue_row, reminder_row

from pipelines import warehouse
from reverse_etl.changes import Plan
from reverse_etl.lease import utc_now

LATER = AS_OF + timedelta(hours=1)
_numbers = count(1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company for all tests of this file: each has invoices of its own."""
    with (
        running_company(tmp_path_factory.mktemp("overdue"), deals=2) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


@pytest.fixture
def number() -> int:
    return next(_numbers)


def ours(row: Any, **changed: Any) -> dict[str, Any]:
    """The row, about an invoice of the first account."""
    return {**row, "account_id": account_id(1), **changed}


def planned(company: SmallCompany, *overdue: dict[str, Any], **more: Any) -> Plan:
    company.judge(rows(overdue=overdue), **more)
    return company.plan("overdue")


def tasks(company: SmallCompany, row: dict[str, Any]) -> list[dict[str, Any]]:
    table = company.sandbox.kernel.store.table(ORG, "Task")
    return [dict(r) for r in table if r.get("Subject") == row["subject"]]


def mails(company: SmallCompany, row: dict[str, Any]) -> list[dict[str, Any]]:
    table = company.sandbox.kernel.store.table(ORG, "EmailMessage")
    return [dict(r) for r in table if r.get("Subject") == row["subject"]]


def test_a_task_and_a_mail_once_and_a_second_run_changes_nothing(
    company: SmallCompany, number: int
) -> None:
    task, mail = ours(overdue_row(number)), ours(reminder_row(number))
    plan = planned(company, task, mail)
    before = company.write_calls()
    result = company.apply(plan)
    assert [o.message for o in result.outcomes] == ["", "sent"]
    assert company.write_calls() - before == 2
    (made,) = tasks(company, task)
    assert (made["WhatId"], made["Status"], made["ActivityDate"]) == (
        account_id(1), "Not Started", "2026-11-24",
    )  # fmt: skip
    (sent,) = mails(company, mail)
    assert (sent["ToAddress"], sent["RelatedToId"]) == (task["email"], account_id(1))
    before = company.write_calls()
    assert not company.apply(plan).progressed
    assert company.plan("overdue").done_before == 2
    assert company.write_calls() == before


def test_the_task_is_moved_on_and_closes_when_the_invoice_is_paid(
    company: SmallCompany, number: int
) -> None:
    task = ours(overdue_row(number))
    company.apply(planned(company, task))
    (made,) = tasks(company, task)
    known = {"task_id": made["Id"], "subject": None, "body": None, "task_due_on": None}
    moved = {**known, "act": "move_task", "wanted_task_status": None, "wanted_priority": "High"}
    company.apply(planned(company, {**task, **moved}, as_of=LATER))
    assert [(t["Status"], t["Priority"]) for t in tasks(company, task)] == [("Not Started", "High")]
    done = {**known, "act": "close_task", "wanted_task_status": "Completed"}
    later = LATER + timedelta(hours=1)
    company.apply(planned(company, {**task, **done, "wanted_priority": None}, as_of=later))
    (after,) = tasks(company, task)
    assert (after["Status"], after["IsClosed"]) == ("Completed", True)


def test_a_refused_one_takes_no_neighbour_with_it(company: SmallCompany) -> None:
    good, bad, other = (ours(overdue_row(next(_numbers))) for _ in range(3))
    bad["account_id"] = "001Hs00000ZzZzZIAV"
    mail = ours(reminder_row(next(_numbers)), email="no address")
    result = company.apply(planned(company, good, bad, other, mail))
    assert [o.status for o in result.outcomes] == ["done", "refused", "done", "refused"]
    assert [len(tasks(company, row)) for row in (good, bad, other)] == [1, 0, 1]
    assert "INVALID_EMAIL_ADDRESS" in result.outcomes[3].message
    assert len(company.plan("overdue").held) == 2


def test_a_throttled_mail_is_sent_once(company: SmallCompany, number: int) -> None:
    mail = ours(reminder_row(number))
    plan = planned(company, mail)
    company.fault("throttle", "emailSimple", retry_after=1)
    assert company.apply(plan).counts()["done"] == 1
    assert len(mails(company, mail)) == 1


@pytest.mark.parametrize("path", ["composite/sobjects", "emailSimple"])
@pytest.mark.parametrize(
    ("kind", "hidden", "at_once"),
    [("drop_after", False, "done"), ("drop_before", False, "unknown"),
     ("drop_after", True, "unknown")],
)  # fmt: skip
def test_a_lost_reply_makes_no_second_task_and_no_second_mail(
    company: SmallCompany, number: int, path: str, kind: str, hidden: bool, at_once: str
) -> None:
    """The neighbour whose answer came stands; the other one is looked for. Salesforce would not
    know a repeat for one, so what is not found waits until a look would have found it."""
    task, mail = ours(overdue_row(number)), ours(reminder_row(number))
    plan = planned(company, task, mail)
    company.fault(kind, path)
    statuses = [o.status for o in company.apply(plan).outcomes]
    assert sorted(statuses) == ["done", "unknown"]
    if hidden:
        company.fault("stale_read", "/query", method="GET", seconds=3600)
    result = company.apply(company.plan("overdue"))
    assert [o.status for o in result.settled] == [at_once]
    result = company.apply(company.plan("overdue"), now=lambda: utc_now() + timedelta(minutes=4))
    assert {o.status for o in result.settled} <= {"done"}
    assert (len(tasks(company, task)), len(mails(company, mail))) == (1, 1)


def test_a_blocked_row_is_told(company: SmallCompany, number: int) -> None:
    quiet = ours(reminder_row(number), blocked_reason="quiet_hours")
    nobody = overdue_row(number, org_id=None, account_id=None)
    plan = planned(company, quiet, nobody)
    assert plan.changes == ()
    assert [b.reason for b in plan.blocked] == ["account_not_matched", "quiet_hours"]
