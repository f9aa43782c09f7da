"""What a consequence of a write works on: one org's records, and the vendor's own writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.store import MetaWrite, Record, Store, Write

NextId = Callable[[SObject], tuple[str, MetaWrite]]
Stamps = Callable[[str, bool], Record]
Given = Mapping[str, Any]


@dataclass
class Ground:
    """One org, as the rules see it that follow from a write.

    Attributes:
        user_id: who writes.
        next_id, stamps: a new record's id with its counter, and a record's audit fields now.
    """

    catalogue: Catalogue
    store: Store
    org_id: str
    user_id: str
    next_id: NextId
    stamps: Stamps

    def get(self, name: str, record_id: Any) -> Record | None:
        """A record by its id; None for no id and for an unknown one."""
        return self.store.table(self.org_id, name).get(str(record_id)) if record_id else None

    def living(self, name: str, record_id: Any) -> Record | None:
        """The same, unless it is in the recycle bin."""
        found = self.get(name, record_id)
        return None if found is None or found.get("IsDeleted") else found

    def children(self, name: str, field: str, parent_id: str) -> list[Record]:
        """The living records that refer to a parent."""
        found = self.store.table(self.org_id, name).find(field, parent_id)
        return [one for one in found if not one.get("IsDeleted")]

    def settle(self, name: str, record: Record) -> Record:
        """Store what the vendor computed: the stamp moves, the last modification does not."""
        moved = self.stamps(record["Id"], False)["SystemModstamp"]
        after = {**record, "SystemModstamp": moved}
        self.store.commit([Write(self.org_id, name, record["Id"], after)])
        return after

    def drop(self, name: str, record: Record) -> None:
        """Put a record into the recycle bin, as a part of another's write."""
        gone = {**record, **self.stamps(record["Id"], False), "IsDeleted": True}
        self.store.commit([Write(self.org_id, name, record["Id"], gone, "delete")])

    def note(self, name: str, values: Given) -> str:
        """A new row of an object only the vendor writes; returns its id."""
        sobject = self.catalogue.get(name)
        assert sobject is not None
        record_id, counter = self.next_id(sobject)
        row = {"IsDeleted": False, **self.stamps(record_id, True), **values}
        kept = {key: value for key, value in row.items() if sobject.field(key)}
        self.store.commit([Write(self.org_id, name, record_id, kept), counter])
        return record_id
