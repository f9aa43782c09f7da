"""What people decided: which pairs match, and which invoice may be written a second time.

Both are kept for ever with name, time and reason. Of each pair the newest decision that was not
taken back counts; taking one back is an event beside it, so an earlier decision about the pair
counts again. Match decisions are copied into the warehouse before each build, where matching obeys
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pipelines.errors import Stop
from reverse_etl import ledger
from reverse_etl.changes import ChangeKey
from reverse_etl.ledger import WITHDRAWN
from reverse_etl.state import State, Transaction

Subject = Literal["customer", "product", "invoice"]
Verdict = Literal["confirmed", "rejected"]
Role = Literal["", "billing", "shipping", "project", "region"]

_GIVEN = {
    "subject": "VARCHAR",
    "org_id": "VARCHAR",
    "left_id": "VARCHAR",
    "company_id": "VARCHAR",
    "right_id": "VARCHAR",
    "decision": "VARCHAR",
    "decided_by": "VARCHAR",
    "decided_at": "TIMESTAMP WITH TIME ZONE",
    "reason": "VARCHAR",
    "bulk_id": "VARCHAR",
    "role": "VARCHAR",
    "applies_to": "VARCHAR",
    "evidence": "VARCHAR",
}
EXPORT_COLUMNS = {**_GIVEN, "number": "INTEGER"}
PERIOD_COLUMNS = {
    **EXPORT_COLUMNS,
    "valid_from": "TIMESTAMP WITH TIME ZONE",
    "valid_to": "TIMESTAMP WITH TIME ZONE",
    "ended_how": "VARCHAR",
    "ended_by": "VARCHAR",
    "ended_reason": "VARCHAR",
}


@dataclass(frozen=True)
class MatchDecision:
    """A person's word on one pair: account, product or deal left, QuickBooks' right.

    `role` says what the customer is for where an account has several, `applies_to` the deal or the
    region it is for. `evidence` is what the person saw (JSON); a rejection holds until that
    changes. `bulk_id` is shared by all that were decided at once. `number` is given by the state.
    """

    subject: Subject
    org_id: str
    left_id: str
    company_id: str
    right_id: str
    decision: Verdict
    decided_by: str
    decided_at: datetime
    reason: str
    bulk_id: str = ""
    role: Role = ""
    applies_to: str = ""
    evidence: str = ""
    number: int = 0

    @property
    def pair(self) -> tuple[str, ...]:
        return (self.subject, self.org_id, self.left_id, self.company_id, self.right_id)


@dataclass(frozen=True)
class Undo:
    """A decision taken back: by whom, when and why."""

    decision_number: int
    undone_by: str
    undone_at: datetime
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
    decide_all(state, [decision])


def decide_all(state: State, decided: Sequence[MatchDecision]) -> None:
    """Remember all of these or, when one of them is not complete, none; then raises `Stop`."""
    for decision in decided:
        _refuse_incomplete(decision)
    with state.writing() as work:
        work.add("match_decision", [{n: vars(d)[n] for n in _GIVEN} for d in decided])


def undo(
    state: State, which: str, who: str, at: datetime, reason: str
) -> tuple[MatchDecision, ...]:
    """Take back a decision by its number, or by its id a bulk, as far as it still stands.

    Returns what was taken back. Nothing is deleted. Raises `Stop` when there is nothing to take
    back, or name or reason is missing.
    """
    if not who.strip() or not reason.strip():
        raise Stop("decision", which, "taking it back needs a name and a reason")
    with state.writing() as work:
        taken = _not_undone(work, which)
        work.add(
            "decision_undo",
            [vars(Undo(d.number, who.strip(), at, reason.strip())) for d in taken],
        )
    return taken


def to_undo(state: State, which: str) -> tuple[MatchDecision, ...]:
    """What `undo` would take back. Raises `Stop` when that is nothing."""
    with state.reading() as work:
        return _not_undone(work, which)


def _not_undone(work: Transaction, which: str) -> tuple[MatchDecision, ...]:
    where: dict[str, Any] = {"number": int(which)} if which.isdecimal() else {"bulk_id": which}
    found = [_decision(row) for row in work.all("match_decision", order="number", **where)]
    if not found or not which.strip():
        raise Stop(
            "decision", which, "there is no such decision or bulk", "Look at `match history`."
        )
    gone = {row["decision_number"] for row in work.all("decision_undo")}
    left = tuple(d for d in found if d.number not in gone)
    if not left:
        raise Stop("decision", which, "it was taken back already", "Look at `match history`.")
    return left


def history(state: State) -> tuple[tuple[MatchDecision, Undo | None], ...]:
    """Every decision ever made, oldest first, each with what took it back."""
    with state.reading() as work:
        rows = work.all("match_decision", order="number")
        undone = {row["decision_number"]: Undo(**row) for row in work.all("decision_undo")}
    return tuple((_decision(row), undone.get(row["number"])) for row in rows)


def decisions(state: State) -> tuple[MatchDecision, ...]:
    """The decision that counts about each pair, oldest first."""
    return standing(history(state))


def standing(
    told: Iterable[tuple[MatchDecision, Undo | None]],
) -> tuple[MatchDecision, ...]:
    """Of each pair the newest decision that was not taken back, oldest first."""
    newest = {decision.pair: decision for decision, taken in told if taken is None}
    return tuple(sorted(newest.values(), key=lambda decision: decision.number))


def periods(told: Sequence[tuple[MatchDecision, Undo | None]]) -> list[dict[str, Any]]:
    """From when until when each decision counted, and what ended it.

    A decision that was overruled counts again when the later one is taken back, so it may have
    several periods. Times are those of the decisions; a period that would end before it began is
    left out.
    """
    pairs: dict[tuple[str, ...], list[tuple[MatchDecision, Undo | None]]] = {}
    for decision, taken in told:
        pairs.setdefault(decision.pair, []).append((decision, taken))
    found = [row for about in pairs.values() for row in _periods_of_pair(about)]
    return sorted(found, key=lambda row: (row["valid_from"], row["number"]))


def _periods_of_pair(
    about: Sequence[tuple[MatchDecision, Undo | None]],
) -> list[dict[str, Any]]:
    moments = {d.decided_at for d, _ in about} | {u.undone_at for _, u in about if u}
    found: list[dict[str, Any]] = []
    for moment in sorted(moments):
        counting = _counting(about, moment)
        last = found[-1] if found and found[-1]["valid_to"] is None else None
        if last is not None and counting is not None and last["number"] == counting.number:
            continue
        if last is not None:
            last.update(_ended(about, last["number"], moment))
        if counting is not None:
            found.append(_begun(counting, moment))
    return found


def _counting(
    about: Sequence[tuple[MatchDecision, Undo | None]], moment: datetime
) -> MatchDecision | None:
    """The decision about this pair that counts from that moment on."""
    made = [d for d, u in about if d.decided_at <= moment and (u is None or u.undone_at > moment)]
    return max(made, key=lambda decision: decision.number, default=None)


def _begun(decision: MatchDecision, moment: datetime) -> dict[str, Any]:
    open_end = dict.fromkeys(("valid_to", "ended_how", "ended_by", "ended_reason"))
    return {**vars(decision), "valid_from": moment, **open_end}


def _ended(
    about: Sequence[tuple[MatchDecision, Undo | None]], number: int, moment: datetime
) -> dict[str, Any]:
    taken = next((u for d, u in about if d.number == number and u), None)
    if taken is not None and taken.undone_at <= moment:
        who, how, why = taken.undone_by, "undone", taken.reason
    else:
        later = next(d for d, _ in about if d.decided_at == moment and d.number > number)
        who, how, why = later.decided_by, "overruled", later.reason
    return {"valid_to": moment, "ended_how": how, "ended_by": who, "ended_reason": why}


def export_rows(state: State) -> list[dict[str, Any]]:
    """The decisions as matching reads them (raw_state.match_decision)."""
    return [_exported(decision) for decision in decisions(state)]


def export_periods(state: State) -> list[dict[str, Any]]:
    """The same with their past (raw_state.match_decision_period)."""
    return [{n: row[n] for n in PERIOD_COLUMNS} for row in periods(history(state))]


def reopen(state: State, key: str, who: str, at: datetime, reason: str) -> Reopening:
    """Permit the next generation of a change that is done. Returns the permission.

    Raises `Stop` unless the newest generation of it is done, so that nothing is opened twice, and
    for a text that is no key.
    """
    if not who.strip() or not reason.strip():
        raise Stop("decision", key, "it needs a name and a reason")
    try:
        wanted = ChangeKey.parse(key)
    except ValueError as problem:
        raise Stop(
            "decision", key, "it is no key of a change", "Take it from the plan."
        ) from problem
    base = wanted.base
    with state.writing() as work:
        entries = work.all("ledger_entry", order="generation", base_key=base)
        if entries and not _is_over(entries[-1]):
            raise _not_done(key, entries[-1]["status"])
        # A ledger that was lost knows none; then the generation in the key is the best witness.
        newest = max([wanted.generation, *(e["generation"] for e in entries)])
        opened = Reopening(base, newest + 1, who.strip(), at, reason.strip())
        work.add("reopening", [vars(opened)])
    return opened


def _is_over(entry: Mapping[str, Any]) -> bool:
    """Done, or given up because it was not found and the data no longer asked for it: a person may
    have deleted it before it was ever looked for."""
    return entry["status"] == "done" or (entry["status"], entry["code"]) == ("refused", WITHDRAWN)


def reopenings(state: State) -> dict[str, Reopening]:
    """The newest permission for each base key."""
    with state.reading() as work:
        rows = work.all("reopening", order="number")
    return {row["base_key"]: _reopening(row) for row in rows}


def release(state: State, key: str, who: str, why: str, at: datetime) -> None:
    """Let a refused change be tried again unchanged. Raises `Stop` when it is not refused."""
    if not who.strip() or not why.strip():
        raise Stop("decision", key, "it needs a name and a reason")
    ledger.release(state, key, who.strip(), why.strip(), at)


def _refuse_incomplete(decision: MatchDecision) -> None:
    known = (
        decision.subject in get_args(Subject)
        and decision.decision in get_args(Verdict)
        and decision.role in get_args(Role)
    )
    if not known or not decision.decided_by.strip() or not decision.reason.strip():
        raise Stop("decision", decision.left_id, "it needs a subject, a verdict, a name, a reason")


def _decision(row: dict[str, Any]) -> MatchDecision:
    return MatchDecision(**{name: row[name] for name in EXPORT_COLUMNS})


def _exported(decision: MatchDecision) -> dict[str, Any]:
    return {name: vars(decision)[name] for name in EXPORT_COLUMNS}


def _reopening(row: dict[str, Any]) -> Reopening:
    return Reopening(**{name: row[name] for name in Reopening.__dataclass_fields__})


def _not_done(key: str, status: str) -> Stop:
    return Stop(
        "decision", key, f"its newest attempt is {status}, not done", "Settle that one first."
    )
