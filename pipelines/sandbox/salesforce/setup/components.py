"""Metadata components: created, read, changed and deleted by full name, whatever API asks.

Source: Metadata API guide, "CRUD-Based Calls", and the types' own pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from pipelines.sandbox.salesforce import ids
from pipelines.sandbox.salesforce.custom import TYPES, NotServed
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.formulas.tree import FormulaRefused
from pipelines.sandbox.salesforce.org import Org
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.setup import grants, type_components, validation_rules
from pipelines.sandbox.salesforce.summaries import SummaryRefused

Metadata = Mapping[str, Any]
_LONG_NAME = 40
# What stands within an object's file, and under which name there.
PARTS: Mapping[str, str] = {
    "CustomField": "fields", "RecordType": "recordTypes", "ValidationRule": "validationRules",
}  # fmt: skip
_MUST_HAVE = ("label", "pluralLabel", "nameField")


@dataclass(frozen=True)
class Kind:
    """One type of component, and what can be done with it.

    Attributes:
        folder, suffix: where a package has its files.
        prefix: how the ids of its components begin.
        put: makes one or changes it; says whether it is new.
        own_id: its id where it is a record too.
    """

    name: str
    folder: str
    suffix: str
    prefix: str
    names: Callable[[Org], Iterable[str]]
    read: Callable[[Org, str], Metadata | None]
    put: Callable[[Org, str, Metadata], bool]
    delete: Callable[[Org, str], None]
    children: tuple[str, ...] = ()
    own_id: Callable[[Org, str], str] | None = None


def kind_of(name: str) -> Kind:
    """A type of component by its name.

    Raises:
        Refusal: INVALID_TYPE, the sandbox does not have it.
    """
    if name not in KINDS:
        raise Refusal("INVALID_TYPE", f"{name}: this type of metadata is not served", ())
    return KINDS[name]


def create(org: Org, kind: Kind, metadata: Metadata) -> str:
    """A new component; returns its full name.

    Raises:
        Refusal: there is one of that name, or it is not as it must be.
    """
    name = full_name(metadata)
    if kind.read(org, name) is not None:
        owner, _, own = name.partition(".")
        text = (
            f"There is already a field named {own.removesuffix('__c')} on {owner}."
            if kind.name == "CustomField"
            else "That developer name is already in use. Please choose another."
        )
        raise Refusal("DUPLICATE_DEVELOPER_NAME", text, ())
    kind.put(org, name, metadata)
    return name


def update(org: Org, kind: Kind, metadata: Metadata) -> str:
    """Change a component; returns its full name.

    Raises:
        Refusal: there is none of that name, or it is not as it must be.
    """
    name = full_name(metadata)
    _need(org, kind, name)
    kind.put(org, name, metadata)
    return name


def delete(org: Org, kind: Kind, name: str) -> None:
    """Take a component away.

    Raises:
        Refusal: there is none of that name.
    """
    _need(org, kind, name)
    kind.delete(org, name)


def _need(org: Org, kind: Kind, name: str) -> None:
    if kind.read(org, name) is None:
        raise Refusal(
            "INVALID_CROSS_REFERENCE_KEY",
            f"In field: fullName - no {kind.name} named {name} found",
            (),
        )


def full_name(metadata: Metadata) -> str:
    """The name a component goes by.

    Raises:
        Refusal: it has none.
    """
    name = str(metadata.get("fullName") or metadata.get("FullName") or "")
    if not name:
        raise Refusal(
            "REQUIRED_FIELD_MISSING", "Required field is missing: fullName", ("fullName",)
        )
    return name


def component_id(kind: Kind, name: str) -> str:
    """A component's id, which follows from its name."""
    return ids.numbered(kind.prefix, crc32(name.lower().encode()))


def id_of(org: Org, kind: Kind, name: str) -> str:
    """A component's id: that of its record, where it has one."""
    own = kind.own_id(org, name) if kind.own_id else ""
    return own or component_id(kind, name)


