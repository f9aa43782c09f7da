"""The ledger: what we meant to write, recorded before the call, and how it ended.

    (nothing) ──intend──► open ──finish──► done
                           │  ▲            refused ──intend (new or released payload)──► open
                           │  └─intend again (the same bytes)── unknown
                           └──finish──► unknown        (and from unknown to done or refused)

`open` and `unknown` both mean that the vendor may or may not have it; `open` is what a crash
leaves behind. `done` is final. An intent in doubt is repeated with its stored bytes only: other
content under the same key is an error here, whatever the caller thinks. Every step stays in
`ledger_event`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pipelines.errors import Stop
from reverse_etl.changes import Action, Change, ChangeKey, System, request_id
from reverse_etl.failpoints import reach
from reverse_etl.lease import Lease
from reverse_etl.state import State, Transaction

Status = Literal["open", "done", "refused", "unknown"]
IN_DOUBT: tuple[Status, ...] = ("open", "unknown")
# Codes of our own beside the vendors': why an entry is `refused` although nobody refused it.
WITHDRAWN = "withdrawn"
RELEASED = "released"
CHANGED_SINCE = "changed_since"

EXPORT_COLUMNS = {
    "change_key": "VARCHAR",
    "flow": "VARCHAR",
    "company_id": "VARCHAR",
    "record_id": "VARCHAR",
    "plan_step": "INTEGER",
    "generation": "INTEGER",
    "request_id": "VARCHAR",
    "status": "VARCHAR",
    "action": "VARCHAR",
    "entity": "VARCHAR",
    "remote_id": "VARCHAR",
    "amount": "DECIMAL(18,2)",
    "currency_code": "VARCHAR",
    "intended_at": "TIMESTAMP WITH TIME ZONE",
    "finished_at": "TIMESTAMP WITH TIME ZONE",
    "vendor_message": "VARCHAR",
    "payload": "VARCHAR",
    "known_as_of": "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. `payload` is exactly what was sent, `fingerprint` the digest of
    what was planned; `known_as_of` is how recent our data was when we wrote."""

    change_key: str
    base_key: str
    flow: str
    system: System
    company_id: str
    record_id: str
    plan_step: int
    generation: int
    request_id: str
    status: Status
    action: Action
    entity: str
    remote_id: str | None
    title: str
    amount: Decimal | None
    currency_code: str | None
    payload: str
    fingerprint: str
    plan_checksum: str
    look_since: datetime
    known_as_of: datetime
    tries: int
    code: str
    vendor_message: str
    intended_at: datetime
    last_tried_at: datetime
    finished_at: datetime | None

    @property
    def in_doubt(self) -> bool:
        return self.status in IN_DOUBT


@dataclass(frozen=True)
class Intent:
    """A change with its references resolved: `payload` are the bytes about to be sent."""

    change: Change
    payload: str


@dataclass(frozen=True)
class Finding:
    """How a sent change ended, as far as we know."""

    change_key: str
    status: Literal["done", "refused", "unknown"]
    remote_id: str | None = None
    code: str = ""
    message: str = ""
    event: str = ""


@dataclass(frozen=True)
class Context:
    """What is the same for all intents of one apply: the plan, and how recent our data is."""

    plan_checksum: str
    plan_data_as_of: datetime
    known_as_of: datetime


