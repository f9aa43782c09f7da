"""Custom objects and fields, from the metadata that defines them (Metadata API guide, CustomObject
and CustomField)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipelines.sandbox.salesforce.fields import (
    NUMERIC,
    Choice,
    Field,
    Summary,
    day,
    fixed,
    link,
    moment,
    number,
    pick,
    text,
)
from pipelines.sandbox.salesforce.sobject import SObject, define

Metadata = Mapping[str, Any]

TYPES: Mapping[str, str] = {
    "AutoNumber": "string", "Checkbox": "boolean", "Currency": "currency", "Date": "date",
    "DateTime": "datetime", "Email": "email", "EncryptedText": "encryptedstring",
    "Html": "textarea", "Location": "location", "LongTextArea": "textarea", "Lookup": "reference",
    "MasterDetail": "reference", "MultiselectPicklist": "multipicklist", "Number": "double",
    "Percent": "percent", "Phone": "phone", "Picklist": "picklist", "Summary": "double",
    "Text": "string",
    "TextArea": "textarea", "Time": "time", "Url": "url",
}  # fmt: skip
_LENGTHS = {
    "AutoNumber": 30, "Email": 80, "EncryptedText": 175, "Html": 32768, "LongTextArea": 32768,
    "MultiselectPicklist": 4099, "Phone": 40, "Picklist": 255, "Text": 255, "TextArea": 255,
    "Url": 255,
}  # fmt: skip
_FORMULA_TEXT = 1300
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class NotServed(ValueError):
    """A kind of field the sandbox does not know."""


def custom_object(metadata: Metadata, number_: int) -> SObject:
    """A custom object from its metadata; `number_` counts the org's custom objects."""
    name = str(metadata["fullName"])
    label = str(metadata.get("label") or name.removesuffix("__c"))
    fields = [
        one
        for definition in metadata.get("fields") or ()
        for one in custom_fields(str(definition["fullName"]), definition)
    ]
    is_detail = any(f.master for f in fields)
    setting = bool(metadata.get("customSettingsType"))
    own = [*_setting_fields()] if setting else [*_record_fields(metadata, is_detail)]
    return define(
        name,
        label,
        str(metadata.get("pluralLabel") or label),
        str(metadata.get("keyPrefix") or prefix(number_)),
        [*own, *fields],
        setting=setting,
    )


