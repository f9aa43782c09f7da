"""Products both ways: new products → Items, and what QuickBooks says a product costs → price books.

Two flows, because they write to two systems: `products` makes items and corrects what Salesforce
owns of them, `prices` makes and corrects price book entries. Neither record has room for a mark of
ours, and neither needs one: QuickBooks allows one item of a name, Salesforce one entry of a
product, book and currency, so `find` looks for just that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.clients.quickbooks import quoted
from pipelines.clients.salesforce_soql import record_id as checked_id
from pipelines.clients.salesforce_writes import COLLECTION_LIMIT, UPDATE_LIMIT
from pipelines.errors import Incomplete
from reverse_etl.changes import Blocked, Change, ChangeKey, from_json, to_json
from reverse_etl.ledger import Entry
from reverse_etl.syncs import quickbooks_writes
from reverse_etl.syncs.flow import (
    Answer,
    Clients,
    Facts,
    Flow,
    Rows,
    difference,
    plain,
    read_rows,
)

NAME = "products"
MART = "sync_products"
ENTITY = "Item"
PRICES = "prices"
PRICES_MART = "sync_prices"
ENTRY = "PricebookEntry"
# A collection of new entries takes 200 records, where five of changed ones go in one call.
BATCH = UPDATE_LIMIT
PRICE_COLUMNS = {"unit_price": "UnitPrice"}


@dataclass(frozen=True)
class ProductRow:
    """A row of sync_products, column for column; current_* is what QuickBooks has now."""

    org_id: str
    product_id: str
    product_name: str
    company_id: str
    action: str
    item_id: str | None
    sync_token: int | None
    item_name: str | None
    sku: str | None
    description: str | None
    item_type: str | None
    income_account_id: str | None
    unit_price: Decimal | None
    is_taxable: bool | None
    current_sku: str | None
    current_description: str | None
    blocked_reason: str | None
    blocked_detail: str | None


@dataclass(frozen=True)
class PriceRow:
    """A row of sync_prices. Prices are of one piece, in `currency_code`, at most seven decimals."""

    org_id: str
    product_id: str
    product_name: str
    pricebook_id: str
    price_book_name: str
    currency_code: str
    company_id: str
    action: str
    pricebook_entry_id: str | None
    record_id: str
    standard_change_key: str | None
    unit_price: Decimal
    current_unit_price: Decimal | None
    blocked_reason: str | None
    blocked_detail: str | None


def changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of sync_products as a change or as blocked, by company and product."""
    rows = read_rows(ProductRow, MART, marts[MART])
    for row in sorted(rows, key=lambda r: (r.company_id, r.product_id, r.action)):
        yield to_change(row, facts)


def to_change(row: ProductRow, facts: Facts) -> Change | Blocked:
    """One row as an item to make or to correct, or blocked with the reason. Pure."""
    base = ChangeKey(NAME, row.company_id, row.product_id, 0, 1)
    if row.blocked_reason and not facts.overrules(row.blocked_reason, base.base):
        return _blocked(row, row.blocked_reason, row.blocked_detail or "")
    key = facts.key_of(base)
    return _create(row, key) if row.action == "create" else _update(row, key)


def _create(row: ProductRow, key: ChangeKey) -> Change | Blocked:
    if not (row.item_name and row.item_type and row.income_account_id):
        return _blocked(row, "item_incomplete", "name, type or income account is missing")
    body: dict[str, Any] = {
        "Name": row.item_name,
        "Sku": row.sku and row.sku[:100],
        "Description": row.description and row.description[:4000],
        "Type": row.item_type,
        "UnitPrice": None if row.unit_price is None else plain(row.unit_price),
        "IncomeAccountRef": {"value": row.income_account_id},
        "Taxable": bool(row.is_taxable),
    }
    shown = ("item_name", "sku", "item_type", "income_account_id", "unit_price", "description")
    fields = tuple(
        difference(name, None, _shown(getattr(row, name))) for name in shown if getattr(row, name)
    )
    payload = {name: value for name, value in body.items() if value not in (None, "")}
    return Change(
        str(key), NAME, "quickbooks", row.company_id, row.product_id, 0, key.generation,
        "create", ENTITY, None, f"new item {row.item_name}",
        "the product is sold in this company's currency and has no item there",
        None, None, fields, to_json(payload),
    )  # fmt: skip


def _update(row: ProductRow, key: ChangeKey) -> Change | Blocked:
    """A sparse update of the owned fields that differ, bound to the token they were read with."""
    if row.item_id is None or row.sync_token is None:
        return _blocked(row, "item_unknown", "the row names no item or no sync token")
    wanted = {"Sku": ("sku", row.sku), "Description": ("description", row.description)}
    differing = {theirs: pair for theirs, pair in wanted.items() if pair[1]}
    if not differing:
        return _blocked(row, "no_difference", "the mart asks for a change that changes nothing")
    fields = tuple(
        difference(name, getattr(row, f"current_{name}"), value)
        for name, value in differing.values()
    )
    body = {"Id": row.item_id, "SyncToken": str(row.sync_token), "sparse": True}
    body |= {theirs: value for theirs, (_, value) in differing.items()}
    return Change(
        str(key), NAME, "quickbooks", row.company_id, row.product_id, 0, key.generation,
        "update", ENTITY, row.item_id, f"item {row.item_name}",
        "Salesforce owns these fields and QuickBooks has them otherwise",
        None, None, fields, to_json(body),
    )  # fmt: skip


def _blocked(row: ProductRow, reason: str, detail: str) -> Blocked:
    title = f"item for {row.product_name}"
    return Blocked(NAME, row.company_id, row.product_id, 0, title, reason, detail, None, None)


def _shown(value: Any) -> Any:
    return plain(value) if isinstance(value, Decimal) else value


