"""Rules for whole queries: unions by name, rows beside the last one before them, lists as rows."""

from __future__ import annotations

from sqlglot import exp

from pipelines.spark.pieces import call


def union_by_name(node: exp.Expr) -> exp.Expr:
    """`union all by name`: Spark goes by position only, so each side gives all columns, in the
    order of their first mention; one that a side lacks is null there."""
    if not isinstance(node, exp.SetOperation) or not node.args.get("by_name"):
        return node
    left, right = node.this, node.expression
    ours, theirs = left.named_selects, right.named_selects
    names = [*ours, *(name for name in theirs if name not in ours)]
    plain = node.copy()
    plain.set("by_name", None)
    plain.set("this", _in_order(left, names))
    plain.set("expression", _in_order(right, names))
    return plain


def as_of_join(node: exp.Expr) -> exp.Expr:
    """`asof left join t on k = k and moment >= t.moment`: a lateral query for the last row."""
    if not isinstance(node, exp.Join) or node.args.get("method") != "ASOF":
        return node
    table = node.this
    bound = next(c for c in node.args["on"].find_all(exp.GTE) if _is_column_of(c.expression, table))
    last = (
        exp.select("*")
        .from_(table.copy())
        .where(node.args["on"].copy())
        .order_by(exp.Ordered(this=bound.expression.copy(), desc=True, nulls_first=False))
        .limit(1)
    )
    lateral = exp.Lateral(
        this=last.subquery(), alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
    )
    return exp.Join(this=lateral, side=node.side, on=exp.true())


def rows_of_list(node: exp.Expr) -> exp.Expr:
    """`select unnest(list), generate_subscripts(list, 1)`: a lateral view with positions.

    Raises ValueError where two lists are unnested at once, or beside a window function.
    """
    if not isinstance(node, exp.Select):
        return node
    made = [e for p in node.expressions for e in p.find_all(exp.Explode) if _select_of(e) is node]
    if not made:
        return node
    wanted = {e.this.sql() for e in made}
    if len(wanted) > 1 or any(p.find(exp.Window) for p in node.expressions):
        raise ValueError("unnest of two lists, or beside a window function, is not translated")
    outer = node.copy()
    source = made[0].this.copy()
    if _is_aggregated(node):
        outer = _over(outer)
        source = exp.column("listed_")
    for item in list(outer.find_all(exp.Explode)):
        if _select_of(item) is outer:
            item.replace(exp.column("item_", table="rows_"))
    for place in list(outer.find_all(exp.Anonymous)):
        if place.name.lower() == "generate_subscripts" and _select_of(place) is outer:
            one = exp.Literal.number(1)
            place.replace(exp.Add(this=exp.column("place_", table="rows_"), expression=one))
    outer.append(
        "laterals",
        exp.Lateral(
            this=call("posexplode", source),
            view=True,
            alias=exp.TableAlias(
                this=exp.to_identifier("rows_"),
                columns=[exp.to_identifier("place_"), exp.to_identifier("item_")],
            ),
        ),
    )
    return outer


def qualified_rows(node: exp.Expr) -> exp.Expr:
    """`qualify`: the condition is a column of a query within."""
    if not isinstance(node, exp.Select) or not node.args.get("qualify"):
        return node
    inner = node.copy()
    condition = inner.args.pop("qualify").this
    outer = exp.select(*(exp.column(name) for name in inner.named_selects))
    for part in ("order", "limit", "distinct", "with_"):
        if inner.args.get(part):
            outer.set(part, inner.args.pop(part))
    inner.append("expressions", exp.alias_(condition, "is_kept_"))
    return outer.from_(inner.subquery("ranked_")).where(exp.column("is_kept_"))


def exists_as_value(node: exp.Expr) -> exp.Expr:
    """`flag = exists (…)`: Spark wants it in brackets."""
    is_value = isinstance(node.parent, exp.Binary) and not isinstance(node.parent, exp.Connector)
    return exp.Paren(this=node.copy()) if isinstance(node, exp.Exists) and is_value else node


def tuple_in_query(node: exp.Expr) -> exp.Expr:
    """`(a, b) in (select (a, b) from …)`: columns instead of one struct."""
    if not isinstance(node, exp.In) or not isinstance(node.this, exp.Tuple):
        return node
    query = node.args.get("query")
    select = query.this if isinstance(query, exp.Subquery) else query
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        return node
    packed = select.expressions[0].unalias()
    if not isinstance(packed, (exp.Tuple, exp.Struct)):
        return node
    new = node.copy()
    inner = new.args["query"]
    inner = inner.this if isinstance(inner, exp.Subquery) else inner
    inner.set("expressions", [e.copy() for e in packed.expressions])
    return new


def _in_order(query: exp.Query, names: list[str]) -> exp.Expr:
    ours = query.named_selects
    if ours == names:
        return query.copy()
    columns = [
        exp.column(n, table="side_") if n in ours else exp.alias_(exp.null(), n) for n in names
    ]
    return exp.select(*columns).from_(query.copy().subquery("side_"))


def _is_column_of(node: exp.Expr, table: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.table == table.alias_or_name


def _select_of(node: exp.Expr) -> exp.Expr | None:
    return node.find_ancestor(exp.Select)


def _is_aggregated(select: exp.Select) -> bool:
    return bool(select.args.get("group")) or any(
        a for p in select.expressions for a in p.find_all(exp.AggFunc) if _select_of(a) is select
    )


def _over(select: exp.Select) -> exp.Select:
    """This grouped select one level down, with its list as a column of its own."""
    inner = select.copy()
    outer_columns, inner_columns = [], []
    for projection in inner.expressions:
        if any(_select_of(e) is inner for e in projection.find_all(exp.Explode)):
            lists = [e.this.copy() for e in projection.find_all(exp.Explode)]
            inner_columns.append(exp.alias_(lists[0], "listed_"))
            outer_columns.append(projection.copy())
        else:
            inner_columns.append(projection.copy())
            outer_columns.append(exp.column(projection.alias_or_name))
    inner.set("expressions", inner_columns)
    with_ = inner.args.pop("with_", None)
    outer = exp.select(*outer_columns).from_(inner.subquery("grouped_"))
    if with_:
        outer.set("with_", with_)
    return outer


RULES = (union_by_name, qualified_rows, as_of_join, rows_of_list, exists_as_value, tuple_in_query)
