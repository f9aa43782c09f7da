"""A plan, or what became of it, as text for a terminal, as Markdown and as JSON.

Written for somebody who sees Crossfoot for the first time: what would be created and updated, for
how much, what is blocked and why, and how to go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.errors import ConfigurationError
from reverse_etl.apply import ApplyResult
from reverse_etl.changes import (
    Blocked,
    Change,
    ChangeKey,
    Held,
    Outcome,
    Plan,
    Unsettled,
    to_json,
)
from reverse_etl.plan import sums
from reverse_etl.plan_page import calls_needed, calls_words, plan_html
from reverse_etl.plan_words import FLOW_WORDS, REASON_WORDS, STATUS_WORDS
from reverse_etl.shadows import Score
from reverse_etl.syncs.flow import CHANGED_BY_HAND

MOST_CHANGES = 20
MOST_FIELDS = 8
MOST_OUTCOMES = 20


def plan_as(plan: Plan, form: str) -> str:
    """The plan as `text`, `markdown`, `json` or `html`. Raises `ConfigurationError` for another
    form."""
    if form == "text":
        return "\n".join(plan_lines(plan))
    if form == "markdown":
        return plan_markdown(plan)
    if form == "json":
        return plan_json(plan)
    if form == "html":
        return plan_html(plan, FLOW_WORDS, REASON_WORDS)
    raise ConfigurationError(
        "plan", form, "there is no such form", "Choose text, markdown, json or html."
    )


def plan_json(plan: Plan) -> str:
    """The whole plan, nothing left out, with the calls it costs; amounts as exact literals."""
    safe = {row.change_key: True for row in plan.held}
    safe |= {row.change_key: False for row in plan.unsettled}
    more = {"calls": calls_needed(plan), "safe_to_retry": safe}
    return to_json({**vars(plan), **more}, indent=2)


def plan_lines(plan: Plan) -> list[str]:
    """The plan for a terminal, capped, with what was cut off stated."""
    return [
        *_headline(plan),
        *_table(plan),
        *_blocked_lines(plan.blocked),
        *_held_lines(plan.held),
        *_unsettled_lines(plan.unsettled),
        *_shadow_lines(plan),
        *_change_lines(plan.changes),
        *_how_to_go_on(plan),
    ]


def summary_lines(plan: Plan, with_blocked: bool = True) -> list[str]:
    """The plan in short: totals, what is blocked and why, and one change of each flow."""
    first_of_each = {change.flow: change for change in reversed(plan.changes)}
    samples = [first_of_each[flow] for flow in plan.flows if flow in first_of_each]
    return [
        *_headline(plan),
        *_table(plan),
        *(_blocked_lines(plan.blocked) if with_blocked else ()),
        *_held_lines(plan.held),
        *_unsettled_lines(plan.unsettled),
        *_shadow_lines(plan),
        *_change_lines(samples, "For example:"),
    ]


def _headline(plan: Plan) -> Iterator[str]:
    as_of = plan.data_as_of.strftime("%Y-%m-%d %H:%M UTC")
    if not plan.changes:
        yield f"Plan: nothing to write. (data as of {as_of})"
    else:
        yield f"Plan {plan.plan_id}: {_count(len(plan.changes), 'change')}. (data as of {as_of})"
    if plan.done_before:
        yield f"  {_count(plan.done_before, 'row')} left out: written already, not yet read back."


def _table(plan: Plan) -> Iterator[str]:
    if not (plan.changes or plan.blocked):
        return
    yield ""
    yield f"  {'':<36}{'create':>8}{'update':>8}{'blocked':>9}  amount to write"
    for flow in plan.flows:
        own = [change for change in plan.changes if change.flow == flow]
        actions = Counter(change.action for change in own)
        stopped = sum(1 for row in plan.blocked if row.flow == flow)
        yield (
            f"  {FLOW_WORDS.get(flow, flow):<36}{actions['create']:>8,}{actions['update']:>8,}"
            f"{stopped:>9,}  {money_words(sums(own))}"
        ).rstrip()


def _blocked_lines(rows: Sequence[Blocked]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield "  Blocked, and why (nothing is filtered away; each needs a person or time):"
    for reason, own in _by_reason(rows).items():
        words = REASON_WORDS.get(reason, reason.replace("_", " "))
        amount = f"  [{money_words(sums(own))}]" if sums(own) else ""
        yield f"    {len(own):>5,}  {words}{amount}"
        first = own[0]
        detail = f": {first.detail}" if first.detail else ""
        yield f"           e.g. {first.title}{detail}"
        if reason == CHANGED_BY_HAND:
            for row in own[:MOST_OUTCOMES]:
                key = ChangeKey(row.flow, row.company_id, row.record_id, row.plan_step, 1)
                yield f"           to let the owner win: crossfoot overwrite {key}"


def _by_reason(rows: Iterable[Blocked]) -> dict[str, list[Blocked]]:
    grouped: dict[str, list[Blocked]] = {}
    for row in rows:
        grouped.setdefault(row.reason, []).append(row)
    return dict(sorted(grouped.items(), key=lambda item: (-len(item[1]), item[0])))


def _held_lines(rows: Sequence[Held]) -> Iterator[str]:
    if rows:
        yield ""
        yield "  Refused before and unchanged since, so not sent again by itself. A refusal wrote"
        yield "  nothing: to try again is safe, once the cause is mended."
    for row in rows[:MOST_CHANGES]:
        since = row.since.strftime("%Y-%m-%d")
        tries = "1 try" if row.tries == 1 else f"{row.tries} tries"
        yield f"    {row.title}: {row.code} {row.message} ({tries}, {since})"
        yield f"      to try again: crossfoot retry {row.change_key}"
    yield from _remainder(rows, MOST_CHANGES)


def _unsettled_lines(rows: Sequence[Unsettled]) -> Iterator[str]:
    if rows:
        yield ""
        yield "  Sent earlier without an answer. To repeat these by hand is not safe; apply looks"
        yield "  for them first."
    for row in rows[:MOST_CHANGES]:
        since = row.since.strftime("%Y-%m-%d %H:%M UTC")
        fate = "" if row.wanted else ", no longer wanted"
        tries = "1 try" if row.tries == 1 else f"{row.tries} tries"
        yield f"    {row.title} ({tries}, {since}{fate})"
    yield from _remainder(rows, MOST_CHANGES)


def _change_lines(changes: Sequence[Change], heading: str = "Changes:") -> Iterator[str]:
    if changes:
        yield ""
        yield f"  {heading}"
    for change in changes[:MOST_CHANGES]:
        yield f"    {_sign(change)} {change.title}{_amount(change)}"
        for line in _field_lines(change):
            yield f"        {line}"
    yield from _remainder(changes, MOST_CHANGES)


def _field_lines(change: Change) -> Iterator[str]:
    for one in change.fields[:MOST_FIELDS]:
        before = "" if one.before is None else f"{one.before} → "
        if change.action == "update" and one.before is None:
            before = "(empty) → "
        yield f"{one.name}: {before}{'(empty)' if one.after is None else one.after}"
    if len(change.fields) > MOST_FIELDS:
        yield f"… and {_count(len(change.fields) - MOST_FIELDS, 'more field')}"


def _shadow_lines(plan: Plan) -> Iterator[str]:
    if not plan.shadow:
        return
    yield ""
    yield "  In shadow: planned and remembered, never sent (see `crossfoot shadow`):"
    for flow in plan.flows:
        own = [change for change in plan.shadow if change.flow == flow]
        if own:
            money = money_words(sums(own))
            amount = f"  [{money}]" if money else ""
            yield f"    {len(own):>5,}  {FLOW_WORDS.get(flow, flow)}{amount}"


def shadow_lines(scores: Sequence[Score], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the shadow plans compare with what people did, and where they differ."""
    if not scores:
        return ["No flow was in mode shadow yet."]
    lines = [f"{'':<36}{'planned':>9}{'same':>7}{'other':>7}{'gone':>7}{'waiting':>9}"]
    lines += [
        f"{FLOW_WORDS.get(s.flow, s.flow):<36}{s.planned:>9,}{s.same:>7,}{s.other:>7,}"
        f"{s.withdrawn:>7,}{s.waiting:>9,}"
        for s in scores
    ]
    lines += [f"  {row['title']}: {row['detail']}" for row in others[:MOST_OUTCOMES]]
    return lines + list(_remainder(others, MOST_OUTCOMES))


