"""Price book entries, and what a line of a deal, a quote or an order takes from one (Object
Reference, PricebookEntry, OpportunityLineItem, QuoteLineItem, OrderItem)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import Record


@dataclass(frozen=True)
class Parent:
    """What a kind of line belongs to.

    `takes_book`: its price book follows from the first line, where it has none.
    """

    name: str
    field: str
    word: str
    takes_book: bool = False


PARENTS: Mapping[str, Parent] = {
    "OpportunityLineItem": Parent("Opportunity", "OpportunityId", "opportunity", True),
    "QuoteLineItem": Parent("Quote", "QuoteId", "quote"),
    "OrderItem": Parent("Order", "OrderId", "order"),
}


def derive_entry(ground: Ground, record: Record, before: Record, _: Given) -> None:
    """Name and code of the product; one price for a product, book and currency, the standard one
    first."""
    product = ground.get("Product2", record["Product2Id"]) or {}
    record["Name"], record["ProductCode"] = product.get("Name"), product.get("ProductCode")
    if before:
        return
    same = [
        one
        for one in ground.children("PricebookEntry", "Product2Id", record["Product2Id"])
        if one["CurrencyIsoCode"] == record["CurrencyIsoCode"]
    ]
    if any(one["Pricebook2Id"] == record["Pricebook2Id"] for one in same):
        raise Refusal(
            "DUPLICATE_VALUE", "This price definition already exists in this price book", ()
        )
    standard = [one for one in same if _is_standard(ground, one["Pricebook2Id"])]
    if not _is_standard(ground, record["Pricebook2Id"]) and not standard:
        raise Refusal(
            "STANDARD_PRICE_NOT_DEFINED",
            "Before creating a custom price, create a standard price.",
            (),
        )


def _is_standard(ground: Ground, book_id: str) -> bool:
    return (ground.get("Pricebook2", book_id) or {}).get("IsStandard") is True


def describe(ground: Ground, kind: str, record: Record) -> None:
    """What a new line takes from its entry.

    Raises:
        Refusal: the entry is inactive, or not of its parent's book or currency.
    """
    entry = ground.get("PricebookEntry", record.get("PricebookEntryId"))
    if entry is None:
        return
    parent = PARENTS[kind]
    owner = ground.get(parent.name, record[parent.field]) or {}
    _refuse_unfit(entry, owner, parent)
    product = ground.get("Product2", entry["Product2Id"]) or {}
    record |= {
        "Product2Id": entry["Product2Id"],
        "ProductCode": product.get("ProductCode"),
        "ListPrice": entry["UnitPrice"],
        "CurrencyIsoCode": owner.get("CurrencyIsoCode"),
    }
    if parent.takes_book:
        record["Name"] = f"{owner.get('Name', '')} {product.get('Name', '')}".strip()


def _refuse_unfit(entry: Record, owner: Record, parent: Parent) -> None:
    book = owner.get("Pricebook2Id")
    if book != entry["Pricebook2Id"] and not (book is None and parent.takes_book):
        lacking = "" if parent.takes_book else f", or {parent.word} has no pricebook assigned"
        raise refusals.integrity(
            "field integrity exception: PricebookEntryId (pricebook entry is in a different "
            f"pricebook than the one assigned to the {parent.word}{lacking})",
            ("PricebookEntryId",),
        )
    if entry.get("IsActive") is False:
        raise refusals.integrity(
            "field integrity exception: PricebookEntryId (pricebook entry is inactive)",
            ("PricebookEntryId",),
        )
    if owner.get("CurrencyIsoCode") != entry.get("CurrencyIsoCode"):
        raise refusals.integrity(
            "field integrity exception: PricebookEntryId (pricebook entry currency code does "
            f"not match {parent.word} currency code)",
            ("PricebookEntryId",),
        )


def price(ground: Ground, record: Record) -> None:
    """Subtotal and total of a line from its quantity, price and discount, to the cent."""
    if record.get("UnitPrice") is None:
        entry = ground.get("PricebookEntry", record.get("PricebookEntryId"))
        record["UnitPrice"] = entry["UnitPrice"] if entry else Decimal(0)
    gross = Decimal(record["Quantity"]) * Decimal(record["UnitPrice"])
    discount = Decimal(record.get("Discount") or 0)
    record["Subtotal"] = cents(gross)
    record["TotalPrice"] = cents(gross * (100 - discount) / 100)
