"""What people do in Salesforce between reading and writing, and what only they take back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from small_company import (
    AS_OF,
    ORG,
    SmallCompany,
    account_id,
    deal_id,
    entry_id,
    rows,
    running_company,
)
from typer.testing import CliRunner
from writing import (
    account_status_row,
    deal_status_row,
    estimate_row,
    overdue_row,
    price_row,
    reminder_row,
)

from orchestration.cli import app
from pipelines import warehouse
from pipelines.clients.salesforce import salesforce_client
from pipelines.errors import Retry
from reverse_etl import cycle

# Newer data, of a time that the sandbox's own clock has reached: what people do comes after it.
SOON = AS_OF + timedelta(minutes=1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company for all tests of this file: each has records of its own."""
    with (
        running_company(tmp_path_factory.mktemp("since"), deals=9, products=4) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


def by_hand(company: SmallCompany, table: str, record_id: str, **values: Any) -> None:
    """What a person types in Salesforce."""
    org = salesforce_client(company.settings)
    (reply,) = org.update_many(table, [{"Id": record_id, **values}])
    assert reply.ok, reply


def held(company: SmallCompany, table: str, record_id: str) -> Mapping[str, Any]:
    record = company.sandbox.kernel.store.table(ORG, table).get(record_id)
    assert record is not None
    return record


def test_a_status_that_a_person_typed_since_is_left_alone_and_its_neighbour_is_written(
    company: SmallCompany,
) -> None:
    company.judge(rows(deals=[deal_status_row(n) for n in (1, 2)]))
    plan = company.plan()
    by_hand(company, "Opportunity", deal_id(1), QBO_Amount_Due__c=5)
    # What is not written may change; what holds the wanted value already is no conflict.
    by_hand(company, "Opportunity", deal_id(2), Description="called", QBO_Amount_Due__c=150)
    before = company.write_calls()
    outcomes = company.apply(plan).outcomes
    assert [o.status for o in outcomes] == ["refused", "done"]
    assert company.write_calls() - before == 1
    assert outcomes[0].message == (
        "changed_since: amount_due is 5 now and was (empty) when it was read; "
        "nothing was written, read it again"
    )
    assert held(company, "Opportunity", deal_id(1))["QBO_Amount_Due__c"] == 5
    assert held(company, "Opportunity", deal_id(2))["QBO_Invoice_Status__c"] == "Open"
    # On the same data it is asked for again, and looked at again.
    (again,) = company.plan().changes
    assert [o.status for o in company.apply(company.plan()).outcomes] == ["refused"]
    # Read again: the mart tells the conflict, writes the other fields, and the owner may win.
    read = deal_status_row(1, current_amount_due=Decimal("5.00"), conflict_fields="amount_due")
    company.judge(rows(deals=[read]), as_of=SOON)
    plan = company.plan()
    (blocked,) = plan.blocked
    assert (blocked.reason, "a person set amount_due to 5" in blocked.detail) == (
        "changed_by_hand", True,
    )  # fmt: skip
    assert company.apply(plan).counts()["done"] == 1
    after = held(company, "Opportunity", deal_id(1))
    assert (after["QBO_Amount_Due__c"], after["QBO_Invoice_Status__c"]) == (5, "Open")
    assert again.record_id == deal_id(1)


def test_balances_prices_and_deals_of_estimates_too(company: SmallCompany) -> None:
    company.judge(rows(estimates=[estimate_row(1)]))
    company.apply(company.plan("estimates"))
    offered = estimate_row(1)["estimate_key"]
    table = company.sandbox.kernel.store.table(ORG, "Opportunity")
    deal = next(dict(r) for r in table if r.get("QBO_Estimate_Id__c") == offered)
    accepted = estimate_row(
        1, action="update", deal_id=deal["Id"], estimate_state="Accepted",
        stage_name="Closed Won", version="value-state2", current_stage_name=deal["StageName"],
        current_amount=Decimal("30.00"), is_value_different=False,
    )  # fmt: skip
    company.judge(
        rows(
            accounts=[account_status_row(3)], prices=[price_row(3), price_row(4)],
            estimates=[accepted],
        ),
        as_of=SOON,
    )  # fmt: skip
    plan = company.plan()
    by_hand(company, "Account", account_id(3), QBO_Open_Balance__c=1)
    by_hand(company, "PricebookEntry", entry_id(3), UnitPrice=9.5)
    by_hand(company, "Opportunity", deal["Id"], StageName="Closed Lost")
    outcomes = {o.change_key: o for o in company.apply(plan).outcomes}
    refused = {key.split(":")[0]: o.message for key, o in outcomes.items() if o.status == "refused"}
    assert refused.keys() == {"account_status", "prices", "estimates"}
    assert all(message.startswith("changed_since: ") for message in refused.values())
    assert "stage is Closed Lost now and was " in refused["estimates"]
    assert "unit_price is 9.5 now and was 11 when it was read" in refused["prices"]
    assert held(company, "PricebookEntry", entry_id(3))["UnitPrice"] == Decimal("9.5")
    assert held(company, "PricebookEntry", entry_id(4))["UnitPrice"] == Decimal("12.5")
    assert held(company, "Opportunity", deal["Id"])["StageName"] == "Closed Lost"


def test_a_task_that_its_owner_answered_since_is_not_moved_on(company: SmallCompany) -> None:
    row = {**overdue_row(5), "account_id": account_id(5)}
    company.judge(rows(overdue=[row]))
    company.apply(company.plan("overdue"))
    table = company.sandbox.kernel.store.table(ORG, "Task")
    task = next(dict(r) for r in table if r.get("Subject") == row["subject"])
    moved = {
        **row, "act": "move_task", "plan_step": 3, "task_id": task["Id"],
        "current_task_status": "Not Started", "current_priority": "Normal",
        "wanted_task_status": None, "wanted_priority": "High",
    }  # fmt: skip
    company.judge(rows(overdue=[moved]), as_of=SOON)
    plan = company.plan("overdue")
    by_hand(company, "Task", task["Id"], Priority="Low")
    (outcome,) = company.apply(plan).outcomes
    assert (outcome.status, outcome.message.split(":")[0]) == ("refused", "changed_since")
    assert held(company, "Task", task["Id"])["Priority"] == "Low"


def test_a_throttled_status_is_written_once_and_a_blocked_row_is_told(
    company: SmallCompany,
) -> None:
    held_back = deal_status_row(7, blocked_reason="before_go_live")
    company.judge(rows(deals=[deal_status_row(6), held_back]))
    plan = company.plan("deal_status")
    assert [b.reason for b in plan.blocked] == ["before_go_live"]
    company.fault("throttle", "composite/sobjects", method="PATCH", times=2, retry_after=1)
    before = len(company.writes("Opportunity", "update"))
    assert company.apply(plan).counts()["done"] == 1
    assert len(company.writes("Opportunity", "update")) == before + 1


def test_a_look_without_an_answer_sends_nothing(company: SmallCompany) -> None:
    company.judge(rows(deals=[deal_status_row(8)]))
    plan = company.plan("deal_status")
    company.fault("refuse", "/query", method="GET", status=503, times=None)
    before = company.write_calls()
    with pytest.raises(Retry):
        company.apply(plan)
    assert company.write_calls() == before
    with company.sandbox.kernel.lock:
        company.sandbox.kernel.faults.clear(None)
    assert company.apply(plan).counts()["done"] == 1


def test_deals_of_estimates_tasks_and_mails_are_taken_back_by_people(
    company: SmallCompany,
) -> None:
    task, mail = ({**r, "account_id": account_id(9)} for r in (overdue_row(9), reminder_row(9)))
    company.judge(rows(estimates=[estimate_row(9)], overdue=[task, mail]), as_of=SOON)
    plan = company.plan()
    assert company.apply(plan).counts()["done"] == 3
    back = cycle.plan_undo(company.settings, of_plan=plan.checksum)
    assert (back.changes, {b.reason for b in back.blocked}) == ((), {"undo_by_hand"})
    told = " ".join(b.detail for b in back.blocked)
    assert all(words in told for words in ("close it as lost", "handled", "called back"))


def test_a_refused_row_is_tried_again_when_its_cause_is_mended(company: SmallCompany) -> None:
    company.judge(rows(deals=[deal_status_row(9, invoice_status="Nonsense")]), as_of=SOON)
    assert company.apply(company.plan("deal_status")).counts()["refused"] == 1
    (held_back,) = company.plan("deal_status").held
    words = ["retry", held_back.change_key, "--by", "Ada", "--reason", "the value was added"]
    told = CliRunner().invoke(app, words, env=company.environment)
    assert told.exit_code == 0, told.output
    plan = company.plan("deal_status")
    assert ([c.record_id for c in plan.changes], plan.held) == ([deal_id(9)], ())
    assert company.apply(plan).counts()["refused"] == 1
    strange = CliRunner().invoke(app, ["retry", "deal_status:x:y:0:g1", *words[2:]],
                                 env=company.environment)  # fmt: skip
    assert strange.exit_code != 0
