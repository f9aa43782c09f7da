"""Whether the warehouse was built by this version: every mart that the project has is there.

A mart whose columns are others is met when it is read: the plan names the column and says what to
do (`reverse_etl.syncs.flow`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from orchestration.doctor.finding import Finding, bad, failed, good
from pipelines import warehouse
from pipelines.errors import CrossfootError
from pipelines.settings import Settings

_CODE = "machine.warehouse"
_SCHEMAS = (warehouse.MATCHED, warehouse.RECONCILIATION, warehouse.SYNC)
_TOLD_AT_ONCE = 3


def findings(settings: Settings) -> Iterator[Finding]:
    """Of the warehouse and of the copy for analysts; nothing where nothing was built yet."""
    wanted = marts(settings.dbt_dir)
    for subject, path in (
        ("warehouse", settings.warehouse_path), ("copy for analysts", settings.published_path),
    ):  # fmt: skip
        try:
            held = {f"{s}.{name}" for s in _SCHEMAS for name in warehouse.tables(path, s)}
        except CrossfootError as problem:
            yield failed(_CODE, subject, problem)
            continue
        if held:
            yield judge(subject, wanted, held)


def marts(project: Path) -> frozenset[str]:
    """The marts of this version, as `schema.table`."""
    return frozenset(
        f"{schema}.{file.stem}"
        for schema in _SCHEMAS
        for file in (project / "models" / schema).glob("*.sql")
    )


def judge(subject: str, wanted: Collection[str], held: Collection[str]) -> Finding:
    """What a warehouse lacks of what this version builds. Pure."""
    lacking = sorted(set(wanted) - set(held))
    if not lacking:
        return good(_CODE, subject, f"it has the {len(wanted)} marts of this version")
    more = f" and {len(lacking) - _TOLD_AT_ONCE} more" if len(lacking) > _TOLD_AT_ONCE else ""
    return bad(
        _CODE, subject,
        f"it was built by another version, without {', '.join(lacking[:_TOLD_AT_ONCE])}{more}",
        "Run `crossfoot judge`, which builds it anew from what was read.",
    )  # fmt: skip
