"""A recursive-descent parser (SOQL and SOSL Reference, "SOQL SELECT Syntax").

What is parsed here is only the form; whether a field exists is the business of `names`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache

from pipelines.sandbox.salesforce.refusals import malformed_query
from pipelines.sandbox.salesforce.soql.reader import Reader
from pipelines.sandbox.salesforce.soql.refused import malformed
from pipelines.sandbox.salesforce.soql.tree import (
    Both,
    Branch,
    Call,
    Column,
    Compare,
    Condition,
    Distance,
    FieldGroup,
    Grouping,
    Literal,
    Not,
    Operand,
    Query,
    Selected,
    Sort,
    SubQuery,
    TypeOf,
)

MOST_CHARACTERS = 100_000
_REMEMBERED_LENGTH = 16_384
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", "like", "in", "includes", "excludes"})
_AFTER_FROM = frozenset(
    {"where", "order", "limit", "offset", "group", "having", "using", "for", "with", "all"}
)
_MODES = frozenset({"security_enforced", "user_mode", "system_mode"})


def parse(statement: str) -> Query:
    """The statement as a tree; the same text is parsed once.

    Raises:
        Refusal: MALFORMED_QUERY with the vendor's words.
    """
    if len(statement) > MOST_CHARACTERS:
        raise malformed_query("SOQL statements cannot be longer than 100000 characters.")
    return _remembered(statement) if len(statement) <= _REMEMBERED_LENGTH else _parsed(statement)


@lru_cache(maxsize=512)
def _remembered(statement: str) -> Query:
    return _parsed(statement)


def _parsed(statement: str) -> Query:
    statements = _Statements(statement)
    query = statements.query()
    if not statements.ended:
        statements.unexpected()
    return query


class _Conditions(Reader, ABC):
    """WHERE and HAVING."""

    @abstractmethod
    def query(self) -> Query:
        """A whole statement, as a semi-join holds one."""

    def condition(self) -> Condition:
        """Conditions joined by AND or by OR; a mixture needs brackets."""
        first = self._negated()
        joint = self.accept("and", "or")
        if joint is None:
            return first
        parts = [first, self._negated()]
        while self.accept(joint):
            parts.append(self._negated())
        if self.is_next("and", "or"):
            self.unexpected()
        return Both(joint, tuple(parts))

    def _negated(self) -> Condition:
        if self.accept("not"):
            return Not(self._negated())
        if self.accept("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        left = self.operand()
        operator = self._operator()
        if operator in ("in", "not in"):
            return Compare(left, operator, self._set())
        if operator in ("includes", "excludes"):
            return Compare(left, operator, self._list())
        return Compare(left, operator, self.literal())

    def _operator(self) -> str:
        if self.accept("not"):
            self.expect("in")
            return "not in"
        word = self.accept("<>", *_OPERATORS) or self.unexpected()
        return "!=" if word == "<>" else word

    def _set(self) -> tuple[Literal, ...] | Query:
        if self.is_next("(") and self.is_next("select", ahead=1):
            self.take()
            inner = self.query()
            self.expect(")")
            return inner
        return self._list()

    def _list(self) -> tuple[Literal, ...]:
        self.expect("(")
        values = [self.literal()]
        while self.accept(","):
            values.append(self.literal())
        self.expect(")")
        return tuple(values)


class _Statements(_Conditions):
    """SELECT and its clauses."""

    def query(self) -> Query:
        self.expect("select")
        select, count_only = self._select_list()
        self.expect("from")
        at, source, alias = self.place, self.name(), self._alias()
        relations = self._relations()
        scope = self._scope()
        where = self.condition() if self.accept("where") else None
        self._with()
        grouping = self._group_by()
        having = self._having(grouping)
        order_by = self._order_by()
        limit = self.whole() if self.accept("limit") else None
        offset = self.whole() if self.accept("offset") else 0
        self._closing()
        return Query(select, source, at, alias, relations, scope, where, grouping, having,
                     order_by, limit, offset, count_only)  # fmt: skip

    def _alias(self) -> str | None:
        if self.accept("as"):
            return self.name()
        token = self.peek()
        if token and token.kind == "name" and token.text.lower() not in _AFTER_FROM:
            return self.take().text
        return None

    def _relations(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """`FROM Contact c, c.Account a`: names for parents."""
        found = []
        while self.accept(","):
            path = tuple(self.name().split("."))
            found.append((self._alias() or path[-1], path))
        return tuple(found)

    def _scope(self) -> str | None:
        if not self.accept("using"):
            return None
        self.expect("scope")
        return self.name()

    def _with(self) -> None:
        """The modes say whose rights count: the user of the sandbox has all."""
        while self.accept("with"):
            at = self.place
            word = self.name().lower()
            if word not in _MODES:
                raise malformed(
                    self.statement, at,
                    "The sandbox has no data categories and no record visibility contexts: "
                    f"WITH {word.upper()} is not served.",
                )  # fmt: skip

    def _closing(self) -> None:
        """FOR VIEW, FOR REFERENCE, FOR UPDATE; ALL ROWS belongs to Apex."""
        while self.accept("for"):
            self.expect("view", "reference", "update")
        if self.is_next("all") and self.is_next("rows", ahead=1):
            raise malformed(self.statement, self.place, "ALL ROWS not allowed in this context")

    # ---- select list

    def _select_list(self) -> tuple[tuple[Selected, ...], bool]:
        if self.is_next("count") and self.is_next("(", ahead=1) and self.is_next(")", ahead=2):
            self.skip(3)
            return (), True
        items = [self._selected()]
        while self.accept(","):
            items.append(self._selected())
        return tuple(items), False

    def _selected(self) -> Selected:
        if self.accept("("):
            inner = self.query()
            self.expect(")")
            return SubQuery(inner)
        if self.is_next("typeof") and not self.is_next(",", "from", ahead=1):
            return self._type_of()
        if self.is_next("fields") and self.is_next("(", ahead=1):
            return self._field_group()
        found = self.operand()
        alias = None if self.is_next("from") else self._field_alias()
        if isinstance(found, Column):
            return Column(found.path, alias, found.at)
        if isinstance(found, Call):
            return Call(found.name, found.argument, alias, found.at)
        raise malformed(
            self.statement, found.at,
            "DISTANCE is only supported in WHERE and ORDER BY clauses",
        )  # fmt: skip

    def _field_alias(self) -> str | None:
        token = self.peek()
        is_name = token is not None and token.kind == "name" and "." not in token.text
        return self.take().text if is_name else None

    def _field_group(self) -> FieldGroup:
        at = self.place
        self.skip(2)
        name = self.expect("all", "standard", "custom")
        self.expect(")")
        return FieldGroup(name, at)

    def _type_of(self) -> TypeOf:
        self.expect("typeof")
        relationship = self.column()
        branches = []
        while self.accept("when"):
            at, source = self.place, self.name()
            self.expect("then")
            branches.append(Branch(source, self._columns(), at))
        if not branches:
            self.unexpected()
        otherwise = self._columns() if self.accept("else") else ()
        self.expect("end")
        return TypeOf(relationship, tuple(branches), otherwise)

    def _columns(self) -> tuple[Column, ...]:
        found = [self.column()]
        while self.accept(","):
            found.append(self.column())
        return tuple(found)

    # ---- groups and order

    def _group_by(self) -> Grouping | None:
        if not self.accept("group"):
            return None
        self.expect("by")
        subtotals = ""
        if self.is_next("rollup", "cube") and self.is_next("(", ahead=1):
            subtotals = self.expect("rollup", "cube")
            self.skip(1)
        keys = [self._group_key()]
        while self.accept(","):
            keys.append(self._group_key())
        if subtotals:
            self.expect(")")
        return Grouping(tuple(keys), subtotals)

    def _group_key(self) -> Column | Call:
        found = self.operand()
        if isinstance(found, Distance):
            raise malformed(self.statement, found.at, "DISTANCE can not be grouped")
        return found

    def _having(self, grouping: Grouping | None) -> Condition | None:
        if grouping is None and self.is_next("having"):
            self.unexpected()
        return self.condition() if self.accept("having") else None

    def _order_by(self) -> tuple[Sort, ...]:
        if not self.accept("order"):
            return ()
        self.expect("by")
        keys = [self._sort()]
        while self.accept(","):
            keys.append(self._sort())
        return tuple(keys)

    def _sort(self) -> Sort:
        by: Operand = self.operand()
        descending = self.accept("asc", "desc") == "desc"
        nulls = self.expect("first", "last") if self.accept("nulls") else "first"
        return Sort(by, descending, nulls == "last")
