"""The weekly mismatch report: built once as a value, then shown as a page and as tables."""

from reverse_etl.report.build import build_report
from reverse_etl.report.files import ReportPaths, write, write_report
from reverse_etl.report.links import NO_LINKS, Links, links_for
from reverse_etl.report.page import render_html
from reverse_etl.report.tables import Table, tables
from reverse_etl.report.value import Report

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
    "write",
    "write_report",
]
