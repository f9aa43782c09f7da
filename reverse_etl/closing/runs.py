"""Recorded runs: what a reconciliation found, kept so that the next week knows what it opens with.

A run is kept once: the same figures by the same rules in the same week leave nothing new behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.errors import Stop
from reverse_etl.changes import to_json
from reverse_etl.state import State

RUN_COLUMNS = {
    "run_number": "INTEGER",
    "week": "VARCHAR",
    "as_of_at": "TIMESTAMP WITH TIME ZONE",
    "known_at": "TIMESTAMP WITH TIME ZONE",
    "recorded_at": "TIMESTAMP WITH TIME ZONE",
    "figures_hash": "VARCHAR",
    "rules_hash": "VARCHAR",
    "page_hash": "VARCHAR",
    "is_concluded": "BOOLEAN",
}
# The moment until which words and writes are known to a warehouse (raw_state.copied).
COPIED = "copied"
COPIED_COLUMNS = {"copied_at": "TIMESTAMP WITH TIME ZONE"}
EXCEPTION_COLUMNS = {
    "run_number": "INTEGER",
    "exception_id": "VARCHAR",
    "mismatch_class": "VARCHAR",
    "company_id": "VARCHAR",
    "currency_code": "VARCHAR",
    "value_at_stake": "DECIMAL(18,2)",
    "is_material": "BOOLEAN",
    "details": "VARCHAR",
}
# What is still to be told of an exception when it is gone.
_DETAILS = (
    "severity", "org_id", "deal_id", "deal_name", "plan_step", "document_type", "document_id",
    "document_number", "account_name", "customer_name", "occurred_on", "reason",
)  # fmt: skip
_OF_SIGNATURES = "CHANGED_AFTER_SIGNOFF"
# When a reading ended, and when the vendor was asked for a figure.
_READINGS = {"extract_run": "finished_at", "control_total": "asked_at"}
_FOUND = f"""
    SELECT exception_id, mismatch_class, company_id, currency_code, value_at_stake, is_material,
        {", ".join(_DETAILS)}
    FROM reconciliation.exceptions
    WHERE movement <> 'closed'
    ORDER BY exception_id
"""  # noqa: S608 - the columns are constants
_BRIDGE = """
    SELECT company_id, currency_code, period, line_code, amount, documents
    FROM reconciliation.reconciliation_bridge
    WHERE period_kind IN ('to_date', 'month')
    ORDER BY company_id, currency_code, period, line_number
"""
_MOMENT = """
    SELECT
        as_of_at,
        (SELECT bool_and(verdict IN ('concluded', 'differs')) FROM reconciliation.data_verdict)
            AS is_concluded
    FROM intermediate.int_clock
"""


@dataclass(frozen=True)
class Run:
    """One reconciliation: the week it closes, the moment of its data by the vendors' clocks
    (`as_of_at`) and by ours (`known_at`), until when words and writes were known to it
    (`copied_at`), what it found and the hash of its figures."""

    week: str
    as_of_at: datetime
    known_at: datetime
    figures_hash: str
    is_concluded: bool
    found: tuple[Mapping[str, Any], ...]
    copied_at: datetime | None = None


@dataclass(frozen=True)
class RecordedRun:
    """A run in the state; `is_new` tells whether it was kept just now."""

    run_number: int
    week: str
    figures_hash: str
    exceptions: int
    is_new: bool


def read_run(path: Path, week: str, now: datetime) -> Run:
    """The run that a warehouse file holds, as that of a week.

    Raises `Stop` when nothing has been reconciled in it yet, and like `warehouse.read`.
    """
    if "exceptions" not in warehouse.tables(path, warehouse.RECONCILIATION):
        raise Stop(
            "warehouse", path.name, "nothing has been reconciled in it yet", "Run `crossfoot sync`."
        )
    (moment,) = warehouse.read(path, _MOMENT)
    found = warehouse.read(path, _FOUND)
    return Run(
        week=week,
        as_of_at=moment["as_of_at"],
        known_at=_known_at(path) or now,
        figures_hash=figures_hash(found, warehouse.read(path, _BRIDGE)),
        is_concluded=bool(moment["is_concluded"]),
        found=tuple(found),
        copied_at=_copied_at(path),
    )


def _copied_at(path: Path) -> datetime | None:
    if COPIED not in warehouse.tables(path, warehouse.RAW_STATE):
        return None
    (row,) = warehouse.read(path, f"SELECT copied_at FROM {warehouse.RAW_STATE}.{COPIED}")  # noqa: S608
    copied_at: datetime = row["copied_at"]
    return copied_at


def figures_hash(found: Sequence[Mapping[str, Any]], bridge: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the figures that a signature is about: each exception's amount and the bridge.

    Ages are no part of it: they change by themselves from day to day. Neither is what was changed
    after a signature: that follows from the signature itself.
    """
    told = ("exception_id", "mismatch_class", "company_id", "currency_code", "value_at_stake")
    figures = {
        "exceptions": [
            {name: _plain(row[name]) for name in told}
            for row in found
            if row["mismatch_class"] != _OF_SIGNATURES
        ],
        "bridge": [{name: _plain(value) for name, value in row.items()} for row in bridge],
    }
    return hashlib.sha256(to_json(figures).encode()).hexdigest()


