"""JSON without floats: every digit of a Decimal, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sandbox import codec

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_was_written_is_read(value: Any) -> None:
    assert codec.loads(codec.dump_bytes(value)) == value
    assert codec.loads(codec.dumps(value, pretty=True)) == value


def test_a_decimal_keeps_its_digits() -> None:
    text = codec.dumps({"Amount": Decimal("100.10"), "Rate": Decimal("0.000001000")})
    assert text == '{"Amount":100.10,"Rate":0.000001000}'


tricky = st.text(alphabet='a": \\,{[\n', max_size=6)


@given(
    st.recursive(
        st.integers(-9, 9) | tricky,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(tricky, inner, max_size=3),
        max_leaves=8,
    )
)
def test_the_layout_for_people_is_the_same_by_both_encoders(value: Any) -> None:
    slow = simplejson.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
    assert codec.dumps(value, pretty=True) == slow


def test_text_is_written_as_it_is() -> None:
    assert codec.dump_bytes(["Köln", "\n"]) == '["Köln","\\n"]'.encode()


def test_what_is_not_json_is_refused() -> None:
    @dataclass
    class Thing:
        name: str

    for value in (Thing("x"), date(2026, 1, 2), {1, 2}, object()):
        with pytest.raises(TypeError):
            codec.dump_bytes({"value": value})


def test_a_bottomless_text_is_refused_like_any_that_is_not_json() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        codec.loads("[" * 100_000 + "]" * 100_000)
