"""A plan as one web page: what would be written, what it costs in calls, what is blocked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from reverse_etl.changes import Change, Plan, System
from reverse_etl.grouping import groups
from reverse_etl.moved import is_looked_at
from reverse_etl.plan import sums
from reverse_etl.syncs import registry

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{border-bottom:1px solid #ccc;"
    "padding:.35rem .5rem;text-align:left;vertical-align:top}td.n,th.n{text-align:right}"
    "code{overflow-wrap:anywhere}"
)


def calls_needed(plan: Plan) -> dict[System, int]:
    """Calls that send the plan, by system: one for each group that goes together, and one look at
    each object of Salesforce of which records are changed (more where thousands changed since they
    were read). Log-in, looking for what was left open before, and at the estimate that an invoice
    names, come on top."""
    found: Counter[System] = Counter()
    for flow in registry.chosen(plan.flows) if plan.flows else ():
        own = [change for change in plan.changes if change.flow == flow.name]
        for group in groups(own, flow.batch, flow.weigh):
            found[group[0].system] += len({change.action for change in group})
        looks = {change.entity for change in own if is_looked_at(flow, change)}
        if looks:
            found[flow.system] += len(looks)
    return dict(sorted(found.items()))


def calls_words(plan: Plan) -> str:
    """`QuickBooks 41 (writes are not charged), Salesforce 2`; empty for a plan without changes."""
    words = {"quickbooks": "QuickBooks {} (writes are not charged)", "salesforce": "Salesforce {}"}
    return ", ".join(words[system].format(f"{n:,}") for system, n in calls_needed(plan).items())


def plan_html(plan: Plan, flow_words: Mapping[str, str], reason_words: Mapping[str, str]) -> str:
    """The whole plan, nothing left out. Text of records is data and never markup."""
    parts = [
        f"<h1>Plan {escape(plan.plan_id)}</h1>",
        f"<p>Data as of {plan.data_as_of:%Y-%m-%d %H:%M} UTC. "
        f"Calls to send it: {escape(calls_words(plan)) or 'none'}.</p>",
        _table(
            "Flows", ("flow", "create", "update", "blocked", "amount"), _flows(plan, flow_words)
        ),
        _table("Changes", ("", "change", "why", "amount", "fields"), map(_change, plan.changes)),
        _table(
            "Blocked", ("record", "reason", "detail", "amount"),
            ((b.title, reason_words.get(b.reason, b.reason), b.detail, _money(sums([b])))
             for b in plan.blocked),
        ),
        _table(
            "Refused before, and unchanged since; safe to try again once the cause is mended",
            ("record", "vendor's words", "tries", "since", "key"),
            ((h.title, f"{h.code} {h.message}", str(h.tries), f"{h.since:%Y-%m-%d}",
              h.change_key)
             for h in plan.held),
        ),
        _table(
            "Sent earlier without an answer; not safe to repeat by hand, apply looks first",
            ("record", "since", "still wanted"),
            ((u.title, f"{u.since:%Y-%m-%d %H:%M}", "yes" if u.wanted else "no")
             for u in plan.unsettled),
        ),
        _table("In shadow, never sent", ("", "change", "why", "amount", "fields"),
               map(_change, plan.shadow)),
        f"<p>Checksum <code>{escape(plan.checksum)}</code></p>",
    ]  # fmt: skip
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Plan {escape(plan.plan_id)}</title><style>{_STYLE}</style></head>"
        f"<body>\n{body}\n</body></html>\n"
    )


def _flows(plan: Plan, words: Mapping[str, str]) -> Iterable[tuple[str, ...]]:
    for flow in plan.flows:
        own = [change for change in plan.changes if change.flow == flow]
        actions = Counter(change.action for change in own)
        stopped = sum(1 for row in plan.blocked if row.flow == flow)
        yield (
            words.get(flow, flow), str(actions["create"]), str(actions["update"]), str(stopped),
            _money(sums(own)),
        )  # fmt: skip


def _change(change: Change) -> tuple[str, ...]:
    fields = "; ".join(
        f"{f.name}: {f.before or '(empty)'} → {f.after or '(empty)'}" for f in change.fields
    )
    return change.action, change.title, change.reason, _money(sums([change])), fields


def _money(totals: Mapping[str, object]) -> str:
    return ", ".join(f"{amount:,} {currency}" for currency, amount in totals.items())


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<h2>{escape(title)}</h2>\n<table><tr>{names}</tr>\n{body}\n</table>"