def record(
    state: State,
    run: Run,
    rules_hash: str,
    page_hash: str,
    now: datetime,
    workbook_hash: str = "",
) -> RecordedRun:
    """Keep a run with the hashes of its page and spreadsheet, unless the last one of its week says
    the same."""
    with state.writing() as work:
        earlier = work.all("recorded_run", order="run_number", week=run.week)
        if earlier and _same(earlier[-1], run, rules_hash):
            return _recorded(earlier[-1], run, is_new=False)
        work.add(
            "recorded_run",
            [
                {
                    "week": run.week,
                    "as_of_at": run.as_of_at,
                    "known_at": run.known_at,
                    "recorded_at": now,
                    "figures_hash": run.figures_hash,
                    "rules_hash": rules_hash,
                    "page_hash": page_hash,
                    "is_concluded": run.is_concluded,
                    "workbook_hash": workbook_hash,
                    "copied_at": run.copied_at,
                }
            ],
        )
        kept = work.all("recorded_run", order="run_number", week=run.week)[-1]
        number = kept["run_number"]
        work.add("recorded_exception", [_exception(number, row) for row in run.found])
    return _recorded(kept, run, is_new=True)


def export_runs(state: State) -> list[dict[str, Any]]:
    """The runs as the warehouse reads them (raw_state.recorded_run)."""
    with state.reading() as work:
        rows = work.all("recorded_run", order="run_number")
    return [{name: row[name] for name in RUN_COLUMNS} for row in rows]


def stored(state: State, run_number: int) -> Mapping[str, Any]:
    """A recorded run as the state has it. Raises `Stop` where it has none of this number."""
    with state.reading() as work:
        row = work.one("recorded_run", run_number=run_number)
    if row is None:
        raise Stop(
            "close", f"run {run_number}", "the state has no such run", "Run `crossfoot sync`."
        )
    return row


def export_exceptions(state: State) -> list[dict[str, Any]]:
    """What the runs found, as the warehouse reads it (raw_state.recorded_exception)."""
    with state.reading() as work:
        return work.all("recorded_exception", order="run_number, exception_id")


def _known_at(path: Path) -> datetime | None:
    """The moment of the newest thing that was read: a version of a record, the end of a reading,
    a figure that the vendor was asked for."""
    moments = [
        ("greatest(known_from, known_to)", schema, table)
        for schema in (warehouse.HISTORY_SALESFORCE, warehouse.HISTORY_QUICKBOOKS)
        for table in sorted(warehouse.tables(path, schema))
    ] + [
        (column, schema, table)
        for schema in (warehouse.RAW_SALESFORCE, warehouse.RAW_QUICKBOOKS)
        for table, column in _READINGS.items()
        if table in warehouse.tables(path, schema)
    ]
    if not moments:
        return None
    each = " UNION ALL ".join(
        f"SELECT max({moment}) AS moment FROM {schema}.{warehouse.identifier(table)}"  # noqa: S608
        for moment, schema, table in moments
    )
    (row,) = warehouse.read(path, f"SELECT max(moment) AS moment FROM ({each})")  # noqa: S608
    known_at: datetime | None = row["moment"]
    return known_at


def _same(row: Mapping[str, Any], run: Run, rules_hash: str) -> bool:
    return (row["figures_hash"], row["rules_hash"], row["is_concluded"]) == (
        run.figures_hash,
        rules_hash,
        run.is_concluded,
    )


def _recorded(row: Mapping[str, Any], run: Run, is_new: bool) -> RecordedRun:
    return RecordedRun(row["run_number"], row["week"], row["figures_hash"], len(run.found), is_new)


def _exception(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: _plain(row[name]) for name in _DETAILS if row[name] is not None}
    return {
        "run_number": number,
        "exception_id": row["exception_id"],
        "mismatch_class": row["mismatch_class"],
        "company_id": row["company_id"],
        "currency_code": row["currency_code"],
        "value_at_stake": row["value_at_stake"],
        "is_material": bool(row["is_material"]),
        "details": to_json(told),
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int) else str(value)
