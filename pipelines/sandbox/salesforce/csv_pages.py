"""Answers of the Bulk API in CSV, taken apart line by line for the faults that change pages."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.sandbox.kernel import Reply

_COUNT = "Sforce-NumberOfRecords"


def is_csv(reply: Reply) -> bool:
    """Whether the answer is a page of a query job's results."""
    return _COUNT in reply.headers


def csv_lines(reply: Reply) -> list[str]:
    """The header and the rows, each with its line end; a break inside quotes ends no row."""
    lines: list[str] = []
    is_open = False
    for piece in reply.body.decode().split("\n"):
        text = piece + "\n"
        if is_open:
            lines[-1] += text
        else:
            lines.append(text)
        is_open ^= bool(piece.count('"') % 2)
    return lines[:-1]


def with_lines(reply: Reply, rows: Sequence[str]) -> Reply:
    """The same page with other rows below its header."""
    body = "".join([csv_lines(reply)[0], *rows]).encode()
    return Reply(reply.status, body, {**reply.headers, _COUNT: str(len(rows))})
