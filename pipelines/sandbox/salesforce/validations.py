"""Validation rules as the org defines them: a formula that is true for what must not be stored
(Metadata API guide, ValidationRule; Help, "Validation Rules")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sandbox.salesforce.formulas.binding import Binder, Objects
from pipelines.sandbox.salesforce.formulas.kinds import FLAG, Scene, Value
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Store

KEY = "validation_rules"
Definition = Mapping[str, Any]


def definitions(store: Store, org_id: str) -> tuple[Definition, ...]:
    """All rules of an org, each under its `fullName` of object and rule."""
    return tuple(store.meta(org_id).get(KEY, ()))


def condition(objects: Objects, sobject: SObject, formula: str) -> Value:
    """A rule's formula, ready to be held against a record.

    Raises:
        FormulaRefused: it is none, or gives no true or false.
    """
    bound = Binder(objects, sobject).bind(formula)
    if bound.kind != FLAG:
        raise FormulaRefused(
            f"Formula result is data type ({bound.kind}), incompatible with expected data type "
            "(true or false)."
        )
    return bound.value


def failing(
    rules: tuple[Definition, ...], objects: Objects, sobject: SObject, scene: Scene
) -> Iterator[Refusal]:
    """One refusal for each active rule that speaks against a record."""
    prefix = f"{sobject.name}.".lower()
    for rule in rules:
        is_of_object = str(rule["fullName"]).lower().startswith(prefix)
        formula = str(rule["errorConditionFormula"])
        if rule.get("active") and is_of_object and _holds(objects, sobject, formula, scene):
            field = rule.get("errorDisplayField")
            yield Refusal(
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                str(rule["errorMessage"]),
                (str(field),) if field else (),
            )


def _holds(objects: Objects, sobject: SObject, formula: str, scene: Scene) -> bool:
    """A formula that fails on a record, such as by a division by zero, does not speak against it;
    neither does one that names a field which has been taken away."""
    try:
        return bool(condition(objects, sobject, formula)(scene))
    except (FormulaRefused, ArithmeticError, ValueError):
        return False
