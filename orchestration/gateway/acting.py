"""What the gateway may set going: a plan, a request that a person approves it, and its application
once a person has. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.gateway.gate import Answer, utc_now
from orchestration.gateway.rules import Caller
from pipelines.clients import slack
from pipelines.errors import ApprovalMissing, CrossfootError, Refused
from pipelines.settings import Settings
from reverse_etl import approvals, cycle, policies
from reverse_etl.changes import Change, Plan
from reverse_etl.opening import opened
from reverse_etl.plan import sums
from reverse_etl.render import summary_lines


def propose(settings: Settings, caller: Caller, flows: Sequence[str]) -> Answer:
    """Make a plan and store it. Sends nothing to either system."""
    _refuse_part(caller)
    plan = cycle.make_plan(settings, tuple(flows) or None, author=f"assistant {caller.name}")
    return Answer(records=[_change(one) for one in plan.changes], value=_told(settings, plan))


def request(settings: Settings, caller: Caller, checksum: str, note: str) -> Answer:
    """Ask people to look at a plan: in Slack, where that is set, and in the gateway's log.

    Raises `Stop` for a plan that was never made.
    """
    _refuse_part(caller)
    plan = cycle.stored_plan(settings, checksum)
    command = f"crossfoot approve {plan.checksum[:12]} --by NAME"
    told = "Nobody was told: no Slack webhook is set. Pass the command on."
    if settings.delivery.webhook is not None:
        lines = [
            f"*{caller.name}* asks for the approval of plan {plan.checksum[:12]}: {note}".strip(),
            *summary_lines(plan, with_blocked=False),
            f"`{command}`",
        ]
        try:
            slack.post_message(
                settings.delivery.webhook, {"text": "\n".join(lines)}, settings.timeout_seconds
            )
            told = "The message is in Slack."
        except CrossfootError as problem:
            told = f"Nobody was told: {problem}"
    return Answer(value={"checksum": plan.checksum, "a_person_runs": command, "told": told})


def apply(settings: Settings, caller: Caller, checksum: str) -> Answer:
    """Apply a plan that a person has approved, as it was approved.

    Raises `ApprovalMissing` for one that nobody, or only the policy, approved; and whatever an
    application raises. Applied a second time it changes nothing.
    """
    _refuse_part(caller)
    plan = cycle.stored_plan(settings, checksum)
    with opened(settings) as state:
        approval = approvals.find(state, plan.checksum, utc_now())
    if approval is None or approval.who == policies.POLICY:
        raise ApprovalMissing(
            "approval", f"plan {plan.plan_id}", "no person has approved it",
            f"A person looks at it and runs `crossfoot approve {plan.checksum[:12]} --by NAME`.",
        )  # fmt: skip
    done = cycle.apply(settings.check(), plan.checksum)
    rows = [
        {"change_key": one.change_key, "status": one.status, "message": one.message}
        for one in done.outcomes
    ]
    return Answer(records=rows, value={"approved_by": approval.who, "failed": done.failed})


def _refuse_part(caller: Caller) -> None:
    """A plan spans all companies."""
    if caller.companies is not None:
        raise Refused(
            "gateway", caller.name, "a plan concerns every company, and this token sees some only",
            "Use a token without companies.", "SCOPE", "",
        )  # fmt: skip


def _told(settings: Settings, plan: Plan) -> Mapping[str, Any]:
    return {
        "checksum": plan.checksum,
        "data_as_of": plan.data_as_of,
        "changes": len(plan.changes),
        "amounts": dict(sorted(sums(plan.changes).items())),
        "blocked": len(plan.blocked),
        "doubts": list(cycle.doubts(settings)),
        "summary": summary_lines(plan, with_blocked=False),
    }


def _change(one: Change) -> Mapping[str, Any]:
    return {
        "change_key": one.key,
        "flow": one.flow,
        "action": one.action,
        "title": one.title,
        "reason": one.reason,
        "amount": one.amount,
        "currency": one.currency_code,
    }
