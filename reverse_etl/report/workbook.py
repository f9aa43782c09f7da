"""The report as a spreadsheet: typed numbers, live totals, one sheet for each section.

The same report gives the same bytes: its only time is that of its data. Amounts go into the file
digit by digit, never through a binary fraction; a program that opens it keeps 15 of them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.money import Money, minor_units
from reverse_etl.report import words
from reverse_etl.report.cells import (
    FIRST,
    HEADING,
    Cell,
    Column,
    Days,
    Link,
    Live,
    Share,
    Sheet,
    amount_of,
)
from reverse_etl.report.links import NO_LINKS, Links
from reverse_etl.report.plans import NO_PLANS, Plans
from reverse_etl.report.sheets import sheets
from reverse_etl.report.value import Report

_A4 = 9
_INK, _SOFT, _RULE, _ACCENT = "#1d2126", "#575d64", "#d9d5cb", "#9c2f18"
# What spreadsheet programs keep of a number, and of a text in one cell.
_DIGITS, _LONGEST = 15, 32_000
# A line's height in points, and the most lines of a row: not every program fits rows to their text.
_LINE, _MOST_LINES = 15, 8
# Letters are narrower than the digits that a column's width is counted in.
_TIGHTER = 1.2
# About as many characters go beside each other on a sheet of paper before they get too small.
_PAPER_WIDTH = 240


def workbook_bytes(report: Report, links: Links = NO_LINKS, plans: Plans = NO_PLANS) -> bytes:
    """The whole spreadsheet (Office Open XML). `links` says where records can be opened, `plans`
    which stored plan holds a write."""
    file = io.BytesIO()
    book = Workbook(
        file,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
         "strings_to_numbers": False},
    )  # fmt: skip
    title = f"Mismatch report, week {report.week.number} of {report.week.year}"
    book.set_properties(
        {"title": title, "author": "Crossfoot", "created": report.as_of_at.replace(tzinfo=None)}
    )
    book.set_calc_mode("auto")
    formats = _Formats(book)
    for sheet in sheets(report, links, plans):
        _draw(book.add_worksheet(sheet.name), sheet, formats, report)
    book.close()
    return file.getvalue()


class _Formats:
    """Cell formats by what they show; each is made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}

    def get(self, cell: Cell, *, total: bool = False) -> Format:
        """The format of a cell; that of a total has a line above it."""
        style: dict[str, Any] = {"valign": "top", "font_color": _INK, **_look(cell)}
        if total:
            style |= {"bold": True, "top": 1, "top_color": _INK}
        return self.made(style)

    def made(self, style: dict[str, Any]) -> Format:
        key = tuple(sorted(style.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(style)
        return self._made[key]


def _look(cell: Cell) -> dict[str, Any]:
    value = cell.value if isinstance(cell, Live) else cell
    if isinstance(value, Money):
        return {"num_format": money_format(value)}
    if isinstance(value, Share):
        return {"num_format": "0.0%"}
    if isinstance(value, Days):
        return {"num_format": "#,##0.0"}
    if isinstance(value, date):
        return {"num_format": "yyyy-mm-dd", "align": "left"}
    if isinstance(value, int | Decimal):
        return {"num_format": "#,##0"}
    if isinstance(value, Link):
        return {"font_color": _ACCENT, "underline": 1, "text_wrap": True, "indent": 1}
    return {"text_wrap": True, "indent": 1}


def money_format(value: Money) -> str:
    """The number format of a currency: its code, and as many places as it or the amount has."""
    exponent = value.amount.normalize().as_tuple().exponent
    held = -exponent if isinstance(exponent, int) else 0
    places = max(minor_units(value.currency), held)
    number = "#,##0" + ("." + "0" * places if places else "")
    code = f"[${value.currency}]"
    return f"{code} {number};[Red]-{code} {number}"


def _draw(page: Worksheet, sheet: Sheet, formats: _Formats, report: Report) -> None:
    page.hide_gridlines(2)
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, column.width)
    page.write_string(0, 0, sheet.name, formats.made({"bold": True, "font_size": 16}))
    page.write_string(1, 0, _told(sheet), formats.made({"font_color": _SOFT}))
    _headings(page, sheet.columns, formats)
    _rows(page, FIRST - 1, sheet.rows, sheet.columns, formats, total=False)
    _rows(page, FIRST - 1 + len(sheet.rows), sheet.totals, sheet.columns, formats, total=True)
    page.freeze_panes(HEADING, 1)
    if sheet.rows:
        last = FIRST - 2 + len(sheet.rows)
        page.autofilter(HEADING - 1, 0, last, len(sheet.columns) - 1)
    _print_setup(page, sheet.columns, report)


def _told(sheet: Sheet) -> str:
    if not sheet.left_out:
        return sheet.told
    return f"{sheet.told} {sheet.left_out:,} more are in the CSV file, not here and in no total."


def _headings(page: Worksheet, columns: Sequence[Column], formats: _Formats) -> None:
    style = formats.made(
        {"bold": True, "bottom": 1, "bottom_color": _INK, "bg_color": "#f4f2ec", "valign": "top",
         "text_wrap": True, "indent": 1}
    )  # fmt: skip
    for place, column in enumerate(columns):
        page.write_string(HEADING - 1, place, column.heading, style)


def _rows(
    page: Worksheet,
    first: int,
    rows: Iterable[Sequence[Cell]],
    columns: Sequence[Column],
    formats: _Formats,
    *,
    total: bool,
) -> None:
    for number, row in enumerate(rows, first):
        lines = _lines(row, columns)
        if lines > 1:
            page.set_row(number, _LINE * lines)
        for place, cell in enumerate(row):
            _write(page, number, place, cell, formats.get(cell, total=total))


def _write(page: Worksheet, row: int, column: int, cell: Cell, style: Format) -> None:
    if isinstance(cell, Live):
        page.write_formula(row, column, f"={cell.formula}", style, _plain(cell.value))
    elif isinstance(cell, str):
        page.write_string(row, column, words.neutralised(cell)[:_LONGEST], style)
    elif isinstance(cell, Link):
        page.write_url(row, column, cell.url, style, words.neutralised(cell.text)[:_LONGEST])
    elif isinstance(cell, date):
        page.write_datetime(row, column, cell, style)
    elif cell is None:
        page.write_blank(row, column, None, style)
    elif isinstance(cell, Money) and len(cell.amount.as_tuple().digits) > _DIGITS:
        # A number would lose its last digits in every program that opens the file.
        page.write_string(row, column, words.money(cell), style)
    else:
        page.write_number(row, column, _number(cell), style)


def _number(cell: int | Decimal | Money | Share | Days) -> Any:
    """What the file's number is written from; a Decimal keeps its digits there."""
    return cell if isinstance(cell, int | Decimal) else _value(cell)


def _value(cell: Money | Share | Days) -> Decimal:
    return amount_of(cell) if isinstance(cell, Money) else cell.value


def _plain(value: Money | Share | int) -> int | Decimal:
    return value if isinstance(value, int) else _value(value)


def _lines(row: Sequence[Cell], columns: Sequence[Column]) -> int:
    """How many lines the longest text of a row takes in its column."""
    texts = (
        len(cell) / column.width / _TIGHTER
        for cell, column in zip(row, columns, strict=True)
        if isinstance(cell, str)
    )
    return min(_MOST_LINES, max(map(math.ceil, texts), default=1))


def _print_setup(page: Worksheet, columns: Sequence[Column], report: Report) -> None:
    page.set_landscape()
    page.set_paper(_A4)
    page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    page.fit_to_pages(math.ceil(sum(column.width for column in columns) / _PAPER_WIDTH), 0)
    page.repeat_rows(HEADING - 1)
    page.repeat_columns(0)
    page.set_footer(f"&L&8Crossfoot, week {report.week.label}&C&8&A&R&8&P of &N")
