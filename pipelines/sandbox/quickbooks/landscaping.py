"""The vendor's demonstration company ("Craig's Design and Landscaping Services") as a seed folder.

Intuit gives every developer a United States company with these names, ids and prices; published
client suites rely on them. The records are made by the sandbox's own rules from small tables, so
that totals, taxes, balances and links agree:

    python -m pipelines.sandbox.quickbooks.landscaping --folder data/landscaping
    python -m pipelines.sandbox --seed data/landscaping
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.sandbox import codec
from pipelines.sandbox.clock import Clock, instant_text, parse_instant
from pipelines.sandbox.quickbooks import landscaping_tables as tables
from pipelines.sandbox.quickbooks import objects
from pipelines.sandbox.quickbooks.books import Books
from pipelines.sandbox.quickbooks.chart import LANDSCAPING
from pipelines.sandbox.quickbooks.standing import open_accounts
from pipelines.sandbox.quickbooks.starter import accounts, provide, tax_agency
from pipelines.sandbox.quickbooks.values import Record
from pipelines.sandbox.quickbooks.vocabulary import ENTITIES, id_group
from pipelines.sandbox.seed import EMPTY_MANIFEST
from pipelines.sandbox.store import Store, Write

REALM = "9341450000000003"
NAME = "Craig's Design and Landscaping Services"
COMPANY = {
    "realm_id": REALM,
    "name": NAME,
    "country": "US",
    "home_currency": "USD",
    "utc_offset": "-08:00",
}


def landscaping_company(as_of: str) -> Store:
    """The company's records as of a moment; the newest document is a few days old then."""
    store = Store()
    clock = Clock(parse_instant(as_of))
    clock.set(parse_instant(as_of), True)
    books = Books(store, clock, COMPANY)
    provide(books)
    _set_up(books)
    for entity, record_id, body in _records(clock.now().date()):
        _make(books, entity, record_id, body)
    open_accounts(books, list(books.table("Account").ids()))
    return store


def _set_up(books: Books) -> None:
    """What the demonstration company has switched on: multicurrency, deposits, discounts."""
    stamp = books.stamp()
    meta = {"CreateTime": stamp, "LastUpdatedTime": stamp}
    whole = {"domain": "QBO", "sparse": False, "SyncToken": "0", "MetaData": meta}
    for account in accounts(books, LANDSCAPING):
        books.store.commit([Write(REALM, "Account", account["Id"], {**whole, **account})])
    books.put("TaxAgency", {**whole, **tax_agency("2", "Arizona Dept. of Revenue")})
    preferences = books.preferences()
    currency = {**preferences["CurrencyPrefs"], "MultiCurrencyEnabled": True}
    books.put("Preferences", {**preferences, "CurrencyPrefs": currency})
    for code, rate in tables.RATES.items():
        _make(books, "CompanyCurrency", None, {"Code": code})
        body = {"SourceCurrencyCode": code, "Rate": rate, "AsOfDate": "2024-01-02"}
        objects.save(books, ENTITIES["ExchangeRate"], body, frozenset())


def _make(books: Books, entity: str, record_id: str | None, body: Record) -> None:
    """Create a record under the id it has at the vendor's."""
    if record_id is not None:
        key = f"last_id/{id_group(entity)}"
        books.store.put_meta(books.realm, key, int(record_id) - 1)
        books.store.commit([Write(books.realm, entity, record_id, None)])
    objects.save(books, ENTITIES[entity], body, frozenset(("allowduplicatedocnum",)))


def _records(today: date) -> Iterator[tuple[str, str | None, Record]]:
    """Every record in the order in which it can be made."""
    yield from tables.people()
    yield from tables.items()
    for made in tables.documents():
        entity, record_id, days, body = made
        day = (today - timedelta(days=days)).isoformat()
        yield entity, record_id, {**body, "TxnDate": day}


def write(folder: Path, as_of: str | None = None) -> int:
    """Write the company as a seed folder; returns the number of records.

    Without `as_of` the sandbox keeps real time, as clients do that ask for what changed lately.

    Raises:
        ValueError: `as_of` is no moment, or the folder holds something that is no seed.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise ValueError(f"{folder} holds something else.")
    store = landscaping_company(as_of or instant_text(datetime.now(UTC)))
    manifest = {**EMPTY_MANIFEST, "name": NAME, "quickbooks": [COMPANY]}
    if as_of:
        manifest["as_of"] = as_of
    home = folder / "quickbooks" / REALM
    home.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(codec.dump_bytes(manifest))
    written = 0
    for entity in sorted(store.entities(REALM)):
        records: list[Any] = list(store.table(REALM, entity))
        if records:
            (home / f"{entity}.json").write_bytes(codec.dump_bytes(records))
            written += len(records)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Write the seed folder and say in one line what is in it."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.sandbox.quickbooks.landscaping")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--as-of", metavar="TIME", help="the sandbox's time; real time without it")
    options = parser.parse_args(arguments)
    try:
        written = write(options.folder, options.as_of)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"The demonstration company was not written: {problem}\n")
        return 1
    sys.stdout.write(f"Wrote {written} records of {NAME} to {options.folder}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
