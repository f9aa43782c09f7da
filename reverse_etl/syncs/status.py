"""What both status flows share: fields of a Salesforce record that follow QuickBooks.

The write is an update by id of fields that nothing else writes, so repeating it is harmless; it
is still recorded, looked for and counted like every other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pipelines.clients.salesforce_soql import object_id, record_id
from pipelines.clients.salesforce_writes import UPDATE_LIMIT
from pipelines.errors import Incomplete
from reverse_etl.changes import Blocked, Change, ChangeKey, FieldDifference, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs.flow import CHANGED_BY_HAND, Answer, Clients, Facts, as_text, difference

# Salesforce takes 200 records in one collection and five collections in one call.
BATCH = UPDATE_LIMIT
OWNED_BY_SALESFORCE = "owned_by_salesforce"


@dataclass(frozen=True)
class Target:
    """Which record is written: made or changed, its id where there is one, and the members that
    name it in the payload."""

    action: Literal["create", "update"]
    record_id: str | None
    named: Mapping[str, str]


def to_changes(
    flow: str, entity: str, key_id: str, titles: tuple[str, str], row: Any,
    columns: Mapping[str, str], facts: Facts, target: Target | None = None,
) -> Iterator[Change | Blocked]:  # fmt: skip
    """One row as what it asks for: a write, what is left alone, or both. Pure. `titles` are what
    is written and why; fields that a person changed are left alone until a person overrules it.
    Without a target the record of this id is updated."""
    title = titles[0]
    key = facts.key_of(ChangeKey(flow, row.org_id, key_id, 0, 1))

    def blocked(code: str, detail: str = "") -> Blocked:
        return Blocked(flow, row.org_id, key_id, 0, title, code, detail, None, None)

    if row.blocked_reason:
        yield blocked(row.blocked_reason)
        return
    by_hand = () if facts.overrules(CHANGED_BY_HAND, key.base) else _named(row.conflict_fields)
    kept = _named(row.kept_fields)
    if by_hand:
        yield blocked(CHANGED_BY_HAND, "; ".join(_told(row, "a person set", n) for n in by_hand))
    if kept:
        yield blocked(OWNED_BY_SALESFORCE, "; ".join(_told(row, "it has", n) for n in kept))
    left = {name: field for name, field in columns.items() if name not in by_hand + kept}
    if not (by_hand or kept) or any(differences(row, left)):
        written = target or Target("update", key_id, {"Id": key_id})
        yield change(entity, key, titles, row, left, written)


def _named(fields: str | None) -> tuple[str, ...]:
    return tuple(name for name in (fields or "").split(",") if name)


def _told(row: Any, how: str, name: str) -> str:
    """`a person set amount_due to 5.00, QuickBooks says 6.00`."""
    theirs, ours = getattr(row, f"current_{name}"), getattr(row, name)
    return (
        f"{how} {name} {'to ' if how.endswith('set') else ''}{as_text(theirs) or '(empty)'}, "
        f"QuickBooks says {as_text(ours) or '(empty)'}"
    )


def differences(row: Any, columns: Mapping[str, str]) -> Iterator[tuple[str, FieldDifference]]:
    """Salesforce field and difference, for each column that is not as QuickBooks says."""
    for column, target in columns.items():
        before, after = getattr(row, f"current_{column}"), getattr(row, column)
        if before != after and as_text(before) != as_text(after):
            yield target, difference(column, before, after)


def change(
    entity: str, key: ChangeKey, titles: tuple[str, str], row: Any, columns: Mapping[str, str],
    target: Target,
) -> Change | Blocked:  # fmt: skip
    """A write of the fields that differ; blocked if none does although the mart says so."""
    flow, org_id, key_id = key.flow, key.company_id, key.record_id
    title, reason = titles
    differing = tuple(differences(row, columns))
    if not differing:
        detail = "the mart asks for a change that changes nothing"
        return Blocked(flow, org_id, key_id, 0, title, "no_difference", detail, None, None)
    values = {name: _value(getattr(row, d.name)) for name, d in differing}
    return Change(
        key=str(key),
        flow=flow,
        system="salesforce",
        company_id=org_id,
        record_id=key_id,
        plan_step=0,
        generation=key.generation,
        action=target.action,
        entity=entity,
        remote_id=target.record_id,
        title=title,
        reason=reason,
        amount=None,
        currency_code=None,
        fields=tuple(d for _, d in differing),
        payload=to_json({**target.named, **values}),
    )


def _value(value: Any) -> Any:
    """An empty value clears the field in Salesforce."""
    return value.isoformat() if isinstance(value, date) else value


def send(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """One call for up to 1,000 records, in the order of their ids; an answer for each.

    One bad record never takes its neighbours with it. Raises `Incomplete` when the number of
    answers is not the number of records: which is whose would be a guess.
    """
    records = [from_json(entry.payload) for entry in entries]
    replies = clients.salesforce.update_many(entries[0].entity, records)
    if len(replies) != len(records):
        raise Incomplete(
            "Salesforce", entries[0].entity,
            f"{len(records)} records were sent and {len(replies)} answers came back",
            "The changes stay open; the next run looks at each of them.",
        )  # fmt: skip
    return [
        Answer(reply.ok, entry.record_id if reply.ok else None, reply.code, reply.message)
        for entry, reply in zip(entries, replies, strict=True)
    ]


def find(clients: Clients, entry: Entry) -> str | None:
    """The record's id if it already looks as the entry wanted, else None."""
    wanted = from_json(entry.payload)
    known = record_id(wanted.pop("Id"))
    columns = ", ".join(object_id(name) for name in wanted)
    # Object, fields and id were checked by their forms; nothing else enters the text.
    soql = f"SELECT Id, {columns} FROM {object_id(entry.entity)} WHERE Id = '{known}'"  # noqa: S608
    for record in clients.salesforce.query_all(soql):
        if all(same(record.get(name), value) for name, value in wanted.items()):
            return known
    return None


def same(current: Any, wanted: Any) -> bool:
    """Whether a field of Salesforce holds what is wanted. Nothing and an empty text are alike, and
    so are nothing and a tick that is not set; an amount of zero is something."""
    if isinstance(wanted, bool):
        return bool(current) == wanted
    if isinstance(wanted, Decimal | int):
        return current is not None and Decimal(str(current)) == wanted
    return (current or None) == (wanted or None)
