"""Whether a field already holds what is wanted, as Salesforce answers it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from reverse_etl.syncs.status import same


@pytest.mark.parametrize(
    ("current", "wanted", "is_same"),
    [
        (True, True, True), (True, False, False), (False, True, False), (None, False, True),
        (Decimal("7.00"), Decimal("7"), True), ("7.00", Decimal("7"), True),
        (Decimal("7.00"), Decimal("7.01"), False), (None, Decimal("0"), False), (0, 0, True),
        (None, "", True), (None, None, True), ("Paid", "Paid", True), ("Paid", None, False),
    ],
)  # fmt: skip
def test_what_is_the_same(current: Any, wanted: Any, is_same: bool) -> None:
    assert same(current, wanted) is is_same
