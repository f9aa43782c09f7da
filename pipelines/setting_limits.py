"""How much may be written by one plan, how many calls may be made, and how often is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.setting_values import Values, senseless

_MAX_AMOUNT = "USD=5000000,EUR=2000000,GBP=2000000"
# What Intuit allows a month without charge, over all companies of one app: then reads are blocked
# until the next month (App Partner Program, Builder tier).
_QUICKBOOKS_READS = 500_000


@dataclass(frozen=True)
class Limits:
    """The most that one plan may do. Amounts are per currency; one that is not named is barred."""

    max_changes: int
    max_amount: Mapping[str, Decimal]
    max_creates_per_flow: int


@dataclass(frozen=True)
class Allowances:
    """What the vendors allow, and the share of it, in percent, that Crossfoot may use.

    QuickBooks counts reads in a calendar month, over all companies. Salesforce counts all calls
    of 24 hours; without a figure here the org's own is used.
    """

    quickbooks_reads_a_month: int
    quickbooks_share: int
    salesforce_calls_a_day: int | None
    salesforce_share: int


def limits(values: Values) -> Limits:
    """The bounds of one plan."""
    return Limits(
        max_changes=values.number("CROSSFOOT_MAX_CHANGES", 2000),
        max_amount=values.amounts("CROSSFOOT_MAX_AMOUNT", _MAX_AMOUNT),
        max_creates_per_flow=values.number("CROSSFOOT_MAX_CREATES_PER_FLOW", 200),
    )


def allowances(values: Values) -> Allowances:
    """The vendors' allowances and our share of them."""
    given = values.text("CROSSFOOT_SALESFORCE_CALLS_A_DAY")
    return Allowances(
        quickbooks_reads_a_month=values.number(
            "CROSSFOOT_QUICKBOOKS_READS_A_MONTH", _QUICKBOOKS_READS, least=1
        ),
        quickbooks_share=values.number("CROSSFOOT_QUICKBOOKS_SHARE", 80, least=1, most=100),
        salesforce_calls_a_day=values.number("CROSSFOOT_SALESFORCE_CALLS_A_DAY", 100_000, least=1)
        if given
        else None,
        salesforce_share=values.number("CROSSFOOT_SALESFORCE_SHARE", 25, least=1, most=100),
    )


def read_every(values: Values) -> int:
    """Minutes between two readings. They divide an hour, or a day by whole hours, so that a
    schedule can say so."""
    name = "CROSSFOOT_READ_EVERY_MINUTES"
    minutes = values.number(name, 15, least=1, most=1440)
    if 60 % minutes and (minutes % 60 or 1440 % minutes):
        raise senseless(name, str(minutes), "minutes such as 5, 15, 30, 60, 120 or 1440")
    return minutes
