"""From rows of the sync marts and the ledger to a plan. Pure: no clock, no file, no network.

For each row, by what the ledger knows of its key:

  nothing                      → planned
  done, data not newer         → left out and counted: the next extract will show it
  done, data newer, a create   → blocked as `done_but_not_seen`: never written twice by itself; as
                                 `taken_back` where a person had it taken back
  done, data newer, an update  → planned as the next generation: the record differs again
  refused, same payload        → stays refused, listed with the vendor's words
  refused, another payload     → planned again
  open or unknown              → listed apart; apply settles it before anything else
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from pipelines.errors import Stop
from reverse_etl.changes import (
    Blocked,
    Change,
    ChangeKey,
    Held,
    Plan,
    Unsettled,
    checksum,
    undo_key,
)
from reverse_etl.ledger import CHANGED_SINCE, RELEASED, WITHDRAWN, Entry
from reverse_etl.syncs.flow import Facts, Flow, Rows

# The vendor's trouble, not the row's: the same bytes may go through next time
# (salesforce_api 2.2 retry list; quickbooks_api 4.2, code 6000 "please wait").
PASSING_CODES = frozenset(
    {
        "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG",
        "REQUEST_LIMIT_EXCEEDED", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "10000",
        WITHDRAWN, RELEASED, CHANGED_SINCE,
    }
)  # fmt: skip
TAKEN_BACK = "taken_back"
CurrencySums = dict[str, Decimal]


@dataclass
class _Sorted:
    """Where the rows went, while a plan is being built."""

    changes: list[Change] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    done_before: int = 0


def build_plan(
    flows: Sequence[Flow],
    marts: Mapping[str, Rows],
    facts: Facts,
    entries: Sequence[Entry],
    data_as_of: datetime,
    made_at: datetime,
    shadowed: frozenset[str] = frozenset(),
) -> Plan:
    """The plan for these rows. The same rows and ledger give the same checksum. Changes of the
    `shadowed` flows are listed apart and are not part of it.

    Raises `Stop` when a mart breaks its contract or was built from data of another moment.
    """
    _refuse_mixed_data(marts, data_as_of)
    by_base = _by_base(entries)
    rows = [row for flow in flows for row in flow.changes(marts, facts)]
    sorted_rows = _sort(rows, by_base, data_as_of)
    shadow = tuple(change for change in sorted_rows.changes if change.flow in shadowed)
    sorted_rows.changes = [c for c in sorted_rows.changes if c.flow not in shadowed]
    changes = tuple(_without_orphans(sorted_rows, entries))
    total = checksum(changes)
    return Plan(
        plan_id=total[:12],
        made_at=made_at,
        data_as_of=data_as_of,
        flows=tuple(flow.name for flow in flows),
        changes=changes,
        blocked=tuple(sorted_rows.blocked),
        held=tuple(sorted_rows.held),
        unsettled=tuple(_unsettled(flows, rows, entries)),
        done_before=sorted_rows.done_before,
        checksum=total,
        shadow=shadow,
    )


def sums(items: Iterable[Change | Blocked | Held | Unsettled | Entry]) -> CurrencySums:
    """Net amounts per currency, by currency code; what moves no money is left out."""
    totals: CurrencySums = defaultdict(Decimal)
    for item in items:
        if item.amount is not None and item.currency_code:
            totals[item.currency_code] += item.amount
    return dict(sorted(totals.items()))


def may_succeed_unchanged(code: str, message: str) -> bool:
    """Is sending the very same bytes again worth while after this refusal?"""
    return code in PASSING_CODES or (code == "6000" and "please wait" in message.lower())


def drifted(
    stored: Plan, current: Plan, entries: Mapping[str, Entry], resolved: Mapping[str, str]
) -> tuple[Change, ...]:
    """Changes of a stored plan that today's data no longer asks for in the same words.

    What the ledger already knows is settled by the ledger, and a change that waits for another
    one goes nowhere by itself; neither counts. `resolved` maps payload to payload with
    references filled in, so that a customer made meanwhile is no difference.
    """
    wanted = {(c.key, _resolved(c, resolved)) for c in current.changes}
    return tuple(
        change
        for change in stored.changes
        if not _is_settled(entries.get(change.key), stored)
        and not any(_has_failed(entries.get(key)) for key in change.needs)
        and (change.key, _resolved(change, resolved)) not in wanted
    )


def _resolved(change: Change, resolved: Mapping[str, str]) -> str:
    return resolved.get(change.payload, change.payload)


def _is_settled(entry: Entry | None, stored: Plan) -> bool:
    """Does the ledger decide about this change, whatever today's data say?"""
    if entry is None:
        return False
    return entry.status != "refused" or entry.plan_checksum == stored.checksum


def _has_failed(entry: Entry | None) -> bool:
    return entry is not None and entry.status != "done"


def _refuse_mixed_data(marts: Mapping[str, Rows], data_as_of: datetime) -> None:
    for name, rows in marts.items():
        others = {row["data_as_of"] for row in rows if row.get("data_as_of")} - {data_as_of}
        if others:
            raise Stop(
                "warehouse",
                name,
                f"it was built from data of {min(others)}, the warehouse is of {data_as_of}",
                "Build the warehouse again, completely, then plan.",
            )


