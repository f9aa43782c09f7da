"""Allocation, rounding and currency: the properties money must have, not a few examples."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.money import Money, allocate, minor_units, round_half_up, within_tolerance

CENT = Decimal("0.01")
totals = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
weights = st.lists(
    st.decimals(min_value=0, max_value=10**9, places=7), min_size=1, max_size=30
)  # fmt: skip
currencies = st.sampled_from(["USD", "EUR", "GBP", "JPY", "KWD"])


@given(totals, weights)
def test_parts_add_up_and_stay_within_a_cent_of_their_share(
    total: Decimal, shares: list[Decimal]
) -> None:
    parts = allocate(total, shares)
    whole = sum(shares) or Decimal(len(shares))
    assert sum(parts) == total
    for part, weight in zip(parts, shares, strict=True):
        exact = total * (weight if sum(shares) else Decimal(1)) / whole
        assert abs(part - exact) < CENT
        assert part * total >= 0


@given(totals, weights)
def test_zero_weight_gets_nothing_unless_all_are_zero(
    total: Decimal, shares: list[Decimal]
) -> None:
    parts = allocate(total, shares)
    if any(shares):
        assert all(part == 0 for part, w in zip(parts, shares, strict=True) if w == 0)
    else:
        assert max(parts) - min(parts) <= CENT


@given(totals, weights)
def test_negative_total_mirrors_the_positive_one(total: Decimal, shares: list[Decimal]) -> None:
    assert allocate(-total, shares) == [-part for part in allocate(total, shares)]


@given(totals, weights, st.integers(1, 10**6))
def test_scaling_all_weights_changes_nothing(
    total: Decimal, shares: list[Decimal], factor: int
) -> None:
    assert allocate(total, [w * factor for w in shares]) == allocate(total, shares)


@given(totals, st.decimals(min_value=CENT, max_value=10**9, places=2))
def test_one_line_gets_all(total: Decimal, weight: Decimal) -> None:
    assert allocate(total, [weight]) == [total]


@given(totals, st.data())
def test_permuting_distinct_lines_permutes_their_parts(total: Decimal, data: st.DataObject) -> None:
    distinct = data.draw(st.lists(st.integers(1, 10**6), min_size=2, max_size=12, unique=True))
    lines = [Decimal(w) for w in distinct]
    order = data.draw(st.permutations(range(len(lines))))
    parts = allocate(total, lines)
    permuted = allocate(total, [lines[i] for i in order])
    for new_position, old_position in enumerate(order):
        # Equal remainders are settled by position, so a part may move by one cent, never more.
        assert abs(permuted[new_position] - parts[old_position]) <= CENT
    assert sum(permuted) == total


@given(totals.filter(lambda t: t >= 0), weights)
def test_larger_weight_never_gets_less_by_more_than_a_cent(
    total: Decimal, shares: list[Decimal]
) -> None:
    ranked = sorted(zip(shares, allocate(total, shares), strict=True))
    for (_, smaller), (_, larger) in pairwise(ranked):
        assert larger >= smaller - CENT


@given(st.integers(-(10**15), 10**15), currencies, weights)
def test_allocation_respects_the_currencys_smallest_unit(
    units: int, currency: str, shares: list[Decimal]
) -> None:
    total = Decimal(units).scaleb(-minor_units(currency))
    parts = allocate(total, shares, currency)
    assert sum(parts) == total
    assert all(round_half_up(part, currency) == part for part in parts)


@given(totals, totals)
def test_two_currencies_never_add_up(a: Decimal, b: Decimal) -> None:
    with pytest.raises(ValueError, match="USD and EUR"):
        Money(a, "USD") + Money(b, "EUR")
    assert (Money(a, "USD") + Money(b, "USD")).amount == a + b


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("2.345", "USD", "2.35"),
        ("-2.345", "USD", "-2.35"),
        ("2.344999", "USD", "2.34"),
        ("1.005", "EUR", "1.01"),
        ("0.5", "JPY", "1"),
        ("1.2345", "KWD", "1.235"),
        ("99999999999999999999.995", "USD", "100000000000000000000.00"),
    ],
)
def test_rounding_is_half_away_from_zero(amount: str, currency: str, rounded: str) -> None:
    assert str(round_half_up(Decimal(amount), currency)) == rounded


def test_a_known_awkward_split() -> None:
    assert allocate(Decimal("100.00"), [Decimal(1)] * 3) == [
        Decimal("33.34"),
        Decimal("33.33"),
        Decimal("33.33"),
    ]


@pytest.mark.parametrize(
    ("total", "shares"),
    [("1.00", []), ("1.00", ["-1", "2"]), ("1.005", ["1"])],
)
def test_allocation_refuses_what_cannot_be_split(total: str, shares: list[str]) -> None:
    with pytest.raises(ValueError, match=r"weight|whole number"):
        allocate(Decimal(total), [Decimal(s) for s in shares])


def test_money_refuses_binary_fractions_and_odd_currencies() -> None:
    with pytest.raises(TypeError):
        Money(1.5, "USD")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="capital letters"):
        Money(Decimal(1), "usd")
    with pytest.raises(ValueError, match="finite"):
        Money(Decimal("NaN"), "USD")


def test_tolerance_is_the_larger_of_absolute_and_percent() -> None:
    hundred = Decimal(100)
    assert within_tolerance(hundred, Decimal("100.01"), CENT, Decimal(0))
    assert not within_tolerance(hundred, Decimal("100.02"), CENT, Decimal(0))
    assert within_tolerance(hundred, Decimal("101"), CENT, Decimal(1))
    assert not within_tolerance(hundred, Decimal("101.01"), CENT, Decimal(1))


def test_money_shows_its_currency() -> None:
    assert str(Money(Decimal("1234.5"), "USD")) == "1,234.50 USD"
    assert str(Money(Decimal("1234"), "JPY")) == "1,234 JPY"