def _how_to_go_on(plan: Plan) -> Iterator[str]:
    if plan.changes:
        yield ""
        yield f"  Calls to send it: {calls_words(plan)}."
        yield f"  Checksum {plan.checksum}"
        yield f'  To go on: crossfoot approve {plan.plan_id} --by "your name"'
        yield f"            crossfoot apply {plan.plan_id}"


def plan_markdown(plan: Plan) -> str:
    """The plan for a web page: summary, reasons and the first changes as tables."""
    parts = [
        f"**Plan `{plan.plan_id}`**, data as of {plan.data_as_of:%Y-%m-%d %H:%M} UTC",
        _markdown_table(("flow", "create", "update", "blocked", "amount"), _flow_rows(plan)),
    ]
    if plan.blocked:
        rows = [
            (str(len(own)), REASON_WORDS.get(reason, reason), money_words(sums(own)))
            for reason, own in _by_reason(plan.blocked).items()
        ]
        parts.append(_markdown_table(("blocked", "reason", "amount"), rows))
    parts.append("\n".join(_markdown_notes(plan)))
    if plan.changes:
        changes = [
            (c.action, c.title, money_words(sums([c])), "; ".join(_field_lines(c)))
            for c in plan.changes[:MOST_CHANGES]
        ]
        parts.append(_markdown_table(("", "change", "amount", "fields"), changes))
        parts.append("\n".join(line.strip() for line in _remainder(plan.changes, MOST_CHANGES)))
    if plan.changes:
        parts.append(f"Calls to send it: {calls_words(plan)}")
    parts.append(f"Checksum `{plan.checksum}`")
    return "\n\n".join(part for part in parts if part) + "\n"


