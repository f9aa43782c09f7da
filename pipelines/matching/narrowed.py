"""Models that were built whole, built again for some records only.

A model's own SQL, as dbt compiled it, runs over its inputs narrowed to what matters; what comes
out takes the place of the rows that it replaces. So there is one text of every rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.warehouse import Connection


@dataclass(frozen=True)
class Narrowed:
    """The compiled models on a writing connection from `pipelines.warehouse`."""

    connection: Connection
    sql: Mapping[str, str]

    def run(self, statement: str) -> None:
        """Run a statement of our own."""
        self.connection.execute(statement)

    def arrow(self, query: str, tables: Mapping[str, Any] | None = None) -> Any:
        """The answer of a query as an Arrow table; it may name the Arrow `tables`."""
        for name, given in (tables or {}).items():
            self.fill(name, given)
        return self.connection.sql(query).to_arrow_table()

    def count(self, source: str) -> int:
        """How many rows a table or `source` with its condition has."""
        row = self.connection.execute(f"SELECT count(*) FROM {source}").fetchone()
        return int(row[0]) if row else 0

    def note(self, name: str, query: str) -> None:
        """Keep the answer of a query as a temporary table."""
        self.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def fill(self, name: str, incoming: Any) -> None:
        """The same with an Arrow table, which DuckDB finds under the name that it has here."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM incoming")

    def model(self, name: str, wanted: str = "", **inputs: str) -> str:
        """A model's query over `inputs` narrowed by a condition each; only the rows `wanted`."""
        query = self.sql[name]
        for source, condition in inputs.items():
            relation = re.search(rf'"[^"]+"\."[^"]+"\."{source}"', query)
            if relation is None:
                raise ValueError(f"{name} does not read {source}")
            query = query.replace(relation[0], f"(SELECT * FROM {relation[0]} WHERE {condition})")
        return f"SELECT * FROM ({query}) WHERE {wanted}" if wanted else query

    def replace(self, name: str, gone: str, query: str) -> str:
        """Put the answer of a query in the place of the rows `gone` of a model.

        Returns the temporary table with what came.
        """
        came = f"alone_new_{name}"
        self.note(came, query)
        self.run(f"DELETE FROM intermediate.{name} WHERE {gone}")
        self.run(f"INSERT INTO intermediate.{name} SELECT * FROM {came}")
        return came
