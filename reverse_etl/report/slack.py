"""The report as a Slack message: the ten answers in blocks, within what Slack takes.

Limits of Block Kit (docs.slack.dev, reference of blocks): a header of 150 characters, a section of
3,000, 50 blocks in a message. All blocks together are refused as `msg_blocks_too_long` from about
13,000 characters on, which the vendor does not document (slackapi/bolt-js issue 2509).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from reverse_etl.report import words
from reverse_etl.report.answers import Answer, answers, by_book
from reverse_etl.report.mail import subject
from reverse_etl.report.places import Place
from reverse_etl.report.value import Report

_HEADER, _SECTION, _MESSAGE = 150, 3_000, 12_000
Block = dict[str, Any]


def slack_message(report: Report, files: Sequence[Place]) -> dict[str, Any]:
    """The message. Where there are more figures than fit, it says how many are in the report."""
    most = max(len(answer.figures) for answer in answers(report))
    message = _message(report, files, most)
    while most > 1 and len(orjson.dumps(message["blocks"]).decode()) > _MESSAGE:
        most //= 2
        message = _message(report, files, most)
    return message


def _message(report: Report, files: Sequence[Place], most: int) -> dict[str, Any]:
    title = f"Mismatch report, week {report.week.number} of {report.week.year}"
    dates = f"{words.day(report.week.first_on)} to {words.day(report.week.last_on)}"
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:_HEADER]}},
        _context(f"{dates}; data as of {words.moment(report.as_of_at)}"),
        *(_section(_answer_text(answer, most)) for answer in answers(report)),
        _context(" · ".join(map(_file, files))),
    ]
    # What a notification shows, and a reader that knows no blocks.
    return {"text": _escaped(subject(report)), "blocks": blocks}


def _answer_text(answer: Answer, most: int) -> str:
    """One answer with its first figures; a book's figures stand on one line."""
    head = f"*{answer.number}  {_escaped(answer.title)}*"
    lines = [head, *([_escaped(answer.told)] if answer.told else [])]
    shown = answer.figures[:most]
    for book, figures in by_book(shown):
        told = [
            f"{_escaped(figure.name)} *{_escaped(figure.text)}*"
            + (f" ({_escaped(figure.note)})" if figure.note else "")
            for figure in figures
        ]
        lines += [f"{_escaped(book)}: {' · '.join(told)}"] if book else told
    if len(answer.figures) > len(shown):
        lines.append(f"_{len(answer.figures) - len(shown)} more figures are in the report._")
    return _cut(lines)


def _cut(lines: Sequence[str]) -> str:
    """As many whole lines as a section takes; a line that alone is too long loses its end."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line])) > _SECTION - 60:
            kept.append("_More is in the report._")
            break
        kept.append(line)
    return "\n".join(kept)


def _section(text: str) -> Block:
    return {"type": "section", "text": _markdown(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_markdown(text)]}


def _markdown(text: str) -> Block:
    """Text in which nothing but our own marks means anything: no names, channels or addresses are
    looked for in it."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _file(file: Place) -> str:
    where = _escaped(file.where)
    return f"<{where}|{file.title}>" if file.is_served else f"{file.title}: {where}"


def _escaped(text: str) -> str:
    """Slack's three control characters as entities, so that foreign text calls nobody."""
    clean = words.foreign(text)
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        clean = clean.replace(char, entity)
    return clean
