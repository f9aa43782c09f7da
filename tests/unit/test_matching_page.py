"""The benchmark's page: a section a size, and what was not measured again stays as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipelines.matching.measures import Judged, Measures, measure
from tests.benchmarks import matching_page
from tests.benchmarks.matching_page import Page


@dataclass(frozen=True)
class Run:
    seconds: float = 2.0
    processor_seconds: float = 3.0
    mib: int = 40
    status: int = 0
    said: str = ""


@dataclass(frozen=True)
class Result:
    method: str
    run: Run
    measures: Measures | None


FOUND = measure([Judged("a", "1", 0.9, "link")], {("a", "1"), ("b", "2")})
OURS = Result("crossfoot", Run(), FOUND)
OTHER = Result("splink", Run(9.0), FOUND)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(matching_page, "PATH", tmp_path / "MATCHING.md")
    Page.read().with_size(
        1000, [1, 2], [[OURS, OTHER], [OURS, OTHER]], {"crossfoot": None, "splink": 5}
    ).write()
    return Page.read()


def rows(page: Page, title: str) -> dict[str, str]:
    lines = page.sections[title].splitlines()[4:]
    return {line.split("|")[1].strip(): line for line in lines}


def test_a_section_has_a_row_a_method(page: Page) -> None:
    found = rows(page, "1,000 accounts")
    assert list(found) == ["crossfoot", "splink"]
    assert (
        "| 0.667 | 0.500 | 0.500 | 0.500 | 1.0000 | 0.500 | 0.0 | 0 | 0 | 0.500 | 2.0 |"
        in (found["crossfoot"])
    )


def test_other_sizes_and_other_methods_of_the_same_worlds_stay(page: Page) -> None:
    slower = replace(OURS, run=Run(7.5))
    page.with_size(1000, [1, 2], [[slower], [slower]], {"crossfoot": None}).with_size(
        20, [1], [[OURS]], {"crossfoot": None, "token set": 5}
    ).write()
    again = Page.read()
    assert list(again.sections) == ["20 accounts", "1,000 accounts"]
    assert "7.5" in rows(again, "1,000 accounts")["crossfoot"]
    assert rows(again, "1,000 accounts")["splink"] == rows(page, "1,000 accounts")["splink"]
    assert "not run beyond 5" in rows(again, "20 accounts")["token set"]


def test_rows_of_other_worlds_do_not_stay(page: Page) -> None:
    changed = page.with_size(1000, [3], [[OURS]], {"crossfoot": None})
    assert list(rows(changed, "1,000 accounts")) == ["crossfoot"]


def test_a_method_that_failed_is_told(page: Page) -> None:
    failed = Result("splink", Run(status=1), None)
    changed = page.with_size(1000, [1, 2], [[failed], [failed]], {"splink": None})
    assert "| splink | failed |" in rows(changed, "1,000 accounts")["splink"]


def test_ours_is_measured_again_under_other_rules_and_the_others_are_not(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.is_measured(1000, [1, 2], "crossfoot")
    assert page.is_measured(1000, [1, 2], "splink")
    assert not page.is_measured(1000, [1, 2], "token set")
    assert not page.is_measured(1000, [3], "splink")
    assert not page.is_measured(1000, [1, 2], "splink", matching_page.OTHER_WORLDS)
    monkeypatch.setattr(matching_page, "sources", lambda: "other")
    assert not page.is_measured(1000, [1, 2], "crossfoot")
    assert page.is_measured(1000, [1, 2], "splink")
    failed = page.with_size(1000, [1, 2], [[Result("splink", Run(status=1), None)]], {"splink": 5})
    assert not failed.is_measured(1000, [1, 2], "splink")


def test_worlds_of_the_other_generator_stand_behind_the_first(page: Page) -> None:
    page.with_size(20, [1], [[OURS]], {"crossfoot": None}, matching_page.OTHER_WORLDS).write()
    assert list(Page.read().sections) == ["1,000 accounts", "20 accounts, another generator"]


def test_what_one_record_costs_is_measured_once(page: Page) -> None:
    page.with_alone(10_000, [0.5, 0.9, 0.7]).write()
    again = Page.read()
    assert "among 10,000 accounts" in again.sections["One new record"]
    assert "0.70 processor seconds, 0.90 at most, of 3 records" in again.sections["One new record"]
    assert again.is_measured_alone(10_000)
    assert not again.is_measured_alone(1_000)
