"""The door to everything that leaves: make a plan, approve it, apply it, copy the state.

The command line and Dagster call these few functions; each opens the state, does one thing and
closes it. A plan is applied from the state by its checksum, never from what a caller holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Conflict, Stop
from pipelines.settings import Settings
from reverse_etl import approvals, calls, decisions, ledger, policies, shadows, store, undoing
from reverse_etl import lease as leases
from reverse_etl.apply import ApplyResult, Progress, apply_plan, silent
from reverse_etl.approvals import Approval
from reverse_etl.changes import Change, Plan, from_json, references, resolve, to_json
from reverse_etl.closing import exceptions, runs, signing
from reverse_etl.connections import open_clients
from reverse_etl.failpoints import reach
from reverse_etl.guards import Bounds, of_the_day, over_day, refuse_if_unsafe
from reverse_etl.ledger import Entry, Ledger
from reverse_etl.opening import BORN_AS_OF, BORN_AT, note_birth, opened
from reverse_etl.patience import CAUTIOUS, Patience
from reverse_etl.plan import build_plan, drifted
from reverse_etl.state import State
from reverse_etl.syncs import registry, undo
from reverse_etl.syncs.flow import Clients, CompanyFacts, Facts, Flow, Rows

Now = Callable[[], datetime]
# How much newer than a state the data must be to show all that an earlier one may have written:
# as long as a write may stay hidden, and what two clocks may differ by.
_SHOWN_AFTER = CAUTIOUS.visible_within + timedelta(minutes=2)
# As long as data_verdict calls a source fresh.
_FRESH_FOR = timedelta(hours=26)


@dataclass(frozen=True)
class _View:
    """What a plan is made from: marts, companies' facts, how recent they are, the change keys in
    the warehouse's copy of the ledger with the ids of what is done, the sources that it could not
    conclude on, and whether records of the org have a currency."""

    marts: Mapping[str, Rows]
    companies: Mapping[str, CompanyFacts]
    data_as_of: datetime
    copied: Mapping[str, str | None]
    doubts: tuple[str, ...]
    has_currencies: bool = True


def make_plan(
    settings: Settings,
    flows: Sequence[str] | None = None,
    now: Now = leases.utc_now,
    author: str = "",
) -> Plan:
    """Make the plan for these flows (all that are not off, if none is named) from the marts, and
    store it with who made it. What shadowed flows would do is remembered, to be scored.

    Sends nothing. Raises `Stop` when the warehouse is missing, busy or breaks a contract, and
    `ConfigurationError` for a flow that is off.
    """
    chosen = policies.planned_flows(settings.policies, flows or ())
    shadowed = policies.shadowed(settings.policies, chosen)
    view = _view(settings, chosen)
    by_hand = _by_hand(settings) if "invoices" in shadowed else {}
    with opened(settings) as state:
        plan = _plan(settings, state, chosen, view, now())
        store.keep(state, plan, author.strip(), now())
        if shadowed:
            shadows.record(state, plan, shadowed, by_hand, now())
    return plan


def plan_automatic(
    settings: Settings, now: Now = leases.utc_now, flows: Sequence[str] = registry.PLANNED
) -> tuple[Plan, tuple[str, ...]]:
    """A plan of those of these flows that are in mode automatic, approved by the policy where it is
    within its limits; otherwise with the reasons why a person has to look."""
    own = [name for name in flows if settings.policies.of(name).mode == "automatic"]
    plan = make_plan(settings, own, now) if own else _no_plan(now())
    if not plan.changes:
        return plan, ()
    with opened(settings) as state:
        of_day = _of_the_day(state, now())
    beyond = (
        *policies.over_automatic(plan, settings.policies, _flow_records(settings)),
        *over_day(plan, settings.policies, of_day),
    )
    if not beyond:
        approve(settings, plan.checksum, policies.POLICY, "within the limits of the policy", now)
    return plan, beyond


def shadow_scores(settings: Settings) -> tuple[tuple[shadows.Score, ...], list[dict[str, Any]]]:
    """How the shadow plans compare with what people did, and what they did otherwise."""
    with opened(settings) as state:
        return shadows.scores(state), shadows.differing(state)


def doubts(settings: Settings) -> tuple[str, ...]:
    """Why no plan of today's warehouse may be applied, source by source; empty when it may."""
    return _view(settings, registry.chosen()).doubts


