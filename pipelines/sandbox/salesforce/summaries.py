"""Roll-up summary fields: what a master knows of its details, by count, sum, least and greatest
(Metadata API guide, CustomField; Help, "Roll-Up Summary Field").

They are stored, so that whatever reads the master sees them; a change among the details moves the
master's SystemModstamp, not its last modification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from pipelines.sandbox.salesforce.access import moment
from pipelines.sandbox.salesforce.derived.ground import Ground
from pipelines.sandbox.salesforce.fields import NUMERIC, Field, Summary
from pipelines.sandbox.salesforce.formulas.computed import reader
from pipelines.sandbox.salesforce.formulas.kinds import Scene
from pipelines.sandbox.salesforce.sobject import SObject
from pipelines.sandbox.store import Record, Write

Objects = Mapping[str, SObject]
Read = Callable[[Record], Any]
# Lookups of standard objects that the vendor takes for master and detail here.
_STANDARD_MASTERS = frozenset(
    {("Opportunity", "AccountId"), ("OpportunityLineItem", "OpportunityId"),
     ("CampaignMember", "CampaignId"), ("QuoteLineItem", "QuoteId"), ("OrderItem", "OrderId")}
)  # fmt: skip
_SUMMABLE = NUMERIC
_ORDERED = NUMERIC | {"date", "datetime"}
_US_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: .*)?")


class SummaryRefused(ValueError):
    """A roll-up summary that cannot be: the text says why."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


# ---- what it is


def check(objects: Objects, owner: SObject, field: Field) -> None:
    """Raises: SummaryRefused, the field summarises what it cannot."""
    summary = field.summary
    assert summary is not None
    child = objects.get(summary.child.lower())
    key = child.field(summary.key) if child else None
    if child is None or key is None or owner.name not in key.refers_to:
        raise SummaryRefused(
            f"{summary.child}.{summary.key} does not lead to {owner.name}", "summaryForeignKey"
        )
    if not key.master and (child.name, key.name) not in _STANDARD_MASTERS:
        raise SummaryRefused(
            f"{child.name}.{key.name} is not a master-detail relationship", "summaryForeignKey"
        )
    _check_summarised(child, summary)
    for name, operation, _ in summary.filters:
        one = child.field(name)
        if one is None or not one.is_filterable:
            raise SummaryRefused(f"{child.name}.{name} cannot be filtered by", "summaryFilterItems")
        if operation not in _TESTS:
            raise SummaryRefused(
                f"{operation} is not an operator of a filter", "summaryFilterItems"
            )


def _check_summarised(child: SObject, summary: Summary) -> None:
    if summary.operation == "count":
        return
    if summary.operation not in _OPERATIONS:
        raise SummaryRefused(
            f"summaryOperation is count, sum, min or max, not {summary.operation}",
            "summaryOperation",
        )
    found = child.field(summary.field)
    kinds = _SUMMABLE if summary.operation == "sum" else _ORDERED
    if found is None or found.type not in kinds:
        raise SummaryRefused(
            f"{child.name}.{summary.field} cannot be summarised by {summary.operation}",
            "summarizedField",
        )


# ---- what it comes to


def empty(field: Field) -> Any:
    """The value of a roll-up summary without details; None for any other field."""
    is_number = field.summary is not None and field.summary.operation in ("count", "sum")
    return Decimal(0) if is_number else None


def sum_up(ground: Ground, sobject: SObject, record: Record, before: Record) -> None:
    """Compute what the masters of a written record, those of now and those of before, know."""
    changed: dict[tuple[str, str], SObject] = {}
    for master, field in ground.catalogue.summarised(sobject):
        assert field.summary is not None
        key = sobject.field(field.summary.key)
        for holder in (record, before) if key else ():
            if key and holder.get(key.name):
                changed[master.name, str(holder[key.name])] = master
    for (name, master_id), master in changed.items():
        found = ground.get(name, master_id)
        if found is None:
            continue
        after = {**found, **values(ground, master, master_id)}
        if after != found:
            ground.settle(name, after)
            sum_up(ground, master, after, found)


def fill(ground: Ground, master: SObject, *, stamped: bool) -> None:
    """Compute the roll-up summaries of all masters that do not hold them as they are; of a seed's
    records, which bring their own, those alone that have none."""
    names = [one.name for one in master.fields.values() if one.summary]
    for found in list(ground.store.table(ground.org_id, master.name)) if names else ():
        if not stamped and all(name in found for name in names):
            continue
        after = {**found, **values(ground, master, found["Id"])}
        if after == found:
            continue
        if stamped:
            ground.settle(master.name, after)
        else:
            ground.store.preset([Write(ground.org_id, master.name, found["Id"], after)])


