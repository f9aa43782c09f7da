"""One report, four forms: page, spreadsheet, mail and Slack message carry the same figures."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest
from report_sample import HOSTILE, INC, LTD, cause_weeks, hostile, sample, verdict, write_marts

from pipelines.money import Money
from reverse_etl.report import Report, build_report, render_html, words, workbook_bytes
from reverse_etl.report.answers import Answer, Figure, answers
from reverse_etl.report.bridge_value import Company
from reverse_etl.report.mail import mail_html, mail_text, subject
from reverse_etl.report.places import Place
from reverse_etl.report.slack import slack_message

COMPANY = Company(INC, "Brightwater Inc")
FILES = (Place("Page", "r.html", "https://r.example/2026-W47/index.html", True),)
SIGNED = {"week": "2026-W45", "reviewed_by": "carol"}
CHANGED = {
    "week": "2026-W45", "record_type": "invoice", "record_number": "1007", "record_id": "7",
    "change": "changed", "currency_code": "USD", "difference": "-12.34",
}  # fmt: skip
MOVED = {
    "week": "2026-W47", "opening_week": "2026-W46", "company_id": "1", "currency_code": "USD",
    "opening_count": 7, "new_count": 2, "closed_count": 3, "closing_count": 6,
}  # fmt: skip

# Two companies of one currency, two currencies of one cause, and a week without a run.
CAUSE_WEEKS = [
    *cause_weeks("pricing error", (3, 450, 0, 0), None, (1, 100, 2, 350)),
    *cause_weeks("pricing error", (1, 40, 0, 0), None, (1, 45, 0, 0), at=LTD),
    *cause_weeks("pricing error", (0, 0, 0, 0), None, (2, 77, 0, 0), currency="GBP", at=LTD),
    *cause_weeks("tax set-up", (0, 0, 0, 0), None, (0, 0, 1, "9.50")),
]


@pytest.fixture(scope="module", params=["plain", "closed weeks", "doubted"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    changes = {
        "plain": {},
        "closed weeks": {"sign_offs": [SIGNED], "changes_after_sign_off": [CHANGED],
                         "exceptions_carried_forward": [MOVED],
                         "exception_cause_weeks": CAUSE_WEEKS},
        "doubted": {"data_verdict": [verdict("quickbooks", "1", passed=False)]},
    }[request.param]  # fmt: skip
    folder = tmp_path_factory.mktemp("marts")
    return build_report(write_marts(folder / "warehouse.duckdb", sample(**changes)))


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_marts(tmp_path_factory.mktemp("nasty") / "w.duckdb", hostile()))


# Answers of the page in which no amount stands beside those of the figures.
ONLY_FIGURES = {3, 4, 7, 10}


class _Screen(HTMLParser):
    """The text of each answer of the page's first screen."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "ol" and dict(attrs).get("id") == "answers":
            self._depth = 1
        elif self._depth and tag == "li":
            self._depth += 1
            if self._depth == 2:
                self.answers.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag == "li":
            self._depth -= 1
        elif tag == "ol" and self._depth == 1:
            self._depth = 0

    def handle_data(self, data: str) -> None:
        if self._depth > 1:
            self.answers[-1] += data


def on_the_page(report: Report) -> list[str]:
    screen = _Screen()
    screen.feed(render_html(report))
    return screen.answers


def bare(figure: Figure) -> str:
    """A figure as the page shows it, where a column's heading names the currency."""
    money = figure.value
    return words.amount(money.amount, money.currency) if isinstance(money, Money) else figure.text


def test_there_are_ten_answers_in_the_contracts_order(report: Report) -> None:
    begins = (
        "Data verdict", "Leakage", "Billed too much", "Bridge", "Matched", "Time to invoice",
        "Receivables", "Exceptions", "Low-confidence", "Changes after sign-off",
    )  # fmt: skip
    found = answers(report)
    assert [answer.number for answer in found] == list(range(1, 11))
    assert all(a.title.startswith(b) for a, b in zip(found, begins, strict=True))
    for answer, text in zip(found, on_the_page(report), strict=True):
        assert text.strip().startswith(f"{answer.number}{answer.title}")


def test_the_page_carries_every_figure(report: Report) -> None:
    for answer, text in zip(answers(report), on_the_page(report), strict=True):
        missing = [figure for figure in answer.figures if bare(figure) not in text]
        assert not missing, answer.title
        if answer.number in ONLY_FIGURES:
            figures_only = text.replace(answer.told.split(". ")[0], "")
            shown = Counter(re.findall(r"−?\d[\d,]*\.\d\d", figures_only))
            amounts = [f for f in answer.figures if isinstance(f.value, Money)]
            assert shown == Counter(map(bare, amounts)), answer.title
        for sentence in filter(None, answer.told.split(". ")):
            assert answer.number in (2, 3) or sentence.rstrip(".") in text


def test_the_first_screen_ages_what_is_open(report: Report) -> None:
    """The buckets of a book, the empty ones too, come to what is open in it."""
    ages = [figure for figure in answers(report)[6].figures if figure.company == COMPANY]
    assert [(figure.name, bare(figure)) for figure in ages if "bucket" in figure.key] == [
        ("Not due yet", "100.00"), ("1–30 days", "200.00"), ("31–60 days", "0.00"),
        ("61–90 days", "0.00"), ("91+ days", "300.25"),
    ]  # fmt: skip
    assert bare(ages[0]) == "600.25"


def test_the_mail_carries_every_figure_in_both_its_parts(report: Report) -> None:
    plain = "".join(mail_text(report, FILES).split())
    html = mail_html(report, FILES)
    for answer in answers(report):
        for figure in answer.figures:
            told = f"{figure.name} {figure.text}"
            assert "".join(told.split()) in plain, told
            assert figure.text in html and figure.name in html
        assert "".join(answer.told.split()) in plain


