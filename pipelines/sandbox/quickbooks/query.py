"""The query language: what a statement says. (How it is answered: selection.py.)

select * | list | count(*) from Entity [where field op value {and ...}]
[orderby | order by field [asc|desc] {, ...}] [startposition n] [maxresults n]

AND only; no OR, NOT, parentheses or joins (Intuit, "Data queries"). Keywords and names are
case-insensitive; a quote or backslash within a string is escaped with a backslash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from pipelines.sandbox.quickbooks.refusals import query_invalid, query_unparsable

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
OPERATORS = ("=", "!=", "<", ">", "<=", ">=", "like", "in")
RESERVED = {
    "select", "from", "where", "and", "or", "not", "orderby", "order", "by", "asc", "desc",
    "startposition", "maxresults", "like", "in", "count", "null",
}  # fmt: skip

# A keyword may stand right behind a number: "maxresults 10startposition 11" is what Pipedream's
# published components page with.
_TOKEN = re.compile(
    r"""\s+
    | (?P<text>'(?:\\.|[^'\\])*')
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:(?![\w.])|(?=(?:startposition|maxresults|order(?:by)?)\b)))
    | (?P<word>[A-Za-z_][\w.]*)
    | (?P<sign><=|>=|!=|<>|[=<>(),*])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class Token:
    """One word of a statement and where it stands (1-based)."""

    kind: str
    text: str
    column: int


@dataclass(frozen=True)
class Condition:
    """`field operator value`; several values only with IN. Values are text as written."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Ordering:
    """One field of ORDERBY."""

    field: str
    descending: bool


@dataclass(frozen=True)
class Statement:
    """A parsed statement; `count` when it asks only for the number of rows."""

    entity: str
    columns: tuple[str, ...]
    count: bool
    conditions: tuple[Condition, ...] = ()
    order: tuple[Ordering, ...] = ()
    start: int = 1
    limit: int = DEFAULT_PAGE


def tokens_of(statement: str) -> list[Token]:
    """Cut a statement into its words.

    Raises:
        Refusal: 4000, a character that starts no word (an open quote, say).
    """
    found: list[Token] = []
    position = 0
    while position < len(statement):
        match = _TOKEN.match(statement, position)
        if match is None:
            raise query_unparsable(
                f"Lexical error at line 1, column {position + 1}.  "
                f'Encountered: "{statement[position]}" ({ord(statement[position])}), after : ""'
            )
        if match.lastgroup:
            found.append(Token(match.lastgroup, match.group(), position + 1))
        position = match.end()
    found.append(Token("end", "<EOF>", len(statement) + 1))
    return found


def unquoted(text: str) -> str:
    """The content of a quoted string."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def parse(statement: str) -> Statement:
    """Read a statement.

    Raises:
        Refusal: 4000 where it leaves the grammar, 4001 for page values out of range.
    """
    return _Parser(tokens_of(statement)).statement()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def statement(self) -> Statement:
        self.expect("select")
        columns, count = self.columns()
        self.expect("from")
        entity = self.name()
        conditions = self.conditions() if self.take("where") else ()
        order = self.ordering() if self.starts_order() else ()
        start, limit = self.page()
        if self.now.kind != "end":
            self.refuse("<EOF>")
        return Statement(entity, columns, count, conditions, order, start, limit)

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self, *words: str) -> bool:
        if self.now.kind != "text" and self.now.text.lower() in words:
            self.at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.take(word):
            self.refuse(f'"{word}"')

    def refuse(self, expected: str) -> NoReturn:
        token = self.now
        kind = {"end": "<EOF>", "text": "<STRING>", "number": "<NUMBER>"}.get(token.kind)
        kind = kind or (
            "<IDENTIFIER>" if token.text.lower() not in RESERVED else token.text.lower()
        )
        raise query_unparsable(
            f'Encountered " {kind} "{token.text} "" at line 1, column {token.column}.\n'
            f"Was expecting:\n    {expected} ...\n    "
        )

    def name(self) -> str:
        token = self.now
        if token.kind != "word" or token.text.lower() in RESERVED:
            self.refuse("<IDENTIFIER>")
        self.at += 1
        return token.text

    def columns(self) -> tuple[tuple[str, ...], bool]:
        if self.now.text.lower() == "count" and self.tokens[self.at + 1].text == "(":
            for word in ("count", "(", "*", ")"):
                self.expect(word)
            return (), True
        names = [self.column()]
        while self.take(","):
            names.append(self.column())
        return tuple(names), False

    def column(self) -> str:
        return "*" if self.take("*") else self.name()

    def conditions(self) -> tuple[Condition, ...]:
        found = [self.condition()]
        while self.take("and"):
            found.append(self.condition())
        return tuple(found)

    def condition(self) -> Condition:
        field = self.name()
        operator = self.now.text.lower()
        operator = "!=" if operator == "<>" else operator
        if self.now.kind == "text" or operator not in OPERATORS:
            self.refuse('"="')
        self.at += 1
        return Condition(field, operator, self.list() if operator == "in" else (self.value(),))

    def list(self) -> tuple[str, ...]:
        self.expect("(")
        values = [self.value()]
        while self.take(","):
            values.append(self.value())
        self.expect(")")
        return tuple(values)

    def value(self) -> str:
        token = self.now
        bare = token.kind == "word" and token.text.lower() in ("true", "false", "current_date")
        if token.kind not in ("text", "number") and not bare:
            self.refuse("<STRING>")
        self.at += 1
        return unquoted(token.text) if token.kind == "text" else token.text

    def starts_order(self) -> bool:
        if self.take("orderby"):
            return True
        if self.take("order"):
            self.expect("by")
            return True
        return False

    def ordering(self) -> tuple[Ordering, ...]:
        found = [self.one_ordering()]
        while self.take(","):
            found.append(self.one_ordering())
        return tuple(found)

    def one_ordering(self) -> Ordering:
        field = self.name()
        if self.take("desc"):
            return Ordering(field, True)
        self.take("asc")
        return Ordering(field, False)

    def page(self) -> tuple[int, int]:
        start, limit = 1, DEFAULT_PAGE
        while True:
            if self.take("startposition"):
                start = self.whole_number("StartPosition", least=1)
            elif self.take("maxresults"):
                limit = self.whole_number("MaxResults", least=1, most=LARGEST_PAGE)
            else:
                return start, limit

    def whole_number(self, what: str, least: int, most: int | None = None) -> int:
        token = self.now
        if token.kind != "number" or "." in token.text:
            self.refuse("<INTEGER>")
        self.at += 1
        value = int(token.text)
        if value < least:
            raise query_invalid(f"value {value} is too small. Min allowed value is {least}")
        if most is not None and value > most:
            raise query_invalid(f"value {value} is too large. Max allowed value is {most}")
        return value