def _flow_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    for flow in plan.flows:
        own = [change for change in plan.changes if change.flow == flow]
        actions = Counter(change.action for change in own)
        stopped = sum(1 for row in plan.blocked if row.flow == flow)
        words = FLOW_WORDS.get(flow, flow)
        yield (
            words,
            str(actions["create"]),
            str(actions["update"]),
            str(stopped),
            money_words(sums(own)),
        )


def _markdown_notes(plan: Plan) -> Iterator[str]:
    if plan.done_before:
        yield f"- {_count(plan.done_before, 'row')} written already, not yet read back"
    if plan.held:
        yield f"- {_count(len(plan.held), 'change')} refused before and unchanged since"
    if plan.unsettled:
        yield f"- {_count(len(plan.unsettled), 'earlier write')} without an answer, settled first"


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells cannot break out of it: record text is data."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text that neither HTML nor Markdown takes for markup."""
    flat = " ".join(text.split())
    for char, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        flat = flat.replace(char, safe)
    for char in "\\`*_{}[]()#!|":
        flat = flat.replace(char, f"\\{char}")
    return flat


def outcome_lines(result: ApplyResult) -> list[str]:
    """What an apply did, for a terminal: totals first, then everything that is not done."""
    counts = result.counts()
    lines = [f"Applied plan {result.plan_id}:"]
    lines += [f"  {count:>5,}  {STATUS_WORDS[s]}" for s, count in counts.items() if count]
    if not result.all:
        lines.append("  There was nothing to do.")
    before = sum(1 for o in result.outcomes if o.status == "done" and not o.fresh)
    if before:
        lines.append(f"         ({_count(before, 'change')} of them by an earlier run)")
    if result.settled:
        lines.append(f"         ({len(result.settled)} left open by an earlier run)")
    odd = [o for o in result.all if o.status != "done"]
    lines += [f"  {outcome_line(o)}" for o in odd[:MOST_OUTCOMES]]
    return lines + list(_remainder(odd, MOST_OUTCOMES))


def outcome_line(outcome: Outcome) -> str:
    """`refused invoices:…: the vendor's words`."""
    words = f": {outcome.message}" if outcome.message else ""
    return f"{outcome.status} {outcome.change_key}{words}"


def outcome_json(result: ApplyResult) -> str:
    """Every outcome of an apply as JSON."""
    return to_json(result, indent=2)


def _remainder(rows: Sequence[object], shown: int) -> Iterator[str]:
    if len(rows) > shown:
        yield f"    … and {len(rows) - shown:,} more (all of them with --format json)"


def _sign(change: Change) -> str:
    return "+" if change.action == "create" else "~"


def _amount(change: Change) -> str:
    money = money_words(sums([change]))
    return f", {money}" if money else ""


def money_words(totals: Mapping[str, Decimal]) -> str:
    """`9,325.90 GBP, 2,222.05 USD`; nothing for nothing."""
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in totals.items())


def _count(number: int, noun: str) -> str:
    plural = noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {plural}"