def test_the_message_carries_every_figure(report: Report) -> None:
    sections = [b["text"]["text"] for b in slack_message(report, FILES)["blocks"]
                if b["type"] == "section"]  # fmt: skip
    for answer, text in zip(answers(report), sections, strict=True):
        assert text.startswith(f"*{answer.number}  ")
        assert answer.told in text
        assert all(f"{f.name} *{f.text}*" in text for f in answer.figures)


def test_the_spreadsheet_carries_every_figure_as_a_number(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(report)), data_only=True)
    rows = [[cell.value for cell in row] for row in book["Summary"].iter_rows(min_row=5)]
    typed = [(row[0], row[4], row[5]) for row in rows if row[4] is not None]
    wanted = [(str(a.number), f.name, typed_value(f)) for a in answers(report) for f in a.figures]
    assert typed == [(number, name, pytest.approx(value)) for number, name, value in wanted]
    told = {row[0]: row[6] for row in rows if row[4] is None}
    assert all(told[str(a.number)] == a.told for a in answers(report) if a.told)


def test_root_causes_move_alike_on_page_and_sheet(report: Report) -> None:
    """Each cell of the page's figures by cause and week, from the rows of the spreadsheet."""
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(report)), data_only=True)
    rows = [[cell.value for cell in row] for row in book["Causes by week"].iter_rows(min_row=5)]
    wanted: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for cause, week, currency, *counts in rows:
        if week:
            wanted.setdefault((cause, week), []).extend(
                (number, f"{currency}{worth:,.2f}" if number else "")
                for number, worth in zip(counts[::2], counts[1::2], strict=True)
            )
    assert list(shown_by_week(render_html(report)).items()) == [
        (key, (*_told(counts[::2]), *_told(counts[1::2]))) for key, counts in wanted.items()
    ]
    assert bool(wanted) == bool(report.cause_trends)


def _told(counts: list[tuple[int, str]]) -> tuple[str, str]:
    """The number of all currencies, and the amount of each that has any."""
    return str(sum(n for n, _ in counts)), " · ".join(worth for _, worth in counts if worth) or "–"


def shown_by_week(page: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The page's figures by cause and week, the oldest week of a cause first."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    table = page.partition("Exceptions by root cause and week")[2].partition("</table>")[0]
    for body in table.split("<tbody>")[1:]:
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("<tr>")[1:]]
        texts = [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]
        cause = texts[0].pop(0)
        found.update({(cause, row[0]): tuple(row[1:]) for row in reversed(texts)})
    return found


def typed_value(figure: Figure) -> float | None:
    if isinstance(figure.value, Money):
        return float(figure.value.amount)
    if figure.kind == "share" and figure.value is not None:
        return float(words.percent(figure.value).split(words.NARROW_SPACE)[0]) / 100  # type: ignore[arg-type]
    return None if figure.value is None else float(figure.value)


def test_the_subject_says_what_leaks_and_whether_to_believe_it(report: Report) -> None:
    doubt = "" if report.verdict.is_concluded else " (not concluded)"
    assert subject(report) == f"Mismatch report 2026-W47: leakage USD 1,500.50{doubt}"


def test_foreign_text_does_nothing_in_mail_and_message(nasty: Report) -> None:
    html = mail_html(nasty, FILES)
    assert "<img src=x" not in html and "<script" not in html and "<svg" not in html
    assert "&lt;img src=x" in html or "&lt;script" in html
    assert not [mark for mark in ("\u202e", "\u2066") if mark in html + mail_text(nasty, FILES)]
    assert not [line for line in mail_text(nasty, FILES).splitlines() if line.startswith("@SUM")]
    message = slack_message(replace(nasty, verdict=replace(nasty.verdict, is_concluded=False)), ())
    for block in message["blocks"]:
        for text in [block.get("text"), *block.get("elements", [])]:
            assert text is None or "<" not in text["text"]
            assert text is None or text["type"] == "plain_text" or text["verbatim"]
    assert any(text.startswith("<img") for text in HOSTILE)


def many_books(report: Report, number: int) -> Report:
    """The same with many companies of long names."""
    companies = [
        replace(report.figures[0].company, company_id=str(n), name=f"Subsidiary {n} " + "x" * 60)
        for n in range(number)
    ]
    return replace(
        report,
        figures=tuple(replace(report.figures[0], company=company) for company in companies),
        bridges=tuple(replace(report.bridges[0], company=company) for company in companies),
    )


@pytest.mark.parametrize("number", [1, 12, 400])
def test_the_message_stays_within_slacks_limits(report: Report, number: int) -> None:
    message = slack_message(many_books(report, number), FILES)
    blocks = message["blocks"]
    assert len(blocks) <= 50 and len(message["text"]) <= 4000
    sections = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    assert max(map(len, sections)) <= 3000
    assert all(len(b["text"]["text"]) <= 150 for b in blocks if b["type"] == "header")
    assert sum(map(len, sections)) <= 12_500
    assert len(sections) == 10, "every question keeps its answer"
    told = "".join(sections)
    assert ("more figures are in the report" in told) == (number == 400)


def test_a_path_stands_where_nothing_is_served(report: Report, tmp_path: Path) -> None:
    path = str(tmp_path / "index.html")
    block = slack_message(report, (Place("Page", "r.html", path, False),))["blocks"][-1]
    assert block["elements"][0]["text"] == f"Page: {path}"


def test_an_answer_without_figures_says_so(report: Report) -> None:
    empty: list[Answer] = [a for a in answers(report) if not a.figures and not a.told]
    assert not empty
