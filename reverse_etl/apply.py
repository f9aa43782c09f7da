"""Carrying out a plan, so that nothing is written twice and nothing is forgotten.

For each change: already finished → its outcome. Left open by an earlier run → look for our mark in
the other system first, adopt what is found, otherwise send the stored bytes again under the same
request id. New → the intent becomes durable, then the call, then the outcome. A refusal is a fact
about that row; silence leaves it open for the next run; anything else stops the run, with the rest
untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from pipelines.errors import CrossfootError, ReplyLost, Retry, Stop, Throttled
from reverse_etl.changes import (
    Change,
    Outcome,
    OutcomeStatus,
    Plan,
    from_json,
    references,
    resolve,
    to_json,
)
from reverse_etl.failpoints import reach
from reverse_etl.grouping import alike, groups
from reverse_etl.ledger import WITHDRAWN, Context, Entry, Finding, Intent, Ledger
from reverse_etl.moved import is_looked_at, moved
from reverse_etl.patience import CAUTIOUS, Patience, may_send_again
from reverse_etl.plan import may_succeed_unchanged
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Answer, Clients, Flow

Progress = Callable[[str], None]
_LONGEST_PAUSE = 120.0
_NONE = timedelta(0)
_HELD = "the ledger is younger than the data: read both systems again, then plan"


def silent(line: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True)
class ApplyResult:
    """What one apply did, in order. `settled` are writes that earlier runs had left open."""

    plan_id: str
    checksum: str
    outcomes: tuple[Outcome, ...]
    settled: tuple[Outcome, ...]

    @property
    def all(self) -> tuple[Outcome, ...]:
        return self.settled + self.outcomes

    @property
    def failed(self) -> bool:
        """Does anything need a look: refused, unknown, or waiting for such a one?"""
        return any(outcome.status != "done" for outcome in self.all)

    @property
    def progressed(self) -> bool:
        """Did this very run bring anything to its end, so that reading again will show it?"""
        return any(outcome.status == "done" and outcome.fresh for outcome in self.all)

    def counts(self, flow: str | None = None) -> dict[OutcomeStatus, int]:
        """How many ended how, of one flow or of all; every status is named, if with 0."""
        own = [o.status for o in self.all if flow is None or o.flow == flow]
        return {status: own.count(status) for status in get_args(OutcomeStatus)}

    def summary(self) -> str:
        """One sentence: `Plan 0a1b2c: 12 done, 1 refused, 0 unknown, 0 waiting.`"""
        words = ", ".join(f"{count} {status}" for status, count in self.counts().items())
        return f"Plan {self.plan_id}: {words}."


@dataclass
class _Run:
    """One apply under way."""

    ledger: Ledger
    clients: Clients
    context: Context
    now: Callable[[], datetime]
    progress: Progress
    patience: Patience
    look_first: bool
    hold_new: bool
    silent: int = 0
    finished: int = 0
    total: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    settled: dict[str, Outcome] = field(default_factory=dict)
    moved: dict[str, Answer] = field(default_factory=dict)


def apply_plan(
    plan: Plan,
    ledger: Ledger,
    clients: Clients,
    *,
    known_as_of: datetime,
    now: Callable[[], datetime],
    progress: Progress = silent,
    patience: Patience = CAUTIOUS,
    look_first: bool = False,
    hold_new: bool = False,
) -> ApplyResult:
    """Carry out an approved plan under the lease that `ledger` holds.

    `known_as_of` is how recent the warehouse is now. `look_first` makes every create look for its
    mark before it is sent at all, for a ledger that may have forgotten something; with `hold_new`
    what is not found waits, because it may be hidden still. Raises what stopped the run; what was
    done until then stands in the ledger.
    """
    context = Context(plan.checksum, plan.data_as_of, known_as_of)
    run = _Run(ledger, clients, context, now, progress, patience, look_first, hold_new)
    run.total = len(plan.changes)
    try:
        run.settled |= _settle_all(run, plan)
        for flow in registry.chosen(plan.flows):
            own = [change for change in plan.changes if change.flow == flow.name]
            run.moved |= moved(flow, clients, _to_look_at(run, flow, own), known_as_of)
            for group in groups(own, flow.batch, flow.weigh):
                run.outcomes.extend(_apply_group(run, flow, group))
    except CrossfootError as problem:
        problem.add_note(f"Before that, {run.finished} of {run.total} changes were finished.")
        raise
    planned = {change.key for change in plan.changes}
    others = tuple(o for key, o in run.settled.items() if key not in planned)
    return ApplyResult(plan.plan_id, plan.checksum, tuple(run.outcomes), others)


def _to_look_at(run: _Run, flow: Flow, changes: Sequence[Change]) -> list[Change]:
    """Changes of records that people may have changed since, as far as they are not written yet."""
    own = [c for c in changes if is_looked_at(flow, c) and c.key not in run.settled]
    known = run.ledger.entries(change.key for change in own) if own else {}
    return [c for c in own if c.key not in known or known[c.key].status != "done"]


def _settle_all(run: _Run, plan: Plan) -> dict[str, Outcome]:
    """What earlier runs left open, settled: by change key, those of this plan included."""
    wanted = {change.key for change in plan.changes}
    wanted |= {item.change_key for item in plan.unsettled if item.wanted}
    outcomes: list[Outcome] = []
    for flow in registry.chosen(plan.flows):
        doubtful = run.ledger.in_doubt([flow.name])
        repeated = [e for e in doubtful if flow.repeatable and e.change_key in wanted]
        for first in range(0, len(repeated), flow.batch):
            again = run.ledger.intend_again(repeated[first : first + flow.batch])
            outcomes += _send(run, flow, again)
        for group in alike([e for e in doubtful if e not in repeated], flow.seen_at_once):
            settled = _settle(run, flow, group, wanted)
            outcomes += settled
            for entry, outcome in zip(group, settled, strict=True):
                run.progress(f"{entry.title}, left open before: {outcome.status}")
    return {outcome.change_key: outcome for outcome in outcomes}


def _apply_group(run: _Run, flow: Flow, group: Sequence[Change]) -> list[Outcome]:
    """One outcome for each change, in order; what has to be sent goes in a single call."""
    outcomes: dict[str, Outcome] = {}
    intents: list[Intent] = []
    known = run.ledger.entries(change.key for change in group)
    began = run.now()
    for change in group:
        step = _first_step(run, change, known.get(change.key))
        if isinstance(step, Outcome):
            outcomes[change.key] = step
        else:
            intents.append(step)
    outcomes |= _found_already(run, flow, [i for i in intents if _may_be_there(run, i, known)])
    intents = [intent for intent in intents if intent.change.key not in outcomes]
    if intents:
        _refuse_if_late(run, began, intents[0].change.key)
    entries = run.ledger.intend(intents, run.context)
    outcomes |= {o.change_key: o for o in _send(run, flow, entries)}
    for change in group:
        _tell(run, change.title, outcomes[change.key])
    return [outcomes[change.key] for change in group]


def _first_step(run: _Run, change: Change, entry: Entry | None) -> Outcome | Intent:
    """What the ledger already says about this change, or what is intended with it."""
    if change.key in run.settled:
        return run.settled[change.key]
    if entry and entry.status == "done":
        return Outcome(
            change.key, "done", entry.remote_id, "it was done before", entry.tries, False
        )
    if entry and _stays_refused(entry, change):
        return Outcome(change.key, "refused", None, entry.vendor_message, entry.tries, False)
    intent = _resolved(run, change)
    if intent is None:
        return Outcome(change.key, "waiting", None, "a change it needs is not done", 0)
    return intent


def _stays_refused(entry: Entry, change: Change) -> bool:
    unchanged = entry.fingerprint == change.fingerprint
    return unchanged and not may_succeed_unchanged(entry.code, entry.vendor_message)


def _resolved(run: _Run, change: Change) -> Intent | None:
    """The change with the ids it refers to filled in; None while one of them is missing."""
    body = from_json(change.payload)
    keys = {*change.needs, *references(body)}
    needed = run.ledger.entries(keys) if keys else {}
    ids = {k: e.remote_id for k, e in needed.items() if e.status == "done" and e.remote_id}
    if len(ids) < len(keys):
        return None
    return Intent(change, to_json(resolve(body, ids)))


def _may_be_there(run: _Run, intent: Intent, known: Mapping[str, Entry]) -> bool:
    """Must it be looked for before its first send, as the ledger may not know of an earlier one?"""
    entry = known.get(intent.change.key)
    doubtful = run.look_first or (entry is not None and entry.tries > 1)
    return doubtful and intent.change.action == "create"


def _found_already(run: _Run, flow: Flow, intents: Sequence[Intent]) -> dict[str, Outcome]:
    """Those that are in the other system already, adopted; with a young ledger the others wait."""
    outcomes: dict[str, Outcome] = {}
    for first in range(0, len(intents), flow.seen_at_once):
        some = intents[first : first + flow.seen_at_once]
        probes = [run.ledger.would_be(intent, run.context) for intent in some]
        seen = _look(flow, run.clients, probes)
        for intent, probe in zip(some, probes, strict=True):
            key = intent.change.key
            if key in seen:
                message = "it was already there, found by its mark"
                run.ledger.adopt(intent, run.context, seen[key], message)
                outcomes[key] = Outcome(key, "done", seen[key], message, probe.tries)
            elif run.hold_new:
                outcomes[key] = Outcome(key, "waiting", None, _HELD, 0)
    return outcomes


def _settle(
    run: _Run, flow: Flow, entries: Sequence[Entry], wanted: Container[str]
) -> list[Outcome]:
    """Find out what became of writes that were left open, and finish those that never arrived.

    One look serves them all, and what is sent again goes in a single call.
    """
    began = run.now()
    seen = _look(flow, run.clients, entries)
    young = {
        e.change_key for e in entries if began - e.last_tried_at <= run.patience.visible_within
    }
    patience = run.patience if flow.recognised else replace(run.patience, request_memory=_NONE)
    findings: dict[str, Finding] = {}
    missing: list[Entry] = []
    for entry in entries:
        key, remote_id = entry.change_key, seen.get(entry.change_key)
        may_repeat = not flow.sent_once and may_send_again(entry, began, patience)
        if remote_id is None and key in wanted and may_repeat:
            missing.append(entry)
        else:
            undecided = key in wanted or key in young or flow.sent_once
            findings[key] = _verdict(entry, remote_id, undecided)
    run.ledger.finish(flow.name, list(findings.values()))
    sent: dict[str, Outcome] = {}
    if missing:
        _refuse_if_late(run, began, missing[0].change_key)
        again = run.ledger.intend_again(missing)
        sent = {o.change_key: o for o in _send(run, flow, again, again=True, young=young)}
    return [sent.get(e.change_key) or _outcome(e, findings[e.change_key]) for e in entries]


def _verdict(entry: Entry, remote_id: str | None, undecided: bool) -> Finding:
    """What a look says about a write that is not sent again now."""
    if remote_id is not None:
        words = "found by its mark"
        return Finding(entry.change_key, "done", remote_id, "", words, "adopted")
    if undecided:
        words = "too early to tell: look again later"
        return Finding(entry.change_key, "unknown", None, "", words, "looked")
    words = "it never arrived and the data no longer asks for it"
    return Finding(entry.change_key, "refused", None, WITHDRAWN, words, "withdrawn")


def _look(flow: Flow, clients: Clients, entries: Sequence[Entry]) -> Mapping[str, str]:
    """By change key the ids of those whose records are there."""
    reach(f"{flow.name}.before_look")
    seen = flow.look(clients, entries)
    reach(f"{flow.name}.after_look")
    return seen


def _refuse_if_late(run: _Run, since: datetime, key: str) -> None:
    """Raise `Stop` when what is about to leave rests on something seen too long ago."""
    slept = run.now() - since
    if slept > run.patience.leave_within:
        raise Stop(
            "state",
            key,
            f"{int(slept.total_seconds() // 60)} minutes went by before it could be sent (did this "
            "machine sleep?)",
            "It was not sent. Run again: the next run looks in the other system first.",
        )


def _send(
    run: _Run,
    flow: Flow,
    entries: Sequence[Entry],
    again: bool = False,
    young: Container[str] = frozenset(),
) -> list[Outcome]:
    """Send entries whose intent is durable and make their outcomes durable.

    `again`: an earlier run may have sent them; `young`: the keys of those that it sent so lately
    that a look proves nothing.
    """
    if not entries:
        return []
    silence: ReplyLost | None = None
    try:
        answers = _insist(run, flow, entries, again)
        findings = [
            _finding(e, a, e.change_key in young) for e, a in zip(entries, answers, strict=True)
        ]
    except ReplyLost as problem:
        silence = problem
        findings = [Finding(e.change_key, "unknown", None, "", problem.problem) for e in entries]
    reach(f"{flow.name}.after_send")
    run.ledger.finish(flow.name, findings)
    _stop_if_dead(run, silence)
    return [_outcome(e, f) for e, f in zip(entries, findings, strict=True)]


def _insist(run: _Run, flow: Flow, entries: Sequence[Entry], again: bool) -> Sequence[Answer]:
    """The vendor's answers, asked for again while it says that nothing was done.

    Long pauses outlast what a look is worth; what was never sent before is intended anew instead,
    which also shows whether this run still holds the lease.
    """
    for pause in run.patience.pauses:
        try:
            return _call(run, flow, entries)
        except Retry as problem:
            wanted = problem.retry_after if isinstance(problem, Throttled) else None
            seconds = pause if wanted is None else min(wanted, _LONGEST_PAUSE)
            run.progress(f"{problem.system}: {problem.problem}; again in {seconds:.0f} seconds")
            run.patience.sleep(seconds)
            if run.now() - entries[0].last_tried_at > run.patience.leave_within:
                if again:
                    raise
                entries = run.ledger.intend_again(entries)
    return _call(run, flow, entries)


def _call(run: _Run, flow: Flow, entries: Sequence[Entry]) -> Sequence[Answer]:
    """An answer for each, in order: of the vendor, or of the flow for what it may not send now."""
    barred = {e.change_key: run.moved[e.change_key] for e in entries if e.change_key in run.moved}
    barred |= flow.barred(run.clients, [e for e in entries if e.change_key not in barred])
    _refuse_if_late(run, entries[0].last_tried_at, entries[0].change_key)
    left = [entry for entry in entries if entry.change_key not in barred]
    answers = iter(flow.send(run.clients, left) if left else ())
    return [barred.get(entry.change_key) or next(answers) for entry in entries]


def _stop_if_dead(run: _Run, silence: ReplyLost | None) -> None:
    run.silent = run.silent + 1 if silence else 0
    if silence and run.silent >= run.patience.silences:
        raise silence


def _finding(entry: Entry, answer: Answer, young: bool) -> Finding:
    """What an answer settles. The refusal of a repeat settles nothing while the first may be
    hidden still: the vendor may have that one and refuse another."""
    if answer.lost:
        return Finding(entry.change_key, "unknown", None, answer.code, answer.message)
    if young and not answer.accepted:
        words = f"refused when it was repeated, look again later: {answer.message}"
        return Finding(entry.change_key, "unknown", None, answer.code, words)
    status: Literal["done", "refused"] = "done" if answer.accepted else "refused"
    return Finding(entry.change_key, status, answer.remote_id, answer.code, answer.message)


def _outcome(entry: Entry, found: Finding) -> Outcome:
    words = f"{found.code}: {found.message}" if found.code else found.message
    return Outcome(entry.change_key, found.status, found.remote_id, words, entry.tries)


def _tell(run: _Run, title: str, outcome: Outcome) -> Outcome:
    run.finished += 1
    number = f" as {outcome.remote_id}" if outcome.remote_id else ""
    words = f" ({outcome.message})" if outcome.message else ""
    run.progress(f"{title}: {outcome.status}{number}{words}")
    return outcome
