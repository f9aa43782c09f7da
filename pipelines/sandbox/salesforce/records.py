"""Creating, changing and deleting records as the vendor does it: what it refuses, what it sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from pipelines.sandbox.salesforce import ids, refusals
from pipelines.sandbox.salesforce.catalogue import STAGES, Catalogue, SObject
from pipelines.sandbox.salesforce.fields import NUMERIC, Field
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import MetaWrite, Record, Store, Write

_CENT = Decimal("0.01")
_COUNT = re.compile(r"\{(0+)\}")


@dataclass(frozen=True)
class Upserted:
    """What an upsert did: the record's id, and whether it is new."""

    record_id: str
    created: bool


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
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._org = org_id
        self._now = now
        self._user = user_id

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
        self._refuse_unwritable(sobject)
        values = self._checked(sobject, given, creating=True)
        missing = [
            f.name for f in sobject.fields.values() if f.required and values.get(f.name) is None
        ]
        if missing:
            raise refusals.required_missing(missing)
        record_id, counter = self._next_id(sobject)
        values |= _counted(sobject, counter.value)
        record = self._blank(sobject) | values | self._stamps(record_id, new=True)
        record = {k: v for k, v in record.items() if sobject.field(k)}
        self._refuse_duplicates(sobject, record)
        self._commit(sobject, self._derived(sobject, record, {}, values), None, counter)
        return record_id

    def update(self, sobject: SObject, record_id: str, given: Mapping[str, Any]) -> None:
        """Change the given fields of a living record."""
        self._refuse_unwritable(sobject)
        before = self.living(sobject, record_id)
        if any(name.lower() == "id" for name in given):
            raise Refusal(
                "INVALID_FIELD", "The Id field should not be specified in the sobject data.", ()
            )
        values = self._checked(sobject, given, creating=False)
        emptied = [
            f.name
            for f in sobject.fields.values()
            if f.name in values and values[f.name] is None and not f.nillable
        ]
        if emptied:
            raise refusals.required_missing(emptied)
        record = {**before, **values, **self._stamps(before["Id"], new=False)}
        self._refuse_duplicates(sobject, record)
        self._commit(sobject, self._derived(sobject, record, before, values), before, None)

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
        self._refuse_unwritable(sobject)
        record = self.living(sobject, record_id)
        writes: list[Write | MetaWrite] = []
        self._bin(sobject, record, writes)
        self._store.commit(writes)
        if sobject.name == "OpportunityLineItem":
            self._sum_up(record["OpportunityId"])

    def _bin(self, sobject: SObject, record: Record, writes: list[Write | MetaWrite]) -> None:
        gone = None
        if sobject.keeps_deleted:
            gone = {**record, **self._stamps(record["Id"], new=False), "IsDeleted": True}
        writes.append(Write(self._org, sobject.name, record["Id"], gone, "delete"))
        for child in self._catalogue.objects.values():
            for field in child.fields.values():
                if field.cascade and sobject.name in field.refers_to:
                    table = self._store.table(self._org, child.name)
                    for one in table.find(field.name, record["Id"]):
                        if not one.get("IsDeleted"):
                            self._bin(child, one, writes)

    # ---- checking what was given

    def _refuse_unwritable(self, sobject: SObject) -> None:
        if not sobject.writable:
            raise Refusal(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                f"entity type {sobject.name} does not support this operation",
                (),
            )

    def _checked(self, sobject: SObject, given: Mapping[str, Any], creating: bool) -> Record:
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
            values[field.name] = self._value(field, value)
        if barred:
            raise refusals.not_writable(barred)
        return values

    def _by_relationship(self, sobject: SObject, name: str, value: Any) -> Record:
        """`"Account": {"Key__c": "42"}` names a parent by its external id."""
        reference = next(
            (f for f in sobject.fields.values()
             if f.relationship and f.relationship.lower() == name.lower()), None,
        )  # fmt: skip
        if reference is None or not isinstance(value, Mapping):
            raise refusals.no_such_column(name, sobject.name)
        target = self._catalogue.get(reference.refers_to[0])
        keys = [(k, v) for k, v in value.items() if k != "attributes"]
        field = target.field(keys[0][0]) if target and len(keys) == 1 else None
        if target is None or field is None or not (field.external_id or field.id_lookup):
            raise refusals.no_such_column(name, sobject.name)
        found = self.by_external_id(target, field, str(keys[0][1]))
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
            return _boolean(value)
        if field.type in NUMERIC:
            return _number(field, value)
        if field.type in ("date", "datetime"):
            return _time(field, value)
        if not isinstance(value, str):
            if isinstance(value, bool | list | Mapping):
                raise refusals.unreadable("string", "START_OBJECT", value)
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
        if field.type == "email" and not _is_email(text):
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
        owner = self._catalogue.of_id(value)
        if full is None or (owner is not None and owner.name not in field.refers_to):
            raise Refusal(
                "MALFORMED_ID",
                f"{field.label}: id value of incorrect type: {value}",
                (field.name,),
            )
        target = owner or self._catalogue.get(field.refers_to[0])
        record = self._store.table(self._org, target.name).get(full) if target else None
        if record is None:
            raise refusals.unknown_reference()
        if record.get("IsDeleted"):
            raise refusals.entity_is_deleted()
        return full

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
            f.name: f.default if f.type in ("boolean", "picklist", "combobox") else None
            for f in sobject.fields.values()
            if f.type != "address"
        }
        if "OwnerId" in blank:
            blank["OwnerId"] = self._user
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

    def _derived(
        self, sobject: SObject, record: Record, before: Record, given: Mapping[str, Any]
    ) -> Record:
        if sobject.name in ("Contact", "User"):
            names = (record.get("FirstName"), record.get("LastName"))
            record["Name"] = " ".join(n for n in names if n)
        elif sobject.name == "Opportunity":
            self._derive_deal(record, before, given)
        elif sobject.name == "OpportunityLineItem":
            self._derive_line(record, before, given)
        elif sobject.name == "PricebookEntry":
            self._derive_entry(record, new=not before)
        elif sobject.name == "Task":
            record["IsClosed"] = record.get("Status") == "Completed"
        return record

    def _derive_deal(self, record: Record, before: Record, given: Mapping[str, Any]) -> None:
        probability, closed, won, category, name = STAGES.get(
            record["StageName"], (0, False, False, "Pipeline", "Pipeline")
        )
        moved = record["StageName"] != before.get("StageName")
        if moved:
            record["LastStageChangeDate"] = record["LastModifiedDate"]
            record["ForecastCategory"], record["ForecastCategoryName"] = category, name
            if "Probability" not in given:
                record["Probability"] = Decimal(probability)
        record["IsClosed"], record["IsWon"] = closed, won
        if before.get("HasOpportunityLineItem") and "Amount" in given:
            record["Amount"] = before.get("Amount")  # the lines decide once there are any
        amount = record.get("Amount")
        share = Decimal(record.get("Probability") or 0) / 100
        record["ExpectedRevenue"] = None if amount is None else _cents(Decimal(amount) * share)
        closes = date.fromisoformat(record["CloseDate"])
        quarter = (closes.month - 1) // 3 + 1
        record["FiscalYear"], record["FiscalQuarter"] = closes.year, quarter
        record["Fiscal"] = f"{closes.year} {quarter}"

    def _derive_line(self, record: Record, before: Record, given: Mapping[str, Any]) -> None:
        entry = self._entry_of(record)
        quantity = Decimal(record["Quantity"])
        discount = Decimal(record.get("Discount") or 0)
        if "UnitPrice" in given and "TotalPrice" in given and given["TotalPrice"] is not None:
            raise refusals.integrity(
                "field integrity exception: unknown (only one of unit price and total price may "
                "be specified)"
            )
        if given.get("TotalPrice") is not None and quantity:
            gross = Decimal(given["TotalPrice"]) / (1 - discount / 100)
            record["UnitPrice"] = _cents(gross / quantity)
            record["TotalPrice"] = _cents(Decimal(given["TotalPrice"]))
        else:
            if record.get("UnitPrice") is None:
                record["UnitPrice"] = entry["UnitPrice"] if entry else Decimal(0)
            price = quantity * Decimal(record["UnitPrice"])
            record["TotalPrice"] = _cents(price * (100 - discount) / 100)
        record["Subtotal"] = _cents(quantity * Decimal(record["UnitPrice"]))
        if entry and not before:
            self._describe_line(record, entry)

    def _entry_of(self, record: Record) -> Record | None:
        entry_id = record.get("PricebookEntryId")
        return self._store.table(self._org, "PricebookEntry").get(entry_id) if entry_id else None

    def _describe_line(self, record: Record, entry: Record) -> None:
        product = self._store.table(self._org, "Product2").get(entry["Product2Id"]) or {}
        deal = self._store.table(self._org, "Opportunity").get(record["OpportunityId"]) or {}
        if deal.get("CurrencyIsoCode") != entry.get("CurrencyIsoCode"):
            raise refusals.integrity(
                "field integrity exception: PricebookEntryId (pricebook entry currency code does "
                "not match opportunity currency code)", ("PricebookEntryId",),
            )  # fmt: skip
        record |= {
            "Product2Id": entry["Product2Id"],
            "ProductCode": product.get("ProductCode"),
            "ListPrice": entry["UnitPrice"],
            "Name": f"{deal.get('Name', '')} {product.get('Name', '')}".strip(),
            "CurrencyIsoCode": deal.get("CurrencyIsoCode"),
        }

    def _derive_entry(self, record: Record, new: bool) -> None:
        product = self._store.table(self._org, "Product2").get(record["Product2Id"]) or {}
        record["Name"], record["ProductCode"] = product.get("Name"), product.get("ProductCode")
        if not new:
            return
        same = [
            e
            for e in self._store.table(self._org, "PricebookEntry").find(
                "Product2Id", record["Product2Id"]
            )
            if e["CurrencyIsoCode"] == record["CurrencyIsoCode"] and not e.get("IsDeleted")
        ]
        if any(e["Pricebook2Id"] == record["Pricebook2Id"] for e in same):
            raise Refusal(
                "DUPLICATE_VALUE", "This price definition already exists in this price book", ()
            )
        books = self._store.table(self._org, "Pricebook2")
        book = books.get(record["Pricebook2Id"]) or {}
        standard = [e for e in same if (books.get(e["Pricebook2Id"]) or {}).get("IsStandard")]
        if not book.get("IsStandard") and not standard:
            raise Refusal(
                "STANDARD_PRICE_NOT_DEFINED",
                "Before creating a custom price, create a standard price.",
                (),
            )

    # ---- committing, with what follows

    def _commit(
        self, sobject: SObject, record: Record, before: Record | None, counter: MetaWrite | None
    ) -> None:
        writes: list[Write | MetaWrite] = [Write(self._org, sobject.name, record["Id"], record)]
        writes += [counter] if counter else []
        self._store.commit(writes)
        if sobject.name == "Opportunity":
            self._log_deal(record, before or {})
        elif sobject.name == "OpportunityLineItem":
            self._sum_up(record["OpportunityId"])
        elif sobject.name == "OpportunityContactRole" and record.get("IsPrimary"):
            self._only_primary(record)

    def _log_deal(self, record: Record, before: Record) -> None:
        """A row of OpportunityHistory for each change of stage, amount, close date and so on."""
        watched = ("StageName", "Amount", "CloseDate", "Probability", "ForecastCategory")
        if before and all(record.get(n) == before.get(n) for n in watched):
            return
        history = self._catalogue.get("OpportunityHistory")
        assert history is not None
        record_id, counter = self._next_id(history)
        row = {name: record.get(name) for name in (*watched, "ExpectedRevenue", "CurrencyIsoCode")}
        row |= {
            "Id": record_id,
            "OpportunityId": record["Id"],
            "IsDeleted": False,
            "CreatedDate": record["LastModifiedDate"],
            "CreatedById": self._user,
            "SystemModstamp": record["LastModifiedDate"],
        }
        self._store.commit([Write(self._org, history.name, record_id, row), counter])

    def _sum_up(self, deal_id: str) -> None:
        """The deal's amount and quantity are the sums over its lines."""
        deal = self._store.table(self._org, "Opportunity").get(deal_id)
        if deal is None or deal.get("IsDeleted"):
            return
        lines = [
            line
            for line in self._store.table(self._org, "OpportunityLineItem").find(
                "OpportunityId", deal_id
            )
            if not line.get("IsDeleted")
        ]
        after = {**deal, **self._stamps(deal_id, new=False), "HasOpportunityLineItem": bool(lines)}
        if lines:
            after["Amount"] = sum((Decimal(x["TotalPrice"]) for x in lines), Decimal(0))
            after["TotalOpportunityQuantity"] = sum(
                (Decimal(x["Quantity"]) for x in lines), Decimal(0)
            )
        sobject = self._catalogue.get("Opportunity")
        assert sobject is not None
        self._derive_deal(after, {**deal, "HasOpportunityLineItem": False}, {"Probability": None})
        self._store.commit([Write(self._org, "Opportunity", deal_id, after)])
        self._log_deal(after, deal)

    def _only_primary(self, record: Record) -> None:
        table = self._store.table(self._org, "OpportunityContactRole")
        others = [
            r
            for r in table.find("OpportunityId", record["OpportunityId"])
            if r["Id"] != record["Id"] and r.get("IsPrimary")
        ]
        self._store.commit(
            [
                Write(self._org, "OpportunityContactRole", r["Id"],
                      {**r, **self._stamps(r["Id"], new=False), "IsPrimary": False})
                for r in others
            ]
        )  # fmt: skip