def stored_plan(settings: Settings, checksum: str) -> Plan:
    """A plan made before, by its checksum or the start of it. Raises `Stop` for an unknown one."""
    with opened(settings) as state:
        return store.load(state, checksum)


def approve(
    settings: Settings, checksum: str, who: str, note: str = "", now: Now = leases.utc_now
) -> Approval:
    """Record that a person allows this plan, for as long as the policy says (24 hours).

    Raises `Stop` for an unknown one, `ApprovalMissing` for who may not approve it.
    """
    with opened(settings) as state:
        plan = store.load(state, checksum)
        authors = store.authors(state, plan.checksum)
        policies.refuse_approver(plan, settings.policies, who.strip(), authors)
        hours = policies.valid_for(plan, settings.policies)
        return approvals.approve(state, plan.checksum, who, now(), hours, note)


def apply(
    settings: Settings,
    checksum: str,
    progress: Progress = silent,
    *,
    clients: Clients | None = None,
    now: Now = leases.utc_now,
    patience: Patience = CAUTIOUS,
) -> ApplyResult:
    """Carry out an approved plan; a second time it finds everything done and sends nothing.

    Raises `ApprovalMissing`, `LimitExceeded`, `WrongCompany`, `Conflict` when the data no longer
    ask for what the plan says, `Stop` when another apply is under way, and whatever stopped a run
    on its way; what was done until then is in the ledger.
    """
    with opened(settings) as state, leases.hold(state, "apply", now) as lease:
        plan = store.load(state, checksum)
        policies.refuse_unsent(plan, settings.policies)
        approval = approvals.find(state, plan.checksum, now())
        approvals.require(plan, approval, now())
        if approval is not None:
            authors = store.authors(state, plan.checksum)
            policies.refuse_approver(plan, settings.policies, approval.who, authors)
        view = _view(settings, registry.chosen(plan.flows))
        bounds = _bounds(settings, view, now(), _of_the_day(state, now()))
        open_ones = [e for e in ledger.snapshot(state, plan.flows) if e.in_doubt]
        refuse_if_unsafe(plan, bounds, view.data_as_of, open_ones)
        with calls.recording_in(state, "apply") as record:
            opened_clients = clients or open_clients(settings, record)
            current = _asked_again(settings, state, plan, view, opened_clients, now())
            _refuse_if_drifted(state, plan, current)
            forgetful = _may_have_forgotten(settings, state, view, now())
            return apply_plan(
                _with_unsettled(plan, current),
                Ledger(state, lease),
                opened_clients,
                known_as_of=view.data_as_of,
                now=now,
                progress=progress,
                patience=patience,
                look_first=forgetful,
                hold_new=forgetful and settings.profile == "live",
            )


def plan_undo(
    settings: Settings,
    keys: Sequence[str] = (),
    of_plan: str = "",
    *,
    clients: Clients | None = None,
    now: Now = leases.utc_now,
    author: str = "",
) -> Plan:
    """The plan that takes back these changes, or all that a plan has done; what cannot be taken
    back is blocked with the reason. Reads each record as it is now; sends nothing.

    Raises `Stop` for a key that the ledger does not know.
    """
    view = _view(settings, registry.chosen([undo.NAME]))
    with opened(settings) as state, calls.recording_in(state, "undo") as record:
        wanted = list(keys)
        if of_plan:
            checksum = store.load(state, of_plan).checksum
            entries = ledger.snapshot(state, registry.NAMES)
            wanted += [e.change_key for e in entries if e.plan_checksum == checksum]
        at = now()
        plan = undoing.undo_plan(
            state, wanted, clients or open_clients(settings, record), view.companies,
            view.data_as_of, at,
        )  # fmt: skip
        store.keep(state, plan, author.strip(), at)
    return plan


