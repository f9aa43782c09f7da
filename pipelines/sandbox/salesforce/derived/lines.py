"""Lines of a deal: their prices, and how a schedule decides them (Object Reference,
OpportunityLineItem)."""

from __future__ import annotations

from decimal import Decimal

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.derived import prices
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import Record

KIND = "OpportunityLineItem"


def derive(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Unit price or total from the other, and what a new line takes from its price."""
    _refuse_scheduled(before, record)
    total = given.get("TotalPrice")
    if "UnitPrice" in given and total is not None:
        raise refusals.integrity(
            "field integrity exception: unknown (only one of unit price and total price may "
            "be specified)"
        )
    quantity = Decimal(record["Quantity"])
    if total is not None and quantity:
        gross = Decimal(total) / (1 - Decimal(record.get("Discount") or 0) / 100)
        record["UnitPrice"] = cents(gross / quantity)
        record["TotalPrice"] = cents(Decimal(total))
        record["Subtotal"] = cents(quantity * Decimal(record["UnitPrice"]))
    elif before.get("HasRevenueSchedule"):
        record["UnitPrice"] = unit_price(record)
    else:
        prices.price(ground, record)
    if not before:
        prices.describe(ground, KIND, record)
        product = ground.get("Product2", record.get("Product2Id")) or {}
        for name in ("CanUseQuantitySchedule", "CanUseRevenueSchedule"):
            record[name] = product.get(name) is True


def _refuse_scheduled(before: Record, record: Record) -> None:
    """What the schedules of a line sum up to is not given."""
    barred = {
        "TotalPrice": before.get("HasRevenueSchedule"),
        "Quantity": before.get("HasSchedule"),
    }
    for name, is_barred in barred.items():
        if is_barred and Decimal(record[name] or 0) != Decimal(before[name]):
            word = "total price" if name == "TotalPrice" else "quantity"
            raise refusals.integrity(
                f"field integrity exception: {name} (invalid {word} change on opportunity line "
                "item)",
                (name,),
            )


def unit_price(line: Record) -> Decimal:
    """The price of one, where the schedules decide the total."""
    quantity = Decimal(line["Quantity"] or 0)
    share = 1 - Decimal(line.get("Discount") or 0) / 100
    if not quantity or not share:
        return Decimal(line.get("UnitPrice") or 0)
    return cents(Decimal(line["TotalPrice"]) / share / quantity)
