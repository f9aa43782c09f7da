"""The sheets of the bridge: over all with its proof line by line, and one row for each period."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pipelines.money import Money
from reverse_etl.report.bridge_value import Bridge, BridgeLine, Period
from reverse_etl.report.cells import FIRST, Cell, Column, Live, Sheet, sheet
from reverse_etl.report.page_bridge import period_name
from reverse_etl.report.sheet_lists import COMPANY, CURRENCY
from reverse_etl.report.value import Report

CODES = ("A", "E", "I1", "N", "RESIDUAL")


def bridge(report: Report) -> Sheet:
    columns = (
        COMPANY, CURRENCY, Column("line", "Line", 8), Column("label", "What it is", 52),
        Column("kind", "Kind", 10), Column("amount", "Amount", 20),
        Column("records", "Records", 10), Column("sum", "Sum of the lines above", 24),
        Column("difference", "Difference", 18),
    )  # fmt: skip
    told = (
        "From sold to billed. Flows add up; each total is read from its own source and stands "
        "beside the sum of the lines above it."
    )
    rows: list[tuple[Cell, ...]] = []
    for bridge in report.bridges:
        rows += _bridge_rows(bridge, FIRST + len(rows))
    return sheet("Bridge", told, columns, rows)


def _bridge_rows(bridge: Bridge, first: int) -> Iterable[tuple[Cell, ...]]:
    flows = Decimal(0)
    currency = bridge.currency
    for row, line in enumerate(bridge.lines, first):
        proof: tuple[Cell, Cell] = (None, None)
        if line.kind == "total":
            above = f'SUMIFS(F${first}:F{row - 1},E${first}:E{row - 1},"flow")'
            proof = (
                Live(above, Money(flows, currency)),
                Live(f"ROUND(F{row}-H{row},2)", Money(line.amount - flows, currency)),
            )
        flows += line.amount if line.kind == "flow" else Decimal(0)
        yield (
            bridge.company.name, currency, line.code, line.label, line.kind,
            Money(line.amount, currency), line.documents, *proof,
        )  # fmt: skip


def places(report: Report) -> dict[tuple[object, str, str], int]:
    keys = [(b.company, b.currency, line.code) for b in report.bridges for line in b.lines]
    return {key: place for place, key in enumerate(keys)}


def periods(report: Report) -> Sheet:
    """One row per period and book with every line, the flows summed up once more beside net billed.
    Each kind of period is a view of the whole, so there is no total."""
    lines = _lines(report)
    columns = (
        Column("kind", "Kind", 10), Column("period", "Period", 30), COMPANY, CURRENCY,
        *(Column(line.code, f"{line.code}: {line.label}", 18) for line in lines),
        Column("sum", "Sum of the flows", 20), Column("difference", "Difference", 18),
    )  # fmt: skip
    plain = Sheet("Bridge by period", "", columns, ())
    rows: list[tuple[Cell, ...]] = []
    for period in report.periods:
        for bridge in period.bridges:
            rows.append(_period_row(plain, lines, period, bridge, len(rows)))
    told = (
        "From sold to billed in the newest months, weeks and years. Each kind is a view of the "
        "whole: filter one of them."
    )
    return sheet("Bridge by period", told, columns, rows)


def _lines(report: Report) -> list[BridgeLine]:
    """The lines that a bridge has, in their order."""
    found = {line.code: line for p in report.periods for b in p.bridges for line in b.lines}
    shown = (line for line in found.values() if line.kind != "check")
    return sorted(shown, key=lambda line: line.number)


def _period_row(
    plain: Sheet, lines: list[BridgeLine], period: Period, bridge: Bridge, place: int
) -> tuple[Cell, ...]:
    currency = bridge.currency
    flows = [line.code for line in lines if line.kind == "flow"]
    total = sum((bridge.amount(code) for code in flows), Decimal(0))
    cells = ",".join(plain.cell(code, place) for code in flows)
    billed = f"ROUND({plain.cell('N', place)}-{plain.cell('sum', place)},2)"
    return (
        period.kind, period_name(period), bridge.company.name, currency,
        *(Money(bridge.amount(line.code), currency) for line in lines),
        Live(f"SUM({cells})", Money(total, currency)),
        Live(billed, Money(bridge.amount("N") - total, currency)),
    )  # fmt: skip