def copy_state(settings: Settings, now: Now = leases.utc_now) -> None:
    """Copy ledger, decisions and the recorded weeks into the warehouse (raw_state), before each
    build; with the moment, so that the same can be told again later."""
    copied_at = now()
    with opened(settings) as state:
        copies = (
            ("ledger", ledger.EXPORT_COLUMNS, ledger.export_rows(state)),
            ("match_decision", decisions.EXPORT_COLUMNS, decisions.export_rows(state)),
            ("match_decision_period", decisions.PERIOD_COLUMNS, decisions.export_periods(state)),
            ("recorded_run", runs.RUN_COLUMNS, runs.export_runs(state)),
            ("recorded_exception", runs.EXCEPTION_COLUMNS, runs.export_exceptions(state)),
            ("exception_event", exceptions.EXPORT_COLUMNS, exceptions.export_rows(state)),
            ("sign_off", signing.EXPORT_COLUMNS, signing.export_rows(state)),
        )
    with warehouse.writer(settings.warehouse_path) as connection:
        for table, columns, rows in copies:
            warehouse.fill_table(connection, warehouse.RAW_STATE, table, columns, rows)
        moment = [{"copied_at": copied_at}]
        warehouse.fill_table(
            connection, warehouse.RAW_STATE, runs.COPIED, runs.COPIED_COLUMNS, moment
        )
    reach("state.copied")


def reopen(
    settings: Settings, key: str, who: str, reason: str, now: Now = leases.utc_now
) -> decisions.Reopening:
    """Allow an invoice that a person voided or deleted to be written once more."""
    with opened(settings) as state:
        return decisions.reopen(state, key, who, now(), reason)


def release(settings: Settings, key: str, who: str, reason: str, now: Now = leases.utc_now) -> None:
    """Allow a refused change to be tried again unchanged, because its cause was mended."""
    with opened(settings) as state:
        decisions.release(state, key, who, reason, now())


def _may_have_forgotten(settings: Settings, state: State, view: _View, at: datetime) -> bool:
    """Could a write be missing from this ledger although the warehouse does not show it yet?

    Yes when the state is younger than the data (it was lost and made anew, or restored), or when
    the copy of the ledger in the warehouse knows a change that the state does not (it was set
    back): then the state counts as born now.
    """
    known = {entry.change_key for entry in ledger.snapshot(state, registry.NAMES)}
    if not view.copied.keys() <= known:
        note_birth(state, settings, at)
    return _is_too_young(settings, state, view)


def _is_too_young(settings: Settings, state: State, view: _View) -> bool:
    """Are the data not yet newer than all that was written before this state was born?"""
    born_at, as_of = store.fact(state, BORN_AT), store.fact(state, BORN_AS_OF)
    # A sandbox has a clock of its own, which may stand still: there the data are compared alone.
    if settings.profile == "live" and born_at:
        return view.data_as_of <= datetime.fromisoformat(born_at) + _SHOWN_AFTER
    return bool(as_of) and view.data_as_of <= datetime.fromisoformat(as_of or "")


def _view(settings: Settings, flows: Sequence[Flow]) -> _View:
    """All marts of these flows and what goes with them, as of one moment of the warehouse."""
    path = settings.warehouse_path
    names = [mart for flow in flows for mart in flow.marts]
    with warehouse.one_opening(path):
        _refuse_unjudged(path, warehouse.SYNC, names)
        _refuse_unjudged(path, warehouse.RECONCILIATION, ["data_verdict"])
        (seen,) = warehouse.read(path, _view_query(names))
    preferences = {p["company_id"]: from_json(p["payload"]) for p in seen["preferences"] or ()}
    return _View(
        marts={name: seen[name] or () for name in names},
        companies={company: company_facts(found) for company, found in preferences.items()},
        data_as_of=seen["data_as_of"],
        copied={c["change_key"]: c["remote_id"] for c in seen["copied"] or ()},
        doubts=tuple(
            f"{d['system']} {d['source_id']}: {d['reason']}" for d in seen["doubts"] or ()
        ),
        has_currencies=bool(seen["has_currencies"]),
    )


