"""Frozen values: canonical text, checksum, keys, references."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writing import AS_OF, US, invoice_row, marts

from pipelines.errors import StateCorrupt
from reverse_etl import changes
from reverse_etl.changes import (
    REQUEST_PREFIX,
    Change,
    ChangeKey,
    FieldDifference,
    Plan,
    checksum,
    from_json,
    plan_from_json,
    request_id,
    resolve,
    to_json,
)
from reverse_etl.plan import build_plan
from reverse_etl.syncs import registry
from reverse_etl.syncs.flow import Facts


def plan(count: int = 3) -> Plan:
    rows = marts(invoices=[invoice_row(n) for n in range(1, count + 1)])
    return build_plan(registry.FLOWS, rows, Facts(), (), AS_OF, AS_OF)


def test_every_digit_of_an_amount_is_kept() -> None:
    text = to_json({"a": Decimal("1.10"), "b": Decimal("0.1234567"), "c": Decimal("12345678901.5")})
    assert text == '{"a":1.10,"b":0.1234567,"c":12345678901.5}'
    assert from_json(text)["a"] == Decimal("1.10")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=7, min_value=-1e9, max_value=1e9))
def test_amounts_survive_the_way_there_and_back(amount: Decimal) -> None:
    assert str(from_json(to_json({"a": amount}))["a"]) == str(amount)


def test_a_binary_fraction_never_enters() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        to_json({"amount": 0.1})


def test_the_same_rows_have_the_same_checksum_whatever_their_order() -> None:
    first, second = plan(), plan()
    assert first.checksum == second.checksum
    assert checksum(reversed(first.changes)) == first.checksum


def test_the_checksum_is_that_of_the_changes_alone() -> None:
    one = plan()
    later = build_plan(
        registry.FLOWS,
        marts(invoices=[invoice_row(n) for n in (1, 2, 3)]),
        Facts(),
        (),
        AS_OF,
        AS_OF.replace(hour=23),
    )
    assert later.made_at != one.made_at
    assert later.checksum == one.checksum


@given(
    st.sampled_from(["title", "reason", "payload", "entity", "remote_id", "amount", "fields"]),
    st.integers(0, 2),
)
def test_any_difference_in_a_change_is_another_checksum(field: str, position: int) -> None:
    one = plan()
    other: dict[str, object] = {
        "amount": Decimal("150.01"),
        "fields": (FieldDifference("x", None, "y"),),
    }
    edited = list(one.changes)
    edited[position] = replace(edited[position], **{field: other.get(field, "else")})  # type: ignore[arg-type]
    assert checksum(edited) != one.checksum


def test_a_stored_plan_comes_back_as_it_was() -> None:
    one = plan()
    assert plan_from_json(to_json(one)) == one


@pytest.mark.parametrize(
    "old, new", [("150.00", "151.00"), ("for Deal 1", "for Deal 9"), ("g1", "g2")]
)
def test_an_altered_plan_is_refused(old: str, new: str) -> None:
    text = to_json(plan())
    assert old in text
    with pytest.raises(StateCorrupt, match="checksum"):
        plan_from_json(text.replace(old, new))


def test_a_text_that_is_no_plan_is_refused() -> None:
    with pytest.raises(StateCorrupt, match="not a plan"):
        plan_from_json('{"plan_id": 3}')


def test_keys() -> None:
    key = ChangeKey("invoices", US, "006Hs00000ABCDEIA4", 2, 3)
    assert str(key) == f"invoices:{US}:006Hs00000ABCDEIA4:2:g3"
    assert ChangeKey.parse(str(key)) == key
    assert key.base == f"invoices:{US}:006Hs00000ABCDEIA4:2"
    for wrong in ("", "invoices:1:2:3", "invoices:1:2:x:g1", "invoices:1:2:3:g1:extra"):
        with pytest.raises(ValueError, match="not a change key"):
            ChangeKey.parse(wrong)


def test_request_ids_fit_the_vendor_and_depend_on_the_key_alone() -> None:
    one = plan().changes[0]
    assert len(request_id(one.key).removeprefix(REQUEST_PREFIX)) == 10
    assert request_id(one.key) != request_id(one.key.replace("g1", "g2"))


def test_references_are_found_and_filled_in() -> None:
    body = {"CustomerRef": {"value": {"$remote_id": "k1"}}, "Line": [{"a": {"$remote_id": "k2"}}]}
    assert sorted(changes.references(body)) == ["k1", "k2"]
    assert resolve(body, {"k1": "7", "k2": "8"}) == {
        "CustomerRef": {"value": "7"},
        "Line": [{"a": "8"}],
    }
    with pytest.raises(KeyError):
        resolve(body, {"k1": "7"})


def test_a_change_cannot_be_edited() -> None:
    one: Change = plan().changes[0]
    with pytest.raises(AttributeError):
        one.amount = Decimal(1)  # type: ignore[misc]
