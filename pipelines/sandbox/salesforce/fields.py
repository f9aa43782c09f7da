"""What a field is, and what follows from its type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

TEXTUAL = frozenset(
    {
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "encryptedstring",
        "id",
        "reference",
        "time",
    }
)
NUMERIC = frozenset({"currency", "double", "percent", "int"})
LONG_TEXT = 255
_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "location": "urn:location",
    "time": "xsd:time",
    "base64": "xsd:base64Binary",
}


_UNGROUPED = frozenset(
    {"address", "base64", "combobox", "currency", "datetime", "double", "location",
     "multipicklist", "percent", "time"}
)  # fmt: skip
_UNAGGREGATED = frozenset({"address", "base64", "boolean", "location", "multipicklist"})
_BY_ID = ("id", "reference")
_EXTRA = {"textarea": "plaintextarea"}


@dataclass(frozen=True)
class Choice:
    """One value of a picklist."""

    value: str
    label: str
    default: bool = False
    active: bool = True


@dataclass(frozen=True)
class Summary:
    """What a roll-up summary field is of.

    Attributes:
        child, key: the details, and their field that leads to the master.
        operation: count, sum, min or max; of `field`, which a count does not have.
        filters: which details count: field, operator and value of each condition.
    """

    child: str
    key: str
    operation: str
    field: str = ""
    filters: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Field:
    """One field of an object, as `describe` tells it.

    `children` names the relationship seen from the parent of a reference; `cascade` says that the
    record goes when its parent goes, `restricts` that the parent cannot go before. `counts` is the
    form of an automatic number; `formula` is computed, with empty numbers as zero when
    `zero_for_null`; `master` marks the detail side of a master-detail relationship.
    What the describe says of `permissionable` and `search_filter` follows from the rest, except
    where it is told.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    custom: bool = False
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    restricted: bool = False
    choices: tuple[Choice, ...] = ()
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    cascade: bool = False
    compound: str | None = None
    name_field: bool = False
    calculated: bool = False
    unfilterable: bool = False
    unsortable: bool = False
    formula: str | None = None
    zero_for_null: bool = False
    html: bool = False
    counts: str | None = None
    master: bool = False
    restricts: bool = False
    permissionable: bool | None = None
    search_filter: bool | None = None
    extra: str | None = None
    summary: Summary | None = None
    help: str | None = None
    key: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.name.lower())

    @property
    def required(self) -> bool:
        """Whether a new record must name it."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def is_long_text(self) -> bool:
        """Long text areas can neither be filtered nor sorted nor grouped."""
        return self.type in ("textarea", "multipicklist") and self.length > LONG_TEXT

    @property
    def is_filterable(self) -> bool:
        """Whether WHERE may name it."""
        return not (
            self.unfilterable
            or (self.is_long_text and self.type != "multipicklist")
            or self.type == "base64"
        )

    @property
    def is_sortable(self) -> bool:
        """Whether ORDER BY may name it."""
        return not (
            self.unsortable
            or self.is_long_text
            or self.type in ("address", "multipicklist", "base64")
        )

    @property
    def is_permissionable(self) -> bool:
        """Whether field-level security can be granted for it."""
        if self.permissionable is not None:
            return self.permissionable
        if self.compound == "Name" or self.type == "id" or (self.defaulted and not self.custom):
            return False
        standard_flag = self.type in ("boolean", "datetime") and not self.custom
        required = not self.nillable and self.type != "boolean"
        return self.createable and not required and not standard_flag

    @property
    def is_search_filter(self) -> bool:
        """Whether a search may be narrowed by it."""
        if self.search_filter is not None:
            return self.search_filter
        return self.type == "reference" and self.custom

    @property
    def is_groupable(self) -> bool:
        """Whether GROUP BY may name it."""
        if self.is_long_text or self.calculated or (self.unsortable and self.type != "boolean"):
            return False
        return self.counts is None and self.type not in _UNGROUPED

    @property
    def is_aggregatable(self) -> bool:
        """Whether COUNT, MIN and the like may name it."""
        return not (self.is_long_text or self.type in _UNAGGREGATED)

    def describe(self) -> dict[str, Any]:
        """The field's entry in the object's describe, with the vendor's full set of keys."""
        textual = self.type in TEXTUAL or self.type == "anyType"
        return {
            "aggregatable": self.is_aggregatable,
            "aiPredictionField": False,
            "autoNumber": self.counts is not None,
            "byteLength": self.length * 3 if textual and self.type not in _BY_ID else self.length,
            "calculated": self.calculated,
            "calculatedFormula": self.formula,
            "cascadeDelete": self.master,
            "caseSensitive": self.case_sensitive,
            "compoundFieldName": self.compound,
            "controllerName": None,
            "createable": self.createable,
            "custom": self.custom,
            "defaultValue": self.default,
            "defaultValueFormula": None,
            "defaultedOnCreate": self.defaulted,
            "dependentPicklist": False,
            "deprecatedAndHidden": False,
            "digits": self.precision if self.type == "int" else 0,
            "displayLocationInDecimal": False,
            "encrypted": False,
            "externalId": self.external_id,
            "extraTypeInfo": self.extra or _EXTRA.get(self.type),
            "filterable": self.is_filterable,
            "filteredLookupInfo": None,
            "formulaTreatNullNumberAsZero": self.zero_for_null,
            "groupable": self.is_groupable,
            "highScaleNumber": False,
            "htmlFormatted": self.html,
            "idLookup": self.id_lookup or self.external_id,
            "inlineHelpText": self.help,
            "label": self.label,
            "length": self.length,
            "mask": None,
            "maskType": None,
            "name": self.name,
            "nameField": self.name_field,
            "namePointing": len(self.refers_to) > 1,
            "nillable": self.nillable,
            "permissionable": self.is_permissionable,
            "picklistValues": [
                {
                    "active": choice.active,
                    "defaultValue": choice.default,
                    "label": choice.label,
                    "validFor": None,
                    "value": choice.value,
                }
                for choice in self.choices
            ],
            "polymorphicForeignKey": len(self.refers_to) > 1,
            "precision": 0 if self.type == "int" else self.precision,
            "queryByDistance": self.type == "address",
            "referenceTargetField": None,
            "referenceTo": list(self.refers_to),
            "relationshipName": self.relationship,
            "relationshipOrder": 0 if self.master else None,
            "restrictedDelete": self.restricts and self.custom,
            "restrictedPicklist": self.restricted,
            "scale": self.scale,
            "searchPrefilterable": self.is_search_filter,
            "soapType": _SOAP_TYPES.get(self.type, "xsd:string"),
            "sortable": self.is_sortable,
            "type": self.type,
            "unique": self.unique,
            "updateable": self.updateable,
            "writeRequiresMasterRead": False,
        }


