"""Rules for dates and moments. The session's time zone is UTC; Spark's TIMESTAMP is a moment."""

from __future__ import annotations

import re

from sqlglot import exp

from pipelines.spark.pieces import DATES, MOMENTS, TEXTS, call, is_of, text

_PATTERNS = {
    "Y": "yyyy", "m": "MM", "d": "dd", "H": "HH", "M": "mm", "S": "ss", "B": "MMMM", "b": "MMM",
    "-d": "d", "-m": "M", "y": "yy", "A": "EEEE", "a": "EEE",
}  # fmt: skip
_SPANS = {
    "to_years": 0, "to_months": 1, "to_weeks": 2, "to_days": 3, "to_hours": 4, "to_minutes": 5,
    "to_seconds": 6,
}  # fmt: skip


def days_between(node: exp.Expr) -> exp.Expr:
    """A date less a date is a number of days."""
    if isinstance(node, exp.Sub) and is_of(node.this, DATES) and is_of(node.expression, DATES):
        made = call("datediff", node.this.copy(), node.expression.copy())
        made.type = exp.DataType.build("bigint")
        return made
    return node


def span(node: exp.Expr) -> exp.Expr:
    """`to_weeks(n)` and the like."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() not in _SPANS:
        return node
    parts: list[exp.Expr] = [exp.Literal.number(0) for _ in range(7)]
    parts[_SPANS[node.name.lower()]] = node.expressions[0].copy()
    return call("make_interval", *parts)


def zone(node: exp.Expr) -> exp.Expr:
    """`timezone(zone, x)`: what a clock there shows at a moment; the moment when it shows that."""
    name, value = _zoned(node)
    if name is None or value is None:
        return node
    there = "from_utc_timestamp" if is_of(value, MOMENTS) else "to_utc_timestamp"
    made = call(there, value.copy(), name.copy())
    made.type = exp.DataType.build("timestamp" if is_of(value, MOMENTS) else "timestamptz")
    return made


def formatted(node: exp.Expr) -> exp.Expr:
    """`strftime` by a pattern that is written out; Spark knows no ISO week in patterns."""
    if not isinstance(node, exp.TimeToStr) or not isinstance(node.args.get("format"), exp.Literal):
        return node
    parts = []
    for directive, plain in re.findall(r"%(-?[A-Za-z%])|([^%]+)", _pattern(node)):
        parts.append(text(plain) if plain else _part(node.this, directive))
    return parts[0] if len(parts) == 1 else call("concat", *parts)


def week_parsed(node: exp.Expr) -> exp.Expr:
    """`strptime(week || '-1', '%G-W%V-%u')`: the day of an ISO week."""
    if not isinstance(node, exp.StrToTime) or _pattern(node) != "%G-W%V-%u":
        return node
    value = node.this
    year = exp.cast(call("substring", value.copy(), 1, 4), "int")
    week = exp.cast(call("substring", value.copy(), 7, 2), "int")
    day = exp.cast(call("substring", value.copy(), 10, 1), "int")
    fourth = call("make_date", year, 1, 4)
    monday = exp.cast(call("date_trunc", "week", fourth), "date")
    days = exp.Add(
        this=exp.Mul(
            this=exp.Paren(this=exp.Sub(this=week, expression=exp.Literal.number(1))),
            expression=exp.Literal.number(7),
        ),
        expression=exp.Sub(this=day, expression=exp.Literal.number(1)),
    )
    return call("date_add", monday, days)


def weekday(node: exp.Expr) -> exp.Expr:
    """`isodow`: Monday is 1."""
    if isinstance(node, exp.DayOfWeekIso):
        monday_0 = call("weekday", node.this.copy())
        return exp.Paren(this=exp.Add(this=monday_0, expression=exp.Literal.number(1)))
    return node


def moment_as_text(node: exp.Expr) -> exp.Expr:
    """A moment as text tells its offset."""
    if (
        isinstance(node, (exp.Cast, exp.TryCast))
        and node.to.this in TEXTS
        and is_of(node.this, MOMENTS)
    ):
        return call("concat", exp.cast(node.this.copy(), "string"), text("+00"))
    return node


def _pattern(node: exp.Expr) -> str:
    """The pattern as DuckDB has it."""
    return str(node.args["format"].this)


def _part(value: exp.Expr, directive: str) -> exp.Expr:
    if directive == "G":
        return exp.cast(_extract("yearofweek", value), "string")
    if directive == "V":
        return call("lpad", exp.cast(_extract("week", value), "string"), 2, "0")
    if directive not in _PATTERNS:
        raise ValueError(f"%{directive} of strftime is not translated")
    return call("date_format", value.copy(), _PATTERNS[directive])


def _extract(part: str, value: exp.Expr) -> exp.Expr:
    return call("date_part", part, value.copy())


def _zoned(node: exp.Expr) -> tuple[exp.Expr | None, exp.Expr | None]:
    if isinstance(node, exp.Anonymous) and node.name.lower() == "timezone":
        return node.expressions[0], node.expressions[1]
    if isinstance(node, exp.AtTimeZone):
        return node.args["zone"], node.this
    return None, None


RULES = (days_between, span, zone, formatted, week_parsed, weekday, moment_as_text)
