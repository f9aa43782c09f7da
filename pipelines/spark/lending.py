"""Expressions that Spark cannot compute as DuckDB does: those that write JSON, and those that ask a
function that Spark has not of each item of a list. DuckDB computes them whole, for a batch of rows
at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from pipelines.spark.pieces import call
from pipelines.spark.texts import is_lent

# The tables that a query reads, by schema and name, with DuckDB's type of each column.
Tables = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Lent:
    """A function of Spark's under this `name`: DuckDB's `expression` over a0, a1, …, and the `kind`
    of its result in Spark's words."""

    name: str
    expression: str
    kind: str


def lend(tree: exp.Expr, tables: Tables) -> tuple[Lent, ...]:
    """Replace such expressions in the typed tree, and tell what they are.

    Raises `duckdb.Error` when DuckDB does not know one.
    """
    found: dict[str, Lent] = {}
    query = tree.copy()
    for whole in _wholes(tree):
        if whole.root() is not tree:
            continue  # Within one that has been replaced.
        lent, given = _Lending(query, tables).of(whole)
        found[lent.name] = lent
        new = call(lent.name, *given)
        new.type = exp.DataType.build(lent.kind, dialect="spark")
        whole.replace(new)
    return tuple(found.values())


class _Lending:
    """Finds out, in a warehouse without rows, what an expression is made of."""

    def __init__(self, query: exp.Expr, tables: Tables) -> None:
        self._query = query
        self._connection = duckdb.connect()
        for table, columns in tables.items():
            schema, name = table.split(".", 1)
            told = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self._connection.execute(f'create schema if not exists "{schema}"')
            self._connection.execute(f'create table "{schema}"."{name}" ({told})')

    def of(self, whole: exp.Expr) -> tuple[Lent, list[exp.Expr]]:
        """The function, and what it is given in Spark."""
        parts = _given(whole)
        names = {part.sql(): f"a{i}" for i, part in enumerate(parts)}
        kinds = {part.sql(): self._kind(part) for part in parts}
        told = whole.copy()
        for part in _given(told, all_places=True):
            part.replace(exp.column(names[part.sql()]))
        expression = told.sql(dialect="duckdb")
        empty = ", ".join(f"cast(null as {kinds[p]}) as {names[p]}" for p in names)
        asked = f"select typeof({expression}) from (select {empty})"
        kind = str(self._connection.execute(asked).fetchall()[0][0])
        spark = (
            "string" if kind == "JSON" else exp.DataType.build(kind, dialect="duckdb").sql("spark")
        )
        digest = hashlib.sha256(f"{expression}|{empty}".encode()).hexdigest()
        return Lent(f"duckdb_{digest[:12]}", expression, spark), [_in_spark(p) for p in parts]

    def _kind(self, part: exp.Expr) -> str:
        if isinstance(part, exp.AggFunc):
            columns = {c.sql(): c for c in part.find_all(exp.Column)}.values()
            names = {c.sql(): f"c{i}" for i, c in enumerate(columns)}
            told = part.copy()
            for column in list(told.find_all(exp.Column)):
                column.replace(exp.column(names[column.sql()]))
            empty = ", ".join(f"cast(null as {self._kind(c)}) as {names[c.sql()]}" for c in columns)
            asked = f"select typeof({told.sql(dialect='duckdb')}) from (select {empty})"
            return str(self._connection.execute(asked).fetchall()[0][0])
        if part.type is not None and part.type.this != exp.DataType.Type.UNKNOWN:
            return part.type.sql(dialect="duckdb")
        return self._told(part)

    def _told(self, column: exp.Expr) -> str:
        """The type of a column, or of a table's row, where sqlglot does not know it."""
        select = column.find_ancestor(exp.Select)
        alias = column.args.get("table") or column.this
        source = next(
            s
            for s in (select or self._query).find_all(exp.Table, exp.Subquery)
            if s.alias_or_name == alias.name and s.find_ancestor(exp.Select) is select
        )
        wanted = column.name if column.args.get("table") else "row_"
        bare = source.copy()
        bare.set("alias", exp.TableAlias(this=exp.to_identifier("row_")))
        asked = exp.select(exp.column(wanted, quoted=True)).from_(bare)
        if self._query.args.get("with_"):
            asked.set("with_", self._query.args["with_"].copy())
        told = self._connection.execute(f"describe {asked.sql(dialect='duckdb')}").fetchall()
        return str(told[0][1])


def _wholes(tree: exp.Expr) -> list[exp.Expr]:
    """The outermost first."""
    return [
        node
        for node in tree.walk(bfs=True)
        if _writes_json(node)
        or (
            isinstance(node, exp.Func)
            and any(is_lent(n) for la in node.args.values() for n in _within_lambda(la))
        )
    ]


def _writes_json(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "to_json"


def _within_lambda(value: object) -> list[exp.Expr]:
    values = value if isinstance(value, list) else [value]
    return [n for v in values if isinstance(v, exp.Lambda) for n in v.walk()]


def _given(whole: exp.Expr, *, all_places: bool = False) -> list[exp.Expr]:
    """Columns, rows and aggregates: what the expression is about."""
    bound = {p.name for la in whole.find_all(exp.Lambda) for p in la.expressions}
    found: list[exp.Expr] = []
    for node in whole.walk(prune=lambda n: isinstance(n, (exp.AggFunc, exp.Column))):
        is_free = isinstance(node, exp.Column) and not {node.name, node.table} & bound
        if isinstance(node, (exp.AggFunc, exp.TableColumn)) or is_free:
            found.append(node)
    return found if all_places else list({n.sql(): n for n in found}.values())


def _in_spark(part: exp.Expr) -> exp.Expr:
    if isinstance(part, exp.TableColumn) or (isinstance(part, exp.Column) and not part.table):
        return call("struct", exp.Column(this=exp.Star(), table=exp.to_identifier(part.name)))
    return part.copy()
