"""The raw tables as they were known at a moment, in a warehouse file of their own.

What the extraction keeps of every record (see `extract.history`) is enough to judge any past
moment again by the very models that judge the present one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.warehouse import Connection, identifier

_HISTORIES = {
    warehouse.RAW_SALESFORCE: warehouse.HISTORY_SALESFORCE,
    warehouse.RAW_QUICKBOOKS: warehouse.HISTORY_QUICKBOOKS,
}
# Tables about the readings themselves have a moment of their own and no history.
_MOMENTS = {
    "extract_run": "finished_at", "control_total": "asked_at", "extract_load": "loaded_at",
    "extract_end": "loaded_at",
}  # fmt: skip
# What people and we ourselves did, each with the moment it was done at.
_SAID = {"exception_event": "decided_at", "sign_off": "signed_at"}
_DOCUMENTS = frozenset(
    {
        "invoice", "credit_memo", "refund_receipt", "sales_receipt", "payment", "estimate",
        "deposit",
    }
)  # fmt: skip
# Where other tables have the day of a record.
_DAYS = {"opportunity": "close_date", "transaction_list": "invoice_date"}
_SOURCE = "present"


@dataclass(frozen=True)
class Moment:
    """What shall be known: records as loaded until `known_at`, words said until `said_at`, runs
    recorded before `run_number`. With `dated_to`, documents and deals dated later are left out:
    that is for a past week with what is known today."""

    known_at: datetime
    said_at: datetime
    run_number: int
    dated_to: date | None = None


def write_as_known(source: Path, target: Path, moment: Moment) -> None:
    """Write the raw tables of `source` as they were known into the new file `target`.

    Nothing is judged in it yet. Raises like `warehouse.writer`.
    """
    with warehouse.writer(target) as connection:
        warehouse.attach(connection, source, _SOURCE)
        for raw, history in _HISTORIES.items():
            _write_system(connection, raw, history, moment)
        _write_state(connection, moment)
    # A connection keeps what is attached to it, so it ends with the block above.


def _write_system(connection: Connection, raw: str, history: str, moment: Moment) -> None:
    connection.execute(f"CREATE SCHEMA {identifier(raw)}")
    connection.execute(f"CREATE SCHEMA {identifier(history)}")
    kept = set(_tables(connection, history))
    for table in sorted(kept):
        connection.execute(
            f"CREATE TABLE {history}.{identifier(table)} AS"  # noqa: S608 - names of tables
            " SELECT * REPLACE (CASE WHEN known_to <= $known THEN known_to END AS known_to)"
            f" FROM {_SOURCE}.{history}.{identifier(table)} WHERE known_from <= $known",
            {"known": moment.known_at},
        )
        dated, given = _dated(table, moment)
        connection.execute(
            f"CREATE TABLE {raw}.{identifier(table)} AS"  # noqa: S608 - names of tables
            " SELECT * EXCLUDE (known_from, known_to), known_from AS loaded_at"
            f" FROM {history}.{identifier(table)} WHERE known_to IS NULL{dated}",
            given,
        )
    for table, column in _MOMENTS.items():
        if table in _tables(connection, raw):
            _copy(connection, raw, table, f"{column} <= $1", [moment.known_at])


def _dated(table: str, moment: Moment) -> tuple[str, dict[str, Any]]:
    """Leaves out what is dated later; a record without a date stays."""
    column = "payload ->> '$.TxnDate'" if table in _DOCUMENTS else _DAYS.get(table)
    if moment.dated_to is None or column is None:
        return "", {}
    return f" AND coalesce(try_cast({column} AS DATE) <= $day, true)", {"day": moment.dated_to}


def _write_state(connection: Connection, moment: Moment) -> None:
    raw = warehouse.RAW_STATE
    connection.execute(f"CREATE SCHEMA {raw}")
    there = set(_tables(connection, raw))
    for table in ("recorded_run", "recorded_exception"):
        if table in there:
            _copy(connection, raw, table, "run_number < $1", [moment.run_number])
    for table, column in _SAID.items():
        if table in there:
            _copy(connection, raw, table, f"{column} <= $1", [moment.said_at])
    if "ledger" in there:
        _write_ledger(connection, raw, moment.said_at)
    if "match_decision_period" in there:
        _write_decisions(connection, raw, moment.said_at)


def _write_ledger(connection: Connection, raw: str, said_at: datetime) -> None:
    """A write that had begun and not ended yet was open, whatever has become of it."""
    connection.execute(
        f"CREATE TABLE {raw}.ledger AS SELECT * REPLACE ("  # noqa: S608 - constants
        " CASE WHEN finished_at <= $said THEN status ELSE 'open' END AS status,"
        " CASE WHEN finished_at <= $said THEN remote_id END AS remote_id,"
        " CASE WHEN finished_at <= $said THEN finished_at END AS finished_at)"
        f" FROM {_SOURCE}.{raw}.ledger WHERE intended_at <= $said",
        {"said": said_at},
    )


def _write_decisions(connection: Connection, raw: str, said_at: datetime) -> None:
    """Decisions that counted then, and their past as it could be told then."""
    connection.execute(
        f"CREATE TABLE {raw}.match_decision_period AS SELECT * REPLACE ("  # noqa: S608 - constants
        " CASE WHEN valid_to <= $said THEN valid_to END AS valid_to,"
        " CASE WHEN valid_to <= $said THEN ended_how END AS ended_how,"
        " CASE WHEN valid_to <= $said THEN ended_by END AS ended_by,"
        " CASE WHEN valid_to <= $said THEN ended_reason END AS ended_reason)"
        f" FROM {_SOURCE}.{raw}.match_decision_period WHERE valid_from <= $said",
        {"said": said_at},
    )
    connection.execute(
        f"CREATE TABLE {raw}.match_decision AS"  # noqa: S608 - constants
        " SELECT * EXCLUDE (valid_from, valid_to, ended_how, ended_by, ended_reason)"
        f" FROM {raw}.match_decision_period WHERE valid_to IS NULL"
    )


def _copy(connection: Connection, schema: str, table: str, where: str, given: list[Any]) -> None:
    connection.execute(
        f"CREATE TABLE {schema}.{identifier(table)} AS"  # noqa: S608 - names of tables
        f" SELECT * FROM {_SOURCE}.{schema}.{identifier(table)} WHERE {where}",
        given,
    )


def _tables(connection: Connection, schema: str) -> Iterable[str]:
    rows: Iterator[tuple[str]] = iter(
        connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_catalog = ? AND table_schema = ? ORDER BY table_name",
            [_SOURCE, schema],
        ).fetchall()
    )
    return [name for (name,) in rows]
