"""How many calls a Salesforce reading costs, and which way of reading costs least. Pure arithmetic.

Figures of the vendor: a page of a REST query holds 2,000 rows; a composite call holds 25 parts, 5
of them queries, and counts as one call; a bulk query costs one call to be made, one for each look
at its state, and one for each page of results, whose size the vendor chooses (REST API guide,
"Composite"; Bulk API 2.0 guide, "Query Jobs").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

Transport = Literal["REST", "Bulk"]

REST_PAGE = 2000
PARTS = 25
QUERIES = 5
# What is expected of the vendor: it has sent pages of 25,000 rows and more.
BULK_PAGE = 25_000


def rest_calls(rows: int) -> int:
    """Pages of a query; an empty result is a page too."""
    return max(1, ceil(rows / REST_PAGE))


def bulk_calls(rows: int, polls: int = 1, page: int = BULK_PAGE) -> int:
    """A bulk query: made, looked at, read page by page."""
    return 1 + polls + max(1, ceil(rows / page))


def transport(rows: int) -> Transport:
    """The way that costs the fewest calls for so many rows: a bulk job from 6,001 on."""
    return "Bulk" if bulk_calls(rows) < rest_calls(rows) else "REST"


def object_calls(rows: int) -> int:
    """The calls of one object, read by itself the cheapest way."""
    return bulk_calls(rows) if transport(rows) == "Bulk" else rest_calls(rows)


def least_calls(rows_by_object: Mapping[str, int]) -> int:
    """The least possible number of calls of a first load by the published formula: for each object
    the pages of a query or, where that is less, the calls of a bulk query."""
    return sum(min(rest_calls(n), bulk_calls(n)) for n in rows_by_object.values())


@dataclass(frozen=True)
class Planned:
    """The calls that a reading will make."""

    describes: int
    counts: int
    first_pages: int
    further_pages: int
    bulk: int
    controls: int

    @property
    def total(self) -> int:
        """All of them."""
        return (
            self.describes + self.counts + self.first_pages + self.further_pages + self.bulk
            + self.controls
        )  # fmt: skip


def planned_calls(rows_by_object: Mapping[str, int], sums: int = 3, polls: int = 1) -> Planned:
    """The calls of a first load of so many rows: the describes and the approximate counts, first
    pages five to a call, pages and jobs, then the control totals (`sums` queries beside a count of
    each object).
    """
    by_rest = [n for n in rows_by_object.values() if transport(n) == "REST"]
    by_bulk = [n for n in rows_by_object.values() if transport(n) == "Bulk"]
    return Planned(
        describes=ceil(len(rows_by_object) / PARTS),
        counts=1,
        first_pages=ceil(len(by_rest) / QUERIES),
        further_pages=sum(rest_calls(n) - 1 for n in by_rest),
        bulk=sum(bulk_calls(n, polls) for n in by_bulk),
        controls=ceil((len(rows_by_object) + sums) / QUERIES),
    )


def sweep_calls(rows_by_object: Mapping[str, int], gone: int = 0) -> int:
    """The calls of a sweep of ids: a walk over every object, its control totals, and a question
    for every 1,000 ids that were not met."""
    plan = planned_calls(rows_by_object)
    walks = plan.first_pages + plan.further_pages + plan.bulk
    return walks + plan.counts + plan.controls + ceil(gone / 1000)


def incremental_calls(
    queried: int, watched: int, describes: int, *, is_clock_known: bool = False
) -> int:
    """The calls of an incremental reading that finds nothing new: composites for so many queries,
    objects asked for changed and deleted ids, and describes. Objects can be asked for changed ids
    once the org's clock is known, which otherwise the first call tells."""
    if not watched or is_clock_known:
        parts = queried + 2 * watched + describes
        return max(ceil(queried / QUERIES), ceil(parts / PARTS), 1)
    first = min(queried, QUERIES)
    left = queried - first
    parts = left + max(describes - (PARTS - first), 0) + 2 * watched
    return 1 + max(ceil(left / QUERIES), ceil(parts / PARTS))


def in_composites(sizes: Iterable[int], most: int) -> list[list[int]]:
    """Positions of items packed in order so that no bundle's sizes add up to more than `most`."""
    bundles: list[list[int]] = []
    left = 0
    for at, size in enumerate(sizes):
        if size > left or not bundles:
            bundles.append([])
            left = most
        bundles[-1].append(at)
        left -= size
    return bundles