def _refuse_unjudged(path: Path, schema: str, names: Sequence[str]) -> None:
    there = warehouse.tables(path, schema)
    lacking = sorted(set(names) - there)
    if lacking and there & set(names):
        raise Stop(
            "warehouse", path.name,
            f"it was built by another version, which did not know {', '.join(lacking)}",
            "Run `crossfoot judge`, which builds it anew from what was read.",
        )  # fmt: skip
    if lacking:
        raise Stop(
            "warehouse", path.name, "nothing was read and judged yet", "Run `crossfoot sync` first."
        )


def _view_query(marts: Sequence[str]) -> str:
    """One statement for everything, so that no build can slip in between two of its parts."""
    parts = [
        "(SELECT as_of_at FROM intermediate.int_clock) AS data_as_of",
        "(SELECT list(p) FROM raw_quickbooks.preferences AS p) AS preferences",
        # No reading yet says nothing; one without the column is that of an org of one currency.
        "(SELECT coalesce(bool_or(column_name = 'currency_iso_code'), true) FROM duckdb_columns() "
        "WHERE schema_name = 'raw_salesforce' AND table_name = 'opportunity') AS has_currencies",
        "(SELECT list({'change_key': change_key, 'remote_id': remote_id}) FROM raw_state.ledger) "
        "AS copied",
        "(SELECT list(v ORDER BY system DESC, source_id) FROM reconciliation.data_verdict AS v "
        "WHERE verdict NOT IN ('concluded', 'differs')) AS doubts",
    ]
    # The names come from the registry of flows and are checked to be plain ones.
    parts += [
        f"(SELECT list(m) FROM {warehouse.SYNC}.{warehouse.identifier(name)} AS m) AS {name}"  # noqa: S608
        for name in marts
    ]
    return f"SELECT {', '.join(parts)}"


def company_facts(preferences: Mapping[str, Any]) -> CompanyFacts:
    """Book close date, from a Preferences object (quickbooks_api 2.10)."""
    closed = preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    return CompanyFacts(date.fromisoformat(closed) if closed else None)


def _plan(
    settings: Settings, state: State, flows: Sequence[Flow], view: _View, at: datetime
) -> Plan:
    entries = ledger.snapshot(state, registry.NAMES)
    opened = _reopened(settings, state, view, entries)
    used = {entry.base_key: entry.generation for entry in sorted(entries, key=_generation)}
    unused = {base: number for base, number in opened.items() if number > used.get(base, 0)}
    facts = Facts(view.companies, opened, unused, view.has_currencies)
    shadowed = policies.shadowed(settings.policies, flows)
    return build_plan(flows, view.marts, facts, entries, view.data_as_of, at, shadowed)


def _asked_again(
    settings: Settings, state: State, plan: Plan, view: _View, clients: Clients, at: datetime
) -> Plan:
    """What would be planned now in place of a stored plan."""
    if plan.flows != (undo.NAME,):
        return _plan(settings, state, registry.chosen(plan.flows), view, at)
    keys = [undo.taken_back(change) for change in plan.changes]
    return undoing.undo_plan(state, keys, clients, view.companies, view.data_as_of, at)


def _no_plan(at: datetime) -> Plan:
    return build_plan((), {}, Facts(), (), at, at)


def _flow_records(settings: Settings) -> dict[str, int]:
    """How many records each flow looks after."""
    _refuse_unjudged(settings.warehouse_path, warehouse.SYNC, ["sync_flow_records"])
    rows = warehouse.read(settings.warehouse_path, "SELECT * FROM sync.sync_flow_records")
    return {row["flow"]: row["record_count"] for row in rows}


