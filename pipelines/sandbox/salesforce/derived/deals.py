"""Deals: what follows from their stage and date, and from their lines (Object Reference,
Opportunity)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.sandbox.salesforce.derived import histories
from pipelines.sandbox.salesforce.derived.ground import Given, Ground
from pipelines.sandbox.salesforce.stages import FORECASTS, stage_of
from pipelines.sandbox.salesforce.values import cents
from pipelines.sandbox.store import Record


def derive(ground: Ground, record: Record, before: Record, given: Given) -> None:
    """Probability, forecast, expected revenue and fiscal period."""
    stage = stage_of(ground.store, ground.org_id, record["StageName"])
    if record["StageName"] != before.get("StageName"):
        record["LastStageChangeDate"] = record["LastModifiedDate"]
        record["ForecastCategory"] = stage.category
        record["ForecastCategoryName"] = stage.category_name
        if "Probability" not in given:
            record["Probability"] = stage.probability
    told = str(given.get("ForecastCategoryName"))
    if told in FORECASTS:  # the deal's own word overrides its stage's
        record["ForecastCategoryName"], record["ForecastCategory"] = told, FORECASTS[told]
    record["IsClosed"], record["IsWon"] = stage.closed, stage.won
    if before.get("HasOpportunityLineItem") and "Amount" in given:
        record["Amount"] = before.get("Amount")  # the lines decide once there are any
    amount = record.get("Amount")
    share = Decimal(record.get("Probability") or 0) / 100
    record["ExpectedRevenue"] = None if amount is None else cents(Decimal(amount) * share)
    closes = date.fromisoformat(record["CloseDate"])
    quarter = (closes.month - 1) // 3 + 1
    record["FiscalYear"], record["FiscalQuarter"] = closes.year, quarter
    record["Fiscal"] = f"{closes.year} {quarter}"


def sum_lines(ground: Ground, line: Record) -> None:
    """The amount and quantity of a line's deal are the sums over its lines."""
    deal = ground.living("Opportunity", line["OpportunityId"])
    if deal is None:
        return
    lines = ground.children("OpportunityLineItem", "OpportunityId", deal["Id"])
    after = {**deal, "HasOpportunityLineItem": bool(lines)}
    if lines:
        after["Pricebook2Id"] = deal.get("Pricebook2Id") or _book_of(ground, lines[0])
        after["Amount"] = sum((Decimal(one["TotalPrice"]) for one in lines), Decimal(0))
        after["TotalOpportunityQuantity"] = sum(
            (Decimal(one["Quantity"]) for one in lines), Decimal(0)
        )
    derive(ground, after, {**deal, "HasOpportunityLineItem": False}, {"Probability": None})
    histories.log_deal(ground, ground.settle("Opportunity", after), deal)


def _book_of(ground: Ground, line: Record) -> str | None:
    """The first line decides the deal's price book."""
    entry = ground.get("PricebookEntry", line.get("PricebookEntryId"))
    return entry["Pricebook2Id"] if entry else None


def only_primary(ground: Ground, role: Record) -> None:
    """One contact of a deal is primary."""
    if not role.get("IsPrimary"):
        return
    for one in ground.children("OpportunityContactRole", "OpportunityId", role["OpportunityId"]):
        if one["Id"] != role["Id"] and one.get("IsPrimary"):
            ground.settle(
                "OpportunityContactRole",
                {**one, **ground.stamps(one["Id"], False), "IsPrimary": False},
            )
