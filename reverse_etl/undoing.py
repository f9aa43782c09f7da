"""From keys of applied changes to the plan that takes them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pipelines.errors import Stop
from reverse_etl import ledger, store
from reverse_etl.changes import Blocked, Change, Plan
from reverse_etl.ledger import Entry
from reverse_etl.plan import build_plan
from reverse_etl.state import State
from reverse_etl.syncs import registry, undo
from reverse_etl.syncs.flow import Clients, CompanyFacts, Facts


def undo_plan(
    state: State,
    keys: Sequence[str],
    clients: Clients,
    companies: Mapping[str, CompanyFacts],
    data_as_of: datetime,
    at: datetime,
) -> Plan:
    """The plan that takes these changes back; what cannot be is blocked with the reason.

    Reads each record as it is now. Raises `Stop` for a key that the ledger does not know.
    """
    entries = ledger.snapshot(state, registry.NAMES)
    known = {entry.change_key: entry for entry in entries}
    strange = [key for key in keys if key not in known]
    if strange or not keys:
        named = strange[0] if strange else "undo"
        problem = "the ledger does not know such a change"
        raise Stop("state", named, problem, "Take the key from raw_state.ledger.")
    rows = [_compensation(state, known[key], entries, clients, companies) for key in keys]
    flow = replace(undo.FLOW, changes=lambda marts, facts: iter(rows))
    return build_plan((flow,), {}, Facts(), entries, data_as_of, at)


def _compensation(
    state: State,
    entry: Entry,
    entries: Sequence[Entry],
    clients: Clients,
    companies: Mapping[str, CompanyFacts],
) -> Change | Blocked:
    later = [e for e in entries if e.base_key == entry.base_key and e.generation > entry.generation]
    if any(e.status != "refused" for e in later):
        words = f"{later[-1].change_key} was written after it; take that back first"
        return undo.blocked(entry, "written_again", words)
    closed = companies.get(entry.company_id, CompanyFacts()).book_close_on
    return undo.to_change(entry, _before(state, entry), clients, closed)


def _before(state: State, entry: Entry) -> dict[str, str | None]:
    """The fields as they were, by the plan that the change came from; none if it is not kept."""
    try:
        planned = store.load(state, entry.plan_checksum).changes
    except Stop:
        return {}
    own = (change for change in planned if change.key == entry.change_key)
    return {field.name: field.before for change in own for field in change.fields}
