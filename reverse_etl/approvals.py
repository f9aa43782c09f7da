"""Who allowed which plan, and until when. An approval names a checksum: a changed plan has none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipelines.errors import ApprovalMissing, Stop
from reverse_etl.changes import Plan
from reverse_etl.failpoints import reach
from reverse_etl.state import State

VALID_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Approval:
    """A person's yes to the changes with this checksum, between two instants."""

    checksum: str
    who: str
    approved_at: datetime
    valid_until: datetime
    note: str = ""


def approve(
    state: State,
    checksum: str,
    who: str,
    at: datetime,
    valid_for: timedelta = VALID_FOR,
    note: str = "",
) -> Approval:
    """Record an approval of a stored plan. Raises `Stop` for an unknown checksum or a bad time."""
    if not who.strip() or valid_for <= timedelta(0):
        raise Stop(
            "approval",
            checksum[:12],
            "it needs a name and an end in the future",
            "Name who approves.",
        )
    approval = Approval(checksum, who.strip(), at, at + valid_for, note)
    with state.writing() as work:
        if work.one("plan_store", checksum=checksum) is None:
            raise Stop("approval", checksum[:12], "no such plan is stored", "Make a plan first.")
        work.add("approval", [vars(approval)])
    reach("approval.stored")
    return approval


def withdraw(state: State, checksum: str, who: str, at: datetime) -> int:
    """Take back every approval of a plan that still stands; how many there were."""
    with state.writing() as work:
        values = {"withdrawn_at": at, "withdrawn_by": who}
        return work.change("approval", values, checksum=checksum, withdrawn_at=None)


def find(state: State, checksum: str, at: datetime) -> Approval | None:
    """The latest approval of these changes that is valid at `at`; failing that, the latest that
    lapsed, for `require` to name; None if there is neither."""
    with state.reading() as work:
        rows = work.all("approval", order="number", checksum=checksum, withdrawn_at=None)
    best = sorted(rows, key=lambda row: (_covers(row, at), row["number"]))
    return _approval(best[-1]) if best else None


def require(plan: Plan, approval: Approval | None, at: datetime) -> None:
    """Let a plan pass that was approved as it is. A plan without changes needs nobody's yes.

    Raises `ApprovalMissing` when there is none, or it is for other changes, or not for now.
    """
    if not plan.changes:
        return
    if approval is None:
        raise _missing(plan, "nobody has approved it")
    if approval.checksum != plan.checksum:
        raise _missing(plan, f"the approval of {approval.who} is for a different plan")
    if not approval.approved_at <= at < approval.valid_until:
        until = approval.valid_until.strftime("%Y-%m-%d %H:%M UTC")
        raise _missing(plan, f"the approval of {approval.who} was valid until {until}")


def _covers(row: dict[str, Any], at: datetime) -> bool:
    return bool(row["approved_at"] <= at < row["valid_until"])


def _approval(row: dict[str, Any]) -> Approval:
    return Approval(**{name: row[name] for name in Approval.__dataclass_fields__})


def _missing(plan: Plan, problem: str) -> ApprovalMissing:
    return ApprovalMissing(
        "approval", f"plan {plan.plan_id}", problem, "Look at the plan and approve it, then apply."
    )
