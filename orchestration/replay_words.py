"""What a week looks like beside today, and what changed in between, as lines for people."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from orchestration import words

if TYPE_CHECKING:
    from orchestration.replay import Hindsight


def hindsight_lines(seen: Hindsight) -> list[str]:
    """The bridge, the exceptions and the records behind the difference, each as a table."""
    parts = (
        ("Bridge", [_moved(row, row["line_label"]) for row in seen.bridge]),
        (
            "Exceptions",
            [_moved(row, f"{row['mismatch_class']} {named(row)}".strip())
             for row in seen.exceptions],
        ),
        ("Records behind the difference", [changed(row) for row in seen.records]),
    )  # fmt: skip
    return [line for title, rows in parts for line in (title, *words.table(rows, indent=0), "")]


def named(row: dict[str, Any]) -> str:
    """What a row is about, by the name that a person knows."""
    return row["deal_name"] or row["customer_name"] or row["document_number"] or ""


def changed(row: dict[str, Any]) -> dict[str, Any]:
    """A record that is another one than it was, as a row."""
    return {
        "record": row["record_type"],
        "number": row["record_number"] or row["record_id"],
        "what": row["change"],
        "dated": day(row["dated_now"] or row["dated_then"]),
        "then": words.amount(row["amount_then"], row["currency_code"]),
        "now": words.amount(row["amount_now"], row["currency_code"]),
        "difference": words.amount(row["difference"], row["currency_code"]),
    }


def day(one: date | None) -> str:
    """`2026-11-20`, or nothing."""
    return one.isoformat() if one else ""


def _moved(row: dict[str, Any], what: str) -> dict[str, Any]:
    currency = row["currency_code"]
    return {
        "what": what,
        "as known then": words.amount(row["then"], currency),
        "as known today": words.amount(row["today"], currency),
        "difference": words.amount(row["difference"], currency),
    }
