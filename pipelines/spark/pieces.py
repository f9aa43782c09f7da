"""Pieces of Spark's SQL that the rules are made of."""

from __future__ import annotations

from collections.abc import Container

from sqlglot import exp

_KINDS = exp.DataType.Type
DATES = frozenset({_KINDS.DATE})
WHOLE = frozenset({_KINDS.INT, _KINDS.BIGINT, _KINDS.SMALLINT, _KINDS.TINYINT, _KINDS.INT128})
BROKEN = frozenset({_KINDS.DECIMAL, _KINDS.DOUBLE, _KINDS.FLOAT, _KINDS.BIGDECIMAL})
MOMENTS = frozenset({_KINDS.TIMESTAMPTZ, _KINDS.TIMESTAMPLTZ})
TEXTS = frozenset({_KINDS.VARCHAR, _KINDS.TEXT, _KINDS.CHAR, _KINDS.JSON})
LISTS = frozenset({_KINDS.ARRAY, _KINDS.LIST})


def call(name: str, *arguments: exp.Expr | str | int) -> exp.Anonymous:
    """A call of one of Spark's functions, whatever sqlglot knows of it."""
    return exp.Anonymous(this=name, expressions=[_term(a) for a in arguments])


def text(value: str) -> exp.Literal:
    """A text as a literal."""
    return exp.Literal.string(value)


def is_null(node: exp.Expr) -> exp.Anonymous:
    """Whether it is null, as one term, whatever it is made of."""
    return call("isnull", node.copy())


def is_known(node: exp.Expr) -> exp.Anonymous:
    """Whether it is not null."""
    return call("isnotnull", node.copy())


def is_of(node: exp.Expr | None, kinds: Container[exp.DType]) -> bool:
    """Is the node known to be of one of these types?"""
    return node is not None and node.type is not None and node.type.this in kinds


def _term(value: exp.Expr | str | int) -> exp.Expr:
    if isinstance(value, exp.Expr):
        return value
    return text(value) if isinstance(value, str) else exp.Literal.number(value)
