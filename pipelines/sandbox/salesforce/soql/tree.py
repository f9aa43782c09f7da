"""The syntax tree of a statement. `at` is where in its text a part begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AGGREGATES = frozenset({"count", "count_distinct", "sum", "avg", "min", "max"})
DATE_PARTS = frozenset(
    {"calendar_year", "calendar_month", "calendar_quarter", "day_in_month", "day_only",
     "fiscal_year", "fiscal_quarter", "fiscal_month", "hour_in_day", "day_in_week",
     "day_in_year", "week_in_year", "week_in_month"}
)  # fmt: skip
SHOWN = frozenset({"tolabel", "format", "convertcurrency"})


@dataclass(frozen=True)
class Column:
    """A field by its path (`Owner.Name` is two steps)."""

    path: tuple[str, ...]
    alias: str | None = None
    at: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """As written."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Call:
    """A function of a field or of another function; COUNT() has no argument."""

    name: str
    argument: Column | Call | None
    alias: str | None = None
    at: int = field(default=0, compare=False)

    @property
    def column(self) -> Column | None:
        """The field in the innermost brackets."""
        return self.argument.column if isinstance(self.argument, Call) else self.argument

    @property
    def text(self) -> str:
        """As written, but for the case of the function."""
        return f"{self.name.upper()}({self.argument.text if self.argument else ''})"


@dataclass(frozen=True)
class Distance:
    """DISTANCE(field, GEOLOCATION(latitude, longitude), 'mi' or 'km')."""

    column: Column
    latitude: Any
    longitude: Any
    unit: str
    at: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """For a message."""
        return f"DISTANCE({self.column.text})"


Operand = Column | Call | Distance


@dataclass(frozen=True)
class FieldGroup:
    """FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Branch:
    """WHEN an object THEN these fields of it."""

    source: str
    columns: tuple[Column, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class TypeOf:
    """TYPEOF a polymorphic relationship: other fields for each kind of parent."""

    relationship: Column
    branches: tuple[Branch, ...]
    otherwise: tuple[Column, ...] = ()


@dataclass(frozen=True)
class SubQuery:
    """A query over children, in the select list."""

    query: Query


Selected = Column | Call | Distance | FieldGroup | TypeOf | SubQuery


@dataclass(frozen=True)
class Literal:
    """A value; `kind` is string, number, boolean, null, date, moment, currency or period.

    Attributes:
        raw: a string between its quotes as written: LIKE reads the escapes itself.
    """

    kind: str
    value: Any
    raw: str = ""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Compare:
    """One condition. `right` is a literal, a tuple of them (IN, NOT IN), or a query (semi-join)."""

    left: Operand
    operator: str
    right: Literal | tuple[Literal, ...] | Query


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    inner: Condition


@dataclass(frozen=True)
class Both:
    """Conditions that are joined by `and` or `or`."""

    joint: str
    parts: tuple[Condition, ...]


Condition = Compare | Not | Both


@dataclass(frozen=True)
class Sort:
    """One key of ORDER BY."""

    by: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Grouping:
    """GROUP BY: the keys, and whether ROLLUP or CUBE adds subtotals ('' for neither)."""

    keys: tuple[Column | Call, ...]
    subtotals: str = ""


@dataclass(frozen=True)
class Query:
    """A whole statement.

    Attributes:
        at: where the object's name stands.
        relations: names that FROM gives to parents (`FROM Contact c, c.Account a`).
        count_only: SELECT COUNT() without a field.
    """

    select: tuple[Selected, ...]
    source: str
    at: int = field(default=0, compare=False)
    alias: str | None = None
    relations: tuple[tuple[str, tuple[str, ...]], ...] = ()
    scope: str | None = None
    where: Condition | None = None
    grouping: Grouping | None = None
    having: Condition | None = None
    order_by: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0
    count_only: bool = False
