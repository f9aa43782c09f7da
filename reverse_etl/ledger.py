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
from dataclasses import dataclass, fields
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

    def entry(self, key: str) -> Entry | None:
        return entry(self._state, key)

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
            self._lease.renew(work)
            entries = tuple(self._intend(work, intent, context) for intent in intents)
            reach(f"{flow}.in_intent")
        reach(f"{flow}.after_intent")
        return entries

    def intend_again(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """Count one more try of intents in doubt, with their stored bytes, all or none."""
        flow = entries[0].flow
        reach(f"{flow}.before_intent")
        with self._state.writing() as work:
            self._lease.renew(work)
            again = tuple(self._retried(work, entry) for entry in entries)
            reach(f"{flow}.in_intent")
        reach(f"{flow}.after_intent")
        return again

    def finish(self, flow: str, findings: Sequence[Finding]) -> None:
        """Make outcomes durable, all or none. Raises `Stop` for a change that is not in doubt."""
        if not findings:
            return
        with self._state.writing() as work:
            self._lease.renew(work)
            for finding in findings:
                self._finish(work, finding)
            reach(f"{flow}.in_outcome")
        reach(f"{flow}.after_outcome")

    def adopt(self, intent: Intent, context: Context, remote_id: str, message: str) -> None:
        """Record as done a change that was found in the other system though we never wrote it
        down: the ledger it was in is lost."""
        flow = intent.change.flow
        with self._state.writing() as work:
            self._lease.renew(work)
            self._intend(work, intent, context)
            self._finish(
                work, Finding(intent.change.key, "done", remote_id, "", message, "adopted")
            )
            reach(f"{flow}.in_outcome")
        reach(f"{flow}.after_outcome")

    def _intend(self, work: Transaction, intent: Intent, context: Context) -> Entry:
        row = work.one("ledger_entry", change_key=intent.change.key)
        if row is None:
            new = _new_entry(intent, context, self._lease.now())
            work.add("ledger_entry", [_row(new)])
            self._log(work, new.change_key, "intended", payload=new.payload)
            return new
        known = Entry(**row)
        if known.in_doubt and known.payload == intent.payload:
            return self._retried(work, known)
        if known.status != "refused":
            raise _must_not_send(known)
        return self._reopened(work, known, intent, context)

    def _retried(self, work: Transaction, known: Entry) -> Entry:
        at = self._lease.now()
        values = {"status": "open", "tries": known.tries + 1, "last_tried_at": at}
        self._move(work, known, values)
        self._log(work, known.change_key, "intended again")
        return Entry(**{**_row(known), **values})

    def _reopened(self, work: Transaction, known: Entry, intent: Intent, context: Context) -> Entry:
        """A refused change is tried once more, with what is wanted now."""
        fresh = _row(_new_entry(intent, context, self._lease.now()))
        fresh["tries"] = known.tries + 1
        self._move(work, known, fresh)
        self._log(work, known.change_key, "intended", payload=intent.payload)
        return Entry(**fresh)

    def _finish(self, work: Transaction, finding: Finding) -> None:
        row = work.one("ledger_entry", change_key=finding.change_key)
        known = Entry(**row) if row else None
        if known is None or not known.in_doubt:
            raise Stop(
                "state",
                finding.change_key,
                "an outcome arrived for a change that was not under way",
                "Report this: the ledger and the run disagree. Nothing more was sent.",
            )
        at = self._lease.now()
        values = {
            "status": finding.status,
            "remote_id": finding.remote_id or known.remote_id,
            "code": finding.code[:80],
            "vendor_message": finding.message,
            "finished_at": None if finding.status == "unknown" else at,
        }
        self._move(work, known, values)
        self._log(
            work, known.change_key, finding.event or finding.status,
            finding.remote_id, finding.code, finding.message,
        )  # fmt: skip

    def _move(self, work: Transaction, known: Entry, values: Mapping[str, Any]) -> None:
        """Update the entry if it still stands as we read it."""
        where = {"change_key": known.change_key, "status": known.status, "tries": known.tries}
        if work.change("ledger_entry", values, **where) != 1:
            raise Stop("state", known.change_key, "another run changed it meanwhile", "Run again.")

    def _log(
        self,
        work: Transaction,
        key: str,
        what: str,
        remote_id: str | None = None,
        code: str = "",
        message: str = "",
        payload: str | None = None,
    ) -> None:
        event = {
            "change_key": key, "at": self._lease.now(), "event": what, "run": self._lease.token,
            "remote_id": remote_id, "code": code[:80], "message": message, "payload": payload,
        }  # fmt: skip
        work.add("ledger_event", [event])


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


def _row(known: Entry) -> dict[str, Any]:
    return {f.name: getattr(known, f.name) for f in fields(known)}


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
