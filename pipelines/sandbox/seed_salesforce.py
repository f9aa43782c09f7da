"""Records of a Salesforce org in a seed, and the custom objects and fields they tell of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.sandbox.seed_files import Given, Record
from pipelines.sandbox.store import AnyWrite, MetaWrite, Write

_ID = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*")
_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
Definition = Mapping[str, Any]


def is_salesforce(given: Given) -> bool:
    """Whether a record looks like one of Salesforce: by its attributes, or by its id."""
    record_id = given.record.get("Id")
    by_id = isinstance(record_id, str) and bool(_ID.fullmatch(record_id))
    return "attributes" in given.record or (by_id and not str(record_id).isdecimal())


def writes(
    org_id: str,
    given: Iterable[Given],
    objects: Sequence[Definition],
    fields: Sequence[Definition],
    now: str,
) -> list[AnyWrite]:
    """The records as the org keeps them, and the definitions of what is custom.

    `objects` and `fields` are the definitions the seed gives itself; what they leave out is
    derived from the records.

    Raises:
        SeedUnreadable: a record of no known object, without an id, or with one already used.
    """
    found: list[Write] = []
    seen: dict[str, Given] = {}
    known = _objects(objects)
    for one in given:
        entity = _object_of(one, known)
        record_id = _record_id(one)
        before = seen.setdefault(record_id, one)
        if before is not one:
            raise one.refused(
                f"its Id {record_id} is that of record {before.number} of {before.path}",
                "Take one of them out.",
            )
        found.append(Write(org_id, entity, record_id, _whole(record_id, one.record, now)))
    return [
        MetaWrite(org_id, "custom_objects", [*objects, *_derived_objects(found, objects)]),
        MetaWrite(org_id, "custom_fields", [*fields, *_derived_fields(found, objects, fields)]),
        *found,
    ]


def _objects(custom: Iterable[Definition]) -> Mapping[str, str]:
    from pipelines.sandbox.salesforce.standard import standard_objects  # an empty org needs none

    names = [o.name for o in standard_objects()] + [str(o["fullName"]) for o in custom]
    return {name.lower(): name for name in names}


def _object_of(given: Given, known: Mapping[str, str]) -> str:
    attributes = given.record.get("attributes") or {}
    word = str(attributes.get("type") or given.entity or given.path.stem)
    if word.lower() in known:
        return known[word.lower()]
    if word.lower().endswith("__c"):
        return word
    raise given.refused(
        f"the sandbox has no object '{word}'",
        "Name the file after the object, such as Account.json, or take it away.",
    )


def _record_id(given: Given) -> str:
    from pipelines.sandbox.salesforce.ids import to18

    value = given.record.get("Id")
    if value in (None, ""):
        raise given.refused("it has no Id", "Give it the Id it has in the org.")
    found = to18(str(value))
    if found is None:
        raise given.refused(
            f"'{value}' is no Salesforce id", "It wants 15 characters, or 18 with their checksum."
        )
    return found


def _whole(record_id: str, record: Record, now: str) -> Record:
    """Without what an answer adds, and with what every record has."""
    kept = {k: v for k, v in record.items() if k != "attributes" and not isinstance(v, dict)}
    for name, value in record.items():
        if isinstance(value, dict) and name.endswith("Address"):
            kept = {**_parts(name, value), **kept}
    stamp = next((kept[name] for name in reversed(_STAMPS) if kept.get(name)), now)
    return {
        **dict.fromkeys(_STAMPS, stamp),
        "IsDeleted": False,
        **{k: v for k, v in kept.items() if v is not None or k not in _STAMPS},
        "Id": record_id,
    }


def _parts(name: str, address: Record) -> Record:
    """The fields that a compound address is made of."""
    stem = name.removesuffix("Address")
    names = ("street", "city", "state", "postalCode", "country", "latitude", "longitude")
    return {f"{stem}{n[0].upper()}{n[1:]}": address[n] for n in names if address.get(n) is not None}


def _derived_objects(
    writes_: Iterable[Write], given: Iterable[Definition]
) -> Iterable[dict[str, Any]]:
    known = {str(o["fullName"]) for o in given}
    for write in writes_:
        if write.entity.endswith("__c") and write.entity not in known:
            known.add(write.entity)
            label = write.entity.removesuffix("__c").replace("_", " ")
            yield {
                "fullName": write.entity,
                "label": label,
                "pluralLabel": f"{label}s",
                "nameField": {"type": "Text", "label": "Name"},
                "keyPrefix": write.id[:3],
            }


def _derived_fields(
    writes_: Iterable[Write], objects: Iterable[Definition], fields: Iterable[Definition]
) -> list[dict[str, Any]]:
    described = {str(f["FullName"]).lower() for f in fields}
    for definition in objects:
        described |= {
            f"{definition['fullName']}.{f['fullName']}".lower()
            for f in definition.get("fields") or ()
        }
    values: dict[str, list[Any]] = {}
    for write in writes_:
        for name, value in (write.record or {}).items():
            full = f"{write.entity}.{name}"
            if name.endswith("__c") and full.lower() not in described:
                values.setdefault(full, []).append(value)
    return [
        {"FullName": full, "Metadata": field_type([v for v in found if v is not None])
         | {"label": full.split(".")[1].removesuffix("__c").replace("_", " ")}}
        for full, found in values.items()
    ]  # fmt: skip


def field_type(values: Sequence[Any]) -> dict[str, Any]:
    """What custom field would hold these values, as its metadata says it."""
    if values and all(isinstance(v, bool) for v in values):
        return {"type": "Checkbox", "defaultValue": False}
    if values and all(isinstance(v, int | Decimal) and not isinstance(v, bool) for v in values):
        scale = max(-min(int(Decimal(v).as_tuple().exponent), 0) for v in values)
        return {"type": "Number", "precision": 18, "scale": scale}
    texts = [str(v) for v in values]
    if texts and all(map(_DAY.fullmatch, texts)):
        return {"type": "Date"}
    if texts and all(map(_MOMENT.fullmatch, texts)):
        return {"type": "DateTime"}
    if max(map(len, texts), default=0) > 255 or any("\n" in t for t in texts):
        return {"type": "LongTextArea", "length": 131072}
    return {"type": "Text", "length": 255}
