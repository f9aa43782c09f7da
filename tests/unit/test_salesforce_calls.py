"""The arithmetic of calls: which way costs least, and that a reading stays near the minimum."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clients.salesforce_replies import Part, PartReply
from pipelines.extract.columns import salesforce_schema
from pipelines.extract.salesforce_asking import (
    CHANGED,
    bundles,
    chosen,
    describe_parts,
    undescribed,
)
from pipelines.extract.salesforce_calls import (
    bulk_calls,
    incremental_calls,
    least_calls,
    object_calls,
    planned_calls,
    rest_calls,
    sweep_calls,
    transport,
)
from pipelines.extract.salesforce_objects import CORE, OBJECTS, Shape

FIELDS = [
    {"name": name, "type": kind}
    for name, kind in (("Id", "id"), ("IsDeleted", "boolean"), ("SystemModstamp", "datetime"))
]


def shape(name: str, replicateable: bool = True) -> Shape:
    return Shape(name, salesforce_schema({"fields": FIELDS}), (), replicateable)


@pytest.mark.parametrize(
    ("rows", "by_pages", "by_bulk", "way"),
    [
        (0, 1, 3, "REST"),
        (2000, 1, 3, "REST"),
        (2001, 2, 3, "REST"),
        (6000, 3, 3, "REST"),
        (6001, 4, 3, "Bulk"),
        (300_000, 150, 14, "Bulk"),
        (1_000_000, 500, 42, "Bulk"),
    ],
)
def test_the_way_of_fewest_calls(rows: int, by_pages: int, by_bulk: int, way: str) -> None:
    assert (rest_calls(rows), bulk_calls(rows), transport(rows)) == (by_pages, by_bulk, way)
    assert object_calls(rows) == (by_bulk if way == "Bulk" else by_pages)


def test_the_published_minimum() -> None:
    """3 x 100,000 rows: 150 pages, or by bulk jobs as the reference computes it."""
    assert least_calls({"a": 100_000, "b": 100_000, "c": 100_000}) == 3 * (2 + 4)
    assert least_calls(dict.fromkeys(OBJECTS, 0)) == len(OBJECTS)


@given(st.lists(st.integers(0, 3_000_000), min_size=18, max_size=18))
def test_a_first_load_costs_at_most_a_fiftieth_more_than_the_minimum(sizes: list[int]) -> None:
    """Orgs whose quiet objects are small, as they are; first pages come five to a call."""
    large = dict(zip(OBJECTS[:6], sizes[:6], strict=True))
    small = {name: size % 2000 for name, size in zip(OBJECTS[6:], sizes[6:], strict=True)}
    rows = large | small
    assert planned_calls(rows).total <= 1.02 * least_calls(rows)


def test_a_first_load_of_a_million_rows_is_within_the_target() -> None:
    rows = {
        "Account": 20_000, "Contact": 60_000, "Opportunity": 200_000,
        "OpportunityLineItem": 500_000, "OpportunityHistory": 200_000, "Product2": 500,
        "PricebookEntry": 1500, **dict.fromkeys(OBJECTS[7:], 100),
    }  # fmt: skip
    assert planned_calls(rows).total <= 1.02 * least_calls(rows)
    assert sweep_calls(rows) < planned_calls(rows).total


def test_an_increment_of_eighteen_objects_is_two_calls_and_of_thirty_three() -> None:
    shapes = [shape(name) for name in OBJECTS]
    queried, watched = chosen(shapes, len(shapes))
    assert {s.name for s in queried} >= set(CORE)
    assert len(queried) == 10
    assert incremental_calls(len(queried), len(watched), len(shapes)) == 2
    more = shapes + [shape(f"Extra{n}__c") for n in range(12)]
    queried, watched = chosen(more, len(more))
    assert incremental_calls(len(queried), len(watched), len(more)) == 3


def test_many_objects_are_asked_about_together_where_that_saves_a_call() -> None:
    until = datetime(2026, 11, 26, 12, tzinfo=UTC)
    few = [shape(name) for name in OBJECTS]
    known = {s.name: s for s in few}
    each = describe_parts(OBJECTS, known, few, until, False)
    assert [p.reference for p in each] == [f"describe_{name}" for name in OBJECTS]
    many = few + [shape(f"Extra{n}__c") for n in range(24)]
    known = {s.name: s for s in many}
    names = [*known, "New__c"]
    first, *others = parts = describe_parts(names, known, many, until, True)
    assert (first.reference, first.path) == (CHANGED, "sobjects")
    assert first.headers == {"If-Modified-Since": "Thu, 26 Nov 2026 11:50:00 GMT"}
    assert [p.reference for p in others] == ["describe_New__c"]
    queried, watched = chosen(many, len(parts), is_clock_known=True)
    sizes = len(queried), len(watched), len(parts)
    assert incremental_calls(*sizes, is_clock_known=True) == 3
    assert incremental_calls(*sizes) == 4
    same = {CHANGED: PartReply(CHANGED, 304)}
    answers, more = undescribed(names, known, parts, same)
    assert (len(answers), {a.status for a in answers.values()}, more) == (42, {304}, [])
    refused = {CHANGED: PartReply(CHANGED, 403)}
    answers, more = undescribed(names, known, parts, refused)
    assert (answers, len(more)) == ({}, 42)


@pytest.mark.parametrize(("objects", "calls"), [(44, 3), (45, 4), (59, 4), (60, 5)])
def test_three_calls_hold_forty_four_objects_and_each_further_call_fifteen(
    objects: int, calls: int
) -> None:
    """15 queries, 29 objects with two questions each, and whether any object has changed."""
    shapes = [shape(name) for name in OBJECTS]
    shapes += [shape(f"Extra{n}__c") for n in range(objects - len(OBJECTS))]
    queried, watched = chosen(shapes, 1, is_clock_known=True)
    assert incremental_calls(len(queried), len(watched), 1, is_clock_known=True) == calls


def test_an_object_that_tells_no_changed_ids_is_queried() -> None:
    shapes = [shape(name, name != "CurrencyType") for name in OBJECTS]
    queried, _ = chosen(shapes, len(shapes))
    assert "CurrencyType" in {s.name for s in queried}


def test_few_objects_are_one_call() -> None:
    queried, watched = chosen([shape(name) for name in CORE[:5]], 5)
    assert (len(queried), watched) == (5, [])
    assert incremental_calls(5, 0, 5) == 1


@given(st.integers(0, 40), st.integers(0, 120))
def test_bundles_keep_to_the_limits_and_are_as_few_as_they_can_be(queries: int, other: int) -> None:
    parts = [Part(f"q{n}", "queryAll?q=x") for n in range(queries)]
    parts += [Part(f"d{n}", "sobjects/X/describe") for n in range(other)]
    made = bundles(parts)
    assert sorted(p.reference for b in made for p in b) == sorted(p.reference for p in parts)
    assert all(len(b) <= 25 and sum(p.is_query for p in b) <= 5 for b in made)
    if parts:
        assert len(made) == incremental_calls(queries, 0, other)
