"""The values that a write goes through: change, blocked row, plan, outcome. All frozen.

A plan is built, sorted, hashed, shown, stored, approved and only then applied, so everything here
is plain data with one canonical JSON text: keys sorted, every digit of a Decimal kept. The same
rows therefore give the same checksum, today and after a round trip through storage.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import simplejson

from pipelines.errors import StateCorrupt

Action = Literal["create", "update"]
System = Literal["quickbooks", "salesforce"]
OutcomeStatus = Literal["done", "refused", "unknown", "waiting"]

REFERENCE = "$remote_id"
# The flow of what takes other changes back.
UNDO = "undo"
DATED = "TxnDate"
REQUEST_PREFIX = "crossfoot-"
_KEY = re.compile(r"([a-z_]+):([^:]+):([^:]+):(\d+):g(\d+)")


@dataclass(frozen=True)
class ChangeKey:
    """What makes two changes the same one. The payload is deliberately not part of it: an edited
    deal keeps its key, so that a changed amount cannot mint a second invoice."""

    flow: str
    company_id: str
    record_id: str
    plan_step: int
    generation: int

    def __str__(self) -> str:
        return f"{self.base}:g{self.generation}"

    @property
    def base(self) -> str:
        """The key without its generation: one intention, over all of its generations."""
        return f"{self.flow}:{self.company_id}:{self.record_id}:{self.plan_step}"

    @classmethod
    def parse(cls, text: str) -> ChangeKey:
        """Read `<flow>:<company>:<record>:<step>:g<generation>`; raises ValueError otherwise."""
        match = _KEY.fullmatch(text)
        if not match:
            raise ValueError(f"not a change key: {text!r}")
        return cls(match[1], match[2], match[3], int(match[4]), int(match[5]))


@dataclass(frozen=True)
class FieldDifference:
    """One field as it is and as it shall be, both as people read them; None is empty."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One record that shall exist, or look so, in the other system.

    `payload` is JSON text; `{"$remote_id": "<change key>"}` in it stands for an id that is known
    only after that other change. `amount` is net, in `currency_code`; None where no money moves.
    """

    key: str
    flow: str
    system: System
    company_id: str
    record_id: str
    plan_step: int
    generation: int
    action: Action
    entity: str
    remote_id: str | None
    title: str
    reason: str
    amount: Decimal | None
    currency_code: str | None
    fields: tuple[FieldDifference, ...]
    payload: str
    needs: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        return ChangeKey.parse(self.key).base

    @property
    def fingerprint(self) -> str:
        """Digest of the payload as planned, references unresolved and its date left out: the same
        refused invoice on another day is still the same."""
        body = from_json(self.payload)
        return digest(to_json({name: body[name] for name in body if name != DATED}))


@dataclass(frozen=True)
class Blocked:
    """A row that should lead to a write but may not, with the reason as a code and in words."""

    flow: str
    company_id: str
    record_id: str
    plan_step: int
    title: str
    reason: str
    detail: str
    amount: Decimal | None
    currency_code: str | None


@dataclass(frozen=True)
class Held:
    """A change the vendor refused before and whose payload is unchanged: not sent again."""

    change_key: str
    flow: str
    company_id: str
    record_id: str
    title: str
    code: str
    message: str
    tries: int
    since: datetime
    amount: Decimal | None
    currency_code: str | None


@dataclass(frozen=True)
class Unsettled:
    """A write whose outcome is not known. `wanted` says whether the data still asks for it."""

    change_key: str
    flow: str
    company_id: str
    record_id: str
    title: str
    status: str
    wanted: bool
    tries: int
    since: datetime
    amount: Decimal | None
    currency_code: str | None


@dataclass(frozen=True)
class Plan:
    """What would be written, in the order money needs, and everything that was left out and why.

    `data_as_of` is the vendors' clock at the end of the extract behind it. The checksum covers
    the changes alone: two plans with the same changes are one plan to whoever approves them.
    `shadow` are changes of flows that are only watched: shown, and never sent.
    """

    plan_id: str
    made_at: datetime
    data_as_of: datetime
    flows: tuple[str, ...]
    changes: tuple[Change, ...]
    blocked: tuple[Blocked, ...]
    held: tuple[Held, ...]
    unsettled: tuple[Unsettled, ...]
    done_before: int
    checksum: str
    shadow: tuple[Change, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Is there nothing for apply to do: no change, and no earlier write left open?"""
        return not (self.changes or self.unsettled)


