"""Brings together what a budget is made of: settings, the record of calls, the warehouse, and what
the vendors say when they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.budget.allowance import (
    DAY,
    SALESFORCE,
    Pool,
    quickbooks_pool,
    salesforce_pool,
)
from orchestration.budget.cost import Held, SourceCost, quickbooks_cost, salesforce_cost
from orchestration.budget.forecast import history_begin, usual_round
from orchestration.budget.value import Budget, Cheaper, pool_budget
from pipelines import warehouse
from pipelines.clients.quickbooks import quickbooks_client
from pipelines.clients.recording import Recorder, VendorUsage
from pipelines.clients.salesforce import salesforce_client
from pipelines.errors import Unavailable
from pipelines.extract.objects import salesforce_objects
from pipelines.extract.quickbooks_entities import CURRENCIES, ENTITIES, condition
from pipelines.extract.salesforce_objects import OPTIONAL
from pipelines.settings import SalesforceSettings, Settings
from reverse_etl import calls
from reverse_etl.state import State

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Run:
    """The run in question: reading what is new or, with `full`, everything; with `sweep` the daily
    round in any case. `counted` rows by object, of orgs and companies that were asked."""

    full: bool = False
    sweep: bool = False
    counted: Counts = field(default_factory=dict)


def budget(settings: Settings, state: State, now: datetime, run: Run) -> Budget:
    """What the run costs and what is left. Makes no call.

    Raises `ConfigurationError` when a system is missing, `WarehouseBusy`.
    """
    record = calls.since(state, history_begin(now))
    with warehouse.one_opening(settings.warehouse_path):
        orgs = held(settings.warehouse_path, warehouse.RAW_SALESFORCE, "org_id")
        companies = held(settings.warehouse_path, warehouse.RAW_QUICKBOOKS, "company_id")
    usages = {
        org.org_id: calls.last_usage(state, SALESFORCE, org.org_id)
        for org in settings.salesforce_orgs
    }
    pools = [_org_pool(settings, org, usages, record, now) for org in settings.salesforce_orgs]
    given = settings.allowances
    pools.append(
        quickbooks_pool(given.quickbooks_reads_a_month, given.quickbooks_share, record, now)
    )

    rounds = {
        org.org_id: usual_round(record, SALESFORCE, org.org_id, now)
        for org in settings.salesforce_orgs
    }

    def costs(pool: Pool, run: Run) -> list[SourceCost]:
        if pool.source is not None:
            return _org_costs(settings, pool.source, orgs, now, run, rounds[pool.source])
        return _company_costs(settings, companies, now, run)

    return Budget(
        now,
        run.full,
        tuple(
            pool_budget(
                pool, costs(pool, run), costs(pool, replace(run, full=False)), record,
                settings.read_every_minutes, now,
                [
                    *_without_round(costs(pool, run), costs(pool, Run()) if run.sweep else ()),
                    *_lighter(settings, pool, orgs, now, run, rounds),
                ],
            )
            for pool in pools
        ),
    )  # fmt: skip


def _org_pool(
    settings: Settings,
    org: SalesforceSettings,
    usages: Mapping[str, calls.OrgUsage | None],
    record: Sequence[calls.HourOfCalls],
    now: datetime,
) -> Pool:
    usage, share = usages[org.org_id], settings.allowances.salesforce_share
    return salesforce_pool(org.org_id, allowed_calls(settings, usage), share, record, now, usage)


def _org_costs(
    settings: Settings, org_id: str, orgs: Mapping[str, Held], now: datetime, run: Run,
    round_calls: int,
) -> list[SourceCost]:  # fmt: skip
    objects = salesforce_objects(settings)
    name = next(org.name for org in settings.salesforce_orgs if org.org_id == org_id)
    holds, counted = orgs.get(org_id, Held()), run.counted.get(org_id)
    cost = salesforce_cost(org_id, name, objects, holds, now, run.full, counted, round_calls)
    return [_due(cost, run)]


def _lighter(
    settings: Settings, pool: Pool, orgs: Mapping[str, Held], now: datetime, run: Run,
    rounds: Mapping[str, int],
) -> list[Cheaper]:  # fmt: skip
    """Objects that Crossfoot can do without, the dearest three of this run."""
    if pool.source is None:
        return []
    org_id, round_calls = pool.source, rounds[pool.source]
    holds, counted = orgs.get(pool.source, Held()), run.counted.get(pool.source)
    objects = salesforce_objects(settings)

    def total(without: Sequence[str]) -> int:
        chosen = [o for o in objects if o not in without]
        cost = salesforce_cost(org_id, "", chosen, holds, now, run.full, counted, round_calls)
        return _due(cost, run).total

    whole = total(())
    dear = [o for o in objects if o in OPTIONAL and total([o]) < whole]
    dear = sorted(dear, key=lambda name: total([name]))[:3]
    names = ",".join(dear)
    what = f"leave out {' and '.join(dear)}: CROSSFOOT_SALESFORCE_WITHOUT={names}"
    return [Cheaper(what, total(dear), whole, "run")] if dear else []


def _without_round(asked: Sequence[SourceCost], usual: Sequence[SourceCost]) -> list[Cheaper]:
    """The run without a round of the day that was asked for and is not due."""
    dear, usual_calls = sum(c.total for c in asked), sum(c.total for c in usual)
    if not usual or usual_calls >= dear:
        return []
    what = "leave the round to its day: crossfoot extract without --sweep"
    return [Cheaper(what, usual_calls, dear, "run")]


def _company_costs(
    settings: Settings, companies: Mapping[str, Held], now: datetime, run: Run
) -> list[SourceCost]:
    return [
        _due(
            quickbooks_cost(
                c.realm_id, c.name, companies.get(c.realm_id, Held()), now, run.full,
                run.counted.get(c.realm_id),
            ),
            run,
        )
        for c in settings.quickbooks.companies
    ]  # fmt: skip


def _due(cost: SourceCost, run: Run) -> SourceCost:
    """With the daily round when it is asked for; where everything is read it is in it."""
    return replace(cost, is_daily_due=cost.is_daily_due or (run.sweep and not cost.is_whole))


# Fewer than any edition with an API allows: of an org that has never said anything.
LEAST_ALLOWED = 15_000


def allowed_calls(settings: Settings, usage: calls.OrgUsage | None) -> int:
    """Calls that an org allows in 24 hours: as set, as it said, or the least of any edition."""
    if settings.allowances.salesforce_calls_a_day is not None:
        return settings.allowances.salesforce_calls_a_day
    return usage.allowed if usage else LEAST_ALLOWED


def held(path: Path, schema: str, key: str) -> dict[str, Held]:
    """What a raw schema holds, by org or company."""
    names = warehouse.tables(path, schema)
    if "extract_run" not in names:
        return {}
    read_at: dict[str, dict[str, datetime]] = {}
    for row in warehouse.read(
        path,
        f"SELECT source_id, object, max(finished_at) AS at FROM {schema}.extract_run "  # noqa: S608
        "WHERE mode <> 'unfinished' GROUP BY source_id, object",
    ):
        read_at.setdefault(row["source_id"], {})[row["object"]] = row["at"]
    objects = {o for found in read_at.values() for o in found} & names
    rows = _rows(path, schema, key, sorted(objects))
    return {source: Held(rows.get(source, {}), read_at[source]) for source in read_at}


def _rows(path: Path, schema: str, key: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    if not names:
        return {}
    each = " UNION ALL ".join(
        f"SELECT {key} AS source, '{name}' AS name, count(*) AS held "  # noqa: S608
        f"FROM {schema}.{warehouse.identifier(name)} GROUP BY {key}"
        for name in names
    )
    found: dict[str, dict[str, int]] = {}
    for row in warehouse.read(path, each):
        found.setdefault(row["source"], {})[row["name"]] = row["held"]
    return found


# Asking the vendors ----------------------------------------------------------------------------


def ask_limits(settings: Settings, org: SalesforceSettings, book: calls.CallBook) -> None:
    """Ask an org what it allows and what is used: one call, which is kept in the state."""
    client = salesforce_client(settings, book, org)
    with client.session.purpose("budget"):
        daily: Any = client.limits().get("DailyApiRequests")
    if not isinstance(daily, dict) or not {"Max", "Remaining"} <= daily.keys():
        raise Unavailable(SALESFORCE, org.name, "it does not say how many calls it allows")
    used = int(daily["Max"]) - int(daily["Remaining"])
    book.told(VendorUsage(SALESFORCE, org.org_id, used, int(daily["Max"])))
    book.settle()


def is_known(state: State, org: SalesforceSettings, now: datetime) -> bool:
    """Whether the org said what is used within the last 24 hours."""
    usage = calls.last_usage(state, SALESFORCE, org.org_id)
    return usage is not None and usage.said_at > now - DAY


def ask_counts(settings: Settings, record: Recorder) -> Counts:
    """Ask the vendors how many rows there are: one call of each org, and one read for each entity
    of each company but the currencies, of which there are few and which not every company has."""
    counted: dict[str, dict[str, int]] = {}
    for org in settings.salesforce_orgs:
        objects = salesforce_objects(settings)
        path = f"limits/recordCount?sObjects={','.join(objects)}"
        told = salesforce_client(settings, record, org).get(path)
        counted[org.org_id] = {str(o["name"]): int(o["count"]) for o in told["sObjects"]}
    counting = [entity for entity in ENTITIES if entity not in CURRENCIES]
    for company in settings.quickbooks.companies:
        client = quickbooks_client(settings, company.realm_id, record)
        counted[company.realm_id] = client.counts({e: condition(e) for e in counting})
    return counted
