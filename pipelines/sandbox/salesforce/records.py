"""Creating, changing and deleting records as the vendor does it: what it refuses, what it sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.sandbox.salesforce import ids, record_types, refusals
from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.consequences import Consequences
from pipelines.sandbox.salesforce.derived.ground import Ground
from pipelines.sandbox.salesforce.fields import Field
from pipelines.sandbox.salesforce.intake import Intake
from pipelines.sandbox.salesforce.object_access import refuse_denied
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.summaries import empty
from pipelines.sandbox.salesforce.values import counted, stamp
from pipelines.sandbox.store import MetaWrite, Record, Store, Write

__all__ = ["Ambiguous", "Records", "Upserted", "stamp"]


@dataclass(frozen=True)
class Upserted:
    """What an upsert did: the record's id, and whether it is new."""

    record_id: str
    created: bool


@dataclass
class Guards:
    """What the org itself has to say to a write.

    Attributes:
        locked: told the ids of all records a write takes hold of, before anything happens.
        rules: told the record as written and as it was before ({} for a new one); raises what
            speaks against it.
    """

    locked: Callable[[list[str]], None] = lambda _: None
    rules: Callable[[SObject, Record, Record], None] = lambda _, __, ___: None


class Ambiguous(Exception):
    """Several records have the external id: the vendor lists their addresses (HTTP 300)."""

    def __init__(self, record_ids: list[str]) -> None:
        super().__init__(record_ids)
        self.record_ids = record_ids


