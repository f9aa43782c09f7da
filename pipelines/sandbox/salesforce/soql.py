"""SOQL as a syntax tree: a tokenizer and a recursive-descent parser (SOQL and SOSL Reference).

What is parsed here is only the form; whether a field exists is the selection's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.sandbox.salesforce.refusals import Refusal, malformed_query

MOST_CHARACTERS = 100_000
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<moment>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))
    | (?P<date>\d{4}-\d{2}-\d{2})
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign><=|>=|!=|<>|[=<>(),:])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
AGGREGATES = frozenset({"count", "count_distinct", "sum", "avg", "min", "max"})
DATE_PARTS = frozenset(
    {"calendar_year", "calendar_month", "calendar_quarter", "day_in_month", "day_only",
     "fiscal_year", "fiscal_quarter", "fiscal_month", "hour_in_day", "day_in_week",
     "day_in_year", "week_in_year", "week_in_month"}
)  # fmt: skip
_AFTER_FROM = frozenset(
    {"where", "order", "limit", "offset", "group", "having", "using", "for", "with", "all"}
)


@dataclass(frozen=True)
class Column:
    """A field by its path (`Owner.Name` is two steps), with an alias in aggregate queries."""

    path: tuple[str, ...]
    alias: str | None = None

    @property
    def text(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Call:
    """A function of one field: an aggregate, a date part, or FIELDS(...)."""

    name: str
    path: tuple[str, ...]
    alias: str | None = None


@dataclass(frozen=True)
class SubQuery:
    """A query over children, in the select list."""

    query: Query


@dataclass(frozen=True)
class Literal:
    """A value; `kind` is string, number, boolean, null, date, moment or period."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Compare:
    """One condition. `right` is a literal, a tuple of them (IN, NOT IN), or a query (semi-join)."""

    left: Column | Call
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

    by: Column | Call
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A whole statement. `count_only` is SELECT COUNT() without a field."""

    select: tuple[Column | Call | SubQuery, ...]
    source: str
    alias: str | None = None
    where: Condition | None = None
    group_by: tuple[Column | Call, ...] = ()
    having: Condition | None = None
    order_by: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False
    count_only: bool = False


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(statement: str) -> Query:
    """The statement as a tree. Raises `Refusal` MALFORMED_QUERY with the vendor's words."""
    if len(statement) > MOST_CHARACTERS:
        raise malformed_query("SOQL statements cannot be longer than 100000 characters.")
    reader = _Reader(_tokens(statement))
    query = reader.query()
    if not reader.ended:
        raise reader.unexpected()
    return query


