"""Where the companies of a sandbox live."""

from __future__ import annotations

from pathlib import Path

from orchestration.companies import company


def test_what_is_made_for_a_company_is_in_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data" / "elsewhere"
    for name, has_seed in (("landscaping", True), ("blank", False)):
        found = company(name, data)
        assert found.books.parent == data
        assert (found.seed is not None) == has_seed
        assert found.seed is None or found.seed.parent == data
    assert [place.name for place in (tmp_path / "data").iterdir()] == ["elsewhere"]


def test_a_folder_of_ones_own_keeps_its_books_beside_it(tmp_path: Path) -> None:
    own = tmp_path / "companies" / "mine"
    own.mkdir(parents=True)
    found = company("mine", tmp_path / "sandbox")
    assert (found.seed, found.books) == (own, tmp_path / "companies" / "mine.log")
