"""What was decided for this installation: who may write, from which day on, who hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestration.budget.gather import Run, budget
from orchestration.doctor.finding import Finding, bad, failed, good, look
from orchestration.doctor.mapping import Mapping
from pipelines.clients import mail, slack
from pipelines.errors import CrossfootError
from pipelines.setting_flows import FlowPolicy
from pipelines.settings import Settings
from reverse_etl.opening import opened
from reverse_etl.syncs.registry import FLOWS


def findings(settings: Settings, mapping: Mapping, now: datetime) -> Iterator[Finding]:
    """All that was decided."""
    yield go_live(settings, now)
    yield from policies(settings)
    yield from routing(settings, mapping)
    yield from allowances(settings, now)
    yield from channels(settings)


def go_live(settings: Settings, now: datetime) -> Finding:
    """Deals won before that day are nobody's to bill any more."""
    day = settings.go_live_on
    if day is None and settings.profile != "sandbox":
        return bad(
            "rules.go_live", "go-live", "no day is set: every deal ever won would be due",
            "Set CROSSFOOT_GO_LIVE_ON to the first day whose deals Crossfoot is to bill.",
        )  # fmt: skip
    if day is not None and day > now.date():
        told = f"{day}, which is still to come: until then nothing is due"
        return look("rules.go_live", "go-live", told, "Nothing, if that is meant.")
    return good("rules.go_live", "go-live", str(day) if day else "no day is needed in the sandbox")


def policies(settings: Settings) -> Iterator[Finding]:
    """The mode of each flow, and whether anybody could approve."""
    for flow in FLOWS:
        policy = settings.policies.of(flow.name)
        yield _policy(flow.name, policy)


def _policy(flow: str, policy: FlowPolicy) -> Finding:
    code = "rules.policy"
    needs_two = policy.second_person or policy.second_person_from or policy.second_person_over
    if policy.mode in ("approve", "automatic") and needs_two and len(set(policy.approvers)) == 1:
        told = f"a second person is needed and only {policy.approvers[0]} may approve"
        return bad(code, flow, told, "Name another approver in the policy file.")
    if policy.mode == "automatic" and not (policy.max_changes or policy.max_amount):
        step = "Set max_changes and max_amount in the policy file."
        return look(code, flow, "it is automatic within no limits, so nothing passes", step)
    if policy.mode == "automatic" and policy.day_max_changes is None:
        step = "Set day_max_changes and day_max_amount in the policy file."
        return look(code, flow, "it is automatic without a limit of the day", step)
    if policy.mode in ("off", "shadow"):
        told = f"{policy.mode}: nothing is sent"
        step = "Look at `crossfoot shadow`, then say another mode in the policy file."
        return look(code, flow, told, step)
    return good(code, flow, policy.mode)


def routing(settings: Settings, mapping: Mapping) -> Iterator[Finding]:
    """Every company that a table names is configured, and every configured one is billed in."""
    try:
        configured = {c.realm_id: c.name for c in settings.quickbooks.companies}
    except CrossfootError:
        return
    strangers = sorted(mapping.company_ids - set(configured))
    for realm in strangers:
        yield bad(
            "rules.routing", f"company {realm}", "a mapping names it and it is not configured",
            "Correct the tables in dbt_project/seeds, or CROSSFOOT_QUICKBOOKS_COMPANIES.",
        )  # fmt: skip
    routed = {row["company_id"] for row in mapping.routing}
    idle = [realm for realm in configured if realm not in routed]
    for realm in idle:
        yield look(
            "rules.routing", configured[realm], "no deal is billed in this company",
            "Add it to dbt_project/seeds/company_routing.csv, if that is not meant.",
        )  # fmt: skip
    if not strangers and not idle:
        yield good("rules.routing", "companies", f"{len(configured)} are billed in")


def allowances(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether the next run, and the window, stay within what the vendors allow."""
    try:
        with opened(settings) as state:
            planned = budget(settings, state, now, Run())
    except CrossfootError as problem:
        yield failed("rules.budget", "budget", problem)
        return
    for one in planned.pools:
        name = f"{one.pool.system} {one.pool.source or ''}".rstrip()
        told = f"the next run takes {one.next_run:,} calls of {one.pool.left:,} left"
        if not one.fits:
            step = "See `crossfoot budget` for a cheaper plan."
            yield bad("rules.budget", name, told, step)
        elif not one.lasts:
            told += "; as things go, they do not last"
            yield look("rules.budget", name, told, "See `crossfoot budget`.")
        else:
            yield good("rules.budget", name, told)


def channels(settings: Settings) -> Iterator[Finding]:
    """Whether the report reaches anybody. Nothing is sent."""
    try:
        given = settings.delivery
    except CrossfootError as problem:
        yield failed("rules.delivery", "delivery", problem)
        return
    if not given.is_configured:
        step = "Set CROSSFOOT_SMTP_HOST, _REPORT_FROM and _REPORT_TO, or CROSSFOOT_SLACK_WEBHOOK."
        yield look("rules.delivery", "delivery", "nobody is sent the report", step)
    seconds = settings.timeout_seconds
    if given.smtp is not None:
        try:
            mail.greet(given.smtp, seconds)
            yield good("rules.mail", given.smtp.host, "it answers, and takes the log-in")
        except CrossfootError as problem:
            yield failed("rules.mail", given.smtp.host, problem)
    if given.webhook is not None:
        try:
            slack.greet(given.webhook, seconds)
            yield good("rules.slack", "Slack", "the webhook is there")
        except CrossfootError as problem:
            yield failed("rules.slack", "Slack", problem)
