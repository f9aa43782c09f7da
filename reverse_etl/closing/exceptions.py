"""What people say about exceptions. Every word stays; the newest one counts.

A person moves an exception along but never closes it: only a later run that no longer finds it
does. SQL makes the state out of these words (the mart `exceptions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from pipelines.errors import Stop
from reverse_etl.state import State

Event = Literal["assign", "explain", "plan_fix", "apply_fix", "accept", "false_positive", "reopen"]
# What each of them needs beside a name.
_NEEDS_CAUSE: frozenset[Event] = frozenset({"explain", "accept", "false_positive"})

EXPORT_COLUMNS = {
    "event_number": "INTEGER",
    "exception_id": "VARCHAR",
    "event": "VARCHAR",
    "decided_by": "VARCHAR",
    "decided_at": "TIMESTAMP WITH TIME ZONE",
    "owner": "VARCHAR",
    "root_cause": "VARCHAR",
    "reason": "VARCHAR",
    "accepted_amount": "DECIMAL(18,2)",
    "accepted_until": "DATE",
}


@dataclass(frozen=True)
class Word:
    """A person's word about one exception.

    `accepted_amount` is what was at stake when it was accepted: for more it is not accepted, nor
    after `accepted_until`.
    """

    exception_id: str
    event: Event
    decided_by: str
    decided_at: datetime
    reason: str = ""
    owner: str | None = None
    root_cause: str | None = None
    accepted_amount: Decimal | None = None
    accepted_until: date | None = None


def say(state: State, words: Sequence[Word]) -> None:
    """Keep words, all or none. Raises `Stop` for one that lacks what its event needs."""
    for word in words:
        _refuse_incomplete(word)
    with state.writing() as work:
        work.add("exception_event", [_row(word) for word in words])


def _row(word: Word) -> dict[str, Any]:
    return {
        **vars(word),
        "decided_by": word.decided_by.strip(),
        "reason": word.reason.strip(),
        "accepted_until": word.accepted_until.isoformat() if word.accepted_until else None,
    }


def export_rows(state: State) -> list[dict[str, Any]]:
    """All words, oldest first, as the warehouse reads them (raw_state.exception_event)."""
    with state.reading() as work:
        return [_exported(row) for row in work.all("exception_event", order="event_number")]


def _exported(row: Mapping[str, Any]) -> dict[str, Any]:
    until = row["accepted_until"]
    return {**row, "accepted_until": date.fromisoformat(until) if until else None}


def _refuse_incomplete(word: Word) -> None:
    lacking = [
        what
        for what, is_missing in (
            ("one of " + ", ".join(get_args(Event)), word.event not in get_args(Event)),
            ("a name", not word.decided_by.strip()),
            ("a reason", word.event != "assign" and not word.reason.strip()),
            ("an owner", word.event == "assign" and not (word.owner or "").strip()),
            ("a root cause", word.event in _NEEDS_CAUSE and not word.root_cause),
            ("a day until which it is accepted", word.event == "accept" and not _has_end(word)),
        )
        if is_missing
    ]
    if lacking:
        raise Stop("exception", word.exception_id, f"it needs {' and '.join(lacking)}")


def _has_end(word: Word) -> bool:
    return word.accepted_until is not None
