"""Numbers, dates and names as QuickBooks writes and reads them. No float anywhere."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from pipelines.sandbox.quickbooks.refusals import Refusal, invalid_date, invalid_number

Record = dict[str, Any]
ZERO = Decimal(0)
CENT = Decimal("0.01")
LARGEST = 11  # Amounts and prices reach to 99,999,999,999 (Intuit, Item.UnitPrice).


def cents(amount: Decimal) -> Decimal:
    """Round half up to the cent; zero is written without decimals, as the vendor does."""
    rounded = amount.quantize(CENT, rounding=ROUND_HALF_UP)
    return rounded if rounded else ZERO


def plain(number: Decimal) -> Decimal:
    """Drop trailing zeros and never an exponent: 22.50 becomes 22.5, 1E+2 becomes 100."""
    short = number.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short


def number_of(value: Any, name: str = "Amount") -> Decimal:
    """A number given as number or as text (python-quickbooks writes Decimals as strings).

    Raises:
        Refusal: 2090, not a number, or one of more digits than the vendor takes.
    """
    if isinstance(value, bool):
        raise invalid_number(name, value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise invalid_number(name, value) from None
    if not number.is_finite() or number.adjusted() >= LARGEST:
        raise invalid_number(name, value)
    return number


def amount_of(record: Record, name: str) -> Decimal:
    """A money member of a stored record; absent means zero."""
    value = record.get(name)
    if value is None:
        return ZERO
    return value if type(value) is Decimal else Decimal(str(value))


def date_of(value: Any, name: str) -> str:
    """A calendar date as YYYY-MM-DD; a time behind it is cut off.

    Raises:
        Refusal: 2070, not a date.
    """
    text = str(value).strip()[:10]
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise invalid_date(name, value) from None


def zone_of(offset: str) -> tzinfo:
    """A fixed zone from an offset such as -08:00."""
    sign = -1 if offset.startswith("-") else 1
    hours, _, minutes = offset.lstrip("+-").partition(":")
    return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))


def moment_text(moment: datetime) -> str:
    """MetaData times: whole seconds and the company's offset (recorded)."""
    return moment.replace(microsecond=0).isoformat()


def envelope_time(moment: datetime) -> str:
    """The `time` of an envelope: milliseconds and the company's offset (recorded)."""
    return moment.isoformat(timespec="milliseconds")


@lru_cache(maxsize=200_000)
def instant(text: str) -> datetime:
    """The moment a stored MetaData time names; one without offset counts as UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)  # noqa: UP017


def absent(value: Any) -> bool:
    """Does this value mean that the member is not there? (null, "", an object of such)"""
    if isinstance(value, dict):
        return all(absent(inner) for inner in value.values())
    return value is None or value == ""


def present_members(value: Any) -> Any:
    """A body without its absent members, at every depth; empty lists stay."""
    if isinstance(value, dict):
        return {k: present_members(v) for k, v in value.items() if not absent(v)}
    if isinstance(value, list):
        return [present_members(v) for v in value if not absent(v)]
    return value


def reference(value: str, name: str | None) -> Record:
    """A ReferenceType; the name is the server's business."""
    return {"value": value, "name": name} if name else {"value": value}


def ref_value(record: Record, name: str) -> str | None:
    """The id a reference member holds, or None."""
    ref = record.get(name)
    if not isinstance(ref, dict):
        return None
    value = ref.get("value")
    return None if value in (None, "") else str(value)


__all__ = [
    "CENT", "ZERO", "Record", "Refusal", "absent", "amount_of", "cents", "date_of",
    "envelope_time", "instant", "moment_text", "number_of", "plain", "present_members",
    "ref_value", "reference", "zone_of",
]  # fmt: skip
