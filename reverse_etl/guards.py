"""What no approval can allow: refusals of a whole plan, each with its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.errors import Incomplete, LimitExceeded, WrongCompany
from pipelines.settings import FlowPolicies, FlowPolicy
from reverse_etl.changes import Change, Plan, from_json
from reverse_etl.ledger import Entry
from reverse_etl.plan import sums
from reverse_etl.syncs import undo

A_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Bounds:
    """How far a plan may go, and into which systems. Amounts are per currency; a currency that
    is not named is barred. `book_close_on` is the last closed day of each company's books,
    `doubts` says which sources the warehouse has not concluded on, and why, and data from before
    `oldest_data` are too old to write from. `of_the_day` is what each flow wrote in 24 hours, to be
    held against the limits a day of `policies`."""

    org_id: str
    company_ids: frozenset[str]
    max_changes: int
    max_amount: Mapping[str, Decimal]
    max_creates_per_flow: int
    book_close_on: Mapping[str, date] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    oldest_data: datetime | None = None
    policies: FlowPolicies = FlowPolicies(FlowPolicy())  # noqa: RUF009 - frozen
    of_the_day: tuple[Entry, ...] = ()


def refuse_if_unsafe(
    plan: Plan,
    bounds: Bounds,
    data_as_of: datetime | None = None,
    in_doubt: Iterable[Entry] = (),
) -> None:
    """Return for a plan within bounds; `data_as_of` is that of the warehouse now, if known, and
    `in_doubt` are writes of earlier plans that would be settled first.

    Raises `WrongCompany` when one of them is meant for a system that is not configured,
    `Incomplete` when the books it was made from are not fresh and whole: what they do not show may
    be there. And `LimitExceeded` naming every bound that is passed, with the numbers.
    """
    strangers = sorted(set(_strangers((*plan.changes, *in_doubt), bounds)))
    if strangers:
        raise WrongCompany(
            "plan",
            plan.plan_id,
            f"it would write to {', '.join(strangers)}, which this installation does not serve",
            "Check the configuration and the routing. Nothing was sent.",
        )
    doubts = (*bounds.doubts, *_too_old(bounds, data_as_of)) if plan.changes else ()
    if doubts:
        raise Incomplete(
            "plan",
            plan.plan_id,
            f"what it was made from is not fresh and whole: {'; '.join(doubts)}",
            "Nothing was sent. Read both systems again (`crossfoot sync`), then plan.",
        )
    found = findings(plan, bounds, data_as_of)
    if found:
        raise LimitExceeded(
            "plan",
            plan.plan_id,
            "; ".join(found),
            "Nothing was sent. Narrow the plan, or raise the limit on purpose.",
        )


def findings(plan: Plan, bounds: Bounds, data_as_of: datetime | None = None) -> tuple[str, ...]:
    """Every bound the plan would pass, in words with numbers; empty for a safe plan."""
    return (
        *_too_many(plan, bounds),
        *_too_much(plan, bounds),
        *_too_many_creates(plan, bounds),
        *over_day(plan, bounds.policies, bounds.of_the_day),
        *_in_closed_books(plan, bounds),
        *_from_the_future(plan, data_as_of),
    )


def of_the_day(entries: Iterable[Entry], at: datetime) -> tuple[Entry, ...]:
    """What was written, or may have been, in the 24 hours before `at`; refusals wrote nothing."""
    return tuple(e for e in entries if e.status != "refused" and at - e.last_tried_at < A_DAY)


def over_day(plan: Plan, policies: FlowPolicies, of_day: Iterable[Entry]) -> tuple[str, ...]:
    """Every limit a day that the plan would pass, with what the day has seen already.

    Taking back is not limited: what a day has written by mistake can be undone the same day.
    """
    planned = {change.key for change in plan.changes}
    before = [entry for entry in of_day if entry.change_key not in planned]
    flows = sorted({change.flow for change in plan.changes} - {undo.NAME})
    return tuple(
        problem
        for flow in flows
        for problem in _over_day_of(
            flow,
            policies.of(flow),
            [change for change in plan.changes if change.flow == flow],
            [entry for entry in before if entry.flow == flow],
        )
    )


def _over_day_of(
    flow: str, policy: FlowPolicy, own: list[Change], before: list[Entry]
) -> Iterator[str]:
    count, most = len(own) + len(before), policy.day_max_changes
    if most is not None and count > most:
        yield (
            f"{count} changes in {flow} within 24 hours ({len(before)} of them earlier), "
            f"at most {most} are allowed"
        )
    if not policy.day_max_amount:
        return
    earlier = sums(before)
    for currency, amount in sums(own).items():
        total = amount + earlier.get(currency, Decimal(0))
        limit = policy.day_max_amount.get(currency, Decimal(0))
        if total > limit:
            yield (
                f"{total:,} {currency} in {flow} within 24 hours "
                f"({earlier.get(currency, Decimal(0)):,} of it earlier), "
                f"at most {limit:,} {currency} is allowed"
            )


def _strangers(writes: Iterable[Change | Entry], bounds: Bounds) -> Iterator[str]:
    for change in writes:
        if change.system == "salesforce" and change.company_id != bounds.org_id:
            yield f"Salesforce org {change.company_id}"
        if change.system == "quickbooks" and change.company_id not in bounds.company_ids:
            yield f"QuickBooks company {change.company_id}"


def _too_many(plan: Plan, bounds: Bounds) -> Iterator[str]:
    if len(plan.changes) > bounds.max_changes:
        yield f"{len(plan.changes)} changes, at most {bounds.max_changes} are allowed"


def _too_much(plan: Plan, bounds: Bounds) -> Iterator[str]:
    for currency, amount in sums(plan.changes).items():
        limit = bounds.max_amount.get(currency)
        if limit is None:
            yield f"{amount:,} {currency}, and no amount in {currency} is allowed"
        elif amount > limit:
            yield f"{amount:,} {currency}, at most {limit:,} {currency} is allowed"


def _too_many_creates(plan: Plan, bounds: Bounds) -> Iterator[str]:
    creates = Counter(change.flow for change in plan.changes if change.action == "create")
    for flow, count in sorted(creates.items()):
        if count > bounds.max_creates_per_flow:
            yield f"{count} new records in {flow}, at most {bounds.max_creates_per_flow} allowed"


def _in_closed_books(plan: Plan, bounds: Bounds) -> Iterator[str]:
    late = Counter(c.company_id for c in plan.changes if _is_closed(c, bounds))
    for company, count in sorted(late.items()):
        closed = bounds.book_close_on[company]
        yield f"{count} documents dated up to {closed}, when company {company} closed its books"


def _is_closed(change: Change, bounds: Bounds) -> bool:
    closed = bounds.book_close_on.get(change.company_id)
    dated = from_json(change.payload).get("TxnDate") if closed else None
    return bool(closed and dated and date.fromisoformat(dated) <= closed)


def _too_old(bounds: Bounds, data_as_of: datetime | None) -> Iterator[str]:
    if bounds.oldest_data and data_as_of and data_as_of < bounds.oldest_data:
        yield f"the data are of {data_as_of:%Y-%m-%d %H:%M} UTC"


def _from_the_future(plan: Plan, data_as_of: datetime | None) -> Iterator[str]:
    """A plan on newer data than the warehouse holds: the warehouse was set back."""
    if data_as_of and plan.data_as_of > data_as_of:
        yield f"the plan is of {plan.data_as_of}, the warehouse only of {data_as_of}"
