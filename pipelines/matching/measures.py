"""How good pairs are, against known truth: the figures that a match is judged by.

Pure counting; where pairs come from and what is true is told by the caller.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pipelines.errors import FixTheRow

Key = tuple[str, str]
# What is written to a person who asks how much may be linked unread.
HIGH, HIGHEST = 0.99, 0.999


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair that a match looked at: its probability and `link`, `review` or `no`."""

    left_id: str
    right_id: str
    probability: float
    decision: str

    @property
    def key(self) -> Key:
        return self.left_id, self.right_id


@dataclass(frozen=True)
class Measures:
    """Counts, and shares between 0 and 1; `None` where nothing was there to divide by.

    `best_f1`, `recall_at_99` and `recall_at_999` are read off the probability alone; the others
    speak of decisions. `reader_recall` is reached when a person decides every review right.
    """

    true_pairs: int
    found: int
    best_f1: float
    recall_at_99: float
    recall_at_999: float
    links: int
    true_links: int
    links_apart: int
    reviews: int
    true_reviews: int
    entries: int

    @property
    def link_precision(self) -> float | None:
        return _share(self.true_links, self.links)

    @property
    def link_recall(self) -> float | None:
        return _share(self.true_links, self.true_pairs)

    @property
    def reader_recall(self) -> float | None:
        return _share(self.true_links + self.true_reviews, self.true_pairs)

    @property
    def reviews_per_thousand(self) -> float | None:
        """Pairs to read for every 1,000 true pairs."""
        share = _share(self.reviews, self.true_pairs)
        return None if share is None else 1000 * share

    @property
    def entries_per_thousand(self) -> float | None:
        """Entries to read for every 1,000 true pairs: pairs that share a record are one."""
        share = _share(self.entries, self.true_pairs)
        return None if share is None else 1000 * share


def measure(
    pairs: Iterable[Judged], truth: Collection[Key], apart: Collection[Key] = frozenset()
) -> Measures:
    """Measure pairs against all true pairs and those of one group that must never be linked.

    `truth` and `apart` are asked for membership once a pair: sets. A pair that was not looked at
    counts against recall.
    """
    seen: list[tuple[float, bool, str, bool]] = []
    waiting: list[Key] = []
    for one in pairs:
        seen.append((one.probability, one.key in truth, one.decision, one.key in apart))
        if one.decision == "review":
            waiting.append(one.key)
    best, at = 0.0, {HIGH: 0.0, HIGHEST: 0.0}
    for precision, recall in curve(((p, is_true) for p, is_true, _, _ in seen), len(truth)):
        best = max(best, 2 * precision * recall / (precision + recall) if precision else 0.0)
        for wanted in at:
            if precision >= wanted:
                at[wanted] = max(at[wanted], recall)
    return Measures(
        true_pairs=len(truth),
        found=sum(is_true for _, is_true, _, _ in seen),
        best_f1=best,
        recall_at_99=at[HIGH],
        recall_at_999=at[HIGHEST],
        links=sum(decision == "link" for _, _, decision, _ in seen),
        true_links=sum(is_true for _, is_true, decision, _ in seen if decision == "link"),
        links_apart=sum(is_apart for _, _, decision, is_apart in seen if decision == "link"),
        reviews=sum(decision == "review" for _, _, decision, _ in seen),
        true_reviews=sum(is_true for _, is_true, decision, _ in seen if decision == "review"),
        entries=len(set(entries(waiting))),
    )


def entries(pairs: Iterable[Key]) -> list[int]:
    """The number of each pair's entry: pairs that share a record, one after another, are one."""
    listed = list(pairs)
    above: dict[tuple[bool, str], tuple[bool, str]] = {}

    def first(record: tuple[bool, str]) -> tuple[bool, str]:
        while (higher := above.setdefault(record, record)) != record:
            above[record] = above[higher]
            record = higher
        return record

    for left, right in listed:
        above[first((True, right))] = first((False, left))
    numbers: dict[tuple[bool, str], int] = {}
    return [numbers.setdefault(first((False, left)), len(numbers)) for left, _ in listed]


def curve(scored: Iterable[tuple[float, bool]], true_pairs: int) -> Iterator[tuple[float, float]]:
    """Precision and recall at every threshold, the highest first; equal scores go together."""
    taken = right = 0
    by_score = sorted(scored, key=lambda one: -one[0])
    for _, level in groupby(by_score, key=lambda one: one[0]):
        for _, is_true in level:
            taken += 1
            right += is_true
        yield right / taken, right / true_pairs if true_pairs else 0.0


def read_pairs(path: Path) -> Iterator[Judged]:
    """Pairs as `crossfoot match files` writes them. Raises `FixTheRow` for another file."""
    for row in _rows(path, ("left_id", "right_id", "probability", "decision")):
        yield Judged(row["left_id"], row["right_id"], float(row["probability"]), row["decision"])


def read_truth(path: Path) -> dict[Key, str]:
    """Pairs of a CSV file with the columns left_id and right_id, each with its `kind` if given.

    Raises `FixTheRow` for a file without them.
    """
    return {
        (row["left_id"], row["right_id"]): row.get("kind") or ""
        for row in _rows(path, ("left_id", "right_id"))
    }


def _rows(path: Path, wanted: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not set(wanted) <= set(reader.fieldnames or ()):
            raise FixTheRow(
                "file",
                path.name,
                "its header does not name the columns of pairs",
                f"Name its columns {', '.join(wanted)}.",
            )
        yield from reader


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
