"""The spreadsheet, opened with another library and worked out by a third: types, totals, safety."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import formulas
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from report_sample import HOSTILE, hostile, mismatch, sample, write_marts

from pipelines.money import Money
from reverse_etl.report import Report, build_report, workbook_bytes
from reverse_etl.report.cells import FIRST, HEADING
from reverse_etl.report.workbook import money_format

FORMULA = ("=", "+", "-", "@")
SHEETS = [
    "Summary", "Bridge", "Bridge by period", "Figures", "Ageing", "Leakage by week",
    "Time to invoice", "Carried forward", "Causes by week", "Exceptions", "Sign-off", "Classes",
    "Mismatches",
    "Blocked", "Waiting", "Coverage", "Sources",
]  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb"))


@pytest.fixture(scope="module")
def file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "report.xlsx"
    path.write_bytes(workbook_bytes(report))
    return path


@cache
def opened(path: Path, *, values: bool = False) -> Any:
    return openpyxl.load_workbook(path, data_only=values)


@cache
def worked_out(path: Path) -> dict[str, Any]:
    """Every cell as the formulas library works it out, by `SHEET!A1`."""
    solution = formulas.ExcelModel().loads(str(path)).finish().calculate()
    found = {}
    for key, cell in solution.items():
        where = str(key).replace(f"[{path.name}]", "").replace("'", "")
        if where.count("!") == 1 and ":" not in where:
            found[where] = cell.value[0, 0]
    return found


def cells(path: Path, kind: str) -> list[Any]:
    """All cells of a kind: f formula, n number, s text, d day."""
    rows = (row for sheet in opened(path) for row in sheet.iter_rows())
    return [cell for row in rows for cell in row if cell.data_type == kind and cell.value]


def records(sheet: Worksheet) -> list[dict[str, Any]]:
    """The records and totals of a sheet by heading."""
    heads = [cell.value for cell in sheet[HEADING]]
    return [
        {head: cell.value for head, cell in zip(heads, row, strict=True)}
        for row in sheet.iter_rows(min_row=FIRST)
    ]


def test_one_sheet_for_each_section(file: Path) -> None:
    assert opened(file).sheetnames == SHEETS


def test_each_formula_gives_the_value_that_stands_beside_it(file: Path) -> None:
    """What a phone's preview shows without working anything out is what the formula gives."""
    found = worked_out(file)
    shown = opened(file, values=True)
    formulas_ = cells(file, "f")
    assert len(formulas_) > 80
    for cell in formulas_:
        given = shown[cell.parent.title][cell.coordinate].value
        assert isinstance(given, int | float), "a text beside a formula is shown as text"
        got = found[f"{cell.parent.title.upper()}!{cell.coordinate}"]
        assert round(Decimal(str(got)), 6) == round(Decimal(str(given)), 6), cell.value


def test_totals_are_live(report: Report, tmp_path: Path) -> None:
    """An amount changed by hand moves the total, the class and the figure on the first sheet."""
    path = tmp_path / "changed.xlsx"
    path.write_bytes(workbook_bytes(report))
    book = openpyxl.load_workbook(path)
    rows = records(book["Mismatches"])
    (place,) = [n for n, row in enumerate(rows) if row["Code"] == "UNBILLED_CLOSED_WON"]
    column = next(c.column_letter for c in book["Mismatches"][HEADING] if c.value == "At stake")
    book["Mismatches"][f"{column}{FIRST + place}"] = 2200
    book["Bridge"][f"F{FIRST}"] = 4000
    book.save(path)
    found = worked_out(path)
    total = next(n for n, row in enumerate(rows) if row["Class"] == "Total USD")
    stakes = sum(m.at_stake.amount for m in report.mismatches
                 if m.at_stake and m.at_stake.currency == "USD")  # fmt: skip
    assert found[f"MISMATCHES!{column}{FIRST + total}"] == float(stakes) + 1000
    classes = records(book["Classes"])
    of_class = next(n for n, row in enumerate(classes) if row["Code"] == "UNBILLED_CLOSED_WON")
    assert found[f"CLASSES!D{FIRST + of_class}"] == 2200
    assert found[f"BRIDGE!I{FIRST + 1}"] == -1000, "the total no longer is the sum above it"


