"""What a write gives for the fields of a record, checked and brought into its stored form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.salesforce import ids, record_types, refusals
from pipelines.sandbox.salesforce.catalogue import Catalogue, SObject
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.values import binary, boolean, is_email, number, time
from pipelines.sandbox.store import Record, Store

ByKey = Callable[[SObject, Field, str], list[Record]]


@dataclass(frozen=True)
class Intake:
    """Values on their way into one org's records.

    Attributes:
        by_key: the living records of an object that have a key.
    """

    catalogue: Catalogue
    store: Store
    org_id: str
    by_key: ByKey

    def checked(self, sobject: SObject, given: Mapping[str, Any], creating: bool) -> Record:
        """The given values in their stored form, references by external id resolved."""
        values: Record = {}
        barred: list[str] = []
        for name, value in given.items():
            if name == "attributes":
                continue
            field = sobject.field(name)
            if field is None:
                values.update(self._by_relationship(sobject, name, value))
                continue
            if not (field.createable if creating else field.updateable):
                barred.append(field.name)
                continue
            is_type = field.name == record_types.FIELD and bool(value)
            values[field.name] = (
                record_types.chosen(sobject, value) if is_type else self._value(field, value)
            )
        if barred:
            raise refusals.not_writable(barred)
        self._refuse_inactive_owner(sobject, values)
        return values

    def _by_relationship(self, sobject: SObject, name: str, value: Any) -> Record:
        """`"Account": {"Key__c": "42"}` names a parent by its external id."""
        reference = next(
            (f for f in sobject.fields.values()
             if f.relationship and f.relationship.lower() == name.lower()), None,
        )  # fmt: skip
        if reference is None or not isinstance(value, Mapping):
            raise refusals.no_such_column(name, sobject.name)
        target = self.catalogue.get(reference.refers_to[0])
        keys = [(k, v) for k, v in value.items() if k != "attributes"]
        field = target.field(keys[0][0]) if target and len(keys) == 1 else None
        if target is None or field is None or not (field.external_id or field.id_lookup):
            raise refusals.no_such_column(name, sobject.name)
        found = self.by_key(target, field, str(keys[0][1]))
        if len(found) != 1:
            raise Refusal(
                "INVALID_FIELD",
                f"Foreign key external ID: {str(keys[0][1]).lower()} not found for field "
                f"{field.name} in entity {target.name}",
                (),
            )
        return {reference.name: found[0]["Id"]}

    def _value(self, field: Field, value: Any) -> Any:
        if value is None or value == "":
            return False if field.type == "boolean" else None
        if field.type == "boolean":
            return boolean(value)
        if field.type in NUMERIC:
            return number(field, value)
        if field.type in ("date", "datetime"):
            return time(field, value)
        if field.type == "base64":
            return binary(field, value)
        if not isinstance(value, str):
            if isinstance(value, bool | list | Mapping):
                raise refusals.unreadable("string", value)
            value = str(value)
        return self._text(field, value)

    def _text(self, field: Field, value: str) -> str | None:
        if field.type == "reference":
            return self._reference(field, value)
        text = value if field.type == "textarea" else value.strip()
        if field.length and len(text) > field.length:
            raise Refusal(
                "STRING_TOO_LONG",
                f"{field.label}: data value too large: {text} (max length={field.length})",
                (field.name,),
            )
        if field.type == "email" and not is_email(text):
            raise Refusal(
                "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}",
                (field.name,),
            )  # fmt: skip
        choices = [c.value.lower() for c in field.choices]
        if field.restricted and choices and text.lower() not in choices:
            raise Refusal(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"{field.label}: bad value for restricted picklist field: {text}",
                (field.name,),
            )
        return text or None

    def _reference(self, field: Field, value: str) -> str:
        full = ids.to18(value)
        owner = self.catalogue.of_id(value)
        if full is None:
            raise refusals.wrong_kind_of_id(field.label, value, (field.name,))
        if owner is not None and owner.name not in field.refers_to:
            told = f"{field.label}: id value of incorrect type: {value}"
            raise refusals.integrity(told, (field.name,))
        target = owner or self.catalogue.get(field.refers_to[0])
        record = self.store.table(self.org_id, target.name).get(full) if target else None
        if record is None:
            raise refusals.unknown_reference()
        if record.get("IsDeleted"):
            raise refusals.entity_is_deleted()
        return full

    def _refuse_inactive_owner(self, sobject: SObject, values: Mapping[str, Any]) -> None:
        owner = self.store.table(self.org_id, "User").get(str(values.get("OwnerId")))
        if owner is not None and owner.get("IsActive") is False:
            raise Refusal(
                "INACTIVE_OWNER_OR_USER",
                f"operation performed with inactive user [{owner['Id']}] as owner of "
                f"{sobject.label.lower()}",
                (),
            )