class Ledger:
    """The ledger of one state database; writing needs the lease."""

    def __init__(self, state: State, lease: Lease) -> None:
        self._state = state
        self._lease = lease

    def entries(self, keys: Iterable[str]) -> dict[str, Entry]:
        """The lines of these change keys, as far as there are any."""
        with self._state.reading() as work:
            return _known(work, list(keys))

    def in_doubt(self, flows: Sequence[str]) -> tuple[Entry, ...]:
        """Writes that earlier runs left open, oldest first."""
        with self._state.reading() as work:
            rows = work.all(
                "ledger_entry", order="intended_at, change_key", flow=flows, status=IN_DOUBT
            )
        return tuple(Entry(**row) for row in rows)

    def would_be(self, intent: Intent, context: Context) -> Entry:
        """The entry an intent would become, to look for it before it is written down."""
        return _new_entry(intent, context, self._lease.now())

    def intend(self, intents: Sequence[Intent], context: Context) -> tuple[Entry, ...]:
        """Make the intents durable, all or none, and return them as they now stand.

        Raises `Stop` if one of them is done already, or in doubt with other content.
        """
        if not intents:
            return ()
        flow = intents[0].change.flow
        reach(f"{flow}.before_intent")
        with self._state.writing() as work:
            entries = self._intend(work, intents, context)
            reach(f"{flow}.in_intent")
        reach(f"{flow}.after_intent")
        return entries

    def intend_again(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """Count one more try of intents in doubt, with their stored bytes, all or none."""
        flow = entries[0].flow
        reach(f"{flow}.before_intent")
        with self._state.writing() as work:
            self._lease.renew(work)
            again = tuple(_retried(entry, self._lease.now()) for entry in entries)
            _move(work, entries, again)
            self._log(work, [_event(entry, "intended again") for entry in again])
            reach(f"{flow}.in_intent")
        reach(f"{flow}.after_intent")
        return again

    def finish(self, flow: str, findings: Sequence[Finding]) -> None:
        """Make outcomes durable, all or none. Raises `Stop` for a change that is not in doubt."""
        if not findings:
            return
        with self._state.writing() as work:
            self._finish(work, findings)
            reach(f"{flow}.in_outcome")
        reach(f"{flow}.after_outcome")

    def adopt(self, intent: Intent, context: Context, remote_id: str, message: str) -> None:
        """Record as done a change that was found in the other system though we never wrote it
        down: the ledger it was in is lost."""
        flow = intent.change.flow
        found = Finding(intent.change.key, "done", remote_id, "", message, "adopted")
        with self._state.writing() as work:
            self._intend(work, [intent], context)
            self._finish(work, [found])
            reach(f"{flow}.in_outcome")
        reach(f"{flow}.after_outcome")

    def _intend(
        self, work: Transaction, intents: Sequence[Intent], context: Context
    ) -> tuple[Entry, ...]:
        self._lease.renew(work)
        at = self._lease.now()
        known = _known(work, [intent.change.key for intent in intents])
        entries = tuple(_intended(known.get(i.change.key), i, context, at) for i in intents)
        work.add("ledger_entry", [vars(e) for e in entries if e.change_key not in known])
        old = [e for e in entries if e.change_key in known]
        _move(work, [known[e.change_key] for e in old], old)
        self._log(work, [_intent_event(known.get(e.change_key), e) for e in entries])
        return entries

    def _finish(self, work: Transaction, findings: Sequence[Finding]) -> None:
        self._lease.renew(work)
        at = self._lease.now()
        known = _known(work, [finding.change_key for finding in findings])
        stray = [f.change_key for f in findings if not _awaits(known.get(f.change_key))]
        if stray:
            raise Stop(
                "state",
                stray[0],
                "an outcome arrived for a change that was not under way",
                "Report this: the ledger and the run disagree. Nothing more was sent.",
            )
        before = [known[finding.change_key] for finding in findings]
        after = [_finished(e, f, at) for e, f in zip(before, findings, strict=True)]
        _move(work, before, after)
        self._log(
            work,
            [
                _event(e, f.event or f.status, f.remote_id, f.code, f.message)
                for e, f in zip(after, findings, strict=True)
            ],
        )

    def _log(self, work: Transaction, events: Sequence[Mapping[str, Any]]) -> None:
        stamp = {"at": self._lease.now(), "run": self._lease.token}
        work.add("ledger_event", [{**event, **stamp} for event in events])


def _known(work: Transaction, keys: Sequence[str]) -> dict[str, Entry]:
    rows = work.all("ledger_entry", change_key=keys) if keys else []
    return {row["change_key"]: Entry(**row) for row in rows}


def _intended(known: Entry | None, intent: Intent, context: Context, at: datetime) -> Entry:
    """The entry of an intent. Raises `Stop` for one that must not be sent (again)."""
    new = _new_entry(intent, context, at)
    if known is None:
        return new
    if known.in_doubt and known.payload == intent.payload:
        return _retried(known, at)
    if known.status != "refused":
        raise _must_not_send(known)
    return replace(new, tries=known.tries + 1)


def _retried(known: Entry, at: datetime) -> Entry:
    return replace(known, status="open", tries=known.tries + 1, last_tried_at=at)


def _awaits(known: Entry | None) -> bool:
    return known is not None and known.in_doubt


def _finished(known: Entry, finding: Finding, at: datetime) -> Entry:
    return replace(
        known,
        status=finding.status,
        remote_id=finding.remote_id or known.remote_id,
        code=finding.code[:80],
        vendor_message=finding.message,
        finished_at=None if finding.status == "unknown" else at,
    )


def _move(work: Transaction, before: Sequence[Entry], after: Sequence[Entry]) -> None:
    """Update entries that still stand as we read them. Raises `Stop` if one does not."""
    where = [{"change_key": e.change_key, "status": e.status, "tries": e.tries} for e in before]
    if work.change_each("ledger_entry", [vars(e) for e in after], where) != len(before):
        key = before[0].change_key
        raise Stop("state", key, "another run changed it meanwhile", "Run again.")


def _intent_event(before: Entry | None, after: Entry) -> dict[str, Any]:
    """New bytes are kept in the history; repeated ones are there already."""
    if before and before.in_doubt:
        return _event(after, "intended again")
    return _event(after, "intended", payload=after.payload)


def _event(
    known: Entry,
    what: str,
    remote_id: str | None = None,
    code: str = "",
    message: str = "",
    payload: str | None = None,
) -> dict[str, Any]:
    return {
        "change_key": known.change_key, "event": what, "remote_id": remote_id,
        "code": code[:80], "message": message, "payload": payload,
    }  # fmt: skip


def entry(state: State, key: str) -> Entry | None:
    """The ledger's line for a change key, or None."""
    with state.reading() as work:
        row = work.one("ledger_entry", change_key=key)
    return Entry(**row) if row else None


def snapshot(state: State, flows: Iterable[str]) -> tuple[Entry, ...]:
    """All lines of these flows, sorted by key."""
    with state.reading() as work:
        rows = work.all("ledger_entry", order="change_key", flow=list(flows))
    return tuple(Entry(**row) for row in rows)


def made(state: State, company_id: str, remote_ids: Iterable[str]) -> set[tuple[str, str]]:
    """Those of these records of a company that we have made ourselves: their entity and id."""
    with state.reading() as work:
        rows = work.all(
            "ledger_entry", order="change_key", company_id=company_id, action="create",
            status="done", remote_id=list(remote_ids),
        )  # fmt: skip
    return {(row["entity"], row["remote_id"]) for row in rows}


def history(state: State, key: str) -> list[dict[str, Any]]:
    """Everything that ever happened to a change, oldest first."""
    with state.reading() as work:
        return work.all("ledger_event", order="number", change_key=key)


def release(state: State, key: str, who: str, why: str, at: datetime) -> None:
    """Let a refused change be tried again unchanged, because a person mended the cause.

    Raises `Stop` when the change is not refused.
    """
    with state.writing() as work:
        where = {"change_key": key, "status": "refused"}
        if work.change("ledger_entry", {"code": RELEASED}, **where) != 1:
            raise Stop("state", key, "it is not a refused change", "Look up its key in the ledger.")
        event = {
            "change_key": key, "at": at, "event": "released", "run": "", "remote_id": None,
            "code": "", "message": f"{who}: {why}", "payload": None,
        }  # fmt: skip
        work.add("ledger_event", [event])


def export_rows(state: State) -> list[dict[str, Any]]:
    """The ledger as the warehouse shows it to analysts (raw_state.ledger), sorted by key."""
    with state.reading() as work:
        rows = work.all("ledger_entry", order="change_key")
    return [{name: row[name] for name in EXPORT_COLUMNS} for row in rows]


def _must_not_send(known: Entry) -> Stop:
    problem = (
        f"it is done already ({known.entity} {known.remote_id})"
        if known.status == "done"
        else "its outcome is unknown and what is to be sent now differs from what was sent"
    )
    return Stop("state", known.change_key, problem, "Nothing was sent. Make a new plan.")


def _new_entry(intent: Intent, context: Context, at: datetime) -> Entry:
    change = intent.change
    return Entry(
        change_key=change.key,
        base_key=ChangeKey.parse(change.key).base,
        flow=change.flow,
        system=change.system,
        company_id=change.company_id,
        record_id=change.record_id,
        plan_step=change.plan_step,
        generation=change.generation,
        request_id=request_id(change.key),
        status="open",
        action=change.action,
        entity=change.entity,
        remote_id=change.remote_id,
        title=change.title,
        amount=change.amount,
        currency_code=change.currency_code,
        payload=intent.payload,
        fingerprint=change.fingerprint,
        plan_checksum=context.plan_checksum,
        look_since=context.plan_data_as_of,
        known_as_of=context.known_as_of,
        tries=1,
        code="",
        vendor_message="",
        intended_at=at,
        last_tried_at=at,
        finished_at=None,
    )
