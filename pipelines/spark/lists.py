"""Rules for lists: how long, which item, what null in them means."""

from __future__ import annotations

from sqlglot import exp

from pipelines.spark.pieces import LISTS, TEXTS, call, is_of


def length(node: exp.Expr) -> exp.Expr:
    """`len` of a list."""
    if isinstance(node, exp.ArraySize):
        return _counted(node.this)
    return node


def item(node: exp.Expr) -> exp.Expr:
    """`list[n]` from 1, from the end below 0, null beyond the end; `list[:n]` is the beginning."""
    if not isinstance(node, exp.Bracket) or len(node.expressions) != 1:
        return node
    place = node.expressions[0]
    if isinstance(place, exp.Slice):
        return _slice(node, place)
    if is_of(node.this, TEXTS):
        return call("substring", node.this.copy(), _from_one(node, place), 1)
    if is_of(node.this, LISTS) or not isinstance(place, exp.Literal) or not place.is_string:
        return call("try_element_at", node.this.copy(), _from_one(node, place))
    return node


def contains(node: exp.Expr) -> exp.Expr:
    """Nulls in a list hide nothing."""
    if isinstance(node, exp.ArrayContains):
        return call("array_contains", _known(node.this), node.expression.copy())
    if isinstance(node, exp.ArrayOverlaps):
        return call("arrays_overlap", _known(node.this), _known(node.expression))
    return node


def distinct(node: exp.Expr) -> exp.Expr:
    """Nulls are left out; in DuckDB the order is any."""
    if isinstance(node, exp.ArrayDistinct):
        return call("array_distinct", _known(node.this))
    return node


def flattened(node: exp.Expr) -> exp.Expr:
    """Lists that are null are left out."""
    if isinstance(node, exp.Flatten):
        return call("flatten", _known(node.this))
    return node


def part(node: exp.Expr) -> exp.Expr:
    """`list_slice(list, first, last)`, both from 1."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "list_slice":
        return node
    of, first, last = node.expressions
    size = exp.Add(
        this=exp.Sub(this=exp.Paren(this=last.copy()), expression=exp.Paren(this=first.copy())),
        expression=exp.Literal.number(1),
    )
    return call("slice", of.copy(), first.copy(), call("greatest", 0, size))


def folded(node: exp.Expr) -> exp.Expr:
    """`list_reduce(list, lambda so_far, next: …)` begins with the first item."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "list_reduce":
        return node
    of, step = node.expressions
    rest = call("slice", of.copy(), 2, call("size", of.copy()))
    return call("aggregate", rest, call("try_element_at", of.copy(), 1), step.copy())


def summed(node: exp.Expr) -> exp.Expr:
    """`list_sum`: null for a list of nothing, nulls left out."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "list_sum":
        return node
    known = _known(node.expressions[0])
    first = call("try_element_at", known.copy(), 1)
    zero = exp.Sub(this=first.copy(), expression=first.copy())
    adding = exp.Lambda(
        this=exp.Add(this=exp.to_identifier("total_"), expression=exp.to_identifier("one_")),
        expressions=[exp.to_identifier("total_"), exp.to_identifier("one_")],
    )
    return call("aggregate", known, zero, adding)


def _known(node: exp.Expr) -> exp.Expr:
    return call("array_compact", node.copy())


def _counted(node: exp.Expr) -> exp.Expr:
    made = call("size", node.copy())
    made.type = exp.DataType.build("bigint")
    return made


def _from_one(node: exp.Bracket, place: exp.Expr) -> exp.Expr:
    """sqlglot counts from 0 where a number is written out."""
    offset = 1 - int(node.args.get("offset") or 0)
    if offset and isinstance(place, exp.Literal) and not place.is_string:
        return exp.Literal.number(int(place.this) + offset)
    if offset and isinstance(place, exp.Neg) and isinstance(place.this, exp.Literal):
        return exp.Literal.number(offset - int(place.this.this))
    return place.copy()


def _slice(node: exp.Bracket, place: exp.Slice) -> exp.Expr:
    begin = place.this.copy() if place.this is not None else exp.Literal.number(1)
    if is_of(node.this, TEXTS):
        raise ValueError(f"a slice of a text is not translated: {node.sql()}")
    if place.expression is None:
        return call("slice", node.this.copy(), begin, _counted(node.this))
    end = place.expression.copy()
    size = call(
        "greatest",
        0,
        exp.Add(
            this=exp.Sub(this=exp.Paren(this=end), expression=exp.Paren(this=begin.copy())),
            expression=exp.Literal.number(1),
        ),
    )
    return call("slice", node.this.copy(), begin, size)


RULES = (length, item, contains, distinct, flattened, part, folded, summed)
