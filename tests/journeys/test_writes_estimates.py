"""Estimates become opportunities with their lines over real HTTP, once each, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from small_company import AS_OF, ORG, US, SmallCompany, account_id, rows, running_company
from writing import estimate_row, invoice_row

from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from reverse_etl.changes import Plan

LATER = AS_OF + timedelta(hours=1)
_numbers = count(1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCompany]:
    """One company for all tests of this file: each offers estimates of its own."""
    with (
        running_company(tmp_path_factory.mktemp("estimates"), deals=2) as running,
        warehouse.kept_open(running.settings.warehouse_path),
    ):
        yield running


def offered(**changed: Any) -> dict[str, Any]:
    """A new estimate for the first account."""
    return estimate_row(next(_numbers), **{"account_id": account_id(1), **changed})


def planned(company: SmallCompany, *estimates: dict[str, Any], **more: Any) -> Plan:
    company.judge(rows(estimates=estimates), **more)
    return company.plan("estimates")


def deals(company: SmallCompany, row: dict[str, Any]) -> list[dict[str, Any]]:
    table = company.sandbox.kernel.store.table(ORG, "Opportunity")
    return [dict(r) for r in table if r.get("QBO_Estimate_Id__c") == row["estimate_key"]]


def lines(company: SmallCompany, deal_id: str) -> list[tuple[Decimal, Decimal, Decimal]]:
    table = company.sandbox.kernel.store.table(ORG, "OpportunityLineItem")
    return [
        (r["Quantity"], r["UnitPrice"], r["TotalPrice"])
        for r in table
        if r["OpportunityId"] == deal_id and not r["IsDeleted"]
    ]


def test_an_estimate_becomes_an_opportunity_with_its_lines_once(company: SmallCompany) -> None:
    row = offered(po_number="PO-7")
    plan = planned(company, row)
    before = company.write_calls()
    assert company.apply(plan).counts()["done"] == 1
    assert company.write_calls() - before == 1
    (deal,) = deals(company, row)
    assert (deal["AccountId"], deal["StageName"]) == (account_id(1), "Proposal/Price Quote")
    assert (deal["Amount"], deal["CloseDate"]) == (Decimal("30.00"), "2026-12-20")
    assert deal["PO_Number__c"] == "PO-7"
    assert lines(company, deal["Id"]) == [(Decimal(3), Decimal("10.00"), Decimal("30.00"))]

    before = company.write_calls()
    assert not company.apply(plan).progressed
    again = company.plan("estimates")
    assert (again.changes, again.done_before) == ((), 1)
    assert company.write_calls() == before


def test_a_changed_estimate_moves_stage_and_lines_together(company: SmallCompany) -> None:
    row = offered()
    company.apply(planned(company, row))
    (deal,) = deals(company, row)
    table = company.sandbox.kernel.store.table(ORG, "OpportunityLineItem")
    held = ",".join(r["Id"] for r in table if r["OpportunityId"] == deal["Id"])
    more: dict[str, Any] = {
        "action": "update", "deal_id": deal["Id"], "estimate_state": "Accepted",
        "stage_name": "Closed Won", "amount": Decimal("45.00"), "version": "value2-state2",
        "current_stage_name": deal["StageName"], "current_amount": Decimal("30.00"),
        "current_line_ids": held,
    }  # fmt: skip
    changed = {**row, **more}
    assert company.apply(planned(company, changed, as_of=LATER)).counts()["done"] == 1
    (after,) = deals(company, row)
    assert (after["StageName"], after["Amount"]) == ("Closed Won", Decimal("45.00"))
    assert after["QBO_Estimate_Version__c"] == "value2-state2"
    assert lines(company, deal["Id"]) == [(Decimal(3), Decimal("15.00"), Decimal("45.00"))]


def test_a_refused_one_takes_no_neighbour_with_it(company: SmallCompany) -> None:
    good, bad, other = offered(), offered(stage_name="No such stage" * 40), offered()
    before = company.write_calls()
    result = company.apply(planned(company, good, bad, other))
    assert company.write_calls() - before == 1
    assert [o.status for o in result.outcomes] == ["done", "refused", "done"]
    assert "STRING_TOO_LONG" in result.outcomes[1].message
    assert [len(deals(company, row)) for row in (good, bad, other)] == [1, 0, 1]
    (held,) = company.plan("estimates").held
    assert held.code == "STRING_TOO_LONG"


def test_a_second_opportunity_is_refused_by_the_org_itself(company: SmallCompany) -> None:
    row = offered()
    company.apply(planned(company, row))
    # Another ledger that knows nothing of it, and an estimate id that is written otherwise.
    twin = {**row, "estimate_id": f"{row['estimate_id']}-b"}
    (outcome,) = company.apply(planned(company, twin)).outcomes
    assert (outcome.status, "DUPLICATE_VALUE" in outcome.message) == ("refused", True)
    assert len(deals(company, row)) == 1


def test_a_throttled_call_is_made_again(company: SmallCompany) -> None:
    row = offered()
    plan = planned(company, row)
    company.fault("throttle", "composite/graph", retry_after=1)
    assert company.apply(plan).counts()["done"] == 1
    assert len(deals(company, row)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_reply_is_looked_for_before_anything_is_sent_again(
    company: SmallCompany, kind: str
) -> None:
    row = offered()
    plan = planned(company, row)
    company.fault(kind, "composite/graph")
    (outcome,) = company.apply(plan).outcomes
    assert outcome.status == "unknown"
    result = company.apply(company.plan("estimates"))
    assert [o.status for o in result.settled][-1:] == ["done"]
    assert len(deals(company, row)) == 1


def test_a_conflict_and_a_blocked_row_are_told_and_not_written(company: SmallCompany) -> None:
    edited = offered(
        action="update", deal_id="006Hs00000ABCDEIA4", blocked_reason="edited_in_salesforce",
        blocked_detail="Its value or lines were changed in Salesforce to 31.00",
    )  # fmt: skip
    unmatched = offered(org_id=None, account_id=None, blocked_reason="account_not_matched")
    short = offered(line_count=2)
    plan = planned(company, edited, unmatched, short)
    assert plan.changes == ()
    assert [b.reason for b in plan.blocked] == [
        "edited_in_salesforce", "account_not_matched", "lines_missing",
    ]  # fmt: skip
    assert "31.00" in plan.blocked[0].detail
    assert US in plan.blocked[0].record_id


class ByHand:
    """A person at QuickBooks, who makes estimates and turns them into invoices."""

    def __init__(self, company: SmallCompany) -> None:
        self._client = quickbooks_client(company.settings, US)

    def estimate(self, customer: str) -> str:
        return str(self._create("Estimate", customer, {"TxnStatus": "Accepted"})["Id"])

    def invoice(self, customer: str, estimate: str) -> str:
        link = {"TxnId": estimate, "TxnType": "Estimate"}
        return str(self._create("Invoice", customer, {"LinkedTxn": [link]})["Id"])

    def state(self, estimate: str) -> str:
        return str((self._client.read("Estimate", estimate) or {}).get("TxnStatus"))

    def _create(self, entity: str, customer: str, more: dict[str, Any]) -> dict[str, Any]:
        detail = {"ItemRef": {"value": "1"}, "Qty": 1, "UnitPrice": 150}
        line = {"DetailType": "SalesItemLineDetail", "Amount": 150, "SalesItemLineDetail": detail}
        body = {"CustomerRef": {"value": customer}, "Line": [line], **more}
        return self._client.create(entity, json.dumps(body), f"hand-{next(_numbers)}")


def test_an_estimate_that_a_person_converts_before_apply_is_not_billed_again(
    company: SmallCompany,
) -> None:
    person = ByHand(company)
    taken, free = person.estimate("101"), person.estimate("102")
    bills = [invoice_row(1, estimate_id=taken), invoice_row(2, estimate_id=free)]
    company.judge(rows(invoices=bills))
    plan = company.plan("invoices")
    by_hand = person.invoice("101", taken)

    refused, done = company.apply(plan).outcomes
    assert (refused.status, done.status) == ("refused", "done")
    assert f"became invoice {by_hand} (id) since the books were read" in refused.message
    assert [i["Id"] for i in company.invoices()] == [by_hand, done.remote_id]
    assert (person.state(taken), person.state(free)) == ("Closed", "Closed")

    (held,) = company.plan("invoices").held
    assert (held.code, held.record_id) == ("estimate_already_invoiced", bills[0]["deal_id"])
    assert company.apply(plan).counts()["refused"] == 1
    assert len(company.invoices()) == 2


def test_a_lost_invoice_of_an_estimate_is_adopted_although_it_closed_it(
    company: SmallCompany,
) -> None:
    person = ByHand(company)
    before, estimate = len(company.invoices()), person.estimate("101")
    company.judge(rows(invoices=[invoice_row(3, customer_id="101", estimate_id=estimate)]))
    company.fault("drop_after", "invoice")
    (outcome,) = company.apply(company.plan("invoices")).outcomes
    assert (outcome.status, person.state(estimate)) == ("unknown", "Closed")
    result = company.apply(company.plan("invoices"))
    assert [o.status for o in result.settled] == ["done"]
    assert len(company.invoices()) == before + 1
