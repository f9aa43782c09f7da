"""Modes of flows and who may approve what: the policy's rules applied to a plan. Pure.

off        the flow makes no plan
shadow     it is planned and shown, never sent; `shadows` scores it against what people did
approve    a person approves each plan
automatic  within its limits the policy approves; above them a person does
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from pipelines.errors import ApprovalMissing, ConfigurationError
from pipelines.settings import FlowPolicies, FlowPolicy
from reverse_etl.changes import Change, Plan
from reverse_etl.plan import sums
from reverse_etl.syncs import registry, undo
from reverse_etl.syncs.flow import Flow

SENDING = ("approve", "automatic")
POLICY = "policy"


def planned_flows(policies: FlowPolicies, names: Sequence[str]) -> tuple[Flow, ...]:
    """The named flows, or all, without those that are off.

    Raises `ConfigurationError` for a flow that is named although it is off, and for a policy of a
    flow that does not exist.
    """
    strange = sorted(set(policies.by_flow) - set(registry.NAMES))
    if strange:
        known = f"The flows are: {', '.join(registry.NAMES)}."
        raise ConfigurationError("settings", f"policy [{strange[0]}]", "no such flow", known)
    chosen = registry.chosen(names)
    off = [flow.name for flow in chosen if policies.of(flow.name).mode == "off"]
    if names and off:
        raise ConfigurationError(
            "plan", off[0], "the flow is off", "Give it another mode in the policy file."
        )
    return tuple(flow for flow in chosen if flow.name not in off)


def shadowed(policies: FlowPolicies, flows: Iterable[Flow]) -> frozenset[str]:
    """The names of those flows that are planned and never sent."""
    return frozenset(f.name for f in flows if policies.of(f.name).mode not in SENDING)


def refuse_unsent(plan: Plan, policies: FlowPolicies) -> None:
    """Raises `ApprovalMissing` when a flow of the plan may no longer be sent at all."""
    # Taking something back is never automatic and never in shadow: it is always approved.
    for flow in sorted({change.flow for change in plan.changes} - {undo.NAME}):
        mode = policies.of(flow).mode
        if mode not in SENDING:
            raise ApprovalMissing(
                "policy", f"plan {plan.plan_id}", f"the flow {flow} is in mode {mode} now",
                "Make a new plan, or change the mode in the policy file.",
            )  # fmt: skip


def refuse_approver(plan: Plan, policies: FlowPolicies, who: str, authors: Collection[str]) -> None:
    """Raises `ApprovalMissing` when this person may not approve this plan, with the rule."""
    for flow, own in _by_flow(plan.changes):
        policy = policies.of(flow)
        if who == POLICY and policy.mode == "automatic":
            continue
        if policy.approvers and who not in policy.approvers:
            raise _refused(plan, f"{who} is none of who may approve {flow}", "Ask one of them.")
        reason = next(_second_person(flow, policy, own), None)
        if reason and not authors:
            raise _refused(
                plan, f"{reason}, and nobody knows who made the plan",
                "Make it with `crossfoot plan --by NAME`; somebody else approves it.",
            )  # fmt: skip
        if reason and who in authors:
            raise _refused(plan, f"{reason}, and {who} made the plan", "Ask somebody else.")


def valid_for(plan: Plan, policies: FlowPolicies) -> timedelta:
    """How long an approval of this plan holds: the shortest time of its flows."""
    hours = [policies.of(flow).approval_hours for flow in {c.flow for c in plan.changes}]
    return timedelta(hours=min(hours, default=24))


def over_automatic(
    plan: Plan, policies: FlowPolicies, records: Mapping[str, int]
) -> tuple[str, ...]:
    """Why the policy does not approve this plan by itself, with numbers; empty when it does.
    `records` says how many each flow looks after (sync_flow_records)."""
    return tuple(
        problem
        for flow, own in _by_flow(plan.changes)
        for problem in _beyond(flow, policies.of(flow), own, records.get(flow, 0))
    )


def _beyond(flow: str, policy: FlowPolicy, own: Sequence[Change], records: int) -> Iterator[str]:
    if policy.mode != "automatic":
        yield f"{flow} is in mode {policy.mode}"
        return
    if len(own) > policy.max_changes:
        yield f"{len(own)} changes in {flow}, automatic are at most {policy.max_changes}"
    for currency, amount in sums(own).items():
        limit = policy.max_amount.get(currency)
        if limit is None or amount > limit:
            most = f"at most {limit:,}" if limit is not None else "none"
            yield f"{amount:,} {currency} in {flow}, automatic is {most}"
    if not policy.first_time_customers and any(_is_first_time(change) for change in own):
        yield f"{flow} concerns a first-time customer"
    updates = len({change.record_id for change in own if change.action == "update"})
    if updates > policy.share_floor and 100 * updates > policy.max_share * records:
        yield (
            f"{updates} of {records} records in {flow} would be updated, "
            f"automatic is up to {policy.max_share} %"
        )


def _second_person(flow: str, policy: FlowPolicy, own: Sequence[Change]) -> Iterator[str]:
    """The rules by which somebody else than the author has to approve."""
    if policy.second_person:
        yield f"{flow} wants another person than its author"
    if policy.second_person_over is not None and len(own) > policy.second_person_over:
        yield f"{flow} wants another person over {policy.second_person_over} changes"
    for currency, amount in sums(own).items():
        least = policy.second_person_from.get(currency)
        if least is not None and amount >= least:
            yield f"{flow} wants another person from {least:,} {currency}"
    if policy.second_person_first_time and any(_is_first_time(change) for change in own):
        yield f"{flow} wants another person for a first-time customer"


def _is_first_time(change: Change) -> bool:
    """Does it make a customer, or wait for one that is made?"""
    makes = change.flow == "customers" and change.action == "create"
    return makes or any(key.startswith("customers:") for key in change.needs)


def _by_flow(changes: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    own = list(changes)
    return [(f, [c for c in own if c.flow == f]) for f in sorted(Counter(c.flow for c in own))]


def _refused(plan: Plan, problem: str, next_step: str) -> ApprovalMissing:
    return ApprovalMissing("policy", f"plan {plan.plan_id}", problem, next_step)