def listed(value: Any) -> list[Any]:
    """Members that XML gives once or several times, as a list."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


# ---- custom objects


def _object_names(org: Org) -> Iterable[str]:
    return [o.name for o in org.everything().values()]


def _custom_object(org: Org, name: str) -> Metadata | None:
    return next((o for o in org.added.objects if str(o["fullName"]).lower() == name.lower()), None)


# What is kept of an object beside its metadata, or told apart from it.
_OWN = frozenset({"keyPrefix", "fields", "fullName", "secured"})


def _read_object(org: Org, name: str) -> Metadata | None:
    known = org.everything().get(name.lower())
    if known is None:
        return None
    own = _custom_object(org, name) or {}
    kept = {k: v for k, v in own.items() if k not in _OWN}
    parts = {
        word: found
        for kind, word in PARTS.items()
        if (found := _parts_of(org, KINDS[kind], known.name))
    }
    return {"fullName": known.name, **kept, **parts}


def _parts_of(org: Org, kind: Kind, owner: str) -> list[Metadata]:
    """The components of one kind that belong to an object, under their own names."""
    found = (
        kind.read(org, name)
        for name in kind.names(org)
        if name.partition(".")[0].lower() == owner.lower()
    )
    return [{**one, "fullName": str(one["fullName"]).partition(".")[2]} for one in found if one]


def _put_object(org: Org, name: str, metadata: Metadata) -> bool:
    known = name.lower() in org.everything()
    if name.endswith("__c"):
        _check_object(name, metadata)
        bare = {k: v for k, v in metadata.items() if v is not None and k not in PARTS.values()}
        kept = (_custom_object(org, name) or {}).get("fields", ())
        org.define_object({**bare, "fullName": name, "fields": list(kept)}, secured=True)
    elif not known:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {name} does not exist", ())
    for kind, word in PARTS.items():
        for one in listed(metadata.get(word)):
            KINDS[kind].put(org, f"{name}.{one['fullName']}", one)
    return not known


def _check_object(name: str, metadata: Metadata) -> None:
    setting = metadata.get("customSettingsType")
    missing = [m for m in _MUST_HAVE if not metadata.get(m)]
    if missing and not setting:
        raise Refusal(
            "REQUIRED_FIELD_MISSING",
            f"Required field is missing: {missing[0]}",
            (missing[0],),
        )
    if len(name.removesuffix("__c")) > _LONG_NAME or not _is_name(name.removesuffix("__c")):
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", _NAME_RULE.format("object"), ("fullName",))


_NAME_RULE = (
    "The {} name can only contain underscores and alphanumeric characters. It must be unique, "
    "begin with a letter, not include spaces, not end with an underscore, and not contain two "
    "consecutive underscores."
)


def _is_name(text: str) -> bool:
    plain = text.replace("_", "")
    return (
        plain.isascii() and plain.isalnum() and text[:1].isalpha()
        and not text.endswith("_") and "__" not in text
    )  # fmt: skip


def _delete_object(org: Org, name: str) -> None:
    if _custom_object(org, name) is None:
        raise Refusal("INVALID_TYPE", f"Cannot delete standard object: {name}", ())
    grants.forget(org, name)
    validation_rules.forget(org, name)
    type_components.forget(org, name)
    org.drop_object(name)


# ---- custom fields


def field_names(org: Org, owner: str = "") -> list[str]:
    """The full names of the org's custom fields, or of one object's."""
    found = [str(f["FullName"]) for f in org.added.fields]
    found += [
        f"{o['fullName']}.{f['fullName']}" for o in org.added.objects for f in o.get("fields") or ()
    ]
    return [n for n in found if not owner or n.partition(".")[0].lower() == owner.lower()]


def field_definition(org: Org, name: str) -> Metadata | None:
    """What defines a custom field, with its full name as it is written."""
    for one in org.added.fields:
        if str(one["FullName"]).lower() == name.lower():
            return {"fullName": one["FullName"], **one["Metadata"]}
    owner, _, own = name.partition(".")
    for one in listed((_custom_object(org, owner) or {}).get("fields")):
        if str(one["fullName"]).lower() == own.lower():
            return {**one, "fullName": f"{owner}.{one['fullName']}"}
    return None


def _read_field(org: Org, name: str) -> Metadata | None:
    custom = field_definition(org, name)
    if custom is not None:
        return custom
    owner, _, own = name.partition(".")
    known = org.everything().get(owner.lower())
    field = known.field(own) if known and not own.endswith("__c") else None
    return _standard(known.name, field) if known and field else None


def _standard(owner: str, field: Field) -> Metadata:
    """A standard field: its name, and its values as versions before 38 told them."""
    found: dict[str, Any] = {"fullName": f"{owner}.{field.name}", "label": field.label}
    if field.choices:
        found["type"] = "Picklist"
        found["picklist"] = {
            "picklistValues": [
                {"fullName": c.value, "default": c.default,
                 **({"converted": "Converted" in c.value} if owner == "Lead" else {})}
                for c in field.choices
            ],
            "sorted": False,
        }  # fmt: skip
    return found


def _put_field(org: Org, name: str, metadata: Metadata) -> bool:
    owner, _, own = name.partition(".")
    known = org.everything().get("task" if owner == "Activity" else owner.lower())
    if known is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Entity of type {owner} does not exist", ())
    if not own.endswith("__c") or not _is_name(own.removesuffix("__c")):
        if known.field(own) is not None:
            return False  # a standard field in a package: nothing of it is the org's own
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", _NAME_RULE.format("field"), ("fullName",))
    before = field_definition(org, name)
    given = {k: v for k, v in metadata.items() if v is not None and k not in ("fullName",)}
    _check_field(own, given, before)
    try:
        org.define_field(name, given, secured=before is None or org.is_secured(name))
    except NotServed as error:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", str(error), ("type",)) from None
    except FormulaRefused as error:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", str(error), ("formula",)) from None
    except SummaryRefused as error:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", str(error), (error.field,)) from None
    return before is None


def _check_field(name: str, given: Metadata, before: Metadata | None) -> None:
    kind = given.get("type")
    if not kind and before is None:
        raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: type", ("type",))
    if kind not in TYPES:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION", f"Custom fields of type {kind} are not served", ("type",)
        )
    if not given.get("label"):
        raise Refusal("REQUIRED_FIELD_MISSING", "Required field is missing: label", ("label",))
    needed = {
        "Text": ("length",), "LongTextArea": ("length", "visibleLines"),
        "Html": ("length", "visibleLines"), "Number": ("precision", "scale"),
        "Currency": ("precision", "scale"), "Percent": ("precision", "scale"),
        "Lookup": ("referenceTo",), "MasterDetail": ("referenceTo",),
        "Checkbox": ("defaultValue",), "MultiselectPicklist": ("visibleLines",),
        "Summary": ("summaryOperation", "summaryForeignKey"),
    }.get(str(kind), ())  # fmt: skip
    if given.get("formula"):
        needed = ()
    missing = [n for n in needed if given.get(n) in (None, "")]
    if missing:
        raise Refusal(
            "FIELD_INTEGRITY_EXCEPTION",
            f"Must specify '{missing[0]}' for a CustomField of type {kind}",
            (missing[0],),
        )
    if before is not None and before.get("type") == "MasterDetail" != kind:
        raise Refusal("FIELD_INTEGRITY_EXCEPTION", f"Cannot change the type of {name}", ("type",))


def _delete_field(org: Org, name: str) -> None:
    if field_definition(org, name) is None:
        raise Refusal("INVALID_CROSS_REFERENCE_KEY", f"Cannot delete standard field: {name}", ())
    grants.forget(org, name)
    org.drop_field(name)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("CustomObject", "objects", "object", "01I", _object_names, _read_object, _put_object,
             _delete_object, tuple(PARTS)),
        Kind("CustomField", "objects", "object", "00N", field_names, _read_field, _put_field,
             _delete_field),
        Kind("ValidationRule", "objects", "object", "03d", validation_rules.names,
             validation_rules.read, validation_rules.put, validation_rules.delete),
        Kind("RecordType", "objects", "object", "012", type_components.names,
             type_components.read, type_components.put, type_components.delete,
             own_id=type_components.id_of),
        Kind("PermissionSet", "permissionsets", "permissionset", "0PS", grants.permission_sets,
             grants.read_permission_set, grants.put_permission_set, grants.delete_permission_set),
        Kind("Profile", "profiles", "profile", "00e", grants.profiles, grants.read_profile,
             grants.put_profile, grants.delete_profile),
    )
}  # fmt: skip
