"""Sentences for the terminal: amounts are never summed over currencies, columns line up."""

from __future__ import annotations

from decimal import Decimal

from orchestration import words


def test_amounts_are_summed_per_currency_and_never_across() -> None:
    pairs = [("USD", Decimal("1.10")), ("EUR", Decimal("2")), ("USD", Decimal("3.05"))]
    assert words.amounts(pairs) == "2.00 EUR, 4.15 USD"


def test_no_amount_is_said_so() -> None:
    assert words.amounts([("USD", None), (None, Decimal(1))]) == "no amount"


def test_plural() -> None:
    assert words.plural(1, "invoice") == "1 invoice"
    assert words.plural(1200, "invoice") == "1,200 invoices"
    assert words.plural(2, "entry", "entries") == "2 entries"


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    rows = [{"class": "UNBILLED", "records": 2}, {"class": "DUP", "records": 1200}]
    assert words.table(rows, indent=0) == [
        "class     records",
        "UNBILLED        2",
        "DUP         1,200",
    ]


def test_an_empty_table_says_so() -> None:
    assert words.table([]) == ["    (none)"]
