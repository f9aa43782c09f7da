"""Formula fields of records: computed when they are read, so that no record changes when what they
look at does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.formulas.binding import Binder, Objects, result
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.salesforce.values import stamp
from pipelines.sandbox.store import Record

SceneOf = Callable[[Record], Scene]


def check(objects: Objects, owner: SObject, field: Field) -> None:
    """Raises: FormulaRefused, the field's formula cannot be computed."""
    result(Binder(objects, owner, field.zero_for_null), field)


def reader(
    objects: Objects, owner: SObject, field: Field, scene_of: SceneOf
) -> Callable[[Record], Any]:
    """How a formula field of a record is read, as the API shows it. What the sandbox cannot compute
    (a field of a seed) is what the record holds."""
    try:
        compute = result(Binder(objects, owner, field.zero_for_null), field)
    except FormulaRefused:
        return lambda record: record.get(field.name)
    return lambda record: _shown(field, compute(scene_of(record)))


def _shown(field: Field, value: Any) -> Any:
    if field.type == "boolean":
        return bool(value)
    if value is None or value == "":
        return None
    if field.type in NUMERIC:
        whole = value * 100 if field.type == "percent" else value
        return Decimal(whole).quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    if field.type == "date":
        return value.isoformat()
    return stamp(value.astimezone(UTC)) if field.type == "datetime" else value
