"""Schedules of a line: its revenue or its quantity in parts, each with its day (Object Reference,
OpportunityLineItemSchedule; REST guide, "Product Schedules")."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from pipelines.sandbox.salesforce import refusals
from pipelines.sandbox.salesforce.derived.deals import sum_lines
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.derived.lines import unit_price
from pipelines.sandbox.salesforce.derived.prices import price
from pipelines.sandbox.salesforce.derived.quotes import onto_quote
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import Record

KIND = "OpportunityLineItemSchedule"
MOST_PARTS = 150
TYPES = ("Quantity", "Revenue", "Both")
_MONTHS = {"Monthly": 1, "Quarterly": 3, "Yearly": 12}
_DAYS = {"Daily": 1, "Weekly": 7}
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Parts:
    """A sum to be divided among days, or repeated on each of them.

    Attributes:
        is_divided: whether `total` is for all of them together; otherwise for each.
        period: Daily, Weekly, Monthly, Quarterly or Yearly.
    """

    total: Decimal
    is_divided: bool
    period: str
    number: int
    start: date

    def each(self) -> Iterator[tuple[str, Decimal]]:
        """Day and share of each part; what dividing leaves over goes to the last."""
        share = self.total
        if self.is_divided:
            share = (self.total / self.number).quantize(_CENT, ROUND_DOWN)
        for at in range(self.number):
            is_last = self.is_divided and at == self.number - 1
            yield self._day(at), (self.total - share * at if is_last else share)

    def _day(self, at: int) -> str:
        if self.period in _DAYS:
            return (self.start + timedelta(days=at * _DAYS[self.period])).isoformat()
        return months_later(self.start, at * _MONTHS[self.period]).isoformat()


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def derive(ground: Ground, record: Record, before: Record, _: Given) -> None:
    """Hold a schedule against its line and product.

    Raises:
        Refusal: the product has no schedules of the type, the line has others, or revenue and
            quantity do not go with it.
    """
    kind = record["Type"]
    line = ground.living("OpportunityLineItem", record["OpportunityLineItemId"]) or {}
    if not before:
        _refuse_type(ground, kind, line)
        record["CurrencyIsoCode"] = line.get("CurrencyIsoCode")
    for name, has in (("Quantity", kind != "Revenue"), ("Revenue", kind != "Quantity")):
        if (record.get(name) is not None) != has:
            word = "is required" if has else "must be null"
            raise refusals.integrity(
                f"field integrity exception: {name} ({name} {word} for schedules of type {kind})",
                (name,),
            )


def _refuse_type(ground: Ground, kind: str, line: Record) -> None:
    product = ground.get("Product2", line.get("Product2Id")) or {}
    wanted = {"Revenue": kind != "Quantity", "Quantity": kind != "Revenue"}
    for name, is_wanted in wanted.items():
        if is_wanted and product.get(f"CanUse{name}Schedule") is not True:
            raise refusals.integrity(
                f"field integrity exception: Type (the product does not allow {name.lower()} "
                "schedules)",
                ("Type",),
            )
    has = {name: line.get(f"Has{name}Schedule") is True for name in wanted}
    if any(has.values()) and has != wanted:
        raise refusals.integrity(
            "field integrity exception: Type (the schedule must be of the type of the line's "
            "other schedules)",
            ("Type",),
        )


def sum_schedules(ground: Ground, schedule: Record) -> None:
    """A line's total and quantity are the sums over its schedules, its deal's amount follows."""
    line = ground.living("OpportunityLineItem", schedule["OpportunityLineItemId"])
    if line is None:
        return
    rows = ground.children(KIND, "OpportunityLineItemId", line["Id"])
    after = {**line, "HasSchedule": bool(rows)}
    for name, total in (("Quantity", "Quantity"), ("Revenue", "TotalPrice")):
        parts = [Decimal(row[name]) for row in rows if row.get(name) is not None]
        after[f"Has{name}Schedule"] = bool(parts)
        if parts:
            after[total] = sum(parts, Decimal(0))
    if after["HasRevenueSchedule"]:
        after["UnitPrice"] = unit_price(after)
        after["Subtotal"] = cents(Decimal(after["Quantity"]) * Decimal(after["UnitPrice"]))
    else:
        price(ground, after)
    settled = ground.settle("OpportunityLineItem", after)
    sum_lines(ground, settled)
    onto_quote(ground, settled)


# ---- established as a whole


def defaults(ground: Ground, line: Record) -> list[Mapping[str, Any]]:
    """The schedules a new line has because its product has them."""
    product = ground.get("Product2", line.get("Product2Id")) or {}
    deal = ground.get("Opportunity", line["OpportunityId"]) or {}
    start = date.fromisoformat(line.get("ServiceDate") or deal["CloseDate"])
    found: dict[str, Parts] = {}
    for name, total in (("Quantity", line["Quantity"]), ("Revenue", line["TotalPrice"])):
        period, number = product.get(f"{name}InstallmentPeriod"), product.get(_NUMBERS[name])
        if product.get(f"CanUse{name}Schedule") and period and number:
            divided = product.get(f"{name}ScheduleType") != "Repeat"
            found[name] = Parts(Decimal(total), divided, str(period), int(number), start)
    return rows_of(line["Id"], found)


_NUMBERS = {
    "Quantity": "NumberOfQuantityInstallments", "Revenue": "NumberOfRevenueInstallments",
}  # fmt: skip


def established(line_id: str, asked: Given) -> list[Mapping[str, Any]]:
    """The schedules that the body of a PUT asks for.

    Raises:
        Refusal: a word or a number in it is none that the vendor takes.
    """
    kind = asked.get("type")
    if kind not in TYPES:
        raise refusals.required_missing(["type"])
    names = [name for name in ("Quantity", "Revenue") if kind in (name, "Both")]
    return rows_of(line_id, {name: _parts(name.lower(), asked) for name in names})


def _parts(name: str, asked: Given) -> Parts:
    def told(key: str) -> Any:
        value = asked.get(key)
        if value is None:
            raise refusals.required_missing([key])
        return value

    stem = f"{name}Schedule"
    period, type_ = str(told(f"{stem}InstallmentPeriod")), str(told(f"{stem}Type"))
    try:
        total, number = Decimal(str(told(name))), int(told(f"{stem}InstallmentsNumber"))
        start = date.fromisoformat(str(told(f"{stem}StartDate")))
    except (ValueError, ArithmeticError):
        raise refusals.unreadable("date", asked.get(f"{stem}StartDate")) from None
    for key, is_good in (
        (f"{stem}InstallmentPeriod", period in _MONTHS or period in _DAYS),
        (f"{stem}Type", type_ in ("Divide", "Repeat")),
        (f"{stem}InstallmentsNumber", 1 <= number <= MOST_PARTS),
        (name, total != 0),
    ):
        if not is_good:
            raise refusals.integrity(f"invalid value for {key}: {asked[key]}", (key,))
    return Parts(total, type_ == "Divide", period, number, start)


def rows_of(line_id: str, parts: Mapping[str, Parts]) -> list[Mapping[str, Any]]:
    """One row for each part; those of both kinds that fall on the same days are one row each."""
    if not parts:
        return []
    days: dict[str, dict[str, Any]] = {}
    for name, one in parts.items():
        for day, share in one.each():
            days.setdefault(day, {})[name] = share
    kind = "Both" if len(parts) == 2 else next(iter(parts))
    return [
        {
            "OpportunityLineItemId": line_id,
            "Type": kind,
            "ScheduleDate": day,
            **{name: shares.get(name, Decimal(0)) for name in parts},
        }
        for day, shares in sorted(days.items())
    ]