def stamp(moment: datetime) -> str:
    """A date-time as REST writes it: whole seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _counted(sobject: SObject, number: int) -> Record:
    """The automatic numbers of a new record: `{0000}` in the form stands for the number."""
    return {
        f.name: _COUNT.sub(lambda found: str(number).rjust(len(found[1]), "0"), f.counts)
        for f in sobject.fields.values()
        if f.counts
    }


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise refusals.unreadable("boolean", "VALUE_STRING", value)


def _number(field: Field, value: Any) -> Decimal | int:
    if isinstance(value, bool):
        raise refusals.unreadable("double", "VALUE_BOOLEAN", value)
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise refusals.unreadable(
            "int" if field.type == "int" else "double", "VALUE_STRING", value
        ) from None
    if field.type == "int":
        return int(found)
    whole = field.precision - field.scale
    if field.precision and abs(found) >= Decimal(10) ** whole:
        raise Refusal(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: value outside of valid range on numeric field: {value}",
            (field.name,),
        )
    return found.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)


def _time(field: Field, value: Any) -> str:
    try:
        if field.type == "date":
            return date.fromisoformat(str(value)[:10]).isoformat()
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError
        return stamp(moment.astimezone(UTC))
    except ValueError:
        raise refusals.unreadable(field.type, "VALUE_STRING", value) from None


def _is_email(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at) and "." in host and " " not in text and not host.startswith(".")
