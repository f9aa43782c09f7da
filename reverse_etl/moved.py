"""What a person changed in Salesforce since it was read: seen just before a plan is applied.

QuickBooks refuses a change of a record that is not the version which was read (SyncToken).
Salesforce has nothing like it for many records at once: the header If-Unmodified-Since is for one
(REST API Developer Guide, "Conditional Request Headers"), so that a change would overwrite
whatever somebody typed meanwhile. So each object of which a flow changes records is asked, before
the first of them, for what was changed since it was read: one call, and one more for every 2,000
such records. A record is held back where one of the fields that would be written holds neither
what the plan says was there nor what it says shall be. What somebody changes in the seconds after
that is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.clients.salesforce_soql import object_id, soql_time
from reverse_etl.changes import Change, FieldDifference
from reverse_etl.ledger import CHANGED_SINCE
from reverse_etl.syncs.flow import Answer, Clients, Columns, Flow, plain

# Clocks differ and a commit becomes visible late. Asking for too much is harmless: values decide.
_SLACK = timedelta(minutes=15)


def moved(
    flow: Flow, clients: Clients, changes: Sequence[Change], known_as_of: datetime
) -> dict[str, Answer]:
    """The refusal of each change whose record holds something else by now, by change key; of
    changes that `is_looked_at` says yes to."""
    found: dict[str, Answer] = {}
    for entity, columns in flow.columns.items():
        own = [change for change in changes if change.entity == entity]
        if own:
            held = _changed(clients, entity, own, columns, known_as_of - _SLACK)
            for change in own:
                words = _words(change, columns, held.get(_id(change)))
                if words:
                    found[change.key] = Answer(False, None, CHANGED_SINCE, words)
    return found


def is_looked_at(flow: Flow, change: Change) -> bool:
    """Whether this change is one of a record that is looked at before."""
    return change.action == "update" and change.entity in flow.columns


def _changed(
    clients: Clients, entity: str, changes: Sequence[Change], columns: Columns, since: datetime
) -> dict[str, Mapping[str, Any]]:
    """The records of this kind that were changed since, by id, with the fields to be written."""
    wanted = sorted({columns[n] for c in changes for n in map(_name, c.fields) if n in columns})
    names = ", ".join(object_id(name) for name in ("Id", *wanted))
    # Names were checked by their forms, and the time was made here.
    soql = f"SELECT {names} FROM {object_id(entity)} WHERE SystemModstamp >= {soql_time(since)}"  # noqa: S608
    return {str(record["Id"]): record for record in clients.salesforce.query_all(soql)}


def _id(change: Change) -> str:
    return change.remote_id or change.record_id


def _name(field: FieldDifference) -> str:
    """`value in USD` is the field `value`."""
    return field.name.partition(" in ")[0]


def _words(change: Change, columns: Columns, record: Mapping[str, Any] | None) -> str:
    """What is not as it was; empty where everything is, or is as it shall be already."""
    moved_on = [
        f"{field.name} is {_shown(now)} now and was {field.before or '(empty)'} when it was read"
        for field in change.fields
        if record is not None and _name(field) in columns
        for now in (record.get(columns[_name(field)]),)
        if not _alike(now, field.before) and not _alike(now, field.after)
    ]
    return "; ".join((*moved_on, "nothing was written, read it again")) if moved_on else ""


def _shown(now: Any) -> str:
    if isinstance(now, Decimal):
        return f"{plain(now):f}"
    return "(empty)" if now in (None, "") else str(now)


def _alike(now: Any, planned: str | None) -> bool:
    """Whether a field holds what a plan says. Nothing, an empty text and a tick that is not set are
    alike; an amount of zero is something."""
    if now is None or now == "":
        return planned in (None, "", "False")
    if isinstance(now, bool):
        return str(now) == (planned or "False")
    if isinstance(now, int | Decimal):
        return planned is not None and now == Decimal(planned)
    return str(now) == (planned or "")
