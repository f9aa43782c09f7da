"""Carrying out a plan, so that nothing is written twice and nothing is forgotten.

For each change: already finished → its outcome. Left open by an earlier run → look for our mark in
the other system first, adopt what is found, otherwise send the stored bytes again under the same
request id. New → the intent becomes durable, then the call, then the outcome. A refusal is a fact
about that row; silence leaves it open for the next run; anything else stops the run, with the rest
untouched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from reverse_etl.ledger import WITHDRAWN, Context, Entry, Finding, Intent, Ledger
from reverse_etl.plan import may_succeed_unchanged
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Answer, Clients, Flow, one_place

Progress = Callable[[str], None]
_LONGEST_PAUSE = 120.0
_NONE = timedelta(0)
_HELD = "the ledger is younger than the data: read both systems again, then plan"


def silent(line: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True)
class Patience:
    """What is assumed of the vendor, since nobody publishes it.

    `request_memory`: how long at least a repeated request id gets the first answer.
    `visible_within`: how long at most until a query shows what a request made, counting from the
    sending of it (a request may take 120 seconds, quickbooks_api 5).
    In between the two, a record that is not found proves nothing and repeating it is not safe, so
    it waits. After `silences` lost replies in a row the run stops: the line is dead.
    A request leaves at most `leave_within` after the look or the intent that it rests on: a process
    that slept meanwhile knows neither what others did nor whether the vendor still remembers.
    A call that the vendor surely did not carry out is made again after each of `pauses`, seconds.
    """

    request_memory: timedelta = timedelta(minutes=10)
    visible_within: timedelta = timedelta(minutes=3)
    leave_within: timedelta = timedelta(minutes=3)
    silences: int = 3
    pauses: tuple[float, ...] = (1, 5, 20, 60, 60)
    sleep: Callable[[float], None] = time.sleep


CAUTIOUS = Patience()


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
            for group in groups(own, flow.batch, flow.weigh):
                run.outcomes.extend(_apply_group(run, flow, group))
    except CrossfootError as problem:
        problem.add_note(f"Before that, {run.finished} of {run.total} changes were finished.")
        raise
    planned = {change.key for change in plan.changes}
    others = tuple(o for key, o in run.settled.items() if key not in planned)
    return ApplyResult(plan.plan_id, plan.checksum, tuple(run.outcomes), others)


def groups(
    changes: Iterable[Change], size: int, weigh: Callable[[Change], float] = one_place
) -> Iterator[tuple[Change, ...]]:
    """Changes cut, in their order, into groups for one call each: of one company, one kind of
    record and one action, of which none needs another, and which together fill `size` places."""
    group: list[Change] = []
    filled = 0.0
    for change in changes:
        fits = not group or (
            filled + weigh(change) <= size
            and _kind(group[0]) == _kind(change)
            and not any(member.key in change.needs for member in group)
        )
        if not fits:
            yield tuple(group)
            group, filled = [], 0.0
        group.append(change)
        filled += weigh(change)
    if group:
        yield tuple(group)


def _kind(change: Change) -> tuple[str, str, str]:
    return change.company_id, change.entity, change.action


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
        for entry in doubtful:
            if entry not in repeated:
                outcomes.append(_settle(run, flow, entry, entry.change_key in wanted))
                run.progress(f"{entry.title}, left open before: {outcomes[-1].status}")
    return {outcome.change_key: outcome for outcome in outcomes}


def _apply_group(run: _Run, flow: Flow, group: Sequence[Change]) -> list[Outcome]:
    """One outcome for each change, in order; what has to be sent goes in a single call."""
    outcomes: dict[str, Outcome] = {}
    intents: list[Intent] = []
    known = run.ledger.entries(change.key for change in group)
    began = run.now()
    for change in group:
        step = _first_step(run, flow, change, known.get(change.key))
        if isinstance(step, Outcome):
            outcomes[change.key] = step
        else:
            intents.append(step)
    if intents:
        _refuse_if_late(run, began, intents[0].change.key)
    entries = run.ledger.intend(intents, run.context)
    outcomes |= {o.change_key: o for o in _send(run, flow, entries)}
    for change in group:
        _tell(run, change.title, outcomes[change.key])
    return [outcomes[change.key] for change in group]


def _first_step(run: _Run, flow: Flow, change: Change, entry: Entry | None) -> Outcome | Intent:
    """What the ledger, and if need be the other system, already say about this change."""
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
    return _found_already(run, flow, intent, entry) or intent


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


def _found_already(run: _Run, flow: Flow, intent: Intent, entry: Entry | None) -> Outcome | None:
    """Look before the first send, where the ledger may not know of an earlier one."""
    doubtful = run.look_first or (entry is not None and entry.tries > 1)
    if intent.change.action != "create" or not doubtful:
        return None
    probe = run.ledger.would_be(intent, run.context)
    remote_id = _look(flow, run.clients, probe)
    if remote_id is None:
        return Outcome(intent.change.key, "waiting", None, _HELD, 0) if run.hold_new else None
    message = "it was already there, found by its mark"
    run.ledger.adopt(intent, run.context, remote_id, message)
    return Outcome(intent.change.key, "done", remote_id, message, probe.tries)


def _settle(run: _Run, flow: Flow, entry: Entry, wanted: bool) -> Outcome:
    """Find out what became of a write that was left open, and finish it if it never arrived."""
    began = run.now()
    remote_id = _look(flow, run.clients, entry)
    young = began - entry.last_tried_at <= run.patience.visible_within
    patience = run.patience if flow.recognised else replace(run.patience, request_memory=_NONE)
    may_repeat = not flow.sent_once and may_send_again(entry, began, patience)
    if remote_id is None and wanted and may_repeat:
        _refuse_if_late(run, began, entry.change_key)
        return _send(run, flow, run.ledger.intend_again([entry]), again=True, young=young)[0]
    found = _verdict(entry, remote_id, undecided=wanted or young or flow.sent_once)
    run.ledger.finish(flow.name, [found])
    return _outcome(entry, found)


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


def may_send_again(entry: Entry, now: datetime, patience: Patience) -> bool:
    """May the same bytes leave again after a look that found nothing?

    Yes if for every earlier try either the vendor still remembers its request id, or the look
    would have found what it made.
    """
    return (
        patience.request_memory >= patience.visible_within
        or now - entry.intended_at < patience.request_memory
        or now - entry.last_tried_at > patience.visible_within
    )


def _look(flow: Flow, clients: Clients, entry: Entry) -> str | None:
    reach(f"{flow.name}.before_look")
    remote_id = flow.find(clients, entry)
    reach(f"{flow.name}.after_look")
    return remote_id


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
    run: _Run, flow: Flow, entries: Sequence[Entry], again: bool = False, young: bool = False
) -> list[Outcome]:
    """Send entries whose intent is durable and make their outcomes durable.

    `again`: an earlier run may have sent them; `young`: so lately that a look proves nothing.
    """
    if not entries:
        return []
    silence: ReplyLost | None = None
    try:
        answers = _insist(run, flow, entries, again)
        findings = [_finding(e, a, young) for e, a in zip(entries, answers, strict=True)]
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
    barred = flow.barred(run.clients, entries)
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
