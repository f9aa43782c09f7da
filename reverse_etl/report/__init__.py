"""The weekly mismatch report: built once as a value, then shown as page, spreadsheet and tables."""

from reverse_etl.report.build import build_report
from reverse_etl.report.files import ReportPaths, write, write_report
from reverse_etl.report.links import NO_LINKS, Links, links_for
from reverse_etl.report.page import render_html
from reverse_etl.report.tables import Table, tables
from reverse_etl.report.value import Report
from reverse_etl.report.workbook import workbook_bytes

__all__ = [
    "NO_LINKS",
    "Links",
    "Report",
    "ReportPaths",
    "Table",
    "build_report",
    "links_for",
    "render_html",
    "tables",
    "workbook_bytes",
    "write",
    "write_report",
]
