"""What the warehouse holds of an org's objects, for sweeps to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from dlt.common.normalizers.naming.snake_case import NamingConvention

from pipelines import warehouse
from pipelines.extract.salesforce_objects import table_name
from pipelines.extract.salesforce_sweep import Held


def held_in(path: Path, org_id: str) -> Held:
    """The rows of one org in the warehouse file, under the vendor's field names."""
    columns_of: dict[str, frozenset[str]] = {}
    asked_at: tuple[int, ...] | None = None

    def held(name: str, fields: Sequence[str]) -> pa.Table | None:
        nonlocal asked_at
        # While there are none, they are asked for again only when something was written.
        if not columns_of and asked_at != (asked_at := warehouse.identity(path)):
            columns_of.update(_columns(path))
        table, plain = table_name(name), NamingConvention().normalize_identifier
        wanted = {field: plain(field) for field in fields}
        if not set(wanted.values()) <= columns_of.get(table, frozenset()):
            return None
        listed = ", ".join(
            f'{warehouse.identifier(column)} AS "{field}"' for field, column in wanted.items()
        )
        place = f"{warehouse.identifier(warehouse.RAW_SALESFORCE)}.{warehouse.identifier(table)}"
        return warehouse.arrow(
            path,
            f"SELECT {listed} FROM {place} WHERE org_id = ?",  # noqa: S608
            [org_id],
        )

    return held


def _columns(path: Path) -> dict[str, frozenset[str]]:
    """The columns of every raw table; nothing when there is no warehouse yet."""
    if not warehouse.exists(path):
        return {}
    rows = warehouse.read(
        path,
        "SELECT table_name, list(column_name) AS names FROM information_schema.columns "
        "WHERE table_schema = ? GROUP BY table_name",
        [warehouse.RAW_SALESFORCE],
    )
    return {row["table_name"]: frozenset(row["names"]) for row in rows}
