"""What is written down of every load, in one transaction after it: that nothing was lost on the
way, which objects were read to their end, and what the vendor's own figures say."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from pipelines import warehouse
from pipelines.errors import Incomplete
from pipelines.extract.history import FROM, VERSIONS
from pipelines.extract.intake import LOADED_AT, Intake
from pipelines.extract.results import ExtractResult
from pipelines.extract.salesforce import table_name
from pipelines.extract.systems import Source
from pipelines.warehouse import Connection, identifier

RUN_TABLE = "extract_run"
LOAD_TABLE = "extract_load"
END_TABLE = "extract_end"
_RUN_COLUMNS = {
    "run_id": "VARCHAR",
    "source_id": "VARCHAR",
    "object": "VARCHAR",
    "mode": "VARCHAR",
    "rows_read": "BIGINT",
    "rows_vendor": "BIGINT",
    "calls": "BIGINT",
    "server_time": "TIMESTAMPTZ",
    "finished_at": "TIMESTAMPTZ",
    "transport": "VARCHAR",
}
_LOAD_COLUMNS = {LOADED_AT: "TIMESTAMPTZ", "rows_loaded": "BIGINT", "finished_at": "TIMESTAMPTZ"}


def run_id() -> str:
    """A new name for one reading of one system."""
    return uuid.uuid4().hex


def refuse_lost_rows(connection: Connection, one: Source, intake: Intake) -> None:
    """Every row that was handed over has been taken in by dlt, and every key stands in its table
    with the stamp of this load, once.

    Raises `Incomplete` when rows were lost on the way, or came twice.
    """
    taken = one.pipeline.last_trace.last_normalize_info.row_counts
    for table, count in intake.rows.items():
        if taken.get(table, 0) != count:
            raise _lost(one, table, count, taken.get(table, 0))
        missing, more = _missing(connection, one, table, intake)
        if missing or more:
            raise _lost(one, table, count, count - missing + more)


def _missing(connection: Connection, one: Source, table: str, intake: Intake) -> tuple[int, int]:
    """How many keys of this load are not in the raw table with its stamp, and how many rows with
    its stamp are more than one of a key."""
    keys = pa.concat_tables(intake.keys[table])
    connection.register("handed_over", keys)
    same = " AND ".join(
        f'held.{identifier(_column(one, name))} = handed_over."{name}"'
        for name in keys.column_names
    )
    sql = (
        f"SELECT count(*) FROM handed_over ANTI JOIN {identifier(one.dataset)}."  # noqa: S608
        f"{identifier(table)} AS held ON {same} AND held.{LOADED_AT} = CAST(? AS TIMESTAMPTZ)"
    )
    ((missing,),) = connection.execute(sql, [intake.at]).fetchall()
    key = ", ".join(identifier(_column(one, name)) for name in keys.column_names)
    ((more,),) = connection.execute(
        f"SELECT count(*) - count(DISTINCT ({key})) FROM {identifier(one.dataset)}."  # noqa: S608
        f"{identifier(table)} WHERE {LOADED_AT} = CAST(? AS TIMESTAMPTZ)",
        [intake.at],
    ).fetchall()
    connection.unregister("handed_over")
    return int(missing), int(more)


def by_column(one: Source, keys: Sequence[pa.Table]) -> pa.Table:
    """Keys of one raw table under the names of its columns."""
    found = pa.concat_tables(keys)
    return found.rename_columns([_column(one, name) for name in found.column_names])


def _column(one: Source, name: str) -> str:
    """The raw column of a vendor's field."""
    return str(one.naming.normalize_identifier(name))


def _lost(one: Source, table: str, read: int, arrived: int) -> Incomplete:
    return Incomplete(
        one.name,
        table,
        f"{read} rows were read and {arrived} reached the warehouse",
        "Run the extraction again: it will read everything anew.",
    )


def forget(one: Source) -> None:
    """Remove what says how far reading has come, so that the next run reads everything."""
    with warehouse.writer(one.path) as connection:
        connection.execute(f"DELETE FROM {identifier(one.dataset)}._dlt_pipeline_state")  # noqa: S608


def record_results(
    connection: Connection, one: Source, run: str, results: Sequence[ExtractResult]
) -> None:
    """Objects that were read to their end, beside the vendor's count."""
    now = datetime.now(UTC)
    rows = [
        {
            "run_id": run,
            "source_id": r.source,
            "object": table_name(r.object),
            "mode": r.mode,
            "rows_read": r.rows,
            "rows_vendor": r.rows_vendor,
            "calls": r.calls,
            "server_time": r.server_time,
            "finished_at": now,
            "transport": r.transport or None,
        }
        for r in results
    ]
    # A warehouse of an earlier version has the table without its last column.
    connection.execute(
        f"ALTER TABLE IF EXISTS {identifier(one.dataset)}.{identifier(RUN_TABLE)} "
        "ADD COLUMN IF NOT EXISTS transport VARCHAR"
    )
    warehouse.append_rows(connection, one.dataset, RUN_TABLE, _RUN_COLUMNS, rows)


def record_load(connection: Connection, one: Source, intake: Intake) -> None:
    """One load and its moment. From the last of them the history is caught up."""
    row = {
        LOADED_AT: intake.at,
        "rows_loaded": intake.rows.total(),
        "finished_at": datetime.now(UTC),
    }
    warehouse.append_rows(connection, one.dataset, LOAD_TABLE, _LOAD_COLUMNS, [row])


def last_load(connection: Connection, dataset: str) -> datetime | None:
    """The moment of the last load that was written down, with its history."""
    return _latest(connection, dataset, LOAD_TABLE)


def record_end(connection: Connection, one: Source, intake: Intake) -> None:
    """That a run came to its end, by the moment of its last load."""
    columns = {LOADED_AT: "TIMESTAMPTZ"}
    warehouse.append_rows(connection, one.dataset, END_TABLE, columns, [{LOADED_AT: intake.at}])


def last_end(connection: Connection, dataset: str) -> datetime:
    """The moment of the last load of a run that came to its end; long ago when none did."""
    return _latest(connection, dataset, END_TABLE) or datetime.min.replace(tzinfo=UTC)


def _latest(connection: Connection, dataset: str, table: str) -> datetime | None:
    """The latest moment in a table of ours; None without the table or without rows."""
    kept = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        [dataset, table],
    ).fetchall()
    if kept == [(0,)]:
        return None
    sql = f"SELECT max({LOADED_AT}) FROM {identifier(dataset)}.{identifier(table)}"  # noqa: S608
    ((found,),) = connection.execute(sql).fetchall()
    return found.astimezone(UTC) if isinstance(found, datetime) else None


def last_moment(connection: Connection, dataset: str) -> datetime:
    """The latest moment that a raw row or a version bears, also of a load that was not written
    down. Later loads have later moments, whatever the machine's clock says."""
    dated = connection.execute(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE"
        " table_schema IN (?, ?) AND column_name IN (?, ?)"
        " AND data_type = 'TIMESTAMP WITH TIME ZONE'",
        [dataset, VERSIONS[dataset], LOADED_AT, FROM],
    ).fetchall()
    each = " UNION ALL ".join(
        f"SELECT max({identifier(column)}) FROM {identifier(schema)}.{identifier(table)}"  # noqa: S608
        for schema, table, column in dated
    )
    found = [moment for (moment,) in connection.execute(each).fetchall()] if dated else []
    moments = [moment.astimezone(UTC) for moment in found if isinstance(moment, datetime)]
    return max(moments, default=datetime.min.replace(tzinfo=UTC))
