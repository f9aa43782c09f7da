"""Functions that Spark has not: DuckDB computes them for a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from pipelines.spark.lending import Lent

# Asked for single values.
ALWAYS = (
    Lent("duckdb_strip_accents", "strip_accents(a0)", "string"),
    Lent("duckdb_jaro_winkler_similarity", "jaro_winkler_similarity(a0, a1)", "double"),
    Lent("duckdb_damerau_levenshtein", "damerau_levenshtein(a0, a1)", "bigint"),
    Lent("duckdb_jaccard", "jaccard(a0, a1)", "double"),
    Lent("duckdb_replace_first", "regexp_replace(a0, a1, a2)", "string"),
    Lent("duckdb_member", "json_extract_string(a0, '$.\"' || a1 || '\"')", "string"),
)


def register(session: Any, lent: Iterable[Lent] = ALWAYS) -> None:
    """Make them known to this session."""
    from pyspark.sql.functions import arrow_udf

    for one in lent:
        session.udf.register(one.name, arrow_udf(_over_batches(one.expression), one.kind))


def _over_batches(expression: str) -> Callable[..., Any]:
    def computed(*columns: pa.Array) -> pa.Array:
        import duckdb

        batch = pa.table({f"a{i}": column for i, column in enumerate(columns)})
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("batch", batch)
        made: Any = connection.sql(f"select {expression} from batch").to_arrow_table()
        return made.column(0).combine_chunks()

    return computed
