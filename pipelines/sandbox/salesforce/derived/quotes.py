"""Quotes: sums over their lines, and keeping step with the deal (Object Reference, Quote,
QuoteLineItem; Help, "Quote Syncing")."""

from __future__ import annotations

from decimal import Decimal

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.derived import deals, prices
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import Record

LINE, DEAL_LINE = "QuoteLineItem", "OpportunityLineItem"
# What a line of the quote and its line of the deal have in common while they are in step.
_SHARED = ("PricebookEntryId", "Product2Id", "Quantity", "UnitPrice", "ListPrice", "Discount",
           "Subtotal", "TotalPrice", "ServiceDate", "Description", "SortOrder",
           "CurrencyIsoCode")  # fmt: skip


def derive(ground: Ground, record: Record, before: Record, _: Given) -> None:
    """Account and currency of the deal, and the totals."""
    deal = ground.get("Opportunity", record["OpportunityId"]) or {}
    record["AccountId"] = deal.get("AccountId")
    if not before:
        record["CurrencyIsoCode"] = deal.get("CurrencyIsoCode")
    _total(record, ground.children(LINE, "QuoteId", record["Id"]) if before else [])


def _total(quote: Record, lines: list[Record]) -> None:
    subtotal = sum((Decimal(one["Subtotal"]) for one in lines), Decimal(0))
    total = sum((Decimal(one["TotalPrice"]) for one in lines), Decimal(0))
    more = sum((Decimal(quote.get(n) or 0) for n in ("Tax", "ShippingHandling")), Decimal(0))
    quote |= {
        "LineItemCount": len(lines),
        "Subtotal": cents(subtotal),
        "TotalPrice": cents(total),
        "Discount": cents((subtotal - total) * 100 / subtotal) if subtotal else Decimal(0),
        "GrandTotal": cents(total + more),
    }


def derive_line(ground: Ground, record: Record, before: Record, _: Given) -> None:
    """Totals of a line, and what a new one takes from its price."""
    prices.price(ground, record)
    if not before:
        prices.describe(ground, LINE, record)


def sum_lines(ground: Ground, line: Record) -> None:
    """The totals of a line's quote; the deal's lines follow while they are in step."""
    quote = ground.living("Quote", line["QuoteId"])
    if quote is None:
        return
    after = dict(quote)
    _total(after, ground.children(LINE, "QuoteId", quote["Id"]))
    ground.settle("Quote", after)
    if quote.get("IsSyncing"):
        _onto_deal(ground, after)


def synced(ground: Ground, deal: Record, before: Record) -> None:
    """A deal that names another quote is brought in step with it, and the old one left alone.

    Raises:
        Refusal: the quote is another deal's.
    """
    old, new = before.get("SyncedQuoteId"), deal.get("SyncedQuoteId")
    if old == new:
        return
    for quote_id, is_syncing in ((old, False), (new, True)):
        quote = ground.living("Quote", quote_id)
        if quote is None:
            continue
        if quote["OpportunityId"] != deal["Id"]:
            raise refusals.integrity(
                "field integrity exception: SyncedQuoteId (the quote belongs to another "
                "opportunity)",
                ("SyncedQuoteId",),
            )
        ground.settle("Quote", {**quote, "IsSyncing": is_syncing})
        if is_syncing:
            _onto_deal(ground, quote)


def _onto_deal(ground: Ground, quote: Record) -> None:
    """The deal has exactly the lines of the quote."""
    lines = ground.children(LINE, "QuoteId", quote["Id"])
    deal_id = quote["OpportunityId"]
    named = {one.get("OpportunityLineItemId") for one in lines}
    deal = ground.get("Opportunity", deal_id) or {}
    if quote.get("Pricebook2Id") and deal.get("Pricebook2Id") != quote["Pricebook2Id"]:
        ground.settle("Opportunity", {**deal, "Pricebook2Id": quote["Pricebook2Id"]})
    for one in ground.children(DEAL_LINE, "OpportunityId", deal_id):
        if one["Id"] not in named:
            ground.drop(DEAL_LINE, one)
    for line in lines:
        shared = {name: line.get(name) for name in _SHARED}
        held = ground.living(DEAL_LINE, line.get("OpportunityLineItemId"))
        if held is None:
            product = ground.get("Product2", line.get("Product2Id")) or {}
            row = shared | {
                "OpportunityId": deal_id,
                "Name": f"{deal.get('Name', '')} {product.get('Name', '')}".strip(),
                "ProductCode": product.get("ProductCode"),
                **dict.fromkeys(_FLAGS, False),
            }
            made = ground.note(DEAL_LINE, row)
            ground.settle(LINE, {**line, "OpportunityLineItemId": made})
        elif any(held.get(name) != value for name, value in shared.items()):
            ground.settle(DEAL_LINE, {**held, **shared})
    deals.sum_lines(ground, {"OpportunityId": deal_id})


_FLAGS = ("HasSchedule", "HasRevenueSchedule", "HasQuantitySchedule", "CanUseRevenueSchedule",
          "CanUseQuantitySchedule")  # fmt: skip


def onto_quote(ground: Ground, deal_line: Record) -> None:
    """A changed line of a deal changes its line of the quote that is in step."""
    deal = ground.living("Opportunity", deal_line["OpportunityId"]) or {}
    quote = ground.living("Quote", deal.get("SyncedQuoteId"))
    if quote is None:
        return
    lines = ground.children(LINE, "QuoteId", quote["Id"])
    held = next((o for o in lines if o.get("OpportunityLineItemId") == deal_line["Id"]), None)
    living = ground.living(DEAL_LINE, deal_line["Id"])
    shared = {name: deal_line.get(name) for name in _SHARED}
    if living is None and held is not None:
        ground.drop(LINE, held)
    elif living is not None and held is None:
        line = ground.catalogue.get(LINE)
        assert line is not None
        more = {"QuoteId": quote["Id"], "OpportunityLineItemId": deal_line["Id"]}
        ground.note(LINE, shared | more | {"LineNumber": f"{len(lines) + 1:08d}"})
    elif held is not None:
        ground.settle(LINE, {**held, **shared})
    after = dict(ground.get("Quote", quote["Id"]) or quote)
    _total(after, ground.children(LINE, "QuoteId", quote["Id"]))
    ground.settle("Quote", after)
