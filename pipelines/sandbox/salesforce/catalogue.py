"""The org's objects: the standard ones and what was added to them, found by name and by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.sandbox.salesforce import custom
from pipelines.sandbox.salesforce.fields import Choice, Field, link
from pipelines.sandbox.salesforce.sobject import RecordType, SObject
from pipelines.sandbox.salesforce.standard import standard_objects

__all__ = ["Added", "Catalogue", "SObject", "catalogue"]

Definition = Mapping[str, Any]
# What an object has as soon as it has record types.
_TYPE_FIELD = link("RecordTypeId", "Record Type ID", "RecordType", defaulted=True)
_ACTIVITIES = ("Task", "Event", "ActivityHistory", "OpenActivity")


@dataclass(frozen=True)
class Added:
    """What an org has beside the standard objects, as the Metadata API writes it.

    Attributes:
        objects: custom objects: `fullName`, `label`, `nameField` … and perhaps their `fields`.
        fields: `{"FullName": "Account.Key__c", "Metadata": {…}}`, as the Tooling API takes them.
        stages: the stages of a deal; none stands for the vendor's first ones.
        record_types: those of each object by its lower-case name.
    """

    objects: tuple[Definition, ...] = ()
    fields: tuple[Definition, ...] = ()
    stages: tuple[Choice, ...] = ()
    record_types: Mapping[str, tuple[RecordType, ...]] = field(default_factory=dict)


class Catalogue:
    """All objects of the org, found by name in any case or by id prefix."""

    def __init__(self, objects: Iterable[SObject]) -> None:
        self.replace(objects)

    def replace(self, objects: Iterable[SObject]) -> None:
        """Have these objects from now on, and no others."""
        self.objects = {o.name.lower(): o for o in objects}
        self._summarised: dict[str, list[tuple[SObject, Field]]] = {}
        for sobject in self.objects.values():
            for one in sobject.fields.values():
                if one.summary:
                    found = self._summarised.setdefault(one.summary.child.lower(), [])
                    found.append((sobject, one))
        self._prefixes = {o.prefix: o for o in self.objects.values() if o.prefix}

    def get(self, name: str) -> SObject | None:
        """An object by its name in any case."""
        return self.objects.get(name.lower())

    def of_id(self, record_id: str) -> SObject | None:
        """The object whose records have ids that begin so."""
        return self._prefixes.get(record_id[:3])

    def summarised(self, child: SObject) -> list[tuple[SObject, Field]]:
        """The roll-up summary fields over an object's records, each with its master's object."""
        return self._summarised.get(child.name.lower(), [])

    def children(self, parent: SObject) -> list[tuple[SObject, Field]]:
        """The references to `parent` that can be asked for as a sub-query, one of a name."""
        found: dict[tuple[str, str], tuple[SObject, Field]] = {}
        for child in self.objects.values():
            for one in child.fields.values():
                if parent.name in one.refers_to and one.children:
                    found.setdefault((child.name, one.children), (child, one))
        return list(found.values())


def catalogue(custom_fields: Iterable[Definition]) -> Catalogue:
    """The standard objects with these custom fields."""
    return Catalogue(all_objects(Added(fields=tuple(custom_fields))))


def all_objects(added: Added) -> Iterable[SObject]:
    """The standard objects and the custom ones, all with their custom fields.

    Raises:
        custom.NotServed: a definition has a type of field the sandbox does not know.
    """
    return custom.typed_summaries({o.name.lower(): o for o in _untyped(added)})


def _untyped(added: Added) -> Iterable[SObject]:
    more = _fields_by_object(added)
    own = (custom.custom_object(one, number) for number, one in enumerate(added.objects))
    for sobject in (*standard_objects(), *own):
        extra = more.get(sobject.name.lower(), ())
        fields = {**sobject.fields, **{f.key: f for f in extra}}
        if added.stages and sobject.name == "Opportunity":
            fields["stagename"] = replace(fields["stagename"], choices=added.stages)
        types = added.record_types.get(sobject.name.lower(), ())
        if types:
            fields["recordtypeid"] = _TYPE_FIELD
        yield replace(sobject, fields=fields, record_types=types)


def _fields_by_object(added: Added) -> Mapping[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for definition in added.fields:
        owner, _, name = str(definition["FullName"]).partition(".")
        # A field of an activity is one of tasks, of events and of what lists them.
        for place in _ACTIVITIES if owner == "Activity" else (owner,):
            made = custom.custom_fields(name, definition["Metadata"])
            found.setdefault(place.lower(), []).extend(made)
    return found