# ---- the words in which the catalogue is written


def text(name: str, label: str, length: int, **more: Any) -> Field:
    """A line of text."""
    return Field(name, label, more.pop("type", "string"), length=length, **more)


def area(name: str, label: str, length: int, **more: Any) -> Field:
    """Text of several lines."""
    return Field(name, label, "textarea", length=length, **more)


def number(name: str, label: str, precision: int, scale: int, **more: Any) -> Field:
    """A number that is no money."""
    return Field(name, label, more.pop("type", "double"), precision=precision, scale=scale, **more)


def money(name: str, label: str, scale: int = 2, **more: Any) -> Field:
    """An amount in the record's currency."""
    return Field(name, label, "currency", precision=18, scale=scale, **more)


def percent(name: str, label: str, precision: int, scale: int, **more: Any) -> Field:
    """A share in hundredths."""
    return Field(name, label, "percent", precision=precision, scale=scale, **more)


def whole(name: str, label: str, digits: int, **more: Any) -> Field:
    """A whole number."""
    return Field(name, label, "int", precision=digits, **more)


def flag(name: str, label: str, default: bool = False, **more: Any) -> Field:
    """True or false; never null."""
    return Field(
        name,
        label,
        "boolean",
        nillable=False,
        defaulted=more.get("createable", True),
        default=default,
        **more,
    )


def day(name: str, label: str, **more: Any) -> Field:
    """A date without a zone."""
    return Field(name, label, "date", **more)


def moment(name: str, label: str, **more: Any) -> Field:
    """A time in UTC, to the second."""
    return Field(name, label, "datetime", **more)


def pick(
    name: str, label: str, values: Iterable[str], length: int = 255, default: str = "", **more: Any
) -> Field:
    """A picklist; open to other values unless `restricted`."""
    choices = tuple(Choice(value, value, value == default) for value in values)
    return Field(
        name,
        label,
        more.pop("type", "picklist"),
        length=length,
        choices=choices,
        default=default or None,
        defaulted=more.pop("defaulted", bool(default)),
        **more,
    )


def link(name: str, label: str, refers_to: str, **more: Any) -> Field:
    """A reference; `refers_to` may name several objects, the relationship follows from the name."""
    relationship = more.pop("relationship", name.removesuffix("Id"))
    return Field(
        name,
        label,
        "reference",
        length=18,
        refers_to=tuple(refers_to.split()),
        relationship=relationship,
        **more,
    )


def fixed(one: Field) -> Field:
    """The same field, set by the vendor alone."""
    return replace(one, createable=False, updateable=False)


def on_create(one: Field) -> Field:
    """The same field, to be set on create only."""
    return replace(one, updateable=False)


def on_update(one: Field) -> Field:
    """The same field, to be set on update only."""
    return replace(one, createable=False, defaulted=False)


def granted(one: Field) -> Field:
    """The same field; it needs field-level security."""
    return replace(one, permissionable=True)


def ungranted(one: Field) -> Field:
    """The same field; everybody who sees the object sees it."""
    return replace(one, permissionable=False)


def searched(one: Field) -> Field:
    """The same field; a search may be narrowed by it."""
    return replace(one, search_filter=True)
