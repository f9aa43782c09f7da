"""Sets of fields that many objects have."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.sandbox.salesforce.fields import (
    Field,
    area,
    day,
    fixed,
    granted,
    link,
    moment,
    number,
    pick,
    text,
)

_ADDRESS = (
    ("Street", "Street", 255), ("City", "City", 40), ("State", "State/Province", 80),
    ("PostalCode", "Zip/Postal Code", 20), ("Country", "Country", 80),
)  # fmt: skip
_ACCURACIES = ("Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood",
               "City", "County", "State", "Unknown")  # fmt: skip
INDUSTRIES = (
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications",
    "Construction", "Consulting", "Education", "Electronics", "Energy", "Engineering",
    "Entertainment", "Environmental", "Finance", "Food & Beverage", "Government", "Healthcare",
    "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media", "Not For Profit",
    "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation",
    "Utilities", "Other",
)  # fmt: skip
SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
RATINGS = ("Hot", "Warm", "Cold")
SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")
_CLEAN = ("Matched", "Different", "Acknowledged", "NotFound", "Inactive", "Pending", "SelectMatch",
          "Skipped")  # fmt: skip


def address(prefix: str) -> Iterable[Field]:
    """The parts of an address, and the compound field over them."""
    compound, label = f"{prefix}Address", f"{prefix} ".lstrip()
    for part, words, length in _ADDRESS:
        make = area if part == "Street" else text
        yield make(f"{prefix}{part}", f"{label}{words}", length, compound=compound)
    for part in ("Latitude", "Longitude"):
        yield number(f"{prefix}{part}", f"{label}{part}", 18, 15, compound=compound)
    yield pick(f"{prefix}GeocodeAccuracy", f"{label}Geocode Accuracy", _ACCURACIES, 40,
               restricted=True, compound=compound)  # fmt: skip
    yield granted(fixed(Field(compound, f"{label}Address", "address", unsortable=True)))


def owner(*kinds: str) -> Field:
    """Whose record it is: a user's, or a queue's where `kinds` says so."""
    return link("OwnerId", "Owner ID", " ".join(kinds) or "User", nillable=False, defaulted=True)


def currency_code() -> Field:
    """The currency of the record's amounts (multi-currency orgs have it everywhere)."""
    return pick("CurrencyIsoCode", "Currency ISO Code", (), 3, defaulted=True, restricted=True)


def clean_status() -> Field:
    """How the record compares with Data.com's."""
    return pick("CleanStatus", "Clean Status", _CLEAN, 40, restricted=True)


def viewed(activity: bool = True) -> Iterable[Field]:
    """When somebody last did something about the record, or looked at it."""
    if activity:
        yield fixed(day("LastActivityDate", "Last Activity"))
    yield fixed(moment("LastViewedDate", "Last Viewed Date"))
    yield fixed(moment("LastReferencedDate", "Last Referenced Date"))


def person(label: str = "Full Name") -> Iterable[Field]:
    """The name of a person, in parts and whole."""
    yield text("LastName", "Last Name", 80, nillable=False, compound="Name", extra="personname")
    yield text("FirstName", "First Name", 40, compound="Name", extra="personname")
    yield pick("Salutation", "Salutation", SALUTATIONS, 40, compound="Name", extra="personname")
    yield fixed(text("Name", label, 121, nillable=False, name_field=True, extra="personname"))