@dataclass(frozen=True)
class Outcome:
    """How one change ended. `waiting` was not sent: a change it needs is not done.

    `fresh` is False where this run only found what an earlier one had finished.
    """

    change_key: str
    status: OutcomeStatus
    remote_id: str | None
    message: str
    tries: int
    fresh: bool = True

    @property
    def flow(self) -> str:
        return ChangeKey.parse(self.change_key).flow


def request_id(key: str) -> str:
    """The vendor's idempotency key for a change. It ends in 10 characters, as many as the id of a
    part of a QuickBooks batch may have: in a batch the vendor's key is the batch's request id
    followed by the part's id (quickbooks_api 2.8), so a change has the same key however it is sent.
    """
    digest_of = hashlib.sha256(key.encode()).digest()
    return REQUEST_PREFIX + base64.urlsafe_b64encode(digest_of)[:10].decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def undo_key(company_id: str, change_key: str) -> ChangeKey:
    """The key of what takes a change back: one for each generation of each change."""
    return ChangeKey(UNDO, company_id, digest(change_key)[:32], 0, 1)


def to_json(value: Any, indent: int | None = None) -> str:
    """Canonical JSON: sorted keys, no blanks, every digit of a Decimal kept, never a float."""
    return simplejson.dumps(
        _plain(value),
        use_decimal=True,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=(",", ":") if indent is None else (",", ": "),
    )


def from_json(text: str) -> Any:
    """Parse JSON with fractions as Decimal."""
    return simplejson.loads(text, use_decimal=True)


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and dates as what JSON knows; anything else unknown is an error."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float):
        raise TypeError("binary fractions never enter a plan; use Decimal")
    return value


def checksum(changes: Iterable[Change]) -> str:
    """SHA-256 over the sorted canonical texts of the changes."""
    return digest("\n".join(sorted(to_json(change) for change in changes)))


def references(value: Any) -> Iterator[str]:
    """The change keys a payload refers to by `{"$remote_id": key}`."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE}:
            yield value[REFERENCE]
        else:
            for part in value.values():
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def resolve(value: Any, remote_ids: Mapping[str, str]) -> Any:
    """The payload with each reference replaced by the remote id; KeyError for an unknown one."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE}:
            return remote_ids[value[REFERENCE]]
        return {k: resolve(v, remote_ids) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(part, remote_ids) for part in value]
    return value


def plan_from_json(text: str) -> Plan:
    """Read a stored plan. Raises `StateCorrupt` when it does not match its own checksum."""
    try:
        plan = _read_plan(from_json(text))
    except (KeyError, TypeError, ValueError) as problem:
        raise _tampered("the stored text is not a plan") from problem
    if checksum(plan.changes) != plan.checksum:
        raise _tampered(f"plan {plan.plan_id} does not match its checksum")
    return plan


def _tampered(problem: str) -> StateCorrupt:
    return StateCorrupt("state", "plan", problem, "Make a new plan; nothing was written.")


def _read_plan(raw: Mapping[str, Any]) -> Plan:
    return Plan(
        plan_id=raw["plan_id"],
        made_at=datetime.fromisoformat(raw["made_at"]),
        data_as_of=datetime.fromisoformat(raw["data_as_of"]),
        flows=tuple(raw["flows"]),
        changes=tuple(_read_change(c) for c in raw["changes"]),
        blocked=tuple(Blocked(**_with_amount(b)) for b in raw["blocked"]),
        held=tuple(Held(**_with_since(h)) for h in raw["held"]),
        unsettled=tuple(Unsettled(**_with_since(u)) for u in raw["unsettled"]),
        done_before=raw["done_before"],
        checksum=raw["checksum"],
        shadow=tuple(_read_change(c) for c in raw.get("shadow", ())),
    )


def _read_change(raw: Mapping[str, Any]) -> Change:
    parts = _with_amount(raw)
    parts["fields"] = tuple(FieldDifference(**f) for f in raw["fields"])
    parts["needs"] = tuple(raw["needs"])
    return Change(**parts)


def _with_amount(raw: Mapping[str, Any]) -> dict[str, Any]:
    amount = raw["amount"]
    return {**raw, "amount": None if amount is None else Decimal(amount)}


def _with_since(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {**_with_amount(raw), "since": datetime.fromisoformat(raw["since"])}
