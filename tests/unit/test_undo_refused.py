"""What only a person can take back says so, with what that person does instead."""

from __future__ import annotations

from typing import Any

import pytest
from writing import AS_OF, ORG, US, World

from reverse_etl.changes import Blocked
from reverse_etl.ledger import Entry
from reverse_etl.syncs import estimates, invoice_mails, overdue, registry, undo

DEAL = "006Hs0000000001AAA"


def entry(flow: str, entity: str, action: str, **more: Any) -> Entry:
    """A line of the ledger that is done, as `flow` writes it."""
    given: dict[str, Any] = {
        "change_key": f"{flow}:{US}:1:0:g1", "base_key": f"{flow}:{US}:1:0", "flow": flow,
        "system": "salesforce", "company_id": ORG, "record_id": "1", "plan_step": 0,
        "generation": 1, "request_id": "r", "status": "done", "action": action, "entity": entity,
        "remote_id": DEAL, "title": "what was written", "amount": None, "currency_code": None,
        "payload": "{}", "fingerprint": "f", "plan_checksum": "p", "look_since": AS_OF,
        "known_as_of": AS_OF, "tries": 1, "code": "", "vendor_message": "", "intended_at": AS_OF,
        "last_tried_at": AS_OF, "finished_at": AS_OF,
    }  # fmt: skip
    return Entry(**{**given, **more})


@pytest.mark.parametrize(
    "flow, entity, action, words",
    [
        (estimates.NAME, estimates.ENTITY, "create", "close it as lost in Salesforce"),
        (estimates.NAME, estimates.ENTITY, "update", "change that in QuickBooks"),
        (overdue.NAME, overdue.TASK, "create", "complete or delete it in Salesforce"),
        (overdue.NAME, overdue.TASK, "update", "answer on it in Salesforce"),
        (overdue.NAME, overdue.MAIL, "create", "cannot be called back; write to the customer"),
        (invoice_mails.NAME, invoice_mails.ENTITY, "create",
         "cannot be called back; write to the customer"),
    ],
)  # fmt: skip
def test_what_is_a_person_s_says_what_that_person_does(
    tmp_path: Any, flow: str, entity: str, action: str, words: str
) -> None:
    world = World(tmp_path)
    told = undo.to_change(entry(flow, entity, action), {"stage": "x"}, world.clients)
    assert isinstance(told, Blocked)
    assert (told.reason, told.title) == ("undo_by_hand", "take back: what was written")
    assert told.detail.startswith(f"{entity} {DEAL}: ") and words in told.detail
    assert world.org.calls == [] and world.org.graphs == 0


@pytest.mark.parametrize("status", ["refused", "open", "unknown"])
def test_what_was_not_done_is_not_taken_back(tmp_path: Any, status: str) -> None:
    one = entry("invoices", "Invoice", "create", status=status)
    told = undo.to_change(one, {}, World(tmp_path).clients)
    assert isinstance(told, Blocked)
    assert (told.reason, told.detail) == ("not_done", f"it is {status}, not done")


def test_every_flow_s_writes_have_a_compensation_or_a_sentence_of_their_own() -> None:
    """A flow that is added has one or the other; `by hand only` alone helps nobody."""
    written = {
        ("customers", "Customer", "create"), ("customers", "Customer", "update"),
        ("products", "Item", "create"), ("products", "Item", "update"),
        ("prices", "PricebookEntry", "create"), ("prices", "PricebookEntry", "update"),
        (estimates.NAME, estimates.ENTITY, "create"), (estimates.NAME, estimates.ENTITY, "update"),
        ("invoices", "Invoice", "create"),
        (invoice_mails.NAME, invoice_mails.ENTITY, "create"),
        ("account_status", "Account", "update"), ("deal_status", "Opportunity", "update"),
        ("deal_status", "QBO_Invoice__c", "create"), ("deal_status", "QBO_Invoice__c", "update"),
        (overdue.NAME, overdue.TASK, "create"), (overdue.NAME, overdue.TASK, "update"),
        (overdue.NAME, overdue.MAIL, "create"),
    }  # fmt: skip
    assert {flow for flow, _, _ in written} == set(registry.PLANNED)
    for flow, entity, action in written:
        by_hand = (flow, entity, action) in undo._BY_HAND
        assert by_hand or (entity, action) in undo._COMPENSATIONS, (flow, entity, action)
