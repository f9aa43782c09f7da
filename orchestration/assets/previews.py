"""The first rows of each mart as a table for its page in Dagster: ids, codes, days and amounts.

Names, addresses and remarks stay out. Dagster keeps what it is told as long as its records, and
`crossfoot person remove` does not reach those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines import warehouse

MARTS = frozenset({"matched", "reconciliation", "sync"})
# As many as fit beside each other on an asset's page.
ROWS, CODES, FIGURES = 5, 2, 5
_CODE = re.compile(r"(.*_)?(id|code|class|method)|match_state|blocked_reason")
_PLACE = re.compile(r"(billing|shipping)_|.*postal")
_FIGURE = re.compile(r"(BOOLEAN|DATE|(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(\d+,\d+\))")
_COLUMNS = """
    select schema_name, table_name, column_name, data_type from duckdb_columns()
    where schema_name in ('matched', 'reconciliation', 'sync') and not internal
    order by schema_name, table_name, column_index
"""
Table = tuple[str, str]


def previews(path: Path, tables: Iterable[Table]) -> dict[Table, dg.TableMetadataValue]:
    """The preview of each of these marts; those that are no mart or hold nothing have none."""
    types: dict[Table, dict[str, str]] = {}
    for row in warehouse.read(path, _COLUMNS):
        own = types.setdefault((row["schema_name"], row["table_name"]), {})
        own[row["column_name"]] = row["data_type"]
    found = {one: _rows(path, one, types[one]) for one in tables if one in types}
    return {one: as_table(rows) for one, rows in found.items() if rows}


def shown(types: Mapping[str, str]) -> list[str]:
    """Which columns of a mart are shown, of all with their types: the first ids and codes, then
    amounts, and other figures and days."""
    codes = [
        name for name, kind in types.items()
        if kind == "VARCHAR" and _CODE.fullmatch(name) and not _PLACE.match(name)
    ]  # fmt: skip
    figures = [name for name, kind in types.items() if _FIGURE.fullmatch(kind)]
    figures.sort(key=lambda name: not types[name].startswith("DECIMAL"))
    return codes[:CODES] + figures[:FIGURES]


def as_table(rows: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Rows as Dagster's table; amounts and days as exact text, what is missing as nothing."""
    records = [dg.TableRecord({name: _cell(v) for name, v in row.items()}) for row in rows]
    schema = dg.TableSchema([dg.TableColumn(name, _kind(rows, name)) for name in rows[0]])
    return dg.MetadataValue.table(records, schema)


def _kind(rows: list[dict[str, Any]], name: str) -> str:
    first = next((row[name] for row in rows if row[name] is not None), "")
    return {bool: "bool", int: "int"}.get(type(first), "string")


def _cell(value: Any) -> str | int | bool:
    if isinstance(value, bool | int):
        return value
    return "" if value is None else str(value)


def _rows(path: Path, table: Table, types: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows with the most at stake, where a mart has amounts."""
    columns = shown(types)
    if not columns:
        return []
    amounts = (name for name in columns if types[name].startswith("DECIMAL"))
    first = next((f" ORDER BY {warehouse.identifier(a)} DESC NULLS LAST" for a in amounts), "")
    asked = ", ".join(map(warehouse.identifier, columns))
    place = ".".join(map(warehouse.identifier, table))
    return warehouse.read(path, f"SELECT {asked} FROM {place}{first} LIMIT {ROWS}")  # noqa: S608
