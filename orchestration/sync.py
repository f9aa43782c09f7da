"""A whole pass: read, judge, plan, apply, and again until nothing is left to do.

The second round exists because a new invoice can only be shown in Salesforce after it has been
read back from QuickBooks: the warehouse decides on what was read, never on what was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration import steps
from orchestration.renewing import Renewing
from orchestration.steps import Judged, Progress, silent
from pipelines.settings import Settings
from pipelines.transform import parse_ahead

if TYPE_CHECKING:
    from pipelines.extract import ExtractResult
    from reverse_etl.apply import ApplyResult
    from reverse_etl.changes import Plan

# Customers and invoices in the first round, what they change in Salesforce in the second; a third
# one is only ever needed after a refusal was mended in between.
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Round:
    """One round: what was read, how it was judged, what was planned and what became of it."""

    extracted: tuple[ExtractResult, ...]
    judged: Judged
    plan: Plan
    applied: ApplyResult | None


def rounds(
    settings: Settings, approver: str | None, progress: Progress = silent, *, tests: bool = True
) -> Iterator[Round]:
    """Yield rounds until a plan is empty; without an approver the first plan is only shown."""
    renewing = Renewing(settings)
    for number in range(MOST_ROUNDS):
        done = one_round(settings, approver, progress, renewing, tests=tests and number == 0)
        yield done
        if done.applied is None or not done.applied.progressed:
            return


def one_round(
    settings: Settings,
    approver: str | None,
    progress: Progress = silent,
    renewing: Renewing | None = None,
    *,
    tests: bool = True,
) -> Round:
    """Read, judge and plan; apply the plan as well when somebody approves it, or the policy does
    where it lets flows run by themselves. What `renewing` has built is only brought up to date."""
    from reverse_etl import cycle

    parse_ahead(settings.dbt_dir, settings.warehouse_path)
    extracted = steps.extract(settings, progress)
    judged = (renewing or Renewing(settings)).decide(progress, tests=tests)
    if approver is None:
        plan, beyond = cycle.plan_automatic(settings)
        if not plan.changes or beyond:
            return Round(extracted, judged, cycle.make_plan(settings), None)
    else:
        plan = cycle.make_plan(settings)
        if not plan.changes:
            return Round(extracted, judged, plan, None)
        cycle.approve(settings, plan.checksum, approver)
    return Round(extracted, judged, plan, cycle.apply(settings, plan.checksum, progress))