def _tokens(statement: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    end = len(statement.rstrip())
    while position < end:
        match = _TOKEN.match(statement, position)
        if match is None or match.lastgroup is None:
            raise malformed_query(f"unexpected token: '{statement[position:].strip()[:20]}'")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return found


class _Reader:
    """Reads tokens from left to right; every method consumes what it names."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    # ---- tokens

    @property
    def ended(self) -> bool:
        return self._at >= len(self._tokens)

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _is(self, *words: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token is not None and token.kind in ("name", "sign") and token.text.lower() in words

    def _take(self) -> _Token:
        token = self._peek()
        if token is None:
            raise malformed_query("unexpected token: '<EOF>'")
        self._at += 1
        return token

    def _accept(self, *words: str) -> bool:
        if self._is(*words):
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self.unexpected()

    def _name(self) -> str:
        token = self._peek()
        if token is None or token.kind != "name":
            raise self.unexpected()
        return self._take().text

    def _whole(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise malformed_query(f"unexpected token: '{token.text}'")
        return int(token.text)

    def unexpected(self) -> Refusal:
        token = self._peek()
        return malformed_query(f"unexpected token: '{token.text if token else '<EOF>'}'")

    # ---- statement

    def query(self) -> Query:
        self._expect("select")
        select, count_only = self._select_list()
        self._expect("from")
        source = self._name()
        alias = self._source_alias()
        if self._accept("using"):
            self._expect("scope")
            self._name()
        where = self._condition() if self._accept("where") else None
        while self._accept("with"):
            self._name()
        group_by = self._group_by()
        having = self._condition() if self._accept("having") else None
        order_by = self._order_by()
        limit = self._whole() if self._accept("limit") else None
        offset = self._whole() if self._accept("offset") else 0
        all_rows = self._all_rows()
        self._for_clause()
        return Query(select, source, alias, where, group_by, having, order_by, limit, offset,
                     all_rows, count_only)  # fmt: skip

    def _source_alias(self) -> str | None:
        self._accept("as")
        token = self._peek()
        if token and token.kind == "name" and token.text.lower() not in _AFTER_FROM:
            return self._take().text
        return None

    def _all_rows(self) -> bool:
        if self._accept("all"):
            self._expect("rows")
            return True
        return False

    def _for_clause(self) -> None:
        while self._accept("for"):
            if not self._accept("view", "reference", "update"):
                raise self.unexpected()

    # ---- select list

    def _select_list(self) -> tuple[tuple[Column | Call | SubQuery, ...], bool]:
        if self._is("count") and self._is("(", ahead=1) and self._is(")", ahead=2):
            self._at += 3
            return (), True
        items = [self._select_item()]
        while self._accept(","):
            items.append(self._select_item())
        return tuple(items), False

    def _select_item(self) -> Column | Call | SubQuery:
        if self._accept("("):
            inner = self.query()
            self._expect(")")
            return SubQuery(inner)
        found = self._operand()
        token = self._peek()
        if token and token.kind == "name" and token.text.lower() != "from":
            alias = self._take().text
            if isinstance(found, Call):
                return Call(found.name, found.path, alias)
            return Column(found.path, alias)
        return found

    def _operand(self) -> Column | Call:
        name = self._name()
        if not self._accept("("):
            return Column(tuple(name.split(".")))
        lower = name.lower()
        if lower in ("convertcurrency", "tolabel", "format", "converttimezone", *AGGREGATES,
                     *DATE_PARTS, "fields"):  # fmt: skip
            inner = self._operand()
            self._expect(")")
            return Call(lower, inner.path)
        raise malformed_query(f"unexpected token: '{name}'")

    # ---- conditions

    def _condition(self) -> Condition:
        first = self._negated()
        joint = next((word for word in ("and", "or") if self._is(word)), None)
        if joint is None:
            return first
        parts = [first]
        while self._accept(joint):
            parts.append(self._negated())
        if self._is("and", "or"):
            raise self.unexpected()
        return Both(joint, tuple(parts))

    def _negated(self) -> Condition:
        if self._accept("not"):
            return Not(self._negated())
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self._operand()
        operator = self._operator()
        if operator in ("in", "not in"):
            return Compare(left, operator, self._set())
        if operator in ("includes", "excludes"):
            return Compare(left, operator, self._list())
        return Compare(left, operator, self._literal())

    def _operator(self) -> str:
        if self._accept("not"):
            self._expect("in")
            return "not in"
        token = self._take()
        word = {"<>": "!="}.get(token.text.lower(), token.text.lower())
        if word in ("=", "!=", "<", "<=", ">", ">=", "like", "in", "includes", "excludes"):
            return word
        raise malformed_query(f"unexpected token: '{token.text}'")

    def _set(self) -> tuple[Literal, ...] | Query:
        if self._is("(") and self._is("select", ahead=1):
            self._take()
            inner = self.query()
            self._expect(")")
            return inner
        return self._list()

    def _list(self) -> tuple[Literal, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind == "string":
            return Literal("string", _unescaped(token.text[1:-1]))
        if token.kind == "number":
            return Literal("number", Decimal(token.text))
        if token.kind in ("date", "moment"):
            return Literal(token.kind, token.text)
        if token.kind == "name":
            return self._word(token)
        raise malformed_query(f"unexpected token: '{token.text}'")

    def _word(self, token: _Token) -> Literal:
        lower = token.text.lower()
        if lower in ("true", "false"):
            return Literal("boolean", lower == "true")
        if lower == "null":
            return Literal("null", None)
        if self._accept(":"):
            return Literal("period", (lower, self._whole()))
        return Literal("period", (lower, None))

    # ---- the rest

    def _group_by(self) -> tuple[Column | Call, ...]:
        if not self._accept("group"):
            return ()
        self._expect("by")
        keys = [self._operand()]
        while self._accept(","):
            keys.append(self._operand())
        return tuple(keys)

    def _order_by(self) -> tuple[Sort, ...]:
        if not self._accept("order"):
            return ()
        self._expect("by")
        keys = [self._sort()]
        while self._accept(","):
            keys.append(self._sort())
        return tuple(keys)

    def _sort(self) -> Sort:
        by = self._operand()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        nulls_last = False
        if self._accept("nulls"):
            nulls_last = self._accept("last")
            if not nulls_last:
                self._expect("first")
        return Sort(by, descending, nulls_last)


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        follower = match[1]
        return _ESCAPES.get(follower.lower(), follower)

    return re.sub(r"\\(.)", plain, text, flags=re.DOTALL)
