"""One company's books as the rules see them: records, preferences, calendar, numbering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.sandbox.clock import Clock
from pipelines.sandbox.quickbooks.currencies import currency_name
from pipelines.sandbox.quickbooks.values import (
    Record,
    envelope_time,
    moment_text,
    ref_value,
    reference,
    zone_of,
)
from pipelines.sandbox.quickbooks.vocabulary import PEOPLE, TRANSACTIONS, id_group
from pipelines.sandbox.store import MetaWrite, Store, Table, Write

ADDRESSES = ("BillAddr", "ShipAddr", "PrimaryAddr", "OtherAddr", "CompanyAddr", "ShipFromAddr")
FIRST_DOCUMENT = 1001


class Books:
    """One company.

    Reads see what the running transaction wrote; every write goes straight to the store, whose
    transaction takes it back when a rule refuses the call.
    """

    def __init__(self, store: Store, clock: Clock, company: Mapping[str, Any]) -> None:
        self.store = store
        self.clock = clock
        self.realm = str(company["realm_id"])
        self.country = str(company.get("country", "US"))
        self._offset = company.get("utc_offset")
        self._currency = company.get("home_currency")
        self.name = str(company.get("name", self.realm))
        self.kept: dict[str, object] = {}  # what others compute of these books and keep

    def frozen(self) -> Books:
        """The books as they are now, to be read while these go on being written."""
        found = copy(self)
        found.store, found.kept = self.store.frozen(self.realm), {}
        return found

    # ---- records

    def table(self, entity: str) -> Table:
        """The table of one entity."""
        return self.store.table(self.realm, entity)

    def get(self, entity: str, record_id: str) -> Record | None:
        """A living record (inactive ones included), or None."""
        return self.table(entity).get(record_id)

    def put(self, entity: str, record: Record, operation: str | None = None) -> Record:
        """Store a record as it is from now on."""
        self.store.commit([Write(self.realm, entity, record["Id"], record, operation)])
        return record

    def remove(self, entity: str, record: Record) -> None:
        """Delete a record; only change data capture knows of it from then on."""
        stub = {
            "entity": entity,
            "Id": record["Id"],
            "MetaData": {"LastUpdatedTime": self.stamp()},
        }
        self.store.commit(
            [
                Write(self.realm, entity, record["Id"], None, "delete"),
                MetaWrite(self.realm, f"deleted/{entity}/{record['Id']}", stub),
            ]
        )

    def deletions(self) -> list[Record]:
        """What is known of deleted records: those of the seed and those since."""
        meta = self.store.meta(self.realm)
        since = [value for key, value in meta.items() if key.startswith("deleted/")]
        return [*meta.get("deleted", ()), *since]

    def touched(self, record: Record, **changes: Any) -> Record:
        """A copy with changed members and the present moment as LastUpdatedTime."""
        meta = {**record.get("MetaData", {}), "LastUpdatedTime": self.stamp()}
        return {**record, **changes, "MetaData": meta}

    def raised(self, record: Record, **changes: Any) -> Record:
        """As `touched`, with the next SyncToken."""
        token = str(int(record.get("SyncToken", 0)) + 1)
        return self.touched(record, **changes, SyncToken=token)

    # ---- numbering

    def next_id(self, entity: str) -> str:
        """A new id; ids continue after the highest one ever used in the numbering."""
        group = id_group(entity)
        return str(self._next(group, lambda: self._highest_id(group)))

    def number_after(self, group: str, last: int) -> int:
        """The next number of a numbering that starts after `last`."""
        return self._next(group, lambda: last)

    def next_address_id(self) -> str:
        """A new id for an address."""
        return str(self._next("Address", self._highest_address_id))

    def _next(self, group: str, highest: Any) -> int:
        key = f"last_id/{group}"
        last = self.store.meta(self.realm).get(key)
        value = int(highest() if last is None else last) + 1
        self.store.put_meta(self.realm, key, value)
        return value

    def _highest_id(self, group: str) -> int:
        entities = {"Transaction": TRANSACTIONS, "Name": PEOPLE}.get(group, (group,))
        living = (i for entity in entities for i in self.table(entity).ids())
        deleted = (d["Id"] for d in self.deletions() if d["entity"] in entities)
        return _highest((*living, *deleted))

    def _highest_address_id(self) -> int:
        records = (
            record for entity in self.store.entities(self.realm) for record in self.table(entity)
        )
        return _highest(
            record[name].get("Id", "0")
            for record in records
            for name in ADDRESSES
            if isinstance(record.get(name), dict)
        )

    # ---- calendar

    def now(self) -> datetime:
        """The present moment in the company's zone."""
        return self.clock.now().astimezone(self._zone())

    def today(self) -> str:
        """Today's date where the company is."""
        return self.now().date().isoformat()

    def stamp(self) -> str:
        """The present moment as MetaData writes it."""
        return moment_text(self.now())

    def envelope_time(self) -> str:
        """The present moment as an envelope writes it."""
        return envelope_time(self.now())

    def _zone(self) -> Any:
        if self._offset:
            return zone_of(str(self._offset))
        try:
            return ZoneInfo(str(self.company_info().get("DefaultTimeZone", "UTC")))
        except (ZoneInfoNotFoundError, ValueError):
            return zone_of("+00:00")

    # ---- settings

    def company_info(self) -> Record:
        """The CompanyInfo record."""
        return _only(self.table("CompanyInfo"))

    def preferences(self) -> Record:
        """The Preferences record."""
        return _only(self.table("Preferences"))

    def preference(self, area: str, name: str, default: Any = None) -> Any:
        """One member of the preferences, e.g. SalesFormsPrefs.CustomTxnNumbers."""
        value = (self.preferences().get(area) or {}).get(name)
        return default if value is None else value

    def other_preference(self, name: str) -> str | None:
        """One name/value pair of OtherPrefs."""
        pairs = self.preference("OtherPrefs", "NameValue", ())
        return next((str(p["Value"]) for p in pairs if p.get("Name") == name), None)

    @property
    def is_us(self) -> bool:
        """Whether United States tax rules apply (TAX and NON on lines)."""
        return self.country.upper() in ("US", "USA")

    @property
    def home_currency(self) -> str:
        """The currency the books are kept in."""
        home = self.preference("CurrencyPrefs", "HomeCurrency") or {}
        return str(self._currency or home.get("value") or "USD")

    @property
    def multi_currency(self) -> bool:
        """Whether other currencies may be used."""
        return bool(self.preference("CurrencyPrefs", "MultiCurrencyEnabled", False))

    @property
    def uses_sales_tax(self) -> bool:
        """Whether sales tax is switched on."""
        return bool(self.preference("TaxPrefs", "UsingSalesTax", False))

    def currency_ref(self, code: str) -> Record:
        """A CurrencyRef with the currency's name."""
        return reference(code, currency_name(code))

    def allowed_currencies(self) -> set[str]:
        """The home currency and, with multicurrency, the active ones of the list."""
        listed = (r for r in self.table("CompanyCurrency") if r.get("Active") is not False)
        others = {str(r["Code"]) for r in listed} if self.multi_currency else set()
        return {self.home_currency, *others}

    def currency_of(self, record: Record) -> str:
        """The currency of a record; the company's own where it names none."""
        return ref_value(record, "CurrencyRef") or self.home_currency


def _only(table: Table) -> Record:
    return next(iter(table), {})


def _highest(ids: Iterable[Any]) -> int:
    return max((int(i) for i in map(str, ids) if i.isdigit() and len(i) < 12), default=0)
