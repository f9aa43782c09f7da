"""What an org lacks, as steps in the order in which they can be done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.clients.salesforce_components import HeldField
from reverse_etl.furnishing.wanted import (
    MADE_BY,
    PERMISSION_SET,
    SYSTEM_RIGHTS,
    WantedField,
    WantedObject,
    WantedRight,
    wanted_objects,
    wanted_rights,
)

Verb = Literal["create", "grant", "assign", "remove"]
OBJECT, FIELD, SET, OBJECT_RIGHT, FIELD_RIGHT, MEMBER = (
    "object", "field", "permission set", "rights on object", "rights on field", "member",
)  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What an org has of it now. Rights are those of our permission set, by object or field: the
    record's id and what it allows."""

    org_id: str
    user_id: str
    fields: Mapping[str, HeldField]
    set_id: str | None = None
    set_rights: Mapping[str, bool] = field(default_factory=dict)
    objects: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    field_rights: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, int | None] = field(default_factory=dict)
    # Custom objects that are there, with their descriptions.
    custom: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing to do, or, without a verb, one that stays: there already, or for a person."""

    kind: str
    name: str
    verb: Verb | None = None
    note: str = ""
    needs_person: bool = False


def steps(wanted: Sequence[WantedField], held: Held) -> list[Step]:
    """What is to be made so that the org has all of it; in step already, nothing but notes."""
    return [
        *(_custom_step(one, held) for one in wanted_objects(wanted)),
        *(_field_step(one, held.fields.get(one.full_name)) for one in wanted),
        _set_step(held),
        *(_object_step(one, held) for one in wanted_rights(wanted)),
        *(_right_step(one, held) for one in wanted),
        _member_step(held),
    ]


def removal(wanted: Sequence[WantedField], held: Held) -> list[Step]:
    """What taking it all away means: the permission set, each object that says it is ours with its
    fields, and each other field that does."""
    objects = [_custom_removed(one.name, held) for one in wanted_objects(wanted)
               if one.name in held.custom]  # fmt: skip
    going = {step.name for step in objects if step.verb}
    fields = [n for n in _present(wanted, held) if n.partition(".")[0] not in going]
    return [*_set_removed(held), *objects, *(_removed(held.fields[n], held) for n in fields)]


def due(plan: Iterable[Step]) -> list[Step]:
    """The steps that change something."""
    return [step for step in plan if step.verb is not None]


def for_people(plan: Iterable[Step]) -> list[Step]:
    """What cannot be done from here."""
    return [step for step in plan if step.needs_person]


def differences(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> Iterator[str]:
    """Why a field that is there cannot do what it is wanted for. A longer text or more decimals
    can; so can an unrestricted list."""
    if wanted["type"] != held.get("type"):
        yield f"it is of type {held.get('type')}, wanted is {wanted['type']}"
        return
    for limit in ("length", "precision", "scale"):
        if limit in wanted and int(held.get(limit) or 0) < int(wanted[limit]):
            yield f"its {limit} is {held.get(limit)}, at least {wanted[limit]} is needed"
    for rule in ("externalId", "unique"):
        if wanted.get(rule) and not held.get(rule):
            yield "it is not an external id" if rule == "externalId" else "it is not unique"
    lacking = sorted(_values(wanted) - _values(held)) if _is_restricted(held) else []
    if lacking:
        yield f"its restricted list lacks {', '.join(lacking)}"


def _custom_step(wanted: WantedObject, held: Held) -> Step:
    if wanted.name in held.custom:
        return Step(OBJECT, wanted.name)
    return Step(OBJECT, wanted.name, "create", f"“{wanted.label}”")


def _custom_removed(name: str, held: Held) -> Step:
    if MADE_BY not in held.custom[name]:
        note = "it stays: its description does not say that Crossfoot made it"
        return Step(OBJECT, name, None, note)
    return Step(OBJECT, name, "remove", "with its fields and records")


def _field_step(wanted: WantedField, held: HeldField | None) -> Step:
    if held is None:
        return Step(FIELD, wanted.full_name, "create", _described(wanted.metadata))
    reasons = "; ".join(differences(wanted.metadata, held.metadata))
    return Step(FIELD, wanted.full_name, None, reasons, needs_person=bool(reasons))


def _described(metadata: Mapping[str, Any]) -> str:
    size = metadata.get("length") or (
        f"{metadata['precision']}, {metadata['scale']}" if "precision" in metadata else ""
    )
    marks = [word for word, key in (("unique", "unique"), ("external id", "externalId"))
             if metadata.get(key)]  # fmt: skip
    kind = f"{metadata['type']}({size})" if size else str(metadata["type"])
    return ", ".join([kind, *marks, f"“{metadata['label']}”"])


def _set_step(held: Held) -> Step:
    lacking = sorted(name for name in SYSTEM_RIGHTS if not held.set_rights.get(name))
    told = ", ".join(name.removeprefix("Permissions") for name in lacking)
    if held.set_id is None:
        return Step(SET, PERMISSION_SET, "create", told)
    return Step(SET, PERMISSION_SET, "grant" if lacking else None, told)


def _object_step(wanted: WantedRight, held: Held) -> Step:
    _, allowed = held.objects.get(wanted.object_name, ("", frozenset()))
    lacking = [right for right in wanted.rights if right not in allowed]
    return Step(OBJECT_RIGHT, wanted.object_name, "grant" if lacking else None, ", ".join(lacking))


def _right_step(wanted: WantedField, held: Held) -> Step:
    needed = rights_of(wanted)
    _, allowed = held.field_rights.get(wanted.full_name, ("", frozenset()))
    lacking = [right for right in needed if right not in allowed]
    return Step(FIELD_RIGHT, wanted.full_name, "grant" if lacking else None, ", ".join(lacking))


def rights_of(wanted: WantedField) -> tuple[str, ...]:
    """What people fill, Crossfoot only reads."""
    return ("Read",) if wanted.is_told else ("Read", "Edit")


def _member_step(held: Held) -> Step:
    return Step(MEMBER, held.user_id, None if held.user_id in held.members else "assign")


def _present(wanted: Sequence[WantedField], held: Held) -> Iterator[str]:
    return (one.full_name for one in wanted if one.full_name in held.fields)


def _set_removed(held: Held) -> Iterator[Step]:
    if held.set_id is not None:
        count = len(held.members)
        yield Step(SET, PERMISSION_SET, "remove", f"with its rights, from {count} users")


def _removed(field_: HeldField, held: Held) -> Step:
    if MADE_BY not in str(field_.metadata.get("description") or ""):
        note = "it stays: its description does not say that Crossfoot made it"
        return Step(FIELD, field_.full_name, None, note)
    filled = held.filled.get(field_.full_name)
    told = "how many records have a value in it is not known: this user does not see it"
    note = told if filled is None else f"{filled:,} records have a value in it"
    return Step(FIELD, field_.full_name, "remove", note)


def _values(metadata: Mapping[str, Any]) -> set[str]:
    definition = (metadata.get("valueSet") or {}).get("valueSetDefinition") or {}
    return {str(v.get("valueName") or v.get("fullName")) for v in definition.get("value") or ()}


def _is_restricted(metadata: Mapping[str, Any]) -> bool:
    chosen = metadata.get("valueSet") or {}
    return bool(chosen.get("restricted")) and "valueSetDefinition" in chosen
