"""Pages of Salesforce as Arrow tables: exact, typed, and an error for what does not fit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import Incomplete, Stop, Unavailable
from pipelines.extract.columns import MOMENT, schema_of, signature
from pipelines.extract.salesforce_objects import Shape
from pipelines.extract.salesforce_pages import PageReader, csv_tables

ORG = "00DHs0000000001MAA"
SCHEMA = pa.schema(
    [
        pa.field("org_id", pa.string(), nullable=False),
        pa.field("Id", pa.string(), nullable=False),
        pa.field("Name", pa.string()),
        pa.field("Amount", pa.decimal128(38, 2)),
        pa.field("Rate", pa.decimal128(38, 10)),
        pa.field("IsWon", pa.bool_()),
        pa.field("CloseDate", pa.date32()),
        pa.field("SystemModstamp", MOMENT),
        pa.field("Year", pa.int64()),
    ]
)
DEAL = Shape("Opportunity", SCHEMA)
HEADER = '"Id","Name","Amount","Rate","IsWon","CloseDate","SystemModstamp","Year"\n'
FULL = {
    "org_id": ORG,
    "Id": "006000000000001AAA",
    "Name": "NA",
    "Amount": Decimal("1234567890123456.70"),
    "Rate": Decimal("0.3330000001"),
    "IsWon": True,
    "CloseDate": date(2026, 1, 2),
    "SystemModstamp": datetime(2026, 9, 1, 8, 0, tzinfo=UTC),
    "Year": 2026,
}
EMPTY = {**dict.fromkeys(SCHEMA.names), "org_id": ORG, "Id": "006000000000002AAA"}
JSON = """{"totalSize": 2, "done": true, "records": [
 {"attributes": {"type": "Opportunity"}, "Id": "006000000000001AAA", "Name": "NA",
  "Amount": 1234567890123456.7, "Rate": 3.330000001E-1, "IsWon": true, "CloseDate": "2026-01-02",
  "SystemModstamp": "2026-09-01T08:00:00.000+0000", "Year": 2026},
 {"Id": "006000000000002AAA", "Name": null, "Amount": null}]}"""
CSV = (
    f'{HEADER}"006000000000001AAA","NA","1234567890123456.7","3.330000001E-1","true","2026-01-02",'
    '"2026-09-01T08:00:00.000Z","2026"\n"006000000000002AAA","","","","","","",""\n'
)


def rows_of(folder: Path, text: str, promised: int, block: int = 1 << 20) -> list[dict]:
    file = folder / "page.csv"
    file.write_text(text, encoding="utf-8", newline="")
    found = csv_tables(file, ORG, DEAL, promised, block)
    return [row for table in found for row in table.to_pylist()]


def test_both_ways_give_the_same_exact_values(tmp_path: Path) -> None:
    page = PageReader(ORG, DEAL).read(JSON.encode())
    assert page.rows.to_pylist() == [FULL, EMPTY] == rows_of(tmp_path, CSV, 2)
    assert page.rows.schema == SCHEMA
    assert (page.total, page.next_path) == (2, None)


def test_the_last_row_tells_where_to_go_on() -> None:
    record = {"Id": "006000000000001AAA", "SystemModstamp": "2026-09-01T08:00:00.000+0000"}
    body = {"totalSize": 9, "done": False, "nextRecordsUrl": "/x", "records": [record]}
    page = PageReader(ORG, DEAL).read(simplejson.dumps(body).encode())
    assert page.last == ("2026-09-01T08:00:00.000+0000", "006000000000001AAA")
    assert page.next_path == "/x"


@given(st.lists(st.text(min_size=1).filter(lambda t: "\x00" not in t), min_size=1, max_size=5))
def test_any_text_comes_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Quotes, commas, line ends inside a value; block by block, however small the blocks."""
    texts = [t.encode("utf-8", "ignore").decode() or "x" for t in texts]
    lines = "".join(
        f'"{n:018}","{text.replace(chr(34), chr(34) * 2)}","","","","","",""\n'
        for n, text in enumerate(texts)
    )
    found = rows_of(tmp_path_factory.mktemp("csv"), HEADER + lines, len(texts))
    assert [row["Name"] for row in found] == texts


def test_blocks_bound_the_memory_and_lose_nothing(tmp_path: Path) -> None:
    lines = "".join(f'"{n:018}","line\nbreak {n}","1.5","","","","",""\n' for n in range(500))
    file = tmp_path / "page.csv"
    file.write_text(HEADER + lines)
    tables = list(csv_tables(file, ORG, DEAL, 500, block=4096))
    assert len(tables) > 3
    assert sum(t.num_rows for t in tables) == 500


@pytest.mark.parametrize(
    ("text", "promised"),
    [
        (CSV, 3),
        (CSV, 1),
        (HEADER, 1),
        ("", 0),
        (CSV[:-30], 2),
        (CSV.replace('"Rate",', ""), 2),
        (CSV.replace('"Name","Amount"', '"Amount","Name"'), 2),
    ],
    ids=["fewer", "more", "none", "no file", "cut off", "a column less", "columns changed"],
)
def test_a_page_that_is_not_what_it_says_is_an_error(
    tmp_path: Path, text: str, promised: int
) -> None:
    with pytest.raises(Incomplete, match="Opportunity"):
        rows_of(tmp_path, text, promised)


@pytest.mark.parametrize(
    ("name", "json", "csv"),
    [
        ("Amount", '"Amount": "much"', ("1234567890123456.7", "much")),
        ("Amount", '"Amount": 1.555', ("1234567890123456.7", "1.555")),
        ("IsWon", '"IsWon": "maybe"', ('"true"', '"maybe"')),
        ("CloseDate", '"CloseDate": "soon"', ("2026-01-02", "soon")),
        ("SystemModstamp", '"SystemModstamp": "now"', ("2026-09-01T08:00:00.000Z", "now")),
        ("Year", '"Year": "x"', ('"2026"', '"x"')),
    ],
)
def test_a_value_of_another_type_names_the_field_and_not_the_value(
    tmp_path: Path, name: str, json: str, csv: tuple[str, str]
) -> None:
    body = f'{{"totalSize": 1, "done": true, "records": [{{"Id": "1", {json}}}]}}'
    with pytest.raises(Stop, match=f"Opportunity.{name}: a value is not of the type") as told:
        PageReader(ORG, DEAL).read(body.encode())
    assert "much" not in str(told.value)
    with pytest.raises(Stop, match=f"Opportunity.{name}: a value is not of the type"):
        rows_of(tmp_path, CSV.replace(*csv), 2)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"records": []}', JSON[:-20],
             '{"totalSize": 1, "done": false, "records": []}', '{"totalSize": "x", "done": true}'],
)  # fmt: skip
def test_what_is_no_page_may_be_asked_for_again(body: str) -> None:
    with pytest.raises(Unavailable, match="cut off or is not a page"):
        PageReader(ORG, DEAL).read(body.encode())


def test_a_shape_is_kept_as_text_and_found_again() -> None:
    assert schema_of(signature(SCHEMA)) == SCHEMA
