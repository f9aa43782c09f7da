"""One way of comparing what was to be billed with what was billed, in a process of its own.

    plain_comparison.py METHOD WAREHOUSE

prints one line of JSON: processor seconds, peak memory and how many rows differ, and how. The two
sides are plan steps of deals and the invoices that bill them, one row each with the same key.
`join` is DuckDB's full outer join and nothing else, `crossfoot` the model that gives every step its
outcome, `datacompy` the package of that name over two pandas frames, which is
installed for the benchmark alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import duckdb

KEY = ("org_id", "deal_id", "plan_step")
COMPILED = (
    "dbt/compiled/crossfoot/models/intermediate/reconciliation/int_reconciliation__outcomes.sql"
)


def make_sides(warehouse: Path) -> int:
    """Keep both sides as tables beside the models; returns the number of steps."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists bench")
        connection.execute(
            "create or replace table bench.planned as select org_id, deal_id, plan_step, "
            "currency_code, due_on, amount from intermediate.int_billing_plan__steps"
        )
        connection.execute(
            "create or replace table bench.billed as select org_id, deal_id, plan_step, "
            "any_value(currency_code) as currency_code, min(invoice_on) as due_on, "
            "cast(sum(amount) as decimal(18, 2)) as amount "
            "from intermediate.int_reconciliation__documents where deal_id is not null group by all"
        )
        steps = connection.execute("select count(*) from bench.planned").fetchone()
    return steps[0] if steps else 0


def join(connection: duckdb.DuckDBPyConnection, _: Path) -> dict[str, int]:
    connection.execute(
        "create temp table compared as select planned.*, billed.amount as billed_amount, "
        "billed.currency_code as billed_currency, billed.due_on as billed_on "
        "from bench.planned full outer join bench.billed using (org_id, deal_id, plan_step)"
    )
    return _told(connection, "amount is distinct from billed_amount")


def crossfoot(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> dict[str, int]:
    model = (warehouse.parent / COMPILED).read_text(encoding="utf-8")
    connection.execute(f"create temp table compared as {model}")
    return _told(connection, "amount is distinct from invoiced_amount + duplicate_amount")


def datacompy(connection: duckdb.DuckDBPyConnection, _: Path) -> dict[str, int]:
    from datacompy import PandasCompare  # type: ignore[import-not-found]

    left, right = (connection.sql(f"from bench.{side}").df() for side in ("planned", "billed"))
    found = PandasCompare(left, right, join_columns=list(KEY))
    differing = int((~found.intersect_rows["amount_match"]).sum())
    return {
        "rows": len(found.intersect_rows) + len(found.df1_unq_rows) + len(found.df2_unq_rows),
        "differing": differing + len(found.df1_unq_rows) + len(found.df2_unq_rows),
    }


def _told(connection: duckdb.DuckDBPyConnection, differs: str) -> dict[str, int]:
    row = connection.execute(
        f"select count(*), count(*) filter (where {differs}) from compared"
    ).fetchone()
    assert row is not None
    return {"rows": row[0], "differing": row[1]}


METHODS: dict[str, Callable[[duckdb.DuckDBPyConnection, Path], dict[str, int]]] = {
    "join": join,
    "crossfoot": crossfoot,
    "datacompy": datacompy,
}


def main() -> None:
    method, warehouse = sys.argv[1], Path(sys.argv[2])
    if method == "datacompy":
        import_module(method)  # its second of importing is not comparing
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set threads = 2; set TimeZone = 'UTC'")
        before, began = _cpu_seconds(), time.perf_counter()
        told = METHODS[method](connection, warehouse)
        spent = {
            "cpu_s": round(_cpu_seconds() - before, 2),
            "wall_s": round(time.perf_counter() - began, 2),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }
    print(json.dumps({"method": method} | spent | told))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
