"""What is done to a parsed query before its names are resolved."""

from __future__ import annotations

from itertools import count

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

# `len` is asked of lists only, `length` of texts; parsed they would be one.
_LIST_LENGTH = "array_length"
# Moments that Spark has no word for: before and after all that happens.
_ENDS = {"infinity": "9999-12-31 00:00:00", "-infinity": "0001-01-01 00:00:00"}


def parsed(sql: str) -> exp.Expr:
    """The query as a tree, in which names are as Spark can have them."""
    dialect = Dialect.get_or_raise("duckdb")
    tokens = dialect.tokenize(sql)
    words = [
        token.text.lower() == "len" and following.text == "("
        for token, following in zip(tokens, [*tokens[1:], tokens[-1]], strict=True)
    ]
    pieces, at = [], 0
    for token, is_length in zip(tokens, words, strict=True):
        if is_length:
            pieces += [sql[at : token.start], _LIST_LENGTH]
            at = token.end + 1
    tree = sqlglot.parse_one("".join([*pieces, sql[at:]]), read="duckdb")
    _forget_catalogues(tree)
    _forget_materialized(tree)
    _name_apart(tree)
    _inline_windows(tree)
    _name_ends(tree)
    _keep_keys(tree)
    return tree


def _forget_catalogues(tree: exp.Expr) -> None:
    """A warehouse's name is a file's or a lake's; in Spark a table is named by schema and name."""
    for table in tree.find_all(exp.Table):
        if table.catalog:
            table.set("catalog", None)


def _forget_materialized(tree: exp.Expr) -> None:
    for cte in tree.find_all(exp.CTE):
        cte.set("materialized", None)


def _name_apart(tree: exp.Expr) -> None:
    """Queries that are named within others get names of their own: all end at the top."""
    number = count(1)
    for with_ in list(tree.find_all(exp.With)):
        if with_.parent is None or with_.parent is tree:
            continue
        names = {cte.alias: f"{cte.alias}_{next(number)}" for cte in with_.expressions}
        for cte in with_.expressions:
            cte.args["alias"].set("this", exp.to_identifier(names[cte.alias]))
        for table in list(with_.parent.find_all(exp.Table)):
            if not table.db and table.name in names:
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
                table.set("this", exp.to_identifier(names[table.name]))


def _inline_windows(tree: exp.Expr) -> None:
    """`over w` and `over (w order by …)`: what is said of w is said there."""
    for select in tree.find_all(exp.Select):
        named = {w.name: w for w in select.args.get("windows") or []}
        if not named:
            continue
        for window in select.find_all(exp.Window):
            if window.args.get("alias") and window.alias in named:
                told = named[window.alias]
                window.set("alias", None)
                for part in ("partition_by", "order", "spec"):
                    if not window.args.get(part) and told.args.get(part):
                        value = told.args[part]
                        copied = (
                            [v.copy() for v in value] if isinstance(value, list) else value.copy()
                        )
                        window.set(part, copied)
        select.set("windows", None)


def _name_ends(tree: exp.Expr) -> None:
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_string and literal.this in _ENDS:
            literal.replace(exp.cast(exp.Literal.string(_ENDS[literal.this]), "timestamptz"))


def _keep_keys(tree: exp.Expr) -> None:
    """The keys of a struct are texts, in the case that they are written in."""
    for pair in tree.find_all(exp.PropertyEQ):
        if isinstance(pair.this, exp.Identifier):
            pair.this.set("quoted", True)
            pair.this.meta["case_sensitive"] = True
