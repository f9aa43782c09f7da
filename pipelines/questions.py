"""One question in SQL from somebody who may read the marts and nothing else.

DuckDB grants no rights, so the statement is taken apart before it runs: one SELECT, over tables of
the marts and over functions that reach nothing else. It runs in an instance of its own that holds
the published copy read-only, sees no file and no network, and is stopped when its time is up.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.errors import LimitExceeded, Refused, Stop
from pipelines.lake.address import lake_of
from pipelines.warehouse import MATCHED, RECONCILIATION, SYNC, attach, exists, explained

SCHEMAS = (MATCHED, RECONCILIATION, SYNC)
# Functions in FROM that make rows of what they are given.
_HARMLESS = frozenset({"unnest", "range", "generate_series"})
_PERSONAL = ("email", "phone", "mobile")
# Values of any column stand here as text, mail addresses too.
_SPELLED_OUT = frozenset({(MATCHED, "match_explanations")})
_NEXT = "Ask with one SELECT over reconciliation, matched or sync."


@dataclass(frozen=True)
class Found:
    """The rows of an answer; `is_cut` says that there are more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool


def ask(path: Path, sql: str, *, rows: int, seconds: float, personal: bool) -> Found:
    """Answer one question with at most so many rows.

    Without `personal` tables with mail addresses or telephone numbers are closed. Raises `Refused`
    with the reason for what may not be asked, `LimitExceeded` when the time is up, `Stop` where
    there is no published copy.
    """
    if not exists(path):
        raise Stop(
            "warehouse", str(path), "nothing is published yet", "Run `crossfoot judge` first."
        )
    connection = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"})
    try:
        _check(connection, path, sql, personal)
        return _answer(connection, sql, rows, seconds)
    except duckdb.InterruptException:
        raise LimitExceeded(
            "warehouse", "query", f"it took longer than {seconds:g} seconds",
            "Ask for less: fewer rows, one company, one period.",
        ) from None  # fmt: skip
    except (duckdb.IOException, duckdb.SerializationException) as problem:
        raise explained(path, problem) from None
    except duckdb.Error as problem:
        raise _refused(" ".join(str(problem).split())[:300]) from None
    finally:
        connection.close()


def _check(connection: duckdb.DuckDBPyConnection, path: Path, sql: str, personal: bool) -> None:
    """The published copy, open to reading alone, once the statement is one that may be asked."""
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _refused("it is not one SELECT")
    ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
    tree = json.loads(text)
    if tree.get("error"):
        raise _refused(str(tree.get("error_message", "it cannot be read")))
    attach(connection, path, "crossfoot")
    connection.execute("USE crossfoot")
    if lake := lake_of(path):
        # Its rows lie in files, and nothing else may be opened.
        connection.execute("SET allowed_directories = [?]", [lake.data])
    for setting in ("enable_external_access = false", "TimeZone = 'UTC'",
                    "enable_progress_bar = false", "lock_configuration = true"):  # fmt: skip
        connection.execute(f"SET {setting}")
    _refuse_others(connection, tree, personal)


def _refuse_others(connection: duckdb.DuckDBPyConnection, tree: Any, personal: bool) -> None:
    named = {name.lower() for name in _common_tables(tree)}
    closed = frozenset() if personal else _personal_tables(connection)
    for node in _nodes(tree, "BASE_TABLE"):
        schema, table = node["schema_name"].lower(), node["table_name"].lower()
        if not schema and not node["catalog_name"] and table in named:
            continue
        if node["catalog_name"].lower() not in ("", "crossfoot") or schema not in SCHEMAS:
            shown = f"{schema}.{table}" if schema else table
            raise _refused(f"{shown} is not one of the marts")
        if (schema, table) in closed:
            raise _refused(f"{schema}.{table} holds addresses of people, which this caller may not")
    ours = _macros(connection)
    for node in _nodes(tree, "TABLE_FUNCTION"):
        function = node["function"]
        name, schema = function["function_name"].lower(), function["schema"].lower()
        if (schema, name) not in ours and not (name in _HARMLESS and not schema):
            raise _refused(f"the function {name} may not be used here")


def _nodes(tree: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Every part of a statement of one kind, wherever it stands."""
    if isinstance(tree, dict):
        if tree.get("type") == kind and ("table_name" in tree or "function" in tree):
            yield tree
        for part in tree.values():
            yield from _nodes(part, kind)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part, kind)


def _common_tables(tree: Any) -> Iterator[str]:
    """Names that WITH gives."""
    if isinstance(tree, dict):
        for entry in (tree.get("cte_map") or {}).get("map", ()):
            yield str(entry["key"])
        for part in tree.values():
            yield from _common_tables(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _common_tables(part)


def _personal_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    rows: Sequence[tuple[str, str, str]] = connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns()"
        " WHERE database_name = 'crossfoot'"
    ).fetchall()
    found = {(s, t) for s, t, column in rows if any(word in column for word in _PERSONAL)}
    return frozenset(found) | _SPELLED_OUT


def _macros(connection: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    rows = connection.execute(
        "SELECT schema_name, function_name FROM duckdb_functions()"
        " WHERE database_name = 'crossfoot' AND function_type = 'table_macro'"
    ).fetchall()
    return frozenset((str(s), str(f)) for s, f in rows if s in SCHEMAS)


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, rows: int, seconds: float) -> Found:
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        cursor = connection.execute(sql)
        columns = tuple(str(column[0]) for column in cursor.description or ())
        found = cursor.fetchmany(rows + 1)
    finally:
        timer.cancel()
    return Found(columns, tuple(found[:rows]), len(found) > rows)


def _refused(reason: str) -> Refused:
    return Refused("warehouse", "query", reason, _NEXT, "NOT_ALLOWED", reason)
