"""The org's own figures of what it holds: how many records are alive, and sums of money.

Asked as close as can be to the moment of which the rows are a picture, five figures to a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from pipelines.clients.salesforce_replies import SYSTEM, Part, PartReply
from pipelines.extract.results import ROWS, SUM_OF, ControlTotal
from pipelines.extract.salesforce_objects import Shape

SUMS = {"Opportunity": "Amount", "OpportunityLineItem": "TotalPrice"}
_CORPORATE = "corporate_currency"


def control_parts(shapes: Sequence[Shape]) -> list[Part]:
    """The questions for these objects.

    Archived activities are held and are told by queryAll alone, so that is asked of these, less
    what is deleted.
    """
    parts = [_counted(shape) for shape in shapes]
    summed = [s for s in shapes if s.name in SUMS and SUMS[s.name] in s.schema.names]
    parts += [_query(f"sum_{s.name}", _sum(s)) for s in summed]
    if any(_has_currencies(s) for s in summed):
        soql = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
        parts.append(_query(_CORPORATE, soql))
    return parts


def _query(reference: str, soql: str, path: str = "query") -> Part:
    return Part(reference, f"{path}?{urlencode({'q': soql})}")


def _counted(shape: Shape) -> Part:
    soql = shape.select(["COUNT()"])
    if "IsArchived" not in shape.schema.names:
        return _query(f"rows_{shape.name}", soql)
    return _query(f"rows_{shape.name}", f"{soql} WHERE IsDeleted = false", "queryAll")


def _sum(shape: Shape) -> str:
    total = f"SUM({SUMS[shape.name]}) total"
    if _has_currencies(shape):
        return f"{shape.select(['CurrencyIsoCode', total])} GROUP BY CurrencyIsoCode"
    return shape.select([total])


def _has_currencies(shape: Shape) -> bool:
    return "CurrencyIsoCode" in shape.schema.names


def controls(
    replies: Mapping[str, PartReply], shape: Shape, org_id: str, at: datetime
) -> Iterator[ControlTotal]:
    """The figures of one object, as far as the org told them.

    With several currencies the org gives every sum in its corporate currency, converted (SOQL
    guide, "Querying Currency Fields in Multi-Currency Orgs"), so that only the records of that
    currency can be held against it to the cent.
    """
    counted = replies.get(f"rows_{shape.name}")
    if counted is not None and counted.problem is None:
        rows = Decimal(int(counted.body["totalSize"]))
        yield ControlTotal(SYSTEM, org_id, shape.name, ROWS, rows, None, None, at)
    summed = replies.get(f"sum_{shape.name}")
    if summed is None or summed.problem is not None:
        return
    measure = f"{SUM_OF}{SUMS[shape.name]}"
    for row, currency in _comparable(summed.body["records"], shape, replies):
        total = Decimal(str(row.get("total") or 0))
        yield ControlTotal(SYSTEM, org_id, shape.name, measure, total, None, currency, at)


def _comparable(
    rows: Sequence[Mapping[str, Any]], shape: Shape, replies: Mapping[str, PartReply]
) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    if not _has_currencies(shape):
        yield from ((row, None) for row in rows)
        return
    told = replies.get(_CORPORATE)
    if told is None or told.problem is not None or not told.body["records"]:
        return
    corporate = str(told.body["records"][0]["IsoCode"])
    yield from ((row, corporate) for row in rows if row.get("CurrencyIsoCode") == corporate)


def alive(replies: Mapping[str, PartReply], shape: Shape) -> int:
    """How many living records the org counts of an object; 0 too when it did not say."""
    reply = replies.get(f"rows_{shape.name}")
    return 0 if reply is None or reply.problem is not None else int(reply.body["totalSize"])
