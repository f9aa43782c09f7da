"""Validation rules as components: made, read, changed and deleted by full name (Metadata API guide,
ValidationRule; Tooling API guide, ValidationRule)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.salesforce import validations
from pipelines.sandbox.salesforce.custom import is_on
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.sobject import SObject

Metadata = Mapping[str, Any]
_LONGEST_MESSAGE = 255
_MUST_HAVE = ("errorConditionFormula", "errorMessage")


def names(org: Org) -> list[str]:
    """The full names of the org's rules."""
    found = validations.definitions(org.kernel.store, org.org_id)
    return [str(one["fullName"]) for one in found]


def read(org: Org, name: str) -> Metadata | None:
    """A rule as it was defined."""
    found = validations.definitions(org.kernel.store, org.org_id)
    return next((o for o in found if str(o["fullName"]).lower() == name.lower()), None)


def put(org: Org, name: str, metadata: Metadata) -> bool:
    """Make a rule, or change it; says whether it is new.

    Raises:
        Refusal: it lacks something, or its formula cannot be computed.
    """
    sobject, own = _owner(org, name)
    for needed in _MUST_HAVE:
        if not metadata.get(needed):
            raise Refusal(
                "REQUIRED_FIELD_MISSING", f"Required field is missing: {needed}", (needed,)
            )
    if len(str(metadata["errorMessage"])) > _LONGEST_MESSAGE:
        raise Refusal(
            "STRING_TOO_LONG",
            f"Error Message: data value too large: {metadata['errorMessage']} "
            f"(max length={_LONGEST_MESSAGE})",
            ("errorMessage",),
        )
    _check_formula(org, sobject, str(metadata["errorConditionFormula"]))
    given = {k: v for k, v in metadata.items() if v not in (None, "") and k != "fullName"}
    shown = given.get("errorDisplayField")
    if shown and sobject.field(str(shown)) is None:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION", f"no such field: {shown}", ("errorDisplayField",)
        )
    before = read(org, name)
    rule = {**given, "fullName": f"{sobject.name}.{own}", "active": is_on(metadata, "active")}
    _keep(org, name, rule)
    return before is None


def _check_formula(org: Org, sobject: SObject, formula: str) -> None:
    try:
        validations.condition(org.everything(), sobject, formula)
    except FormulaRefused as error:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", str(error), ("errorConditionFormula",)) from None


def _owner(org: Org, name: str) -> tuple[SObject, str]:
    owner, _, own = name.partition(".")
    sobject = org.everything().get(owner.lower())
    if sobject is None or not own:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {owner} does not exist", ())
    return sobject, own


def delete(org: Org, name: str) -> None:
    """Take a rule away."""
    _keep(org, name, None)


def _keep(org: Org, name: str, rule: Metadata | None) -> None:
    """Store the rules with this one in its place, or without it."""
    rules = list(validations.definitions(org.kernel.store, org.org_id))
    place = next((n for n, o in enumerate(rules) if str(o["fullName"]).lower() == name.lower()), -1)
    if place < 0:
        rules += [rule] if rule else []
    else:
        rules[place : place + 1] = [rule] if rule else []
    org.kernel.store.put_meta(org.org_id, validations.KEY, rules or None)


def forget(org: Org, owner: str) -> None:
    """Take the rules of an object away with it."""
    for name in names(org):
        if name.partition(".")[0].lower() == owner.lower():
            _keep(org, name, None)
