"""Worlds to measure the matching in: the same every time, true to their truth, two parts apart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.matching.files import ACCOUNT_FIELDS, CUSTOMER_FIELDS, read_records
from tests.benchmarks.worlds import unlike
from tests.benchmarks.worlds.base_names import PARTS, family_names, organisations
from tests.benchmarks.worlds.records import ACCOUNT_COLUMNS, CUSTOMER_COLUMNS
from tests.benchmarks.worlds.style import RANGES, style
from tests.benchmarks.worlds.world import World, emptied, make, write

STORIES = {
    "plain", "legal_form", "typo", "note", "duplicate", "renamed", "merged", "trading", "acronym",
    "branch", "department", "sibling", "franchise", "twin", "person", "household", "sole_trader",
    "sub_customer", "owner",
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return make(1500, 3, "test")


def test_the_same_seed_makes_the_same_world_and_another_makes_another() -> None:
    first, again, other = make(150, 5, "train"), make(150, 5, "train"), make(150, 6, "train")
    assert first == again
    assert {row[1] for row in first.accounts}.isdisjoint(
        {row[1] for row in other.accounts if len(row[1]) > 14}
    )


def test_parts_share_no_organisation_no_domain_and_no_family_name() -> None:
    train, test = (organisations(part) for part in PARTS)
    for told in ("name", "alias", "domain"):
        ours, theirs = ({getattr(one, told).lower() for one in part} for part in (train, test))
        assert ours & theirs <= {""}
    assert set(family_names("train")).isdisjoint(family_names("test"))


def test_a_world_draws_on_its_own_part_only(world: World) -> None:
    assert world.bases <= {one.name for one in organisations("test")}
    assert len(world.bases) > 600


def test_every_seed_has_rates_of_its_own_within_bounds() -> None:
    rates = [style(seed, "train").rates for seed in range(20)]
    for name, (low, high) in RANGES.items():
        drawn = [one[name] for one in rates]
        assert min(drawn) >= low
        assert max(drawn) <= high
        assert len(set(drawn)) == len(drawn)


def test_truth_names_records_that_are_there_and_is_whole(world: World) -> None:
    accounts = {row[0] for row in world.accounts}
    customers = {row[0] for row in world.customers}
    pairs = {(left, right) for left, right, _ in world.truth}
    assert len(accounts) == len(world.accounts) == 1500
    assert len(customers) == len(world.customers)
    assert len(pairs) == len(world.truth)
    assert {left for left, _ in pairs} <= accounts
    assert {right for _, right in pairs} <= customers
    partners: dict[str, set[str]] = {}
    for left, right in pairs:
        partners.setdefault(left, set()).add(right)
    holders: dict[str, set[str]] = {}
    for left, right in pairs:
        holders.setdefault(right, set()).add(left)
    # All pairs of an entity: accounts that share one customer share all of them.
    for left, rights in partners.items():
        assert all(partners[other] == rights for right in rights for other in holders[right]), left


def test_what_must_stay_apart_is_never_true(world: World) -> None:
    pairs = {(left, right) for left, right, _ in world.truth}
    apart = {(left, right) for left, right, _ in world.apart}
    assert apart
    assert pairs.isdisjoint(apart)
    assert {left for left, _ in apart} <= {row[0] for row in world.accounts}


def test_every_story_is_told(world: World) -> None:
    assert {kind for _, _, kind in world.truth} >= STORIES
    assert {kind for _, _, kind in world.apart} >= {"branch", "department", "sibling", "twin"}


def test_both_sides_have_records_that_belong_to_nobody(world: World) -> None:
    linked = {left for left, _, _ in world.truth}, {right for _, right, _ in world.truth}
    for side, rows in zip(linked, (world.accounts, world.customers), strict=True):
        alone = 1 - len(side) / len(rows)
        assert 0.1 < alone < 0.45


def test_few_true_pairs_are_beyond_telling(world: World) -> None:
    lost = sum(kind == "lost" for _, _, kind in world.truth) / len(world.truth)
    assert 0.003 < lost < 0.03


def test_no_two_customers_bear_one_qualified_name(world: World) -> None:
    at = CUSTOMER_COLUMNS.index("FullyQualifiedName")
    names = [row[at].lower() for row in world.customers if not row[17]]
    assert len(names) == len(set(names))


def test_rows_fill_their_columns_and_are_read_whole(world: World, tmp_path: Path) -> None:
    assert all(len(row) == len(ACCOUNT_COLUMNS) for row in world.accounts)
    assert all(len(row) == len(CUSTOMER_COLUMNS) for row in world.customers)
    write(world, tmp_path)
    accounts = read_records(tmp_path / "accounts.csv", ACCOUNT_FIELDS)
    customers = read_records(tmp_path / "customers.csv", CUSTOMER_FIELDS)
    assert accounts.unread == customers.unread == ()
    assert len(accounts) == len(world.accounts)
    assert all(re.fullmatch(r"001A[0-9A-F]{14}", key) for key in accounts.table["id"].to_pylist())


def test_the_other_generator_makes_a_true_world_of_its_own(tmp_path: Path) -> None:
    """The same every time, true to its truth, of both sides, and readable like the first one."""
    other = unlike.make(300, 2)
    assert other == unlike.make(300, 2)
    assert unlike.habits(2) != unlike.habits(3)
    accounts, customers = ({row[0] for row in rows} for rows in (other.accounts, other.customers))
    truth = {(left, right) for left, right, _ in other.truth}
    apart = {(left, right) for left, right, _ in other.apart}
    assert len(accounts) == 300
    assert truth and apart and not truth & apart
    assert {left for left, _ in truth | apart} <= accounts
    assert {right for _, right in truth | apart} <= customers
    write(other, tmp_path)
    assert len(read_records(tmp_path / "accounts.csv", ACCOUNT_FIELDS)) == 300
    assert len(read_records(tmp_path / "customers.csv", CUSTOMER_FIELDS)) == len(customers)


def test_columns_that_nobody_filled_are_empty(world: World) -> None:
    bare = emptied(world, ["Website", "WebAddr"])
    at = {name: place for place, name in enumerate(ACCOUNT_COLUMNS)}
    assert {row[at["Website"]] for row in bare.accounts} == {""}
    assert [row[at["Name"]] for row in bare.accounts] == [row[at["Name"]] for row in world.accounts]
    with pytest.raises(ValueError, match="Webside"):
        emptied(world, ["Webside"])
