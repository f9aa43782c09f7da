"""CSV as the Bulk APIs read and write it: every value quoted, six delimiters, two line endings."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = {
    "BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t",
}  # fmt: skip
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
MEDIA = "text/csv; charset=UTF-8"


class Unreadable(Exception):
    """The file as a whole cannot be taken; the message is the vendor's."""


@dataclass(frozen=True)
class Style:
    """How one job's files are written, by the vendor's words."""

    delimiter: str = "COMMA"
    ending: str = "LF"

    def line(self, values: Iterable[str]) -> str:
        """One line with its ending."""
        separator = f'"{DELIMITERS[self.delimiter]}"'
        quoted = separator.join(v.replace('"', '""') if '"' in v else v for v in values)
        return f'"{quoted}"{ENDINGS[self.ending]}'

    def written(self, header: Sequence[str], rows: Iterable[Iterable[str]]) -> bytes:
        """A whole file."""
        return "".join([self.line(header), *map(self.line, rows)]).encode()


@dataclass(frozen=True)
class Uploaded:
    """A file that was sent: its columns, and its rows, each as long as the header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def read(text: str, style: Style, any_ending: bool = False) -> Uploaded:
    """An uploaded file; an empty one has no columns. 1.0 takes files of any line ending.

    Raises:
        Unreadable: its line ends are not the job's, or its rows are not equally long.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return Uploaded((), ())
    if not any_ending:
        _refuse_other_ending(text, style)
    lines = _lines(text, style)
    header = next(lines)
    rows = list(lines)
    uneven = next((row for row in rows if len(row) != len(header)), None)
    if uneven is not None:
        raise Unreadable(
            f"InvalidBatch : The row has {len(uneven)} columns and the header {len(header)}"
        )
    return Uploaded(header, rows)


def _lines(text: str, style: Style) -> Iterator[list[str]]:
    source = io.StringIO(text, newline="")
    found = csv.reader(source, delimiter=DELIMITERS[style.delimiter], strict=True)
    try:
        for row in found:
            if row:
                yield row
    except csv.Error as error:
        raise Unreadable(f"InvalidBatch : Failed to parse CSV: {error}") from None


def _refuse_other_ending(text: str, style: Style) -> None:
    """The header's own end decides; line breaks inside quotes are data."""
    end = _end_of_header(text)
    if end < 0:
        return
    held = "CRLF" if text[end - 1 : end] == "\r" else "LF"
    if held != style.ending:
        raise Unreadable(
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            + style.ending
        )


def _end_of_header(text: str) -> int:
    end = text.find("\n")
    while end >= 0 and text.count('"', 0, end) % 2:
        end = text.find("\n", end + 1)
    return end


def text_of(kind: str) -> Callable[[object], str]:
    """How a value of a type of field is written in CSV."""
    return _SPELLED.get(kind, _plain)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: object) -> str:
    return "" if value is None else f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def _boolean(value: object) -> str:
    return "" if value is None else "true" if value else "false"


def _moment(value: object) -> str:
    return "" if value is None else str(value).replace("+0000", "Z")


_SPELLED: dict[str, Callable[[object], str]] = {
    "boolean": _boolean, "datetime": _moment, "currency": _number, "double": _number,
    "percent": _number, "int": _number,
}  # fmt: skip
