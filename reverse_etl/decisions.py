"""What people decided: which pairs match, and which invoice may be written a second time.

Both are kept for ever with name, time and reason; the newest one about a thing counts. Match
decisions are copied into the warehouse before each build, where matching obeys them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pipelines.errors import Stop
from reverse_etl import ledger
from reverse_etl.changes import ChangeKey
from reverse_etl.state import State

Subject = Literal["customer", "product", "invoice"]
Verdict = Literal["confirmed", "rejected"]

EXPORT_COLUMNS = {
    "subject": "VARCHAR",
    "org_id": "VARCHAR",
    "left_id": "VARCHAR",
    "company_id": "VARCHAR",
    "right_id": "VARCHAR",
    "decision": "VARCHAR",
    "decided_by": "VARCHAR",
    "decided_at": "TIMESTAMP WITH TIME ZONE",
    "reason": "VARCHAR",
}


@dataclass(frozen=True)
class MatchDecision:
    """A person's word on one pair: account, product or deal left, QuickBooks' right."""

    subject: Subject
    org_id: str
    left_id: str
    company_id: str
    right_id: str
    decision: Verdict
    decided_by: str
    decided_at: datetime
    reason: str


@dataclass(frozen=True)
class Reopening:
    """A person's permission to write a change once more although it was done before: the voided
    or deleted invoice shall be replaced. `generation` is that of the new one."""

    base_key: str
    generation: int
    decided_by: str
    decided_at: datetime
    reason: str


def decide(state: State, decision: MatchDecision) -> None:
    """Remember a match decision. Raises `Stop` for one without name or reason."""
    known = decision.subject in get_args(Subject) and decision.decision in get_args(Verdict)
    if not known or not decision.decided_by.strip() or not decision.reason.strip():
        raise Stop("decision", decision.left_id, "it needs a subject, a verdict, a name, a reason")
    with state.writing() as work:
        work.add("match_decision", [vars(decision)])


def reopen(state: State, key: str, who: str, at: datetime, reason: str) -> Reopening:
    """Permit the next generation of a change that is done. Returns the permission.

    Raises `Stop` unless the newest generation of it is done, so that nothing is opened twice.
    """
    if not who.strip() or not reason.strip():
        raise Stop("decision", key, "it needs a name and a reason")
    base = ChangeKey.parse(key).base
    with state.writing() as work:
        entries = work.all("ledger_entry", order="generation", base_key=base)
        if entries and entries[-1]["status"] != "done":
            raise _not_done(key, entries[-1]["status"])
        newest = max([e["generation"] for e in entries], default=1)
        opened = Reopening(base, newest + 1, who.strip(), at, reason.strip())
        work.add("reopening", [vars(opened)])
    return opened


def reopenings(state: State) -> dict[str, Reopening]:
    """The newest permission for each base key."""
    with state.reading() as work:
        rows = work.all("reopening", order="number")
    return {row["base_key"]: _reopening(row) for row in rows}


def decisions(state: State) -> tuple[MatchDecision, ...]:
    """The newest decision about each pair, oldest first."""
    with state.reading() as work:
        rows = work.all("match_decision", order="number")
    newest = {_pair(row): row for row in rows}
    ordered = sorted(newest.values(), key=lambda row: int(row["number"]))
    return tuple(MatchDecision(**{n: row[n] for n in EXPORT_COLUMNS}) for row in ordered)


def export_rows(state: State) -> list[dict[str, Any]]:
    """The decisions as matching reads them (raw_state.match_decision)."""
    return [vars(decision) for decision in decisions(state)]


def release(state: State, key: str, who: str, why: str, at: datetime) -> None:
    """Let a refused change be tried again unchanged. Raises `Stop` when it is not refused."""
    if not who.strip() or not why.strip():
        raise Stop("decision", key, "it needs a name and a reason")
    ledger.release(state, key, who.strip(), why.strip(), at)


def _pair(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[n] for n in ("subject", "org_id", "left_id", "company_id", "right_id"))


def _reopening(row: dict[str, Any]) -> Reopening:
    return Reopening(**{name: row[name] for name in Reopening.__dataclass_fields__})


def _not_done(key: str, status: str) -> Stop:
    return Stop(
        "decision", key, f"its newest attempt is {status}, not done", "Settle that one first."
    )
