"""Proposals and decisions as lines for a terminal. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.words import amount, amounts, plural
from pipelines.matching.measures import entries
from reverse_etl.decisions import MatchDecision, Undo
from reverse_etl.review import Bulk, Undone

Row = Mapping[str, Any]
_SHOWN_ID = 10


def queue_lines(rows: Sequence[Row], shown: int) -> list[str]:
    """The proposals, those on which most money hangs first, and how to decide them.

    Proposals that share a record, one after another, are read together: one entry, its best first.
    """
    if not rows:
        return ["Nothing waits for a decision."]
    records = {_record(row): row for row in reversed(rows)}
    stakes = amounts((r["currency_code"], r["amount_at_stake"]) for r in records.values())
    found = _entries(rows)
    lines = [
        f"{plural(len(rows), 'proposal')} about {plural(len(records), 'record')} "
        f"{'waits' if len(records) == 1 else 'wait'}, "
        f"{plural(len(found), 'entry', 'entries')} to read; {stakes} at stake.",
        "",
    ]
    for entry in found[:shown]:
        if len(entry) > 1:
            lines.append(f"{len(entry)} proposals that share a record:")
        for row in entry:
            lines += [*proposal_lines(row), ""]
    if len(found) > shown:
        lines += [f"{len(found) - shown} more: --limit {len(found)} shows all.", ""]
    lines.append("Decide: crossfoot match confirm|reject ID --by YOUR-NAME")
    return lines


def _entries(rows: Sequence[Row]) -> list[list[Row]]:
    """Proposals by entry, in the order in which the first of each stands."""
    numbers = entries(
        (f"{r['subject']} {r['org_id']} {r['left_id']}", f"{r['company_id']} {r['right_id']}")
        for r in rows
    )
    found: list[list[Row]] = [[] for _ in set(numbers)]
    for number, row in zip(numbers, rows, strict=True):
        found[number].append(row)
    return found


def proposal_lines(row: Row) -> list[str]:
    """One proposal: who with whom, how sure and why, and what being wrong costs."""
    several = row["candidates"] > 1
    place = f"{row['candidate_rank']} of {row['candidates']} candidates" if several else "no rival"
    at_stake = amount(row["amount_at_stake"], row["currency_code"]) or "no won deal yet"
    return [
        f"{row['review_id'][:_SHOWN_ID]}  {row['subject']}: {row['left_name']} = "
        f"{row['right_name']}?  [{row['left_id']} = {row['company_id']}:{row['right_id']}]",
        f"    {row['band']}, confidence {row['confidence']:.2f}, rule {row['rule']}, {place}",
        f"    why: {row['reason']}",
        f"    at stake: {at_stake}; wrongly confirmed: {row['if_wrongly_confirmed']}; "
        f"wrongly rejected: {row['if_wrongly_rejected']}",
    ]


def bulk_lines(bulk: Bulk, done: bool) -> list[str]:
    """What accepting many does or would do, with what is left out and why."""
    verb = "Confirmed" if done else "Would confirm"
    stakes = amounts((r["currency_code"], r["amount_at_stake"]) for r in bulk.taken)
    lines = [f"{verb} {plural(len(bulk.taken), 'pair')}, {stakes} at stake."]
    if not done:
        lines += [
            f"  {r['review_id'][:_SHOWN_ID]}  {r['subject']}: {r['left_name']} = "
            f"{r['right_name']}  ({r['confidence']:.2f}, {r['rule']}; {r['reason']})"
            for r in bulk.taken
        ]
    lines += [f"  left out, {reason}: {count}" for reason, count in sorted(bulk.left_out.items())]
    if bulk.bulk_id:
        lines.append(f"Undo all of them: crossfoot match undo {bulk.bulk_id} --by YOUR-NAME")
    return lines


def undone_lines(undone: Undone, done: bool) -> list[str]:
    """What was taken back, and the documents that stay although they rest on it."""
    verb = "Taken back" if done else "Would take back"
    lines = [f"{verb}: {plural(len(undone.decisions), 'decision')}."]
    lines += [f"  {_decision_words(decision)}" for decision in undone.decisions]
    if undone.documents:
        sums = amounts((d.currency_code, d.amount) for d in undone.documents)
        lines.append(
            f"{plural(len(undone.documents), 'document')} over {sums} "
            f"{'was' if len(undone.documents) == 1 else 'were'} written under "
            f"{'this link' if len(undone.decisions) == 1 else 'these links'} and stay as they are; "
            "whoever wants them void does it in QuickBooks:"
        )
        lines += [
            f"  {d.entity} {d.remote_id} in {d.company_id}: {d.title}, "
            f"{amount(d.amount, d.currency_code)} (decision {d.decision_number})"
            for d in undone.documents
        ]
    return [*lines, "The next `crossfoot judge` obeys."] if done else lines


def history_lines(told: Sequence[tuple[MatchDecision, Undo | None]]) -> list[str]:
    """Every decision, newest first, each with what took it back."""
    lines = []
    for decision, undo in reversed(told):
        lines.append(_decision_words(decision))
        if undo:
            lines.append(
                f"    taken back {undo.undone_at:%Y-%m-%d %H:%M} by {undo.undone_by}: {undo.reason}"
            )
    return lines or ["Nobody has decided anything yet."]


def _decision_words(decision: MatchDecision) -> str:
    role = f" for {decision.role}" if decision.role else ""
    scope = f" {decision.applies_to}" if decision.applies_to else ""
    bulk = f" [{decision.bulk_id}]" if decision.bulk_id else ""
    return (
        f"{decision.number}  {decision.decided_at:%Y-%m-%d %H:%M}  {decision.subject} "
        f"{decision.left_id} = {decision.company_id}:{decision.right_id} "
        f"{decision.decision}{role}{scope} by {decision.decided_by}: {decision.reason}{bulk}"
    )


def _record(row: Row) -> tuple[Any, ...]:
    """The record that a proposal is about: several candidates share its money."""
    own = "right_id" if row["subject"] == "invoice" else "left_id"
    return (row["subject"], row["company_id"], row[own])
