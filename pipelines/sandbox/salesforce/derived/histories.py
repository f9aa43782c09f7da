"""The two logs of a deal: OpportunityHistory for its sale, OpportunityFieldHistory for every field
that is tracked (Object Reference)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sandbox.salesforce.derived.ground import Ground
from pipelines.sandbox.store import Record

WATCHED = ("StageName", "Amount", "CloseDate", "Probability", "ForecastCategory")
# The fields an org of the sandbox tracks, with the kind the vendor names.
TRACKED: Mapping[str, str] = {
    "Name": "Text", "StageName": "DynamicEnum", "Amount": "Currency", "CloseDate": "DateOnly",
    "Probability": "Percent", "NextStep": "Text", "Type": "DynamicEnum",
}  # fmt: skip
# Lookups have two rows for a change, one with the names and one with the ids.
LOOKUPS: Mapping[str, tuple[str, str]] = {
    "OwnerId": ("Owner", "User"), "AccountId": ("Account", "Account"),
}  # fmt: skip


def log_deal(ground: Ground, record: Record, before: Record) -> None:
    """Rows for what a write changed about a deal, or for its creation."""
    if any(record.get(name) != before.get(name) for name in WATCHED):
        row = {name: record.get(name) for name in (*WATCHED, "ExpectedRevenue", "CurrencyIsoCode")}
        row |= {
            "OpportunityId": record["Id"],
            "PrevAmount": before.get("Amount"),
            "PrevCloseDate": before.get("CloseDate"),
        }
        ground.note("OpportunityHistory", row)
    for change in _created(before) if not before else _changes(ground, record, before):
        ground.note("OpportunityFieldHistory", {"OpportunityId": record["Id"], **change})


def _created(_: Record) -> Iterator[Mapping[str, Any]]:
    yield {"Field": "created", "DataType": "Text", "OldValue": None, "NewValue": None}


def _changes(ground: Ground, record: Record, before: Record) -> Iterator[Mapping[str, Any]]:
    for name, kind in TRACKED.items():
        old, new = before.get(name), record.get(name)
        if old != new:
            yield {"Field": name, "DataType": kind, "OldValue": old, "NewValue": new}
    for name, (field, target) in LOOKUPS.items():
        old, new = before.get(name), record.get(name)
        if old != new:
            names = [(ground.get(target, one) or {}).get("Name") for one in (old, new)]
            yield {"Field": field, "DataType": "Text", "OldValue": names[0], "NewValue": names[1]}
            yield {"Field": field, "DataType": "EntityId", "OldValue": old, "NewValue": new}
