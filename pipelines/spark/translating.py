"""The models' SQL, which is DuckDB's, as Spark understands it.

sqlglot parses, resolves names and types and prints; what it leaves as it stands, or prints so that
Spark gives another answer, is rewritten here first: rules over one node each, from the leaves up.
Whatever DuckDB does that is not told here reaches Spark as it is written, and Spark refuses what it
does not know; that the answers agree is for `make test-scale` to show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from pipelines.spark import aggregates, dates, documents, lists, preparing, queries, texts, values
from pipelines.spark.lending import Lent, lend

# Columns in their order with their types, as the dialect that the schema was made in writes them.
Columns = Mapping[str, str]
Rule = Callable[[exp.Expr], exp.Expr]

# Whole queries first: they are told by aggregates that are still DuckDB's.
_PASSES: tuple[tuple[Rule, ...], ...] = (
    queries.RULES,
    (
        *aggregates.RULES,
        *lists.RULES,
        *documents.RULES,
        *dates.RULES,
        *texts.RULES,
        *values.RULES,
    ),
)


@dataclass(frozen=True)
class Translated:
    """Spark's SQL, and the functions that it asks for which DuckDB computes."""

    sql: str
    lent: tuple[Lent, ...]


def translated(sql: str, columns_of: Callable[[str, str], Columns]) -> Translated:
    """This query of DuckDB's for Spark. `columns_of` tells the columns of a table, by schema and
    name, with Spark's types.

    Raises `sqlglot.errors.SqlglotError` when it cannot be parsed or a name not be resolved.
    """
    tree = preparing.parsed(sql)
    schema = _schema(tree, columns_of)
    tree = qualify(
        tree,
        schema=schema,
        dialect="duckdb",
        quote_identifiers=False,
        identify=False,
        validate_qualify_columns=False,
    )
    tree = annotate_types(tree, schema=schema, dialect="duckdb")
    lent = lend(tree, _kinds_in_duckdb(tree, columns_of))
    return Translated(rewritten(tree).sql(dialect="spark", identify=True), lent)


def tables_of(sql: str) -> frozenset[str]:
    """The tables and views that a query of DuckDB's reads, by schema and name."""
    tree = preparing.parsed(sql)
    return frozenset(f"{t.db}.{t.name}" for t in tree.find_all(exp.Table) if t.db)


def rewritten(tree: exp.Expr) -> exp.Expr:
    """The typed tree with every rule applied to every node, from the leaves up."""
    for rules in _PASSES:
        for node in reversed(list(tree.walk(bfs=True))):
            new = _by_rules(node, rules)
            tree = new if node is tree else tree
    return tree


def _by_rules(node: exp.Expr, rules: tuple[Rule, ...]) -> exp.Expr:
    """Rules ask what a node stands in, so that each result takes the place of what it came from."""
    for rule in rules:
        new = rule(node)
        if new is not node:
            new.type = new.type or node.type
            if node.parent is not None:
                node.replace(new)
            node = new
    return node


def _kinds_in_duckdb(
    tree: exp.Expr, columns_of: Callable[[str, str], Columns]
) -> dict[str, dict[str, str]]:
    return {
        f"{table.db}.{table.name}": {
            name: _type(kind).sql(dialect="duckdb")
            for name, kind in columns_of(table.db, table.name).items()
        }
        for table in tree.find_all(exp.Table)
        if table.db
    }


def _type(kind: str) -> exp.DataType:
    return exp.DataType.build(kind, dialect="spark")


def _schema(tree: exp.Expr, columns_of: Callable[[str, str], Columns]) -> MappingSchema:
    schema = MappingSchema(dialect="duckdb")
    for table in tree.find_all(exp.Table):
        if not table.db:
            continue
        columns = {
            f'"{name}"': _type(kind) for name, kind in columns_of(table.db, table.name).items()
        }
        schema.add_table(exp.table_(table.name, db=table.db, quoted=True), columns)
    return schema
