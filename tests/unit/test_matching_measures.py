"""The figures that a match is judged by, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import FixTheRow
from pipelines.matching.measures import Judged, curve, entries, measure, read_pairs, read_truth

TRUTH = {("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")}
PAIRS = [
    Judged("a", "1", 0.99, "link"),
    Judged("b", "2", 0.95, "link"),
    Judged("b", "3", 0.90, "link"),
    Judged("c", "3", 0.60, "review"),
    Judged("a", "2", 0.50, "review"),
    Judged("d", "9", 0.10, "no"),
]


def test_counts_and_shares() -> None:
    found = measure(PAIRS, TRUTH, {("b", "3"), ("d", "9")})
    assert (found.true_pairs, found.found, found.links, found.true_links) == (4, 3, 3, 2)
    assert (found.links_apart, found.reviews, found.true_reviews) == (1, 2, 1)
    assert found.link_precision == pytest.approx(2 / 3)
    assert found.link_recall == 0.5
    assert found.reader_recall == 0.75
    assert found.reviews_per_thousand == found.entries_per_thousand == 500


def test_pairs_that_share_a_record_are_one_entry() -> None:
    pairs = [("a", "1"), ("b", "2"), ("c", "1"), ("c", "3"), ("1", "a")]
    assert entries(pairs) == [0, 1, 0, 0, 2]


def test_recall_is_read_off_where_precision_still_holds() -> None:
    found = measure(PAIRS, TRUTH)
    assert found.recall_at_999 == found.recall_at_99 == 0.5
    # Three right of four taken, of four there are.
    assert found.best_f1 == pytest.approx(0.75)


def test_pairs_of_one_score_are_taken_together() -> None:
    assert list(curve([(0.9, True), (0.9, False), (0.4, True)], 2)) == [
        (0.5, 0.5),
        (pytest.approx(2 / 3), 1.0),
    ]
    tied = [Judged("a", "1", 0.9, "no"), Judged("b", "9", 0.9, "no")]
    assert measure(tied, {("a", "1")}).recall_at_99 == 0.0


def test_nothing_found_divides_by_nothing() -> None:
    found = measure([], TRUTH)
    assert (found.best_f1, found.link_recall, found.reader_recall) == (0.0, 0.0, 0.0)
    assert found.link_precision is None
    assert (found.reviews_per_thousand, found.entries) == (0, 0)


def test_files_of_pairs_are_read_and_others_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("left_id,right_id,probability,decision,kind\na,1,0.5,link,plain\n")
    assert list(read_pairs(path)) == [Judged("a", "1", 0.5, "link")]
    assert read_truth(path) == {("a", "1"): "plain"}
    path.write_text("one,other\na,1\n")
    with pytest.raises(FixTheRow, match=r"pairs\.csv.*left_id, right_id"):
        read_truth(path)
