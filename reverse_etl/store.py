"""Plans kept by checksum, and single facts that outlive a run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pipelines.errors import Stop
from reverse_etl.changes import Plan, plan_from_json, to_json
from reverse_etl.failpoints import reach
from reverse_etl.state import State

SHORTEST = 8


def keep(state: State, plan: Plan, author: str = "", at: datetime | None = None) -> None:
    """Store a plan under its checksum, with who made it; the newest text for the same changes
    counts, and everybody who made it is its author."""
    row = {"plan_id": plan.plan_id, "made_at": plan.made_at, "body": to_json(plan)}
    with state.writing() as work:
        if not work.add_if_absent("plan_store", {**row, "checksum": plan.checksum}):
            work.change("plan_store", row, checksum=plan.checksum)
        if author:
            made = {"checksum": plan.checksum, "who": author, "made_at": at or plan.made_at}
            work.add_if_absent("plan_author", made)
    reach("plan.stored")


def authors(state: State, checksum: str) -> frozenset[str]:
    """Who made the plan with this checksum, as far as they said."""
    with state.reading() as work:
        return frozenset(row["who"] for row in work.all("plan_author", checksum=checksum))


def load(state: State, checksum: str) -> Plan:
    """The plan with this checksum, or with a plan id or longer beginning of one.

    Raises `Stop` when there is none or more than one, `StateCorrupt` when it was altered.
    """
    with state.reading() as work:
        rows = work.all("plan_store", checksum=checksum)
        if not rows and len(checksum) >= SHORTEST:
            rows = [r for r in work.all("plan_store") if r["checksum"].startswith(checksum)]
    if len(rows) != 1:
        problem = "no such plan is stored" if not rows else "several plans begin so"
        raise Stop("plan", checksum[:12], problem, "Make a plan; it shows its checksum.")
    return plan_from_json(rows[0]["body"])


def newest_plans(state: State, flows: Iterable[str]) -> dict[str, Plan]:
    """Of each of these flows the newest plan that was made for it, as far as there is one.

    Raises `StateCorrupt` like `load`.
    """
    with state.reading() as work:
        rows = work.all("plan_store", order="made_at DESC")
    found: dict[str, Plan] = {}
    wanted = set(flows)
    for row in rows:
        if wanted <= found.keys():
            break
        plan = plan_from_json(row["body"])
        found = dict.fromkeys(wanted.intersection(plan.flows), plan) | found
    return found


def fact(state: State, name: str) -> str | None:
    """A remembered value, or None if it was never noted."""
    with state.reading() as work:
        row = work.one("fact", name=name)
    return None if row is None else str(row["value"])


def note_once(state: State, name: str, value: str) -> None:
    """Remember a value unless there is one."""
    with state.writing() as work:
        work.add_if_absent("fact", {"name": name, "value": value})


def note(state: State, name: str, value: str) -> None:
    """Remember a value, in place of the one before."""
    with state.writing() as work:
        if not work.add_if_absent("fact", {"name": name, "value": value}):
            work.change("fact", {"value": value}, name=name)
