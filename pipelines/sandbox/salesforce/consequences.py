"""What follows from a write, object by object: what it sets in the record itself, and what it does
to others."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.sandbox.salesforce import record_types, summaries
from pipelines.sandbox.salesforce.derived import (
    deals,
    histories,
    lines,
    orders,
    prices,
    quotes,
    schedules,
)
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.files import derive_version, file_version
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record

# The record as it will be stored, as it was ({} for a new one), and what was given.
Derive = Callable[[Ground, Record, Record, Given], None]
# The record as it was stored, as it was before.
Follow = Callable[[Ground, Record, Record], None]
Brought = tuple[str, Mapping[str, Any]]


def _person(_: Ground, record: Record, __: Record, ___: Given) -> None:
    names = (record.get("FirstName"), record.get("LastName"))
    record["Name"] = " ".join(n for n in names if n)


def _event(ground: Ground, record: Record, _: Record, __: Given) -> None:
    """The account of an activity is that of what it is about."""
    record["AccountId"] = _account_of(ground, record.get("WhatId")) or _account_of(
        ground, record.get("WhoId")
    )


def _task(ground: Ground, record: Record, before: Record, given: Given) -> None:
    _event(ground, record, before, given)
    closed = record.get("Status") == "Completed"
    done = record.get("CompletedDateTime") or record["SystemModstamp"]
    record["IsClosed"], record["CompletedDateTime"] = closed, done if closed else None
    record["IsHighPriority"] = record.get("Priority") == "High"


def _account_of(ground: Ground, record_id: str | None) -> str | None:
    sobject = ground.catalogue.of_id(record_id) if record_id else None
    if sobject is None or record_id is None:
        return None
    if sobject.name == "Account":
        return record_id
    account = (ground.get(sobject.name, record_id) or {}).get("AccountId")
    return str(account) if account else None


def _attachment(_: Ground, record: Record, __: Record, ___: Given) -> None:
    record["BodyLength"] = len(base64.b64decode(record.get("Body") or ""))


def _document(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Its size, and an author, who is the writer where nobody is named."""
    _attachment(ground, record, before, given)
    record["AuthorId"] = record.get("AuthorId") or ground.user_id


def _version(_: Ground, record: Record, __: Record, ___: Given) -> None:
    derive_version(record)


def _case(_: Ground, record: Record, before: Record, __: Given) -> None:
    record["IsClosed"] = record.get("Status") == "Closed"
    since = before.get("ClosedDate") or record["SystemModstamp"]
    record["ClosedDate"] = since if record["IsClosed"] else None


def _filed(ground: Ground, record: Record, before: Record) -> None:
    if not before:
        file_version(
            ground.catalogue, ground.store, ground.org_id, record, ground.next_id, ground.stamps
        )


def _deal_written(ground: Ground, record: Record, before: Record) -> None:
    histories.log_deal(ground, record, before)
    quotes.synced(ground, record, before)


DERIVED: Mapping[str, Derive] = {
    "Contact": _person,
    "Lead": _person,
    "User": _person,
    "Task": _task,
    "Event": _event,
    "Attachment": _attachment,
    "Document": _document,
    "ContentVersion": _version,
    "Case": _case,
    "Opportunity": deals.derive,
    "OpportunityLineItem": lines.derive,
    "OpportunityLineItemSchedule": schedules.derive,
    "PricebookEntry": prices.derive_entry,
    "Quote": quotes.derive,
    "QuoteLineItem": quotes.derive_line,
    "Order": orders.derive_order,
    "OrderItem": orders.derive_item,
    "Contract": orders.derive_contract,
    "RecordType": record_types.derive,
}
FOLLOWS: Mapping[str, Follow] = {
    "Opportunity": _deal_written,
    "OpportunityContactRole": lambda ground, record, _: deals.only_primary(ground, record),
    "ContentVersion": _filed,
}
# What is recomputed when a record comes, changes, goes or comes back.
SUMS: Mapping[str, tuple[Callable[[Ground, Record], None], ...]] = {
    "OpportunityLineItem": (deals.sum_lines, quotes.onto_quote),
    "OpportunityLineItemSchedule": (schedules.sum_schedules,),
    "QuoteLineItem": (quotes.sum_lines,),
    "OrderItem": (orders.sum_items,),
}
_UNDELETABLE: Mapping[str, Callable[[Ground, Record], None]] = {
    "Order": orders.refuse_delete,
    "OrderItem": orders.refuse_change,
    "Contract": orders.refuse_delete_contract,
}


class Consequences:
    """What follows from a write, in one org."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def act_as(self, user_id: str) -> None:
        """Write as this user."""
        self._ground.user_id = user_id

    def derived(self, sobject: SObject, record: Record, before: Record, given: Given) -> Record:
        """The record with what follows from its fields.

        Raises:
            Refusal: its fields do not go together, or not with other records.
        """
        derive = DERIVED.get(sobject.name)
        if derive is not None:
            derive(self._ground, record, before, given)
        return record

    def follow(self, sobject: SObject, record: Record, before: Record) -> None:
        """What else a committed write changes."""
        follow = FOLLOWS.get(sobject.name)
        if follow is not None:
            follow(self._ground, record, before)
        self.resum(sobject, record, before)

    def resum(self, sobject: SObject, record: Record, before: Record | None = None) -> None:
        """Compute the sums anew in which a record counts, or no longer counts."""
        for sum_up in SUMS.get(sobject.name, ()):
            sum_up(self._ground, record)
        summaries.sum_up(self._ground, sobject, record, before or {})

    def fill_summaries(self, sobject: SObject, *, stamped: bool) -> None:
        """Compute the roll-up summaries of all of an object's records."""
        summaries.fill(self._ground, sobject, stamped=stamped)

    def refuse_delete(self, sobject: SObject, record: Record) -> None:
        """Raises: Refusal, the record's state keeps it."""
        refuse = _UNDELETABLE.get(sobject.name)
        if refuse is not None:
            refuse(self._ground, record)

    def brings(self, sobject: SObject, record: Record) -> list[Brought]:
        """The records that a new one has with it: their objects and fields."""
        if sobject.name == "Opportunity" and record.get("ContactId"):
            role = {"OpportunityId": record["Id"], "ContactId": record["ContactId"]}
            return [("OpportunityContactRole", {**role, "IsPrimary": True})]
        if sobject.name == "OpportunityLineItem":
            return [(schedules.KIND, row) for row in schedules.defaults(self._ground, record)]
        return []