def test_numbers_are_numbers_and_days_are_days(report: Report, file: Path) -> None:
    rows = records(opened(file, values=True)["Mismatches"])
    held = [row for row in rows if row["Id"]]
    assert [row["At stake"] for row in held] == [
        float(m.at_stake.amount) if m.at_stake else None for m in report.mismatches
    ]
    assert all(isinstance(row["Since"], datetime) for row in held)
    assert all(isinstance(row["Age, days"], int) for row in held)


def test_amounts_bear_their_currency() -> None:
    assert money_format(Money(Decimal("1.00"), "USD")).startswith("[$USD] #,##0.00;")
    assert money_format(Money(Decimal("1.00"), "JPY")).startswith("[$JPY] #,##0;")
    assert money_format(Money(Decimal("1.5"), "JPY")).startswith("[$JPY] #,##0.0;")
    assert money_format(Money(Decimal("1.234"), "KWD")).startswith("[$KWD] #,##0.000;")


_PAGES_WIDE = {"Mismatches": 3, "Figures": 2, "Exceptions": 2, "Bridge by period": 2}


def test_every_sheet_can_be_read_and_printed(file: Path) -> None:
    for sheet in opened(file):
        assert sheet.freeze_panes == f"B{FIRST}"
        assert sheet.page_setup.orientation == "landscape"
        # As many pages as it needs, and one beside the other where it is too wide for one.
        assert sheet.page_setup.fitToHeight == 0
        assert (sheet.page_setup.fitToWidth or 1) == _PAGES_WIDE.get(sheet.title, 1)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows == f"${HEADING}:${HEADING}"
        assert sheet.print_title_cols == "$A:$A"
        assert sheet.auto_filter.ref is None or sheet.auto_filter.ref.startswith(f"A{HEADING}:")
        # No word is hidden by the next column.
        texts = [c for row in sheet.iter_rows(min_row=FIRST) for c in row if c.data_type == "s"]
        assert all(cell.alignment.wrap_text for cell in texts)


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    assert workbook_bytes(report) == workbook_bytes(report)
    assert b"2026-11-20T17:00:00Z" in core_properties(workbook_bytes(report))


def core_properties(data: bytes) -> bytes:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("docProps/core.xml")


def test_foreign_text_is_never_a_formula(tmp_path: Path) -> None:
    """Neither as it lies, nor after somebody saved it as CSV: what could begin one is marked."""
    path = tmp_path / "hostile.xlsx"
    path.write_bytes(
        workbook_bytes(build_report(write_marts(tmp_path / "warehouse.duckdb", hostile())))
    )
    texts = [cell.value for cell in cells(path, "s")]
    assert any("evil.example" in text for text in texts)
    assert not [text for text in texts if text.lstrip().startswith(FORMULA)]
    written = "".join(cell.value for cell in cells(path, "f"))
    assert not [text for text in HOSTILE if text in written]
    assert "evil.example" not in written
    assert not [cell for sheet in opened(path) for row in sheet.iter_rows() for cell in row
                if cell.hyperlink]  # fmt: skip


def test_an_amount_beyond_what_a_number_holds_is_written_out(tmp_path: Path) -> None:
    marts = sample()
    marts["mismatches"] = [
        mismatch("UNBILLED_CLOSED_WON", value_at_stake="1234567890123456.78",
                 expected_amount=1, actual_amount=0)
    ]  # fmt: skip
    path = tmp_path / "large.xlsx"
    path.write_bytes(workbook_bytes(build_report(write_marts(tmp_path / "w.duckdb", marts))))
    (row, *_) = records(opened(path, values=True)["Mismatches"])
    assert row["At stake"] == "USD\u00a01,234,567,890,123,456.78"


def test_more_records_than_a_person_looks_through_are_counted(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("reverse_etl.report.sheets.ROWS_HELD", 3)
    path = tmp_path / "cut.xlsx"
    path.write_bytes(workbook_bytes(report))
    book = opened(path, values=True)
    assert "5 more are in the CSV file" in book["Mismatches"]["A2"].value
    listed = records(book["Classes"])
    assert {row["Found"] for row in listed if row["Code"] == "UNDER_BILLED"} == {2}
