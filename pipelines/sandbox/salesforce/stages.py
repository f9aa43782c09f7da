"""What a deal's stage means: the org's own OpportunityStage records say it (Object Reference)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.salesforce.fields import Choice
from pipelines.sandbox.store import Record, Store

# Forecast categories by their names.
FORECASTS: Mapping[str, str] = {
    "Omitted": "Omitted", "Pipeline": "Pipeline", "Best Case": "BestCase", "Commit": "Forecast",
    "Closed": "Closed",
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """What follows for a deal that comes into it."""

    probability: Decimal = Decimal(0)
    closed: bool = False
    won: bool = False
    category: str = "Pipeline"
    category_name: str = "Pipeline"


# What is no stage of the org can be in a deal all the same: the picklist is open.
UNKNOWN = Stage()


def stage_of(store: Store, org_id: str, name: str) -> Stage:
    """The stage of a deal's `StageName`, in any letter case."""
    table = store.table(org_id, "OpportunityStage")
    stages: Mapping[str, Stage] = table.remember(
        "stages by name", lambda: {_name(one).lower(): _read(one) for one in table}
    )
    return stages.get(name.lower(), UNKNOWN)


def stage_choices(store: Store, org_id: str) -> tuple[Choice, ...]:
    """The values of the picklist StageName: the active stages in their order."""
    table = store.table(org_id, "OpportunityStage")
    found: tuple[Choice, ...] = table.remember(
        "stages in order",
        lambda: tuple(
            Choice(_name(one), str(one.get("MasterLabel") or _name(one)))
            for one in sorted(table, key=lambda one: int(one.get("SortOrder") or 0))
            if one.get("IsActive") is not False
        ),
    )
    return found


def _name(stage: Record) -> str:
    return str(stage.get("ApiName") or stage.get("MasterLabel") or "")


def _read(stage: Record) -> Stage:
    return Stage(
        Decimal(stage.get("DefaultProbability") or 0),
        bool(stage.get("IsClosed")),
        bool(stage.get("IsWon")),
        str(stage.get("ForecastCategory") or UNKNOWN.category),
        str(stage.get("ForecastCategoryName") or UNKNOWN.category_name),
    )
