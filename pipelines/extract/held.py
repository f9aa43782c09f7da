"""What the warehouse holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

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
