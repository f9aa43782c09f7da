"""The reviewed tables (dbt_project/seeds) that name things of the books and of the org."""

from __future__ import annotations

from collections.abc import Mapping as Values
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import mapping

Row = Values[str, Any]


@dataclass(frozen=True)
class Mapping:
    """The rows of each table, each value as its column keeps it."""

    routing: tuple[Row, ...]
    terms: tuple[Row, ...]
    tax_codes: tuple[Row, ...]
    item_rules: tuple[Row, ...]
    stages: tuple[Row, ...]
    # Fields of Salesforce that a table asks for: (object of the mapping, field, table).
    asked: tuple[tuple[str, str, str], ...] = ()

    @property
    def company_ids(self) -> frozenset[str]:
        """Every company that any table names."""
        tables = (self.routing, self.terms, self.tax_codes, self.item_rules)
        return frozenset(row["company_id"] for table in tables for row in table)

    def currencies(self, company_id: str | None = None) -> frozenset[str]:
        """The currencies that are billed, in one company or anywhere."""
        return frozenset(
            row["currency_code"] for row in self.routing
            if company_id in (None, row["company_id"])
        )  # fmt: skip

    def of(self, table: tuple[Row, ...], company_id: str) -> list[Row]:
        """The rows of a table that speak of one company."""
        return [row for row in table if row["company_id"] == company_id]


def read_mapping(dbt_dir: Path, path: Path | None = None) -> Mapping:
    """The tables in force: the seeds, and in place of some those of the file that CROSSFOOT_MAPPING
    names. Raises `ConfigurationError` naming file, row and column of what is wrong."""
    tables = mapping.read_mapping(dbt_dir / "seeds", path).tables
    asked = {
        (row.get("source_object", "deal"), row["source_field"], name)
        for name in ("invoice_fields", "product_rules", "document_numbers", "deal_discounts")
        for row in tables[name].rows
        if row["source_field"]
    }
    return Mapping(
        routing=tables["company_routing"].rows,
        terms=tables["terms"].rows,
        tax_codes=tables["tax_codes"].rows,
        item_rules=tables["item_rules"].rows,
        stages=tables["stages"].rows,
        asked=tuple(sorted(asked)),
    )