class Records:
    """Writes of one org. Every public method is whole or raises `Refusal` and changes nothing."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        org_id: str,
        now: Callable[[], datetime],
        user_id: str,
        whole: Catalogue,
    ) -> None:
        self._catalogue = catalogue
        self._whole = whole  # also what the user may not see: the system's own doing knows it
        self._store = store
        self._org = org_id
        self._now = now
        self._user = user_id
        self._intake = Intake(catalogue, store, org_id, self.by_external_id)
        self.guards = Guards()
        self._consequences = Consequences(
            Ground(whole, store, org_id, user_id, self._next_id, self._stamps)
        )
        # What else must hold of a record, told by the org; answers it as it is stored.
        self.checked: Callable[[SObject, Record], Record] = lambda _sobject, record: record

    def act_as(self, user_id: str) -> None:
        """Write as this user."""
        self._user = user_id
        self._consequences.act_as(user_id)

    # ---- reading

    def living(self, sobject: SObject, record_id: str) -> Record:
        """The record by an id of 15 or 18 characters. Refuses unknown and deleted ones."""
        full = ids.to18(record_id)
        record = self._store.table(self._org, sobject.name).get(full) if full else None
        if record is None:
            raise refusals.not_found()
        if record.get("IsDeleted"):
            raise refusals.entity_is_deleted()
        return record

    def _to_change(self, sobject: SObject, record_id: str) -> Record:
        """The same for a write, which takes an id that no record has for a dead reference."""
        try:
            return self.living(sobject, record_id)
        except Refusal as refusal:
            raise (refusals.no_such_record() if refusal.code == "NOT_FOUND" else refusal) from None

    def by_external_id(self, sobject: SObject, field: Field, value: str) -> list[Record]:
        """The living records with this key; letter case counts only where the field says so."""
        wanted = value if field.case_sensitive else value.lower()

        def key(record: Record) -> str | None:
            held = record.get(field.name)
            if held is None or record.get("IsDeleted"):
                return None
            return str(held) if field.case_sensitive else str(held).lower()

        return self._store.table(self._org, sobject.name).find(f"key:{field.name}", wanted, key)

    def key_field(self, sobject: SObject, name: str) -> Field:
        """The field named in an address of the form /sobjects/X/FIELD/VALUE."""
        field = sobject.field(name)
        if field is None or not (field.external_id or field.id_lookup):
            raise refusals.no_external_id(name)
        return field

    # ---- writing

    def create(self, sobject: SObject, given: Mapping[str, Any]) -> str:
        """A new record; returns its id."""
        self._refuse_unwritable(sobject, "Create")
        values = self._intake.checked(sobject, given, creating=True)
        missing = [
            f.name for f in sobject.fields.values() if f.required and values.get(f.name) is None
        ]
        if missing:
            raise refusals.required_missing(missing)
        record_id, counter = self._next_id(sobject)
        values |= counted(sobject, counter.value)
        record = self._blank(sobject) | values | self._stamps(record_id, new=True)
        record = {k: v for k, v in record.items() if sobject.field(k)}
        self._refuse_duplicates(sobject, record)
        self._commit(sobject, record, {}, values, counter)
        return record_id

    def update(self, sobject: SObject, record_id: str, given: Mapping[str, Any]) -> None:
        """Change the given fields of a living record."""
        self._refuse_unwritable(sobject, "Edit")
        before = self._to_change(sobject, record_id)
        if any(name.lower() == "id" for name in given):
            raise Refusal(
                "INVALID_FIELD", "The Id field should not be specified in the sobject data.", ()
            )
        values = self._intake.checked(sobject, given, creating=False)
        emptied = [
            f.name
            for f in sobject.fields.values()
            if f.name in values and values[f.name] is None and not f.nillable
        ]
        if emptied:
            raise refusals.required_missing(emptied)
        record = {**before, **values, **self._stamps(before["Id"], new=False)}
        self._refuse_duplicates(sobject, record)
        self._commit(sobject, record, before, values, None)

    def upsert(
        self,
        sobject: SObject,
        field: Field,
        value: str,
        given: Mapping[str, Any],
        *,
        update_only: bool = False,
    ) -> Upserted:
        """Update the one record with this key, or create it. Raises `Ambiguous` for several."""
        body = {k: v for k, v in given.items() if k.lower() != field.key}
        if field.type == "id":
            self.update(sobject, value, body)
            return Upserted(ids.to18(value) or value, False)
        found = self.by_external_id(sobject, field, value)
        if len(found) > 1:
            raise Ambiguous([r["Id"] for r in found])
        if found:
            self.update(sobject, found[0]["Id"], body)
            return Upserted(found[0]["Id"], False)
        if update_only:
            raise refusals.not_found()
        return Upserted(self.create(sobject, {**body, field.name: value}), True)

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Put a record, and what belongs to it, into the recycle bin."""
        self._refuse_unwritable(sobject, "Delete")
        record = self._to_change(sobject, record_id)
        self.guards.locked([record["Id"], *_parents(sobject, record, {})])
        self._refuse_still_needed(sobject, record)
        self._consequences.refuse_delete(sobject, record)
        writes: list[Write | MetaWrite] = []
        self._bin(sobject, record, writes)
        with self._store.transaction():
            self._store.commit(writes)
            self._consequences.resum(sobject, record)
            self.recount(writes[1:])

    def recount(self, writes: Sequence[Write | MetaWrite]) -> None:
        """Records that went, came or moved with another count in sums of their own."""
        for one in writes:
            kind = self._whole.get(one.entity) if isinstance(one, Write) else None
            if kind is not None and isinstance(one, Write) and one.record is not None:
                self._consequences.resum(kind, one.record)

    def fill_summaries(self, sobject: SObject, *, stamped: bool) -> None:
        """Compute the roll-up summaries of all of an object's records."""
        self._consequences.fill_summaries(sobject, stamped=stamped)

    def _refuse_still_needed(self, sobject: SObject, record: Record) -> None:
        """Some records keep their parent: an account with cases cannot go."""
        for child in self._whole.objects.values():
            for field in child.fields.values():
                if not (field.restricts and sobject.name in field.refers_to):
                    continue
                table = self._store.table(self._org, child.name)
                found = [r for r in table.find(field.name, record["Id"]) if not r.get("IsDeleted")]
                if found:
                    name = next((f.name for f in child.fields.values() if f.name_field), "Id")
                    raise Refusal(
                        "DELETE_FAILED",
                        f"Your attempt to delete {record.get('Name') or record['Id']} could not be "
                        "completed because it is associated with the following "
                        f"{child.plural.lower()}.: {', '.join(str(r.get(name)) for r in found)}\n",
                        (),
                    )

    def _bin(self, sobject: SObject, record: Record, writes: list[Write | MetaWrite]) -> None:
        gone = None
        if sobject.keeps_deleted:
            gone = {**record, **self._stamps(record["Id"], new=False), "IsDeleted": True}
        writes.append(Write(self._org, sobject.name, record["Id"], gone, "delete"))
        for child in self._whole.objects.values():
            for field in child.fields.values():
                if field.cascade and sobject.name in field.refers_to:
                    table = self._store.table(self._org, child.name)
                    for one in table.find(field.name, record["Id"]):
                        if not one.get("IsDeleted"):
                            self._bin(child, one, writes)

    # ---- checking what was given

    def _refuse_unwritable(self, sobject: SObject, right: str) -> None:
        if not sobject.writable:
            raise Refusal(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                f"entity type {sobject.name} does not support this operation",
                (),
            )
        refuse_denied(sobject, right)

    def _refuse_duplicates(self, sobject: SObject, record: Record) -> None:
        for field in sobject.fields.values():
            value = record.get(field.name)
            if not field.unique or value is None:
                continue
            others = [
                r["Id"]
                for r in self.by_external_id(sobject, field, str(value))
                if r["Id"] != record["Id"]
            ]
            if others:
                raise Refusal(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id: "
                    f"{others[0][:15]}",
                    (),
                )

    # ---- what the vendor sets

    def _blank(self, sobject: SObject) -> Record:
        blank: Record = {
            f.name: f.default if f.type in ("boolean", "picklist", "combobox") else empty(f)
            for f in sobject.fields.values()
            if f.type != "address"
        }
        if "OwnerId" in blank:
            blank["OwnerId"] = self._user
        if record_types.FIELD in blank:
            blank[record_types.FIELD] = record_types.default_of(sobject)
        if "CurrencyIsoCode" in blank:
            blank["CurrencyIsoCode"] = self._corporate_currency()
        return blank

    def _corporate_currency(self) -> str:
        types = self._store.table(self._org, "CurrencyType")
        return next((str(t["IsoCode"]) for t in types if t.get("IsCorporate")), "USD")

    def _stamps(self, record_id: str, new: bool) -> Record:
        at = stamp(self._now())
        changed = {"LastModifiedDate": at, "LastModifiedById": self._user, "SystemModstamp": at}
        if new:
            changed |= {"Id": record_id, "CreatedDate": at, "CreatedById": self._user}
        return changed

    def _next_id(self, sobject: SObject) -> tuple[str, MetaWrite]:
        key = f"last:{sobject.name}"
        number = int(self._store.meta(self._org).get(key, 0)) + 1
        table = self._store.table(self._org, sobject.name)
        while table.get(ids.numbered(sobject.prefix, number)):
            number += 1
        return ids.numbered(sobject.prefix, number), MetaWrite(self._org, key, number)

    # ---- committing, with what follows

    def _commit(
        self,
        sobject: SObject,
        record: Record,
        before: Record,
        given: Mapping[str, Any],
        counter: MetaWrite | None,
    ) -> None:
        self.guards.locked([record["Id"], *_parents(sobject, record, before)])
        record = self._consequences.derived(sobject, record, before, given)
        record = self.checked(sobject, record)
        writes: list[Write | MetaWrite] = [Write(self._org, sobject.name, record["Id"], record)]
        writes += [counter] if counter else []
        with self._store.transaction():
            self._store.commit(writes)
            self.guards.rules(sobject, record, before)
            self._consequences.follow(sobject, record, before)
            for name, brought in () if before else self._consequences.brings(sobject, record):
                more = self._whole.get(name)
                assert more is not None
                self.create(more, brought)


def _parents(sobject: SObject, record: Record, before: Record) -> list[str]:
    """The masters whose rows a write takes hold of too."""
    return [
        str(value)
        for field in sobject.fields.values()
        if field.cascade
        for value in {record.get(field.name), before.get(field.name)}
        if value
    ]
