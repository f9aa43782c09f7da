"""What the warehouse holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from dlt.common.versioned_state import decompress_state

from pipelines import warehouse
from pipelines.extract.quickbooks import DELETION, ENTITIES
from pipelines.extract.quickbooks_changes import KnownIds
from pipelines.extract.salesforce import table_name


def known_ids(path: Path) -> KnownIds:
    """The ids of an entity that the warehouse holds and does not know as deleted, as they are
    when first asked for."""

    @cache
    def held() -> Mapping[tuple[str, str], frozenset[str]]:
        return _held_ids(path)

    def known(company_id: str, entity: str, since: datetime | None = None) -> frozenset[str]:
        found = held() if since is None else _held_ids(path, since)
        return found.get((company_id, entity), frozenset())

    return known


def holds_nothing(path: Path) -> Callable[[str, str], bool]:
    """Whether the warehouse holds no row of an entity, deleted or not, as it is when first asked
    for any of them."""

    @cache
    def held() -> frozenset[tuple[str, str]]:
        there = warehouse.tables(path, warehouse.RAW_QUICKBOOKS)
        entities = [entity for entity in ENTITIES if table_name(entity) in there]
        every = " UNION ALL ".join(
            f"SELECT DISTINCT company_id, '{entity}' AS entity FROM raw_quickbooks."  # noqa: S608
            f"{warehouse.identifier(table_name(entity))}"
            for entity in entities
        )
        rows = warehouse.read(path, every) if every else []
        return frozenset((row["company_id"], row["entity"]) for row in rows)

    return lambda company_id, entity: (company_id, entity) not in held()


def unfinished(path: Path, wait_seconds: float = 1.0) -> dict[str, str]:
    """How far the walks have come that are not at their end, by `system source object`.

    Asked of the state that dlt keeps in the warehouse beside the rows. Raises `WarehouseBusy` when
    somebody writes.
    """
    found: dict[str, str] = {}
    for schema, of in ((warehouse.RAW_SALESFORCE, "orgs"), (warehouse.RAW_QUICKBOOKS, "companies")):
        for name, entry in _kept_state(path, schema, of, wait_seconds):
            token = entry.get("walk") or entry.get("resume")
            if token:
                found[f"{schema.removeprefix('raw_')} {name}"] = f"{token['rows']:,} rows"
    return found


def _kept_state(
    path: Path, schema: str, of: str, wait_seconds: float
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The state of each object of each org or company."""
    if not warehouse.exists(path):
        return
    with warehouse.reader(path, wait_seconds) as connection:
        there = (
            "SELECT count(*) FROM information_schema.tables"
            " WHERE table_schema = ? AND table_name = '_dlt_pipeline_state'"
        )
        if connection.execute(there, [schema]).fetchall() == [(0,)]:
            return
        rows = connection.execute(
            f"SELECT state FROM {schema}._dlt_pipeline_state ORDER BY version DESC LIMIT 1"  # noqa: S608
        ).fetchall()
    for (state,) in rows:
        for source in decompress_state(state).get("sources", {}).values():
            for owner, objects in source.get(of, {}).items():
                for name, entry in objects.items():
                    if isinstance(entry, Mapping):
                        yield f"{owner} {name}", entry


def _held_ids(
    path: Path, since: datetime | None = None
) -> Mapping[tuple[str, str], frozenset[str]]:
    tables = warehouse.tables(path, warehouse.RAW_QUICKBOOKS)
    entities = {name: entity for entity in ENTITIES if (name := table_name(entity)) in tables}
    if not entities or DELETION not in tables:
        return {}
    every = " UNION ALL ".join(
        f"SELECT company_id, '{entity}' AS entity, id, last_updated_at, extracted_at"  # noqa: S608
        " FROM raw_quickbooks."
        f"{warehouse.identifier(name)}"
        for name, entity in entities.items()
    )
    # A record that was changed after its deletion has come back.
    gone = (
        "raw_quickbooks.deletion ON deletion.company_id = held.company_id"
        " AND deletion.entity = held.entity AND deletion.id = held.id"
        " AND deletion.deleted_at >= coalesce(held.last_updated_at, deletion.deleted_at)"
    )
    ids: dict[tuple[str, str], set[str]] = {}
    for row in warehouse.read(
        path,
        f"SELECT company_id, entity, id FROM ({every}) AS held ANTI JOIN {gone}"  # noqa: S608
        " WHERE extracted_at >= coalesce(CAST(? AS TIMESTAMPTZ), extracted_at)",
        [since],
    ):
        ids.setdefault((row["company_id"], row["entity"]), set()).add(row["id"])
    return {key: frozenset(found) for key, found in ids.items()}
