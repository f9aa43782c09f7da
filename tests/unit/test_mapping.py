"""The mapping is checked whole before anything is built of it; mistakes name their place."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from pipelines.errors import ConfigurationError
from pipelines.mapping import read_mapping
from pipelines.mapping_schema import TABLES

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
TYPES = {
    "varchar": "VARCHAR", "integer": "INTEGER", "boolean": "BOOLEAN", "date": "DATE",
    "decimal(9,4)": "DECIMAL(9,4)", "decimal(18,4)": "DECIMAL(18,4)",
}  # fmt: skip


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


def mistakes(seeds: Path, text: str | None = None) -> str:
    path = None
    if text is not None:
        path = seeds.parent / "mapping.toml"
        path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(seeds, path)
    return str(caught.value)


def test_the_tables_are_those_that_the_seeds_describe() -> None:
    described = {}
    for file in SEEDS.glob("_*.yml"):
        for seed in yaml.safe_load(file.read_text())["seeds"]:
            types = seed.get("config", {}).get("column_types", {})
            described[seed["name"]] = {n: TYPES[t.replace(" ", "")] for n, t in types.items()
                                       if t.replace(" ", "") in TYPES}  # fmt: skip
    for name, table in TABLES.items():
        assert {n: c.stored for n, c in table.columns.items()} == described[name], name


def test_the_seeds_of_the_project_hold() -> None:
    mapped = read_mapping(SEEDS)
    assert not mapped.replaced
    first = mapped.tables["price_books"].rows[0]
    assert (first["percent"], first["adds_products"], first["valid_from"]) == (
        Decimal(100), True, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name, old, new, words",
    [
        ("terms", "Net 15,9341450000000001,", "Net 15,,",
         "terms.csv, line 3, column company_id: it is empty"),
        ("stages", "Closed Won,true", "Closed Won,yes",
         "stages.csv, line 10, column is_won: 'yes' is not true or false"),
        ("billing_plans", "On close,1,0,1", "On close,1,0,0",
         "billing_plans.csv, line 2, column share: it must be above 0"),
        ("tax_codes", "USD,false,NON", "USD,true,NON",
         "tax_codes.csv, line 3, column company_id: it repeats line 2"),
        ("estimate_stages", "Pending,false,Proposal/Price Quote", "Pending,false,Proposed",
         "estimate_stages.csv, line 2, column stage_name: 'Proposed' is not in stages"),
        ("item_rules", "Services,,Service", "Services,(,Service",
         "item_rules.csv, line 2, column code_pattern: it is no regular expression"),
        ("invoice_fields", ",class,,product,", ",class,Segment,product,",
         "invoice_fields.csv, line 2, column field_name: a class has no name of its own"),
        ("invoice_fields", ",class,,product,", ",location,,product,",
         "invoice_fields.csv, line 2, column source_object: a location is the whole invoice's"),
        ("invoice_fields", ",class,,product,", ",custom_field,,deal,",
         "invoice_fields.csv, line 2, column field_name: a custom_field needs the name"),
        ("document_numbers", "1,quickbooks", "1,deal",
         "document_numbers.csv, line 2, column source_field: it names the deal's field"),
        ("invoice_discounts", "1,unit_price,,", "1,line,,",
         "invoice_discounts.csv, line 2, column item_sku: a discount shown as a line needs its"),
        ("invoice_discounts", "1,unit_price,,", "1,line,LESS,Discount",
         "invoice_discounts.csv, line 2, column item_sku: a discount shown as a line needs its"),
        ("invoice_discounts", "1,unit_price,,", "1,total,LESS,",
         "invoice_discounts.csv, line 2, column item_sku: only a line has an item; leave it empty"),
        ("invoice_discounts", "1,unit_price,,,", "1,unit_price,,,Discounts given",
         "invoice_discounts.csv, line 2, column account_name: only total and deal have an account"),
        ("company_routing", "priority", "order",
         "company_routing.csv, line 1, column priority: the column is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_seed_names_file_row_and_column(
    seeds: Path, name: str, old: str, new: str, words: str
) -> None:
    file = seeds / f"{name}.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert words in mistakes(seeds)


@pytest.mark.parametrize(
    "text, words",
    [
        ("[[termz]]\n", "mapping.toml, termz: there is no such table"),
        ("terms = 3\n", "mapping.toml, terms: its rows stand below [[terms]] each"),
        ("[[terms]\n", "mapping.toml: it cannot be read"),
        ("[[terms]]\nsalesforce_terms = 'Net 9'\ncompany_id = 9\nterm_name = 'Net 9'\n",
         "mapping.toml, [[terms]], row 1, column company_id: 9 is not a text"),
        ("[[terms]]\nsalesforce_terms = 'Net 9'\ncompany_id = '9'\nname = 'Net 9'\n",
         "mapping.toml, [[terms]], row 1, column name: there is no such column"),
        ("[[product_rules]]\npriority = 1\nsource_object = 'deal'\nsource_field = 'A__c'\n"
         "source_value = 'x'\n",
         "mapping.toml, [[product_rules]], row 1, column item_sku: name the item by item_sku"),
        ("[[product_rules]]\npriority = true\nsource_object = 'quote'\n",
         "mapping.toml, [[product_rules]], row 1, column priority: True is not a whole number; "
         "mapping.toml, [[product_rules]], row 1, column source_object: 'quote' is none of deal"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_names_table_row_and_column(
    seeds: Path, text: str, words: str
) -> None:
    assert words in mistakes(seeds, text)


def test_a_table_of_the_file_replaces_the_seed_as_a_whole(seeds: Path) -> None:
    path = seeds.parent / "mapping.toml"
    path.write_text(
        "[[terms]]\nsalesforce_terms = 'Net 9'\ncompany_id = '9'\nterm_name = 'Net 9'\n"
        "[[price_books]]\nprice_book_name = 'List'\ncurrency_code = 'USD'\ncompany_id = '9'\n"
        "percent = 92.5\ndecimals = 2\nadds_products = false\nvalid_from = 2026-01-01\n"
    )
    mapped = read_mapping(seeds, path)
    assert mapped.replaced == {"terms", "price_books"}
    assert [row["term_name"] for row in mapped.tables["terms"].rows] == ["Net 9"]
    assert mapped.tables["price_books"].rows[0]["percent"] == Decimal("92.5")
    assert len(mapped.tables["stages"].rows) > 5


def test_only_the_first_mistakes_are_told_and_the_others_counted(seeds: Path) -> None:
    text = "[[terms]]\nsalesforce_terms = 'x'\n" * 4
    told = mistakes(seeds, text)
    assert told.count("it is empty") == 5
    assert "; and 6 more" in told
