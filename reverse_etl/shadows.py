"""What flows in mode shadow would have written, scored against what people did by hand.

Each change that is planned is remembered. When a later plan asks for it no longer, somebody has
done it, or the reason is gone:

  same        the invoice is there for the same amount, or the records agree now
  other       the invoice is there for another amount
  withdrawn   nothing is there, and the data no longer ask for it
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from reverse_etl.changes import Change, ChangeKey, Plan, to_json
from reverse_etl.state import State, Transaction

WAITING, SAME, OTHER, WITHDRAWN = "waiting", "same", "other", "withdrawn"
# Net amount of the invoices that stand for a step, by deal and step.
ByHand = Mapping[tuple[str, int], Decimal]


@dataclass(frozen=True)
class Score:
    """How the shadow plans of one flow compare with what people did. Counts of changes."""

    flow: str
    same: int
    other: int
    withdrawn: int
    waiting: int

    @property
    def planned(self) -> int:
        return self.same + self.other + self.withdrawn + self.waiting


def record(
    state: State, plan: Plan, shadowed: Collection[str], by_hand: ByHand, at: datetime
) -> None:
    """Remember what the plan shows of the shadowed flows, and settle what it no longer shows."""
    shown = {change.base: change for change in plan.shadow}
    held = {ChangeKey(b.flow, b.company_id, b.record_id, b.plan_step, 1).base for b in plan.blocked}
    with state.writing() as work:
        known = {row["base_key"]: row for row in work.all("shadow_change", flow=list(shadowed))}
        for base, change in shown.items():
            _remember(work, base, change, known.get(base), at)
        for base, row in known.items():
            if row["outcome"] == WAITING and base not in shown and base not in held:
                outcome, detail = _outcome(row, by_hand)
                work.change(
                    "shadow_change",
                    {"outcome": outcome, "detail": detail, "settled_at": at},
                    base_key=base,
                )


def scores(state: State) -> tuple[Score, ...]:
    """The score of each flow that was ever in shadow, by name."""
    rows = _rows(state)
    return tuple(
        Score(flow, *(_count(rows, flow, what) for what in (SAME, OTHER, WITHDRAWN, WAITING)))
        for flow in sorted({row["flow"] for row in rows})
    )


def differing(state: State) -> list[dict[str, Any]]:
    """What people did otherwise than planned, newest first."""
    found = [row for row in _rows(state) if row["outcome"] == OTHER]
    return sorted(found, key=lambda row: (row["settled_at"], row["base_key"]), reverse=True)


def _rows(state: State) -> list[dict[str, Any]]:
    with state.reading() as work:
        return work.all("shadow_change", order="base_key")


def _count(rows: Sequence[Mapping[str, Any]], flow: str, outcome: str) -> int:
    return sum(1 for row in rows if (row["flow"], row["outcome"]) == (flow, outcome))


def _remember(
    work: Transaction, base: str, change: Change, known: Mapping[str, Any] | None, at: datetime
) -> None:
    row = {
        "base_key": base, "flow": change.flow, "company_id": change.company_id,
        "record_id": change.record_id, "plan_step": change.plan_step, "action": change.action,
        "title": change.title, "amount": change.amount, "currency_code": change.currency_code,
        "fields": to_json(change.fields), "outcome": WAITING, "detail": "", "settled_at": None,
    }  # fmt: skip
    if known is None:
        work.add("shadow_change", [{**row, "planned_at": at}])
    else:
        again = {} if known["outcome"] == WAITING else {"planned_at": at}
        work.change("shadow_change", row | again, base_key=base)


def _outcome(row: Mapping[str, Any], by_hand: ByHand) -> tuple[str, str]:
    if row["flow"] != "invoices":
        return SAME, "the records agree now"
    made = by_hand.get((row["record_id"], row["plan_step"]))
    if made is None:
        return WITHDRAWN, "no invoice is there, and none is due any more"
    if made == row["amount"]:
        return SAME, f"invoiced by hand over {made}"
    return OTHER, f"planned {row['amount']}, invoiced by hand {made}"
