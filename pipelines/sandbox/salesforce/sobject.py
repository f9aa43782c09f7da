"""What an object is: its fields and what can be done with its records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipelines.sandbox.salesforce.fields import Field, fixed, flag, link, moment

AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
_AUDIT_LABELS = {
    "CreatedDate": "Created Date", "CreatedById": "Created By ID",
    "LastModifiedDate": "Last Modified Date", "LastModifiedById": "Last Modified By ID",
    "SystemModstamp": "System Modstamp",
}  # fmt: skip


_ID_LABELS = {
    "Event": "Activity ID", "Task": "Activity ID", "OpportunityContactRole": "Contact Role ID",
}  # fmt: skip


@dataclass(frozen=True)
class RecordType:
    """One record type of an object."""

    id: str
    name: str
    developer_name: str
    active: bool = True


@dataclass(frozen=True)
class SObject:
    """One object: its fields by lower-case name, in the order of the describe.

    Attributes:
        prefix: how the ids of its records begin.
        keeps_deleted: whether its records go to a recycle bin.
        queryable: whether FROM may name it; else its records are listed below others' alone.
        setting: a custom setting; its records are settings of the org, not data.
        record_types: those of its own, beside the one every object has.
        denied: what the user may not do with its records: Create, Edit, Delete.
    """

    name: str
    label: str
    plural: str
    prefix: str
    fields: Mapping[str, Field]
    writable: bool = True
    keeps_deleted: bool = True
    setting: bool = False
    record_types: tuple[RecordType, ...] = ()
    denied: frozenset[str] = frozenset()
    queryable: bool = True

    def allows(self, right: str) -> bool:
        """Whether the user may do that with its records."""
        return self.writable and right not in self.denied

    def field(self, name: str) -> Field | None:
        """A field by its name in any case."""
        return self.fields.get(name.lower())

    @property
    def custom(self) -> bool:
        """Whether the org defined it."""
        return self.name.endswith("__c")

    @property
    def external_ids(self) -> list[Field]:
        """The fields by which a record can be addressed."""
        return [f for f in self.fields.values() if f.external_id or f.id_lookup]


def define(
    name: str,
    label: str,
    plural: str,
    prefix: str,
    own: Iterable[Field],
    *,
    writable: bool = True,
    keeps_deleted: bool = True,
    setting: bool = False,
    queryable: bool = True,
    audit: Iterable[str] = AUDIT,
) -> SObject:
    """An object of its own fields and those every record has."""
    id_label = "Record ID" if name.endswith("__c") else _ID_LABELS.get(name, f"{label} ID")
    system = [fixed(Field("Id", id_label, "id", length=18, nillable=False, defaulted=True,
                          id_lookup=True))]  # fmt: skip
    if keeps_deleted:
        system.append(fixed(flag("IsDeleted", "Deleted")))
    fields = [*system, *own, *(_audit_field(one) for one in audit)]
    if not writable:
        fields = [fixed(f) for f in fields]
    return SObject(
        name, label, plural, prefix, {f.key: f for f in fields}, writable, keeps_deleted, setting,
        queryable=queryable,
    )  # fmt: skip


def _audit_field(name: str) -> Field:
    label = _AUDIT_LABELS[name]
    if name.endswith("ById"):
        made = link(name, label, "User", nillable=False, defaulted=True, relationship=name[:-2])
    else:
        made = moment(name, label, nillable=False, defaulted=True)
    return fixed(made)
