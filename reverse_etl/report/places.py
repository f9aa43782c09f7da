"""Where page and spreadsheet of a report are found, and what they are called when they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reverse_etl.report.files import ReportPaths


@dataclass(frozen=True)
class Place:
    """A file of the report: its name as an attachment, its address or else its path."""

    title: str
    name: str
    where: str
    is_served: bool


def places(paths: ReportPaths, report_url: str) -> tuple[Place, Place]:
    """Page and spreadsheet. `report_url` is where the folder of reports is served, or empty."""
    named = (("Page", paths.page), ("Spreadsheet", paths.workbook))
    page, workbook = (
        Place(
            title,
            f"mismatch-report-{paths.week}{path.suffix}",
            address(report_url, paths.week, path) if report_url else str(path),
            bool(report_url),
        )
        for title, path in named
    )
    return page, workbook


def address(report_url: str, week: str, path: Path) -> str:
    """Where a file of a week's report is served, below the address of the folder of reports."""
    return f"{report_url}/{week}/{path.name}"
