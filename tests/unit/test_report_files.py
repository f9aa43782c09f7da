"""The tables beside the page: the same figures, exact, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_sample import HOSTILE, hostile, sample, write_marts

from pipelines.settings import load_settings
from reverse_etl.report import Report, Table, build_report, tables, write, write_report
from reverse_etl.report.files import csv_text, neutralised

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb"))


def parsed(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_page_spreadsheet_and_four_tables(report: Report, tmp_path: Path) -> None:
    paths = write(report, tmp_path / "2026-W47")
    assert paths.page.name == "index.html"
    assert sorted(path.name for path in (tmp_path / "2026-W47").iterdir()) == [
        "ageing.csv", "bridge.csv", "index.html", "kpis.csv", "mismatches.csv", "report.xlsx",
    ]  # fmt: skip


def test_tables_hold_the_very_figures_of_the_report(report: Report, tmp_path: Path) -> None:
    paths = write(report, tmp_path)
    found = parsed(paths.tables["mismatches"])
    assert [row["mismatch_id"] for row in found] == [m.mismatch_id for m in report.mismatches]
    assert [row["value_at_stake"] for row in found] == [
        str(m.at_stake.amount) if m.at_stake else "" for m in report.mismatches
    ]
    kpis = parsed(paths.tables["kpis"])
    leakage = sum(Decimal(r["leakage_amount"]) for r in kpis if r["currency_code"] == "USD")
    assert leakage == report.leakage[0].amount.amount == Decimal("1500.50")
    bridge = parsed(paths.tables["bridge"])
    assert {row["amount"] for row in bridge if row["line_code"] == "RESIDUAL"} == {"0.00"}
    assert sum(Decimal(r["amount"]) for r in parsed(paths.tables["ageing"])) == Decimal("600.25")


def test_amounts_are_plain_exact_numbers(report: Report) -> None:
    text = csv_text(tables(report)[1])
    assert ",-1200.00," in text
    assert "E+" not in text and "'-" not in text


def test_every_row_has_every_cell(report: Report) -> None:
    for table in tables(report):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_text_that_looks_like_a_formula_is_not_one() -> None:
    table = Table("x", ("text", "number"), (("=1+1", Decimal("-5.00")), ("-x", Decimal("1E+3"))))
    assert csv_text(table) == '\ufeff"text","number"\r\n"\'=1+1",-5.00\r\n"\'-x",1000\r\n'


@given(st.text())
def test_no_cell_begins_a_formula_and_no_row_is_broken(text: str) -> None:
    written = neutralised(text)
    assert not written.lstrip(" \u00a0\u200b\u200c\u200d\u2060\ufeff\u200e\u200f").startswith(
        FORMULA
    )
    assert "\n" not in written and "\r" not in written
    table = Table("x", ("a", "b"), ((text, Decimal("-1.10")),))
    rows = list(csv.reader(io.StringIO(csv_text(table).removeprefix("\ufeff"))))
    assert rows[1:] == [[written, "-1.10"]]


@pytest.mark.parametrize("text", ["Müller & Søn", "東京", "مرحبا", "a,b;c", 'say "x"', "5 - 3"])
def test_honest_text_arrives_unchanged(text: str) -> None:
    table = Table("x", ("a",), ((text,),))
    assert list(csv.reader(io.StringIO(csv_text(table))))[1] == [text]


def test_hostile_names_stay_text_in_the_tables(tmp_path: Path) -> None:
    report = build_report(write_marts(tmp_path / "warehouse.duckdb", hostile()))
    for path in write(report, tmp_path / "out").tables.values():
        for row in parsed(path):
            cells = [value for value in row.values() if value and not _is_number(value)]
            assert not any(cell.lstrip().startswith(FORMULA) for cell in cells)
            assert not any(mark in cell for cell in cells for mark in "\u202e\u2066\n")


def _is_number(cell: str) -> bool:
    return cell.lstrip("-").replace(".", "", 1).isdigit()


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first, second = write(report, tmp_path / "1"), write(report, tmp_path / "2")
    assert first.page.read_bytes() == second.page.read_bytes()
    assert first.workbook.read_bytes() == second.workbook.read_bytes()
    for name, path in first.tables.items():
        assert path.read_bytes() == second.tables[name].read_bytes()


def test_a_failed_write_leaves_the_old_file(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write(report, tmp_path).page
    before = page.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(report, tmp_path)
    assert page.read_bytes() == before
    assert not list(tmp_path.glob(".*.new")), "nothing half-written is left behind"


def test_the_report_of_the_published_copy_lies_below_its_week(tmp_path: Path) -> None:
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    settings.published_path.parent.mkdir(parents=True)
    write_marts(settings.published_path, sample())
    paths = write_report(settings)
    assert paths.page == tmp_path / "reports" / "2026-W47" / "index.html"
    assert paths.page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_hostile_list_is_worth_the_name() -> None:
    assert any(text.lstrip().startswith(FORMULA) for text in HOSTILE)
