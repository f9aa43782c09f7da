"""The reviewed tables (dbt_project/seeds) that name things of the books and of the org."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import ConfigurationError

Row = dict[str, str]


@dataclass(frozen=True)
class Mapping:
    """The rows of each table, as they stand there."""

    routing: tuple[Row, ...]
    terms: tuple[Row, ...]
    tax_codes: tuple[Row, ...]
    item_rules: tuple[Row, ...]
    stages: tuple[Row, ...]

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


def read_mapping(dbt_dir: Path) -> Mapping:
    """Raises `ConfigurationError` naming the file that cannot be read."""
    names = ("company_routing", "terms", "tax_codes", "item_rules", "stages")
    return Mapping(*(_rows(dbt_dir / "seeds" / f"{name}.csv") for name in names))


def _rows(path: Path) -> tuple[Row, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigurationError(
            "settings", str(path), f"it cannot be read ({type(problem).__name__})",
            "Put it back from the repository, then say your own mapping in it.",
        ) from None  # fmt: skip