def prefix(number_: int) -> str:
    """The id prefix of the org's custom object of that number: a00, a01 … a0z, a10 …"""
    return "a" + _DIGITS[number_ // 36 % 36] + _DIGITS[number_ % 36]


def _setting_fields() -> Iterable[Field]:
    yield text("Name", "Name", 80, name_field=True, id_lookup=True, defaulted=True)
    yield link("SetupOwnerId", "Location ID", "Organization Profile User",
               relationship="SetupOwner", nillable=False, defaulted=True)  # fmt: skip


def _record_fields(metadata: Metadata, is_detail: bool) -> Iterable[Field]:
    if not is_detail:
        yield link("OwnerId", "Owner ID", "Group User", nillable=False, defaulted=True,
                   relationship="Owner")  # fmt: skip
    name = metadata.get("nameField") or {}
    label = str(name.get("label") or "Name")
    if name.get("type") == "AutoNumber":
        yield fixed(
            text(
                "Name",
                label,
                80,
                name_field=True,
                id_lookup=True,
                nillable=False,
                defaulted=True,
                counts=str(name.get("displayFormat") or "{0}"),
            )
        )
    else:
        yield text("Name", label, 80, name_field=True, id_lookup=True, defaulted=True)
    yield pick("CurrencyIsoCode", "Currency ISO Code", (), 3, defaulted=True, restricted=True)
    if metadata.get("enableActivities") in (True, "true"):
        yield fixed(day("LastActivityDate", "Last Activity Date"))
    yield fixed(moment("LastViewedDate", "Last Viewed Date"))
    yield fixed(moment("LastReferencedDate", "Last Referenced Date"))


def custom_fields(name: str, metadata: Metadata) -> Iterable[Field]:
    """A custom field from its metadata, with the parts of one that is made of several.

    Raises:
        NotServed: its type is none that the sandbox knows.
    """
    kind = str(metadata.get("type"))
    if kind not in TYPES:
        raise NotServed(f"{name}: fields of type {kind} are not served.")
    if kind == "Location":
        return _location(name, metadata)
    return (_reference(name, metadata) if TYPES[kind] == "reference" else _plain(name, metadata),)


def custom_field(name: str, metadata: Metadata) -> Field:
    """A custom field from its metadata.

    Raises:
        NotServed: its type is none that the sandbox knows.
    """
    return next(iter(custom_fields(name, metadata)))


def _plain(name: str, metadata: Metadata) -> Field:
    kind = TYPES[str(metadata["type"])]
    boolean, formula = kind == "boolean", bool(metadata.get("formula"))
    counted = metadata["type"] == "AutoNumber"
    made = Field(
        name,
        str(metadata.get("label") or name),
        kind,
        length=_FORMULA_TEXT
        if formula and kind == "string"
        else int(metadata.get("length") or _LENGTHS.get(str(metadata["type"]), 0)),
        precision=int(metadata.get("precision") or (18 if kind in ("double", "percent") else 0)),
        scale=int(metadata.get("scale") or 0),
        nillable=not (is_on(metadata, "required") or boolean),
        defaulted=boolean,
        default=is_on(metadata, "defaultValue") if boolean else _default(metadata),
        custom=True,
        external_id=is_on(metadata, "externalId"),
        unique=is_on(metadata, "unique"),
        case_sensitive=is_on(metadata, "caseSensitive"),
        restricted=is_on(metadata.get("valueSet") or {}, "restricted"),
        choices=_choices(metadata),
        calculated=formula,
        formula=metadata.get("formula") or None,
        zero_for_null=formula and metadata.get("formulaTreatBlanksAs") != "BlankAsBlank",
        html=metadata["type"] == "Html",
        counts=str(metadata.get("displayFormat") or "{0}") if counted else None,
        help=metadata.get("inlineHelpText"),
    )
    if metadata["type"] == "Summary":
        return fixed(replace(made, calculated=True, permissionable=True,
                             summary=_summary(metadata)))  # fmt: skip
    return fixed(made) if formula or counted else made


def _summary(metadata: Metadata) -> Summary:
    child, _, key = str(metadata.get("summaryForeignKey") or "").partition(".")
    items = metadata.get("summaryFilterItems") or ()
    return Summary(
        child,
        key,
        str(metadata.get("summaryOperation") or "").lower(),
        str(metadata.get("summarizedField") or "").partition(".")[2],
        tuple(
            (str(one.get("field") or "").rpartition(".")[2], str(one.get("operation") or ""),
             str(one.get("value") or ""))
            for one in (items if isinstance(items, list | tuple) else (items,))
        ),
    )  # fmt: skip


def typed_summaries(objects: Mapping[str, SObject]) -> Iterable[SObject]:
    """The objects with their roll-up summary fields typed by what these are of, which may be
    summaries themselves."""
    known, untyped = dict(objects), True
    while untyped:
        untyped = False
        for name, sobject in known.items():
            typed = {k: _typed(known, f) for k, f in sobject.fields.items() if f.summary}
            if any(sobject.fields[k] != one for k, one in typed.items()):
                known[name] = replace(sobject, fields={**sobject.fields, **typed})
                untyped = True
    return known.values()


def _typed(objects: Mapping[str, SObject], made: Field) -> Field:
    summary = made.summary
    child = objects.get(summary.child.lower()) if summary else None
    found = child.field(summary.field) if child and summary else None
    if found is None:
        return replace(made, precision=18, scale=0)
    kind = "double" if found.type == "int" else found.type
    return replace(made, type=kind, precision=18 if kind in NUMERIC else 0, scale=found.scale)


def _reference(name: str, metadata: Metadata) -> Field:
    master = metadata["type"] == "MasterDetail"
    target = metadata.get("referenceTo") or ""
    targets = target if isinstance(target, str) else " ".join(target)
    children = metadata.get("relationshipName")
    return link(
        name,
        str(metadata.get("label") or name),
        targets,
        relationship=name.removesuffix("__c") + "__r",
        children=f"{children}__r" if children else None,
        cascade=master or metadata.get("deleteConstraint") == "Cascade",
        restricts=metadata.get("deleteConstraint") == "Restrict",
        master=master,
        custom=True,
        nillable=not (master or is_on(metadata, "required")),
        updateable=not master or is_on(metadata, "reparentableMasterDetail"),
        help=metadata.get("inlineHelpText"),
    )


def _location(name: str, metadata: Metadata) -> Iterable[Field]:
    label, stem = str(metadata.get("label") or name), name.removesuffix("__c")
    scale = int(metadata.get("scale") or 15)
    for part in ("Latitude", "Longitude"):
        yield number(f"{stem}__{part}__s", f"{label} ({part})", scale + 3, scale, custom=True,
                     compound=name)  # fmt: skip
    yield fixed(Field(name, label, "location", custom=True, unsortable=True))


def _choices(metadata: Metadata) -> tuple[Choice, ...]:
    values = metadata.get("valueSet") or {}
    listed = (values.get("valueSetDefinition") or {}).get("value") or ()
    return tuple(
        Choice(
            str(v.get("valueName") or v["fullName"]),
            str(v.get("label") or v.get("valueName") or v["fullName"]),
            is_on(v, "default"),
        )
        for v in (listed if isinstance(listed, list | tuple) else (listed,))
    )


def _default(metadata: Metadata) -> str | None:
    return next((c.value for c in _choices(metadata) if c.default), None)


def is_on(metadata: Metadata, key: str) -> bool:
    """A flag of the metadata, as JSON or as the text of an XML element."""
    return str(metadata.get(key, False)).lower() == "true"
