"""Rules for aggregates: what DuckDB leaves out or keeps where a value is null, and the order
within."""

from __future__ import annotations

from sqlglot import exp

from pipelines.spark.pieces import BROKEN, WHOLE, call, is_known, is_null, is_of, text


def collected(node: exp.Expr) -> exp.Expr:
    """`list(x order by y)`: Spark's lists have no order within and lose nulls, so structs are
    collected and sorted; of no rows the list is null, as DuckDB has it. `string_agg` is such a list
    of what is known, joined."""
    made = _innermost(node)
    if not isinstance(made, (exp.ArrayAgg, exp.GroupConcat)) or _has_wrapper(node):
        return node
    value, keys, is_distinct = _parts(made)
    fields = [f for key in keys for f in _sortable(key)]
    if is_distinct:
        fields = [is_null(value)]
    packed: exp.Expr = call(
        "named_struct",
        *(x for i, f in enumerate(fields) for x in (f"k{i}", f)),
        "v",
        value.copy(),
    )
    if isinstance(made, exp.GroupConcat):
        packed = exp.Case(ifs=[exp.If(this=is_known(value), true=packed)])
    whole = node.copy()
    gathered = call("collect_set" if is_distinct else "collect_list", packed)
    if node is made:
        whole = gathered
    else:
        _innermost(whole).replace(gathered)
    ordered = call("array_sort", whole.copy()) if keys else whole.copy()
    item = exp.Dot(this=exp.to_identifier("s"), expression=exp.to_identifier("v"))
    values = call("transform", ordered, exp.Lambda(this=item, expressions=[exp.to_identifier("s")]))
    is_empty = exp.EQ(this=call("size", whole), expression=exp.Literal.number(0))
    if isinstance(made, exp.GroupConcat):
        values = call("array_join", values, (made.args.get("separator") or text(",")).copy())
    return exp.If(this=is_empty, true=exp.null(), false=values)


def of_known_only(node: exp.Expr) -> exp.Expr:
    """`arg_max(x, y)` passes over rows whose x is null; Spark's max_by does not. The row that is
    sought is the one with the greatest y among the others."""
    if not isinstance(node, (exp.ArgMax, exp.ArgMin)):
        return node
    value, by = node.this, node.expression
    if isinstance(value, (exp.Literal, exp.Struct)):
        return node
    known = exp.Case(ifs=[exp.If(this=is_known(value), true=by.copy())])
    new = node.copy()
    new.set("expression", known)
    return new


def any_known_value(node: exp.Expr) -> exp.Expr:
    """`any_value(x)` is one that is not null, if there is one."""
    if not isinstance(node, exp.AnyValue):
        return node
    return call("any_value", node.this.copy(), exp.true())


def filtered_in_window(node: exp.Expr) -> exp.Expr:
    """`sum(x) filter (where c) over (…)`: Spark does not filter in a window, so what is left out is
    null."""
    if not isinstance(node, exp.Window) or not isinstance(node.this, exp.Filter):
        return node
    condition = node.this.expression.this
    aggregate = node.this.this.copy()
    argument = aggregate.this
    if argument is None and aggregate.expressions:
        argument = aggregate.expressions[0]
    value = exp.Literal.number(1) if isinstance(argument, exp.Star) else argument.copy()
    if isinstance(aggregate, (exp.ArgMax, exp.ArgMin)):
        argument = aggregate.expression
        value = argument.copy()
    argument.replace(exp.Case(ifs=[exp.If(this=condition.copy(), true=value)]))
    new = node.copy()
    new.set("this", aggregate)
    return new


def counted_apart(node: exp.Expr) -> exp.Expr:
    """`count(distinct x) over (…)`, which Spark does not count in a window."""
    if not isinstance(node, exp.Window) or not isinstance(node.this, exp.Count):
        return node
    apart = node.this.this
    if not isinstance(apart, exp.Distinct) or len(apart.expressions) != 1:
        return node
    new = node.copy()
    new.set("this", call("collect_set", apart.expressions[0].copy()))
    return call("size", new)


def numbered_anyhow(node: exp.Expr) -> exp.Expr:
    """`row_number() over ()`: by all that the row says beside. DuckDB numbers once; Spark does it
    anew for each part of the query that asks, and must come to the same numbers."""
    select = node.find_ancestor(exp.Select)
    if (
        select is None
        or not isinstance(node, exp.Window)
        or not isinstance(node.this, exp.RowNumber)
        or node.args.get("order")
    ):
        return node
    said = [p.unalias().copy() for p in select.expressions if not p.find(exp.Window)]
    new = node.copy()
    ordered = [exp.Ordered(this=one, nulls_first=True) for one in said or [exp.null()]]
    new.set("order", exp.Order(expressions=ordered))
    return new


def middle_value(node: exp.Expr) -> exp.Expr:
    """`quantile_cont` and `quantile_disc`, which sqlglot knows as `percentile_…`."""
    if not isinstance(node, (exp.PercentileCont, exp.PercentileDisc)) or node.expression is None:
        return node
    name = "percentile_cont" if isinstance(node, exp.PercentileCont) else "percentile_disc"
    return exp.WithinGroup(
        this=call(name, node.expression.copy()),
        expression=exp.Order(expressions=[exp.Ordered(this=node.this.copy(), nulls_first=True)]),
    )


def _innermost(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Filter, exp.Window)):
        node = node.this
    return node


def _has_wrapper(node: exp.Expr) -> bool:
    parent = node.parent
    return isinstance(parent, (exp.Filter, exp.Window)) and parent.this is node


def _parts(
    made: exp.Expr,
) -> tuple[exp.Expr, list[exp.Ordered], bool]:
    value, keys = made.this, []
    if isinstance(value, exp.Order):
        keys, value = value.expressions, value.this
    is_distinct = isinstance(value, exp.Distinct)
    return (value.expressions[0] if is_distinct else value), keys, is_distinct


def _sortable(key: exp.Ordered) -> list[exp.Expr]:
    """Two fields by which ascending order is the one that is wanted."""
    value: exp.Expr = key.this.copy()
    if key.args.get("desc"):
        if not is_of(key.this, BROKEN | WHOLE):
            raise ValueError(f"a list in falling order of {key.this.sql()} is not translated")
        value = exp.Neg(this=exp.Paren(this=value))
    return [is_null(key.this), value]


RULES = (
    of_known_only,
    any_known_value,
    middle_value,
    filtered_in_window,
    counted_apart,
    numbered_anyhow,
    collected,
)
