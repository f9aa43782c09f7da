"""The report in a real browser, at desk and on a phone, with honest and with hostile names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "unit"), str(ROOT / "tests" / "warehouse")]

from built_company import sample_company  # noqa: E402
from report_sample import hostile, write_marts  # noqa: E402

from reverse_etl.report import Links, Report, build_report, write  # noqa: E402

LINKS = Links("https://acme.my.salesforce.com", "https://app.qbo.intuit.com")
DESK, PHONE = 1280, 390
LEAKING = {"UNBILLED_CLOSED_WON", "VOIDED_AFTER_BILLING", "UNDER_BILLED"}
_MEASURE = """
<script>
const wide = document.documentElement;
const clipped = [...document.querySelectorAll('td.n, dd.figure')].filter(
  (cell) => !cell.closest('.scroll') && cell.getBoundingClientRect().width
    && cell.getBoundingClientRect().right > wide.clientWidth + 1);
const small = [...document.querySelectorAll('h1, h2, h3, p, td, th, dd')].filter(
  (text) => parseFloat(getComputedStyle(text).fontSize) < 12);
parent.postMessage(JSON.stringify({
  viewport: wide.clientWidth, page: wide.scrollWidth, clipped: clipped.length,
  small: small.length, paper: getComputedStyle(document.body).backgroundColor,
}), '*');
</script>
"""
# A window cannot be as narrow as a phone, a frame can.
_FRAME = """<!doctype html><body><script>
addEventListener('message', (told) => { document.body.dataset.measured = told.data; });
</script><iframe src="%s" width="%d" height="900" style="border: 0"></iframe>
"""


@dataclass(frozen=True)
class Browser:
    """Headless Chromium, each time with a new profile and without a network."""

    program: str
    folder: Path

    def run(self, page: Path, width: int, *options: str) -> subprocess.CompletedProcess[str]:
        profile = self.folder / f"profile-{len(list(self.folder.iterdir()))}"
        flags = (
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
            f"--user-data-dir={profile}", f"--window-size={width},1000", *options,
        )  # fmt: skip
        return subprocess.run(
            [self.program, *flags, page.as_uri()], capture_output=True, text=True, timeout=120,
            check=True,
        )  # fmt: skip

    def console(self, page: Path) -> list[str]:
        """What the page, or the browser about the page, wrote to the console."""
        errors = self.run(page, DESK, "--dump-dom").stderr
        return [line for line in errors.splitlines() if ":CONSOLE" in line]

    def measure(self, page: Path, width: int, *options: str) -> dict[str, Any]:
        """Sizes on the screen; the policy is taken off a copy so that it can be measured."""
        html = page.read_text(encoding="utf-8")
        copy, frame = self.folder / "copy.html", self.folder / "frame.html"
        copy.write_text(re.sub(r"<meta http-equiv[^>]*>", "", html) + _MEASURE, encoding="utf-8")
        frame.write_text(_FRAME % (copy.name, width))
        dom = self.run(
            frame, DESK + 100, "--hide-scrollbars", "--virtual-time-budget=5000", "--dump-dom",
            *options,
        ).stdout  # fmt: skip
        (found,) = re.findall(r'data-measured="([^"]*)"', dom)
        measured: dict[str, Any] = json.loads(found.replace("&quot;", '"'))
        return measured


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("no Chromium here: install the package chromium to look at the page")
    return Browser(program, tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    report = build_report(write_marts(folder / "warehouse.duckdb", hostile()))
    return write(report, folder / "report", LINKS).page


@dataclass(frozen=True)
class Sample:
    """The report of the whole sample company beside the truth."""

    report: Report
    page: Path
    key: dict[str, Any]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    company = sample_company(tmp_path_factory)
    report = build_report(company.path)
    page = write(report, tmp_path_factory.mktemp("sample"), LINKS).page
    return Sample(report, page, company.key)


@pytest.mark.slow
def test_leakage_and_duplicates_are_those_of_the_answer_key(sample: Sample) -> None:
    true: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in sample.key["mismatches"]:
        if not entry.get("also"):
            true[entry["mismatch_class"]][entry["currency_code"]] += Decimal(entry["amount"])  # type: ignore[assignment]
    leaking = sum((true[code] for code in LEAKING), Counter())
    assert {s.amount.currency: s.amount.amount for s in sample.report.leakage} == leaking
    duplicates = {s.amount.currency: s.amount.amount for s in sample.report.duplicates}
    assert duplicates == true["DUPLICATE_INVOICE"]
    over_billed = {s.amount.currency: s.amount.amount for s in sample.report.over_billed}
    assert over_billed == true["OVER_BILLED"]


@pytest.mark.slow
def test_the_figures_of_the_sample_company_agree_with_each_other(sample: Sample) -> None:
    report = sample.report
    assert report.verdict.is_concluded and report.bridges
    assert all(bridge.ties for bridge in report.bridges)
    open_sums = {(a.company, a.currency): a.total for a in report.ageing}
    assert open_sums == {
        (b.company, b.currency): b.receivable_amount
        for b in report.figures
        if (b.company, b.currency) in open_sums
    }
    timed = {(t.company, t.currency): t.steps for t in report.times}
    assert timed == {
        (b.company, b.currency): b.steps_timed for b in report.figures if b.steps_timed
    }
    assert report.exceptions.open == sum(1 for e in report.entries if e.motion != "closed")
    assert [m for m in report.mismatches if m.planned], "what is due bears its plan"
    listed: Counter[str] = Counter()
    for found in report.mismatches:
        if found.code in LEAKING and found.at_stake:
            listed[found.at_stake.currency] += found.at_stake.amount  # type: ignore[assignment]
    assert {s.amount.currency: s.amount.amount for s in report.leakage} == listed


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_sample_company_fits_the_screen(browser: Browser, sample: Sample, width: int) -> None:
    measured = browser.measure(sample.page, width)
    assert measured["viewport"] == measured["page"] == width
    assert (measured["clipped"], measured["small"]) == (0, 0)


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_long_and_hostile_names_do_not_burst_the_page(
    browser: Browser, hostile_page: Path, width: int
) -> None:
    measured = browser.measure(hostile_page, width)
    assert measured["viewport"] == measured["page"] == width
    assert measured["clipped"] == 0


@pytest.mark.browser
def test_hostile_names_do_not_act(browser: Browser, hostile_page: Path) -> None:
    dom = browser.run(hostile_page, DESK, "--dump-dom").stdout
    assert "<title>Mismatch report 2026-W47 – Crossfoot</title>" in dom
    assert browser.console(hostile_page) == []


@pytest.mark.browser
def test_the_policy_stops_what_does_not_belong_to_the_page(
    browser: Browser, hostile_page: Path, tmp_path: Path
) -> None:
    """The proof that an empty console means something: added script and style are refused."""
    html = hostile_page.read_text(encoding="utf-8")
    added = tmp_path / "added.html"
    added.write_text(html + "<script>document.title='run'</script><style>p{color:red}</style>")
    complaints = browser.console(added)
    assert any("script" in line and "Content Security Policy" in line for line in complaints)
    assert any("style" in line and "Content Security Policy" in line for line in complaints)
    assert "<title>run</title>" not in browser.run(added, DESK, "--dump-dom").stdout


@pytest.mark.browser
def test_there_is_a_light_and_a_dark_page(browser: Browser, hostile_page: Path) -> None:
    light = browser.measure(hostile_page, DESK, "--blink-settings=preferredColorScheme=1")
    dark = browser.measure(hostile_page, DESK, "--blink-settings=preferredColorScheme=0")
    assert light["paper"] != dark["paper"]


@pytest.mark.browser
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_page_is_drawn(
    browser: Browser, hostile_page: Path, tmp_path: Path, width: int
) -> None:
    picture = tmp_path / "page.png"
    browser.run(hostile_page, width, "--hide-scrollbars", f"--screenshot={picture}")
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) == width
    assert len(data) > 20_000, "an empty page compresses to less"


@pytest.mark.browser
def test_the_page_prints(browser: Browser, hostile_page: Path, tmp_path: Path) -> None:
    printed = tmp_path / "page.pdf"
    browser.run(hostile_page, DESK, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
    assert 2 <= pages <= 8
