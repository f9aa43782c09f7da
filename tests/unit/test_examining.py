"""What the extracted tables are held to, told by table, and which failures stop a run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from orchestration import checks, examining
from orchestration.examining import Examined
from orchestration.expected import EXPECTED
from orchestration.resources import SettingsResource
from pipelines import warehouse
from pipelines.settings import load_settings

INVOICE = next(e for e in EXPECTED if e.name == "raw_quickbooks.invoice")


def invoices(count: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "company_id": ["c"] * count,
            "id": [str(n) for n in range(count)],
            "customer_id": ["7"] * count,
            "transaction_date": [date(2026, 11, 20)] * count,
            "currency_code": ["USD", *[None] * (count - 1)],
            "total_amount": [Decimal("10.50")] * count,
            "balance": [Decimal("10.50"), *[Decimal(0)] * (count - 1)],
            "sync_token": [0] * count,
        }
    )


@pytest.mark.slow
def test_each_way_to_be_wrong_is_told_without_a_value() -> None:
    good = examining.examine(INVOICE, invoices())
    assert good.passed and good.rows == 4 and good.expectations == 17
    assert "total_amount" in good.page
    bad = invoices().assign(
        id=["1", "1", "2", "3"],
        customer_id=["7", None, "7", "7"],
        total_amount=[Decimal(-1)] * 4,
        transaction_date=["20 November"] * 4,
        currency_code=["dollars"] * 4,
    )
    told = "\n".join(sorted(examining.examine(INVOICE, bad).broken))
    assert (
        told
        == """\
expect_column_pair_values_a_to_be_greater_than_b (total_amount, balance): 4 rows
expect_column_values_to_be_between (total_amount): 4 rows
expect_column_values_to_be_of_type (transaction_date): seen str
expect_column_values_to_match_regex (currency_code): 4 rows
expect_column_values_to_not_be_null (customer_id): 1 rows
expect_compound_columns_to_be_unique (company_id, id): 2 rows"""
    )
    (told_of_binary,) = examining.examine(INVOICE, invoices().assign(balance=[0.5] * 4)).broken
    assert told_of_binary == "expect_column_values_to_be_of_type (balance): seen float64"


@pytest.mark.slow
def test_counts_are_held_against_the_vendors_own_by_table() -> None:
    frame = pd.DataFrame(
        [
            ("invoice", "c1", "cdc", 12, 12, 12, 13),
            ("invoice", "c2", "full", 5, 5, 5, 5),
            ("payment", "c1", "cdc", 3, None, None, None),
            ("item", "c1", "full", 1_000, 2_000, None, None),
            ("estimate", "c1", "unfinished", 4_000, None, None, None),
        ],
        columns=[
            "object",
            "source_id",
            "mode",
            "rows_read",
            "rows_vendor",
            "rows_held",
            "rows_there",
        ],
        dtype=object,
    )
    found = examining.completeness("raw_quickbooks", frame)
    assert found["invoice"].broken == ("c1: 12 held, 13 at the vendor",)
    assert found["item"].broken == ("c1: 1,000 read, 2,000 at the vendor",)
    assert found["estimate"].broken == ("c1: 4,000 read so far, not to the end",)
    assert "payment" not in found and found["invoice"].file == found["item"].file


def test_every_table_is_asked_for_as_the_warehouse_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with warehouse.writer(path) as connection:
        connection.execute("CREATE SCHEMA raw_quickbooks")
        connection.execute(
            "CREATE TABLE raw_quickbooks.invoice AS SELECT 'c' AS company_id, '1' AS id, "
            '2::BIGINT AS sync_token, \'{"TotalAmt": 12.5, "TxnDate": "soon", '
            '"CustomerRef": {"value": "7"}}\' AS payload'
        )
    (row,) = examining.rows(INVOICE, path).to_dict("records")
    assert row["total_amount"] == Decimal("12.50") and row["customer_id"] == "7"
    assert pd.isnull(row["transaction_date"]), "a date that is none counts as missing"


def test_pages_load_nothing_and_lead_to_each_table(tmp_path: Path) -> None:
    raw = (
        "<html><head><link rel=x href='https://elsewhere'></head><script src='https://e'>\n1"
        "</script><body><img src='https://e'><b>kept</b></html>"
    )
    found = [Examined("a.b", 1, 2, ("<i>1</i>",), examining.offline(raw), "a.b")]
    pages = examining.write_pages(tmp_path / "checks", "raw_a", found)
    page, index = pages["a.b"].read_text(), (tmp_path / "checks" / "raw_a.html").read_text()
    assert "https://" not in page and "<b>kept</b>" in page and "default-src 'none'" in page
    assert 'href="raw_a.html"' in page
    assert 'href="a.b.html"' in index and "&lt;i&gt;" in index and "<i>" not in index


@pytest.mark.parametrize(
    ("broken", "reached"), [("expectations", False), ("complete", True), ("", True)]
)
def test_a_broken_table_stops_what_is_computed_from_it_and_an_incomplete_one_does_not(
    broken: str, reached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dg.AssetKey(["raw_quickbooks", "invoice"])
    ran: list[str] = []

    @dg.asset(key=table)
    def read() -> None:
        ran.append("read")

    @dg.asset(deps=[table])
    def judged() -> None:
        ran.append("judged")

    def found(schema: str, path: Path) -> Any:
        for name in ("expectations", "complete"):
            told = ("1 row",) if name == broken else ()
            yield dg.AssetCheckKey(table, name), Examined(f"{schema}.{name}", 1, 1, told, file=name)

    monkeypatch.setattr(checks, "_found", found)
    settings = load_settings({"CROSSFOOT_DATA_DIR": str(tmp_path)})
    monkeypatch.setattr("orchestration.resources.load_settings", lambda: settings)
    _, quickbooks = sorted(checks.extract_checks([read]), key=lambda c: c.op.name, reverse=True)
    done = dg.materialize(
        [read, judged, quickbooks], resources={"settings": SettingsResource()}, raise_on_error=False
    )
    told = {e.check_name: e.passed for e in done.get_asset_check_evaluations()}
    assert told == {name: name != broken for name in ("expectations", "complete")}
    assert ("judged" in ran) is reached