def _by_hand(settings: Settings) -> dict[tuple[str, int], Decimal]:
    """Net amount that is invoiced for each step of each deal, by whatever hand."""
    rows = warehouse.read(
        settings.warehouse_path,
        "SELECT deal_id, plan_step, sum(allocated_amount) AS amount FROM matched.matched_invoices "
        "WHERE match_state IN ('confirmed', 'manual') AND deal_id IS NOT NULL "
        "AND plan_step IS NOT NULL GROUP BY deal_id, plan_step",
    )
    return {(row["deal_id"], row["plan_step"]): row["amount"] for row in rows}


def _reopened(
    settings: Settings, state: State, view: _View, entries: Sequence[Entry]
) -> dict[str, int]:
    """The generation a person allowed, by base key, where the warehouse has judged what it is to
    replace: a document it does not know of yet may be alive."""
    if _is_too_young(settings, state, view):
        return {}
    unjudged = {
        e.base_key
        for e in entries
        if e.status == "done" and view.copied.get(e.change_key) != e.remote_id
    }
    found = decisions.reopenings(state)
    return {base: r.generation for base, r in found.items() if base not in unjudged}


def _generation(entry: Entry) -> int:
    return entry.generation


def _of_the_day(state: State, at: datetime) -> tuple[Entry, ...]:
    return of_the_day(ledger.snapshot(state, registry.NAMES), at)


def _bounds(settings: Settings, view: _View, at: datetime, of_day: tuple[Entry, ...]) -> Bounds:
    limits = settings.limits
    closed = {c: f.book_close_on for c, f in view.companies.items() if f.book_close_on}
    return Bounds(
        org_id=settings.salesforce.org_id,
        company_ids=frozenset(c.realm_id for c in settings.quickbooks.companies),
        max_changes=limits.max_changes,
        max_amount=limits.max_amount,
        max_creates_per_flow=limits.max_creates_per_flow,
        book_close_on=closed,
        doubts=view.doubts,
        # A sandbox has a clock of its own, which stands still.
        oldest_data=at - _FRESH_FOR if settings.profile == "live" else None,
        policies=settings.policies,
        of_the_day=of_day,
    )


def _refuse_if_drifted(state: State, plan: Plan, current: Plan) -> None:
    entries = {entry.change_key: entry for entry in ledger.snapshot(state, registry.NAMES)}
    resolved = _payloads_with_ids((*plan.changes, *current.changes), entries)
    gone = drifted(plan, current, entries, resolved)
    if gone:
        named = ", ".join(change.title for change in gone[:3])
        raise Conflict(
            "plan",
            plan.plan_id,
            f"{len(gone)} of its {len(plan.changes)} changes no longer fit the data of "
            f"{current.data_as_of:%Y-%m-%d %H:%M} UTC ({named}{', …' if len(gone) > 3 else ''})",
            "Make a new plan and approve that one. Nothing was sent.",
        )


def _payloads_with_ids(changes: Sequence[Change], entries: Mapping[str, Entry]) -> dict[str, str]:
    """Payloads that refer to changes which are done, with those ids filled in."""
    ids = {k: e.remote_id for k, e in entries.items() if e.status == "done" and e.remote_id}
    filled = {}
    for change in changes:
        body = from_json(change.payload)
        keys = set(references(body))
        if keys and keys <= ids.keys():
            filled[change.payload] = to_json(resolve(body, ids))
    return filled


def _with_unsettled(plan: Plan, current: Plan) -> Plan:
    """The stored plan, with what is in doubt as of now: that may have changed since."""
    return Plan(**{**vars(plan), "unsettled": current.unsettled})


__all__ = [
    "ApplyResult", "apply", "approve", "copy_state", "make_plan", "plan_automatic", "plan_undo",
    "release", "reopen", "shadow_scores", "stored_plan",
]  # fmt: skip
