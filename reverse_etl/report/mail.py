"""The report as a mail: the ten answers as plain text and as HTML, page and spreadsheet with it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from reverse_etl.report import words
from reverse_etl.report.answers import Answer, Figure, answers, by_book, verdict
from reverse_etl.report.files import ReportPaths
from reverse_etl.report.page import rendered
from reverse_etl.report.places import Place, places
from reverse_etl.report.value import Report

_WIDTH = 76
_KINDS = {
    ".html": ("text", "html"),
    ".xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def subject(report: Report) -> str:
    """What the mail is called: the week, what leaks, and whether it may be believed."""
    leaking = ", ".join(words.money(stake.amount) for stake in report.leakage)
    told = f"leakage {leaking}" if leaking else "no leakage"
    doubt = "" if report.verdict.is_concluded else f" ({verdict(report).lower()})"
    return f"Mismatch report {report.week.label}: {told}{doubt}".replace("\u00a0", " ")


def mail_text(report: Report, files: Sequence[Place]) -> str:
    """The mail for readers of plain text."""
    lines = [
        f"Mismatch report, week {report.week.number} of {report.week.year}",
        f"{words.day(report.week.first_on)} to {words.day(report.week.last_on)}; "
        f"data as of {words.moment(report.as_of_at)}",
    ]
    for answer in answers(report):
        lines += ["", f"{answer.number:>2}  {answer.title}", *_answer_lines(answer)]
    lines += ["", *(f"{file.title}: {file.where}" for file in files)]
    return "\n".join(lines) + "\n"


def mail_html(report: Report, files: Sequence[Place]) -> str:
    """The same for readers of HTML: no remote content, and styles where mail programs keep them."""
    return rendered("mail.html", report=report, answers=answers(report), files=files)


def compose(
    report: Report,
    paths: ReportPaths,
    report_url: str,
    *,
    attached: bool,
    sender: str,
    recipient: str,
    message_id: str,
    now: datetime,
) -> EmailMessage:
    """The whole mail to one recipient. Raises `OSError` when a file cannot be read."""
    files = places(paths, report_url)
    told = [file for file in files if file.is_served]
    message = EmailMessage()
    message["From"] = f"Crossfoot <{sender}>"
    message["To"] = recipient
    message["Subject"] = subject(report)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    # No automatic answers, please (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail_text(report, told))
    message.add_alternative(mail_html(report, told), subtype="html")
    if attached:
        for path, file in zip((paths.page, paths.workbook), files, strict=True):
            main, sub = _KINDS[path.suffix]
            message.add_attachment(
                path.read_bytes(), maintype=main, subtype=sub, filename=file.name
            )
    return message


def _answer_lines(answer: Answer) -> Iterable[str]:
    if answer.told:
        yield from _wrapped(answer.told, "    ")
    for book, figures in by_book(answer.figures):
        if book:
            yield from _wrapped(f"{book}: {'; '.join(map(_said, figures))}", "    ")
        else:
            for figure in figures:
                yield from _wrapped(_said(figure), "    ")


def _said(figure: Figure) -> str:
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.name} {figure.text}{note}"


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines of a mail's width; a currency stays with its amount, a name with itself."""
    return textwrap.wrap(
        words.foreign(text), _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
