"""What is said of a body that is not the JSON it should be, in the words of the vendors' parser.

Both read JSON with the same library, and both let its words through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simplejson import JSONDecodeError

NO_BODY = "The HTTP entity body is required, but this request has no entity body."
_VALUE = "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"
_WORD = re.compile(r"[A-Za-z_][\w$]*")
# By how the complaint of our reader begins.
_EXPECTED: Mapping[str, str] = {
    "Expecting property name": "was expecting double-quote to start field name",
    "Illegal trailing comma": "was expecting double-quote to start field name",
    "Expecting ':'": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter or '}'": "was expecting comma to separate OBJECT entries",
    "Expecting ',' delimiter or ']'": "was expecting comma to separate ARRAY entries",
}


@dataclass(frozen=True)
class Complaint:
    """Why a text is no JSON, and where: lines from 1, the column behind the character."""

    words: str
    line: int
    column: int


def complaint(error: ValueError) -> Complaint:
    """What the vendors' parser would have said where ours raised `error`."""
    if isinstance(error, UnicodeDecodeError):
        return Complaint("Invalid UTF-8 start byte", 1, 1)
    if not isinstance(error, JSONDecodeError):
        return Complaint(str(error), 1, 1)
    if not error.doc.strip():
        return Complaint("No content to map to Object due to end of input", 1, 1)
    at = _behind_blanks(error.doc, error.pos + error.msg.startswith("Illegal trailing comma"))
    if at >= len(error.doc) or error.msg.startswith("Unterminated"):
        return _at("Unexpected end-of-input", error.doc, len(error.doc))
    word = _WORD.match(error.doc, at)
    if word and error.msg.startswith("Expecting value"):
        told = f"Unrecognized token '{word[0]}': was expecting 'null', 'true', 'false' or NaN"
        return _at(told, error.doc, word.end())
    found = error.doc[at]
    wanted = next((v for k, v in _EXPECTED.items() if error.msg.startswith(k)), _VALUE)
    return _at(f"Unexpected character ('{found}' (code {ord(found)})): {wanted}", error.doc, at + 1)


def token(value: Any) -> tuple[str, str]:
    """A JSON value as the parser names it: its kind of token, and what it shows of it."""
    if value is None:
        return "VALUE_NULL", "null"
    if isinstance(value, bool):
        return ("VALUE_TRUE", "true") if value else ("VALUE_FALSE", "false")
    if isinstance(value, Mapping):
        return "START_OBJECT", "{"
    if isinstance(value, list | tuple):
        return "START_ARRAY", "["
    if isinstance(value, str):
        return "VALUE_STRING", value
    return ("VALUE_NUMBER_INT" if isinstance(value, int) else "VALUE_NUMBER_FLOAT"), str(value)


def _behind_blanks(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _at(words: str, text: str, at: int) -> Complaint:
    line = text.count("\n", 0, at) + 1
    return Complaint(words, line, at - text.rfind("\n", 0, at))
