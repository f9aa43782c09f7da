"""Sets of fields that many objects have."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    fixed,
    link,
    number,
    pick,
    text,
)

_ADDRESS = (
    ("Street", 255), ("City", 40), ("State", 80), ("PostalCode", 20), ("Country", 80),
)  # fmt: skip


def address(prefix: str) -> Iterable[Field]:
    """The parts of an address, and the compound field over them."""
    compound = f"{prefix}Address"
    for part, length in _ADDRESS:
        name = f"{prefix}{part}"
        make = area if part == "Street" else text
        yield make(name, f"{prefix} {part}", length, compound=compound)
    for part in ("Latitude", "Longitude"):
        yield number(f"{prefix}{part}", f"{prefix} {part}", 18, 15, compound=compound)
    yield pick(f"{prefix}GeocodeAccuracy", f"{prefix} Geocode Accuracy",
               ("Address", "Street", "Zip", "City", "State", "Unknown"), 40,
               restricted=True, compound=compound)  # fmt: skip
    yield fixed(Field(compound, f"{prefix} Address", "address", unfilterable=True,
                      unsortable=True))  # fmt: skip


def owner() -> Field:
    """Whose record it is."""
    return link("OwnerId", "Owner ID", "User", nillable=False, defaulted=True)


def currency_code() -> Field:
    """The currency of the record's amounts (multi-currency orgs have it everywhere)."""
    return pick("CurrencyIsoCode", "Currency ISO Code", (), 3, defaulted=True, restricted=True)
