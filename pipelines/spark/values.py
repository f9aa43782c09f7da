"""Rules for values: division, whole numbers, comparison with null."""

from __future__ import annotations

from sqlglot import exp

from pipelines.spark.pieces import BROKEN, WHOLE, call, is_of

_KINDS = exp.DataType.Type


def divided(node: exp.Expr) -> exp.Expr:
    """`/` divides in double precision whatever its sides are."""
    if not isinstance(node, exp.Div):
        return node
    return exp.Div(
        this=exp.cast(node.this.copy(), "double"),
        expression=exp.cast(node.expression.copy(), "double"),
        typed=False,
        safe=False,
    )


def whole(node: exp.Expr) -> exp.Expr:
    """A cast to a whole number rounds; a number of 128 bits has 38 digits."""
    if not isinstance(node, (exp.Cast, exp.TryCast)) or node.to.this not in WHOLE:
        return node
    new = node.copy()
    if node.to.this == _KINDS.INT128:
        new.set("to", exp.DataType.build("decimal(38, 0)"))
        return new
    if is_of(node.this, BROKEN):
        new.set("this", call("round", node.this.copy()))
        return new
    return node


def same(node: exp.Expr) -> exp.Expr:
    """`is not distinct from`."""
    if isinstance(node, exp.NullSafeEQ):
        return call("equal_null", node.this.copy(), node.expression.copy())
    if isinstance(node, exp.NullSafeNEQ):
        return exp.Not(this=call("equal_null", node.this.copy(), node.expression.copy()))
    return node


RULES = (divided, whole, same)
