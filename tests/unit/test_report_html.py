"""The page: every figure of the value is on it, and nothing of what people typed can act."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import report_sample as given
from report_sample import HOSTILE, INC, hostile, sample, write_marts

from reverse_etl.report import Links, Report, build_report, render_html
from reverse_etl.report import words as spoken
from reverse_etl.report.page import ROWS_SHOWN

LIVE = Links("https://acme.my.salesforce.com", "https://app.qbo.intuit.com")
ANSWERS = (
    "Data verdict", "Leakage", "Billed too much", "Bridge", "Matched", "Time to invoice",
    "Receivables by age and DSO", "Exceptions", "Low-confidence matches waiting",
    "Changes after sign-off",
)  # fmt: skip


class Page(HTMLParser):
    """The page's tags with their attributes, and all its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.said)).replace("\u00a0", " ")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.said.append(data)

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(write_marts(tmp_path_factory.mktemp("marts") / "warehouse.duckdb"))


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(render_html(report, LIVE))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = write_marts(tmp_path_factory.mktemp("hostile") / "warehouse.duckdb", hostile())
    return Page(render_html(build_report(path), LIVE))


def figures(report: Report) -> Iterable[str]:
    """Every amount of the value, as the page writes it."""
    for stake in (*report.leakage, *report.over_billed, *report.duplicates, *report.ready):
        yield spoken.amount(stake.amount.amount, stake.amount.currency)
    for bridge in report.bridges:
        for line in bridge.lines:
            if line.amount:
                yield spoken.amount(line.amount, bridge.currency)
    for ageing in report.ageing:
        yield from (spoken.amount(b.amount, ageing.currency) for b in ageing.buckets)
    for found in report.mismatches:
        for side in (found.at_stake, found.expected, found.actual):
            if side:
                yield spoken.amount(side.amount, side.currency)


def test_every_figure_of_the_value_is_on_the_page(report: Report, page: Page) -> None:
    missing = [amount for amount in figures(report) if amount not in page.text]
    assert not missing


def test_the_ten_answers_come_in_their_order(page: Page) -> None:
    places = [page.text.index(f"{number} {name}") for number, name in enumerate(ANSWERS, 1)]
    assert places == sorted(places)


def test_leakage_is_shown_per_currency_and_apart_from_over_billing(page: Page) -> None:
    assert "USD 1,500.50 3 deals: unbilled 1,200.00, under-billed 300.50" in page.text
    assert "Over-billed GBP 10.01 1 step" in page.text
    assert "Duplicates USD 900.00 1 invoice" in page.text


def test_what_is_not_recorded_is_said_and_not_invented(page: Page) -> None:
    assert "No earlier week is recorded, so nothing is carried from one" in page.text
    assert "No week has been signed off" in page.text


def test_a_report_that_is_not_concluded_says_so_first(tmp_path: Path) -> None:
    marts = sample(data_verdict=[given.verdict("quickbooks", INC, passed=False)])
    text = Page(render_html(build_report(write_marts(tmp_path / "w.duckdb", marts)))).text
    assert "1 Data verdict Not concluded 1 of 1 check failed" in text
    assert "Last read completely at 2026-11-01" in text
    assert text.index("Not concluded") < text.index("Leakage")


def test_receivables_of_the_vendors_own_report_are_told_with_what_differs(
    page: Page, tmp_path: Path
) -> None:
    tied = "590.25, as in QuickBooks' own report of 20 Nov 2026, customer by customer."
    assert f"all currencies in USD, open credits taken off: {tied}" in page.text
    assert "Data verdict Concluded All" in page.text
    told = given.verdict("quickbooks", INC, verdict="differs", reason="Receivables differ: Acme")
    rows = given.comparison(INC, "USD", 90, 200, 0, 0, "300.25", wrong="-0.01")
    marts = sample(data_verdict=[told], ar_reconciliation=rows)
    text = Page(render_html(build_report(write_marts(tmp_path / "w.duckdb", marts)))).text
    assert "Data verdict Concluded, with a difference All 1 check passed" in text
    assert "Receivables differ: Acme" in text
    assert "590.24 held and 590.25 in QuickBooks' own report of 20 Nov 2026" in text
    assert "Differs" in text and "Failed" not in text


def test_a_bridge_that_does_not_tie_is_called_out(tmp_path: Path) -> None:
    rows = given.bridge(INC, "USD", residual="-0.01")
    path = write_marts(tmp_path / "w.duckdb", sample(reconciliation_bridge=rows))
    text = Page(render_html(build_report(path))).text
    assert "Does not tie: Brightwater Inc in USD" in text
    assert f"{spoken.MINUS}0.01" in text


def test_an_empty_week_reads_well(tmp_path: Path) -> None:
    marts = {mart: [] for mart in sample()} | {"data_verdict": sample()["data_verdict"]}
    text = Page(render_html(build_report(write_marts(tmp_path / "w.duckdb", marts)))).text
    assert "Nothing: every due step is billed in full." in text
    assert "None: every deal and every document agree." in text
    assert "0 open" in text and "0 waiting" in text


