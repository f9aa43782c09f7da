"""Orders and contracts: sums over order products, activation and what it locks (Object Reference,
Order, OrderItem, Contract)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sandbox.salesforce.derived import prices
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.derived.schedules import months_later
from pipelines.sandbox.salesforce.refusals import Refusal
from pipelines.sandbox.store import Record

ITEM = "OrderItem"
_LOCKED = (
    "Unable to modify activated or superseded Order:  cannot delete Order, or add or remove Order "
    "Products"
)
CONTRACT_STATES: Mapping[str, str] = {
    "Draft": "Draft", "In Approval Process": "InApproval", "Activated": "Activated",
}  # fmt: skip


def derive_order(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Status category, activation and total.

    Raises:
        Refusal: it is activated too early, or changed where only a draft may be.
    """
    record["StatusCode"] = "Activated" if record["Status"] == "Activated" else "Draft"
    was = before.get("StatusCode") == "Activated"
    items = ground.children(ITEM, "OrderId", record["Id"]) if before else []
    if was:
        _refuse_moved(record, before)
    if record["StatusCode"] == "Activated" and not was:
        _refuse_early(record, before, given, "order", record["Id"] if items else "")
        _note_activation(ground, record)
    if record["StatusCode"] == "Draft":
        record["ActivatedDate"] = record["ActivatedById"] = None
    record["TotalAmount"] = _total(items)


def _refuse_moved(record: Record, before: Record) -> None:
    moved = [n for n in ("AccountId", "ContractId") if record.get(n) != before.get(n)]
    if moved:
        raise Refusal("ENTITY_IS_LOCKED", _LOCKED, moved)


def _refuse_early(record: Record, before: Record, given: Given, word: str, ready: str) -> None:
    if not before:
        raise Refusal(
            "FAILED_ACTIVATION",
            f"Choose a valid {word} status and save your changes. Ask your admin for details.",
            ("Status",),
        )
    if not ready:
        raise Refusal("FAILED_ACTIVATION", f"An {word} must have at least one product.", ())
    others = [n for n in given if n != "Status" and record.get(n) != before.get(n)]
    if others:
        raise Refusal(
            "FAILED_ACTIVATION",
            f"Status is the only field that can be changed while the {word} is activated.",
            others,
        )


def _note_activation(ground: Ground, record: Record) -> None:
    record["ActivatedDate"] = record["LastModifiedDate"]
    record["ActivatedById"] = ground.user_id


def _total(items: list[Record]) -> Decimal:
    return sum((Decimal(one["TotalPrice"]) for one in items), Decimal(0))


def derive_item(ground: Ground, record: Record, before: Record, _: Given) -> None:
    """Total of an order product, and what a new one takes from its price.

    Raises:
        Refusal: the order is activated.
    """
    if not before:
        refuse_change(ground, record)
        prices.describe(ground, ITEM, record)
    prices.price(ground, record)
    del record["Subtotal"]
    record["AvailableQuantity"] = record["Quantity"]


def refuse_change(ground: Ground, item: Record) -> None:
    """Raises: Refusal, products come to and leave drafts only."""
    order = ground.living("Order", item["OrderId"]) or {}
    if order.get("StatusCode") == "Activated":
        raise Refusal("ENTITY_IS_LOCKED", _LOCKED, ())


def refuse_delete(_: Ground, record: Record) -> None:
    """Raises: Refusal, an activated order stays."""
    if record.get("StatusCode") == "Activated":
        raise Refusal("ENTITY_IS_LOCKED", _LOCKED, ())


def sum_items(ground: Ground, item: Record) -> None:
    """The total of a product's order."""
    order = ground.living("Order", item["OrderId"])
    if order is not None:
        items = ground.children(ITEM, "OrderId", order["Id"])
        ground.settle("Order", {**order, "TotalAmount": _total(items)})


# ---- contracts


def derive_contract(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Status category, end and activation.

    Raises:
        Refusal: it is activated while created, or its status changes after activation.
    """
    record["StatusCode"] = CONTRACT_STATES.get(record["Status"], "Draft")
    record["EndDate"] = _end(record)
    if before.get("StatusCode") == "Activated":
        if record["Status"] != before["Status"]:
            raise Refusal(
                "INVALID_STATUS", "The status of an activated contract cannot change", ("Status",)
            )
    elif record["StatusCode"] == "Activated":
        _refuse_early(record, before, given, "contract", record["Id"])
        _note_activation(ground, record)


def _end(contract: Record) -> str | None:
    start, term = contract.get("StartDate"), contract.get("ContractTerm")
    if not start or not term:
        return None
    return (months_later(date.fromisoformat(start), int(term)) - timedelta(days=1)).isoformat()


def refuse_delete_contract(_: Ground, record: Record) -> None:
    """Raises: Refusal, an activated contract stays."""
    if record.get("StatusCode") == "Activated":
        raise Refusal("DELETE_FAILED", "An activated contract cannot be deleted", ())
