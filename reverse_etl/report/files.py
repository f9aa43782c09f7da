"""The report as files: page, spreadsheet and tables, each written beside and then renamed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from pipelines.folders import make_private
from pipelines.settings import Settings
from reverse_etl.report.build import build_report
from reverse_etl.report.links import NO_LINKS, Links, links_for
from reverse_etl.report.page import render_html
from reverse_etl.report.plans import NO_PLANS, Plans, plans_for
from reverse_etl.report.tables import Cell, Table, tables
from reverse_etl.report.value import Report
from reverse_etl.report.words import neutralised
from reverse_etl.report.workbook import workbook_bytes


@dataclass(frozen=True)
class ReportPaths:
    """The page, the spreadsheet and the tables (name → CSV file) of one report, and its week.

    `page_hash` and `workbook_hash` are the SHA-256 of the files without links, which depend on
    where the systems are, and without plans, which come and go. `report` is the value that all of
    them show.
    """

    report: Report = field(repr=False)
    week: str
    page_hash: str
    workbook_hash: str
    page: Path
    workbook: Path
    tables: dict[str, Path]


def write_report(settings: Settings, week: str | None = None) -> ReportPaths:
    """Report on the published copy and write it below `settings.report_dir`, by week.

    Raises like `build_report`; `OSError` when the folder cannot be written.
    """
    report = build_report(settings.published_path, week)
    folder = settings.report_dir / report.week.label
    return write(report, folder, links_for(settings), plans_for(settings))


def write(
    report: Report, folder: Path, links: Links = NO_LINKS, plans: Plans = NO_PLANS
) -> ReportPaths:
    """Write index.html, report.xlsx and one CSV file per table into `folder`, made if needed.

    Every file is complete or as it was before: written beside, then renamed.
    """
    make_private(folder)
    paths = {}
    for table in tables(report):
        paths[table.name] = folder / f"{table.name}.csv"
        _replace(paths[table.name], csv_text(table).encode())
    page, workbook = folder / "index.html", folder / "report.xlsx"
    _replace(page, render_html(report, links, plans).encode())
    _replace(workbook, workbook_bytes(report, links, plans))
    return ReportPaths(
        report=report,
        week=report.week.label,
        page_hash=hashlib.sha256(render_html(report).encode()).hexdigest(),
        workbook_hash=hashlib.sha256(workbook_bytes(report)).hexdigest(),
        page=page,
        workbook=workbook,
        tables=paths,
    )


def csv_text(table: Table) -> str:
    """RFC 4180 with a byte order mark, which spreadsheets need to read UTF-8.

    Text is quoted, numbers are plain and exact. Text that a spreadsheet would run as a formula
    gets an apostrophe in front; numbers are never touched, so a negative one stays a number.
    """
    lines = [_line(table.columns), *map(_line, table.rows)]
    return "\ufeff" + "".join(line + "\r\n" for line in lines)


def _line(cells: Iterable[Cell]) -> str:
    return ",".join(map(_written, cells))


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        quoted = neutralised(cell).replace('"', '""')
        return f'"{quoted}"'
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _replace(path: Path, content: bytes) -> None:
    """Put a complete file in the place of the one before, also when the machine stops meanwhile."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