def _by_base(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries of each intention, newest generation last."""
    grouped: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: e.generation):
        grouped[entry.base_key].append(entry)
    return grouped


def _sort(
    rows: Sequence[Change | Blocked], by_base: Mapping[str, Sequence[Entry]], data_as_of: datetime
) -> _Sorted:
    result = _Sorted()
    seen: set[str] = set()
    for row in rows:
        if isinstance(row, Blocked):
            result.blocked.append(row)
        elif row.base in seen:
            detail = "another row of this plan has the same key"
            result.blocked.append(blocked(row, "same_record_twice", detail))
        else:
            seen.add(row.base)
            _place(result, row, by_base, data_as_of)
    return result


def _place(
    result: _Sorted, change: Change, by_base: Mapping[str, Sequence[Entry]], data_as_of: datetime
) -> None:
    """Put one change where the ledger says that it belongs."""
    entry = _relevant(change, by_base.get(change.base, ()))
    if entry is None:
        result.changes.append(change)
    elif entry.in_doubt:
        return
    elif entry.status == "refused":
        _place_refused(result, change, entry)
    elif data_as_of <= entry.known_as_of:
        result.done_before += 1
    elif change.action == "create":
        result.blocked.append(_made_before(change, entry, by_base))
    else:
        result.changes.append(_next_generation(change, entry))


def _made_before(change: Change, entry: Entry, by_base: Mapping[str, Sequence[Entry]]) -> Blocked:
    """Why what was made once is not made again by itself."""
    record = f"{entry.entity} {entry.remote_id}"
    undone = by_base.get(undo_key(entry.company_id, entry.change_key).base, ())
    if any(one.status == "done" for one in undone):
        words = f"{record} was taken back; `crossfoot overwrite {entry.change_key}` makes it again"
        return blocked(change, TAKEN_BACK, words)
    words = f"{record} was written, and the data does not show it"
    return blocked(change, "done_but_not_seen", words)


def _relevant(change: Change, known: Sequence[Entry]) -> Entry | None:
    """For an update its newest generation; for a create any that is still in doubt, else the newest
    of its own key or of a later generation, which a warehouse that was lost may not know of."""
    if change.action == "update":
        return known[-1] if known else None
    open_ones = [entry for entry in known if entry.in_doubt]
    newer = [entry for entry in reversed(known) if entry.generation >= change.generation]
    return next(iter(open_ones + newer), None)


def _place_refused(result: _Sorted, change: Change, entry: Entry) -> None:
    again = may_succeed_unchanged(entry.code, entry.vendor_message)
    if entry.fingerprint == change.fingerprint and not again:
        result.held.append(_held(change, entry))
    elif change.action == "update":
        result.changes.append(_next_generation(change, entry))
    else:
        result.changes.append(change)


def _next_generation(change: Change, entry: Entry) -> Change:
    """An update that was written before is a new write: it needs a request id of its own."""
    return _with_generation(change, entry.generation + 1)


def _with_generation(change: Change, generation: int) -> Change:
    key = replace(ChangeKey.parse(change.key), generation=generation)
    return replace(change, key=str(key), generation=generation)


def _held(change: Change, entry: Entry) -> Held:
    return Held(
        entry.change_key, change.flow, change.company_id, change.record_id, change.title,
        entry.code, entry.vendor_message, entry.tries, entry.intended_at, change.amount,
        change.currency_code,
    )  # fmt: skip


def _unsettled(
    flows: Sequence[Flow], rows: Sequence[Change | Blocked], entries: Sequence[Entry]
) -> Iterable[Unsettled]:
    """Everything in doubt, and whether the data of today still asks for it.

    A create is wanted while its row is there, whatever it says now: its stored bytes are what
    may have arrived. An update is wanted only if it would be the same one.
    """
    asked = {row.base: row for row in rows if isinstance(row, Change)}
    names = {flow.name for flow in flows}
    for entry in sorted(entries, key=lambda e: (e.intended_at, e.change_key)):
        if entry.in_doubt and entry.flow in names:
            row = asked.get(entry.base_key)
            same = row is not None and row.fingerprint == entry.fingerprint
            wanted = row is not None and (entry.action == "create" or same)
            yield Unsettled(
                entry.change_key, entry.flow, entry.company_id, entry.record_id, entry.title,
                entry.status, wanted, entry.tries, entry.intended_at, entry.amount,
                entry.currency_code,
            )  # fmt: skip


def _without_orphans(result: _Sorted, entries: Sequence[Entry]) -> Iterable[Change]:
    """Changes whose needs are met by the plan or by the ledger; the others become blocked."""
    planned = {change.key for change in result.changes}
    planned |= {e.change_key for e in entries if e.status == "done" or e.in_doubt}
    for change in result.changes:
        missing = [key for key in change.needs if key not in planned]
        if missing:
            detail = f"it needs {missing[0]}, which is neither done nor in this plan"
            result.blocked.append(blocked(change, "needs_another_change", detail))
        else:
            yield change


def blocked(change: Change, reason: str, detail: str) -> Blocked:
    """A change that may not be sent after all."""
    return Blocked(
        change.flow, change.company_id, change.record_id, change.plan_step, change.title,
        reason, detail, change.amount, change.currency_code,
    )  # fmt: skip
