"""Where page and spreadsheet of a report are found, and what they are called when they are sent."""

from __future__ import annotations

from dataclasses import dataclass

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
            f"{report_url}/{paths.week}/{path.name}" if report_url else str(path),
            bool(report_url),
        )
        for title, path in named
    )
    return page, workbook
