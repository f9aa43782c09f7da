"""A statement cut into words, and the escapes of its strings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.sandbox.salesforce.refusals import malformed_query
from pipelines.sandbox.salesforce.soql.refused import malformed

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<moment>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))
    | (?P<date>\d{4}-\d{2}-\d{2})
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z]{3}\d+\.\d+|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<sign><=|>=|!=|<>|[=<>(),:])
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_THEMSELVES = frozenset("\"'\\_%")


@dataclass(frozen=True)
class Token:
    """One word. `kind` is string, moment, date, number, name or sign."""

    kind: str
    text: str
    at: int


def tokens(statement: str) -> list[Token]:
    """All words. Raises `Refusal` MALFORMED_QUERY at the first sign that begins none."""
    found: list[Token] = []
    position, end = 0, len(statement.rstrip())
    while position < end:
        match = _TOKEN.match(statement, position)
        if match is None or match.lastgroup is None:
            raise _unreadable(statement, position)
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        position = match.end()
    return found


def _unreadable(statement: str, position: int) -> Exception:
    at = position + len(statement[position:]) - len(statement[position:].lstrip())
    if statement[at] == "'":
        row = statement.count("\n") + 1
        column = len(statement) - statement.rfind("\n") - 1
        return malformed_query(f"line {row}:{column} mismatched character '<EOF>' expecting '''")
    return malformed(statement, at, f"unexpected token: '{statement[at]}'")


def unescaped(raw: str) -> str:
    r"""What a string between its quotes says (`\n`, `\'`, `\u00e9` …).

    Raises:
        Refusal: MALFORMED_QUERY for an escape that is none.
    """
    return _ESCAPE.sub(lambda found: _said(found, raw), raw) if "\\" in raw else raw


def _said(found: re.Match[str], raw: str) -> str:
    if found[1]:
        return chr(int(found[1], 16))
    follower = found[2]
    if follower in _THEMSELVES:
        return follower
    plain = _PLAIN.get(follower.lower())
    if plain is None:
        raise malformed_query(
            f"Invalid string literal '{raw}'. Illegal character sequence '\\{follower}' in "
            "string literal."
        )
    return plain


def pattern(raw: str) -> re.Pattern[str]:
    r"""A LIKE pattern: `%` any text, `_` one character, `\%` and `\_` themselves."""
    parts: list[str] = []
    position = 0
    for found in re.finditer(r"\\u[0-9A-Fa-f]{4}|\\.|[%_]", raw, re.DOTALL):
        parts.append(re.escape(raw[position : found.start()]))
        sign = found[0]
        wild = {"%": ".*", "_": "."}.get(sign)
        parts.append(wild if wild is not None else re.escape(unescaped(sign)))
        position = found.end()
    parts.append(re.escape(raw[position:]))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
