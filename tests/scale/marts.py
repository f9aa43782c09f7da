"""What two warehouses of one company are compared by: every mart, its columns, types and rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines import warehouse

MARTS = (warehouse.MATCHED, warehouse.RECONCILIATION, warehouse.SYNC)
Table = tuple[str, str]
Rows = list[tuple[Any, ...]]


def columns(path: Path) -> dict[Table, list[tuple[str, str]]]:
    """Of each mart its columns with their types, by name."""
    found: dict[Table, list[tuple[str, str]]] = {}
    for row in warehouse.read(
        path,
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
        " WHERE list_contains(?, table_schema) ORDER BY ALL",
        [list(MARTS)],
    ):
        table = (row["table_schema"], row["table_name"])
        found.setdefault(table, []).append((row["column_name"], row["data_type"]))
    return found


def require_the_same_rows(one: Path, other: Path) -> int:
    """How many rows there are; a failure that names each mart that differs and its first row."""
    tables, rows, differing = columns(one), 0, []
    with warehouse.reader(one) as left, warehouse.reader(other) as right:
        for table in tables:
            names = ", ".join(f'"{name}"' for name, _ in tables[table])
            here, there = _rows(left, table, names), _rows(right, table, names)
            rows += len(here)
            if here != there:
                pairs = zip([*here, None], [*there, None], strict=False)
                first = next((a, b) for a, b in pairs if a != b)
                told = f"{len(here)} and {len(there)} rows; first {first}"
                differing.append(f"{'.'.join(table)}: {told}")
    assert not differing, "\n".join(differing)
    print(f"\n{rows} rows of {len(tables)} marts are the same")
    return rows


def _rows(connection: warehouse.Connection, table: Table, names: str) -> Rows:
    """All rows in one order, columns by name, every value as it is: decimals with all their
    digits."""
    sql = f'SELECT {names} FROM {table[0]}."{table[1]}"'
    return sorted(connection.execute(sql).fetchall(), key=repr)