def values(ground: Ground, master: SObject, master_id: str) -> Record:
    """All roll-up summaries of one master."""
    return {
        one.name: _value(ground, master, one, master_id)
        for one in master.fields.values()
        if one.summary
    }


def _value(ground: Ground, master: SObject, field: Field, master_id: str) -> Any:
    summary = field.summary
    assert summary is not None
    child = ground.catalogue.get(summary.child)
    key = child.field(summary.key) if child else None
    if child is None or key is None:
        return empty(field)
    tests = [_test(ground, child, one) for one in summary.filters]
    rows = [
        one
        for one in ground.children(child.name, key.name, master_id)
        if all(test(one) for test in tests)
    ]
    if summary.operation == "count":
        return Decimal(len(rows))
    of = child.field(summary.field)
    if of is None:
        return empty(field)
    read = _in_currency_of(ground, master, of, master_id, _reader(ground, child, of))
    found = [v for one in rows if (v := read(one)) is not None]
    return _summed(field, found) if found else empty(field)


def _total(found: list[Any]) -> Any:
    return sum(found, Decimal(0))


_OPERATIONS: Mapping[str, Callable[[list[Any]], Any]] = {"sum": _total, "min": min, "max": max}


def _summed(field: Field, found: list[Any]) -> Any:
    assert field.summary is not None
    made = _OPERATIONS[field.summary.operation](found)
    if field.type in NUMERIC:
        return Decimal(made).quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    return made


def _reader(ground: Ground, child: SObject, field: Field) -> Read:
    if field.formula:
        at = moment(ground.stamps("", False)["SystemModstamp"])
        get = ground.get
        return reader(
            ground.catalogue.objects, child, field, lambda row: Scene(row, get, at, at.date())
        )
    if field.type in NUMERIC:
        return lambda row: None if row.get(field.name) is None else Decimal(row[field.name])
    return lambda row: row.get(field.name)


def _in_currency_of(
    ground: Ground, master: SObject, field: Field, master_id: str, read: Read
) -> Read:
    """Amounts of other currencies in the master's, by the org's own rates."""
    if field.type != "currency":
        return read
    rates = {
        str(one.get("IsoCode")): Decimal(one.get("ConversionRate") or 1)
        for one in ground.store.table(ground.org_id, "CurrencyType")
    }
    own = (ground.get(master.name, master_id) or {}).get("CurrencyIsoCode")

    def converted(row: Record) -> Any:
        amount, code = read(row), row.get("CurrencyIsoCode")
        if amount is None or code == own or not code or not own:
            return amount
        return amount / rates.get(code, Decimal(1)) * rates.get(own, Decimal(1))

    return converted


# ---- which details count


def _test(ground: Ground, child: SObject, item: tuple[str, str, str]) -> Callable[[Record], bool]:
    name, operation, text = item
    field = child.field(name)
    if field is None:
        return lambda row: False
    read = _reader(ground, child, field)
    wanted = [_literal(field, one) for one in _words(text)] if text else [None]
    judge, negated = _TESTS[operation]

    def test(row: Record) -> bool:
        held = _held(field, read(row))
        return any(judge(held, one) for one in wanted) is not negated

    return test


def _words(text: str) -> list[str]:
    """Several values are parted by commas."""
    return [one.strip() for one in text.split(",")]


def _held(field: Field, value: Any) -> Any:
    if value is None or value == "":
        return False if field.type == "boolean" else None
    return value.lower() if isinstance(value, str) else value


def _literal(field: Field, text: str) -> Any:
    if field.type == "boolean":
        return text.lower() in ("true", "1")
    if field.type in NUMERIC:
        try:
            return Decimal(text)
        except InvalidOperation:
            return None
    day = _US_DAY.fullmatch(text) if field.type in ("date", "datetime") else None
    if day:
        return date(int(day[3]), int(day[1]), int(day[2])).isoformat()
    return text.lower() or None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda held, wanted: held is not None and wanted is not None and compare(held, wanted)


def _within(held: Any, wanted: Any) -> bool:
    return wanted in str(held or "").split(";")


# Each with whether it is the opposite of its test.
_TESTS: Mapping[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "equals": (lambda held, wanted: held == wanted, False),
    "notEqual": (lambda held, wanted: held == wanted, True),
    "lessThan": (_ordered(lambda a, b: a < b), False),
    "lessOrEqual": (_ordered(lambda a, b: a <= b), False),
    "greaterThan": (_ordered(lambda a, b: a > b), False),
    "greaterOrEqual": (_ordered(lambda a, b: a >= b), False),
    "contains": (_ordered(lambda a, b: b in a), False),
    "notContain": (_ordered(lambda a, b: b in a), True),
    "startsWith": (_ordered(lambda a, b: str(a).startswith(b)), False),
    "includes": (_within, False),
    "excludes": (_within, True),
}
