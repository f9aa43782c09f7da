"""Reads words from left to right: names, operands and literals."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NoReturn

from pipelines.sandbox.salesforce.refusals import malformed_query
from pipelines.sandbox.salesforce.soql.refused import malformed
from pipelines.sandbox.salesforce.soql.tokens import Token, tokens, unescaped
from pipelines.sandbox.salesforce.soql.tree import (
    AGGREGATES,
    DATE_PARTS,
    SHOWN,
    Call,
    Column,
    Distance,
    Literal,
    Operand,
)

MOST_WHOLE = 2_147_483_647
MOST_STRING = 4_000
_FUNCTIONS = {*AGGREGATES, *DATE_PARTS, *SHOWN, "converttimezone", "grouping"}
_RESERVED = ("select", "from", "where", "and", "or", "not", "in", "like")
_CURRENCY = re.compile(r"[A-Za-z]{3}\d+(?:\.\d+)?", re.ASCII)


class Reader:
    """A place among the words; every method consumes what it names."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self._tokens = tokens(statement)
        self._at = 0

    # ---- words

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._tokens)

    @property
    def place(self) -> int:
        """Where in the text the next word stands."""
        token = self.peek()
        return token.at if token else len(self.statement)

    def peek(self, ahead: int = 0) -> Token | None:
        """The next word, or one further on."""
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def is_next(self, *words: str, ahead: int = 0) -> bool:
        """Whether the next word is one of these, in any case."""
        token = self.peek(ahead)
        return token is not None and token.kind in ("name", "sign") and token.text.lower() in words

    def take(self) -> Token:
        """The next word, whatever it is."""
        token = self.peek()
        if token is None:
            self.unexpected()
        self._at += 1
        return token

    def skip(self, words: int) -> None:
        """Go on by some words that were looked at before."""
        self._at += words

    def accept(self, *words: str) -> str | None:
        """The word in lower case when it is one of these."""
        return self.take().text.lower() if self.is_next(*words) else None

    def expect(self, *words: str) -> str:
        """As `accept`, but it must be there."""
        return self.accept(*words) or self.unexpected()

    def name(self) -> str:
        """A name, with its dots."""
        token = self.peek()
        if token is None or token.kind != "name":
            self.unexpected()
        return self.take().text

    def whole(self) -> int:
        """A whole number that is not negative."""
        token = self.peek()
        if token is None or token.kind != "number" or not token.text.isdigit():
            self.unexpected()
        if int(token.text) > MOST_WHOLE:
            raise malformed_query(f"numeric value out of range: {token.text}")
        return int(self.take().text)

    def unexpected(self) -> NoReturn:
        """Refuse the next word. Raises `Refusal`."""
        token = self.peek()
        if token is None:
            raise malformed_query("unexpected token: '<EOF>'")
        if token.text == ":":
            raise malformed(self.statement, token.at, "Bind variables only allowed in Apex code")
        raise malformed(self.statement, token.at, f"unexpected token: '{token.text}'")

    # ---- operands

    def column(self) -> Column:
        """A field by its path."""
        if self.is_next(*_RESERVED):
            self.unexpected()
        at = self.place
        return Column(tuple(self.name().split(".")), at=at)

    def operand(self) -> Operand:
        """A field or a function of one."""
        if not self.is_next("(", ahead=1):
            return self.column()
        at = self.place
        name = self.name().lower()
        self.expect("(")
        if name == "distance":
            return self._distance(at)
        if name not in _FUNCTIONS:
            self.skip(-2)
            self.unexpected()
        argument: Column | Call | None = None
        if not (name == "count" and self.is_next(")")):
            argument = self._argument()
        self.expect(")")
        return Call(name, argument, at=at)

    def _argument(self) -> Column | Call:
        found = self.operand()
        if isinstance(found, Distance):
            raise malformed(self.statement, found.at, "unexpected token: 'DISTANCE'")
        return found

    def _distance(self, at: int) -> Distance:
        column = self.column()
        self.expect(",")
        self.expect("geolocation")
        self.expect("(")
        latitude = self._decimal()
        self.expect(",")
        longitude = self._decimal()
        self.expect(")")
        self.expect(",")
        unit = self.literal()
        if unit.kind != "string" or unit.value.lower() not in ("mi", "km"):
            raise malformed(self.statement, unit.at, "Invalid distance unit. Use 'mi' or 'km'.")
        self.expect(")")
        return Distance(column, latitude, longitude, unit.value.lower(), at)

    def _decimal(self) -> Decimal:
        token = self.peek()
        if token is None or token.kind != "number":
            self.unexpected()
        return Decimal(self.take().text)

    # ---- literals

    def literal(self) -> Literal:
        """One value."""
        token = self.peek()
        if token is None or token.kind == "sign":
            self.unexpected()
        self.take()
        if token.kind == "string":
            return self._string(token)
        if token.kind == "number":
            return Literal("number", Decimal(token.text), at=token.at)
        if token.kind in ("date", "moment"):
            return Literal(token.kind, token.text, at=token.at)
        return self._word(token)

    def _string(self, token: Token) -> Literal:
        raw = token.text[1:-1]
        if len(raw) > MOST_STRING:
            raise malformed_query(f"string literals cannot be longer than {MOST_STRING} characters")
        return Literal("string", unescaped(raw), raw, token.at)

    def _word(self, token: Token) -> Literal:
        lower = token.text.lower()
        if lower in ("true", "false"):
            return Literal("boolean", lower == "true", at=token.at)
        if lower == "null":
            return Literal("null", None, at=token.at)
        if _CURRENCY.fullmatch(token.text):
            amount = (token.text[:3].upper(), Decimal(token.text[3:]))
            return Literal("currency", amount, at=token.at)
        count = self.whole() if self.accept(":") else None
        return Literal("period", (lower, count), token.text, token.at)
