"""A formula as read: literals, field paths, operators and function calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

LONGEST = 3900


class FormulaRefused(ValueError):
    """A formula the vendor would not take, or that the sandbox cannot compute."""


@dataclass(frozen=True)
class Constant:
    """A number, a text, true, false or null."""

    value: Decimal | str | bool | None


@dataclass(frozen=True)
class Path:
    """A field of the record, or of a parent: `Account.Owner.Name`."""

    steps: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One operator between its operands; a sign or `!` has one."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    """A function by its name in capitals."""

    name: str
    arguments: tuple[Node, ...]


Node = Constant | Path | Operation | Call


class _Token(NamedTuple):
    kind: str
    text: str


_TOKENS = re.compile(
    r"""(?P<skip>\s+|/\*.*?\*/)
    |(?P<number>\d+(?:\.\d+)?|\.\d+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>\$?[A-Za-z_][\w]*(?:[.:][A-Za-z_]\w*)*)
    |(?P<sign>&&|\|\||<=|>=|<>|!=|==|[-+*/^&=<>!(),])""",
    re.VERBOSE | re.DOTALL,
)
# Loosest first; each level binds tighter than the one before.
_LEVELS: Sequence[frozenset[str]] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"=", "==", "<>", "!="}),
    frozenset({"<", "<=", ">", ">="}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/"}),
    frozenset({"^"}),
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_SPELLED = {"n": "\n", "t": "\t", "r": "\r"}


@lru_cache(maxsize=512)
def read(text: str) -> Node:
    """A formula's tree.

    Raises:
        FormulaRefused: it is none, or too long.
    """
    if len(text) > LONGEST:
        raise FormulaRefused(
            f"Formula is too long ({len(text)} characters). Maximum length is {LONGEST} characters."
        )
    return _Reader(list(_tokens(text))).whole()


def _tokens(text: str) -> Sequence[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise FormulaRefused(f"Syntax error. Found '{text[at]}'")
        at = match.end()
        if match.lastgroup != "skip":
            found.append(_Token(str(match.lastgroup), match[0]))
    return found


class _Reader:
    """Reads tokens from the left, by precedence."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Node:
        node = self._level(0)
        if self._at < len(self._tokens):
            raise FormulaRefused(f"Syntax error. Extra {self._tokens[self._at].text}")
        return node

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise FormulaRefused("Syntax error. Unexpected end of the formula")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            found = f"Found '{self._next()}'" if self._next() else "Found end of formula"
            raise FormulaRefused(f"Syntax error. Missing '{sign}'. {found}")
        self._at += 1

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._level(level + 1)
        while self._next() in _LEVELS[level] and self._tokens[self._at].kind == "sign":
            operator = self._take().text
            node = Operation(operator, (node, self._level(level + 1)))
        return node

    def _unary(self) -> Node:
        if self._next() in ("-", "+", "!") and self._tokens[self._at].kind == "sign":
            operator = self._take().text
            return Operation(operator, (self._unary(),))
        return self._primary()

    def _primary(self) -> Node:
        kind, text = self._take()
        if kind == "number":
            return Constant(Decimal(text))
        if kind == "text":
            return Constant(_ESCAPED.sub(lambda m: _SPELLED.get(m[1], m[1]), text[1:-1]))
        if text == "(":
            node = self._level(0)
            self._expect(")")
            return node
        if kind != "name":
            raise FormulaRefused(f"Syntax error. Found '{text}'")
        if self._next() == "(":
            return Call(text.upper(), self._arguments())
        if text.lower() in _WORDS:
            return Constant(_WORDS[text.lower()])
        return Path(tuple(re.split(r"\.", re.sub(r":\w+", "", text))))

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        found: list[Node] = [] if self._next() == ")" else [self._level(0)]
        while self._next() == ",":
            self._at += 1
            found.append(self._level(0))
        self._expect(")")
        return tuple(found)