def price_changes(marts: Mapping[str, Rows], facts: Facts) -> Iterator[Change | Blocked]:
    """Every row of sync_prices as a change or as blocked; standard prices come first, since
    Salesforce wants one before any other of the product."""
    rows = read_rows(PriceRow, PRICES_MART, marts[PRICES_MART])
    for row in sorted(rows, key=lambda r: (r.standard_change_key is not None, r.record_id)):
        yield to_price_change(row, facts)


def to_price_change(row: PriceRow, facts: Facts) -> Change | Blocked:
    """One row as an entry to make or to change, or blocked with the reason. Pure."""
    base = ChangeKey(PRICES, row.org_id, row.record_id, 0, 1)
    title = f"price of {row.product_name} in {row.price_book_name}, {row.currency_code}"
    if row.blocked_reason and not facts.overrules(row.blocked_reason, base.base):
        return Blocked(
            PRICES, row.org_id, row.record_id, 0, title, row.blocked_reason,
            row.blocked_detail or "", None, None,
        )  # fmt: skip
    key = facts.key_of(base)
    creates = row.action == "create"
    price = plain(row.unit_price)
    body: dict[str, Any] = {"Id": row.pricebook_entry_id, "UnitPrice": price}
    if creates:
        body = {
            "Pricebook2Id": row.pricebook_id,
            "Product2Id": row.product_id,
            "UnitPrice": price,
            "IsActive": True,
        }
        if facts.has_currencies:
            body["CurrencyIsoCode"] = row.currency_code
    before = None if row.current_unit_price is None else plain(row.current_unit_price)
    return Change(
        str(key), PRICES, "salesforce", row.org_id, row.record_id, 0, key.generation,
        "create" if creates else "update", ENTRY, row.pricebook_entry_id, title,
        "QuickBooks owns the price" + (" and the book has none" if creates else ""),
        None, None, (difference("unit_price", before, price),), to_json(body),
        (row.standard_change_key,) if row.standard_change_key else (),
    )  # fmt: skip


def find(clients: Clients, entry: Entry) -> str | None:
    """The item that an entry in doubt has made or changed, or None.

    An item of that name with another code or type is somebody else's: QuickBooks refuses ours.
    """
    company = clients.company(entry.company_id)
    body = from_json(entry.payload)
    if entry.action == "update":
        current = company.read(ENTITY, body["Id"])
        same = current and all(current.get(n) == body[n] for n in _values(body))
        return str(body["Id"]) if same else None
    where = f"Name = {quoted(body['Name'])} and Active in (true, false)"
    ours = [
        str(item["Id"])
        for item in company.query(ENTITY, where)
        if all(item.get(name) == body.get(name) for name in ("Name", "Sku", "Type"))
    ]
    return ours[0] if ours else None


def _values(body: Mapping[str, Any]) -> list[str]:
    return [name for name in body if name not in ("Id", "SyncToken", "sparse")]


def send_prices(clients: Clients, entries: Sequence[Entry]) -> Sequence[Answer]:
    """New entries in one collections call, changed ones in another; an answer for each, in order.

    Raises `Incomplete` when the number of answers is not the number of records.
    """
    answers: dict[str, Answer] = {}
    for action in ("create", "update"):
        own = [entry for entry in entries if entry.action == action]
        if own:
            answers |= _send_collection(clients, own, action)
    return [answers[entry.change_key] for entry in entries]


def _send_collection(clients: Clients, entries: Sequence[Entry], action: str) -> dict[str, Answer]:
    records = [from_json(entry.payload) for entry in entries]
    org = clients.salesforce
    call = org.create_many if action == "create" else org.update_many
    replies = call(ENTRY, records)
    if len(replies) != len(records):
        raise Incomplete(
            "Salesforce", ENTRY,
            f"{len(records)} records were sent and {len(replies)} answers came back",
            "The changes stay open; the next run looks at each of them.",
        )  # fmt: skip
    return {
        entry.change_key: Answer(
            reply.ok, reply.remote_id or entry.remote_id if reply.ok else None, reply.code,
            reply.message,
        )
        for entry, reply in zip(entries, replies, strict=True)
    }  # fmt: skip


def _places(change: Change) -> float:
    """The places that an entry takes of a call."""
    return UPDATE_LIMIT / COLLECTION_LIMIT if change.action == "create" else 1


def find_price(clients: Clients, entry: Entry) -> str | None:
    """The price book entry that an entry in doubt has made or changed, or None."""
    body = from_json(entry.payload)
    if entry.action == "update":
        where = f"Id = '{checked_id(body['Id'])}'"
    else:
        where = (
            f"Product2Id = '{checked_id(body['Product2Id'])}' AND Pricebook2Id = "
            f"'{checked_id(body['Pricebook2Id'])}'"
        )
    columns = "Id, UnitPrice" + (", CurrencyIsoCode" if "CurrencyIsoCode" in body else "")
    # Only ids whose form was checked enter the text.
    soql = f"SELECT {columns} FROM {ENTRY} WHERE {where}"  # noqa: S608
    for record in clients.salesforce.query_all(soql):
        if entry.action == "update":
            is_ours = Decimal(str(record.get("UnitPrice"))) == body["UnitPrice"]
        else:
            is_ours = record.get("CurrencyIsoCode") == body.get("CurrencyIsoCode")
        if is_ours:
            return str(record["Id"])
    return None


FLOW = Flow(
    NAME, "quickbooks", (MART,), quickbooks_writes.BATCH, changes, quickbooks_writes.send, find
)
PRICE_FLOW = Flow(
    PRICES, "salesforce", (PRICES_MART,), BATCH, price_changes, send_prices, find_price,
    weigh=_places, columns={ENTRY: PRICE_COLUMNS},
)  # fmt: skip
