"""Records of a QuickBooks company in a seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pipelines.sandbox.seed_files import Given, Record
from pipelines.sandbox.store import Write

# Entities of which records may come without an Id: there is one, or another key names them.
_WITHOUT_ID = frozenset({"CompanyInfo", "Preferences", "ExchangeRate", "CompanyCurrency"})


def entity_named(word: str) -> str | None:
    """The entity that a file or an answer calls `word`: Invoice, invoices, credit_memos …"""
    plain = "".join(c for c in word.lower() if c.isalnum())
    for form in (plain, plain.removesuffix("s"), plain.removesuffix("es"),
                 plain.removesuffix("ies") + "y"):  # fmt: skip
        if form in _names():
            return _names()[form]
    return None


@cache
def _names() -> Mapping[str, str]:
    # Loaded with the first folder of a stranger; an empty company does without.
    from pipelines.sandbox.quickbooks.vocabulary import BY_SEGMENT

    return {segment: entity.name for segment, entity in BY_SEGMENT.items()}


def writes(realm: str, given: Iterable[Given], now: str) -> list[Write]:
    """The records as the company keeps them: as given, with what every record has.

    Raises:
        SeedUnreadable: a record of no known entity, without an Id, or with one already used.
    """
    seen: dict[tuple[str, str], Given] = {}
    found = []
    for one in given:
        word = one.entity or one.path.stem
        entity = entity_named(word)
        if entity is None:
            raise one.refused(
                f"QuickBooks has no '{word}'",
                "Name the file after the entity, such as Invoice.json, or take it away.",
            )
        record_id = _id(one, entity)
        before = seen.setdefault((entity, record_id), one)
        if before is not one:
            raise one.refused(
                f"its Id {record_id} is that of record {before.number} of {before.path}",
                "Take one of them out.",
            )
        found.append(Write(realm, entity, record_id, _whole(entity, record_id, one.record, now)))
    return found


def _id(given: Given, entity: str) -> str:
    record = given.record
    if entity == "RecurringTransaction" and "Id" not in record:
        record = next((v for v in record.values() if isinstance(v, dict)), record)
    if record.get("Id") not in (None, ""):
        return str(record["Id"])
    if entity in _WITHOUT_ID:
        return str(given.number)
    raise given.refused("it has no Id", "Give it the Id it has at the vendor.")


def _whole(entity: str, record_id: str, record: Record, now: str) -> Record:
    if entity in _WITHOUT_ID or entity == "RecurringTransaction":
        return record
    usual = {
        "Id": record_id,
        "SyncToken": "0",
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
        "domain": "QBO",
        "sparse": False,
    }
    absent = {key: value for key, value in usual.items() if key not in record}
    return {**record, **absent} if absent or record.get("Id") == record_id else {
        **record, "Id": record_id,
    }  # fmt: skip


def company_of(realm: str, writes_: Iterable[Write]) -> dict[str, Any]:
    """Who a company is, by its own records."""
    first = {
        w.entity: w.record or {} for w in writes_ if w.entity in ("CompanyInfo", "Preferences")
    }
    who, preferences = first.get("CompanyInfo", {}), first.get("Preferences", {})
    home = (preferences.get("CurrencyPrefs") or {}).get("HomeCurrency") or {}
    country = str(who.get("Country") or "US")
    return {
        "realm_id": realm,
        "name": str(who.get("CompanyName") or "Seeded company"),
        "country": country,
        "home_currency": str(home.get("value") or _CURRENCIES.get(country, "USD")),
        "utc_offset": "-08:00" if country == "US" else "+00:00",
    }


_CURRENCIES = {"US": "USD", "GB": "GBP", "UK": "GBP", "CA": "CAD", "AU": "AUD", "IN": "INR",
               "FR": "EUR", "IE": "EUR", "DE": "EUR"}  # fmt: skip