def test_nothing_is_fetched_and_nothing_can_run(page: Page) -> None:
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & {
        tag for tag, _ in page.tags
    }
    assert not page.attributes("src") and not page.attributes("style")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_the_policy_allows_this_style_sheet_only(report: Report) -> None:
    html = render_html(report)
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (
        meta["content"]
        for meta in Page(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';") and f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy and "@import" not in style and "url(" not in style


def test_links_lead_to_both_systems_and_to_places_on_the_page(page: Page) -> None:
    anchors = [link for link in page.attributes("href") if link.startswith("#")]
    assert {link[1:] for link in anchors} <= set(page.attributes("id"))
    outward = [link for link in page.attributes("href") if not link.startswith("#")]
    hosts = {urlsplit(link).hostname for link in outward}
    assert hosts == {"acme.my.salesforce.com", "app.qbo.intuit.com"}
    assert all("noopener" in a["rel"] for a in page.all("a") if not a["href"].startswith("#"))


def test_hostile_text_is_shown_as_text_and_does_nothing(hostile_page: Page, page: Page) -> None:
    assert {tag for tag, _ in hostile_page.tags} == {tag for tag, _ in page.tags}
    hrefs = hostile_page.attributes("href")
    assert all(link.startswith(("#", "https://acme.my.", "https://app.qbo.")) for link in hrefs)
    assert not [n for _, names in hostile_page.tags for n in names if n.startswith("on")]
    assert '<img src=x onerror="document.title=1">' in hostile_page.text
    assert "{{ 7 * 7 }}{% raw %}" in hostile_page.text and "49" not in hostile_page.text
    assert "javascript:alert(1)" in hostile_page.text


def test_text_cannot_turn_the_reading_direction_of_its_neighbours(hostile_page: Page) -> None:
    assert any("\u202e" in text for text in HOSTILE)
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(hostile_page.text)
    assert "redro isolated" in hostile_page.text


def test_tables_and_pictures_can_be_read_aloud(report: Report) -> None:
    html = render_html(report, LIVE)
    for table in re.findall(r"<table.*?</table>", html, flags=re.S):
        assert "<caption" in table
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", table))
    for drawing in re.findall(r"<svg[^>]*>", html):
        assert 'aria-hidden="true"' in drawing or 'role="img" aria-label="Leakage in' in drawing
    parsed = Page(html)
    assert len(set(parsed.attributes("id"))) == len(parsed.attributes("id"))
    assert parsed.all("html") == [{"lang": "en"}]
    assert [tag for tag, _ in parsed.tags if tag == "h1"] == ["h1"]
    scrolling = [a for _, a in parsed.tags if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in scrolling)


def test_severity_is_a_word_and_not_a_colour(report: Report, page: Page) -> None:
    assert page.text.count(" High ") >= sum(m.severity == "high" for m in report.mismatches)


def test_a_long_list_says_where_the_rest_is(tmp_path: Path) -> None:
    many = [
        given.mismatch("UNDER_BILLED", document_type="invoice", document_id=str(n),
                       value_at_stake=n, expected_amount=n, actual_amount=0)
        for n in range(1, ROWS_SHOWN + 4)
    ]  # fmt: skip
    path = write_marts(tmp_path / "w.duckdb", sample(mismatches=many))
    text = Page(render_html(build_report(path))).text
    assert f"The {ROWS_SHOWN} dearest are shown; the other 3 are in mismatches.csv." in text


def test_contrast_of_text_is_enough_in_both_schemes(report: Report) -> None:
    style = render_html(report).split("<style>")[1].split("</style>")[0]
    schemes = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))
               for block in re.findall(r":root \{(.*?)\}", style, flags=re.S)]  # fmt: skip
    assert len(schemes) == 2
    for colours in schemes:
        for ink in ("ink", "soft", "accent"):
            assert contrast(colours[ink], colours["paper"]) >= 4.5, (ink, colours)
        for shape in ("bar", "accent"):
            assert contrast(colours[shape], colours["paper"]) >= 3


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("1234.5", "USD", "1,234.50"),
        ("-1234567.89", "EUR", f"{spoken.MINUS}1,234,567.89"),
        ("0", "GBP", "0.00"),
        ("1500", "JPY", "1,500"),
        ("1500.25", "JPY", "1,500.25"),
        ("1E+3", "USD", "1,000.00"),
    ],
)
def test_amounts_are_written_one_way(value: str, currency: str, text: str) -> None:
    assert spoken.amount(Decimal(value), currency) == text


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert spoken.percent(Decimal("0.99999")).startswith("99.9")
    assert spoken.percent(Decimal(1)).startswith("100.0")
    assert spoken.percent(None) == "–"
